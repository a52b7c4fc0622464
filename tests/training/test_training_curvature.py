"""The output curvature of a training loss: Fisher blocks, weights, masks; Gauss-Newton with it."""

import torch
from torch import Tensor, nn

from auxin import catalogue
from auxin.combiners.base import TaskLosses
from auxin.hypergradients import hypergradient
from auxin.tasks.classes import Classes
from auxin.tasks.regression import Regression
from auxin.training.curvature import loss_weights
from auxin.training.objective import Objective
from auxin.typing import Batch

D = torch.float64
X = torch.randn(6, 5, generator=torch.Generator().manual_seed(0), dtype=D)
BATCH = Batch(
    X,
    {
        "main": torch.tensor([0, 1, 2, -1, 1, 0]),
        "kind": torch.tensor([0, 1, -1, 1, 0, 1]),
        "size": torch.tensor([0.5, float("nan"), 1.0, -1.0, 2.0, 0.0], dtype=D),
    },
    torch.arange(6),
)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Tanh())
        self.heads = nn.ModuleDict(
            {"main": nn.Linear(4, 3), "kind": nn.Linear(4, 2), "size": nn.Linear(4, 1)}
        )

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        z = self.trunk(x)
        return {name: head(z) for name, head in self.heads.items()}


def make() -> tuple[Objective, Net]:
    torch.manual_seed(0)
    tasks = [Classes("main", 3), Classes("kind", 2), Regression("size")]
    combiner = catalogue.load("combiners", "monotone")(3).to(D)
    return Objective({t.name: t for t in tasks}, None, combiner), Net().to(D)


def flat(signals: dict[str, Tensor]) -> Tensor:
    return torch.cat([t.flatten() for t in signals.values()])


def test_the_blocks_are_the_fishers_weighted_by_the_combiners_slopes():
    criterion, net = make()
    signals = {k: v.detach() for k, v in net(X).items()}
    losses = criterion.losses(signals, BATCH, None)
    weights = loss_weights(criterion.combiner, losses)  # type: ignore[arg-type]
    assert float(weights.min()) == 0.0
    assert torch.equal(weights > 0, losses.present)
    slope = {k: torch.randn_like(v) for k, v in signals.items()}
    found = criterion.output_curvature(signals, BATCH, None)(slope)
    for i, name in enumerate(("main", "kind")):
        p = signals[name].softmax(1)
        fisher = torch.diag_embed(p) - p.unsqueeze(2) * p.unsqueeze(1)
        expected = weights[:, i, None] * (fisher @ slope[name].unsqueeze(2)).squeeze(2)
        torch.testing.assert_close(found[name], expected)  # type: ignore[index]
    ratio = found["size"].flatten() / slope["size"].flatten() / weights[:, 2]  # type: ignore[index]
    kept = losses.present[:, 2]
    torch.testing.assert_close(ratio[kept], ratio[kept][:1].expand(int(kept.sum())))
    assert float(found["size"][~kept].abs().sum()) == 0.0  # type: ignore[index]


def test_it_is_positive_even_where_the_combiner_falls_in_a_loss():
    criterion, net = make()
    with torch.no_grad():
        for q in criterion.combiner.parameters():
            q.copy_(torch.randn_like(q))
    signals = {k: v.detach() for k, v in net(X).items()}
    times = criterion.output_curvature(signals, BATCH, None)
    sizes = {k: v.numel() for k, v in signals.items()}
    columns = []
    for unit in torch.eye(sum(sizes.values()), dtype=D):
        parts = unit.split(list(sizes.values()))
        slope = {k: u.reshape(signals[k].shape) for k, u in zip(sizes, parts, strict=True)}
        columns.append(flat(times(slope)))  # type: ignore[arg-type]
    matrix = torch.stack(columns, 1)
    torch.testing.assert_close(matrix, matrix.T)
    assert float(torch.linalg.eigvalsh(matrix).min()) > -1e-12


def test_a_falling_combiner_has_no_negative_weight():
    class Falling(nn.Module):
        def forward(self, losses: TaskLosses) -> Tensor:
            return -losses.means().sum()

    criterion, net = make()
    losses = criterion.losses(net(X), BATCH, None)
    assert float(loss_weights(Falling(), losses).abs().max()) == 0.0  # type: ignore[arg-type]


def test_gauss_newton_hypergradients_and_influences_of_the_loops_own_problem():
    criterion, net = make()
    found = hypergradient(
        criterion.problem(net), BATCH, estimator="implicit", solver="gauss_newton", steps=30
    )
    assert found.residual is not None
    assert found.residual < 1e-6
    assert found.notes == []
    assert found.influence is not None
    assert found.influence.shape == (6, 3)
    missing = ~criterion.losses(net(X), BATCH, None).present
    assert float(found.influence[missing].abs().max()) == 0.0
