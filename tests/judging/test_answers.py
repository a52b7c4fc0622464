"""The answers say what the rows say."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from test_verdict import _runs

from auxin.judging.answers import answers
from auxin.judging.verdict import judge


def _answers(scores, **options):
    found = judge(_runs(scores), validation={name: values[0] for name, values in scores.items()}, **options)
    return dict(answers(found))


def test_a_method_that_helps():
    said = _answers({"single": [0.80, 0.81, 0.82, 0.83, 0.84], "softmax": [0.90, 0.912, 0.92, 0.931, 0.94]})
    assert said["Should I use anything beside single-task training?"] == "Yes."
    assert said["Which?"] == "softmax."
    assert "+10.06" in said["How much better is it?"]
    assert "over single" in said["How much better is it?"]
    assert "5 seeds" in said["How sure is that?"]
    assert "development rows" in said["How sure is that?"]
    assert "1.5 times" in said["What does it cost?"]


def test_nothing_helps():
    said = _answers({"single": [0.80, 0.81, 0.82, 0.83, 0.84], "softmax": [0.79, 0.82, 0.81, 0.84, 0.83]})
    assert said["Should I use anything beside single-task training?"].startswith("No.")
    assert said["Which?"].startswith("Nothing is shown")


def test_an_interval_that_excludes_zero_is_not_called_noise_where_the_correction_decides():
    single = [0.80, 0.81, 0.82, 0.83, 0.84]
    gains = [0.030, 0.010, 0.002, 0.024, 0.020]
    others = {f"softmax{k}": [s + 0.001 * (-1) ** j for j, s in enumerate(single)] for k in range(3)}
    said = _answers({"single": single, "maxl": [s + g for s, g in zip(single, gains, strict=True)], **others})
    answer = said["Should I use anything beside single-task training?"]
    assert answer.startswith("Not shown. The interval of maxl alone excludes zero")
    assert "p is 0.1" in answer


def test_two_seeds_cannot_tell():
    said = _answers({"single": [0.80, 0.81], "softmax": [0.80, 0.82]})
    assert said["Should I use anything beside single-task training?"].startswith("Not known: 2 seeds")


def test_a_control_that_helps_is_called_one():
    scores = {"single": [0.80, 0.81, 0.82, 0.83, 0.84], "equal": [0.90, 0.912, 0.92, 0.931, 0.94]}
    assert "It is a control" in _answers(scores, controls=["equal"])["Which?"]


def test_what_the_labels_are_worth_where_it_was_measured():
    found = judge(
        _runs({"single": [0.80, 0.81], "maxl": [0.90, 0.92]}), validation={"single": 0.8, "maxl": 0.9}
    )
    found.splits["labels per class"] = 5
    assert "Run with --labels-per-class 5,10,20" in dict(answers(found))["What is it worth in labels?"]
    said = dict(answers(found, {"maxl": "9 [7, 12]"}))["What is it worth in labels?"]
    assert said == "5 labels per class with maxl are worth 9 [7, 12] of single-task training's."


def test_one_method_alone_asks_nothing():
    assert _answers({"single": [0.80, 0.81]}) == {}


def test_a_gain_that_a_control_shares_is_not_shown():
    scores = {
        "single": [0.80, 0.81, 0.82, 0.83, 0.84],
        "given": [0.90, 0.912, 0.92, 0.931, 0.94],
        "maxl": [0.89, 0.92, 0.91, 0.95, 0.94],
    }
    said = _answers(scores, controls=["given"])
    assert said["Should I use anything beside single-task training?"] == "Yes."  # the control helps
    assert said["Which?"].startswith("given. It is a control")


def test_a_label_budget_is_offered_for_classes_alone():
    found = judge(_runs({"single": [0.80, 0.81], "softmax": [0.80, 0.82]}), validation={})
    question = "What is it worth in labels?"
    assert "--labels-per-class 5,10,20" in dict(answers(found))[question]
    ten = found.model_copy(update={"splits": {"labels per class": 10}})
    assert "--labels-per-class 10,20,40" in dict(answers(ten))[question]
    numbers = found.model_copy(update={"metric": "r2"})
    assert "no classes" in dict(answers(numbers))[question]
