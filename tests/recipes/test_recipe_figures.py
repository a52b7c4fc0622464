"""Every kind of picture is drawn from arrays alone, with titles, labels and legends that cover nothing."""

import numpy as np
import pytest

from auxin.records.recipe import Picture
from auxin.reports.plots import rendered
from auxin.reports.recipe_figures import figure

N = np.random.default_rng(0)
GRID = N.random((5, 6))
CASES = {
    "lines": {"x": np.arange(4), "a": N.random((3, 4)), "b": N.random(4)},
    "scatter": {
        "x": N.random(3),
        "y": N.random(3),
        "error": N.random(3),
        "labels": np.array(["p", "q", "r"]),
    },
    "bars": {"names": np.array(["p", "q"]), "ours": N.random(2), "error": N.random(2), "paper": N.random(2)},
    "landscape": {
        "extent": np.array([0, 1, 0, 2.0]),
        "loss.a": GRID,
        "loss.b": GRID,
        "point.w*": N.random(2),
    },
    "loss_images": {
        "image": N.random((2, 5, 6, 3)),
        "labels": np.array([GRID, GRID]),
        "w": np.array([GRID, GRID]),
    },
    "points": {
        "points.p": N.random((30, 2)),
        "images.p": N.random((30, 4, 4, 3)),
        "points.q": N.random((9, 2)),
    },
}


@pytest.mark.parametrize("kind", CASES)
def test_every_kind_is_drawn(kind):
    made = figure(Picture(name="n", kind=kind, title="A title", x="x", y="y"), CASES[kind])
    assert len(rendered(made, "png")) > 4000
    titles = [axes.get_title(loc=loc) for axes in made.axes for loc in ("left", "center")]
    suptitle = made._suptitle.get_text() if made._suptitle else ""
    assert "A title" in " ".join([*titles, suptitle])
    assert all(axes.get_legend() is None for axes in made.axes)  # legends stand below, over nothing


def test_lines_are_means_over_seeds_in_the_words_given():
    picture = Picture(name="n", kind="lines", title="t", words={"a": "first"})
    lines = {
        line.get_label(): line.get_ydata() for line in figure(picture, CASES["lines"]).axes[0].get_lines()
    }
    assert np.allclose(lines["first"], CASES["lines"]["a"].mean(0))
    assert np.allclose(lines["b"], CASES["lines"]["b"])


def test_a_line_of_one_point_is_seen():
    picture = Picture(name="n", kind="lines", title="t")
    for points, marker in ((1, "o"), (40, "None")):
        [line] = figure(picture, {"x": np.arange(points), "a": N.random(points)}).axes[0].get_lines()
        assert line.get_marker() == marker


def test_classes_have_the_same_colour_in_every_row():
    made = figure(Picture(name="n", kind="loss_images", title="t"), CASES["loss_images"])
    shown = [axes.images[0] for axes in made.axes if axes.images and axes.images[0].get_array().ndim == 2]
    limits = {image.get_clim() for image in shown if image.get_cmap().name == "tab20"}
    assert limits == {(0.0, 19.0)}


def test_every_class_of_points_has_a_look_of_its_own_and_stands_in_the_legend():
    arrays = {f"points.{end}": N.random((40, 2)) for end in "pq"}
    arrays |= {"groups.p": np.arange(40) % 12, "groups.q": np.arange(40) % 3}
    made = figure(Picture(name="n", kind="points", title="t"), arrays)
    (legend,) = made.legends
    assert [text.get_text() for text in legend.get_texts()] == [f"class {k}" for k in range(12)]
    looks = {(tuple(c.get_facecolor()[0]), len(c.get_paths()[0].vertices)) for c in made.axes[0].collections}
    assert len(looks) == 12
