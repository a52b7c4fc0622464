"""The panel: `auxin fit` at its defaults beside everything a person would use instead, on real data with few labels.

    OMP_NUM_THREADS=1 python benchmarks/panel/run.py development --shared DIR --packages DIR --out runs/panel

One cell is one data set and one draw: test rows are held out first, then `labels` of the training rows keep their main
label, and all keep their auxiliary ones. The rows are written to a file and read back as a user's would be. Every
column is trained on the same rows and chooses among the same number of tries on the same folds:

- `fit`: what `auxin fit` keeps, at its defaults;
- each rival of the family `rivals`;
- `fit before`: what `fit` kept before there were Gaussian processes, by the same candidates without them;
- `gaussian process`: `fit`'s own, of the main task alone;
- `network`: the main task alone (single); `with auxiliaries`: of all that use auxiliary labels, what cross-validation
  prefers.

A cell's file is written when the cell is done, so that the run goes on where it was stopped.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sets import SETS, Set

from auxin import rivals
from auxin.data import load
from auxin.fitting.choose import best_of_families, choose
from auxin.fitting.of_dataset import fitted_dataset, flat, rows_of
from auxin.fitting.process import PROCESSES
from auxin.fitting.search import Search
from auxin.studies.curve import learning_curve
from auxin.studies.fit_search import estimated

TEST_SHARE, MOST_TEST = 1 / 3, 1000
AUXILIARY = (
    "network + auxiliaries",
    "convnet + auxiliaries",
    "gaussian process + auxiliaries",
    "infer:",
    "stack:",
)


def drawn(name: str, one: Set, draw: int, data: Any, folder: Path) -> tuple[Path, Path, dict[str, Any]]:
    """The training file, the test file and the options by which they are read."""
    random = np.random.default_rng([draw, sum(map(ord, name))])
    table = isinstance(data, pd.DataFrame)
    count = len(data) if table else len(data["x"])
    order = random.permutation(count)
    if one.group:
        names = random.permutation(data[one.group].unique())
        held = set(names[: len(names) // 3])
        inside = data[one.group].isin(held).to_numpy()
        test, train = order[inside[order]], order[~inside[order]]
    else:
        cut = min(int(count * TEST_SHARE), MOST_TEST)
        test, train = order[:cut], order[cut:]
    test, train = test[:MOST_TEST], train[: one.rows]
    options = read_options(one, table)
    known = np.zeros(len(train), bool)
    known[: one.labels] = True
    if table:
        frame = data.drop(columns=list(one.drop))
        shown = frame.iloc[train].copy()
        shown[one.main] = shown[one.main].astype(object).where(known, None)
        files = folder / "train.csv", folder / "test.csv"
        shown.to_csv(files[0], index=False)
        frame.iloc[test].to_csv(files[1], index=False)
        return *files, options
    files = folder / "train.npz", folder / "test.npz"
    target = np.where(known, data[one.main][train], -1)
    others = {k: data[k][train] for k in one.auxiliaries}
    np.savez(files[0], x=data["x"][train], **{one.main: target}, **others)
    np.savez(files[1], x=data["x"][test], **{one.main: data[one.main][test]})
    return *files, options


def read_options(one: Set, table: bool) -> dict[str, Any]:
    """The options by which a set's file is read, a table's or that of images."""
    options: dict[str, Any] = {"target": one.main}
    if one.auxiliaries:
        options["aux"] = ",".join(one.auxiliaries)
    if one.kind == "numbers":
        options["kinds"] = f"{one.main}=regression"
    options |= {"group": one.group} if one.group else {}
    return options if table else options | {"inputs": "x"}


def truth(model_task: Any, file: Path, main: str) -> torch.Tensor:
    """The test rows' labels as the task numbers them; a class that no training row has is a miss."""
    values = pd.read_csv(file)[main] if file.suffix == ".csv" else pd.Series(np.load(file)[main])
    if rivals.kind_of(model_task) == "regression":
        return torch.tensor(values.to_numpy(dtype=np.float64), dtype=torch.float32)
    place = {label: number for number, label in enumerate(model_task.label_names)}
    return torch.tensor([place.get(str(v), -2) for v in values])


def score(task: Any, outputs: torch.Tensor, wanted: torch.Tensor) -> float:
    """Accuracy or R^2."""
    if rivals.kind_of(task) == "regression":
        return task.score(outputs, wanted, "r2")
    return float((task.predict(outputs) == wanted).double().mean())


