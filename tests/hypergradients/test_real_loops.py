"""What real training loops do, against differences over the real `optimizer.step()`: right, or refused by name."""

import copy
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from auxin.errors import UnsupportedError
from auxin.hypergradients import BilevelProblem, hypergradient
from real_step import differenced, off

D = torch.float64
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*torch.jit.script:DeprecationWarning", "ignore:Reverse-over-reverse:RuntimeWarning"
)


class Case:
    """A small network with two outputs, whose losses phi weighs; an optimiser warmed up by real steps."""

    def __init__(self, net, optimizer="AdamW", prepare=None, discrete=False, steps=2):
        torch.manual_seed(1)
        self.net = net.to(D)
        self.w = torch.zeros(2, dtype=D, requires_grad=True)
        x = [torch.randint(9, (8, 4)) if discrete else torch.randn(8, 3, dtype=D) for _ in range(2)]
        self.train, self.meta = ((each, torch.randn(8, 2, dtype=D)) for each in x)
        make = {"SGD": lambda p: torch.optim.SGD(p, 0.5), "AdamW": lambda p: torch.optim.AdamW(p, 1e-2)}
        self.optimizer = make[optimizer](self.net.parameters())
        if prepare is not None:
            prepare(self)
        for _ in range(steps):
            self.optimizer.zero_grad()
            self.criterion(self.net(self.train[0]), self.train).backward()
            self.optimizer.step()
        self.optimizer.zero_grad()
        self.w.grad = None

    def criterion(self, out, batch):
        return ((out - batch[1]).pow(2).mean(0) * self.w.exp()).sum()

    def outer(self, out, batch):
        return (out - batch[1])[:, 0].pow(2).mean()

    def problem(self, **options):
        return BilevelProblem(self.net, self.criterion, self.outer, [self.w], **options)

    def found(self, **options):
        return hypergradient(
            self.problem(), self.train, self.meta, optimizer=self.optimizer, **options
        ).gradients[0]

    def truth(self):
        return differenced(
            self.net, self.optimizer, self.w,
            lambda: self.criterion(self.net(self.train[0]), self.train),
            lambda: self.outer(self.net(self.meta[0]), self.meta),
        )  # fmt: skip


def mlp():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 2))


class Checkpointed(nn.Module):
    def __init__(self, reentrant):
        super().__init__()
        torch.manual_seed(0)
        self.reentrant = reentrant
        self.trunk = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh())
        self.head = nn.Linear(16, 2)

    def forward(self, x):
        return self.head(checkpoint(self.trunk, x, use_reentrant=self.reentrant))


class Target(nn.Module):
    """The second output is a distance to a target that the same trunk makes as a constant."""

    def __init__(self, how):
        super().__init__()
        torch.manual_seed(0)
        self.how, self.trunk, self.head, self.guess = how, nn.Linear(3, 6), nn.Linear(6, 1), nn.Linear(6, 6)

    def target(self, x):
        return self.trunk(x + 0.3 * x.roll(1, 1)).tanh()

    def forward(self, x):
        z = self.trunk(x).tanh()
        if self.how == "no_grad":
            with torch.no_grad():
                t = self.target(x)
        elif self.how == "decorator":
            t = torch.no_grad()(self.target)(x)
        elif self.how == "set_grad_enabled":
            with torch.set_grad_enabled(False):
                t = self.target(x)
        elif self.how == "inference_mode":
            with torch.inference_mode():
                t = self.target(x)
        elif self.how == "nested":
            with torch.no_grad():
                t = self.target(x)
                with torch.enable_grad():
                    t = t + self.target(x)
        else:
            t = self.target(x).data if self.how == "data" else self.target(x).detach()
        return torch.cat([self.head(z), (self.guess(z) - t).pow(2).mean(1, keepdim=True)], 1)


@pytest.mark.parametrize("optimizer", ["SGD", "AdamW"])
def test_activation_checkpointing_changes_nothing(optimizer):
    case = Case(Checkpointed(False), optimizer)
    for mode in ("auto", "reverse", "element"):
        assert off(case.found(mode=mode), case.truth()) < 1e-7
    assert off(case.found(estimator="finite_difference"), case.truth()) < 1e-4


def test_an_unroll_through_checkpoints_equals_one_without():
    case = Case(Checkpointed(False))
    found = case.found(estimator="unrolled", steps=3)
    case.net.forward = lambda x: case.net.head(case.net.trunk(x))
    assert off(found, case.found(estimator="unrolled", steps=3)) < 1e-12


