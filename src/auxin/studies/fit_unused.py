"""Options of `auxin fit` that do not apply to the way in which a model is chosen: given in vain, they are named."""

from collections.abc import Callable
from typing import Any

from auxin.requests.fit import FitRequest

_VALUES: dict[str, Callable[[FitRequest], Any]] = {
    "--tries": lambda request: request.tries,
    "--draws": lambda request: request.draws,
    "--max-rows": lambda request: request.max_rows,
    "--budget": lambda request: request.budget,
    "--no-guard": lambda request: request.guard,
    "--validation": lambda request: request.split.validation,
    "--jobs": lambda request: request.compute.jobs,
    "--engine": lambda request: request.compute.engine,
    "--address": lambda request: request.compute.address,
}
_RUNS = ("--jobs", "--engine", "--address")
SEARCH = ("the search", ("--draws", "--no-guard", "--validation", *_RUNS))
"""Cross-validation of all candidates, in this process."""
COMPARED = ("a comparison of networks", ("--max-rows",))
"""Named methods that are compared on validation rows."""
ALONE = ("the training of one network", ("--tries", "--draws", "--max-rows", "--budget", *_RUNS))
"""A method that nothing is compared with: its settings are the user's or the defaults."""


def unused_note(request: FitRequest, way: tuple[str, tuple[str, ...]]) -> list[str]:
    """A sentence on options that the user changed and that do not apply.

    Args:
        request: The user's request.
        way: How the model is chosen: `SEARCH`, `COMPARED` or `ALONE`.

    >>> from auxin.requests.data import DataSpec
    >>> unused_note(FitRequest(data=DataSpec(name="a.csv"), draws=5, tries=3), SEARCH)
    ['Options that do not apply to the search: --draws.']
    """
    usual = FitRequest(data=request.data)
    what, names = way
    given = [name for name in names if _VALUES[name](request) != _VALUES[name](usual)]
    return [f"Options that do not apply to {what}: {', '.join(given)}."] if given else []
