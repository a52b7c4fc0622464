"""A model for elsewhere: an ONNX file, or a program that plain PyTorch runs without auxin."""

import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import torch

from auxin.errors import UnsupportedError
from auxin.exported.committee import Committee
from auxin.exported.model import Model
from auxin.store import write_bytes

NEEDED = ("onnx", "onnxscript")
"""What writing a network as ONNX needs, in the extra `onnx`."""
NEEDED_BY_ESTIMATORS = ("onnx", "skl2onnx", "onnxmltools")
"""What writing estimators needs."""


def to_onnx(model: Model, file: Path | str) -> None:
    """Write the network, its inputs' normalisation and its outputs' calibration as ONNX.

    One input `x`, float32 [batch, ...] in the units of the training data (NaN where a value of a vector is missing;
    pixels as stored), one output: `probabilities`, or `values` in the target's unit. The batch is of any size.

    Raises:
        UnsupportedError: The packages `onnx` and `onnxscript` are not there, or the network has an operation that
            ONNX lacks.
        RunError: The file cannot be written.
    """
    needed = NEEDED_BY_ESTIMATORS if isinstance(model.predictor, Committee) else NEEDED
    absent = [name for name in needed if find_spec(name) is None]
    if absent:
        raise UnsupportedError(
            "Writing ONNX needs further packages",
            expected=" and ".join(needed),
            found=f"no {' and no '.join(absent)}",
            do='Install them: pip install "auxin[onnx]"; or export with --torch',
        )
    name = "probabilities" if hasattr(model.task, "probabilities") else "values"
    if isinstance(model.predictor, Committee):
        return _committee_to_onnx(model, Path(file))
    network = model.predictor

    def write(path: Path) -> None:
        found = torch.onnx.export(
            network,
            (_example(model),),
            dynamo=True,
            dynamic_shapes={"x": {0: torch.export.Dim("batch")}},
            input_names=["x"],
            output_names=[name],
            verbose=False,
        )
        assert found is not None
        found.save(str(path))

    _write(Path(file), ".onnx", write)


def to_torch(model: Model, file: Path | str) -> None:
    """Write the same as a program of PyTorch's own (`torch.export`), which runs where auxin is not installed.

    `torch.export.load(file).module()(x)` gives probabilities or values; x as in `to_onnx`.

    Raises:
        UnsupportedError: PyTorch cannot export the network.
        RunError: The file cannot be written.
    """

    network = _network(model, "Plain PyTorch runs networks only")

    def write(path: Path) -> None:
        program = torch.export.export(
            network, (_example(model),), dynamic_shapes={"x": {0: torch.export.Dim("batch")}}
        )
        torch.export.save(program, path)

    _write(Path(file), ".pt2", write)


def _committee_to_onnx(model: Model, file: Path) -> None:
    """Estimators and blends: skl2onnx's graphs, and ours around them."""
    from auxin.exported.onnx_committee import committee_onnx

    assert isinstance(model.predictor, Committee)
    with _quiet():
        made = committee_onnx(model.predictor.member, model.trunk.shape)
    write_bytes(file, made.SerializeToString())


def _network(model: Model, why: str) -> torch.nn.Module:
    """The model's network.

    Raises:
        UnsupportedError: `fit` kept an estimator or a blend.
    """
    if isinstance(model.predictor, Committee):
        raise UnsupportedError(
            f"This model is not a single network: {why}",
            found=model.training.method,
            do="Fit one network: auxin fit DATA --method single",
        )
    return model.predictor


def _example(model: Model) -> torch.Tensor:
    return torch.zeros(2, *model.trunk.shape)


def _write(file: Path, ending: str, write: Callable[[Path], None]) -> None:
    """Let `write` write to a folder of its own, then put the file in its place, whole or not at all."""
    with tempfile.TemporaryDirectory() as folder, _quiet():
        made = Path(folder) / f"made{ending}"
        try:
            write(made)
        except Exception as error:  # whatever the exporter has to say of an operation
            said = str(error).strip().split("\n", 1)[0]
            raise UnsupportedError(
                "The network cannot be exported", found=f"{type(error).__name__}: {said}"
            ) from error
        content = made.read_bytes()
    write_bytes(file, content)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporters log and warn about themselves."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
