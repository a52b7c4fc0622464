"""Single estimators as ONNX: skl2onnx's graphs, and the trees of forests and histogram boosting written out here."""

import copy
import warnings
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.semi_supervised import SelfTrainingClassifier

from auxin.errors import UnsupportedError
from auxin.rivals import Trees

OPSET = 18


def converted(name: str, estimator: Any, width: int) -> Any:
    """One estimator by skl2onnx; LightGBM's by onnxmltools, self-training's by its base estimator."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    if isinstance(estimator, HistGradientBoostingClassifier | HistGradientBoostingRegressor):
        return _boosted(estimator, width)
    if isinstance(estimator, Trees):
        return _forest(estimator, width)
    if name == "lightgbm":
        _register_lightgbm()
        estimator = _rounded_down(estimator)
    if isinstance(estimator, SelfTrainingClassifier):
        estimator = estimator.estimator_
    options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "predict_proba") else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what the converter reads that scikit-learn will drop
            return to_onnx(
                estimator,
                initial_types=[("x", FloatTensorType([None, width]))],  # type: ignore[arg-type]
                options=options,
                target_opset={"": OPSET, "ai.onnx.ml": 3},
            )
    except Exception as error:  # whatever the converter has to say of an estimator
        said = str(error).strip().split("\n", 1)[0]
        raise UnsupportedError(f"{name} cannot be written as ONNX", found=said) from error


def _boosted(estimator: Any, width: int) -> Any:
    """Histogram boosting: one tree ensemble, then softmax or the logistic function.

    Thresholds are rounded down to float32, so that a float32 input falls on the same side as in scikit-learn.
    """
    from onnx import helper

    trees = [(k, tree.nodes) for round_ in estimator._predictors for k, tree in enumerate(round_)]
    baseline = np.ravel(estimator._baseline_prediction).astype(np.float32)
    counts = [len(nodes) for _, nodes in trees]
    tree, output = np.repeat(np.arange(len(trees)), counts), np.repeat([k for k, _ in trees], counts)
    number, found = np.concatenate([np.arange(n) for n in counts]), np.concatenate([n for _, n in trees])
    leaf = found["is_leaf"].astype(bool)
    table = {
        "treeids": tree, "nodeids": number, "featureids": np.where(leaf, 0, found["feature_idx"]),
        "values": np.where(leaf, 0, _down(found["num_threshold"])), "modes": np.where(leaf, "LEAF", "BRANCH_LEQ"),
        "truenodeids": np.where(leaf, 0, found["left"]), "falsenodeids": np.where(leaf, 0, found["right"]),
        "missing_value_tracks_true": np.where(leaf, 0, found["missing_go_to_left"]),
    }  # fmt: skip
    leaves = {
        "treeids": tree[leaf],
        "nodeids": number[leaf],
        "ids": output[leaf],
        "weights": found["value"][leaf],
    }
    nodes, outputs = [_ensemble(table, leaves, "raw", baseline.tolist())], ["raw"]
    if isinstance(estimator, HistGradientBoostingClassifier):
        two = len(baseline) == 1
        nodes += (
            [
                helper.make_node("Sigmoid", ["raw"], ["second"]),
                helper.make_node("Neg", ["raw"], ["negative"]),
                helper.make_node("Sigmoid", ["negative"], ["first"]),
                helper.make_node("Concat", ["first", "second"], ["p"], axis=1),
            ]
            if two
            else [helper.make_node("Softmax", ["raw"], ["p"], axis=1)]
        )
        outputs = ["raw", "p"]
    return _model(nodes, outputs, width)


def _forest(trees: Trees, width: int) -> Any:
    """A forest: the mean of the trees' values or, as the second output, of their classes' shares."""
    from onnx import helper

    leaf, count, children = trees.leaves, len(trees.roots), trees.children.reshape(-1, 2)
    tree = np.searchsorted(trees.roots, np.arange(len(leaf)), side="right") - 1
    table = {
        "treeids": tree, "nodeids": np.arange(len(leaf)), "featureids": trees.feature,
        "values": np.where(leaf, 0, _down(trees.threshold)), "modes": np.where(leaf, "LEAF", "BRANCH_LEQ"),
        "truenodeids": np.where(leaf, 0, children[:, 0]), "falsenodeids": np.where(leaf, 0, children[:, 1]),
        "missing_value_tracks_true": np.zeros(len(leaf), dtype=int),
    }  # fmt: skip
    at, output = np.nonzero(trees.value * leaf[:, None])
    if trees.classes_ is None:  # a leaf whose value is zero stands too
        at, output = np.flatnonzero(leaf), np.zeros(int(leaf.sum()), dtype=int)
    leaves = {"treeids": tree[at], "nodeids": at, "ids": output, "weights": trees.value[at, output] / count}
    name = "raw" if trees.classes_ is None else "p"
    made = [_ensemble(table, leaves, name, [0.0] * trees.value.shape[1])]
    if trees.classes_ is not None:
        made.append(helper.make_node("Identity", ["p"], ["raw"]))
    return _model(made, ["raw"] if trees.classes_ is None else ["raw", "p"], width)


def _down(threshold: np.ndarray) -> np.ndarray:
    """Thresholds rounded down to float32: a float32 input is at most one if and only if it is at most the other."""
    near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)


def _ensemble(
    table: dict[str, np.ndarray], leaves: dict[str, np.ndarray], name: str, base: list[float]
) -> Any:
    """The node of all trees, with as many targets as there are values in `base`."""
    from onnx import helper

    return helper.make_node(
        "TreeEnsembleRegressor",
        ["x"],
        [name],
        domain="ai.onnx.ml",
        n_targets=len(base),
        base_values=base,
        **{f"nodes_{name}": values.tolist() for name, values in table.items()},
        **{f"target_{name}": values.tolist() for name, values in leaves.items()},
    )


def _model(nodes: list[Any], outputs: list[str], width: int) -> Any:
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        nodes,
        "trees",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
    )
    sets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=sets, ir_version=9)


def _rounded_down(estimator: Any) -> Any:
    """LightGBM's estimator with thresholds rounded down to float32, since onnxmltools rounds to the nearest."""
    from lightgbm import Booster

    lines = []
    for line in estimator.booster_.model_to_string().split("\n"):
        name, _, values = line.partition("=")
        if name == "tree_sizes":  # as they were written; without them trees are found by their names
            continue
        if name == "threshold":
            down = _down(np.array(values.split(), dtype=np.float64)).astype(np.float64)
            line = f"threshold={' '.join(map(repr, down.tolist()))}"
        lines.append(line)
    found = copy.copy(estimator)
    found._Booster = Booster(model_str="\n".join(lines))
    return found


def _register_lightgbm() -> None:
    from lightgbm import LGBMClassifier, LGBMRegressor
    from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes,
        calculate_linear_regressor_output_shapes,
    )

    update_registered_converter(
        LGBMClassifier,
        "LightGbmLGBMClassifier",
        calculate_linear_classifier_output_shapes,
        convert_lightgbm,
        options={"nocl": [True, False], "zipmap": [True, False, "columns"]},
    )
    update_registered_converter(
        LGBMRegressor,
        "LightGbmLGBMRegressor",
        calculate_linear_regressor_output_shapes,
        convert_lightgbm,
        options={"split": None},
    )
