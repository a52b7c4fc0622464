#!/usr/bin/env bash
# mlxtend 0.25.0 with scikit-learn 1.9.1: evaluate.bootstrap_point632_score, the .632 bootstrap of Efron (1983), of a nearest neighbour on random
# labels.
#
# Guess, written before the run: .632 times the accuracy on rows left out (about .5) plus .368 times the accuracy on the rows that the estimator was
# fitted to, which is 1 for one neighbour, so about .71.
# Seen: .65. Each resample's estimator is scored on all rows, a third of which it was not fitted to, so its "training accuracy" is .83 and rows left
# out count twice, in both terms; the estimate falls between .632 and oob. Method ".632+" takes the same number. Exits non-zero if the behaviour
# changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "mlxtend==0.25.0" "numpy==2.4.6" "scipy==1.17.1" "scikit-learn==1.9.1" "pandas==3.1.1" "matplotlib==3.11.2"
"$folder/env/bin/python" -W ignore - <<'PY'
import mlxtend
import numpy as np
from mlxtend.evaluate import bootstrap_point632_score
from sklearn.neighbors import KNeighborsClassifier

rng = np.random.default_rng(0)
x, y = rng.normal(size=(200, 3)), np.arange(200) % 2
one = KNeighborsClassifier(1)
score = {method: float(np.mean(bootstrap_point632_score(one, x, y, n_splits=100, method=method, random_seed=0))) for method in ("oob", ".632", ".632+")}
fitted = one.fit(x, y).score(x, y)
right = 0.632 * score["oob"] + 0.368 * fitted
implied = (score[".632"] - 0.632 * score["oob"]) / 0.368
print(f"mlxtend {mlxtend.__version__}, one neighbour, random labels: accuracy on rows left out {score['oob']:.3f}, on the rows fitted to {fitted:.3f}")
print(f"  .632 estimate {score['.632']:.3f}, .632 * left out + .368 * fitted {right:.3f}, training accuracy that the estimate implies {implied:.3f}; .632+ {score['.632+']:.3f}")
raise SystemExit(0 if fitted == 1 and right - score[".632"] > 0.04 and 0.76 < implied < 0.88 else 1)
PY
