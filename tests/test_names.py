"""Names say what a thing is: nouns for classes, one class per name, no bare participles, pronouns or adverbs."""

import ast
from collections import Counter
from functools import cache
from pathlib import Path

import auxin
from parsed import parsed

_RIDDLES = """
    About Ahead Asked Bare Book Built Did Done Drawn Fed Found Heard Heated How Known Left Listed
    Look Others Place Planned Read Reading Reproduced Said Scored Several Show Solved Stopped
    Through Told Tried Typed Wanted Words Written
"""
RIDDLES = frozenset(_RIDDLES.split())
_VERBS = "about ahead ask asked asks did done drawn heard how said say speaks tell told"
VERBS = frozenset(_VERBS.split())
"""Parts of names of functions, arguments and attributes that do not say what the thing returns or holds."""
KEPT = frozenset(
    {
        ("exported/card.py", "asked"),  # a field of saved model cards
        ("requests/probe.py", "how"),  # a field of the manifests of probes
        ("*", "done"),  # the finished units of a study
        ("*", "ahead"),  # what was computed at the look-ahead point, an argument of `training_gradient`
    }
)
SOURCE = Path(auxin.__file__).parent


@cache
def definitions() -> list[tuple[str, str, str]]:
    """File, kind and name of every class, function, argument and declared attribute."""
    found = []
    for file in sorted(SOURCE.rglob("*.py")):
        name = file.relative_to(SOURCE).as_posix()
        for node in parsed(file.read_text(encoding="utf-8")):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.append((name, "function", node.name))
                found += [(name, "argument", one.arg) for one in (*node.args.args, *node.args.kwonlyargs)]
            if isinstance(node, ast.ClassDef):
                found.append((name, "class", node.name))
                inner = [n.target for n in node.body if isinstance(n, ast.AnnAssign)]
                found += [(name, "attribute", t.id) for t in inner if isinstance(t, ast.Name)]
    return found


def riddles(names: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Those whose name is, or has as a part, a word that says nothing."""
    return [
        (file, kind, name)
        for file, kind, name in names
        if name.lstrip("_") in RIDDLES
        or (kind != "class" and {(file, name), ("*", name)}.isdisjoint(KEPT) and VERBS & set(name.split("_")))
    ]


def test_no_name_is_a_riddle() -> None:
    assert riddles(definitions()) == []


def test_one_class_per_name() -> None:
    classes = Counter(name for _, kind, name in definitions() if kind == "class")
    members = {"_Base"}
    assert {name: count for name, count in classes.items() if count > 1 and name not in members} == {}


def test_a_riddle_is_found() -> None:
    names = [("a.py", "function", "_kinds_said"), ("a.py", "class", "_Told"), ("a.py", "attribute", "width")]
    assert riddles(names) == names[:2]
