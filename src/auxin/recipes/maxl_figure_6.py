"""Images with the highest probability of a learned auxiliary class, and whether two runs learn the same labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from auxin.analysis.label_collapse import agreement
from auxin.math.masked_softmax import one_hot_or_nan
from auxin.methods.base import Setting
from auxin.paper import MAXL
from auxin.recipes._labels import FULL, SMALL, SMALL_SHARE, TrainedLabeler, entropy, own_labels, prepare
from auxin.recipes._pictures import plain
from auxin.recipes._summary import judged, line
from auxin.records.recipe import Claim, Picture, RecipeRow
from auxin.studies.recipe import FinishedPiece, PictureData, Piece, PieceResult, Recipe, RecipeOutcome


@dataclass(frozen=True)
class Variant:
    """A data set of the figure.

    Attributes:
        data: Name of the data set.
        psi: Auxiliary classes per primary class.
        network: Settings of the network.
        fraction: Share of the training rows; None: all.
    """

    data: str
    psi: int
    network: Mapping[str, Setting]
    fraction: float | None = None


VARIANTS = {
    "CIFAR-100": Variant("cifar100", 5, FULL),
    "CIFAR-100 (small)": Variant("cifar100", 5, SMALL, SMALL_SHARE),
    "MNIST": Variant("mnist", 3, {}),
    "MNIST (small)": Variant("mnist", 3, {}, SMALL_SHARE),
}
SHOWN, EACH = 5, 5
"""Primary classes, and images per auxiliary class."""


class MaxlFigure6(Recipe):
    """Section 4.5 and figure 6: five test images for each of three auxiliary classes of five primary classes.

    The section's last finding is measured too: the likeliest images of an auxiliary class differ when the network is
    trained again from scratch. Two runs do not number their auxiliary classes alike, so the classes of two runs are
    matched within each primary class such that they share as many of their five likeliest images as possible. Beside
    two runs stand chance (the same with the test images of each primary class in random order) and one run before and
    after its training: what the runs' different initial weights alone set apart is no learned difference.
    """

    paper = replace(MAXL, place="section 4.5, figure 6")
    title = "Images of learned auxiliary classes, and labels of two runs beside each other"
    stand_in = (
        "VGG-16 with 8 instead of 64 maps in its first block, and the images at hand. Small: 15 % of the rows, "
        "and for CIFAR-100 a ConvNet of four layers with 8 maps."
    )
    needs = ("cifar100", "mnist")
    minutes = 60.0
    departures = ("The paper's 200 epochs are compressed into 8: rates times 25.",)

    def pieces(self, smoke: bool) -> list[Piece]:
        """Every data set, over seeds; the tiny run takes one network per data set."""
        return [
            Piece(f"{plain(name)}-seed-{s}", {"data": name, "seed": s, "smoke": smoke})
            for s in self.seeds(3, smoke, 2)
            for name, variant in VARIANTS.items()
            if not (smoke and variant.fraction)
        ]

    def run(self, piece: Piece) -> PieceResult:
        """Label test images before and after training, and keep the likeliest images of some auxiliary classes."""
        variant, seed = VARIANTS[str(piece.settings["data"])], piece.seed
        user = {"psi": variant.psi, **variant.network}
        run = prepare(
            variant.data, self.data(variant.data), "maxl", seed, user, piece.smoke, fraction=variant.fraction
        )
        rows = run.splits.development[:2000]
        main = run.dataset.y[run.dataset.main][rows]
        before = own_labels(run.labels(rows), main, variant.psi)
        run.train()
        labels = own_labels(run.labels(rows), main, variant.psi)
        arrays = {"labels": labels.numpy(), "before": before.numpy(), "main": main.numpy()}
        pictures = _examples(run, rows, labels) if seed == 0 else {}
        return PieceResult({"entropy": entropy(labels)}, arrays={**arrays, **pictures})

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """How far runs agree, and the images."""
        lines, claims, drawn = [], [], []
        for name in VARIANTS:
            own = [d for d in done.values() if d.found.settings["data"] == name]
            if not own:
                continue
            lines.append(
                line(f"{name}: entropy of a label over log psi", [d.found.values["entropy"] for d in own])
            )
            if len(own) > 1:
                lines += (compared := _compared(own, name))
                claims.append(_claim(name, compared))
            shown = {n: v for d in own for n, v in d.arrays.items() if n.startswith("class")}
            if shown:
                title = f"Likeliest test images of three auxiliary classes, {name}"
                drawn.append(PictureData(Picture(name=plain(name), kind="loss_images", title=title), shown))
        return RecipeOutcome(lines, claims, drawn)


def _compared(own: Sequence[FinishedPiece], name: str) -> list[RecipeRow]:
    """Shared images and information: two runs, chance, and one run before and after its training."""
    main = torch.from_numpy(own[0].arrays["main"])
    labels, before = ([torch.from_numpy(d.arrays[part]) for d in own] for part in ("labels", "before"))
    order = _within(main)
    pairs = list(combinations(labels, 2))
    sides = {
        "two runs": pairs,
        "chance": [(a, b[order]) for a, b in pairs],
        "one run, before and after training": list(zip(before, labels, strict=True)),
    }
    measures = {
        "likeliest images shared": shared_images,
        "information shared by the likeliest classes": shared,
    }
    return [
        line(f"{name}: {what}, {side} (0 to 1)", [measure(a, b, main) for a, b in both])
        for what, measure in measures.items()
        for side, both in sides.items()
    ]


def _claim(name: str, compared: Sequence[RecipeRow]) -> Claim:
    runs, chance, one = (row.ours for row in compared[:3])
    return Claim(
        text="The top predicted candidates differ when the network is trained again from scratch",
        found=f"{name}: two runs share {100 * runs:.0f} % of the five likeliest images of an auxiliary class, chance "
        f"{100 * chance:.0f} %, one run before and after its training {100 * one:.0f} %",
        holds=judged(runs < 0.5, compared[2].seeds) if chance < 0.5 else None,
    )


def _within(main: Tensor) -> Tensor:
    """A random order of the rows that leaves every row in its primary class, [N]."""
    order, draw = torch.arange(len(main)), torch.Generator().manual_seed(0)
    for label in main.unique():
        rows = (main == label).nonzero().flatten()
        order[rows] = rows[torch.randperm(len(rows), generator=draw)]
    return order


def shared_images(a: Tensor, b: Tensor, main: Tensor) -> float:
    """The share of an auxiliary class's five likeliest images that the matched class of another run has too.

    Args:
        a: Labels of one run among the auxiliary classes of each row's primary class, [N, psi].
        b: Those of the other run.
        main: Primary labels, int64 [N].

    >>> labels = torch.eye(2).repeat_interleave(5, 0)
    >>> shared_images(labels, labels.flip(1), torch.zeros(10).long())
    1.0
    """
    shares = []
    for label in main.unique():
        rows = (main == label).nonzero().flatten()
        most = min(EACH, len(rows))
        tops = [side[rows].topk(most, dim=0).indices.T for side in (a, b)]
        common = [[len(np.intersect1d(p, q)) / most for q in tops[1]] for p in tops[0]]
        matched = linear_sum_assignment(common, maximize=True)
        shares.append(np.asarray(common)[matched].mean())
    return float(np.mean(shares))


def shared(a: Tensor, b: Tensor, main: Tensor) -> float:
    """The information that the likeliest auxiliary classes of two runs share within primary classes, from 0 to 1."""
    first, second = (one_hot_or_nan(side.argmax(1), side.shape[1], torch.float64) for side in (a, b))
    found = agreement(first, second, main).normalised
    return float("nan") if found is None else found


def _examples(run: TrainedLabeler, rows: Tensor, labels: Tensor) -> dict[str, np.ndarray]:
    """A column of pictures per auxiliary class: those of the highest probability, primary class below primary class."""
    main, x = run.dataset.y[run.dataset.main][rows], run.dataset.x[rows]
    columns: dict[str, list[np.ndarray]] = {f"class {k + 1}": [] for k in range(min(3, labels.shape[1]))}
    for label in range(SHOWN):
        own = (main == label).nonzero().flatten()
        for k, name in enumerate(columns):
            best = own[labels[own, k].argsort(descending=True)[:EACH]]
            strip = torch.cat(list(x[best]), 2) if len(best) else x[:1, :, :1, :1][0]
            columns[name].append(strip.expand(3, -1, -1).permute(1, 2, 0).numpy())
    wide = max(strip.shape[1] for strips in columns.values() for strip in strips)
    high = x.shape[2]
    return {
        name: np.stack([np.pad(s, ((0, high - s.shape[0]), (0, wide - s.shape[1]), (0, 0))) for s in strips])
        for name, strips in columns.items()
    }
