"""A learning auxiliary network against the same one trained before and then kept fixed."""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np

from auxin.paper import AUXILEARN, Paper
from auxin.recipes import _small_labels
from auxin.recipes._summary import below, difference, line
from auxin.records.recipe import Claim, Picture
from auxin.studies.recipe import FinishedPiece, PictureData, Piece, PieceResult, Recipe, RecipeOutcome

AUXILIARY = 0.2


class FixedAuxiliary(Recipe):
    """Appendix C.6: train a nonlinear auxiliary network; train again from scratch with it, kept as it ended.

    Beside both stands the network as it began, never trained (`untrained`): the control that the paper does not have.

    Departures: the auxiliary network of the end of training is kept, not that of the best validation epoch (there are
    no validation labels to spare); hypergradient with the factor alpha.
    """

    paper: ClassVar[Paper] = replace(AUXILEARN, place="appendix C.6")
    title: ClassVar[str] = "A fixed against a learning auxiliary network"
    stand_in: ClassVar[str] = _small_labels.STAND_IN
    needs: ClassVar[tuple[str, ...]] = ("cifar100",)
    minutes: ClassVar[float] = 8.0
    departures: ClassVar[tuple[str, ...]] = (
        "The auxiliary network as it ended is kept, not the best by validation; 5 seeds, ten in the paper.",
    )

    def pieces(self, smoke: bool) -> list[Piece]:
        """One per seed."""
        return self.seed_pieces(self.seeds(5, smoke), steps=4 if smoke else 300)

    def run(self, piece: Piece) -> PieceResult:
        """Learning, then fixed, then untrained, on the same rows from the same initial weights."""
        seed, folder = int(piece.settings["seed"] or 0), self.data("cifar100")
        flat = _small_labels.settings(int(piece.settings["steps"] or 0))
        learning, fixed = (_small_labels.method("monotone", learns=learns) for learns in (True, False))
        built, first = _small_labels.train(folder, seed, AUXILIARY, learning, flat)
        taught = built.state.learner.criterion
        _, second = _small_labels.train(folder, seed, AUXILIARY, fixed, flat, taught)
        _, third = _small_labels.train(folder, seed, AUXILIARY, fixed, flat)
        return PieceResult({"learning": first, "fixed": second, "untrained": third})

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """Accuracies and the drop."""
        values = {k: [d.found.values[k] for d in done.values()] for k in ("learning", "fixed", "untrained")}
        paper = {"learning": 46.7, "fixed": 40.0, "untrained": None}
        lines = [line(f"{k}, accuracy", v, "%", paper[k], factor=100) for k, v in values.items()]
        drop = [100 * (a - b) for a, b in zip(values["learning"], values["fixed"], strict=True)]
        lines.append(line("drop from learning to fixed", drop, "points", 6.7, 1.2))
        claim = Claim(
            text="A fixed auxiliary network is worse than a learning one",
            found="fixed minus learning: " + difference(values["fixed"], values["learning"], 100),
            holds=below(values["fixed"], values["learning"]),
        )
        picture = Picture(
            name="accuracy",
            kind="bars",
            title="Learning, fixed, untrained",
            y="accuracy (%)",
        )
        ours = np.array([entry.ours for entry in lines[:3]])
        error = np.array([entry.error or 0.0 for entry in lines[:3]])
        return RecipeOutcome(
            lines,
            [claim],
            [PictureData(picture, {"names": np.array(list(values)), "ours": ours, "error": error})],
        )
