"""The work behind `auxin reproduce`: the list, the progress, the table, the files."""

import ast
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auxin import catalogue
from auxin.cli._console import Output
from auxin.cli._papers import paper_of
from auxin.cli._progress import progress
from auxin.errors import ConfigError

RUNS = Path("runs")


@dataclass(frozen=True)
class Asked:
    """What a user asks of one recipe: the options of `auxin reproduce`, and the command line."""

    root: Path | None
    smoke: bool
    seeds: int | None
    rows: int | None
    budget: str | None
    only: str | None
    out: Path | None
    command: str


def listing(output: Output) -> None:
    """Every recipe with its paper and place, what it costs and how far it is; read from the files and not imported."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title, style in (
        ("Recipe", "cyan"),
        ("What it shows", ""),
        ("Paper", "dim"),
        ("Cost", ""),
        ("State", ""),
    ):
        table.add_column(title, style=style, no_wrap=title in ("Recipe", "Cost", "State"))
    listed = []
    for entry in catalogue.entries("recipes"):
        paper, cost = paper_of(entry.file), cost_of(entry.file)
        told = {"name": entry.name, "summary": entry.summary, "paper": str(paper) if paper else None}
        listed.append({**told, **cost, "state": state_of(RUNS / f"reproduce-{entry.name}")})
        table.add_row(entry.name, entry.summary, told["paper"] or "", _cost(cost), listed[-1]["state"])
    output.say(table)
    output.say(
        "Cost: about so long on one core, at the recipe's own size; GPU: at the paper's length a GPU's work."
    )
    output.result(listed)


def cost_of(file: Path) -> dict[str, Any]:
    """A recipe's `minutes` on one core, the data sets it `needs`, and whether at full length it is a GPU's work."""
    if file.suffix == ".toml":
        told = tomllib.loads(file.read_text(encoding="utf-8"))
        needs = list(
            dict.fromkeys(part["name"] for part in told["data"].values() if part["name"] != "digits")
        )
        return {"minutes": told["minutes"], "needs": needs, "gpu": bool(told.get("gpu", False))}
    found: dict[str, Any] = {"minutes": 1.0, "needs": [], "gpu": False}
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id in found:
            found[node.target.id] = ast.literal_eval(node.value) if node.value is not None else None
    return {**found, "needs": list(found["needs"])}


def _cost(cost: dict[str, Any]) -> str:
    minutes = float(cost["minutes"])
    words = f"{minutes / 60:.1f} h" if minutes >= 90 else f"{minutes:g} min"
    return words + (", GPU" if cost["gpu"] else "")


def state_of(folder: Path) -> str:
    """How far the recipe in its usual folder is."""
    try:
        told = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "not run"
    done, total = told.get("pieces", 0), told.get("total", 0)
    return "finished" if done >= total else f"{done} of {total} pieces"


def run(name: str, asked: Asked, output: Output) -> None:
    """Run one recipe, show its table, draw its pictures, say where they are.

    Raises:
        ConfigError: there is no such recipe.
    """
    if name not in catalogue.names("recipes"):
        raise ConfigError(catalogue.unknown("recipe", name, catalogue.names("recipes")))
    from auxin.reports.recipe_figures import draw
    from auxin.reports.recipe_table import terminal, write_markdown
    from auxin.studies.budget import seconds
    from auxin.studies.recipe import Size
    from auxin.studies.reproduce import Told, reproduce

    folder = asked.out or RUNS / f"reproduce-{name}{'-smoke' if asked.smoke else ''}"
    output.say(f"  Results are kept in {folder}; the same command continues there.")
    with progress(output) as show:

        def tell(event: Told | str) -> None:
            if isinstance(event, str):
                output.say(f"  {event}")
            else:
                show("pieces", event.done, event.total, event.piece)

        result = reproduce(
            name,
            folder,
            asked.root,
            asked.smoke,
            tell,
            asked.command,
            Size(
                asked.seeds, asked.rows, tuple(w.strip() for w in (asked.only or "").split(",") if w.strip())
            ),
            seconds(asked.budget) if asked.budget else None,
        )
    output.say("", terminal(result), "")
    files = [write_markdown(result, folder), *draw(folder)]
    output.say(f"Result files: {folder}. {len(files) - 1} pictures in {folder / 'figures'}.")
    output.result(result)
