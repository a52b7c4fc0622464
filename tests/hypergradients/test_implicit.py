"""Implicit hypergradients against closed forms, a converged unroll, and double backward."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import oracles
from auxin.errors import ConfigError, RunError, UnsupportedError
from auxin.hypergradients import BilevelProblem, diagnose, hypergradient, training_gradient
from auxin.hypergradients.implicit import Implicit, head
from auxin.math.curvature import softmax_fisher
from auxin.math.params import dot, trainable
from auxin.solvers.neumann import Neumann
from auxin.typing import Batch

D = torch.float64


# ------------------------------------------------------------------------------------------------ closed form


class Point(nn.Module):
    """W itself as the signals: the inner problem is whatever the criterion says."""

    def __init__(self, w: Tensor) -> None:
        super().__init__()
        self.w = nn.Parameter(w)

    def forward(self, x: Tensor) -> Tensor:
        return self.w + 0.0 * x.sum()


def quadratic(matrix: Tensor, seed: int = 0) -> tuple[BilevelProblem, Tensor, Tensor]:
    """L_T = 1/2 w'Aw - w'B phi + 1/2 |phi|^2 and L_A = 1/2 |w - c|^2 at w = w*(phi) = A^-1 B phi."""
    g, d = torch.Generator().manual_seed(seed), matrix.shape[0]
    b, c = torch.randn(d, 3, generator=g, dtype=D), torch.randn(d, generator=g, dtype=D)
    phi = torch.randn(3, generator=g, dtype=D).requires_grad_()
    best = torch.linalg.solve(matrix, b @ phi.detach())
    problem = BilevelProblem(
        Point(best),
        lambda s, _: 0.5 * s @ matrix @ s - s @ (b @ phi) + 0.5 * phi @ phi,
        lambda s, _: 0.5 * ((s - c) ** 2).sum(),
        [phi],
    )
    return problem, b.T @ torch.linalg.solve(matrix, best - c), phi


def spd(size: int, condition: float, seed: int = 0) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    basis, _ = torch.linalg.qr(torch.randn(size, size, generator=g, dtype=D))
    values = torch.logspace(0, torch.tensor(condition, dtype=D).log10(), size, dtype=D) / condition**0.5
    return basis @ torch.diag(values) @ basis.T


ROW = (torch.zeros(1, 1, dtype=D),)
MATRICES = {"spd": spd(8, 10.0), "isotropic": 2.0 * torch.eye(8, dtype=D), "ill": spd(20, 1e4)}


@pytest.mark.parametrize("solver", ["dense", "conjugate_gradient"])
@pytest.mark.parametrize("name", MATRICES)
def test_quadratics_to_1e_10(name: str, solver: str):
    problem, exact, _ = quadratic(MATRICES[name])
    options = {"steps": 4 * MATRICES[name].shape[0]} if solver == "conjugate_gradient" else {}
    found = Implicit(solver, **options).estimate(problem, ROW, ROW)
    assert oracles.relative(found.gradients, [exact]) < 1e-10
    assert found.residual is not None
    assert found.residual < 1e-10


@pytest.mark.parametrize("terms", [0, 1, 2, 3, 5, 10, 30, 100])
def test_neumann_is_within_its_bound(terms: int):
    matrix = MATRICES["spd"]
    values, alpha = torch.linalg.eigvalsh(matrix), 0.3
    problem, exact, _ = quadratic(matrix)
    found = Implicit("neumann", alpha=alpha, terms=terms).estimate(problem, ROW, ROW)
    (mixed,) = found.gradients
    rate = float((1 - alpha * values).abs().max())
    p = torch.linalg.solve(matrix, problem.network.w.detach() - _c(problem))  # type: ignore[operator]
    bound = float(torch.linalg.matrix_norm(_b(), 2) * p.norm()) * rate ** (terms + 1)
    assert float((mixed - exact).norm()) <= bound + 1e-12


def _b(seed: int = 0) -> Tensor:
    return torch.randn(8, 3, generator=torch.Generator().manual_seed(seed), dtype=D)


def _c(problem: BilevelProblem) -> Tensor:
    w = problem.network.w.detach().requires_grad_()  # type: ignore[union-attr]
    return w.detach() - torch.autograd.grad(problem.outer(w, None), w)[0]


def test_the_authors_shipped_setting_is_four_times_the_identity():
    """alpha 1e-4, 3 terms, no factor alpha: the identity's direction, four times as long."""
    problem, _, _ = quadratic(MATRICES["spd"])
    authors = Implicit("neumann", alpha=1e-4, terms=3).estimate(problem, ROW, ROW, scale="unit").gradients
    identity = Implicit("identity", alpha=4.0).estimate(problem, ROW, ROW).gradients
    largest = float(torch.linalg.eigvalsh(MATRICES["spd"]).max())
    assert oracles.relative(authors, identity) < 6e-4 * largest


