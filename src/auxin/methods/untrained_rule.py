"""The twin of `learned_rule`: the same pretraining by a rule that was never meta-trained."""

from auxin.methods.base import Method
from auxin.paper import UPDATE_RULES
from auxin.strategies.rule_pretrain import UNTRAINED, RulePretrain

METHOD = Method(
    strategy="rule_pretrain",
    settings={"strategy.rule": UNTRAINED},
    tuning=RulePretrain.tuning or ({},),
    paper=UPDATE_RULES,
)
