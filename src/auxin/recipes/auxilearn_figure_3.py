"""Loss images on test examples, and the pixel weights that the ConvNet combiner makes of them."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from auxin.analysis.loss_images import loss_images
from auxin.combiners.base import LossCombiner, TaskLosses
from auxin.paper import AUXILEARN
from auxin.recipes import _camvid
from auxin.recipes._summary import judged, line
from auxin.records.recipe import Claim, Picture
from auxin.studies.recipe import FinishedPiece, PictureData, Piece, PieceResult, Recipe, RecipeOutcome
from auxin.tasks.dense_classes import DenseClasses
from auxin.tasks.dense_regression import DenseRegression

SHOWN = (20, 120, 210)


class AuxiLearnFigure3(Recipe):
    """Section 5.3 and figure 3: image, mask, auxiliary loss, main loss, adaptive weight sum_j dL_T/dl_j per pixel.

    The paper says that pixel weights are a non-trivial combination of the losses. Measured here: how much of the
    weight's variation over pixels a linear function of the three losses explains (1: nothing but a linear one).
    """

    paper = replace(AUXILEARN, place="section 5.3, figure 3")
    title = "Loss images with adaptive pixel weights"
    stand_in = _camvid.STAND_IN
    needs = ("camvid",)
    minutes = 3.0

    def pieces(self, smoke: bool) -> list[Piece]:
        """One training."""
        return self.seed_pieces([0], steps=10 if smoke else 300)

    def run(self, piece: Piece) -> PieceResult:
        """Train with the ConvNet combiner, then look at three test images."""
        folder = self.data("camvid")
        found = _camvid.train(folder, "convnet", piece.seed, piece.number("steps"))
        test = _camvid.part(folder, "test")
        rows = torch.tensor([row % len(test.x) for row in SHOWN])  # the tiny run has fewer images
        losses = _losses(found, test, rows)
        assert isinstance(found.aux.combiner, LossCombiner)
        images = loss_images(found.aux.combiner, losses)
        known = losses.present[:, 0]
        arrays = {"image": test.pictures[rows.tolist()], "auxiliary": images["auxiliary"].numpy()}
        for name, image in (("labels", test.y["segmentation"][rows]), *images.items()):
            if name != "auxiliary":  # the others know nothing of pixels without a class
                arrays[name] = torch.where(known, image.float(), torch.nan).numpy()
        weight = images["weight"][known].numpy()
        columns = [losses.values.detach()[:, k][known].numpy() for k in range(3)]
        matrix = np.column_stack([*columns, np.ones_like(weight)])
        rest = weight - matrix @ np.linalg.lstsq(matrix, weight, rcond=None)[0]
        values = {"miou": found.miou, "least": weight.min(), "most": weight.max()}
        return PieceResult(values | {"linear": 1 - rest.var() / max(weight.var(), 1e-12)}, arrays=arrays)

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """The picture, and how far weights differ."""
        one = next(iter(done.values()))
        values = one.found.values
        names = {
            "miou": ("mIoU on the validation images", "%", 100.0),
            "least": ("smallest pixel weight", "", 1.0),
            "most": ("largest pixel weight", "", 1.0),
            "linear": ("share of the weight's variance that is linear in the losses", "", 1.0),
        }
        lines = [line(name, [values[k]], unit, factor=factor) for k, (name, unit, factor) in names.items()]
        claim = Claim(
            text="Pixel weights are a non-trivial combination of the main and auxiliary task losses",
            found=f"weights from {values['least']:.2f} to {values['most']:.2f}; a linear function of the pixel's own "
            f"losses explains {100 * values['linear']:.0f} % of their variance",
            holds=judged(values["most"] - values["least"] > 0.01 and values["linear"] < 0.9, len(done)),
        )
        words = {
            "image": "(a) image",
            "labels": "(b) classes",
            "auxiliary": "(c) auxiliary losses",
            "main": "(d) main loss",
            "weight": "(e) pixel weight",
        }
        picture = Picture(name="loss-images", kind="loss_images", title=self.title, words=words)
        return RecipeOutcome(
            lines, [claim], [PictureData(picture, {name: one.arrays[name] for name in words})]
        )


@torch.no_grad()
def _losses(found: _camvid.TrainedSegmenter, test: _camvid.CamvidPart, rows: torch.Tensor) -> TaskLosses:
    signals = found.network.eval()(test.x[rows])
    values, present = [], []
    for name, task in _camvid.tasks().items():
        assert isinstance(task, DenseClasses | DenseRegression)
        values.append(task.loss_image(signals[name], test.y[name][rows]))
        present.append(task.pixels(test.y[name][rows]))
    return TaskLosses(torch.stack(values, 1), torch.stack(present, 1), _camvid.NAMES)
