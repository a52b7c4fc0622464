"""What a finished run leaves behind for its report: predictions, features, examples of the generated labels."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from auxin.data import Dataset
from auxin.math.metrics import COST, among_likeliest, confusion, cost_of_rows, hits
from auxin.models.base import PrimaryNetwork
from auxin.runs.build import PreparedRun
from auxin.runs.predictions import MainPredictions, write_arrays, write_predictions
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes
from auxin.tasks.dense_classes import DenseClasses
from auxin.tasks.dense_regression import DenseRegression
from auxin.tasks.multilabel import Multilabel
from auxin.tasks.ordered import Ordered
from auxin.training.evaluate import evaluating

PREDICTIONS, FEATURES, EXAMPLES = "predictions.npz", "features.npz", "examples.npz"
ROWS = 500
"""Rows whose features are kept, at most."""
PRIMARY, PER_CLASS, SIDE = 4, 6, 32
"""Examples are kept of so many primary classes, so many rows per auxiliary class; images at most so wide."""
COLUMNS = 12
"""Columns of a table that are kept of an example."""
BYTES = 64_000
"""Examples may take about so much; fewer primary classes are kept where they would take more."""


def row_shares(task: Task, output: Tensor, target: Tensor, metric: str) -> list[float]:
    """Each row's share of a metric that is the mean over rows; empty where it is not."""
    predicted = task.predict(output)
    if metric == "top3":
        return among_likeliest(output, target, 3).tolist()
    # Rows with a missing label are left out, so that it is a mean over rows only without them.
    if metric == "hit":
        return hits(output, target).tolist() if bool((target >= 0).all()) else []
    if not isinstance(task, Classes | Ordered):
        numbers = task.width == 1 and not task.dense and metric == "mae"
        return (-(predicted.double() - target.double()).abs()).flatten().tolist() if numbers else []
    if metric == "accuracy":
        return (predicted == target).double().tolist()
    if metric == "log_loss":
        plain = Classes(task.name, task.width, "cross_entropy") if isinstance(task, Classes) else task
        return (-plain.loss(output.double(), target)).tolist()
    if metric == "mae":
        return (-(predicted - target).abs().double()).tolist()
    return cost_of_rows(metric, predicted, target).tolist() if metric.startswith(COST) else []


def predictions_of(task: Task, output: Tensor, target: Tensor, metric: str) -> MainPredictions | None:
    """The predictions on these rows as the result files hold them; None for a kind of task that is not known."""
    output, target = output.detach().cpu(), target.detach().cpu()
    names = tuple(str(name) for name in getattr(task, "label_names", ()))
    if isinstance(task, Classes | Ordered):
        true = target.argmax(1) if target.is_floating_point() else target
        size = task.classes if isinstance(task, Ordered) else task.width
        predicted = task.predict(output)
        scores = output.double().softmax(1) if metric == "auc" else torch.zeros(0)
        table = confusion(predicted, true, size)
        parts = {"table": table.numpy(), "scores": scores.numpy()}
        return MainPredictions("classes", true.numpy(), predicted.numpy(), **parts, names=names)
    if isinstance(task, DenseClasses):
        labels = target.argmax(1) if target.is_floating_point() else target
        triples = zip(labels, task.predict(output), task.pixels(target), strict=True)
        tables = torch.stack([confusion(said[k], true[k], task.width) for true, said, k in triples])
        counts = (tables.sum(2), tables.sum(1), tables.diagonal(dim1=1, dim2=2), tables.sum(0))
        return MainPredictions("class_maps", *(count.numpy() for count in counts), names=names)
    if isinstance(task, DenseRegression):
        return MainPredictions("number_maps", _map_moments(task, output, target))
    if isinstance(task, Multilabel):
        true = target.double()
        true = true if target.is_floating_point() else true.masked_fill(target == -1, torch.nan)
        return MainPredictions("attributes", true.numpy(), output.double().numpy(), names=names)
    if task.dense:
        return None
    rows = (len(target), -1)
    true, predicted = target.double().reshape(rows), task.predict(output.double()).reshape(rows)
    return MainPredictions("numbers", true.numpy(), predicted.numpy(), names=names)


def _map_moments(task: DenseRegression, output: Tensor, target: Tensor) -> np.ndarray:
    """Per image and number: the count of labelled pixels and the sums of |e|, e^2, y and y^2, [N, D, 5]."""
    maps = target.unsqueeze(1) if target.dim() == 3 else target
    kept = task.pixels(target).unsqueeze(1).expand_as(maps)
    true, predicted = maps.double(), task.predict(output.double())
    middle = true[kept].mean() if bool(kept.any()) else torch.zeros(())
    error = torch.where(kept, predicted - true, 0.0)
    y = torch.where(kept, true - middle, 0.0)
    parts = (kept.double(), error.abs(), error.square(), y, y.square())
    return torch.stack([part.flatten(2).sum(2) for part in parts], dim=2).numpy()


