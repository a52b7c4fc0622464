"""Rivals as bytes and back, through skops: nothing in a file is run, and only kinds on our own list are built."""

import sys
from functools import lru_cache
from importlib import import_module
from threading import Lock
from types import ModuleType
from typing import Any

from auxin.errors import DataError

_KINDS = {
    "auxin.rivals._features": "PretrainedFeatures",
    "auxin.rivals._pipeline": "Dense OneUnit",
    "auxin.rivals._trees": "Trees",
    "builtins": "bool float int str",
    "catboost.core": "CatBoostClassifier CatBoostRegressor",
    "collections": "OrderedDict",
    "lightgbm.basic": "Booster",
    "lightgbm.sklearn": "LGBMClassifier LGBMRegressor",
    "numpy": "bool dtype float32 float64 int32 int64 uint32 uint64",
    "numpy.random": "PCG64",
    "numpy.random.mtrand": "RandomState",
    "sklearn._loss._loss": "CyHalfMultinomialLoss",
    "sklearn._loss.link": "IdentityLink Interval LogitLink MultinomialLogit",
    "sklearn._loss.loss": "HalfBinomialLoss HalfMultinomialLoss HalfSquaredError",
    "sklearn.calibration": "CalibratedClassifierCV _CalibratedClassifier _SigmoidCalibration",
    "sklearn.compose._column_transformer": "ColumnTransformer",
    "sklearn.dummy": "DummyClassifier",
    "sklearn.ensemble._forest": "ExtraTreesClassifier ExtraTreesRegressor RandomForestClassifier RandomForestRegressor",
    "sklearn.ensemble._hist_gradient_boosting.binning": "_BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting": (
        "HistGradientBoostingClassifier HistGradientBoostingRegressor"
    ),
    "sklearn.ensemble._hist_gradient_boosting.predictor": "TreePredictor",
    "sklearn.ensemble._stacking": "StackingClassifier StackingRegressor",
    "sklearn.gaussian_process._gpc": "GaussianProcessClassifier _BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process._gpr": "GaussianProcessRegressor",
    "sklearn.gaussian_process.kernels": "ConstantKernel DotProduct Matern Product RBF Sum WhiteKernel",
    "sklearn.impute._base": "SimpleImputer",
    "sklearn.linear_model._logistic": "LogisticRegression",
    "sklearn.linear_model._ridge": "Ridge",
    "sklearn.metrics._dist_metrics": "EuclideanDistance64",
    "sklearn.multiclass": "OneVsRestClassifier",
    "sklearn.neighbors._classification": "KNeighborsClassifier",
    "sklearn.neighbors._kd_tree": "KDTree",
    "sklearn.neighbors._regression": "KNeighborsRegressor",
    "sklearn.neighbors._unsupervised": "NearestNeighbors",
    "sklearn.pipeline": "Pipeline",
    "sklearn.preprocessing._data": "Normalizer StandardScaler",
    "sklearn.preprocessing._label": "LabelBinarizer LabelEncoder",
    "sklearn.semi_supervised._label_propagation": "LabelSpreading",
    "sklearn.semi_supervised._self_training": "SelfTrainingClassifier",
    "sklearn.svm._classes": "LinearSVC LinearSVR SVC SVR",
    "sklearn.tree._classes": "DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor",
    "sklearn.tree._tree": "Tree",
    "sklearn.utils._bunch": "Bunch",
}
TRUSTED = tuple(f"{module}.{name}" for module, names in _KINDS.items() for name in names.split())
"""The types that the rivals are made of. A file never adds to them."""

_LIST = "skops.io._trusted_types"
_IMPORTING = Lock()


class _EmptyTrustList(ModuleType):
    """In place of skops' lists of what it trusts: nothing, and of random generators NumPy's default."""

    NUMPY_RANDOM_BIT_GENERATOR_TYPE_NAMES = ("numpy.random.PCG64",)

    def __getattr__(self, name: str) -> list[str]:
        if name.startswith("__"):
            raise AttributeError(name)
        return []


@lru_cache(maxsize=1)
def _skops() -> Any:
    """A copy of `skops.io` of our own, which trusts nothing by itself, so that `TRUSTED` is the whole list.

    To list what it trusts by itself (all of scikit-learn's estimators, all functions of NumPy and SciPy), skops imports
    every module of scikit-learn and looks every function up in every module, which takes longer than a prediction.
    Another part of the program that imports skops gets its own, unchanged.
    """
    with _IMPORTING:
        others = {name: sys.modules.pop(name) for name in _loaded()}
        sys.modules[_LIST] = _EmptyTrustList(_LIST)
        try:
            return import_module("skops.io")
        finally:
            for name in _loaded():
                del sys.modules[name]
            sys.modules.update(others)


def _loaded() -> list[str]:
    return [name for name in sys.modules if name == "skops" or name.startswith("skops.")]


def dump(estimators: tuple[Any, ...]) -> bytes:
    """The estimators in the format of `skops.io`."""
    return _skops().dumps(list(estimators))


def restore(content: bytes, where: str) -> tuple[Any, ...]:
    """The estimators again.

    Args:
        content: What `dump` made.
        where: The file's name, for errors.

    Raises:
        DataError: The file is damaged, or asks for a type that is not on the list.
    """
    try:
        # Which refuses before it builds anything.
        return tuple(_skops().loads(content, trusted=list(TRUSTED)))
    except Exception as error:  # of all kinds
        raise _refusal(content, where, error) from error


def _refusal(content: bytes, where: str, error: Exception) -> DataError:
    """What is wrong with a file that could not be read."""
    found = f"{type(error).__name__}: {error}"
    try:
        asked = _skops().get_untrusted_types(data=content)
    except Exception:  # zip, JSON and type errors
        return DataError(f"{where} is damaged", found=found)
    if strange := sorted(set(asked) - set(TRUSTED)):
        return DataError(
            f"{where} is refused: it contains types that no estimator of auxin uses",
            found=", ".join(strange[:5]),
            do="Use the file that `auxin fit` wrote",
        )
    return DataError(f"{where} cannot be read", found=found, do="Train it again")  # another version's
