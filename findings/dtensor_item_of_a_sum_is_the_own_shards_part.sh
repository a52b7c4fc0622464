#!/usr/bin/env bash
# torch 2.13.0: a number read from a DTensor by .item() or float(), two gloo processes.
#
# Guess, written before the run: x.sum().item() of a sharded tensor is the sum over all of it, as the repr of the whole and full_tensor() have it,
# or it is refused.
# Seen: each process gets the sum (or mean, or maximum) of its own rows, and the processes get different numbers: a loss that is logged, a test such
# as float(loss) < best, and the norm that clip_grad_norm_(norm_type=inf) returns for a module under fully_shard. x.square().sum().sqrt().item() and
# the norm of order 2 are right. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
cat > "$folder/run.py" <<'PY'
import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import Shard, distribute_tensor

torch.distributed.init_process_group("gloo")
rank, mesh = torch.distributed.get_rank(), init_device_mesh("cpu", (2,))
whole = torch.arange(1.0, 9.0)
x = distribute_tensor(whole, mesh, [Shard(0)])
found = {name: (getattr(x, name)().item(), getattr(x, name)().full_tensor().item()) for name in ("sum", "mean", "max")}
norm = x.square().sum().sqrt()
torch.manual_seed(0)
net = nn.Linear(4, 6)
fully_shard(net, mesh=mesh)
net(torch.ones(2, 4)).square().sum().backward()
total = nn.utils.clip_grad_norm_(net.parameters(), 1.0, norm_type=float("inf"))
clip = float(total), float(total.full_tensor())
seen = [None, None]
torch.distributed.all_gather_object(seen, ({k: v[0] for k, v in found.items()}, clip[0]))
if rank == 0:
    for name, (_, full) in found.items():
        print(f"torch {torch.__version__} {name} of {whole.tolist()}, four on each process: item() on the processes {[s[0][name] for s in seen]}, full_tensor() {full}")
    print(f"  largest gradient by clip_grad_norm_ under fully_shard: float() on the processes {[round(s[1], 4) for s in seen]}, full_tensor() {clip[1]:.4f}; root of the sum of squares {norm.item():.4f}, full_tensor() {norm.full_tensor().item():.4f}")
good = [s[0]["sum"] for s in seen] == [10.0, 26.0] and found["sum"][1] == 36.0 and [s[0]["max"] for s in seen] == [4.0, 8.0] and seen[0][1] != seen[1][1]
torch.distributed.destroy_process_group()
raise SystemExit(0 if good and abs(norm.item() - norm.full_tensor().item()) < 1e-4 else 1)
PY
export OMP_NUM_THREADS=1
"$folder/env/bin/torchrun" --nproc-per-node 2 --master-port 29621 "$folder/run.py" 2> /dev/null