@pytest.mark.parametrize(
    "options", [{}, {"mode": "forward"}, {"estimator": "finite_difference"}, {"estimator": "unrolled"}]
)
def test_reentrant_checkpoints_are_refused(options):
    def inputs_with_gradients(case):
        case.train = (case.train[0].requires_grad_(), case.train[1])

    case = Case(Checkpointed(True), prepare=inputs_with_gradients)
    with pytest.raises(UnsupportedError, match="use_reentrant=False"):
        case.found(**options)


@pytest.mark.parametrize(
    "how", ["no_grad", "decorator", "set_grad_enabled", "inference_mode", "detach", "data", "nested"]
)
def test_a_stopped_gradient_is_stopped(how):
    case = Case(Target(how))
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Reverse")
        assert off(case.found(), case.truth()) < 1e-6


def hook(name):
    def mask(grad):
        return grad * (torch.arange(len(grad)) > 3).view(-1, *[1] * (grad.dim() - 1))

    def shrink(grad):
        return grad / (1 + grad.norm())

    def in_place(grad):
        grad.mul_(0.1)

    return {"mask": mask, "shrink": shrink, "in_place": in_place}[name]


@pytest.mark.parametrize("optimizer", ["SGD", "AdamW"])
@pytest.mark.parametrize("name", ["mask", "shrink", "in_place"])
def test_hooks_on_parameters_are_looked_through(name, optimizer):
    case = Case(mlp(), optimizer, lambda c: c.net[0].weight.register_hook(hook(name)))
    assert off(case.found(), case.truth()) < 1e-6
    assert off(case.found(mode="reverse"), case.truth()) < 1e-6
    assert off(case.found(estimator="finite_difference"), case.truth()) < 1e-4
    from auxin.hypergradients import training_gradient

    at_hand = training_gradient(case.problem(), case.train)
    assert off(case.found(gradient=at_hand), case.truth()) < 1e-6


def test_a_hook_without_a_derivative_is_refused():
    case = Case(
        mlp(),
        prepare=lambda c: c.net[0].weight.register_hook(lambda g: g.detach().clamp(-0.01, 0.01) + 0 * g),
    )
    with pytest.raises(UnsupportedError, match="gradient hook on parameter 0"):
        case.found()


@pytest.mark.parametrize("mode", ["all", "any"])
def test_a_hook_over_several_gradients_only_looks_on(mode):
    """Torch lets it be called within a backward pass alone; in one mode it cannot be told from the user's own."""
    norms = []

    def log(grads):
        norms.append(len(grads))

    def looks(c):
        log.observes_only = mode == "any"
        torch.autograd.graph.register_multi_grad_hook(list(c.net.parameters()), log, mode=mode)

    case = Case(mlp(), prepare=looks)
    assert off(case.found(), case.truth()) < 1e-6


def test_a_hook_that_fails_outside_a_backward_pass_is_refused():
    def inside(grad):
        del grad
        assert torch._C._current_graph_task_id() >= 0

    case = Case(mlp(), prepare=lambda c: c.net[0].weight.register_hook(inside))
    with pytest.raises(UnsupportedError, match=r"fails outside a backward pass.*inside: AssertionError"):
        case.found()


def step_hooks():
    def clip(optimizer, *_):
        nn.utils.clip_grad_norm_([p for g in optimizer.param_groups for p in g["params"]], 0.05)

    def clamp(optimizer, *_):
        with torch.no_grad():
            for p in optimizer.param_groups[0]["params"]:
                p.clamp_(-0.3, 0.3)

    def scale(p):
        p.grad.mul_(0.1)

    return {
        "pre-hook": lambda c: c.optimizer.register_step_pre_hook(clip),
        "post-hook": lambda c: c.optimizer.register_step_post_hook(clamp),
        "post-accumulate": lambda c: c.net[0].weight.register_post_accumulate_grad_hook(scale),
    }


@pytest.mark.parametrize("kind", step_hooks())
def test_hooks_that_work_on_the_step_are_refused_by_name(kind):
    case = Case(mlp(), prepare=step_hooks()[kind])
    with pytest.raises(UnsupportedError, match=f"{kind}.*step_hooks"):
        case.found()


def test_a_step_hook_that_says_it_only_looks_on_is_let_be():
    def log(*_):
        return None

    log.observes_only = True
    case = Case(mlp(), prepare=lambda c: c.optimizer.register_step_post_hook(log))
    assert off(case.found(), case.truth()) < 1e-6


