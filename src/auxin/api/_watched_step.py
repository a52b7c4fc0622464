"""Whether the optimiser takes the step that the look-ahead takes: a training step is watched now and then.

Gradients that are changed between `backward` and `step`, a term that is added to the loss, clipping that `Auxiliary`
was not told of, and weights that are moved by hand would make the look-ahead another step without a word.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as all_parts

from auxin.math.params import bare, filled, trainable
from auxin.math.sharding import is_sharded
from auxin.training.processes import anywhere, averaged, parallel

TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-2}
"""The relative difference of gradients that rounding may make; 0.1 in lower precision."""
PATIENCE = 8
"""How many losses are watched for one step of the optimiser."""

_CHANGED = (
    "The optimiser's last step was not along {} of the loss that `aux(...)` returned: found other gradients "
    "of {}. The look-ahead does not see changes of `.grad`, nor a term that is added to that loss. Add terms inside a "
    "task's loss, and change gradients by `parameter.register_hook`."
)
_SCALED = (
    "The optimiser's last step used {:.3g} times {} of the loss that `aux(...)` returned, where the "
    "look-ahead takes {}. Give `clip_norm=` or `clip_value=` as in your loop, and multiply the loss by nothing else."
)
_BEFORE = (
    "The weights were moved between the loss and the optimiser's step (as sharpness-aware steps do), which the "
    "look-ahead does not: found {}."
)
_AFTER = (
    "The weights were moved between the optimiser's step and the next loss (clamped, renormalised, averaged): found {}"
    ". The look-ahead ends at the optimiser's step. At every step this is another training: keep weights where they "
    "should be by a parametrisation (`torch.nn.utils.parametrize`)."
)
_AWAY = (
    "The weights were moved between `after_step` and the next loss: found {}. A meta step looks ahead from the weights "
    "that it finds. Call `after_step` with the trained weights in place (no averaged ones that are swapped in)."
)
_WAITED = (
    "Of the optimisers that `after_step` was given, {} did not step with the others. The look-ahead steps all of them. "
    "Give those that take the next step."
)


@dataclass(eq=False)
class _Loss:
    """A training loss that is watched, by the parameters' names.

    Attributes:
        gradients: Its gradients.
        weights: Hashes of the weights.
        factor: What its gradient is multiplied by in the backward pass; None before that.
        before: The `.grad` that stands there when the backward pass begins.
        sums: <g, g>, <g, e> and <e, e> for each parameter, of the step's gradient g and the expected one, e.
        taken: The step's gradients themselves, where there are several processes.
    """

    gradients: dict[str, Tensor | None]
    weights: dict[str, int]
    factor: float | None = None
    before: dict[str, Tensor | None] = field(default_factory=dict)
    sums: dict[str, list[float]] = field(default_factory=dict)
    taken: dict[str, Tensor | None] = field(default_factory=dict)

    @property
    def alone(self) -> bool:
        """Whether nothing had been accumulated before it."""
        return not any(b is not None and bool(b.any()) for b in self.before.values())


class WatchedStep:
    """A training step, from the loss to the next loss: the gradients of the loss beside those of the step.

    It costs a backward pass, at the first step whose optimisers are known, and at the 10th, the 100th and so on. Where
    that pass would call backward hooks of modules, or can be taken once, the gradients that the loop's own pass leaves
    stand for the loss's, so that a term added to the loss is not seen; several processes compare none then. Several
    processes compare the mean of their gradients, once all of them have stepped.

    Args:
        network: The network.
        clip: `clip_norm` and `clip_value` of the look-ahead.
        notify: Function that is called with a sentence and a key.
    """

    def __init__(
        self,
        network: nn.Module,
        clip: tuple[float | None, float | None],
        notify: Callable[[str, str], None],
    ) -> None:
        self.network, self.clip, self.notify = bare(network), clip, notify
        self._optimizers: list[Any] = []
        self._handles: list[Any] = []
        self._steps, self._losses, self._metas = 0, 0, 0
        self._loss: _Loss | None = None
        self._left: dict[str, int] = {}
        self._found: dict[str, int] = {}
        self._stepped: set[int] = set()

    def __getstate__(self) -> dict[str, Any]:
        """A copy has seen no step: what is watched now belongs to the optimisers of this one's loop."""
        fresh = WatchedStep(self.network, self.clip, self.notify)
        return vars(fresh)

    def after_step(self, optimizers: Sequence[Any]) -> None:
        """Tell what the step showed, and watch the next one if it is time or the optimisers are new."""
        stepped = self._loss is not None and bool(self._loss.sums)
        if self._handles and parallel():
            stepped = not anywhere(not stepped)
        if self._loss is not None and stepped:
            if parallel():
                self._average(self._loss)
            self._compare_gradients(self._loss)
            waited = [type(each).__name__ for each in self._optimizers if id(each) not in self._stepped]
            if waited:
                self.notify(_WAITED.format(", ".join(waited)), _WAITED)
            self._close()
        new = list(map(id, optimizers)) != list(map(id, self._optimizers))
        self._steps = 1 if new else self._steps + 1
        if not _is_time(self._steps):
            return
        self._close()
        self._optimizers, self._losses, self._stepped = list(optimizers), 0, set()
        if not is_sharded(self.network):
            for each in optimizers:
                self._handles += [
                    each.register_step_pre_hook(_looking_on(self.begin_step)),
                    each.register_step_post_hook(_looking_on(self.end_step)),
                ]

    def at_meta(self) -> None:
        """Note the weights of a meta step, to compare them with those of the next loss if it is time."""
        self._metas += 1
        if _is_time(self._metas) and not is_sharded(self.network):
            self._found = {name: digest(p) for name, p in self._numbers().items()}

    def loss(self, loss: Tensor) -> None:
        """Take the gradient of a training loss, if the step that follows is watched."""
        if not self._compare_weights(self._left, _AFTER):
            self._compare_weights(self._found, _AWAY)
        self._left, self._found = {}, {}
        if not self._handles or torch.compiler.is_compiling() or not loss.requires_grad:
            return
        self._losses += 1
        parameters = trainable(self.network)
        found = self._gradients(loss, list(parameters.values()))
        watched = _Loss(
            dict(zip(parameters, found or [None] * len(parameters), strict=True)),
            {name: digest(p) for name, p in parameters.items()},
        )

        def begin(grad: Tensor) -> None:
            watched.factor = float(grad)
            watched.before = {n: None if p.grad is None else p.grad.clone() for n, p in parameters.items()}
            if found is None and watched.factor and not parallel():
                torch.autograd.Variable._execution_engine.queue_callback(end)  # pyright: ignore

        def end() -> None:
            for name, p in parameters.items():
                before = watched.before[name]
                made = p.grad if p.grad is None or before is None else p.grad - before
                watched.gradients[name] = None if made is None else made / (watched.factor or 1.0)

        loss.register_hook(begin)
        self._loss = watched
        if self._losses > PATIENCE:
            self._close()

    def _gradients(self, loss: Tensor, parameters: list[Tensor]) -> Sequence[Tensor | None] | None:
        """The gradients of the loss; None where a further backward pass cannot be taken or would leave traces."""
        parts = (held for m in self.network.modules() for held in (m._backward_hooks, m._backward_pre_hooks))
        if any(parts) or all_parts._global_backward_hooks or all_parts._global_backward_pre_hooks:
            return None
        try:
            return torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
        except RuntimeError:  # a compiled backward pass, which can be taken once
            return None

    def _close(self) -> None:
        """Stop watching."""
        for handle in self._handles:
            handle.remove()
        self._handles, self._loss = [], None

    def _held(self, optimizer: Any) -> dict[str, Tensor]:
        held = {id(p) for group in optimizer.param_groups for p in group["params"]}
        return {name: p for name, p in trainable(self.network).items() if id(p) in held}

    def begin_step(self, optimizer: Any) -> None:
        """The optimiser is about to step; where it computes the loss itself, there is none yet."""
        if self._loss is not None and not self._loss.sums:
            held = self._held(optimizer)
            self._compare_weights({n: v for n, v in self._loss.weights.items() if n in held}, _BEFORE)
            self._take(self._loss, optimizer, held)

    def end_step(self, optimizer: Any) -> None:
        """The optimiser has stepped."""
        held = self._held(optimizer)
        self._stepped.add(id(optimizer))
        if self._loss is not None:
            if not any(name in self._loss.sums for name in held):
                self._take(self._loss, optimizer, held)
            self._left |= {name: digest(p) for name, p in held.items()}

    def _take(self, loss: _Loss, optimizer: Any, held: Mapping[str, Tensor]) -> None:
        """The products of the gradients that the optimiser finds with those that the loss would leave."""
        scale = getattr(optimizer, "grad_scale", None)  # of a fused optimiser, by which it divides
        if loss.factor is None:  # its backward pass was not taken
            return
        for name, p in held.items():
            if name in loss.gradients:
                grad = p.grad if p.grad is None or scale is None else p.grad / scale
                if parallel():
                    loss.taken[name] = None if grad is None else grad.clone()
                loss.sums[name] = self._sums(loss, name, grad)

    def _sums(self, loss: _Loss, name: str, grad: Tensor | None) -> list[float]:
        own, value = loss.gradients[name], self.clip[1]
        if own is not None:
            own = (loss.factor or 1.0) * own if value is None else own.clamp(-value, value)
        return _products(grad, loss.before.get(name), own)

    def _average(self, loss: _Loss) -> None:
        """Put the means over the processes in the place of the loss's gradients and of what stood there before."""
        factor, own = loss.factor or 1.0, dict(self.network.named_parameters())
        like = [own[name] for name in loss.gradients]
        made = [None if g is None else factor * g for g in loss.gradients.values()]
        before = [loss.before.get(name) for name in loss.gradients]
        means = [averaged(filled(each, like), like) or [] for each in (made, before)]
        loss.before = dict(zip(loss.gradients, means[1], strict=True))
        loss.gradients = {name: g / factor for name, g in zip(loss.gradients, means[0], strict=True)}
        loss.sums = {name: self._sums(loss, name, loss.taken.get(name)) for name in loss.sums}

    def _numbers(self) -> dict[str, Tensor]:
        """The network's weights, frozen ones included, but for those of a quantised network."""
        return {name: p for name, p in self.network.named_parameters() if p.is_floating_point()}

    def _compare_weights(self, weights: Mapping[str, int], words: str) -> bool:
        now = self._numbers() if weights else {}
        moved = [name for name, was in weights.items() if name in now and digest(now[name]) != was]
        if moved:
            self.notify(words.format(_some(moved)), words)
        return bool(moved)

    def _compare_gradients(self, loss: _Loss) -> None:
        """Compare the step's gradients with those of the loss; one factor over all of them is let through."""
        sums = torch.tensor(list(loss.sums.values()), dtype=torch.float64)
        worst = TOLERANCE.get(next(iter(trainable(self.network).values())).dtype, 0.1)
        reached = sums[:, 2] > 0
        norm, value = self.clip
        if not bool(reached.any()) or (value is not None and not loss.alone):
            return
        factor = float((sums[:, 1] / sums[:, 2])[reached].median())
        rest = (sums[:, 0] - 2 * factor * sums[:, 1] + factor**2 * sums[:, 2]).clamp(min=0)
        size = torch.maximum(sums[:, 0], factor**2 * sums[:, 2])
        if float(rest.sum()) > worst**2 * float(size.sum()):
            names, order = list(loss.sums), rest.argsort(descending=True).tolist()
            wrong = [names[k] for k in order if float(rest[k]) > worst**2 * float(size[k])]
            self.notify(_CHANGED.format(_gradient_of(), _some(wrong)), _CHANGED)
            return
        whole = sum(float(g.double().pow(2).sum()) for g in loss.gradients.values() if g is not None) ** 0.5
        expected = 1.0 if norm is None else min(1.0, norm / (whole + 1e-6))
        used = factor * (loss.factor or 1.0 if value is None else 1.0)
        if loss.alone and abs(used - expected) > max(worst, 1e-3) * expected:
            takes = "it once" if norm is None else f"{expected:.3g} times it (clip_norm={norm:g})"
            self.notify(_SCALED.format(used, _gradient_of(), takes), _SCALED)


