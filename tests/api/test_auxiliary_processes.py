"""Two gloo processes, each with an uneven part of every batch, do what one process with the whole batch does.

`python tests/api/test_auxiliary_processes.py` prints the table of docs/several-processes.md.
"""

import sys
import tempfile
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

from two_processes import ended, start

sys.path.insert(0, str(Path(__file__).parent))
from auxiliary_cases import NAMES, batch, classes, make, net, step

from auxin import catalogue
from auxin.api.auxiliary import Auxiliary
from auxin.errors import UnsupportedError
from auxin.hypergradients.implicit import Implicit
from auxin.labelers.base import LabelerContext
from auxin.math.hierarchy import Hierarchy
from auxin.tasks.dense_classes import DenseClasses

PAGE = Path(__file__).parents[2] / "docs" / "several-processes.md"
SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import torch
from torch import distributed as dist
from test_auxiliary_processes import CASES, LOOPS, buffers, failures, outcome, told
from two_processes import group_threads, joined
with joined() as rank:
    found = {name: outcome(name, rank=rank) for name in CASES}
    found["failures"] = failures(rank)
    found["told"] = {name: told(name, rank) for name in LOOPS}
    found["buffers"] = buffers(rank)
    gathered = [None, None]
    dist.all_gather_object(gathered, found["failures"])
    found["failures"] = gathered
    if rank == 0:
        torch.save(found, "found.pt")
assert not group_threads(), "the group outlived destroy_process_group: the process may abort at its end"
"""
CUT = 5
"""The first process has so many of the twelve rows."""

SOLVERS = {"neumann": {"alpha": 0.1}, "conjugate_gradient": {"steps": 5}, "gauss_newton": {"steps": 5}}
ESTIMATORS = {
    **{name: name for name in catalogue.names("hypergradients") if name != "implicit"},
    **{f"implicit, {name}": Implicit(name, **SOLVERS.get(name, {})) for name in catalogue.names("solvers")},
}
CASES = {
    **{
        f"combiner `{n}`": {"combiner": n}
        for n in catalogue.names("combiners")
        if n not in ("torchjd", "convnet")
    },
    "combiner `convnet`": {"combiner": "convnet", "dense": True},
    **{f"combiner `torchjd:{n}`": {"combiner": f"torchjd:{n}"} for n in ("UPGrad", "MGDA")},
    **{f"estimator `{n}`": {"combiner": "softmax", "estimator": e} for n, e in ESTIMATORS.items()},
    **{
        f"estimator `{n}` with combiner `monotone`": {"combiner": "monotone", "estimator": ESTIMATORS[n]}
        for n in ("finite_difference", "unrolled", "evolution", "implicit, conjugate_gradient")
    },
    **{f"labeler `{n}`": {"combiner": "equal", "labeler": n} for n in ("maxl", "auxilearn")},
    **{
        f"estimator `{n}`, a target under `no_grad`": {
            "combiner": "softmax",
            "estimator": ESTIMATORS[n],
            "stopped": True,
        }
        for n in ("lookahead", "finite_difference", "unrolled", "evolution", "implicit, conjugate_gradient")
    },
}


def rows(seed, rank, dense=False):
    """A batch of 12 rows, or this rank's part of it; labels are missing unevenly."""
    data = batch(seed)
    data["near"][:4], data["main"][1:3], data["far"][5:] = -1, -1, -1
    if seed % 50 == 2:
        data["main"][CUT:] = -1  # the second process has no main label at all
    if dense:
        data["x"] = torch.randn(
            12, 5, 3, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
        )
        data |= {name: data[name][:, None, None].expand(-1, 3, 3).clone() for name in NAMES}
        data["far"][:, 0, 0] = -1
    part = slice(None) if rank is None else slice(0, CUT) if rank == 0 else slice(CUT, None)
    return {name: value[part] for name, value in data.items()}


