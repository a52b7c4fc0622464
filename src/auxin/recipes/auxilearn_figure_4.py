"""t-SNE of the soft labels that AuxiLearn learns within a class."""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from auxin.analysis.label_collapse import agreement
from auxin.analysis.tsne import label_map
from auxin.data import load, make_splits
from auxin.math.masked_softmax import one_hot_or_nan
from auxin.methods import resolve
from auxin.paper import AUXILEARN, Paper
from auxin.recipes._summary import below, difference, line, values_of
from auxin.records.recipe import Claim, Picture
from auxin.runs.build import PreparedRun, build
from auxin.runs.settings import layered
from auxin.studies.recipe import FinishedPiece, PictureData, Piece, PieceResult, Recipe, RecipeOutcome
from auxin.training.loop import EpochCallbacks, fit

PSI, SHOWN = 5, ("deer", "frog")


class AuxiLearnFigure4(Recipe):
    """Section 5.4 and figure 4: labels of five classes per main class, projected within the classes frog and deer.

    Whether the learned labels mean something is measured: the information they share, within main classes, with the
    search terms by which CIFAR-10's images were found (true sub-classes), for the learned labels and for those of the
    same label network before training.
    """

    paper: ClassVar[Paper] = replace(AUXILEARN, place="section 5.4, figure 4")
    title: ClassVar[str] = "t-SNE of learned soft labels within a class"
    stand_in: ClassVar[str] = "4,000 rows of CIFAR-10 and a small ConvNet in the place of 50,000 and VGG-16."
    needs: ClassVar[tuple[str, ...]] = ("cifar10",)
    minutes: ClassVar[float] = 5.0

    def pieces(self, smoke: bool) -> list[Piece]:
        """One per seed."""
        return self.seed_pieces(self.seeds(3, smoke), steps=6 if smoke else 400)

    def run(self, piece: Piece) -> PieceResult:
        """Train, label the training rows, project."""
        seed, steps = int(piece.settings["seed"] or 0), int(piece.settings["steps"] or 0)
        dataset = load("cifar10", self.data("cifar10"), aux="term")
        terms = dataset.y["term"]
        user = {"steps": steps, "model.channel_width": 16, "psi": PSI, "meta": "auxiliary", "every": 5}
        settings = layered("cifar10", "image", resolve("auxilearn"), "auxin", user, {})
        splits = make_splits(dataset, seed=seed, validation=0.0, auxiliary=0.1)
        built = build(dataset, splits, resolve("auxilearn"), settings, seed)
        before = _labels(built, splits.train)
        fit(built.state, built.plan, EpochCallbacks())
        after = _labels(built, splits.train)
        main, own = dataset.y["class"][splits.train], terms[splits.train]
        values = {
            f"information.{name}": agreement(labels, _one_hot(own), main).information
            for name, labels in (("untrained", before), ("learned", after))
        }
        chosen = after.reshape(len(after), -1, PSI)[torch.arange(len(after)), main]
        values["entropy"] = float(-torch.special.xlogy(chosen, chosen).sum(1).mean() / np.log(PSI))
        arrays = {}
        names = getattr(dataset.tasks["class"], "label_names", ())
        for name in SHOWN if seed == 0 else ():
            rows = (main == names.index(name)).nonzero().flatten()[:300]
            arrays[f"points.{name}"] = label_map(chosen[rows], seed)
            arrays[f"groups.{name}"] = chosen[rows].argmax(1).numpy()
            arrays[f"images.{name}"] = dataset.x[splits.train[rows]].permute(0, 2, 3, 1).numpy()
        return PieceResult(values, arrays=arrays)

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """Information with the search terms, and the maps."""
        values = values_of(done)
        learned, untrained = values["information.learned"], values["information.untrained"]
        lines = [
            line("information with the search terms, learned", learned, "nats"),
            line("information with the search terms, before training", untrained, "nats"),
            line("entropy of a label over log psi", values["entropy"]),
        ]
        claim = Claim(
            text="The auxiliary network learns a partition of a class that means something",
            found="information with the search terms, learned minus untrained: "
            + difference(learned, untrained, digits=4, unit="nats"),
            holds=below(untrained, learned),
        )
        first = next(iter(done.values()))
        if not first.arrays:
            return RecipeOutcome(lines, [claim])
        picture = Picture(
            name="labels",
            kind="points",
            title="Learned soft labels, t-SNE within a class (colour: the likeliest auxiliary class)",
            words={name: name for name in SHOWN},
        )
        return RecipeOutcome(lines, [claim], [PictureData(picture, first.arrays)])


def _labels(built: PreparedRun, rows: Tensor) -> Tensor:
    assert built.labeler is not None
    with torch.no_grad():
        return torch.cat([built.labeler(built.pool.batch(part)) for part in rows.split(500)])


def _one_hot(labels: Tensor) -> Tensor:
    return one_hot_or_nan(labels, int(labels.max()) + 1, torch.float64)
