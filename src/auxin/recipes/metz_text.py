"""IMDB reviews as bags of a thousand words: a rule meta-trained on images, on text."""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from auxin.paper import UPDATE_RULES, Paper
from auxin.recipes import _rules
from auxin.recipes._summary import below, difference, line
from auxin.records.recipe import Claim
from auxin.studies.recipe import FinishedPiece, Piece, PieceResult, Recipe, RecipeOutcome

PARTS = {"learned rule": 100, "random network": 0, "untrained rule": 100, "raw words": -1}


class MetzText(Recipe):
    """Two classes, ten labels each, ten networks per seed; features read by ridge regression."""

    paper: ClassVar[Paper] = replace(UPDATE_RULES, place="the text experiment (IMDB)")
    title: ClassVar[str] = "A rule meta-trained on images, on text"
    stand_in: ClassVar[str] = _rules.STAND_IN + " 2,000 training reviews instead of 25,000."
    needs: ClassVar[tuple[str, ...]] = ("imdb",)
    minutes: ClassVar[float] = 15.0
    departures: ClassVar[tuple[str, ...]] = (
        "Raw words are beside the paper's rivals: it has none of that kind.",
    )

    def pieces(self, smoke: bool) -> list[Piece]:
        """Every part, over seeds."""
        return [
            Piece(f"{part.replace(' ', '-')}-seed-{s}", {"part": part, "seed": s, "smoke": smoke})
            for s in self.seeds(3, smoke)
            for part in PARTS
        ]

    def run(self, piece: Piece) -> PieceResult:
        """One part."""
        settings, smoke = piece.settings, bool(piece.settings["smoke"])
        own = _rules.bench_for(_rules.data_of("imdb", self), int(settings["seed"] or 0), smoke)
        part = str(settings["part"])
        if PARTS[part] < 0:
            return PieceResult({"accuracy": _rules.accuracy(own, lambda x: x)})
        rule = _rules.untrained() if part == "untrained rule" else _rules.shipped()
        steps = min(PARTS[part], 3) if smoke else PARTS[part]
        return PieceResult({"accuracy": _rules.accuracy(own, _rules.after(rule, own, (64,), steps))})

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """Accuracies, and the paper's sentence."""
        found = {part: _rules.values(done, "accuracy", part=part) for part in PARTS}
        lines = [line(part, list(v.values()), "%", factor=100) for part, v in found.items() if v]
        claims = []
        seeds = sorted(found["learned rule"].keys() & found["random network"].keys())
        if seeds:
            a, b = ([found[p][s] for s in seeds] for p in ("learned rule", "random network"))
            text = "After 30 hours of meta-training the rule beats a random network by almost 10 points"
            holds = below(b, a)
            claims.append(Claim(text=text, found=f"the difference is {difference(a, b, 100)}", holds=holds))
        return RecipeOutcome(lines, claims)
