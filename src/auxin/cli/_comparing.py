"""The implementation of `auxin compare`: request, progress, table, and the partial result after Ctrl-C."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import typer

from auxin.cli._console import Output
from auxin.cli._progress import progress
from auxin.judging.use import to_use
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
class CompareArguments:
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
    """A comparison was interrupted. The finished runs have been judged and shown.

    Args:
        comparison: Verdict over the finished runs.
    """

    def __init__(self, comparison: Comparison) -> None:
        super().__init__()
        self.comparison = comparison


def folder(arguments: CompareArguments) -> Path:
    """Return the folder of the result files."""
    return arguments.out or Path("runs") / _name(arguments)


def compare(arguments: CompareArguments, output: Output, confirm: bool) -> Comparison:
    """Compare (or confirm) at one label budget, and show the result.

    Returns:
        The comparison.

    Raises:
        Stopped: Ctrl-C was pressed. The finished runs have been shown.
    """
    request, decided = _request(arguments)
    for sentence in [*decided, f"Results are saved in {request.out}. Run the same command to resume."]:
        output.say(f"  {sentence}")
    if confirm:
        return _show(confirm_once(request), request, output)
    with _callback(output) as tell:
        job = Comparing(request, tell)
        for sentence in decided:
            job.notes.insert(0, sentence)
        try:
            comparison = job.run()
        except KeyboardInterrupt:
            raise Stopped(_show(_interrupted(job, output), request, output)) from None
    return _show(comparison, request, output)


def _interrupted(job: Comparing, output: Output) -> Comparison:
    if not job.finals(job.done):
        output.say(
            "[yellow]Interrupted before any final run finished.[/yellow] Run the same command to resume."
        )
        raise typer.Exit(130)
    output.say(
        "[yellow]Interrupted.[/yellow] The finished runs are shown below. Run the same command to resume."
    )
    return job.judge_now()


def _request(arguments: CompareArguments) -> tuple[Request, list[str]]:
    decided = []
    methods = tuple(name.strip().replace("-", "_") for name in arguments.methods.split(",") if name.strip())
    preset, paper = settled(arguments.preset, methods)
    labels = arguments.labels_per_class
    assert not isinstance(labels, str)
    if arguments.data == "digits" and labels is None and arguments.fraction is None and not paper:
        labels = 10
        decided.append(
            "The digits data set uses 10 labels per class by default, validation rows included (--labels-per-class 10)."
        )
    jobs = arguments.jobs if arguments.jobs is not None else default_jobs()
    device = pick_device(arguments.device)
    decided.append(f"Runs use {_plural(jobs, 'process', 'processes')} on {device}, one thread each.")
    decided += said(preset, paper, methods)
    options = tuple(sorted((k, v) for k, v in arguments.options.items() if v is not None))
    validation, auxiliary = arguments.validation, arguments.auxiliary
    if paper:
        validation, auxiliary = paper.validation, arguments.auxiliary or paper.auxiliary
    split = SplitSpec(labels, arguments.fraction, validation, auxiliary)
    request = Request(
        data=DataSpec(arguments.data, str(arguments.root) if arguments.root else None, options),
        split=split,
        methods=methods,
        out=folder(arguments),
        preset=preset,
        settings=parse(arguments.settings),
        seeds=arguments.seeds if arguments.seeds is not None else (paper.seeds if paper else 5),
        tries=1 if paper else arguments.tries,
        tuning_seeds=arguments.tuning_seeds,
        twins=arguments.twins,
        metric=arguments.metric,
        budget=budgets.seconds(arguments.budget) if arguments.budget else None,
        jobs=jobs,
        engine=arguments.engine,
        address=arguments.address,
        device=device,
        refit=arguments.refit and not (paper and paper.validation),
        command=arguments.command,
    )
    return request, decided


def _name(arguments: CompareArguments) -> str:
    """Return a folder name that depends on the study's arguments only, so that the same command resumes."""
    ignored = ("jobs", "engine", "address", "device", "out", "command", "budget")
    values = [repr(getattr(arguments, f.name)) for f in fields(arguments) if f.name not in ignored]
    digest = hashlib.sha256("\n".join(values).encode()).hexdigest()[:8]
    return f"compare-{Path(arguments.data).stem}-{digest}"


def _plural(count: int, one: str, many: str | None = None) -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"


@contextmanager
def _callback(output: Output) -> Iterator[Tell]:
    with progress(output) as show:

        def tell(event: RunsDone | str) -> None:
            if isinstance(event, str):
                output.say(f"  {event}")
            else:
                show(event.phase, event.done + event.running, event.total)

        yield tell


def _show(comparison: Comparison, request: Request, output: Output) -> Comparison:
    output.say("", terminal(comparison), "")
    if advice := to_use(comparison):
        output.say(advice)
    figures = write_figures(read_results(request.out), request.out / "figures")
    output.say(
        f"Result files: {request.out}. Learning curves and {len(figures) - 1} other figures: {request.out / 'figures'}."
    )
    return comparison