class TwoParts(nn.Module):
    """The main task's parameters and an auxiliary head's as one vector of signals."""

    def __init__(self, w: Tensor, main: int) -> None:
        super().__init__()
        self.head, self.main = nn.Parameter(w[main:]), nn.Parameter(w[:main])

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.main, self.head]) + 0.0 * x.sum()


@pytest.mark.parametrize("solver", ["dense", "conjugate_gradient"])
def test_parameters_that_the_outer_loss_does_not_touch_can_be_left_out(solver: str):
    """By hand: B_m' A_mm^-1 (w_m - c) where the head is no part of W, B' A^-1 (w - c, 0) where it is."""
    whole, _, phi = quadratic(MATRICES["spd"])
    a, b, w, main = MATRICES["spd"], _b(), whole.network.w.detach(), 5  # type: ignore[operator]
    c = _c(whole)[:main]
    problem = BilevelProblem(
        TwoParts(w, main),
        lambda s, _: 0.5 * s @ a @ s - s @ (b @ phi),
        lambda s, _: 0.5 * ((s[:main] - c) ** 2).sum(),
        [phi],
    )
    without = b[:main].T @ torch.linalg.solve(a[:main, :main], w[:main] - c)
    padded = torch.cat([w[:main] - c, w.new_zeros(len(w) - main)])
    for parameters, expected in (("outer", without), ("all", b.T @ torch.linalg.solve(a, padded))):
        found = Implicit(solver, parameters=parameters).estimate(problem, ROW, ROW)  # type: ignore[arg-type]
        assert oracles.relative(found.gradients, [expected]) < 1e-9
    assert oracles.relative([without], [expected]) > 0.01
    with pytest.raises(ConfigError, match="all or outer"):
        Implicit(parameters="heads")  # type: ignore[arg-type]


def test_unit_scale_divides_the_indirect_part_only():
    problem, _, phi = quadratic(MATRICES["spd"])
    problem = BilevelProblem(
        problem.network, problem.criterion, problem.outer, problem.phi, regulariser=lambda _: (phi**2).sum()
    )
    direct = 2 * phi.detach()
    raw, unit = (
        Implicit("neumann", alpha=0.1).estimate(problem, ROW, ROW, scale=s).gradients[0]
        for s in ("raw", "unit")
    )
    torch.testing.assert_close((raw - direct) / 0.1, unit - direct)


def test_a_converged_unroll_becomes_the_implicit_gradient():
    torch.manual_seed(0)
    x, y, vx, vy = (torch.randn(s, dtype=D) for s in [(12, 3), (12, 1), (9, 3), (9, 1)])
    phi = torch.zeros(12, dtype=D, requires_grad=True)
    net = nn.Linear(3, 1).to(D)

    def criterion(s: Tensor, batch: tuple[Tensor, ...]) -> Tensor:
        return (phi.exp() * (s - batch[1]).squeeze(1) ** 2).mean() + 0.05 * (s**2).mean()

    weight, bias = torch.zeros(1, 3, dtype=D, requires_grad=True), torch.zeros(1, dtype=D, requires_grad=True)
    for _ in range(400):
        grads = torch.autograd.grad(
            criterion(F.linear(x, weight, bias), (x, y)), (weight, bias), create_graph=True
        )
        weight, bias = weight - 0.2 * grads[0], bias - 0.2 * grads[1]
    outer = ((F.linear(vx, weight, bias) - vy) ** 2).mean()
    unrolled = torch.autograd.grad(outer, phi)
    with torch.no_grad():
        net.weight.copy_(weight)
        net.bias.copy_(bias)
    problem = BilevelProblem(net, criterion, lambda s, b: ((s - b[1]) ** 2).mean(), [phi])
    for solver in ("dense", "conjugate_gradient"):
        found = Implicit(solver).estimate(problem, (x, y), (vx, vy))
        assert oracles.relative(found.gradients, unrolled) < 1e-9


