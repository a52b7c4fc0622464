"""The work behind `auxin fit`: words to a request, progress, and what is said in the end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from auxin.cli._console import Output
from auxin.cli._progress import progress
from auxin.errors import ConfigError, message
from auxin.exported.card import TrainingRecord
from auxin.exported.model import Model
from auxin.judging.wording import name as named
from auxin.runs.executors import default_jobs
from auxin.runs.rows import DataSpec, SplitSpec
from auxin.runs.settings import parse
from auxin.studies import budget as budgets
from auxin.studies.engine import Progress as RunsDone
from auxin.studies.fit import FitRequest, Fitting
from auxin.studies.fit_finish import Fitted
from auxin.studies.fit_job import Told
from auxin.studies.request import pick_device

FEW = 50
"""Fewer validation rows than this are said to tell methods apart badly."""


@dataclass(frozen=True)
class Asked:
    """The arguments of `auxin fit`, as typed."""

    data: str
    root: Path | None
    options: tuple[tuple[str, Any], ...]
    method: str
    guard: bool
    budget: str
    labels_per_class: int | None
    validation: float
    test: float
    metric: str | None
    tries: int
    draws: int
    seed: int
    settings: tuple[str, ...]
    jobs: int | None
    engine: str
    address: str | None
    device: str
    out: Path | None
    command: str


def run(asked: Asked, output: Output) -> None:
    """Fit, and say what came of it."""
    request = _request(asked)
    output.say(f"  the model goes to {request.out}. Run the same command to resume.")
    with _telling(output) as tell:
        fitting = Fitting(request, tell)
        for sentence in _rows(fitting):
            output.say(f"  {sentence}")
        found = fitting.run()
    model = found.model if isinstance(found, Fitted) else found
    if isinstance(found, Model):
        output.say("  It was finished before: nothing is trained again. Another --out trains afresh.")
    _show(model, request, output, found.log_loss if isinstance(found, Fitted) else None)
    output.result({"model": str(request.out), "training": model.training.model_dump(mode="json")})


def _request(asked: Asked) -> FitRequest:
    for name in ("tries", "draws"):
        if getattr(asked, name) < 1:
            raise ConfigError(message(f"--{name} is too small", expected="at least 1"))
    split = SplitSpec(
        labels_per_class=asked.labels_per_class, validation=asked.validation, auxiliary=0.0, test=asked.test
    )
    return FitRequest(
        data=DataSpec(asked.data, str(asked.root) if asked.root else None, asked.options),
        split=split,
        out=asked.out or Path("models") / (Path(asked.data).name.split(".")[0] or "model"),
        method=asked.method,
        guard=asked.guard,
        settings=parse(asked.settings),
        tries=asked.tries,
        draws=asked.draws,
        seed=asked.seed,
        metric=asked.metric,
        budget=None if asked.budget.lower() == "none" else budgets.seconds(asked.budget),
        engine=asked.engine,
        address=asked.address,
        jobs=asked.jobs if asked.jobs is not None else default_jobs(),
        device=pick_device(asked.device),
        command=asked.command,
    )


def _rows(fitting: Fitting) -> list[str]:
    """Which rows do what, and which methods are compared."""
    sizes = fitting.splits.sizes
    if fitting.searches:
        return _searched(sizes)
    parts = [f"{sizes['train']:,} rows train", f"{sizes['validation']:,} choose"]
    if sizes["unlabelled"]:
        parts.insert(1, f"{sizes['unlabelled']:,} without a main label train auxiliaries")
    if sizes["development"]:
        parts.append(f"{sizes['development']:,} test, {sizes['confirmation']:,} test rows stay sealed")
    said = [f"{', '.join(parts)}."]
    if len(fitting.compared) > 1:
        said.append(f"Compared on validation: {', '.join(fitting.compared)}.")
        if sizes["validation"] < FEW:
            said.append(
                f"{sizes['validation']:,} rows tell methods apart badly, and ties go to single: `auxin compare` judges "
                "on test rows, and --method NAME --no-guard takes its word."
            )
    return said


def _searched(sizes: dict[str, int]) -> list[str]:
    """Which rows do what where candidates are cross-validated."""
    labelled = sizes["train"] + sizes["validation"]
    said = [f"{labelled:,} labelled rows choose by cross-validation and all train in the end."]
    if sizes["unlabelled"]:
        said.append(f"{sizes['unlabelled']:,} rows without a main label teach what can learn from them.")
    if sizes["development"]:
        said.append(f"{sizes['development']:,} rows test, {sizes['confirmation']:,} test rows stay sealed.")
    return said


@contextmanager
def _telling(output: Output) -> Iterator[Callable[[RunsDone | Told | str], None]]:
    with progress(output) as show:

        def tell(event: RunsDone | Told | str) -> None:
            if isinstance(event, str):
                output.say(f"  {event}")
            elif isinstance(event, Told):
                show(
                    "training" if event.phase == "run" else f"training {event.phase}",
                    event.epoch,
                    event.epochs,
                )
            else:
                show(event.phase, event.done + event.running, event.total)

        yield tell


def _show(model: Model, request: FitRequest, output: Output, log_loss: tuple[float, float] | None) -> None:
    record = model.training
    if record.advice:
        _advised(record, request, output)
        return
    decision = record.decision
    if decision is not None and len(decision.validation) > 1:
        output.say("", _table(decision.validation, decision.kept, record.metric))
    output.say(
        "", f"[bold]Kept: {record.method}[/bold], the weights after epoch {record.epoch} of {record.epochs}."
    )
    if decision is not None:
        output.say(f"  {decision.why}")
    if record.validation is not None:
        value = f"{record.validation:.4f}"
        stopped = record.settings.get("patience") is not None
        trained = "They never train" if stopped else "The network was then trained again with them"
        output.say(
            f"  Validation {named(record.metric)}: {value}, on rows that had not trained. They chose among methods and "
            f"settings, so it is a little too good. {trained}."
        )
    if record.test is not None:
        rows = f"{record.rows['development']:,} test rows that chose nothing"
        output.say(f"  Test {named(record.metric)}: {record.test:.4f}, on {rows}.")
    else:
        output.say("  No rows were kept to test it on (--test 0.2 keeps some).")
    if log_loss is not None:
        before, after = log_loss
        heat = model.predictor.temperature
        output.say(
            f"  Probabilities: temperature {heat:.2f}; validation log loss {before:.4f}, then {after:.4f}."
        )
    output.say(f"\n{request.out}: model.json, weights.safetensors. Next: auxin predict {request.out} DATA")


def _advised(record: TrainingRecord, request: FitRequest, output: Output) -> None:
    """The candidates' scores, what is to be known of the model, and where it is."""
    assert record.decision is not None
    output.say("", _table(record.decision.validation, "", record.metric, "cross-validated"), "")
    for sentence in record.advice:
        output.say(f"  {sentence}")
    if record.test is not None:
        rows = f"{record.rows['development']:,} test rows that chose nothing"
        output.say(f"  Test {named(record.metric)}: {record.test:.4f}, on {rows}.")
    output.say(f"\n{request.out}: model.json and weights. Next: auxin predict {request.out} DATA")


def _table(scores: dict[str, float], kept: str, metric: str, how: str = "validation") -> Table:
    table = Table("method", f"{named(metric)}, {how}", box=None, padding=(0, 2, 0, 1))
    for name, value in sorted(scores.items(), key=lambda pair: -pair[1]):
        table.add_row(f"[bold]{name}[/bold]" if name == kept else name, f"{value:.4f}")
    return table
