"""bfloat16, channels last, deferred questions, compiled steps: the same training, and nothing waits."""

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parent))
from helpers_training import tiny

from auxin.errors import ConfigError, UnsupportedError
from auxin.hypergradients.finite_difference import FiniteDifference
from auxin.hypergradients.lookahead import Lookahead
from auxin.math import functional
from auxin.math.deferred import deferred, holds
from auxin.models import build_network
from auxin.tasks.classes import Classes
from auxin.training import compiled
from auxin.training.compiled import CompiledStep
from auxin.training.loop import Diverged, EpochCallbacks, fit
from auxin.training.precision import Precision


def weights(built) -> torch.Tensor:
    found = [*built.network.parameters(), *(built.labeler.parameters() if built.labeler else [])]
    return torch.cat([p.detach().flatten() for p in found])


def stepped(**settings):
    """A run after one fused step (every=1) from the same start, and how far it moved."""
    built = tiny("maxl", every=1, **settings)
    start = weights(built)
    batch = next(iter(built.state.feed.epoch()))
    built.state.learner.fused_step(batch, batch)
    return weights(built) - start, built


# ------------------------------------------------------------------------------------------------- precision


def test_bfloat16_moves_nearly_as_float32_does_and_is_not_it() -> None:
    exact, _ = stepped(meta_optimizer="sgd")
    low, built = stepped(meta_optimizer="sgd", precision="bfloat16")
    assert built.state.learner.precision.name == "bfloat16"
    count = sum(p.numel() for p in built.network.parameters())
    for part, bound in ((slice(count), 0.1), (slice(count, None), 0.5)):  # W, and phi
        off = float((low[part] - exact[part]).norm() / exact[part].norm())
        assert 1e-5 < off < bound


def test_only_the_forwards_of_ordinary_gradients_are_in_bfloat16(monkeypatch) -> None:
    built = tiny("maxl", every=1, precision="bfloat16")
    learner, seen = built.state.learner, {"trunk": set(), "jvp": set(), "signals": set(), "labels": set()}
    inside = [False]
    original = functional.jvp

    def watched(*args, **kwargs):
        inside[0] = True
        try:
            found = original(*args, **kwargs)
        finally:
            inside[0] = False
        seen["jvp"] |= {t.dtype for tree in found for t in tree.values()}
        return found

    monkeypatch.setattr("auxin.hypergradients._mixed.jvp", watched)
    convolution = next(m for m in built.network.modules() if isinstance(m, nn.Conv2d))
    hidden = (
        seen,
        inside,
    )  # a meta step puts back what a hook keeps in lists and dicts, but looks into no tuple
    convolution.register_forward_hook(
        lambda m, i, out: hidden[0]["jvp" if hidden[1][0] else "trunk"].add(out.dtype)
    )
    losses = type(learner.criterion).losses

    def criterion(self, signals, batch, context, shared=None):
        seen["signals"] |= {t.dtype for t in signals.values()}
        seen["labels"] |= {context.dtype}
        assert not torch.is_autocast_enabled("cpu")
        return losses(self, signals, batch, context, shared)

    monkeypatch.setattr(type(learner.criterion), "losses", criterion)
    learner.estimator = Lookahead("forward", check=False)
    batch = next(iter(built.state.feed.epoch()))
    learner.fused_step(batch, batch)
    learner.train_step(batch)
    assert seen["trunk"] == {torch.bfloat16}
    assert seen["jvp"] == seen["signals"] == seen["labels"] == {torch.float32}
    assert {p.grad.dtype for p in [*learner.weights, *learner.problem.phi]} == {torch.float32}