def cell(name: str, draw: int, data: Any, folder: Path, tries: int) -> dict[str, Any]:
    """Every column's score on the test rows of one draw."""
    one = SETS[name]
    train, test, options = drawn(name, one, draw, data, folder)
    begun, notes = time.process_time(), []
    dataset = load(str(train), None, **options)
    present = dataset.has_main()
    every = torch.arange(len(dataset))
    fitted = fitted_dataset(dataset, every[present], every[~present])
    rows = rows_of(fitted, every[present], every[~present])
    search = Search(rows, seed=draw, notify=notes.append)
    choice = search.run()
    member = search.finish(choice)
    seconds = time.process_time() - begun
    task, metric = rows.task, "r2" if one.kind == "numbers" else "accuracy"
    plain = estimated(search, metric, None)
    curve = learning_curve(search, choice, metric)
    said = estimated(search, metric, curve)
    x, blank = fitted.encoder.encode(str(test), lambda _: None)
    inputs, wanted = flat(x, blank), truth(task, test, one.main)
    found: dict[str, Any] = {
        "set": name, "draw": draw, "labels": len(rows.labelled), "rows": len(rows.x), "test": len(wanted),
        "kept": [[e.name, w] for e, w in zip(choice.kept, choice.weights, strict=True)],
        "seconds": {"fit": seconds}, "said": [said.value, said.low, said.high],
        "high without the curve": plain.high, "half, all of a fold": curve and [curve.before, curve.now],
        "notes": notes, "scores": {}, "cv": {},
    }  # fmt: skip
    outputs = {"fit": member.outputs(inputs)}
    considered, every_row = list(search.entries), np.arange(len(search.wanted))
    _rivals(search, tries)
    best = best_of_families(search.entries, every_row)
    for family, entry in best.items():
        outputs[family] = search.trained(entry).outputs(inputs)
        found["cv"][family] = float(entry.loss.mean())
        found["seconds"][family] = search.cost[family]
    others = [entry for entry in considered if entry.family not in PROCESSES]
    before = choose(task, others, search.wanted, every_row, seed=draw, groups=rows.of_groups)
    outputs["fit before"] = search.finish(before).outputs(inputs)
    aided = [f for f in best if f.startswith(AUXILIARY)]
    if aided:
        outputs["with auxiliaries"] = outputs[min(aided, key=lambda f: found["cv"][f])]
    found["scores"] = {k: score(task, o, wanted) for k, o in outputs.items()}
    arrays = {f"test|{k}": o.float().numpy() for k, o in outputs.items()}
    arrays |= {f"oof|{e.family}|{e.name}|{e.simplicity}": e.outputs.float().numpy() for e in search.entries}
    np.savez_compressed(
        folder / "outputs.npz",
        wanted=wanted.numpy(),
        labels=search.wanted.numpy(),
        folds=search.folds.parts,
        **arrays,
    )
    return found


def _rivals(search: Search, tries: int) -> None:
    """Let every rival make all its tries: `fit` stops where a family is behind, the panel's columns do not."""
    from auxin.fitting.candidates import rival_candidates

    done = {entry.name for entry in search.entries}
    for family in rival_candidates(search.rows, tries).values():
        for candidate in family:
            if candidate.name not in done:
                search._score(candidate)


def main() -> None:
    """Run the cells of one part."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else "")
    parser.add_argument("half", choices=sorted({one.half for one in SETS.values()}))
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--packages", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--tries", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=list(SETS), metavar="SET")
    parser.add_argument(
        "--files", action="store_true", help="write the files of rows alone, for again.py and outside.py"
    )
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for draw in range(asked.draws):
        for name, one in SETS.items():
            if one.half != asked.half or (asked.only and name not in asked.only):
                continue
            folder = asked.out / name.replace(" ", "_") / str(draw)
            if (folder / "cell.json").exists():
                continue
            folder.mkdir(parents=True, exist_ok=True)
            data = one.read(asked.shared, asked.packages)
            if asked.files:
                drawn(name, one, draw, data, folder)
                continue
            found = cell(name, draw, data, folder, asked.tries)
            (folder / "cell.json").write_text(json.dumps(found, indent=1))
            top = sorted(found["scores"].items(), key=lambda p: -p[1])
            kept = ", ".join(f"{n.split(' (')[0]} {w:.2f}" for n, w in found["kept"])
            print(
                f"{name:14} {draw} fit {found['scores']['fit']:.3f} in {found['seconds']['fit']:.0f} s [{kept}]; "
                + ", ".join(f"{k} {v:.3f}" for k, v in top[:5]),
                flush=True,
            )


if __name__ == "__main__":
    main()
