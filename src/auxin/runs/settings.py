"""Every hyperparameter of a run, flat, by dotted name; layered defaults, and the tries each method gets on validation.

Later layers win: the defaults below, the preset, the data set, the method, the user's own, the try.
"""

import inspect
from collections.abc import Mapping
from itertools import product
from typing import Any

from auxin import catalogue
from auxin.catalogue import unknown
from auxin.data.encoders.tokens import folder_of
from auxin.errors import ConfigError
from auxin.methods.base import Method, Setting
from auxin.requests.hyperparameters import Hyperparameters, all_checked
from auxin.runs.protocols import PROTOCOLS, protocol_name, published

PRESETS = ("auxin", "adamw", "paper", *PROTOCOLS)


_DATA: dict[str, dict[str, Setting]] = {
    "digits": {
        "model.channel_width": 48,
        "model.depth": 2,
        "batch": 25,
        "steps": 320,
        "lr": 0.03,
        "augmentation": "affine:0.75",
        "looks": 5,
    },
    "mnist": {"model.channel_width": 16, "steps": 400},
    "fashion_mnist": {"model.channel_width": 16, "steps": 400},
    "cifar10": {"model.channel_width": 24},
    "cifar100": {"model.channel_width": 24},
}

_DENSE: dict[str, Setting] = {"model.channel_width": 16, "batch": 8}
"""Where a task has a value per pixel every image counts for many rows: CamVid at 72x96 takes minutes, not an hour."""

_PRETRAINED: dict[str, Setting] = {"optimizer": "adamw", "lr": 1e-4}
"""For a pretrained model of `transformers`: a rate for weights from nothing would wipe its own out in a few steps."""

_ADAMW: dict[str, Setting] = {"optimizer": "adamw", "lr": 3e-3, "weight_decay": 0.01, "clip": 1.0}
"""The preset `adamw`: defaults that train without tuning on data of any scale."""

_RATES = (1.0, 1 / 3, 3.0, 0.1, 0.6, 1.8, 10.0, 0.03)
"""The learning rates tried, as multiples of the default."""


def layered(
    data: str,
    modality: str,
    method: Method,
    preset: str,
    user: Mapping[str, Setting],
    attempt: Mapping[str, Setting],
) -> dict[str, Setting]:
    """The settings of one run.

    Args:
        data: the data set's name.
        modality: of its inputs; "dense" where the main task has a value per pixel.
        method: the method.
        preset: "auxin"; "adamw", the same with AdamW and clipping, which `fit` uses; a paper's protocol by name, for
            every method; "paper", each method's own paper's; or "paper:NAME", the same with NAME for methods without
            a paper.
        user: the user's own settings.
        attempt: a try's.

    Raises:
        ConfigError: a name is not known (the nearest are offered), or a value is of the wrong kind.
    """
    protocol = protocol_for(preset, method)
    found: dict[str, Setting] = dict(Hyperparameters())
    found["model"] = {"vector": "mlp", "dense": "segnet"}.get(modality, found["model"])
    default_model = found["model"]
    folder = folder_of(str(user.get("model", ""))) is not None
    layers = (
        {} if protocol else _DATA.get(data, {}),
        _DENSE if modality == "dense" and not protocol else {},
        _safe(user) if preset == "adamw" else {},
        _PRETRAINED if folder and not protocol else {},
        published(protocol, method, data, modality) if protocol else method.settings,
        attempt,
        user,
    )
    for layer in layers:
        found.update(layer)
    if "model" in user and user["model"] != default_model:
        dropped = [name for name in found if name.startswith("model.") and name not in user]
        found = {name: value for name, value in found.items() if name not in dropped}
    if found.get("estimator.alpha") == "lr":
        found["estimator.alpha"] = found["lr"]
    return all_checked(_none_as_text(found, method))


def _none_as_text(settings: Mapping[str, Setting], method: Method) -> dict[str, Setting]:
    """The settings, with the text "none" in place of None where an option of a part takes text: `model.norm=none`."""
    members = {
        "model": ("models", str(settings["model"])),
        "labeler": ("labelers", method.labeler),
        "combiner": ("combiners", method.combiner),
    }
    found = dict(settings)
    for name in [name for name, value in settings.items() if value is None and "." in name]:
        part, _, option = name.partition(".")
        family, member = members.get(part, ("models", None))
        if member is not None and member in catalogue.names(family):
            made = catalogue.load(family, member)
            takes = [p for way in (made, made.build) for p in inspect.signature(way).parameters.values()]
            if any(p.name == option and p.annotation is str for p in takes):
                found[name] = "none"
    return found


def _safe(user: Mapping[str, Setting]) -> dict[str, Setting]:
    """The preset `adamw`; of it the clipping alone where the user chose another optimizer."""
    other = user.get("optimizer", "adamw") not in ("adam", "adamw")
    return {"clip": _ADAMW["clip"]} if other else _ADAMW


def protocol_for(preset: str, method: Method) -> str | None:
    """The paper's protocol that a preset means for a method; None for `auxin` and `adamw`.

    Raises:
        ConfigError: there is no such preset.
    """
    head, _, rest = preset.partition(":")
    known_preset = head in PRESETS and (not rest or (head == "paper" and rest in PROTOCOLS))
    if not known_preset:
        raise ConfigError(unknown("preset", preset, list(PRESETS)))
    if head == "paper":
        return protocol_name(method) if method.paper or not rest else rest
    return None if head in ("auxin", "adamw") else head


def attempts(method: Method, count: int, lr: float, fixed: bool = False) -> list[dict[str, Setting]]:
    """What a method tries on validation: its learning rates x its own tuning, `count` of them, the likeliest first.

    Where the user fixed the rate, the tuning alone is tried, and a method without one has a single try.

    >>> attempts(Method(), 3, 0.1)
    [{'lr': 0.1}, {'lr': 0.03333}, {'lr': 0.3}]
    >>> attempts(Method(tuning=({"combiner.scale": 1.0}, {"combiner.scale": 0.3})), 3, 0.1, fixed=True)
    [{'combiner.scale': 1.0}, {'combiner.scale': 0.3}]
    """
    if fixed:
        return [dict(option) for option in method.tuning[:count]]
    pairs = product(range(len(_RATES)), range(len(method.tuning)))
    pairs = sorted(pairs, key=lambda p: (max(p), sum(p), p[1]))
    if len(method.tuning) == 1:
        pairs = [(i, 0) for i in range(len(_RATES))]
    return [{**method.tuning[k], "lr": float(f"{lr * _RATES[r]:.4g}")} for r, k in pairs[:count]]


def options(settings: Mapping[str, Setting], part: str) -> dict[str, Any]:
    """One part's own options: `labeler.entropy` becomes `entropy` for the labeler."""
    return {n.split(".", 1)[1]: v for n, v in settings.items() if n.startswith(part + ".")}


def without_model(settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """The user's settings without the model's, for the network that a pretrained one has to beat."""
    return {name: value for name, value in settings.items() if name.partition(".")[0] != "model"}
