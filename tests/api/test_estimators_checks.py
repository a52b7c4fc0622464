"""scikit-learn's own checks of our estimators: none may fail, and none is expected to."""

import pytest
from sklearn.utils.estimator_checks import check_estimator

from auxin import AuxiliaryClassifier, AuxiliaryRegressor

ALLOWED_TO_SKIP = {"check_array_api_input"}
"""scikit-learn skips it itself where SCIPY_ARRAY_API is not set in the environment."""


def assert_passes_all_checks(estimator) -> None:
    found = check_estimator(estimator, on_fail=None, on_skip=None)
    assert len(found) > 45
    odd = {f["check_name"]: f["exception"] for f in found if f["status"] != "passed"}
    assert set(odd) <= ALLOWED_TO_SKIP, odd
    assert all(f["status"] == "skipped" for f in found if f["check_name"] in odd)


def test_scikit_learns_checks_of_the_classifier() -> None:
    assert_passes_all_checks(AuxiliaryClassifier(steps=3))


def test_scikit_learns_checks_of_the_regressor() -> None:
    assert_passes_all_checks(AuxiliaryRegressor(steps=12))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [AuxiliaryClassifier, AuxiliaryRegressor])
def test_scikit_learns_checks_as_they_come(kind) -> None:
    assert_passes_all_checks(kind())
