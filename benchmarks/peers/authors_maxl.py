"""The two passes of the epoch of MAXL's authors beside ours, from the same weights on the same batches."""

import ast
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from auxin.data import Dataset, make_splits
from auxin.methods import resolve
from auxin.runs.build import build
from auxin.runs.settings import layered
from auxin.tasks.classes import Classes
from auxin.typing import Batch

WIDTHS = [64, 128, 256, 512, 512]
CLASSES, PSI = 20, 5
SIDES = ("theirs", "ours")
FLOOR = "plain passes of the meta pass"
"""The row that sets the plain passes which any exact meta pass contains beside the authors' whole meta pass."""


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

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """`reshape` in the place of `view`, which refuses tensors that have the channels innermost."""
        name = "reshape" if node.attr == "view" else node.attr
        return self.generic_visit(ast.copy_location(ast.Attribute(node.value, name, node.ctx), node))

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant(self.mask) if node.value == 1e-8 else node


def maxl_of(folder: Path, narrow: int, mask: float) -> tuple[dict[str, Any], list[ast.For]]:
    """Their two network classes, and the training and the meta pass of their epoch, as they are in the file."""
    tree = _Adapted(narrow, mask).visit(ast.parse((folder / "model_vgg_maxl.py").read_text()))
    space: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, "np": np, "device": torch.device("cpu")}
    space |= {"OrderedDict": dict}
    classes: list[ast.stmt] = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    exec(compile(ast.fix_missing_locations(ast.Module(classes, [])), "theirs", "exec"), space)
    epochs = next(node for node in tree.body if isinstance(node, ast.For))
    return space, [node for node in epochs.body if isinstance(node, ast.For)]


def passes_of(space: dict[str, Any], loops: list[ast.For], loader: Loader) -> list[Any]:
    """The training and the meta pass in the default format of numbers, ready to be run in turn."""
    primary, generator = space["VGG16"]([PSI] * CLASSES), space["LabelGenerator"]([PSI] * CLASSES)
    primary.train()
    generator.train()
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
    made = []
    for loop in loops[:2]:
        fresh = ast.parse("cifar100_train_dataset = iter(cifar100_train_loader)").body
        code = compile(ast.fix_missing_locations(ast.Module([*fresh, loop], [])), "theirs", "exec")
        made.append(lambda code=code: exec(code, space))
    return made


def ours(
    rows: int, side: int, narrow: int, batch: int, innermost: bool = True, compiled: bool = False
) -> tuple[Any, list[Batch]]:
    """Our learner by MAXL's preset in the default format of numbers, and its batches of made-up images."""
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
        "channels_last": innermost,
        "compile": compiled,
    }
    settings = layered("made", "image", resolve("maxl"), "maxl", user, {})
    learner = build(dataset, splits, resolve("maxl"), settings, seed=0).state.learner
    learner.network.train()
    assert learner.criterion.labeler is not None
    learner.criterion.labeler.train()
    x = (images / 255 - 0.5) / 0.2
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


def trajectories(folder: Path, narrow: int) -> None:
    """Print how far labels, W and phi are apart over two epochs."""
    print(
        "| mask | labels at start | W after 2 epochs | phi after 2 epochs | labels at end |\n| --- |"
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


def plain_passes(learner: Any, batches: list[Batch]) -> None:
    """The gradients that the meta pass's formula contains, and no second derivative.

    Per batch: the primary network forward and backward at W and at W+, the generator forward and backward.
    """
    weights = [p for p in learner.network.parameters() if p.requires_grad]
    phi = [p for p in learner.criterion.labeler.parameters() if p.requires_grad]
    for batch in batches:
        for _ in range(2):
            heads = learner.network(batch.x).values()
            torch.autograd.grad(torch.stack([head.square().mean() for head in heads]).sum(), weights)
        torch.autograd.grad(learner.criterion.labeler(batch).square().mean(), phi)


def work(
    folder: Path,
    narrow: int,
    side: str = "both",
    innermost: tuple[str, ...] = ("ours",),
    compiled: bool = False,
) -> dict[str, dict[str, Any]]:
    """The passes by name and side ("theirs", "ours"); of one side alone, the other's networks are not kept.

    Args:
        folder: Checkout of the authors' code.
        narrow: Divisor of the networks' widths.
        side: "both", "theirs" or "ours".
        innermost: Sides whose images and convolutions have the channels innermost.
        compiled: Whether our steps are compiled.
    """
    learner, plain = ours(200, 32, narrow, 100, "ours" in innermost, compiled)
    layouts = {name: torch.channels_last if name in innermost else torch.contiguous_format for name in SIDES}
    by_side = {
        name: [replace(b, x=b.x.contiguous(memory_format=layout)) for b in plain]
        for name, layout in layouts.items()
    }
    batches = by_side["ours"]
    found: dict[str, dict[str, Any]] = {"training pass": {}, "meta pass": {}}
    if side != "ours":
        space, loops = maxl_of(folder, narrow, 1e-8)
        loader = Loader((b.x, torch.stack([b.y["y"]] * 4, 1)) for b in by_side["theirs"])
        for name, step in zip(found, passes_of(space, loops, loader), strict=True):
            found[name]["theirs"] = step
        if "theirs" in innermost:
            for network in (space["VGG16_model"], space["LabelGenerator"]):
                network.to(memory_format=torch.channels_last)
    if side != "theirs":
        found["training pass"]["ours"] = lambda: [learner.train_step(b) for b in batches]
        found["meta pass"]["ours"] = lambda: [learner.meta_step(b, b) for b in batches]
    if side == "both":
        found[FLOOR] = {
            "theirs": found["meta pass"]["theirs"],
            "ours": lambda: plain_passes(learner, batches),
        }
    return found


def _meta(learner: Any, batch: Batch) -> None:
    learner.meta_step(batch, batch)


def _labels(space: dict[str, Any], learner: Any, batches: list[Batch]) -> float:
    with torch.no_grad():
        pairs = [(space["LabelGenerator"](b.x, b.y["y"]), learner.criterion.labeler(b)) for b in batches]
    return max(float((a - b).abs().max()) for a, b in pairs)
