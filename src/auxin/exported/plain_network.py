"""The small networks and Gaussian processes of a saved blend in NumPy, for vectors."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from auxin.fitting.gaussian import Term, predict, probabilities
from auxin.math.kernels import Kernel

Weights = Mapping[str, np.ndarray]
SOFT = 3.0
"""Inputs z become z / sqrt(1 + (z / SOFT)^2), as in training."""


def forward(weights: Weights, x: np.ndarray, length: bool) -> np.ndarray:
    """The outputs of S networks, float64 [S, N, width].

    Args:
        weights: Of the networks, each [S, ...], and of their inputs, by the names of the saved model.
        x: float32 [N, D], NaN where missing.
        length: Whether a row gets length 1 first.
    """
    z, w = (
        prepared(weights, x, length).astype(np.float64),
        {k: v.astype(np.float64) for k, v in weights.items()},
    )
    hidden = np.maximum(z @ w["first"] + w["first_bias"], 0)
    hidden = np.maximum(hidden @ w["second"] + w["second_bias"], 0)
    return hidden @ w["head"] + w["bias"] + z @ w["skip"]


def prepared(weights: Weights, x: np.ndarray, length: bool) -> np.ndarray:
    """Vectors [N, D] as networks and kernels take them, [N, P]."""
    mean, std = weights["input mean"], weights["input std"]
    if length:
        x = x / np.maximum(np.linalg.norm(np.nan_to_num(x), axis=1, keepdims=True), 1e-8)
    z = (np.where(np.isnan(x), mean, x) - mean) / std
    if "input basis" in weights:
        z = (z.astype(np.float64) @ weights["input basis"]).astype(np.float32) / weights["input scale"]
    return z / np.sqrt(1 + (z / SOFT) ** 2)


def process(weights: Weights, x: np.ndarray, state: Mapping[str, Any], classes: int) -> np.ndarray:
    """A Gaussian process's probabilities [N, C], or values [N]; `state` is what was saved of it."""
    z = prepared(weights, x, state["length"]).astype(np.float64)
    terms = [
        Term(Kernel(*kernel), weights[f"support {place}"], weights[f"weights {number}"])
        for number, (kernel, place) in enumerate(state["terms"])
    ]
    found = predict(terms, z)
    return probabilities(found, weights["shares"], state["sharp"]) if classes else found[:, 0]


def softmax(outputs: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis."""
    powers = np.exp(outputs - outputs.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)
