"""What every estimator promises: shapes, scales, neutrality, zeros where phi has no influence, one public
class."""

import copy

import pytest
import torch
from torch.optim import SGD

from auxin import catalogue, hypergradient
from auxin.errors import ConfigError
from auxin.hypergradients import BilevelProblem
from auxin.hypergradients.base import CONTRACT
from auxin.optimizers import InnerStep
from oracles import images, lookahead_reference, make, relative

NAMES = catalogue.names("hypergradients")
TRAIN, META = images(seed=1), images(seed=2)


def estimate(name, problem, **more):
    optimizer = SGD(problem.network.parameters(), lr=0.1)
    return hypergradient(problem, TRAIN, META, optimizer=optimizer, estimator=name, **more)


def test_the_sweep_is_whole():
    assert len(NAMES) >= 5
    assert {"evolution", "finite_difference", "implicit", "lookahead", "unrolled"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
class TestEveryEstimator:
    def test_is_documented_and_typed(self, name):
        member = catalogue.load("hypergradients", name)
        assert issubclass(member, CONTRACT)
        assert member.__doc__
        assert isinstance(member.exact, bool)
        assert isinstance(member.needs_step, bool)

    @pytest.mark.parametrize("trunk", ["batch_norm", "dropout"])
    def test_leaves_everything_as_it_was(self, name, trunk):
        problem = make(trunk)
        optimizer = SGD(problem.network.parameters(), lr=0.1, momentum=0.9)
        problem.network.zero_grad()
        before = copy.deepcopy((problem.network.state_dict(), optimizer.state_dict(), problem.phi))
        rng = torch.get_rng_state()
        found = hypergradient(problem, TRAIN, META, optimizer=optimizer, estimator=name)
        assert torch.equal(rng, torch.get_rng_state())
        assert all(torch.equal(v, before[0][k]) for k, v in problem.network.state_dict().items())
        assert optimizer.state_dict() == before[1]
        assert all(torch.equal(a, b) for a, b in zip(problem.phi, before[2], strict=True))
        assert all(p.grad is None for p in [*problem.phi, *problem.network.parameters()])
        assert [g.shape for g in found.gradients] == [p.shape for p in problem.phi]
        assert not any(g.requires_grad for g in found.gradients)
        assert found.outer_loss.shape == ()
        assert not found.outer_loss.requires_grad

    def test_zeros_where_phi_has_no_influence(self, name):
        network, spare = make("mlp").network, torch.zeros(2, dtype=torch.float64, requires_grad=True)
        problem = BilevelProblem(network, lambda s, b: s["aux"].square().mean(), make("mlp").outer, [spare])
        assert torch.equal(estimate(name, problem).gradients[0], torch.zeros(2, dtype=torch.float64))

    def test_unit_scale_divides_by_the_unit(self, name):
        problem = make("mlp", "combiner")
        torch.manual_seed(3)
        raw = estimate(name, problem)
        torch.manual_seed(3)
        unit = estimate(name, problem, scale="unit")
        assert relative([raw.unit * g for g in unit.gradients], raw.gradients) < (
            1e-9 if name == "finite_difference" else 1e-12
        )

    def test_unknown_scale_is_refused(self, name):
        with pytest.raises(ConfigError, match="raw or unit"):
            estimate(name, make("mlp"), scale="double")

    def test_phi_may_be_empty(self, name):
        problem = make("mlp")
        problem = BilevelProblem(problem.network, lambda s, b: s["aux"].square().mean(), problem.outer, [])
        assert estimate(name, problem).gradients == ()

    def test_float32(self, name):
        problem = make("mlp")
        problem.network.float()
        problem.auxiliary[0].float()
        train, meta = [(x.float(), y) for x, y in (TRAIN, META)]
        optimizer = SGD(problem.network.parameters(), lr=0.1)
        found = hypergradient(problem, train, meta, optimizer=optimizer, estimator=name)
        assert all(g.dtype == torch.float32 and torch.isfinite(g).all() for g in found.gradients)


ONE_STEP = {
    "lookahead": {},
    "unrolled": {"steps": 1},
    "finite_difference": {},
    "evolution": {"steps": 1, "pairs": 400, "sigma": 1e-4},
}


@pytest.mark.parametrize(("name", "options"), ONE_STEP.items(), ids=ONE_STEP)
def test_all_one_step_estimators_agree(name, options):
    problem = make("mlp", "sample_weights")
    optimizer = SGD(problem.network.parameters(), lr=0.1)
    expected = lookahead_reference(problem, TRAIN, META, optimizer)
    step = InnerStep(optimizer, problem.network.parameters())
    found = catalogue.load("hypergradients", name)(**options).estimate(problem, TRAIN, META, step)
    exact = catalogue.load("hypergradients", name).exact
    assert relative(found.gradients, expected) < (1e-12 if exact else 0.4 if name == "evolution" else 1e-5)
