"""A Gaussian process on standardised inputs."""

from collections.abc import Sequence
from typing import Any, ClassVar

from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, Matern, WhiteKernel

from auxin.rivals._pipeline import scaled
from auxin.rivals.base import InputShape, Kind, Options, Rival


class GaussianProcess(Rival):
    """`sklearn.gaussian_process.GaussianProcessClassifier` and `GaussianProcessRegressor`.

    Length scale, variance and, for numbers, noise are those of the largest marginal likelihood, from a start at the
    root of the number of columns, the usual distance of standardised rows.

    >>> [dict(one) for one in GaussianProcess.tries("regression", InputShape(100, 4))]
    [{'kernel': 'rbf'}, {'kernel': 'matern'}, {'kernel': 'matern + linear'}]
    """

    most: ClassVar[int] = 1000
    weighted: ClassVar[bool] = False
    simplicity: ClassVar[int] = 4
    onnx: ClassVar[str] = "its converter knows two classes at most, and is wrong by 1e-4 in float32"

    @classmethod
    def tries(cls, kind: Kind, shape: InputShape) -> Sequence[Options]:
        """Kernels."""
        return [{"kernel": name} for name in ("rbf", "matern", "matern + linear")]

    @classmethod
    def build(cls, kind: Kind, shape: InputShape, seed: int, kernel: str = "rbf") -> Any:
        """The pipeline."""
        length = max(shape.columns, 1) ** 0.5
        smooth = RBF(length) if kernel == "rbf" else Matern(length, nu=1.5)
        found = ConstantKernel() * smooth
        if kernel.endswith("linear"):
            found = found + ConstantKernel(1 / length**2) * DotProduct()
        if kind == "classes":
            return scaled(GaussianProcessClassifier(found, random_state=seed), shape)
        noisy = GaussianProcessRegressor(found + WhiteKernel(), random_state=seed)
        return scaled(noisy, shape, brightness=True)
