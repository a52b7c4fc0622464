"""Recipes as TOML sheets: everything wrong is said at once, verdicts follow the intervals, tiny runs run."""

import pytest

from auxin import catalogue
from auxin.errors import ConfigError, DataError
from auxin.recipes._sheet import read_sheet
from auxin.recipes._summary import equal_rows
from auxin.records.recipe import PieceRecord
from auxin.requests.reproduce import RecipeRequest, RecipeSize
from auxin.studies.recipe import FinishedPiece, PieceEnvironment
from auxin.studies.reproduce import Reproduction, reproduce

SHEET = """
title = "A table"
paper = "maxl"
place = "table 0"
preset = "maxl"
minutes = 1
length = "short"
reference = "single"
[settings]
epochs = 1
[data.A]
name = "mnist"
[data.B]
name = "svhn"
[methods.single]
[methods.maxl]
[numbers.accuracy]
A = { single = 50.0, maxl = [51.0, 0.3] }
"""


def test_everything_wrong_with_a_sheet_is_said_at_once(tmp_path):
    wrong = SHEET.replace('preset = "maxl"', 'preset = "maxxl"').replace("[methods.maxl]", "[methods.maxxl]")
    wrong = wrong.replace('name = "svhn"', 'name = "svnh"').replace("epochs = 1", "epoch = 1")
    (tmp_path / "a.toml").write_text(wrong)
    with pytest.raises(ConfigError) as caught:
        read_sheet(tmp_path / "a.toml")
    said = str(caught.value)
    for word in ("'maxxl' is not one of", "method maxxl", "'svnh'", "'epoch'", "numbers of maxl on A"):
        assert word in said, word
    (tmp_path / "a.toml").write_text(SHEET + "surprise = 1\n")
    with pytest.raises(ConfigError, match="surprise"):
        read_sheet(tmp_path / "a.toml")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("metrics = []", "metrics: List should have at least 1 item"),
        ('metrics = ["acuracy"]', "there is no metric 'acuracy'"),
        ("data = {}", "data: Dictionary should have at least 1 item"),
        ("methods = {}", "methods: Dictionary should have at least 1 item"),
    ],
)
def test_an_empty_part_of_a_sheet_is_refused(line, said, tmp_path):
    name = line.split()[0]
    gone = (f"[{name}.", "name =") if name == "data" else f"[{name}."
    rest = "\n".join(part for part in SHEET.split("\n") if not part.startswith(gone))
    (tmp_path / "a.toml").write_text(f"{line}\n{rest}")
    with pytest.raises(ConfigError, match=said):
        read_sheet(tmp_path / "a.toml")


def test_types_names_and_values_are_wrong_at_once(tmp_path):
    wrong = SHEET.replace('preset = "maxl"', 'preset = "maxxl"').replace("epochs = 1", "epoch = 1")
    wrong = "surprise = 1\n" + wrong.replace(
        'length = "short"', 'length = "short"\nseeds = 0\ngpu = "perhaps"'
    )
    wrong = wrong.replace("[methods.maxl]", "[methods.maxxl]\nrate = 1")
    (tmp_path / "a.toml").write_text(wrong)
    with pytest.raises(ConfigError) as caught:
        read_sheet(tmp_path / "a.toml")
    for word in (
        "surprise",
        "seeds: ",
        "gpu: ",
        "methods.maxxl.rate",
        "'maxxl' is not one of",
        "method maxxl",
        "'epoch'",
    ):
        assert word in str(caught.value), word


@pytest.fixture
def plugged(tmp_path, monkeypatch):
    (tmp_path / "plugins" / "recipes").mkdir(parents=True)
    (tmp_path / "plugins" / "recipes" / "a_table.toml").write_text(SHEET)
    monkeypatch.setenv(catalogue.PLUGINS, str(tmp_path / "plugins"))
    return "a_table"


