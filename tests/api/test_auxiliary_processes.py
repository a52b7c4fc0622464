"""Two gloo processes, each with half of every batch, do what one process with the whole batch does."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from auxiliary_cases import batch, make, net, step

SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import torch
from torch import distributed as dist
from test_auxiliary_processes import COMBINERS, train
dist.init_process_group("gloo")
found = {name: train(name, rank=dist.get_rank()) for name in COMBINERS}
if dist.get_rank() == 0:
    torch.save(found, "found.pt")
dist.destroy_process_group()
"""
COMBINERS = ["softmax", "monotone", "aux_nash", "gradient_cosine", "gradnorm", "uncertainty"]


def part(seed: int, rank: int | None, missing: bool = False) -> dict[str, torch.Tensor]:
    """A batch of 12 rows, or this rank's half of it; with `missing`, the second half has no main labels."""
    data = batch(seed)
    if missing:
        data["main"][6:] = -1
    return data if rank is None else {name: value[6 * rank : 6 * rank + 6] for name, value in data.items()}


def train(combiner: str, rank: int | None = None) -> dict[str, torch.Tensor]:
    """Three steps with a meta step each; the weights, phi and its last hypergradient."""
    model = net()
    wrapped = model if rank is None else torch.nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    aux = make(wrapped, combiner=combiner, every=1, lr=0.01)
    moved: list[torch.Tensor] = []
    own = aux.meta._move
    aux.meta._move = lambda gradients: (
        moved.append(torch.cat([g.flatten() for g in gradients])),
        own(gradients),
    )
    for seed in range(3):
        step(aux, wrapped, optimizer, part(seed, rank), part(50 + seed, rank, missing=seed == 2))
    found = {f"W.{k}": v for k, v in model.state_dict().items()}
    found |= {f"phi.{k}": v for k, v in aux.combiner.state_dict().items()}
    return found | ({"moved": torch.stack(moved)} if moved else {})


@pytest.mark.slow
def test_two_processes_with_half_batches_equal_one_with_the_whole(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    command = [sys.executable, "-W", "ignore", "script.py", str(Path(__file__).parent)]
    running = [
        subprocess.Popen(command, cwd=tmp_path, env={**environment, "RANK": str(rank)}) for rank in (0, 1)
    ]
    whole = {name: train(name) for name in COMBINERS}
    assert [process.wait(timeout=300) for process in running] == [0, 0]
    halves = torch.load(tmp_path / "found.pt", weights_only=True)
    for name in COMBINERS:
        assert halves[name].keys() == whole[name].keys()
        for key, value in whole[name].items():
            torch.testing.assert_close(
                halves[name][key], value, rtol=1e-9, atol=1e-12, msg=lambda m, n=name, k=key: f"{n} {k}: {m}"
            )
    assert whole["softmax"]["moved"].abs().max() > 0
