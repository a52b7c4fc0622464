"""One thread, and no file outside the test's own folder: what every test relies on."""

import gc
import os
import signal
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background, as by `nohup` or a script
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

TREES = 10
"""Trees of a forest in the default tests."""

FOLDS = 3
"""Parts of the labelled rows that the search of `fit` holds out in turn, five for a user."""


@cache
def prepare() -> None:
    """One thread, and the same examples everywhere, before a test is read."""
    import torch
    from hypothesis import HealthCheck, settings

    from auxin.memory import set_for_training

    torch.set_num_threads(1)
    for device in (torch.cuda, torch.xpu, torch.mtia):
        # Else `torch.manual_seed` writes the whole stack down for each, a millisecond.
        if not device.is_available():
            device.manual_seed_all = lambda seed: None
    set_for_training()
    settings.register_profile(
        "the same everywhere",
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        derandomize=True,
        max_examples=50,
    )
    settings.load_profile("the same everywhere")


def pytest_collectstart() -> None:
    """Not called in the process that only hands out tests to workers, which needs no PyTorch."""
    prepare()


def pytest_collection_finish() -> None:
    """The imported libraries' million objects stay; a look through them for garbage takes a third of a second."""
    gc.freeze()


def arithmetic() -> dict[str, object]:
    """What rounding and results depend on beside the arguments, for the whole process."""
    import torch

    return {
        "threads": torch.get_num_threads(),
        "default type": torch.get_default_dtype(),
        "gradients": torch.is_grad_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "oneDNN": torch.backends.mkldnn.enabled,
    }


@pytest.fixture(autouse=True)
def _same_arithmetic() -> Iterator[None]:
    """A test that changes it for those after it fails itself: they would differ in the last bits."""
    before = arithmetic()
    yield
    assert arithmetic() == before


@pytest.fixture(scope="session")
def _folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cwd")


@pytest.fixture(autouse=True)
def _own_folder(_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests run in a folder of their own, so that a relative output folder never lands in the checkout."""
    # `mktemp` looks at the folders of all tests before, which takes milliseconds.
    monkeypatch.chdir(mkdtemp(dir=_folders))
    monkeypatch.delenv("AUXIN_PLUGINS", raising=False)


@pytest.fixture(autouse=True)
def _small_models(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forests, processes and networks of `fit`, and pictures, are small, except in tests of how good they are."""
    if request.node.get_closest_marker("slow") or request.node.get_closest_marker("full_size"):
        return
    from sklearn.ensemble._forest import BaseForest

    from auxin.fitting import gaussian, network, search
    from auxin.reports import plots

    grown = BaseForest.fit

    def fit(self: BaseForest, *given: object, **named: object) -> BaseForest:
        self.n_estimators = min(self.n_estimators, TREES)
        return grown(self, *given, **named)

    monkeypatch.setattr(BaseForest, "fit", fit)
    monkeypatch.setattr(gaussian, "KERNELS", gaussian.KERNELS[::4])
    monkeypatch.setattr(network, "STEPS", 20)
    monkeypatch.setattr(search, "FOLDS", FOLDS)
    monkeypatch.setattr(plots, "DPI", 72)


@pytest.fixture(autouse=True)
def _operators_named_once() -> None:
    """PyTorch looks up every operator by name for each export, a third of a second; no test makes a new one."""
    export = sys.modules.get("torch._export.utils")
    if export is not None and not hasattr(export._materialize_cpp_cia_ops, "cache_info"):
        export._materialize_cpp_cia_ops = cache(export._materialize_cpp_cia_ops)


@pytest.fixture(autouse=True)
def _one_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands start worker processes only in tests that ask for them: a process costs seconds."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0}, raising=False)
