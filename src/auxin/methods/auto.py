"""Every auxiliary there is, the data's own and the self-made ones, sorted out by learned softmax weights.

The pool is printed. Its weights share a fixed budget and are trained by the main task's loss one step ahead; the twin
has the same pool with the weights it began with.
"""

from auxin.methods._base import Method

METHOD = Method(
    given=True,
    pretexts=("*",),
    combiner="softmax",
    estimator="lookahead",
    unlabelled=True,
    settings={"every": 5, "meta": "next", "scale": "unit", "meta_optimizer": "adam", "meta_lr": 5e-3},
    knob=({"combiner.total": 1.0}, {"combiner.total": 3.0}, {"combiner.total": 0.3}),
)
