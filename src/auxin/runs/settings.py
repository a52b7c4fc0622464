"""Every hyperparameter of a run, flat, by dotted name; layered defaults, and the tries each method gets on validation.

Later layers win: the defaults below, the preset, the data set, the method, the user's own, the try.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from typing import Any

from auxin.catalogue import unknown
from auxin.data.encoders.tokens import folder_of
from auxin.errors import ConfigError, message
from auxin.methods._base import Method, Setting
from auxin.methods._protocols import PROTOCOLS, protocol_name, published
from auxin.requests.values import settings as from_text
from auxin.runs.bounds import check_bounds

PRESETS = ("auxin", "adamw", "paper", *PROTOCOLS)
PARTS = ("model", "rival", "labeler", "consistency", "combiner", "estimator", "strategy")


@dataclass(frozen=True)
class Plain:
    """The settings that belong to the loop, with their defaults in the `auxin` preset.

    Attributes:
        model: the trunk's name.
        steps: inner steps in all; gives the number of epochs where `epochs` is None.
        epochs: passes over the main-labelled rows.
        batch: main-labelled rows per batch.
        optimizer: of the primary network: sgd, adam or adamw.
        lr: its learning rate.
        momentum: of SGD.
        weight_decay: of the primary network.
        schedule: constant, cosine or halve.
        halve_every: epochs between halvings.
        clip: largest global gradient norm, or None.
        loss: focal or cross_entropy, of every classification task.
        class_weights: none, or balanced: rare classes of the data's own tasks weigh as much as frequent ones.
        augmentation: of every method's rows: none, crop or crop_flip, or views joined by "+", such as affine:0.5+flip
            (`auxin ls views`); "auto" is the data set's own.
        strong: the strong views of methods with a consistency, joined by "+"; "auto" suits the inputs.
        unlabelled_ratio: auxiliary-only rows per main-labelled row, in methods that use them.
        pretexts: self-made tasks, separated by "+", beside the data's own in the methods that use those.
        pretext_share: the share of a batch's rows that each self-made task copies and changes.
        psi: auxiliary classes per primary class; None: the data's own finer classes, else 5.
        rhythm: fused, alternating, or following (fused, with a forward pass less: `auxin.training.following`).
        every: inner steps per meta step (fused, following).
        meta: where the outer loss is taken: same, next or auxiliary.
        scale: raw or unit hypergradient.
        meta_optimizer: sgd or adam.
        meta_lr: its learning rate: about how far a task's weight moves per meta step, see `Combiner.paces`.
        meta_weight_decay: L2 decay of phi.
        meta_momentum: of phi's SGD.
        meta_paced: each layer of a combiner moves at a pace of its own (`Combiner.paces`); else all at `meta_lr`.
        meta_clip: largest global norm of the hypergradient, or None.
        hypergradient: the estimator (`auxin ls hypergradients`); empty: the method's own.
        patience: early stopping on validation, in epochs; None trains to the end.
        looks: how often in a run the learning curve and the learning signal are measured, about.
        average: the reported score is the mean of the last so many epochs' (1: the last epoch).
        precision: float32, tf32 or bfloat16, of the forwards (see `auxin.training.precision`).
        channels_last: images and convolution weights with the channels innermost.
        compile: compile the steps; they run as they are, with a note, where that fails.
    """

    model: str = "conv4"
    steps: int = 600
    epochs: int | None = None
    batch: int = 64
    optimizer: str = "sgd"
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: str = "cosine"
    halve_every: int = 50
    clip: float | None = None
    loss: str = "cross_entropy"
    class_weights: str = "none"
    augmentation: str = "auto"
    strong: str = "auto"
    unlabelled_ratio: float = 1.0
    pretexts: str = ""
    pretext_share: float = 1.0
    psi: int | None = None
    rhythm: str = "fused"
    every: int = 1
    meta: str = "next"
    scale: str = "unit"
    meta_optimizer: str = "adam"
    meta_lr: float = 5e-3
    meta_weight_decay: float = 0.0
    meta_momentum: float = 0.0
    meta_paced: bool = True
    meta_clip: float | None = None
    hypergradient: str = ""
    patience: int | None = None
    looks: int = 20
    average: int = 1
    precision: str = "float32"
    channels_last: bool = False
    compile: bool = False


_DATA: dict[str, dict[str, Setting]] = {
    "digits": {
        "model.channel_width": 48,
        "model.depth": 2,
        "batch": 25,
        "steps": 320,
        "lr": 0.03,
        "augmentation": "affine:0.75",
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


def known() -> list[str]:
    """The plain settings' names; `PART.OPTION` names go to the parts that a method is made of."""
    return [f.name for f in fields(Plain)]


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
    found: dict[str, Setting] = {f.name: f.default for f in fields(Plain)}  # type: ignore[misc]
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
    return {name: checked(name, value) for name, value in found.items()}


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


