"""A learned rule at work on a data set: apply it and write what it made; evaluate it and write the numbers."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from auxin.data import load
from auxin.errors import DataError
from auxin.folders import CONTENT, claim_folder
from auxin.requests.rule import EvalSettings, RuleApplyRequest
from auxin.rules.applied import LearnedRule
from auxin.rules.data import images
from auxin.rules.evaluate import HEADLINE
from auxin.rules.file import RULE, content_of_rule, find_rule
from auxin.store import write_bytes, write_text
from auxin.tensor_files import write_tensors
from auxin.update_rules.learned import Learned

SIDES = {"mnist": (14, 28), "fashion_mnist": (14, 28), "cifar10": (16, 32)}
"""Larger images for the grid, where the data set has them."""


def find_rules(rule: str) -> dict[str, str]:
    """The rule of a file or shipped name, or every `*/rule.safetensors` of a folder: files by the rules' names.

    Raises:
        DataError: nothing there.
    """
    folder = Path(rule)
    if not folder.is_dir():
        find_rule(rule)
        return {Path(rule).stem: rule}
    paths = {path.parent.name: path for path in sorted(folder.glob(f"*/{RULE}"))}
    if not paths and (folder / RULE).is_file():
        paths = {folder.name: folder / RULE}
    if not paths:
        raise DataError(f"The folder {folder} holds no rule", expected=f"*/{RULE}")
    return {name: str(path) for name, path in paths.items()}


def apply_rule(request: RuleApplyRequest) -> dict[str, Any]:
    """Train a network on the training rows, write weights and features of all rows; what was done, as plain data."""
    rule, data, root, out = request.of.rule, request.of.data, request.of.root, request.of.out
    side, settings = request.side, dict(request.settings)
    learned = LearnedRule.load(rule)
    folder = root / data if root is not None and (root / data).is_dir() else root
    dataset = load(data, folder, target=request.of.target)
    decided = []
    x = dataset.dense("A learned rule")
    identity = {CONTENT: _content(x, dataset.y[dataset.main]), "rule apply": content_of_rule(learned.rule)}
    claim_folder(out, {**identity, "settings": request.settings.identity(), "side": side})
    if x.dim() == 4 and side:
        x = images(x, side)
        decided.append(f"images became grey and {x.shape[1] ** 0.5:.0f} wide")
    training = ~dataset.official_test
    held = int(dataset.official_test.sum())
    if held:
        decided.append(f"the publisher's {held:,} test rows were not trained on")
    columns: dict[str, Tensor] = {}
    if x.dim() == 2:  # columns of a table have units of their own
        x, columns = _standard(x.float(), training)
        decided.append("columns were brought to mean 0 and variance 1, as `auxin rule evaluate` does")
    learned.fit(x[training], **settings)
    assert learned.state is not None
    decided.append(
        f"inputs were brought to [0, 1] from {float(learned.low):g} .. "
        f"{float(learned.low + learned.spread):g}"
    )
    features = torch.cat([learned.transform(part) for part in x.split(4096)])
    files = {"network": out / "network.safetensors", "features": out / "features.npz"}
    weights = learned.weights() | columns
    write_tensors(files["network"], weights, {"format": "auxin.network", "rule": str(rule)})
    write_bytes(files["features"], packed(features=features.numpy(), y=dataset.y[dataset.main].numpy()))
    result = {
        "rule": rule,
        "data": dataset.name,
        "rows": int(training.sum()),
        "widths": "-".join(map(str, learned.state.widths)),
        **{key: list(value) if isinstance(value, tuple) else value for key, value in settings.items()},
        "decided": decided,
        "files": {kind: str(file) for kind, file in files.items()},
    }
    write_text(out / "apply.json", json.dumps(result, indent=1) + "\n")
    return result


def _standard(x: Tensor, training: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Rows with columns at mean 0 and variance 1 over the training rows; the means and deviations, to be saved."""
    mean, deviation = x[training].mean(0), x[training].std(0).clamp(min=1e-6)
    return (x - mean) / deviation, {"column.mean": mean, "column.deviation": deviation}


def _content(x: Tensor, y: Tensor) -> str:
    """The SHA-256 of rows and labels."""
    total = hashlib.sha256()
    for values in (x, y):
        total.update(f"{values.dtype}{tuple(values.shape)}".encode() + values.contiguous().numpy().tobytes())
    return total.hexdigest()


def packed(**arrays: np.ndarray) -> bytes:
    """Arrays by name as the content of an `.npz` file."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def pictures(rule: Learned, x: Tensor, y: Tensor, settings: EvalSettings) -> dict[str, np.ndarray]:
    """First-layer weights and a two-dimensional view of the features, before and after, for one network."""
    state = rule.init_state(
        (x.shape[1], *settings.hidden, settings.width), 1, torch.Generator().manual_seed(7)
    )
    generator = torch.Generator().manual_seed(0)
    shown = torch.randperm(len(x), generator=generator)[:600]
    found = {"y": y[shown].numpy()}
    for name, steps in (("before", 0), ("after", HEADLINE)):
        with torch.no_grad():
            for _ in range(steps):
                rows = torch.randint(len(x), (settings.batch,), generator=generator)
                state = rule.step(state, x[rows][None])
            features = rule.features(state, x[shown][None])[0]
        _, _, axes = torch.pca_lowrank(features, 2)
        found[f"embedding_{name}"] = ((features - features.mean(0)) @ axes[:, :2]).numpy()
        found[f"fields_{name}"] = state.weights[0][0].T[:32].numpy()
    return found
