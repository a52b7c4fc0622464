"""A small table with a helpful and a useless auxiliary task, and runs on it, that several tests share."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from auxin import strategies
from auxin.methods import inner_name, resolve
from auxin.requests.data import DataSpec, SplitSpec
from auxin.runs.phases import Phases
from auxin.runs.rows import RunSpec, load_data
from auxin.runs.settings import layered, options
from auxin.strategies.base import Outcome

TINY = {"steps": 12, "batch": 20, "model.hidden": 6, "every": 2, "momentum": 0.9, "lr": 0.05, "looks": 1}


@cache
def table() -> str:
    """A file with 200 rows: the main task `y`, its finer classes `fine`, and noise."""
    rng = np.random.default_rng(0)
    fine = rng.integers(0, 4, 200)
    x = rng.normal(size=(200, 5)).astype("float32") + fine[:, None]
    file = Path(mkdtemp()) / "table.npz"
    np.savez(file, x=x, y=fine // 2, fine=fine, noise=rng.integers(0, 3, 200))
    return str(file)


def spec(method: str, folder: Path, *, final: bool = True, seed: int = 0, **settings) -> RunSpec:
    """A run; `.` in a setting's name is written as `__`."""
    data = DataSpec(name=table(), aux="fine,noise", target="y")
    own = {"strategy.rule_steps": 4} if "rule_pretrain" in method else {}
    user = {**TINY, **own, **{name.replace("__", "."): value for name, value in settings.items()}}
    auxiliary = 0.2 if user.get("meta") == "auxiliary" else user.pop("held_out", 0.0)
    found = layered("table", "vector", resolve(method), "auxin", user, {})
    folder.mkdir(parents=True, exist_ok=True)
    made = RunSpec(
        data, SplitSpec(auxiliary=auxiliary), method, "final", "final", found, seed, str(folder), refit=True
    )
    return made if final else replace(made, phase="tuning", refit=False, attempt="try-1")


def job(asked: RunSpec) -> Phases:
    """What the run's strategy is given."""
    return Phases(load_data(asked.data), asked, resolve(asked.method), inner_name(asked.method))


def follow(asked: RunSpec) -> tuple[Outcome, Phases]:
    """Follow the run's strategy to its end."""
    given = job(asked)
    strategy = strategies.build(given.method.strategy, options(asked.settings, "strategy"))
    return strategy.follow(given), given
