#!/usr/bin/env bash
# torch 2.13.0: backward(create_graph=True) on a module under fully_shard (FSDP2), two gloo processes: a penalty on the gradient's length
# (sharpness, MAML, hypergradients).
#
# Guess, written before the run: .grad has a graph, or the call is refused; a loss plus a penalty on its gradients has the gradient of both.
# Seen: .grad has no graph, so the penalty is a constant: the gradient of loss + penalty is that of the loss alone, without an error. autograd.grad
# in the module's parameters finds them unused (None with allow_unused). Without fully_shard the penalty counts. Exits non-zero if the behaviour
# changes.
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
found = {}
for kind in ("plain", "fully_shard"):
    for penalty in (0.0, 1.0):
        torch.manual_seed(0)
        net = nn.Linear(2, 4)
        if kind == "fully_shard":
            fully_shard(net, mesh=mesh, reshard_after_forward=True)
        loss = net(x).square().mean()
        loss.backward(create_graph=True)
        squares = sum((p.grad.full_tensor() if kind == "fully_shard" else p.grad).square().sum() for p in net.parameters())
        graph = [p.grad.requires_grad for p in net.parameters()]
        net.zero_grad()
        (net(x).square().mean() + penalty * squares).backward()
        slope = net.weight.grad
        found[kind, penalty] = slope.full_tensor().detach() if kind == "fully_shard" else slope.detach()
        if rank == 0:
            print(f"torch {torch.__version__} {kind}, penalty times {penalty}: gradients have a graph {graph}, first gradients of loss + penalty {[round(v, 4) for v in found[kind, penalty].flatten()[:4].tolist()]}")
unused = torch.autograd.grad(net(x).sum(), list(net.parameters()), allow_unused=True)
torch.distributed.destroy_process_group()
same = torch.allclose(found["fully_shard", 0.0], found["fully_shard", 1.0]) and torch.allclose(found["plain", 0.0], found["fully_shard", 0.0], atol=1e-6)
raise SystemExit(0 if same and (found["plain", 0.0] - found["plain", 1.0]).abs().max() > 1e-2 and all(g is None for g in unused) else 1)
PY
export OMP_NUM_THREADS=1
"$folder/env/bin/torchrun" --nproc-per-node 2 --master-port 29625 "$folder/run.py" 2> /dev/null
