"""Meta AuXiliary Learning: a label generator trained by the main task's loss one step ahead.

The `paper` preset is the published recipe: epochs of the primary network and of the generator alternate, the look-ahead
is judged on the same batch, the generator moves by SGD 1e-3 with weight decay 5e-4, and 0.2 times the entropy term is
added to the raw hypergradient. The `auxin` preset is what was measured to work on small data: one fused step, judged on
the next batch, Adam 5e-3, and an entropy weight of 0.01 in proportion to the rate-free hypergradient.
"""

from auxin.methods.base import Method
from auxin.paper import MAXL

METHOD = Method(
    labeler="maxl",
    estimator="lookahead",
    twin="maxl_frozen",
    settings={
        "rhythm": "fused",
        "every": 5,
        "meta": "next",
        "scale": "unit",
        "meta_optimizer": "adam",
        "meta_lr": 5e-3,
        "labeler.entropy": 0.01,
    },
    published={"labeler.entropy": 0.2},
    tuning=({"combiner.scale": 1.0}, {"combiner.scale": 3.0}, {"combiner.scale": 0.3}),
    paper=MAXL,
)
