"""Which paper's protocol a comparison follows: its rows, its number of runs, and what its controls train by."""

from collections.abc import Sequence

from auxin.errors import ConfigError
from auxin.methods import resolve
from auxin.methods._base import Method
from auxin.methods._protocols import PROTOCOLS, Protocol, protocol_name
from auxin.runs.settings import protocol_for


def settled(preset: str, methods: Sequence[str]) -> tuple[str, Protocol | None]:
    """The preset with the protocol that rows and controls follow, and that protocol; None for `auxin`.

    `paper` gives each method its own paper's protocol. Rows are shared, and controls have no paper: both follow the
    first named method that has one, or MAXL's.

    Raises:
        ConfigError: there is no such preset.

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


def said(preset: str, protocol: Protocol | None) -> list[str]:
    """What is printed of a protocol."""
    if protocol is None:
        return []
    head, _, rest = preset.partition(":")
    others = [f"Controls and rows follow {rest}; a learned method keeps its own paper's settings."]
    return [protocol.said, *(others if head == "paper" else [])]


def _known(methods: Sequence[str]) -> list[Method]:
    """The methods of these names; groups such as `usual` and names that are not known are passed over here."""
    found = []
    for name in methods:
        try:
            found.append(resolve(name))
        except ConfigError:
            continue
    return found
