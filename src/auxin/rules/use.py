"""A learned rule at work on a data set: apply it and write what it made; evaluate it and write the numbers."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from auxin.data import load
from auxin.errors import DataError, message
from auxin.rules.applied import LearnedRule
from auxin.rules.data import images, rule_data
from auxin.rules.evaluate import HEADLINE, EvalSettings, evaluate, rule_paths
from auxin.rules.file import load_rule
from auxin.rules.grid import grid
from auxin.store import write_text
from auxin.update_rules.learned import Learned

SIDES = {"mnist": (14, 28), "fashion_mnist": (14, 28), "cifar10": (16, 32)}
"""Larger images for the grid, where the data set has them."""


def find_rules(rule: str) -> dict[str, Learned]:
    """The rule of a file or shipped name, or every `*/rule.safetensors` of a folder, by name.

    Raises:
        DataError: nothing there.
    """
    folder = Path(rule)
    if not folder.is_dir():
        return {Path(rule).stem: load_rule(rule)[0]}
    paths = rule_paths(folder)
    if not paths and (folder / "rule.safetensors").is_file():
        paths = {folder.name: folder / "rule.safetensors"}
    if not paths:
        raise DataError(message(f"The folder {folder} holds no rule", expected="*/rule.safetensors"))
    return {name: load_rule(path)[0] for name, path in paths.items()}


def apply_rule(
    rule: str,
    data: str,
    root: Path | None,
    target: str | None,
    side: int,
    out: Path,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Train a network on the training rows, write weights and features of all rows; what was done, as plain data."""
    learned = LearnedRule.load(rule)
    folder = root / data if root is not None and (root / data).is_dir() else root
    dataset = load(data, folder, target=target)
    decided = []
    x = dataset.x
    if x.dim() == 4 and side:
        x = images(x, side)
        decided.append(f"images became grey and {x.shape[1] ** 0.5:.0f} wide")
    training = ~dataset.official_test
    held = int(dataset.official_test.sum())
    if held:
        decided.append(f"the publisher's {held:,} test rows were not trained on")
    learned.fit(x[training], **settings)
    assert learned.state is not None
    decided.append(
        f"inputs were brought to [0, 1] from {float(learned.low):g} .. "
        f"{float(learned.low + learned.spread):g}"
    )
    features = torch.cat([learned.transform(part) for part in x.split(4096)])
    out.mkdir(parents=True, exist_ok=True)
    files = {"network": out / "network.safetensors", "features": out / "features.npz"}
    save_file(learned.weights(), str(files["network"]), {"format": "auxin.network", "rule": str(rule)})
    np.savez(files["features"], features=features.numpy(), y=dataset.y[dataset.main].numpy())
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


def evaluate_rules(
    rules: dict[str, Learned],
    name: str,
    root: Path | None,
    target: str | None,
    settings: EvalSettings,
    out: Path,
    with_grid: bool,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Evaluate on one data set and write `NAME.json` and `NAME-pictures.npz`; a finished file is read, not redone."""
    plain = json.loads(json.dumps(asdict(settings)))
    safe = re.sub(r"[^\w.-]", "_", Path(name).stem if Path(name).suffix else name)
    file = out / f"{safe}.json"
    if file.is_file():
        found = json.loads(file.read_text(encoding="utf-8"))
        if found["settings"] == plain and found["rules"] == list(rules):
            say(f"{file} is finished already")
            return found
    data = rule_data(name, root, target=target)
    found = {**evaluate(rules, data, settings, say), "settings": plain}
    first = next(iter(rules.values()))
    if with_grid:
        say("grid")
        sizes = [rule_data(name, root, target=target, side=side) for side in SIDES.get(name, ())]
        found["grid"] = grid(first, data, settings, sizes=sizes, steps=found["judged_at"])
    write_text(file, json.dumps(found, indent=1) + "\n")
    pictures: dict[str, Any] = _pictures(first, data.x, data.y, settings)
    np.savez(out / f"{safe}-pictures.npz", **pictures)
    return found


def _pictures(rule: Learned, x: Tensor, y: Tensor, settings: EvalSettings) -> dict[str, np.ndarray]:
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


def smaller(settings: EvalSettings, **changes: Any) -> EvalSettings:
    """The settings with changes."""
    return replace(settings, **changes)
