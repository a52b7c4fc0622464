"""Export a trained network: as an ONNX file, or as a program that plain PyTorch runs."""

from auxin.cli._console import Output
from auxin.errors import ConfigError
from auxin.requests.model import ExportRequest


def export(request: ExportRequest, output: Output) -> None:
    """Export a trained network together with the normalisation of its inputs and the calibration of its outputs.

    The file has one input x, float32, batch first: the encoded values of a vector (NaN where missing), or the pixels
    of an image (0 to 255, channels first). It has one output: class probabilities, or values in the target's unit. The
    files run without auxin, in onnxruntime or by torch.export.load(FILE).module()(x).

    [bold]Examples[/bold]

        auxin export models/digits --onnx digits.onnx
        auxin export models/digits --torch digits.pt2
    """
    model, onnx, torch = request.model, request.onnx, request.torch
    if onnx is None and torch is None:
        raise ConfigError("There is no file to write", expected="--onnx FILE, --torch FILE, or both")
    from auxin.folders import check_ending, check_output

    for file, ending in ((onnx, ".onnx"), (torch, ".pt2")):
        if file is not None:
            check_output(file, model)
            check_ending(file, ending)
    from auxin.exported.folder import require

    require(model)
    output.heading("auxin export", f"  {model}")
    from auxin.exported.export import to_onnx, to_torch
    from auxin.exported.model import load_model

    made = load_model(model, request.modules, lambda note: output.print(f"  {note}"))
    for write, file in ((to_onnx, onnx), (to_torch, torch)):
        if file is not None:
            write(made, file)
            output.print(str(file))
    shape = ["batch", *made.trunk.shape]
    name = "probabilities" if made.labels else "values"
    output.print(f"  x {shape}, float32 -> {name}" + (f": {', '.join(made.labels)}" if made.labels else ""))
    if (bounds := getattr(made.predictor, "bounds", None)) is not None:
        output.print(
            f"  Values are limited to {bounds[0]:.6g} ... {bounds[1]:.6g}; the file does not report where."
        )
    if made.encoder is not None and len(made.trunk.shape) == 1:
        output.print(f"  x of new rows, in Python: auxin.load_model({str(model)!r}).inputs(FILE)")
    output.result(
        {"files": [str(f) for f in (onnx, torch) if f is not None], "input": shape, "labels": made.labels}
    )
