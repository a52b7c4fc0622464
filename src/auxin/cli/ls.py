"""List the available methods, models, data sets and other parts, with their papers."""

from pathlib import Path
from typing import Annotated, Any

import typer

from auxin import catalogue
from auxin.cli._console import JsonFlag, Output, sections
from auxin.cli._papers import paper_of
from auxin.paper import Paper

_PACKAGE = Path(catalogue.__file__).parent


def ls(
    family: Annotated[
        str | None,
        typer.Argument(
            metavar="FAMILY",
            help="Family to list, such as methods, labelers, combiners or data. Default: all.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List families and their members. A member has the same name on the command line, in recipes and in Python.

    To add members of your own, set the environment variable AUXIN_PLUGINS to a folder DIR: every file in DIR/FAMILY/
    is a member of that family.

    [bold]Examples[/bold]

        auxin ls
        auxin ls methods
    """
    output = Output(as_json)
    wanted = [family] if family else catalogue.families()
    members = [_describe(entry) for name in wanted for entry in catalogue.entries(name)]
    output.print(*sections(_rows(members, detailed=family is not None)), sep="\n")
    output.result([_plain(member) for member in members])


def _describe(entry: catalogue.Entry) -> dict[str, Any]:
    plugin = _PACKAGE not in entry.file.parents
    return {
        "family": entry.family,
        "name": entry.name,
        "summary": entry.summary + (_refusal(entry) if plugin else ""),
        "paper": paper_of(entry.file),
        "file": entry.file,
        "plugin": plugin,
    }


def _refusal(entry: catalogue.Entry) -> str:
    """Why a plugin cannot be used, if it cannot: it is imported for that."""
    try:
        catalogue.load(entry.family, entry.name)
    except (Exception, SystemExit) as error:  # whatever a file of the user's own raises
        said = str(error).splitlines() or [type(error).__name__]
        return f" (cannot be used: {said[0]})"
    return ""


def _plain(member: dict[str, Any]) -> dict[str, Any]:
    paper: Paper | None = member["paper"]
    cited = {"citation": str(paper), "title": paper.title, "url": paper.url} if paper else None
    return {**member, "paper": cited, "file": str(member["file"])}


def _rows(members: list[dict[str, Any]], *, detailed: bool) -> dict[str, list[list[Any]]]:
    """Return the name and the description of every member, by family."""
    from rich.text import Text

    found: dict[str, list[list[Any]]] = {}
    for member in members:
        name = Text(f"  {member['name']}", style="cyan")
        name.append(" (plugin)" if member["plugin"] else "", style="magenta")
        text = Text.assemble(member["summary"], (_cited(member["paper"], detailed), "dim"))
        found.setdefault(member["family"], []).append([name, text])
    return found


def _cited(paper: Paper | None, detailed: bool) -> str:
    if paper is None:
        return ""
    if detailed:
        return f"\n{paper}. {paper.title}\n{paper.url}"
    first = paper.authors.split(",")[0]
    return f" ({first} et al. {paper.year})" if "," in paper.authors else f" ({first} {paper.year})"
