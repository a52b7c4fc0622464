"""Which paper's protocol a comparison follows: its rows, its number of runs, and what its controls train by."""

from collections.abc import Sequence
from typing import Any

from auxin.errors import ConfigError
from auxin.methods import resolve
from auxin.methods._base import Method
from auxin.requests.compare import CompareRequest
from auxin.runs.device import pick_device
from auxin.runs.executors import default_jobs
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
    split, sentences = request.split, []
    if (
        request.data.name == "digits"
        and split.labels_per_class is None
        and split.fraction is None
        and not paper
    ):
        split = split.model_copy(update={"labels_per_class": DIGITS_LABELS})
        sentences.append(
            f"The digits data set uses {DIGITS_LABELS} labels per class by default, validation rows included "
            f"(--labels-per-class {DIGITS_LABELS})."
        )
    if paper:
        rows = {"validation": paper.validation, "auxiliary": split.auxiliary or paper.auxiliary}
        split = split.model_copy(update=rows)
        changes |= {"tries": 1, "refit": request.refit and not paper.validation}
        changes |= {"seeds": request.seeds or paper.seeds}
    jobs, device = request.compute.jobs or default_jobs(), pick_device(request.compute.device)
    sentences.append(
        f"Runs use {jobs} {'process' if jobs == 1 else 'processes'} on {device}, one thread each."
    )
    return request.model_copy(update={**changes, "split": split}), [
        *sentences,
        *protocol_notes(preset, paper, request.methods),
    ]


def settled(preset: str, methods: Sequence[str]) -> tuple[str, Protocol | None]:
    """The preset with the protocol that rows and controls follow, and that protocol; None for `auxin`.

    `paper` gives each method its own paper's protocol. Rows are shared, and controls have no paper: both follow the
    first named method that has one, or MAXL's.

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
    others = f"Controls and rows follow {rest}; a learned method keeps its own paper's settings."
    return [protocol.text, others, *(_borrowed(name) for name in methods if _borrows(name))]


def _borrows(name: str) -> bool:
    """Whether a method has a paper, and trains by another paper's protocol."""
    method = next(iter(_known([name])), None)
    return method is not None and method.paper is not None and not has_protocol(method)


def _borrowed(name: str) -> str:
    method = _known([name])[0]
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
