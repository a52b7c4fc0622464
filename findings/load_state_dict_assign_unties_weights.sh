#!/usr/bin/env bash
# torch 2.13.0: Module.load_state_dict(assign=True), the way to load a network that was built on the meta device, with tied weights.
#
# Expected: the tie stays, as with assign=False: one parameter under two names.
# Seen: the two names become two parameters over the same memory. An optimiser that is made afterwards holds both, gives each its own part of the
# gradient and its own moments, and moves the memory twice in each step: Adam's first step is twice as long. Counts of parameters and penalties
# over them count the weight twice. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import copy

import torch


class Tied(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.head = torch.nn.Embedding(6, 4), torch.nn.Linear(4, 6, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, words):
        return self.head(self.embedding(words))


torch.manual_seed(0)
saved, words, targets, seen = copy.deepcopy(Tied().state_dict()), torch.tensor([0, 1, 2]), torch.tensor([3, 4, 5]), {}
for assign in (False, True):
    net = Tied()
    net.load_state_dict(saved, assign=assign)
    optimizer, before = torch.optim.Adam(net.parameters(), lr=0.01), net.head.weight.detach().clone()
    torch.nn.functional.cross_entropy(net(words), targets).backward()
    optimizer.step()
    step = (net.head.weight.detach() - before).abs().max()
    seen[assign] = (len(list(net.parameters())), net.head.weight is net.embedding.weight, net.head.weight.data_ptr() == net.embedding.weight.data_ptr(), round(float(step), 3))
    print(f"torch {torch.__version__} assign={assign}: parameters, same object, same memory, longest move of Adam's first step of 0.01: {seen[assign]}")
raise SystemExit(0 if seen == {False: (1, True, True, 0.01), True: (2, False, True, 0.02)} else 1)
PY
