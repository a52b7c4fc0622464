"""Files of Python in `src`, and their lines without docstrings, by part; beside another checkout's.

    python benchmarks/size.py --base OTHER_CHECKOUT

Comments and blank lines count.
"""

import argparse
import ast
from collections import defaultdict
from pathlib import Path

DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
ROOT = Path(__file__).resolve().parents[1]
Sizes = dict[str, tuple[int, int]]


def lines(text: str) -> int:
    """Lines of a file without its docstrings.

    >>> lines('def f():\\n    "It does nothing."\\n\\n    return 1\\n')
    3
    """
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, DOCUMENTED)]
    docstrings = [node.body[0] for node in nodes if ast.get_docstring(node, clean=False) is not None]
    return len(text.splitlines()) - sum((d.end_lineno or 0) - d.lineno + 1 for d in docstrings)


def sizes(checkout: Path) -> Sizes:
    """Files and lines by folder of the package, or by file where it lies in none, and of all."""
    package = checkout / "src" / "auxin"
    found: dict[str, list[int]] = defaultdict(list)
    for file in package.rglob("*.py"):
        part, *inside = file.relative_to(package).parts
        count = lines(file.read_text(encoding="utf-8"))
        found[f"{part}/" if inside else part].append(count)
        found["all"].append(count)
    return {part: (len(counts), sum(counts)) for part, counts in found.items()}


def table(columns: dict[str, Sizes]) -> list[str]:
    """The table: a row per part, folders first."""
    parts = sorted({part for found in columns.values() for part in found}, key=_place)
    titles = "".join(f" files, {label} | lines, {label} |" for label in columns)
    rows = [f"| part |{titles}", "| --- |" + " ---: | ---: |" * len(columns)]
    for part in parts:
        cells = (found.get(part) for found in columns.values())
        rows.append(f"| {part} |" + "".join(f" {c[0]:,} | {c[1]:,} |" if c else " – | – |" for c in cells))
    return rows


def _place(part: str) -> tuple[bool, bool, str]:
    return part == "all", not part.endswith("/"), part


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", type=Path, help="another checkout")
    base = parser.parse_args().base
    print("\n".join(table(({"base": sizes(base)} if base else {}) | {"now": sizes(ROOT)})))


if __name__ == "__main__":
    main()
