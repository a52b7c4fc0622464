"""Tools from outside on the panel's cells: AutoGluon, FLAML, CatBoost and RealMLP, with their own treatment of columns.

    OMP_NUM_THREADS=1 PYTHON benchmarks/panel/outside.py autogluon --seconds 60 --cells runs/panel --record FILE

PYTHON is that of an environment that has the tool; auxin is not needed in it. A tool reads the training file that
`run.py` wrote for `fit` (`--files` is enough), without the rows that have no main label, the auxiliary columns and
the group's column, and predicts the same test rows. It is scored as `fit` is. Time limits are CPU seconds of one
thread: the clock that a tool reads is that of its process, so that other work on the machine takes nothing from it.
The record is a JSON list, to which every finished cell is added at once, so that the run goes on where it was
stopped. Outputs are written beside the cell, as TOOL-SECONDS.npz.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import chdir
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sets import SETS, Set

Outputs = tuple[list[str], np.ndarray]
"""The classes and their probabilities [N, C]; of numbers no classes, and values [N, 1]."""
Tool = Callable[[pd.DataFrame, pd.Series, pd.DataFrame, bool, float, int], Outputs]
"""(inputs, target, new inputs, whether the target is a class, seconds, seed) to outputs."""


def autogluon(
    x: pd.DataFrame, y: pd.Series, new: pd.DataFrame, classes: bool, seconds: float, seed: int
) -> Outputs:
    """AutoGluon's `best_quality`, bagged trees, boosting and networks, weighted greedily, without stacking.

    A quarter of its time would go into finding out whether stacking helps, which a hundred rows hardly show.
    """
    from autogluon.tabular import TabularPredictor  # pyright: ignore[reportMissingImports]

    with tempfile.TemporaryDirectory() as folder:
        kind = None if not classes else "multiclass" if y.nunique() > 2 else "binary"
        made = TabularPredictor("target", path=folder, problem_type=kind or "regression", verbosity=1)
        made.fit(
            x.assign(target=y.to_numpy()),
            presets="best_quality",
            dynamic_stacking=False,
            num_stack_levels=0,
            time_limit=seconds,
            num_cpus=1,
            num_gpus=0,
            ag_args_ensemble={"fold_fitting_strategy": "sequential_local"},
        )
        if not classes:
            return [], np.asarray(made.predict(new), dtype=float)[:, None]
        found = made.predict_proba(new)
        return [str(name) for name in found.columns], found.to_numpy()


def flaml(
    x: pd.DataFrame, y: pd.Series, new: pd.DataFrame, classes: bool, seconds: float, seed: int
) -> Outputs:
    """FLAML's AutoML at its defaults: a search for the kind of estimator and its options."""
    from flaml import AutoML  # pyright: ignore[reportMissingImports]

    made = AutoML()
    task, metric = ("classification", "accuracy") if classes else ("regression", "r2")
    names = sorted(y.unique()) if classes else []
    wanted = y.map(names.index).to_numpy() if classes else y.to_numpy()
    made.fit(
        X_train=x,
        y_train=wanted,
        task=task,
        metric=metric,
        time_budget=seconds,
        seed=seed,
        n_jobs=1,
        verbose=0,
    )
    if not classes:
        return [], np.asarray(made.predict(new), dtype=float)[:, None]
    return [names[k] for k in made.classes_], np.asarray(made.predict_proba(new))


def catboost(
    x: pd.DataFrame, y: pd.Series, new: pd.DataFrame, classes: bool, seconds: float, seed: int
) -> Outputs:
    """CatBoost at its defaults, texts as categories."""
    import catboost as package  # pyright: ignore[reportMissingImports]

    words = [name for name in x if not pd.api.types.is_numeric_dtype(x[name])]
    kind = package.CatBoostClassifier if classes else package.CatBoostRegressor
    made = kind(
        cat_features=words, random_seed=seed, thread_count=1, verbose=False, allow_writing_files=False
    )
    filled, others = ({name: frame[name].fillna("").astype(str) for name in words} for frame in (x, new))
    made.fit(pd.DataFrame({**x, **filled}), y)
    if not classes:
        return [], made.predict(pd.DataFrame({**new, **others}))[:, None]
    return [str(name) for name in made.classes_], made.predict_proba(pd.DataFrame({**new, **others}))


