"""`fit` beside the tools from outside, set by set and on the whole.

    python benchmarks/panel/beside.py results/panel/outside.json

The record holds the cells of `outside.py` and `again.py`. A difference of the whole is a mean over sets with a 95 % t
interval over sets, since rows of one set are alike and sets are what a user differs by.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy.stats import rankdata, t
from sets import SETS


def interval(values: list[float]) -> str:
    """Mean and 95 % t interval over sets."""
    mean, n = float(np.mean(values)), len(values)
    reach = float(t.ppf(0.975, n - 1) * np.std(values, ddof=1) / n**0.5) if n > 1 else float("nan")
    return f"{mean:+.3f} [{mean - reach:+.3f}, {mean + reach:+.3f}]"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else "")
    parser.add_argument("record", type=Path)
    halves = sorted({one.half for one in SETS.values()})
    parser.add_argument("--part", nargs="*", choices=halves, default=["fresh", "fresh-2"])
    asked = parser.parse_args()
    scores, cost = defaultdict(dict), defaultdict(list)
    for cell in json.loads(asked.record.read_text()):
        if SETS[cell["set"]].half in asked.part:
            name = cell["tool"] + (f" {cell['limit']:g} s" if cell["limit"] else "")
            scores[cell["set"], cell["draw"]][name] = cell["score"]
            cost[name].append(cell["cpu"])
    tools = [name for name in cost if name != "fit"]
    head = "tool | cells | CPU seconds, median | `fit` minus the tool: all sets | classes | numbers"
    print(f"| {head} | `fit` above, level, below |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for tool in tools:
        gains = defaultdict(list)
        for (name, _), found in scores.items():
            if tool in found and "fit" in found:
                gains[name].append(found["fit"] - found[tool])
        mean = {name: float(np.mean(values)) for name, values in gains.items()}
        kinds = [[v for k, v in mean.items() if SETS[k].kind == kind] for kind in ("classes", "numbers")]
        signs = [sum(np.sign(round(v, 3)) == s for v in mean.values()) for s in (1, 0, -1)]
        middle = f"{sum(map(len, gains.values()))} | {np.median(cost[tool]):.0f}"
        texts = " | ".join(interval(values) if values else "" for values in (list(mean.values()), *kinds))
        print(f"| {tool} | {middle} | {texts} | {', '.join(map(str, signs))} |")
    print(f"\n| set | labels | fit | {' | '.join(tools)} |\n| --- | --- | --- |{' --- |' * len(tools)}")
    ranks = defaultdict(list)
    for name in SETS:
        own = [found for (one, _), found in scores.items() if one == name and "fit" in found]
        if not own:
            continue
        kind = " (R²)" if SETS[name].kind == "numbers" else ""
        cells = [[f[tool] for f in own if tool in f] for tool in tools]
        texts = " | ".join(f"{np.mean(values):.3f}" if values else "" for values in cells)
        print(f"| {name}{kind} | {SETS[name].labels} | {np.mean([f['fit'] for f in own]):.3f} | {texts} |")
        for found in own:
            if all(tool in found for tool in tools):
                places = rankdata([-found[name] for name in ("fit", *tools)])
                for tool, place in zip(("fit", *tools), places, strict=True):
                    ranks[tool].append(place)
    print("\nMean rank among them: " + ", ".join(f"{k} {np.mean(v):.2f}" for k, v in ranks.items()))


if __name__ == "__main__":
    main()
