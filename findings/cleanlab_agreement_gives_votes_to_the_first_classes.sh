#!/usr/bin/env bash
# cleanlab 2.9.0: multiannotator.get_label_quality_multiannotator(quality_method="agreement") with its default consensus_method, "best_quality".
#
# Expected: the label of best quality, where quality is the share of annotators that agree, is the majority's label.
# Seen: rows on which all annotators agree get another label, with a quality of 0: three votes for class 1 give class 0. The votes are counted
# as integers if they are integers; a matrix in which an annotator left out any row, the usual one, is of floats, and for floats the counts are
# written from class 0 on, whatever classes they are of. Of 300 rows 31 % are right, of 4 classes, where the majority vote has 98 %.
# consensus_method="majority_vote" is right, and so is the default quality_method, "crowdlab". No warning is given. Exits non-zero if
# the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "cleanlab==2.9.0" "scikit-learn==1.9.1" "numpy==2.4.6" "scipy==1.16.3" "pandas==2.3.3"
"$folder/env/bin/python" -W ignore - <<'PY'
import cleanlab
import numpy as np
import pandas as pd
from cleanlab.multiannotator import get_label_quality_multiannotator

def consensus(votes, probabilities, **how):
    found = get_label_quality_multiannotator(pd.DataFrame(votes), probabilities, verbose=False, **how)["label_quality"]
    return found["consensus_label"].to_numpy(), found["consensus_quality_score"].round(2).tolist()

small = np.array([[0, 0, 0], [1, 1, 1], [2, 2, 2], [2, 2, 0], [1, 1, np.nan], [0, np.nan, 0]])
certain = 0.7 * np.eye(3)[[0, 1, 2, 2, 1, 0]] + 0.1
for method in ("majority_vote", "best_quality"):
    label, quality = consensus(small, certain, consensus_method=method, quality_method="agreement")
    print(f"cleanlab {cleanlab.__version__} {method}: labels {label.tolist()}, quality {quality}")

rng = np.random.default_rng(0)
rows, classes = 300, 4
true = rng.integers(0, classes, rows)
votes = np.full((rows, 5), np.nan)
for annotator, skill in enumerate((0.9, 0.8, 0.7, 0.6, 0.95)):
    given = np.where(rng.random(rows) < skill, true, rng.integers(0, classes, rows))
    votes[:, annotator] = np.where(rng.random(rows) < 0.7, given, np.nan)
votes[:, 4] = np.where(np.isnan(votes[:, :4]).all(1), true, votes[:, 4])
scores = rng.normal(size=(rows, classes)) + 2.5 * np.eye(classes)[true]
probabilities = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
share = {}
for quality in ("agreement", "crowdlab"):
    for method in ("majority_vote", "best_quality"):
        share[quality, method] = float((consensus(votes, probabilities, consensus_method=method, quality_method=quality)[0] == true).mean())
        print(f"{rows} rows, quality_method={quality!r}, consensus_method={method!r}: {100 * share[quality, method]:.0f} % of the labels right")
wrong = share.pop(("agreement", "best_quality"))
raise SystemExit(0 if wrong < 0.5 and min(share.values()) > 0.9 and consensus(small, certain, quality_method="agreement")[0].tolist()[1:3] == [0, 0] else 1)
PY
