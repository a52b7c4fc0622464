import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from auxin.errors import RunError
from auxin.judging.paired import bootstrap, holm, paired, standard_error
from auxin.judging.verdict import best_control, judge
from auxin.records.results import RunResult, Scores


def _runs(scores, correct=None, **changes):
    runs = []
    for method, values in scores.items():
        for seed, value in enumerate(values):
            rows = {"development": correct[method][seed]} if correct else {}
            fields = {
                "method": method,
                "attempt": "final",
                "phase": "final",
                "seed": seed,
                "dataset": "digits",
                "split_hash": f"split-{seed}",
                "metric": "accuracy",
                "scores": Scores(development=value),
                "correct": rows,
                "seconds": 2.0 if method == "single" else 3.0,
                "started": "2026-01-02T03:04:05+00:00",
            }
            runs.append(RunResult(**{**fields, **changes}))
    return runs


def _row(comparison, method):
    return next(row for row in comparison.rows if row.method == method)


@given(st.integers(2, 20), st.integers(0, 2**32 - 1))
def test_paired_agrees_with_scipy(n, seed):
    a, b = np.random.default_rng(seed).normal(size=(2, n))
    ours, theirs = paired(a, b), stats.ttest_rel(a, b)
    between = theirs.confidence_interval(0.95)
    assert ours.p == pytest.approx(theirs.pvalue, rel=1e-9)
    assert (ours.low, ours.high) == pytest.approx((between.low, between.high), rel=1e-9)
    assert standard_error(a) == pytest.approx(stats.sem(a), rel=1e-12)


def test_the_interval_covers_the_truth_95_times_in_100():
    draws = np.random.default_rng(0).normal(0.3, 2.0, size=(4000, 5))
    results = [paired(row, np.zeros(5)) for row in draws]
    covered = np.mean([r.low <= 0.3 <= r.high for r in results])
    assert covered == pytest.approx(0.95, abs=0.012)  # 3.5 standard errors of the simulation


def test_under_no_difference_the_corrected_verdict_is_wrong_at_most_5_times_in_100():
    generator = np.random.default_rng(1)
    wrong = 0
    for _ in range(1500):
        p = {name: paired(generator.normal(size=5), np.zeros(5)).p for name in "abc"}
        wrong += any(v < 0.05 for v in holm(p).values())
    assert 0.03 < wrong / 1500 < 0.07


def test_identical_scores_are_no_evidence():
    result = paired([0.9, 0.8, 0.7], [0.9, 0.8, 0.7])
    assert (result.difference, result.p, result.low) == (0.0, 1.0, None)


def test_the_same_difference_with_every_seed_is_not_certainty():
    a, b = np.array([0.7, 0.8]), np.array([0.6, 0.7])  # 0.1 and 0.1, apart by rounding
    assert paired(a, b).p == pytest.approx(0.5)
    assert paired(np.full(6, 0.2), np.full(6, 0.1)).p == pytest.approx(2**-5)


def test_one_seed_has_no_interval_and_no_p():
    result = paired([0.9], [0.8])
    assert (result.low, result.high, result.p) == (None, None, None)
    assert standard_error([0.9]) is None


@pytest.mark.parametrize(("a", "b"), [([], []), ([1.0], [1.0, 2.0]), ([math.nan], [1.0]), ([[1.0]], [[1.0]])])
def test_pairs_that_are_none_are_refused(a, b):
    with pytest.raises(ValueError, match="scores"):
        paired(a, b)


def test_holm_by_hand():
    # Sorted: b .005 x 4 = .02, d .01 x 3 = .03, a .03 x 2 = .06, c .04 x 1 = .04 but never below a's .06.
    adjusted = holm({"a": 0.03, "b": 0.005, "c": 0.04, "d": 0.01, "unknown": None})
    expected = {"a": 0.06, "b": 0.02, "c": 0.06, "d": 0.03}
    assert adjusted.pop("unknown") is None
    assert adjusted == pytest.approx(expected)
    assert holm({"a": 0.8, "b": 0.9}) == {"a": 1.0, "b": 1.0}


def test_bootstrap_agrees_with_drawing_rows_one_by_one():
    generator = np.random.default_rng(3)
    a, b = (generator.random((2, 3, 200)) < [[[0.8]], [[0.7]]]).astype(float)
    low, high = bootstrap(list(a), list(b), draws=20000)
    rows = (a - b).mean(0)
    plain = rows[generator.integers(200, size=(20000, 200))].mean(1)
    assert (low, high) == pytest.approx(tuple(np.quantile(plain, [0.025, 0.975])), abs=0.004)
    assert low < rows.mean() < high


