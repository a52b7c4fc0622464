"""FixMatch beside soft labels that spread over the inputs and over the network's features.

The sources of soft labels weigh the same and teach the main head with weight 0.6 beside FixMatch's 1; nothing of
this was tuned on a data set that results are reported of, except that the weight was looked at on development rows
of the digits.
"""

from auxin.methods._base import Method
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
        "labeler.members": "spread+features",
        "combiner.weights": "labels=0.6,fixmatch=1",
    },
    knob=(
        {"combiner.weights": "labels=0.6,fixmatch=1"},
        {"combiner.weights": "labels=0,fixmatch=1"},
        {"combiner.weights": "labels=1,fixmatch=0"},
    ),
    paper=Paper(
        "FixMatch: Simplifying Semi-Supervised Learning with Consistency and Confidence",
        "Sohn, Berthelot, Li, Zhang, Carlini, Cubuk, Kurakin, Zhang, Raffel",
        2020,
        "https://arxiv.org/abs/2001.07685",
        "with label spreading after Zhou et al. 2004 and Iscen et al. 2019",
    ),
)
