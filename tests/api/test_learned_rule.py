"""A learned rule in the user's hands: fit, transform, the exported network, scikit-learn's pipelines."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from auxin.api.learned_rule import LearnedRule, RuleTransformer
from auxin.errors import ConfigError, DataError


@pytest.fixture(scope="module")
def digits():
    x, y = load_digits(return_X_y=True)
    return x.astype(np.float32), y


def test_features_of_the_shipped_rule_beat_the_random_network(digits):
    x, y = digits
    scores = {}
    for steps in (0, 100):
        features = LearnedRule.load("small").fit(x, steps=steps).transform(x).numpy()
        few = np.concatenate([np.nonzero(y == c)[0][:5] for c in range(10)])
        scores[steps] = LogisticRegression(max_iter=500).fit(features[few], y[few]).score(features, y)
    assert scores[100] > scores[0] + 0.1
    assert scores[100] > 0.75


def test_fit_is_seeded(digits):
    x, _ = digits
    first, again = (LearnedRule.load("small").fit(x, steps=3, seed=1).transform(x[:5]) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, LearnedRule.load("small").fit(x, steps=3, seed=2).transform(x[:5]))


def test_rows_do_not_mix(digits):
    x, _ = digits
    learned = LearnedRule.load("small").fit(x, steps=3)
    torch.testing.assert_close(learned.transform(x[:9])[4:5], learned.transform(x[4:5]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("activation", ["relu", "silu"])
def test_the_exported_network_gives_the_same_features(digits, activation):
    x, _ = digits
    learned = LearnedRule.load("small").fit(x, hidden=(20, 12), width=6, steps=4, activation=activation)
    parts = learned.weights()
    rows = (torch.from_numpy(x[:7]) - parts["input.low"]) / parts["input.spread"]
    act = {"relu": torch.relu, "silu": torch.nn.functional.silu}[activation]
    for number in range(3):
        z = (rows @ parts[f"weight.{number}"] - parts[f"mean.{number}"]) * parts[f"scale.{number}"]
        z = z + parts[f"bias.{number}"]
        top = {"linear": lambda v: v, "relu": torch.relu}[learned.rule.top]
        rows = top(z) if number == 2 else act(z)
    torch.testing.assert_close(rows, learned.transform(x[:7]), rtol=1e-4, atol=1e-4)


def test_images_are_flattened():
    x = torch.rand(40, 1, 5, 5)
    assert LearnedRule.load("small").fit(x, steps=2, width=4).transform(x).shape == (40, 4)


@pytest.mark.parametrize(
    ("x", "found"),
    [
        (torch.rand(10, 4), "There are fewer rows than the batch size"),
        (torch.ones(40, 4), "same number"),
        (torch.full((40, 4), torch.nan), "missing or infinite"),
        (torch.rand(40), "The input has the wrong number of dimensions"),
    ],
)
def test_bad_rows(x, found):
    with pytest.raises(DataError, match=found):
        LearnedRule.load("small").fit(x)


def test_a_constant_column_is_safe():
    x = torch.rand(60, 6)
    x[:, 2] = 0.5
    assert torch.isfinite(LearnedRule.load("small").fit(x, steps=5).transform(x)).all()


def test_bad_use():
    with pytest.raises(DataError, match="not trained a network"):
        LearnedRule.load("small").transform(torch.rand(3, 4))
    with pytest.raises(DataError, match="not trained a network"):
        LearnedRule.load("small").weights()
    learned = LearnedRule.load("small").fit(torch.rand(40, 4), steps=1)
    with pytest.raises(DataError, match="wrong number of columns"):
        learned.transform(torch.rand(3, 5))
    with pytest.raises(ConfigError, match="training settings"):
        LearnedRule.load("small").fit(torch.rand(40, 4), steps=-1)


def test_an_embedding_that_the_rule_cannot_give():
    from auxin.update_rules.learned import Learned

    rule = LearnedRule(Learned.preset("paper", channels=4, delta_channels=2))
    with pytest.raises(ConfigError, match="embedding of 16"):
        rule.fit(torch.rand(40, 4))


def test_pipeline(digits):
    x, y = digits
    model = make_pipeline(RuleTransformer(steps=60), LogisticRegression(max_iter=500))
    assert model.fit(x[:900], y[:900]).score(x[900:], y[900:]) > 0.7


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learn_estimator_checks():
    from sklearn.utils.estimator_checks import check_estimator

    check_estimator(RuleTransformer(steps=2, width=3, hidden=(4,)))