def checked(name: str, value: Setting) -> Setting:
    """The value as the setting's kind, or a clear refusal."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and not math.isfinite(value):  # type: ignore[arg-type]
        check_bounds(name, value)  # type: ignore[arg-type]
    if name.split(".", 1)[0] in PARTS and "." in name:
        return value
    if name not in known():
        raise ConfigError(unknown("setting", name, [*known(), *(f"{p}.OPTION" for p in PARTS)]))
    kind = Plain.__annotations__[name]
    if number:
        check_bounds(name, value)  # type: ignore[arg-type]
    return _as_kind(name, value, kind)


def _as_kind(name: str, value: Setting, kind: Any) -> Setting:
    if kind in (str, "str") and isinstance(value, str | None):
        return "none" if value is None else value
    if kind in (bool, "bool") and isinstance(value, bool):
        return value
    optional = "None" in str(kind)
    if optional and value is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if "float" in str(kind) and number:
        return float(value)  # type: ignore[arg-type]
    if "int" in str(kind) and number and value == int(value):  # type: ignore[arg-type]
        return int(value)  # type: ignore[arg-type]
    expected = str(getattr(kind, "__name__", kind))
    raise ConfigError(
        message(f"The value of the setting {name} is invalid", expected=expected, found=repr(value))
    )


def parse(pairs: Sequence[str]) -> dict[str, Setting]:
    """Settings as a user types them.

    >>> parse(["lr=0.03", "schedule=halve", "labeler.hard=true"])
    {'lr': 0.03, 'schedule': 'halve', 'labeler.hard': True}
    """
    return {name: checked(name, value) for name, value in from_text(pairs).items()}


def attempts(method: Method, count: int, lr: float, fixed: bool = False) -> list[dict[str, Setting]]:
    """What a method tries on validation: its learning rates x its own knob, `count` of them, the likeliest first.

    Where the user fixed the rate, the knob alone is tried, and a method without one has a single try.

    >>> attempts(Method(), 3, 0.1)
    [{'lr': 0.1}, {'lr': 0.03333}, {'lr': 0.3}]
    >>> attempts(Method(knob=({"combiner.scale": 1.0}, {"combiner.scale": 0.3})), 3, 0.1, fixed=True)
    [{'combiner.scale': 1.0}, {'combiner.scale': 0.3}]
    """
    if fixed:
        return [dict(option) for option in method.knob[:count]]
    pairs = sorted(product(range(len(_RATES)), range(len(method.knob))), key=lambda p: (max(p), sum(p), p[1]))
    if len(method.knob) == 1:
        pairs = [(i, 0) for i in range(len(_RATES))]
    return [{**method.knob[k], "lr": float(f"{lr * _RATES[r]:.4g}")} for r, k in pairs[:count]]


def options(settings: Mapping[str, Setting], part: str) -> dict[str, Any]:
    """One part's own options: `labeler.entropy` becomes `entropy` for the labeler."""
    return {n.split(".", 1)[1]: v for n, v in settings.items() if n.startswith(part + ".")}
