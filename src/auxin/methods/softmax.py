"""Learned weights that share a fixed budget: training finds which of several auxiliary tasks help.

The settings are those of `docs/results.md`, where it found the two useful tasks among fifteen in every run: judged on
the training batch itself, Adam at 0.2, a meta step every twentieth step.
"""

from auxin.methods.base import Method

METHOD = Method(
    given=True,
    combiner="softmax",
    estimator="lookahead",
    unlabelled=True,
    needs_auxiliary=True,
    settings={"every": 20, "meta": "same", "meta_optimizer": "adam", "meta_lr": 0.2},
    tuning=({"combiner.scale": 1.0}, {"combiner.scale": 0.3}, {"combiner.scale": 3.0}),
)
