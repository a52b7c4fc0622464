"""What may be given as the optimiser: several at once, known wrappers; everything else is named or refused."""

import copy

import pytest
import torch
from auxiliary_cases import NAMES, batch, identical, make, net, steps
from torch import nn
from torch.nn import functional as F

import auxin
from auxin.errors import ConfigError, UnsupportedError
from auxin.optimizers import InnerStep

SGD, ADAMW = torch.optim.SGD, torch.optim.AdamW
TOGETHER = {
    "both SGD": lambda m: [
        SGD(m.trunk.parameters(), lr=0.1),
        SGD(m.heads.parameters(), lr=0.3, momentum=0.9),
    ],
    "SGD and AdamW": lambda m: [
        ADAMW([p for p in m.parameters() if p.dim() == 2], lr=0.05),
        SGD([p for p in m.parameters() if p.dim() < 2], lr=0.2),
    ],
}


def losses(model, data):
    out = model(data["x"])
    return [F.cross_entropy(out[name], data[name]) for name in NAMES]


def after_real_steps(model, optimizers, logits, train, meta):
    """The main loss on `meta` after the real steps of copies of the optimisers with weights 2 softmax(logits)."""
    model, optimizers = copy.deepcopy((model, optimizers))
    main, *rest = losses(model, train)
    weights = 2 * logits.softmax(0)
    for each in optimizers:
        each.zero_grad()
    (main + weights[0] * rest[0] + weights[1] * rest[1]).backward()
    for each in optimizers:
        each.step()
    return losses(model, meta)[0].detach()


def differenced_logits(aux, model, optimizers, train, meta):
    """The outer loss's central differences over the softmax's logits, by real steps."""
    logits, found = aux.combiner.logits.detach(), []
    for unit in torch.eye(2, dtype=torch.float64):
        ends = [
            after_real_steps(model, optimizers, logits + sign * 1e-5 * unit, train, meta) for sign in (1, -1)
        ]
        found.append((ends[0] - ends[1]) / 2e-5)
    return torch.stack(found)


@pytest.mark.parametrize("together", TOGETHER)
@pytest.mark.parametrize("form", [list, tuple, lambda found: dict(enumerate(found))])
def test_the_look_ahead_goes_through_the_real_steps_of_all_optimisers(together, form, monkeypatch):
    model, train, meta = net(), batch(1), batch(2)
    optimizers = TOGETHER[together](model)
    aux = make(model, every=1, scale="raw")
    taken = []
    monkeypatch.setattr(aux.meta, "_move", taken.append)
    aux(model(train["x"]), train).backward()
    for each in optimizers:
        each.step()
    aux.after_step(form(optimizers), meta)
    truth = differenced_logits(aux, model, optimizers, train, meta)
    assert truth.abs().max() > 1e-6
    torch.testing.assert_close(taken[0][0], truth, rtol=1e-6, atol=1e-10)


def muon_and_adamw(model):
    flat, rest = ([p for p in model.parameters() if (p.dim() == 2) == matrices] for matrices in (True, False))
    return [torch.optim.Muon(flat, lr=0.05), ADAMW(rest, lr=0.05)]


def exact(matrix, coefficients, steps, eps):
    """Muon's iteration in the matrix's own format, by another formula than auxin's: on the singular values."""
    u, s, v = torch.linalg.svd(matrix, full_matrices=False)
    a, b, c = coefficients
    s = s / matrix.norm().clamp(min=eps)
    for _ in range(steps):
        s = a * s + b * s**3 + c * s**5
    return u @ s.diag() @ v


