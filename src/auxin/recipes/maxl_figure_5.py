"""t-SNE of the final layer's features: single-task training, human labels and MAXL."""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from sklearn.metrics import silhouette_score

from auxin.analysis.tsne import label_map
from auxin.paper import MAXL, Paper
from auxin.recipes._labels import train
from auxin.recipes._summary import below, difference, line
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

METHODS = {"single task": "single", "human": "given", "MAXL": "maxl"}
LEVELS = {"3 of 10": "3:10", "20 of 100": "20:100"}


class MaxlFigure5(Recipe):
    """Section 4.5 and figure 5: how well primary classes are separated in the features of test images.

    Separation is measured too: the silhouette of the primary classes in the features.
    """

    paper: ClassVar[Paper] = replace(MAXL, place="section 4.5, figure 5")
    title: ClassVar[str] = "t-SNE of features, single task against human labels and MAXL"
    stand_in: ClassVar[str] = "VGG-16 with 8 instead of 64 maps in its first block, and the images at hand."
    needs: ClassVar[tuple[str, ...]] = ("cifar100",)
    minutes: ClassVar[float] = 150.0
    departures: ClassVar[tuple[str, ...]] = (
        "The paper's 200 epochs are compressed into 8: rates times 25.",
        "The paper shows pictures without numbers.",
    )

    def pieces(self, smoke: bool) -> list[Piece]:
        """Every method on both hierarchies, over seeds."""
        levels = list(LEVELS)[:1] if smoke else list(LEVELS)
        return [
            Piece(f"{level.replace(' ', '-')}-{method.replace(' ', '-')}-seed-{s}", told)
            for s in range(1 if smoke else 3)
            for level in levels
            for method in METHODS
            for told in ({"level": level, "method": method, "seed": s, "smoke": smoke},)
        ]

    def run(self, piece: Piece, bench: PieceEnvironment) -> PieceResult:
        """Train, and compute the features of development rows."""
        told, seed = piece.settings, int(piece.settings["seed"] or 0)
        user = {"model.channel_width": 8}
        done = train(
            "cifar100",
            bench.data("cifar100"),
            METHODS[str(told["method"])],
            seed,
            user,
            bool(told["smoke"]),
            level=LEVELS[str(told["level"])],
        )
        rows = done.splits.development[:1000]
        features, main = done.features(rows), done.dataset.y[done.dataset.main][rows]
        arrays = {} if seed else {"map": label_map(features, seed), "main": main.numpy()}
        return PieceResult(
            {"silhouette": float(silhouette_score(features.numpy(), main.numpy()))}, arrays=arrays
        )

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """Silhouettes, and the maps."""
        lines, claims, drawn = [], [], []
        for level in LEVELS:
            found = {m: _values(done, level, m) for m in METHODS}
            lines += [line(f"silhouette | {level} | {m}", list(v.values())) for m, v in found.items() if v]
            for better in ("human", "MAXL"):
                seeds = sorted(found[better].keys() & found["single task"].keys())
                if seeds:
                    a, b = ([found[m][s] for s in seeds] for m in (better, "single task"))
                    text = f"{better} separates the primary classes better than single-task training"
                    holds = below(b, a)
                    claims.append(
                        Claim(
                            text=text, found=f"silhouette, {level}: {difference(a, b, digits=3)}", holds=holds
                        )
                    )
            arrays = _maps(done, level)
            if arrays:
                name = level.replace(" ", "-")
                title = f"Features of test images, t-SNE; colour: primary class, {level}"
                words = {method: method for method in METHODS}
                drawn.append(PictureData(Picture(name=name, kind="points", title=title, words=words), arrays))
        return RecipeOutcome(lines, claims, drawn)


def _values(done: Mapping[str, FinishedPiece], level: str, method: str) -> dict[int, float]:
    return {
        int(d.found.settings["seed"] or 0): d.found.values["silhouette"]
        for d in done.values()
        if (d.found.settings["level"], d.found.settings["method"]) == (level, method)
    }


def _maps(done: Mapping[str, FinishedPiece], level: str) -> dict[str, torch.Tensor]:
    arrays = {}
    for piece in done.values():
        told = piece.found.settings
        if told["level"] == level and "map" in piece.arrays:
            arrays[f"points.{told['method']}"] = piece.arrays["map"]
            arrays[f"groups.{told['method']}"] = piece.arrays["main"]
    return arrays
