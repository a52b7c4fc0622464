"""Whether an exported file computes what the network does, which exporters do not always see to."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from auxin.errors import UnsupportedError
from auxin.exported.predictor import Predictor

TOLERANCE = 1e-3
"""The largest difference, relative to the largest output, that float32 may make in another order of operations."""


def refuse_other_numbers(
    network: Predictor, shape: tuple[int, ...], verbatim: int, run: Callable[[Tensor], Tensor]
) -> None:
    """Compare the file with the network on six made-up rows, the last of them far from the training rows.

    `torch.onnx` (PyTorch 2.13) silently writes other values for some operations (`findings/`).

    Args:
        network: What was exported.
        shape: Shape of one input.
        verbatim: Number of columns at the end that hold tokens; they are 0.
        run: Function from inputs to what the file puts out.

    Raises:
        UnsupportedError: The outputs differ by more than rounding.
    """
    x = _rows(network, shape, verbatim)
    with torch.no_grad():
        expected = network(x).double()
    found = run(x).double()
    scale = float(expected.abs().max()) or 1.0
    off = float((found - expected).abs().max()) / scale if found.shape == expected.shape else float("inf")
    if not off <= TOLERANCE:  # also where it is not a number
        raise UnsupportedError(
            "The exported file computes other numbers than the network",
            expected=f"outputs that differ by at most {TOLERANCE:g} of the largest",
            found=f"{off:.1e} on random inputs: an operation of the network is not exported as it is",
            do="Use another model (auxin fit --model NAME), or keep the folder and `auxin predict`.",
        )


def onnx_outputs(file: Path) -> Callable[[Tensor], Tensor]:
    """The function that an ONNX file computes: by onnxruntime where it is installed, else by onnx's own evaluator."""
    if find_spec("onnxruntime") is not None:
        import onnxruntime

        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    else:
        from onnx.reference import ReferenceEvaluator

        session = ReferenceEvaluator(str(file))
    return lambda x: torch.from_numpy(np.asarray(next(iter(session.run(None, {"x": x.numpy()})))))


def _rows(network: Predictor, shape: tuple[int, ...], verbatim: int) -> Tensor:
    """Random rows in the inputs' unit, one value missing where they are vectors."""
    view = (1, -1, *[1] * (len(shape) - 1))
    spread = torch.where(network.std.isinf(), 1.0, network.std)
    drawn = 2 * torch.randn(6, *shape, generator=torch.Generator().manual_seed(0))
    drawn[-1] *= 10
    x = network.mean.view(view) + spread.view(view) * drawn
    if len(shape) == 1:
        x[1, 0] = torch.nan
    if verbatim:
        x[:, -verbatim:] = 0
    return x
