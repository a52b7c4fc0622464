"""The implementation of `auxin compare`: progress, table, partial result after Ctrl-C, and several label budgets."""

from pathlib import Path

import typer

from auxin import loggers
from auxin.cli._console import Output
from auxin.cli._progress import progress
from auxin.errors import ConfigError
from auxin.folders import claim_folder
from auxin.judging.answers import to_use
from auxin.records.results import Comparison, RunResult
from auxin.reports import label_budget
from auxin.reports.plots import write_figures
from auxin.reports.read import read_results
from auxin.reports.table import terminal
from auxin.requests.compare import CompareRequest
from auxin.store import write_json
from auxin.studies.compare import CompareStudy
from auxin.studies.confirm import confirm as confirm_once
from auxin.studies.engine import NotifyProgress, Progress
from auxin.studies.label_budget import NAME, assemble
from auxin.studies.presets import decide, settings_notes


def compare_once(request: CompareRequest, output: Output, confirm: bool) -> tuple[Comparison | None, bool]:
    """Compare (or confirm) at one label budget, and show the result.

    Returns:
        The comparison over the runs that are finished (None where no final run is), and whether Ctrl-C interrupted it.
    """
    request, decided = decide(request)
    folder = request.folder
    if confirm:
        return _show(confirm_once(request), folder, output), False
    with progress(output) as show:
        notify = _notifier(show, folder, request.log)
        job = CompareStudy(request, notify)
        for sentence in decided:
            job.notes.insert(0, sentence)
        for sentence in [*decided, f"The output folder is {folder}. Run the same command to resume."]:
            notify(sentence)
        settings = {name: job.settings_of(name) for name in job.methods}
        for sentence in settings_notes(request.preset, job.methods, settings):
            job.notes.append(sentence)
            notify(sentence)
        try:
            comparison, interrupted = job.run(), False
        except KeyboardInterrupt:
            comparison, interrupted = _interrupted(job, output), True
            if comparison is None:
                return None, True
    return _show(comparison, folder, output), interrupted


def _interrupted(job: CompareStudy, output: Output) -> Comparison | None:
    again = "Run the same command to resume."
    if not job.finals(job.done):
        output.heading("Interrupted before any final run finished.", f" {again}", "yellow")
        return None
    output.heading("Interrupted.", f" The finished runs are shown below. {again}", "yellow")
    return job.judge(job.done)


def compare_budgets(request: CompareRequest, output: Output, confirm: bool) -> None:
    """Compare at every label budget, draw the learning curve, and express the gain as extra labels.

    Each budget has its own folder. After Ctrl-C the finished runs are saved and shown; the same command resumes.
    """
    if confirm:
        do = "Confirm one --labels-per-class at a time"
        raise ConfigError("--confirm takes a single label budget", do=do)
    out, counts = request.folder, request.labels
    claim_folder(out, {"label budgets": counts})
    output.print(
        f"  Comparing at {len(counts)} label budgets in turn: {', '.join(map(str, counts))} labels per class."
    )
    folders = {count: f"labels-{count}" for count in counts}
    share = request.budget / len(counts) if request.budget else None
    found: dict[int, Comparison] = {}
    interrupted = False
    for count, name in folders.items():
        output.heading(f"\n{count} labels per class")
        one = request.at(count, out=out / name, budget=share)
        comparison, interrupted = compare_once(one, output, confirm=False)
        if comparison is not None:
            found[count] = comparison
        if interrupted:
            break
    if found:
        folders = {count: folders[count] for count in found}
        finished = len(found) == len(counts)
        budget = assemble(found, folders=folders, command=request.command, finished=finished)
        write_json(out / NAME, budget)
        files = label_budget.write_curves(budget, out / "figures")
        output.print("", label_budget.terminal(budget), "")
        output.print(f"Learning curve: {files[0]}. To write a page about all budgets: auxin report {out}")
        output.result(budget)
    if interrupted:
        raise typer.Exit(130)


def _notifier(show: NotifyProgress, folder: Path, log: str | None) -> NotifyProgress:
    """Return a callback that shows progress, and logs the runs that finish where the user asked for a log."""
    if not log:
        return show
    logger = loggers.start(log, folder)

    def notify(event: Progress | str) -> None:
        if isinstance(event, Progress) and isinstance(run := event.last, RunResult):
            logger.log(run, f"{run.phase}/{run.method}/{run.attempt}/seed-{run.seed}")
        show(event)

    return notify


def _show(comparison: Comparison, folder: Path, output: Output) -> Comparison:
    output.print("", terminal(comparison), "")
    if advice := to_use(comparison):
        output.print(advice)
    figures = write_figures(read_results(folder), folder / "figures")
    output.print(
        f"Result files: {folder}. Learning curves and {len(figures) - 1} other figures: {folder / 'figures'}."
    )
    return comparison
