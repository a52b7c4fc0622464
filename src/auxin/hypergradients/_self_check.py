"""The first-batch self-check: which way of taking the mixed product is right for this network and these losses.

The truth is what the training step's autograd computes. With B the backward pass of the network, from cotangents of
the signals to gradients of the parameters, every way rests on B's derivative: forward mode on its transpose J, double
backward on its graph. So the check compares <w, J q> with <q, B' w> for a random direction q over the parameters and
a random w over the signals, where B' w is the difference of two first-order backward passes at the real cotangents.
B is linear, so that difference is exact to rounding; where hooks make it nonlinear it is a central difference.

The verdict does not depend on the batch's hypergradient, which may be zero (a learning rate of 0). It is kept by the
network, the criterion, phi, and the structure: training or evaluation, frozen parameters, hooks, keys of the batch.
"""

import warnings
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch

from auxin.errors import UnsupportedError
from auxin.hypergradients._mixed import Slope, element_slope, forward_slope, reverse_slope, to_phi
from auxin.hypergradients._operator import SMALL, Operator, differenced_over_phi
from auxin.hypergradients._stopped import ELEMENTS
from auxin.hypergradients._structure import Memory, key_of
from auxin.hypergradients.base import BilevelProblem, TrainingGradient
from auxin.math.params import Vector, bare
from auxin.math.products import precisely

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-3}
"""The relative difference that rounding may make; 0.05 in any lower precision."""

REFUSED = {torch.float64: 1e-5, torch.float32: 5e-2}
"""The relative difference above which a way is not used even if no other is better; none in lower precision."""

OUTER = {torch.float64: 1e-3, torch.float32: 0.2}
"""How far the outer loss's gradient may be from a central difference of it before a note is given."""

_PSEUDO = (
    "The outer loss's gradient is off by {:.1e} from a difference of the outer loss itself: the network stops, scales "
    "or replaces gradients (a hook, a straight-through operation). The hypergradient follows that gradient."
)

Way = Literal["forward", "reverse", "element"]
WAYS: dict[Way, Any] = {"forward": forward_slope, "reverse": reverse_slope, "element": element_slope}

_MEMORY: Memory["Verdict"] = Memory()
_NAMED: dict[Way, Memory[bool]] = {way: Memory() for way in WAYS}


@dataclass(frozen=True)
class Verdict:
    """Which way is right, what to tell the user, and whether that is settled for later batches."""

    way: Way
    note: str = ""
    settled: bool = True

    @property
    def shortcut(self) -> bool:
        """Whether it is one forward-mode pass."""
        return self.way == "forward"


def verdict(
    problem: BilevelProblem,
    train: Any,
    gradient: TrainingGradient,
    outer_is_off: float = 0.0,
) -> Verdict:
    """What the first batch said; examines it if this network, criterion, phi and structure have not been seen."""
    network, key = bare(problem.network), key_of(problem, train)
    seen = _MEMORY.get(network, key)
    if seen is not None:
        return replace(seen, note="")
    with precisely():
        found = examine(problem, train, gradient)
    if outer_is_off > OUTER.get(gradient.loss.dtype, float("inf")):
        found = replace(found, note=" ".join(filter(None, [found.note, _PSEUDO.format(outer_is_off)])))
    if found.settled:
        _MEMORY.put(network, key, found)
    if found.note:
        warnings.warn(found.note, RuntimeWarning, stacklevel=4)
    return found


def way_of(problem: BilevelProblem, train: Any) -> Way | None:
    """The way that was found right for batches like this one; None where it would be examined."""
    found = _MEMORY.get(bare(problem.network), key_of(problem, train))
    return None if found is None else found.way


def known(problem: BilevelProblem) -> Way | None:
    """The way that was found right for this network, criterion and phi; None before the first batch."""
    seen = _MEMORY.all(bare(problem.network), key_of(problem, None))
    ways: set[Way] = {verdict.way for verdict in seen}
    return ways.pop() if len(ways) == 1 else None


