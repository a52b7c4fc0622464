#!/usr/bin/env bash
# torch 2.13.0: torch.func.vmap over torch.where and torch.clamp with one number per sample.
#
# Guess, written before the run: vmap gives what a loop over the samples gives, with the same type, for every elementwise operation.
# Seen: 25 of the 27 that were tried do. In a loop each sample's number has no dimension and does not widen the type of the sample: a bfloat16 row clamped
# at a float32 threshold stays bfloat16. Under vmap where and clamp see a vector of numbers, and the result is float32 (float64
# for float32, int64 for int32). The values differ too: the loop rounds the threshold to bfloat16, vmap does not. maximum, which
# computes the same, keeps the type. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch
from torch.func import vmap

rows, limits = torch.zeros(4, 3, dtype=torch.bfloat16), torch.full((4,), 0.1, dtype=torch.float32)
operations = {
    "clamp": lambda row, limit: torch.clamp(row, min=limit),
    "where": lambda row, limit: torch.where(row > limit, row, limit),
    "maximum": lambda row, limit: torch.maximum(row, limit),
    "add": torch.add,
    "atan2": torch.atan2,
}
found = {}
for name, operation in operations.items():
    loop, mapped = torch.stack([operation(r, s) for r, s in zip(rows, limits)]), vmap(operation)(rows, limits)
    found[name] = (loop.dtype, mapped.dtype)
    print(f"torch {torch.__version__} {name}: in a loop {loop.dtype} {float(loop[0, 0]):.6f}, under vmap {mapped.dtype} {float(mapped[0, 0]):.6f}")
changed = {name for name, (loop, mapped) in found.items() if loop != mapped}
raise SystemExit(0 if changed == {"clamp", "where"} and found["clamp"] == (torch.bfloat16, torch.float32) else 1)
PY
