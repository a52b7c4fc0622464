#!/usr/bin/env bash
# schedulefree 1.4.1 with torch 2.13.0, AdamWScheduleFree.step().
# Behaviour: the step leaves in `p.grad` its own normalised direction plus weight decay, and not the gradient, so whatever
# reads gradients after the step (norms in logs, gradient statistics, accumulation without zero_grad) reads something else.
# Both forms (foreach and not) do: the plain one adds the decay to `grad.div_`, which works in place.
# Expected: gradients as they were, as torch.optim's optimizers leave them.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q "torch==2.13.0" "schedulefree==1.4.1" numpy
"$folder/venv/bin/python" - <<'PY'
import sys
import torch
import schedulefree

def left(kind, **options):
    w = torch.nn.Parameter(torch.ones(2))
    optimizer = kind([w], lr=0.01, weight_decay=0.1, **options)
    getattr(optimizer, "train", lambda: None)()
    w.grad = torch.tensor([3.0, -0.001])
    optimizer.step()
    return [round(g, 4) for g in w.grad.tolist()]

found = {
    "torch.optim.AdamW": left(torch.optim.AdamW),
    "AdamWScheduleFree": left(schedulefree.AdamWScheduleFree),
    "AdamWScheduleFree(foreach=False)": left(schedulefree.AdamWScheduleFree, foreach=False),
}
print("the gradient was [3.0, -0.001]; after the step p.grad is", found)
ours = [value for name, value in found.items() if "Free" in name]
sys.exit(0 if found["torch.optim.AdamW"] == [3.0, -0.001] and all(v[0] < 1.2 for v in ours) else 1)
PY
