"""The rule on networks it was never meta-trained on: depth up to 11, width up to 10,000, other activations."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from auxin.judging.paired import standard_error
from auxin.paper import UPDATE_RULES, Paper
from auxin.recipes import _rules
from auxin.recipes._summary import below, difference, line
from auxin.records.recipe import Claim, Picture
from auxin.studies.recipe import FinishedPiece, PictureData, Piece, PieceResult, Recipe, RecipeOutcome

DEPTHS, WIDTHS = (2, 3, 5, 8, 11), (16, 64, 256, 1024, 10_000)
ACTIVATIONS = ("relu", "leaky_relu", "silu", "tanh", "step")


class MetzFigure5(Recipe):
    """Accuracy before and after the rule on digits: depth (64 wide), width (one hidden layer), activation (64 wide).

    Depth counts weight matrices. The shipped rule was meta-trained on depths 1 and 2, widths 64 and 128, ReLU.
    """

    paper: ClassVar[Paper] = replace(UPDATE_RULES, place="figure 5, depths, widths and activations")
    title: ClassVar[str] = "The rule on deeper, wider and other networks than it was trained on"
    stand_in: ClassVar[str] = _rules.STAND_IN
    minutes: ClassVar[float] = 30.0
    departures: ClassVar[tuple[str, ...]] = ("Digits are a development set of the shipped rule.",)

    def pieces(self, smoke: bool) -> list[Piece]:
        """Every network, over seeds."""
        cells = [("depth", d, 64, "relu") for d in DEPTHS] + [("width", 2, w, "relu") for w in WIDTHS]
        cells += [("activation", 2, 64, a) for a in ACTIVATIONS]
        cells = [cells[0], cells[5], cells[-1]] if smoke else cells
        return [
            Piece(f"{part}-{depth}-{width}-{activation}-seed-{s}", settings)
            for s in self.seeds(3, smoke)
            for part, depth, width, activation in cells
            for settings in (
                {
                    "part": part,
                    "depth": depth,
                    "width": width,
                    "activation": activation,
                    "seed": s,
                    "smoke": smoke,
                },
            )
        ]

    def run(self, piece: Piece) -> PieceResult:
        """One network before and after."""
        settings, smoke = piece.settings, bool(piece.settings["smoke"])
        width, depth = int(settings["width"] or 0), int(settings["depth"] or 0)
        own = _rules.bench_for(
            _rules.data_of("digits", self), int(settings["seed"] or 0), smoke or width > 1024, 5
        )
        hidden = (width,) * (depth - 1)
        rule, activation = _rules.shipped(), str(settings["activation"])
        ends = [
            _rules.accuracy(own, _rules.after(rule, own, hidden, steps, activation))
            for steps in (0, 3 if smoke else 100)
        ]
        return PieceResult({"before": ends[0], "after": ends[1]})

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """Before and after, by part."""
        lines, claims = [], []
        shown: dict[str, dict[Any, dict[str, list[float]]]] = {}
        cells = dict.fromkeys(
            (
                d.found.settings["part"],
                d.found.settings["depth"],
                d.found.settings["width"],
                d.found.settings["activation"],
            )
            for d in done.values()
        )
        for part, depth, width, activation in cells:
            settings = {"part": part, "depth": depth, "width": width, "activation": activation}
            both = {end: list(_rules.values(done, end, **settings).values()) for end in ("before", "after")}
            where = f"{part}: depth {depth}, width {width}, {activation}"
            lines += [line(f"{where}, {end} the rule", v, "%", factor=100) for end, v in both.items()]
            shown.setdefault(str(part), {})[
                depth if part == "depth" else width if part == "width" else activation
            ] = both
            text = f"The rule helps on a network of depth {depth}, width {width} and {activation}"
            holds = below(both["before"], both["after"])
            gap = difference(both["after"], both["before"], 100)
            claims.append(Claim(text=text, found=f"after minus before: {gap}", holds=holds))
        drawn = [self._picture(part, networks) for part, networks in shown.items()]
        return RecipeOutcome(lines, claims, drawn)

    def _picture(self, part: str, networks: Mapping[Any, Mapping[str, list[float]]]) -> PictureData:
        """Before and after over depths or widths; a row per activation."""
        title, y = f"{self.title}: {part}", "accuracy (%)"
        if part == "activation":
            ends = [(name, end, values[end]) for name, values in networks.items() for end in values]
            arrays = {
                "names": np.array([f"{name}, {end} the rule" for name, end, _ in ends]),
                "ours": np.array([100 * np.mean(values) for _, _, values in ends]),
                "error": np.array([100 * (standard_error(values) or 0.0) for _, _, values in ends]),
            }
            return PictureData(Picture(name=part, kind="bars", title=title, y=y), arrays)
        least = min(len(values["after"]) for values in networks.values())
        lines = {
            words: 100 * np.array([values[end][:least] for values in networks.values()]).T
            for words, end in (("random network", "before"), ("learned rule", "after"))
        }
        x = {"depth": "weight matrices", "width": "units of the hidden layer"}[part]
        return PictureData(
            Picture(name=part, kind="lines", title=title, x=x, y=y, log_x=part == "width"),
            {"x": np.array(list(networks)), **lines},
        )