def test_bootstrap_over_seeds_with_different_rows_and_over_real_valued_shares():
    generator = np.random.default_rng(4)
    a, b = [generator.normal(1, 1, n) for n in (300, 400)], [generator.normal(0, 1, n) for n in (300, 400)]
    low, high = bootstrap(a, b)
    spread = np.sqrt(sum((x - y).var() / len(x) for x, y in zip(a, b, strict=True))) / 2
    assert (high - low) / 2 == pytest.approx(1.96 * spread, rel=0.08)
    assert bootstrap(a, b) == (low, high)


def test_rows_that_all_seeds_share_are_drawn_together():
    a, b = [1.0, 1.0, 0.0, 1.0] * 20, [1.0, 0.0, 1.0, 0.0] * 20
    assert bootstrap([a] * 4, [b] * 4) == bootstrap([a], [b])


def test_bootstrap_refuses_rows_that_are_not_the_same():
    with pytest.raises(ValueError, match="same test rows"):
        bootstrap([[1.0, 0.0]], [[1.0]])
    with pytest.raises(ValueError, match="same test rows"):
        bootstrap([], [])


SCORES = {
    "maxl": [0.93, 0.941, 0.952, 0.929, 0.938],
    "equal": [0.91, 0.92, 0.932, 0.911, 0.921],
    "single": [0.90, 0.91, 0.923, 0.901, 0.91],
    "noise": [0.80, 0.81, 0.83, 0.80, 0.82],
    "maxl_frozen": [0.905, 0.92, 0.91, 0.912, 0.915],
}
VALIDATION = {"single": 0.90, "equal": 0.93, "maxl_frozen": 0.92, "maxl": 0.95, "noise": 0.8}
KINDS = {"controls": ["equal", "maxl_frozen"], "twins": {"maxl": "maxl_frozen"}}


def test_a_whole_comparison():
    found = judge(_runs(SCORES), validation=VALIDATION, **KINDS, command="auxin compare", cuts=["3 tries."])
    assert [row.method for row in found.rows] == ["single", "equal", "maxl_frozen", "maxl", "noise"]
    assert [row.role for row in found.rows] == ["single", "control", "control", "method", "method"]
    assert found.best_control == "equal"
    maxl, noise, single, equal = (_row(found, m) for m in ("maxl", "noise", "single", "equal"))
    assert (maxl.verdict, maxl.judged_by) == ("helps", "equal")
    assert (noise.verdict, noise.judged_by) == ("hurts", "equal")
    assert (single.verdict, single.judged_by, single.versus_single) == ("reference", None, None)
    assert (equal.verdict, equal.judged_by, equal.versus_control) == ("helps", "single", None)
    assert maxl.versus_twin.reference == "maxl_frozen"
    assert maxl.overhead == pytest.approx(1.5)
    assert maxl.mean == pytest.approx(np.mean(SCORES["maxl"]))
    assert maxl.versus_control.difference == pytest.approx(np.mean(SCORES["maxl"]) - np.mean(SCORES["equal"]))
    expected = r"maxl helps beyond equal, the best control: \+1\.92 \[.*\] points of accuracy\."
    assert re.match(expected, found.sentence)
    assert re.search(r"noise hurts against equal: −10\.68 \[.*\] points of accuracy\.$", found.sentence)
    assert found.command == "auxin compare"
    assert found.split_hashes[3] == "split-3"


def test_the_correction_counts_the_methods_compared():
    p = _row(judge(_runs(SCORES), validation=VALIDATION, **KINDS), "maxl").versus_control
    assert p.p_adjusted == pytest.approx(min(1, 2 * p.p)) or p.p_adjusted == pytest.approx(p.p)
    alone = {k: v for k, v in SCORES.items() if k != "noise"}
    q = _row(judge(_runs(alone), validation=VALIDATION, **KINDS), "maxl").versus_control
    assert q.p_adjusted == q.p == p.p


