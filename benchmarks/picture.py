"""Draw the picture of the README from the kept result files: digits on the left, the panel on the right.

python benchmarks/picture.py results/panel/fresh.json docs/_static/results.png
"""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

ROOT = Path(__file__).parents[1]
GREY, BLUE = "#8a8f98", "#0072b2"
# The columns of docs/benchmarks/panel.md, which are all that are ranked, and their names there.
SHOWN = {
    **{name: name for name in ("fit", "ridge", "random_forest", "extra_trees", "stacking", "self_training")},
    **{name: name for name in ("gradient_boosting", "logistic", "lightgbm", "svc", "label_spreading")},
    "network": "network (single)",
    "with auxiliaries": "the best with auxiliaries",
}


def digits(axes: plt.Axes) -> None:
    """Each seed's accuracy on the confirmation rows."""
    rows = json.loads((ROOT / "results/optdigits/confirmation.json").read_text())["rows"]
    for place, row in enumerate(reversed(rows)):
        scores = 100 * np.array(list(row["scores"].values()))
        colour = BLUE if row["method"].startswith("fixmatch") else GREY
        axes.plot(scores, np.full(len(scores), place), "o", color=colour, alpha=0.35, markersize=4)
        axes.plot(scores.mean(), place, "|", color=colour, markersize=22, markeredgewidth=3)
    axes.margins(y=0.15)
    axes.set_yticks(range(len(rows)), [row["method"] for row in reversed(rows)])
    axes.set_xlabel("accuracy (%) on rows opened once")
    axes.set_title("Digits never opened before, 10 labels per class, 20 seeds", loc="left", fontsize=10)


def panel(axes: plt.Axes, file: Path) -> None:
    """The mean normalised rank of each column over the cells."""
    cells = json.loads(file.read_text())
    ranks: dict[str, list[float]] = {name: [] for name in SHOWN}
    for cell in cells:
        scores = {name: score for name, score in cell["scores"].items() if name in SHOWN}
        for name, score in scores.items():
            others = [value for other, value in scores.items() if other != name]
            beaten = sum(value > score for value in others) + 0.5 * sum(value == score for value in others)
            ranks[name].append(beaten / len(others))
    means = {name: float(np.mean(found)) for name, found in ranks.items() if found}
    order = sorted(means, key=lambda name: -means[name])
    colours = [BLUE if name == "fit" else GREY for name in order]
    axes.barh([SHOWN[name] for name in order], [means[name] for name in order], color=colours)
    axes.set_xlabel("mean normalised rank (0 is best)")
    sets = len({cell["set"] for cell in cells})
    axes.set_title(f"auxin fit on {sets} data sets, {file.stem} part", loc="left", fontsize=10)


def main() -> None:
    """Draw both and write the file."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.2))
    digits(left)
    panel(right, Path(sys.argv[1]))
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(sys.argv[2], dpi=130)


if __name__ == "__main__":
    main()
