"""The work behind `auxin reproduce`: the list, the progress, the table, the files."""

from pathlib import Path

from auxin import catalogue
from auxin.cli._console import Output
from auxin.cli._papers import paper_of
from auxin.cli._progress import progress
from auxin.errors import ConfigError


def listing(output: Output) -> None:
    """Every recipe with its paper and place, read from the files and not imported."""
    from rich import box
    from rich.table import Table

    entries = [(entry, paper_of(entry.file)) for entry in catalogue.entries("recipes")]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title, style in (("Recipe", "cyan"), ("What it shows", ""), ("Paper", "dim")):
        table.add_column(title, style=style, no_wrap=title == "Recipe")
    for entry, paper in entries:
        table.add_row(entry.name, entry.summary, str(paper) if paper else "")
    output.say(table)
    output.result(
        [
            {"name": entry.name, "summary": entry.summary, "paper": str(paper) if paper else None}
            for entry, paper in entries
        ]
    )


def run(name: str, root: Path | None, smoke: bool, out: Path | None, output: Output, command: str) -> None:
    """Run one recipe, show its table, draw its pictures, say where they are.

    Raises:
        ConfigError: there is no such recipe.
    """
    if name not in catalogue.names("recipes"):
        raise ConfigError(catalogue.unknown("recipe", name, catalogue.names("recipes")))
    from auxin.reports.recipe_figures import draw
    from auxin.reports.recipe_table import terminal, write_markdown
    from auxin.studies.reproduce import Told, reproduce

    folder = out or Path("runs") / f"reproduce-{name}{'-smoke' if smoke else ''}"
    output.say(f"  results in {folder}; the same command goes on there.")
    with progress(output) as show:

        def tell(event: Told | str) -> None:
            if isinstance(event, str):
                output.say(f"  {event}")
            else:
                show("pieces", event.done, event.total, event.piece)

        result = reproduce(name, folder, root, smoke, tell, command)
    output.say("", terminal(result), "")
    files = [write_markdown(result, folder), *draw(folder)]
    output.say(f"Result files: {folder}. {len(files) - 1} pictures in {folder / 'figures'}.")
    output.result(result)
