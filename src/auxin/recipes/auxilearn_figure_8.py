"""Linear weights over a polynomial kernel of the losses: which terms count, and when."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from auxin.api.auxiliary import Auxiliary
from auxin.combiners.polynomial import Polynomial
from auxin.paper import AUXILEARN
from auxin.recipes import _camvid
from auxin.recipes._pictures import lines
from auxin.recipes._summary import curves_of, judged, line, values_of
from auxin.records.recipe import Claim
from auxin.studies.recipe import FinishedPiece, Piece, PieceResult, Recipe, RecipeOutcome

EVERY = 5


class AuxiLearnFigure8(Recipe):
    """Appendix C.5 and figure 8: the scheduling effect.

    The paper's two sentences: of the three largest weights at the end two belong to non-linear terms; and the
    auxiliary network looks at the auxiliaries first and at the main task afterwards. The second is read as the main
    task's share of dL_T/dl_k, summed over tasks, at the start and at the end.
    """

    paper = replace(AUXILEARN, place="appendix C.5, figure 8")
    title = "A polynomial kernel of the losses: the scheduling effect"
    stand_in = _camvid.STAND_IN
    needs = ("camvid",)
    minutes = 6.0
    departures = (
        "The weights begin as equal weighting (1 for each auxiliary, 0 for every other term); the hypergradient is the "
        "look-ahead's.",
    )

    def pieces(self, smoke: bool) -> list[Piece]:
        """One per seed."""
        return self.seed_pieces(self.seeds(3, smoke), steps=10 if smoke else 300)

    def run(self, piece: Piece) -> PieceResult:
        """Train once; every term's weight and every task's share after each meta step."""
        weights: list[list[float]] = []
        shares: list[list[float]] = []

        def look(aux: Auxiliary) -> None:
            assert isinstance(aux.combiner, Polynomial)
            weights.append(aux.combiner.term_weights().tolist())
            shares.append(list(aux.weights().values()) if len(weights) > 1 else [float("nan")] * 3)

        folder, steps = self.data("camvid"), piece.number("steps")
        found = _camvid.train(folder, "polynomial", piece.seed, steps, EVERY, look)
        assert isinstance(found.aux.combiner, Polynomial)
        terms = found.aux.combiner.terms(_camvid.NAMES)
        curves = {f"term {t}": [w[k] for w in weights] for k, t in enumerate(terms)}
        curves |= {f"task {t}": [s[k] for s in shares[1:]] for k, t in enumerate(_camvid.NAMES)}
        return PieceResult({"miou": found.miou}, curves)

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """The weights at the end, and the main task's share at the start and at the end."""
        first = next(iter(done.values())).found.curves
        terms = [name.removeprefix("term ") for name in first if name.startswith("term ")]
        weights, tasks = (
            {
                name.removeprefix(f"{kind} "): c
                for name, c in curves_of(done, [f"{kind} {n}" for n in names]).items()
            }
            for kind, names in (("term", terms), ("task", _camvid.NAMES))
        )
        share = tasks["segmentation"] / sum(tasks.values())
        fifth = max(1, share.shape[1] // 5)
        early, late = share[:, :fifth].mean(1), share[:, -fifth:].mean(1)
        largest = sorted(terms, key=lambda t: -weights[t][:, -1].mean())[:3]
        product = sum("*" in t for t in largest)
        claims = [
            Claim(
                text="Two of the three largest weights at the end belong to non-linear terms",
                found=f"the largest are {', '.join(largest)}: {product} of 3",
                holds=judged(product >= 2, len(done)),
            ),
            Claim(
                text="At the start the auxiliary network focuses on the auxiliaries, afterwards on the main task",
                found=f"the main task's share of dL_T/dl goes from {early.mean():.2f} (first fifth of training) to "
                f"{late.mean():.2f} (last fifth); it grows in {int((late > early).sum())} of {len(late)} seeds",
                holds=judged((late > early).all(), len(done)),
            ),
        ]
        rows = [line(f"weight of {t}, at the end", weights[t][:, -1].tolist()) for t in terms]
        rows.append(line("main task's share, first fifth", early.tolist()))
        rows.append(line("main task's share, last fifth", late.tolist()))
        rows.append(line("mIoU on the validation images", values_of(done)["miou"], "%", factor=100))
        steps = np.arange(weights[terms[0]].shape[1]) * EVERY
        short = {t: t.replace("segmentation", "seg").replace("*", "·") for t in terms}
        parts = {n: values / sum(tasks.values()) for n, values in tasks.items()}
        title, y = "Task weights dL_T/dl_k over training", "share of all tasks' weights"
        drawn = [
            lines("terms", "Learned weight of every term", "step", "weight", steps, weights, words=short),
            lines("shares", title, "step", y, steps[1:], parts, words={n: n for n in tasks}),
        ]
        return RecipeOutcome(rows, claims, drawn)
