#!/usr/bin/env bash
# torch 2.13.0: DistributedDataParallel, two gloo processes, one forward pass and a backward pass for each of two losses.
#
# Expected: every backward pass adds the mean over the processes to .grad, as one backward pass of the sum does, or the second one is refused.
# Seen: the first pass is averaged; the second adds each process's own gradient, so .grad differs between the processes, and so do the weights
# after a step. Nothing is said with any of the options (find_unused_parameters, static_graph, gradient_as_bucket_view). fully_shard gives the
# mean of both. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import os
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel


def main_loss(out):
    return out[:, 0].pow(2).mean()


def second_loss(out):
    return (out[:, 1] - 1).pow(2).mean()


def flat(module):
    return torch.cat([p.grad.flatten() for p in module.parameters()])


def work(rank, port):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    dist.init_process_group("gloo", rank=rank, world_size=2)
    torch.manual_seed(0)
    start = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).state_dict()
    rows = torch.randn(2, 6, 3)

    def network():
        module = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
        module.load_state_dict(start)
        return module

    right = []
    for loss in (main_loss, second_loss):
        whole = network()
        (sum(loss(whole(part)) for part in rows) / 2).backward()
        right.append(flat(whole))
    ok = True
    for options in ({}, {"find_unused_parameters": True}, {"static_graph": True}, {"gradient_as_bucket_view": True}):
        apart = []
        for at_once in (True, False):
            module = DistributedDataParallel(network(), **options)
            out = module(rows[rank])
            if at_once:
                (main_loss(out) + second_loss(out)).backward()
            else:
                main_loss(out).backward(retain_graph=True)
                second_loss(out).backward()
            both = [torch.zeros(26) for _ in range(2)]
            dist.all_gather(both, flat(module))
            apart += [float((both[0] - both[1]).norm()), float((both[0] - sum(right)).norm() / sum(right).norm())]
        if rank == 0:
            print(f"torch {torch.__version__} {options}: one backward pass, processes {apart[0]:.1g} apart, {apart[1]:.1g} from the mean; two passes {apart[2]:.2g} apart, {apart[3]:.2g} from it")
        ok = ok and max(apart[:2]) < 1e-5 and min(apart[2:]) > 0.05
    dist.destroy_process_group()
    raise SystemExit(0 if ok else 1)


if __name__ == "__main__":
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = [torch.multiprocessing.get_context("fork").Process(target=work, args=(rank, port)) for rank in range(2)]
    [p.start() for p in processes]
    [p.join() for p in processes]
    raise SystemExit(max(p.exitcode for p in processes))
PY
