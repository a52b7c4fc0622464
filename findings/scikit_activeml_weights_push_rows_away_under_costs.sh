#!/usr/bin/env bash
# scikit-activeml 1.0.1: UncertaintySampling.query(..., utility_weight=...), which row to ask an annotator for next.
#
# Guess, written before the run: a row of ten times the weight moves forward in the queue, for every method and with a cost matrix as without one.
# Seen: with method="margin_sampling" and a cost matrix it goes to the end: from place 18 of 80 to the last. The utility of this method is then minus the margin, and a
# negative utility times ten is smaller. Rows of weight 0, which are to be left out, come first. With the costs of plain errors (0 and 1)
# the unweighted order is that without a cost matrix, so a matrix that states the default turns the weights around. least_confident and entropy
# are right. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "scikit-learn==1.9.1" "numpy==2.4.6" "scipy==1.17.1" "scikit-activeml==1.0.1"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import numpy as np
from skactiveml.classifier import ParzenWindowClassifier
from skactiveml.pool import UncertaintySampling

rng = np.random.default_rng(0)
x = rng.normal(size=(100, 2))
y = np.r_[x[:20, 0] > 0.8, np.full(80, np.nan)]
plain_errors = np.array([[0, 1], [1, 0]])
found = {}
for method, costs in (("least_confident", None), ("entropy", None), ("margin_sampling", None), ("least_confident", plain_errors), ("margin_sampling", plain_errors)):
    places = []
    for weight in (1.0, 10.0, 0.0):
        weights = np.ones(100)
        weights[50] = weight
        query = UncertaintySampling(method=method, cost_matrix=costs, random_state=0)
        _, utilities = query.query(x, y, clf=ParzenWindowClassifier(classes=[0, 1]), utility_weight=weights, return_utilities=True)
        places.append(int((utilities[0][20:] > utilities[0][50]).sum()) + 1)
    found[method, costs is not None] = places
    print(f"scikit-activeml {version('scikit-activeml')} {method}{' with costs' if costs is not None else ''}: the row is number {places[0]} of 80 with a weight of 1, {places[1]} with 10, {places[2]} with 0")
turned = found.pop(("margin_sampling", True))
ok = all(ten < one < zero for one, ten, zero in found.values())
raise SystemExit(0 if ok and turned[1] == 80 and turned[2] == 1 and turned[0] == found["margin_sampling", False][0] else 1)
PY
