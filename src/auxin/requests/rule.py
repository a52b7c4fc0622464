"""The requests of `auxin rule`: train, apply, evaluate."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator

from auxin.catalogue import check_data
from auxin.errors import ConfigError
from auxin.requests.option import Group, group, option
from auxin.requests.shared import Engine
from auxin.requests.values import Folder, not_a_file, words

Activation = Literal["relu", "leaky_relu", "silu", "tanh", "step", "linear", "mixed"]
MIX = {"strokes": 0.35, "textures": 0.3, "mixtures": 0.15, "cifar10": 0.2}
"""The default weight of each task family."""


def numbers(value: Any) -> Any:
    """Return the whole numbers of a comma-separated list; `none` and an empty text are an empty list.

    >>> numbers("64,32"), numbers("none")
    ((64, 32), ())
    """
    if not isinstance(value, str):
        return value
    try:
        return () if value == "none" else tuple(int(part) for part in value.split(",") if part.strip())
    except ValueError:
        raise ConfigError(
            "The list is not of whole numbers", expected="a list such as 64,32", found=repr(value)
        ) from None


def span(value: Any) -> Any:
    """Return a range as the user types it.

    >>> span("4:9"), span("5")
    ((4, 9), (5, 5))
    """
    if not isinstance(value, str):
        return value
    low, _, high = value.partition(":")
    try:
        return int(low), int(high or low)
    except ValueError:
        raise ConfigError("The range is invalid", expected="two numbers such as 4:9", found=value) from None


def options(value: Any) -> Any:
    """Return NAME=VALUE pairs, each value read as JSON where it is JSON.

    >>> options(["top=relu", "rank=2"])
    {'top': 'relu', 'rank': 2}
    """
    if isinstance(value, Mapping) or not isinstance(value, Iterable):
        return value
    found: dict[str, Any] = {}
    for text in value:
        name, sign, typed = text.partition("=")
        if not sign:
            raise ConfigError("An option is not of the form NAME=VALUE", found=text)
        try:
            found[name] = json.loads(typed)
        except ValueError:
            found[name] = typed
    return found


def weights(value: Any) -> Any:
    """Return the weights of the task families: the default ones, with those that are typed in their place."""
    if isinstance(value, Mapping) or not isinstance(value, Iterable):
        return value
    typed = options(value)
    for name, weight in typed.items():
        if isinstance(weight, bool) or not isinstance(weight, int | float):
            raise ConfigError(
                "The weight is invalid",
                expected="FAMILY=WEIGHT, such as strokes=0.5",
                found=f"{name}={weight}",
            )
    return MIX | {name: float(weight) for name, weight in typed.items()}


Numbers = Annotated[tuple[int, ...], BeforeValidator(numbers)]
Span = Annotated[tuple[int, int], BeforeValidator(span)]
Activations = Annotated[tuple[Activation, ...], BeforeValidator(words)]
Options = Annotated[dict[str, Any], BeforeValidator(options)]
FolderName = Annotated[str | None, AfterValidator(not_a_file)]
Weights = Annotated[dict[str, float], BeforeValidator(weights)]


class TrainSettings(Group):
    """A meta-training run."""

    panel: ClassVar[str] = "Meta-training"

    preset: str = option(
        "small", "Size of the rule: `small` (minutes on two cores) or `paper` (needs a GPU)."
    )
    updates: int = option(1200, "Number of meta-updates.", ge=1)
    seed: int = option(0, "Seed of every random choice.")
    root: FolderName = option(None, "Folder that holds one folder per data set.", metavar="DIR")
    procedural: bool = option(False, "Train on procedural tasks only, which need no data.")
    data: tuple[str, ...] = option(
        (), "Your own .npz file with arrays x and y. Repeatable.", metavar="FILE", repeatable=True
    )
    watch: str | None = option(
        None,
        "Folder to watch: .npz files that are added during training are used from then on.",
        metavar="DIR",
    )
    estimator: str = option("truncated", "Estimator of the meta-gradient: `truncated` or `persistent_es`.")
    objective: str = option("ridge", "Meta-objective: `ridge` (the paper), `regression` or `clustering`.")
    tasks: int = option(6, "Number of networks per group.", ge=1)
    pools: int = option(4, "Number of groups trained concurrently, over all processes.", ge=1)
    groups: int = option(1, "Number of groups averaged per meta-update, over all processes.", ge=1)
    truncation: Span = option(
        "4:9", "Number of inner steps per truncation, drawn from this range.", metavar="MIN:MAX"
    )
    length: Span = option(
        "10:100", "Number of inner steps per group, drawn from this range.", metavar="MIN:MAX"
    )
    kinds: Numbers = option(
        "10,60",
        "Numbers of classes among the unlabelled rows, comma-separated; each group draws one. With 10,60, half of the "
        "groups have 50 classes that never have labels (a data set with fewer classes repeats them). 0: the number of "
        "labelled classes.",
        metavar="NUMBERS",
    )
    mix: Weights = option(
        MIX,
        "Sampling weight of a task family, such as strokes=0.5. Repeatable.",
        metavar="FAMILY=WEIGHT",
        repeatable=True,
    )
    hidden: tuple[Numbers, ...] = option(
        ((), (64,), (64,), (128,)),
        "Widths of the networks' hidden layers, comma-separated, or `none`. Repeatable: each group draws one. Default: "
        "none, 64, 64, 128.",
        metavar="WIDTHS",
        repeatable=True,
    )
    activations: Activations = option(
        "relu",
        "Activations of the hidden units, comma-separated. Each group draws one.",
        "--activation",
        "NAMES",
    )
    embedding: int = option(16, "Width of the networks' embedding (the top layer).", ge=1)
    rate: float = option(5e-3, "Learning rate of Adam for the rule's parameters theta.", gt=0)
    sparsity: float = option(
        0.0,
        "Coefficient of the L1 penalty on the merge coefficients. It makes the rule easier to interpret.",
        ge=0,
    )
    every_state: bool = option(
        False, "Evaluate the meta-objective at every unrolled state, as the paper does. Slower."
    )
    recompute: bool = option(
        False, "Recompute steps in the backward pass: memory for one step, not for a truncation. Slower."
    )
    device: str = option("cpu", "Device: cpu or cuda.")
    options: Options = option(
        {}, "Option of the rule, such as top=relu. Repeatable.", "--set", "NAME=VALUE", repeatable=True
    )
    side: int = option(8, "Side length of the tasks' images, in pixels.", hidden=True)
    classes: tuple[int, ...] = option((10,), "Numbers of labelled classes.", hidden=True)
    batch: int = option(32, "Number of rows per inner step.", hidden=True)
    shots: int = option(5, "Number of labels per class of the meta-objective.", hidden=True)
    extra: bool = option(False, "Whether the augmentation's parameters are predicted too.", hidden=True)

    @property
    def families(self) -> dict[str, float]:
        """The weights of the task families that are sampled."""
        return {name: w for name, w in self.mix.items() if not (self.procedural and name == "cifar10")}

    def plain(self) -> dict[str, Any]:
        """Return the settings as a manifest holds them."""
        return {**self.model_dump(mode="json", exclude={"procedural"}), "mix": self.families}


class RuleTrainRequest(Group):
    """What a user requests of `auxin rule train`."""

    out: Path = option(Path("runs/rule"), "Folder for the rule. A repeated run with the same folder resumes.")
    settings: TrainSettings = group(TrainSettings())


class RuleDataRequest(Group):
    """A rule, and the data that it is used on."""

    panel: ClassVar[str] = "Data"

    rule: str = option(..., "Rule file, the folder of a trained rule, or `small`.", argument=True)
    data: str = option(..., "Known data set (`auxin ls data`), or a file such as my.npz.", argument=True)
    root: Folder = option(None, "Folder that holds one folder per data set.")
    target: str | None = option(
        None, "Column of the labels, in files that have several columns.", metavar="COLUMN"
    )
    out: Path = option(Path("runs/rule-apply"), "Folder for the result files.")

    def check(self) -> None:
        """Refuse a file of data that is missing."""
        for name in words(self.data):
            if Path(name).suffix:
                check_data(name)


class ApplySettings(Group):
    """The network that a rule trains."""

    panel: ClassVar[str] = "Network"

    hidden: Numbers = option(
        "64", "Widths of the hidden layers, comma-separated. `none`: no hidden layer.", metavar="WIDTHS"
    )
    width: int = option(16, "Width of the embedding (the top layer).", ge=1)
    activation: Activation = option("relu", "Activation: relu, leaky_relu, silu, tanh, step or linear.")
    steps: int = option(100, "Number of unsupervised steps.", ge=0)
    batch: int = option(32, "Number of rows per step.", ge=1)
    seed: int = option(0, "Seed of every random choice.")


class RuleApplyRequest(Group):
    """What a user requests of `auxin rule apply`."""

    of: RuleDataRequest = group(
        help={"target": "Column of the labels, which are copied beside the features."}
    )
    side: int = option(
        0, "Side length in pixels that images are resized to, in grey. 0: images stay as they are.", ge=0
    )
    settings: ApplySettings = group(ApplySettings())


class EvalSettings(Group):
    """How a rule is evaluated."""

    panel: ClassVar[str] = "Evaluation"

    nets: int = option(20, "Number of networks. Each has its own permutation of the inputs.", ge=1)
    shots: int = option(5, "Number of labels per class for the ridge regression.", ge=1)
    draws: int = option(6, "Number of draws of labels.", hidden=True)
    hidden: Numbers = option(
        "64", "Widths of the hidden layers, comma-separated. `none`: no hidden layer.", metavar="WIDTHS"
    )
    width: int = option(16, "Width of the embedding (the top layer), and of every rival.", ge=1)
    steps: Numbers = option(
        "0,10,40,100,200,400",
        "Inner steps after which features are evaluated, comma-separated.",
        metavar="NUMBERS",
    )
    batch: int = option(32, "Number of rows per step.", ge=1)
    seed: int = option(0, "Seed of every random choice.")
    quick: bool = option(False, "Skip the autoencoder, the VAE and the supervised network.")


class RuleEvaluateRequest(Group):
    """What a user requests of `auxin rule evaluate`."""

    of: RuleDataRequest = group(
        RuleDataRequest(rule="small", data="digits", out=Path("runs/rule-evaluate")),
        help={
            "rule": "Rule file, `small`, or a folder of training runs (one per seed).",
            "data": "Known data sets, comma-separated, or your own file.",
            "out": "Folder for the result files. A repeated run with the same folder resumes.",
        },
    )
    settings: EvalSettings = group(EvalSettings())
    grid: bool = option(False, "Also evaluate networks of other widths, depths and activations.")
    engine: Engine = group(Engine())
