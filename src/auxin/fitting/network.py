"""Many small networks side by side: every fold, seed and try of one kind of network in one batch of matrix products."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from auxin.fitting.candidates import Candidate, Member
from auxin.fitting.inputs import Inputs
from auxin.fitting.rows import Folds, Rows, in_units
from auxin.fitting.scores import pooled
from auxin.rivals import Options, Vectors
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes
from auxin.tasks.regression import Regression

HIDDEN = 48
SEEDS = 2
"""Networks that are averaged."""
STEPS = 120
WARM = 0.1
"""The share of the steps over which the rate rises."""
AUXILIARY_ROWS = 128
"""Rows per step that teach the auxiliary tasks alone."""
CLIP = 2.0
"""The largest norm of one network's gradient."""
MAX_ROWS = 1024
"""Labelled rows per step; of more, a random part."""


class Bank(nn.Module):
    """E networks of the same shape with weights of their own, evaluated at once.

        h = relu(W_1 x + b_1),  h' = relu(W_2 h + b_2),  output = V h' + U x + c       (U: the linear skip path)

    Args:
        count: E.
        inputs: P.
        outputs: numbers per task, by name.
        seeds: Seeds of each network's initial weights, so that a network does not depend on what stands beside it.
    """

    def __init__(self, count: int, inputs: int, outputs: Mapping[str, int], seeds: Sequence[int]) -> None:
        super().__init__()
        self.first = _initial_weights(seeds, inputs, HIDDEN, 0)
        self.first_bias = nn.Parameter(torch.zeros(count, 1, HIDDEN))
        self.second = _initial_weights(seeds, HIDDEN, HIDDEN, 1)
        self.second_bias = nn.Parameter(torch.zeros(count, 1, HIDDEN))
        self.heads = nn.ParameterDict(
            {
                _key(k): nn.Parameter(0.1 * _initial_weights(seeds, HIDDEN, w, 2 + i).detach())
                for i, (k, w) in enumerate(outputs.items())
            }
        )
        self.skips = nn.ParameterDict(
            {_key(name): nn.Parameter(torch.zeros(count, inputs, width)) for name, width in outputs.items()}
        )
        self.biases = nn.ParameterDict(
            {_key(name): nn.Parameter(torch.zeros(count, 1, width)) for name, width in outputs.items()}
        )

    def forward(self, x: Tensor, tasks: Sequence[str], dropout: float | Tensor = 0.0) -> dict[str, Tensor]:
        """Inputs [n, P] to outputs [E, n, width] by task."""
        hidden = _dropped(F.relu(_each(x, self.first) + self.first_bias), dropout)
        hidden = _dropped(F.relu(torch.baddbmm(self.second_bias, hidden, self.second)), dropout)
        return {
            name: torch.baddbmm(self.biases[_key(name)], hidden, self.heads[_key(name)])
            + _each(x, self.skips[_key(name)])
            for name in tasks
        }


def _key(name: str) -> str:
    return "task " + name.replace(".", "·")


def _initial_weights(seeds: Sequence[int], rows: int, columns: int, place: int) -> nn.Parameter:
    scale = (2.0 / rows) ** 0.5
    drawn = [
        torch.randn(rows, columns, generator=torch.Generator().manual_seed(1000 * seed + place))
        for seed in seeds
    ]
    return nn.Parameter(scale * torch.stack(drawn))


def _each(x: Tensor, weight: Tensor) -> Tensor:
    """x [n, P] through every network's weight [E, P, H]: [E, n, H], as one matrix product."""
    e, p, h = weight.shape
    return (x @ weight.permute(1, 0, 2).reshape(p, e * h)).reshape(len(x), e, h).permute(1, 0, 2)


def _dropped(hidden: Tensor, share: float | Tensor) -> Tensor:
    if isinstance(share, float) and share == 0.0:
        return hidden
    keep = 1 - torch.as_tensor(share).view(-1, 1, 1)
    return hidden * (torch.rand_like(hidden) < keep) / keep


