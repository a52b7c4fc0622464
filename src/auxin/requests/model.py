"""The requests of the verbs that run no study: `auxin predict`, `export`, `report` and `new`."""

from pathlib import Path

from auxin.requests.option import Group, option
from auxin.requests.values import Words

MODULES = option(
    (),
    "Module of yours (NAME or NAME:CALLABLE) that builds the model's trunk. The module is imported, which runs its "
    "code. Without this option, loading a model imports no code from outside auxin. Repeatable.",
    "--allow-module",
    repeatable=True,
)


class PredictRequest(Group):
    """What a user requests of `auxin predict`."""

    model: Path = option(..., "Folder that `auxin fit` wrote.", argument=True)
    data: str = option(
        ...,
        "Data of the same form as the training data: a table, images (a folder, a file, a table of paths), an .npz "
        "file, a known data set (see --root), or hub:OWNER/NAME.",
        argument=True,
    )
    out: Path = option(
        Path("predictions.csv"),
        "File to write: .csv, .parquet, or .npz (required for dense tasks).",
        metavar="FILE",
    )
    keep: Words = option(
        (), "Columns of the table to copy into the output, comma-separated.", metavar="COLUMNS"
    )
    level: str | None = option(
        None,
        "CIFAR-100 only: P primary and A auxiliary classes, out of 3, 10, 20 and 100. Further numbers add auxiliary "
        "tasks.",
        metavar="P:A[:...]",
    )
    root: Path | None = option(None, "Folder with the files of a known data set.")
    encoding: str | None = option(None, "Encoding of text files (default: the training file's).")
    modules: tuple[str, ...] = MODULES


class ExportRequest(Group):
    """What a user requests of `auxin export`."""

    model: Path = option(..., "Folder that `auxin fit` wrote.", argument=True)
    onnx: Path | None = option(
        None, "ONNX file to write (needs the extra: pip install 'auxin[onnx]').", metavar="FILE"
    )
    torch: Path | None = option(None, "torch.export program to write, such as model.pt2.", metavar="FILE")
    modules: tuple[str, ...] = MODULES


class ReportRequest(Group):
    """What a user requests of `auxin report`."""

    runs: Path = option(..., "Folder that `auxin compare` or `auxin fit` wrote.", argument=True)
    out: Path | None = option(None, "HTML file to write. Default: report.html in RUNS.", metavar="FILE")
    figures: Words = option(
        "png,pdf", "Formats of the figure files: png, pdf, svg (comma-separated), or none.", metavar="FORMATS"
    )


class NewRequest(Group):
    """What a user requests of `auxin new`."""

    kind: str = option(..., "What to write: combiner, labeler, rival or pretext.", argument=True)
    name: str = option(..., "Name of the member and of its file.", argument=True)
    folder: Path = option(Path("auxin_members"), "Folder of your own members.")