# ---------------------------------------------------------------------- against the same by double backward


def implicit_reference(problem, train, meta, solve):
    """R - d/dphi <solve(H, v), grad_W L_T> from one double-backward graph."""
    names = list(trainable(problem.network))
    params = [p.detach().requires_grad_() for p in trainable(problem.network).values()]
    with oracles.restored(problem.network, *problem.auxiliary), oracles.sdpa_kernel(oracles.SDPBackend.MATH):
        context = problem.context(train) if problem.context else None
        rng = torch.get_rng_state()
        outer = problem.outer(oracles.run(problem.network, names, params, problem.inputs(meta)), meta)
        v = torch.autograd.grad(outer, params, allow_unused=True, materialize_grads=True)
        torch.set_rng_state(rng)
        signals = oracles.run(problem.network, names, params, problem.inputs(train))
        loss = problem.training_loss(signals, train, context)
        grads = torch.autograd.grad(
            loss, params, create_graph=True, allow_unused=True, materialize_grads=True
        )

        def product(u):
            return torch.autograd.grad(
                grads, params, u, retain_graph=True, allow_unused=True, materialize_grads=True
            )

        p = solve(product, v)
        total = -sum((a * b).sum() for a, b in zip(grads, p, strict=True))
        if problem.regulariser is not None:
            total = total + problem.regulariser(context)
        return torch.autograd.grad(total, list(problem.phi), allow_unused=True, materialize_grads=True)


def three_terms(alpha: float):
    def solve(product, v):
        total, term = list(v), list(v)
        for _ in range(3):
            term = [t - alpha * h for t, h in zip(term, product(term), strict=True)]
            total = [a + b for a, b in zip(total, term, strict=True)]
        return [alpha * t for t in total]

    return solve


@pytest.mark.parametrize("trunk", oracles.TRUNKS)
@pytest.mark.parametrize("kind", oracles.PROBLEMS)
def test_neumann_equals_double_backward_on_networks(trunk: str, kind: str):
    problem = oracles.make(trunk, kind)
    train, meta = oracles.images(), oracles.images(seed=1)
    if trunk == "dropout":
        meta = train  # both forwards then run under the same masks
    expected = implicit_reference(problem, train, meta, three_terms(0.05))
    found = Implicit("neumann", alpha=0.05, power_steps=0).estimate(problem, train, meta)
    assert oracles.relative(found.gradients, expected) < 1e-12


@pytest.mark.parametrize("trunk", ["mlp", "dropout", "layer_norm"])
def test_forward_over_reverse_is_the_same(trunk: str):
    problem, train, meta = oracles.make(trunk), oracles.images(), oracles.images(seed=1)
    one, other = (
        Implicit("neumann", alpha=0.05, power_steps=0, mode=mode).estimate(problem, train, meta).gradients
        for mode in ("reverse_over_reverse", "forward_over_reverse")
    )
    assert oracles.relative(one, other) < 1e-12


def test_the_self_check_is_quiet_and_changes_nothing():
    problem, train = oracles.make("batch_norm"), oracles.images()
    checked, not_checked = (
        Implicit("neumann", alpha=0.05, check=check).estimate(problem, train, train)
        for check in (True, False)
    )
    assert checked.notes == not_checked.notes
    assert oracles.relative(checked.gradients, not_checked.gradients) == 0.0


def test_a_phi_inside_the_network_goes_by_reverse_over_reverse():
    torch.manual_seed(0)
    phi = torch.tensor([0.3, -0.2], dtype=D, requires_grad=True)
    net = nn.Sequential(nn.Linear(2, 4), nn.LayerNorm(4), nn.Tanh(), nn.Linear(4, 1)).to(D)
    problem = BilevelProblem(
        net, lambda s, b: (s**2).mean(), lambda s, b: (s - 1).abs().mean(), [phi],
        inputs=lambda b: (b[0] * phi,), terminal=False,
    )  # fmt: skip
    batch = (torch.randn(5, 2, dtype=D),)
    frozen = BilevelProblem(
        net, problem.criterion, problem.outer, [phi], inputs=lambda b: (b[0] * phi.detach(),)
    )
    expected = implicit_reference(problem, batch, batch, three_terms(0.05))
    found = Implicit("neumann", alpha=0.05, power_steps=0).estimate(problem, batch, batch).gradients
    direct = torch.autograd.grad(problem.outer(net(*problem.inputs(batch)), batch), phi)
    assert oracles.relative([found[0] - direct[0]], expected) < 1e-12
    assert float(hypergradient(frozen, batch, estimator="implicit").gradients[0].norm()) == 0.0