def realmlp(
    x: pd.DataFrame, y: pd.Series, new: pd.DataFrame, classes: bool, seconds: float, seed: int
) -> Outputs:
    """RealMLP with its tuned defaults (pytabkit): the mean of eight networks, one per left-out fold.

    It takes no missing number: the column's median stands in, and a column of its own says where.
    """
    from pytabkit import (  # pyright: ignore[reportMissingImports]
        RealMLP_TD_Classifier,
        RealMLP_TD_Regressor,
    )

    numbers = [name for name in x if pd.api.types.is_numeric_dtype(x[name])]
    gaps = [name for name in numbers if x[name].isna().any() or new[name].isna().any()]

    def filled(frame: pd.DataFrame) -> pd.DataFrame:
        words = {name: frame[name].fillna("").astype(str) for name in x if name not in numbers}
        where = {f"no {name}": frame[name].isna().astype(float) for name in gaps}
        values = {name: frame[name].astype(float).fillna(x[name].median()) for name in numbers}
        return pd.DataFrame({**values, **words, **where})

    kind = RealMLP_TD_Classifier if classes else RealMLP_TD_Regressor
    made = kind(device="cpu", random_state=seed, n_cv=8, n_refit=0, n_threads=1, verbosity=0)
    made.fit(filled(x), y, cat_col_names=[name for name in x if name not in numbers])
    if not classes:
        return [], np.asarray(made.predict(filled(new)), dtype=float)[:, None]
    return [str(name) for name in made.classes_], made.predict_proba(filled(new))


TOOLS: dict[str, Tool] = {
    "autogluon": autogluon,
    "flaml": flaml,
    "catboost": catboost,
    "realmlp": realmlp,
}
PACKAGES = {"autogluon": "autogluon.tabular", "realmlp": "pytabkit"}


def count_cpu() -> None:
    """Let `time.time` run by CPU seconds of this process, for tools that stop by it."""
    begun = time.time()
    time.time = lambda: begun + time.process_time()


def table(file: Path, one: Set) -> tuple[pd.DataFrame, pd.Series]:
    """The columns that a new row has too, and the target."""
    kinds = {one.main: str} if one.kind == "classes" else None
    frame = pd.read_csv(file, dtype=kinds)
    others = [one.main, *one.auxiliaries, *([one.group] if one.group else [])]
    return frame.drop(columns=others), frame[one.main]


def cell(tool: str, name: str, folder: Path, seconds: float, draw: int) -> dict[str, Any]:
    """The score of one cell, and what it cost."""
    one = SETS[name]
    x, y = table(folder / "train.csv", one)
    new, wanted = table(folder / "test.csv", one)
    known = y.notna()
    x, y = x[known].reset_index(drop=True), y[known].reset_index(drop=True)
    wall, cpu = time.monotonic(), time.process_time()
    with (
        tempfile.TemporaryDirectory() as scratch,
        chdir(scratch),
    ):  # FLAML's CatBoost writes logs where it stands
        names, outputs = TOOLS[tool](x, y, new, one.kind == "classes", seconds, draw)
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    if names:
        score = float(np.mean(np.array(names)[outputs.argmax(1)] == wanted.to_numpy()))
    else:
        there = wanted.notna().to_numpy()
        left, spread = wanted[there] - outputs[there, 0], wanted[there] - wanted[there].mean()
        score = float(1 - (left**2).sum() / (spread**2).sum())
    np.savez_compressed(folder / f"{tool}-{seconds:g}.npz", names=np.array(names, dtype=str), outputs=outputs)
    return {
        "set": name, "draw": draw, "tool": tool, "version": version(PACKAGES.get(tool, tool)), "limit": seconds,
        "labels": len(x), "test": len(new), "score": score, "cpu": cpu, "wall": wall,
    }  # fmt: skip


def main() -> None:
    """Run a tool on the cells that there are."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else "")
    parser.add_argument("tool", choices=TOOLS)
    parser.add_argument(
        "--cells", type=Path, nargs="+", required=True, help="folders that run.py --out wrote"
    )
    parser.add_argument("--record", type=Path, required=True)
    parser.add_argument(
        "--seconds", type=float, default=60, help="time limit; CatBoost and RealMLP have none"
    )
    parser.add_argument("--draws", type=int, nargs="*", default=[0])
    parser.add_argument("--only", nargs="*", choices=list(SETS), metavar="SET")
    asked = parser.parse_args()
    count_cpu()
    for draw in asked.draws:
        for name in SETS:
            for place in asked.cells:
                folder = place.resolve() / name.replace(" ", "_") / str(draw)
                if not (folder / "train.csv").exists() or (asked.only and name not in asked.only):
                    continue
                found = json.loads(asked.record.read_text()) if asked.record.exists() else []
                key = (name, draw, asked.tool, asked.seconds)
                if key in {(c["set"], c["draw"], c["tool"], c["limit"]) for c in found}:
                    continue
                now = cell(asked.tool, name, folder, asked.seconds, draw)
                asked.record.write_text(json.dumps([*found, now], indent=0) + "\n")
                print(f"{name:14} {draw} {asked.tool} {now['score']:.3f} in {now['cpu']:.0f} s", flush=True)


if __name__ == "__main__":
    main()
