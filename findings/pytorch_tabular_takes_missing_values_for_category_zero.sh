#!/usr/bin/env bash
# pytorch-tabular 1.2.0 with pandas 2.3.3: its OrdinalEncoder, which every model has for categorical columns, on a column of whole numbers (codes, grades,
# 0 and 1) with missing values.
#
# Expected: a missing value has a code of its own, and an unseen category has the code of missing ones, as it is documented
# ("impute new categories to a predefined value, which is same as NAN_CATEGORY").
# Seen: a missing value is the category 0: both have the same code, so no model can tell "0" from "not known". An unseen category has another code than
# a missing one, whose embedding no training row ever touches. A column of texts keeps missing values apart. No warning is given. The script loads the
# module of the encoders on its own. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "numpy==2.4.6" "scikit-learn==1.9.1" "scipy==1.17.1" "pandas==2.3.3" "rich==14.2.0"
"$folder/env/bin/python" -W ignore - <<'PY'
import importlib.util
import subprocess
import sys
from importlib.metadata import distribution, version
from unittest.mock import MagicMock

subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "pytorch-tabular==1.2.0"], check=True)
import numpy as np
import pandas as pd

sys.modules["pytorch_tabular"] = sys.modules["pytorch_tabular.utils"] = MagicMock(__path__=[])  # logs
spec = importlib.util.spec_from_file_location("encoders", distribution("pytorch-tabular").locate_file("pytorch_tabular/categorical_encoders.py"))
encoders = importlib.util.module_from_spec(spec)
spec.loader.exec_module(encoders)

table = pd.DataFrame({"grade": [2.0, 0.0, np.nan, 1.0, 0.0, np.nan], "text": ["b", "0", None, "a", "0", None]})
new = pd.DataFrame({"grade": [0.0, np.nan, 1.0, 7.0], "text": ["0", None, "a", "z"]})
encoder = encoders.OrdinalEncoder(cols=["grade", "text"])
encoder.fit(table)
codes = encoder.transform(new)
grade, text = codes["grade"].astype(int).tolist(), codes["text"].astype(int).tolist()
print(f"pytorch-tabular {version('pytorch-tabular')}")
print(f"  numbers: code of 0 {grade[0]}, of a missing value {grade[1]}, of 1 {grade[2]}, of 7, which is new, {grade[3]}")
print(f"  texts: code of '0' {text[0]}, of a missing value {text[1]}, of 'a' {text[2]}, of 'z', which is new, {text[3]}")
raise SystemExit(0 if grade[0] == grade[1] != grade[2] and text[0] != text[1] and grade[3] != grade[1] and text[3] != text[1] else 1)
PY
