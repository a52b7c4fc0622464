"""A helpful and a harmful auxiliary: the learned weights drop the harmful one, and W moves toward w*."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from auxin.analysis.landscape import landscape
from auxin.paper import AUXILEARN
from auxin.recipes._regression import (
    HARMFUL,
    NAMES,
    SINGLE,
    RegressionTraining,
    Rows,
    distance,
    learn,
    least_squares,
    shared_line,
    weight_lines,
)
from auxin.recipes._summary import claim, curves_of, judged, line, values_of
from auxin.records.recipe import Claim, Picture
from auxin.studies.recipe import FinishedPiece, PictureData, Piece, PieceResult, Recipe, RecipeOutcome

HOW = RegressionTraining(steps=400, rate=0.05, every=10, meta_rate=1.0, form="convex")
RANGE = ((-0.5, 2.5), (-4.5, 2.5))
"""The range of each coordinate of W in the landscapes."""


class AuxiLearnFigure2(Recipe):
    """Section 5.1 and figure 2.

    y_main = w* x + e_0, y_1 = w* x + e_1 (helpful), y_2 = w~ x + e_2 (harmful), w* = (1, 1), w~ = (2, -4); one
    linear model for all three, its losses combined by a convex combination whose weights the hypergradient trains
    on an auxiliary set.

    Departures: the paper gives neither sizes nor noise; here 20 training rows, 20 auxiliary rows, sigma_main = 2 and
    sigma_aux = 0.5. The hypergradient is Neumann's with the factor alpha.
    """

    paper = replace(AUXILEARN, place="section 5.1, figure 2")
    title = "A helpful and a harmful auxiliary"
    minutes = 0.5
    departures = (
        "The paper gives neither sizes nor noise: 20 training and 20 auxiliary rows, sigma_main 2, sigma_aux 0.5.",
        "The Neumann series has the factor alpha that the authors' code leaves out.",
    )

    def pieces(self, smoke: bool) -> list[Piece]:
        """One per seed."""
        return self.seed_pieces(self.seeds(20, smoke, 2), steps=60 if smoke else HOW.steps)

    def run(self, piece: Piece) -> PieceResult:
        """Train once; the distances to w* of the trained W and of single-task training's."""
        train, auxiliary = shared_line(piece.seed)
        path = learn(train, auxiliary, replace(HOW, steps=piece.number("steps")))
        single = least_squares(train, SINGLE)
        equal = least_squares(train, torch.ones(3))
        values = {f"weight.{n}": float(w) for n, w in zip(NAMES, path.weights[-1], strict=True)}
        values |= {
            "distance.learned": distance(path.w[-1]),
            "distance.single": distance(single),
            "distance.equal": distance(equal),
        }
        curves = {f"weight.{n}": [float(w[k]) for w in path.weights] for k, n in enumerate(NAMES)}
        arrays = _landscapes(train, path.weights[-1]) if piece.seed == 0 else {}
        return PieceResult(
            values, curves, arrays | {"w": torch.stack(path.w).numpy(), "single": single.numpy()}
        )

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """Weights and distances over seeds, and the two sentences of the paper."""
        values = values_of(done)
        lines = [line(f"weight of {n}, at the end", values[f"weight.{n}"]) for n in NAMES]
        lines += [
            line(f"distance to w*, {k}", values[f"distance.{k}"]) for k in ("single", "equal", "learned")
        ]
        largest = max(values["weight.harmful"])
        claims = [
            Claim(
                text="AuxiLearn learns to ignore the harmful auxiliary",
                found=f"its weight ends at {largest:.1e} at most, of a total of 3",
                holds=judged(largest < 0.03, len(done)),
            ),
            claim(
                "AuxiLearn uses the helpful auxiliary to find a better solution",
                "distance to w*, learned minus single: ",
                values["distance.learned"],
                values["distance.single"],
                lower=True,
            ),
        ]
        return RecipeOutcome(lines, claims, _pictures(done))


def _landscapes(train: Rows, last: Tensor) -> dict[str, np.ndarray]:
    """The main loss, the combined loss at the start, the combined loss at the end, over W."""

    def loss(weights: Tensor) -> np.ndarray:
        x, y = train
        return landscape(
            lambda w: ((x @ w.to(x.dtype)).unsqueeze(1) - y).square().mean(0) @ weights, *RANGE, points=61
        )

    grids = {"main": loss(SINGLE.to(last)), "start": loss(torch.ones(3).to(last))}
    return {f"loss.{k}": v for k, v in (grids | {"end": loss(last)}).items()}


def _pictures(done: Mapping[str, FinishedPiece]) -> list[PictureData]:
    first = next(iter(done.values()))
    curves = curves_of(done, [f"weight.{n}" for n in NAMES])
    named = {name.removeprefix("weight."): curve for name, curve in curves.items()}
    drawn = [weight_lines(named, "Task weights dL_T/dl_j over training", HOW)]
    if "loss.main" in first.arrays:
        picture = Picture(
            name="landscape",
            kind="landscape",
            title="Loss landscape of the combined loss (darker is higher)",
            x="w₁",
            y="w₂",
            words={"loss.main": "main task", "loss.start": "combined, t = 0", "loss.end": "combined, t = T"},
        )
        extent = np.array([*RANGE[0], *RANGE[1]])
        marks = {"point.w*": HARMFUL[0].numpy(), "point.w train": first.arrays["single"]}
        grids = {k: v for k, v in first.arrays.items() if k.startswith("loss.")}
        drawn.append(PictureData(picture, {**grids, **marks, "path": first.arrays["w"], "extent": extent}))
    return drawn
