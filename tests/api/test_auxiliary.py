"""The user's loop: what the loss is, what the meta step does, and what it leaves alone."""

import contextlib
import copy
import pickle

import pytest
import torch
from auxiliary_cases import NAMES, Net, batch, classes, functions, identical, make, net, snapshot, step, steps
from torch.func import functional_call
from torch.nn import functional as F
from torch.utils.data import DataLoader

import auxin
from auxin import catalogue
from auxin.combiners.base import Combiner
from auxin.errors import ConfigError, UnsupportedError
from oracles import doubles, next_parameters, relative

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.2, momentum=0.9),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.05, weight_decay=0.1),
}


def unrolled(model, optimizer, logits, train, meta, clip_norm=None):
    """d/dlogits of the main loss on `meta` after the next step on `train`: one graph through everything."""
    names = [k for k, p in model.named_parameters() if p.requires_grad]
    params = [p.detach().clone().requires_grad_() for p in model.parameters() if p.requires_grad]
    buffers = {k: b.clone() for k, b in model.named_buffers()}

    def losses(at, data):
        out = functional_call(model, {**dict(zip(names, at, strict=True)), **buffers}, (data["x"],))
        return [F.cross_entropy(out[k], data[k]) for k in NAMES]

    first, *rest = losses(params, train)
    weights = 2 * torch.softmax(logits, 0)
    total = first + weights[0] * rest[0] + weights[1] * rest[1]
    grads = torch.autograd.grad(total, params, create_graph=True)
    outer = losses(next_parameters(optimizer, params, grads, clip_norm=clip_norm), meta)[0]
    return [torch.autograd.grad(outer, logits)[0]], outer.detach()


@pytest.mark.parametrize("clip_norm", [None, 0.1])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_hypergradient_inside_is_double_backward_through_the_next_step(name, clip_norm, monkeypatch):
    model, data, meta = net(norm=True), batch(1), batch(2)
    optimizer = OPTIMIZERS[name](model.parameters())
    aux = make(model, every=2, scale="raw", clip_norm=clip_norm)
    taken = []
    monkeypatch.setattr(aux.meta, "_move", taken.append)
    with doubles():
        step(aux, model, optimizer, batch(0))
        assert taken == []
        loss = aux(model(data["x"]), data)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip_norm or float("inf"))
        optimizer.step()
    expected, outer = unrolled(model, optimizer, aux.combiner.logits, data, meta, clip_norm)
    found = aux.after_step(optimizer, meta)
    assert torch.allclose(found, outer, rtol=1e-12)
    assert expected[0].abs().max() > 1e-9
    assert relative(taken[0], expected) < 1e-11


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_meta_step_moves_phi_and_nothing_else(name):
    model = net(norm=True, dropout=0.3)
    optimizer = OPTIMIZERS[name](model.parameters())
    aux = make(model, every=1)
    for seed in range(3):
        loss = aux(model(batch(seed)["x"]), batch(seed))
        loss.backward()
        assert aux.combiner.logits.grad is None  # the training loss does not reach phi
        optimizer.step()
        before, phi = snapshot(model, optimizer), aux.combiner.logits.detach().clone()
        aux.after_step(optimizer, batch(9))
        assert identical(snapshot(model, optimizer), before)
        assert not torch.equal(aux.combiner.logits, phi)


def test_equal_weighting_is_the_loop_written_by_hand_bit_for_bit():
    mine, theirs = net(dropout=0.2), net(dropout=0.2)
    first = torch.optim.AdamW(mine.parameters(), lr=0.01)
    second = torch.optim.AdamW(theirs.parameters(), lr=0.01)
    aux = make(mine, functions(), combiner="equal")
    for seed in range(5):
        data = batch(seed)
        torch.manual_seed(seed)
        loss = step(aux, mine, first, data)
        torch.manual_seed(seed)
        out = theirs(data["x"])
        main, near, far = (F.cross_entropy(out[k], data[k]) for k in NAMES)
        by_hand = main + (near + far)
        second.zero_grad()
        by_hand.backward()
        second.step()
        assert torch.equal(loss, by_hand.detach())
    assert identical(mine.state_dict(), theirs.state_dict())


def test_functions_of_every_shape_and_tasks_agree():
    data, model = batch(), net()
    per_sample = dict.fromkeys(NAMES, lambda out, y: F.cross_entropy(out, y, reduction="none"))
    tall = dict.fromkeys(NAMES, lambda out, y: F.cross_entropy(out, y, reduction="none")[:, None])
    found = [
        make(model, t, combiner="linear")(model(data["x"]), data)
        for t in (classes(), functions(), per_sample, tall)
    ]
    assert all(torch.allclose(f, found[0], rtol=1e-12) for f in found)


