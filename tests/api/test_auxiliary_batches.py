"""What batches may look like: labels and tasks missing, other rows for each task, inputs of every kind."""

import math

import pytest
import torch
from auxiliary_cases import NAMES, batch, classes, functions, identical, make, net, snapshot, step, steps
from torch.nn import functional as F

from auxin.api.auxiliary import Auxiliary
from auxin.errors import ConfigError, DataError, RunError
from auxin.tasks.classes import Classes
from auxin.tasks.regression import Regression
from auxin.typing import Batch
from two_processes import joined


def holed(seed=0):
    """Every third main label and every second of another task's missing."""
    data = batch(seed)
    data["main"][::3] = -1
    data["near"][::2] = -1
    return data


@pytest.mark.parametrize("tasks", [classes, functions])
def test_labels_missing_in_a_sample(tasks):
    model, data = net(), holed()
    loss = make(model, tasks(), combiner="equal")(model(data["x"]), data)
    out = model(data["x"])
    expected = sum(F.cross_entropy(out[k], data[k], ignore_index=-1) for k in NAMES)
    assert torch.allclose(loss, expected, rtol=1e-12)


def test_labels_missing_as_none_and_as_nan():
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 3)
    tasks = {
        "main": Regression("main"),
        "near": lambda out, y: (out[:, 0] - y).square(),
        "far": Classes("far", 3),
    }

    def pick(out):
        return {"main": out[:, :1], "near": out[:, :1], "far": out}

    aux = Auxiliary(model, main="main", tasks=tasks, combiner="equal", outputs=pick)
    x = torch.randn(4, 3)
    data = {
        "x": x,
        "main": [1.0, None, 0.5, None],
        "near": torch.tensor([math.nan, 2.0, math.nan, 1.0]),
        "far": [0, None, 1, 2],
    }
    loss, out = aux(model(x), data), model(x)
    main = ((out[[0, 2], 0] - torch.tensor([1.0, 0.5])) ** 2).mean()
    near = ((out[[1, 3], 0] - torch.tensor([2.0, 1.0])) ** 2).mean()
    far = Classes("far", 3).loss(out[[0, 2, 3]], torch.tensor([0, 1, 2])).mean()
    assert torch.allclose(loss, main + near + far)
    loss.backward()
    assert all(bool(torch.isfinite(p.grad).all()) for p in model.parameters())


@pytest.mark.parametrize("combiner", ["softmax", "monotone", "gradient_cosine", "aux_nash"])
def test_tasks_missing_in_a_batch(combiner):
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    aux = make(model, combiner=combiner, every=1)
    everything = batch(0)
    for missing in (["far"], ["near"], ["near", "far"], []):
        data = {k: v for k, v in everything.items() if k not in missing}
        loss = aux(model(data["x"]), data)
        optimizer.zero_grad()
        loss.backward()
        for name in NAMES:  # a parameter that the loss does not reach is a zero, not None
            grad = model.heads[name].weight.grad
            assert grad is not None
            assert bool(grad.any()) == (name not in missing)
        optimizer.step()
        aux.after_step(optimizer, batch(3))
        assert math.isnan(aux.losses()["far"]) == ("far" in missing)


@pytest.mark.filterwarnings("ignore:.*'far':RuntimeWarning")
@pytest.mark.parametrize("combiner", ["gradnorm", "pcgrad", "gradient_cosine", "aux_nash", "softmax"])
@pytest.mark.parametrize("why", ["absent", "no label", "not finite"])
def test_a_task_that_does_not_count_in_a_batch_weighs_nothing(combiner, why):
    model = net()
    tasks = functions()
    if why == "not finite":
        tasks["far"] = lambda out, y: (
            F.cross_entropy(out, y, reduction="none") * (math.nan if model.odd else 1.0)
        )
    aux, data = make(model, tasks, combiner=combiner), batch(0)
    model.odd = False
    for _ in range(2):
        aux(model(data["x"]), data).backward()
    assert aux.weights()["far"] != 0
    model.odd = True
    if why == "absent":
        del data["far"]
    elif why == "no label":
        data["far"][:] = -1
    aux(model(data["x"]), data).backward()
    weights = aux.weights()
    assert weights["far"] == 0
    assert weights["main"] != 0


