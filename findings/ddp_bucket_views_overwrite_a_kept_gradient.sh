#!/usr/bin/env bash
# torch 2.13.0: DistributedDataParallel(gradient_as_bucket_view=True), the gradients of one task kept while those of the next are taken (gradient
# surgery).
#
# Expected: kept = [p.grad for p in parameters], zero_grad() (which sets .grad to None) and the next task's backward pass leave the kept
# gradients as they are, as they do without the option.
# Seen: from the second iteration on, the kept tensors hold the next task's gradient: .grad is a view of one buffer that every backward pass
# writes to. PCGrad and its like then compare a gradient with itself and find no conflict. The documentation warns of detach_() alone. No warning
# is given. Exits non-zero if the behaviour changes.
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


os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="0")
store = dist.HashStore()
dist.init_process_group("gloo", store=store, rank=0, world_size=1)
torch.manual_seed(0)
rows, found = torch.randn(6, 3), {}
for view in (False, True):
    module = DistributedDataParallel(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), gradient_as_bucket_view=view)
    for iteration in range(3):
        module.zero_grad()
        main_loss(module(rows)).backward()
        kept = [p.grad for p in module.parameters()]
        before = torch.cat([g.flatten() for g in kept]).clone()
        module.zero_grad()
        second_loss(module(rows)).backward()
        after, other = torch.cat([g.flatten() for g in kept]), flat(module)
        found[view, iteration] = bool(torch.equal(after, before)), bool(torch.equal(after, other))
        print(f"torch {torch.__version__} gradient_as_bucket_view={view}, iteration {iteration}: kept gradient unchanged {found[view, iteration][0]}, equal to the other task's {found[view, iteration][1]};"
              f" true cosine {float(torch.cosine_similarity(before, other, 0)):.2f}, seen {float(torch.cosine_similarity(after, other, 0)):.2f}")
dist.destroy_process_group()
raise SystemExit(0 if all(found[False, i] == (True, False) for i in range(3)) and all(found[True, i] == (False, True) for i in (1, 2)) else 1)
PY
