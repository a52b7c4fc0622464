"""A recipe's sheet: a TOML file with the data, methods and settings of a table or figure, and what the paper found.

All errors of a sheet are reported at once.
"""

import contextlib
import copy
import tomllib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from auxin import catalogue
from auxin import paper as papers
from auxin.errors import ConfigError
from auxin.methods import resolve
from auxin.requests.data import DataSpec, SplitSpec
from auxin.requests.hyperparameters import checked
from auxin.requests.option import Group
from auxin.requests.option import mistakes as option_mistakes
from auxin.runs.settings import PRESETS

Value = bool | int | float | str
Numbers = dict[str, dict[str, dict[str, float | list[float]]]]
"""What the paper found, by metric, data and method: a number, or a number and its error, in `unit`."""
_SMOKE_MODEL = {"vector": "mlp", "image": "conv4", "dense": "segnet"}
PAPERS = {"maxl": papers.MAXL, "auxilearn": papers.AUXILEARN, "update_rules": papers.UPDATE_RULES}


class SheetPart(BaseModel):
    """A part of a sheet: no unknown entries."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _fitting(model: type[Group], values: dict[str, Any]) -> dict[str, Any]:
    """The values; those that the options of a request do not take are refused, all at once.

    Raises:
        ValueError: The mistakes.
    """
    try:
        model.model_validate(values)
    except ValidationError as error:
        found = [
            f"{name} {value}: expected {wrong}" if value else wrong
            for name, wrong, value in option_mistakes(error, model)
        ]
        raise ValueError("; ".join(found)) from None
    return values


Split = Annotated[dict[str, float | int], AfterValidator(partial(_fitting, SplitSpec))]
"""Some options of `SplitSpec`."""


class DataPart(SheetPart):
    """One data set of the table.

    Attributes:
        name: A known data set.
        options: Options of the data set, such as `level`.
        split: How rows get their roles (`labels_per_class`, `fraction`, `validation`, `auxiliary`, `test`).
        settings: Settings of every run on it.
        rows: How many training rows the paper's table has; a smaller set at hand is named a stand-in.
    """

    name: str
    rows: int | None = None
    options: dict[str, Value] = {}
    split: Split = {}
    settings: dict[str, Value] = {}

    @model_validator(mode="after")
    def _options(self) -> Self:
        _fitting(DataSpec, {"name": self.name, **self.options})
        return self


class MethodPart(SheetPart):
    """One row of the table.

    Attributes:
        method: A name that `auxin compare --methods` understands; the row's own name where it is not given.
        settings: Settings of its runs.
        split: What it changes of the data's split.
    """

    method: str = ""
    settings: dict[str, Value] = {}
    split: Split = {}


class FigurePart(SheetPart):
    """How the figure is drawn.

    Attributes:
        kind: "bars" (ours beside the paper's) or "curves" (a measure over epochs).
        measure: Of "curves": what `epochs.jsonl` calls it, or the beginning of such names.
        x, y: The axes' words.
    """

    kind: Literal["bars", "curves"] = "bars"
    measure: str = "development"
    x: str = ""
    y: str = ""


class ClaimPart(SheetPart):
    """A sentence of the paper's that one row is better than another.

    Attributes:
        text: The sentence.
        better, worse: The rows.
        metric: What is compared; a measure of the labels (`label_entropy.mean`), the figure's measure at the end of
            training, or `seconds` too.
        lower: Whether less is better.
    """

    text: str
    better: str
    worse: str
    metric: str = "accuracy"
    lower: bool = False


class Sheet(SheetPart):
    """A recipe as data; the field names are the TOML file's."""

    title: str
    paper: Literal["maxl", "auxilearn", "update_rules"]
    place: str
    preset: str
    minutes: float = Field(gt=0)
    length: str
    data: dict[str, DataPart] = Field(min_length=1)
    methods: dict[str, MethodPart] = Field(min_length=1)
    reference: str = ""
    metrics: list[str] = Field(default=["accuracy"], min_length=1)
    unit: str = "%"
    factor: float = 100.0
    seeds: int = Field(default=3, ge=1)
    settings: dict[str, Value] = {}
    numbers: Numbers = {}
    stand_in: str = ""
    departures: list[str] = []
    gpu: bool = False
    figure: FigurePart = FigurePart()
    measures: list[str] = []
    claims: list[ClaimPart] = []


def read_sheet(file: Path) -> Sheet:
    """Read and check a sheet.

    Raises:
        ConfigError: everything that is wrong with it.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, RecursionError, ValueError) as error:  # of TOML and UTF-8
        raise _refused(file, [str(error)]) from error
    try:
        sheet, wrong = Sheet(**content), []
    except ValidationError as error:
        wrong, kept = _words(error), _without(content, error)
        # Where what is left is no sheet, its parts cannot be compared.
        with contextlib.suppress(ValidationError):
            wrong += mistakes(Sheet(**kept))
        raise _refused(file, wrong) from error
    if wrong := mistakes(sheet):
        raise _refused(file, wrong)
    return sheet


def _without(content: dict[str, Any], error: ValidationError) -> dict[str, Any]:
    """The sheet without the entries that are unknown or of the wrong type, so that the others can be checked too."""
    kept = copy.deepcopy(content)
    for place in (wrong["loc"] for wrong in error.errors() if wrong["type"] != "missing"):
        if len(place) == 2 and place[0] in ("data", "methods"):
            continue  # a whole part: without it, everything that names it would be wrong
        inner: Any = kept
        for step in place[:-1]:
            inner = inner.get(step, {}) if isinstance(inner, dict) else {}
        if isinstance(inner, dict):
            inner.pop(place[-1], None)
    return kept


def _words(error: ValidationError) -> list[str]:
    return [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]


def _refused(file: Path, wrong: list[str]) -> ConfigError:
    found = "; ".join(wrong)
    return ConfigError(f"The recipe {file.name} cannot be used", expected="a sheet", found=found)


def mistakes(sheet: Sheet) -> list[str]:
    """The mistakes of a sheet that its types do not catch, each as a sentence."""
    wrong = (
        [] if sheet.preset in PRESETS else [f"the preset {sheet.preset!r} is not one of {', '.join(PRESETS)}"]
    )
    if sheet.reference and sheet.reference not in sheet.methods:
        wrong.append(f"the reference {sheet.reference!r} is not among the methods")
    for label, row in sheet.methods.items():
        wrong += _tried(f"method {label}", lambda row=row, label=label: resolve(row.method or label))
    known = catalogue.names("data")
    wrong += [
        f"data {d}: there is no data set {p.name!r}" for d, p in sheet.data.items() if p.name not in known
    ]
    wrong += [
        f"data {d}: {p.name} has no option {name!r}"
        for d, p in sheet.data.items()
        if p.name in known
        for name in p.options
        if name not in catalogue.load("data", p.name).options
    ]
    metrics = {
        metric for task in catalogue.names("tasks") for metric in catalogue.load("tasks", task).metrics
    }
    wrong += [f"there is no metric {metric!r}" for metric in sheet.metrics if metric not in metrics]
    rows = [row for claim in sheet.claims for row in (claim.better, claim.worse)]
    wrong += [f"claims: no method {row!r} here" for row in rows if row not in sheet.methods]
    parts: list[tuple[str, Any]] = [("settings", sheet), *sheet.data.items(), *sheet.methods.items()]
    for label, part in parts:
        for name, value in part.settings.items():
            wrong += _tried(f"{label}, {name}", lambda name=name, value=value: checked(name, value))
    for metric, rows in sheet.numbers.items():
        wrong += [f"numbers of {metric}, which is no metric here"] if metric not in sheet.metrics else []
        for data, cells in rows.items():
            wrong += [f"numbers on {data}, which is no data here"] if data not in sheet.data else []
            odd = [m for m in cells if m not in sheet.methods]
            wrong += [f"numbers of {', '.join(odd)} on {data}: no such method here"] if odd else []
    return wrong


def _tried(where: str, attempt: Any) -> list[str]:
    try:
        attempt()
    except ConfigError as error:
        return [f"{where}: {error}"]
    return []


def tiny(user: Mapping[str, Value], modality: str) -> dict[str, Value]:
    """The settings of the tiny run: those of the method are kept, networks and training are made small."""
    kept = {
        n: v for n, v in user.items() if not n.startswith(("model", "epochs", "steps", "batch", "average"))
    }
    width = {"model.hidden": 8} if modality == "vector" else {"model.channel_width": 4}
    points = user.get("model") in ("dgcnn", "pointnet")
    small = {
        "model": user["model"] if points else _SMOKE_MODEL.get(modality, "mlp"),
        "epochs": 1,
        "batch": 16,
        "looks": 1,
        "every": 2,
        **width,
    }
    return {**kept, **small}
