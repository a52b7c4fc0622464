"""The hyperparameters of the training loop, declared once, and the check of a setting's value."""

import math
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from auxin.catalogue import unknown
from auxin.errors import ConfigError
from auxin.requests.option import Group, option
from auxin.requests.values import Setting

PARTS = ("model", "rival", "labeler", "consistency", "combiner", "estimator", "strategy")
"""The parts of a method; `PART.OPTION` is an option of that part."""


class Hyperparameters(Group):
    """The hyperparameters of the training loop, with their defaults in the preset `auxin`."""

    model: str = option("conv4", "Name of the trunk.")
    steps: int = option(
        600, "Number of inner steps; it gives the number of epochs where `epochs` is None.", ge=1, le=1e9
    )
    epochs: int | None = option(None, "Number of passes over the main-labelled rows.", ge=1, le=1e9)
    batch: int = option(64, "Number of main-labelled rows per batch.", ge=1, le=1e7)
    optimizer: str = option("sgd", "Optimizer of the primary network: sgd, adam or adamw.")
    lr: float = option(0.1, "Learning rate of the primary network.", gt=0, le=1e6)
    momentum: float = option(0.9, "Momentum of SGD.", ge=0, le=1)
    weight_decay: float = option(5e-4, "Weight decay of the primary network.", ge=0, le=1e6)
    schedule: str = option("cosine", "Learning-rate schedule: constant, cosine or halve.")
    halve_every: int = option(50, "Number of epochs between two halvings of the learning rate.", ge=1, le=1e9)
    clip: float | None = option(None, "Largest global gradient norm, or None.", gt=0, le=1e30)
    loss: str = option("cross_entropy", "Loss of every classification task: focal or cross_entropy.")
    class_weights: str = option(
        "none",
        "Weights of the classes: none, or balanced (rare classes of the data's own tasks weigh as much as frequent "
        "ones).",
    )
    augmentation: str = option(
        "auto",
        'Augmentation of the rows of every method: none, crop or crop_flip, or views joined by "+", such as '
        'affine:0.5+flip (`auxin ls views`); "auto" is the one of the data set.',
    )
    strong: str = option(
        "auto", 'Strong views of methods with a consistency, joined by "+"; "auto" suits the inputs.'
    )
    unlabelled_ratio: float = option(
        1.0, "Number of auxiliary-only rows per main-labelled row, in methods that use them.", ge=0, le=1e6
    )
    pretexts: str = option(
        "", 'Self-supervised tasks, separated by "+", beside the data\'s own in the methods that use those.'
    )
    pretext_share: float = option(
        1.0, "Share of a batch's rows that each self-supervised task copies and changes.", ge=0, le=1
    )
    psi: int | None = option(
        None,
        "Number of auxiliary classes per primary class; None: the data's own finer classes, else 5.",
        ge=1,
        le=1e6,
    )
    rhythm: str = option(
        "fused",
        "Order of inner and meta steps: fused, alternating, or following (fused, with a forward pass less: "
        "`auxin.training.following`).",
    )
    every: int = option(1, "Number of inner steps per meta step (fused, following).", ge=1, le=1e9)
    meta: str = option("next", "Rows of the outer loss: same, next or auxiliary.")
    scale: str = option("unit", "Scale of the hypergradient: raw or unit.")
    meta_optimizer: str = option("adam", "Optimizer of phi: sgd or adam.")
    meta_lr: float = option(
        5e-3,
        "Learning rate of phi: about how far a task's weight moves per meta step, see `Combiner.rate_factors`.",
        ge=0,
        le=1e6,
    )
    meta_weight_decay: float = option(0.0, "L2 decay of phi.", ge=0, le=1e6)
    meta_momentum: float = option(0.0, "Momentum of the SGD of phi.", ge=0, le=1)
    meta_paced: bool = option(
        True,
        "Whether each layer of a combiner moves at a rate of its own (`Combiner.rate_factors`), instead of all at "
        "`meta_lr`.",
    )
    meta_clip: float | None = option(
        None, "Largest global norm of the hypergradient, or None.", gt=0, le=1e30
    )
    hypergradient: str = option(
        "", "Estimator of the hypergradient (`auxin ls hypergradients`); empty: the method's own."
    )
    patience: int | None = option(
        None,
        "Number of epochs without a better validation score after which training stops; None trains to the end.",
        ge=0,
        le=1e9,
    )
    looks: int = option(
        20,
        "Approximate number of times per run that the learning curve and the learning signal are measured.",
        ge=0,
        le=1e6,
    )
    average: int = option(
        1, "Number of last epochs whose scores are averaged into the reported score.", ge=1, le=1e9
    )
    precision: str = option(
        "float32",
        "Precision of the forward passes: float32, tf32 or bfloat16 (see `auxin.training.precision`).",
    )
    channels_last: bool | None = option(
        None,
        "Whether images and convolution weights have the channels innermost in memory; None: on a CPU, where the model "
        "is conv4, vgg16 or a ResNet.",
    )
    compile: bool = option(
        False, "Whether the steps are compiled; where that fails they run as they are, with a note."
    )


def known() -> list[str]:
    """Return the names of the loop's hyperparameters; `PART.OPTION` names go to the parts that a method is made of."""
    return list(Hyperparameters.model_fields)


def checked(name: str, value: Setting) -> Setting:
    """Return the value of a setting as the setting's type.

    Raises:
        ConfigError: There is no such setting, or its value has the wrong type or is out of bounds.

    >>> checked("steps", 5.0), checked("clip", None), checked("labeler.hard", True)
    (5, None, True)
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise _out_of_bounds(name, "a finite number", value)
    if name.split(".", 1)[0] in PARTS and "." in name:
        return value
    if name not in Hyperparameters.model_fields:
        raise ConfigError(unknown("setting", name, [*known(), *(f"{p}.OPTION" for p in PARTS)]))
    kind = Hyperparameters.model_fields[name].annotation
    if kind is str and value is None:
        return "none"
    if isinstance(value, float) and value.is_integer() and kind in (int, int | None):
        value = int(value)
    try:
        return _type(name).validate_python(value, strict=True)
    except ValidationError as error:
        [one] = error.errors()[:1]
        expected = one["msg"].removeprefix("Input should be ")
        if one["type"].startswith(("greater", "less")):
            raise _out_of_bounds(name, f"a number {expected}", value) from None
        wrong = f"The value of the setting {name} is invalid"
        raise ConfigError(wrong, expected=expected, found=repr(value)) from None


def all_checked(settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """Return settings with checked values, or refuse all that are wrong at once.

    Raises:
        ConfigError: The mistakes.
    """
    found, wrong = {}, []
    for name, value in settings.items():
        try:
            found[name] = checked(name, value)
        except ConfigError as error:
            wrong.append(str(error))
    if wrong:
        raise ConfigError(" ".join(wrong))
    return found


def _out_of_bounds(name: str, expected: str, value: object) -> ConfigError:
    return ConfigError(f"The setting {name} is out of bounds", expected=expected, found=f"{value}")


@cache
def _type(name: str) -> TypeAdapter[Any]:
    """Return the type of a setting with its bounds."""
    info = Hyperparameters.model_fields[name]
    return TypeAdapter(Annotated[info.annotation, info])  # type: ignore[valid-type]
