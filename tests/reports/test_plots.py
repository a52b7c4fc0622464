import io
import math

import numpy as np
import pytest
from fake_results import SKILL, fake_runs, write_fake
from PIL import Image

from auxin.records.results import EpochRecord
from auxin.reports import plots
from auxin.reports._lines import curve, measure
from auxin.reports._style import PALETTE, SINGLE, looks, styled
from auxin.reports.read import read_results

PNG = b"\x89PNG\r\n"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return read_results(write_fake(tmp_path_factory.mktemp("runs")))


def _with_epochs(run, epochs):
    return run.model_copy(update={"epochs": epochs})


def _epoch(number, **fields):
    return EpochRecord(epoch=number, seconds=0.1, train_loss=1.0, **fields)


def test_every_figure_is_a_picture_with_something_in_it(results, tmp_path):
    written = plots.write_figures(results, tmp_path / "figures", ("png",))
    assert len(written) == 8
    for path in written:
        pixels = np.asarray(Image.open(path).convert("RGB"), float)
        assert min(pixels.shape[:2]) > 1.1 * plots.DPI
        assert pixels.std() > 5


@styled
def saved(figure, kind):
    figure.savefig(buffer := io.BytesIO(), format=kind, dpi=plots.DPI, metadata=plots._METADATA[kind])
    return buffer.getvalue()


def test_the_same_results_give_the_same_bytes_those_of_savefig(results):
    first, second = plots.score_curves(results), plots.score_curves(results)
    for kind in ("png", "svg", "pdf"):
        assert plots.rendered(first, kind) == saved(second, kind)


def test_axes_have_titles_and_units(results):
    for drawn in plots.figures(results).values():
        axes = drawn.axes[0]
        assert axes.get_title(loc="left")
        assert axes.get_xlabel()
    assert plots.score_curves(results).axes[0].get_ylabel() == "accuracy (%)"
    assert plots.seed_dots(results).axes[0].get_xlabel() == "accuracy (%)"


def test_lines_are_the_means_over_seeds(results):
    line = next(
        line for line in plots.score_curves(results).axes[0].get_lines() if line.get_label() == "maxl"
    )
    runs = results.of("maxl")
    expected = [100 * np.mean([run.epochs[e].validation for run in runs]) for e in range(40)]
    assert np.allclose(line.get_ydata(), expected)


def test_dots_are_the_seeds_and_marks_their_means(results):
    axes = plots.seed_dots(results).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        r.method for r in results.comparison.rows
    ]
    row = results.comparison.rows[0]
    shown = sorted(axes.collections[0].get_offsets()[:, 0])
    assert np.allclose(shown, sorted(100 * v for v in row.scores.values()))
    assert np.allclose(axes.get_lines()[1].get_xdata(), 100 * row.mean)


def test_differences_show_the_interval_that_the_table_shows(results):
    axes = plots.differences(results, lambda row: row.versus_single).axes[0]
    contrast = results.comparison.rows[1].versus_single
    assert np.allclose(axes.get_lines()[1].get_xdata(), [100 * contrast.low, 100 * contrast.high])
    assert "single" in axes.get_title(loc="left")
    scores, single = results.comparison.rows[1].scores, results.comparison.rows[0].scores
    shown = axes.collections[0].get_offsets()[:, 0]
    assert np.allclose(sorted(shown), sorted(100 * (scores[seed] - single[seed]) for seed in single))


def test_a_curve_skips_epochs_that_were_not_looked_at():
    run = fake_runs(seeds=1, epochs=1)[0]
    a = _with_epochs(run, [_epoch(1), _epoch(2, measures={"m": 1.0}), _epoch(3, measures={"m": math.nan})])
    b = _with_epochs(run, [_epoch(2, measures={"m": 3.0}), _epoch(4, measures={"m": 5.0})])
    found = curve([a, b], measure("m"))
    assert found.epochs.tolist() == [2, 4]
    assert found.mean.tolist() == [2, 5]
    assert found.error.tolist() == [1, 0]
    assert curve([run], measure("absent")) is None


def test_without_validation_rows_the_development_curve_is_shown(tmp_path):
    runs = [
        _with_epochs(run, [_epoch(e, measures={"development": 0.5 + e / 10}) for e in (1, 2)])
        for run in fake_runs(seeds=2, epochs=1)
    ]
    results = read_results(write_fake(tmp_path, runs))
    assert "development" in plots.score_curves(results).axes[0].get_title(loc="left")


