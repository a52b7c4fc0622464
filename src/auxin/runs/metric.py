"""The user's metric: its name settled, its cost matrix read, and what a guess would score."""

import math
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from auxin.errors import ConfigError, message
from auxin.math.metrics import COST, cost_of_rows
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes
from auxin.tasks.multilabel import Multilabel
from auxin.tasks.ordered import Ordered

ALIASES = {
    "macro_f1": "f1",
    "roc_auc": "auc",
    "mean_absolute_error": "mae",
    "mean_iou": "miou",
    "iou": "miou",
}


def settle(metric: str | None, task: Task) -> str:
    """The metric's one spelling, as result files hold it; a cost matrix's file is read and spelt out.

    Args:
        metric: The user's: a name in any case, with hyphens or underscores; `cost=FILE.csv`; or None for the
            task's default. The file has a row per true class and a column per predicted one, either with the
            classes' names as header and first column, in any order, or bare numbers in the order of the classes.
        task: The main task.

    Raises:
        ConfigError: The metric does not fit the task, or the file is no cost matrix of its classes.

    >>> settle("Balanced-Accuracy", Classes("digit", 10))
    'balanced_accuracy'
    """
    if metric is None:
        return task.metrics[0]
    if metric.lower().startswith(COST):
        return _cost(metric[len(COST) :], task)
    name = metric.lower().replace("-", "_").replace("^", "")
    name = ALIASES.get(name, name)
    if name not in task.metrics:
        offered = [*task.metrics, *(["cost=FILE.csv"] if isinstance(task, Classes | Ordered) else [])]
        what = f"The metric {metric!r} does not fit the main task"
        raise ConfigError(what, expected=f"one of: {', '.join(offered)}")
    return name


def guess(task: Task, metric: str, target: Tensor) -> float:
    """The score of predictions that ignore the input; what a diverged run counts as at best.

    For accuracies of classes 1 / C, and for their log loss log C; for a cost matrix, and for the error of ordered
    classes, the best constant class; for attributes the best of no to all, yes to all, and what most rows have;
    otherwise what a head that puts out zeros scores (for real numbers: the mean of the training rows).

    >>> guess(Classes("coin", 2), "log_loss", torch.tensor([0, 1]))  # -log 2
    -0.6931471805599453
    >>> guess(Ordered("stars", 3), "mae", torch.tensor([0, 1, 1, 2]))  # always 1
    -0.5
    """
    if isinstance(task, Classes | Ordered):
        return _guess_class(task, metric, target)
    if isinstance(task, Multilabel):
        shares = target.nanmean(0).nan_to_num(0.5)
        each = (torch.full_like(shares, -1.0), torch.full_like(shares, 1.0), shares - 0.5)
        scores = [task.score(output.expand(target.shape), target, metric) for output in each]
        return max((score for score in scores if score == score), default=0.0)
    shape = (len(target), task.width, *target.shape[-2:]) if task.dense else (len(target), task.width)
    return _finite(task.score(torch.zeros(shape), target, metric))


def _guess_class(task: Classes | Ordered, metric: str, target: Tensor) -> float:
    count = task.classes if isinstance(task, Ordered) else task.width
    if metric in ("accuracy", "balanced_accuracy"):
        return 1 / count
    if metric == "top3":
        return min(3, count) / count
    if metric == "log_loss":
        return -math.log(count)
    if metric == "mae":
        metric = COST + ";".join(",".join(str(abs(i - j)) for j in range(count)) for i in range(count))
    if metric.startswith(COST):
        known = target[target >= 0]
        constants = [torch.full_like(known, place) for place in range(count)]
        return _finite(max(float(cost_of_rows(metric, said, known).mean()) for said in constants))
    return _finite(task.score(torch.zeros(len(target), task.width), target, metric))


def _finite(score: float) -> float:
    return score if score == score else 0.0


def _cost(text: str, task: Task) -> str:
    if not isinstance(task, Classes | Ordered):
        raise ConfigError("A cost matrix needs a classification main task", found=type(task).__name__)
    names = [str(name) for name in task.label_names]
    values = _spelt(text) if ";" in text else _of_file(Path(text), names)
    size = len(names)
    found = ""
    if len(values) != size or any(len(row) != size for row in values):
        found = f"{len(values)} rows of {sorted({len(row) for row in values})} numbers"
    elif not all(math.isfinite(value) for row in values for value in row):
        found = "a number that is not finite"
    if found:
        wanted = f"{size} rows of {size} finite numbers, a row per true class"
        raise ConfigError(f"The cost matrix {text[:60]} is invalid", expected=wanted, found=found)
    return COST + ";".join(",".join(f"{value:.12g}" for value in row) for row in values)


def _spelt(text: str) -> list[list[float]]:
    try:
        return [[float(value) for value in row.split(",")] for row in text.split(";")]
    except ValueError as error:
        raise ConfigError(f"The cost matrix {text[:60]} is invalid: {error}.") from error


def _of_file(file: Path, names: list[str]) -> list[list[float]]:
    try:
        cells = pd.read_csv(file, header=None, dtype=str, skipinitialspace=True).fillna("nan").values.tolist()
        if len(cells) == len(names):
            return [[float(value) for value in row] for row in cells]
        head, rows = cells[0][1:], {row[0]: row[1:] for row in cells[1:]}
        if sorted(head) != sorted(names) or sorted(rows) != sorted(names):
            found = f"columns {', '.join(head[:10])} and rows {', '.join(map(str, list(rows)[:10]))}"
            wanted = f"a column and a row for each of: {', '.join(names[:20])}"
            what = f"The cost matrix {file} does not name the classes"
            raise ConfigError(what, expected=wanted, found=found)
        return [[float(rows[true][head.index(said)]) for said in names] for true in names]
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ConfigError(message(f"The cost matrix {file} cannot be read: {error}")) from error
    except ConfigError:
        raise
    except (ValueError, IndexError) as error:
        wanted = "numbers in every cell but the names"
        raise ConfigError(f"The cost matrix {file} is invalid: {error}", expected=wanted) from error
