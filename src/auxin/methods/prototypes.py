"""Nearest Neighbour: prototypes initialised from a tenth of the finer labels and trained by the main task's loss."""

from auxin.methods.base import Method
from auxin.paper import MAXL

METHOD = Method(
    labeler="prototypes",
    estimator="lookahead",
    needs_auxiliary=True,
    settings={"every": 5, "meta": "next", "scale": "unit", "meta_optimizer": "adam", "meta_lr": 5e-3},
    tuning=({"combiner.scale": 1.0}, {"combiner.scale": 3.0}, {"combiner.scale": 0.3}),
    paper=MAXL,
)
