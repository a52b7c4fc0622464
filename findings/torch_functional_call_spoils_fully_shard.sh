#!/usr/bin/env bash
# torch 2.13.0 (numpy 2.3.3): torch.func.functional_call on a module under torch.distributed.fsdp.fully_shard (FSDP2), two gloo processes.
#
# Behaviour: functional_call with parameters of the module's own type (DTensors like named_parameters()) returns a result, and
# afterwards the module's own forward pass, which worked before, raises "got mixed torch.Tensor and DTensor", for good.
# Expected: functional_call raises, or leaves the module as it was: it documents that the module is unchanged afterwards.
# Guess before the run: functional_call would raise at once.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q torch==2.13.0 numpy 2>/dev/null
cat > "$folder/run.py" <<'PYTHON'
import sys

import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.func import functional_call

torch.distributed.init_process_group("gloo")
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3))
fully_shard(net, mesh=init_device_mesh("cpu", (2,)))
x = torch.ones(4, 5)
net(x).sum().backward()  # the module works
zeros = {name: torch.zeros_like(p) for name, p in net.named_parameters()}
result = functional_call(net, zeros, (x,))
try:
    net(x)
    after = "works"
except RuntimeError as error:
    after = f"raises: {error}"
if torch.distributed.get_rank() == 0:
    print(f"torch {torch.__version__}: functional_call returned {list(result.shape)}; the module's own forward then {after}")
torch.distributed.destroy_process_group()
sys.exit(0 if "mixed torch.Tensor and DTensor" in after else 1)
PYTHON
export OMP_NUM_THREADS=1
"$folder/env/bin/torchrun" --nproc-per-node 2 --master-port 29611 "$folder/run.py" 2>/dev/null
