"""Output curvatures against explicit Hessians; positive semi-definite where the loss is not convex."""

import pytest
import torch
from torch import Tensor
from torch.autograd.functional import hessian
from torch.distributions import Categorical

from auxin.errors import UnsupportedError
from auxin.math.curvature import projected, softmax_fisher

B, C = 5, 4
GENERATOR = torch.Generator().manual_seed(0)
LOGITS = torch.randn(B, C, generator=GENERATOR, dtype=torch.float64) * 2
TANGENT = torch.randn(B, C, generator=GENERATOR, dtype=torch.float64)
Y = torch.tensor([0, 1, 2, 3, 0])
WEIGHT = torch.tensor([1.0, 0.5, 0.0, 2.0, -3.0], dtype=torch.float64)


def focal(logits: Tensor) -> Tensor:
    log = logits.log_softmax(-1)[torch.arange(len(logits)), Y[: len(logits)]]
    return (-((1 - log.exp()) ** 2) * log).sum()


def matrix(times) -> Tensor:
    """The whole matrix [B C, B C] behind a product."""
    units = torch.eye(B * C, dtype=torch.float64).unbind(0)
    return torch.stack([times(u.reshape(B, C)).flatten() for u in units], 1)


def test_softmax_fisher_is_the_expected_outer_product_of_scores():
    expected = torch.zeros_like(TANGENT)
    for label in range(C):
        p = Categorical(logits=LOGITS).probs[:, label]
        score = torch.nn.functional.one_hot(torch.full((B,), label), C) - LOGITS.softmax(1)
        expected += (p * (score * TANGENT).sum(1)).unsqueeze(1) * score
    found = softmax_fisher(LOGITS, TANGENT, WEIGHT)
    torch.testing.assert_close(found, WEIGHT.clamp(min=0).unsqueeze(1) * expected)


def test_softmax_fisher_is_the_hessian_of_cross_entropy():
    full = hessian(lambda s: torch.nn.functional.cross_entropy(s, Y, reduction="sum"), LOGITS)
    found = softmax_fisher(LOGITS, TANGENT, torch.ones(B, dtype=torch.float64))
    torch.testing.assert_close(found, torch.einsum("iajb,jb->ia", full, TANGENT))


def test_projected_is_the_hessian_where_that_is_convex():
    full = hessian(lambda s: torch.nn.functional.cross_entropy(s, Y, reduction="mean"), LOGITS)
    times = projected(lambda s: torch.nn.functional.cross_entropy(s, Y), LOGITS)
    torch.testing.assert_close(matrix(times), full.reshape(B * C, B * C), rtol=1e-9, atol=1e-12)


def test_projected_focal_keeps_the_positive_part_of_each_sample():
    full = hessian(focal, LOGITS).reshape(B * C, B * C)  # type: ignore[union-attr]
    assert float(torch.linalg.eigvalsh(full).min()) < -0.01
    values, vectors = torch.linalg.eigh(full)
    positive = vectors @ torch.diag(values.clamp(min=0)) @ vectors.T
    torch.testing.assert_close(matrix(projected(focal, LOGITS)), positive, rtol=1e-8, atol=1e-10)  # type: ignore[arg-type]


def test_projected_sees_curvature_across_tasks():
    signals = {"a": LOGITS[:, :2], "b": LOGITS[:, 2:]}

    def product(s: dict[str, Tensor]) -> Tensor:
        return ((s["a"].sum(1) + s["b"].sum(1)) ** 2).sum()

    found = projected(product, signals)({"a": TANGENT[:, :2], "b": TANGENT[:, 2:]})  # type: ignore[arg-type]
    expected = 2 * TANGENT.sum(1, keepdim=True).expand(B, 2)
    torch.testing.assert_close(found["a"], expected)  # type: ignore[index]
    torch.testing.assert_close(found["b"], expected)  # type: ignore[index]


def test_a_criterion_that_couples_samples_is_refused():
    with pytest.raises(UnsupportedError, match="couples the samples"):
        projected(lambda s: s.sum() ** 2, LOGITS)  # type: ignore[union-attr]


def test_too_many_outputs_are_refused():
    with pytest.raises(UnsupportedError, match="at most 512"):
        projected(lambda s: s.sum() ** 2, torch.zeros(2, 600))  # type: ignore[union-attr]
