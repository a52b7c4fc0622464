"""The arguments of `Auxiliary`: tasks in order, the combiner, and the numbers of the meta step."""

import math
from collections.abc import Mapping
from typing import Any

from auxin import catalogue
from auxin.combiners import build
from auxin.combiners.base import Combiner
from auxin.errors import ConfigError
from auxin.labelers.base import Labeler
from auxin.training.task_losses import Loss


def check_numbers(every: Any, scale: Any, **positive: Any) -> None:
    """Refuse numbers with which no meta step can be taken.

    Args:
        every: `after_step` calls between meta steps.
        scale: "raw" or "unit".
        positive: The learning rate and the bounds of clipping, by name; None where one is not used.

    Raises:
        ConfigError: naming the argument.
    """
    if isinstance(every, bool) or not isinstance(every, int) or every < 1:
        raise _refused("every", every, "a whole number of steps, at least 1")
    if scale not in ("raw", "unit"):
        made = "auxin.combiners.build(NAME, [main, *others], scale=0.5)"
        do = f"A combiner's own `scale` is given to the combiner: `combiner={made}`"
        raise _refused("scale", scale, "raw or unit", do if isinstance(scale, int | float) else "")
    for name, value in positive.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (number and 0 < value < math.inf):
            raise _refused(name, value, "a finite number above 0")


def _refused(name: str, value: Any, expected: str, do: str = "") -> ConfigError:
    return ConfigError(f"{name}={value!r} is not usable for the meta step", expected=expected, do=do)


def in_order(main: str, tasks: Mapping[str, Loss], labeler: Labeler | None) -> dict[str, Loss]:
    if main not in tasks:
        raise ConfigError(catalogue.unknown("main task", main, list(tasks)))
    found: dict[str, Loss] = {main: tasks[main], **{k: t for k, t in tasks.items() if k != main}}
    made = {} if labeler is None else labeler.tasks()
    return {**found, **{name: task for name, task in made.items() if name not in found}}


def combiner_for(combiner: str | Combiner, names: tuple[str, ...], options: dict[str, Any]) -> Combiner:
    if isinstance(combiner, str):
        return build(combiner, names, **options)
    if options:
        raise ConfigError("A ready combiner takes no options", found=", ".join(sorted(options)))
    if combiner.count != len(names):
        raise ConfigError(
            "The combiner does not fit the tasks",
            expected=f"one for {len(names)} tasks",
            found=f"one for {combiner.count}",
        )
    return combiner
