#!/usr/bin/env bash
# datasets 5.2.0 with torch 2.13.0: a column of whole numbers with gaps, read with with_format("torch") (or "numpy").
#
# Guess, written before the run: a column has one type in every batch, and its numbers are exact.
# Seen: a batch in which a value is missing is float32 and the others are int64, so the type of a label column changes from batch to
# batch with few labels, and numbers above 2^24 are rounded in just those batches: the row numbers 16,777,217 and
# 16,777,216 become the same. The column's own type stays int64. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "datasets==5.2.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import datasets
import torch
from datasets import Dataset

rows = Dataset.from_dict({"id": [2**24, 2**24 + 1, None, 2**24, 2**24 + 1, 5]})
batches = [rows.with_format("torch")[start : start + 3]["id"] for start in (0, 3)]
numbers = [rows.with_format("numpy")[start : start + 3]["id"] for start in (0, 3)]
print(f"datasets {datasets.__version__}: the column is {rows.features['id'].dtype}; batches are",
      [(str(b.dtype), [f"{v:.0f}" for v in b.tolist()]) for b in batches], [str(n.dtype) for n in numbers])
mixed = [b.dtype for b in batches] == [torch.float32, torch.int64] and [str(n.dtype) for n in numbers] == ["float32", "int64"]
raise SystemExit(0 if mixed and batches[0][0] == batches[0][1] and batches[1][0] != batches[1][1] else 1)
PY
