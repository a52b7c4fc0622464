"""The rule on networks it was never meta-trained on: depth up to 11, width up to 10,000, other activations."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from auxin.judging.paired import standard_error
from auxin.paper import UPDATE_RULES
from auxin.recipes import _pictures, _rules
from auxin.recipes._summary import across, by_seed, claim, line
from auxin.studies.recipe import FinishedPiece, PictureData, Piece, PieceResult, Recipe, RecipeOutcome

DEPTHS, WIDTHS = (2, 3, 5, 8, 11), (16, 64, 256, 1024, 10_000)
CELL: tuple[str, ...] = ("part", "depth", "width", "activation")
"""The settings that tell networks apart."""
ACTIVATIONS = ("relu", "leaky_relu", "silu", "tanh", "step")


class MetzFigure5(Recipe):
    """Accuracy before and after the rule on digits: depth (64 wide), width (one hidden layer), activation (64 wide).

    Depth counts weight matrices. The shipped rule was meta-trained on depths 1 and 2, widths 64 and 128, ReLU.
    """

    paper = replace(UPDATE_RULES, place="figure 5, depths, widths and activations")
    title = "The rule on deeper, wider and other networks than it was trained on"
    stand_in = _rules.STAND_IN
    minutes = 30.0
    departures = ("Digits are a development set of the shipped rule.",)

    def pieces(self, smoke: bool) -> list[Piece]:
        """Every network, over seeds."""
        cells = [("depth", d, 64, "relu") for d in DEPTHS] + [("width", 2, w, "relu") for w in WIDTHS]
        cells += [("activation", 2, 64, a) for a in ACTIVATIONS]
        cells = [cells[0], cells[5], cells[-1]] if smoke else cells
        return [
            Piece(
                f"{'-'.join(map(str, cell))}-seed-{s}",
                {**dict(zip(CELL, cell, strict=True)), "seed": s, "smoke": smoke},
            )
            for s in self.seeds(3, smoke)
            for cell in cells
        ]

    def run(self, piece: Piece) -> PieceResult:
        """One network before and after."""
        smoke, width, depth = piece.smoke, piece.number("width"), piece.number("depth")
        own = _rules.bench_for(_rules.data_of("digits", self), piece.seed, smoke or width > 1024, 5)
        rule, activation = _rules.shipped(), str(piece.settings["activation"])
        ends = [
            _rules.accuracy(own, _rules.after(rule, own, (width,) * (depth - 1), steps, activation))
            for steps in (0, 3 if smoke else 100)
        ]
        return PieceResult({"before": ends[0], "after": ends[1]})

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """Before and after, by part."""
        lines, claims = [], []
        shown: dict[str, dict[Any, dict[str, list[float]]]] = {}
        for cell in dict.fromkeys(tuple(d.found.settings[k] for k in CELL) for d in done.values()):
            settings = dict(zip(CELL, cell, strict=True))
            part, depth, width, activation = cell
            both = {end: list(by_seed(done, end, **settings).values()) for end in ("before", "after")}
            where = f"{part}: depth {depth}, width {width}, {activation}"
            lines += [line(f"{where}, {end} the rule", v, "%", factor=100) for end, v in both.items()]
            shown.setdefault(str(part), {})[settings[str(part)]] = both
            text = f"The rule helps on a network of depth {depth}, width {width} and {activation}"
            claims.append(claim(text, "after minus before: ", both["after"], both["before"], 100))
        drawn = [self._picture(part, networks) for part, networks in shown.items()]
        return RecipeOutcome(lines, claims, drawn)

    def _picture(self, part: str, networks: Mapping[Any, Mapping[str, list[float]]]) -> PictureData:
        """Before and after over depths or widths; a row per activation."""
        title, y = f"{self.title}: {part}", "accuracy (%)"
        if part == "activation":
            ends = [(name, end, values[end]) for name, values in networks.items() for end in values]
            rows = [
                (f"{name}, {end} the rule", 100 * float(np.mean(v)), 100 * (standard_error(v) or 0.0))
                for name, end, v in ends
            ]
            return _pictures.bars(part, title, y, rows)
        curves = {
            words: across(values[end] for values in networks.values())
            for words, end in (("random network", "before"), ("learned rule", "after"))
        }
        x = {"depth": "weight matrices", "width": "units of the hidden layer"}[part]
        return _pictures.lines(part, title, x, y, list(networks), curves, log_x=part == "width")
