"""Gaussian processes: what they learn with and without auxiliary labels, and their place in the choice."""

import tracemalloc

import numpy as np
import pytest
import torch

from auxin.fitting import gaussian, process
from auxin.fitting.choose import CandidateOutputs, choose
from auxin.fitting.process import ALONE, TOGETHER, ProcessCandidate, process_candidates
from auxin.fitting.rows import Rows, make_folds
from auxin.fitting.scores import losses
from auxin.math.kernels import Kernel
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes
from auxin.tasks.multilabel import Multilabel
from auxin.tasks.ordered import Ordered
from auxin.tasks.regression import Regression


def rows_of(kind: str, known: int = 40, count: int = 240, seed: int = 0) -> Rows:
    """A wave of two columns, known for few rows, and an auxiliary with the same wave, known for nearly all."""
    draw = np.random.default_rng(seed)
    x = draw.uniform(-2, 2, size=(count, 2)).astype(np.float32)
    wave = torch.from_numpy(np.sin(2.5 * x[:, 0]) * np.cos(2 * x[:, 1]))
    aux = wave + 0.1 * torch.from_numpy(draw.normal(size=count)).float()
    y = wave + 0.3 * torch.from_numpy(draw.normal(size=count)).float()
    aux[::20] = torch.nan
    value: torch.Tensor = 50 + 10 * y
    task: Task = Regression.fit("y", value[:known])
    if kind != "numbers":
        value = torch.bucketize(y, torch.tensor([-0.3, 0.3]))
        task = Ordered("y", 3) if kind == "ordered" else Classes("y", 3)
    value = value.clone()
    value[known:] = torch.nan if value.is_floating_point() else -1
    return Rows(x, task, value, {"aux": (Regression.fit("aux", aux), aux)})


@pytest.mark.parametrize("kind", ["numbers", "classes", "ordered"])
def test_auxiliary_labels_of_all_rows_teach_the_main_task(kind: str) -> None:
    metric = "r2" if kind == "numbers" else "accuracy"
    whole, rows = rows_of(kind, known=240), rows_of(kind)
    scores = {}
    for name in (ALONE, TOGETHER):
        member = ProcessCandidate(name).train(rows, rows.labelled, 0)
        scores[name] = rows.task.score(member.outputs(rows.x[40:]), whole.y[40:], metric)
    assert scores[TOGETHER] > scores[ALONE] + 0.1
    assert scores[TOGETHER] > 0.55


def test_an_auxiliary_of_noise_is_not_trusted() -> None:
    rows = rows_of("numbers", known=80)
    noise = torch.from_numpy(np.random.default_rng(1).normal(size=240)).float()
    rows = Rows(rows.x, rows.task, rows.y, {"aux": (Regression.fit("aux", noise), noise)})
    folds = make_folds(rows, 5, 1, 0)
    wanted = rows.y[:80]
    lost = [
        losses(rows.task, ProcessCandidate(n).out_of_fold(rows, folds, 0)[0], wanted).mean()
        for n in (ALONE, TOGETHER)
    ]
    assert lost[1] < lost[0] * 1.05


@pytest.mark.parametrize("name", [ALONE, TOGETHER])
def test_out_of_fold_is_what_a_model_of_the_other_rows_predicts(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gaussian, "AUXILIARY_ROWS", 1000)
    rows = rows_of("numbers")
    folds = make_folds(rows, 4, 1, 0)
    found = ProcessCandidate(name).out_of_fold(rows, folds, 0)[0]
    _, kept, held = folds.pairs(rows.labelled)[0]
    part = rows
    if name == TOGETHER:  # one row at a time does not know its own auxiliary label
        held = held[:1]
        task, aux = rows.auxiliaries["aux"]
        aux = aux.clone()
        aux[rows.labelled[held]] = torch.nan
        part = Rows(rows.x, rows.task, rows.y, {"aux": (task, aux)})
    wanted = ProcessCandidate(name).predicted(part, kept, rows.x[rows.labelled[held]], 0)
    tolerance = (
        0.05 if name == TOGETHER else 1e-6
    )  # the units of the auxiliary labels are those of the other rows
    torch.testing.assert_close(found[torch.from_numpy(held)], wanted, atol=tolerance, rtol=tolerance)


def test_many_rows_have_no_process_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MOST", 30)
    said: list[str] = []
    assert process_candidates(rows_of("numbers"), said.append) == {}
    assert said == ["Left out above 30 rows with a main label: gaussian process."]
    rows = rows_of("numbers", known=20)
    assert list(process_candidates(rows, said.append)) == [ALONE, TOGETHER]
    attributes = Rows(rows.x, Multilabel("y", 2), torch.zeros(240, 2))
    assert process_candidates(attributes, said.append) == {}


def test_kernels_of_many_rows_are_chosen_on_a_part_and_learn_from_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gaussian, "PICKED", 20)
    rows = rows_of("numbers")
    member = ProcessCandidate(ALONE).train(rows, rows.labelled, 0)
    assert {len(term.support) for term in member.terms} == {40}  # type: ignore[attr-defined]


@pytest.mark.parametrize(("worse", "halved"), [(0.0, True), (0.02, True), (0.5, False)])
def test_half_of_the_weight_is_the_processes_unless_they_are_clearly_worse(
    worse: float, halved: bool
) -> None:
    task, draw = Regression("y"), np.random.default_rng(0)
    y = torch.from_numpy(draw.normal(size=60))
    noise = [torch.from_numpy(draw.normal(size=60)) for _ in range(3)]
    outputs = {
        "constant guess": torch.zeros(60, 1),
        "ridge": (y + 0.1 * noise[0])[:, None],
        ALONE: (y + (0.1 + worse) * noise[1])[:, None],
        TOGETHER: (y + (0.1 + worse) * noise[2])[:, None],
    }
    entries = [CandidateOutputs(n, n, k, o, losses(task, o, y)) for k, (n, o) in enumerate(outputs.items())]
    choice = choose(task, entries, y, np.arange(60))
    weights = {entry.family: weight for entry, weight in zip(choice.kept, choice.weights, strict=True)}
    assert weights == ({"ridge": 0.5, ALONE: 0.25, TOGETHER: 0.25} if halved else {"ridge": 1.0})
    assert set(choice.best) == set(outputs)


def test_a_constant_guess_is_kept_where_a_process_is_no_better() -> None:
    task, y = Regression("y"), torch.from_numpy(np.random.default_rng(0).normal(size=60))
    flat = torch.zeros(60, 1, dtype=torch.float64)
    for gain, kept in ((0.0, ["constant guess"]), (0.5, ["constant guess", ALONE])):
        outputs = {"constant guess": flat, ALONE: flat + gain * y[:, None]}
        entries = [
            CandidateOutputs(n, n, 4 * k, o, losses(task, o, y)) for k, (n, o) in enumerate(outputs.items())
        ]
        assert [entry.family for entry in choose(task, entries, y, np.arange(60)).kept] == kept


def test_many_rows_are_predicted_some_at_a_time() -> None:
    draw = np.random.default_rng(0)
    support, x = draw.normal(size=(100, 2)), draw.normal(size=(20_001, 2))
    terms = [gaussian.Term(Kernel(1.0, 0.3), support, draw.normal(size=(100, 1)))]
    at_once = Kernel(1.0, 0.3)(x, support) @ terms[0].weights
    tracemalloc.start()
    found = gaussian.predict(terms, x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_allclose(found, at_once, rtol=1e-10, atol=1e-12)
    assert peak < x.shape[0] * len(support) * 8  # one kernel of all rows
