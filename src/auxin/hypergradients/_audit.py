"""Whether a network can be evaluated twice: looked at with the first batch of every structure, by two forward passes.

Every estimator makes several forward passes of one training step. A pass that writes into parameters or into its input,
or that draws what cannot be drawn again, is another function each time, and no derivative of it is that of the step.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from auxin.errors import UnsupportedError
from auxin.hypergradients._structure import Memory, key_of
from auxin.hypergradients.base import BilevelProblem, TrainingGradient
from auxin.math.branches import plain_branches
from auxin.math.deferred import traced
from auxin.math.functional import placed, plain_attention, still, under_rng
from auxin.math.graphs import graph_nodes
from auxin.math.params import bare, leaves, trainable, walk
from auxin.math.sharding import is_sharded
from auxin.math.tree import children, detach, tensors
from auxin.math.visits import visiting
from auxin.optimizers import InnerStep

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-3}
"""How far two forward passes may differ, relatively (the order of sums in parallel); 0.05 in lower precision."""

TURNS = 16
"""How often the parameters are compared: hashing them twice costs a hundredth of a meta step, a thousandth of all."""

_MEMORY: Memory[bool] = Memory()
_TURNS: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()


@contextmanager
def repeated(problem: BilevelProblem, batches: Sequence[Any], step: InnerStep | None) -> Iterator[None]:
    """An estimate's passes of the network: each begins alike, and none of them leaves anything.

    Args:
        problem: The network.
        batches: The training batch and the meta batch.
        step: The optimisers' next step.

    Raises:
        UnsupportedError: The network cannot be evaluated twice, the step moves more than the look-ahead can see, or an
            estimator takes a backward pass again that can be taken once.
    """
    network = bare(problem.network)
    losses = (problem.criterion, problem.outer, problem.losses, problem.split)
    if traced():
        yield
        return
    if is_sharded(network):  # its own hooks keep parameters: only what the losses keep is put back
        with visiting(nn.Module(), losses=losses, without=[network, *problem.auxiliary]):
            yield
        return
    foreign = [] if step is None else step.foreign(network.parameters())
    if foreign and batches:
        _refuse_foreign_input(batches, foreign)
    with visiting(network, foreign, losses, problem.auxiliary), plain_branches():
        if batches and _MEMORY.get(network, key_of(problem, batches[0])) is None:
            _refuse_per_sample_hooks(network)
            audit(problem, batches)
        with _taken_once(), _unwritten(network):
            yield


@contextmanager
def _unwritten(network: nn.Module) -> Iterator[None]:
    """Every sixteenth time, compare the parameters with what they were: writes through `.data` leave no other trace."""
    turn = _TURNS[network] = _TURNS.get(network, 0) + 1
    if turn % TURNS:
        yield
        return
    before = {name: _hash(p) for name, p in network.named_parameters()}
    yield
    _refuse_written(network, before)


def _refuse_written(network: nn.Module, before: Mapping[str, Tensor]) -> None:
    written = [name for name, p in network.named_parameters() if not torch.equal(_hash(p), before[name])]
    if written:
        do = "Change them after `optimizer.step()`"
        raise _refused("network's forward pass writes into its parameters", ", ".join(written[:3]), do)


def _refuse_per_sample_hooks(network: nn.Module) -> None:
    """Refuse opacus's hooks, which look for their own state on the parameters that an estimator replaces."""
    hooks = (hook for part in walk(network).modules for hook in part._forward_hooks.values())
    if any((getattr(hook, "__module__", None) or "").partition(".")[0] == "opacus" for hook in hooks):
        raise UnsupportedError(
            "The network computes a gradient for each sample by opacus's hooks, which need its own parameters, and "
            "the noisy step of differential privacy is not the step on the training loss",
            expected="a network without these hooks",
            found="opacus.GradSampleModule",
            do="Learn the weights on data that need no protection, and train with `combiner='static'` there.",
        )


