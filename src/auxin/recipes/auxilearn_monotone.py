"""Monotone against unconstrained auxiliary networks where an auxiliary harms: appendix C.2 on a regression."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from auxin.combiners.monotone import Monotone
from auxin.combiners.nonlinear import Nonlinear
from auxin.paper import AUXILEARN
from auxin.recipes._pictures import lines
from auxin.recipes._regression import SINGLE, RegressionTraining, distance, learn, least_squares, shared_line
from auxin.recipes._summary import claim, curves_of, judged, line, values_of
from auxin.records.recipe import Claim
from auxin.studies.recipe import FinishedPiece, Piece, PieceResult, Recipe, RecipeOutcome

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

    paper = replace(AUXILEARN, place="appendix C.2, beside table 4")
    title = "Monotone and unconstrained auxiliary networks with a harmful auxiliary"
    stand_in = "The regression of section 5.1 in the place of CUB."
    minutes = 3.0
    departures = (
        "The paper gives neither sizes nor noise: 20 training and 20 auxiliary rows, sigma_main 2, sigma_aux 0.5.",
        "Two hidden layers and even initial weights; each network's meta rate is the best of three on other seeds.",
    )

    def pieces(self, smoke: bool) -> list[Piece]:
        """One per seed."""
        return self.seed_pieces(self.seeds(20, smoke, 2), steps=20 if smoke else HOW.steps)

    def run(self, piece: Piece) -> PieceResult:
        """Train with both networks at both rates, from the same weights."""
        train, auxiliary = shared_line(piece.seed)
        values, curves = {"distance, single": distance(least_squares(train, SINGLE))}, {}
        for name, kind in NETWORKS.items():
            for rate in RATES:
                torch.manual_seed(piece.seed)
                network = kind(3, width=10, depth=2).double()
                how = replace(HOW, steps=piece.number("steps"), meta_rate=rate)
                path = learn(train, auxiliary, how, combiner=network)
                weights = torch.stack(path.weights)
                values[f"distance, {name}, rate {rate}"] = distance(path.w[-1])
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
        curves = curves_of(done, NETWORKS)
        steps = np.arange(curves["monotonic"].shape[1]) * HOW.every
        picture = lines("weights", "Weight of the harmful task", "step", "weight, dL/dl", steps, curves)
        return RecipeOutcome([line(name, own) for name, own in values.items()], claims, [picture])


def _better(values: Mapping[str, list[float]], rates: Mapping[str, float]) -> Claim:
    """Whether the monotone network ends nearer to w*, each network at its own rate."""
    clipped, free = (values[f"distance, {name}, rate {rate}"] for name, rate in rates.items())
    where = " and ".join(f"{name} at {rate}" for name, rate in rates.items())
    text = "Monotonic networks perform better than non-monotonic ones"
    return claim(text, f"distance to w*, {where}, their difference: ", clipped, free, lower=True)
