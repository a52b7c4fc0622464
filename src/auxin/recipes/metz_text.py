"""IMDB reviews as bags of a thousand words: a rule meta-trained on images, on text."""

from collections.abc import Mapping
from dataclasses import replace

from auxin.paper import UPDATE_RULES
from auxin.recipes import _rules
from auxin.recipes._summary import by_seed, claims, line
from auxin.studies.recipe import FinishedPiece, Piece, PieceResult, Recipe, RecipeOutcome

PARTS = {"learned rule": 100, "random network": 0, "untrained rule": 100, "raw words": -1}


class MetzText(Recipe):
    """Two classes, ten labels each, ten networks per seed; features read by ridge regression."""

    paper = replace(UPDATE_RULES, place="the text experiment (IMDB)")
    title = "A rule meta-trained on images, on text"
    stand_in = _rules.STAND_IN + " 2,000 training reviews instead of 25,000."
    needs = ("imdb",)
    minutes = 15.0
    departures = ("Raw words are beside the paper's rivals: it has none of that kind.",)

    def pieces(self, smoke: bool) -> list[Piece]:
        """Every part, over seeds."""
        return [
            Piece(f"{part.replace(' ', '-')}-seed-{s}", {"part": part, "seed": s, "smoke": smoke})
            for s in self.seeds(3, smoke)
            for part in PARTS
        ]

    def run(self, piece: Piece) -> PieceResult:
        """One part."""
        part, smoke = str(piece.settings["part"]), piece.smoke
        own = _rules.bench_for(_rules.data_of("imdb", self), piece.seed, smoke)
        if PARTS[part] < 0:
            return PieceResult({"accuracy": _rules.accuracy(own, lambda x: x)})
        rule = _rules.untrained() if part == "untrained rule" else _rules.shipped()
        steps = min(PARTS[part], 3) if smoke else PARTS[part]
        return PieceResult({"accuracy": _rules.accuracy(own, _rules.after(rule, own, (64,), steps))})

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """Accuracies, and the paper's sentence."""
        found = {part: by_seed(done, "accuracy", part=part) for part in PARTS}
        lines = [line(part, list(v.values()), "%", factor=100) for part, v in found.items() if v]
        text = "After 30 hours of meta-training the rule beats a random network by almost 10 points"
        a, b = found["learned rule"], found["random network"]
        return RecipeOutcome(lines, claims(text, "the difference is ", a, b, 100))
