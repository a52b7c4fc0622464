"""Two gloo processes whose parameters are sharded do what one process with the whole network and batch does."""

import copy
import sys
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

from two_processes import ended, start

sys.path.insert(0, str(Path(__file__).parent))
from auxiliary_cases import Net, identical, make, net, step
from test_auxiliary_processes import off, rows

SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import torch
from test_auxiliary_sharded import CASES, WARNED, refusals, train, visits
from two_processes import joined
with joined() as rank:
    found = {name: train(name, rank=rank) for name in CASES}
    found["warned"] = [name for name, words in WARNED.items() if "Two training gradients" in words]
    found["refused"] = refusals(rank)
    found["visits"] = visits(rank)
    if rank == 0:
        torch.save(found, "found.pt")
"""
WARNED = {}
SGD, ADAMW = torch.optim.SGD, torch.optim.AdamW
CASES = {
    "sgd": (lambda p: SGD(p, lr=0.1, momentum=0.9), {}),
    "adamw": (lambda p: ADAMW(p, lr=0.05), {}),
    "clipped": (lambda p: SGD(p, lr=0.1), {"clip_norm": 0.2}),
    "clipped by value": (lambda p: SGD(p, lr=0.1), {"clip_value": 0.02}),
    "monotone": (lambda p: SGD(p, lr=0.1), {"combiner": "monotone"}),
    "stopped": (lambda p: SGD(p, lr=0.1), {}),
}


class Stopped(Net):
    """One output is scaled by another, as a constant."""

    def forward(self, x):
        out = super().forward(x)
        return out | {"far": out["far"] * out["near"].detach().exp()}


def sharded(model, replicas=False, **options):
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    names = ("replica", "shard") if replicas else ("shard",)
    mesh = init_device_mesh("cpu", (1, 2)[-len(names) :], mesh_dim_names=names)
    fully_shard(model.trunk, mesh=mesh, **options)
    return fully_shard(model, mesh=mesh, **options)


def rounded(model):
    from torch.distributed.fsdp import MixedPrecisionPolicy

    half = MixedPrecisionPolicy(reduce_dtype=torch.bfloat16)
    return sharded(model, mp_policy=half)


def in_part(model):
    return sharded(model, ignored_params={model.heads["far"].weight})


def tensor_parallel(model):
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Replicate
    from torch.distributed.tensor.parallel import ColwiseParallel, parallelize_module

    spread = ColwiseParallel(output_layouts=Replicate())
    return parallelize_module(model, init_device_mesh("cpu", (2,)), {"trunk": spread})


def kept(model, optimizer):
    """Shards, gradients and optimiser state of this process."""
    parts = [[p, p.grad, *optimizer.state[p].values()] for p in model.parameters()]
    return [
        [None if t is None else getattr(t, "to_local", lambda t=t: t)().detach().clone() for t in part]
        for part in parts
    ]


def train(name, rank=None, estimator="finite_difference"):
    """Three steps with a meta step each; the weights, phi, the hypergradients and the outer losses."""
    build, options = CASES[name]
    model = net()
    if name == "stopped":
        model.__class__ = Stopped
    if rank is not None:
        sharded(model)
    optimizer = build(model.parameters())
    aux = make(model, every=1, estimator=estimator, **options)
    moved, own = [], aux.meta._move
    aux.meta._move = lambda gradients: (moved.append([g.clone() for g in gradients]), own(gradients))
    outers = []
    for seed in range(3):
        data, meta = rows(seed, rank), rows(50 + seed, rank)
        aux(model(data["x"]), data).backward()
        if "clip_norm" in options:
            nn.utils.clip_grad_norm_(model.parameters(), 0.2)
        if "clip_value" in options:
            nn.utils.clip_grad_value_(model.parameters(), 0.02)
        optimizer.step()
        before, random = kept(model, optimizer), torch.get_rng_state()
        with warnings.catch_warnings(record=True) as given:
            warnings.simplefilter("always")
            outer = aux.after_step(optimizer, meta)
        WARNED[name] = WARNED.get(name, "") + " ".join(str(each.message) for each in given)
        assert identical(kept(model, optimizer), before)
        assert torch.equal(torch.get_rng_state(), random)
        optimizer.zero_grad()
        outers.append(outer if rank is None else torch.tensor(0.0))
    whole = {k: v.full_tensor() if rank is not None else v for k, v in model.state_dict().items()}
    found = {f"W.{k}": v for k, v in whole.items()} | {
        f"phi.{k}": v for k, v in aux.combiner.state_dict().items()
    }
    return found | {"moved": torch.stack([torch.cat([g.flatten() for g in each]) for each in moved])}


def refusals(rank):
    """What a sharded network is refused with, and that it still works afterwards."""
    words = []
    cases = [{"estimator": "lookahead"}, {"estimator": "implicit"}, {"combiner": "pcgrad"}]
    ways = [sharded, sharded, sharded, lambda m: sharded(m, True), rounded, in_part, tensor_parallel]
    for number, way in enumerate(ways):
        options = cases[number] if number < len(cases) else {"estimator": "finite_difference"}
        data = rows(0, None if way is tensor_parallel else rank)
        model = way(net())
        before = copy.deepcopy(model(data["x"])["main"].detach())
        aux = make(model, every=1, **options)
        try:
            aux(model(data["x"]), data).backward()
            aux.after_step(SGD(model.parameters(), lr=0.1), data)
        except Exception as error:
            words.append(f"{type(error).__name__} {error}")
        assert torch.equal(model(data["x"])["main"], before)
    return words


class Counting(nn.Module):
    """A loss that counts its calls, in a list and in a buffer, and is scaled by the count."""

    def __init__(self, loss):
        super().__init__()
        self.loss, self.calls = loss, []
        self.register_buffer("count", torch.ones((), dtype=torch.float64))

    def forward(self, out, y):
        self.calls.append(1)
        self.count += 1
        return self.loss(out, y) * self.count


def visits(rank):
    """How often a loss was called before and after each of two meta steps, by its list and its buffer."""
    model = sharded(net())
    optimizer = SGD(model.parameters(), lr=0.1)
    aux = make(model, every=1, estimator="finite_difference")
    tasks = aux.meta.objective.tasks
    counting = tasks["near"] = Counting(tasks["near"].loss)
    found = []
    for number in range(2):
        data = rows(number, rank)
        aux(model(data["x"]), data).backward()
        optimizer.step()
        before = [len(counting.calls), float(counting.count)]
        aux.after_step(optimizer, rows(50 + number, rank))
        found.append((before, [len(counting.calls), float(counting.count)]))
        optimizer.zero_grad()
    return found


@pytest.mark.slow
def test_a_sharded_network_equals_a_whole_one(tmp_path):
    ended(start(SCRIPT, tmp_path, (0, 1), str(Path(__file__).parent)))
    found = torch.load(tmp_path / "found.pt", weights_only=True)
    for name in CASES:
        alike, exact = train(name), train(name, estimator="lookahead")
        assert exact["moved"].abs().max() > 1e-4
        assert off(found[name], alike) < 1e-6, name
        assert off({"moved": found[name]["moved"]}, {"moved": exact["moved"]}) < 1e-5, name
    assert found["warned"] == ["stopped"]
    assert [before for before, _ in found["visits"]] == [after for _, after in found["visits"]]
    refused = found["refused"]
    assert len(refused) == 7
    assert all("UnsupportedError" in words for words in refused)
    assert "finite_difference" in refused[0]
    assert "finite_difference" in refused[1]
    assert "looks at losses" in refused[2]
    assert "a mesh of shape (1, 2)" in refused[3]
    assert "a mixed-precision policy with torch.bfloat16" in refused[4]
    assert "1 that are not, the first of shape (3, 7)" in refused[5]
    assert "otherwise than by `fully_shard`" in refused[6]


def test_a_whole_network_is_stepped_the_same_way(monkeypatch):
    """The update on shards, where there is one process and nothing is sharded."""
    from auxin.optimizers import InnerStep, ShardedStep

    monkeypatch.setattr("torch.distributed.get_world_size", lambda: 1)
    monkeypatch.setattr("torch.distributed.all_reduce", lambda tensor: None)
    model = net()
    optimizer = ADAMW(model.parameters(), lr=0.05)
    step(make(model), model, optimizer, rows(0, None), rows(1, None))
    grads = [torch.randn_like(p) for p in model.parameters()]
    v = [torch.randn_like(p) for p in model.parameters()]
    for clip in ({}, {"clip_norm": 0.1}, {"clip_norm": 1e3}, {"clip_value": 0.5}):
        whole = InnerStep(optimizer, model.parameters(), **clip)
        parts = ShardedStep(whole)
        for a, b in zip(parts.lookahead(grads), whole.lookahead(grads), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)
        for a, b in zip(parts.pullback(grads, v), whole.pullback(grads, v), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-14)
