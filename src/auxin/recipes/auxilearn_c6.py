"""A learning auxiliary network against the same one trained before and then kept fixed."""

from collections.abc import Mapping
from dataclasses import replace

from auxin.paper import AUXILEARN
from auxin.recipes import _small_labels
from auxin.recipes._pictures import bars
from auxin.recipes._summary import claim, line, values_of
from auxin.studies.recipe import FinishedPiece, Piece, PieceResult, Recipe, RecipeOutcome

AUXILIARY = 0.2


class FixedAuxiliary(Recipe):
    """Appendix C.6: train a nonlinear auxiliary network; train again from scratch with it, kept as it ended.

    Beside both stands the network as it began, never trained (`untrained`): the control that the paper does not have.

    Departures: the auxiliary network of the end of training is kept, not that of the best validation epoch (there are
    no validation labels to spare); hypergradient with the factor alpha.
    """

    paper = replace(AUXILEARN, place="appendix C.6")
    title = "A fixed against a learning auxiliary network"
    stand_in = _small_labels.STAND_IN
    needs = ("cifar100",)
    minutes = 8.0
    departures = (
        "The auxiliary network as it ended is kept, not the best by validation; 5 seeds, ten in the paper.",
    )

    def pieces(self, smoke: bool) -> list[Piece]:
        """One per seed."""
        return self.seed_pieces(self.seeds(5, smoke), steps=4 if smoke else 300)

    def run(self, piece: Piece) -> PieceResult:
        """Learning, then fixed, then untrained, on the same rows from the same initial weights."""
        seed, folder = piece.seed, self.data("cifar100")
        flat = _small_labels.settings(piece.number("steps"))
        learning, fixed = (_small_labels.method("monotone", learns=learns) for learns in (True, False))
        built, first = _small_labels.train(folder, seed, AUXILIARY, learning, flat)
        taught = built.state.learner.criterion
        _, second = _small_labels.train(folder, seed, AUXILIARY, fixed, flat, taught)
        _, third = _small_labels.train(folder, seed, AUXILIARY, fixed, flat)
        return PieceResult({"learning": first, "fixed": second, "untrained": third})

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """Accuracies and the drop."""
        values = values_of(done)
        paper = {"learning": 46.7, "fixed": 40.0, "untrained": None}
        lines = [line(f"{k}, accuracy", v, "%", paper[k], factor=100) for k, v in values.items()]
        drop = [100 * (a - b) for a, b in zip(values["learning"], values["fixed"], strict=True)]
        lines.append(line("drop from learning to fixed", drop, "points", 6.7, 1.2))
        judged = claim(
            "A fixed auxiliary network is worse than a learning one",
            "fixed minus learning: ",
            values["fixed"],
            values["learning"],
            100,
            lower=True,
        )
        rows = [(name, row.ours, row.error) for name, row in zip(values, lines, strict=False)]
        picture = bars("accuracy", "Learning, fixed, untrained", "accuracy (%)", rows)
        return RecipeOutcome(lines, [judged], [picture])
