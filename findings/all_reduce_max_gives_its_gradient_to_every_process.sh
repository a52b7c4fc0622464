#!/usr/bin/env bash
# torch 2.13.0: torch.distributed.nn.functional.all_reduce(op=ReduceOp.MAX), two gloo processes.
#
# Guess, written before the run: the gradient goes to the process that has the maximum, or it is refused.
# Seen: every process gets a gradient, the maximum over the processes of their incoming gradients. Process 0 has (1, 5), process 1 (3, 2),
# the result is (3, 5) on both; the sum of both processes' losses has the gradient (0, 3) on process 0 and (3, 0) on process 1, and both get
# (2, 2). MIN and PRODUCT reduce their gradients by MIN and PRODUCT. So a pooled feature or a stabilised softmax over sharded
# classes trains wrongly. SUM is right, and torch's newer functional collectives refuse. No warning is given. Exits non-zero if that changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import os
import tempfile
import torch
import torch.distributed as dist
import torch.distributed.nn.functional as functional

FILE = tempfile.mktemp()


def gradients(rank):
    dist.init_process_group("gloo", rank=rank, world_size=2, init_method=f"file://{FILE}")
    found = {}
    for op in ("SUM", "MAX"):
        x = torch.tensor([[1.0, 5.0], [3.0, 2.0]][rank], requires_grad=True)
        result = functional.all_reduce(x * 1, op=getattr(dist.ReduceOp, op))
        found[op], = torch.autograd.grad(result.sum() * (rank + 1), x)
        print(f"process {rank}, {op}: result {result.tolist()}, gradient {found[op].tolist()}", flush=True)
    dist.destroy_process_group()
    return found["SUM"].tolist() == [3.0, 3.0] and found["MAX"].tolist() == [2.0, 2.0]


other = os.fork()
right = gradients(1 if other else 0)
if not other:
    os._exit(0 if right else 1)
first = os.waitstatus_to_exitcode(os.waitpid(other, 0)[1]) == 0
print("torch", torch.__version__)
raise SystemExit(0 if right and first else 1)
PY
