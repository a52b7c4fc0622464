"""Which try is used: the default wins unless another is better beyond its standard error."""

import math

import pytest

from auxin.records.results import RunResult, Scores
from auxin.studies.tuning import chosen


def result(attempt: str, seed: int, score: float | None, metric: str = "accuracy") -> RunResult:
    return RunResult.model_construct(
        attempt=attempt, seed=seed, metric=metric, settings={"lr": attempt}, scores=Scores(validation=score)
    )


def tries(*scores: tuple[float | None, ...], metric: str = "accuracy") -> list[RunResult]:
    return [
        result(f"try-{i}", seed, s, metric) for i, row in enumerate(scores, 1) for seed, s in enumerate(row)
    ]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [(40, "try-1"), (4000, "try-2")],  # two seeds: standard errors of 6.8 and 0.7 points
)
def test_a_small_validation_set_leaves_the_default_alone(rows: int, expected: str) -> None:
    settings, score, said = chosen(tries((0.2, 0.3), (0.23, 0.32)), rows)
    assert settings == {"lr": expected}
    assert bool(said) == (expected == "try-1")
    assert score == pytest.approx(0.25 if expected == "try-1" else 0.275)


def test_seeds_that_disagree_leave_the_default_alone() -> None:
    apart, alike = tries((0.2, 0.3), (0.6, 0.2), metric="r2"), tries((0.2, 0.3), (0.4, 0.5), metric="r2")
    assert chosen(apart, 10)[0] == {"lr": "try-1"}
    assert chosen(alike, 10)[0] == {"lr": "try-2"}


def test_a_diverged_default_is_left_and_ties_go_to_the_first() -> None:
    assert chosen(tries((None, 0.3), (0.1, 0.1)), 40)[0] == {"lr": "try-2"}
    assert chosen(tries((math.nan, 0.3), (math.nan, 0.1)), 40)[0] == {"lr": "try-1"}
    assert chosen(tries((0.3, 0.3), (0.3, 0.3)), 40)[2] == ""


def test_the_tenth_try_comes_after_the_second() -> None:
    scores = [(0.3, 0.3)] * 9 + [(0.1, 0.1)]
    assert chosen(tries(*scores), 40)[0] == {"lr": "try-1"}
    assert chosen(tries(*[(0.1, 0.1)] + [(0.9, 0.9)] * 9), 40)[0] == {"lr": "try-2"}
