"""A task for each source of rows, so that a combiner learns a weight per source."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from auxin.api._reading import as_target
from auxin.errors import ConfigError, DataError


def by_source(labels: Any, source: Any, names: Sequence[str]) -> Callable[[Any], Any]:
    """Make `Auxiliary`'s `targets`: one task per source of rows, over one output and one column of labels.

    A source is a website, an annotator, a hospital, a domain. Each source's task has the labels of its own rows; the
    rows of other sources are missing in it. With `softmax` or any other combiner, every source has a learned weight.

    Formula:
        With m_s the mean loss over the batch's rows of source s, and s = 0 the first: L_T = m_0 + sum_(s>0) w_s m_s,
        with the weights w of the combiner.

    Args:
        labels: The labels' key in a batch: a name, or a place where batches are tuples.
        source: The key of each row's source: names, or numbers that count `names` from 0.
        names: The sources' names, which are the tasks' names. The first is the main task: the source for which the
            network is meant.

    Returns:
        A function from a batch to its targets by task. A batch without the column of sources is of the first source, as
        meta batches often are.

    Raises:
        ConfigError: A name stands twice, or there is one alone.
        DataError: A source that is not among the names (when a batch has it).

    A photo and a crowd's label for each row; the hospital's own rows count:

    >>> from auxin import Auxiliary
    >>> sources = ["hospital", "crowd"]
    >>> model, loss = torch.nn.Linear(4, 3), torch.nn.functional.cross_entropy
    >>> targets = by_source("y", "from", sources)
    >>> aux = Auxiliary(model, main="hospital", tasks=dict.fromkeys(sources, loss), targets=targets, slack=True)
    >>> batch = {"x": torch.randn(3, 4), "y": torch.tensor([0, 1, 2]), "from": ["crowd", "hospital", "crowd"]}
    >>> targets(batch)
    {'hospital': tensor([-1,  1, -1]), 'crowd': tensor([ 0, -1,  2])}
    >>> aux(model(batch["x"]), batch).ndim
    0
    """
    places = {name: k for k, name in enumerate(names)}
    if len(places) != len(names) or len(names) < 2:
        raise ConfigError(
            "The sources have no names of their own", expected="two or more different names", found=str(names)
        )

    found = partial(_targets, labels, source, places)
    found.sources = tuple(names)  # type: ignore[attr-defined]
    return found


def _targets(labels: Any, source: Any, places: Mapping[str, int], batch: Any) -> Any:
    """A batch's targets by source."""
    values, found = as_target(batch[labels]), batch.get(source) if isinstance(batch, Mapping) else None
    if not isinstance(batch, Mapping) and len(batch) > source:
        found = batch[source]
    if found is None:
        return {next(iter(places)): values}
    numbers = _numbers(found, places).to(values.device)
    missing = torch.full_like(values, float("nan") if values.is_floating_point() else -1)
    shape = [-1, *[1] * (values.dim() - 1)]
    return {name: torch.where((numbers == k).view(shape), values, missing) for name, k in places.items()}


def _numbers(found: Any, places: Mapping[str, int]) -> Tensor:
    """The sources of a batch's rows as numbers."""
    given = found if isinstance(found, Tensor) else as_target(list(found))
    if not isinstance(given, Tensor):
        given = torch.tensor([places.get(str(each), -1) for each in given])
    if given.is_floating_point() or bool(((given < 0) | (given >= len(places))).any()):
        raise DataError(
            "A row's source is not known",
            expected=f"one of {', '.join(places)}, or its number from 0",
            found=", ".join(map(str, list(found)[:5])),
        )
    return given
