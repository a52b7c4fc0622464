#!/usr/bin/env bash
# skops 0.16.0 with scikit-learn 1.9.1: dumps and loads of an estimator that keeps a collections.deque (the last losses, a window of rows).
#
# Guess, written before the run: Python's containers come back equal, or the file is refused.
# Seen: a deque comes back empty, and its length limit is gone. The file is written and loaded without a word. Lists, sets, dictionaries,
# Counter, OrderedDict and subclasses of list and dict come back as they were; complex numbers and defaultdict are refused. Exits non-zero if the
# behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "skops==0.16.0" "scikit-learn==1.9.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
from collections import Counter, OrderedDict, deque

import skops
import skops.io
from sklearn.dummy import DummyClassifier

model, values = DummyClassifier().fit([[0], [1]], [0, 1]), {"deque": deque([0.9, 0.7, 0.6], maxlen=3), "list": [0.9, 0.7], "Counter": Counter("aab"), "OrderedDict": OrderedDict(a=1)}
model.kept_ = values
data = skops.io.dumps(model)
loaded = skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data)).kept_
for name, value in values.items():
    print(f"skops {skops.__version__} {name}: {value} -> {loaded[name]}")
raise SystemExit(0 if loaded["deque"] == deque() and loaded["deque"].maxlen is None and all(loaded[name] == values[name] for name in ("list", "Counter", "OrderedDict")) else 1)
PY