@pytest.mark.parametrize("content", [b"title = '\xff'", b"a = " + b"[" * 9000, b"\x00"])
def test_a_file_that_is_no_text_is_refused_in_words(content, tmp_path) -> None:
    (tmp_path / "a.toml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"a\.toml"):
        read_sheet(tmp_path / "a.toml")


def test_a_sheet_is_a_member_of_the_family(plugged):
    assert plugged in catalogue.names("recipes")
    assert next(e.summary for e in catalogue.entries("recipes") if e.name == plugged) == "A table."
    recipe = catalogue.load("recipes", plugged)
    assert str(recipe.paper) == "Liu, Davison, Johns 2019, table 0"


def test_a_tiny_run_from_fixtures_gives_the_table_with_verdicts_and_resumes(plugged, tmp_path):
    found = reproduce(Reproduction(RecipeRequest(name=plugged, out=tmp_path / "out", smoke=True)))
    lines = {line.name: line for line in found.lines}
    assert list(lines) == ["A | single", "A | maxl", "B | maxl"]
    assert (lines["A | maxl"].paper, lines["A | maxl"].paper_error) == (51.0, 0.3)
    assert lines["A | maxl"].paper_difference == 1.0
    assert lines["A | maxl"].verdict == "budget too small"
    assert (found.pieces, found.total) == (3, 3)
    times = [p.stat().st_mtime_ns for p in sorted((tmp_path / "out" / "pieces").glob("*.json"))]
    reproduce(Reproduction(RecipeRequest(name=plugged, out=tmp_path / "out", smoke=True)))
    assert times == [p.stat().st_mtime_ns for p in sorted((tmp_path / "out" / "pieces").glob("*.json"))]


def test_rows_whose_runs_are_the_same_are_named():
    def pieces(scores):
        return [
            PieceRecord(
                digest="",
                piece=f"{method}-{seed}",
                settings={"data": "A", "method": method, "seed": seed},
                values={"accuracy": score, "seconds": float(len(method))},
                seconds=1.0,
            )
            for method, own in scores.items()
            for seed, score in enumerate(own)
        ]

    [said] = equal_rows(pieces({"single": [0.5, 0.6], "clipped": [0.7, 0.8], "free": [0.7, 0.8]}))
    assert said.startswith("clipped and free gave the same numbers on A in every seed")
    assert equal_rows(pieces({"clipped": [0.7, 0.8], "free": [0.7, 0.9]})) == []
    assert equal_rows(pieces({"clipped": [0.7], "free": [0.7]})) == []


@pytest.mark.parametrize(("seeds", "holds"), [(2, None), (3, True)])
def test_a_sentence_of_the_paper_is_judged_from_three_seeds_on(plugged, tmp_path, seeds, holds):
    sheet = tmp_path / "plugins" / "recipes" / "a_table.toml"
    sheet.write_text(SHEET + '[[claims]]\ntext = "better"\nbetter = "maxl"\nworse = "single"\n')
    done = {}
    for method, level in (("single", 0.5), ("maxl", 0.6)):
        for seed in range(seeds):
            told = {"data": "A", "method": method, "seed": seed}
            values = {"accuracy": level * (1 + 0.01 * seed)}
            record = PieceRecord(
                digest="", piece=f"{method}-{seed}", settings=told, values=values, seconds=1.0
            )
            done[record.piece] = FinishedPiece(record, {})
    [claim] = catalogue.load("recipes", plugged)().outcome(done).claims
    assert claim.holds is holds


def test_data_that_are_not_at_hand_are_left_out_and_said(plugged, tmp_path):
    recipe = catalogue.load("recipes", plugged)()
    recipe.environment = PieceEnvironment(tmp_path, tmp_path)
    with pytest.raises(DataError, match="mnist was not found"):
        recipe.pieces(False)
    (tmp_path / "svhn").mkdir()
    recipe.size = RecipeSize(seeds=2)
    assert [piece.name for piece in recipe.pieces(False)] == [
        "b-single-seed-0",
        "b-maxl-seed-0",
        "b-single-seed-1",
        "b-maxl-seed-1",
    ]


def test_only_asked_pieces_run(plugged, tmp_path):
    found = reproduce(
        Reproduction(
            RecipeRequest(name=plugged, out=tmp_path / "out", smoke=True, size=RecipeSize(only=("b-",)))
        )
    )
    assert [line.name for line in found.lines] == ["B | maxl"]
    with pytest.raises(ConfigError, match="names such as a-single"):
        reproduce(
            Reproduction(
                RecipeRequest(
                    name=plugged, out=tmp_path / "other", smoke=True, size=RecipeSize(only=("nothing",))
                )
            )
        )


@pytest.mark.parametrize("name", [e.name for e in catalogue.entries("recipes") if e.file.suffix == ".toml"])
def test_every_sheet_can_be_read(name):
    recipe = catalogue.load("recipes", name)
    assert recipe.title
    assert recipe.paper.place.split()[0] in ("table", "figure", "section", "sections", "appendix")
    assert recipe.minutes > 0


def test_a_table_is_drawn_a_row_per_method_for_each_measure_and_data_set(plugged, tmp_path):
    sheet = tmp_path / "plugins" / "recipes" / "a_table.toml"
    sheet.write_text(SHEET.replace('preset = "maxl"', 'preset = "maxl"\nmeasures = ["label_classes"]'))
    done = {}
    for data, scores in {"A": (0.5, 0.6), "B": (0.7, 0.8)}.items():
        for method, score in zip(("single", "maxl"), scores, strict=True):
            settings = {"data": data, "method": method, "seed": 0}
            values = {"accuracy": score} | ({"label_classes": 9.0} if method == "maxl" else {})
            record = PieceRecord(piece=f"{data}-{method}", settings=settings, values=values)
            done[record.piece] = FinishedPiece(record, {})
    outcome = catalogue.load("recipes", plugged)().outcome(done)
    drawn = {p.picture.name: (list(p.arrays["names"]), list(p.arrays["ours"])) for p in outcome.pictures}
    assert drawn == {
        "a-accuracy": (["single", "maxl"], pytest.approx([50.0, 60.0])),
        "b-accuracy": (["single", "maxl"], pytest.approx([70.0, 80.0])),
        "a-label-classes": (["maxl"], [9.0]),
        "b-label-classes": (["maxl"], [9.0]),
    }
    assert list(outcome.pictures[0].arrays["paper"]) == [50.0, 51.0]
    assert outcome.pictures[0].picture.y == "accuracy (%)"
    assert "paper" not in outcome.pictures[1].arrays
    assert outcome.pictures[2].picture.y == "auxiliary classes in use"
