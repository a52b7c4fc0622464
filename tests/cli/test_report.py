import json
import sys
from pathlib import Path

import pytest

from auxin import cli
from auxin.reports import _style

sys.path.append(str(Path(__file__).parents[1] / "reports"))
from fake_results import fake_runs, write_fake


@pytest.fixture
def runs(tmp_path):
    return write_fake(tmp_path / "runs", fake_runs(seeds=2, epochs=3))


def _report(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        cli.main(["report", *map(str, arguments)])
    return caught.value.code, capsys.readouterr()


def test_the_page_goes_beside_the_runs(capsys, tmp_path, monkeypatch):
    runs = write_fake(tmp_path / "runs", fake_runs(seeds=2, epochs=3, labels=False))
    monkeypatch.setitem(
        _style.SETTINGS, "pdf.fonttype", 3
    )  # not embedded glyph by glyph, which takes seconds
    code, captured = _report(capsys, runs)
    assert code == 0
    assert (runs / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert str(runs / "report.html") in captured.out.replace("\n", "")
    assert "maxl_frozen" in captured.out
    names = {path.name for path in (runs / "figures").iterdir()}
    assert {"score.png", "score.pdf", "seeds.png"} <= names
    assert {name.rpartition(".")[2] for name in names} == {"png", "pdf"}


def test_page_and_figures_go_where_they_are_asked_to(capsys, runs, tmp_path):
    code, captured = _report(
        capsys, runs, "--out", tmp_path / "b" / "page.html", "--figures", " svg,", "--json"
    )
    assert code == 0
    found = json.loads(captured.out)
    assert found["page"] == str(tmp_path / "b" / "page.html")
    assert found["comparison"]["best_control"] == "maxl_frozen"
    assert len(found["figures"]) == 8
    assert all(Path(path).stat().st_size > 1000 for path in found["figures"])
    assert "maxl_frozen" in captured.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["nowhere"], "no comparison in nowhere"), (["RUNS", "--figures", "gif"], "Found gif")],
)
def test_what_cannot_be_reported_is_refused_and_nothing_written(capsys, runs, arguments, says):
    before = sorted(runs.rglob("*"))
    code, captured = _report(capsys, *(runs if a == "RUNS" else a for a in arguments))
    assert (code, captured.out) == (2, "")
    assert says in captured.err
    assert sorted(runs.rglob("*")) == before
