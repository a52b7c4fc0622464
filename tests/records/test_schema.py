import errno
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from auxin import store as files
from auxin.errors import RunError
from auxin.records.results import EpochRecord, RunResult, Scores
from auxin.store import append_line, read_json, write_json


def _run(**changes):
    fields = {
        "method": "maxl",
        "attempt": "final",
        "phase": "final",
        "seed": 1,
        "dataset": "digits",
        "split_hash": "abc",
        "metric": "accuracy",
        "scores": Scores(development=0.9),
        "seconds": 1.5,
        "started": "2026-01-02T03:04:05+00:00",
    }
    return RunResult(**{**fields, **changes})


def test_unknown_fields_and_changes_are_refused():
    with pytest.raises(ValidationError, match="surprise"):
        _run(surprise=1)
    with pytest.raises(ValidationError, match="frozen"):
        _run().seed = 2


setting = st.one_of(
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
)


@given(st.dictionaries(st.text(max_size=5), setting, max_size=4), st.floats(allow_nan=False), st.booleans())
def test_a_run_is_read_back_as_it_was_written(settings, score, curves):
    epochs = [EpochRecord(epoch=1, seconds=0.1, train_loss=score, measures={"label_entropy.sample": 0.5})]
    run = _run(settings=settings, scores=Scores(validation=score), epochs=epochs if curves else [])
    back = RunResult.model_validate_json(run.model_dump_json())
    assert back == run
    assert {k: type(v) for k, v in back.settings.items()} == {k: type(v) for k, v in settings.items()}


def test_a_diverged_score_survives_and_the_file_is_valid_json(tmp_path):
    import json

    path = tmp_path / "run.json"
    write_json(path, _run(scores=Scores(development=float("nan"), validation=float("-inf"))))

    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    json.loads(path.read_text(), parse_constant=refuse)
    scores = read_json(path, RunResult).scores
    assert scores.development != scores.development
    assert scores.validation == float("-inf")


def test_writing_replaces_the_older_file_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "deep" / "run.json"
    write_json(path, _run(seed=1))
    write_json(path, _run(seed=2))
    assert read_json(path, RunResult).seed == 2
    assert [p.name for p in path.parent.iterdir()] == ["run.json"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_older_file_and_no_half_written_one(tmp_path, monkeypatch, call):
    path = tmp_path / "run.json"
    write_json(path, _run(seed=1))

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, call, full)
    with pytest.raises(RunError, match="disk is full"):
        write_json(path, _run(seed=2))
    monkeypatch.undo()
    assert read_json(path, RunResult).seed == 1
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]


def test_a_line_that_fits_only_in_part_is_taken_back(tmp_path, monkeypatch):
    path = tmp_path / "epochs.jsonl"
    first = EpochRecord(epoch=1, seconds=0.1, train_loss=2.0)
    append_line(path, first)
    write = os.write
    monkeypatch.setattr(files.os, "write", lambda fd, data: write(fd, data[:7]))
    with pytest.raises(RunError, match="disk is full"):
        append_line(path, EpochRecord(epoch=2, seconds=0.1, train_loss=1.0))
    monkeypatch.undo()
    assert path.read_bytes().endswith(b"\n")
    assert records_of(path) == [first]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
def test_a_device_that_is_full_is_named_so(tmp_path):
    with pytest.raises(RunError, match="disk is full"):
        append_line(files.Path("/dev/full"), EpochRecord(epoch=1, seconds=0.1, train_loss=2.0))


def test_a_folder_that_cannot_be_made_is_no_full_disk(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"cannot be written.*--out"):
        write_json(tmp_path / "file" / "run.json", _run())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "JSON"),
        ("{", "JSON"),
        ("[]", "not usable"),
        ('{"version": 9}', "version 9"),
        ('{"version": 1}', "method"),
        ("\udcff", "UTF-8"),
    ],
)
def test_a_corrupt_file_is_named(tmp_path, text, says):
    path = tmp_path / "run.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(RunError, match=says) as caught:
        read_json(path, RunResult)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RunError, match=r"gone\.json"):
        read_json(tmp_path / "gone.json", RunResult)


def test_the_line_a_killed_run_left_unfinished_is_dropped(tmp_path):
    path = tmp_path / "epochs.jsonl"
    records = [EpochRecord(epoch=e, seconds=0.1, train_loss=1.0 / e) for e in (1, 2)]
    for record in records:
        append_line(path, record)
    with path.open("a") as file:
        file.write('{"epoch": 3, "sec')
    append_line(path, records[0])
    assert records_of(path) == [*records, records[0]]


def records_of(path):
    return [EpochRecord.model_validate_json(line) for line in path.read_text().splitlines()]


def test_files_are_as_readable_as_any_other(tmp_path):
    write_json(tmp_path / "run.json", _run())
    (tmp_path / "plain").write_text("")
    assert (tmp_path / "run.json").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_reading_results_needs_no_torch():
    code = "import sys, auxin.records.results, auxin.judging.verdict; print('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(files.Path(files.__file__).parents[1])}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "False"
