"""How phases of training follow one another."""

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING

from auxin import catalogue
from auxin.errors import ConfigError

if TYPE_CHECKING:
    from auxin.methods.base import Setting
    from auxin.strategies.base import Strategy


def build(chain: str, options: "Mapping[str, Setting] | None" = None) -> "Strategy":
    """The strategy of that name; `guard:refit` is the guard around refit.

    Args:
        chain: A name that `auxin ls strategies` shows, or several with colons, the outermost first.
        options: The members' own arguments; each goes to every member of the chain that has it.

    Raises:
        ConfigError: An unknown name, an option that no member has, or a member that cannot hold another one.

    >>> build("guard", {"margin": 0.01}).margin
    0.01
    """
    given, taken = dict(options or {}), set[str]()
    found: Strategy | None = None
    for name in reversed(chain.split(":")):
        member = catalogue.load("strategies", name)
        if found is not None and not member.wraps:
            wrong = f"The strategy {name} cannot hold another strategy"
            raise ConfigError(wrong, expected="one such as guard", found=chain)
        own = {option: given[option] for option in given if option in _options(member)}
        taken |= set(own)
        found = member(**own) if found is None else member(inner=found, **own)
    assert found is not None
    odd = sorted(set(given) - taken)
    if odd and chain != "joint":  # joint has nothing to set, so that settings meant for its rivals may stand
        known = sorted(
            {option for name in chain.split(":") for option in _options(catalogue.load("strategies", name))}
        )
        wrong = f"The strategy {chain} has no option {odd[0]!r}"
        raise ConfigError(wrong, expected=", ".join(known) or "no options")
    return found


def _options(member: "type[Strategy]") -> list[str]:
    return [name for name in inspect.signature(member.__init__).parameters if name not in ("self", "inner")]
