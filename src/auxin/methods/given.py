"""The data's finer labels as the auxiliary task (the MAXL paper's Human), on every row that carries them."""

from auxin.methods.base import Method
from auxin.paper import MAXL

METHOD = Method(
    labeler="given",
    unlabelled=True,
    needs_auxiliary=True,
    tuning=({"combiner.scale": 1.0}, {"combiner.scale": 3.0}, {"combiner.scale": 0.3}),
    paper=MAXL,
)
