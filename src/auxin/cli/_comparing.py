"""The work behind `auxin compare`: words to a request, progress, the table, what is left after Ctrl-C."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import typer

from auxin.cli._console import Output
from auxin.cli._progress import progress
from auxin.records.results import Comparison
from auxin.reports.plots import write_figures
from auxin.reports.read import read_results
from auxin.reports.table import terminal
from auxin.runs.executors import default_jobs
from auxin.runs.rows import DataSpec, SplitSpec
from auxin.runs.settings import parse
from auxin.studies import budget as budgets
from auxin.studies.compare import Comparing
from auxin.studies.confirm import confirm as confirm_once
from auxin.studies.engine import Progress as RunsDone
from auxin.studies.engine import Tell
from auxin.studies.presets import said, settled
from auxin.studies.request import Request, pick_device


@dataclass(frozen=True)
class Asked:
    """The arguments of `auxin compare`, as typed."""

    data: str
    root: Path | None
    options: dict[str, Any]
    methods: str
    labels_per_class: int | str | None
    fraction: float | None
    validation: float
    auxiliary: float
    seeds: int | None
    tries: int | None
    tuning_seeds: int
    twins: bool
    metric: str | None
    preset: str
    settings: tuple[str, ...]
    budget: str | None
    jobs: int | None
    engine: str
    address: str | None
    device: str
    refit: bool
    out: Path | None
    command: str


class Stopped(Exception):
    """A comparison was interrupted; what is finished has been judged and shown.

    Args:
        comparison: the verdict over what is finished.
    """

    def __init__(self, comparison: Comparison) -> None:
        super().__init__()
        self.comparison = comparison


def folder(asked: Asked) -> Path:
    """Where the result files go."""
    return asked.out or Path("runs") / _name(asked)


def compare(asked: Asked, output: Output, confirm: bool) -> Comparison:
    """Compare (or confirm) at one label budget, and show it.

    Raises:
        Stopped: Ctrl-C; what is finished has been shown.
    """
    request, decided = _request(asked)
    for sentence in [*decided, f"results in {request.out}. Run the same command to resume."]:
        output.say(f"  {sentence}")
    if confirm:
        return _shown(confirm_once(request), request, output)
    with _telling(output) as tell:
        job = Comparing(request, tell)
        for sentence in decided:
            job.notes.insert(0, sentence)
        try:
            comparison = job.run()
        except KeyboardInterrupt:
            raise Stopped(_shown(_interrupted(job, output), request, output)) from None
    return _shown(comparison, request, output)


def _interrupted(job: Comparing, output: Output) -> Comparison:
    if not job.finals(job.done):
        output.say(
            "[yellow]Interrupted before a final run was finished.[/yellow] Run the same command to resume."
        )
        raise typer.Exit(130)
    output.say("[yellow]Interrupted.[/yellow] What is finished is below. Run the same command to resume.")
    return job.judge_now()


def _request(asked: Asked) -> tuple[Request, list[str]]:
    decided = []
    methods = tuple(name.strip().replace("-", "_") for name in asked.methods.split(",") if name.strip())
    preset, paper = settled(asked.preset, methods)
    labels = asked.labels_per_class
    assert not isinstance(labels, str)
    if asked.data == "digits" and labels is None and asked.fraction is None and not paper:
        labels = 10
        decided.append(
            "digits with 10 labels per class, the validation rows' included (--labels-per-class 10)."
        )
    jobs = asked.jobs if asked.jobs is not None else default_jobs()
    device = pick_device(asked.device)
    decided.append(f"{_plural(jobs, 'process', 'processes')} on {device}, one thread each.")
    decided += said(preset, paper)
    options = tuple(sorted((k, v) for k, v in asked.options.items() if v is not None))
    validation, auxiliary = asked.validation, asked.auxiliary
    if paper:
        validation, auxiliary = paper.validation, asked.auxiliary or paper.auxiliary
    split = SplitSpec(labels, asked.fraction, validation, auxiliary)
    request = Request(
        data=DataSpec(asked.data, str(asked.root) if asked.root else None, options),
        split=split,
        methods=methods,
        out=folder(asked),
        preset=preset,
        settings=parse(asked.settings),
        seeds=asked.seeds if asked.seeds is not None else (paper.seeds if paper else 5),
        tries=1 if paper else asked.tries,
        tuning_seeds=asked.tuning_seeds,
        twins=asked.twins,
        metric=asked.metric,
        budget=budgets.seconds(asked.budget) if asked.budget else None,
        jobs=jobs,
        engine=asked.engine,
        address=asked.address,
        device=device,
        refit=asked.refit and not (paper and paper.validation),
        command=asked.command,
    )
    return request, decided


def _name(asked: Asked) -> str:
    """A folder's name that is the same for the same question, so that the same command goes on."""
    quiet = ("jobs", "engine", "address", "device", "out", "command", "budget")
    told = [repr(getattr(asked, f.name)) for f in fields(asked) if f.name not in quiet]
    digest = hashlib.sha256("\n".join(told).encode()).hexdigest()[:8]
    return f"compare-{Path(asked.data).stem}-{digest}"


def _plural(count: int, one: str, many: str | None = None) -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"


@contextmanager
def _telling(output: Output) -> Iterator[Tell]:
    with progress(output) as show:

        def tell(event: RunsDone | str) -> None:
            if isinstance(event, str):
                output.say(f"  {event}")
            else:
                show(event.phase, event.done + event.running, event.total)

        yield tell


def _shown(comparison: Comparison, request: Request, output: Output) -> Comparison:
    output.say("", terminal(comparison), "")
    figures = write_figures(read_results(request.out), request.out / "figures")
    output.say(
        f"Result files: {request.out}. Learning curves and {len(figures) - 1} more figures: {request.out / 'figures'}."
    )
    return comparison
