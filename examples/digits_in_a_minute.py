"""
Digits in a minute
==================

Scikit-learn's digits with ten labels per class: which model should one use? `auxin fit` compares
estimators, networks and blends by cross-validation over the labelled rows, keeps the best one, and says how
good it is. `auxin predict` uses it.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits

FOLDER = Path(tempfile.mkdtemp())
BUDGET = os.environ.get("AUXIN_EXAMPLE_BUDGET", "1min")


def auxin(*words: str) -> None:
    """Run a command of auxin's and show what it prints."""
    done = subprocess.run([sys.executable, "-m", "auxin", *words], cwd=FOLDER, capture_output=True, text=True)
    print("$ auxin", *words, "\n", done.stdout, done.stderr if done.returncode else "", sep=" ")


# %%
# Half of the rows are test rows. Of the others, ten per class keep their label; the rest are unlabelled.

auxin("fit", "digits", "--labels-per-class", "10", "--test", "0.5", "--budget", BUDGET, "--out", "digits")

# %%
# New rows come as a file. Here they are the first twelve digits, as images.

images = load_digits().images[:12]
np.savez(FOLDER / "new.npz", x=images[:, None].astype("uint8"))
auxin("predict", "digits", "new.npz", "--out", "predictions.csv")
found = pd.read_csv(FOLDER / "predictions.csv")
print(found[["row", "prediction"]].T.to_string(header=False))

figure, axes = plt.subplots(1, 12, figsize=(9, 1.2))
for place, image, label in zip(axes, images, found["prediction"], strict=True):
    place.imshow(image, cmap="gray_r")
    place.set_title(label)
    place.axis("off")