def test_muon_beside_adamw_without_its_rounding(monkeypatch):
    """Muon rounds its step to bfloat16, a staircase; the truth is its real step with the rounding taken out."""
    from auxin.optimizers import muon

    monkeypatch.setattr("torch.optim._muon._zeropower_via_newtonschulz", exact)
    model, train, meta = net(), batch(1), batch(2)
    optimizers = muon_and_adamw(model)
    for seed in range(3):
        sum(losses(model, batch(seed))).backward()
        for each in optimizers:
            each.step()
            each.zero_grad()
    aux = make(model, every=1, scale="raw")
    taken = []
    monkeypatch.setattr(aux.meta, "_move", taken.append)
    aux(model(train["x"]), train).backward()
    before = copy.deepcopy([each.state_dict() for each in optimizers])
    aux.after_step(optimizers, meta)
    assert identical(before, [each.state_dict() for each in optimizers])
    monkeypatch.setattr(
        muon, "_orthogonalised",
        lambda u, group: muon.newton_schulz(u, group["ns_coefficients"], group["ns_steps"], group["eps"]),
    )  # fmt: skip
    aux.after_step(optimizers, meta)
    truth = differenced_logits(aux, model, optimizers, train, meta)
    assert truth.abs().max() > 1e-4
    torch.testing.assert_close(taken[1][0], truth, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(taken[0][0], truth, rtol=0.1, atol=1e-4)  # W+ rounded, as Muon has it


def test_muon_beside_adamw_in_a_training():
    """A harmful auxiliary loses its weight, and a saved state goes on bit for bit."""
    goal, wrong = torch.tensor([[1.0, 1.0]]).double(), torch.tensor([[2.0, -4.0]]).double()

    def rows(seed, count, spread):
        random = torch.Generator().manual_seed(seed)
        x = torch.randn(count, 2, generator=random, dtype=torch.float64)
        noise = torch.randn(count, 1, generator=random, dtype=torch.float64)
        return {"x": x, "main": x @ goal.T + spread * noise, "helps": x @ goal.T, "harms": x @ wrong.T}

    def start():
        torch.manual_seed(0)
        model = nn.Linear(2, 1).double()
        tasks = dict.fromkeys(("main", "helps", "harms"), lambda out, y: (out - y).square().mean(1))
        return model, muon_and_adamw(model), make(model, tasks, combiner="softmax", every=1, lr=0.1)

    def go(model, optimizers, aux, count):
        for _ in range(count):
            aux(model(train["x"]), train).backward()
            for each in optimizers:
                each.step()
                each.zero_grad()
            aux.after_step(optimizers, meta)

    train, meta = rows(0, 8, 1.0), rows(1, 64, 0.0)
    model, optimizers, aux = start()
    go(model, optimizers, aux, 20)
    saved = copy.deepcopy([model.state_dict(), *(each.state_dict() for each in optimizers), aux.state_dict()])
    go(model, optimizers, aux, 20)
    assert aux.weights()["harms"] < 0.5 < 1.5 < aux.weights()["helps"]
    again = start()
    for part, state in zip([again[0], *again[1], again[2]], saved, strict=True):
        part.load_state_dict(state)
    go(*again, 20)
    assert identical(again[0].state_dict(), model.state_dict())
    assert identical(again[2].state_dict(), aux.state_dict())


def test_parameters_that_no_optimiser_holds_are_named_once():
    model = net()
    optimizer = SGD(model.heads.parameters(), lr=0.1)
    aux = make(model, every=1)
    with pytest.warns(RuntimeWarning) as said:
        steps(aux, model, optimizer, 2)
    words = [str(w.message) for w in said if "stand still" in str(w.message)]
    assert len(words) == 1
    assert "holds 2 of the network's 8 trainable parameters (trunk.weight, trunk.bias)" in words[0]


def test_a_parameter_in_two_optimisers_is_refused():
    model = net()
    with pytest.raises(
        ConfigError, match=r"Two optimisers hold the same parameter.*2 in two or more.*\[7, 5\]"
    ):
        InnerStep(
            [SGD(model.parameters(), lr=0.1), SGD(model.trunk.parameters(), lr=0.1)], model.parameters()
        )
    aux = make(model, every=1)
    aux(model(batch(0)["x"]), batch(0))
    with pytest.raises(ConfigError, match=r"in several: trunk.weight, trunk.bias\. Leave them in one"):
        aux.after_step([SGD(model.parameters(), lr=0.1), SGD(model.trunk.parameters(), lr=0.1)], batch(9))


class Wrapper:
    """Steps as its `.optimizer`, or says so by its name."""

    def __init__(self, optimizer):
        self.optimizer = optimizer


def named(name):
    module, _, short = name.rpartition(".")
    return type(short, (Wrapper,), {"__module__": module, "__qualname__": short})


@pytest.mark.parametrize(
    "name",
    ["accelerate.optimizer.AcceleratedOptimizer", "lightning.pytorch.core.optimizer.LightningOptimizer"],
)
def test_wrappers_that_step_as_what_they_wrap_are_looked_into(name):
    model, kind = net(), named(name)
    aux = make(model, every=1)
    optimizer = SGD(model.parameters(), lr=0.1)
    aux(model(batch()["x"]), batch()).backward()
    assert aux.after_step([kind(kind(optimizer))], batch(1)) is not None


@pytest.mark.parametrize("wrong", [named("some.Lookahead"), lambda o: o.param_groups, lambda o: [o, None]])
def test_anything_else_is_refused_at_the_first_call(wrong):
    model = net()
    aux = make(model, every=25)
    optimizer = SGD(model.parameters(), lr=0.1)
    aux(model(batch()["x"]), batch()).backward()
    with pytest.raises(ConfigError, match="needs the network's optimiser"):
        aux.after_step(wrong(optimizer), batch(1))


@pytest.mark.parametrize("wrong", ["sgd", [], [0.1]])
def test_the_front_door_refuses_what_is_no_optimiser(wrong):
    layer, w = nn.Linear(1, 1), torch.tensor(1.0, requires_grad=True)
    problem = auxin.BilevelProblem(layer, lambda s, b: w * s.sum(), lambda s, b: s.sum(), [w])
    with pytest.raises(ConfigError, match="needs the network's optimiser"):
        auxin.hypergradient(problem, (torch.ones(1, 1),), optimizer=wrong)


class Tied(nn.Module):
    """A trunk whose two layers share their weight."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
        self.second.weight = self.first.weight
        self.heads = nn.ModuleDict({name: nn.Linear(4, 3) for name in ("m", "a")})

    def forward(self, x):
        x = self.second(self.first(x).tanh())
        return {name: head(x) for name, head in self.heads.items()}


def a_meta_step(model, optimizer, x):
    y = torch.arange(len(x)) % 3
    aux = auxin.Auxiliary(
        model, main="m", tasks=dict.fromkeys("ma", F.cross_entropy), combiner="linear", every=1
    )
    aux(model(x), {"x": x, "m": y, "a": y}).backward()
    optimizer.step()
    return aux.after_step(optimizer, (x, y))


def test_two_parameters_over_one_memory_are_refused():
    saved, model, x = Tied().state_dict(), Tied(), torch.randn(6, 4)
    assert a_meta_step(model, ADAMW(model.parameters(), lr=0.1), x) is not None
    model = Tied()
    model.load_state_dict(saved, assign=True)  # the tie is lost: two parameters
    with pytest.raises(UnsupportedError, match="each step moves it twice"):
        a_meta_step(model, ADAMW(model.parameters(), lr=0.1), x)
    model = Tied()
    flat = nn.utils.parameters_to_vector(model.parameters()).detach()
    nn.utils.vector_to_parameters(flat, model.parameters())  # one storage, but each its own part
    assert a_meta_step(model, ADAMW(model.parameters(), lr=0.1), x) is not None


@pytest.mark.parametrize("fused", [True, False])
def test_a_fused_step_over_two_memory_formats_is_refused(fused):
    trunk = nn.Sequential(nn.Conv2d(2, 4, 2), nn.Flatten())
    model = nn.Sequential(trunk, Tied())
    model.forward = lambda x: model[1](trunk(x))
    x, optimizer = torch.randn(6, 2, 2, 2), torch.optim.Adam(model.parameters(), lr=0.1, fused=fused)
    assert a_meta_step(model, optimizer, x) is not None
    model.to(memory_format=torch.channels_last)  # Adam's moments stay as they were
    optimizer.zero_grad()
    if not fused:
        assert a_meta_step(model, optimizer, x) is not None
        return
    with pytest.raises(UnsupportedError, match="by their place in memory"):
        a_meta_step(model, optimizer, x)


def test_parameters_that_are_exchanged_later_are_compared_with_the_optimiser_again():
    model, data = net(), batch(1)
    optimizer = SGD(model.parameters(), lr=0.1)
    aux = make(model, every=1)

    def step():
        optimizer.zero_grad()
        aux(model(data["x"]), data).backward()
        optimizer.step()
        aux.after_step(optimizer, data)

    step()
    model.heads[NAMES[1]] = copy.deepcopy(model.heads[NAMES[1]])  # a new head that nothing trains
    with pytest.warns(RuntimeWarning, match=f"holds 2 of the network's .* trainable parameters .*{NAMES[1]}"):
        step()
    model.load_state_dict(copy.deepcopy(model.state_dict()), assign=True)
    with pytest.raises(ConfigError, match="holds none of the network's trainable parameters"):
        step()
