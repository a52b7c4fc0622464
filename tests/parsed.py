"""The package's files as syntax trees, each parsed once in a process."""

import ast
from functools import cache


@cache
def parsed(text: str) -> list[ast.AST]:
    """Every node of a source, at any depth."""
    return list(ast.walk(ast.parse(text)))
