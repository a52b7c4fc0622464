"""`auxin compare --labels-per-class 5,10,20`: a comparison per label budget, and the learning curve."""

from dataclasses import replace
from pathlib import Path

import typer

from auxin.cli._comparing import CompareArguments, Stopped, compare, folder
from auxin.cli._console import Output
from auxin.errors import ConfigError, message
from auxin.records.results import Comparison
from auxin.reports import label_budget
from auxin.store import claim_folder, write_json
from auxin.studies import budget as times
from auxin.studies.label_budget import NAME, LabelBudget, assemble


def parse(text: int | str | None) -> list[int]:
    """Return the label budgets of `--labels-per-class` in ascending order.

    >>> parse("20, 5,10"), parse(7), parse(None)
    ([5, 10, 20], [7], [])
    """
    parts = [] if text is None else [part.strip() for part in str(text).split(",") if part.strip()]
    if any(not part.isdecimal() or int(part) < 1 for part in parts) or (text is not None and not parts):
        raise ConfigError(
            message(
                "The labels per class (--labels-per-class) are invalid",
                expected="a whole number of at least 1, or several separated by commas",
                found=repr(text),
            )
        )
    return sorted({int(part) for part in parts})


def run(arguments: CompareArguments, output: Output, confirm: bool) -> None:
    """Compare (or confirm) at one or several label budgets, and show the results and the paths of the files."""
    counts = parse(arguments.labels_per_class)
    if len(counts) > 1:
        return run_several(arguments, counts, output, confirm)
    try:
        output.result(
            compare(replace(arguments, labels_per_class=counts[0] if counts else None), output, confirm)
        )
    except Stopped as stopped:
        output.result(stopped.comparison)
        raise typer.Exit(130) from None
    return None


def run_several(arguments: CompareArguments, counts: list[int], output: Output, confirm: bool) -> None:
    """Compare at every label budget, draw the learning curve, and express the gain as extra labels.

    Each budget has its own folder. After Ctrl-C the finished runs are saved and shown; the same command resumes.
    """
    if confirm:
        raise ConfigError(
            message("--confirm takes a single label budget", do="Confirm one --labels-per-class at a time")
        )
    out = folder(arguments)
    claim_folder(out, {"label budgets": counts})
    output.say(
        f"  Comparing at {len(counts)} label budgets in turn: {', '.join(map(str, counts))} labels per class."
    )
    found: dict[int, Comparison] = {}
    stopped = False
    for count in counts:
        output.say(f"\n[bold]{count} labels per class[/bold]")
        try:
            found[count] = compare(_at(arguments, count, len(counts), out), output, confirm=False)
        except Stopped as stop:
            found[count], stopped = stop.comparison, True
        except typer.Exit:  # interrupted before any run finished
            stopped = True
        if stopped:
            break
    if not found:
        raise typer.Exit(130)
    folders = {count: _place(Path(), count).as_posix() for count in found}
    finished = len(found) == len(counts)
    budget = assemble(found, folders=folders, command=arguments.command, finished=finished)
    _show(budget, out, output)
    if stopped:
        raise typer.Exit(130)


def _at(arguments: CompareArguments, count: int, parts: int, out: Path) -> CompareArguments:
    share = f"{times.seconds(arguments.budget) / parts:.0f}s" if arguments.budget else None
    return replace(arguments, labels_per_class=count, out=_place(out, count), budget=share)


def _place(out: Path, count: int) -> Path:
    return out / f"labels-{count}"


def _show(budget: LabelBudget, out: Path, output: Output) -> None:
    write_json(out / NAME, budget)
    files = label_budget.write_curves(budget, out / "figures")
    output.say("", label_budget.terminal(budget), "")
    output.say(f"Learning curve: {files[0]}. To write a page about all budgets: auxin report {out}")
    output.result(budget)
