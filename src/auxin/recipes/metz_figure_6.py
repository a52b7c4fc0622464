"""Two moons and filters: what the rule's embeddings and first-layer weights look like."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from auxin.paper import UPDATE_RULES
from auxin.recipes import _rules
from auxin.recipes._summary import by_seed, claims, line, values_of
from auxin.records.recipe import Picture
from auxin.requests.rule import EvalSettings
from auxin.rules.data import RuleData
from auxin.rules.tasks import moons
from auxin.rules.use import pictures
from auxin.studies.recipe import FinishedPiece, PictureData, Piece, PieceResult, Recipe, RecipeOutcome

ENDS = {"before": 0, "after": 100}


class MetzFigure6(Recipe):
    """Two half circles in the plane: are they separated, and how much of the embedding's variance is in two components?

    The same share on MNIST at 14 x 14 beside it, whose variance the paper sees spread over more; and the first layer's
    weights there.
    """

    paper = replace(UPDATE_RULES, place="figure 6, two moons and filters")
    title = "Two moons, the spread of embeddings, and filters"
    stand_in = _rules.STAND_IN
    needs = ("mnist",)
    minutes = 5.0
    departures = ("Filters after 100 inner steps; the paper shows them after 10,000 smaller ones.",)

    def pieces(self, smoke: bool) -> list[Piece]:
        """Both data sets, over seeds."""
        return [
            Piece(f"{data}-seed-{s}", {"data": data, "seed": s, "smoke": smoke})
            for s in self.seeds(5, smoke)
            for data in ("moons", "mnist")
        ]

    def run(self, piece: Piece) -> PieceResult:
        """Accuracy and spread, before and after."""
        seed, smoke = piece.seed, piece.smoke
        if piece.settings["data"] == "moons":
            x, y = moons(torch.Generator().manual_seed(seed), 600)
            data = RuleData("moons", x[:300], x[300:], y[300:], 2)
        else:
            data = _rules.data_of("mnist", self, 14)
        own, found = _rules.bench_for(data, seed, smoke), {}
        for name, steps in ENDS.items():
            features = _rules.after(_rules.shipped(), own, (64,), min(steps, 3) if smoke else steps)
            found[f"accuracy.{name}"] = _rules.accuracy(own, features)
            share = torch.stack([_rules.spectrum(f)[:2].sum() for f in features(own.inputs(own.tests[0]))])
            found[f"two components.{name}"] = float(share.mean())
        arrays = {}
        if seed == 0:
            evaluation = EvalSettings(hidden=(64,), width=16)
            shown = pictures(_rules.shipped(), data.x[:600], data.y[:600], evaluation)
            arrays = {k: np.asarray(v) for k, v in shown.items()}
        return PieceResult(found, arrays=arrays)

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """The numbers, the embeddings and the filters."""
        lines, drawn, names = [], [], list(values_of(done))
        by = {d: {k: by_seed(done, k, data=d) for k in names} for d in ("moons", "mnist")}
        for data, found in by.items():
            lines += [line(f"{data}: {k.replace('.', ' ')}", list(v.values())) for k, v in found.items() if v]
        a, b = (by["moons"][f"accuracy.{end}"] for end in ("after", "before"))
        words = "accuracy after minus before the rule: "
        judged = claims("The two moons are partly separated by the rule", words, a, b, 100)
        text = "The variance of the moons' embedding is in few components, that of MNIST's in more"
        a, b = (by[d]["two components.after"] for d in ("moons", "mnist"))
        judged += claims(text, "share of the variance in two components, moons minus MNIST: ", a, b, 100)
        for piece in done.values():
            if piece.arrays:
                drawn += _pictures_of(str(piece.found.settings["data"]), piece.arrays)
        return RecipeOutcome(lines, judged, drawn)


def _pictures_of(data: str, arrays: Mapping[str, np.ndarray]) -> list[PictureData]:
    points = {f"points.{end}": arrays[f"embedding_{end}"] for end in ENDS}
    points |= {f"groups.{end}": arrays["y"] for end in ENDS}
    words = {end: f"{end} the rule" for end in ENDS}
    title = f"Embeddings of {data}, two principal components"
    x, y, name = "first component", "second component", f"{data}-embedding"
    picture = Picture(name=name, kind="points", title=title, words=words, x=x, y=y)
    found = [PictureData(picture, points)]
    fields = arrays["fields_after"]
    side = round(fields.shape[1] ** 0.5)
    if side > 2:
        shown = {f"unit {k + 1}": fields[k].reshape(1, side, side) for k in range(min(4, len(fields)))}
        picture = Picture(name=f"{data}-filters", kind="loss_images", title="Weights of four hidden units")
        found.append(PictureData(picture, shown))
    return found
