"""t-SNE of the final layer's features: single-task training, human labels and MAXL."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from sklearn.metrics import silhouette_score

from auxin.analysis.tsne import label_map
from auxin.paper import MAXL
from auxin.recipes._labels import FULL, SMALL, SMALL_SHARE, prepare
from auxin.recipes._pictures import plain
from auxin.recipes._summary import by_seed, claims, line
from auxin.records.recipe import Picture
from auxin.studies.recipe import FinishedPiece, PictureData, Piece, PieceResult, Recipe, RecipeOutcome

METHODS = {"single task": "single", "human": "given", "MAXL": "maxl"}
LEVELS = {"3 of 10": "3:10", "20 of 100": "20:100"}
SIZES = ("", " (small)")


class MaxlFigure5(Recipe):
    """Section 4.5 and figure 5: how well primary classes are separated in the features of test images.

    Separation is measured too: the silhouette of the primary classes in the features.
    """

    paper = replace(MAXL, place="section 4.5, figure 5")
    title = "t-SNE of features, single task against human labels and MAXL"
    stand_in = (
        "VGG-16 with 8 instead of 64 maps in its first block, and the images at hand. Small: a ConvNet of four "
        "layers with 8 maps and 15 % of the rows."
    )
    needs = ("cifar100",)
    minutes = 150.0
    departures = (
        "The paper's 200 epochs are compressed into 8: rates times 25.",
        "The paper shows pictures without numbers.",
    )

    def pieces(self, smoke: bool) -> list[Piece]:
        """Every method on both hierarchies, over seeds; the tiny run takes one hierarchy and network."""
        columns = [level + size for size in SIZES for level in LEVELS][: 1 if smoke else None]
        return [
            Piece(
                f"{plain(column)}-{plain(method)}-seed-{s}",
                {"column": column, "method": method, "seed": s, "smoke": smoke},
            )
            for s in self.seeds(3, smoke)
            for column in columns
            for method in METHODS
        ]

    def run(self, piece: Piece) -> PieceResult:
        """Train, and compute the features of development rows."""
        seed, column = piece.seed, str(piece.settings["column"])
        small = column.endswith(SIZES[1])
        run = prepare(
            "cifar100",
            self.data("cifar100"),
            METHODS[str(piece.settings["method"])],
            seed,
            SMALL if small else FULL,
            piece.smoke,
            fraction=SMALL_SHARE if small else None,
            level=LEVELS[column.removesuffix(SIZES[1])],
        )
        run.train()
        rows = run.splits.development[:1000]
        features, main = run.features(rows), run.dataset.y[run.dataset.main][rows]
        arrays = {} if seed else {"map": label_map(features, seed), "main": main.numpy()}
        return PieceResult(
            {"silhouette": float(silhouette_score(features.numpy(), main.numpy()))}, arrays=arrays
        )

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """Silhouettes, and the maps."""
        lines, judged, drawn = [], [], []
        for column in dict.fromkeys(str(d.found.settings["column"]) for d in done.values()):
            found = {m: by_seed(done, "silhouette", column=column, method=m) for m in METHODS}
            lines += [line(f"silhouette | {column} | {m}", list(v.values())) for m, v in found.items() if v]
            for better in ("human", "MAXL"):
                text = f"{better} separates the primary classes better than single-task training"
                where = f"silhouette, {column}: "
                judged += claims(text, where, found[better], found["single task"], digits=3)
            arrays = _maps(done, column)
            if arrays:
                name = plain(column)
                title = f"Features of test images, t-SNE; colour: primary class, {column}"
                words = {method: method for method in METHODS}
                drawn.append(PictureData(Picture(name=name, kind="points", title=title, words=words), arrays))
        return RecipeOutcome(lines, judged, drawn)


def _maps(done: Mapping[str, FinishedPiece], column: str) -> dict[str, torch.Tensor]:
    arrays = {}
    for piece in done.values():
        settings = piece.found.settings
        if settings["column"] == column and "map" in piece.arrays:
            arrays[f"points.{settings['method']}"] = piece.arrays["map"]
            arrays[f"groups.{settings['method']}"] = piece.arrays["main"]
    return arrays