def test_a_method_that_gains_over_single_alone_is_no_evidence_and_said_so():
    scores = {
        "single": [0.90, 0.91, 0.92, 0.90],
        "equal": [0.93, 0.94, 0.96, 0.93],
        "maxl": [0.93, 0.95, 0.95, 0.93],
    }
    found = judge(_runs(scores), validation=VALIDATION, controls=["equal"])
    assert _row(found, "maxl").verdict == "no evidence"
    assert "There is no evidence that maxl" in found.sentence
    assert "Against single alone, maxl gains" in found.sentence


def test_several_methods_share_one_clause():
    scores = {"single": [0.90, 0.91, 0.92], "a": [0.94, 0.951, 0.96], "b": [0.951, 0.96, 0.97]}
    found = judge(_runs(scores), validation=VALIDATION)
    assert re.match(r"b \(.*\) and a \(.*\) help beyond single\.$", found.sentence)
    assert found.warnings == ["3 seeds; a claim needs at least 5."]


def test_a_learned_method_that_only_equals_its_twin_is_said_so():
    scores = {"single": [0.90, 0.91, 0.92], "twin": [0.94, 0.95, 0.965], "maxl": [0.942, 0.951, 0.962]}
    found = judge(
        _runs(scores), validation={"single": 0.9, "twin": 0.8}, controls=["twin"], twins={"maxl": "twin"}
    )
    assert _row(found, "maxl").verdict == "helps"
    assert "not shown to beat its untrained twin twin" in found.sentence


def test_a_diverged_run_counts_as_the_worst_possible():
    scores = {"single": [0.9, 0.91, 0.92], "maxl": [0.95, math.nan, 0.96]}
    row = _row(judge(_runs(scores), validation=VALIDATION), "maxl")
    assert row.mean == pytest.approx((0.95 + 0 + 0.96) / 3)
    assert math.isnan(row.scores[1])
    assert row.verdict == "no evidence"
    assert any("Diverged with seed 1; counted as 0.00" in text for text in row.warnings)


def test_a_diverged_run_never_counts_for_more_than_one_that_finished():
    scores = {"single": [-3.0, -2.0], "maxl": [math.inf, -1.0]}
    row = _row(judge(_runs(scores, metric="r2"), validation={}), "maxl")
    assert row.mean == pytest.approx((-3.0 - 1.0) / 2)
    everywhere = judge(_runs({"single": [math.nan] * 2, "maxl": [math.nan] * 2}), validation={}, chance=0.1)
    assert [r.mean for r in everywhere.rows] == [0.1, 0.1]
    assert _row(everywhere, "maxl").verdict == "no evidence"


def test_one_seed():
    found = judge(_runs({m: v[:1] for m, v in SCORES.items()}), validation=VALIDATION, **KINDS)
    assert _row(found, "maxl").verdict == "no evidence (one seed)"
    assert found.sentence.startswith("One seed shows nothing")
    assert found.warnings == ["1 seed; a claim needs at least 5."]


def test_a_method_that_was_interrupted_after_one_seed_does_not_silence_the_others():
    scores = {"single": [0.9, 0.91, 0.92], "maxl": [0.8, 0.81, 0.8], "softmax": [0.9]}
    found = judge(_runs(scores), validation=VALIDATION)
    assert _row(found, "softmax").verdict == "no evidence (one seed)"
    assert found.sentence.startswith("maxl hurts against single")


def test_a_control_that_helps_is_in_the_sentence_too():
    scores = {"single": [0.60, 0.61, 0.62], "equal": [0.80, 0.81, 0.83], "maxl": [0.6, 0.61, 0.61]}
    found = judge(_runs(scores), validation=VALIDATION, controls=["equal"]).sentence
    assert found.startswith(("There is no evidence that maxl", "maxl hurts"))
    assert "equal helps beyond single: +20.33" in found


def test_scores_that_a_guess_would_have_too_are_said():
    runs = _runs({"single": [-0.3] * 5, "maxl": [-0.2] * 5}, metric="r2")
    assert any(
        "better than a guess" in text and "R² −0.0100" in text
        for text in judge(runs, validation={}, chance=-0.01).warnings
    )
    assert not judge(runs, validation={}, chance=-0.25).warnings


def test_methods_without_all_seeds_are_paired_over_the_common_ones():
    scores = {"single": [0.9, 0.91, 0.92, 0.93], "maxl": [0.91, 0.93]}
    row = _row(judge(_runs(scores), validation=VALIDATION), "maxl")
    assert row.versus_single.seeds == 2
    assert row.versus_single.difference == pytest.approx(0.015)
    assert any("Seeds 2, 3 did not run" in text for text in row.warnings)


