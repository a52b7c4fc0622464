"""Meta-objectives: how good features are, differentiably. The paper's is few-shot ridge regression."""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor

from auxin.rules.tasks import FewShot
from auxin.update_rules.base import State, UpdateRule

FeatureLoss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""(support features [T, n, F], support targets [T, n, Y], query features, query targets) -> a loss per task [T]."""


def ridge(features: Tensor, targets: Tensor, penalty: float = 0.1) -> Tensor:
    """v = (A^T A + diag(penalty, ..., penalty, 0))^-1 A^T Y with A = [features, 1]: [T, F + 1, Y].

    The intercept is not penalised; the penalty is on the un-normalised sum (the authors' setting is 0.1).
    Dead features (all zero, or equal columns) are safe for any penalty above zero.

    >>> x = torch.tensor([[[0.0], [1.0], [2.0]]])
    >>> ridge(x, 3 * x + 1, penalty=1e-6).squeeze().round(decimals=3).tolist()
    [3.0, 1.0]
    """
    a = with_ones(features)
    size = a.shape[-1]
    diagonal = torch.full((size,), penalty, dtype=a.dtype, device=a.device)
    diagonal[-1] = 0.0
    gram = a.transpose(1, 2) @ a + torch.diag(diagonal)
    return cast(Tensor, torch.linalg.solve(gram, a.transpose(1, 2) @ targets))


def with_ones(features: Tensor) -> Tensor:
    """Features with a column of ones behind them."""
    return torch.cat([features, torch.ones_like(features[..., :1])], -1)


def cosine_loss(prediction: Tensor, targets: Tensor, epsilon: float = 1e-6) -> Tensor:
    """mean_i |p_i / |p_i| - y_i|^2 per task, [T]; about 2 without information, 0 at best; safe where p_i is 0."""
    norm = (prediction.square().sum(-1) + epsilon).sqrt()
    inner = (prediction * targets).sum(-1)
    return (1 + targets.square().sum(-1) - 2 * inner / norm).mean(-1)


def few_shot_ridge(
    support_x: Tensor, support_y: Tensor, query_x: Tensor, query_y: Tensor, penalty: float = 0.1
) -> Tensor:
    """The paper's objective per task, [T]: ridge on the support, cosine loss on the query, plus penalty
    |v|^2 / n."""
    v = ridge(support_x, support_y, penalty)
    size = penalty * v[:, :-1].square().sum((1, 2)) / support_x.shape[1]
    return cosine_loss(with_ones(query_x) @ v, query_y) + size


def few_shot_regression(
    support_x: Tensor, support_y: Tensor, query_x: Tensor, query_y: Tensor, penalty: float = 0.1
) -> Tensor:
    """Ridge with squared error per task, [T], for real-valued targets."""
    v = ridge(support_x, support_y, penalty)
    return (with_ones(query_x) @ v - query_y).square().sum(-1).mean(-1)


def clustering(
    support_x: Tensor, support_y: Tensor, query_x: Tensor, query_y: Tensor, temperature: float = 0.5
) -> Tensor:
    """One minus the probability that a soft nearest neighbour in the support has the same class, per task, [T]."""
    a, b = query_x / _scale(query_x), support_x / _scale(support_x)
    nearness = torch.softmax(-torch.cdist(a, b).square() / (temperature * a.shape[-1] ** 0.5), -1)
    same = (query_y @ support_y.transpose(1, 2) > 0).to(nearness.dtype)
    return 1 - (nearness * same).sum(-1).mean(-1)


def _scale(x: Tensor) -> Tensor:
    return (x.square().mean((1, 2), keepdim=True) + 1e-6).sqrt()


OBJECTIVES: dict[str, FeatureLoss] = {
    "ridge": few_shot_ridge,
    "regression": few_shot_regression,
    "clustering": clustering,
}


def meta_loss(
    rule: UpdateRule,
    state: State,
    draw: FewShot,
    activation: str = "relu",
    objective: FeatureLoss = few_shot_ridge,
) -> Tensor:
    """The objective on a state's features, per task, [T].

    Support and query go through the network together, so batch norm sees both (transductive, as in the paper).
    """
    both = torch.cat([draw.support_x, draw.query_x], 1)
    features = rule.features(state, both, activation)
    n = draw.support_x.shape[1]
    return objective(features[:, :n], draw.support_y, features[:, n:], draw.query_y)
