"""Monotone against unconstrained auxiliary networks where an auxiliary harms: appendix C.2 on a regression."""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np
import torch

from auxin.combiners.monotone import Monotone
from auxin.combiners.nonlinear import Nonlinear
from auxin.paper import AUXILEARN, Paper
from auxin.recipes._regression import HARMFUL, RegressionTraining, learn, least_squares, shared_line
from auxin.recipes._summary import below, difference, judged, line, values_of
from auxin.records.recipe import Claim, Picture
from auxin.studies.recipe import FinishedPiece, PictureData, Piece, PieceResult, Recipe, RecipeOutcome

HOW = RegressionTraining(steps=1000, rate=0.01, every=10)
RATES = (0.01, 0.03)
NETWORKS = {"monotonic": Monotone, "non-monotonic": Nonlinear}
CHOSEN = {"monotonic": 0.03, "non-monotonic": 0.01}
"""The meta rate of the least mean distance to w* on seeds 100 to 104, of 0.003, 0.01 and 0.03."""


class AuxiLearnMonotone(Recipe):
    """The regression of section 5.1, with one helpful and one harmful auxiliary and one linear model for all tasks.

    On table 4's stand-in no weight turns negative, so that the constraint never acts. Here the hypergradient drives
    the harmful task's weight below zero where it may. Both networks begin equal, near equal weights.
    """

    paper: ClassVar[Paper] = replace(AUXILEARN, place="appendix C.2, beside table 4")
    title: ClassVar[str] = "Monotone and unconstrained auxiliary networks with a harmful auxiliary"
    stand_in: ClassVar[str] = "The regression of section 5.1 in the place of CUB."
    minutes: ClassVar[float] = 3.0
    departures: ClassVar[tuple[str, ...]] = (
        "The paper gives neither sizes nor noise: 20 training and 20 auxiliary rows, sigma_main 2, sigma_aux 0.5.",
        "Two hidden layers and even initial weights; each network's meta rate is the best of three on other seeds.",
    )

    def pieces(self, smoke: bool) -> list[Piece]:
        """One per seed."""
        return self.seed_pieces(self.seeds(20, smoke, 2), steps=20 if smoke else HOW.steps)

    def run(self, piece: Piece) -> PieceResult:
        """Train with both networks at both rates, from the same weights."""
        seed, steps = int(piece.settings["seed"] or 0), int(piece.settings["steps"] or 0)
        train, auxiliary = shared_line(seed)
        single = least_squares(train, torch.tensor([1.0, 0.0, 0.0]))
        values, curves = {"distance, single": float((single - HARMFUL[0]).norm())}, {}
        for name, kind in NETWORKS.items():
            for rate in RATES:
                torch.manual_seed(seed)
                network = kind(3, width=10, depth=2).double()
                path = learn(train, auxiliary, replace(HOW, steps=steps, meta_rate=rate), combiner=network)
                weights = torch.stack(path.weights)
                values[f"distance, {name}, rate {rate}"] = float((path.w[-1] - HARMFUL[0]).norm())
                values[f"least weight, {name}, rate {rate}"] = float(weights[:, 1:].min())
                if rate == CHOSEN[name]:
                    curves[name] = weights[:, 2].tolist()
        return PieceResult(values, curves)

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """Distances and least weights over seeds, and the paper's two sentences."""
        values = values_of(done)
        least = values[f"least weight, non-monotonic, rate {CHOSEN['non-monotonic']}"]
        negative = sum(weight < 0 for weight in least)
        claims = [
            Claim(
                text="Non-monotonic networks can reverse the gradient of a task by negating its weight",
                found=f"an auxiliary's weight becomes negative in {negative} of {len(least)} seeds",
                holds=judged(negative > len(least) / 2, len(least)),
            ),
            *(
                _better(values, rates)
                for rates in (CHOSEN, *(dict.fromkeys(NETWORKS, rate) for rate in RATES))
            ),
        ]
        steps = min(len(c) for d in done.values() for c in d.found.curves.values())
        arrays = {"x": np.arange(steps) * HOW.every}
        arrays |= {n: np.array([d.found.curves[n][:steps] for d in done.values()]) for n in NETWORKS}
        picture = Picture(
            name="weights", kind="lines", title="Weight of the harmful task", x="step", y="weight, dL/dl"
        )
        lines = [line(name, own) for name, own in values.items()]
        return RecipeOutcome(lines, claims, [PictureData(picture, arrays)])


def _better(values: Mapping[str, list[float]], rates: Mapping[str, float]) -> Claim:
    """Whether the monotone network ends nearer to w*, each network at its own rate."""
    clipped, free = (values[f"distance, {name}, rate {rate}"] for name, rate in rates.items())
    where = " and ".join(f"{name} at {rate}" for name, rate in rates.items())
    return Claim(
        text="Monotonic networks perform better than non-monotonic ones",
        found=f"distance to w*, {where}, their difference: " + difference(clipped, free),
        holds=below(clipped, free),
    )
