"""`torch.cond` as a Python `if`, whose branches have every derivative."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def plain_branches() -> Iterator[None]:
    """Inside, `torch.cond` calls the branch itself.

    In PyTorch 2.13 the second derivative of `torch.cond` is left out without a word (`findings/`), it has no forward
    mode, and its first derivative ends in a TypeError where compiled parts are run eagerly.

    >>> with plain_branches():
    ...     torch.cond(torch.tensor(True), torch.sin, torch.cos, (torch.zeros(1),))
    tensor([0.])
    """
    own = torch.cond
    torch.cond = _branch
    try:
        yield
    finally:
        torch.cond = own


def _branch(
    pred: Any, true_fn: Callable[..., Any], false_fn: Callable[..., Any], operands: Sequence[Any] = ()
) -> Any:
    return (true_fn if bool(pred) else false_fn)(*operands)