def test_a_jvp_is_in_full_precision_under_the_users_own_autocast() -> None:
    layer, x = nn.Linear(3, 2), torch.randn(4, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = functional.jvp(layer, list(layer.parameters()), list(layer.parameters()), (x,))
        assert layer(x).dtype == torch.bfloat16
    assert {t.dtype for t in found} == {torch.float32}


def test_a_finite_difference_is_refused_in_bfloat16() -> None:
    built = tiny("maxl", precision="bfloat16")
    built.state.learner.estimator = FiniteDifference()
    batch = next(iter(built.state.feed.epoch()))
    with pytest.raises(UnsupportedError, match="sixteen"):
        built.state.learner.meta_step(batch, batch)


def test_channels_last_is_the_same_training() -> None:
    plain, _ = stepped(meta_optimizer="sgd", channels_last=False)
    last, built = stepped(meta_optimizer="sgd", channels_last=True)
    convolutions = [m for m in built.network.modules() if isinstance(m, nn.Conv2d)]
    assert all(m.weight.is_contiguous(memory_format=torch.channels_last) for m in convolutions)
    assert not convolutions[1].weight.is_contiguous()
    digits = next(iter(built.state.feed.epoch()))
    images = replace(digits, x=digits.x.expand(-1, 3, -1, -1).contiguous())
    placed = built.state.learner.precision.place(images).x
    assert placed.is_contiguous(memory_format=torch.channels_last)
    assert not placed.is_contiguous()
    one, same = built.state.learner.precision.place_both(images, images)
    assert same is one
    assert built.state.learner.precision.place_both(images, digits)[1].x.shape == digits.x.shape
    assert float((last - plain).norm() / plain.norm()) < 1e-5


def test_convolutional_networks_of_auxin_have_channels_innermost_on_a_cpu() -> None:
    for trunk, options, innermost in (
        ("conv4", {"channel_width": 2}, True),
        ("vgg16", {"channel_width": 2}, True),
        ("resnet18", {"channel_width": 2}, True),
        ("segnet", {"channel_width": 2}, False),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten()), {}, False),
    ):
        network = build_network(trunk, (1, 8, 8), {"y": Classes("y", 2)}, 0, **options)
        assert Precision.of(network, "float32", None).channels_last is innermost
        assert Precision.of(network.to("meta"), "float32", None).channels_last is False
        assert not Precision.of(network, "float32", False).channels_last
    assert tiny("single").state.learner.precision.channels_last
    assert not tiny("single", channels_last=False).state.learner.precision.channels_last


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(ConfigError, match="bfloat16"):
        Precision("bfloat61")


# -------------------------------------------------------------------------------------------- nothing waits


def forbid(monkeypatch) -> None:
    """From here on, reading a value off a tensor fails, as waiting for a device would stall it."""

    def waits(self, *args, **kwargs):
        raise AssertionError("a step reads a value")

    for name in ("__bool__", "item", "tolist", "__float__", "__int__", "nonzero", "cpu", "numpy"):
        monkeypatch.setattr(torch.Tensor, name, waits)


def test_no_step_reads_a_value(monkeypatch) -> None:
    built = tiny("maxl", every=1, meta_optimizer="sgd")  # Adam reads its step count, which is on the host
    learner = built.state.learner
    batches = list(built.state.feed.epoch())
    learner.fused_step(batches[0], batches[1])  # the self-check of the first batch may read
    with monkeypatch.context() as patched, deferred() as doubts:
        forbid(patched)
        learner.train_step(batches[0])
        learner.meta_step(batches[0], batches[1])
        learner.fused_step(batches[0], batches[1])
    assert doubts.counts
    assert doubts.failed() == []


def test_the_guard_would_notice_a_step_that_asks(monkeypatch) -> None:
    built = tiny("maxl", every=1)
    batch = next(iter(built.state.feed.epoch()))
    with monkeypatch.context() as patched:
        forbid(patched)
        with pytest.raises(AssertionError, match="reads a value"):
            built.state.learner.train_step(batch)


def test_deferred_epochs_are_the_same_training() -> None:
    asking, deferring = tiny("maxl"), tiny("maxl")
    deferring.state.learner.defers = True
    for built in (asking, deferring):
        fit(built.state, built.plan, EpochCallbacks())
    assert torch.equal(weights(asking), weights(deferring))
    assert deferring.state.learner.defers


def poisoned(method: str, task: str, defers: bool):
    """A run in which one task's loss is infinite in every batch with a certain row."""
    built = tiny(method)
    built.state.learner.defers = defers
    kind = built.state.learner.criterion.tasks[task]
    original = kind.loss

    def loss(output, target):
        found = original(output, target)
        return found + torch.where((rows[0] == built.state.feed.train[0]).any(), torch.inf, 0.0)

    rows = [torch.zeros(1)]
    step = built.state.learner.train_step

    def train_step(batch):
        rows[0] = batch.rows
        return step(batch)

    kind.loss, built.state.learner.train_step = loss, train_step
    return built


def test_an_infinite_auxiliary_is_left_out_as_if_each_step_had_been_checked(capsys) -> None:
    runs = [poisoned("maxl_frozen", "labels", defers) for defers in (False, True)]
    for built in runs:
        fit(built.state, built.plan, EpochCallbacks())
    assert torch.equal(*map(weights, runs))
    assert bool(weights(runs[1]).isfinite().all())
    assert runs[0].state.learner.criterion.dropped == runs[1].state.learner.criterion.dropped
    assert runs[1].state.learner.criterion.dropped["labels"] > 0
    notes = runs[1].state.learner.notes
    assert any("'labels'" in note for note in notes)
    assert "'labels'" in capsys.readouterr().err


