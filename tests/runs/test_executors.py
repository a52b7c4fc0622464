"""Every executor gives the same results; what a worker raises is raised; Ray and torchrun as users start them."""

import json
import os
import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from auxin.errors import DataError, RunError
from auxin.exported.model import load_model
from auxin.optimizers import spare_compiler
from auxin.requests.shared import Engine
from auxin.runs.executors import Executor, executor_of
from auxin.runs.executors.processes import Processes
from auxin.runs.executors.ray import Ray
from auxin.runs.executors.serial import Serial

NICE = "RAY_worker_niceness"
TINY = ["--set", "steps=6", "--set", "model.channel_width=4", "--tries", "1", "--seeds", "2"]
COMPARE = ["compare", "--methods", "single,maxl_frozen", *TINY]


def refuse() -> None:
    raise DataError("no such rows")


@pytest.mark.parametrize("executor", [Serial(), Processes(2)])
def test_results_come_with_their_numbers_and_errors_are_raised(executor: Executor) -> None:
    tasks = [partial(pow, 2, n) for n in range(5)]
    found = [one for one in executor.map(tasks) if one is not None]
    assert sorted(found) == [(n, 2**n) for n in range(5)]
    with pytest.raises(DataError, match="no such rows"):
        list(executor.map([refuse, refuse]))


def first_steps() -> tuple[dict[str, float], list[str], bool]:
    """A first step of some optimisers, the hooks that they call, and whether the compiler was imported for them."""
    spare_compiler()
    found, called = {}, []
    for kind in (torch.optim.SGD, torch.optim.Adam, torch.optim.RMSprop):
        weight = torch.nn.Parameter(torch.ones(1))
        optimizer = kind([weight], lr=0.5)
        for name in ("pre", "post"):
            hook = partial(lambda name, *_: called.append(name), name)
            getattr(optimizer, f"register_step_{name}_hook")(hook)
        weight.grad = torch.ones(1)
        optimizer.step()
        optimizer.zero_grad()
        found[kind.__name__] = weight.item()
    return found, called, "torch._dynamo" in sys.modules


def test_a_worker_steps_as_torch_does_without_an_import_of_its_compiler() -> None:
    [(_, (found, called, imported))] = [one for one in Processes(1).map([first_steps]) if one is not None]
    assert found == pytest.approx({"SGD": 0.5, "Adam": 0.5, "RMSprop": 1 - 0.5 / 0.01**0.5}, rel=1e-5)
    assert called == ["pre", "post"] * 3
    assert not imported


def test_a_worker_that_dies_is_said() -> None:
    with pytest.raises(RunError, match="worker process died"):
        list(Processes(2).map([partial(os._exit, 9), partial(pow, 2, 3)]))


def test_an_engine_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(executor_of(Engine(jobs=1)), Serial)
    assert executor_of(Engine(engine="processes", jobs=3)) == Processes(3)
    with pytest.raises(ValueError, match="--address belongs to --engine ray"):
        Engine(engine="processes", jobs=2, address="auto")


def test_an_address_where_nothing_answers_is_refused_without_waiting() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(RunError, match=f"no Ray cluster at {address}.*ray start"):
            Ray(1, address)._join(SimpleNamespace(is_initialized=lambda: False))


def test_ray_leaves_the_process_its_own_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, object] = {}

    def init(address: str, **options: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        given.update(options, address=address, niceness=os.environ[NICE])

    monkeypatch.delenv(NICE, raising=False)
    monkeypatch.setenv("AUXIN_PLUGINS", "mine")
    before = signal.signal(signal.SIGTERM, own := lambda *_: None)
    try:
        Ray(1)._join(SimpleNamespace(is_initialized=lambda: False, init=init))
        assert signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (given["address"], given["niceness"]) == ("local", str(os.nice(0)))
    assert given["runtime_env"] == {"env_vars": {**given["runtime_env"]["env_vars"], "AUXIN_PLUGINS": "mine"}}


def scores(folder: Path) -> dict[str, object]:
    files = sorted(folder.glob("runs/**/result.json"))
    plain = {str(f.relative_to(folder)): json.loads(f.read_text()) for f in files}
    return {
        name: (r["scores"], r["correct"], r["digest"], r["epochs"][-1]["losses"]) for name, r in plain.items()
    }


def run(start: list[str], out: Path, *more: str) -> dict[str, object]:
    command = [sys.executable, *start, *COMPARE, *more, "--out", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=600)
    found = scores(out)
    assert len(found) == 4
    return found


@pytest.mark.slow
def test_torchruns_ranks_give_the_results_of_one_process(tmp_path: Path) -> None:
    start = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", "-m", "auxin"]
    alone = run(["-m", "auxin"], tmp_path / "alone", "--engine", "serial")
    assert run(start, tmp_path / "ranks") == alone


TIMES = ("started", "seconds", "command")
NETWORK = ("--method", "softmax", "--aux", "b", "--set", "steps=30", "--tries", "2", "--draws", "2")


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), NETWORK], ids=["blend", "network"])
def test_fit_on_torchruns_ranks_gives_the_model_of_one_process(more: tuple[str, ...], tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(draw.normal(size=(80, 2)).round(3), columns=["a", "b"])
    frame.assign(y=np.where(frame.a > 0.2, "p", "q")).to_csv(tmp_path / "t.csv", index=False)
    fit = ["-m", "auxin", "fit", "t.csv", "--target", "y", "--budget", "none", *more]
    ranks = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    for start, out in (([*fit, "--engine", "serial"], "alone"), ([*ranks, *fit], "ranks")):
        command = [sys.executable, *start, "--out", out]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=600)
    cards, probabilities = [], []
    for out in (tmp_path / "alone", tmp_path / "ranks"):
        card = json.loads((out / "model.json").read_text())
        training = {k: v for k, v in card["training"].items() if k not in TIMES}
        cards.append(
            {**card, "training": training, "checksum": "", "estimators": ""}
        )  # skops names parts by address
        model = load_model(out)
        probabilities.append(
            model.predict(model.inputs(frame[["a"]] if "--aux" in more else frame)).probabilities
        )
    assert cards[0] == cards[1]  # with the weights' checksum
    assert torch.equal(*probabilities)


@pytest.mark.slow
def test_a_local_ray_cluster_gives_the_results_of_one_process(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    alone = run(["-m", "auxin"], tmp_path / "alone", "--engine", "serial")
    assert run(["-m", "auxin"], tmp_path / "ray", "--engine", "ray", "--jobs", "2") == alone


@pytest.mark.slow
def test_a_killed_worker_of_ray_is_replaced(tmp_path: Path) -> None:
    ray = pytest.importorskip("ray")

    mark = tmp_path / "first"

    def die_once() -> int:
        if not mark.exists():
            mark.write_text("died")
            os.kill(os.getpid(), 9)
        return 7

    try:
        found = [one for one in Ray(2).map([die_once, partial(pow, 2, 3)]) if one]
        assert sorted(found) == [(0, 7), (1, 8)]
    finally:
        ray.shutdown()
