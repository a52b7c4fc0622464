"""Labels per pixel, real targets and several at once: through the criterion, the hypergradient and a whole run."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from auxin.analysis.label_collapse import measure_vectors, warnings
from auxin.combiners import build as combiner
from auxin.data import Dataset, make_splits
from auxin.data.digits import Digits
from auxin.errors import ConfigError
from auxin.hypergradients.lookahead import Lookahead
from auxin.labelers.auxilearn_dense import AuxiLearnDense
from auxin.labelers.auxilearn_vector import AuxiLearnVector
from auxin.labelers.base import LABELS, LabelerContext
from auxin.labelers.several import SeveralLabelers
from auxin.math.hierarchy import Hierarchy
from auxin.methods import resolve
from auxin.models import build_network
from auxin.optimizers import InnerStep
from auxin.runs.applicable import applicable
from auxin.runs.build import build
from auxin.runs.measures import Measures
from auxin.runs.settings import layered
from auxin.tasks.classes import Classes
from auxin.tasks.dense_classes import DenseClasses
from auxin.tasks.regression import Regression
from auxin.training.loop import EpochCallbacks, fit
from auxin.training.objective import Objective
from auxin.typing import Batch

PSI = Hierarchy((2, 3))
RATE = 0.3


class MapTrunk(nn.Module):
    width, dense = 4, True

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Softplus())

    def forward(self, x):
        return self.layers(x)


class RowTrunk(nn.Module):
    width = 4

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(18, 4), nn.Softplus())

    def forward(self, x):
        return self.layers(x)


def rows(dense: bool) -> tuple[Batch, Batch]:
    generator = torch.Generator().manual_seed(3)
    found = []
    for _ in range(2):
        y = torch.randint(0, 2, (6, 3, 3) if dense else (6,), generator=generator)
        y[-1] = -1
        if dense:
            y[0, 0] = -1
        x = torch.randn(6, 2, 3, 3, generator=generator, dtype=torch.float64)
        found.append(Batch(x, {"main": y}, torch.arange(6)))
    return found[0], found[1]


def problem_of(kind, dense: bool, **options):
    """A primary network, and a criterion with this labeler and learned weights on top."""
    train, meta = rows(dense)
    trunk = MapTrunk if dense else RowTrunk
    torch.manual_seed(0)
    context = LabelerContext("main", PSI, train.x, dict(train.y), train.rows, trunk, 0)
    labeler = kind.build(context, **options).double()
    main = (DenseClasses if dense else Classes)("main", 2)
    tasks = {"main": main, **labeler.tasks()}
    small = {"channel_width": 4, "levels": 1} if dense else {}
    network = build_network("segnet" if dense else trunk(), (2, 3, 3), tasks, seed=1, **small).double()
    weights = combiner("linear", tuple(tasks)).double()
    return Objective(tasks, labeler, weights), network, train, meta


CASES = [
    (AuxiLearnDense, True, {}),
    (AuxiLearnVector, False, {"size": 3}),
    (SeveralLabelers, False, {"members": "auxilearn+auxilearn_vector+maxl", "psi": "2+1+3"}),
    (SeveralLabelers, True, {"members": "auxilearn_dense+auxilearn_dense"}),
]


@pytest.mark.parametrize(("kind", "dense", "options"), CASES)
def test_the_hypergradient_is_that_of_double_backward(kind, dense, options):
    """One step of SGD by hand with a graph, then the outer loss differentiated to phi, in float64."""
    criterion, network, train, meta = problem_of(kind, dense, **options)
    problem = criterion.problem(network)
    step = InnerStep(torch.optim.SGD(network.parameters(), lr=RATE), list(network.parameters()))
    found = Lookahead("forward").estimate(problem, train, meta, step).gradients

    named = dict(network.named_parameters())
    loss = criterion(network(train.x), train, criterion.context(train))
    grads = torch.autograd.grad(loss, list(named.values()), create_graph=True)
    ahead = {name: w - RATE * g for (name, w), g in zip(named.items(), grads, strict=True)}
    outer = criterion.outer(torch.func.functional_call(network, ahead, (meta.x,)), meta)
    own = criterion.regulariser(criterion.context(train))
    whole = outer if own is None else outer + own
    wanted = torch.autograd.grad(whole, criterion.phi(), allow_unused=True, materialize_grads=True)
    assert len(found) == len(wanted) > 2
    assert max(float(w.norm()) for w in wanted) > 1e-6
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


def test_a_pixels_label_comes_from_its_own_classes_logits():
    criterion, _, train, _ = problem_of(AuxiLearnDense, dense=True)
    labeler = criterion.labeler
    index = torch.arange(5)
    logits = labeler.head(labeler.trunk(train.x[index]).movedim(1, -1)).detach()
    found = labeler(train).detach()
    main = train.y["main"]
    assert found[0, :, 0].isnan().all()  # pixels without a label
    assert found[5].isnan().all()  # an image without any
    own = logits[1, 2, 0][:2] if main[1, 2, 0] == 0 else logits[1, 2, 0][2:]
    kept = found[1, :, 2, 0]
    torch.testing.assert_close(kept[kept > 0], own.softmax(0))


def test_the_members_of_several_are_not_alike_and_are_refused_where_they_do_not_fit():
    criterion, _, train, _ = problem_of(SeveralLabelers, False, members="auxilearn+auxilearn")
    made = criterion.context(train)
    assert list(made) == ["labels1", "labels2"]
    assert not made["labels1"][:5].allclose(made["labels2"][:5])
    for options, wrong in [
        ({"members": "several"}, "not usable"),
        ({"members": "auxilearn+nobody"}, "nobody"),
        ({"members": "auxilearn_dense"}, "labels pixels"),
        ({"members": "auxilearn+maxl", "psi": "2"}, "psi does not fit"),
    ]:
        with pytest.raises(ConfigError, match=wrong):
            problem_of(SeveralLabelers, False, **options)


def test_real_targets_stay_bounded_and_their_collapse_is_warned_of():
    criterion, _, train, _ = problem_of(AuxiLearnVector, False, size=3)
    with torch.no_grad():
        criterion.labeler.head.weight.mul_(1e3)
        assert criterion.labeler(train).abs().max() <= 1
        criterion.labeler.head.weight.zero_()
        criterion.labeler.head.bias.fill_(0.5)
        flat = measure_vectors(criterion.labeler(train))
    assert flat["label_spread"] == pytest.approx(0.0, abs=1e-9)
    (said,) = warnings({f"{key}:labels2": value for key, value in flat.items()})
    assert said.startswith("labels2: The generated targets are nearly the same")
    assert warnings({"label_spread": 0.5}) == []


def run(dataset: Dataset, method: str, **settings):
    user = {"steps": 4, "batch": 16, "every": 2, **{k.replace("__", "."): v for k, v in settings.items()}}
    member = resolve(method)
    splits = make_splits(dataset, seed=0, labels_per_class=None)
    built = build(dataset, splits, member, layered("data", "image", member, "auxin", user, {}), 0)
    before = [p.detach().clone() for p in built.labeler.parameters()]
    measures = Measures(built, splits)
    fit(built.state, built.plan, EpochCallbacks(measures=measures.epoch))
    moved = [not torch.equal(a, b) for a, b in zip(before, built.labeler.parameters(), strict=True)]
    return built, measures, moved


def test_several_and_vectors_train_in_a_run():
    digits = Digits.load(None)
    built, measures, moved = run(digits, "several", model__channel_width=4, psi=2, combiner__scale=0.5)
    assert built.state.learner.criterion.names == ("digit", "labels1", "labels2")
    assert all(moved)
    found = measures.last()
    assert 0 < found["label_entropy.sample:labels1"] <= 1.0001
    assert found["label_spread:labels2"] > 0
    assert measures.generated(torch.arange(4)) == {}
    _, measures, moved = run(digits, "auxilearn_vector", model__channel_width=4, labeler__size=3)
    assert all(moved)
    assert measures.last()["label_spread"] > 0


def test_pixels_train_in_a_run():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(40, 3, 8, 8, generator=generator)
    scene = (x[:, 0] > 0).long()
    tasks = {"scene": DenseClasses("scene", 2)}
    data = Dataset("maps", x, tasks, {"scene": scene}, "scene", torch.arange(40) >= 30)
    small = {"model": "segnet", "model__channel_width": 4, "model__levels": 1, "psi": 2}
    built, measures, moved = run(data, "auxilearn_dense", **small)
    assert isinstance(built.state.learner.criterion.tasks[LABELS], DenseClasses)
    assert sum(moved) > len(moved) / 2
    assert 0 < measures.last()["label_entropy.sample"] <= 1.0001
    assert applicable(resolve("auxilearn"), data) is not None
    assert applicable(resolve("auxilearn_dense"), Digits.load(None)) is not None
    price = replace(data, tasks={"scene": Regression("scene")}, y={"scene": x[:, 0, 0, 0]})
    assert applicable(resolve("auxilearn_vector"), price) is None


def test_the_convnet_combiner_sees_loss_images_and_trains_with_generated_pixels():
    criterion, network, train, meta = problem_of(AuxiLearnDense, dense=True)
    criterion.combiner = combiner("convnet", criterion.names, scale=0.5).double()
    signals, context = network(train.x), criterion.context(train)
    losses = criterion.losses(signals, train, context)
    assert losses.values.shape == (6, 2, 3, 3)
    assert losses.present[0, :, 0].logical_not().all()  # the pixels without a label
    main = criterion.tasks[criterion.main]
    assert isinstance(main, DenseClasses)
    torch.testing.assert_close(losses.values[:, 0], main.loss_image(signals["main"], train.y["main"]))
    step = InnerStep(torch.optim.SGD(network.parameters(), lr=RATE), list(network.parameters()))
    ways = [
        Lookahead(way).estimate(criterion.problem(network), train, meta, step)
        for way in ("forward", "reverse")
    ]
    assert max(float(g.norm()) for g in ways[1].gradients) > 1e-6
    for a, b in zip(*(way.gradients for way in ways), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-12)


def test_beside_loss_images_a_tasks_loss_per_sample_stands_at_every_pixel():
    tasks = {"scene": DenseClasses("scene", 2), "place": Classes("place", 3)}
    criterion = Objective(tasks, None, combiner("convnet", tuple(tasks)))
    signals = {"scene": torch.randn(2, 2, 4, 4), "place": torch.randn(2, 3)}
    y = {"scene": torch.ones(2, 4, 4).long(), "place": torch.tensor([1, -1])}
    losses = criterion.losses(signals, Batch(torch.zeros(2, 3, 4, 4), y, torch.arange(2)), None)
    one = tasks["place"].loss(signals["place"], y["place"])
    torch.testing.assert_close(losses.values[:, 1], one.view(2, 1, 1).expand(2, 4, 4))
    assert losses.present[:, 1].flatten(1).all(1).tolist() == [True, False]
    assert criterion.losses(
        signals, Batch(torch.zeros(2, 3, 4, 4), {"scene": y["scene"]}, torch.arange(2)), None
    )
