"""What every combiner promises, swept over the catalogue."""

import sys
from collections.abc import Callable, Iterator
from itertools import combinations
from types import ModuleType

import pytest
import torch
from torch import Tensor

from auxin import catalogue
from auxin.combiners import build
from auxin.combiners.base import Combiner, GramianCombiner, LossCombiner, TaskLosses, TrainedBy
from auxin.errors import ConfigError, UnsupportedError

NAMES = catalogue.names("combiners")
TASKS = ["main", "first", "second", "third"]
STARTS_AS_EQUAL = {"equal", "static", "linear", "softmax", "deep_linear", "polynomial"}
STARTS_AS_EQUAL |= {"uncertainty", "dwa", "gradnorm", "ol_aux", "meta_weight"}


class _InverseNorms(torch.nn.Module):
    def forward(self, matrix: Tensor) -> Tensor:
        return 1 / matrix.norm(dim=1).clamp(min=1e-9) / len(matrix)


class _Aggregator(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weighting = _InverseNorms()


@pytest.fixture(autouse=True)
def _setting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Double precision, one seed, and a stand-in for the optional library."""
    library = ModuleType("torchjd.aggregation")
    library.__dict__.update(UPGrad=_Aggregator, __all__=["UPGrad"])
    monkeypatch.setitem(sys.modules, "torchjd", ModuleType("torchjd"))
    monkeypatch.setitem(sys.modules, "torchjd.aggregation", library)
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


def losses_for(combiner: Combiner, seed: int = 0, missing: float = 0.0, batch: int = 6) -> TaskLosses:
    generator = torch.Generator().manual_seed(seed)
    shape = (batch, combiner.count, 5, 5) if combiner.needs_images else (batch, combiner.count)
    values = torch.rand(shape, generator=generator, dtype=torch.float64) * 2 + 0.05
    present = torch.rand(shape, generator=generator) >= missing
    return TaskLosses(values * present, present, tuple(TASKS[: combiner.count]))


def gramian_for(count: int, seed: int = 0) -> Tensor:
    rows = torch.randn(count, 9, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return rows @ rows.T


def loss_of(combiner: Combiner, losses: TaskLosses, gramian: Tensor | None = None) -> Tensor:
    if isinstance(combiner, GramianCombiner):
        return combiner(losses, gramian_for(combiner.count) if gramian is None else gramian)
    return combiner(losses)


def weights_of(combiner: Combiner, losses: TaskLosses, gramian: Tensor | None = None) -> Tensor:
    return combiner.task_weights(losses, gramian_for(combiner.count) if gramian is None else gramian)


def live(name: str, count: int = 4) -> Combiner:
    """A combiner some steps into its training: weights moved, history kept."""
    combiner = build(name, TASKS[:count])
    for step in range(6):
        combiner.after_step(losses_for(combiner, step), gramian_for(count, step))
        combiner.after_update(losses_for(combiner, step), losses_for(combiner, step + 1))
    for epoch in range(3):
        combiner.end_epoch(losses_for(combiner, epoch).means())
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in combiner.parameters():
            parameter += 0.3 * torch.rand(parameter.shape, generator=generator)
    combiner.after_meta_step()
    return combiner


def test_the_sweep_covers_the_family() -> None:
    assert len(NAMES) >= 18
    assert {"equal", "monotone", "convnet", "aux_nash", "torchjd"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
class TestEveryCombiner:
    def test_is_one_of_the_two_kinds(self, name: str) -> None:
        combiner = build(name, TASKS)
        assert isinstance(combiner, LossCombiner) != isinstance(combiner, GramianCombiner)
        assert combiner.needs_gramian == isinstance(combiner, GramianCombiner)
        assert combiner.count == 4
        assert isinstance(combiner.trained_by, TrainedBy)

    def test_says_who_trains_its_parameters(self, name: str) -> None:
        combiner = build(name, TASKS)
        everything = {id(p) for p in combiner.parameters()}
        assert {id(p) for p in combiner.phi()} | {id(p) for p in combiner.trained_with_main()} == everything
        learns = combiner.trained_by in (TrainedBy.HYPERGRADIENT, TrainedBy.TRAINING_LOSS)
        assert bool(everything) == learns
        assert not (combiner.phi() and combiner.trained_with_main())

    @pytest.mark.parametrize("missing", [0.0, 0.5])
    def test_gives_a_finite_scalar_that_reaches_the_losses(self, name: str, missing: float) -> None:
        combiner = live(name)
        losses = losses_for(combiner, missing=missing)
        values = losses.values.clone().requires_grad_(True)
        loss = loss_of(combiner, TaskLosses(values, losses.present, losses.names))
        assert loss.shape == ()
        (grad,) = torch.autograd.grad(loss, values)
        assert torch.isfinite(grad).all()
        axes = [d for d in range(grad.dim()) if d != 1]
        torch.testing.assert_close((grad * losses.present).sum(axes), weights_of(combiner, losses))
        assert (grad[~losses.present] == 0).all()

    def test_one_task_is_the_main_loss(self, name: str) -> None:
        combiner = build(name, TASKS[:1])
        losses = losses_for(combiner, missing=0.3)
        gramian = gramian_for(1)
        torch.testing.assert_close(loss_of(combiner, losses, gramian).detach(), losses.means()[0])
        assert weights_of(combiner, losses, gramian).tolist() == pytest.approx([1.0])
        combiner.after_step(losses, gramian)
        combiner.end_epoch(losses.means())
        combiner.after_meta_step()
        torch.testing.assert_close(loss_of(combiner, losses, gramian).detach(), losses.means()[0])

    @pytest.mark.parametrize("absent", [0, 2])
    def test_a_task_without_labels_in_the_batch_takes_no_part(self, name: str, absent: int) -> None:
        combiner = live(name)
        losses = losses_for(combiner)
        losses.present[:, absent] = False
        losses.values[:, absent] = 0.0
        gramian = gramian_for(4)
        gramian[absent] = gramian[:, absent] = 0.0
        values = losses.values.clone().requires_grad_(True)
        loss = loss_of(combiner, TaskLosses(values, losses.present, losses.names), gramian)
        (grad,) = torch.autograd.grad(loss, values)
        assert torch.isfinite(loss)
        assert torch.isfinite(grad).all()
        assert (grad[:, absent] == 0).all()
        weights = weights_of(combiner, losses, gramian)
        assert weights[absent] == 0
        axes = [d for d in range(grad.dim()) if d != 1]
        torch.testing.assert_close(weights, (grad * losses.present).sum(axes))
        combiner.after_step(losses, gramian)
        combiner.end_epoch(losses.means())
        assert torch.isfinite(loss_of(combiner, losses_for(combiner)))

    def test_looks_at_the_main_row_alone_where_it_says_so(self, name: str) -> None:
        whole = gramian_for(4, seed=3)
        row = torch.zeros_like(whole)
        row[0], row[:, 0] = whole[0], whole[0]
        found = []
        for gramian in (whole, row):
            combiner = live(name)
            if not isinstance(combiner, GramianCombiner) or not combiner.main_row_only:
                assert name not in {"pcgrad", "gradient_cosine", "ol_aux"}
                return
            for step in range(5):
                combiner.after_step(losses_for(combiner, step), gramian)
            found.append(weights_of(combiner, losses_for(combiner), gramian))
        assert torch.equal(*found)

    def test_begins_as_equal_where_it_says_so(self, name: str) -> None:
        combiner = build(name, TASKS)
        losses = losses_for(combiner, missing=0.3)
        near = torch.allclose(loss_of(combiner, losses), losses.means().sum(), rtol=1e-9)
        assert near == (name in STARTS_AS_EQUAL)

    def test_treats_no_auxiliary_differently(self, name: str) -> None:
        """As built, exchanging auxiliaries exchanges their weights and leaves the loss."""
        combiner = build(name, TASKS)
        losses, gramian, order = losses_for(combiner, missing=0.2), gramian_for(4), torch.tensor([0, 3, 1, 2])
        moved = TaskLosses(losses.values[:, order], losses.present[:, order], losses.names)
        moved_gramian = gramian[order][:, order]
        torch.testing.assert_close(
            loss_of(combiner, moved, moved_gramian), loss_of(combiner, losses, gramian)
        )
        torch.testing.assert_close(
            weights_of(combiner, moved, moved_gramian), weights_of(combiner, losses, gramian)[order]
        )

    def test_order_of_samples_does_not_matter(self, name: str) -> None:
        combiner = live(name)
        losses = losses_for(combiner, missing=0.2)
        turned = TaskLosses(losses.values.flip(0), losses.present.flip(0), losses.names)
        torch.testing.assert_close(loss_of(combiner, turned), loss_of(combiner, losses))

    @pytest.mark.parametrize("factor", [1e-3, 1e3])
    def test_an_auxiliary_of_another_size_leaves_it_finite(self, name: str, factor: float) -> None:
        combiner = build(name, TASKS)
        for step in range(20):
            losses, gramian = losses_for(combiner, step), gramian_for(4, step)
            losses.values[:, 1] *= factor
            gramian[1] *= factor
            gramian[:, 1] *= factor
            assert torch.isfinite(weights_of(combiner, losses, gramian)).all()
            assert torch.isfinite(loss_of(combiner, losses, gramian))
            combiner.after_step(losses, gramian)
        combiner.end_epoch(losses.means())
        assert (weights_of(combiner, losses, gramian)[0] > 0).all()

    def test_looking_changes_nothing(self, name: str) -> None:
        combiner = live(name)
        before = {k: v.clone() for k, v in combiner.state_dict().items()}
        loss_of(combiner, losses_for(combiner))
        weights_of(combiner, losses_for(combiner))
        after = combiner.state_dict()
        assert all(torch.equal(after[k], v) for k, v in before.items())

    def test_its_state_comes_back(self, name: str) -> None:
        combiner, other = live(name), build(name, TASKS)
        other.load_state_dict(combiner.state_dict())
        for step in range(6):
            losses, gramian = losses_for(combiner, step), gramian_for(4, step)
            torch.testing.assert_close(
                loss_of(other, losses, gramian), loss_of(combiner, losses, gramian), rtol=0, atol=0
            )
            for one in (combiner, other):
                one.after_step(losses, gramian)
                one.end_epoch(losses.means())

    def test_works_in_single_and_half_precision_losses(self, name: str) -> None:
        torch.set_default_dtype(torch.float32)
        combiner = live(name)
        losses = losses_for(combiner)
        for dtype in (torch.float32, torch.bfloat16):
            narrow = TaskLosses(losses.values.to(dtype), losses.present, losses.names)
            assert torch.isfinite(loss_of(combiner, narrow, gramian_for(4).float()))

    def test_refuses_options_and_losses_that_do_not_fit(self, name: str) -> None:
        with pytest.raises((ConfigError, UnsupportedError)):
            build(name, TASKS, no_such_option=1.0)
        with pytest.raises(ConfigError):
            build(name, [])
        wider = losses_for(build(name, TASKS))
        with pytest.raises(ConfigError):
            loss_of(build(name, TASKS[:3]), wider)

    def test_offers_three_tries_that_differ_and_begins_with_its_defaults(self, name: str) -> None:
        kind = catalogue.load("combiners", name)
        assert len(kind.tuning) == 3
        losses, answers = losses_for(build(name, TASKS)), []
        for options in ({}, *kind.tuning):
            torch.manual_seed(0)
            combiner = build(name, TASKS, **options)
            for step in range(5):
                combiner.after_step(losses_for(combiner, step), gramian_for(4, step))
                combiner.after_update(losses_for(combiner, step), losses_for(combiner, step + 1))
                combiner.end_epoch(losses_for(combiner, step).means())
            answers.append(weights_of(combiner, losses))
        torch.testing.assert_close(answers[0], answers[1])
        for one, other in combinations(answers[1:], 2):
            assert not torch.allclose(one, other, rtol=1e-3)

    def test_has_a_summary_and_its_source(self, name: str) -> None:
        entry = next(e for e in catalogue.entries("combiners") if e.name == name)
        assert 20 < len(entry.summary) <= 110
        assert entry.summary.endswith(".")
        own = {"equal", "static", "softmax", "torchjd"}
        assert (catalogue.load("combiners", name).paper is None) == (name in own)


LEARNED = [n for n in NAMES if catalogue.load("combiners", n).trained_by is TrainedBy.HYPERGRADIENT]


@pytest.mark.parametrize("name", [*LEARNED, "uncertainty"])
def test_every_parameter_moves_its_loss(name: str) -> None:
    combiner = live(name)
    parameters = list(combiner.parameters())
    assert parameters
    for grad in torch.autograd.grad(loss_of(combiner, losses_for(combiner)), parameters):
        assert torch.isfinite(grad).all()
        assert (grad != 0).any()


@pytest.mark.parametrize("name", LEARNED)
def test_the_mixed_derivative_is_that_of_central_differences(name: str) -> None:
    """d/dphi <dL/dl, v>, what every estimator of the hypergradient asks of a combiner."""
    combiner = live(name)
    losses = losses_for(combiner, missing=0.3)
    tangent = torch.randn(losses.values.shape, generator=torch.Generator().manual_seed(2)).to(losses.values)

    def slope() -> Tensor:
        values = losses.values.clone().requires_grad_(True)
        loss = loss_of(combiner, TaskLosses(values, losses.present, losses.names))
        (grad,) = torch.autograd.grad(loss, values, create_graph=True)
        return (grad * tangent).sum()

    found = torch.autograd.grad(slope(), combiner.phi(), allow_unused=True, materialize_grads=True)
    assert sum(grad.abs().sum() for grad in found) > 0
    for parameter, grad in zip(combiner.phi(), found, strict=True):
        direction = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3)).to(parameter)
        kept, sides = parameter.detach().clone(), []
        for step in (1e-5, -1e-5):
            parameter.data = kept + step * direction
            sides.append(slope().detach())
        parameter.data = kept
        expected = (sides[0] - sides[1]) / 2e-5
        torch.testing.assert_close((grad * direction).sum(), expected, rtol=1e-5, atol=1e-8)


def test_the_learned_ones_are_swept() -> None:
    assert len(LEARNED) >= 9


TWINS = {
    frozenset({"equal", "static"}),  # the same until other weights are given
    frozenset(
        {"equal", "meta_weight"}
    ),  # weighs samples, not tasks: see tests/combiners/test_combiners_samples.py
    frozenset({"static", "meta_weight"}),
    frozenset({"db_mtl", "torchjd"}),  # the stand-in for the library divides by the gradients' lengths too
    frozenset({"monotone", "nonlinear"}),  # see the test of their constraint
}


def _moved(name: str) -> Callable[[int], Tensor]:
    combiner = live(name)

    def probe(seed: int) -> Tensor:
        losses, gramian = losses_for(combiner, seed), gramian_for(4, seed)
        weights = weights_of(combiner, losses, gramian)
        return weights / weights[0]

    return probe


def test_golden_cases_separate_every_pair_of_methods() -> None:
    """After the same training, no two methods give the same weights on the same losses and gradients."""
    answers = {}
    for name in NAMES:
        torch.manual_seed(0)
        probe = _moved(name)
        answers[name] = torch.cat([probe(seed) for seed in range(3)])
    pairs = [p for p in combinations(NAMES, 2) if frozenset(p) not in TWINS]
    assert len(pairs) >= 150
    same = [p for p in pairs if torch.allclose(answers[p[0]], answers[p[1]], rtol=1e-3)]
    assert same == []


def test_the_twins_part_where_they_should() -> None:
    losses = losses_for(build("equal", TASKS))
    assert weights_of(build("static", TASKS, weights="1,2,3"), losses).tolist() == pytest.approx([1, 1, 2, 3])
    slopes = {}
    for name in ("monotone", "nonlinear"):
        combiner = build(name, TASKS)
        with torch.no_grad():
            for parameter in combiner.parameters():
                parameter -= 0.6
        combiner.after_meta_step()
        slopes[name] = weights_of(combiner, losses)
    assert not torch.allclose(slopes["monotone"], slopes["nonlinear"], rtol=1e-3)
