"""Meta-training: it learns, resumes bit for bit, and drops what is not finite."""

import math

import pytest
import torch

from auxin.errors import ConfigError, RunError
from auxin.rules.gradients import MetaGradient, PersistentES, TruncatedGradient
from auxin.rules.objective import few_shot_ridge
from auxin.rules.pool import PoolMaker
from auxin.rules.sampler import TaskSampler
from auxin.rules.trainer import MetaTrainer
from auxin.update_rules.learned import Learned

OPTIONS = {"channels": 4, "delta_channels": 2, "rank": 1}


def small_rule(seed=0, **options):
    torch.manual_seed(seed)
    return Learned.preset("small", **{**OPTIONS, **options})


def sampler(**options):
    settings = {"side": 4, "classes": (3,), "hidden": ((), (5,)), "embedding": 4, "per_class": 12, "held": 6}
    return TaskSampler(**{**settings, **options})


def trainer(updates=12, *, estimator=None, rule=None, seed=0, **options):
    settings = {"pools": 2, "tasks": 2, "truncation": (2, 3), "length": (3, 8)}
    estimator = estimator or TruncatedGradient(few_shot_ridge, batch=8, shots=2)
    return MetaTrainer(
        rule or small_rule(), sampler(), estimator, updates=updates, seed=seed, **{**settings, **options}
    )


def numbers(rule):
    return torch.cat([p.detach().flatten() for p in rule.parameters()])


def test_resume_is_exact(tmp_path):
    whole = trainer()
    losses = [p.loss for p in whole.run()]
    first = trainer()
    begun = [p.loss for p in first.run(5)]
    torch.save(first.state_dict(), tmp_path / "state.pt")
    second = trainer(rule=small_rule(seed=9))
    second.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    ended = [p.loss for p in second.run()]
    assert begun + ended == losses
    assert torch.equal(numbers(second.rule), numbers(whole.rule))
    assert all(torch.equal(a, b) for a, b in zip(second.average, whole.average, strict=True))


def test_another_run_is_refused():
    with pytest.raises(RunError, match="another run"):
        trainer(seed=1).load_state_dict(trainer(seed=0).state_dict())


def test_meta_training_lowers_the_objective():
    start = {"start": 0.05, "competitive_start": 0.2}
    runs = [trainer(24, rule=small_rule(**start), rate=rate, pools=4, tasks=4).run() for rate in (0.0, 0.1)]
    fixed, trained = ([p.loss for p in run] for run in runs)  # on the same tasks
    assert sum(trained[12:]) / 12 < sum(fixed[12:]) / 12 - 0.02


def test_the_networks_own_activation_is_meta_trained_through():
    rule = small_rule()
    maker = PoolMaker(sampler(hidden=((5,),), activations=("tanh",)), 0, 2, (5, 5), "cpu")
    pool = maker.fresh(rule, 0, 0)
    kept = pool.generator.get_state()
    found = TruncatedGradient(few_shot_ridge, batch=8, shots=2)(rule, pool, 2)
    pool.generator.set_state(kept)
    state = pool.state
    for _ in range(2):
        state = rule.step(state, pool.unlabelled(8), "tanh")
    draw = pool.few_shot(2)
    features = rule.features(state, torch.cat([draw.support_x, draw.query_x], 1), "tanh")
    n = draw.support_x.shape[1]
    by_hand = few_shot_ridge(features[:, :n], draw.support_y, features[:, n:], draw.query_y).mean()
    assert found.loss == pytest.approx(float(by_hand.detach()), abs=1e-6)


def test_recomputing_and_plain_gradients_agree():
    rule = small_rule().double()
    pool = PoolMaker(sampler(), 0, 2, (5, 5), "cpu").fresh(rule, 0, 0)
    pool.state = pool.state.with_tensors([t.double() for t in pool.state.tensors()])
    pool.tasks = type(pool.tasks)(pool.tasks.x.double(), pool.tasks.extra.double(), pool.tasks.held)
    kept = pool.generator.get_state()
    found = []
    for recompute in (False, True):
        pool.generator.set_state(kept)
        estimator = TruncatedGradient(few_shot_ridge, batch=8, shots=2, every_state=True, recompute=recompute)
        found.append(estimator(rule, pool, 3))
    assert found[0].loss == pytest.approx(found[1].loss, abs=1e-12)
    for a, b in zip(found[0].gradient, found[1].gradient, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-11)
    assert found[0].state.age == 3


