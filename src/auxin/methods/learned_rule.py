"""The learned update rule first trains the trunk on all rows without labels; then the main task is trained."""

from auxin.methods.base import Method
from auxin.paper import UPDATE_RULES
from auxin.strategies.rule_pretrain import RulePretrain

METHOD = Method(
    strategy="rule_pretrain",
    trial=True,
    twin="untrained_rule",
    tuning=RulePretrain.tuning or ({},),
    paper=UPDATE_RULES,
)
