#!/usr/bin/env bash
# pytorch-frame 0.3.0 (torch_frame) with torch 2.13.0: LinearBucketEncoder, piecewise linear encoding of numerical columns by their quartiles.
#
# Expected: a new row's value that is somewhat above the training rows' maximum is encoded somewhat beyond 1, as one above the maximum
# of any other column.
# Seen: where a quarter of the training rows or more have the maximum (grades, capped incomes, 0 and 1), the last bucket has no width and the encoding is
# the distance over 1e-8: a grade of 6 where 5 was the best gives 100,000,000, and the network's output with it. A value below a common minimum
# does the same downwards. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "pandas==3.1.1" "pyarrow==26.0.1" "scikit-learn==1.9.1" "scipy==1.17.1" "tqdm==4.67.1" "pillow==13.0.0"
"$folder/env/bin/python" -W ignore - <<'PY'
import subprocess
import sys
from importlib.metadata import version

subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "pytorch-frame==0.3.0"], check=True)
import torch
from torch_frame import stype
from torch_frame.data.stats import StatType, compute_col_stats
from torch_frame.nn import LinearBucketEncoder
import pandas as pd

def encode(train, new):
    stats = compute_col_stats(pd.Series(train), stype.numerical)
    encoder = LinearBucketEncoder(out_channels=1, stats_list=[stats], stype=stype.numerical)
    with torch.no_grad():
        encoder.weight.fill_(1.0)
        encoder.bias.zero_()
        return stats[StatType.QUANTILES], encoder.encode_forward(torch.tensor(new)[:, None]).flatten()

print(f"pytorch-frame {version('pytorch-frame')}: the sum over the four buckets of the encoding")
grades = [1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 5.0, 5.0, 5.0, 5.0]
spread = [1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 4.0, 4.5, 5.0]
results = []
for name, train in (("four of ten rows at the maximum", grades), ("one of ten rows at the maximum", spread)):
    quantiles, found = encode(train, [4.0, 5.0, 5.001, 6.0])
    results.append(found)
    print(f"  {name}, quartiles {[round(float(q), 2) for q in quantiles]}: 4 {float(found[0]):.3g}, 5 {float(found[1]):.3g}, 5.001 {float(found[2]):.6g}, 6 {float(found[3]):.3g}")
raise SystemExit(0 if results[0][:2].abs().max() < 5 and results[0][3] > 1e7 and results[0][2] > 1e4 and results[1].abs().max() < 10 else 1)
PY
