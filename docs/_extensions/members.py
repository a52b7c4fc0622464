"""Sphinx extension: a page for every family of the catalogue and for every method, from their docstrings."""

import ast
from pathlib import Path
from typing import Any

from auxin import catalogue

INTRODUCTIONS = {
    "methods": "A method is data: a labeler, a combiner, an estimator of the hypergradient and a strategy.",
}


def write_pages(app: Any) -> None:
    """Write `methods/` and `families/` under the source folder; a page that has not changed is left alone."""
    source = Path(app.srcdir)
    page(source / "families" / "index.rst", _families())
    for family in catalogue.families():
        if family != "methods":
            page(source / "families" / f"{family}.rst", _family(family))
    page(source / "methods" / "index.rst", _methods())
    for entry in catalogue.entries("methods"):
        page(source / "methods" / f"{entry.name}.rst", _method(entry))


def page(file: Path, text: str) -> None:
    """Write a page; one that has not changed is left alone."""
    file.parent.mkdir(exist_ok=True)
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")


def title(text: str, line: str = "=") -> str:
    """A heading."""
    return f"{text}\n{line * len(text)}\n\n"


def _families() -> str:
    names = [name for name in catalogue.families() if name != "methods"]
    rows = "".join(f"   {name}\n" for name in names)
    text = "Every folder with a ``base.py`` is a family. Every other file in it is one member.\n\n"
    return title("The parts") + text + ".. toctree::\n   :maxdepth: 1\n\n" + rows


def _family(family: str) -> str:
    members = "".join(
        title(entry.name, "-")
        + (
            f".. automodule:: auxin.{family}.{entry.name}\n   :members:\n\n"
            if entry.file.suffix == ".py"
            else ""
        )
        + ("" if entry.file.suffix == ".py" else f"{entry.summary}\n\n")
        for entry in catalogue.entries(family)
    )
    return title(family) + f".. automodule:: auxin.{family}.base\n\n" + members


def _methods() -> str:
    entries = catalogue.entries("methods")
    table = "".join(f"   * - :doc:`{e.name}`\n     - {e.summary}\n" for e in entries)
    rows = "".join(f"   {entry.name}\n" for entry in entries)
    return (
        title("Methods")
        + INTRODUCTIONS["methods"]
        + " ``auxin ls methods`` prints this list.\n\n.. list-table::\n   :header-rows: 1\n\n"
        + "   * - Method\n     - What it is\n"
        + table
        + "\n.. toctree::\n   :hidden:\n\n"
        + rows
    )


def _method(entry: catalogue.Entry) -> str:
    source = entry.file.read_text(encoding="utf-8")
    docstring = ast.parse(source).body[0]
    lines = source.splitlines()[docstring.end_lineno :]
    code = "\n".join(f"   {line}".rstrip() for line in lines).strip("\n")
    return (
        title(entry.name)
        + f".. automodule:: auxin.methods.{entry.name}\n\n"
        + title("The whole file, below its docstring", "-")
        + f".. code-block:: python\n\n{code}\n\n"
        + title("Run it", "-")
        + f".. code-block:: sh\n\n   auxin compare --methods single,{entry.name}\n"
    )


def markdown_bars(*event: Any) -> None:
    """Turn a docstring's Markdown tables into list tables, and escape `|` elsewhere (norms, absolute values)."""
    lines: list[str] = event[-1]
    found: list[str] = []
    for line in lines:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not (line.startswith("|") and line.rstrip().endswith("|")):
            found.append(line if line.lstrip().startswith((">>>", "...")) else line.replace("|", r"\|"))
        elif set(line) <= set("|-: "):
            continue
        else:
            begun = bool(found) and found[-1].startswith("     -")
            found += [] if begun else ["", ".. list-table::", "   :header-rows: 1", ""]
            found += [f"   * - {cells[0]}", *(f"     - {cell}" for cell in cells[1:])]
    lines[:] = found


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("builder-inited", write_pages)
    app.connect("autodoc-process-docstring", markdown_bars)
    return {"parallel_read_safe": True}
