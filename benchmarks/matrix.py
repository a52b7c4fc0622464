"""Is the look-ahead right? Real models, the ways they are run, and optimisers, against their own real steps.

    OMP_NUM_THREADS=1 python benchmarks/matrix.py                       # everything; prints Markdown
    OMP_NUM_THREADS=1 python benchmarks/matrix.py --model GCN --mode plain

A cell is the relative error of the hypergradient in float64 over the weights of two losses, against central differences
of the outer loss after the optimiser's own `step()`, and the time of one meta step in plain training steps. Where the
difference over 1e-5 is off by more than 1e-5, smaller ones are taken, and the cell names the one that is nearest. Under
autocast no difference can be taken: there the cell compares float32 with and without autocast. Muon's own step rounds
to bfloat16, so the truth is its step in float64, and what is left is that rounding of W+. A package that is missing
(timm, peft, torch_geometric, segmentation_models_pytorch, monai) is a row that says so; so is a refusal.
"""

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from _matrix.models import MODELS
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from auxin.errors import AuxinError
from auxin.hypergradients import BilevelProblem, gradient_without_a_trace, hypergradient
from auxin.training.processes import averaged, parallel

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from real_step import differenced, off

SEED = 3
STEPS, ENOUGH = (1e-5, 1e-6, 1e-7, 1e-8), 1e-5
"""Halves of the difference: a smaller one is tried where a kink lies within the larger one."""


def muon(net: nn.Module) -> list[torch.optim.Optimizer]:
    flat = [p for p in net.parameters() if p.requires_grad and p.dim() == 2]
    rest = [p for p in net.parameters() if p.requires_grad and p.dim() != 2]
    return [torch.optim.Muon(flat, lr=1e-2), torch.optim.AdamW(rest, lr=1e-3)]


def trained(net: nn.Module) -> list[nn.Parameter]:
    return [p for p in net.parameters() if p.requires_grad]


OPTIMIZERS: dict[str, Callable[[nn.Module], list[Any]]] = {
    "SGD": lambda net: [torch.optim.SGD(trained(net), 1e-2, momentum=0.9)],
    "AdamW": lambda net: [torch.optim.AdamW(trained(net), 1e-3)],
    "Muon and AdamW": muon,
}


def checkpointed(net: nn.Module) -> nn.Module:
    """By the library's own switch where it has one, else the trunk by torch's checkpoint."""
    trunk: Any = getattr(net, "trunk", None)
    if hasattr(trunk, "set_grad_checkpointing"):
        trunk.set_grad_checkpointing()
    elif hasattr(trunk, "gradient_checkpointing_enable"):
        trunk.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    else:
        own = trunk.forward
        trunk.forward = lambda *a, **k: checkpoint(own, *a, use_reentrant=False, **k)
    return net


def compiled(net: nn.Module) -> nn.Module:
    net.compile(backend="aot_eager")
    return net


def distributed(net: nn.Module) -> nn.Module:
    return nn.parallel.DistributedDataParallel(net, find_unused_parameters=True)


TOGETHER = "DDP, two processes"
MODES: dict[str, Callable[[nn.Module], nn.Module]] = {
    "plain": lambda net: net,
    "checkpointed": checkpointed,
    "compiled": compiled,
    TOGETHER: distributed,
}


def setting(model: str, mode: str, optimizer: str, dtype: torch.dtype) -> tuple[Any, ...]:
    torch.manual_seed(0)
    net, (x, meta) = MODELS[model]()
    rank = torch.distributed.get_rank() if parallel() else 0
    if rank:  # rows of its own for the same network
        torch.manual_seed(rank)
        _, (x, meta) = MODELS[model]()
    net = net.to(dtype).train()
    x, meta = (t.to(dtype) if t.is_floating_point() else t for t in (x, meta))
    run = MODES[mode](net)
    y = [torch.randn(len(x), 2, dtype=dtype) for _ in range(2)]
    w = torch.zeros(2, dtype=dtype, requires_grad=True)
    optimizers = OPTIMIZERS[optimizer](net)

    def criterion(out: Tensor, batch: Any) -> Tensor:
        return ((out - batch[1]).pow(2).mean(0) * w.exp()).sum()

    def outer(out: Tensor, batch: Any) -> Tensor:
        return (out - batch[1])[:, 0].pow(2).mean()

    def train() -> Tensor:
        torch.manual_seed(SEED + rank)
        return criterion(run(x), (x, y[0]))

    for _ in range(3):
        train().backward()
        for each in optimizers:
            each.step()
            each.zero_grad()
    w.grad = None
    average = (lambda v: averaged(v, v)) if parallel() else None
    problem = BilevelProblem(run, criterion, outer, [w], average=average)  # type: ignore[arg-type]
    return net, optimizers, w, train, lambda: outer(run(meta), (meta, y[1])), problem, (x, y[0]), (meta, y[1])


