"""How an option is declared, once: a field of a model, with its type, default, help, bounds and units.

The command line is generated from the models (`auxin.cli._from_request`), recipes are validated against them, and the
manifest of a folder stores them.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from auxin.errors import ConfigError, message


class Group(BaseModel):
    """Options that belong together. A verb's request is a group, and may hold groups.

    Attributes:
        panel: Heading of the group in `--help`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
    panel: ClassVar[str] = "Options"

    def identity(self) -> dict[str, Any]:
        """Return the options that change a result; those that say where or how fast it is computed are left out."""
        found = {n: getattr(self, n) for n, info in type(self).model_fields.items() if changes_results(info)}
        return {n: value.identity() if isinstance(value, Group) else value for n, value in found.items()}

    def check(self) -> None:
        """Refuse what is wrong at a glance. A verb's request is checked before the verb prints anything.

        Raises:
            AuxinError: A file is missing, or the name of a data set is unknown.
        """
        for _, value in self:
            if isinstance(value, Group):
                value.check()


def option(
    default: Any,
    help: str,
    flag: str = "",
    metavar: str = "",
    *,
    argument: bool = False,
    repeatable: bool = False,
    hidden: bool = False,
    changes_results: bool = True,
    **bounds: Any,
) -> Any:
    """Declare an option.

    Args:
        default: Default value, as text where the option's type is read from text; `...` for an option that is required.
        help: Help text.
        flag: Name on the command line. Default: the field's name with hyphens.
        metavar: Placeholder of the value in `--help`.
        argument: Whether it is a positional argument.
        repeatable: Whether it may be given several times.
        hidden: Whether it is left out of the command line.
        changes_results: Whether another value makes another study, which does not resume from the same folder.
        bounds: Bounds of a number, as of `pydantic.Field`: ge, gt, le, lt.
    """
    extra = {
        "flag": flag,
        "metavar": metavar,
        "argument": argument,
        "repeatable": repeatable,
        "hidden": hidden,
        "changes_results": changes_results,
    }
    return Field(default, description=help, json_schema_extra=extra, **bounds)


def group(default: Any = ..., *, without: tuple[str, ...] = (), help: Mapping[str, str] | None = None) -> Any:
    """Declare a group of options within a request.

    Args:
        default: The group with the verb's own defaults; `...` where it has a required option.
        without: Options of the group that the verb does not have on its command line.
        help: Help texts that differ for this verb, by option.
    """
    return Field(default, json_schema_extra={"without": list(without), "help": dict(help or {})})


def extra(info: FieldInfo) -> dict[str, Any]:
    """Return what `option` or `group` declared beside pydantic's own fields."""
    return info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}


def changes_results(info: FieldInfo) -> bool:
    """Return whether another value of the option makes another study."""
    return extra(info).get("changes_results", True)


def flag(name: str, info: FieldInfo) -> str:
    """Return an option's name on the command line; that of an argument in capitals."""
    declared = extra(info)
    if declared.get("argument"):
        return (declared["flag"] or name).upper()
    return declared.get("flag") or "--" + name.replace("_", "-")


def mistakes(error: ValidationError, model: type[Group]) -> list[tuple[str, str, str]]:
    """Return everything that is wrong: the option, what is wrong with it, and the value that was found."""
    found = []
    for one in error.errors():
        own = isinstance(cause := one.get("ctx", {}).get("error"), ConfigError)
        wrong = str(cause) if own else one["msg"].removeprefix("Input should be ")
        found.append((_place(one["loc"], model), wrong, "" if own else repr(one["input"])))
    return found


def _place(path: tuple[int | str, ...], model: type[Group]) -> str:
    """Return an option's name on the command line, given its place in a request."""
    name, rest = (str(path[0]), path[1:]) if path else ("", ())
    info = model.model_fields.get(name)
    if info is None:
        return ".".join(map(str, path))
    inner = info.annotation
    if rest and isinstance(inner, type) and issubclass(inner, Group):
        return _place(rest, inner)
    return flag(name, info)


def refusal(error: ValidationError, model: type[Group]) -> ConfigError:
    """Return one error that names every mistake in the options."""
    found = mistakes(error, model)
    what = "The option {} is invalid" if len(found) == 1 else "{} is invalid"
    listed = [
        message(what.format(name), expected=wrong, found=value) if value else wrong
        for name, wrong, value in found
    ]
    if len(found) == 1:
        return ConfigError(listed[0])
    return ConfigError("\n".join([f"{len(found)} options are invalid.", *listed]))