class Dense(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk, self.head = nn.Conv2d(5, 4, 1), nn.Conv2d(4, 9, 1)

    def forward(self, x):
        return dict(zip(NAMES, self.head(self.trunk(x).tanh()).split(3, 1), strict=True))


class Stopped(nn.Module):
    """One head sees how far the trunk is from a target that the same trunk makes under `torch.no_grad`."""

    def __init__(self):
        super().__init__()
        self.trunk, self.heads = nn.Linear(5, 7), nn.ModuleDict({name: nn.Linear(7, 3) for name in NAMES})

    def forward(self, x):
        hidden = self.trunk(x).tanh()
        with torch.no_grad():
            target = self.trunk(x.roll(1, 1)).tanh()
        return {
            name: head(hidden - target if name == "near" else hidden) for name, head in self.heads.items()
        }


class Labelled(nn.Module):
    """Heads for the main task and for generated labels."""

    def __init__(self):
        super().__init__()
        self.trunk, self.main, self.labels = nn.Linear(5, 7), nn.Linear(7, 3), nn.Linear(7, 6)

    def forward(self, x):
        hidden = self.trunk(x).tanh()
        return {"main": self.main(hidden), "labels": self.labels(hidden)}


def labeler(name):
    """A labeler with batch norm in its trunk."""
    data = batch(7, rows=30)

    def trunk():
        network = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU())
        network.width = 8
        return network.double()

    context = LabelerContext(
        "main", Hierarchy((2, 2, 2)), data["x"], {"main": data["main"]}, torch.arange(30), trunk, 0
    )
    torch.manual_seed(0)
    return catalogue.load("labelers", name).build(context).double()


def setting(dense=False, stopped=False, **options):
    """Model and `Auxiliary`, the same in every process."""
    torch.manual_seed(0)
    if "labeler" in options:
        model = Labelled().double()
        made = labeler(options.pop("labeler"))
        return model, Auxiliary(
            model, main="main", tasks=classes(["main"]), labeler=made, every=1, lr=0.01, **options
        )
    model = Dense().double() if dense else Stopped().double() if stopped else net()
    tasks = {name: DenseClasses(name, 3) for name in NAMES} if dense else classes()
    return model, make(model, tasks, every=1, lr=0.01, **options)


def train(name, rank=None):
    """Three steps with a meta step each; the weights, what is learned and every hypergradient."""
    model, aux = setting(**CASES[name])
    wrapped = model if rank is None else nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    moved, own = [], aux.meta._move
    aux.meta._move = lambda gradients: (
        moved.append(torch.cat([g.flatten() for g in gradients])),
        own(gradients),
    )
    dense = CASES[name].get("dense", False)
    for seed in range(3):
        step(aux, wrapped, optimizer, rows(seed, rank, dense), rows(50 + seed, rank, dense))
    parts = {"W": model, "combiner": aux.combiner, "labeler": aux.objective.labeler}
    found = {f"{k}.{n}": v for k, p in parts.items() if p is not None for n, v in p.state_dict().items()}
    found |= {
        "weights": torch.tensor(list(aux.weights().values())),
        "losses": torch.tensor(list(aux.losses().values())),
    }
    return found | ({"moved": torch.stack(moved)} if moved else {})


def outcome(name, rank=None):
    """What came out, or the words of the refusal."""
    torch.manual_seed(rank or 0)
    try:
        return train(name, rank)
    except UnsupportedError as error:
        return str(error)


def failures(rank):
    """What each process raises where something is wrong in the second one alone; none waits for ever."""
    words = []
    for wrong in ("label", "rows", "meta", "network"):
        model, aux = (
            setting(combiner="equal", labeler="maxl") if wrong == "rows" else setting(combiner="softmax")
        )
        data, meta = rows(0, rank), rows(50, rank)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        if rank == 1 and wrong == "rows":
            del data["main"]
        if rank == 1 and wrong == "label":
            data["near"][-1] = 7
        if wrong == "meta" and rank == 1:
            meta = {"other": 1}
        try:
            aux(model(data["x"]), data).backward()
            optimizer.step()
            if wrong == "network" and rank == 1:
                model.trunk.forward = lambda x: 1 / 0
            aux.after_step(optimizer, meta)
            words.append("nothing")
        except Exception as error:
            words.append(f"{type(error).__name__}: {error}")
    return words


def powers(state, bucket):
    """A communication hook that leaves another gradient than the mean."""
    del state
    sent = torch.distributed.all_reduce(bucket.buffer(), async_op=True).get_future()
    return sent.then(lambda future: future.value()[0] ** 3)


LOOPS = {
    "plain": "",
    "accumulated": "",
    "clipped and said": "",
    "by hand": "",
    "clipped": "times the processes' mean gradient",
    "divided": "used 0.5 times the processes' mean gradient",
    "compressed": "other gradients of",
    "apart": "other gradients of",
    "joined": "Under `join()`",
}
"""Loops in two processes, and what is told of them."""