def test_persistent_es_estimates_the_gradient():
    """At the first truncation it must agree with back-propagation, on average."""
    rule = small_rule().double()
    pool = PoolMaker(sampler(), 0, 2, (5, 5), "cpu").fresh(rule, 0, 0)
    pool.state = pool.state.with_tensors([t.double() for t in pool.state.tensors()])
    pool.tasks = type(pool.tasks)(pool.tasks.x.double(), pool.tasks.extra.double(), pool.tasks.held)
    kept = pool.generator.get_state()
    exact = TruncatedGradient(few_shot_ridge, batch=8, shots=2)(rule, pool, 2)
    pool.generator.set_state(kept)
    before = numbers(rule)
    estimate = PersistentES(few_shot_ridge, batch=8, shots=2, sigma=1e-3, pairs=60)(rule, pool, 2)
    a = torch.cat([g.flatten() for g in exact.gradient])
    b = torch.cat([g.flatten() for g in estimate.gradient])
    expected = math.sqrt(60 / (60 + len(a)))  # the cosine of a 60-sample estimate in that many dimensions
    cosine = float(torch.nn.functional.cosine_similarity(a, b, dim=0))
    assert cosine > expected - 0.1
    torch.testing.assert_close(numbers(rule), before, rtol=0, atol=1e-12)


def test_persistent_es_keeps_its_particles_until_the_group_ends():
    estimator = PersistentES(few_shot_ridge, batch=8, shots=2, pairs=2)
    found = trainer(4, estimator=estimator, length=(8, 8), pools=1)
    list(found.run(1))
    first = [t.clone() for t in estimator.particles[0][0].total]
    list(found.run(1))
    assert any((a != b).any() for a, b in zip(first, estimator.particles[0][0].total, strict=True))
    estimator.forget(0)
    assert not estimator.particles


class _Broken(TruncatedGradient):
    def __call__(self, rule, pool, steps):
        found = super().__call__(rule, pool, steps)
        if pool.number == 1:
            found.gradient[0].fill_(torch.nan)
        return found


def test_groups_without_finite_gradient_are_dropped_and_counted():
    found = trainer(6, estimator=_Broken(few_shot_ridge, batch=8, shots=2), groups=2)
    last = list(found.run())[-1]
    assert last.dropped == 6
    assert torch.isfinite(numbers(found.rule)).all()
    assert math.isfinite(last.loss)
    assert found.pools[1].life == 6


class _Hopeless(TruncatedGradient):
    def __call__(self, rule, pool, steps):
        return MetaGradient(0.0, [torch.full_like(p, torch.inf) for p in rule.parameters()], pool.state)


def test_divergence_is_said():
    found = trainer(60, estimator=_Hopeless(few_shot_ridge, batch=8, shots=2))
    before = numbers(found.rule)
    with pytest.raises(RunError, match="diverged"):
        list(found.run())
    assert torch.equal(numbers(found.rule), before)


def test_the_average_is_in_place_only_inside_with():
    found = trainer(5)
    list(found.run())
    current = numbers(found.rule)
    with found.averaged() as rule:
        inside = numbers(rule)
    assert not torch.equal(inside, current)
    assert torch.equal(numbers(found.rule), current)


def test_sparsity_shrinks_the_coefficients():
    plain, sparse = trainer(12), trainer(12, sparsity=5.0)
    for found in (plain, sparse):
        list(found.run())
    alpha = [float(t.rule.weight_update.alpha.detach().abs().sum()) for t in (plain, sparse)]
    assert alpha[1] < alpha[0]


def test_data_that_arrives_is_taken_up():
    calls = []
    found = trainer(8, length=(2, 2), on_reset=lambda s: calls.append(s))
    list(found.run())
    assert calls
    assert calls[0] is found.maker.sampler


@pytest.mark.parametrize(
    "options",
    [{"updates": 0}, {"groups": 3}, {"truncation": (3, 2)}, {"length": (0, 2)}, {"pools": 0}],
)
def test_settings_that_contradict_each_other(options):
    with pytest.raises(ConfigError, match="cannot be set up"):
        trainer(**options)