@dataclass(frozen=True, eq=False)
class BankJob:
    """What a bank is trained on.

    Attributes:
        rows: The training rows.
        x: Their inputs as the networks take them, [N, P].
        used: Which labelled rows each group of networks learns from, bool [G, N].
        options: Options of every group.
        seed: Seed of weights and batches.
        units: The main task in each group's own units; the rows' units for all where not given.
    """

    rows: Rows
    x: Tensor
    used: Tensor
    options: Sequence[Options]
    seed: int
    units: Sequence[Task] = ()

    @property
    def apart(self) -> bool:
        """Whether every group has targets of its own."""
        return bool(self.units) and isinstance(self.rows.task, Regression)

    def targets(self) -> Tensor:
        """The main targets, [N, ...]; where groups have their own units, [E, N], so that each loss is in its own."""
        y, task = self.rows.y, self.rows.task
        if not self.apart or not isinstance(task, Regression):
            return y
        z = (y[:, None].double() - task.mean) / task.scale
        each = torch.stack([in_units(z, task, own)[:, 0] for own in self.units])
        return (each * task.scale + task.mean).to(y.dtype).repeat_interleave(SEEDS, 0)


def train_bank(job: BankJob) -> tuple[Bank, list[str]]:
    """Train SEEDS networks for each group; network g * SEEDS + s is group g's, with seed s.

    AdamW with decoupled weight decay, a rate that rises and then falls as a cosine, and gradients clipped for each
    network. A group whose loss is not finite at the end is trained again at a third of its rate.
    """
    bank, finite = _train(job, 1.0)
    if not bool(finite.all()):
        slower, _ = _train(job, 1 / 3)
        for own, other in zip(bank.parameters(), slower.parameters(), strict=True):
            own.data = torch.where(finite.view(-1, *[1] * (own.dim() - 1)), own.data, other.data)
    return bank, list(job.rows.auxiliaries)


def _train(job: BankJob, factor: float) -> tuple[Bank, Tensor]:
    groups = len(job.used)
    wide = lambda name, default: torch.tensor(  # noqa: E731
        [float(o.get(name, default)) for o in job.options for _ in range(SEEDS)]
    )
    rate, decay = factor * wide("rate", 5e-3), wide("decay", 0.02)
    dropout, weight = wide("dropout", 0.1), wide("auxiliary", 0.0)
    taught = bool((weight > 0).any())
    task = job.rows.task
    tasks = {task.name: task} | ({n: t for n, (t, _) in job.rows.auxiliaries.items()} if taught else {})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(job.seed)
        seeds = [job.seed * SEEDS + s for _ in range(groups) for s in range(SEEDS)]
        bank = Bank(groups * SEEDS, job.x.shape[1], {n: t.width for n, t in tasks.items()}, seeds)
        used = job.used.float().repeat_interleave(SEEDS, 0)
        labelled = torch.from_numpy(job.rows.labelled)
        held = torch.ones(len(used), len(job.x))
        held[:, labelled] = used[:, labelled]
        moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in bank.parameters()]
        generator = torch.Generator().manual_seed(job.seed)
        wanted = job.targets()
        for step in range(STEPS):
            part = labelled
            if len(part) > MAX_ROWS:
                part = labelled[torch.randperm(len(labelled), generator=generator)[:MAX_ROWS]]
            found = bank(job.x[part], [task.name], dropout)[task.name]
            y = wanted[:, part] if job.apart else wanted[part]
            loss = _weighted(task, found, y, used[:, part]).sum()
            if taught:
                other = torch.randint(len(job.x), (AUXILIARY_ROWS,), generator=generator)
                names = list(job.rows.auxiliaries)
                found = bank(job.x[other], names, dropout)
                for name in names:
                    kind, y = job.rows.auxiliaries[name]
                    each = _weighted(kind, found[name], y[other], held[:, other])
                    loss = loss + (weight / len(names) * each).sum()
            grads = torch.autograd.grad(loss, list(bank.parameters()))
            _adamw(bank, grads, moments, step, _rate_share(step) * rate, decay)
    with torch.no_grad():
        found = bank(job.x[labelled], [task.name])[task.name]
        return bank, torch.isfinite(found).all(2).all(1)


