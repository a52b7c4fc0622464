#!/usr/bin/env bash
# accelerate 1.15.0 with torch 2.13.0: gradient accumulation over two loaders at once, zip(labelled, unlabelled), 4 micro-batches a step.
#
# Guess, written before the run: steps after micro-batches 4 and 8 and after the last one, as with a single loader, whichever loader is longer
# and whatever their order.
# Seen: a window is closed only when the loader that zip started last comes to its end. With 10 labelled and 14 unlabelled batches zip(labelled,
# unlabelled) steps twice in the first epoch and carries two micro-batches into the next, where steps fall after 2, 6 and 10; zip(unlabelled,
# labelled) steps three times in both. After the last epoch the rest is never used. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "accelerate==1.15.0"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState

found = {}
for order in ("labelled first", "unlabelled first", "labelled alone"):
    AcceleratorState._reset_state(True)
    GradientState._reset_state()
    accelerator = Accelerator(gradient_accumulation_steps=4, cpu=True)
    network = torch.nn.Linear(1, 1)
    loaders = [torch.utils.data.DataLoader(torch.arange(2.0 * batches), batch_size=2) for batches in (10, 14)]
    network, optimizer, labelled, unlabelled = accelerator.prepare(network, torch.optim.SGD(network.parameters(), lr=0.1), *loaders)
    found[order] = []
    for epoch in range(2):
        steps = []
        for number, _ in enumerate({"labelled first": lambda: zip(labelled, unlabelled), "unlabelled first": lambda: zip(unlabelled, labelled), "labelled alone": lambda: labelled}[order](), 1):
            with accelerator.accumulate(network):
                accelerator.backward(network(torch.ones(1, 1)).sum())
                optimizer.step()
                optimizer.zero_grad()
                steps += [number] if accelerator.sync_gradients else []
        found[order].append(steps)
    print(f"{order}: steps after micro-batches {found[order]} of 10")
right = [[4, 8, 10]] * 2
raise SystemExit(0 if found["labelled alone"] == found["unlabelled first"] == right and found["labelled first"] == [[4, 8], [2, 6, 10]] else 1)
PY
