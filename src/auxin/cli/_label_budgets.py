"""`auxin compare --labels-per-class 5,10,20`: a comparison per label budget, and the learning curve."""

from pathlib import Path

import typer

from auxin.cli._comparing import ComparisonInterrupted, compare_once
from auxin.cli._console import Output
from auxin.errors import ConfigError
from auxin.folders import claim_folder
from auxin.records.results import Comparison
from auxin.reports import label_budget
from auxin.requests.compare import CompareRequest
from auxin.store import write_json
from auxin.studies.label_budget import NAME, LabelBudget, assemble


def compare_budgets(request: CompareRequest, output: Output, confirm: bool) -> None:
    """Compare at every label budget, draw the learning curve, and express the gain as extra labels.

    Each budget has its own folder. After Ctrl-C the finished runs are saved and shown; the same command resumes.
    """
    if confirm:
        raise ConfigError(
            "--confirm takes a single label budget", do="Confirm one --labels-per-class at a time"
        )
    out, counts = request.folder, request.labels
    claim_folder(out, {"label budgets": counts})
    output.print(
        f"  Comparing at {len(counts)} label budgets in turn: {', '.join(map(str, counts))} labels per class."
    )
    found: dict[int, Comparison] = {}
    stopped = False
    for count in counts:
        output.heading(f"\n{count} labels per class")
        try:
            found[count] = compare_once(_at(request, count, out), output, confirm=False)
        except ComparisonInterrupted as stop:
            found[count], stopped = stop.comparison, True
        except typer.Exit:  # interrupted before any run finished
            stopped = True
        if stopped:
            break
    if not found:
        raise typer.Exit(130)
    folders = {count: _place(Path(), count).as_posix() for count in found}
    finished = len(found) == len(counts)
    budget = assemble(found, folders=folders, command=request.command, finished=finished)
    _show(budget, out, output)
    if stopped:
        raise typer.Exit(130)


def _at(request: CompareRequest, count: int, out: Path) -> CompareRequest:
    share = request.budget / len(request.labels) if request.budget else None
    return request.at(count, out=_place(out, count), budget=share)


def _place(out: Path, count: int) -> Path:
    return out / f"labels-{count}"


def _show(budget: LabelBudget, out: Path, output: Output) -> None:
    write_json(out / NAME, budget)
    files = label_budget.write_curves(budget, out / "figures")
    output.print("", label_budget.terminal(budget), "")
    output.print(f"Learning curve: {files[0]}. To write a page about all budgets: auxin report {out}")
    output.result(budget)
