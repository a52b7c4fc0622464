"""`auxin compare --labels-per-class 5,10,20`: a comparison per budget, the curve, and what a gain is worth."""

from dataclasses import replace
from pathlib import Path

import typer

from auxin.cli._comparing import Asked, Stopped, compare, folder
from auxin.cli._console import Output
from auxin.errors import ConfigError, message
from auxin.records.results import Comparison
from auxin.reports import label_budget
from auxin.store import claim_folder, write_json
from auxin.studies import budget as times
from auxin.studies.label_budget import NAME, LabelBudget, assemble


def parse(text: int | str | None) -> list[int]:
    """The budgets of `--labels-per-class`, ascending.

    >>> parse("20, 5,10"), parse(7), parse(None)
    ([5, 10, 20], [7], [])
    """
    parts = [] if text is None else [part.strip() for part in str(text).split(",") if part.strip()]
    if any(not part.isdecimal() or int(part) < 1 for part in parts) or (text is not None and not parts):
        raise ConfigError(
            message(
                "The labels per class are not understood",
                expected="a whole number of at least 1, or several with commas",
                found=repr(text),
            )
        )
    return sorted({int(part) for part in parts})


def run(asked: Asked, output: Output, confirm: bool) -> None:
    """Compare (or confirm) at one label budget or several, show, and say where the files are."""
    counts = parse(asked.labels_per_class)
    if len(counts) > 1:
        return run_several(asked, counts, output, confirm)
    try:
        output.result(
            compare(replace(asked, labels_per_class=counts[0] if counts else None), output, confirm)
        )
    except Stopped as stopped:
        output.result(stopped.comparison)
        raise typer.Exit(130) from None
    return None


def run_several(asked: Asked, counts: list[int], output: Output, confirm: bool) -> None:
    """Compare at every budget, each in a folder of its own; draw the curve; say what the gain is worth.

    With Ctrl-C what is finished is kept and shown; the same command goes on.
    """
    if confirm:
        raise ConfigError(
            message(
                "A label budget is not confirmed as a whole", do="Confirm one --labels-per-class at a time"
            )
        )
    out = folder(asked)
    claim_folder(out, {"label budgets": counts})
    output.say(f"  {len(counts)} label budgets, one after another: {', '.join(map(str, counts))} per class.")
    found: dict[int, Comparison] = {}
    stopped = False
    for count in counts:
        output.say(f"\n[bold]{count} labels per class[/bold]")
        try:
            found[count] = compare(_at(asked, count, len(counts), out), output, confirm=False)
        except Stopped as stop:
            found[count], stopped = stop.comparison, True
        except typer.Exit:  # interrupted before anything was finished
            stopped = True
        if stopped:
            break
    if not found:
        raise typer.Exit(130)
    folders = {count: _place(Path(), count).as_posix() for count in found}
    finished = len(found) == len(counts)
    budget = assemble(found, folders=folders, command=asked.command, finished=finished)
    _show(budget, out, output)
    if stopped:
        raise typer.Exit(130)


def _at(asked: Asked, count: int, parts: int, out: Path) -> Asked:
    share = f"{times.seconds(asked.budget) / parts:.0f}s" if asked.budget else None
    return replace(asked, labels_per_class=count, out=_place(out, count), budget=share)


def _place(out: Path, count: int) -> Path:
    return out / f"labels-{count}"


def _show(budget: LabelBudget, out: Path, output: Output) -> None:
    write_json(out / NAME, budget)
    files = label_budget.write_curves(budget, out / "figures")
    output.say("", label_budget.terminal(budget), "")
    output.say(f"The curve: {files[0]}. One page about it all: auxin report {out}")
    output.result(budget)
