"""A piece that is computed again in a folder with files of a killed process gives the same numbers."""

import pytest

from auxin import catalogue
from auxin.recipes._grid import from_sheet
from auxin.records.recipe import PieceRecord
from auxin.studies.recipe import FinishedPiece, PieceEnvironment

SHEET = """
title = "A table"
paper = "auxilearn"
place = "table 0"
preset = "auxin"
minutes = 1
length = "short"
reference = "single"
metrics = ["accuracy", "top3"]
[data.A]
name = "digits"
[methods.single]
[methods.maxl]
"""


@pytest.mark.parametrize("left", ["nothing", "a result without weights"])
def test_a_run_whose_piece_was_not_recorded_is_read_back_or_trained_again(left, tmp_path) -> None:
    (tmp_path / "a_table.toml").write_text(SHEET)
    recipe = from_sheet(tmp_path / "a_table.toml")()
    piece = recipe.pieces(True)[1]
    recipe.environment = PieceEnvironment(None, tmp_path / "out", smoke=True)
    first = recipe.run(piece)
    folder = tmp_path / "out" / "runs" / piece.name
    assert (folder / "result.json").exists()
    assert not (folder / "network.safetensors").exists()
    if left == "nothing":
        for file in folder.iterdir():
            file.unlink()
    again = recipe.run(piece)
    timeless = [{k: v for k, v in found.values.items() if k != "seconds"} for found in (first, again)]
    assert timeless[0] == timeless[1]
    assert set(timeless[0]) >= {"accuracy", "top3"}


def test_curves_over_meta_training_are_judged_by_the_last_look_minus_the_first() -> None:
    recipe = catalogue.load("recipes", "metz_figure_3")()

    def verdicts(digits: list[float], imdb: list[float]) -> list[bool | None]:
        done = {}
        for seed, shift in enumerate((0.0, 0.001, 0.002)):
            curves = {
                "updates": [1.0, 2.0, 3.0, 4.0],
                "digits": [*digits[:3], digits[3] + shift],
                "imdb": [*imdb[:3], imdb[3] + shift],
            }
            done[f"seed-{seed}"] = FinishedPiece(PieceRecord(piece="", values={}, curves=curves), {})
        return [claim.holds for claim in recipe.outcome(done).claims]

    rises, falls, level = [0.6, 0.7, 0.75, 0.8], [0.8, 0.7, 0.65, 0.6], [0.7, 0.75, 0.8, 0.699]
    assert verdicts(rises, falls) == [True, True]
    assert verdicts(falls, rises) == [False, False]
    assert verdicts(level, level) == [None, None]  # the rank correlation with time is positive


@pytest.mark.slow
def test_a_meta_training_that_was_cut_off_keeps_no_part_of_its_curves(tmp_path) -> None:
    recipe = catalogue.load("recipes", "metz_figure_3")()
    piece = recipe.pieces(True)[0]
    recipe.environment = PieceEnvironment(None, tmp_path, smoke=True)
    first, again = (recipe.run(piece) for _ in range(2))
    assert first.curves == again.curves
    assert len(first.curves["updates"]) == 8


def test_lengths_that_lack_a_seed_are_compared_over_the_seeds_that_all_have() -> None:
    recipe = catalogue.load("recipes", "metz_figure_2")()
    done = {}
    for number, epochs in enumerate((1, 2, 5)):
        for seed in {0, 1, 2, 3} - {number}:
            values = {"accuracy": 0.5 - 0.1 * number + 0.01 * seed, "bound": -1.0 + number}
            settings = {"epochs": epochs, "seed": seed, "smoke": False}
            record = PieceRecord(piece="", settings=settings, values=values)
            done[f"vae-{epochs}-seed-{seed}"] = FinishedPiece(record, {})
    found = recipe.outcome(done)
    assert "after 5 minus after 1: -20.00 points over 1 seed;" in found.claims[0].found
    assert [drawn.arrays["accuracy"].shape for drawn in found.pictures[:1]] == [(1, 3)]
