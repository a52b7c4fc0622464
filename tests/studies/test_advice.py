"""What the advice states of the choice itself: names explained, and why the first of the table may be another one."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from auxin.exported.card import Estimate
from auxin.fitting.candidates import Constant
from auxin.fitting.choose import CandidateOutputs, ModelChoice
from auxin.fitting.rows import Rows
from auxin.fitting.search import Search
from auxin.studies.advice import advice
from auxin.studies.curve import LearningCurve, half, learning_curve
from auxin.tasks.classes import Classes
from auxin.tasks.regression import Regression


def said(
    kept: str,
    scores: dict[str, float],
    metric: str | None = None,
    task: Any = None,
    curve: LearningCurve | None = None,
    shown: str = "accuracy",
) -> str:
    wide, label = (1, torch.zeros(5)) if task else (2, torch.zeros(5, dtype=torch.long))
    entry = CandidateOutputs(kept, kept, 0, torch.zeros(5, wide), np.zeros(5))
    choice = ModelChoice((entry,), (1.0,), 1.0, entry.outputs, False, {})
    return told(choice, scores, metric, task, label, curve, shown)


def told(
    choice: ModelChoice,
    scores: dict[str, float],
    metric: str | None = None,
    task: Any = None,
    label: Tensor | None = None,
    curve: LearningCurve | None = None,
    shown: str = "accuracy",
    skipped: Sequence[str] = (),
) -> str:
    found: Any = SimpleNamespace(
        wanted=torch.zeros(5, dtype=torch.long) if label is None else label,
        metric=metric,
        rows=SimpleNamespace(task=task or Classes("y", 2), of_groups=None, auxiliaries={}),
        honest=lambda: choice.outputs,
        candidates={Constant().family: Constant()},
        skipped=skipped,
    )
    estimate = Estimate(value=0.9, low=0.8, high=0.95, rows=5)
    return " ".join(advice(found, choice, estimate, shown, scores, curve))


def test_the_loss_is_named_where_the_first_of_the_table_was_not_kept() -> None:
    scores = {"ridge": 0.9, "svc": 0.95}
    assert "The choice is by log loss" in said("ridge", scores)
    assert "The choice is by squared error" in said("ridge", scores, task=Regression("y"))
    assert "The choice is by" not in said("svc", scores)
    assert "The choice is by" not in said("ridge", scores, metric="accuracy")


def test_the_half_of_gaussian_processes_is_named_where_it_keeps_the_model_from_being_first() -> None:
    entries = tuple(
        CandidateOutputs(name, name, 3, torch.zeros(5, 2), np.zeros(5))
        for name in ("svc", "gaussian process")
    )
    scores = {"svc": 0.95, "blend": 0.9, "gaussian process": 0.85}
    mixed = ModelChoice(entries, (0.5, 0.5), 1.0, torch.zeros(5, 2), True, {})
    searched = ModelChoice((entries[0], entries[0]), (0.5, 0.5), 1.0, torch.zeros(5, 2), True, {})
    assert "get half of the weight" in told(mixed, scores)
    assert "The choice is by" not in told(mixed, scores)
    assert "get half of the weight" not in told(mixed, {**scores, "blend": 0.96})
    assert "The choice is by log loss" in told(searched, scores)


def test_a_guess_that_is_the_only_candidate_says_nothing_of_the_inputs() -> None:
    guess = CandidateOutputs("constant guess", "constant guess", 0, torch.zeros(5, 2), np.zeros(5))
    alone = ModelChoice((guess,), (1.0,), 1.0, guess.outputs, False, {guess.family: guess})
    beside = ModelChoice((guess,), (1.0,), 1.0, guess.outputs, False, {guess.family: guess, "svc": guess})
    assert "because of lack of time" in told(alone, {}, skipped=["svc"])
    assert "because every other one failed" in told(alone, {})
    assert "carry little information" not in told(alone, {})
    assert "carry little information" in told(beside, {})


def test_prefixes_are_explained_once() -> None:
    assert said("stack:ridge", {}).count("stack:NAME is") == 1
    assert "NAME is" not in said("ridge", {})


def test_the_gain_of_more_labels_is_a_power_law_and_no_steeper_than_a_root() -> None:
    curve = LearningCurve("ridge", 100, 5, before=0.52, now=0.6)
    assert curve.gain(100) == pytest.approx(
        0.4 * (1 - 0.4 / 0.48)
    )  # the next doubling shrinks the error alike
    assert curve.last_fold == pytest.approx(0.4 * (1 - 1.25 ** -np.log2(0.48 / 0.4)))
    steep = LearningCurve("ridge", 100, 5, before=-9.0, now=0.6)
    assert steep.gain(300) == pytest.approx(0.4 / 2)
    assert LearningCurve("ridge", 100, 5, before=0.7, now=0.6).gain(100) == 0.0
    error = LearningCurve("ridge", 100, 5, before=-3.0, now=-2.5, best=0.0)
    assert error.gain(100) == pytest.approx(2.5 * (1 - 2.5 / 3))


def test_errors_are_positive_and_better_where_they_are_lower() -> None:
    curve = LearningCurve("ridge", 100, 5, before=-3.0, now=-2.5, best=0.0)
    text = said("ridge", {}, task=Regression("y"), curve=curve, shown="mae")
    assert "100 more labels would make the mean absolute error about 0.417 better" in text
    assert "ridge has 3.000, with all of them 2.500" in text


def test_half_of_a_folds_labels_teach_and_every_class_keeps_one() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(60, 2)).astype(np.float32)
    y = torch.from_numpy((x[:, 0] > 0).astype(np.int64))
    y[5] = 2
    rows = Rows(x, Classes("y", 3), y)
    part = half(rows, rows.labelled, draw)
    assert len(part) in (30, 31, 32)
    assert set(y[torch.from_numpy(part)].tolist()) == {0, 1, 2}
    found = Search(rows, tries=1, families=["logistic"])
    curve = learning_curve(found, found.run(), "accuracy")
    assert curve is not None
    assert curve.labels == 60
    assert 0.3 < curve.before <= 1.0
    assert 0.7 < curve.now <= 1.0