def test_without_single_there_is_no_overhead_and_no_difference_to_it():
    row = _row(
        judge(_runs({"equal": [0.9, 0.91], "maxl": [0.93, 0.95]}), validation={}, controls=["equal"]), "maxl"
    )
    assert (row.overhead, row.versus_single, row.judged_by) == (None, None, "equal")


def test_methods_alone_are_judged_by_nothing():
    found = judge(_runs({"maxl": [0.9, 0.91]}), validation={})
    assert found.best_control is None
    assert found.sentence.startswith("Nothing was compared")


def test_the_bootstrap_stands_beside_the_interval():
    generator = np.random.default_rng(5)
    rows = {m: [(generator.random(400) < q).astype(float).tolist() for _ in range(3)] for m, q in
            [("single", 0.7), ("maxl", 0.9)]}  # fmt: skip
    scores = {m: [float(np.mean(r)) for r in v] for m, v in rows.items()}
    contrast = _row(judge(_runs(scores, rows), validation=VALIDATION), "maxl").versus_single
    assert contrast.rows_low < contrast.difference < contrast.rows_high
    rows["maxl"][1] = rows["maxl"][1][:-1]
    assert _row(judge(_runs(scores, rows), validation=VALIDATION), "maxl").versus_single.rows_low is None


def test_the_best_control_is_chosen_on_validation_alone():
    assert best_control({"single": 0.9, "equal": 0.9}) == "single"
    assert best_control({"a": math.nan, "b": -5.0}) == "b"
    assert best_control({"a": math.nan}) == "a"
    assert best_control({}) is None
    flipped = {**VALIDATION, "maxl_frozen": 0.99}
    assert judge(_runs(SCORES), validation=flipped, **KINDS).best_control == "maxl_frozen"


def test_where_single_is_the_best_control_both_comparisons_are_one():
    found = judge(_runs(SCORES), validation={**VALIDATION, "single": 1.0}, **KINDS)
    for method in ("maxl", "noise"):
        row = _row(found, method)
        assert row.versus_single == row.versus_control
    p = {row.method: row.versus_single for row in found.rows if row.versus_single}
    assert p["equal"].p_adjusted == pytest.approx(2 * p["equal"].p)  # two controls; two methods count apart


def test_without_validation_the_strongest_control_on_these_rows_has_to_be_beaten():
    found = judge(_runs(SCORES), validation={}, **KINDS)
    means = {row.method: row.mean for row in found.rows if row.role != "method"}
    assert found.best_control == max(means, key=lambda name: means[name])
    assert any("was chosen on the reported rows. It is harder" in text for text in found.warnings)


def test_runs_on_different_splits_are_refused():
    runs = _runs(SCORES)
    runs[7] = runs[7].model_copy(update={"split_hash": "other"})
    with pytest.raises(RunError, match=r"seed 2.*splits differ"):
        judge(runs, validation=VALIDATION)


def test_runs_that_are_not_of_one_comparison_are_refused():
    runs = _runs({"single": [0.9, 0.91]})
    with pytest.raises(RunError, match="no finished runs"):
        judge([], validation={})
    with pytest.raises(RunError, match="dataset"):
        judge([runs[0], runs[1].model_copy(update={"dataset": "mnist"})], validation={})
    with pytest.raises(RunError, match="two final runs"):
        judge([runs[0], runs[0]], validation={})
    with pytest.raises(RunError, match="no score on the confirmation rows"):
        judge(runs, validation={}, half="confirmation")


def test_a_method_must_beat_single_and_the_best_control():
    scores = {
        "single": [0.90, 0.91, 0.92, 0.93, 0.94],
        "clusters": [0.80, 0.81, 0.82, 0.83, 0.84],
        "maxl": [0.89, 0.92, 0.91, 0.94, 0.93],
    }
    found = judge(
        _runs(scores), validation={"clusters": 0.95, "single": 0.9, "maxl": 0.9}, controls=["clusters"]
    )
    assert found.best_control == "clusters"  # validation misled
    maxl = _row(found, "maxl")
    assert maxl.versus_control.verdict == "helps"
    assert (maxl.verdict, maxl.judged_by) == ("no evidence", "single")
    assert found.sentence.startswith("There is no evidence that maxl does better than single: ")
    assert "best control" not in found.sentence
