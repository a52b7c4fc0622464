"""A verb's command line, generated from its request: every field of the model becomes an option or an argument."""

import functools
import inspect
import os
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeGuard, Union, get_args, get_origin

import typer
from pydantic import BeforeValidator, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from auxin.cli._command import command_line
from auxin.cli._console import JsonFlag, Output
from auxin.requests.option import Group, extra, flag, refusal
from auxin.requests.shared import Engine


@dataclass(frozen=True)
class Field:
    """An option of a request: its place in the model, its declaration, and the verb's own default and help.

    Attributes:
        path: Names of the groups and of the field.
        info: The declaration.
        default: The verb's default; `...` where the option is required.
        help: The verb's help text.
        panel: Heading in `--help`.
    """

    path: tuple[str, ...]
    info: FieldInfo
    default: Any
    help: str
    panel: str

    @property
    def key(self) -> str:
        """The name of the parameter."""
        return "__".join(self.path)

    def parameter(self) -> inspect.Parameter:
        """Return the parameter that typer makes the option from."""
        declared = extra(self.info)
        kind = list[str] if declared.get("repeatable") else _plain(self.info)
        required = self.default is ...
        metavar = declared.get("metavar") or _METAVARS.get(kind)
        help = self.help.replace("[", "\\[")  # typer reads help texts as rich's markup
        options: dict[str, Any] = {"metavar": metavar, "help": help}
        if declared.get("argument"):
            options["metavar"] = flag(self.path[-1], self.info)
            how: Any = typer.Argument(**options)
        else:
            name = flag(self.path[-1], self.info)
            names = [f"{name}/--no-{name[2:]}"] if kind is bool and self.default is True else [name]
            how = typer.Option(*names, rich_help_panel=self.panel, **options)
        if required:
            return inspect.Parameter(self.key, _KEYWORD, annotation=Annotated[kind, how])
        default = None if declared.get("repeatable") else _shown(self.default)
        if kind is bool:
            default = bool(default)
        kind = kind if default is not None else kind | None
        return inspect.Parameter(self.key, _KEYWORD, default=default, annotation=Annotated[kind, how])


_KEYWORD = inspect.Parameter.KEYWORD_ONLY
_METAVARS: dict[type, str] = {int: "N", float: "NUMBER", str: "NAME", Path: "DIR", list[str]: "NAME"}
"""The placeholder of an option that declares none, by its type."""


def _is_group(kind: Any) -> TypeGuard[type[Group]]:
    return isinstance(kind, type) and issubclass(kind, Group)


def fields(model: type[Group], path: tuple[str, ...] = (), base: Group | None = None) -> Iterator[Field]:
    """Yield the options of a request, those of its groups among them."""
    inherited = {name for parent in model.__bases__ for name in getattr(parent, "model_fields", ())}
    for name, info in sorted(model.model_fields.items(), key=lambda pair: pair[0] in inherited):
        declared, default = extra(info), info.default
        if base is not None and name in base.model_fields_set:
            default = getattr(base, name)
        if _is_group(info.annotation):
            inner = None if default is PydanticUndefined else default
            for field in fields(info.annotation, (*path, name), inner):
                if field.path[-1] not in declared.get("without", ()):
                    help = declared.get("help", {}).get(field.path[-1], field.help)
                    yield Field(field.path, field.info, field.default, help, field.panel)
        elif not declared.get("hidden"):
            default = ... if default is PydanticUndefined else default
            yield Field((*path, name), info, default, info.description or "", model.panel)


def from_request(verb: Callable[..., None]) -> Callable[..., None]:
    """Return a function with an option for every field of the verb's request, for typer.

    A parameter of the verb whose type is a request becomes the request's options; one of type `Output` becomes --json;
    all others stay as they are. Where the request has an engine, only the process that conducts the study runs the
    verb.
    """
    own = inspect.signature(verb).parameters.values()
    [(name, model)] = [(p.name, p.annotation) for p in own if _is_group(p.annotation)]
    options = list(fields(model))
    rest = [p.replace(kind=_KEYWORD) for p in own if p.name != name and p.annotation is not Output]
    output = next((p.name for p in own if p.annotation is Output), None)

    @functools.wraps(verb)
    def call(**given: Any) -> None:
        request = built(model, options, given)
        others = {p.name: given[p.name] for p in rest}
        if output:
            others[output] = Output(given["as_json"])
        engines = [value.engine for _, value in request if isinstance(value, Engine)]
        with conducting(engines[0] if engines else "serial") as conducts:
            if conducts:
                request.check()
                verb(**{name: request}, **others)

    json = [inspect.Parameter("as_json", _KEYWORD, default=False, annotation=JsonFlag)] if output else []
    parameters = sorted(
        [*(option.parameter() for option in options), *rest, *json],
        key=lambda p: p.default is not inspect.Parameter.empty,
    )
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in parameters}
    del call.__wrapped__  # type: ignore[attr-defined]
    return call


@contextmanager
def conducting(engine: str) -> Iterator[bool]:
    """Yield whether this process runs the study. The other ranks of a torchrun compute its units, then yield False."""
    if engine not in ("auto", "torchrun") or int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield True
        return
    from auxin.runs.executors.torchrun import dismiss, serve

    if serve():
        yield False
        return
    try:
        yield True
    finally:
        dismiss()


def built(model: type[Group], options: list[Field], given: dict[str, Any]) -> Any:
    """Return the request, or refuse every mistake in it at once."""
    defaults = {name: info.default for name, info in model.model_fields.items()}
    values: dict[str, Any] = {name: dict(own) for name, own in defaults.items() if isinstance(own, Group)}
    if "command" in model.model_fields:
        values["command"] = command_line()
    for option in options:
        value = given[option.key]
        if value is None or value == []:
            continue
        inner = values
        for part in option.path[:-1]:
            inner = inner.setdefault(part, {})
        inner[option.path[-1]] = value
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise refusal(error, model) from error


def _plain(info: FieldInfo) -> type:
    """Return the type by which the command line reads a value; text where the request's type reads text."""
    if any(isinstance(m, BeforeValidator) for m in info.metadata):
        return str
    kinds: list[Any] = [info.annotation]
    if get_origin(info.annotation) in (Union, types.UnionType):
        kinds = [kind for kind in get_args(info.annotation) if kind is not type(None)]
    return kinds[0] if len(kinds) == 1 and kinds[0] in (int, float, bool, Path) else str


def _shown(default: Any) -> Any:
    if isinstance(default, tuple):
        default = ",".join(map(str, default))
    return None if default == "" else default
