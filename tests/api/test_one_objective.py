"""The loop that `compare` measures and a loop of one's own take the same steps, bit for bit, and refuse alike."""

import pytest
import torch
from auxiliary_cases import NAMES, batch, classes, make, net, step

from auxin import catalogue
from auxin.combiners import build
from auxin.combiners.base import TrainedBy, rate_groups
from auxin.errors import RunError
from auxin.hypergradients.lookahead import Lookahead
from auxin.training.objective import Objective
from auxin.training.steps import Learner
from auxin.typing import Batch


def fits(name):
    kind = catalogue.load("combiners", name)
    # One that the training loss trains has the main optimiser's rate in `compare` and its own in a user's loop.
    return not kind.needs_images and kind.trained_by is not TrainedBy.TRAINING_LOSS and name != "torchjd"


COMBINERS = [name for name in catalogue.names("combiners") if fits(name)]


def rows(seed, holes=False):
    data = batch(seed)
    if holes:
        data["near"][::2] = -1
        data["main"][1] = -1
    return Batch(data["x"], {name: data[name] for name in NAMES}, torch.arange(len(data["x"])))


def learner(model, combiner):
    """What `compare` trains with."""
    objective = Objective(classes(), None, build(combiner, NAMES).double())
    phi = objective.phi()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    meta = torch.optim.Adam(rate_groups(phi, objective.combiner, 0.01), lr=0.01) if phi else None
    return Learner(model, objective, optimizer, Lookahead() if phi else None, meta)


def test_the_sweep_is_whole():
    assert len(COMBINERS) >= 13


@pytest.mark.parametrize("combiner", COMBINERS)
def test_both_loops_take_the_same_steps(combiner):
    torch.manual_seed(1)
    theirs, mine = net(norm=True), net(norm=True)
    theirs.shared_parameters = lambda: list(theirs.trunk.parameters()) + list(theirs.norm.parameters())
    torch.manual_seed(2)
    measured = learner(theirs, combiner)
    torch.manual_seed(2)
    aux = make(mine, combiner=combiner, every=1, lr=0.01)
    optimizer = torch.optim.SGD(mine.parameters(), lr=0.1, momentum=0.9)
    for seed in range(3):
        data, meta = rows(seed, holes=True), rows(50 + seed, holes=True)
        measured.train_step(data)
        if measured.learns:
            measured.meta_step(data, meta)
        step(aux, mine, optimizer, {"x": data.x, **data.y}, {"x": meta.x, **meta.y})
    tolerance = {"rtol": 1e-9, "atol": 1e-12} if aux.combiner.needs_gramian else {"rtol": 0, "atol": 0}
    for part, other in ((theirs, mine), (measured.criterion.combiner, aux.combiner)):
        assert part.state_dict().keys() == other.state_dict().keys()
        for name, value in part.state_dict().items():
            torch.testing.assert_close(value, other.state_dict()[name], **tolerance)


def test_both_loops_refuse_alike():
    model, data = net(), rows(0)
    broken = Batch(data.x * float("nan"), data.y, data.rows)
    aux = make(model, combiner="equal")
    for run in (
        lambda: learner(model, "equal").train_step(broken),
        lambda: aux(model(broken.x), {"x": broken.x, **data.y}),
    ):
        with pytest.raises(RunError, match="loss of the main task 'main' is not finite"):
            run()
