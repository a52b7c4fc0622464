"""`--methods all` from end to end, tiny: images through conv4, and a dense task through segnet."""

from pathlib import Path

import numpy as np
import pytest

from auxin import catalogue
from auxin.methods import full_name, resolve
from auxin.records.results import Comparison
from auxin.requests.compare import CompareRequest
from auxin.requests.data import DataSpec, SplitSpec
from auxin.requests.shared import Compute, TrainingRequest
from auxin.studies.compare import CompareStudy

pytestmark = pytest.mark.slow

SMALL = {"steps": 4, "batch": 16, "every": 2, "model.channel_width": 2, "lr": 0.01, "average": 1}


def images(folder: Path) -> str:
    rng = np.random.default_rng(0)
    fine = rng.integers(0, 4, 120)
    x = (rng.integers(0, 100, (120, 8, 8)) + 30 * fine[:, None, None]).astype("uint8")
    np.savez(folder / "images.npz", x=x, y=fine // 2, fine=fine, mean=x.mean((1, 2)))
    return str(folder / "images.npz")


def maps(folder: Path) -> str:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 255, (60, 8, 8)).astype("uint8")
    edges = np.abs(np.diff(x.astype(float), axis=2, append=0.0)) / 255 + 0.01
    np.savez(
        folder / "maps.npz", x=x, y=(x > 128).astype("int64"), edges=edges, bands=x.astype("int64") // 64
    )
    return str(folder / "maps.npz")


def compared(file: str, folder: Path, aux: str, **settings) -> tuple[CompareStudy, Comparison, list[str]]:
    told: list[str] = []
    request = CompareRequest(
        data=DataSpec(name=file, aux=aux, target="y"),
        split=SplitSpec(),
        methods=("all",),
        out=folder / "out",
        training=TrainingRequest(settings={**SMALL, **settings}),
        compute=Compute(jobs=1),
        seeds=1,
        tries=1,
    )
    job = CompareStudy(request, lambda event: told.append(event) if isinstance(event, str) else None)
    return job, job.run(), told


def check(job: CompareStudy, found: Comparison) -> None:
    names = {row.method for row in found.rows}
    for strategy in ("fixed", "refit", "post_train", "forkmerge", "grid", "guard"):
        assert full_name(strategy, True) in names
    assert [row.method for row in found.rows if not np.isfinite(row.mean)] == []
    for row in found.rows:
        twin = resolve(row.method).twin
        if twin is not None:  # every learned method is held against its own untrained twin
            assert row.versus_twin is not None, row.method
            assert row.versus_twin.reference == twin
            assert resolve(twin).control, twin
        else:
            assert row.versus_twin is None
    assert any("takes" in note and "refit" in note for note in found.notes)


def test_all_methods_on_images(tmp_path: Path) -> None:
    job, found, told = compared(images(tmp_path), tmp_path, "fine,mean")
    check(job, found)
    names = {row.method for row in found.rows}
    assert "convnet" not in names
    combiners = set(catalogue.names("combiners")) - {"convnet", "torchjd"}
    assert combiners <= names
    assert {"maxl", "auxilearn", "prototypes", "rotation", "patch_order"} <= names
    assert any("refit stands for refit:softmax" in sentence for sentence in told)


def test_all_methods_on_a_dense_task(tmp_path: Path) -> None:
    job, found, _ = compared(maps(tmp_path), tmp_path, "edges,bands", model="segnet")
    check(job, found)
    combiners = set(catalogue.names("combiners")) - {"torchjd"}
    assert combiners <= {row.method for row in found.rows}


def test_twins_can_be_left_out(tmp_path: Path) -> None:
    request = CompareRequest(
        data=DataSpec(name=images(tmp_path), aux="fine", target="y"),
        split=SplitSpec(),
        methods=("softmax", "refit"),
        out=tmp_path / "out",
        training=TrainingRequest(settings=SMALL),
        compute=Compute(jobs=1),
    )
    with_twins = CompareStudy(request, lambda _: None)
    assert list(with_twins.methods) == [
        "single",
        "softmax",
        "refit:softmax",
        "untrained:softmax",
        "refit:untrained:softmax",
    ]
    without = CompareStudy(
        request.model_copy(update={"twins": False, "out": tmp_path / "other"}), lambda _: None
    )
    assert list(without.methods) == ["single", "softmax", "refit:softmax"]
