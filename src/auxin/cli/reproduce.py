"""Reproduce a table or figure of a paper, and compare with the published values."""

import ast
import json
import shlex
import tomllib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from auxin import catalogue
from auxin.cli._console import Output, sections
from auxin.cli._papers import paper_of
from auxin.errors import ConfigError
from auxin.requests.reproduce import RecipeRequest

_NOT_RUN = "not run"


def reproduce(
    request: RecipeRequest,
    output: Output,
    plan: Annotated[
        bool,
        typer.Option(
            "--plan", help="List the pieces and print the command that runs them as a SLURM job array."
        ),
    ] = False,
    piece: Annotated[
        int | None,
        typer.Option(
            metavar="I", help="Compute only the piece with this number (from 0), as a task of the array does."
        ),
    ] = None,
) -> None:
    """Reproduce a table or figure of a paper. Without RECIPE, list the recipes.

    The result table shows the computed values beside the published ones. A recipe consists of pieces; finished pieces
    are saved, and the same command resumes. Result files, a Markdown table and figures are written to --out (default:
    runs/reproduce-RECIPE).

    [bold]Examples[/bold]

        auxin reproduce
        auxin reproduce auxilearn_figure_2
        auxin reproduce auxilearn_figure_7 --smoke
        auxin reproduce maxl_table_1 --root DIR --seeds 3 --budget 10min
        auxin reproduce auxilearn_figure_2 --plan
    """
    if not request.name:
        if plan or piece is not None or request != RecipeRequest(command=request.command):
            raise ConfigError("The options need a recipe", expected="auxin reproduce RECIPE OPTIONS")
        return _list(output)
    if request.name not in (known := catalogue.names("recipes")):
        raise ConfigError(catalogue.unknown("recipe", request.name, known))
    output.heading("auxin reproduce", f"  {request.name}")  # before the slow import of torch
    if plan:
        return _plan(request, output)
    if piece is not None:
        return _compute(request, piece, output)
    return _run(request, output)


def _list(output: Output) -> None:
    """Print every recipe by paper, with its cost and state, read from the files without importing them."""
    from rich.text import Text

    listed, groups = [], {}
    for entry in catalogue.entries("recipes"):
        paper, cost = paper_of(entry.file), cost_of(entry.file)
        row = {"name": entry.name, "summary": entry.summary, "paper": str(paper) if paper else None}
        state = state_of(RecipeRequest(name=entry.name).folder)
        listed.append({**row, **cost, "state": state})
        heading = f"{replace(paper, place='')}. {paper.title}" if paper else "Other recipes"
        shown = "" if state == _NOT_RUN else state
        cells = Text(f"  {entry.name}", style="cyan"), Text(entry.summary), Text(_cost(cost)), Text(shown)
        groups.setdefault(heading, []).append(cells)
    output.print(*sections(groups), sep="\n")
    output.print(
        "\nThe time is that of the recipe's default size on one core. GPU: the paper's full size needs one. A recipe "
        "that has results in runs/reproduce-RECIPE of the current folder shows its progress.\n"
        "Next: auxin reproduce RECIPE, or auxin reproduce RECIPE --smoke for a tiny run on made-up rows."
    )
    output.result(listed)


def cost_of(file: Path) -> dict[str, Any]:
    """Return a recipe's `minutes` on one core, the data sets it `needs`, and whether its full size needs a GPU."""
    if file.suffix == ".toml":
        sheet = tomllib.loads(file.read_text(encoding="utf-8"))
        names = dict.fromkeys(part["name"] for part in sheet["data"].values())
        needs = [name for name in names if name != "digits"]
        return {"minutes": sheet["minutes"], "needs": needs, "gpu": bool(sheet.get("gpu", False))}
    found: dict[str, Any] = {"minutes": 1.0, "needs": [], "gpu": False}
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in (node for one in tree.body if isinstance(one, ast.ClassDef) for node in one.body):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and target.id in found and value is not None:
            with suppress(ValueError):  # of a value that is computed
                found[target.id] = ast.literal_eval(value)
    return {**found, "needs": list(found["needs"])}


def _cost(cost: dict[str, Any]) -> str:
    minutes = float(cost["minutes"])
    words = f"{minutes / 60:.1f} h" if minutes >= 90 else f"{minutes:g} min"
    return words + (", GPU" if cost["gpu"] else "")


