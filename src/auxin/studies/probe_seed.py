"""The probe of one seed: train the main task alone, fit every candidate's head on the frozen trunk, score."""

import copy
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from auxin import catalogue
from auxin.analysis.probe import (
    Directions,
    candidate_scores,
    curvature_product,
    directions,
    fit_head,
    mean_loss,
)
from auxin.data import Dataset, DevicePool, Splits
from auxin.errors import DataError
from auxin.math.params import norm
from auxin.math.products import Product, differentiate
from auxin.math.vectors import largest_eigenvalue
from auxin.methods import resolve
from auxin.methods.base import Setting
from auxin.models import build_network
from auxin.models.base import PrimaryNetwork
from auxin.records.probe import Kind, ScoredCandidate, SeedProbe
from auxin.requests.probe import ProbeSettings
from auxin.runs.applicable import auxiliaries
from auxin.runs.build import PreparedRun, build
from auxin.runs.settings import options
from auxin.solvers.conjugate_gradient import ConjugateGradient
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes
from auxin.training.loop import EpochCallbacks, fit
from auxin.training.reproducible import derive, generator
from auxin.typing import Batch

RANDOM = "random labels"
TOLERANCE = 0.01
"""The relative residual at which a linear system counts as solved: far below what batches differ by."""
LEAST = 5
"""The fewest held-out rows of a batch."""


@dataclass(frozen=True, eq=False)
class AuxiliaryCandidate:
    """An auxiliary task and rows that carry its label.

    Attributes:
        task: Task, with its loss and head.
        kind: Where it is from.
        batch: The rows.
    """

    task: Task
    kind: Kind
    batch: Batch


@dataclass(frozen=True, eq=False)
class ProbedNetwork:
    """A network trained on the main task alone, ready to be asked about candidates.

    Attributes:
        network: In evaluation mode, with the main task's head alone; only the parameters that H is over require a
            gradient.
        task: The main task.
        train: The rows of L_T.
        held_out: The batches of L_A.
        product: With H.
        largest: H's largest eigenvalue.
    """

    network: PrimaryNetwork
    task: Task
    train: Batch
    held_out: list[Batch]
    product: Product
    largest: float

    @property
    def params(self) -> list[Tensor]:
        """What H is over."""
        return [p for p in self.network.parameters() if p.requires_grad]

    def directions(self, sizes: ProbeSettings) -> Directions:
        """grad L_A and (H + lambda I)^-1 grad L_A, with lambda as `sizes` says."""
        solver = ConjugateGradient(sizes.steps, TOLERANCE, sizes.damping * self.largest)
        return directions(self.network, self.task, self.held_out, self.product, solver)


def probe_seed(
    dataset: Dataset,
    splits: Splits,
    settings: Mapping[str, Setting],
    seed: int,
    sizes: ProbeSettings,
    pretexts: Sequence[str] = (),
    device: torch.device | str = "cpu",
) -> SeedProbe:
    """Train on the main task alone, then score every candidate.

    Args:
        dataset: Its auxiliary tasks are candidates.
        splits: `train` trains, `auxiliary` (else `validation`) holds L_A, `unlabelled` adds rows to candidates.
        settings: Every hyperparameter, flat.
        seed: Seed of networks, batches and draws.
        sizes: The damping and the sizes.
        pretexts: self-made candidates, by name.
        device: Device of the run.

    Raises:
        DataError: There are too few held-out rows.
    """
    begun = time.perf_counter()
    built = trained_alone(dataset, splits, settings, seed, device)
    ready = prepare(built, splits, sizes)
    found = ready.directions(sizes)
    scored = [
        score(ready, found, candidate, built.pool.shape, settings, seed, sizes.batches)
        for candidate in candidates(dataset, splits, built.pool, seed, sizes.rows, pretexts)
    ]
    train_loss = _main_loss(ready, ready.train)
    return SeedProbe(
        seed=seed,
        split_hash=splits.hash,
        damping=sizes.damping * ready.largest,
        largest=ready.largest,
        residual=found.residual,
        gradient=float(norm(differentiate([train_loss], ready.params))),
        train_loss=float(train_loss.detach()),
        held_out_loss=sum(float(_main_loss(ready, b).detach()) for b in ready.held_out) / len(ready.held_out),
        train_rows=len(ready.train),
        held_out_rows=sum(map(len, ready.held_out)),
        candidates=scored,
        seconds=time.perf_counter() - begun,
    )


def trained_alone(
    dataset: Dataset,
    splits: Splits,
    settings: Mapping[str, Setting],
    seed: int,
    device: torch.device | str = "cpu",
) -> PreparedRun:
    """Single-task training to the plan's end."""
    built = build(dataset, splits, resolve("single"), settings, seed, device)
    fit(built.state, built.plan, EpochCallbacks())
    return built


