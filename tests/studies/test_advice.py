"""What the advice states of the choice itself: names explained, and why the first of the table may be another one."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from auxin.exported.card import Estimate
from auxin.fitting.choose import CandidateOutputs, ModelChoice
from auxin.studies.advice import advice
from auxin.tasks.classes import Classes
from auxin.tasks.regression import Regression


def said(kept: str, scores: dict[str, float], metric: str | None = None, task: Any = None) -> str:
    wide, label = (1, torch.zeros(5)) if task else (2, torch.zeros(5, dtype=torch.long))
    entry = CandidateOutputs(kept, kept, 0, torch.zeros(5, wide), np.zeros(5))
    choice = ModelChoice((entry,), (1.0,), 1.0, entry.outputs, False, {})
    rows = SimpleNamespace(task=task or Classes("y", 2))
    found: Any = SimpleNamespace(
        wanted=label, metric=metric, rows=rows, honest=lambda: entry.outputs, candidates={}
    )
    return " ".join(advice(found, choice, Estimate(value=0.9, rows=5), "accuracy", scores))


def test_the_loss_is_named_where_the_first_of_the_table_was_not_kept() -> None:
    scores = {"ridge": 0.9, "svc": 0.95}
    assert "The choice is by log loss" in said("ridge", scores)
    assert "The choice is by squared error" in said("ridge", scores, task=Regression("y"))
    assert "The choice is by" not in said("svc", scores)
    assert "The choice is by" not in said("ridge", scores, metric="accuracy")


def test_prefixes_are_explained_once() -> None:
    assert said("stack:ridge", {}).count("stack:NAME is") == 1
    assert "NAME is" not in said("ridge", {})