def test_a_batch_without_the_main_label_trains_the_rest_and_the_meta_step_waits():
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    aux = make(model, every=2)
    bare = {k: v for k, v in batch(0).items() if k != "main"}
    step(aux, model, optimizer, bare)
    with pytest.warns(RuntimeWarning, match="no label for 'main'"):
        step(aux, model, optimizer, bare)
    assert not aux.combiner.logits.any()
    step(aux, model, optimizer, batch(1))
    assert aux.combiner.logits.any()
    assert not aux.waiting


def test_other_rows_for_each_task():
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    aux = make(model, every=1)
    sizes = {"main": 4, "near": 9, "far": 6}
    for style in ("mapping", "pair", "absent"):
        rows = {k: batch(i, rows=n) for i, (k, n) in enumerate(sizes.items())}
        data = {k: (r["x"], r[k]) if style == "pair" else {"x": r["x"], k: r[k]} for k, r in rows.items()}
        if style == "absent":
            data["near"] = None
        out = {k: model(rows[k]["x"]) for k in data if data[k] is not None}
        loss = aux(out, data)
        expected = [F.cross_entropy(out[k][k], rows[k][k]) for k in out]
        weights = aux.weights()
        assert torch.allclose(
            loss, sum(weights[k] * e for k, e in zip(out, expected, strict=True)), rtol=1e-7
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        before, phi = snapshot(model, optimizer), aux.combiner.logits.clone()
        assert aux.after_step(optimizer, {"main": (batch(8)["x"], batch(8)["main"])}) is not None
        assert not torch.equal(phi, aux.combiner.logits)
        assert aux.after_step(optimizer) is not None
        assert identical(before, snapshot(model, optimizer))
    with pytest.raises(ConfigError, match="outputs must be by task"):
        aux(torch.zeros(3), data)


class Two(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.numbers = torch.nn.Embedding(10, 4), torch.nn.Linear(2, 4)
        self.head = torch.nn.Linear(4, 6)

    def forward(self, tokens=None, numbers=None, inputs=None):
        if inputs is not None:
            tokens, numbers = inputs["tokens"], inputs["numbers"]
        out = self.head((self.words(tokens).mean(1) + self.numbers(numbers)).tanh())
        return {"a": out[:, :3], "b": out[:, 3:], "extra": out}


@pytest.mark.parametrize("style", ["keywords", "dictionary", "function", "positions"])
def test_inputs_of_every_kind(style):
    torch.manual_seed(0)
    model, y = Two(), torch.tensor([0, 1, 2])
    parts = {"tokens": torch.randint(10, (3, 5)), "numbers": torch.randn(3, 2)}
    labels = {"a": y, "b": y}
    options = {
        "keywords": (("tokens", "numbers"), {**parts, **labels}),
        "dictionary": (lambda b: {"inputs": b["x"]}, {"x": parts, **labels}),
        "function": (lambda b: {k: b[k] for k in ("tokens", "numbers")}, {**parts, **labels}),
        "positions": (lambda b: (b["tokens"], b["numbers"]), {**parts, **labels}),
    }
    inputs, data = options[style]
    tasks = dict.fromkeys("ab", F.cross_entropy)
    aux = Auxiliary(model, main="a", tasks=tasks, combiner="linear", every=1, inputs=inputs, scale="raw")
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    aux(model(**parts), data).backward()
    optimizer.step()
    outer = aux.after_step(optimizer)
    assert abs(float(outer) - aux.losses()["a"]) < 0.1
    assert outer != aux.losses()["a"]


def test_a_batch_of_auxins_own_and_pairs():
    model, data = net(), batch()
    labels = {k: data[k] for k in NAMES}
    expected = make(model)(model(data["x"]), data)
    own = Batch(data["x"], labels, torch.arange(12))
    for other in (own, (data["x"], labels), [data["x"], labels]):
        aux = make(model, every=1)
        assert torch.equal(aux(model(data["x"]), other), expected)
        assert aux.after_step(torch.optim.SGD(model.parameters(), lr=0.1), other) is not None
    with pytest.raises(ConfigError, match="which task its targets belong to"):
        aux(model(data["x"]), (data["x"], data["main"]))


def test_the_rows_of_a_tensor_dataset():
    """(x, labels, labels): the inputs are the first item, and `targets` says the rest."""
    data, model = batch(3), net(3)
    rows = (data["x"], data["main"], data["near"], data["far"])
    aux = make(model, every=1, combiner="linear", targets=lambda b: dict(zip(NAMES, b[1:], strict=True)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loss = aux(model(rows[0]), rows)
    assert torch.equal(loss, make(model, combiner="linear")(model(data["x"]), data))
    loss.backward()
    optimizer.step()
    assert aux.after_step(optimizer, rows) is not None


def test_a_meta_batch_may_be_a_pair_of_inputs_and_main_labels():
    data = batch(4)
    outers = []
    for meta in (data, (data["x"], data["main"])):
        model = net(4)
        aux = make(model, every=1, combiner="linear")
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        aux(model(data["x"]), data).backward()
        optimizer.step()
        outers.append(aux.after_step(optimizer, meta))
    assert torch.equal(outers[0], outers[1])


def test_a_model_with_several_outputs_and_no_word_of_which_is_whose():
    model = torch.nn.Linear(5, 3).double()
    aux = make(model, functions(), combiner="equal")
    data = batch()
    with pytest.raises(ConfigError, match=r"'main' cannot read .* Found tuple. Give `outputs`"):
        aux((model(data["x"]), model(data["x"])), data)


def test_an_auxiliary_that_is_not_finite_is_left_out_and_named_once():
    model, data = net(), batch()
    tasks = {**functions(), "far": lambda out, y: F.cross_entropy(out, y, reduction="none") * math.nan}
    aux = make(model, tasks, every=1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    with pytest.warns(RuntimeWarning, match="'far' is not finite") as said:
        steps(aux, model, optimizer, 3)
    assert len(said) == 1
    assert all(bool(torch.isfinite(p).all()) for p in model.parameters())
    assert bool(torch.isfinite(aux.combiner.logits).all())
    broken = make(model, {**functions(), "main": lambda out, y: F.cross_entropy(out, y) / 0})
    with pytest.raises(RunError, match="main task 'main' is not finite"):
        broken(model(data["x"]), data)


@pytest.mark.parametrize("factor", [1e3, 1e-3])
def test_a_loss_out_of_scale_is_named_once(factor):
    model = net()
    tasks = {**functions(), "near": lambda out, y: factor * F.cross_entropy(out, y)}
    aux = make(model, tasks, every=1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    with pytest.warns(RuntimeWarning, match="The loss of 'near' is") as said:
        steps(aux, model, optimizer, 3)
    assert len(said) == 1
    assert bool(torch.isfinite(aux.combiner.logits).all())


def test_what_can_never_learn_is_said():
    model = net(names=("main", "near"))
    aux = make(model, functions(("main", "near")), every=1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.warns(RuntimeWarning, match="slack=True"):
        step(aux, model, optimizer, batch(names=("main", "near")))
    model = net()
    model.trunk.requires_grad_(False)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    with pytest.warns(RuntimeWarning, match="share no trainable parameters"):
        step(make(model, every=1), model, optimizer, batch())
    with pytest.raises(ConfigError, match="share no trainable parameter"):
        step(make(model, combiner="gradient_cosine"), model, optimizer, batch())


def test_losses_of_the_wrong_length():
    model, data = net(), holed()
    tasks = {**functions(), "near": lambda out, y: F.cross_entropy(out, y, reduction="none")[:4]}
    with pytest.raises(DataError, match="losses of 'near' do not fit the batch"):
        make(model, tasks)(model(data["x"]), data)


def test_learned_labels():
    from auxin.labelers.base import LabelerContext
    from auxin.labelers.maxl import Maxl
    from auxin.math.hierarchy import Hierarchy

    def trunk():
        network = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.ReLU())
        network.width = 8
        return network

    data = {"x": batch()["x"].float(), "main": batch()["main"]}
    psi, rows = Hierarchy((2, 2, 2)), torch.arange(12)
    labeler = Maxl.build(LabelerContext("main", psi, data["x"], {"main": data["main"]}, rows, trunk, seed=0))
    torch.manual_seed(0)
    model = torch.nn.Linear(5, 9)
    aux = Auxiliary(
        model, main="main", tasks={"main": Classes("main", 3)}, combiner="equal", labeler=labeler, every=1,
        outputs=lambda out: {"main": out[:, :3], "labels": out[:, 3:]},
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    before = [p.clone() for p in labeler.parameters()]
    step(aux, model, optimizer, data)
    assert any(not torch.equal(p, b) for p, b in zip(labeler.parameters(), before, strict=True))
    assert all(p.grad is None for p in labeler.parameters())
    assert set(aux.weights()) == {"main", "labels"}


def test_mixed_precision_in_the_users_loop():
    model = net().float()
    aux = make(model, every=1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    scaler = torch.amp.GradScaler("cpu")
    for seed in range(2):
        data = {k: v.float() if k == "x" else v for k, v in batch(seed).items()}
        with torch.autocast("cpu", torch.bfloat16):
            loss = aux(model(data["x"]), data)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        aux.after_step(optimizer, data)
    assert aux.combiner.logits.abs().max() > 0


def test_data_parallelism_with_one_process(tmp_path):
    def trained(wrap):
        model = net()
        wrapped = wrap(model)
        optimizer = torch.optim.SGD(wrapped.parameters(), lr=0.05)
        aux = make(wrapped, combiner="aux_nash", every=2)
        for seed in range(4):
            step(aux, wrapped, optimizer, batch(seed), batch(9))
        return model.state_dict(), aux.combiner.state_dict()

    with joined(tmp_path, rank=0, processes=1):
        wrappers = (lambda m: m, torch.nn.parallel.DistributedDataParallel)
        plain, parallel = (trained(wrap) for wrap in wrappers)
    assert identical(list(plain), list(parallel))


class Graph:
    """Holds data and is callable, as the graphs of PyTorch Geometric are; moves in place, as they do."""

    def __init__(self, **parts):
        self.__dict__.update(parts)

    def __call__(self, *keys):
        return ((key, self.__dict__[key]) for key in keys or self.__dict__)

    def to(self, device):
        self.moved = device
        return self


def test_a_batch_that_is_callable_is_a_batch():
    data, outers = batch(), []
    graph = Graph(**data)
    for meta in (graph, lambda: graph, data):
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        aux = make(model, every=1)
        aux(model(graph.x), graph).backward()
        optimizer.step()
        outers.append(aux.after_step(optimizer, meta))
    assert torch.equal(outers[0], outers[1])
    assert torch.equal(outers[0], outers[2])
    assert not hasattr(graph, "moved")


def test_a_loader_of_meta_batches_begins_again():
    rows = [{k: v[i] for k, v in batch(3).items()} for i in range(12)]
    model, first = net(), batch(0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    loader = torch.utils.data.DataLoader(rows, batch_size=8)
    aux = make(model, every=1)
    outers = []
    for _ in range(3):
        aux(model(first["x"]), first)
        outers.append(aux.after_step(optimizer, loader))
        aux.combiner.logits.data.zero_()
    assert not torch.equal(outers[0], outers[1])
    assert torch.equal(outers[0], outers[2])
    with pytest.raises(ConfigError, match="has no batch"):
        aux.after_step(optimizer, torch.utils.data.DataLoader([]))


def test_the_hypergradient_is_clipped(monkeypatch):
    found = []
    for clip in (None, 1e-4):
        model, data = net(), batch()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        aux = make(model, every=1, meta_clip=clip)
        monkeypatch.setattr(
            aux.meta.optimizer, "step", lambda a=aux: found.append(a.combiner.logits.grad.clone())
        )
        aux(model(data["x"]), data).backward()
        aux.after_step(optimizer, batch(9))
    free, clipped = found
    assert free.norm() > 1e-4
    torch.testing.assert_close(clipped, free / free.norm() * 1e-4, rtol=1e-2, atol=0)


@pytest.mark.parametrize(
    "wrong",
    [{"every": 2.5}, {"every": True}, {"every": 0}, {"lr": math.inf}, {"lr": math.nan}, {"lr": "1"}, {"lr": 0},
     {"scale": "units"}, {"clip_norm": -1.0}, {"clip_value": 0}, {"meta_clip": math.inf}],
)  # fmt: skip
def test_numbers_that_make_no_meta_step(wrong):
    with pytest.raises(
        ConfigError, match=f"{next(iter(wrong))}={next(iter(wrong.values()))!r} is not usable"
    ):
        make(net(), **wrong)
