"""A support vector machine with a Gaussian kernel; its probabilities are calibrated by cross-validation."""

from collections.abc import Sequence
from typing import Any, ClassVar

from sklearn.calibration import CalibratedClassifierCV
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR

from auxin.rivals._pipeline import scaled
from auxin.rivals.base import InputShape, Kind, Options, Rival

FOLDS = 3
"""Of the calibration."""


class SupportVectors(Rival):
    """`sklearn.svm.SVC` and `SVR` with the kernel exp(-gamma |a - b|^2), gamma = 1 / (D var x).

    The classifier's scores become probabilities by Platt's sigmoid, fitted to cross-validated scores
    (`sklearn.calibration.CalibratedClassifierCV` with `ensemble=False`). Vectors that are kept sparse get the linear
    kernel (`LinearSVC`, `LinearSVR`): the words of many texts.

    >>> [dict(one) for one in SupportVectors.tries("classes", InputShape(100, 4, 2))]
    [{'C': 1.0}, {'C': 10.0}, {'C': 100.0}]
    """

    compressed: ClassVar[bool] = True
    simplicity: ClassVar[int] = 4
    fewest: ClassVar[int] = FOLDS

    @classmethod
    def tries(cls, kind: Kind, shape: InputShape) -> Sequence[Options]:
        """Strengths of the penalty on errors; images have many more pixels than rows, and need a strong one."""
        if shape.image is not None and kind == "classes":
            return [{"C": value} for value in (10.0, 1.0, 100.0)]
        return [{"C": value} for value in ((1.0, 10.0, 100.0) if kind == "classes" else (1.0, 10.0, 0.3))]

    @classmethod
    def build(cls, kind: Kind, shape: InputShape, seed: int, C: float = 1.0) -> Any:
        """The pipeline."""
        if kind == "regression":
            machine = LinearSVR(C=C, random_state=seed) if shape.compressed else SVR(C=C)
            return scaled(machine, shape, brightness=True)
        calibrated: Any = CalibratedClassifierCV
        machine = LinearSVC(C=C, random_state=seed) if shape.compressed else SVC(C=C)
        return scaled(calibrated(machine, ensemble=False, cv=FOLDS), shape)
