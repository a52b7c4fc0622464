"""Every labeler: targets that its tasks can learn, within the hierarchy, reproducible, pure in phi and the batch."""

import copy
import inspect
from dataclasses import replace

import pytest
import torch
from torch import nn

from auxin import catalogue
from auxin.labelers.base import Labeler, LabelerContext, by_task
from auxin.math.hierarchy import Hierarchy
from auxin.tasks.classes import Classes
from auxin.tasks.dense_classes import DenseClasses
from auxin.tasks.vector import Vector
from auxin.typing import Batch

NAMES = catalogue.names("labelers")
KNOWN = {"auxilearn", "auxilearn_dense", "auxilearn_vector", "clusters", "given", "maxl", "prototypes"}
KNOWN |= {"random", "several"}
EVERYWHERE = {"AuxiLearnVector", "Sources"}
"""Classes of labelers that make targets for rows without a main label too."""
PSI = Hierarchy((2, 3, 1))
N = 60


class Trunk(nn.Module):
    width = 6

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 6, bias=False), nn.BatchNorm1d(6), nn.ReLU())

    def forward(self, x):
        return self.layers(x)


class MapTrunk(nn.Module):
    width, dense = 6, True

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(4, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU())

    def forward(self, x):
        return self.layers(x)


def context(member, seed=0, dtype=torch.float32):
    """Rows for this member: with labels per pixel where it is made for a dense main task."""
    plain = member.why_not(Classes("main", 3)) is None
    return rows_of(seed, dtype) if plain else maps_of(seed, dtype)


def maps_of(seed, dtype):
    """Images of 3x2 pixels, classes per pixel; the last 20 without a label, and single pixels without."""
    generator = torch.Generator().manual_seed(7)
    main = torch.randint(0, PSI.primary, (N, 3, 2), generator=generator)
    x = torch.randn(N, 4, 3, 2, generator=generator, dtype=dtype)
    main[40:], main[10:15, 0] = -1, -1
    rows = torch.randperm(1000, generator=generator)[:N]
    y = {"main": main, "fine": torch.zeros(N).long()}
    return LabelerContext("main", PSI, x, y, rows, MapTrunk, seed, "fine")


def rows_of(seed, dtype):
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


def made_of(labeler, batch):
    """The targets by task, and one place (a row, or a pixel) per line: [places, K]."""
    return {name: t.detach().movedim(1, -1).flatten(0, -2) for name, t in by_task(labeler(batch)).items()}


def close(a, b, **kwargs):
    assert by_task(a).keys() == by_task(b).keys()
    for name, targets in by_task(a).items():
        torch.testing.assert_close(targets, by_task(b)[name], equal_nan=True, **kwargs)


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
def test_every_target_is_one_that_its_task_can_learn(member, dtype):
    made = context(member, dtype=dtype)
    labeler = member.build(made).to(dtype)
    tasks, found = labeler.tasks(), by_task(labeler(batch_of(made)))
    assert tasks.keys() == found.keys()
    for name, targets in found.items():
        assert (tasks[name].name, targets.shape[:2], targets.dtype) == (name, (N, tasks[name].width), dtype)
        tasks[name].check(targets.detach())
        output = torch.zeros_like(targets, requires_grad=True)
        assert tasks[name].loss(output, targets).isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_label_is_a_distribution_or_nan(member, dtype):
    made = context(member, dtype=dtype)
    labeler = member.build(made).to(dtype)
    for name, targets in made_of(labeler, batch_of(made)).items():
        some = ~targets.isnan().all(1)
        assert some.any()
        assert not targets[some].isnan().any()
        if isinstance(labeler.tasks()[name], Vector):
            assert targets.isfinite().all()
            continue
        assert targets[some].ge(0).all()
        torch.testing.assert_close(targets[some].sum(1), torch.ones(int(some.sum()), dtype=dtype))


def test_labels_stay_within_the_hierarchy(member):
    made = context(member)
    labeler = member.build(made)
    main = made.y["main"].flatten()
    off = ~PSI.mask(main) & (main >= 0).unsqueeze(1)
    for name, targets in made_of(labeler, batch_of(made)).items():
        if isinstance(labeler.tasks()[name], Classes | DenseClasses) and not labeler.teaches:
            assert targets[off].nan_to_num(0.0).eq(0).all()


def test_a_missing_main_label_gives_nan_unless_it_labels_everywhere(member):
    made = context(member)
    labeler = member.build(made)
    several = getattr(labeler, "named", dict)()
    for name, targets in made_of(labeler, batch_of(made)).items():
        one = several.get(name, labeler)
        expected = made.y["main"].flatten() >= 0
        if type(one).__name__ == "Given":
            expected = made.y["fine"] >= 0
        elif one.teaches:  # rows with a main label need no guess at it
            expected = ~expected
        elif type(one).__name__ in EVERYWHERE:
            expected = torch.ones_like(expected)
        assert (~targets.isnan().any(1)).equal(expected)


