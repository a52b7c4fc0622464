"""The learned neuron-local update rule of Metz et al.: a small network moves every weight, without labels.

One step: forward pass; a learned error signal at the top; per-neuron networks and learned feedback weights
carry it down; each weight matrix moves by a mixture of twelve (or thirteen) terms of what its two layers computed.
"""

import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from auxin.catalogue import check_choice
from auxin.errors import ConfigError
from auxin.math.rule_network import ACTIVATIONS, Activity, forward, standardise
from auxin.paper import UPDATE_RULES
from auxin.update_rules._blocks import ChannelMap
from auxin.update_rules._neuron import MixedTop, NeuronNetwork, PooledTop, weight_statistics
from auxin.update_rules._terms import OURS, TERMS, Layer
from auxin.update_rules._update import BiasUpdate, WeightUpdate, normalised_columns
from auxin.update_rules.base import State, UpdateRule, check_inputs

_MERGE = (
    *("rank", "terms", "gain", "start", "competitive_start", "sharpness"),
    *("reconstruct_start", "ridge", "target", "divide"),
)
"""Options of the weight update by the same name."""


_PRESETS = Path(__file__).parent / "presets"
"""Files with those options of a preset that differ from the defaults."""


class Learned(UpdateRule):
    """theta: the learned unsupervised update rule.

    Metz et al. 2019, with the details of the authors' released code. The defaults are the released sizes:
    exactly 114,670 meta-parameters. `Learned.preset("small")` is the rule that auxin ships.

    W <- (1 - eta) W - eta G, V <- (1 - eta) V - eta G, b <- (1 - eta) b - eta g_b.

    Args:
        channels: C, hidden channels of the per-neuron network.
        delta_channels: D, channels of the error signal.
        rank: K, channels of the low-rank readouts.
        blocks: blocks of the per-neuron network.
        kernel_batch: convolution over neighbouring examples, 1 or an odd number.
        kernel_top: The first convolution of the top signal.
        kernel_units: convolution over neighbouring units; 1 none; 0 the mean over all units instead.
        unit_identity: tell every unit its place.
        embedding: Width of the top layer where the top signal mixes units by their own weights; 0 for the
            pooled top, which takes any width.
        top_layers: layers of the pooled top.
        terms: Which terms, in the paper's names, and optionally two of ours: "competitive" (soft k-means)
            and "reconstruct" (a power iteration towards the principal subspace).
        gain, start: The terms' coefficients are gain * parameter and begin at start.
        competitive_start, sharpness: The competitive term's first coefficient and beta.
        reconstruct_start, ridge: The reconstruction term's first coefficient and ridge.
        step_size: eta.
        decay: eta at age t is eta / (1 + t / decay); 0 keeps it constant (the paper).
        target: root mean square of the columns of W in the long run.
        divide: divide the merged update by the square root of the number of terms.
        shrink_projection: Only perpendicular or length-growing updates survive.
        identical_updates: V receives the same G as W (the released code); else it has its own readouts.
        bias_fence: biases may not rise on average.
        weight_std, bias_std: Initial weights of the base networks.
        top: activation of the base networks' top layer: "relu", "linear" or "mixed".

    Raises:
        ConfigError: An argument out of range, or an unknown term.

    >>> sum(p.numel() for p in Learned().parameters())
    114670
    >>> rule = Learned.preset("small")
    >>> state = rule.init_state((64, 32, 16), tasks=2)
    >>> rule.step(state, torch.rand(2, 8, 64)).widths
    (64, 32, 16)

    Departures from the paper: none in the defaults; `competitive`, `reconstruct`, the pooled top, `decay`, `top` and
    the wider ranges are additions, off in the `paper` preset.
    """

    paper = UPDATE_RULES

    def __init__(
        self,
        *,
        channels: int = 64,
        delta_channels: int = 32,
        rank: int = 4,
        blocks: int = 2,
        kernel_batch: int = 3,
        kernel_top: int = 5,
        kernel_units: int = 3,
        unit_identity: bool = True,
        embedding: int = 32,
        top_layers: int = 2,
        terms: Sequence[str] = tuple(TERMS),
        gain: float = 1.0,
        start: float = 0.1,
        competitive_start: float = 8.0,
        sharpness: float = 4.0,
        reconstruct_start: float = 8.0,
        ridge: float = 0.1,
        step_size: float = 1e-4,
        decay: float = 0.0,
        target: float = 1 / 7,
        divide: bool = True,
        shrink_projection: bool = True,
        identical_updates: bool = True,
        bias_fence: bool = True,
        weight_std: float = 0.01,
        bias_std: float = 0.1,
        top: str = "relu",
    ) -> None:
        super().__init__()
        given: dict[str, Any] = {k: v for k, v in locals().items() if k in _OPTIONS}
        _check(**given)
        self.options: dict[str, Any] = {**given, "terms": list(terms)}
        self.weight_std, self.bias_std, self.top = weight_std, bias_std, top
        self.step_size, self.decay, self.embedding = step_size, decay, embedding
        self.top_signal = (
            MixedTop(channels, delta_channels, embedding, kernel=kernel_top, kernel_batch=kernel_batch)
            if embedding
            else PooledTop(channels, delta_channels, layers=top_layers)
        )
        self.neuron = NeuronNetwork(
            channels,
            delta_channels,
            kernel_batch=kernel_batch,
            kernel_units=kernel_units,
            unit_identity=unit_identity,
            blocks=blocks,
        )
        self.read_delta = ChannelMap(channels, delta_channels)
        merge: dict[str, Any] = {name: given[name] for name in _MERGE} | {"project": shrink_projection}
        self.weight_update = WeightUpdate(channels, **merge)
        self.backward_update = None if identical_updates else WeightUpdate(channels, **merge)
        self.bias_update = BiasUpdate(channels, fence=bias_fence)

    @classmethod
    def preset(cls, name: str, **changes: Any) -> "Learned":
        """An untrained rule with the published settings: "paper" or "small"; `changes` override single options."""
        unknown_options = sorted(set(changes) - _OPTIONS)
        if unknown_options:
            raise ConfigError(
                f"The rule has no option {unknown_options}",
                expected=f"some of: {', '.join(sorted(_OPTIONS))}",
            )
        check_choice("preset", name, preset_names())
        options = json.loads((_PRESETS / f"{name}.json").read_text(encoding="utf-8"))
        return cls(**{**options, **changes})

    def check_widths(self, widths: Sequence[int]) -> None:
        """Refuse widths the rule cannot train: with a mixed top the embedding width belongs to theta."""
        super().check_widths(widths)
        if self.embedding and widths[-1] != self.embedding:
            raise ConfigError(
                f"This rule cannot give an embedding of {widths[-1]} units",
                expected=f"width {self.embedding}, which is part of its top signal",
                do="Use that width, or a rule with a pooled top (embedding=0), such as 'small'.",
            )

    def rate(self, age: int) -> float:
        """eta at this age."""
        return self.step_size / (1 + age / self.decay) if self.decay else self.step_size

    def step(self, state: State, x: Tensor, activation: str = "relu") -> State:
        """One step of all T networks on their batches [T, B, N_0]; differentiable in theta and in the state."""
        check_inputs(state, x)
        activity = forward(state, x, activation, self.top)
        hidden = self.hidden(state, activity)
        eta = self.rate(state.age)
        keep = 1 - eta
        weights, backward, biases = [], [], []
        for number, w in enumerate(state.weights, start=1):
            g = self._direction(self.weight_update, w, activity, hidden, number)
            v = state.backward[number - 1]
            own = self.backward_update
            g_v = g if own is None else self._direction(own, v, activity, hidden, number)
            weights.append(keep * w - eta * g)
            backward.append(keep * v - eta * g_v)
            biases.append(keep * state.biases[number - 1] - eta * self.bias_update(hidden[number]))
        return State(tuple(weights), tuple(backward), tuple(biases), state.age + 1)

    def hidden(self, state: State, activity: Activity) -> list[Tensor]:
        """h^l of every layer, inputs first, each [T, C, N_l, B]: the backward pass without a gradient."""
        delta = self.top_signal(activity.top)
        found: list[Tensor] = []
        layers = len(state.weights)
        for number in range(layers, -1, -1):
            x, z = activity.post[number], activity.pre[number]
            incoming = state.weights[number - 1] if number else None
            outgoing = state.weights[number] if number < layers else None
            bias = state.biases[number - 1] if number else x.new_zeros(x.shape[:2])
            h = self.neuron(x, z, delta, bias, weight_statistics(incoming, outgoing))
            found.append(h)
            if number:
                signal = delta * torch.sigmoid(z)[:, None] + self.read_delta(h)
                delta = _carry(state.backward[number - 1], signal)
        return found[::-1]

    def _direction(
        self, update: WeightUpdate, w: Tensor, activity: Activity, hidden: list[Tensor], number: int
    ) -> Tensor:
        layer = Layer(
            normalised_columns(w),
            activity.post[number - 1],
            standardise(activity.post[number - 1]),
            standardise(activity.post[number]),
            activity.normal[number],
            update.sharpness(w),
            update.ridge(w),
        )
        return update(layer, hidden[number - 1], hidden[number])

    def coefficients(self) -> dict[str, float]:
        """The merge coefficients by term: the readable part of the rule."""
        return {k: float(v.detach()) for k, v in self.weight_update.coefficients().items()}

    def formula(self, least: float = 0.05) -> str:
        """The merged update as a formula: the terms with a coefficient of at least `least`, the largest first.

        w: column-normalised weights; x_d, x_u: standardised activities below and above; R, S, P: low-rank readouts of
        the hidden signals h; competition and decoder are our own terms.

        >>> Learned(terms=("w_base", "hebb")).formula()
        'G = [ +0.10 w  +0.10 (-x_d x_u) ] / 2'
        """
        found = self.coefficients()
        texts = {name: f"({t})" if t[0] == "-" else t for name, t in ((n, TERMS[n].text) for n in TERMS)}
        texts |= {"competitive": "competition", "reconstruct": "decoder"}
        kept = [(v, texts[k]) for k, v in found.items() if k in texts and abs(v) >= least]
        parts = [f"{v:+.2f} {text}" for v, text in sorted(kept, key=lambda item: -abs(item[0]))]
        return f"G = [ {'  '.join(parts) or '0'} ] / {max(len(self.weight_update.names), 1)}"


