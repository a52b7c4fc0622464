"""Fitting a comparison into a time budget."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxin.errors import ConfigError
from auxin.requests.values import seconds
from auxin.studies.budget import SPARE, SavedPlan, Size, fit

COST = {"single": 2.0, "maxl": 8.0}


def test_times() -> None:
    assert [seconds(t) for t in ("45", "90s", "10min", " 2 h ")] == [45, 90, 600, 7200]
    for bad in ("soon", "-3s", "0s", "5 days"):
        with pytest.raises(ConfigError, match="budget"):
            seconds(bad)


def test_what_fits_is_not_cut() -> None:
    wanted = Size(tries=4, tuning_seeds=2, seeds=5)
    assert fit(wanted, COST, jobs=2, budget=1e6) == (wanted, [])


def test_tuning_seeds_go_before_tries_before_seeds() -> None:
    wanted = Size(tries=4, tuning_seeds=2, seeds=10)
    whole = wanted.cost(COST, 2)
    size, cuts = fit(wanted, COST, 2, whole * 0.8 / SPARE)
    assert (size.tuning_seeds, size.tries, size.seeds) == (1, 4, 10)
    assert cuts == ["tuning seeds: 1 instead of 2"]
    size, _ = fit(wanted, COST, 2, whole * 0.6 / SPARE)
    assert size.tuning_seeds == 1
    assert size.seeds < 10 or size.tries < 4


@given(st.floats(1.0, 1e4), st.integers(1, 8), st.integers(1, 5), st.integers(2, 20))
def test_it_fits_or_says_that_it_cannot(budget: float, tries: int, tuning: int, seeds: int) -> None:
    wanted = Size(tries=tries, tuning_seeds=tuning, seeds=seeds)
    size, cuts = fit(wanted, COST, 2, budget)
    assert size.seeds >= 2
    assert size.tries >= 1
    fits = size.cost(COST, 2) <= budget * SPARE
    assert fits or any("the smallest comparison" in cut for cut in cuts) or size.cost(COST, 2) <= budget
    assert (size == wanted) == (not [c for c in cuts if "even the smallest" not in c])
    plan = SavedPlan(**dict(size), cuts=cuts)
    assert SavedPlan.model_validate_json(plan.model_dump_json()) == plan