def _weighted(task: Task, outputs: Tensor, y: Tensor, weights: Tensor) -> Tensor:
    """Each network's mean loss over the rows that count for it, [E]: outputs [E, n, width], weights [E, n].

    The targets are [n, ...], the same for all networks, or of a number [E, n].
    """
    e, n, width = outputs.shape
    weights = weights * task.present(y).float()
    if isinstance(task, Regression) and y.dim() == 2:
        each = task.loss(outputs.reshape(e * n, width), y.reshape(e * n)).reshape(e, n)
        return (each * weights).sum(1) / weights.sum(1).clamp(min=1.0)
    if isinstance(task, Classes) and not y.is_floating_point():
        log_p = outputs.log_softmax(2)
        each = -log_p.gather(2, y.clamp(min=0).view(1, n, 1).expand(e, n, 1))[:, :, 0]
    else:
        each = task.loss(outputs.reshape(e * n, width), y.repeat(e, *[1] * (y.dim() - 1))).reshape(e, n)
    return (each * weights).sum(1) / weights.sum(1).clamp(min=1.0)


def _rate_share(step: int) -> float:
    warm = WARM * STEPS
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + float(np.cos(np.pi * (step - warm) / (STEPS - warm))))


def _adamw(
    bank: Bank,
    grads: Sequence[Tensor],
    moments: Sequence[tuple[Tensor, Tensor]],
    step: int,
    rate: Tensor,
    decay: Tensor,
) -> None:
    """One step of AdamW, each network with its own rate, decay and clipping."""
    norm = torch.stack([g.square().sum(dim=tuple(range(1, g.dim()))) for g in grads]).sum(0).sqrt()
    scale = (CLIP / norm.clamp(min=CLIP)).nan_to_num(0.0)
    with torch.no_grad():
        for own, grad, (first, second) in zip(bank.parameters(), grads, moments, strict=True):
            view = (-1, *[1] * (own.dim() - 1))
            grad = grad * scale.view(view)
            first.lerp_(grad, 0.1)
            second.lerp_(grad.square(), 0.01)
            a, b = first / (1 - 0.9 ** (step + 1)), second / (1 - 0.99 ** (step + 1))
            if own.shape[1] > 1:
                own.mul_(1 - rate.view(view) * decay.view(view))
            own.sub_(rate.view(view) * a / (b.sqrt() + 1e-8))


@dataclass(frozen=True, eq=False)
class NetworkMember(Member):
    """Networks of one group, averaged.

    Attributes:
        task: The main task.
        inputs: vectors to what the networks take.
        weights: Weights of the trunk and the main head, by name, each [S, ...].
    """

    task: Task
    inputs: Inputs
    weights: Mapping[str, Tensor]

    def outputs(self, x: Vectors) -> Tensor:
        """The outputs whose probabilities or values are the networks' mean; in float64, so that no row's depend on
        which other rows are predicted with it.
        """
        made, weights = self.inputs.transform(x).double(), {k: v.double() for k, v in self.weights.items()}
        with torch.no_grad():
            found = [forward(weights, part) for part in made.split(2000)]
        return pooled(self.task, list(torch.cat(found, 1)))


def forward(weights: Mapping[str, Tensor], x: Tensor) -> Tensor:
    """The networks' main outputs, [S, n, width]."""
    hidden = F.relu(_each(x, weights["first"]) + weights["first_bias"])
    hidden = F.relu(torch.baddbmm(weights["second_bias"], hidden, weights["second"]))
    return torch.baddbmm(weights["bias"], hidden, weights["head"]) + _each(x, weights["skip"])


