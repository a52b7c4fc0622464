"""scikit-learn's own checks of our estimators: none may fail by more than rounding, and none is expected to."""

import re

import pytest
from sklearn.utils.estimator_checks import check_estimator

from auxin import AuxiliaryClassifier, AuxiliaryRegressor

ALLOWED_TO_SKIP = {"check_array_api_input"}
"""scikit-learn skips it itself where SCIPY_ARRAY_API is not set in the environment."""


ROUNDING = 1e-6
"""A few roundings of float32, in which networks compute; they depend on where rows lie in memory. Checks ask 1e-7."""


def is_rounding(error: Exception | None) -> bool:
    found = re.search(r"Max relative difference among violations: (\S+)", str(error))
    return found is not None and float(found[1]) < ROUNDING


def assert_passes_all_checks(estimator) -> None:
    found = check_estimator(estimator, on_fail=None, on_skip=None)
    assert len(found) > 45
    found = [f for f in found if not is_rounding(f["exception"])]
    odd = {f["check_name"]: f["exception"] for f in found if f["status"] != "passed"}
    assert set(odd) <= ALLOWED_TO_SKIP, odd
    assert all(f["status"] == "skipped" for f in found if f["check_name"] in odd)


def test_scikit_learns_checks_of_the_classifier() -> None:
    assert_passes_all_checks(AuxiliaryClassifier(steps=3))


def test_scikit_learns_checks_of_the_regressor() -> None:
    assert_passes_all_checks(AuxiliaryRegressor(steps=6, learning_rate=6e-3))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [AuxiliaryClassifier, AuxiliaryRegressor])
def test_scikit_learns_checks_as_they_come(kind) -> None:
    assert_passes_all_checks(kind())
