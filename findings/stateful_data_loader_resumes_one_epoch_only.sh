#!/usr/bin/env bash
# torchdata 0.11.0 with torch 2.13.0: StatefulDataLoader(shuffle=True, generator=...), resumed from its state_dict().
#
# Guess, written before the run: the rest of the epoch and all later epochs are those of the run that was not interrupted.
# Seen: the rest of the epoch is. Every later epoch has another order, from whatever batch the state was taken, also before the first one: a resumed
# run is another run from the next epoch on. With the same generator given to a RandomSampler, and that to the loader, every epoch is right. No
# warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "torchdata==0.11.0"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import torch
from torch.utils.data import RandomSampler
from torchdata.stateful_dataloader import StatefulDataLoader

rows = list(range(20))


def inner(seed):
    return StatefulDataLoader(rows, batch_size=3, shuffle=True, generator=torch.Generator().manual_seed(seed))


def in_sampler(seed):
    return StatefulDataLoader(rows, batch_size=3, sampler=RandomSampler(rows, generator=torch.Generator().manual_seed(seed)))


def epochs(loader, count):
    return [[batch.tolist() for batch in loader] for _ in range(count)]


found = {}
for name, make in (("generator given to the loader", inner), ("generator given to a sampler", in_sampler)):
    whole = epochs(make(1), 3)
    for stop in (0, 2, 6):
        loader = make(1)
        steps = iter(loader)
        before = [next(steps).tolist() for _ in range(stop)]
        resumed = make(1)
        resumed.load_state_dict(loader.state_dict())
        first, second, third = epochs(resumed, 3)
        found[name, stop] = before + first == whole[0], second == whole[1], third == whole[2]
        print(f"torchdata {version('torchdata')}, {name}, stopped after {stop} batches: the rest of the epoch, the second and the third epoch as without a stop: {found[name, stop]}")
wrong = [v for (name, _), v in found.items() if name.endswith("loader")]
raise SystemExit(0 if all(v == (True, False, False) for v in wrong) and all(v == (True, True, True) for v in found.values() if v not in wrong) else 1)
PY
