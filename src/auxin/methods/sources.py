"""Soft labels from several sources teach the main head; how much each counts is learned by the hypergradient.

The weights start where cross-validation over the labelled rows puts them. The twin stays there.
"""

from auxin.methods._base import Method

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
    knob=({"combiner.scale": 1.0}, {"combiner.scale": 0.3}, {"combiner.scale": 3.0}),
)
