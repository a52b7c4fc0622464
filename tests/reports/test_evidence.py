"""What runs leave for the report: predictions, features and examples become figures, tables and images on the page."""

import numpy as np
import pytest
from fake_results import fake_runs, write_fake

from auxin.reports import examples, mistakes, pictures, tsne
from auxin.reports.evidence import pictured
from auxin.reports.page import page
from auxin.reports.read import read_results
from auxin.runs.predictions import MainPredictions, write_arrays, write_predictions

NONE = np.zeros(0)


def leave(folder, method, seed, images=True):
    """Made-up evidence beside a run: class 0 is taken for class 1 in a quarter of its rows."""
    place = folder / "runs" / "final" / method / "final" / f"seed-{seed}"
    generator = np.random.default_rng(seed)
    table = np.array([[30.0, 10.0, 0.0], [0.0, 20.0, 0.0], [0.0, 5.0, 15.0]])
    found = MainPredictions(
        "classes", np.zeros(80, int), np.zeros(80, int), NONE, table, NONE, ("ant", "<bee>", "cat")
    )
    write_predictions(place / "predictions.npz", found)
    labels = generator.integers(3, size=40)
    features = generator.normal(size=(40, 5)) + 4 * labels[:, None]
    write_arrays(
        place / "features.npz", {"features": features.astype(np.float16), "labels": labels}, names=found.names
    )
    inputs = (
        generator.integers(256, size=(3, 4, 4))
        if images
        else np.array([["1.5", "<b>"], ["2", "z"], ["", ""]])
    )
    arrays = {
        "inputs": inputs.astype(np.uint8) if images else inputs,
        "main": np.array([0, 0, 0]),
        "auxiliary": np.array([0, 0, 1]),
        "strength": np.array([0.9, 0.8, 0.0]),
        "empty": np.array([False, False, True]),
    }
    words = {} if images else {"columns": ["width", "kind"]}
    write_arrays(place / "examples.npz", arrays, names=found.names, **words)


@pytest.fixture
def results(tmp_path):
    write_fake(tmp_path, fake_runs(seeds=2, epochs=2))
    for seed in range(2):
        leave(tmp_path, "single", seed)
        leave(tmp_path, "maxl", seed)
    return read_results(tmp_path)


def test_single_the_best_on_trial_and_its_twin_are_pictured(results):
    assert pictured(results) == ["single", "maxl", "maxl_frozen"]


def test_shares_are_of_the_true_class_over_all_seeds(results):
    found = mistakes.most_frequent(results)
    assert [(m.true, m.predicted) for m in found] == [("ant", "<bee>"), ("cat", "<bee>")]
    assert found[0].shares == {"single": 25.0, "maxl": 25.0}
    assert list(mistakes.figures(results)) == ["confusion_single", "confusion_maxl"]


def test_features_are_embedded_and_classes_keep_together(results):
    assert list(tsne.figures(results)) == ["features_single", "features_maxl"]
    rows = np.repeat(np.eye(3, 6) * 50, 12, axis=0) + np.random.default_rng(0).normal(size=(36, 6))
    place = tsne._embedded(rows.astype(np.float32).tobytes(), rows.shape)
    centres = place.reshape(3, 12, 2).mean(axis=1)
    nearest = np.linalg.norm(place[:, None] - centres, axis=2).argmin(axis=1)
    assert (nearest == np.repeat(range(3), 12)).mean() > 0.9


def test_examples_are_images_or_the_users_own_cells(results, tmp_path):
    found = examples.examples(results)
    assert (found.method, found.columns, [p.name for p in found.primary]) == ("maxl", [], ["ant"])
    first, second = found.primary[0].classes
    assert len(first.images) == 2
    assert first.images[0].startswith("data:image/png;base64,")
    assert (first.strengths, second.images) == (["0.90", "0.80"], [])
    leave(tmp_path, "maxl", 0, images=False)
    found = examples.examples(results)
    assert found.columns == ["width", "kind"]
    assert found.primary[0].classes[0].rows == [["1.5", "<b>"], ["2", "z"]]


def test_the_page_shows_it_all_and_escapes_what_users_wrote(results, tmp_path):
    leave(tmp_path, "maxl", 0, images=False)
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "loss_image.png").write_bytes(b"png")
    (tmp_path / "figures" / "loss_image.txt").write_text("Where it errs & how.", encoding="utf-8")
    (tmp_path / "figures" / "score.png").write_bytes(b"the page's own")
    html = page(results)
    for text in (
        "<h2>Mistakes</h2>",
        "Final features",
        "for one auxiliary class",
        "Where it errs &amp; how.",
    ):
        assert text in html
    assert "&lt;bee&gt;" in html
    assert "<bee>" not in html
    assert "<b>" not in html
    assert [p.title for p in pictures.pictures(tmp_path)] == ["Loss image"]


def test_numbers_are_drawn_true_against_predicted(results, tmp_path):
    place = tmp_path / "runs" / "final" / "single" / "final" / "seed-0"
    true = np.linspace(0, 1, 20)[:, None]
    write_predictions(
        place / "predictions.npz", MainPredictions("numbers", true, true + 0.1, NONE, NONE, NONE)
    )
    assert list(mistakes.figures(results)) == ["fit_single", "confusion_maxl"]