def test_divergence_names_the_task_however_late_it_is_seen() -> None:
    built = poisoned("single", "digit", True)
    with pytest.raises(Diverged, match=r"epoch \d+.*digit"):
        fit(built.state, built.plan, EpochCallbacks())


def test_questions_outside_are_answered_at_once() -> None:
    assert not holds(torch.tensor([True, False]), "x")
    with deferred() as outer, deferred() as inner:
        assert holds(torch.tensor([True, False]), "x")
        assert holds(torch.tensor([True]), "y")
    assert (inner.failed(), outer.failed()) == (["x"], [])


# ------------------------------------------------------------------------------------------------- compiled


def trained(**settings):
    built = tiny(
        "maxl", model__channel_width=2, every=1, steps=5, momentum=0.9, meta_optimizer="sgd", **settings
    )
    fit(built.state, built.plan, EpochCallbacks())
    return built


@cache
def eager():
    return trained()


def assert_same_training() -> None:
    plain, fast = eager(), trained(compile=True)
    kernels = fast.state.learner.kernels
    assert sum(kernel._worked for kernel in kernels.values()) >= 1, fast.state.learner.notes
    moved = weights(plain) - weights(tiny("maxl", model__channel_width=2))
    assert float((weights(plain) - weights(fast)).norm() / moved.norm()) < 1e-4
    torch.testing.assert_close(
        dict(plain.network.named_buffers()), dict(fast.network.named_buffers()), rtol=1e-3, atol=1e-4
    )


def test_recorded_steps_are_the_same_training_at_every_learning_rate(monkeypatch) -> None:
    monkeypatch.setattr(
        compiled, "play", lambda graph: graph
    )  # recorded, not compiled: the rate falls each step
    assert_same_training()


@pytest.mark.slow
def test_compiled_steps_are_the_same_training() -> None:
    assert_same_training()


def test_where_compiling_fails_the_reason_is_printed_and_the_run_is_the_same(monkeypatch, capsys) -> None:
    def broken(graph):
        raise RuntimeError("no compiler here\nand more")

    monkeypatch.setattr(compiled, "play", broken)
    plain, fallen = eager(), trained(compile=True)
    assert torch.equal(weights(plain), weights(fallen))
    assert any("eagerly: RuntimeError: no compiler here" in note for note in fallen.state.learner.notes)
    assert "no compiler here" in capsys.readouterr().err


def test_a_failure_after_the_first_success_is_not_swallowed(monkeypatch) -> None:
    monkeypatch.setattr(compiled, "play", lambda graph: graph)
    kernel = CompiledStep("step", lambda x: x * 2, [], print)
    assert float(kernel(torch.ones(2))[0].sum()) == 4

    def later(*_):
        raise RuntimeError("the device is gone")

    kernel._played = later
    with pytest.raises(RuntimeError, match="gone"):
        kernel(torch.ones(2))


def test_what_cannot_be_recorded_is_refused_with_its_reason() -> None:
    network, combiner = (
        nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5)),
        tiny("single").state.learner.criterion.combiner,
    )
    assert "Dropout" in compiled.why_not([network], combiner)
    assert compiled.why_not([network[:1]], combiner) == ""
    adam = torch.optim.Adam(network.parameters())
    assert "Adam" in compiled.why_not_meta(Lookahead(), adam)
    assert "FiniteDifference" in compiled.why_not_meta(FiniteDifference(), adam)
    assert compiled.why_not_meta(Lookahead(), torch.optim.SGD(network.parameters(), lr=0.1)) == ""


def test_max_pooling_is_left_to_torchs_own_kernels() -> None:
    def step(x):
        x = x.requires_grad_()
        return torch.autograd.grad(nn.functional.max_pool2d(x, 3, 2, padding=1).square().sum(), x)[0]

    x = torch.randn(2, 3, 7, 7).to(memory_format=torch.channels_last)
    graph = compiled.record(step, x)
    assert graph.code.count("auxin.max_pool2d_with_indices") == 2
    assert "aten.max_pool2d" not in graph.code
    found, expected = graph(x)[0], step(x)
    assert torch.equal(found, expected)
    assert found.stride() == expected.stride()


def test_recording_moves_no_buffer(monkeypatch) -> None:
    monkeypatch.setattr(compiled, "play", lambda graph: graph)
    norm, x = nn.BatchNorm1d(2), torch.randn(5, 2)
    expected = nn.BatchNorm1d(2)
    expected(x)
    CompiledStep("step", lambda x: norm(x), [norm], print)(x)
    torch.testing.assert_close(norm.running_mean, expected.running_mean)
    assert int(norm.num_batches_tracked) == 1
