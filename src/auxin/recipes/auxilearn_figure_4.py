"""t-SNE of the soft labels that AuxiLearn learns within a class."""

from collections.abc import Mapping
from dataclasses import replace

import torch

from auxin.analysis.label_collapse import agreement
from auxin.analysis.tsne import label_map
from auxin.data import load, make_splits
from auxin.math.masked_softmax import one_hot_or_nan
from auxin.paper import AUXILEARN
from auxin.recipes._labels import TrainedLabeler, entropy, own_labels
from auxin.recipes._summary import claim, line, values_of
from auxin.records.recipe import Picture
from auxin.studies.recipe import FinishedPiece, PictureData, Piece, PieceResult, Recipe, RecipeOutcome

PSI, SHOWN = 5, ("deer", "frog")


class AuxiLearnFigure4(Recipe):
    """Section 5.4 and figure 4: labels of five classes per main class, projected within the classes frog and deer.

    Whether the learned labels mean something is measured: the information they share, within main classes, with the
    search terms by which CIFAR-10's images were found (true sub-classes), for the learned labels and for those of the
    same label network before training.
    """

    paper = replace(AUXILEARN, place="section 5.4, figure 4")
    title = "t-SNE of learned soft labels within a class"
    stand_in = "4,000 rows of CIFAR-10 and a small ConvNet in the place of 50,000 and VGG-16."
    needs = ("cifar10",)
    minutes = 5.0

    def pieces(self, smoke: bool) -> list[Piece]:
        """One per seed."""
        return self.seed_pieces(self.seeds(3, smoke), steps=6 if smoke else 400)

    def run(self, piece: Piece) -> PieceResult:
        """Train, label the training rows, project."""
        dataset = load("cifar10", self.data("cifar10"), aux="term")
        steps = {"steps": piece.number("steps"), "every": 5}
        user = {"model.channel_width": 16, "psi": PSI, "meta": "auxiliary", **steps}
        splits = make_splits(dataset, seed=piece.seed, validation=0.0, auxiliary=0.1)
        run = TrainedLabeler.of(dataset, splits, "auxilearn", "auxin", user, piece.seed)
        before = run.labels(splits.train)
        run.train()
        after = run.labels(splits.train)
        main, terms = (dataset.y[name][splits.train] for name in ("class", "term"))
        hot = one_hot_or_nan(terms, int(terms.max()) + 1, torch.float64)
        values = {
            f"information.{name}": agreement(labels, hot, main).information
            for name, labels in (("untrained", before), ("learned", after))
        }
        chosen = own_labels(after, main, PSI)
        values["entropy"] = entropy(chosen)
        arrays = {}
        names = getattr(dataset.tasks["class"], "label_names", ())
        for name in SHOWN if piece.seed == 0 else ():
            rows = (main == names.index(name)).nonzero().flatten()[:300]
            arrays[f"points.{name}"] = label_map(chosen[rows], piece.seed)
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
        judged = claim(
            "The auxiliary network learns a partition of a class that means something",
            "information with the search terms, learned minus untrained: ",
            learned,
            untrained,
            digits=4,
            unit="nats",
        )
        first = next(iter(done.values()))
        if not first.arrays:
            return RecipeOutcome(lines, [judged])
        picture = Picture(
            name="labels",
            kind="points",
            title="Learned soft labels, t-SNE within a class (colour: the likeliest auxiliary class)",
            words={name: name for name in SHOWN},
        )
        return RecipeOutcome(lines, [judged], [PictureData(picture, first.arrays)])