def test_a_given_training_gradient_is_used():
    problem, train, meta = oracles.make("dropout"), oracles.images(), oracles.images()
    torch.manual_seed(3)
    gradient = training_gradient(problem, train)
    torch.manual_seed(3)
    estimator = Implicit("neumann", alpha=0.05, power_steps=0, check=False)
    fresh = estimator.estimate(problem, train, meta)
    torch.manual_seed(3)
    given = estimator.estimate(problem, train, meta, gradient=gradient)
    assert oracles.relative(given.gradients, fresh.gradients) < 1e-12


# --------------------------------------------------------------------------------------------- Gauss-Newton


def focal_problem(output_curvature=None) -> BilevelProblem:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 3)).to(D)
    with torch.no_grad():
        net[3].weight.mul_(6.0)  # confident outputs, where the focal loss is not convex
    weights = torch.zeros(8, dtype=D, requires_grad=True)

    def criterion(s: Tensor, batch: tuple[Tensor, Tensor]) -> Tensor:
        log = s.log_softmax(1)[torch.arange(len(s)), batch[1]]
        return (weights.exp() * -((1 - log.exp()) ** 2) * log).mean()

    return BilevelProblem(
        net, criterion, lambda s, b: F.cross_entropy(s, b[1]), [weights], output_curvature=output_curvature
    )


def rows(seed: int = 0) -> tuple[Tensor, Tensor]:
    return torch.randn(8, 4, generator=torch.Generator().manual_seed(seed), dtype=D) * 2, torch.arange(8) % 3


def explicit_gauss_newton(problem: BilevelProblem, batch: tuple[Tensor, Tensor]) -> Tensor:
    """J'QJ with J by autograd and Q the positive part of each sample's focal Hessian."""
    net = copy.deepcopy(problem.network)
    params = list(net.parameters())
    s = net(batch[0])
    columns = [torch.autograd.grad(x, params, retain_graph=True) for x in s.flatten()]
    j = torch.stack([torch.cat([g.flatten() for g in row]) for row in columns])
    full = torch.autograd.functional.hessian(
        lambda z: problem.criterion(z.reshape(8, 3), batch), s.detach().flatten()
    )
    values, vectors = torch.linalg.eigh(full)
    assert float(values.min()) < -1e-3
    return j.T @ (vectors * values.clamp(min=0)) @ vectors.T @ j


@pytest.mark.parametrize("solver", ["gauss_newton", "dense", "nystrom"])
def test_gauss_newton_curvature_with_a_focal_loss(solver: str):
    problem, batch = focal_problem(), rows()
    matrix = explicit_gauss_newton(problem, batch)
    assert float(torch.linalg.eigvalsh((matrix + matrix.T) / 2).min()) > -1e-12
    net = copy.deepcopy(problem.network)
    grads = torch.autograd.grad(problem.outer(net(batch[0]), batch), list(net.parameters()))
    v = torch.cat([g.flatten() for g in grads])
    p = torch.linalg.solve(matrix + 0.1 * torch.eye(len(v), dtype=D), v)
    sizes = [q.numel() for q in net.parameters()]
    pieces = [x.reshape(q.shape) for x, q in zip(p.split(sizes), net.parameters(), strict=True)]
    expected = implicit_reference(problem, batch, batch, lambda product, _: pieces)
    options = {"steps": 60} if solver == "gauss_newton" else {"rank": 57} if solver == "nystrom" else {}
    found = Implicit(solver, curvature="gauss_newton", damping=0.1, **options).estimate(problem, batch, batch)
    assert oracles.relative(found.gradients, expected) < 1e-8


def test_a_given_output_curvature_is_used():
    problem = focal_problem(lambda s, b, c: lambda t: softmax_fisher(s, t, torch.ones(8, dtype=D) / 8))
    entropy = BilevelProblem(
        problem.network,
        lambda s, b: F.cross_entropy(s, b[1]) + 0.0 * problem.phi[0].sum(),
        problem.outer,
        problem.phi,
    )
    estimator = Implicit("gauss_newton", damping=0.1, check=False)
    product = estimator._expansion(problem, rows(), training_gradient(problem, rows())).product
    other = estimator._expansion(entropy, rows(), training_gradient(entropy, rows())).product
    direction = [torch.randn_like(p) for p in problem.network.parameters()]
    assert oracles.relative(product(direction), other(direction)) < 1e-10


