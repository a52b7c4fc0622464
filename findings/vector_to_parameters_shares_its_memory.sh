#!/usr/bin/env bash
# torch 2.13.0: torch.nn.utils.vector_to_parameters, with which Reptile, MAML and searches in weight space put a saved start back.
#
# Guess, written before the run: the numbers are copied ("Copy slices of a vector into an iterable of parameters"), so training after it
# leaves the vector as it was, and a second call restores the start.
# Seen: the parameters become views of the vector. An optimiser's step changes the vector as well, and the second call restores the
# trained weights, not the start. All inner loops of a meta-batch thus continue one another. No warning is given;
# vector_to_parameters(start.clone(), ...) is right. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters

torch.manual_seed(0)
model = torch.nn.Linear(3, 1)
start = parameters_to_vector(model.parameters()).detach().clone()
written_down = start.clone()
for task in range(3):
    vector_to_parameters(start, model.parameters())
    began = (parameters_to_vector(model.parameters()) - written_down).abs().max().item()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model(torch.ones(2, 3)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    print(f"task {task}: the weights after restoring are {began:.2f} from the start that was saved")
moved = (start - written_down).abs().max().item()
print(f"torch {torch.__version__}: the saved vector itself has moved by {moved:.2f}")
raise SystemExit(0 if moved > 0.1 and began > 0.1 else 1)
PY
