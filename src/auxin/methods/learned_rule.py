"""The trunk is first trained by the learned update rule on all rows, without labels; then the primary task."""

from auxin.methods._base import Method
from auxin.paper import UPDATE_RULES
from auxin.strategies.rule_pretrain import RulePretrain

METHOD = Method(
    strategy="rule_pretrain",
    trial=True,
    twin="untrained_rule",
    knob=RulePretrain.knob or ({},),
    paper=UPDATE_RULES,
)
