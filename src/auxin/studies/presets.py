"""Which paper's protocol a comparison follows: its rows, its number of runs, and what its controls train by."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from auxin.errors import ConfigError
from auxin.methods import resolve
from auxin.methods.base import Method, Setting
from auxin.requests.compare import CompareRequest
from auxin.requests.data import DataSpec, SplitSpec
from auxin.runs.environment import pick_device
from auxin.runs.executors import workers
from auxin.runs.protocols import PROTOCOLS, Protocol, has_protocol, protocol_name
from auxin.runs.settings import protocol_for

DIGITS_LABELS = 10
"""Labels per class of the digits data set, where the user gives no number."""


def decide(request: CompareRequest) -> tuple[CompareRequest, list[str]]:
    """Fill in what the user left open: the folder, the paper's protocol, the number of labels, the device.

    Returns:
        The request without anything left open, and what was decided, in sentences.
    """
    preset, paper = settled(request.preset, request.methods)
    changes: dict[str, Any] = {"out": request.folder, "preset": preset}
    split, sentences = request.split, list[str]()
    if not paper:
        split, sentences = labels_of_digits(request.data, split, "validation")
    if paper:
        split = _rows(split, _protocols(request.preset, paper, request.methods), request.data.name)
        sentences.append(
            f"Held out of the training rows: {_size(split.validation)} for validation (--validation) and "
            f"{_size(split.auxiliary)} for the meta step (--auxiliary)."
        )
        changes |= {"tries": 1, "refit": request.refit and not split.validation}
        changes |= {"seeds": request.seeds or paper.seeds}
    device = pick_device(request.compute.device)
    sentences.append(f"Runs use {workers(request.compute)} on {device}, one thread each.")
    sentences += protocol_notes(preset, paper, request.methods)
    return request.model_copy(update={**changes, "split": split}), sentences


def labels_of_digits(data: DataSpec, split: SplitSpec, included: str) -> tuple[SplitSpec, list[str]]:
    """The split, with the digits data set's default labels per class where the user gives none, and a sentence on it.

    Args:
        data: The data that the user chose.
        split: Roles of the rows that the user chose.
        included: The rows that are among the labelled ones, in a word.
    """
    if data.name != "digits" or split.labels_per_class is not None or split.fraction is not None:
        return split, []
    sentence = (
        f"The digits data set uses {DIGITS_LABELS} labels per class by default, {included} rows included "
        f"(--labels-per-class {DIGITS_LABELS})."
    )
    return split.model_copy(update={"labels_per_class": DIGITS_LABELS}), [sentence]


def _protocols(preset: str, paper: Protocol, methods: Sequence[str]) -> list[Protocol]:
    """The protocol of the rows, and those by which methods train (under `paper`) or learn."""
    named = [method for method in _known(methods) if method.paper]
    if preset == "paper":
        return [paper, *(PROTOCOLS[protocol_name(one)] for one in named)]
    learned = [PROTOCOLS[protocol_name(one)] for one in named if one.estimator is not None]
    return [paper, *(replace(one, validation=0.0, rows={}) for one in learned)]


def _rows(split: SplitSpec, protocols: Sequence[Protocol], data: str) -> SplitSpec:
    """The split with the papers' shares in the place of defaults: rows are shared, so the largest ones."""
    shares = [one.rows.get(data, (one.validation, one.auxiliary)) for one in protocols]
    validation, auxiliary = (max(column) for column in zip(*shares, strict=True))
    chosen = split.validation if split.validation != SplitSpec().validation else validation
    return split.model_copy(update={"validation": chosen, "auxiliary": split.auxiliary or auxiliary})


def _size(size: float) -> str:
    """A size of `--validation` in words: a number of rows, or a share.

    >>> _size(0.025), _size(20.0), _size(0.0)
    ('2.5 %', '20 rows', 'none')
    """
    return f"{size:.0f} rows" if size >= 1 else f"{100 * size:g} %" if size else "none"


