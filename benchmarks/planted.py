"""How often `auxin compare` says "helps" and "hurts", where what an auxiliary does was planted.

    python benchmarks/planted.py --sets 20 --out runs/planted

Every set of rows is drawn afresh: 10 inputs, two classes that depend on three hidden features of them, 10 labels per
class and 300 rows without one, 400 test rows, of which the development half is opened. The auxiliaries of all rows are

| case | auxiliaries |
|---|---|
| good | the three hidden features, with noise of a fifth of their spread |
| noise | two columns of normal numbers, which depend on nothing |
| harmful | eight products of sines of single inputs: much to learn, and nothing of the main task |

The command compares at its defaults but for a small network, fewer steps and one try: `equal` and `softmax`
with single-task training, five seeds each. `equal` is judged by single-task training, and `softmax` by
the better of that and `equal`, the best control.
"""

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np
import torch

from auxin.requests.compare import CompareRequest
from auxin.requests.data import DataSpec, SplitSpec
from auxin.requests.shared import Compute, TrainingRequest
from auxin.studies.compare import CompareStudy

CASES = ("good", "noise", "harmful")
METHODS = ("single", "equal", "softmax")
TRAIN, TEST = 320, 400
SETTINGS = {
    "model": "mlp",
    "model.hidden": 12,
    "batch": 20,
    "steps": 100,
    "lr": 0.01,
    "unlabelled_ratio": 2.0,
}


def rows(case: str, seed: int) -> dict[str, np.ndarray]:
    """One set of rows."""
    draw = np.random.default_rng([seed, CASES.index(case)])
    x = draw.normal(size=(TRAIN + TEST, 10)).astype(np.float32)
    hidden = np.tanh(x @ draw.normal(size=(10, 3)) / 2)
    score = hidden @ draw.normal(size=3)
    y = (score + 0.2 * score.std() * draw.normal(size=len(x)) > np.median(score)).astype(np.int64)
    if case == "good":
        aux = hidden + 0.2 * hidden.std(0) * draw.normal(size=hidden.shape)
    elif case == "noise":
        aux = draw.normal(size=(len(x), 2))
    else:
        first, second = draw.integers(10, size=(2, 8))
        aux = np.sin(4 * x[:, first]) * np.sin(4 * x[:, second])
    columns = {f"aux{place}": column.astype(np.float32) for place, column in enumerate(aux.T)}
    return {"x": x, "y": y, "test": np.arange(len(x)) >= TRAIN, **columns}


def verdicts(case: str, seed: int, out: Path, seeds: int) -> dict[str, tuple[str, float]]:
    """The verdict on each method, and its mean difference from what it is judged by."""
    place = out / f"{case}-{seed}"
    place.mkdir(parents=True, exist_ok=True)
    made = rows(case, seed)
    np.savez(place / "rows.npz", **made)
    aux = ",".join(name for name in made if name.startswith("aux"))
    data = DataSpec.model_validate(
        {"name": str(place / "rows.npz"), "aux": aux, "target": "y", "test": "test"}
    )
    found = CompareStudy(
        CompareRequest(
            data=data,
            split=SplitSpec(labels_per_class=10),
            methods=METHODS,
            out=place / "study",
            training=TrainingRequest(settings=dict(SETTINGS)),
            compute=Compute(jobs=1),
            seeds=seeds,
            tries=1,
            twins=False,
            command="python benchmarks/planted.py",
        ),
        lambda _: None,
    ).run()
    return {
        row.method: (row.verdict, row.versus_single.difference) for row in found.rows if row.versus_single
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[tuple[str, str], list[tuple[str, float]]] = {}
    for seed in range(asked.sets):
        for case in CASES:
            file = asked.out / f"{case}-{seed}.json"
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(json.dumps(verdicts(case, seed, asked.out, asked.seeds)))
            for method, pair in json.loads(file.read_text()).items():
                found.setdefault((case, method), []).append(pair)
    print("| auxiliaries | method | mean difference from single, points | helps | no evidence | hurts |")
    print("|---|---|---|---|---|---|")
    for (case, method), pairs in sorted(found.items()):
        points, counts = 100 * np.array([gain for _, gain in pairs]), Counter(word for word, _ in pairs)
        error = points.std(ddof=1) / len(points) ** 0.5 if len(points) > 1 else float("nan")
        words = " | ".join(str(counts[word]) for word in ("helps", "no evidence", "hurts"))
        print(f"| {case} | `{method}` | {points.mean():+.1f} ± {error:.1f} | {words} |")


if __name__ == "__main__":
    main()