def leave(
    built: PreparedRun,
    dataset: Dataset,
    folder: Path,
    found: MainPredictions | None,
    rows: Tensor,
    examples: dict[str, Tensor],
) -> None:
    """Write what the report needs beside a final run's result.

    Args:
        built: The trained run.
        dataset: Data of the run, as they were read.
        folder: Folder of the run.
        found: The predictions on the development rows.
        rows: The development rows.
        examples: The labels generated for some rows (`targets`, `main`, `rows`); empty where there are none.
    """
    if found is not None:
        write_predictions(folder / PREDICTIONS, found)
    kept = {FEATURES: _features(built, rows[:ROWS]), EXAMPLES: _examples(built, dataset, examples)}
    for name, arrays in kept.items():
        if arrays:
            write_arrays(folder / name, arrays, names=getattr(built.task, "label_names", ()))


def _features(built: PreparedRun, rows: Tensor) -> dict[str, np.ndarray]:
    """The trunk's features of these rows, float16 [N, D], and their labels; empty where there are none."""
    if not isinstance(built.network, PrimaryNetwork) or built.task.dense or not len(rows):
        return {}
    found, labels = [], []
    with evaluating(built.network):
        for part in rows.split(256):
            batch = built.pool.batch(part)
            features = built.network.trunk(batch.x)
            found.append(features.mean((2, 3)) if features.dim() == 4 else features)
            labels.append(batch.y[built.task.name])
    target = torch.cat(labels)
    if target.dim() > 1:
        return {}
    features = torch.cat(found).float().clamp(-6e4, 6e4).cpu().numpy().astype(np.float16)
    return {"features": features, "labels": target.cpu().numpy()}


def _examples(built: PreparedRun, dataset: Dataset, labels: dict[str, Tensor]) -> dict[str, np.ndarray]:
    """For some primary classes, the rows that each of their auxiliary classes claims most: inputs and label."""
    psi = built.hierarchy
    if not labels or psi is None or labels["targets"].shape[1] != psi.classes:
        return {}
    targets, main, rows = (labels[name].cpu() for name in ("targets", "main", "rows"))
    each = PER_CLASS * max(psi.sizes) * _weight(built.pool.shape)
    primary = sorted(main[main >= 0].unique().tolist())[: int(np.clip(BYTES // each, 1, PRIMARY))]
    own, chosen = psi.mask(torch.arange(len(psi.sizes))), []
    for label in primary:
        members = (main == label).nonzero().flatten()
        best = targets[members].argmax(1)
        for sub in own[label].nonzero().flatten().tolist():
            strength = targets[members, sub].masked_fill(best != sub, -1.0)
            order = strength.argsort(descending=True, stable=True)[:PER_CLASS]
            chosen += [(label, sub, int(members[i]), float(strength[i])) for i in order if strength[i] >= 0]
            chosen += [(label, sub, -1, 0.0)] if not bool((strength >= 0).any()) else []
    if not any(place >= 0 for _, _, place, _ in chosen):
        return {}
    at = torch.tensor([max(place, 0) for _, _, place, _ in chosen])
    return {
        **_inputs(dataset, rows[at]),
        "main": np.array([label for label, *_ in chosen]),
        "auxiliary": np.array([sub for _, sub, *_ in chosen]),
        "strength": np.array([strength for *_, strength in chosen], np.float32),
        "empty": np.array([place < 0 for _, _, place, _ in chosen]),
    }


def _inputs(dataset: Dataset, rows: Tensor) -> dict[str, np.ndarray]:
    """Images as bytes; of a table the user's own cells as words, the first `COLUMNS` of them."""
    raw = getattr(dataset, "raw", None)
    if raw is None:
        return {"inputs": _shown(dataset.x[rows])}
    cells = raw.iloc[rows.tolist(), :COLUMNS]
    words = [[_word(value) for value in row] for row in cells.itertuples(index=False)]
    return {"inputs": np.array(words), "columns": np.array([str(name) for name in cells.columns])}


def _word(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 40 else text[:39] + "…"


def _weight(shape: tuple[int, ...]) -> int:
    """Bytes of one example."""
    if len(shape) != 3:
        return 4 * min(int(np.prod(shape)), 4 * COLUMNS)
    return (3 if shape[0] >= 3 else 1) * min(shape[1], SIDE) * min(shape[2], SIDE)


def _shown(x: Tensor) -> np.ndarray:
    """Images as bytes [N, H, W] or [N, H, W, 3], at most 32 wide; of other inputs the first numbers."""
    x = x.cpu().float()
    if x.dim() != 4:
        return x.flatten(1)[:, :COLUMNS].numpy()
    x = x[:, :3] if x.shape[1] >= 3 else x[:, :1]
    if max(x.shape[-2:]) > SIDE:
        x = F.interpolate(x, (min(SIDE, x.shape[-2]), min(SIDE, x.shape[-1])), mode="area")
    low, high = x.amin(), x.amax()
    if low < 0 or high > 255 or high <= 64:  # not bytes: stretched to their range
        x = (x - low) / (high - low).clamp(min=1e-12) * 255
    found = x.round().byte().movedim(1, -1).numpy()
    return found[..., 0] if found.shape[-1] == 1 else found
