"""`auxin compare` as a user meets it: output, JSON, errors with exit code 2, nothing half-written, Ctrl-C."""

import gc
import json
import os
import signal
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from auxin.cli import main
from auxin.studies.lineup import line_up

TINY = ["--set", "steps=4", "--set", "model.channel_width=4", "--seeds", "2", "--tries", "1", "--jobs", "1"]


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["compare", *arguments])
    return int(stop.value.code or 0)


def test_table_verdict_files_and_figures(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "out"
    assert call("--methods", "single,maxl_frozen,maxl", *TINY, "--out", str(out)) == 0
    text = capsys.readouterr().out
    assert "Δ single" in text
    assert "no evidence" in text or "hurts" in text or "helps" in text
    assert str(out) in text
    assert (out / "comparison.json").exists()
    assert {"score.png", "seeds.png"} <= {f.name for f in (out / "figures").iterdir()}


def test_json_stands_alone_on_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "auxin.studies.compare.line_up", lambda *a, **k: print("a plugin's") or line_up(*a, **k)
    )
    assert call("--methods", "single", *TINY, "--out", str(tmp_path / "out"), "--json") == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert found["rows"][0]["method"] == "single"
    assert "auxin compare" in captured.err
    assert "a plugin's" in captured.err


def test_confirm_takes_the_comparison_of_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = str(tmp_path / "out")
    assert call("--methods", "single", *TINY, "--json", "--out", out) == 0
    capsys.readouterr()
    assert call("--confirm", "--out", out) == 0
    assert "accuracy (%), confirmation" in capsys.readouterr().out
    assert call("--confirm", "--out", out, "--json") == 0
    assert json.loads(capsys.readouterr().out)["half"] == "confirmation"
    file = tmp_path / "out" / "comparison.json"
    command = f"auxin --debug compare --jobs 1 --allow-outside --out {out}"  # nothing that changes a result
    file.write_text(json.dumps({**json.loads(file.read_text()), "command": command}))
    assert call("--confirm", "--out", out) == 2
    assert "a different study" in capsys.readouterr().err


def test_the_same_question_goes_to_the_same_folder(capsys: pytest.CaptureFixture) -> None:
    assert call("--methods", "single", *TINY) == 0
    assert call("--methods", "single", *TINY, "--json") == 0
    assert call("--methods", "single,random", *TINY) == 0
    assert len(list(Path("runs").iterdir())) == 2
    capsys.readouterr()


