"""The first-batch self-check: the one-JVP shortcut against reverse-over-reverse, once per network and criterion.

Where forward mode is missing, or where the two disagree (phi enters the primary network itself, or an
operation's forward mode is wrong), reverse-over-reverse is used from then on, with a warning that says why.
Double backward can itself be silently wrong (an operation marked once-differentiable drops its part), so a
finite difference decides.
"""

import warnings
import weakref
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from auxin.hypergradients._base import BilevelProblem, TrainingGradient
from auxin.hypergradients._mixed import Slope, difference_slope, forward_slope, reverse_slope, to_phi
from auxin.math.functional import call, still, under_rng
from auxin.math.params import Vector, bare, detached, norm, trainable
from auxin.math.products import precisely
from auxin.math.tree import tensors

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-3}
"""The relative difference that rounding may make; 0.05 in any lower precision."""

_VERDICTS: "weakref.WeakKeyDictionary[nn.Module, dict[str, bool]]" = weakref.WeakKeyDictionary()


@dataclass(frozen=True)
class Verdict:
    """Whether the shortcut may be used, and what to tell the user."""

    shortcut: bool
    note: str = ""


@dataclass(frozen=True)
class Attempt:
    """One way's slope, and the mixed product that it gives."""

    slope: Slope
    product: Vector


def verdict(problem: BilevelProblem, train: Any, gradient: TrainingGradient, p: Vector) -> Verdict:
    """What the first batch said; examines it if this network and criterion have not been seen."""
    seen = _VERDICTS.setdefault(bare(problem.network), {})
    key = _key(problem)
    if key in seen:
        return Verdict(seen[key])
    with precisely():
        found = examine(problem, train, gradient, p)
    seen[key] = found.shortcut
    if found.note:
        warnings.warn(found.note, RuntimeWarning, stacklevel=4)
    return found


def known(problem: BilevelProblem) -> bool | None:
    """Whether the shortcut was found right for this network and criterion; None before the first batch."""
    return _VERDICTS.get(bare(problem.network), {}).get(_key(problem))


def examine(problem: BilevelProblem, train: Any, gradient: TrainingGradient, p: Vector) -> Verdict:
    """Compare the two ways on this batch (costs one double backward)."""
    fast = _attempt(forward_slope, problem, train, gradient, p)
    strict = isinstance(fast, Exception)  # alone, a doubtful double backward will not do
    slow = _attempt(partial(reverse_slope, strict=strict), problem, train, gradient, p)
    if isinstance(fast, Exception):
        if isinstance(slow, Exception):
            raise slow from fast
        return Verdict(False, f"Reverse-over-reverse is used: forward mode is missing ({_first_line(fast)}).")
    if isinstance(slow, Exception):
        return Verdict(True, f"The one-JVP shortcut could not be checked: {_first_line(slow)}.")
    error = difference(problem, fast, slow)
    if error <= TOLERANCE.get(p[0].dtype, 5e-2):
        return Verdict(True)
    third = _attempt(difference_slope, problem, train, gradient, p)
    if isinstance(third, Attempt) and _gap(fast, third) < _gap(slow, third):
        return Verdict(
            True, f"Double backward is off by {error:.1e} (a finite difference agrees with the shortcut)."
        )
    enters = phi_enters(problem, train, gradient)
    reason = "phi enters the primary network itself" if enters else "an operation's forward mode is wrong"
    note = f"Reverse-over-reverse is used: the one-JVP shortcut is off by {error:.1e} ({reason})."
    return Verdict(False, note)


def difference(problem: BilevelProblem, fast: Attempt, slow: Attempt) -> float:
    """|fast - slow| relative to |slow|, or to a hundredth of what it would be had its terms not cancelled."""
    if not fast.product:
        return 0.0
    terms = fast.slope.terms
    uncancelled = torch.stack([t.abs().sum() for t in terms]).sum() if terms else None
    size = to_phi(problem, uncancelled, keep=True)
    gap = _gap(fast, slow)
    scale = max(float(norm(slow.product)), 1e-2 * float(norm(size)))
    return gap / scale if gap else 0.0


def _gap(one: Attempt, other: Attempt) -> float:
    return float(norm([x - y for x, y in zip(one.product, other.product, strict=True)]))


def phi_enters(problem: BilevelProblem, train: Any, gradient: TrainingGradient) -> bool:
    """Whether the primary network's signals depend on phi with W held constant."""
    frozen = detached(list(trainable(problem.network).values()))
    with under_rng(gradient.rng), still(problem.auxiliary), torch.enable_grad():
        signals = tensors(call(problem.network, frozen, problem.inputs(train)))
    roots = [s.sum() for s in signals if s.requires_grad]
    reached: list[Tensor | None] = []
    for root in roots:
        reached += torch.autograd.grad(root, list(problem.phi), retain_graph=True, allow_unused=True)
    return any(g is not None for g in reached)


def _attempt(
    way: Any, problem: BilevelProblem, train: Any, gradient: TrainingGradient, p: Vector
) -> Attempt | Exception:
    try:
        slope = way(problem, train, gradient, p)
        return Attempt(slope, to_phi(problem, slope.value, keep=True))
    except torch.OutOfMemoryError:
        raise
    except (NotImplementedError, RuntimeError) as error:
        return error


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0].split(". ", 1)[0].rstrip(".")


def _key(problem: BilevelProblem) -> str:
    parts = [getattr(f, "__qualname__", type(f).__qualname__) for f in (problem.criterion, problem.context)]
    return f"{parts} training={bare(problem.network).training}"
