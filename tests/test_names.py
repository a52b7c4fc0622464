"""Names say what a thing is: nouns for classes, one class per name, no bare participles, pronouns or adverbs."""

RIDDLES = frozenset(
    {
        "About",
        "Ahead",
        "Asked",
        "Bare",
        "Book",
        "Built",
        "Did",
        "Done",
        "Drawn",
        "Fed",
        "Found",
        "Heard",
        "Heated",
        "How",
        "Known",
    }
    | {
        "Left",
        "Listed",
        "Look",
        "Others",
        "Place",
        "Planned",
        "Read",
        "Reading",
        "Reproduced",
        "Said",
        "Scored",
        "Several",
    }
    | {"Show", "Solved", "Stopped", "Through", "Told", "Tried", "Typed", "Wanted", "Words", "Written"}
)
