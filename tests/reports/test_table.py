import io
import math

import pytest
from fake_results import SKILL, fake_comparison, fake_runs, guarded_runs
from rich.console import Console

from auxin.reports import table


@pytest.fixture
def comparison():
    return fake_comparison(fake_runs(epochs=2))


def test_there_is_a_row_per_method_in_words(comparison):
    lines = table.cells(comparison)
    assert len(lines) == len(SKILL)
    assert lines[0].method == "single"
    row = next(row for row in comparison.rows if row.method == "maxl")
    line = next(line for line in lines if line.method == "maxl")
    assert line.score == f"{100 * row.mean:.2f} ± {100 * row.standard_error:.2f}"
    assert line.versus_single.startswith(f"+{100 * row.versus_single.difference:.2f} [")
    assert line.verdict == f"{row.verdict} vs {comparison.best_control}"


def _printed(comparison):
    console = Console(width=150, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        console.print(table.terminal(comparison))
    return console.export_text()


def test_the_terminal_shows_the_verdict_warnings_and_cuts(comparison):
    text = _printed(comparison.model_copy(update={"cuts": ["2 of 4 tries"], "warnings": ["few [seeds]"]}))
    assert comparison.sentence[:60] in text
    assert "! few [seeds]" in text
    assert "Cut to fit the budget: 2 of 4 tries" in text
    assert "5 seeds" in text


def test_what_validation_kept_is_told_in_a_line_per_method():
    text = _printed(fake_comparison(guarded_runs("single", "maxl", "maxl")))
    assert "maxl kept maxl in 2 of 3 seeds, single in 1." in text
    assert text.count(" kept ") == 1


def test_a_diverged_seed_is_told_of(comparison):
    runs = fake_runs(seeds=3, epochs=2)
    bad = runs[-1].model_copy(update={"scores": runs[-1].scores.model_copy(update={"development": math.nan})})
    text = _printed(fake_comparison([*runs[:-1], bad]))
    assert "maxl: Diverged with seed 2" in text


def test_one_seed_has_no_interval_to_show():
    lines = table.cells(fake_comparison(fake_runs(seeds=1, epochs=2)))
    assert all("±" not in line.score for line in lines)
    assert all("[" not in line.versus_single + line.versus_control for line in lines)
    assert "no evidence (one seed)" in lines[-1].verdict


@pytest.mark.parametrize("width", [74, 80, 100, 120, 150])
def test_the_table_fits_the_terminal_and_cuts_no_word(comparison, width):
    console = Console(width=width, file=io.StringIO(), highlight=False)
    console.print(table.terminal(comparison))
    told = console.file.getvalue()
    assert max(map(len, told.splitlines())) <= width
    assert "…" not in told
    for row in comparison.rows:
        assert row.method in told
    assert ("overhead" in told) == (width == 150)
