"""The conjugate-gradient recursion, shared by the solvers that use it."""

from auxin.math.params import axpy, dot, norm, scale, zeros
from auxin.math.vectors import check_finite
from auxin.solvers.base import MatrixVector, Solution, Vector

FLAT = 1e-14
"""Curvature below FLAT * |d| |H d| counts as none."""


def conjugate_gradient(
    product: MatrixVector, vector: Vector, steps: int, tolerance: float, damping: float
) -> Solution:
    """Hestenes and Stiefel's recursion on (H + damping I) p = v from p = 0, keeping the last iterate."""
    length = check_finite(vector)
    iterate = zeros(vector)
    if length == 0.0:
        return Solution(iterate, products=0, residual=0.0)
    residual, direction = scale(1.0 / length, vector), scale(1.0 / length, vector)
    square, used, notes = 1.0, 0, []
    for step in range(steps):
        applied = axpy(damping, direction, product(direction))
        used += 1
        curvature, size = float(dot(direction, applied)), float(norm(applied))
        if not curvature > FLAT * float(norm(direction)) * size:
            check_finite(applied, "A product with H")
            notes.append(_note(step, curvature))
            if step == 0 and size > 0.0:  # better than nothing: v |v| / |H v|
                _move(iterate, residual, direction, applied, 1.0 / size)
            break
        _move(iterate, residual, direction, applied, square / curvature)
        del applied  # one vector less beside the next product
        square, before = float(dot(residual, residual)), square
        if square**0.5 <= tolerance:
            break
        for d, r in zip(direction, residual, strict=True):
            d.mul_(square / before).add_(r)
    found = float(norm(residual))
    return Solution([x.mul_(length) for x in iterate], used, found, notes)


def _move(iterate: Vector, residual: Vector, direction: Vector, applied: Vector, factor: float) -> None:
    """A step of that length along the direction, in place."""
    for x, r, d, h in zip(iterate, residual, direction, applied, strict=True):
        x.add_(d, alpha=factor)
        r.sub_(h, alpha=factor)


def _note(step: int, curvature: float) -> str:
    kind = "negative" if curvature < 0.0 else "zero"
    return (
        f"Conjugate gradient met {kind} curvature after {step} steps and stopped there; "
        "more damping or Gauss-Newton products avoid it."
    )
