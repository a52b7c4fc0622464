"""The panel's tables from its cells: ranks, regret, the bars, coverage and cost.

    python benchmarks/panel/table.py FOLDER_OR_RECORD [--record FILE]

FOLDER is what `run.py --out` wrote; RECORD is a JSON list of cells, which --record writes. An estimator is a member of
the family `rivals`; the one that cross-validation would choose has the lowest loss on the held-out rows of the folds.
Differences over draws have 95 % t intervals.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata, t
from sets import SETS

from auxin import catalogue

Cell = dict[str, Any]
RIVALS = tuple(catalogue.names("rivals"))


def cells_of(place: Path) -> list[Cell]:
    """The cells of a folder or a record, by set and draw."""
    if place.is_file():
        return json.loads(place.read_text())
    found = [json.loads(file.read_text()) for file in place.glob("*/*/cell.json")]
    order = list(SETS)
    return sorted(found, key=lambda cell: (order.index(cell["set"]), cell["draw"]))


def rivals_of(cell: Cell) -> dict[str, float]:
    """The estimators' test scores."""
    return {name: score for name, score in cell["scores"].items() if name in RIVALS}


def columns_of(cell: Cell) -> dict[str, float]:
    """The scores of every column that is ranked."""
    named = ("fit", "fit before", "gaussian process", "network", "with auxiliaries")
    return {name: cell["scores"][name] for name in named if name in cell["scores"]} | rivals_of(cell)


def chosen(cell: Cell) -> str:
    """The estimator that the same cross-validation would choose."""
    return min(rivals_of(cell), key=lambda name: cell["cv"][name])


def interval(values: list[float]) -> str:
    """Mean and 95 % t interval over draws."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return f"{mean:+.3f}"
    reach = float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5)
    return f"{mean:+.3f} [{mean - reach:+.3f}, {mean + reach:+.3f}]"


def ranks(cells: list[Cell]) -> None:
    """Print the mean normalised rank of every column, and how far it is behind the best estimator in hindsight."""
    rank, behind = defaultdict(list), defaultdict(list)
    for cell in cells:
        found = columns_of(cell)
        places = (rankdata([-v for v in found.values()]) - 1) / (len(found) - 1)
        for (name, value), place in zip(found.items(), places, strict=True):
            rank[name].append(place)
            behind[name].append(max(rivals_of(cell).values()) - value)
    print("| column | mean normalised rank | behind the best estimator in hindsight | cells |")
    print("| --- | --- | --- | --- |")
    for name in sorted(rank, key=lambda name: np.mean(rank[name])):
        print(f"| {name} | {np.mean(rank[name]):.2f} | {np.mean(behind[name]):+.3f} | {len(rank[name])} |")


def sets(cells: list[Cell]) -> None:
    """Print a line per set: `fit`, the best estimator over all draws, and the differences."""
    head = "set | labels | draws | fit | best estimator in hindsight, over all draws | fit minus that"
    print(
        f"\n| {head} | fit minus the estimator that cross-validation would choose | single | with auxiliaries |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    missed, above = [], []
    names = list(dict.fromkeys(cell["set"] for cell in cells))
    for name in names:
        own = [cell for cell in cells if cell["set"] == name]
        mean = {c: float(np.mean([x["scores"][c] for x in own])) for c in columns_of(own[0])}
        best = max(rivals_of(own[0]), key=lambda rival: mean[rival])
        over = interval([x["scores"]["fit"] - x["scores"][best] for x in own])
        behind = [x["scores"]["fit"] - x["scores"][chosen(x)] for x in own]
        bar = -0.02 if SETS[name].kind == "numbers" else -0.01
        missed += [name] if np.mean(behind) < bar else []
        above += [name] if "[+" in over else []
        aided = f"{mean['with auxiliaries']:.3f}" if "with auxiliaries" in mean else ""
        kind = " (R²)" if SETS[name].kind == "numbers" else ""
        line = f"| {name}{kind} | {SETS[name].labels} | {len(own)} | {mean['fit']:.3f} | {mean[best]:.3f} {best} "
        print(f"{line}| {over} | {interval(behind)} | {mean['network']:.3f} | {aided} |")
    print(
        f"\nBelow the estimator of cross-validation by more than the bar, {len(missed)} of {len(names)}: {missed}"
    )
    print(f"Above every estimator, beyond the interval over draws, {len(above)} of {len(names)}: {above}")


def totals(cells: list[Cell]) -> None:
    """Print coverage of the stated interval, regret and cost."""
    held = [
        c for c in cells if c["said"][1] is not None and c["said"][1] <= c["scores"]["fit"] <= c["said"][2]
    ]
    low = [c for c in cells if c["scores"]["fit"] > c["said"][2]]
    print(
        f"The stated interval held the test score in {len(held)} of {len(cells)} cells; {len(low)} were above it."
    )
    cost = [c["seconds"]["fit"] for c in cells]
    every = sum(sum(v for name, v in c["seconds"].items() if name in RIVALS) for c in cells) + sum(cost)
    print(
        f"CPU hours: fit {sum(cost) / 3600:.3f}, median {np.median(cost):.1f} s a cell; all {every / 3600:.2f}"
    )
    regret = [max(rivals_of(c).values()) - c["scores"]["fit"] for c in cells]
    print(f"Regret against the best estimator in hindsight of each cell: {np.mean(regret):+.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cells", type=Path)
    parser.add_argument("--record", type=Path)
    asked = parser.parse_args()
    found = cells_of(asked.cells)
    ranks(found)
    sets(found)
    totals(found)
    if asked.record:
        asked.record.write_text(json.dumps(found, indent=0) + "\n")
