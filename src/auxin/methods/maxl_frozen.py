"""MAXL's untrained twin (MAXL-F): the same label generator, never trained. It is the control for `maxl`."""

from auxin.methods.base import Method
from auxin.paper import MAXL

METHOD = Method(
    labeler="maxl",
    settings={"labeler.entropy": 0.01},
    published={"labeler.entropy": 0.2},
    tuning=({"combiner.scale": 1.0}, {"combiner.scale": 3.0}, {"combiner.scale": 0.3}),
    paper=MAXL,
)