def test_negative_curvature_is_said_and_gauss_newton_has_none():
    problem, batch = focal_problem(), rows()
    told = Implicit("conjugate_gradient", steps=50).estimate(problem, batch, batch)
    assert "negative curvature" in " ".join(told.notes)
    assert all(bool(g.isfinite().all()) for g in told.gradients)
    assert Implicit("gauss_newton", steps=50).estimate(problem, batch, batch).notes == []


# ----------------------------------------------------------------------------------------------- neutrality


@pytest.mark.parametrize(
    "solver", ["identity", "neumann", "conjugate_gradient", "gauss_newton", "nystrom", "running"]
)
@pytest.mark.parametrize("trunk", ["batch_norm", "dropout"])
def test_nothing_moves_but_the_auxiliary_buffers(trunk: str, solver: str):
    problem, train, meta = oracles.make(trunk), oracles.images(), oracles.images(seed=1)
    optimizer = torch.optim.Adam(problem.network.parameters(), lr=1e-3)
    oracles.warm(optimizer)
    before = copy.deepcopy((problem.network.state_dict(), optimizer.state_dict(), torch.get_rng_state()))
    grads = [p.grad for p in problem.network.parameters()]
    hypergradient(problem, train, meta, optimizer=optimizer, estimator="implicit", solver=solver)
    after = (problem.network.state_dict(), optimizer.state_dict(), torch.get_rng_state())
    assert torch.equal(before[2], after[2])
    assert _same(before[0], after[0])
    assert _same(before[1]["state"], after[1]["state"])
    assert [p.grad for p in problem.network.parameters()] == grads
    assert all(p.requires_grad for p in problem.network.parameters())


def _same(a, b) -> bool:
    if isinstance(a, Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    return a == b


def test_autocast_makes_no_difference():
    problem, train = oracles.make("mlp"), oracles.images()
    plain = hypergradient(problem, train, estimator="implicit", solver="neumann", alpha=0.1).gradients
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = hypergradient(problem, train, estimator="implicit", solver="neumann", alpha=0.1).gradients
    assert oracles.relative(cast, plain) == 0.0


def test_a_parameter_out_of_reach_and_a_frozen_one_are_no_obstacle():
    problem, train = oracles.make("mlp"), oracles.images()
    problem.network.register_parameter("unused", nn.Parameter(torch.ones(2, dtype=D)))
    problem.network.main.bias.requires_grad_(False)
    expected = implicit_reference(problem, train, train, three_terms(0.05))
    found = hypergradient(problem, train, estimator="implicit", solver="neumann", alpha=0.05, power_steps=0)
    assert oracles.relative(found.gradients, expected) < 1e-12


# -------------------------------------------------------------------------------- refusals, options, extras


def test_what_is_not_finite_is_refused():
    problem, train = oracles.make("mlp"), oracles.images()
    broken = BilevelProblem(
        problem.network,
        lambda s, b: s["main"].sum(),
        lambda s, b: s["main"].sum() * float("nan"),
        problem.phi,
    )
    with pytest.raises(RunError, match="outer gradient v is not finite"):
        Implicit("identity").estimate(broken, train, train)


def test_wrong_options_are_refused():
    with pytest.raises(ConfigError, match="some of: alpha"):
        Implicit("neumann", steps=3)
    with pytest.raises(ConfigError, match="ready solver"):
        Implicit(Neumann(), terms=3)
    with pytest.raises(ConfigError, match="forward_over_reverse"):
        Implicit("dense", mode="reverse_over_forward")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="curvature"):
        Implicit("dense", curvature="fisher")  # type: ignore[arg-type]


def test_a_criterion_that_couples_samples_has_no_default_gauss_newton():
    problem, train = oracles.make("mlp", "combiner"), oracles.images()
    coupled = BilevelProblem(
        problem.network, lambda s, b: problem.criterion(s, b) ** 2, problem.outer, problem.phi
    )
    with pytest.raises(UnsupportedError, match="output_curvature"):
        Implicit("gauss_newton").estimate(coupled, train, train)


