#!/usr/bin/env bash
# torch 2.13.0: fully_shard (FSDP2), two gloo processes: micro-batches under set_requires_gradient_sync(False), then zero_grad (a window that is
# given up because a loss is NaN, or a gradient that is only looked at).
#
# Guess, written before the run: zero_grad drops what was accumulated, as it does under DistributedDataParallel's no_sync, and the next step is that
# of its own rows.
# Seen: the accumulated gradient stays in the module, out of reach of .grad (which is None, so clip_grad_norm_ reports 0), and is added to the next
# synchronised gradient after zero_grad. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
cat > "$folder/run.py" <<'PY'
import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

torch.distributed.init_process_group("gloo")
rank, mesh = torch.distributed.get_rank(), init_device_mesh("cpu", (2,))
x = torch.tensor([[1.0, 2.0], [3.0, -1.0]])


def build():
    torch.manual_seed(0)
    return nn.Linear(2, 4)


plain, sharded, parallel = build(), build(), nn.parallel.DistributedDataParallel(build())
fully_shard(sharded, mesh=mesh)
plain(x).sum().backward()
sharded.set_requires_gradient_sync(False)
(100 * sharded(x).sum()).backward()
seen = [p.grad is None for p in sharded.parameters()]
norm = float(nn.utils.clip_grad_norm_(sharded.parameters(), 1.0))
sharded.zero_grad()
sharded.set_requires_gradient_sync(True)
sharded(x).sum().backward()
with parallel.no_sync():
    (100 * parallel(x).sum()).backward()
parallel.zero_grad()
parallel(x).sum().backward()
ratio = (sharded.weight.grad.full_tensor() / plain.weight.grad).mean().item()
other = (parallel.module.weight.grad / plain.weight.grad).mean().item()
if rank == 0:
    print(f"torch {torch.__version__}: after 100 times the loss without synchronisation: .grad is None {seen}, clip_grad_norm_ {norm}")
    print(f"  zero_grad and one pass with synchronisation: gradient / right gradient {ratio:.4f} under fully_shard, {other:.4f} under DistributedDataParallel")
torch.distributed.destroy_process_group()
raise SystemExit(0 if all(seen) and norm == 0 and abs(ratio - 101) < 1e-3 and abs(other - 1) < 1e-5 else 1)
PY
export OMP_NUM_THREADS=1
"$folder/env/bin/torchrun" --nproc-per-node 2 --master-port 29624 "$folder/run.py" 2> /dev/null
