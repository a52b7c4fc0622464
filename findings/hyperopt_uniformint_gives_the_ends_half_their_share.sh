#!/usr/bin/env bash
# hyperopt 0.3.0: hp.uniformint("layers", 1, 4), a whole number between two bounds, by random search.
#
# Expected: each of the four numbers has a share of 1/4, as its name says and as hp.randint has it.
# Seen: the two ends have 1/6 each and the numbers between 1/3 each: a uniform real number between 1 and 4 is rounded. With three numbers the
# middle one has half of all draws. rand.suggest draws so, and so do the first twenty draws of TPE. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "hyperopt==0.3.0" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
from collections import Counter
from importlib.metadata import version

import numpy as np
from hyperopt import Trials, fmin, hp, rand

def shares(space, n=3000):
    trials = Trials()
    fmin(lambda value: 0.0, space, algo=rand.suggest, max_evals=n, trials=trials, rstate=np.random.default_rng(0), show_progressbar=False, verbose=False)
    counts = Counter(int(t["misc"]["vals"]["n"][0]) for t in trials.trials)
    return {k: round(counts[k] / n, 3) for k in sorted(counts)}

whole, few, integers = shares(hp.uniformint("n", 1, 4)), shares(hp.uniformint("n", 1, 3)), shares(hp.randint("n", 1, 5))
print(f"hyperopt {version('hyperopt')}, shares of 3,000 draws of random search")
print(f"  uniformint 1 to 4: {whole}")
print(f"  uniformint 1 to 3: {few}")
print(f"  randint of the same numbers 1 to 4: {integers}")
ok = all(abs(whole[k] - s) < 0.04 for k, s in ((1, 1 / 6), (2, 1 / 3), (3, 1 / 3), (4, 1 / 6)))
raise SystemExit(0 if ok and abs(few[2] - 0.5) < 0.04 and all(abs(v - 0.25) < 0.04 for v in integers.values()) else 1)
PY
