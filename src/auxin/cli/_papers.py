"""The paper of a member, read from its file without importing it."""

import ast
import tomllib
from dataclasses import fields, replace
from pathlib import Path

from auxin import paper as known
from auxin.paper import Paper


def paper_of(file: Path) -> Paper | None:
    """Return the `paper` of the member in this file, or None.

    The value may be a name from `auxin.paper` or from the file itself, `Paper(...)`, or `replace(NAME, place=...)`
    with constant arguments. Any other expression gives None.
    """
    if file.suffix == ".toml":
        return _of_sheet(file)
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, OSError, ValueError, RecursionError, MemoryError):
        return None
    names = {key: value for key, value in vars(known).items() if isinstance(value, Paper)}
    names |= _named_in(tree, names)
    found = [_read(value, names) for value in _papers(tree)]
    return next((paper for paper in found if paper), None)


def _of_sheet(file: Path) -> Paper | None:
    try:
        sheet = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    base = getattr(known, str(sheet.get("paper", "")).upper(), None)
    return replace(base, place=str(sheet.get("place", ""))) if isinstance(base, Paper) else None


def _named_in(tree: ast.Module, names: dict[str, Paper]) -> dict[str, Paper]:
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = _read(node.value, names)
            if value:
                found[node.targets[0].id] = value
    return found


def _papers(tree: ast.Module) -> list[ast.expr]:
    """Return the values of `paper = ...` in classes and of `paper=...` in calls."""
    found: list[ast.expr] = []
    for node in ast.walk(tree):
        targets = [*getattr(node, "targets", []), getattr(node, "target", None)]
        named = isinstance(node, ast.keyword) and node.arg == "paper"
        if named or any(isinstance(target, ast.Name) and target.id == "paper" for target in targets):
            value = getattr(node, "value", None)
            found += [value] if value else []
    return found


def _read(value: ast.expr, names: dict[str, Paper]) -> Paper | None:
    if isinstance(value, ast.Name):
        return names.get(value.id)
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Name):
        return None
    try:
        return _call(value, value.func.id, names)
    except (TypeError, ValueError):
        return None


def _call(value: ast.Call, function: str, names: dict[str, Paper]) -> Paper | None:
    keywords = {keyword.arg: ast.literal_eval(keyword.value) for keyword in value.keywords if keyword.arg}
    if function == "Paper":
        positional = [ast.literal_eval(argument) for argument in value.args]
        order = [field.name for field in fields(Paper)]
        return Paper(**dict(zip(order, positional, strict=False)), **keywords)
    base = _read(value.args[0], names) if function == "replace" and value.args else None
    return replace(base, **keywords) if base else None
