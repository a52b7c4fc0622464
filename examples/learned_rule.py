"""
Features by a learned rule
==========================

The learned unsupervised update rule trains a small network on all digits without a label. A linear
classifier then reads its features with ten labels per class. PCA and the raw pixels stand beside it: a
learned rule has to beat them to be worth it.
"""

import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import auxin

WIDTH = 32
DRAWS = int(os.environ.get("AUXIN_EXAMPLE_STEPS", "300")) // 60  # how often ten labels per class are drawn

x, y = load_digits(return_X_y=True)
features = {
    "pixels": x / 16,
    "PCA": PCA(WIDTH, random_state=0).fit_transform(x / 16),
    "learned rule": auxin.LearnedRule.load("small").fit(x / 16, hidden=(64,), width=WIDTH).transform(x / 16),
}

# %%
# Ten labels per class are drawn several times. Half of the rows are test rows, the same for every draw.

test = np.arange(len(y)) % 2 == 0
scores: dict[str, list[float]] = {name: [] for name in features}
for seed in range(max(DRAWS, 1)):
    order = np.random.default_rng(seed).permutation(np.flatnonzero(~test))
    labelled = np.concatenate([order[y[order] == digit][:10] for digit in range(10)])
    for name, values in features.items():
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        scores[name].append(model.fit(values[labelled], y[labelled]).score(values[test], y[test]))
for name, found in scores.items():
    print(f"{name:13s} {100 * np.mean(found):.1f} % of the test rows")

# %%
# Each point is one draw of the labels.

plt.figure(figsize=(5, 2.4))
for place, found in enumerate(scores.values()):
    plt.plot(100 * np.array(found), np.full(len(found), place), "o", alpha=0.6)
plt.yticks(range(len(scores)), list(scores))
plt.xlabel("accuracy (%)")
plt.tight_layout()