def test_an_npz_of_the_users_with_missing_labels(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    rng = np.random.default_rng(0)
    fine = rng.integers(0, 6, 300)
    y = fine // 2
    y[:100] = -1
    x = rng.normal(size=(300, 8)).astype("float32") + fine[:, None]
    np.savez(tmp_path / "my.npz", x=x, y=y, fine=fine)
    arguments = [
        str(tmp_path / "my.npz"),
        "--target",
        "y",
        "--aux",
        "fine",
        "--methods",
        "single,equal,given,maxl",
    ]
    small = ["--set", "steps=6", "--set", "model.hidden=8", "--seeds", "2", "--tries", "1", "--jobs", "1"]
    assert call(*arguments, *small, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["method"] for row in found["rows"]] == ["single", "equal", "given", "maxl_frozen", "maxl"]
    assert found["splits"]["unlabelled"] == 100


def test_generated_labels_beside_an_auxiliary_of_numbers(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = [f"{rng.normal()},{rng.normal()},{i % 2}" for i in range(80)]
    (tmp_path / "t.csv").write_text("\n".join(["a,price,y", *lines]))
    own = ["--set", "steps=4", "--set", "model.hidden=4", "--seeds", "1", "--tries", "1", "--jobs", "1"]
    asked = [str(tmp_path / "t.csv"), "--target", "y", "--aux", "price", "--methods", "maxl", *own]
    assert call(*asked, "--out", str(tmp_path / "out")) == 0


def write(folder: Path, **arrays: np.ndarray) -> str:
    file = folder / "bad.npz"
    np.savez(file, **arrays)
    return str(file)


X = np.random.default_rng(0).normal(size=(60, 3)).astype("float32")
Y = np.arange(60) % 3
NAN = np.where(np.arange(180).reshape(60, 3) == 4, np.nan, X)

BAD = {
    "missing file": (lambda d: ["nothing.npz"], "nothing.npz"),
    "corrupt file": (lambda d: [(d / "c.npz").write_bytes(b"PK\x03\x04 no") and str(d / "c.npz")], "c.npz"),
    "no such target": (lambda d: [write(d, x=X, y=Y), "--target", "z"], "z"),
    "NaN input": (lambda d: [write(d, x=NAN, y=Y), "--target", "y"], "NaN"),
    "no main label": (lambda d: [write(d, x=X, y=Y * 0 - 1), "--target", "y"], "label"),
    "class too small": (lambda d: [write(d, x=X, y=np.array([0] * 59 + [1])), "--target", "y"], "class"),
    "label below range": (lambda d: [write(d, x=X, y=Y - 5), "--target", "y"], "label"),
    "unknown data": (lambda d: ["digitz"], "digits"),
    "unknown method": (lambda d: ["--methods", "single,maxxl"], "maxl"),
    "method without its labels": (lambda d: ["--methods", "given"], "auxiliary"),
    "psi of the wrong length": (lambda d: ["--methods", "maxl", "--set", "psi=0"], "psi"),
    "unknown setting": (lambda d: ["--set", "shedule=cosine"], "schedule"),
    "unknown preset": (lambda d: ["--preset", "papper"], "paper"),
    "bad budget": (lambda d: ["--budget", "soon"], "budget"),
    "bad fraction": (lambda d: ["--fraction", "1.5"], "fraction"),
    "too many labels": (lambda d: ["--labels-per-class", "900"], "class"),
    "no labels": (lambda d: ["--labels-per-class", "0"], "labels per class"),
    "unknown metric": (lambda d: ["--metric", "speed"], "accuracy"),
    "unknown level": (lambda d: ["cifar100", "--root", str(d), "--level", "20:77"], "level"),
    "empty root": (lambda d: ["cifar100", "--root", str(d)], "cifar"),
    "a file as output folder": (lambda d: ["--out", write(d, x=X)], "folder"),
    "confirm nothing": (lambda d: ["--confirm"], "--confirm"),
    "no seeds": (lambda d: ["--seeds", "0"], "seeds"),
    "auxiliary set that is not there": (
        lambda d: ["--methods", "maxl", "--set", "meta=auxiliary"],
        "--auxiliary",
    ),
    "unknown optimizer": (lambda d: ["--set", "optimizer=sdg"], "sgd"),
    "unknown model": (lambda d: ["--set", "model=vgg61"], "vgg16"),
    "rotations of a table": (
        lambda d: [write(d, x=X, y=Y), "--target", "y", "--methods", "rotation"],
        "rotation",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_a_clear_message_and_nothing_is_written(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    make, word = BAD[kind]
    arguments = make(tmp_path)
    assert call(*arguments, *(["--jobs", "1"] if "--jobs" not in arguments else [])) == 2, kind
    captured = capsys.readouterr()
    assert word in captured.err, captured.err
    assert "Traceback" not in captured.err
    assert not list(Path.cwd().glob("runs/*/runs/**/result.json"))


# The key may be pressed between an `open` and its `with`.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
def test_ctrl_c_keeps_and_reports_what_is_finished(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "out"
    ended = threading.Event()

    def press() -> None:
        enough = 2
        while not ended.wait(0.02):
            if len(list(out.glob("runs/final/single/final/*/result.json"))) >= enough:
                os.kill(os.getpid(), signal.SIGINT)
                enough += 50  # one is lost that comes while an object is deleted: once more if runs go on

    finger = threading.Thread(target=press)
    finger.start()
    try:
        assert call("--methods", "single", *TINY, "--seeds", "400", "--out", str(out)) == 130
    finally:
        ended.set()
        finger.join()
    gc.collect()  # what it left open is closed here, not in another test
    printed = capsys.readouterr()
    assert "Interrupted" in printed.out + printed.err
    assert "Traceback" not in printed.err
    found = json.loads((out / "comparison.json").read_text())
    assert not found["finished"]
    assert len(found["seeds"]) >= 2
    assert not list(out.glob("**/*.part"))