def told(name, rank):
    """The warnings of three steps, each of two micro-batches where they are accumulated."""
    model = net()
    aux = make(model, combiner="linear", every=1, clip_norm=0.05 if name == "clipped and said" else None)
    wrapped = model if name in ("apart", "by hand") else nn.parallel.DistributedDataParallel(model)
    if name == "compressed":
        wrapped.register_comm_hook(None, powers)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        for seed in range(3):
            optimizer.zero_grad()
            if name == "accumulated":
                with wrapped.no_sync():
                    (aux(wrapped(rows(20 + seed, rank)["x"]), rows(20 + seed, rank)) / 2).backward()
            loss = aux(wrapped(rows(seed, rank)["x"]), rows(seed, rank))
            (loss / 2 if name in ("accumulated", "divided") else loss).backward()
            for p in model.parameters() if name == "by hand" else ():
                torch.distributed.all_reduce(p.grad)
                p.grad /= 2
            if name.startswith("clipped"):
                nn.utils.clip_grad_norm_(model.parameters(), 0.05)
            optimizer.step()
            aux.after_step(optimizer, rows(50 + seed, rank))
        if name == "joined":
            try:
                with wrapped.join():
                    aux(wrapped(rows(0, rank)["x"]), rows(0, rank))
            except UnsupportedError as error:
                return str(error)
    return " ".join(str(each.message) for each in given)


def buffers(rank):
    """Hypergradients where the second process's running means are others, as between two forward passes, and alike.

    The next forward pass of data parallelism begins with the first process's.
    """
    found = []
    for apart in (1.0, 0.0):
        model = net(norm=True).eval()
        wrapped = nn.parallel.DistributedDataParallel(model)
        aux, moved = make(model if apart else wrapped, combiner="linear", every=1), []
        aux.meta._move = lambda gradients, moved=moved: moved.extend(g.clone() for g in gradients)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        aux(wrapped(rows(0, rank)["x"]), rows(0, rank)).backward()
        optimizer.step()
        model.norm.running_mean += apart * rank
        aux.after_step(optimizer, rows(50, rank))
        assert bool((model.norm.running_mean == apart * rank).all())
        found.append(torch.cat([g.flatten() for g in moved]))
    return found


def two_processes(folder):
    """The outcome of every case in two processes."""
    running = start(SCRIPT, folder, (0, 1), str(Path(__file__).parent))
    whole = {name: outcome(name) for name in CASES}
    ended(running)
    return whole, torch.load(folder / "found.pt", weights_only=True)


def off(halves, whole):
    """The largest difference in any tensor, relative to the tensor's largest entry."""
    worst = 0.0
    for key, value in whole.items():
        other = halves[key]
        assert value.shape == other.shape, key
        scale = max(float(value.abs().nan_to_num().max()), 1e-3) if value.numel() else 1.0
        worst = max(worst, float((value - other).abs().nan_to_num().max()) / scale if value.numel() else 0.0)
    return worst


def tolerance(name):
    """TorchJD's weights come of an iteration that stops at a tolerance of its own."""
    return 1e-6 if "torchjd" in name else 1e-8


def table(whole, halves):
    """The page's table."""
    lines = ["| member | two processes against one |", "| --- | --- |"]
    for name in CASES:
        found = halves[name]
        said = (
            "refused by name"
            if isinstance(found, str)
            else f"{'equal' if off(found, whole[name]) < tolerance(name) else 'DIFFERENT'}"
        )
        lines.append(f"| {name} | {said} |")
    return "\n".join(lines)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # stopped targets are warned of
def test_two_processes_with_uneven_parts_equal_one_with_the_whole(tmp_path):
    whole, halves = two_processes(tmp_path)
    worst = {n: off(halves[n], whole[n]) for n in CASES if not isinstance(halves[n], str)}
    assert {name: value for name, value in worst.items() if value > tolerance(name)} == {}
    assert max(float(whole[n]["moved"].abs().max()) for n in worst if "moved" in whole[n]) > 0
    first, second = halves["failures"]
    kinds = ["DataError", "UnsupportedError", "ConfigError", "ZeroDivisionError"]
    for mine, others, kind in zip(second, first, kinds, strict=True):
        assert mine.startswith(kind), mine
        assert others.startswith(("RunError: Another process failed", "UnsupportedError: With several")), (
            others
        )
    for name, words in LOOPS.items():
        assert (words in halves["told"][name]) if words else (halves["told"][name] == ""), name
    torch.testing.assert_close(*halves["buffers"], rtol=1e-8, atol=1e-12)
    assert table(whole, halves) in PAGE.read_text(encoding="utf-8")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        whole, halves = two_processes(Path(folder))
    print(table(whole, halves))
    for name in CASES:
        if "-v" in sys.argv:
            print(name, halves[name] if isinstance(halves[name], str) else off(halves[name], whole[name]))
