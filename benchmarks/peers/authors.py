"""The authors' own MAXL and AuxiLearn code beside auxin's: the same weights and batches, float64, one thread.

    python benchmarks/peers/authors.py --maxl DIR --auxilearn DIR

DIR is a checkout of https://github.com/lorenmt/maxl or https://github.com/AvivNavon/AuxiLearn. Nothing is fetched, and
none of their code is kept: their files are read, and what is needed of them is run from there. Two things of theirs are
changed on the way: the widths of the networks (divided by --narrow), and, for `mask 0`, the constant that leaks through
the mask.

MAXL: the two passes of their epoch run as they stand for two epochs, and ours beside them; what is compared is W, phi
and the labels. Times are the median of --turns turns of one pass each, interleaved.
Memory (--memory): each side alone in a process of its own; the highest resident memory of a pass after one that warms
up (ours checks its first meta pass), above what the imports take.
AuxiLearn: their hypergradient and their optimiser for it beside ours, over two meta steps of a small regression with
three tasks.
"""

import argparse
import ast
import importlib.util
import os
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from auxin.combiners._base import TaskLosses
from auxin.combiners.linear import Linear
from auxin.data import Dataset, make_splits
from auxin.methods import resolve
from auxin.runs.build import build
from auxin.runs.settings import layered
from auxin.solvers.neumann import Neumann
from auxin.tasks.classes import Classes
from auxin.typing import Batch

WIDTHS = [64, 128, 256, 512, 512]
CLASSES, PSI = 20, 5


class Loader(list):
    """Batches of images and labels; an iterator of theirs has the method `next` of an older Python."""

    def __iter__(self) -> Any:
        inner = super().__iter__()

        class Walk:
            def __iter__(self) -> Any:
                return self

            def __next__(self) -> Any:
                return next(inner)

            next = __next__

        return Walk()


