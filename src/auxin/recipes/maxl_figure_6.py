"""Images with the highest probability of a learned auxiliary class, and whether two runs learn the same labels."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import ClassVar

import numpy as np
import torch

from auxin.analysis.label_collapse import agreement
from auxin.paper import MAXL, Paper
from auxin.recipes._labels import TrainedLabeler, train
from auxin.recipes._summary import line
from auxin.records.recipe import Claim, Picture
from auxin.studies.recipe import (
    FinishedPiece,
    PictureData,
    Piece,
    PieceEnvironment,
    PieceResult,
    Recipe,
    RecipeOutcome,
)

DATA = {"CIFAR-100": ("cifar100", 5), "MNIST": ("mnist", 3)}
SHOWN, EACH = 5, 5
"""Primary classes, and images per auxiliary class."""


class MaxlFigure6(Recipe):
    """Section 4.5 and figure 6: five test images for each of three auxiliary classes of five primary classes.

    The section's last finding is measured too: labels of networks trained from scratch again differ. The measure is the
    information that the labels of two seeds share within primary classes, over the most they could share.
    """

    paper: ClassVar[Paper] = replace(MAXL, place="section 4.5, figure 6")
    title: ClassVar[str] = "Images of learned auxiliary classes, and labels of two runs beside each other"
    stand_in: ClassVar[str] = "VGG-16 with 8 instead of 64 maps in its first block, and the images at hand."
    needs: ClassVar[tuple[str, ...]] = ("cifar100", "mnist")
    minutes: ClassVar[float] = 60.0
    departures: ClassVar[tuple[str, ...]] = ("The paper's 200 epochs are compressed into 8: rates times 25.",)

    def pieces(self, smoke: bool) -> list[Piece]:
        """Both data sets, over seeds."""
        return [
            Piece(f"{data.lower()}-seed-{s}", {"data": data, "seed": s, "smoke": smoke})
            for s in range(2 if smoke else 3)
            for data in DATA
        ]

    def run(self, piece: Piece, bench: PieceEnvironment) -> PieceResult:
        """Train, label the development rows, and keep the likeliest images of some auxiliary classes."""
        told, seed = piece.settings, int(piece.settings["seed"] or 0)
        name, psi = DATA[str(told["data"])]
        user = {"psi": psi} if name == "mnist" else {"psi": psi, "model.channel_width": 8}
        done = train(name, bench.data(name), "maxl", seed, user, bool(told["smoke"]))
        rows = done.splits.development[:2000]
        labels, main = done.labels(rows), done.dataset.y[done.dataset.main][rows]
        arrays = {"labels": labels.numpy(), "main": main.numpy()}
        return PieceResult(arrays={**arrays, **(_examples(done, rows, labels, psi) if seed == 0 else {})})

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """How far runs agree, and the images."""
        lines, claims, drawn = [], [], []
        for data in DATA:
            own = [d for d in done.values() if d.found.settings["data"] == data]
            pairs = [_shared(a, b) for a, b in combinations(own, 2)]
            if pairs:
                lines.append(line(f"information shared by the labels of two runs, {data} (0 to 1)", pairs))
                claims.append(
                    Claim(
                        text="The top predicted candidates differ when the network is trained again from scratch",
                        found=f"{data}: runs share {np.mean(pairs):.2f} of what they could (0: unrelated)",
                        holds=bool(np.mean(pairs) < 0.5),
                    )
                )
            shown = {n: v for d in own for n, v in d.arrays.items() if n.startswith("class")}
            if shown:
                title = f"Likeliest test images of three auxiliary classes, {data}"
                drawn.append(PictureData(Picture(name=data.lower(), kind="loss_images", title=title), shown))
        return RecipeOutcome(lines, claims, drawn)


def _shared(a: FinishedPiece, b: FinishedPiece) -> float:
    x, y = torch.from_numpy(a.arrays["labels"]), torch.from_numpy(b.arrays["labels"])
    found = agreement(x, y, torch.from_numpy(a.arrays["main"])).normalised
    return float("nan") if found is None else float(found)


def _examples(
    done: TrainedLabeler, rows: torch.Tensor, labels: torch.Tensor, psi: int
) -> dict[str, np.ndarray]:
    """A column of pictures per auxiliary class: those of the highest probability, primary class below primary class."""
    main, x = done.dataset.y[done.dataset.main][rows], done.dataset.x[rows]
    columns: dict[str, list[np.ndarray]] = {f"class {k + 1}": [] for k in range(min(3, psi))}
    for label in range(SHOWN):
        own = (main == label).nonzero().flatten()
        for k, name in enumerate(columns):
            best = own[labels[own, label * psi + k].argsort(descending=True)[:EACH]]
            strip = torch.cat(list(x[best]), 2) if len(best) else x[:1, :, :1, :1][0]
            columns[name].append(strip.expand(3, -1, -1).permute(1, 2, 0).numpy())
    wide = max(strip.shape[1] for strips in columns.values() for strip in strips)
    high = x.shape[2]
    return {
        name: np.stack([np.pad(s, ((0, high - s.shape[0]), (0, wide - s.shape[1]), (0, 0))) for s in strips])
        for name, strips in columns.items()
    }
