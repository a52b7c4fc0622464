"""How missing labels and loss images enter a combiner, and what is refused."""

import pytest
import torch
from combiner_cases import images, losses, random_losses

from auxin.combiners import build
from auxin.combiners.base import choice, number
from auxin.errors import ConfigError, RunError


def test_means_are_over_labelled_entries():
    present = torch.tensor([[True, True], [True, False], [False, False]])
    found = losses([[1.0, 4.0], [3.0, 9.0], [9.0, 9.0]], present)
    assert found.means().tolist() == [2.0, 4.0]
    assert found.seen().tolist() == [True, True]


def test_an_absent_task_has_zero_mean_and_is_not_seen():
    present = torch.tensor([[True, False], [True, False]])
    found = losses([[1.0, 4.0], [3.0, 9.0]], present)
    assert found.means().tolist() == [2.0, 0.0]
    assert found.seen().tolist() == [True, False]
    assert (found.filled()[:, 1] == 0).all()


@pytest.mark.parametrize("make", [random_losses, images])
def test_the_mean_of_filled_losses_is_the_mean_over_labels(make):
    found = make(missing=0.4)
    axes = [d for d in range(found.values.dim()) if d != 1]
    torch.testing.assert_close(found.filled().mean(axes), found.means())


def test_filling_sends_gradient_to_labelled_entries_only():
    found = random_losses(missing=0.4)
    values = found.values.clone().requires_grad_(True)
    filled = type(found)(values, found.present, found.names).filled()
    (grad,) = torch.autograd.grad(filled.mean(0).sum(), values)
    share = found.present / found.present.sum(0)
    torch.testing.assert_close(grad, share.to(grad))


def test_images_average_to_samples_over_labelled_pixels():
    found = images(missing=0.5)
    per_sample = found.per_sample()
    for b in range(2):
        for k in range(3):
            there = found.present[b, k]
            torch.testing.assert_close(per_sample.values[b, k], found.values[b, k][there].mean())
    assert per_sample.present.all()


def test_losses_per_sample_stay_as_they_are():
    found = random_losses(missing=0.4)
    assert found.per_sample() is found


def test_losses_of_another_number_of_tasks_are_refused():
    with pytest.raises(ConfigError, match=r"\[B, 2\]"):
        build("equal", ["a", "b"])(random_losses(count=3))


def test_no_task_at_all_is_refused():
    with pytest.raises(ConfigError, match="main task"):
        build("equal", [])


def test_an_unknown_option_is_named_with_those_known():
    with pytest.raises(ConfigError, match=r"'tau'.*scale"):
        build("equal", ["a", "b"], tau=0.1)


def test_an_unknown_combiner_is_named():
    with pytest.raises(ConfigError, match="linear"):
        build("liner", ["a", "b"])


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_numbers_out_of_range_are_refused(value):
    with pytest.raises(ConfigError, match="scale"):
        number("scale", value)


def test_zero_may_be_refused():
    assert number("scale", 0.0) == 0.0
    with pytest.raises(ConfigError, match="> 0"):
        number("scale", 0.0, inclusive=False)


def test_unknown_choices_are_refused():
    with pytest.raises(ConfigError, match="gated, weighted"):
        choice("mode", "soft", ("gated", "weighted"))


def test_a_gramian_that_is_missing_or_of_another_size_is_refused():
    combiner = build("pcgrad", ["a", "b"])
    with pytest.raises(ConfigError, match="none"):
        combiner.task_weights(random_losses(count=2))
    with pytest.raises(ConfigError, match=r"\[3, 3\]"):
        combiner(random_losses(count=2), torch.eye(3))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_gradient_that_is_not_finite_names_its_task(bad):
    gramian = torch.eye(2)
    gramian[1, 1] = bad
    with pytest.raises(RunError, match="of t1 is"):
        build("pcgrad", ["t0", "t1"])(random_losses(count=2), gramian)
