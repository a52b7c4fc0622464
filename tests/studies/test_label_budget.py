"""How many labels a gain is worth: the curve made monotone, read backwards, with intervals and limits."""

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from auxin.errors import ConfigError, RunError
from auxin.judging.verdict import judge
from auxin.records.results import RunResult, Scores
from auxin.requests.values import counts
from auxin.studies.label_budget import Point, assemble, equivalent, monotone, worth

LABELS = [5, 10, 20, 40]


def comparison(scores, metric="accuracy"):
    runs = [
        RunResult(
            method=method,
            attempt="final",
            phase="final",
            seed=seed,
            dataset="digits",
            split_hash=str(seed),
            metric=metric,
            scores=Scores(development=value),
            seconds=1.0,
            started="2026-01-02T03:04:05+00:00",
        )
        for method, values in scores.items()
        for seed, value in enumerate(values)
    ]
    return judge(runs, validation={}, controls=["single"])


def budget(gain=1.999, noise=0.0, seeds=5):
    """single scores 0.1 log2(labels); `ours` does with K labels what single does with gain x K."""
    generator = np.random.default_rng(0)
    found = {}
    for count in LABELS:
        base = 0.1 * np.log2(count) + noise * generator.normal(size=seeds)
        ours = base + 0.1 * np.log2(gain) + 1e-4 * generator.normal(size=seeds)
        found[count] = comparison({"single": base, "ours": ours})
    return assemble(found, folders={k: f"labels-{k}" for k in LABELS}, command="auxin compare")


def test_a_known_gain_is_found():
    found = budget()
    ours = next(line for line in found.lines if line.method == "ours")
    assert [p.worth for p in ours.points[:3]] == pytest.approx([10, 20, 40], rel=2e-3)
    assert (ours.points[3].worth, ours.points[3].beyond, ours.points[3].low) == (None, "above", np.inf)
    assert found.sentence.startswith(
        "5 labels per class with ours are worth 10 [10, 10] of single-task training's, 10 are worth 20 ["
    )
    assert "40 are worth more than 40. It" in found.sentence
    assert found.sentence.endswith("It helps beyond the best control with 5, 10, 20 and 40 labels per class.")


def test_noise_widens_the_interval_around_what_was_found():
    wide, narrow = (
        next(line for line in budget(gain=1.5, noise=noise).lines if line.method == "ours").points[1]
        for noise in (0.02, 0.002)
    )
    assert wide.low < wide.worth < wide.high
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)
    assert narrow.worth == pytest.approx(15, rel=0.02)


def test_a_loss_is_worth_fewer_labels_and_said_to_be_outside():
    found = budget(gain=0.503)
    ours = next(line for line in found.lines if line.method == "ours")
    assert ours.points[0].beyond == "below"
    assert ours.points[1].worth == pytest.approx(5.03, rel=2e-3)
    assert "are worth fewer than 5" in found.sentence
    assert "It hurts with" in found.sentence


def test_the_curve_is_made_monotone_as_scikit_learn_does():
    values = np.random.default_rng(0).normal(size=12)
    theirs = IsotonicRegression().fit_transform(np.arange(12), values)
    assert monotone(values) == pytest.approx(theirs)


def test_on_a_flat_stretch_the_middle_is_taken():
    labels, curve = np.array([5.0, 10.0, 20.0]), np.array([0.5, 0.7, 0.7])
    assert equivalent(labels, curve, 0.7) == pytest.approx(np.sqrt(200))
    assert equivalent(labels, curve, 0.5) == pytest.approx(5)
    assert (equivalent(labels, curve, 0.4), equivalent(labels, curve, 0.8)) == (0, np.inf)


def test_few_seeds_have_no_interval_and_one_budget_no_curve():
    found = budget(seeds=2)
    assert next(line for line in found.lines if line.method == "ours").points[0].low is None
    one = assemble({5: comparison({"single": [0.5, 0.6], "ours": [0.6, 0.7]})}, folders={5: "labels-5"})
    assert "A single label budget gives no learning curve" in one.sentence
    assert worth(one.lines[1].points[0], [5]) == "–"


def test_what_does_not_belong_together_is_refused():
    with pytest.raises(RunError, match="differ in their metric"):
        assemble({5: comparison({"single": [1.0]}), 9: comparison({"single": [1.0]}, "f1")}, folders={})
    with pytest.raises(RunError, match="No label budget"):
        assemble({}, folders={})


def test_a_diverged_run_counts_as_the_worst_of_its_budget():
    good = {"single": [0.5, 0.6, 0.7], "ours": [0.9, 0.9, float("nan")]}
    found = assemble({5: comparison(good), 9: comparison(good)}, folders={})
    assert found.lines[1].points[0].low < 9


@pytest.mark.parametrize("text", ["0", "a", "5,-1", "", ",", "2.5"])
def test_budgets_that_are_none_are_refused(text):
    with pytest.raises(ConfigError, match=r"labels per class .* are invalid"):
        counts(text)


def test_worth_reads_well():
    assert worth(Point(labels=5, mean=0.5, verdict="helps", worth=123.4, low=0, high=210.0), [5, 500]) == (
        "123 [below 5, 210]"
    )
