"""Pieces are kept, resumed and refused; what is missing is said before anything runs."""

import json
from dataclasses import replace

import numpy as np
import pytest

from auxin import catalogue
from auxin.errors import DataError, RunError
from auxin.paper import AUXILEARN
from auxin.records.recipe import Line
from auxin.studies.recipe import Bench, Did, Outcome, Piece, Recipe
from auxin.studies.reproduce import finished, reproduce


class Counting(Recipe):
    paper = replace(AUXILEARN, place="nowhere")
    title = "Counting"
    ran: list[str] = []  # noqa: RUF012
    broken = ""

    def pieces(self, smoke):
        return [Piece(f"p{i}", {"size": 1 if smoke else 2}) for i in range(3)]

    def run(self, piece, bench):
        if piece.name == self.broken:
            raise KeyboardInterrupt
        self.ran.append(piece.name)
        return Did({"n": len(self.ran)}, {"c": [1.0, 2.0]}, {"a": np.arange(3)}, ["said once"])

    def outcome(self, done):
        return Outcome([Line(name="sum", ours=sum(d.found.values["n"] for d in done.values()))])


@pytest.fixture(autouse=True)
def _counting(monkeypatch):
    monkeypatch.setattr(catalogue, "load", lambda family, name: Counting)
    Counting.ran, Counting.broken = [], ""


def test_an_interrupted_recipe_goes_on_where_it_stopped(tmp_path):
    Counting.broken = "p2"
    with pytest.raises(KeyboardInterrupt):
        reproduce("counting", tmp_path / "out")
    assert Counting.ran == ["p0", "p1"]
    assert json.loads((tmp_path / "out/result.json").read_text())["pieces"] == 2
    Counting.broken = ""
    result = reproduce("counting", tmp_path / "out")
    assert Counting.ran == ["p0", "p1", "p2"]
    assert (result.pieces, result.lines[0].ours, result.notes) == (3, 6.0, ["said once"])


def test_a_piece_whose_settings_changed_is_not_taken_for_finished(tmp_path):
    reproduce("counting", tmp_path / "out")
    piece = Counting().pieces(False)[0]
    done = finished(piece, tmp_path / "out")
    assert done is not None
    assert done.arrays["a"].tolist() == [0, 1, 2]
    assert finished(Piece(piece.name, {"size": 3}), tmp_path / "out") is None


def test_the_tiny_run_and_the_whole_one_do_not_share_a_folder(tmp_path):
    reproduce("counting", tmp_path / "out", smoke=True)
    with pytest.raises(RunError, match="smoke was true, now false"):
        reproduce("counting", tmp_path / "out")


def test_absent_data_are_refused_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(Counting, "needs", ("cifar100",))
    for root in (None, tmp_path):
        with pytest.raises(DataError, match=r"cifar100 is not at hand.*--root DIR"):
            reproduce("counting", tmp_path / "out", root)
    assert Counting.ran == []
    (tmp_path / "cifar100").mkdir()
    assert Bench(tmp_path, tmp_path).data("cifar100") == tmp_path / "cifar100"