def member(rows: Rows, inputs: Inputs, bank: Bank, group: int) -> NetworkMember:
    """One group's networks, without their auxiliary heads."""
    key, part = _key(rows.task.name), slice(group * SEEDS, (group + 1) * SEEDS)
    weights = {
        "first": bank.first, "first_bias": bank.first_bias, "second": bank.second, "second_bias": bank.second_bias,
        "head": bank.heads[key], "skip": bank.skips[key], "bias": bank.biases[key],
    }  # fmt: skip
    return NetworkMember(rows.task, inputs, {k: v.detach()[part].clone() for k, v in weights.items()})


@dataclass(eq=False)
class NetworkCandidate(Candidate):
    """Networks with one set of options.

    Attributes:
        family: `network`, or `network + auxiliaries`.
        options: Rate, decay, dropout, and the auxiliary tasks' weight.
        together: The tries that are trained in one bank with this one, and what came of it.
    """

    family: str
    options: Options
    shared: dict[Any, Tensor] = field(default_factory=dict)
    together: Sequence["NetworkCandidate"] = ()

    @property
    def name(self) -> str:  # type: ignore[override]
        """The family's name and the options."""
        said = ", ".join(f"{k} {v:g}" for k, v in self.options.items() if isinstance(v, float))
        return f"{self.family} ({said})"

    @property
    def simplicity(self) -> int:  # type: ignore[override]
        """8: exports as a network, but is no simpler than a forest."""
        return 8 if "auxiliary" in self.options else 7

    def train(self, rows: Rows, kept: np.ndarray, seed: int) -> Member:
        """Train on these rows."""
        inputs = Inputs.fit(rows)
        used = torch.zeros(1, rows.x.shape[0], dtype=torch.bool)
        used[0, torch.from_numpy(kept)] = True
        bank, _ = train_bank(BankJob(rows, inputs.transform(rows.x), used, [self.options], seed))
        return member(rows, inputs, bank, 0)

    def out_of_fold(self, rows: Rows, folds: Folds, seed: int, until: float | None = None) -> Tensor:
        """All folds side by side, so that there is no fold after which to stop."""
        del until
        inputs = Inputs.fit(rows)
        x, pairs = inputs.transform(rows.x), folds.pairs(rows.labelled)
        used = torch.zeros(len(pairs), rows.x.shape[0], dtype=torch.bool)
        for group, (_, kept, _) in enumerate(pairs):
            used[group, torch.from_numpy(kept)] = True
        units = [rows.own_units(kept).task for _, kept, _ in pairs]
        bank, _ = train_bank(BankJob(rows, x, used, [self.options] * len(pairs), seed, units))
        outputs = (
            in_units(member(rows, inputs, bank, group).outputs(rows.x[rows.labelled[held]]), own, rows.task)
            for group, (own, (_, _, held)) in enumerate(zip(units, pairs, strict=True))
        )
        return folds.gathered(rows.labelled, outputs)


def network_candidates(rows: Rows, tries: int) -> dict[str, list[Candidate]]:
    """Networks of the main task alone, and beside the auxiliary tasks where there are any."""
    plain: list[Options] = [
        {"rate": 5e-3, "decay": 0.1, "dropout": 0.2},
        {"rate": 2e-3, "decay": 1.0, "dropout": 0.4},
        {"rate": 1e-2, "decay": 0.02, "dropout": 0.0},
    ]
    found: dict[str, list[Candidate]] = {"network": [NetworkCandidate("network", o) for o in plain[:tries]]}
    if rows.auxiliaries:
        aux = [{**o, "auxiliary": w} for o, w in zip(plain, (1.0, 0.3, 1.0), strict=True)]
        found["network + auxiliaries"] = [NetworkCandidate("network + auxiliaries", o) for o in aux[:tries]]
    return found