def cell(model: str, mode: str, optimizer: str) -> str:
    """Relative error and time, or why there is none."""
    if mode == TOGETHER and not parallel():
        return in_two_processes(model, optimizer)
    net, optimizers, w, train, outer, problem, batch, meta = setting(model, mode, optimizer, torch.float64)

    def look() -> Tensor:
        torch.manual_seed(SEED + (torch.distributed.get_rank() if parallel() else 0))
        gradient = None
        if parallel():  # as `auxin.Auxiliary` does
            gradient = gradient_without_a_trace(problem, batch).over_processes(problem)
        found = hypergradient(problem, batch, meta, optimizer=optimizers, gradient=gradient)
        return mean(found.gradients[0])

    try:
        found = look()
    except AuxinError as error:
        return f"refused: {str(error).split('. ')[0]}"
    errors: dict[float, float] = {}
    for size in STEPS if optimizer != "Muon and AdamW" else STEPS[:1]:  # what is left with Muon is rounding
        with unrounded():
            errors[size] = off(found, mean(differenced(net, optimizers, w, train, outer, eps=size)))
        if errors[size] < ENOUGH:
            break
    size = min(errors, key=errors.__getitem__)
    spent = min(seconds(look) for _ in range(3)) / min(
        seconds(lambda: step(train, optimizers)) for _ in range(3)
    )
    return f"{errors[size]:.0e}{'' if size == STEPS[0] else f' (step {size:.0e})'}, {spent:.1f}"


def mean(value: Tensor) -> Tensor:
    """The mean over the processes."""
    return (averaged([value], [value]) or [value])[0] if parallel() else value


def in_two_processes(model: str, optimizer: str) -> str:
    """The cell of the first of two gloo processes, each with rows of its own; the truth is DDP's real step."""
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(one_of_two, (folder, model, optimizer), nprocs=2)
        return Path(folder, "cell").read_text()


def one_of_two(rank: int, folder: str, model: str, optimizer: str) -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2
    )
    found = tried(cell, model, TOGETHER, optimizer)
    if rank == 0:
        Path(folder, "cell").write_text(found)
    torch.distributed.destroy_process_group()


@contextmanager
def unrounded() -> Iterator[None]:
    """Muon's own step with its Newton-Schulz iteration in the gradient's format: in bfloat16 it is a staircase."""
    module = sys.modules["torch.optim._muon"]
    own = module._zeropower_via_newtonschulz

    def exact(grad: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float) -> Tensor:
        wide = grad.size(0) <= grad.size(1)
        x = grad if wide else grad.T
        x = x / x.norm().clamp(min=eps)
        a, b, c = coefficients
        for _ in range(steps):
            gram = x @ x.T
            x = a * x + (b * gram + c * gram @ gram) @ x
        return x if wide else x.T

    module._zeropower_via_newtonschulz = exact
    try:
        yield
    finally:
        module._zeropower_via_newtonschulz = own


def step(train: Callable[[], Tensor], optimizers: list[Any]) -> None:
    train().backward()
    for each in optimizers:
        each.step()
        each.zero_grad()


def seconds(call: Callable[[], Any]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def under_autocast(model: str, optimizer: str) -> str:
    """The relative difference that autocast makes to the hypergradient in float32."""
    results = []
    for enabled in (False, True):
        parts = setting(model, "plain", optimizer, torch.float32)
        torch.manual_seed(SEED)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            results.append(hypergradient(parts[5], parts[6], parts[7], optimizer=parts[1]).gradients[0])
    return f"{off(results[1], results[0]):.0e}"


def tried(call: Callable[..., str], *arguments: str) -> str:
    try:
        return call(*arguments)
    except ImportError as error:
        return f"needs {error.name}"
    except Exception as error:  # a cell that fails is a result, and the others go on
        return f"{type(error).__name__}: {str(error).splitlines()[0][:60]}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", choices=list(MODELS), action="append")
    parser.add_argument("--mode", choices=[*MODES, "autocast"], action="append")
    parser.add_argument("--optimizer", choices=list(OPTIMIZERS), action="append")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    optimizers, modes = options.optimizer or list(OPTIMIZERS), options.mode or [*MODES, "autocast"]
    print(f"| model | mode | {' | '.join(optimizers)} |\n|---|---|{'---|' * len(optimizers)}", flush=True)
    for model in options.model or list(MODELS):
        for mode in modes:
            ways = [
                tried(under_autocast, model, o) if mode == "autocast" else tried(cell, model, mode, o)
                for o in optimizers
            ]
            print(f"| {model} | {mode} | {' | '.join(ways)} |", flush=True)


if __name__ == "__main__":
    main()
