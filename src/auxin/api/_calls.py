"""Whether the meta step calls the network as the training step does, and takes what that takes of it.

Pictures that are augmented or mixed up after they were taken from the batch, and an attention mask that `inputs=` does
not name, would make the meta step's network another function without a word; so would logits that are divided, squeezed
or taken from another call between the network and `aux(...)`, and gradients that are stopped, turned round or scaled
there. The 1st, 10th, 100th step and so on are compared.
"""

import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from auxin.api._reading import Call, tensors_of
from auxin.api._runner import Runner
from auxin.errors import UnsupportedError
from auxin.math.functional import still
from auxin.math.params import bare, trainable
from auxin.math.rng import under_rng
from auxin.math.sharding import is_sharded
from auxin.math.visits import visiting
from auxin.training.processes import parallel

Pick = Callable[[Any, str | None], Mapping[str, Any]]
"""A function from the network's outputs, and a task whose rows they are, to outputs by task."""

CLOSE, ROUGHLY = 1e-2, 0.1
"""The relative differences of outputs and gradients of one pass, and of two, that precision may make."""

_DIFFERS = (
    "The network was called with other inputs than the batch holds, and a meta step calls it with the batch's. "
    "Put what the network gets into the batch (after augmentation and mixup), and name all of it in `inputs=`. "
    "Found {} against {} in the batch."
)
_TAKEN = (
    "The outputs of {} that `aux(...)` was given are not what the network put out for the batch's inputs, and a meta "
    "step takes that. Do in `outputs=` (or in the task's loss) what is done with them between; rows that the network "
    "sees in a call of their own belong in a batch by task."
)
_LENT = (
    "The network was called with other parameters than its own (`functional_call`), and a meta step calls it with its "
    "own. Call the network itself, and freeze parameters by `requires_grad_(False)`."
)
_TURNED = (
    "The gradients of the outputs of {} that `aux(...)` was given do not reach the network as those of its own outputs "
    "do: they were stopped, scaled or changed between (`detach`, `no_grad`, a hook), or another network made them. A "
    "meta step takes what the network puts out. Change gradients in the network or in `outputs=`. (A hook that only "
    "looks on says so: `hook.observes_only = True`.)"
)


