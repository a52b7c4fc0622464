#!/usr/bin/env bash
# crowd-kit 1.4.2: DawidSkene.fit(data, true_labels), true labels of some tasks beside the workers' answers.
#
# Guess, written before the run: one task of 60 whose true label is a class that no worker chose gives this class a prior of 1/60, and the other tasks go on as
# before.
# Seen: the class starts with a prior of 1, beside two of about 1/2, because the probabilities of all other tasks for it are missing instead of 0 and the mean skips
# them. After one step of the algorithm it has 10 to 28 % of all tasks, and at the end up to 22 %; the share of right labels among the
# other 59 falls from .95 to .64 in the worst of six draws. With one vote for the class by a worker who gives no other answer, which makes the column exist, it stays at
# .95. A gold label of a class that has votes is right. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "numpy==2.4.6" "scipy==1.17.1" "pandas==3.1.1" "scikit-learn==1.9.1" "attrs==26.1.0" "tqdm==4.67.1" "nltk==3.9.2"
"$folder/env/bin/python" -m pip install -q --no-deps "crowd-kit==1.4.2"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import numpy as np
import pandas as pd
from crowdkit.aggregation import DawidSkene

skill = {"a": 0.95, "b": 0.9, "c": 0.6, "d": 0.55, "e": 0.7, "f": 0.9}
gold = pd.Series({"t00": "z"})
found = []
for seed in range(6):
    rng = np.random.default_rng(seed)
    truth, rows = rng.integers(0, 2, 60), []
    for task in range(60):
        for worker, right in skill.items():
            if rng.random() < 0.7:
                rows.append((f"t{task:02d}", worker, "xy"[truth[task] if rng.random() < right else 1 - truth[task]]))
    data = pd.DataFrame(rows, columns=["task", "worker", "label"])
    vote = pd.DataFrame([("t00", "g", "z")], columns=data.columns)
    names = np.array(["x", "y"])[truth][1:]
    case = []
    for table in (data, pd.concat([data, vote])):
        first = DawidSkene(n_iter=1).fit(table, true_labels=gold).probas_["z"].mean()
        model = DawidSkene().fit(table, true_labels=gold)
        case += [first, model.probas_["z"].mean(), (model.labels_.sort_index().to_numpy()[1:] == names).mean()]
    found.append(case)
    print(f"crowd-kit {version('crowd-kit')} draw {seed}: the gold class z has {case[0]:.2f} of all tasks after one step and {case[1]:.2f} at the end, {case[2]:.2f} of the others are right; with one vote for z {case[3]:.2f}, {case[4]:.2f} and {case[5]:.2f}")
found = np.array(found)
raise SystemExit(0 if (found[:, 0] > 2 * found[:, 3]).all() and found[:, 1].max() > 0.15 and (found[:, 5] - found[:, 2]).max() > 0.2 else 1)
PY