class _Adapted(ast.NodeTransformer):
    """Narrower networks, and another constant in the mask."""

    def __init__(self, narrow: int, mask: float) -> None:
        self.narrow, self.mask = narrow, mask

    def visit_List(self, node: ast.List) -> ast.AST:
        if [getattr(e, "value", None) for e in node.elts] == WIDTHS:
            return ast.List([ast.Constant(w // self.narrow) for w in WIDTHS], ast.Load())
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant(self.mask) if node.value == 1e-8 else node


def maxl_of(folder: Path, narrow: int, mask: float) -> tuple[dict[str, Any], list[ast.For]]:
    """Their two network classes, and the training and the meta pass of their epoch, as they are in the file."""
    tree = _Adapted(narrow, mask).visit(ast.parse((folder / "model_vgg_maxl.py").read_text()))
    space: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, "np": np, "device": torch.device("cpu")}
    space |= {"OrderedDict": dict}
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    exec(compile(ast.fix_missing_locations(ast.Module(classes, [])), "theirs", "exec"), space)
    epochs = next(node for node in tree.body if isinstance(node, ast.For))
    return space, [node for node in epochs.body if isinstance(node, ast.For)]


def passes_of(space: dict[str, Any], loops: list[ast.For], loader: Loader) -> list[Any]:
    """The training and the meta pass, ready to be run in turn."""
    primary, generator = space["VGG16"]([PSI] * CLASSES), space["LabelGenerator"]([PSI] * CLASSES)
    primary.double().train()
    generator.double().train()
    space |= {
        "VGG16_model": primary,
        "LabelGenerator": generator,
        "optimizer": torch.optim.SGD(primary.parameters(), lr=0.01),
        "gen_optimizer": torch.optim.SGD(generator.parameters(), lr=1e-3, weight_decay=5e-4),
        "cifar100_train_loader": loader,
        "train_batch": len(loader),
        "batch_size": len(loader[0][0]),
        "avg_cost": np.zeros([100, 9]),
        "cost": np.zeros(4),
        "vgg_lr": 0.01,
        "index": 0,
        "k": 0,
    }
    space["VGG16_model"].double()
    made = []
    for loop in loops[:2]:
        fresh = ast.parse("cifar100_train_dataset = iter(cifar100_train_loader)").body
        code = compile(ast.fix_missing_locations(ast.Module([*fresh, loop], [])), "theirs", "exec")
        made.append(lambda code=code: exec(code, space))
    return made


def ours(rows: int, side: int, narrow: int, batch: int) -> tuple[Any, list[Batch]]:
    """Our learner by MAXL's preset in float64, and its batches of made-up images."""
    draw = torch.Generator().manual_seed(0)
    labels = torch.arange(rows) % CLASSES
    images = torch.randint(0, 256, (rows, 3, side, side), generator=draw, dtype=torch.uint8)
    dataset = Dataset(
        "made", images, {"y": Classes("y", CLASSES)}, {"y": labels}, "y", torch.zeros(rows, dtype=torch.bool)
    )
    splits = make_splits(dataset, seed=0, validation=0.0, test=0.0)
    user = {
        "psi": PSI,
        "model.channel_width": 64 // narrow,
        "augmentation": "none",
        "batch": batch,
        "epochs": 2,
    }
    settings = layered("made", "image", resolve("maxl"), "maxl", user, {})
    learner = build(dataset, splits, resolve("maxl"), settings, seed=0).state.learner
    learner.network.double().train()
    learner.criterion.labeler.double().train()
    x = (images.double() / 255 - 0.5) / 0.2
    whole = [torch.arange(start, start + batch) for start in range(0, rows - batch + 1, batch)]
    return learner, [Batch(x[r], {"y": labels[r]}, r) for r in whole]


def same_start(theirs: nn.Module, mine: nn.Module) -> None:
    """Copy our weights into theirs; their convolutions' biases, which batch norm takes away, are zero."""
    own = [p for n, p in mine.named_parameters()]
    convs = {id(m.bias) for m in theirs.modules() if isinstance(m, nn.Conv2d)}
    rest = [p for p in theirs.parameters() if id(p) not in convs]
    assert [p.shape for p in rest] == [p.shape for p in own], "the networks differ in shape"
    with torch.no_grad():
        for a, b in zip(rest, own, strict=True):
            a.copy_(b)


def apart(theirs: nn.Module, mine: nn.Module) -> float:
    """The largest difference of the weights that both have, over the largest weight."""
    convs = {id(m.bias) for m in theirs.modules() if isinstance(m, nn.Conv2d)}
    a = torch.cat([p.detach().flatten() for p in theirs.parameters() if id(p) not in convs])
    b = torch.cat([p.detach().flatten() for p in mine.parameters()])
    return float((a - b).abs().max() / b.abs().max())


def maxl(folder: Path, narrow: int, turns: int) -> None:
    """Print how far the trajectories are apart, and what a pass costs."""
    print(
        "## MAXL\n\n| mask | labels at start | W after 2 epochs | phi after 2 epochs | labels at end |\n| --- |"
        + " ---: |" * 4
    )
    for mask in (1e-8, 0.0):
        learner, batches = ours(60, 32, narrow, 20)
        space, loops = maxl_of(folder, narrow, mask)
        loader = Loader((b.x, torch.stack([b.y["y"]] * 4, 1)) for b in batches)
        train, meta = passes_of(space, loops, loader)
        same_start(space["VGG16_model"], learner.network)
        same_start(space["LabelGenerator"], learner.criterion.labeler)
        found = [_labels(space, learner, batches)]
        for _ in range(2):
            for theirs, step in ((train, learner.train_step), (meta, partial(_meta, learner))):
                theirs()
                for batch in batches:
                    step(batch)
        found += [apart(space["VGG16_model"], learner.network)]
        found += [apart(space["LabelGenerator"], learner.criterion.labeler), _labels(space, learner, batches)]
        print(f"| {mask:g} | " + " | ".join(f"{value:.1e}" for value in found) + " |")
    _times(folder, narrow, turns)


def _meta(learner: Any, batch: Batch) -> None:
    learner.meta_step(batch, batch)


def _labels(space: dict[str, Any], learner: Any, batches: list[Batch]) -> float:
    with torch.no_grad():
        pairs = [(space["LabelGenerator"](b.x, b.y["y"]), learner.criterion.labeler(b)) for b in batches]
    return max(float((a - b).abs().max()) for a, b in pairs)


def _times(folder: Path, narrow: int, turns: int) -> None:
    learner, batches = ours(200, 32, narrow, 100)
    space, loops = maxl_of(folder, narrow, 1e-8)
    loader = Loader((b.x, torch.stack([b.y["y"]] * 4, 1)) for b in batches)
    train, meta = passes_of(space, loops, loader)
    work = {
        "training pass": (train, lambda: [learner.train_step(b) for b in batches]),
        "meta pass": (meta, lambda: [learner.meta_step(b, b) for b in batches]),
    }
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in work}
    for _ in range(turns + 1):  # the first turn warms up
        for name, pair in work.items():
            spent[name].append(tuple(_seconds(step) for step in pair))  # type: ignore[arg-type]
    print("\n| | theirs, s | ours, s | ours over theirs |\n| --- | ---: | ---: | ---: |")
    both = [
        tuple(map(sum, zip(*pair, strict=True)))
        for pair in zip(*(v[1:] for v in spent.values()), strict=True)
    ]
    for name, pairs in {**{n: v[1:] for n, v in spent.items()}, "epoch": both}.items():
        a, b = (statistics.median(side) for side in zip(*pairs, strict=True))
        print(f"| {name} | {a:.2f} | {b:.2f} | {statistics.median(y / x for x, y in pairs):.2f} |")
    print("\nTheir training pass computes the gradients' cosine as well, as their file has it.")


def _work(side: str, folder: Path, narrow: int) -> dict[str, Any]:
    """The passes of one side, by name, without the other side's networks."""
    if side == "ours":
        learner, batches = ours(200, 32, narrow, 100)
        return {
            "training pass": lambda: [learner.train_step(b) for b in batches],
            "meta pass": lambda: [learner.meta_step(b, b) for b in batches],
        }
    batches = ours(200, 32, narrow, 100)[1]
    space, loops = maxl_of(folder, narrow, 1e-8)
    loader = Loader((b.x, torch.stack([b.y["y"]] * 4, 1)) for b in batches)
    return dict(zip(("training pass", "meta pass"), passes_of(space, loops, loader), strict=True))


def alone(side: str, folder: Path, narrow: int) -> None:
    """Print the peak of each pass above the imports, in MB; for a process of its own."""
    before = _resident("VmRSS")
    for name, step in _work(side, folder, narrow).items():
        step()
        Path("/proc/self/clear_refs").write_text("5")  # the high-water mark begins anew
        step()
        print(name, _resident("VmHWM") - before, sep="\t")


def _resident(what: str) -> float:
    """A line of this process's status, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(what)) / 1024


def memory(folder: Path, narrow: int) -> None:
    """Print the peaks of both sides; freed blocks go back to the system, so that none counts twice."""
    space = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    found: dict[str, dict[str, float]] = {}
    for side in ("theirs", "ours"):
        call = [sys.executable, __file__, "--maxl", str(folder), "--narrow", str(narrow), "--alone", side]
        told = subprocess.run(call, env=space, check=True, capture_output=True, text=True).stdout
        found[side] = {name: float(value) for name, value in (row.split("\t") for row in told.splitlines())}
    print("\n| peak above imports | theirs, MB | ours, MB | ours over theirs |\n| --- | ---: | ---: | ---: |")
    for name, a in found["theirs"].items():
        b = found["ours"][name]
        print(f"| {name} | {a:.0f} | {b:.0f} | {b / a:.2f} |")


def _seconds(step: Any) -> float:
    begun = time.perf_counter()
    step()
    return time.perf_counter() - begun


def auxilearn(folder: Path) -> None:
    """Print how far AuxiLearn's hypergradients and learned weights are apart from ours."""
    implicit, optim = (
        _module(folder / "auxilearn" / f"{name}.py", name) for name in ("implicit_diff", "optim")
    )
    torch.manual_seed(0)
    alpha, rate = 0.01, 0.05
    trunk = [nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)).double() for _ in range(2)]
    trunk[1].load_state_dict(trunk[0].state_dict())
    theirs, mine = nn.Parameter(torch.ones(3).double()), Linear(3, form="clipped", main="learned").double()
    x, y = torch.randn(40, 6).double(), torch.randn(40, 3).double()
    meta = optim.MetaOptimizer(
        torch.optim.SGD([theirs], lr=rate, momentum=0.9, weight_decay=5e-4), hpo_lr=alpha, truncate_iter=3
    )
    step = torch.optim.SGD(mine.parameters(), lr=rate, momentum=0.9, weight_decay=5e-4)
    inner = [torch.optim.SGD(network.parameters(), lr=alpha) for network in trunk]
    worst = 0.0
    for _ in range(2):
        for rows in torch.arange(40).split(10):
            for network, optimizer, weigh in zip(
                trunk, inner, (lambda m: (theirs * m).sum(), _ours(mine)), strict=True
            ):
                optimizer.zero_grad()
                weigh(_means(network, x[rows], y[rows])).backward()
                optimizer.step()
        outer = [_means(network, x[:10], y[:10])[0] for network in trunk]
        w = list(trunk[0].parameters())
        loss = (theirs * _means(trunk[0], x[10:20], y[10:20])).sum()
        [expected] = meta.step(loss, outer[0], w, [theirs], return_grads=True)
        found = _hypergradient(trunk[1], mine, outer[1], x[10:20], y[10:20], alpha)
        worst = max(worst, float((found - expected).abs().max() / expected.abs().max()))
        next(iter(mine.parameters())).grad = found
        nn.utils.clip_grad_norm_(mine.parameters(), 10)
        step.step()
    gap = float((next(iter(mine.parameters())) - theirs).detach().abs().max())
    print("\n## AuxiLearn\n\n| hypergradient, relative | loss weights after 2 meta steps |\n| ---: | ---: |")
    print(f"| {worst:.1e} | {gap:.1e} |")
    print(
        "\nOurs is without the factor alpha (`factor=False`), as their code is; with it, it is alpha times theirs."
    )
    del implicit