class WatchedCalls:
    """The network's last calls until a comparison, by a hook that is gone after it.

    Args:
        runner: The network without wrappers; a compiled or traced one is not watched. It is told the wrapper of data
            parallelism that a call came through.
        most: How many calls a batch may take.
    """

    def __init__(self, runner: Runner, most: int) -> None:
        self.runner, self.network, self.steps = runner, runner.network, 0
        self.seen: deque[tuple[list[Tensor], Any, dict[int, int], list[int]]] = deque(maxlen=most)
        self._hook: Any = None
        self._open()

    def __getstate__(self) -> dict[str, Any]:
        """What was seen has a graph, which cannot be copied."""
        return vars(self) | {"seen": deque(maxlen=self.seen.maxlen)}

    def _open(self) -> None:
        compiled = getattr(self.network, "_compiled_call_impl", None) is not None
        if self._hook is None and not compiled and not isinstance(self.network, torch.jit.ScriptModule):
            self._hook = self.network.register_forward_hook(self._note, with_kwargs=True)

    def _note(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        if not torch.compiler.is_compiling():
            wrapper = nn.parallel.DistributedDataParallel._active_ddp_module
            if wrapper is not None and bare(wrapper) is module:
                self.runner.wrapper = weakref.ref(wrapper)
            hooks = {id(t): len(t._backward_hooks or ()) for t in tensors_of(output)}
            used = [] if is_sharded(module) else list(module.parameters())
            functions: Any = torch._C  # whose part for `torch.func` has no types
            if any(
                map(functions._functorch.is_functorch_wrapped_tensor, used)
            ):  # its own, in `torch.func.grad`
                used = []
            self.seen.append(
                ([t.detach() for t in tensors_of((args, kwargs))], output, hooks, [*map(id, used)])
            )

    @contextmanager
    def away(self) -> Iterator[None]:
        """What is called within is no training step; after it the next step is watched if it is time."""
        yield
        self.steps += 1
        if str(self.steps + 1).strip("0") == "1":  # 10, 100 and so on
            self._open()

    def compare(
        self, calls: Sequence[Call], given: Mapping[str, Any], pick: Pick, notify: Callable[[str], None]
    ) -> None:
        """Tell once if none of the network's calls is that of a meta step, or if its outputs are not those given.

        Args:
            calls: The calls that a meta step would make.
            given: The outputs by task that the training loss was computed of.
            pick: Function from the network's outputs and a task whose rows they are to outputs by task.
            notify: Function that is called with a sentence.

        Raises:
            UnsupportedError: The loop is under `join()`.
        """
        wrapper = None if self.runner.wrapper is None else self.runner.wrapper()
        if wrapper is not None and wrapper._join_config.enable:
            raise UnsupportedError(
                "Under `join()`, a process without further batches answers the calls of DistributedDataParallel alone, "
                "not those of `Auxiliary`",
                do="Leave `join()` out, and give every process equally many batches.",
            )
        if self._hook is None:
            return
        self.close()
        for call in calls:
            words = self._compared(call, given, pick) if self.seen else self._uncalled(call, given, pick)
            if words:
                notify(words)
                break
        self.seen.clear()

    def _compared(self, call: Call, given: Mapping[str, Any], pick: Pick) -> str:
        """What is other than in a meta step, where the network was called."""
        ours = tensors_of((call.args, call.kwargs))
        alike = [each for each in self.seen if not ours or _same(ours, each[0])]
        if not alike:
            return _DIFFERS.format(*map(_shapes, (self.seen[-1][0], ours)))
        own = [*map(id, self.network.parameters())]
        if not any(used in ([], own) for *_, used in alike):
            return _LENT
        picked = [(pick(output, call.part), tensors_of(output), hooks) for _, output, hooks, _ in alike]
        names = [name for name in picked[0][0] if name in given]
        other = [n for n in names if not any(_taken(given[n], each.get(n)) for each, *_ in picked)]
        if other:
            return _TAKEN.format(", ".join(map(repr, other)))
        if self.network._backward_hooks or self.network._backward_pre_hooks:
            return ""
        turned = [
            name
            for name in names
            if not any(
                _taken(given[name], each.get(name)) and _reaches(given[name], each[name], raw, hooks)
                for each, raw, hooks in picked
            )
        ]
        return _TURNED.format(", ".join(map(repr, turned))) if turned else ""

    def _uncalled(self, call: Call, given: Mapping[str, Any], pick: Pick) -> str:
        """The same where the loop calls parts of the network, or `forward` itself: beside a pass of the network's own.

        A network that draws random numbers is let through, and so is one with backward hooks.
        """
        parts = (part for m in self.network.modules() for part in (m._backward_hooks, m._backward_pre_hooks))
        if parallel() or is_sharded(self.network) or any(parts):
            return ""
        passes = []
        try:
            with visiting(self.network), still([self.network]), under_rng(None):
                for taped in (False, False, True):
                    with torch.set_grad_enabled(taped):
                        passes.append(pick(self.network(*call.args, **call.kwargs), call.part))
        except Exception:  # a meta step says it
            return ""
        own, names = passes[2], [name for name in passes[0] if name in given]
        if not all(_taken(each[n], passes[0][n], 1e-6) for each in passes[1:] for n in names):
            return ""
        other = [name for name in names if not _taken(given[name], own[name], ROUGHLY)]
        if other:
            return _TAKEN.format(", ".join(map(repr, other)))
        raw = list(trainable(self.network).values())
        turned = [n for n in names if not _reaches(given[n], own[n], raw, {}, ROUGHLY)]
        return _TURNED.format(", ".join(map(repr, turned))) if turned else ""

    def close(self) -> None:
        """Stop watching."""
        if self._hook is not None:
            self._hook.remove()
            self._hook = None


def _reaches(
    given: Any, picked: Any, raw: Sequence[Tensor], hooks: Mapping[int, int], worst: float = CLOSE
) -> bool:
    """Whether a gradient of what was given reaches what the network put out as one of what a meta step takes does."""
    inner = [t for t in raw if t.requires_grad]
    for one, other in zip(tensors_of(given), tensors_of(picked), strict=True):
        if not other.requires_grad:
            continue
        if one is other:
            new = list((one._backward_hooks or {}).values())[hooks.get(id(one), 0) :]
            if not all(getattr(hook, "observes_only", False) for hook in new):
                return False
            continue
        if type(one.grad_fn).__name__ == "_DDPSinkBackward":  # the identity, which counts its passes
            continue
        along = torch.randn(other.shape, generator=torch.Generator().manual_seed(0))
        try:
            found, expected = (
                torch.autograd.grad(
                    t, inner, along.to(t), retain_graph=True, allow_unused=True, materialize_grads=True
                )
                if t.requires_grad
                else [torch.zeros_like(x) for x in inner]
                for t in (one, other)
            )
        except RuntimeError:  # a backward pass that can be taken once
            continue
        pairs = list(zip(found, expected, strict=True))
        off = sum(float((a - b).double().square().sum()) for a, b in pairs)
        if not off <= worst**2 * sum(float(b.double().square().sum()) for _, b in pairs):
            return False
    return True


def _same(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> bool:
    """Whether these are the same tensors in any order, but for device and precision."""
    left = list(theirs)
    for one in ours:
        place = next((k for k, other in enumerate(left) if _equal(one, other)), None)
        if place is None:
            return False
        left.pop(place)
    return not left


def _equal(one: Tensor, other: Tensor) -> bool:
    if one is other or one.shape != other.shape:
        return one is other
    here = one.detach().to(other.device)
    if not here.is_floating_point() or not other.is_floating_point():
        return bool((here == other).all())
    return torch.allclose(here.double(), other.double(), rtol=1e-2, atol=1e-2, equal_nan=True)


def _taken(given: Any, picked: Any, worst: float = CLOSE) -> bool:
    """Whether the tensors of an output are those that the network put out, but for device and precision."""
    pairs = list(zip(tensors_of(given), tensors_of(picked), strict=False))
    if len(tensors_of(given)) != len(tensors_of(picked)) or any(a.shape != b.shape for a, b in pairs):
        return False
    return all(_near(a.detach().to(b.device, b.dtype), b.detach(), worst) for a, b in pairs)


def _near(one: Tensor, other: Tensor, worst: float) -> bool:
    if not other.is_floating_point():
        return bool((one == other).all())
    off = (one - other).double().nan_to_num()
    return float(off.abs().sum()) <= worst * float(other.double().nan_to_num().abs().sum())


def _shapes(tensors: Sequence[Tensor]) -> str:
    return ", ".join(str(list(t.shape)) for t in tensors) or "none"