def test_a_batch_without_any_main_label_is_harmless(member):
    made = context(member)
    labeler, batch = member.build(made), batch_of(made, torch.arange(40, 60))
    batch = replace(batch, y={**batch.y, "fine": torch.full((20,), -1)})
    found = labeler(batch)
    term = labeler.regulariser(found)
    assert term is None or term.isfinite()
    named = getattr(labeler, "named", lambda: {"labels": labeler})()
    for name, targets in by_task(found).items():
        one = named[name]
        everywhere = type(one).__name__ in EVERYWHERE
        assert targets.isnan().all() or everywhere
        if one.learned and not everywhere:
            gradients = torch.autograd.grad(targets.nan_to_num(0.0).sum(), list(one.parameters()))
            assert all(g.eq(0).all() for g in gradients)


def test_a_batch_of_one_works(member):
    made = context(member)
    labeler = member.build(made)
    for name, targets in made_of(
        labeler, batch_of(made, torch.tensor([50 if member.teaches else 3]))
    ).items():
        if not isinstance(labeler.tasks()[name], Vector):
            torch.testing.assert_close(targets.sum(1), torch.ones(len(targets)))


def test_the_seed_decides_everything_and_the_global_state_is_left_alone(member):
    made = context(member, seed=3)
    torch.manual_seed(1)
    first = member.build(made)(batch_of(made))
    before = torch.manual_seed(2).get_state()
    second = member.build(context(member, seed=3))(batch_of(made))
    assert torch.get_rng_state().equal(before)
    close(first, second, rtol=0, atol=0)


def test_the_same_batch_gives_the_same_targets_in_training_and_evaluation(member):
    made = context(member)
    labeler = member.build(made)
    state = copy.deepcopy(labeler.state_dict())
    first = labeler.train()(batch_of(made))
    second = labeler.eval()(batch_of(made))
    close(first, second, rtol=0, atol=0)
    assert all(state[k].equal(v) for k, v in labeler.state_dict().items())


def test_unlabelled_rows_beside_it_do_not_change_a_label(member):
    made = context(member)
    labeler = member.build(made)
    alone = by_task(labeler(batch_of(made, torch.arange(40))))
    beside = by_task(labeler(batch_of(made)))
    for name, targets in alone.items():
        if not isinstance(labeler.tasks()[name], Vector):  # whose network sees every row
            torch.testing.assert_close(targets, beside[name][:40], equal_nan=True)


def test_its_state_makes_the_same_targets_again(member):
    made = context(member, seed=0)
    labeler, other = member.build(made), member.build(context(member, seed=1))
    with torch.no_grad():
        for parameter in labeler.parameters():
            parameter.add_(0.1)
    other.load_state_dict(labeler.state())
    close(other(batch_of(made)), labeler(batch_of(made)), rtol=0, atol=0)


def test_learned_means_that_every_parameter_is_reached(member):
    made = context(member, dtype=torch.float64)
    labeler = member.build(made).double()
    parameters = [p for p in labeler.parameters() if p.requires_grad]
    assert bool(parameters) == labeler.learned
    if not labeler.learned:
        return
    generator = torch.Generator().manual_seed(0)
    total = torch.zeros((), dtype=torch.float64)
    for targets in by_task(labeler(batch_of(made))).values():
        weights = torch.randn(targets.shape, dtype=targets.dtype, generator=generator)
        total = total + (targets.nan_to_num(0.0) * weights).sum()
    gradients = torch.autograd.grad(total, parameters)
    assert all(g.isfinite().all() and g.norm() > 1e-6 for g in gradients)


def test_a_learned_labeler_can_be_frozen(member):
    made = context(member)
    found = member.build(made).requires_grad_(False)(batch_of(made))
    assert not any(targets.requires_grad for targets in by_task(found).values())


def test_made_up_rows_get_no_label_from_their_number(member):
    """A pretext's rows have number -1 and no main label."""
    made = context(member)
    missing = {name: torch.full_like(target[:2], -1) for name, target in made.y.items()}
    batch = Batch(made.x[:2], missing, torch.full((2,), -1))
    labeler = member.build(made)
    for name, targets in by_task(labeler(batch)).items():
        assert targets.isnan().all() or isinstance(labeler.tasks()[name], Vector)


def test_it_says_which_main_tasks_it_cannot_label(member):
    reasons = [member.why_not(task) for task in (Classes("y", 2), DenseClasses("y", 2), Vector("y", 2))]
    assert None in reasons
    assert all(reason is None or reason.endswith(".") for reason in reasons)
