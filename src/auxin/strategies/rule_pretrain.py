"""Train the trunk without labels by a learned update rule, then all of the network on the main task."""

import torch
from torch import Tensor, nn

from auxin.errors import ConfigError
from auxin.paper import UPDATE_RULES
from auxin.rules.applied import LearnedRule
from auxin.strategies.base import Job, Outcome, Run, Strategy
from auxin.training.feed import Feed
from auxin.update_rules.learned import Learned

UNTRAINED = "untrained"


class RulePretrain(Strategy):
    """Pretraining by a learned unsupervised update rule (Metz et al. 2019): no labels and no back-propagation.

    A network of the trunk's shape is trained by the rule on all rows that may train, labelled or not, then
    copied into the trunk, exactly: batch norm's statistics are folded into weights and biases. The trunk must
    be `mlp` with ReLU and no normalisation. Where the rule's top is linear, half of the trunk's last layer
    holds the features and the other half their negatives, so that ReLU loses nothing. Images of several
    channels are averaged to grey for the rule. Then the main task trains everything, as it does elsewhere.

    Args:
        rule: Name of a shipped rule, a rule file, or "untrained": the small rule as it was before meta-training.
        rule_steps: Number of unsupervised steps.
        rule_batch: Number of rows per unsupervised step (all rows, where there are fewer).

    Raises:
        ConfigError: Fewer than 1 step, or a batch below 2.
    """

    default = ("single", "single")
    learns = True
    tuning = ({}, {"strategy.rule_steps": 30}, {"strategy.rule_steps": 300}, {"strategy.rule_batch": 128})
    paper = UPDATE_RULES

    def __init__(self, rule: str = "small", rule_steps: int = 100, rule_batch: int = 32) -> None:
        if rule_steps < 1 or rule_batch < 2:
            found = f"rule_steps={rule_steps}, rule_batch={rule_batch}"
            raise ConfigError(
                "The options of rule_pretrain are out of range",
                expected="steps >= 1, batch >= 2",
                found=found,
            )
        self.rule, self.rule_steps, self.rule_batch = rule, rule_steps, rule_batch

    def refuse(self, run: Run) -> None:
        """Only a plain ReLU perceptron can take a rule's weights."""
        _linears(run.network)

    def follow(self, job: Job) -> Outcome:
        """Pretrain the trunk, then train by the method."""
        blank = job.build(job.phase("features"))
        weights, rows = self._features(blank)
        note = f"The trunk began from {self.rule_steps} steps of rule {self.rule!r} on {rows:,} rows without labels."
        return Outcome(job.fresh(job.phase(weights=weights)), (note,))

    def _features(self, run: Run) -> tuple[dict[str, Tensor], int]:
        """The trunk's weights after the rule, by name in the primary network, and how many rows it saw."""
        layers = _linears(run.network)
        feed = run.state.feed
        x = _rows(feed)
        channels = x.shape[1] if x.dim() == 4 else 1
        grey = x.mean(1).flatten(1) if x.dim() == 4 else x.flatten(1)
        applied = _rule(self.rule, feed.seed)
        wide = layers[-1][1].out_features
        linear = applied.rule.top == "linear"
        if not linear and applied.rule.top != "relu":
            raise ConfigError(f"The rule's top is {applied.rule.top!r}", expected="linear or relu")
        applied.fit(
            grey,
            hidden=[layer.out_features for _, layer in layers[:-1]],
            width=max(1, wide // 2) if linear else wide,
            steps=self.rule_steps,
            batch=min(self.rule_batch, len(grey)),
            seed=feed.seed,
        )
        return _copied(applied.weights(), layers, channels, twice=linear and wide > 1), len(grey)


def _rule(name: str, seed: int) -> LearnedRule:
    """The rule of this name; an untrained one is drawn from the run's seed."""
    if name != UNTRAINED:
        return LearnedRule.load(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LearnedRule(Learned.preset("small").requires_grad_(False))


def _rows(feed: Feed) -> Tensor:
    """All rows that may train, labelled or not, as the network sees them."""
    rows = torch.cat([feed.train, feed.unlabelled, feed.auxiliary]).unique()
    return torch.cat([feed.pool.batch(part).x.cpu() for part in rows.split(4096)])


def _linears(network: nn.Module) -> list[tuple[str, nn.Linear]]:
    """The trunk's linear layers by name, where it is a plain ReLU perceptron."""
    trunk = network.get_submodule("trunk")
    kinds = (nn.Flatten, nn.Linear, nn.Identity, nn.ReLU, nn.Dropout, nn.Sequential)
    odd = [type(m).__name__ for m in list(trunk.modules())[1:] if not isinstance(m, kinds)]
    found = [(f"trunk.{name}", m) for name, m in trunk.named_modules() if isinstance(m, nn.Linear)]
    if odd or not found:
        raise ConfigError(
            "A learned rule cannot train this trunk",
            expected="mlp with model.activation=relu and model.norm=none",
            found=f"{type(trunk).__name__} with {', '.join(dict.fromkeys(odd)) or 'no linear layer'}",
            do="Add --model mlp",
        )
    return found


def _copied(
    made: dict[str, Tensor], layers: list[tuple[str, nn.Linear]], channels: int, *, twice: bool
) -> dict[str, Tensor]:
    """activation((x W - mean) scale + bias), inputs shifted and scaled first, as linear layers' weights and biases."""
    found = {}
    for number, (name, layer) in enumerate(layers):
        scale = made[f"scale.{number}"]
        weight = (made[f"weight.{number}"] * scale).T
        bias = made[f"bias.{number}"] - made[f"mean.{number}"] * scale
        if number == 0:
            weight = weight / made["input.spread"]
            bias = bias - made["input.low"] * weight.sum(1)
            weight = weight.repeat(1, channels) / channels
        if twice and number == len(layers) - 1:
            weight, bias = torch.cat([weight, -weight]), torch.cat([bias, -bias])
        own, shift = layer.weight.detach().cpu().clone(), layer.bias.detach().cpu().clone()
        own[: len(weight)], shift[: len(bias)] = weight, bias
        found |= {f"{name}.weight": own, f"{name}.bias": shift}
    return found
