"""The rows of each source (a hospital, an annotator, a website) as a task of their own over the main task's output."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from auxin.errors import ConfigError, DataError
from auxin.tasks.base import Task
from auxin.typing import MISSING

SHOWN = 10
"""So many tasks are printed by name."""
FEW = 10
"""Domains with fewer labels are named."""


@dataclass(frozen=True)
class DomainColumn:
    """The column of each row's domain, and the domain that the network is meant for.

    >>> DomainColumn.parse("site=hospital")
    DomainColumn(name='site', own='hospital')
    """

    name: str
    own: str

    @classmethod
    def parse(cls, option: str | None) -> "DomainColumn | None":
        """Read COLUMN=VALUE; None where nothing is given.

        Raises:
            ConfigError: It has another form.
        """
        if option is None:
            return None
        name, sign, own = option.partition("=")
        if not sign or not name.strip() or not own.strip():
            raise ConfigError(
                "The option domain is invalid",
                expected="COLUMN=VALUE, such as site=hospital: the column of each row's source, and the source "
                "that the test rows are of",
                found=repr(option),
            )
        return cls(name.strip(), own.strip())


@dataclass(frozen=True)
class ByDomain:
    """Tasks and targets, those of the other domains among them, their names, and a sentence on them."""

    tasks: dict[str, Task]
    y: dict[str, Tensor]
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def by_domain(
    tasks: Mapping[str, Task],
    y: Mapping[str, Tensor],
    main: str,
    column: DomainColumn | None,
    cells: Sequence[str],
) -> ByDomain:
    """Leave the main labels of one domain to the main task; those of every other become a task with the same output.

    Args:
        tasks: Tasks by name.
        y: Targets by task.
        main: The main task's name.
        column: What the user gave, or None: everything stays as it is.
        cells: Each row's domain; "" where it is not known, which leaves the row without a main label.

    Raises:
        DataError: No row is of the main domain, there is no other one, a name is taken, or the column is the target.
    """
    if column is None:
        return ByDomain(dict(tasks), dict(y))
    if column.name == main:
        raise DataError(
            "The column of domains is the main task's own",
            expected="the column of each row's source",
            found=repr(main),
        )
    target, present = y[main], tasks[main].present(y[main])
    labelled = {cell for cell, has in zip(cells, present.tolist(), strict=True) if has and cell}
    others = sorted(labelled - {column.own})
    if column.own not in labelled or not others:
        raise DataError(
            f"The column {column.name!r} makes no domains",
            expected=f"rows with a main label of {column.own!r} and of other domains",
            found=", ".join(sorted(labelled)[:8]) or "no labelled row",
        )
    missing = torch.full_like(target, torch.nan if target.is_floating_point() else MISSING)
    found_tasks, found_y = dict(tasks), dict(y)
    for domain in [column.own, *others]:
        name = main if domain == column.own else f"{main} ({domain})"
        if name != main and name in tasks:
            raise DataError(f"The target {name!r} has the name of a domain's task", do="Rename it")
        rows = torch.tensor([cell == domain for cell in cells]).view(-1, *[1] * (target.dim() - 1))
        found_tasks[name] = renamed(tasks[main], name)
        found_y[name] = torch.where(rows, target, missing)
    names = tuple(f"{main} ({domain})" for domain in others)
    counts = {name: int(tasks[main].present(found_y[name]).sum()) for name in (main, *names)}
    said = ", ".join(f"{name} {count:,}" for name, count in [*counts.items()][:SHOWN])
    if len(counts) > SHOWN:
        more = [*counts.values()][SHOWN:]
        said += f" and {len(more):,} more domains with {sum(more):,} labels"
    lost = sum(has and not cell for cell, has in zip(cells, present.tolist(), strict=True))
    unknown = f" {lost:,} rows whose domain is not known are without a main label." if lost else ""
    note = (
        f"Domains: validation and test rows are of {column.own!r} only; the others' rows are tasks with the main "
        f"task's output. Labels: {said}.{unknown}"
    )
    few = [f"{name} {counts[name]}" for name in names if counts[name] < FEW]
    if not few:
        return ByDomain(found_tasks, found_y, names, (note,))
    shown = ", ".join(few[:SHOWN]) + (f" and {len(few) - SHOWN:,} more" if len(few) > SHOWN else "")
    small = (
        f"Domains with fewer than {FEW} labels: {shown}. Each is a task with a weight of its own, like a domain with "
        "many: merge it with another in the column, or leave its rows out."
    )
    return ByDomain(found_tasks, found_y, names, (note, small))


def renamed(task: Task, name: str) -> Task:
    """The same task under another name."""
    found = copy.copy(task)
    found.name = name
    return found


def pooled(y: Mapping[str, Tensor], names: Sequence[str], main: str) -> Tensor:
    """The labels of all domains in one column: each row's own."""
    target = y[main]
    for name in names:
        known = ~y[name].isnan() if target.is_floating_point() else y[name] != MISSING
        target = torch.where(known, y[name], target)
    return target
