#!/usr/bin/env bash
# datasets 5.2.0: cast_column (and cast) of a ClassLabel column to a ClassLabel with the same names in another order.
#
# Expected: the rows keep their names, or the cast is refused, as concatenate_datasets refuses two columns whose classes have another order.
# Seen: the rows keep their numbers, so each row is now of another class: cat becomes dog. Casting one source to the features of another, so that
# the two can be joined, exchanges its labels. A column of names (strings) is cast by name. No warning is given. Exits non-zero if the behaviour
# changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "datasets==5.2.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import datasets
from datasets import ClassLabel, Dataset, concatenate_datasets

datasets.disable_progress_bars()
names = ["cat", "dog", "cat"]
first = Dataset.from_dict({"label": names}).cast_column("label", ClassLabel(names=["cat", "dog"]))
second = Dataset.from_dict({"label": names}).cast_column("label", ClassLabel(names=["dog", "cat"]))


def read(data):
    return [data.features["label"].int2str(number) for number in data["label"]]


try:
    concatenate_datasets([first, second])
    refused = False
except ValueError:
    refused = True
cast = second.cast(first.features)
print(f"datasets {datasets.__version__}: both sources hold {read(first)} and {read(second)}; joining them is refused: {refused}; the second cast to the features of the first holds {read(cast)}")
raise SystemExit(0 if refused and read(second) == names and read(cast) == ["dog", "cat", "dog"] else 1)
PY
