"""What every kind of task promises."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from auxin import catalogue
from auxin.errors import ConfigError, DataError
from auxin.tasks import Task

NAMES = catalogue.names("tasks")
ROWS = 6
MISSING_ROW = 2


def make(name: str) -> Task:
    kind = catalogue.load("tasks", name)
    for size in (3, 1):
        try:
            return kind("t", size)
        except ConfigError:
            continue
    raise AssertionError(f"{name} takes neither 3 nor 1 classes or components")


def candidates(width: int, generator: torch.Generator) -> list[Tensor]:
    """Targets of every layout that a kind of task may take; `check` says which are its own."""

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    def number(*shape: int) -> Tensor:
        return torch.randint(max(width, 2), shape, generator=generator)

    return [
        number(ROWS),
        number(ROWS, 2, 3),
        ((torch.arange(ROWS)[:, None] + torch.arange(width)) % 2).double(),
        draw(ROWS),
        draw(ROWS, width),
        draw(ROWS, width, 2, 3),
        draw(ROWS, width).softmax(1),
        draw(ROWS, width, 2, 3).softmax(1),
    ]


def accepted(task: Task, generator: torch.Generator) -> list[Tensor]:
    found = []
    for target in candidates(task.width, generator):
        try:
            task.check(target)
        except DataError:
            continue
        found.append(target)
    return found


def without(target: Tensor, row: int) -> Tensor:
    changed = target.clone()
    changed[row] = math.nan if target.is_floating_point() else -1
    return changed


def outputs(task: Task, generator: torch.Generator) -> Tensor:
    shape = (ROWS, task.width, 2, 3) if task.dense else (ROWS, task.width)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


CASES = [
    pytest.param(make(name), target, outputs(make(name), torch.Generator().manual_seed(1)), id=f"{name}-{i}")
    for name in NAMES
    for i, target in enumerate(accepted(make(name), torch.Generator().manual_seed(0)))
]
each = pytest.mark.parametrize(("task", "target", "output"), CASES)


def test_the_sweep_sees_every_kind() -> None:
    assert len(NAMES) >= 7
    assert {case.id.rsplit("-", 1)[0] for case in CASES} == set(NAMES)
    assert len(CASES) > len(NAMES)  # soft targets too


@each
def test_losses_are_per_sample_and_finite(task: Task, target: Tensor, output: Tensor) -> None:
    loss = task.loss(output, target)
    assert loss.shape == (ROWS,)
    assert loss.dtype == output.dtype
    assert bool((loss >= 0).all())
    assert bool(loss.isfinite().all())
    assert bool((loss > 0).any())
    assert task.present(target).dtype == torch.bool
    assert bool(task.present(target).all())


@each
def test_float32_outputs_far_out_stay_finite(task: Task, target: Tensor, output: Tensor) -> None:
    real = target.to(torch.float32) if target.is_floating_point() else target
    far = (output.float() * 1e3).requires_grad_()
    loss = task.loss(far, real)
    [gradient] = torch.autograd.grad(loss.sum(), far)
    assert bool(loss.isfinite().all())
    assert bool(gradient.isfinite().all())


@each
@pytest.mark.parametrize("bad", [0.0, math.nan, math.inf])
def test_a_missing_label_gives_exactly_nothing(
    task: Task, target: Tensor, output: Tensor, bad: float
) -> None:
    output = output.clone()
    output[MISSING_ROW] += bad
    output.requires_grad_()
    holed = without(target, MISSING_ROW)
    loss = task.loss(output, holed)
    [gradient] = torch.autograd.grad(loss.sum(), output, create_graph=True)
    assert not bool(task.present(holed)[MISSING_ROW])
    assert loss[MISSING_ROW].item() == 0.0
    assert bool((gradient[MISSING_ROW] == 0).all())
    assert bool(gradient.isfinite().all())
    [second] = torch.autograd.grad((gradient**2).sum(), output)
    assert bool((second[MISSING_ROW] == 0).all())
    assert bool(second.isfinite().all())


@each
def test_a_broken_output_of_a_labelled_row_is_not_hidden(task: Task, target: Tensor, output: Tensor) -> None:
    broken = output.clone()
    broken[0] = math.nan
    loss = task.loss(broken, target)
    assert bool(loss[0].isnan())
    assert bool(loss[1:].isfinite().all())


@each
def test_a_loss_does_not_know_the_other_rows(task: Task, target: Tensor, output: Tensor) -> None:
    order = torch.randperm(ROWS, generator=torch.Generator().manual_seed(2))
    loss = task.loss(output, target)
    torch.testing.assert_close(task.loss(output[order], target[order]), loss[order], rtol=1e-14, atol=0)
    holed = without(target, MISSING_ROW)
    rest = torch.arange(ROWS) != MISSING_ROW
    torch.testing.assert_close(task.loss(output, holed)[rest], loss[rest], rtol=1e-14, atol=0)
    torch.testing.assert_close(task.loss(output[:1], target[:1]), loss[:1], rtol=1e-14, atol=0)


@each
def test_derivatives_of_both_modes_and_orders(task: Task, target: Tensor, output: Tensor) -> None:
    def loss(z: Tensor) -> Tensor:
        return task.loss(z, without(target, MISSING_ROW))

    z, many = output.clone().requires_grad_(), output.dim() > 2  # then along random directions
    assert torch.autograd.gradcheck(loss, z, check_forward_ad=True, fast_mode=many)
    assert torch.autograd.gradgradcheck(loss, z, check_fwd_over_rev=True, fast_mode=many)


@pytest.mark.parametrize(("task", "target", "output"), [c for c in CASES if c.values[1].is_floating_point()])
def test_soft_targets_are_differentiable(task: Task, target: Tensor, output: Tensor) -> None:
    soft = without(target, MISSING_ROW).requires_grad_()
    z = output.clone().requires_grad_()
    [to_output] = torch.autograd.grad(task.loss(z, soft).sum(), z, create_graph=True)
    [to_target] = torch.autograd.grad((to_output**2).sum(), soft)
    assert bool(to_target.isfinite().all())
    assert bool((to_target[MISSING_ROW] == 0).all())
    assert bool((to_target[0] != 0).any())


@each
def test_nothing_given_is_changed(task: Task, target: Tensor, output: Tensor) -> None:
    kept = (target.clone(), output.clone())
    task.loss(output, target)
    task.predict(output)
    for metric in task.metrics:
        task.score(output, target, metric)
    assert torch.equal(kept[0], target)
    assert torch.equal(kept[1], output)


@each
def test_every_metric_rewards_a_better_prediction(task: Task, target: Tensor, output: Tensor) -> None:
    holed = without(target, MISSING_ROW)
    best, worse = minimise(task, holed, output), output
    for metric in task.metrics:
        high, low = task.score(best, holed, metric), task.score(worse, holed, metric)
        assert isinstance(high, float)
        assert high > low or (high == low == 1.0), metric
        assert high <= 1.0 + 1e-12
    assert task.score(best, holed) == task.score(best, holed, task.metrics[0])


def minimise(task: Task, target: Tensor, start: Tensor) -> Tensor:
    """An output that predicts the targets as well as can be, found by descending the loss."""
    z = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([z], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = task.loss(z, target).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return z.detach()


@each
def test_a_missing_row_does_not_count_in_a_score(task: Task, target: Tensor, output: Tensor) -> None:
    holed = without(target, MISSING_ROW)
    rest = torch.arange(ROWS) != MISSING_ROW
    for metric in task.metrics:
        a, b = task.score(output, holed, metric), task.score(output[rest], target[rest], metric)
        assert a == pytest.approx(b, nan_ok=True), metric


@each
def test_nothing_to_score_is_nan(task: Task, target: Tensor, output: Tensor) -> None:
    empty = target.clone()
    empty[:] = math.nan if target.is_floating_point() else -1
    assert all(math.isnan(task.score(output, empty, metric)) for metric in task.metrics)
    assert task.loss(output, empty).sum().item() == 0.0


@each
def test_an_unknown_metric_is_refused(task: Task, target: Tensor, output: Tensor) -> None:
    with pytest.raises(ConfigError, match="Unknown metric"):
        task.score(output, target, "no such metric")


@each
def test_a_prediction_has_a_row_per_sample(task: Task, target: Tensor, output: Tensor) -> None:
    predicted = task.predict(output)
    assert len(predicted) == ROWS
    assert bool(predicted.isfinite().all())


@each
@pytest.mark.parametrize("spoil", ["shape", "infinite"])
def test_unusable_targets_are_refused(task: Task, target: Tensor, output: Tensor, spoil: str) -> None:
    bad: dict[str, Callable[[], Tensor]] = {
        "shape": lambda: target[..., None, None],
        "infinite": lambda: torch.where(
            torch.arange(target.numel()).reshape(target.shape) == 0,
            torch.full_like(target, math.inf) if target.is_floating_point() else torch.full_like(target, 99),
            target,
        ),
    }
    with pytest.raises(DataError, match=r"The targets of task 't' are not usable\. Expected"):
        task.check(bad[spoil]())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [0, -1, 2.0, True, "3"])
def test_an_impossible_size_is_refused(name: str, size: object) -> None:
    with pytest.raises(ConfigError):
        catalogue.load("tasks", name)("t", size)
