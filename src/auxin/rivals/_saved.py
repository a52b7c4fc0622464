"""Rivals as bytes and back, through skops: nothing in a file is run, and only kinds on our own list are built."""

from typing import Any

from auxin.errors import DataError, message

TRUSTED = (
    "catboost.core.CatBoostClassifier",
    "catboost.core.CatBoostRegressor",
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "lightgbm.sklearn.LGBMRegressor",
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    "auxin.rivals._features.PretrainedFeatures",
    "auxin.rivals._pipeline.OneUnit",
    "auxin.rivals._pipeline.Dense",
)
"""The types that the rivals are made of, beyond those that skops trusts itself. A file never adds to them."""


def dump(estimators: tuple[Any, ...]) -> bytes:
    """The estimators in the format of `skops.io`."""
    import skops.io  # half a second that other commands need not wait

    return skops.io.dumps(list(estimators))


def restore(content: bytes, where: str) -> tuple[Any, ...]:
    """The estimators again.

    Args:
        content: what `dump` made.
        where: the file's name, for errors.

    Raises:
        DataError: the file is damaged, or asks for a type that is not on the list.
    """
    import skops.io

    try:
        asked = skops.io.get_untrusted_types(data=content)
    except Exception as error:  # zip, JSON and type errors of all kinds
        raise DataError(message(f"{where} is damaged", found=f"{type(error).__name__}: {error}")) from error
    if strange := sorted(set(asked) - set(TRUSTED)):
        raise DataError(
            message(
                f"{where} is refused: it contains types that no estimator of auxin uses",
                found=", ".join(strange[:5]),
                do="Use the file that `auxin fit` wrote",
            )
        )
    try:
        return tuple(skops.io.loads(content, trusted=list(TRUSTED)))
    except Exception as error:  # a missing package, another version's state
        raise DataError(
            message(f"{where} cannot be read", found=f"{type(error).__name__}: {error}", do="Train it again")
        ) from error