def _gradient_of() -> str:
    return "the processes' mean gradient" if parallel() else "the gradient"


def _looking_on(function: Callable[[Any], None]) -> Callable[..., None]:
    def hook(optimizer: Any, *_: Any) -> None:
        function(optimizer)

    hook.observes_only = True  # type: ignore[attr-defined]
    return hook


def _products(step: Tensor | None, before: Tensor | None, own: Tensor | None) -> list[float]:
    """<g, g>, <g, e> and <e, e> in float64, of the step's gradient g and of the sum e of what stood there and own."""
    g, *parts = (None if t is None else t.detach().to_dense().double() for t in (step, before, own))
    there = [t for t in parts if t is not None]
    expected = torch.stack(there).sum(0) if there else None
    return [
        0.0 if a is None or b is None else float((a * b).sum())
        for a, b in ((g, g), (g, expected), (expected, expected))
    ]


def _is_time(count: int) -> bool:
    """At 1, 10, 100 and so on."""
    return str(count).strip("0") == "1"


def digest(tensor: Tensor) -> int:
    """A hash of a tensor's numbers; 0 for types that torch has none for."""
    numbers = tensor.detach()
    if not numbers.numel():
        return 0
    try:
        if numbers.is_complex():
            numbers = torch.view_as_real(numbers.resolve_conj())
        elif not numbers.is_floating_point():  # the hash is an exclusive or, in which equal labels cancel
            place = torch.arange(1, numbers.numel() + 1, device=numbers.device)
            numbers = (numbers.flatten().long() + 1) * place * 0x1E3779B97F4A7C15
        return torch.hash_tensor(numbers).view(torch.int64).item()  # type: ignore[return-value]
    except RuntimeError:
        return 0


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