def _means(network: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return (network(x) - y).square().mean(0)


def _ours(mine: Linear) -> Any:
    return lambda means: mine(TaskLosses(means[None], torch.ones(1, 3, dtype=torch.bool), ("a", "b", "c")))


def _hypergradient(
    network: nn.Module, mine: Linear, outer: Any, x: Any, y: Any, alpha: float
) -> torch.Tensor:
    """By our solver on the same products."""
    w, [phi] = list(network.parameters()), list(mine.parameters())
    v = list(torch.autograd.grad(outer, w, allow_unused=True, materialize_grads=True))
    gradient = torch.autograd.grad(_ours(mine)(_means(network, x, y)), w, create_graph=True)

    def product(vector: Any) -> Any:
        return list(
            torch.autograd.grad(
                gradient, w, vector, retain_graph=True, materialize_grads=True, allow_unused=True
            )
        )

    solved = Neumann(alpha=alpha, terms=3, power_steps=0, factor=False).solve(product, v).vector
    return -torch.autograd.grad(gradient, phi, solved)[0]


def _module(file: Path, name: str) -> Any:
    """A file of theirs, imported under a name of the package it asks for."""
    import sys

    spec = importlib.util.spec_from_file_location(f"auxilearn.{name}", file)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules.setdefault("auxilearn", SimpleNamespace(__path__=[str(file.parent)]))  # type: ignore[arg-type]
    sys.modules[f"auxilearn.{name}"] = found
    spec.loader.exec_module(found)
    return found


def main() -> None:
    """Parse, run, print Markdown."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--maxl", type=Path, help="a checkout of MAXL's code")
    words.add_argument("--auxilearn", type=Path, help="a checkout of AuxiLearn's code")
    words.add_argument("--narrow", type=int, default=8, help="divides the networks' widths")
    words.add_argument("--memory", action="store_true", help="MAXL's peak memory instead")
    words.add_argument("--alone", choices=["theirs", "ours"], help=argparse.SUPPRESS)
    words.add_argument("--turns", type=int, default=5, help="timed turns")
    told = words.parse_args()
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    if told.maxl is None and told.auxilearn is None:
        words.error("name a checkout: --maxl DIR or --auxilearn DIR")
    if told.alone is not None:
        alone(told.alone, told.maxl, told.narrow)
    elif told.maxl is not None and told.memory:
        memory(told.maxl, told.narrow)
    elif told.maxl is not None:
        maxl(told.maxl, told.narrow, told.turns)
    if told.auxilearn is not None:
        auxilearn(told.auxilearn)


if __name__ == "__main__":
    main()
