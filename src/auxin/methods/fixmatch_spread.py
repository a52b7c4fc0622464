"""FixMatch together with soft labels from label spreading over the network's features, updated during training.

Both train the main head, with weight 1 each. Until the first features are available, labels spread over the inputs.
"""

from auxin.methods.base import Method
from auxin.paper import Paper

METHOD = Method(
    labeler="sources",
    consistency="fixmatch",
    unlabelled=True,
    trial=True,
    twin="fixmatch",
    combiner="static",
    settings={
        "unlabelled_ratio": 2.0,
        "labeler.members": "features",
        "combiner.weights": "labels=1,fixmatch=1",
    },
    tuning=(
        {"combiner.weights": "labels=1,fixmatch=1"},
        {"combiner.weights": "labels=0.3,fixmatch=1"},
        {"combiner.weights": "labels=1,fixmatch=0.3"},
    ),
    paper=Paper(
        "FixMatch: Simplifying Semi-Supervised Learning with Consistency and Confidence",
        "Sohn, Berthelot, Li, Zhang, Carlini, Cubuk, Kurakin, Zhang, Raffel",
        2020,
        "https://arxiv.org/abs/2001.07685",
        "with label spreading after Zhou et al. 2004 and Iscen et al. 2019",
    ),
)