class Hooked(nn.Module):
    """A hook, on an activation or on a module, that changes the second task's gradients on their way back."""

    def __init__(self, where, function):
        super().__init__()
        self.body, self.trunk, self.head = mlp(), nn.Linear(3, 3), nn.Linear(3, 1)
        self.where, self.function = where, function
        if where == "module":
            self.body[1].register_full_backward_hook(lambda m, i, o: tuple(map(function, i)))

    def forward(self, x):
        x = self.trunk(x).tanh()
        z = self.body[1](self.body[0](x))
        if self.where == "activation" and z.requires_grad:
            z.register_hook(self.function)
        return torch.cat([self.head(x), self.body[2](z)[:, 1:]], 1)


@pytest.mark.parametrize("where", ["activation", "module"])
@pytest.mark.parametrize(
    "function", [lambda g: 0.2 * g, lambda g: g.clamp(-0.01, 0.01)], ids=["scale", "clamp"]
)
def test_hooks_inside_the_network_are_followed(where, function):
    case = Case(Hooked(where, function))
    assert off(case.found(), case.truth()) < 1e-6


class Both(Hooked):
    """The hook stands in the main task's way too."""

    def forward(self, x):
        return self.body[2](self.body[1](self.body[0](x)))


def test_a_hook_on_the_main_task_is_followed_in_the_training_step_alone():
    case = Case(Both("module", lambda g: 0.2 * g), "SGD")
    assert off(case.found(), case.truth()) < 1e-6


def test_an_outer_gradient_that_is_no_derivative_is_said():
    case = Case(Hooked("activation", lambda g: 0.2 * g), "SGD")
    case.outer = lambda out, batch: (out - batch[1])[:, 1].pow(2).mean()
    with pytest.warns(RuntimeWarning, match="The outer loss's gradient is off"):
        case.found()


class Embedded(nn.Module):
    def __init__(self, make):
        super().__init__()
        torch.manual_seed(0)
        self.embedding, self.head = make(), nn.Linear(5, 2)

    def forward(self, ids):
        z = self.embedding(ids)
        return self.head((z.mean(1) if z.dim() == 3 else z).tanh())


@pytest.mark.parametrize("optimizer", ["SGD", "AdamW"])
def test_an_embedding_that_scales_its_gradient_takes_a_backward_pass_per_element(optimizer):
    case = Case(Embedded(lambda: nn.Embedding(9, 5, scale_grad_by_freq=True)), optimizer, discrete=True)
    with pytest.warns(RuntimeWarning, match="One backward pass for each of the 2 elements"):
        assert off(case.found(), case.truth()) < 1e-6
    case.w = torch.zeros(65, dtype=D, requires_grad=True)
    with pytest.raises(UnsupportedError, match="No way of differentiating"):
        hypergradient(
            BilevelProblem(case.net, lambda s, b: (s[:, 0] * case.w[:8]).sum(), case.outer, [case.w]),
            case.train, case.meta, optimizer=case.optimizer,
        )  # fmt: skip


@pytest.mark.parametrize("make", [
    lambda: nn.Embedding(9, 5, max_norm=0.5), lambda: nn.EmbeddingBag(9, 5, max_norm=0.5),
])  # fmt: skip
@pytest.mark.parametrize("options", [{}, {"estimator": "finite_difference"}, {"estimator": "implicit"}])
def test_an_embedding_that_renormalises_itself_is_refused_untouched(make, options):
    case = Case(Embedded(make), discrete=True)
    before = copy.deepcopy(case.net.state_dict())
    with pytest.raises(UnsupportedError, match="'embedding' renormalises"):
        case.found(**options)
    assert all(torch.equal(v, before[k]) for k, v in case.net.state_dict().items())


