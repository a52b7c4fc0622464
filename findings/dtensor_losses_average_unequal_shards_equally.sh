#!/usr/bin/env bash
# torch 2.13.0: torch.nn.functional losses on DTensors whose rows are divided unevenly (5 rows over two gloo processes).
#
# Guess, written before the run: reductions (mean, var, cross_entropy and others) over rows that are divided unevenly equal those of
# the whole tensor, or are refused.
# Seen: x.mean() is right and F.cross_entropy is refused, and F.mse_loss, F.huber_loss, F.smooth_l1_loss and
# F.binary_cross_entropy_with_logits are silently wrong: each is the mean of the processes' own means, so a row of the
# process with two rows counts 3/2 times as much as one of the process with three. The last batch of an epoch is such a
# batch. (pred - target).square().mean() is right. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
cat > "$folder/run.py" <<'PY'
import os
import sys

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch.distributed.tensor import Shard, distribute_tensor, init_device_mesh


def differs(name, found, expected):
    found, expected = found.full_tensor().item(), expected.item()
    if dist.get_rank() == 0:
        print(f"{name:34} whole tensor {expected:.4f}, DTensor {found:.4f}")
    return abs(found - expected) > 1e-3 * abs(expected)


def work(rank, folder):
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    mesh = init_device_mesh("cpu", (2,))
    torch.manual_seed(0)
    x, y = torch.randn(5, 3, dtype=torch.float64), torch.rand(5, 3, dtype=torch.float64)
    dx, dy = (distribute_tensor(one, mesh, [Shard(0)]) for one in (x, y))
    wrong = [
        differs(loss.__name__, loss(dx, dy), loss(x, y))
        for loss in (F.mse_loss, F.huber_loss, F.smooth_l1_loss, F.binary_cross_entropy_with_logits)
    ]
    written_out = differs("(x - y).square().mean()", (dx - dy).square().mean(), (x - y).square().mean())
    even = [distribute_tensor(one[:4].clone(), mesh, [Shard(0)]) for one in (x, y)]
    four_rows = differs("mse_loss, two rows each", F.mse_loss(*even), F.mse_loss(x[:4], y[:4]))
    dist.destroy_process_group()
    sys.exit(0 if all(wrong) and not written_out and not four_rows else 1)


if __name__ == "__main__":
    torch.multiprocessing.spawn(work, (os.path.dirname(os.path.abspath(__file__)),), nprocs=2)
PY
"$folder/env/bin/python" -W ignore "$folder/run.py"
