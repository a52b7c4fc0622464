"""The parameters that tasks share, and the Gramian of the tasks' gradients over them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from auxin.errors import ConfigError, UnsupportedError
from auxin.math.params import Params, trainable
from auxin.math.sharding import is_sharded
from auxin.training.gramian import Means, Slopes, gramian, main_row
from auxin.training.processes import average_, parallel


class SharedParameters:
    """The trainable parameters that the losses of two tasks or more reach.

    Where the caller does not name them, each task's parameters are found from its gradients when its labels are first
    seen, so tasks may come one after another.

    Args:
        network: The primary network, without wrappers.
        tasks: The tasks' names, main first.
        known: The shared parameters, where the caller knows them; None to find them.

    >>> net = nn.ModuleDict({"trunk": nn.Linear(2, 2), "a": nn.Linear(2, 1), "b": nn.Linear(2, 1)})
    >>> hidden = net["trunk"](torch.ones(3, 2))
    >>> shared = SharedParameters(net, ("a", "b"))
    >>> shared.gramian([net["a"](hidden).mean(), net["b"](hidden).mean()]).shape
    torch.Size([2, 2])
    >>> shared.names()
    ['trunk.weight', 'trunk.bias']
    """

    def __init__(
        self, network: nn.Module, tasks: Sequence[str], known: Sequence[Tensor] | None = None
    ) -> None:
        self.network, self.tasks = network, tuple(tasks)
        self.known = None if known is None else {id(parameter) for parameter in known}
        self.reached: dict[str, list[str]] = {}
        self.row_checked: set[int] = set()
        self.row_wrong = ""

    def names(self) -> list[str]:
        """The shared parameters as far as they are known; with one task alone, what that one reaches."""
        return self._among(trainable(self.network))

    def _among(self, parameters: Params) -> list[str]:
        if self.known is not None:
            return [name for name, p in parameters.items() if id(p) in self.known]
        counts: dict[str, int] = {}
        for names in self.reached.values():
            for name in names:
                counts[name] = counts.get(name, 0) + 1
        least = min(2, len(self.reached))
        return [name for name in parameters if counts.get(name, 0) >= least > 0]

    def gramian(self, means: Means, main_row_only: bool = False, slopes: Slopes = None) -> Tensor:
        """<grad l_i, grad l_j> over the shared parameters, [T, T], constant; of the processes' mean gradients.

        How each is computed stands in `auxin.training.gramian`. With several processes, and until every task's
        parameters are known, the tasks' whole gradients are made.

        Args:
            means: The tasks' mean losses with their graphs, each its own; None for a task without a label,
                whose row and column are zero.
            main_row_only: Whether only the products with the main task's gradient are needed; all others may then be
                zero.
            slopes: As in `auxin.training.gramian`, where `means` are tensors on the way to the mean losses.

        Raises:
            ConfigError: The tasks share nothing.
        """
        if is_sharded(self.network):
            raise UnsupportedError(
                "The network's parameters are sharded, so the tasks' gradients cannot be compared",
                expected="a combiner that looks at losses, such as softmax or linear",
            )
        complete = self.known is not None or len(self.reached) == len(self.tasks)
        known = trainable(self.network)
        shared = [known[name] for name in self._among(known)]
        if parallel() or not complete or not shared:
            return self._of_whole_gradients(means, complete, slopes)
        row = self._row(means, shared, slopes) if main_row_only and not self.row_wrong else None
        return gramian(means, shared, slopes) if row is None else row

    def _row(self, means: Means, shared: Sequence[Tensor], slopes: Slopes) -> Tensor | None:
        """The main row and column; None where it cannot be had. Compared with the whole when a task is first seen."""
        try:
            row = main_row(means, shared, slopes)
        except RuntimeError as error:
            first = str(error).splitlines()[0]
            self.row_wrong = f"an operation cannot be differentiated twice ({first})"
            return None
        new = {k for k, mean in enumerate(means) if mean is not None} - self.row_checked
        if new and means[0] is not None:
            whole = gramian(means, shared, slopes)
            sizes = whole.diagonal().clamp(min=0).sqrt()
            if bool(((row - whole[0]).abs() > 1e-3 * sizes[0] * sizes).any()):
                self.row_wrong = (
                    "a differentiated backward pass gives other inner products, as in sixteen bits"
                )
                return None
            self.row_checked |= new
        found = torch.zeros(len(row), len(row), dtype=row.dtype, device=row.device)
        found[0], found[:, 0] = row, row
        return found

    def _of_whole_gradients(self, means: Means, complete: bool, slopes: Slopes) -> Tensor:
        known, places = trainable(self.network), list(range(len(means)))
        wanted = {n: known[n] for n in self._among(known)} if complete else known
        starts = slopes or [None] * len(means)
        grads = {k: _gradients(mean, wanted, starts[k]) for k in places if (mean := means[k]) is not None}
        for k, found in grads.items():
            if not complete:
                self.reached[self.tasks[k]] = list(found)
        shared = {name for name in self._among(known) if name in wanted}
        if not shared:
            self._refuse_if_complete()
        masked = [{n: g for n, g in grads.get(k, {}).items() if n in shared} for k in places]
        # Of one size in all processes.
        names = list(known) if parallel() else sorted(shared, key=list(known).index)
        if not names:
            return torch.zeros(len(places), len(places), device=next(iter(known.values())).device)
        stacked = torch.stack([_row(found, [(n, known[n]) for n in names]) for found in masked])
        average_([stacked])
        return stacked @ stacked.T

    def state_dict(self) -> dict[str, Any]:
        """Which parameters each task reaches, by name."""
        return {"reached": {task: list(names) for task, names in self.reached.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what was found before."""
        self.reached = {task: list(names) for task, names in state["reached"].items()}

    def _refuse_if_complete(self) -> None:
        if len(self.reached) == len(self.tasks) > 1:
            raise ConfigError(
                "The tasks share no trainable parameter, so no auxiliary can help the main task",
                expected="parameters that the losses of two tasks reach",
                found=", ".join(f"{task}: {len(names)} of its own" for task, names in self.reached.items()),
                do="Unfreeze a part of the trunk, or train the main task alone.",
            )


def _gradients(mean: Tensor, wanted: dict[str, Tensor], slope: Tensor | None) -> dict[str, Tensor]:
    if not mean.requires_grad or not wanted:
        return {}
    found = torch.autograd.grad(mean, list(wanted.values()), slope, retain_graph=True, allow_unused=True)
    return {name: grad for name, grad in zip(wanted, found, strict=True) if grad is not None}


def _row(found: dict[str, Tensor], shared: list[tuple[str, Tensor]]) -> Tensor:
    return torch.cat([found[n].flatten() if n in found else torch.zeros_like(p).flatten() for n, p in shared])
