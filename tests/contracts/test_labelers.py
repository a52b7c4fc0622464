"""Every labeler: distributions within the hierarchy, reproducible, a pure function of phi and the batch."""

import copy
import inspect

import pytest
import torch
from torch import nn

from auxin import catalogue
from auxin.labelers._base import Labeler, LabelerContext
from auxin.math.hierarchy import Hierarchy
from auxin.typing import Batch

NAMES = catalogue.names("labelers")
KNOWN = {"auxilearn", "clusters", "given", "maxl", "prototypes", "random"}
PSI = Hierarchy((2, 3, 1))
N = 60


class Trunk(nn.Module):
    width = 6

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 6, bias=False), nn.BatchNorm1d(6), nn.ReLU())

    def forward(self, x):
        return self.layers(x)


def context(seed=0, dtype=torch.float32):
    """Three classes of rows; aux labels are sub-classes that fit psi, also given without a main label."""
    generator = torch.Generator().manual_seed(7)
    fine = torch.randint(0, PSI.classes, (N,), generator=generator)
    fine[: PSI.classes] = torch.arange(PSI.classes)
    x = torch.randn(N, 4, generator=generator, dtype=dtype) + 2.0 * torch.nn.functional.one_hot(fine % 4, 4)
    main = PSI.parent()[fine]
    main[40:] = -1
    fine = fine.clone()
    fine[10:15] = -1
    rows = torch.randperm(1000, generator=generator)[:N]
    return LabelerContext("main", PSI, x.to(dtype), {"main": main, "fine": fine}, rows, Trunk, seed, "fine")


def batch_of(made, index=None):
    index = torch.arange(N) if index is None else index
    return Batch(made.x[index], {k: v[index] for k, v in made.y.items()}, made.rows[index])


@pytest.fixture(params=NAMES)
def member(request):
    return catalogue.load("labelers", request.param)


def test_the_sweep_swept():
    assert set(NAMES) >= KNOWN


def test_it_is_a_documented_labeler_whose_options_are_flat_keywords(member):
    assert issubclass(member, Labeler)
    assert member.paper is not None
    assert ">>>" in (member.__doc__ or "")
    options = list(inspect.signature(member.build).parameters.values())[1:]
    assert all(o.kind is o.KEYWORD_ONLY and isinstance(o.default, int | float | str | bool) for o in options)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_row_is_a_distribution_or_nan(member, dtype):
    made = context(dtype=dtype)
    labeler = member.build(made).to(dtype)
    targets = labeler(batch_of(made)).detach()
    assert targets.shape == (N, labeler.classes)
    assert targets.dtype == dtype
    some = ~targets.isnan().all(1)
    assert some.any()
    assert not targets[some].isnan().any()
    assert targets[some].ge(0).all()
    torch.testing.assert_close(targets[some].sum(1), torch.ones(int(some.sum()), dtype=dtype))


def test_labels_stay_within_the_hierarchy(member):
    made = context()
    targets = member.build(made)(batch_of(made)).detach()
    off = ~PSI.mask(made.y["main"]) & (made.y["main"] >= 0).unsqueeze(1)
    assert targets[off].nan_to_num(0.0).eq(0).all()


def test_a_missing_main_label_gives_nan_unless_the_labels_are_given(member):
    made = context()
    targets = member.build(made)(batch_of(made)).detach()
    labelled = ~targets.isnan().any(1)
    expected = made.y["fine"] >= 0 if member.__name__ == "Given" else made.y["main"] >= 0
    assert labelled.equal(expected)


def test_a_batch_without_any_main_label_is_harmless(member):
    made = context()
    labeler, batch = member.build(made), batch_of(made, torch.arange(40, 60))
    batch = batch.with_targets(fine=torch.full((20,), -1))
    targets = labeler(batch)
    assert targets.isnan().all()
    term = labeler.regulariser(targets)
    assert term is None or term.isfinite()
    if labeler.learned:
        gradients = torch.autograd.grad(targets.nan_to_num(0.0).sum(), list(labeler.parameters()))
        assert all(g.eq(0).all() for g in gradients)


def test_a_batch_of_one_works(member):
    made = context()
    targets = member.build(made)(batch_of(made, torch.tensor([3])))
    torch.testing.assert_close(targets.sum(1).detach(), torch.ones(1))


def test_the_seed_decides_everything_and_the_global_state_is_left_alone(member):
    made = context(seed=3)
    torch.manual_seed(1)
    first = member.build(made)(batch_of(made))
    before = torch.manual_seed(2).get_state()
    second = member.build(context(seed=3))(batch_of(made))
    assert torch.get_rng_state().equal(before)
    torch.testing.assert_close(first, second, rtol=0, atol=0, equal_nan=True)


def test_the_same_batch_gives_the_same_targets_in_training_and_evaluation(member):
    made = context()
    labeler = member.build(made)
    state = copy.deepcopy(labeler.state_dict())
    first = labeler.train()(batch_of(made))
    second = labeler.eval()(batch_of(made))
    torch.testing.assert_close(first, second, rtol=0, atol=0, equal_nan=True)
    assert all(state[k].equal(v) for k, v in labeler.state_dict().items())


def test_unlabelled_rows_beside_it_do_not_change_a_label(member):
    made = context()
    labeler = member.build(made)
    alone = labeler(batch_of(made, torch.arange(40)))
    beside = labeler(batch_of(made))[:40]
    torch.testing.assert_close(alone, beside, equal_nan=True)


def test_its_state_makes_the_same_targets_again(member):
    made = context(seed=0)
    labeler, other = member.build(made), member.build(context(seed=1))
    with torch.no_grad():
        for parameter in labeler.parameters():
            parameter.add_(0.1)
    other.load_state_dict(labeler.state())
    torch.testing.assert_close(other(batch_of(made)), labeler(batch_of(made)), rtol=0, atol=0, equal_nan=True)


def test_learned_means_that_every_parameter_is_reached(member):
    made = context(dtype=torch.float64)
    labeler = member.build(made).double()
    parameters = [p for p in labeler.parameters() if p.requires_grad]
    assert bool(parameters) == labeler.learned
    if not labeler.learned:
        return
    targets = labeler(batch_of(made))
    weights = torch.randn(targets.shape, dtype=targets.dtype, generator=torch.Generator().manual_seed(0))
    gradients = torch.autograd.grad((targets.nan_to_num(0.0) * weights).sum(), parameters)
    assert all(g.isfinite().all() and g.norm() > 1e-6 for g in gradients)


def test_a_learned_labeler_can_be_frozen(member):
    made = context()
    targets = member.build(made).requires_grad_(False)(batch_of(made))
    assert not targets.requires_grad


def test_made_up_rows_get_no_label_from_their_number(member):
    """A pretext's rows have number -1 and no main label."""
    made = context()
    batch = Batch(
        made.x[:2], {"main": torch.full((2,), -1), "fine": torch.full((2,), -1)}, torch.full((2,), -1)
    )
    assert member.build(made)(batch).isnan().all()