@contextmanager
def _taken_once() -> Iterator[None]:
    """Words for an operation whose backward pass can be taken once, where an estimator takes it again."""
    try:
        yield
    except TypeError as error:
        if "'bool' has no len()" not in str(error):
            raise
        raise UnsupportedError(
            "PyTorch cannot differentiate torch.cond here",
            found=f"{error} (in its derivative)",
            do="Write `torch.cond(...)` in full, which a meta step runs as a Python `if`, or write the `if`.",
        ) from error
    except RuntimeError as error:
        if "double backward" not in str(error) or isinstance(error, UnsupportedError):
            raise
        raise UnsupportedError(
            "The backward pass of an operation can be taken only once",
            found=str(error).split("\n", 1)[0],
            do='Use estimator="finite_difference", which takes each once, or replace the operation '
            "(linear_cross_entropy: options=None).",
        ) from error


def reusable(
    problem: BilevelProblem, train: Any, gradient: TrainingGradient | None
) -> TrainingGradient | None:
    """The training gradient at hand, or None where a pass and a loss now are not those that it was taken in.

    Spectral normalisation moves on with every training pass, and so does a hidden state; a running mean of a loss moves
    on with every loss.
    """
    if gradient is None or traced() or is_sharded(problem.network):
        return gradient
    network = bare(problem.network)
    key = key_of(problem, train)
    seen = _GIVEN.get(network, key)
    if seen is None:
        losses = (problem.criterion, problem.outer)
        with (
            visiting(network, losses=losses, without=problem.auxiliary),
            _loss_pass(problem, train, gradient) as (signals, loss),
        ):
            seen = _near(tensors(gradient.signals), tensors(detach(signals)))
            seen = seen and _near([gradient.loss[None]], [loss()[None]])
        _GIVEN.put(network, key, seen)
    return gradient if seen else None


_GIVEN: Memory[bool] = Memory()


def audit(problem: BilevelProblem, batches: Sequence[Any]) -> None:
    """Two passes on the training batch, losses included, compared; parameters and batch with what they were.

    Raises:
        UnsupportedError: They differ.
    """
    network, train = bare(problem.network), batches[0]
    given = [t for batch in batches for t in tensors_in(batch)]
    state = {name: _hash(p) for name, p in network.named_parameters()}
    contents = [[part.clone() for part in _plain(t)] for t in given]

    def unchanged() -> bool:
        return all(
            len(now := _plain(t)) == len(before) and all(map(_equal, now, before))
            for t, before in zip(given, contents, strict=True)
        )

    with _loss_pass(problem, train) as (signals, loss):
        first = tensors(detach(signals))
        _refuse_written(network, state)
        if not unchanged():
            do = "Copy the input first (`x = x.clone()`)"
            raise _refused("network's forward pass writes into its input", "a batch that has changed", do)
        try:
            one = float(loss())
        except Exception:
            if unchanged():
                raise
            one = float("nan")
        if not unchanged():
            do = "Copy the labels first (`y = y.clone()`)"
            raise _refused("loss writes into its labels", "a batch that has changed", do)
    del signals, loss  # their graph, beside that of the next pass
    with _loss_pass(problem, train) as (signals, loss):
        second, two = tensors(detach(signals)), float(loss())
    same = _near(first, second)
    if not same or abs(one - two) > TOLERANCE.get(first[0].dtype if first else torch.float64, 5e-2) * abs(
        one
    ):
        raise UnsupportedError(
            f"The {'training loss' if same else 'network'} does not repeat itself under the same random state, so "
            "a meta step would differentiate another function than the training step's",
            found="another value for the same batch",
            do="Keep what moves in buffers or plain attributes of modules, and draw from torch's, Python's or "
            "NumPy's own random state, or from a generator that a module keeps as an attribute.",
        )
    _MEMORY.put(network, key_of(problem, train), True)


