"""Sphinx extension: a page for every command, with its help text and a table of its arguments and options."""

import re
from itertools import groupby
from pathlib import Path
from typing import Any

from members import page, title

from auxin import cli
from auxin.requests.hyperparameters import PARTS, Hyperparameters


def write_pages(app: Any) -> None:
    """Write `commands/` under the source folder; a page that has not changed is left alone."""
    folder = Path(app.srcdir) / "commands"
    verbs = cli.verbs()
    rows = "".join(f"   * - :doc:`{verb}`\n     - {_text(summary)}\n" for verb, summary in verbs.items())
    table = ".. list-table::\n   :header-rows: 1\n\n   * - Command\n     - What it does\n" + rows
    names = "".join(f"   {verb}\n" for verb in [*verbs, "settings"])
    page(folder / "index.rst", title("Commands") + table + "\n.. toctree::\n   :hidden:\n\n" + names)
    page(folder / "settings.rst", _settings())
    for verb in verbs:
        command = cli.command(verb)
        parts = getattr(command, "commands", None)
        found = {f"{verb} {name}": part for name, part in parts.items()} if parts else {verb: command}
        text = "".join(_command(name, part) for name, part in found.items())
        page(folder / f"{verb}.rst", title(f"auxin {verb}") + text)


def _settings() -> str:
    parts = ", ".join(f"``{part}``" for part in PARTS)
    rows = "".join(
        f"   * - ``{name}``\n     - {_text(info.description or '')}\n     - ``{info.default!r}``\n"
        for name, info in Hyperparameters.model_fields.items()
    )
    return (
        title("Settings")
        + "``--set NAME=VALUE`` of ``auxin compare``, ``fit`` and ``probe`` changes a setting of the training; "
        + f"``PART.OPTION`` is an option of a part of the method: {parts}. Data sets, presets and methods have "
        + "defaults of their own, which a comparison's result file lists.\n\n.. list-table::\n   :header-rows: 1\n"
        + "   :widths: 20 60 20\n\n   * - Setting\n     - What it is\n     - Default\n"
        + rows
    )


def _command(name: str, command: Any) -> str:
    paragraphs = (command.help or "").split("\n\n")
    found = title(f"auxin {name}", "-") if " " in name else ""
    for text in paragraphs:
        code = all(line.startswith("    ") for line in text.splitlines())
        found += f".. code-block:: sh\n\n{text}\n\n" if code else f"{_text(text)}\n\n"
    shown = [one for one in command.params if not getattr(one, "hidden", False) and one.name != "help"]
    for panel, options in groupby(sorted(shown, key=_panel), key=_panel):
        found += f"**{panel}**\n\n.. list-table::\n   :widths: 30 70\n\n"
        found += "".join(f"   * - {_name(one)}\n     - {_help(one)}\n" for one in options) + "\n"
    return found


def _panel(option: Any) -> str:
    if option.param_type_name == "argument":
        return "Arguments"
    return getattr(option, "rich_help_panel", None) or "Options"


def _name(option: Any) -> str:
    if option.param_type_name == "argument":
        return f"``{option.metavar or option.name.upper()}``"
    value = "" if getattr(option, "is_flag", False) else f" {option.metavar or option.type.name.upper()}"
    return ", ".join(f"``{word}{value}``" for word in (*option.opts, *option.secondary_opts))


def _help(option: Any) -> str:
    default = option.default
    shown = default not in (None, False, True, [], "") and isinstance(default, str | int | float | Path)
    return _text(option.help or "") + (f" Default: ``{default}``." if shown else "")


def _text(text: str) -> str:
    """Help text as reStructuredText: backticks and options are code, rich's bold is bold, escapes of brackets go.

    >>> _text("With --model NAME or `auxin ls`, [bold]one[/bold] \\\\[extra].")
    'With ``--model`` NAME or ``auxin ls``, **one** [extra].'
    """
    text = re.sub(r"(?<!`)`([^`]+)`(?!`)", r"``\1``", text.replace("\\[", "["))
    text = re.sub(r"\[bold\](.*?)\[/bold\]", r"**\1**", text)
    return "".join(part if part.startswith("``") else _prose(part) for part in re.split("(``.*?``)", text))


def _prose(text: str) -> str:
    text = re.sub(r"(?<![\w*])([*|])(?!\*)|(?<=\w)_(?=[\s.,;)])", lambda m: "\\" + m[0], text)
    return re.sub(r"(?<![\w-])(--[a-z][a-z-]*)", r"``\1``", text)


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True}