def slope(
    problem: BilevelProblem,
    train: Any,
    gradient: TrainingGradient,
    p: Vector,
    outer_is_off: float = 0.0,
) -> tuple[Slope, list[str]]:
    """The mixed product by the way that is right, and what was decided for the user.

    Args:
        problem: The two losses.
        train: The batch.
        gradient: The training gradient on it.
        p: The vector over the parameters.
        outer_is_off: How far the outer loss's gradient is from its derivative.

    Raises:
        UnsupportedError: No way is right.
    """
    found = verdict(problem, train, gradient, outer_is_off)
    return WAYS[found.way](problem, train, gradient, p), [found.note] if found.note else []


def forget(problem: BilevelProblem) -> None:
    """Examine the network's next batch: it or the loss has changed since the first one."""
    _MEMORY.forget(bare(problem.network))


def agrees(slope: Slope, gradient: TrainingGradient, p: Vector) -> bool:
    """Whether <p, grad_W L_T> by forward mode is that of the training gradient, up to what is refused."""
    terms = [g * t for g, t in zip(gradient.gradients, p, strict=True)]
    if not terms:
        return True
    truth = torch.stack([t.sum() for t in terms]).sum()
    size = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(t) for t in terms]))
    off = (slope.value.detach() - truth).abs() / torch.maximum(size, truth.abs())
    return not bool(off > REFUSED.get(truth.dtype, float("inf")))  # what is not finite is no disagreement


def examine(problem: BilevelProblem, train: Any, gradient: TrainingGradient) -> Verdict:
    """Try the ways on this batch, the cheapest first (costs a forward and a few backward passes).

    Raises:
        UnsupportedError: No way agrees with the training step's own gradient.
    """
    # They are for the pass that follows: one step is as any other, bit for bit.
    gradient = replace(gradient, products=None)
    around = Operator(problem, train, gradient)
    if not problem.terminal or around.phi_enters or around.criterion_reads_parameters:
        return _not_terminal(around)
    if around.nothing:
        return Verdict("forward", settled=False)
    dtype = around.q[0].dtype
    tolerance, worst = TOLERANCE.get(dtype, 5e-2), REFUSED.get(dtype, float("inf"))
    tried = _tried(around, tolerance)
    if tried.right is None and dtype in SMALL:  # perhaps a hook that makes the backward pass nonlinear
        around = Operator(problem, train, gradient, SMALL[dtype])
        tried = _tried(around, worst)
    if tried.right is not None:
        return Verdict(tried.right, _note(tried.right, tried, problem))
    best = min(tried.errors, key=tried.errors.__getitem__) if tried.errors else None
    if best is None or tried.errors[best] > worst:
        raise _refusal(tried)
    note = f"{_NAMES[best]} is used, which agrees with the training step to {tried.errors[best]:.1e} only."
    return Verdict(best, note)


def confirm(problem: BilevelProblem, train: Any, gradient: TrainingGradient, way: Way) -> None:
    """Compare a way that was chosen by name with the training step, once for each structure.

    Raises:
        UnsupportedError: It is not the training step's own derivative.
    """
    network, key = bare(problem.network), key_of(problem, train)
    if _NAMED[way].get(network, key):
        return
    gradient = replace(gradient, products=None)
    with precisely():
        around = Operator(problem, train, gradient)
        inside = not problem.terminal or around.phi_enters or around.criterion_reads_parameters
        if inside and way == "reverse":
            error: float | Exception | None = differenced_over_phi(problem, train, gradient, around.q)
        elif inside:
            error = RuntimeError("phi enters the primary network, or the criterion reads the parameters")
        elif around.nothing:
            return
        else:
            error = _error(way, around)
        worst = REFUSED.get(around.q[0].dtype, float("inf"))
        if not inside and isinstance(error, float) and error > worst and around.q[0].dtype in SMALL:
            around = Operator(problem, train, gradient, SMALL[around.q[0].dtype])
            error = _error(way, around)
    if isinstance(error, Exception) or (error or 0.0) > (10 if inside else 1) * worst:
        found = _first_line(error) if isinstance(error, Exception) else f"it is off by {error:.1e}"
        raise UnsupportedError(
            f"The mode {way!r} does not give the training step's own derivative over phi",
            found=found,
            do='Use estimator="lookahead" with mode="auto", which finds one that does.',
        )
    _NAMED[way].put(network, key, True)


