"""Whole steps, recorded once and compiled, with CUDA graphs on a GPU; eager, with the reason told, where that fails.

A step is recorded below autograd and forward mode: what is compiled is one graph of plain operations, first and
second derivatives and JVP included, that reads the networks' weights, buffers and optimiser state where they are.
Whatever changes from step to step comes in as an argument: the batch, and the learning rate as a tensor.
Questions about values are deferred (see `auxin.math.deferred`) and their answers come out beside the results.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils import _pytree as pytree

from auxin.combiners.base import Combiner
from auxin.errors import AuxinError
from auxin.hypergradients import Estimator
from auxin.hypergradients.lookahead import Lookahead
from auxin.math.deferred import deferred, tracing
from auxin.optimizers import InnerStep

Step = Callable[..., Any]
Answers = Mapping[str, Tensor]
_POOLING = (
    torch.ops.aten.max_pool2d_with_indices.default,
    torch.ops.aten.max_pool2d_with_indices_backward.default,
)
"""Operations for which the compiler writes code on a CPU that takes many times as long as torch's own kernel."""


@dataclass(eq=False)
class CompiledStep:
    """One step, as a function of tensors (in any nesting of tuples, lists and dicts) with results alike.

    Attributes:
        name: Name of the step, for notes.
        step: Step function; apart from its arguments and tensors updated in place, it must not read anything
            that changes.
        modules: Modules whose buffers the step may change.
        notify: Function called once with the reason why the step runs eagerly.
    """

    name: str
    step: Step
    modules: Sequence[nn.Module]
    notify: Callable[[str], None]
    _shape: Any = field(default=None, init=False)
    _played: Step | None = field(default=None, init=False)
    _eager: bool = field(default=False, init=False)
    _worked: bool = field(default=False, init=False)

    @property
    def records_next(self) -> bool:
        """Whether the next call records the step, in which it is run once more."""
        return self._played is None and not self._eager

    def __call__(self, *arguments: Any) -> tuple[Any, Answers]:
        """The results, with the counts of the questions that were deferred.

        On a GPU the results live until the next call: use them before it.
        """
        shape = _shapes(arguments)
        if self._shape is None:
            self._shape = shape
        if self._eager or shape != self._shape:
            return _with_answers(self.step, *arguments)
        try:
            with torch.no_grad():
                found = self._compiled(arguments)(*arguments)
        except AuxinError:
            raise
        except Exception as error:  # whatever a compiler may raise: what it cannot do is done without it
            if isinstance(error, torch.OutOfMemoryError) or self._worked:
                raise
            self._eager, self._played = True, None
            self.notify(f"The {self.name} is not compiled but runs eagerly: {_first_line(error)}")
            return _with_answers(self.step, *arguments)
        self._worked = True
        return found

    def _compiled(self, arguments: tuple[Any, ...]) -> Step:
        if self._played is None:
            with _buffers_kept(self.modules), torch.enable_grad():
                graph = record(self.step, *arguments)
            self._played = play(graph)
        return self._played


def record(step: Step, *arguments: Any) -> GraphModule:
    """The step as one graph of plain operations; it is run once for that.

    Raises:
        RuntimeError: The step reads a value, or an operation cannot be recorded.
    """
    with tracing():
        graph = make_fx(lambda *a: _with_answers(step, *a), _own_kernels())(*arguments)
    for node in reversed(list(graph.graph.nodes)):  # checks between shapes among them
        schema = getattr(node.target, "_schema", None)
        if not node.users and schema is not None and not schema.is_mutable:
            graph.graph.erase_node(node)
    graph.recompile()
    return graph


@cache
def _own_kernels() -> dict[OpOverload, Step]:
    """What a record has for `_POOLING`: on a CPU, torch's kernels by names that the compiler leaves alone."""
    found = {}
    for operation in _POOLING:
        name, signature = operation._schema.name.partition("::")[2], str(operation._schema).partition("(")[2]
        torch.library.define(f"auxin::{name}", f"({signature}")
        torch.library.impl(f"auxin::{name}", "cpu")(operation)
        torch.library.register_fake(f"auxin::{name}")(operation)
        found[operation] = partial(_on_cpu, getattr(torch.ops.auxin, name).default)
    return found


def _on_cpu(own: Step, first: Tensor, *rest: Any) -> Any:
    return own(first, *rest) if first.device.type == "cpu" else NotImplemented


def play(graph: GraphModule) -> Step:
    """The graph compiled; on a GPU as a CUDA graph as well."""
    if not any(p.is_cuda for p in graph.parameters()):
        return torch.compile(graph, fullgraph=True)
    compiled = torch.compile(graph, fullgraph=True, mode="reduce-overhead")

    def replay(*arguments: Any) -> Any:
        torch.compiler.cudagraph_mark_step_begin()
        return compiled(*arguments)

    return replay


def why_not(modules: Sequence[nn.Module], combiner: Combiner) -> str:
    """Why no step of these networks can be compiled; empty where it can."""
    if combiner.needs_gramian:
        return f"{type(combiner).__name__} looks at the tasks' gradients."
    for module in (part for top in modules for part in top.modules()):
        if isinstance(module, nn.modules.dropout._DropoutNd | nn.RReLU):
            return f"{type(module).__name__} draws random numbers that the passes of a meta step share."
    return ""


def why_not_meta(estimator: Estimator, optimizer: torch.optim.Optimizer) -> str:
    """Why a meta step by this estimator cannot be compiled; empty where it can."""
    if not isinstance(estimator, Lookahead):
        return f"{type(estimator).__name__} is not the look-ahead."
    if type(optimizer) is not torch.optim.SGD:
        return f"the look-ahead through {type(optimizer).__name__} reads its step count."
    if len({group["lr"] for group in optimizer.param_groups}) > 1:
        return "the learning rates of the parameter groups differ."
    return ""


def at_rate(inner: InnerStep, rate: Tensor | None) -> InnerStep:
    """The inner step at a learning rate that is a tensor, and so may change after recording."""
    if rate is None:
        return inner
    found = copy(inner)
    (optimizer,) = inner.optimizers
    groups = [{**group, "lr": rate} for group in optimizer.param_groups]
    seen: Any = SimpleNamespace(param_groups=groups, state=optimizer.state)  # what an inner step reads of it
    found.optimizers = [seen]
    return found


@contextmanager
def _buffers_kept(modules: Sequence[nn.Module]) -> Iterator[None]:
    kept = [(buffer, buffer.clone()) for module in modules for buffer in module.buffers()]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in kept:
                buffer.copy_(value)


def _with_answers(step: Step, *arguments: Any) -> tuple[Any, Answers]:
    with deferred() as doubts:
        results = step(*arguments)
    return results, doubts.counts


def _shapes(arguments: Any) -> Any:
    leaves = pytree.tree_leaves(arguments)
    return [(tuple(t.shape), t.dtype) if isinstance(t, Tensor) else t for t in leaves]


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}"
