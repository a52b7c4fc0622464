#!/usr/bin/env bash
# torch 2.13.0: F.mse_loss, huber_loss, smooth_l1_loss, binary_cross_entropy and soft_margin_loss (mean) of DTensors whose rows are divided evenly
# over two gloo processes.
#
# Guess, written before the run: value and gradient are those of the whole tensor.
# Seen: the values are right. The gradients are two times the right ones with two processes (backward divides by the rows of one process), while
# those of l1_loss, binary_cross_entropy_with_logits, kl_div and cross_entropy are right: an auxiliary loss of the one kind beside a main loss of
# the other has another weight for every number of processes. (x - y).square().mean() is right. No warning is given. Exits non-zero if the behaviour
# changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
cat > "$folder/run.py" <<'PY'
import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor
from torch.nn import functional as F

torch.distributed.init_process_group("gloo")
rank, mesh = torch.distributed.get_rank(), init_device_mesh("cpu", (2,))
torch.manual_seed(0)
x, y = torch.randn(6, 2, dtype=torch.float64), torch.rand(6, 2, dtype=torch.float64)
names = ("mse_loss", "huber_loss", "smooth_l1_loss", "binary_cross_entropy", "soft_margin_loss", "l1_loss", "binary_cross_entropy_with_logits", "kl_div", "cross_entropy")
good = True
for name in (*names, "(x - y).square().mean()"):
    loss = getattr(F, name, lambda a, b: (a - b).square().mean())
    a = {"binary_cross_entropy": x.sigmoid(), "kl_div": x.log_softmax(1)}.get(name, x)
    b = {"soft_margin_loss": (y - 0.5).sign(), "kl_div": y.softmax(1), "cross_entropy": y.softmax(1)}.get(name, y)
    plain, sharded = a.clone().requires_grad_(), distribute_tensor(a, mesh, [Shard(0)]).requires_grad_()
    want, got = loss(plain, b), loss(sharded, distribute_tensor(b, mesh, [Shard(0)]))
    want.backward()
    got.backward()
    quotients = sharded.grad.full_tensor() / plain.grad
    value = got.detach().full_tensor().item()
    if rank == 0:
        print(f"torch {torch.__version__} {name}: value {value:.6f}, plain {want.item():.6f}; gradient / plain gradient {quotients.min():.4f} to {quotients.max():.4f}")
    good &= abs(value - want.item()) < 1e-9 and bool((quotients - (2 if name in names[:5] else 1)).abs().max() < 1e-6)
torch.distributed.destroy_process_group()
raise SystemExit(0 if good else 1)
PY
export OMP_NUM_THREADS=1
"$folder/env/bin/torchrun" --nproc-per-node 2 --master-port 29623 "$folder/run.py" 2> /dev/null
