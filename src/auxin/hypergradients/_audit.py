"""Whether a network can be evaluated twice: looked at with the first batch of every structure, by two forward passes.

Every estimator makes several forward passes of one training step. A pass that writes into parameters or into its input,
or that draws what cannot be drawn again, is another function each time, and no derivative of it is that of the step.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor, nn

from auxin.errors import UnsupportedError, message
from auxin.hypergradients._base import BilevelProblem, TrainingGradient
from auxin.hypergradients._structure import Memory, key_of
from auxin.math.deferred import traced
from auxin.math.functional import placed, plain_attention, still, under_rng
from auxin.math.params import bare, leaves, trainable
from auxin.math.sharding import is_sharded
from auxin.math.tree import detach, tensors
from auxin.math.visits import visiting
from auxin.optimizers import InnerStep

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-3}
"""How far two forward passes may differ, relatively (the order of sums in parallel); 0.05 in lower precision."""

_MEMORY: Memory[bool] = Memory()


@contextmanager
def repeated(problem: BilevelProblem, batches: Sequence[Any], step: InnerStep | None) -> Iterator[None]:
    """An estimate's passes of the network: each begins alike, and none of them leaves anything.

    Args:
        problem: The network.
        batches: The training batch and the meta batch.
        step: The optimisers' next step.

    Raises:
        UnsupportedError: The network cannot be evaluated twice, or the step moves more than the look-ahead can see.
    """
    network = bare(problem.network)
    if traced() or is_sharded(network):
        yield
        return
    foreign = [] if step is None else step.foreign(network.parameters())
    with visiting(network, foreign):
        if batches and _MEMORY.get(network, key_of(problem, batches[0])) is None:
            audit(problem, batches)
        yield


def reusable(
    problem: BilevelProblem, train: Any, gradient: TrainingGradient | None
) -> TrainingGradient | None:
    """The training gradient at hand, or None where a pass now is not the pass that it was taken in.

    Spectral normalisation moves on with every training pass, and so does a hidden state.
    """
    if gradient is None or traced() or is_sharded(problem.network):
        return gradient
    network = bare(problem.network)
    key = key_of(problem, train)
    seen = _GIVEN.get(network, key)
    if seen is None:
        with visiting(network):
            seen = _near(tensors(gradient.signals), _pass(problem, train, gradient.rng))
        _GIVEN.put(network, key, seen)
    return gradient if seen else None


_GIVEN: Memory[bool] = Memory()


def audit(problem: BilevelProblem, batches: Sequence[Any]) -> None:
    """Two forward passes on the training batch, compared; parameters and input are compared with what they were.

    Raises:
        UnsupportedError: They differ.
    """
    network, train = bare(problem.network), batches[0]
    given = [t for batch in batches for t in found_in(batch)]
    state = {name: _hash(p) for name, p in network.named_parameters()}
    contents = [_hash(t) for t in given]
    first, second = _pass(problem, train), _pass(problem, train)
    written = [name for name, p in network.named_parameters() if not torch.equal(_hash(p), state[name])]
    if written:
        raise _refused(
            "writes into its parameters", ", ".join(written[:3]), "Change them after `optimizer.step()`"
        )
    if any(not torch.equal(_hash(t), before) for t, before in zip(given, contents, strict=True)):
        raise _refused(
            "writes into its input", "a batch that has changed", "Copy the input first (`x = x.clone()`)"
        )
    if not _near(first, second):
        raise UnsupportedError(
            message(
                "The network's forward pass does not repeat itself under the same random state, so a meta step would "
                "differentiate another function than the training step's",
                found="other outputs for the same batch",
                do="Keep what moves in buffers or plain attributes of modules, and draw from torch's, Python's or "
                "NumPy's own random state, or from a generator that a module keeps as an attribute.",
            )
        )
    _MEMORY.put(network, key_of(problem, train), True)


def found_in(batch: Any, depth: int = 5) -> list[Tensor]:
    """The tensors of a batch."""
    if isinstance(batch, Tensor):
        return [batch]
    if not depth or isinstance(batch, str | bytes | nn.Module):
        return []
    if isinstance(batch, Mapping):
        inside: list[Any] = list(batch.values())
    elif isinstance(batch, list | tuple):
        inside = list(batch)
    elif is_dataclass(batch) and not isinstance(batch, type):
        inside = [getattr(batch, f.name) for f in fields(batch)]
    else:
        return []
    return [t for each in inside for t in found_in(each, depth - 1)]


def _pass(problem: BilevelProblem, batch: Any, rng: Any = None) -> list[Tensor]:
    params = leaves(list(trainable(problem.network).values()))
    with (
        under_rng(rng), still(problem.auxiliary), plain_attention(), torch.enable_grad(), problem.autocast(),
        placed(problem.network, params) as module,
    ):  # fmt: skip
        return tensors(detach(problem.raised(module(*problem.inputs(batch)))))


def _near(first: Sequence[Tensor], second: Sequence[Tensor]) -> bool:
    if len(first) != len(second) or any(a.shape != b.shape for a, b in zip(first, second, strict=True)):
        return False
    for a, b in zip(first, second, strict=True):
        off = torch.linalg.vector_norm((a - b).nan_to_num())
        if bool(off > TOLERANCE.get(a.dtype, 5e-2) * torch.linalg.vector_norm(b.nan_to_num())):
            return False
    return True


def _hash(value: Tensor) -> Tensor:
    """A number that another content would change; of sparse and complex tensors, of their real entries."""
    with torch.no_grad():
        plain = value.coalesce().values() if value.is_sparse else value.detach()
        plain = torch.view_as_real(plain) if plain.is_complex() else plain
        if plain.layout is not torch.strided or not plain.numel():
            return torch.zeros(())
        return torch.hash_tensor(plain)


def _refused(what: str, found: str, do: str) -> UnsupportedError:
    return UnsupportedError(
        message(
            f"The network's forward pass {what}, so a second pass is another function",
            found=found,
            do=f"{do}. (This call changed it, as any forward does.)",
        )
    )
