"""Weights trained on the training set itself: they collapse to single-task learning."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from auxin.paper import AUXILEARN
from auxin.recipes._regression import (
    NAMES,
    SINGLE,
    RegressionTraining,
    distance,
    learn,
    least_squares,
    shared_line,
    weight_lines,
)
from auxin.recipes._summary import claim, curves_of, judged, line, values_of
from auxin.records.recipe import Claim
from auxin.studies.recipe import FinishedPiece, Piece, PieceResult, Recipe, RecipeOutcome

HOW = RegressionTraining(steps=400, rate=0.05, every=10, meta_rate=2.0, form="convex", terms=10)


class AuxiLearnFigure5(Recipe):
    """Appendix C.1 and figure 5: section 5.1 again, phi trained on the training rows instead of an auxiliary set.

    The combined loss then has nothing to gain from an auxiliary, and training reduces to the main task alone.

    Departures: as for `auxilearn_figure_2`; meta learning rate 2 and 10 Neumann terms, so that 400 steps suffice.
    """

    paper = replace(AUXILEARN, place="appendix C.1, figure 5")
    title = "Meta training on the training set collapses to single-task learning"
    minutes = 1.0
    departures = (
        "Sizes and noise as in auxilearn_figure_2; meta learning rate 2 and 10 Neumann terms, so that 400 steps do.",
    )

    def pieces(self, smoke: bool) -> list[Piece]:
        """One per seed."""
        return self.seed_pieces(self.seeds(20, smoke, 2), steps=60 if smoke else HOW.steps)

    def run(self, piece: Piece) -> PieceResult:
        """Train with phi on the training rows, and with phi on an auxiliary set."""
        how = replace(HOW, steps=piece.number("steps"))
        train, auxiliary = shared_line(piece.seed)
        same, held_out = learn(train, train, how), learn(train, auxiliary, how)
        single = least_squares(train, SINGLE)
        values = {f"weight.{n}": float(w) for n, w in zip(NAMES, same.weights[-1], strict=True)}
        values |= {
            "to single": float((same.w[-1] - single).norm()),
            "distance.same": distance(same.w[-1]),
            "distance.held out": distance(held_out.w[-1]),
        }
        return PieceResult(values, {n: [float(w[k]) for w in same.weights] for k, n in enumerate(NAMES)})

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """Weights over seeds; how near W comes to single-task training's."""
        values = values_of(done)
        lines = [line(f"weight of {n}, at the end", values[f"weight.{n}"]) for n in NAMES]
        lines += [
            line("distance to single-task training's W", values["to single"]),
            line("distance to w*, phi on the training set", values["distance.same"]),
            line("distance to w*, phi on an auxiliary set", values["distance.held out"]),
        ]
        least = min(values["weight.main"])
        claims = [
            Claim(
                text="Optimising task weights on the training set reduces to single-task learning",
                found=f"the main task's weight ends at {np.mean(values['weight.main']):.2f} of 3 on average "
                f"({least:.2f} at least); "
                f"W is {max(values['to single']):.3f} from single-task training's at most",
                holds=judged(
                    float(np.mean(values["weight.main"])) > 2.85 and max(values["to single"]) < 0.05,
                    len(done),
                ),
            ),
            claim(
                "Optimising task weights on the training set badly hurts generalisation",
                "distance to w*, auxiliary set minus training set: ",
                values["distance.held out"],
                values["distance.same"],
                lower=True,
            ),
        ]
        picture = weight_lines(curves_of(done, NAMES), "Task weights, phi trained on the training set", HOW)
        return RecipeOutcome(lines, claims, [picture])
