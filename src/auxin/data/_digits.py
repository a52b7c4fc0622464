"""What a user may ask of digits: the digit itself, or its parity with the digit as auxiliary task."""

from typing import Any

import torch
from torch import Tensor

from auxin.errors import ConfigError
from auxin.tasks.classes import Classes


def digit_tasks(digit: Tensor, target: str) -> dict[str, Any]:
    """The `tasks`, `y`, `main` and `parents` of a data set of digits.

    Raises:
        ConfigError: The target is neither "digit" nor "parity".
    """
    names = [str(n) for n in range(10)]
    fine = Classes("digit", 10, label_names=names)
    if target == "digit":
        return {"tasks": {"digit": fine}, "y": {"digit": digit}, "main": "digit"}
    if target == "parity":
        coarse = Classes("parity", 2, label_names=["even", "odd"])
        return {
            "tasks": {"parity": coarse, "digit": fine},
            "y": {"parity": torch.where(digit >= 0, digit % 2, -1), "digit": digit},
            "main": "parity",
            "parents": {"digit": torch.arange(10) % 2},
        }
    raise ConfigError(f"Digits have no target {target!r}", expected="'digit' or 'parity'", found=repr(target))