def test_a_subsample_is_the_estimate_on_the_first_rows():
    problem, train, meta = oracles.make("mlp"), oracles.images(6), oracles.images(6, seed=1)
    options = {"alpha": 0.05, "power_steps": 0}
    small = Implicit("neumann", subsample=4, **options).estimate(problem, train, meta).gradients
    first = [tuple(t[:4] for t in batch) for batch in (train, meta)]
    assert oracles.relative(small, Implicit("neumann", **options).estimate(problem, *first).gradients) == 0.0


def test_the_head_of_any_batch():
    batch = Batch(torch.arange(6.0).reshape(3, 2), {"a": torch.tensor([1, 2, 3])}, torch.tensor([7, 8, 9]))
    cut = head(batch, 2)
    assert (len(cut), cut.y["a"].tolist(), cut.x.shape) == (2, [1, 2], (2, 2))
    assert head({"x": torch.ones(3, 1), "name": "n"}, 1)["x"].shape == (1, 1)


def test_measure_reports_the_true_residual_of_a_solver_that_does_not_know_it():
    problem, train = oracles.make("mlp"), oracles.images()
    blind = Implicit("identity", alpha=0.1).estimate(problem, train, train)
    assert blind.residual is None
    seen = Implicit("identity", alpha=0.1, measure=True).estimate(problem, train, train).residual
    assert seen is not None
    assert 0.5 < seen < 1.5


def test_a_running_solution_resumes():
    problem, train = oracles.make("mlp"), oracles.images()
    one, other = Implicit("running"), Implicit("running")
    one.estimate(problem, train, train)
    other.load_state_dict(one.state_dict())
    a, b = (e.estimate(problem, train, train).gradients for e in (one, other))
    assert oracles.relative(a, b) == 0.0


def test_influence_is_the_inner_product_with_each_samples_gradient():
    problem = oracles.make("mlp", "combiner")
    exposed = BilevelProblem(
        problem.network, problem.criterion, problem.outer, problem.phi,
        losses=lambda s, b, _: oracles.per_sample(s, b),
    )  # fmt: skip
    train = oracles.images()
    found = Implicit("identity", alpha=1.0).estimate(exposed, train, train).influence
    params = list(problem.network.parameters())
    v = torch.autograd.grad(
        problem.outer(problem.network(train[0]), train), params, allow_unused=True, materialize_grads=True
    )
    losses = oracles.per_sample(problem.network(train[0]), train)
    assert found is not None
    assert found.shape == (6, 2)
    for i in range(6):
        for t in range(2):
            grads = torch.autograd.grad(
                losses[i, t], params, retain_graph=True, allow_unused=True, materialize_grads=True
            )
            assert float(found[i, t]) == pytest.approx(float(dot(v, grads)), rel=1e-10, abs=1e-12)


def test_diagnosis_in_one_line():
    problem = oracles.make("batch_norm", "combiner")
    exposed = BilevelProblem(
        problem.network, problem.criterion, problem.outer, problem.phi,
        losses=lambda s, b, _: oracles.per_sample(s, b),
    )  # fmt: skip
    train = oracles.images()
    optimizer = torch.optim.SGD(problem.network.parameters(), lr=1e-6)
    found = diagnose(exposed, train, optimizer=optimizer, solver="identity")
    assert found.cosine == pytest.approx(
        1.0, abs=1e-3
    )  # the identity solver is one step of SGD, but for the step
    assert found.residual is not None
    assert found.by_task is not None
    assert found.by_task.shape == (2,)
    assert "influence by task" in str(found)
    assert diagnose(exposed, train, solver="neumann", alpha=1e-3).cosine is None


class _Cube(torch.autograd.Function):
    """Differentiable once, in reverse: torch would silently leave out a part of the second derivative."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, *grads):
        return 3 * ctx.saved_tensors[0] ** 2 * grads[0]


class Cube(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return _Cube.apply(x)  # type: ignore[return-value]


def test_what_can_be_differentiated_only_once_is_refused():
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), Cube(), nn.Linear(4, 2)).to(D)
    phi = torch.randn(2, dtype=D, requires_grad=True)
    problem = BilevelProblem(net, lambda s, b: (s.exp() * phi).sum(), lambda s, b: (s**2).sum(), [phi])
    with pytest.raises(UnsupportedError, match="once_differentiable"):
        hypergradient(problem, (torch.randn(5, 3, dtype=D),), estimator="implicit")
