"""Many losses to one."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from auxin import catalogue

if TYPE_CHECKING:
    from auxin.combiners.base import Combiner


def build(name: str, tasks: Sequence[str], **options: float | int | str | bool) -> "Combiner":
    """The combiner of that name for these tasks, main first.

    Args:
        name: A name that `auxin ls` shows, or `torchjd:AGGREGATOR`.
        tasks: The tasks' names.
        options: The member's own arguments.

    Raises:
        ConfigError: An unknown name or an option that the combiner does not have.

    >>> build("equal", ["breed", "species"], scale=0.5).scale
    0.5
    """
    family, colon, variant = name.partition(":")
    if colon:
        options = {"aggregator": variant, **options}
    return catalogue.load("combiners", family).build(tasks, **options)
