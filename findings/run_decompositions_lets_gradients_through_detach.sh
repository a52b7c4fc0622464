#!/usr/bin/env bash
# torch 2.13.0: torch.export and ExportedProgram.run_decompositions of a network with a stopped gradient (a teacher's target, as in BYOL).
#
# Guess, written before the run: what stands under detach() or torch.no_grad() stays a constant in the exported module, before and after
# run_decompositions().
# Seen: before, it does, also after saving and loading. After run_decompositions(), which rewrites the operations into a smaller set,
# the detach and the no_grad are gone and the gradient flows through: w^3 whose w^2 is stopped has the gradient 3 w^2 instead of w^2. Outputs are the
# same. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch


class Detached(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.tensor([2.0, 3.0]))

    def forward(self, x):
        return (x * self.w * (self.w**2).detach()).sum()


class Stopped(Detached):
    def forward(self, x):
        with torch.no_grad():
            target = self.w**2
        return (x * self.w * target).sum()


def gradient(model):
    for p in model.parameters():
        p.grad = None
    model(torch.ones(2)).backward()
    return next(model.parameters()).grad.tolist()


right = True
for kind in (Detached, Stopped):
    program = torch.export.export(kind(), (torch.ones(2),))
    found = [gradient(m) for m in (kind(), program.module(), program.run_decompositions().module())]
    print(f"{kind.__name__}: gradient {found[0]} in eager mode, {found[1]} exported, {found[2]} after run_decompositions")
    right = right and found[0] == found[1] == [4.0, 9.0] and found[2] == [12.0, 27.0]
print("torch", torch.__version__)
raise SystemExit(0 if right else 1)
PY