@pytest.mark.parametrize("epochs", [0, 1])
def test_runs_without_curves_still_have_their_seeds(tmp_path, epochs):
    runs = fake_runs(seeds=1, epochs=max(1, epochs), labels=False)
    runs = runs if epochs else [_with_epochs(run, []) for run in runs]
    found = plots.figures(read_results(write_fake(tmp_path, runs)))
    assert {"seeds", "versus_single"} <= set(found)
    assert "label_entropy" not in found
    assert ("loss" in found) == bool(epochs)
    assert all(plots.rendered(drawn, "png").startswith(PNG) for drawn in found.values())


def test_a_diverged_run_leaves_the_figures_standing(tmp_path):
    runs = fake_runs(seeds=2, epochs=3)
    lost = [_epoch(1), _epoch(2).model_copy(update={"train_loss": math.inf})]
    scores = runs[-1].scores.model_copy(update={"development": math.nan})
    runs[-1] = _with_epochs(runs[-1], lost).model_copy(update={"scores": scores})
    found = plots.figures(read_results(write_fake(tmp_path, runs)))
    assert {"seeds", "versus_single", "loss"} <= set(found)
    assert all(plots.rendered(drawn, "png").startswith(PNG) for drawn in found.values())
    drawn = [line.get_ydata() for line in found["loss"].axes[0].get_lines()]
    assert any(len(values) for values in drawn)


def test_a_method_looks_the_same_everywhere_and_no_two_look_alike(results):
    found = looks(results.comparison)
    assert found["single"].colour == SINGLE
    assert len({(look.colour, look.marker) for look in found.values()}) == len(SKILL)
    drawn = plots.loss_curves(results).axes[0].get_lines()
    assert {line.get_label(): line.get_color() for line in drawn} == {
        m: look.colour for m, look in found.items()
    }


def test_colours_can_be_told_apart_without_red_or_green():
    """Viénot, Brettel and Mollon 1999: what a person without red (or green) cones sees of linear RGB."""
    protan = np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]])
    deutan = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])
    colours = [PALETTE[i] for i in range(6)]
    rgb = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colours])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    for matrix in (protan, deutan):
        seen = np.clip(linear @ matrix.T, 0, 1) ** (1 / 2.2)
        gaps = np.linalg.norm(seen[:, None] - seen[None], axis=-1) + 10 * np.eye(len(colours))
        assert gaps.min() > 0.12


def test_pictures_open_no_window_and_need_no_pyplot(results):
    import sys

    before = "matplotlib.pyplot" in sys.modules
    Image.open(io.BytesIO(plots.rendered(plots.loss_curves(results), "png"))).verify()
    assert ("matplotlib.pyplot" in sys.modules) == before


def _many(methods, tasks):
    """Runs of several methods, each with growing weights for several tasks; the first task weighs most."""
    runs = fake_runs(seeds=1, epochs=1, skill=dict.fromkeys(methods, 0.9))
    weighed = {e: {f"weight.t{k}": 10.0 * e / (k + 1) for k in range(tasks)} for e in (1, 2)}
    return [_with_epochs(run, [_epoch(e, measures=m) for e, m in weighed.items()]) for run in runs]


def test_many_tasks_of_many_methods_get_a_panel_for_each_method(tmp_path):
    methods = ["single", "equal", "linear", "softmax", "monotone"]
    drawn = plots.figures(read_results(write_fake(tmp_path, _many(methods, 16))))["task_weights"]
    assert [axes.get_title(loc="left") for axes in drawn.axes] == methods
    told = [text.get_text() for text in drawn.legends[0].get_texts()]
    assert told == ["t0", "t1", "t2", "t3", "t4", "t5", "t6", "9 others"]
    drawn.canvas.draw()
    inside = drawn.legends[0].get_window_extent()
    assert inside.y0 >= 0
    lowest = min(axes.get_window_extent().y0 for axes in drawn.axes)
    assert inside.y1 < lowest + 0.5  # versions of matplotlib differ by part of a pixel


def test_a_figure_grows_with_its_legend(tmp_path):
    methods = ["single", *(f"method_{k}" for k in range(20))]
    few = plots.figures(read_results(write_fake(tmp_path / "few", fake_runs(seeds=2))))["score"]
    many = fake_runs(seeds=2, skill=dict.fromkeys(methods, 0.9))
    drawn = plots.figures(read_results(write_fake(tmp_path / "many", many)))["score"]
    for figure in (few, drawn):
        figure.canvas.draw()
    heights = [figure.axes[0].get_window_extent().height for figure in (few, drawn)]
    assert heights[1] > 0.8 * heights[0]
