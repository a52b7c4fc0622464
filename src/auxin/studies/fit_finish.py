"""Turn a trained network into a model: the main task alone, calibrated, with the record of its training."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from torch import Tensor

from auxin import strategies
from auxin.exported.card import CardDecision, TrainingRecord, TrunkState
from auxin.exported.model import Model
from auxin.exported.predictor import Predictor
from auxin.models.base import PrimaryNetwork
from auxin.runs.build import PreparedRun, trunk_options
from auxin.runs.environment import hardware, versions
from auxin.runs.settings import options
from auxin.strategies.base import SINGLE, Outcome
from auxin.strategies.guard import Guard
from auxin.studies.fit_job import FitJob
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes
from auxin.tasks.dense_classes import DenseClasses
from auxin.tasks.multilabel import Multilabel
from auxin.training.evaluate import outputs

SHARPER, SOFTER = 0.25, 1.0
"""Standard deviations of log(temperature) below and above 0 before any row is seen: a few rows that are all right are
no reason to make probabilities surer."""
WIDEST = 3.0
"""Bounds of log(temperature)."""


@dataclass(frozen=True)
class FitOutcome:
    """A model, and what was found on the way.

    Attributes:
        model: predicts with the main task alone.
        outcome: What the strategy ended with; None where no strategy was followed.
        log_loss: Log loss of the validation rows before and after calibration; None where nothing was calibrated.
    """

    model: Model
    outcome: Outcome | None
    log_loss: tuple[float, float] | None = None


@dataclass(frozen=True)
class TrainingOutcome:
    """What training ended with.

    Attributes:
        outcome: The network that is kept, trained on every labelled row unless validation rows chose its epoch.
        held: The same training without the validation rows; None where there are none.
        score: The metric of `held` on the validation rows; None without them.
    """

    outcome: Outcome
    held: PreparedRun | None
    score: float | None


def follow(job: FitJob, guard: bool) -> TrainingOutcome:
    """Train by the method's strategy without the validation rows, then what was chosen on every labelled row.

    Args:
        job: The phases.
        guard: Whether validation decides between the method and the main task alone.
    """
    chain = job.method.strategy
    if guard and job.method.auxiliary and chain.split(":")[0] != "guard":
        chain = "guard" if chain == "joint" else f"guard:{chain}"
    strategy = strategies.build(chain, options(job.settings, "strategy"))
    if not len(job.splits.validation):
        outcome = strategy.follow(job)
        return TrainingOutcome(replace(outcome, notes=(*job.notes, *outcome.notes)), None, None)
    holding = job.within("held", hold=True) if job.refit else job
    outcome = strategy.follow(holding)
    held = outcome.run
    assert isinstance(held, PreparedRun)
    score = holding.score(held)
    single = outcome.decision is not None and outcome.decision.kept == "single"
    inner = strategy.inner if isinstance(strategy, Guard) else strategy
    if job.refit and (single or not inner.holds_validation):
        final = Outcome(job.fresh(job.phase(method=SINGLE))) if single else inner.follow(job)
        outcome = replace(final, notes=outcome.notes, decision=outcome.decision)
    return TrainingOutcome(replace(outcome, notes=(*job.notes, *outcome.notes)), held, score)


def finish(
    job: FitJob,
    trained: TrainingOutcome,
    requested: str,
    *,
    decision: CardDecision | None = None,
    notes: Sequence[str] = (),
    test: Tensor | None = None,
    **about: Any,
) -> FitOutcome:
    """Cut the auxiliaries off, calibrate on rows that did not train, and write the record.

    Args:
        job: The phases.
        trained: What training ended with.
        requested: Method that the user named.
        decision: Decision of an earlier comparison, or None.
        notes: Sentences about the decisions.
        test: Test rows to be scored, or None.
        about: Further fields of `TrainingRecord` (`command`, `seconds`, `started`).
    """
    outcome, held, run = trained.outcome, trained.held, trained.outcome.run
    assert isinstance(run, PreparedRun)
    assert isinstance(run.network, PrimaryNetwork)
    heat, losses = 1.0, None
    if held is not None:
        rows = job.splits.validation
        heat, losses = calibrated(held.task, *outputs(held.network, held.pool, rows, held.task))
    settings = _settings(job, run)
    if (found := outcome.decision) is not None:
        decision = CardDecision(
            kept=found.kept, asked=requested, why=found.sentence, validation=dict(found.scores)
        )
    best = run.state.best
    record = TrainingRecord(
        data=job.dataset.name,
        method=decision.kept if decision is not None else job.name,
        seed=job.seed,
        split_hash=job.splits.hash,
        rows=job.splits.sizes,
        settings=settings,
        metric=job.metric or run.task.metrics[0],
        validation=trained.score,
        test=job.score_on(run, test) if test is not None and len(test) else None,
        epoch=best["epoch"] if best is not None else len(run.state.logs),
        epochs=run.plan.epochs,
        decision=decision,
        notes=[*notes, *outcome.notes, *run.state.learner.notes],
        versions=versions(),
        hardware=hardware(job.device),
        **about,
    )
    predictor = Predictor.of(run.network.cpu(), run.task, run.pool.mean.cpu(), run.pool.std.cpu(), heat)
    name = str(settings["model"])
    roles = (job.within("held", hold=True) if run is held else job).roles(run.phase)
    data = job.dataset.fitted(roles.train, roles.every_training_row, name)
    trunk = TrunkState(name=name, shape=list(run.pool.shape), options=trunk_options(settings, data))
    return FitOutcome(Model(predictor.float(), trunk, record, data.encoder), outcome, losses)


def _settings(job: FitJob, run: PreparedRun) -> dict[str, Any]:
    alone = job.alone if not run.phase.method.auxiliary else None
    return {**(job.settings if alone is None else alone), **run.phase.settings}


def calibrated(task: Task, found: Tensor, wanted: Tensor) -> tuple[float, tuple[float, float] | None]:
    """The temperature that makes the labels likeliest, and the mean log loss before and after it.

    The most probable T under a prior around 1: the least of n * log_loss(outputs / T) + (log T)^2 / (2 s^2), where s
    is 0.25 for T below 1 and 1 above. On digits with ten labels per class, twenty validation rows, 19 of them right,
    asked for T = 0.36 without a prior and 0.83 with it; on 450 test rows 0.8 was best and 0.5 much worse than 1.
    1 and None for tasks without logits.

    >>> import torch
    >>> outputs = torch.tensor([[4.0, 0.0]]).repeat(200, 1)
    >>> labels = (torch.arange(200) % 4 == 0).long()  # sure at 98 %, right at 75 %
    >>> heat, (before, after) = calibrated(Classes("y", 2), outputs, labels)
    >>> round((1 / (1 + torch.tensor(-4.0 / heat).exp())).item(), 2), before > after
    (0.76, True)
    """
    rows = int(task.present(wanted).sum())
    if not isinstance(task, Classes | DenseClasses | Multilabel) or not rows:
        return 1.0, None
    found = found.double()

    def loss(log: float) -> float:
        return _log_loss(task, found / float(np.exp(log)), wanted)

    def regret(log: float) -> float:
        return rows * loss(log) + log**2 / (2 * (SHARPER if log < 0 else SOFTER) ** 2)

    best: Any = minimize_scalar(regret, bounds=(-WIDEST, WIDEST), method="bounded")
    return float(np.exp(best.x)), (loss(0.0), loss(float(best.x)))


def _log_loss(task: Task, found: Tensor, wanted: Tensor) -> float:
    if isinstance(task, Classes):
        return -task.score(found, wanted, "log_loss")
    kept = task.present(wanted)
    plain = DenseClasses(task.name, task.width) if isinstance(task, DenseClasses) else task
    return float(plain.loss(found[kept], wanted[kept]).mean())
