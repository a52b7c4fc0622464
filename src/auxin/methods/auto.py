"""All auxiliary tasks, the data's own and the self-made ones, with learned softmax weights.

The list of tasks is printed. The weights share a fixed budget and are trained by the main task's loss after one
look-ahead step; the twin has the same tasks and keeps the initial weights.
"""

from auxin.methods.base import Method

METHOD = Method(
    given=True,
    pretexts=("*",),
    combiner="softmax",
    estimator="lookahead",
    unlabelled=True,
    settings={"every": 5, "meta": "next", "scale": "unit", "meta_optimizer": "adam", "meta_lr": 5e-3},
    tuning=({"combiner.total": 1.0}, {"combiner.total": 3.0}, {"combiner.total": 0.3}),
)
