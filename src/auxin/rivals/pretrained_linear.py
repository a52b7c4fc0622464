"""A linear model on the features of a local pretrained folder."""

from collections.abc import Sequence
from typing import Any, ClassVar

from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from auxin.rivals.base import InputShape, Kind, Options, Rival


class PretrainedLinear(Rival):
    """Logistic or ridge regression on standardised features of images, where the user names a folder of weights.

    The folder is what `save_pretrained` of `transformers` wrote. Its weights are read at every prediction, and are
    not copied into a saved model.

    >>> PretrainedLinear.tries("classes", InputShape(100, 64, 10))  # no folder, nothing to try
    []
    """

    weighted: ClassVar[bool] = True
    simplicity: ClassVar[int] = 2
    onnx: ClassVar[str] = "the pretrained network's weights stay in its own folder"

    @classmethod
    def tries(cls, kind: Kind, shape: InputShape) -> Sequence[Options]:
        """Strengths of the penalty; none without a folder and images."""
        if not shape.folder or shape.image is None:
            return []
        return [{"C": value} for value in (0.1, 0.01, 1.0)]

    @classmethod
    def build(cls, kind: Kind, shape: InputShape, seed: int, C: float = 0.1) -> Any:
        """The pipeline."""
        from auxin.rivals._features import PretrainedFeatures

        model = LogisticRegression(C=C, max_iter=500) if kind == "classes" else Ridge(1 / C)
        features = PretrainedFeatures(shape.folder, list(shape.image or ()))
        return Pipeline([("features", features), ("scale", StandardScaler()), ("model", model)])
