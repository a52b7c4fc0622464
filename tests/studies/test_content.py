"""Results belong to the content of the data: other rows in the same file are another study; errors are confirmed."""

from pathlib import Path

import numpy as np
import pytest

from auxin.errors import RunError
from auxin.requests.compare import CompareRequest
from auxin.requests.data import DataSpec, SplitSpec
from auxin.requests.shared import Compute, TrainingRequest
from auxin.runs.rows import _stamp, data_content, data_now, load_data, split_rows
from auxin.studies.compare import CompareStudy
from auxin.studies.confirm import confirm


def table(file: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(120, 3))
    y = x @ [1.0, -2.0, 0.5] + 10
    rows = np.column_stack([x, y])
    np.savetxt(file, rows, delimiter=",", header="a,b,c,y", comments="", fmt="%.5f")


@pytest.fixture
def asked(tmp_path: Path) -> CompareRequest:
    table(tmp_path / "rows.csv", 0)
    for cache in (load_data, data_content, split_rows):
        cache.cache_clear()
    return CompareRequest(
        data=DataSpec(name=str(tmp_path / "rows.csv"), target="y"),
        split=SplitSpec(),
        methods=("single",),
        out=tmp_path / "out",
        training=TrainingRequest(settings={"steps": 60, "lr": 0.1}),
        compute=Compute(jobs=1),
        seeds=1,
        tries=1,
        metric="mae",
    )


def test_other_rows_in_the_same_file_are_refused_with_the_difference(asked: CompareRequest) -> None:
    before = CompareStudy(asked, lambda _: None)
    digests = {unit.digest for unit in before.units({})}
    (asked.folder / "result.json").write_text("{}")  # a folder without a result may be claimed again
    table(Path(asked.data.name), 1)
    for cache in (load_data, data_content, split_rows):
        cache.cache_clear()
    with pytest.raises(RunError, match="results of other data: the rows of the data have changed"):
        CompareStudy(asked, lambda _: None)
    other = asked.model_copy(update={"out": asked.folder.with_name("other")})
    assert digests.isdisjoint(unit.digest for unit in CompareStudy(other, lambda _: None).units({}))


def test_a_confirmation_on_an_error_is_held_against_the_right_guess(asked: CompareRequest) -> None:
    CompareStudy(asked, lambda _: None).run()
    found = confirm(asked)
    job = CompareStudy(asked, lambda _: None)
    splits = split_rows(asked.data, asked.split, 0, asked.refit)
    y = load_data(asked.data).y["y"].double()
    wanted = -float((y[splits.confirmation] - y[splits.train].mean()).abs().mean())
    assert job.chance("confirmation") == pytest.approx(wanted, rel=1e-4)
    assert found.rows[0].mean > wanted
    assert not [warning for warning in found.warnings if "guess" in warning]


def test_a_study_reads_data_that_changed_since_an_earlier_study_of_the_same_process(
    asked: CompareRequest,
) -> None:
    first = data_now(asked.data)
    assert data_now(asked.data) is first
    table(Path(asked.data.name), 1)
    again = data_now(asked.data)
    assert not np.array_equal(first.x, again.x)
    assert load_data(asked.data) is again
    listed = asked.data.model_copy(update={"image": "file"})
    assert _stamp(listed) != _stamp(listed)
