"""Images, and their features, as ONNX nodes."""

from typing import Any

import numpy as np

from auxin.fitting.convnet import Pixels
from auxin.fitting.image_features import (
    BEYOND,
    CELLS,
    CORNERS,
    DIRECTIONS,
    FLAT,
    LEAST,
    MOST,
    STRIDE,
    TINY,
    ImageFeatures,
)


def images_node(graph: Any, pixels: Pixels, x: str) -> str:
    """Vectors to images in one unit, [N, C, H, W].

    Args:
        graph: The graph (`onnx_committee.Graph`).
        pixels: How images are shrunk, and their unit.
        x: The vectors.
    """
    z = graph.add("Reshape", x, [-1, *pixels.image])
    if pixels.factor > 1:
        square = [pixels.factor] * 2
        z = graph.add("AveragePool", z, kernel_shape=square, strides=square)
    units = [graph.constant(v.view(1, -1, 1, 1).numpy()) for v in (pixels.mean, pixels.std)]
    return graph.add("Div", graph.add("Sub", z, units[0]), units[1])


def features_node(graph: Any, features: ImageFeatures, x: str) -> str:
    """Vectors of images to features, [N, D].

    Args:
        graph: The graph (`onnx_committee.Graph`).
        features: The features.
        x: The vectors.
    """
    z, sides = images_node(graph, features.pixels, x), features.pixels.sides
    found = _described(graph, features, z, sides)
    if features.mirrored:
        turned = graph.add("Gather", z, np.arange(sides[1])[::-1], axis=3)
        again = _described(graph, features, turned, sides)
        found = graph.mean([found, again], [0.5, 0.5])
    return graph.scaled(found, features.mean.numpy(), features.scale.numpy())


def _described(graph: Any, features: ImageFeatures, z: str, sides: tuple[int, int]) -> str:
    return graph.add("Concat", _responses(graph, features, z, sides), _edges(graph, z, sides), axis=1)


def _responses(graph: Any, features: ImageFeatures, z: str, sides: tuple[int, int]) -> str:
    side = features.filters.shape[-1]
    pool = {"kernel_shape": [side] * 2, "strides": [STRIDE] * 2}

    def mean(value: str) -> str:
        over = graph.add("ReduceMean", value, [1], keepdims=1)
        return graph.add("AveragePool", over, **pool)

    first, second = mean(z), mean(graph.add("Mul", z, z))
    variance = graph.add("Relu", graph.add("Sub", second, graph.add("Mul", first, first)))
    spread = graph.add("Sqrt", graph.add("Add", variance, FLAT))
    found = graph.add("Conv", z, features.filters.numpy(), strides=[STRIDE] * 2)
    offset = graph.constant(features.offset.view(1, -1, 1, 1).numpy())
    found = graph.add("Add", graph.add("Div", found, spread), offset)
    parts = [found, graph.add("Neg", found)]
    signs = [graph.add("Relu", graph.add("Sub", part, BEYOND)) for part in parts]
    places = tuple((length - side) // STRIDE + 1 for length in sides)
    return graph.add("Flatten", _pooled(graph, graph.add("Concat", *signs, axis=1), places, 2), axis=1)


def _edges(graph: Any, z: str, sides: tuple[int, int]) -> str:
    def moved(axis: int, step: int) -> str:
        """The image moved by a pixel, its edge repeated."""
        place = np.clip(np.arange(sides[axis - 2]) + step, 0, sides[axis - 2] - 1)
        return graph.add("Gather", z, place, axis=axis)

    dx, dy = (graph.add("Sub", moved(axis, 1), moved(axis, -1)) for axis in (3, 2))
    length = graph.add("Sqrt", graph.add("Add", graph.add("Mul", dx, dx), graph.add("Mul", dy, dy)))
    strongest = graph.add("ArgMax", length, axis=1, keepdims=1)
    length, dx, dy = (graph.add("GatherElements", part, strongest, axis=1) for part in (length, dx, dy))
    level = graph.add("Equal", dx, 0.0)
    angle = graph.add("Atan", graph.add("Div", dy, graph.add("Where", level, TINY, dx)))
    below = graph.add("Less", angle, 0.0)
    angle = graph.add("Where", below, graph.add("Add", angle, np.pi), angle)
    place = graph.add("Mul", angle, DIRECTIONS / np.pi)
    bins = np.arange(float(DIRECTIONS)).reshape(1, -1, 1, 1)
    far = graph.add("Abs", graph.add("Sub", place, bins))
    far = graph.add("Min", far, graph.add("Sub", float(DIRECTIONS), far))
    near = graph.add("Relu", graph.add("Sub", 1.0, far))
    cells = _pooled(graph, graph.add("Mul", near, length), sides, CELLS)
    return graph.add("Concat", *(_block(graph, cells, *corner) for corner in CORNERS), axis=1)


def _block(graph: Any, cells: str, row: int, column: int) -> str:
    """A normalised block of 2 x 2 cells, [N, 4 x directions]."""
    start, end = [row, column], [row + 2, column + 2]
    part = graph.add("Slice", cells, start, end, [2, 3])
    one = graph.add("Min", _unit_length(graph, graph.add("Flatten", part, axis=1)), MOST)
    return _unit_length(graph, one)


def _unit_length(graph: Any, block: str) -> str:
    norm = graph.add("ReduceL2", block, [1], keepdims=1)
    return graph.add("Div", block, graph.add("Add", norm, LEAST))


def _pooled(graph: Any, value: str, sides: tuple[int, ...], count: int) -> str:
    """Means over `count` parts of each side, as `torch.nn.functional.adaptive_avg_pool2d`, [N, C, count, count]."""
    down, across = (_parts(length, count) for length in sides)
    return graph.add("MatMul", graph.add("MatMul", down, value), across.T)


def _parts(length: int, count: int) -> np.ndarray:
    """The matrix that takes means over the parts of a side: part k from floor(k L / n) to ceil((k + 1) L / n)."""
    found = np.zeros((count, length))
    for part in range(count):
        low, high = part * length // count, -(-(part + 1) * length // count)
        found[part, low:high] = 1 / (high - low)
    return found