@dataclass(frozen=True)
class SelfCheckResult:
    """The first way that is right, if any, how far each is off, and why each before it was left, in words."""

    right: Way | None
    errors: dict[Way, float]
    failures: list[str]


def _tried(around: Operator, tolerance: float) -> SelfCheckResult:
    """The ways, the cheapest first, until one is right to the tolerance."""
    errors: dict[Way, float] = {}
    failures: list[str] = []
    ways: list[Way] = ["forward", "reverse"]
    if sum(q.numel() for q in around.problem.phi) <= ELEMENTS:
        ways.append("element")
    for way in ways:
        error = _error(way, around)
        if isinstance(error, Exception):
            failures.append(f"{_NAMES[way]}: {_first_line(error)}")
            continue
        errors[way] = error
        if error <= tolerance:
            return SelfCheckResult(way, errors, failures)
        failures.append(f"{_NAMES[way]} is off by {error:.1e}")
    return SelfCheckResult(None, errors, failures)


_NAMES = {
    "forward": "Forward mode",
    "reverse": "Double backward",
    "element": "A backward pass per element of phi",
}


def _error(way: Way, around: Operator) -> float | Exception:
    """How far this way is from the truth, relatively; the error it raises where it cannot be gone."""
    try:
        error = around.error(way)
        # Whether the criterion can be passed.
        slope = WAYS[way](around.problem, around.train, around.gradient, around.q)
        to_phi(around.problem, slope.value, keep=True)
        return error
    except torch.OutOfMemoryError:
        raise
    except (NotImplementedError, RuntimeError) as error:
        return error


def _note(way: Way, tried: SelfCheckResult, problem: BilevelProblem) -> str:
    errors, failures = tried.errors, tried.failures
    if way == "forward":
        return ""
    if "forward" in errors:
        why = (
            f"the one-JVP shortcut is off by {errors['forward']:.1e} "
            "(an operation's forward mode is wrong, or a hook changes gradients on their way back)"
        )
    else:
        why = f"forward mode is missing ({failures[0].split(': ', 1)[1]})"
    if way == "reverse":
        return f"Reverse-over-reverse is used: {why}."
    count = sum(q.numel() for q in problem.phi)
    return f"One backward pass for each of the {count} elements of phi is used: {why}, and {failures[1]}."


def _not_terminal(around: Operator) -> Verdict:
    """Reverse-over-reverse, checked against a difference of first-order gradients over phi."""
    error = differenced_over_phi(around.problem, around.train, around.gradient, around.q)
    dtype = around.q[0].dtype
    if error is not None and error > 10 * REFUSED.get(dtype, float("inf")):
        raise _refusal(SelfCheckResult(None, {"reverse": error}, [f"Double backward is off by {error:.1e}"]))
    if not around.problem.terminal:
        return Verdict("reverse")
    where = (
        "phi enters the primary network itself" if around.phi_enters else "the criterion reads the parameters"
    )
    return Verdict("reverse", f"Reverse-over-reverse is used: the one-JVP shortcut does not apply ({where}).")


def _refusal(tried: SelfCheckResult) -> UnsupportedError:
    wrong = (
        "An operation has neither forward mode nor double backward, and phi has too many elements for a backward "
        "pass each"
        if not tried.errors
        else "No way of differentiating the training gradient agrees with what the training step computes"
    )
    return UnsupportedError(
        wrong,
        found="; ".join(tried.failures),
        do='Use estimator="finite_difference", which needs first derivatives alone, or replace the operation.',
    )


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0].split(". ", 1)[0].rstrip(".")
