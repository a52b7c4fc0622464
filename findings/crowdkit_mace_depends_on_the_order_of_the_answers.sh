#!/usr/bin/env bash
# crowd-kit 1.4.2: MACE, which estimates the trust in each annotator and what the untrusted ones answer.
#
# Guess, written before the run: the order of the rows (task, worker, label) and the names of the workers do not change the labels.
# Seen: they do. One good worker and three who always give one answer: 46 % of the labels are right, and 78 % once the rows are sorted by worker and label. In
# the first order a worker who always says x has a trust of 1.00 and the good one of 0. The counts of an annotator's answers come out of
# pandas sorted by name and are read back in the order of first appearance, for workers and labels alike, so one worker gets another's
# habits. DawidSkene is the same in every order. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "crowd-kit==1.4.2" "numpy==2.4.6" "scipy==1.17.1" "pandas==3.1.1" "scikit-learn==1.9.1"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import numpy as np
import pandas as pd
from crowdkit.aggregation import MACE, DawidSkene

rng = np.random.default_rng(0)
truth = np.where(rng.random(200) < 0.5, "x", "y")
other = {"x": "y", "y": "x"}


def answers(names):
    rng, rows = np.random.default_rng(3), []
    for task, true in enumerate(truth):
        for kind, name in names.items():
            if rng.random() < 0.8:
                usual, share = (true, 0.85) if kind == "good" else (kind[-1], 0.97)
                rows.append((f"t{task:03d}", name, usual if rng.random() < share else other[usual]))
    return pd.DataFrame(rows, columns=["task", "worker", "label"])


orders = {"good worker first": {"good": "a", "always x": "b", "always y": "c", "also x": "d"}, "good worker last": {"good": "d", "always x": "c", "always y": "b", "also x": "a"}}
found = {}
for name, names in orders.items():
    data = answers(names)
    for rows, table in (("as they came", data), ("sorted by worker and label", data.sort_values(["worker", "label"]))):
        model = MACE().fit(table)
        trust = dict(zip(pd.factorize(table["worker"])[1], model.spamming_[:, 1], strict=True))
        right = (model.labels_.sort_index().to_numpy() == truth).mean()
        dawid_skene = (DawidSkene().fit_predict(table).sort_index().to_numpy() == truth).mean()
        found[name, rows] = right, dawid_skene
        print(f"crowd-kit {version('crowd-kit')}, {name}, rows {rows}: {right:.3f} right (DawidSkene {dawid_skene:.3f}), trust {', '.join(f'{kind} {trust[worker]:.2f}' for kind, worker in names.items())}")
mace, others = [m for m, _ in found.values()], [d for _, d in found.values()]
raise SystemExit(0 if max(mace) - min(mace) > 0.2 and max(others) - min(others) < 0.01 else 1)
PY