@contextmanager
def _loss_pass(
    problem: BilevelProblem, batch: Any, again: TrainingGradient | None = None
) -> Iterator[tuple[Any, Callable[[], Tensor]]]:
    """The signals of a training pass and its loss, now, or under the random state and with the targets of another."""
    rng = None if again is None else again.rng
    params = leaves(list(trainable(problem.network).values()))
    with under_rng(None), still(problem.auxiliary), plain_attention(), torch.enable_grad():
        with torch.no_grad(), problem.autocast():
            context = again and again.context
            if again is None and problem.context is not None:
                context = problem.raised(problem.context(batch))
        with under_rng(rng), placed(problem.network, params) as module:
            with problem.autocast():
                signals = module(*problem.inputs(batch))
            signals = problem.raised(signals)
            yield signals, lambda: problem.training_loss(signals, batch, detach(context)).detach()


def _refuse_foreign_input(batches: Sequence[Any], foreign: Sequence[Tensor]) -> None:
    """Refuse a batch that was computed by trained parameters which the network does not have.

    Raises:
        UnsupportedError: There is a path from the batch to one of them.
    """
    trained = {id(p) for p in foreign}
    nodes = graph_nodes([t for batch in batches for t in tensors_in(batch)])
    if any(id(getattr(node, "variable", None)) in trained for node in nodes):
        raise UnsupportedError(
            "The batch is computed by parameters that the optimiser moves and that the network does not have, "
            "so the look-ahead would leave them where they are",
            expected="a batch of data",
            found="a batch with a graph to trained parameters",
            do="Make the module that computes it a part of the model that `Auxiliary` is given.",
        )


def tensors_in(batch: Any, depth: int = 5) -> list[Tensor]:
    """The tensors of a batch."""
    if isinstance(batch, Tensor):
        return [batch]
    if not depth or isinstance(batch, nn.Module):
        return []
    return [t for each in children(batch) for t in tensors_in(each, depth - 1)]


def _near(first: Sequence[Tensor], second: Sequence[Tensor]) -> bool:
    if len(first) != len(second) or any(a.shape != b.shape for a, b in zip(first, second, strict=True)):
        return False
    for a, b in zip(first, second, strict=True):
        off = torch.linalg.vector_norm((a - b).nan_to_num())
        if bool(off > TOLERANCE.get(a.dtype, 5e-2) * torch.linalg.vector_norm(b.nan_to_num())):
            return False
    return True


def _hash(value: Tensor) -> Tensor:
    """Numbers that another content would change."""
    with torch.no_grad():
        return torch.stack([torch.hash_tensor(part) for part in _plain(value)] or [torch.zeros(())])


def _plain(value: Tensor) -> list[Tensor]:
    """The dense real tensors that a tensor of any layout consists of, without a graph."""
    value = value.detach()
    if value.is_nested:
        parts = [value.values()] if value.layout is torch.jagged else list(value.unbind())
    elif value.layout is torch.sparse_coo:
        whole = value.coalesce()
        parts = [whole.indices(), whole.values()]
    elif value.layout in (torch.sparse_csr, torch.sparse_bsr):
        parts = [value.crow_indices(), value.col_indices(), value.values()]
    elif value.layout in (torch.sparse_csc, torch.sparse_bsc):
        parts = [value.ccol_indices(), value.row_indices(), value.values()]
    else:
        parts = [value] if value.layout is torch.strided else []
    return [torch.view_as_real(p) if p.is_complex() else p for p in parts if p.numel()]


def _equal(a: Tensor, b: Tensor) -> bool:
    """Whether they are the same, NaN (a missing label) included."""
    return a.shape == b.shape and bool(((a == b) | ((a != a) & (b != b))).all())


def _refused(what: str, found: str, do: str) -> UnsupportedError:
    return UnsupportedError(
        f"The {what}, so a second pass is another function",
        found=found,
        do=f"{do}. (This call changed it, as any other does.)",
    )