class Prototypes(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body, self.points = nn.Linear(3, 5), nn.Parameter(torch.randn(2, 5))

    def forward(self, x):
        return torch.cdist(self.body(x).tanh(), self.points)


class Edges(nn.Module):
    """Learned weights of edges: PyTorch leaves a sparse matrix of them out of a second derivative."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body, self.edges = nn.Linear(3, 4), nn.Parameter(torch.randn(5))
        self.places = torch.tensor([[0, 0, 1, 1, 1], [0, 2, 1, 2, 3]])

    def forward(self, x):
        matrix = torch.sparse_coo_tensor(self.places, self.edges, (2, 4), check_invariants=True)
        return torch.sparse.mm(matrix, self.body(x).tanh().T).T + self.edges[:2].exp()


@pytest.mark.parametrize("net", [lambda: Embedded(lambda: nn.EmbeddingBag(9, 5)), Prototypes, Edges])
@pytest.mark.parametrize("optimizer", ["SGD", "AdamW"])
def test_operations_without_any_second_derivative(net, optimizer):
    case = Case(net(), optimizer, discrete=net not in (Prototypes, Edges))
    with pytest.warns(RuntimeWarning, match="One backward pass for each"):
        assert off(case.found(), case.truth()) < 1e-6


def test_a_learning_rate_of_zero_settles_nothing():
    """Phi is in the network; with p = 0 every way gives 0."""
    gate = torch.zeros(6, dtype=D, requires_grad=True)
    net = mlp()
    net.insert(1, nn.Identity())
    net[1].forward = lambda z: z * gate.exp()
    case = Case(net, "SGD")
    problem = BilevelProblem(net, lambda s, b: (s - b[1]).pow(2).mean(), case.outer, [gate])
    case.optimizer.param_groups[0]["lr"] = 0.0
    for rate in (0.0, 0.5):
        case.optimizer.param_groups[0]["lr"] = rate
        found = hypergradient(problem, case.train, case.meta, optimizer=case.optimizer).gradients[0]
        truth = differenced(
            net, case.optimizer, gate,
            lambda: (net(case.train[0]) - case.train[1]).pow(2).mean(),
            lambda: case.outer(net(case.meta[0]), case.meta),
        )  # fmt: skip
        assert off(found, truth) < 1e-6


def test_a_second_problem_has_a_verdict_of_its_own():
    gate, weight = (torch.zeros(n, dtype=D, requires_grad=True) for n in ((6,), ()))
    net = mlp()
    net.insert(1, nn.Identity())
    net[1].forward = lambda z: z * gate.exp()
    case = Case(net, "SGD")

    def criterion(s, b):
        return weight.exp() * (s - b[1]).pow(2).mean()

    for phi in (weight, gate):
        problem = BilevelProblem(net, criterion, case.outer, [phi])
        found = hypergradient(problem, case.train, case.meta, optimizer=case.optimizer).gradients[0]
        truth = differenced(
            net, case.optimizer, phi,
            lambda: criterion(net(case.train[0]), case.train), lambda: case.outer(net(case.meta[0]), case.meta),
        )  # fmt: skip
        assert off(found, truth) < 1e-6


class Switch(nn.Module):
    """Forward mode is missing in one of its branches."""

    def __init__(self):
        super().__init__()
        self.body, self.other = mlp(), Prototypes()

    def forward(self, x):
        return self.body(x) if self.training else self.other(x)


def test_a_change_of_mode_is_examined_again():
    case = Case(Switch(), "SGD")
    assert off(case.found(), case.truth()) < 1e-6
    case.net.eval()
    with pytest.warns(RuntimeWarning, match="One backward pass for each"):
        assert off(case.found(), case.truth()) < 1e-6


def test_a_penalty_on_the_weights_is_followed():
    """The training loss depends on W beside the signals: a learned weight decay."""
    case = Case(mlp())
    decay = torch.tensor([-2.0], dtype=D, requires_grad=True)

    def criterion(s, b):
        return (s - b[1]).pow(2).mean() + decay.exp().sum() * sum(
            p.pow(2).sum() for p in case.net.parameters()
        )

    problem = BilevelProblem(case.net, criterion, case.outer, [decay])
    found = hypergradient(problem, case.train, case.meta, optimizer=case.optimizer).gradients[0]
    truth = differenced(
        case.net, case.optimizer, decay,
        lambda: criterion(case.net(case.train[0]), case.train), lambda: case.outer(case.net(case.meta[0]), case.meta),
    )  # fmt: skip
    assert off(found, truth) < 1e-6
    kept = list(case.net.parameters())
    stuck = BilevelProblem(case.net, lambda s, b: criterion(s, b) + kept[0].sum(), case.outer, [decay])
    with pytest.raises(UnsupportedError, match="reads parameters from a list or a name"):
        hypergradient(stuck, case.train, case.meta, optimizer=case.optimizer)


def test_a_network_that_reads_its_parameters_from_a_list_is_refused_by_that():
    class Listed(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 2).to(D)
            self.weights = [self.layer.weight]

        def forward(self, x):
            return F.linear(x, self.weights[0], self.layer.bias)

    net, w = Listed(), torch.zeros((), dtype=D, requires_grad=True)
    problem = BilevelProblem(net, lambda s, b: s.pow(2).mean() * w.exp(), lambda s, b: s.mean(), [w])
    batch = (torch.randn(4, 3, dtype=D),)
    with pytest.raises(UnsupportedError, match=r"the network's own forward reads parameters .*ParameterList"):
        hypergradient(problem, batch, batch, optimizer=torch.optim.SGD(net.parameters(), 0.1))


def test_ctc_by_a_backward_pass_per_weight():
    torch.manual_seed(0)
    net, w = nn.Linear(3, 5).to(D), torch.zeros(2, dtype=D, requires_grad=True)
    x, labels = torch.randn(4, 6, 3, dtype=D), torch.randint(1, 5, (4, 2))

    def losses(s):
        sizes = torch.full((4,), 6), torch.full((4,), 2)
        ctc = F.ctc_loss(s.log_softmax(-1).transpose(0, 1), labels, *sizes, reduction="none")
        return torch.stack([ctc, s.pow(2).mean((1, 2))], 1)

    def combine(values):
        return (values[0].mean(0) * w.exp()).sum()

    problem = BilevelProblem(
        net, lambda s, b: combine([losses(s)]), lambda s, b: losses(s)[:, 0].mean(), [w],
        split=lambda s, b, c: ([losses(s)], combine),
    )  # fmt: skip
    sgd = torch.optim.SGD(net.parameters(), 1e-2)
    with pytest.warns(RuntimeWarning, match="One backward pass for each"):
        found = hypergradient(problem, (x,), optimizer=sgd).gradients[0]
    truth = differenced(net, sgd, w, lambda: combine([losses(net(x))]), lambda: losses(net(x))[:, 0].mean())
    assert off(found, truth) < 1e-6


@pytest.mark.parametrize("how", ["in place", "part"])
def test_compiled_parts_run_eagerly_in_a_meta_step(how):
    case = Case(mlp())
    truth = case.truth()
    if how == "in place":
        case.net.compile(backend="aot_eager")
    else:
        case.net[0] = torch.compile(case.net[0], backend="aot_eager")
    case.net(case.train[0])
    assert off(case.found(), truth) < 1e-6


class Pooled(nn.Module):
    """Products of pairs, by an operation whose forward mode gives zero in PyTorch 2.13."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body, self.head = nn.Linear(3, 6), nn.Linear(3, 2)

    def forward(self, x):
        groups = torch.arange(3).repeat_interleave(2).expand(len(x), 6)
        z = x.new_full((len(x), 3), 7.0)
        return self.head(z.scatter_reduce(1, groups, torch.sigmoid(self.body(x)), "prod", include_self=False))


@pytest.mark.parametrize("optimizer", ["SGD", "AdamW"])
def test_an_operation_whose_forward_mode_is_zero_takes_double_backward(optimizer):
    case = Case(Pooled(), optimizer)
    with pytest.warns(RuntimeWarning, match="forward mode is wrong"):
        assert off(case.found(), case.truth()) < 1e-6
    with pytest.raises(UnsupportedError, match="Forward mode and the backward pass of the network"):
        case.found(estimator="implicit", solver="gauss_newton")


class Chunked(nn.Module):
    """The second output is a loss whose operation computes its gradient in the forward pass, for one backward pass."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body, self.head, self.rows = nn.Linear(3, 6), nn.Linear(6, 1), nn.Parameter(torch.randn(5, 6))

    def forward(self, x):
        z = self.body(x).tanh()
        options = nn.LinearCrossEntropyOptions()
        loss = F.linear_cross_entropy(z, self.rows, torch.arange(len(x)) % 5, options=options)
        return torch.cat([self.head(z), loss.expand(len(x), 1)], 1)


def test_a_loss_with_one_backward_pass_takes_differences_and_is_refused_by_name_otherwise():
    case = Case(Chunked())
    assert off(case.found(estimator="finite_difference"), case.truth()) < 1e-6
    for options in ({}, {"mode": "element"}, {"mode": "reverse"}, {"estimator": "unrolled", "steps": 3}):
        with pytest.raises(UnsupportedError, match="can be taken only once"):
            case.found(**options)
    with pytest.raises(UnsupportedError, match="no double backward"):
        case.found(estimator="implicit")