def test_accumulation_over_two_halves_is_the_whole_batch():
    whole, halves = net(), net()
    data = batch(rows=12)
    aux = make(whole)
    aux(whole(data["x"]), data).backward()
    aux = make(halves)
    for rows in (slice(0, 6), slice(6, 12)):
        part = {k: v[rows] for k, v in data.items()}
        (aux(halves(part["x"]), part) / 2).backward()
    for one, other in zip(whole.parameters(), halves.parameters(), strict=True):
        assert torch.allclose(one.grad, other.grad, rtol=1e-12, atol=1e-15)


def test_frozen_parameters_stay_and_are_not_differentiated():
    model = net()
    model.trunk.weight.requires_grad_(False)
    before = model.trunk.weight.clone()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    aux = make(model, every=1)
    for seed in range(3):
        step(aux, model, optimizer, batch(seed), batch(9))
    assert torch.equal(model.trunk.weight, before)
    assert model.trunk.weight.grad is None
    assert aux.combiner.logits.abs().max() > 0  # the trunk's bias is shared and trainable


@pytest.mark.parametrize("combiner", ["softmax", "monotone", "aux_nash", "ol_aux", "dwa", "uncertainty"])
def test_a_saved_state_goes_on_bit_for_bit(combiner):
    def start():
        model = net(norm=True)
        torch.manual_seed(3)
        aux = make(model, combiner=combiner, every=2)
        return model, torch.optim.AdamW(model.parameters(), lr=0.02), aux

    def go(model, optimizer, aux, seeds):
        for seed in seeds:
            step(aux, model, optimizer, batch(seed), batch(50))
            if seed % 3 == 2:
                aux.after_epoch()

    model, optimizer, aux = start()
    go(model, optimizer, aux, range(5))
    saved = copy.deepcopy([model.state_dict(), optimizer.state_dict(), aux.state_dict()])
    go(model, optimizer, aux, range(5, 10))
    again, its_optimizer, its_aux = start()
    its_aux.combiner.load_state_dict(
        {k: torch.zeros_like(v) for k, v in its_aux.combiner.state_dict().items()}
    )
    for part, state in zip((again, its_optimizer, its_aux), saved, strict=True):
        part.load_state_dict(state)
    go(again, its_optimizer, its_aux, range(5, 10))
    assert identical(again.state_dict(), model.state_dict())
    assert identical(its_aux.combiner.state_dict(), aux.combiner.state_dict())
    assert identical(its_aux.state_dict(), aux.state_dict())


@pytest.mark.parametrize("options", [{}, {"estimator": "evolution"}])
def test_a_state_can_be_restored_more_than_once(options):
    model = net()
    optimizer = OPTIMIZERS["sgd"](model.parameters())
    aux = make(model, every=1, **options)
    for seed in range(2):
        step(aux, model, optimizer, batch(seed), batch(9))
    saved, ends = copy.deepcopy([model.state_dict(), optimizer.state_dict(), aux.state_dict()]), []
    for _ in range(2):
        for part, state in zip([model, optimizer, aux], copy.deepcopy(saved[:2]) + saved[2:], strict=True):
            part.load_state_dict(state)
        for seed in range(2, 4):
            step(aux, model, optimizer, batch(seed), batch(9))
        ends.append(copy.deepcopy(aux.state_dict()))
    assert identical(*ends)


COPIES = [copy.deepcopy, lambda whole: pickle.loads(pickle.dumps(whole))]


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize(("estimator", "after"), [("lookahead", 0), ("lookahead", 3), ("evolution", 3)])
def test_a_copy_goes_on_alike_and_alone(copied, estimator, after):
    def state(model, optimizer, aux):  # a loader draws a random number where it begins
        return snapshot(model, optimizer) | {"rng": None, "aux": copy.deepcopy(aux.state_dict())}

    def go(*parts):
        for seed in range(after, after + 4):
            step(parts[2], *parts[:2], batch(seed), loader)
        return state(*parts)

    model, loader = net(norm=True), DataLoader([batch(9)], batch_size=None)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    aux = make(model, every=2, estimator=estimator)
    for seed in range(after):
        step(aux, model, optimizer, batch(seed), loader)
    before = state(model, optimizer, aux)
    theirs = go(*copied((model, optimizer, aux)))
    assert identical(state(model, optimizer, aux), before)
    assert identical(go(model, optimizer, aux), theirs)


