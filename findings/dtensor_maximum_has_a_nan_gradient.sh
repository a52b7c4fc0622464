#!/usr/bin/env bash
# torch 2.13.0: the gradient of the largest entry of a sharded DTensor (torch.amax, vector_norm of order infinity), two gloo processes.
#
# Guess, written before the run: the gradient is that of the whole tensor: 1 at the largest entry and 0 elsewhere, or it is refused.
# Seen: so it is while the first process holds the largest entry. Where another process holds it, the gradient is infinite there and NaN at all
# other entries, of all rows. The value is right in both cases, and torch.max, without the "a", has the right gradient. A penalty on the largest
# weight, or an attack's bound, works at first and spoils all weights in one step. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
cat > "$folder/run.py" <<'PY'
import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor

torch.distributed.init_process_group("gloo")
rank, mesh = torch.distributed.get_rank(), init_device_mesh("cpu", (2,))
good = True
for place, holder in ((1, "first"), (6, "second")):
    whole = torch.linspace(-1, 1, 8)
    whole[place] = 3.0
    for name, largest in (("max", torch.max), ("amax", torch.amax), ("infinite norm", lambda x: torch.linalg.vector_norm(x, float("inf")))):
        x = distribute_tensor(whole.reshape(4, 2), mesh, [Shard(0)]).requires_grad_()
        value = largest(x)
        value.backward()
        slope, right, value = x.grad.full_tensor().flatten(), torch.eye(8)[place], value.full_tensor().item()
        if rank == 0:
            print(f"torch {torch.__version__} {name}, held by the {holder} process: value {value}, gradient {slope.tolist()}")
        good &= value == 3.0 and (torch.equal(slope, right) if holder == "first" or name == "max" else bool(slope[0].isnan()) and bool(slope[place].isinf()))
torch.distributed.destroy_process_group()
raise SystemExit(0 if good else 1)
PY
export OMP_NUM_THREADS=1
"$folder/env/bin/torchrun" --nproc-per-node 2 --master-port 29622 "$folder/run.py" 2> /dev/null
