"""A model for elsewhere: an ONNX file, or a program that plain PyTorch runs without auxin."""

import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import torch

from auxin.errors import UnsupportedError
from auxin.exported.committee import Committee
from auxin.exported.compared import onnx_outputs, refuse_other_numbers
from auxin.exported.model import Model
from auxin.exported.predictor import Predictor
from auxin.fitting.candidates import Member
from auxin.folders import check_ending
from auxin.store import write_bytes

NEEDED = ("onnx", "onnxscript")
"""What writing a network as ONNX needs, in the extra `onnx`."""
NEEDED_BY_ESTIMATORS = ("onnx", "skl2onnx", "onnxmltools")
"""What writing estimators needs."""


def to_onnx(model: Model, file: Path | str) -> None:
    """Write the network, its inputs' normalisation and its outputs' calibration as ONNX.

    One input `x`, float32 [batch, ...] in the units of the training data (NaN where a value of a vector is missing;
    pixels as stored), one output: `probabilities`, or `values` in the target's unit. The batch is of any size. What the
    file of a network computes is compared with the network on a few made-up rows.

    Raises:
        ConfigError: The file's name does not end in .onnx.
        UnsupportedError: The packages `onnx` and `onnxscript` are not there, the network has an operation that
            ONNX lacks, or the file computes other numbers than the network.
        RunError: The file cannot be written.
    """
    check_ending(Path(file), ".onnx")
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
        return _committee_to_onnx(model.predictor.member, model.trunk.shape, Path(file))
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

    _write(Path(file), ".onnx", write, lambda path: _compare(model, network, onnx_outputs(path)))


def to_torch(model: Model, file: Path | str) -> None:
    """Write the same as a program of PyTorch's own (`torch.export`), which runs where auxin is not installed.

    `torch.export.load(file).module()(x)` gives probabilities or values; x as in `to_onnx`.

    Raises:
        ConfigError: The file's name does not end in .pt2.
        UnsupportedError: PyTorch cannot export the network, or the program computes other numbers than it.
        RunError: The file cannot be written.
    """
    check_ending(Path(file), ".pt2")
    if isinstance(model.predictor, Committee):
        raise UnsupportedError(
            "This model is not a single network: Plain PyTorch runs networks only",
            found=model.training.method,
            do="Fit one network: auxin fit DATA --method single",
        )
    network = model.predictor

    def write(path: Path) -> None:
        program = torch.export.export(
            network, (_example(model),), dynamic_shapes={"x": {0: torch.export.Dim("batch")}}
        )
        torch.export.save(program, path)

    _write(Path(file), ".pt2", write, lambda path: _compare(model, network, torch.export.load(path).module()))


def _committee_to_onnx(member: Member, shape: Sequence[int], file: Path) -> None:
    """Estimators and blends: skl2onnx's graphs, and ours around them."""
    from auxin.exported.onnx_committee import committee_onnx

    with _quiet():
        made = committee_onnx(member, shape)
    write_bytes(file, made.SerializeToString())


def _example(model: Model) -> torch.Tensor:
    return torch.zeros(2, *model.trunk.shape)


def _compare(model: Model, network: Predictor, run: Callable[[torch.Tensor], torch.Tensor]) -> None:
    verbatim = 0 if model.encoder is None else model.encoder.verbatim
    refuse_other_numbers(network, tuple(model.trunk.shape), verbatim, run)


def _write(file: Path, ending: str, write: Callable[[Path], None], look: Callable[[Path], None]) -> None:
    """Let `write` write to a folder of its own and `look` examine it; then put it in its place, whole or not at all."""
    with tempfile.TemporaryDirectory() as folder, _quiet():
        made = Path(folder) / f"made{ending}"
        try:
            write(made)
        except Exception as error:  # whatever the exporter has to say of an operation
            said = str(error).strip().split("\n", 1)[0]
            raise UnsupportedError(
                "The network cannot be exported", found=f"{type(error).__name__}: {said}"
            ) from error
        look(made)
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
