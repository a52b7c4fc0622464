"""The one writer: whose folder it is, by content; one process at a time; checksums that name damage."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from auxin.errors import ConfigError, DamagedError, RunError
from auxin.folders import CONTENT, LOCK, check_output, claim_folder, release_folder
from auxin.store import digest_of, start_unit
from auxin.tensor_files import read_state, read_tensors, set_aside, write_state, write_tensors


def test_results_of_other_data_are_refused_and_named(tmp_path: Path) -> None:
    claim_folder(tmp_path / "out", {CONTENT: "a", "seeds": 3})
    (tmp_path / "out" / "result.json").write_text("{}")
    assert claim_folder(tmp_path / "out", {CONTENT: "a", "seeds": 3})
    with pytest.raises(RunError, match="results of other data"):
        claim_folder(tmp_path / "out", {CONTENT: "b", "seeds": 3})
    with pytest.raises(RunError, match=r"different study.*seeds was 3, now 4"):
        claim_folder(tmp_path / "out", {CONTENT: "a", "seeds": 4})
    with pytest.raises(
        RunError, match="Found other rows than those of the recorded results; seeds was 3, now 4"
    ):
        claim_folder(tmp_path / "out", {CONTENT: "b", "seeds": 4})


def test_the_settings_that_differ_are_named_one_by_one(tmp_path: Path) -> None:
    was = {"split": {"test": 0.2, "validation": 0.1}, "training": {"settings": {"steps": 3}}}
    claim_folder(tmp_path, was)
    (tmp_path / "result.json").write_text("{}")
    now = {"split": {"test": 0.2, "validation": 0.3}, "training": {"settings": {"steps": 3, "lr": 0.1}}}
    with pytest.raises(
        RunError, match=r"Found split\.validation was 0\.1, now 0\.3; training\.settings\.lr was null"
    ):
        claim_folder(tmp_path, now)


def test_code_of_ones_own_belongs_to_a_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = tmp_path / "plugins" / "methods" / "mine.py"
    plugin.parent.mkdir(parents=True)
    monkeypatch.setenv("AUXIN_PLUGINS", str(tmp_path / "plugins"))
    plugin.write_text("a = 1")
    claim_folder(tmp_path / "out", {"seeds": 3})
    (tmp_path / "out" / "result.json").write_text("{}")
    assert claim_folder(tmp_path / "out", {"seeds": 3})
    plugin.write_text("a = 2")
    with pytest.raises(RunError, match=r"results of other code.*methods/mine\.py"):
        claim_folder(tmp_path / "out", {"seeds": 3})
    monkeypatch.setattr("auxin.folders._version", lambda: "9.9.9")
    with pytest.raises(RunError, match=r"different study.*auxin version was .*now .*9\.9\.9"):
        claim_folder(tmp_path / "out", {"seeds": 3})


def test_a_folder_of_0_1_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"seeds": 3}')
    (tmp_path / "result.json").write_text("{}")
    with pytest.raises(RunError, match=r"auxin 0\.1.*auxin report"):
        claim_folder(tmp_path, {CONTENT: "a", "seeds": 3})
    with pytest.raises(RunError, match=r"auxin 0\.1"):  # its other fields were of another form
        claim_folder(tmp_path, {CONTENT: "a", "seeds": [3], "data": {"name": "t.csv"}})
    (tmp_path / "rule").mkdir()
    (tmp_path / "rule" / "rule.safetensors").write_text("x")
    with pytest.raises(RunError, match=r"auxin 0\.1.*auxin rule apply"):
        claim_folder(tmp_path / "rule", {"rule train": {}})
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(RunError, match="cannot be read"):
        claim_folder(tmp_path, {CONTENT: "a", "seeds": 3})


def test_a_claimed_folder_without_results_can_be_claimed_by_another_study(tmp_path: Path) -> None:
    claim_folder(tmp_path, {"steps": 20, "model.nope": 3})
    (tmp_path / "runs").mkdir()
    assert not claim_folder(tmp_path, {"steps": 20})
    (tmp_path / "runs" / "result.json").write_text("{}")
    with pytest.raises(RunError, match="different study"):
        claim_folder(tmp_path, {"steps": 30})


CLAIM = """
import sys
from pathlib import Path
from auxin.folders import claim_folder
claim_folder(Path(sys.argv[1]), {})
"""


def test_a_second_process_is_kept_out_until_the_first_has_finished(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CLAIM, str(tmp_path / "out")]
    claim_folder(tmp_path / "out", {})
    other = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Another auxin command is writing into" in other.stderr
    release_folder(tmp_path / "out")
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert (tmp_path / "out" / LOCK).exists()  # the file stays; the lock ends with its process


def test_digests_depend_on_values_alone() -> None:
    assert (
        digest_of({"a": 1, "b": [0.1]}) == digest_of({"b": (0.1,), "a": 1}) != digest_of({"a": 1, "b": [0.2]})
    )


def test_checkpoints_of_another_unit_are_removed(tmp_path: Path) -> None:
    start_unit(tmp_path, "first")
    (tmp_path / "checkpoint.pt").write_text("x")
    start_unit(tmp_path, "first")
    assert (tmp_path / "checkpoint.pt").exists()
    start_unit(tmp_path, "second")
    assert not (tmp_path / "checkpoint.pt").exists()


def flipped(file: Path, place: int) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(bytes(content))


@pytest.mark.parametrize("place", [12, 100, 250, -3, -90])
def test_a_flipped_bit_is_named_wherever_it_is(place: int, tmp_path: Path) -> None:
    tensors = {"w": torch.randn(5, 4), "n": torch.arange(3)}
    write_tensors(tmp_path / "a.safetensors", tensors, {"card": "made by hand"})
    found, words = read_tensors(tmp_path / "a.safetensors")
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    assert words == {"card": "made by hand"}
    flipped(tmp_path / "a.safetensors", place)
    with pytest.raises(DamagedError, match=r"a\.safetensors"):
        read_tensors(tmp_path / "a.safetensors")
    write_state(tmp_path / "a.pt", {"deep": [tensors], "step": 3})
    assert torch.equal(read_state(tmp_path / "a.pt")["deep"][0]["w"], tensors["w"])
    flipped(tmp_path / "a.pt", place)
    with pytest.raises(DamagedError, match=r"a\.pt"):
        read_state(tmp_path / "a.pt")
    assert set_aside(tmp_path / "a.pt").name == "a.pt.damaged"


def test_a_folder_is_cleared_of_files_that_a_killed_process_had_not_finished(tmp_path: Path) -> None:
    (tmp_path / ".manifest.json.abc.part").write_text("{")
    claim_folder(tmp_path, {"steps": 20})
    half = tmp_path / "runs" / ".features.npz.abc.part"
    half.parent.mkdir()
    half.write_text("half")
    (half.parent / "result.json").write_text("{}")
    rows = half.parent / ".imdb.part"  # made-up rows of a tiny run
    rows.mkdir()
    (rows / ".imdb_train.csv.abc.part").write_text("half")
    release_folder(tmp_path)
    assert claim_folder(tmp_path, {"steps": 20})
    release_folder(tmp_path)
    assert [path.name for path in half.parent.iterdir()] == ["result.json"]


def test_an_output_never_takes_the_place_of_what_is_read(tmp_path: Path) -> None:
    data, model = tmp_path / "t.csv", tmp_path / "m"
    model.mkdir()
    for file in (data, model / "model.json", model / "report.html"):
        file.write_text("x")
    (tmp_path / "link.csv").symlink_to(data)
    for file in (data, tmp_path / "link.csv", tmp_path / "m" / ".." / "t.csv", model / "model.json"):
        with pytest.raises(ConfigError, match="would be overwritten"):
            check_output(file, str(data), model)
    for file in (model / "report.html", tmp_path / "new.csv", tmp_path / "model.json"):
        check_output(file, data, model, "digits", "x" * 5000)
