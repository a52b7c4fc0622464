"""
A table with missing labels
===========================

Most rows of this table have no main label, and every row has two auxiliary ones. The rows are those of
scikit-learn's breast cancer data: the diagnosis is known for 60 rows only, and the area and the smoothness
of the nuclei are auxiliary labels, not inputs.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer

FOLDER = Path(tempfile.mkdtemp())
BUDGET = os.environ.get("AUXIN_EXAMPLE_BUDGET", "1min")


def auxin(*words: str) -> None:
    """Run a command of auxin's and show what it prints."""
    done = subprocess.run([sys.executable, "-m", "auxin", *words], cwd=FOLDER, capture_output=True, text=True)
    print("$ auxin", *words, "\n", done.stdout, done.stderr if done.returncode else "", sep=" ")


# %%
# An empty cell of a target is a missing label. 200 rows are kept aside to judge the model.

data = load_breast_cancer(as_frame=True)
table = data.frame.drop(columns=["target"])
table["diagnosis"] = np.where(data.target == 0, "malignant", "benign")
order = np.random.default_rng(0).permutation(len(table))
new, known = table.iloc[order[:200]], table.iloc[order[200:]].copy()
known.iloc[60:, known.columns.get_loc("diagnosis")] = None
known.to_csv(FOLDER / "known.csv", index=False)
new.to_csv(FOLDER / "new.csv", index=False)

# %%
# `--target` names the main task, and `--aux` the columns that are auxiliary labels.

aux = "mean area,mean smoothness"
auxin("fit", "known.csv", "--target", "diagnosis", "--aux", aux, "--budget", BUDGET, "--out", "model")

# %%
# The new rows carry their diagnosis, so the score is printed too.

auxin("predict", "model", "new.csv", "--out", "predictions.csv")
