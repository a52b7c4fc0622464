"""Accuracy over the size of the auxiliary set and the depth of the auxiliary network."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from auxin.paper import AUXILEARN
from auxin.recipes import _small_labels
from auxin.recipes._pictures import lines
from auxin.recipes._summary import across, by_seed, line, rank_correlation
from auxin.records.recipe import Claim
from auxin.studies.recipe import FinishedPiece, PictureData, Piece, PieceResult, Recipe, RecipeOutcome

SIZES, DEPTHS = (1, 2, 3, 5), (1, 2, 3, 5)
"""Labels per class in the auxiliary set, out of 10; hidden layers."""
PAIRS = [*((size, 2) for size in SIZES), *((2, depth) for depth in DEPTHS if depth != 2)]


class AuxiLearnFigure7(Recipe):
    """Appendix C.4 and figure 7: the nonlinear auxiliary network, one of the two varied at a time.

    Sizes are varied with 2 hidden layers, depths with 2 labels per class in the auxiliary set.
    """

    paper = replace(AUXILEARN, place="appendix C.4, figure 7")
    title = "Size of the auxiliary set and depth of the auxiliary network"
    stand_in = _small_labels.STAND_IN
    needs = ("cifar100",)
    minutes = 8.0
    departures = ("The paper gives figure 7 without numbers.",)

    def pieces(self, smoke: bool) -> list[Piece]:
        """Per seed: every size, every depth."""
        steps = 4 if smoke else 300
        return [
            Piece(
                f"size-{size}-depth-{depth}-seed-{s}",
                {"size": size, "depth": depth, "seed": s, "steps": steps},
            )
            for s in self.seeds(3, smoke)
            for size, depth in (PAIRS[:1] + PAIRS[-1:] if smoke else PAIRS)
        ]

    def run(self, piece: Piece) -> PieceResult:
        """One training."""
        size, depth, seed, steps = map(piece.number, ("size", "depth", "seed", "steps"))
        flat = _small_labels.settings(steps, **{"combiner.depth": depth})
        how = _small_labels.method("monotone", learns=True)
        share = size / _small_labels.LABELS
        return PieceResult(
            {"accuracy": _small_labels.train(self.data("cifar100"), seed, share, how, flat)[1]}
        )

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """Mean and standard error of every size and depth."""
        by = {pair: list(by_seed(done, "accuracy", size=pair[0], depth=pair[1]).values()) for pair in PAIRS}
        sizes = {size * 20: by[size, 2] for size in SIZES if by[size, 2]}
        depths = {depth: by[2, depth] for depth in DEPTHS if by[2, depth]}
        rows = [line(f"{n} auxiliary rows of 200", v, "%", factor=100) for n, v in sizes.items()]
        rows += [line(f"{n} hidden layer{'s' * (n > 1)}", v, "%", factor=100) for n, v in depths.items()]
        claims, drawn = [], []
        texts = {
            "size": "Removing too many samples from the training set can be damaging",
            "depth": "There is a positive trend with the number of hidden layers",
        }
        for what, found, sign in (("size", sizes, -1), ("depth", depths, 1)):
            if found:
                claims.append(_trend(texts[what], found, sign))
                drawn.append(_picture(what, found))
        return RecipeOutcome(rows, claims, drawn)


def _trend(text: str, found: Mapping[int, list[float]], sign: int) -> Claim:
    x = [n for n, values in found.items() for _ in values]
    y = [value for values in found.values() for value in values]
    if len(found) < 3 or np.ptp(y) == 0:
        return Claim(
            text=text, found=f"{len(found)} of the settings finished; a trend needs three", holds=None
        )
    rho, p = rank_correlation(x, y)
    holds = None if p > 0.05 else bool(rho * sign > 0)
    return Claim(text=text, found=f"rank correlation {rho:+.2f} over {len(y)} runs, p = {p:.2f}", holds=holds)


def _picture(what: str, found: Mapping[int, list[float]]) -> PictureData:
    words = {"size": "rows in the auxiliary set (of 200 labelled)", "depth": "hidden layers"}
    title, accuracy = f"Accuracy over the {what}", across(found.values())
    return lines(what, title, words[what], "accuracy (%)", list(found), {"accuracy": accuracy})
