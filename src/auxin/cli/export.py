"""Write a trained network for elsewhere: as ONNX, or as a program that plain PyTorch runs."""

from pathlib import Path
from typing import Annotated

import typer

from auxin.cli._console import JsonFlag, Output
from auxin.errors import ConfigError, message


def export(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A folder that `auxin fit --out` wrote.")],
    onnx: Annotated[
        Path | None, typer.Option("--onnx", metavar="FILE", help="An ONNX file (needs the extra `onnx`).")
    ] = None,
    torch: Annotated[
        Path | None,
        typer.Option("--torch", metavar="FILE", help="A program of torch.export, such as model.pt2."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write a trained network for elsewhere, with its inputs' normalisation and its outputs' calibration.

    One input x, float32 [batch, ...]: a vector's values as they are encoded (NaN where missing), an image's pixels as
    they are stored (0 to 255), channels first. One output: probabilities, or values in the target's unit. Nothing of
    auxin is needed to run either file: onnxruntime, or torch.export.load(FILE).module()(x).

    [bold]Examples[/bold]

    auxin export models/digits --onnx digits.onnx

    auxin export models/digits --torch digits.pt2
    """
    if onnx is None and torch is None:
        raise ConfigError(message("Nothing is to be written", expected="--onnx FILE, --torch FILE, or both"))
    output = Output(as_json)
    output.say(f"[bold]auxin export[/bold]  {model}")
    from auxin.exported.export import to_onnx, to_torch
    from auxin.exported.model import load_model

    made = load_model(model)
    for write, file in ((to_onnx, onnx), (to_torch, torch)):
        if file is not None:
            write(made, file)
            output.say(str(file))
    shape = ["batch", *made.trunk.shape]
    name = "probabilities" if made.labels else "values"
    output.say(f"  x {shape}, float32 -> {name}" + (f": {', '.join(made.labels)}" if made.labels else ""))
    output.result(
        {"files": [str(f) for f in (onnx, torch) if f is not None], "input": shape, "labels": made.labels}
    )
