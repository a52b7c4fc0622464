"""Where the batches of the main task's loss in the meta step come from."""

import functools
import inspect
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch.utils.data import DataLoader

from auxin.errors import ConfigError


class MetaSource:
    """Draws a meta batch from whatever the user gives: a batch, an iterator, a function, or a `DataLoader`.

    A `DataLoader` gives its batches in turn and begins again at its end.
    """

    def __init__(self) -> None:
        self._loader: Any = None
        self._batches: Iterator[Any] = iter(())

    def __getstate__(self) -> dict[str, Any]:
        """A copy begins its loader again: an iterator over one cannot be copied."""
        return {"_loader": None, "_batches": iter(())}

    def draw(self, meta: Any) -> Any:
        """One batch.

        Raises:
            ConfigError: The iterator or the loader has no batch.
        """
        with _training_loader_kept():
            if isinstance(meta, DataLoader):
                return self._from_loader(meta)
            if isinstance(meta, Iterator):
                drawn = next(meta, None)
                if drawn is None:
                    raise ConfigError("The iterator of meta batches is at its end", do="Let it begin again.")
                return drawn
            return meta() if gives_batches(meta) else meta

    def _from_loader(self, loader: Any) -> Any:
        if loader is not self._loader:
            self._loader, self._batches = loader, iter(loader)
        drawn = next(self._batches, None)
        if drawn is None:
            self._batches = iter(loader)
            drawn = next(self._batches, None)
        if drawn is None:
            raise ConfigError("The DataLoader of meta batches has no batch", found="an empty data set")
        return drawn


@contextmanager
def _training_loader_kept() -> Iterator[None]:
    """A meta loader prepared by Accelerate leaves the windows of gradient accumulation to the training loader.

    Accelerate closes a window at the end of the loader whose iteration began last, which would be the meta loader's.
    """
    module: Any = sys.modules.get("accelerate.state")
    if module is None or not module.GradientState._shared_state:
        yield
        return
    state = module.GradientState()
    before = state.dataloader_references
    try:
        yield
    finally:
        state.dataloader_references = before


def gives_batches(meta: Any) -> bool:
    """Whether this is a function that gives a batch, and no batch that happens to be callable.

    Objects that hold data may be callable (the graphs of PyTorch Geometric are); they have `x`, `y` or `to`.

    >>> gives_batches(lambda: 0), gives_batches({"x": 0})
    (True, False)
    """
    if inspect.isroutine(meta) or isinstance(meta, functools.partial):
        return True
    holds_data = isinstance(meta, Mapping | tuple | list) or any(hasattr(meta, k) for k in ("x", "y", "to"))
    return callable(meta) and not holds_data
