"""Pieces are kept, resumed and refused; what is missing is said before anything runs."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from auxin import catalogue
from auxin.errors import DataError, RunError
from auxin.paper import AUXILEARN
from auxin.records.recipe import Claim, RecipeRow
from auxin.requests.reproduce import RecipeRequest
from auxin.requests.shared import Engine
from auxin.studies.engine import Progress
from auxin.studies.recipe import Piece, PieceEnvironment, PieceResult, Recipe, RecipeOutcome
from auxin.studies.reproduce import Reproduction
from auxin.studies.reproduce import reproduce as run_recipe


def reproduce(name, out, root=None, **options):
    return run_recipe(Reproduction(RecipeRequest(name=name, out=out, root=root, **options)))


class Counting(Recipe):
    paper = replace(AUXILEARN, place="nowhere")
    title = "Counting"
    ran: list[str] = []  # noqa: RUF012
    broken = ""

    def pieces(self, smoke):
        return [Piece(f"p{i}", {"size": 1 if smoke else 2}) for i in range(3)]

    def run(self, piece):
        if piece.name == self.broken:
            raise KeyboardInterrupt
        self.ran.append(piece.name)
        return PieceResult({"n": len(self.ran)}, {"c": [1.0, 2.0]}, {"a": np.arange(3)}, ["said once"])

    def outcome(self, done):
        return RecipeOutcome([RecipeRow(name="sum", ours=sum(d.found.values["n"] for d in done.values()))])


@pytest.fixture(autouse=True)
def _counting(monkeypatch):
    load = catalogue.load
    monkeypatch.setattr(
        catalogue, "load", lambda family, name: Counting if family == "recipes" else load(family, name)
    )
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


@pytest.mark.parametrize("smoke", [True, False])
def test_a_tiny_run_decides_nothing(tmp_path, monkeypatch, smoke):
    made = RecipeOutcome(
        [RecipeRow(name="a", ours=1.0, verdict="reproduced")], [Claim(text="It is so", found="1", holds=True)]
    )
    monkeypatch.setattr(Counting, "outcome", lambda recipe, done: made)
    result = reproduce("counting", tmp_path / "out", smoke=smoke)
    expected = ("budget too small", None) if smoke else ("reproduced", True)
    assert (result.lines[0].verdict, result.claims[0].holds) == expected


def test_a_piece_whose_settings_changed_is_not_taken_for_finished(tmp_path):
    reproduce("counting", tmp_path / "out")
    study = Reproduction(RecipeRequest(name="counting", out=tmp_path / "out"))
    assert all(unit.finished() for unit in study.units({}))
    study.pieces = [Piece("p0", {"size": 3}), Piece("p1", {"size": 2})]
    assert [unit.finished() is None for unit in study.units({})] == [True, False]


def test_pieces_of_data_that_changed_are_computed_again(tmp_path, monkeypatch):
    monkeypatch.setattr(Counting, "needs", ("wine",))
    (tmp_path / "wine").mkdir()
    (tmp_path / "wine" / "a.csv").write_text("1")
    reproduce("counting", tmp_path / "out", tmp_path)
    reproduce("counting", tmp_path / "out", tmp_path)
    assert len(Counting.ran) == 3
    (tmp_path / "wine" / "a.csv").write_text("2")
    told = []
    run_recipe(
        Reproduction(RecipeRequest(name="counting", out=tmp_path / "out", root=tmp_path)), notify=told.append
    )
    assert len(Counting.ran) == 6
    assert any("3 results in the folder belong to other data" in str(event) for event in told)


def test_the_tiny_run_and_the_whole_one_do_not_share_a_folder(tmp_path):
    reproduce("counting", tmp_path / "out", smoke=True)
    with pytest.raises(RunError, match="smoke was true, now false"):
        reproduce("counting", tmp_path / "out")


def test_absent_data_are_refused_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(Counting, "needs", ("cifar100",))
    for root in (None, tmp_path):
        with pytest.raises(DataError, match=r"cifar100 was not found.*--root DIR"):
            reproduce("counting", tmp_path / "out", root)
    assert Counting.ran == []
    (tmp_path / "cifar100").mkdir()
    assert PieceEnvironment(tmp_path, tmp_path).data("cifar100") == tmp_path / "cifar100"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mnist", r"auxin.data.load\('mnist', 'DIR/mnist', download=True\)"),
        ("shapenet_part", r"cannot fetch.*https://shapenet.org.*unpack them in DIR/shapenet_part"),
        ("imdb", "imdb_train.csv.gz"),
    ],
)
def test_the_error_for_absent_data_says_how_to_get_them(name, words, tmp_path):
    with pytest.raises(DataError, match=words):
        PieceEnvironment(tmp_path, tmp_path).data(name)


@pytest.mark.parametrize(("jobs", "begun"), [(1, 1), (2, 2)])
def test_within_a_budget_as_many_pieces_run_as_in_parallel(jobs, begun, tmp_path):
    request = RecipeRequest(name="counting", out=tmp_path, budget=1e-9, compute=Engine(jobs=jobs))
    told = []
    result = run_recipe(Reproduction(request), notify=told.append)
    assert (result.pieces, result.total, len(Counting.ran)) == (begun, 3, begun)
    assert {event.total for event in told if isinstance(event, Progress)} == {3}


def test_a_piece_that_would_end_after_the_budget_is_not_started(tmp_path, monkeypatch):
    """Pieces of one kind take five seconds, by a clock of the test's own; others are not known and take the mean."""
    now = [0.0]

    class Slow(Counting):
        def run(self, piece):
            now[0] += 5.0
            return super().run(piece)

    monkeypatch.setattr(catalogue, "load", lambda family, name: Slow)
    for module in ("auxin.studies.reproduce", "auxin.studies.engine"):
        monkeypatch.setattr(
            f"{module}.time", SimpleNamespace(monotonic=lambda: now[0], perf_counter=lambda: now[0])
        )
    limited = {"budget": 12.0, "compute": Engine(jobs=1)}
    assert reproduce("counting", tmp_path, **limited).pieces == 2
    assert (Counting.ran, now[0]) == (["p0", "p1"], 10.0)
    assert (
        reproduce("counting", tmp_path, **{**limited, "budget": 1.0}).pieces == 3
    )  # the first one always runs