def state_of(folder: Path) -> str:
    """Return the progress of the recipe whose results are in `folder`."""
    try:
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        kept = len(list((folder / "pieces").glob("*.json")))
        return f"interrupted, {_count(kept)}" if kept else _NOT_RUN
    done, total = result.get("pieces", 0), result.get("total", 0)
    return f"finished, {_count(done)}" if done >= total else f"{done} of {_count(total)}"


def _count(pieces: int) -> str:
    return f"{pieces} piece{'s' * (pieces != 1)}"


def _run(request: RecipeRequest, output: Output) -> None:
    """Run one recipe, and show its table and the paths of its files."""
    from auxin.cli._progress import progress
    from auxin.reports.recipe_figures import draw
    from auxin.reports.recipe_table import terminal, write_markdown
    from auxin.runs.executors import executor_of
    from auxin.studies.reproduce import Reproduction, reproduce

    study, options = Reproduction(request), request.compute
    if request.smoke and options.engine == "auto" and options.jobs is None:
        options = options.model_copy(update={"jobs": 1})  # workers start slower than a tiny run takes
    executor = executor_of(options)
    output.print(f"  The output folder is {request.folder}. Run the same command to resume.")
    with progress(output) as notify:
        result = reproduce(study, executor, notify)
    output.print("", terminal(result), "")
    files = [write_markdown(result, request.folder), *draw(request.folder)]
    figures, drawn = "No figures", len(files) - 1
    if drawn:
        figures = f"{drawn} figure{'s' if drawn > 1 else ''} in {request.folder / 'figures'}"
    output.print(f"Result files: {request.folder}. {figures}.")
    output.result(result)


def _plan(request: RecipeRequest, output: Output) -> None:
    """List the pieces, and print the command that computes the unfinished ones as a SLURM job array."""
    from auxin.studies.reproduce import Reproduction

    study = Reproduction(request)
    units, absent = study.units({}), study.recipe.left_out()
    left = [number for number, unit in enumerate(units) if unit.finished() is None]
    for number, unit in enumerate(units):
        output.print(f"  {number}  {unit.name}{'' if number in left else '  (finished)'}")
    task = shlex.join(_words(request))
    wrapped = shlex.quote(f"{task} --piece $SLURM_ARRAY_TASK_ID")
    line = f"sbatch --array={_ranges(left)} --cpus-per-task=1 --wrap={wrapped}"
    if absent:
        output.print(f"  {absent}")
    if left:
        output.print("", "To compute the pieces as a SLURM job array:", sep="\n")
        output.print(f"  {line}", soft_wrap=True)
    output.print("Then, to write the table:" if left else "All pieces are finished. To write the table:")
    output.print(f"  {task}", soft_wrap=True)
    names = [unit.name for unit in units]
    output.result({"pieces": names, "left": left, "line": line if left else "", "left_out": absent})


def _ranges(numbers: list[int]) -> str:
    """Rising numbers as SLURM writes them.

    >>> _ranges([0, 1, 2, 4, 6, 7])
    '0-2,4,6-7'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in runs)


def _words(request: RecipeRequest) -> list[str]:
    size, root = request.size, request.root.resolve() if request.root else None
    options = {"--seeds": size.seeds, "--rows": size.rows, "--only": ",".join(size.only), "--root": root}
    given = [word for name, value in options.items() if value for word in (name, str(value))]
    smoke = ["--smoke"] if request.smoke else []
    return ["auxin", "reproduce", request.name, *smoke, *given, "--out", str(request.folder.resolve())]


def _compute(request: RecipeRequest, number: int, output: Output) -> None:
    """Compute one piece.

    Raises:
        ConfigError: There is no piece of that number.
    """
    from auxin.studies.reproduce import Reproduction

    units = Reproduction(request, shared=True).units({})
    if not 0 <= number < len(units):
        wanted = f"a number from 0 to {len(units) - 1}"
        raise ConfigError("There is no piece with this number", expected=wanted, found=str(number))
    unit = units[number]
    known = unit.finished()
    record = known or unit.work()
    output.print(f"  {unit.name}: {'already finished' if known else 'finished'}.")
    output.result(record)