def preset_names() -> list[str]:
    """The names of the presets.

    >>> preset_names()
    ['paper', 'small']
    """
    return sorted(path.stem for path in _PRESETS.glob("*.json"))


def _carry(v: Tensor, signal: Tensor) -> Tensor:
    """V delta, [T, D, N_(l-1), B], at unit root mean square over the channels per example and unit."""
    tasks, channels, units, batch = signal.shape
    flat = signal.transpose(1, 2).reshape(tasks, units, channels * batch)
    below = (v @ flat).unflatten(2, (channels, batch)).transpose(1, 2)
    return below * torch.rsqrt(1e-6 + below.square().mean(1, keepdim=True))


LARGEST = 10**6
"""No option of a rule is larger."""
_DEFAULTS: dict[str, Any] = {
    name: p.default for name, p in inspect.signature(Learned.__init__).parameters.items() if name != "self"
}
_OPTIONS = frozenset(_DEFAULTS)


def _check(**options: Any) -> None:
    for name, value in options.items():
        if not _fits(value, _DEFAULTS[name]):
            raise ConfigError(
                f"The rule's option {name} is of another type or size",
                expected=f"such as {_DEFAULTS[name]!r}, and numbers up to {LARGEST:,}",
                found=repr(value)[:100],
            )
    unknown = sorted(set(options["terms"]) - set(TERMS) - set(OURS))
    if unknown:
        raise ConfigError(f"Unknown terms {unknown}", expected=f"some of: {', '.join([*TERMS, *OURS])}")
    if options["top"] not in ACTIVATIONS:
        raise ConfigError(f"Unknown top {options['top']!r}", expected=f"one of: {', '.join(ACTIVATIONS)}")
    for name in ("channels", "delta_channels", "rank", "blocks", "top_layers"):
        if options[name] < 1:
            raise ConfigError(f"{name} is too small", expected="at least 1", found=str(options[name]))
    for name in ("weight_std", "bias_std", "decay"):
        if options[name] < 0:
            raise ConfigError(f"{name} is negative", expected="0 or more", found=str(options[name]))
    for name in ("gain", "sharpness", "ridge"):
        if options[name] <= 0:
            raise ConfigError(f"{name} is too small", expected="above 0", found=str(options[name]))
    for name in ("kernel_batch", "kernel_top"):
        if options[name] < 1 or options[name] % 2 != 1:
            raise ConfigError(f"{name} must be odd", found=str(options[name]))
    if options["kernel_units"] < 0 or (options["kernel_units"] != 0 and options["kernel_units"] % 2 != 1):
        raise ConfigError("kernel_units must be odd, or 0", found=str(options["kernel_units"]))
    if not 0 < options["step_size"] <= 1:
        raise ConfigError(
            "step_size is out of range", expected="0 < step_size <= 1", found=str(options["step_size"])
        )


def _fits(value: Any, default: Any) -> bool:
    """Whether an option is of its default's type: a number within bounds, a word, words, or true or false."""
    if isinstance(default, tuple):
        return isinstance(value, list | tuple) and all(isinstance(word, str) for word in value)
    if isinstance(default, str | bool) or isinstance(value, bool):
        return type(value) is type(default)
    if isinstance(default, int):
        return isinstance(value, int) and 0 <= value <= LARGEST
    return isinstance(value, int | float) and abs(value) <= LARGEST