def settings_notes(
    preset: str, methods: Mapping[str, Method], settings: Mapping[str, Mapping[str, Setting]]
) -> list[str]:
    """What each method trains by under a paper's protocol, in a line per distinct training and per learned method.

    Args:
        preset: The preset that `settled` returned.
        methods: The methods by name.
        settings: Their settings, resolved.

    >>> from auxin.runs.settings import layered
    >>> methods = {name: resolve(name) for name in ("single", "auto_lambda")}
    >>> found = {n: layered("x", "image", m, "auto_lambda", {}, {}) for n, m in methods.items()}
    >>> for note in settings_notes("auto_lambda", methods, found):
    ...     print(note)
    single, auto_lambda train by: model=vgg16, epochs=200, batch=32, optimizer=sgd, lr=0.1, momentum=0.9, \
weight_decay=0.0005, schedule=cosine, loss=cross_entropy.
    auto_lambda learns by: hypergradient=lookahead, rhythm=fused, every=1, meta=next, scale=raw, \
meta_optimizer=adam, meta_lr=0.0003, meta_weight_decay=0.0, meta_clip=None; combiner.initial=0.1.
    """
    if protocol_for(preset, Method()) is None:
        return []
    found = []
    trained = {name: _training(one) for name, one in settings.items() if methods[name].rival is None}
    for line in dict.fromkeys(trained.values()):
        names = [name for name, other in trained.items() if other == line]
        found.append(f"{', '.join(names)} train{'s' * (len(names) == 1)} by: {line}.")
    for name, method in methods.items():
        parts = _listed({key: value for key, value in settings[name].items() if key.startswith(_PARTS)})
        if method.estimator is not None:
            own = {key: settings[name][key] for key in _LEARNING}
            own |= {"hypergradient": own["hypergradient"] or method.estimator}
            own |= {key: value for key, value in settings[name].items() if key.startswith("estimator.")}
            found.append(f"{name} learns by: {_listed(own)}{'; ' * bool(parts)}{parts}.")
        elif parts and method.rival is None:
            found.append(f"{name}: {parts}.")
    return found


_PARTS = ("combiner.", "labeler.", "strategy.")
_TRAINING = (
    *("model", "epochs", "batch", "optimizer", "lr", "momentum", "weight_decay", "schedule", "halve_every"),
    *("clip", "loss", "patience", "average"),
)
_LEARNING = (
    *("hypergradient", "rhythm", "every", "meta", "scale", "meta_optimizer", "meta_lr", "meta_momentum"),
    *("meta_weight_decay", "meta_clip"),
)


def _training(settings: Mapping[str, Setting]) -> str:
    """The settings of the network's training; what its optimiser and schedule do not use is left out."""
    unused = {
        *(() if settings["optimizer"] == "sgd" else ("momentum",)),
        *(() if settings["schedule"] == "halve" else ("halve_every",)),
        *(name for name in ("clip", "patience") if settings[name] is None),
        *(() if settings["average"] != 1 else ("average",)),
    }
    return _listed({name: settings[name] for name in _TRAINING if name not in unused})


def _listed(settings: Mapping[str, Setting]) -> str:
    unused = {"meta_momentum"} if settings.get("meta_optimizer") == "adam" else set()
    return ", ".join(f"{key}={value}" for key, value in settings.items() if key not in unused)


def settled(preset: str, methods: Sequence[str]) -> tuple[str, Protocol | None]:
    """The preset with the protocol that controls follow, and that protocol; None for `auxin`.

    `paper` gives each method its own paper's protocol. Controls have no paper and follow the first named method that
    has one, or MAXL's.

    Raises:
        ConfigError: There is no such preset.

    >>> settled("paper", ["single", "monotone", "maxl"])[0], settled("maxl", ["single"])[0], settled("auxin", [])
    ('paper:auxilearn', 'maxl', ('auxin', None))
    """
    name = protocol_for(preset, Method())
    if name is None:
        return preset, None
    if preset != "paper":
        return preset, PROTOCOLS[name]
    first = next((protocol_name(method) for method in _known(methods) if method.paper), name)
    return f"paper:{first}", PROTOCOLS[first]


def protocol_notes(preset: str, protocol: Protocol | None, methods: Sequence[str] = ()) -> list[str]:
    """What is printed of a protocol.

    Args:
        preset: The preset that `settled` returned.
        protocol: The protocol that `settled` returned.
        methods: The methods' names; those whose own paper's training is not a protocol here are named.

    >>> print(protocol_notes(*settled("paper", ["dwa"]), ["dwa"])[-1])
    dwa trains by AuxiLearn's protocol: auxin has none of its own paper. Its paper's options: temperature=2.0.
    """
    if protocol is None:
        return []
    head, _, rest = preset.partition(":")
    if head != "paper":
        return [protocol.text]
    others = (
        f"Controls follow {rest}; a method with a protocol of its own follows that. Rows are shared: each held-out set "
        "is the largest of these protocols'."
    )
    return [protocol.text, others, *filter(None, map(_borrowed, methods))]


def _borrowed(name: str) -> str:
    """A sentence on a method that has a paper and trains by another paper's protocol; nothing on others."""
    method = next(iter(_known([name])), None)
    if method is None or method.paper is None or has_protocol(method):
        return ""
    lender = {"auxilearn": "AuxiLearn's", "maxl": "MAXL's"}[protocol_name(method)]
    own = ", ".join(f"{key.partition('.')[2] or key}={value}" for key, value in method.published.items())
    options = f" Its paper's options: {own}." if own else ""
    return f"{name} trains by {lender} protocol: auxin has none of its own paper.{options}"


def _known(methods: Sequence[str]) -> list[Method]:
    """The methods of these names; groups such as `usual` and names that are not known are passed over here."""
    found = []
    for name in methods:
        try:
            found.append(resolve(name))
        except ConfigError:
            continue
    return found
