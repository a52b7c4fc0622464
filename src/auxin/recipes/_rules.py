"""What Metz et al.'s figures share: the shipped rule, the bench, the read-out of their release, parts by seed."""

from collections.abc import Sequence

import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from auxin.requests.rule import EvalSettings
from auxin.rules.bench import Mapped, RuleBench
from auxin.rules.data import RuleData, rule_data
from auxin.rules.evaluate import mapped, states
from auxin.rules.file import load_rule
from auxin.studies.recipe import Recipe
from auxin.update_rules.learned import Learned

SHIPPED = "small"
STAND_IN = (
    "The rule that ships with auxin (meta-trained for minutes on procedural tasks and CIFAR-10) in the place of the "
    "authors', meta-trained for 200 hours on 512 workers; embeddings of 16 instead of 32."
)


def shipped() -> Learned:
    """The rule that ships with auxin."""
    return load_rule(SHIPPED)[0]


def untrained() -> Learned:
    """A rule of the same form that was never meta-trained."""
    torch.manual_seed(0)
    return Learned(**shipped().options)


def data_of(name: str, recipe: Recipe, side: int = 8) -> RuleData:
    """A data set as the bench takes it; images grey and `side` wide.

    Images of 28 x 28 come as 14 x 14 or whole where `side` says so.
    """
    root = None if name == "digits" else recipe.data(name).parent
    return rule_data(name, root, side=side)


def bench_for(data: RuleData, seed: int, smoke: bool, shots: int = 10, permuted: bool = True) -> RuleBench:
    """The bench with ten labels per class, as the paper has it."""
    nets, draws, shots = (4, 1, 2) if smoke else (10, 3, shots)
    return RuleBench(data, nets=nets, draws=draws, validation=1, shots=shots, seed=seed, permuted=permuted)


def after(
    rule: Learned,
    bench: RuleBench,
    hidden: Sequence[int],
    steps: int,
    activation: str = "relu",
) -> Mapped:
    """Inputs to features by the bench's networks after these inner steps of a rule."""
    settings = EvalSettings(hidden=tuple(hidden), width=16)
    [(_, state)] = states(rule, bench, settings, (steps,), activation)
    return mapped(rule, state, activation)


def scores(bench: RuleBench, features: Mapped) -> dict[str, float]:
    """Accuracies of both read-outs: ridge regression, and the release's."""
    return {"ridge": accuracy(bench, features), "logistic": logistic(bench, features)}


def accuracy(bench: RuleBench, features: Mapped) -> float:
    """Ridge regression on the features, mean over networks and draws."""
    return float(bench.score(features).plain.mean())


def logistic(bench: RuleBench, features: Mapped) -> float:
    """The read-out of the release: logistic regression at C = 1 on the support rows, accuracy on the query."""
    scores = []
    for draw in bench.tests:
        with torch.no_grad():
            found = features(bench.inputs(draw))
        n = draw.support.shape[1]
        for net in range(bench.nets):
            reader = LogisticRegression(C=1.0, max_iter=500)
            reader.fit(found[net, :n].numpy(), draw.support_y[net].numpy())
            scores.append(float(reader.score(found[net, n:].numpy(), draw.query_y[net].numpy())))
    return sum(scores) / len(scores)


def spectrum(features: Tensor) -> Tensor:
    """The share of the variance in each principal component, [F], from the largest."""
    centred = features - features.mean(0)
    power = torch.linalg.svdvals(centred.double()).square()
    return power / power.sum().clamp(min=1e-12)
