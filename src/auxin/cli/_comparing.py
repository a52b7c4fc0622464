"""The implementation of `auxin compare`: progress, table, and the partial result after Ctrl-C."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from auxin import loggers
from auxin.cli._console import Output
from auxin.cli._progress import progress
from auxin.judging.use import to_use
from auxin.records.results import Comparison, RunResult
from auxin.reports.plots import write_figures
from auxin.reports.read import read_results
from auxin.reports.table import terminal
from auxin.requests.compare import CompareRequest
from auxin.studies.compare import CompareStudy
from auxin.studies.confirm import confirm as confirm_once
from auxin.studies.engine import NotifyProgress
from auxin.studies.engine import Progress as RunsDone
from auxin.studies.presets import decide, settings_notes


class ComparisonInterrupted(Exception):
    """A comparison was interrupted. The finished runs have been judged and shown.

    Args:
        comparison: Verdict over the finished runs.
    """

    def __init__(self, comparison: Comparison) -> None:
        super().__init__()
        self.comparison = comparison


def compare_once(request: CompareRequest, output: Output, confirm: bool) -> Comparison:
    """Compare (or confirm) at one label budget, and show the result.

    Returns:
        The comparison.

    Raises:
        ComparisonInterrupted: Ctrl-C was pressed. The finished runs have been shown.
    """
    request, decided = decide(request)
    folder = request.folder
    if confirm:
        return _show(confirm_once(request), folder, output)
    with _callback(output, folder, request.log) as notify:
        job = CompareStudy(request, notify)
        for sentence in decided:
            job.notes.insert(0, sentence)
        for sentence in [*decided, f"The output folder is {folder}. Run the same command to resume."]:
            notify(sentence)
        for sentence in settings_notes(
            request.preset, job.methods, {name: job.settings_of(name, {}) for name in job.methods}
        ):
            job.notes.append(sentence)
            notify(sentence)
        try:
            comparison = job.run()
        except KeyboardInterrupt:
            raise ComparisonInterrupted(_show(_interrupted(job, output), folder, output)) from None
    return _show(comparison, folder, output)


def _interrupted(job: CompareStudy, output: Output) -> Comparison:
    if not job.finals(job.done):
        output.heading(
            "Interrupted before any final run finished.", " Run the same command to resume.", "yellow"
        )
        raise typer.Exit(130)
    output.heading(
        "Interrupted.", " The finished runs are shown below. Run the same command to resume.", "yellow"
    )
    return job.judge(job.done)


@contextmanager
def _callback(output: Output, folder: Path, log: str | None) -> Iterator[NotifyProgress]:
    logger = loggers.start(log, folder) if log else None
    with progress(output) as show:

        def notify(event: RunsDone | str) -> None:
            if isinstance(event, str):
                output.print(f"  {event}")
            else:
                if logger is not None and isinstance(run := event.last, RunResult):
                    logger.log(run, f"{run.phase}/{run.method}/{run.attempt}/seed-{run.seed}")
                show(event.phase, event.done + event.running, event.total, left=event.left)

        yield notify


def _show(comparison: Comparison, folder: Path, output: Output) -> Comparison:
    output.print("", terminal(comparison), "")
    if advice := to_use(comparison):
        output.print(advice)
    figures = write_figures(read_results(folder), folder / "figures")
    output.print(
        f"Result files: {folder}. Learning curves and {len(figures) - 1} other figures: {folder / 'figures'}."
    )
    return comparison
