"""AuxiLearn's controlled experiments come out as the paper says (a few seeds here, all of them when slow)."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from auxin import catalogue
from auxin.recipes._regression import least_squares, shared_line
from auxin.records.recipe import PieceRecord
from auxin.requests.reproduce import RecipeRequest
from auxin.studies.recipe import FinishedPiece, PieceEnvironment
from auxin.studies.reproduce import Reproduction, reproduce


def pieces(name, seeds, folder):
    recipe = catalogue.load("recipes", name)()
    recipe.environment = PieceEnvironment(None, folder)
    return recipe, [recipe.run(piece) for piece in recipe.pieces(False)[:seeds]]


def outcome(recipe, did):
    done = {
        f"seed-{i}": FinishedPiece(
            PieceRecord(
                piece=str(i), values=dict(d.values), curves={k: list(v) for k, v in d.curves.items()}
            ),
            {k: np.asarray(v) for k, v in d.arrays.items()},
        )
        for i, d in enumerate(did)
    }
    return recipe.outcome(done)


@pytest.fixture(scope="module")
def figure_2(tmp_path_factory):
    return pieces("auxilearn_figure_2", 3, tmp_path_factory.mktemp("figure_2"))


def test_the_harmful_auxiliary_is_dropped_and_w_moves_toward_the_truth(figure_2):
    recipe, did = figure_2
    for found in did:
        assert found.values["weight.harmful"] < 0.03
        assert sum(found.values[f"weight.{n}"] for n in ("main", "helpful", "harmful")) == pytest.approx(3)
    learned, single = (sum(d.values[f"distance.{k}"] for d in did) for k in ("learned", "single"))
    assert learned < 0.7 * single
    assert outcome(recipe, did).claims[0].holds


def test_the_landscape_has_its_minimum_where_least_squares_says(figure_2):
    recipe, (first, *_) = figure_2
    train, _ = shared_line(0)
    for name, weights in (("main", [1.0, 0, 0]), ("start", [1.0, 1, 1])):
        grid = first.arrays[f"loss.{name}"]
        up, across = np.unravel_index(grid.argmin(), grid.shape)
        found = np.array([-0.5 + 3 * across / 60, -4.5 + 7 * up / 60])
        assert np.abs(found - least_squares(train, torch.tensor(weights)).numpy()).max() < 0.13
    assert {d.picture.kind for d in outcome(recipe, [first, first]).pictures} == {"lines", "landscape"}


def test_on_the_training_set_the_weights_collapse_to_the_main_task(tmp_path):
    _, did = pieces("auxilearn_figure_5", 2, tmp_path)
    for found in did:
        assert found.values["weight.main"] > 2.7
        assert found.values["to single"] < 0.1
    assert sum(d.values["distance.held out"] - d.values["distance.same"] for d in did) < 0


def test_weights_of_a_hundred_auxiliaries_follow_their_noise(tmp_path):
    recipe, did = pieces("auxilearn_figure_6", 3, tmp_path)
    for found in did:
        assert found.values["correlation"] < -0.9
        own = spearmanr(found.curves["raw"], np.arange(100))[0]
        assert own == pytest.approx(found.values["correlation"])
    assert outcome(recipe, did).claims[0].holds
    assert outcome(recipe, did[:2]).claims[0].holds is None, "two seeds decide nothing"


def test_neumanns_factor_and_the_shipped_setting(tmp_path):
    recipe, did = pieces("auxilearn_neumann", 5, tmp_path)
    for found in did:
        assert found.values["error"] < 1e-8
        assert found.values["shipped over identity"] == pytest.approx(4, abs=0.02)
    assert all(claim.holds for claim in outcome(recipe, did).claims)


@pytest.mark.slow
@pytest.mark.parametrize("name", [f"auxilearn_{n}" for n in ("figure_2", "figure_5", "figure_6", "neumann")])
def test_every_claim_holds_over_all_seeds(name, tmp_path):
    result = reproduce(Reproduction(RecipeRequest(name=name, out=tmp_path / "out")))
    assert [claim.text for claim in result.claims if not claim.holds] == []
    assert result.pieces >= 10
