"""What every recipe promises: a paper and a place, distinct pieces, a tiny run with a table, claims and pictures."""

from pathlib import Path

import pytest

from auxin import catalogue
from auxin.cli.reproduce import cost_of
from auxin.errors import ConfigError
from auxin.records.recipe import RecipeRecord
from auxin.reports.recipe_figures import draw
from auxin.reports.recipe_table import markdown
from auxin.requests.reproduce import RecipeRequest, RecipeSize
from auxin.store import read_json
from auxin.studies.reproduce import Reproduction, reproduce

NAMES = catalogue.names("recipes")
PROMISED = {
    *("maxl_table_1", "maxl_side_claims", "maxl_collapse", *(f"maxl_figure_{n}" for n in range(3, 8))),
    *(f"auxilearn_figure_{n}" for n in range(2, 9)),
    *(f"auxilearn_table_{n}" for n in range(1, 10)),
    *(
        "auxilearn_c6",
        "auxilearn_monotone",
        "auxilearn_neumann",
        "auxilearn_proposition_1",
        "auxilearn_speed",
        "metz_text",
    ),
    *(f"metz_figure_{n}" for n in range(2, 7)),
}
"""Every table and figure of the papers that there is a recipe of: a lost one is noticed."""
QUICK = ("auxilearn_figure_6", "auxilearn_neumann")
"""Whose tiny runs are cheap enough for every run of the tests; the others' are marked slow."""


def test_every_table_and_figure_has_a_recipe():
    assert set(NAMES) == PROMISED
    assert len(PROMISED) == 35


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_says_what_it_is(name):
    kind = catalogue.load("recipes", name)
    assert kind.paper.place
    assert kind.title
    assert kind.minutes > 0
    for smoke in (True, False):
        pieces = kind().pieces(smoke)
        assert len({piece.name for piece in pieces}) == len(pieces) > 0
    assert len(kind().pieces(True)) <= len(kind().pieces(False))
    if kind.stand_in:
        assert kind.stand_in.endswith(".")


def test_costs_are_read_from_the_files_as_the_recipes_say():
    for entry in catalogue.entries("recipes"):
        kind = catalogue.load("recipes", entry.name)
        cost = cost_of(entry.file)
        assert cost["minutes"] == kind.minutes
        if entry.file.suffix == ".py":
            assert cost["needs"] == list(kind.needs)


@pytest.mark.parametrize("name", NAMES)
def test_the_users_number_of_seeds_is_run(name):
    made = catalogue.load("recipes", name)()
    made.size = RecipeSize(seeds=4)
    for tiny in (True, False):
        seeds = {piece.settings["seed"] for piece in made.pieces(tiny)}
        assert seeds == ({0} if name == "auxilearn_figure_3" else {0, 1, 2, 3})


@pytest.mark.parametrize(
    ("name", "size", "words"),
    [
        ("auxilearn_figure_3", {"seeds": 2}, "Expected --seeds 1. Found --seeds 2"),
        ("auxilearn_c6", {"rows": 50}, "own number of rows"),
    ],
)
def test_a_size_that_a_recipe_has_not_is_refused(name, size, words, tmp_path):
    request = RecipeRequest(name=name, out=tmp_path / "out", smoke=True, size=RecipeSize(**size))
    with pytest.raises(ConfigError, match=words):
        Reproduction(request)


def test_pieces_of_absent_data_are_said_to_be_left_out(tmp_path):
    (tmp_path / "mnist").mkdir()
    request = RecipeRequest(
        name="maxl_table_1", out=tmp_path / "out", root=tmp_path, size=RecipeSize(only=("svhn",))
    )
    with pytest.raises(ConfigError, match="Left out, since --root contains no folder of this name: svhn"):
        Reproduction(request)


def smoke(name: str, folder: Path, root: Path | None) -> RecipeRecord:
    result = reproduce(
        Reproduction(RecipeRequest(name=name, out=folder, root=root, smoke=True, command="auxin reproduce"))
    )
    assert result.smoke
    assert result.lines
    unnumbered = any("without numbers" in sentence for sentence in catalogue.load("recipes", name).departures)
    assert unnumbered or result.claims or any(line.paper is not None for line in result.lines)
    assert result.pieces == result.total == len(catalogue.load("recipes", name)().pieces(True))
    assert read_json(folder / "result.json", RecipeRecord) == result
    assert result.title in markdown(result)
    assert len(draw(folder)) == len(result.pictures)
    return result


@pytest.mark.parametrize("name", QUICK)
def test_the_tiny_run_runs_and_resumes(name, tmp_path, monkeypatch):
    first = smoke(name, tmp_path / "out", None)
    monkeypatch.setattr(catalogue.load("recipes", name), "run", None)  # nothing may be run a second time
    again = reproduce(
        Reproduction(RecipeRequest(name=name, out=tmp_path / "out", smoke=True, command="auxin reproduce"))
    )
    assert again == first


@pytest.mark.slow
def test_every_tiny_run_runs_from_fixtures(tmp_path):
    ran = [name for name in NAMES if smoke(name, tmp_path / name, None)]
    assert ran == NAMES
    assert len(ran) == len(PROMISED)
