"""Soft labels from several sources train the main head; the hypergradient learns the weight of each source.

Cross-validation over the labelled rows sets the initial weights. The twin keeps them.
"""

from auxin.methods.base import Method

METHOD = Method(
    labeler="sources",
    estimator="lookahead",
    unlabelled=True,
    settings={
        "unlabelled_ratio": 2.0,
        "every": 5,
        "meta": "next",
        "scale": "unit",
        "meta_optimizer": "adam",
        "meta_lr": 0.05,
        "labeler.members": "spread+logistic+forest",
        "labeler.weights": "cross_validated",
    },
    tuning=({"combiner.scale": 1.0}, {"combiner.scale": 0.3}, {"combiner.scale": 3.0}),
)