@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_watches_the_loop_that_it_is_in(copied):
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    aux = make(model, every=100)
    steps(aux, model, optimizer, 1)  # the second step is watched
    aux(model(batch(1)["x"]), batch(1))
    model, optimizer, its_aux = copied((model, optimizer, aux))
    steps(its_aux, model, optimizer, 1)
    its_aux(model(batch(1)["x"]), batch(1)).backward()
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    optimizer.step()
    with pytest.warns(RuntimeWarning, match="other gradients"):
        its_aux.after_step(optimizer, batch(9))
    assert not aux.notices.given


def test_the_harmful_auxiliary_loses_its_weight():
    """Navon et al. 2021, section 5.1 in small: one auxiliary pulls to the main task's goal, one elsewhere."""
    torch.manual_seed(0)
    model = torch.nn.Linear(2, 1, bias=False).double()
    goal, wrong = torch.tensor([[1.0, 1.0]]).double(), torch.tensor([[2.0, -4.0]]).double()

    def rows(seed, count, spread):
        random = torch.Generator().manual_seed(seed)
        x = torch.randn(count, 2, generator=random, dtype=torch.float64)
        noise = torch.randn(count, 1, generator=random, dtype=torch.float64)
        return {"x": x, "main": x @ goal.T + spread * noise, "helps": x @ goal.T, "harms": x @ wrong.T}

    tasks = dict.fromkeys(("main", "helps", "harms"), lambda out, y: (out - y).square().mean(1))
    aux = make(model, tasks, combiner="softmax", every=1, lr=0.1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    train, meta = rows(0, 8, 1.0), rows(1, 64, 0.0)
    for _ in range(150):
        step(aux, model, optimizer, train, meta)
    weights = aux.weights()
    assert weights["harms"] < 0.1
    assert weights["helps"] > 1.9
    assert (model.weight - goal).norm() < (torch.tensor([[5 / 3, -2 / 3]]) - goal).norm() / 4


@pytest.mark.parametrize("combiner", catalogue.names("combiners"))
def test_every_combiner_trains_in_the_loop(combiner):
    if catalogue.load("combiners", combiner).needs_images:
        pytest.skip("sees loss images only: its own test is below")
    if combiner == "torchjd":
        pytest.importorskip("torchjd")
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    aux = make(model, combiner=combiner, every=2, estimator="lookahead")
    losses = [float(step(aux, model, optimizer, batch(0), batch(7))) for _ in range(6)]
    aux.after_epoch()
    assert all(torch.isfinite(torch.tensor(losses)))
    assert set(aux.weights()) == set(aux.losses()) == set(NAMES)
    assert aux.losses()["main"] > 0
    for p in aux.combiner.parameters():
        assert p.grad is None


def test_the_convolutional_combiner_sees_loss_images():
    from auxin.tasks.dense_classes import DenseClasses

    torch.manual_seed(0)
    model = torch.nn.Conv2d(3, 4, 1)
    tasks = {"main": DenseClasses("main", 2), "aux": DenseClasses("aux", 2)}
    aux = auxin.Auxiliary(
        model, main="main", tasks=tasks, combiner="convnet", every=1,
        outputs=lambda out: {"main": out[:, :2], "aux": out[:, 2:]},
    )  # fmt: skip
    x, y = torch.randn(2, 3, 8, 8), torch.randint(-1, 2, (2, 8, 8))
    data = {"x": x, "main": y, "aux": y.roll(1)}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    before = copy.deepcopy(aux.combiner.state_dict())
    step(aux, model, optimizer, data)
    assert not identical(aux.combiner.state_dict(), before)


@pytest.mark.parametrize("estimator", ["implicit", "finite_difference", "unrolled", "evolution"])
def test_other_estimators_by_name(estimator):
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    aux = make(model, estimator=estimator, every=2)
    for seed in range(2):
        step(aux, model, optimizer, batch(seed), batch(7))
    assert aux.combiner.logits.abs().max() > 0


def test_the_gramian_is_over_the_parameters_that_tasks_share():
    class Fixed(Combiner):
        needs_gramian = True

        def forward(self, losses, gramian):
            self.seen = gramian
            return losses.means().sum()

        def task_weights(self, losses, gramian=None):
            return torch.ones(self.count)

    model, data = net(), batch()
    fixed = Fixed(3)
    aux = make(model, combiner=fixed)
    aux(model(data["x"]), data)
    shared = [model.trunk.weight, model.trunk.bias]
    assert aux.shared.names() == ["trunk.weight", "trunk.bias"]
    grads = [
        torch.cat(
            [g.flatten() for g in torch.autograd.grad(F.cross_entropy(model(data["x"])[k], data[k]), shared)]
        )
        for k in NAMES
    ]
    expected = torch.stack([torch.stack([a @ b for b in grads]) for a in grads])
    assert torch.allclose(fixed.seen, expected, rtol=1e-10)


def test_the_meta_iterator_is_asked_only_when_a_step_is_due():
    model, asked = net(), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

    def forever():
        while True:
            asked.append(1)
            yield batch(5)

    source, aux = forever(), make(model, every=3)
    for seed in range(7):
        step(aux, model, optimizer, batch(seed), source)
    assert len(asked) == 2
    step(make(model, every=1), model, optimizer, batch(0), lambda: batch(5))
    with pytest.raises(ConfigError, match="at its end"):
        step(make(model, every=1), model, optimizer, batch(0), iter([]))


@pytest.mark.parametrize(
    ("names", "combiner"), [(("main", "far", "near"), "linear"), (("main", "near"), "linear"), (NAMES, "softmax")]
)  # fmt: skip
def test_a_state_of_other_tasks_or_another_combiner_is_refused(names, combiner):
    saved = make(net(), combiner="linear").state_dict()
    aux = make(net(names=names), classes(names), combiner=combiner)
    with pytest.raises(ConfigError, match="Found Linear of main, near, far"):
        aux.load_state_dict(saved)


def test_validation_leaves_no_trace():
    model = net()
    aux = make(model, combiner="softmax")
    aux(model(batch(0)["x"]), batch(0))
    seen = aux.last
    with torch.no_grad():
        loss = aux(model(batch(1)["x"]), batch(1))
    assert not loss.requires_grad
    assert aux.last is seen


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_meta_step_under_no_grad_is_that_outside(mode):
    found = []
    for context in (contextlib.nullcontext, mode):
        model = net()
        aux, optimizer = make(model, every=1, combiner="softmax"), torch.optim.SGD(model.parameters(), lr=0.1)
        aux(model(batch(0)["x"]), batch(0)).backward()
        optimizer.step()
        with context():
            aux.after_step(optimizer, batch(5))
        found.append([p.detach().clone() for p in aux.combiner.parameters()])
    assert all(map(torch.equal, *found))
    assert any(p.any() for p in found[0])


class Strange(torch.optim.Adadelta):
    pass


def test_errors_say_what_is_wrong():
    model, data = net(), batch()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ConfigError, match=r"main task 'mian'.*Did you mean 'main'"):
        make(model, main="mian")
    with pytest.raises(ConfigError, match=r"no option 'sclae'"):
        make(model, sclae=2.0)
    with pytest.raises(ConfigError, match="every=0"):
        make(model, every=0)
    with pytest.raises(ConfigError, match=r"one for 3 tasks.*one for 2"):
        make(model, combiner=catalogue.load("combiners", "softmax")(2))
    aux = make(model, every=1)
    with pytest.raises(ConfigError, match="No batch was seen yet"):
        aux.after_step(optimizer)
    out = model(data["x"])
    with pytest.raises(ConfigError, match="puts out nothing for it"):
        aux({"main": out["main"], "near": out["near"]}, data)
    with pytest.raises(ConfigError, match=r"output for 'near' does not fit.*\[B, 3\].*\[12, 2\]"):
        aux(out | {"near": out["near"][:, :2]}, data)
    with pytest.raises(ConfigError, match=r"does not fit.*target \[5\]"):
        aux(out, data | {"far": data["far"][:5]})
    with pytest.raises(ConfigError, match="labels for no task"):
        aux(out, {"x": data["x"], "mian": data["main"]})
    with pytest.raises(ConfigError, match=r"inputs are not in the batch.*'x'.*image"):
        aux(out, {"image" if k == "x" else k: v for k, v in data.items()})
    aux(out, data)
    with pytest.raises(ConfigError, match="needs the network's optimiser"):
        aux.after_step()
    with pytest.raises(ConfigError, match="holds none of the network's"):
        aux.after_step(torch.optim.SGD(Net().parameters(), lr=0.1))
    with pytest.raises(ConfigError, match="holds phi"):
        aux.after_step(torch.optim.SGD([*model.parameters(), aux.combiner.logits], lr=0.1))
    with pytest.raises(UnsupportedError, match="Strange cannot be looked through"):
        aux.after_step(Strange(model.parameters()))