def prepare(built: PreparedRun, splits: Splits, sizes: ProbeSettings) -> ProbedNetwork:
    """Freeze, cut the held-out rows into batches, find H's largest eigenvalue.

    Raises:
        DataError: There are fewer than ten held-out rows.
    """
    rows = splits.auxiliary if len(splits.auxiliary) else splits.validation
    if len(rows) < 2 * LEAST:
        raise DataError(
            "There are too few held-out rows to compute the loss L_A",
            expected=f"at least {2 * LEAST}",
            found=str(len(rows)),
            do="Hold out more rows with --validation 0.5",
        )
    network = copy.deepcopy(built.network).eval()
    assert isinstance(network, PrimaryNetwork)
    if sizes.over == "shared":
        network.heads.requires_grad_(False)
    train = built.pool.batch(splits.train)
    held_out = [built.pool.batch(part) for part in rows.chunk(min(sizes.batches, len(rows) // LEAST))]
    product = curvature_product(network, built.task, train, sizes.curvature)
    like = [p.detach() for p in network.parameters() if p.requires_grad]
    largest = largest_eigenvalue(product, like, steps=15)
    return ProbedNetwork(network, built.task, train, held_out, product, largest)


def candidates(
    dataset: Dataset, splits: Splits, pool: DevicePool, seed: int, rows: int, pretexts: Sequence[str]
) -> list[AuxiliaryCandidate]:
    """The data's auxiliary tasks, the self-made ones, and labels drawn at random as a reference."""
    draw = generator(seed, "probe")
    every = torch.cat([splits.train, splits.unlabelled])
    fitted = dataset.fitted(every)
    found = []
    for name in auxiliaries(dataset):
        task = _cross_entropy(fitted.tasks[name])
        labelled = every[task.present(dataset.y[name][every])]
        found.append(AuxiliaryCandidate(task, "given", pool.batch(_some(labelled, rows, draw))))
    seen = pool.batch(_some(every, rows, draw))
    for name in pretexts:
        pretext = catalogue.load("pretexts", name).build(pool.shape)
        x, target = pretext(seen.x, generator(seed, "probe", name, device=pool.device))
        batch = Batch(x, {pretext.task.name: target}, seen.rows)
        found.append(AuxiliaryCandidate(_cross_entropy(pretext.task), "self-made", batch))
    main = dataset.tasks[dataset.main]
    classes = main.width if isinstance(main, Classes) else 10
    drawn = torch.randint(classes, (len(seen),), generator=draw).to(pool.device)
    useless = Classes(RANDOM, classes, "cross_entropy")
    return [*found, AuxiliaryCandidate(useless, "reference", replace(seen, y={RANDOM: drawn}))]


def _some(rows: Tensor, count: int, draw: torch.Generator) -> Tensor:
    return rows[torch.randperm(len(rows), generator=draw)[:count]]


def _cross_entropy(task: Task) -> Task:
    if not isinstance(task, Classes):
        return task
    return Classes(task.name, task.width, "cross_entropy", label_names=task.label_names)


def score(
    ready: ProbedNetwork,
    found: Directions,
    candidate: AuxiliaryCandidate,
    shape: tuple[int, ...],
    settings: Mapping[str, Setting],
    seed: int,
    batches: int,
) -> ScoredCandidate:
    """Fit the candidate's head on the frozen trunk, then score it batch by batch."""
    task, batch = candidate.task, candidate.batch
    heads: dict[str, Any] = {task.name: task}
    model, drawn = str(settings["model"]), derive(seed, "network")
    own = build_network(model, shape, heads, drawn, **options(settings, "model"))
    head = own.heads[task.name].to(batch.x.device)
    trunk = ready.network.trunk
    with torch.no_grad():
        features = torch.cat([trunk(x) for x in batch.x.split(256)])
    loss = fit_head(head, features, batch.y[task.name], task)
    head.requires_grad_(False)
    parts = [
        Batch(batch.x[r], {task.name: batch.y[task.name][r]}, batch.rows[r])
        for r in torch.arange(len(batch)).chunk(batches)
    ]
    scores = candidate_scores(found, trunk, ready.params, head, task, parts)
    return ScoredCandidate(
        name=task.name,
        kind=candidate.kind,
        newton=scores.newton.tolist(),
        cosine=scores.cosine.tolist(),
        head_loss=loss,
        length=float(scores.length.mean()),
        rows=len(batch),
    )


def _main_loss(ready: ProbedNetwork, batch: Batch) -> Tensor:
    with torch.enable_grad():
        return mean_loss(ready.task, ready.network(batch.x)[ready.task.name], batch.y[ready.task.name])
