"""What code a measurement rests on, as a digest: so that a later run knows whether it would measure the same.

A module counts with all that it imports of edgeface and tools, and so on. Comments, docstrings and layout do not
count, nor does what only loads the models: their own digests stand in the record.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

OURS = ("edgeface", "tools")
LOADS = ("edgeface.service", "edgeface.cli")
"""The composition root and the command line, which import everything."""


@cache
def digest(module: str) -> str:
    """sha256 over the module of this name and what it imports."""
    seen: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen or (path := _file(name)) is None:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        waiting += [one for one in _imports(tree) if one.split(".")[0] in OURS and not one.startswith(LOADS)]
        seen[name] = bare(tree)
    return hashlib.sha256("\n".join(f"{name} {seen[name]}" for name in sorted(seen)).encode()).hexdigest()


def bare(tree: ast.Module) -> str:
    """The code without docstrings and other texts that stand by themselves."""
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [one for one in body if not _is_text(one)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_text(statement: ast.AST) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(getattr(statement.value, "value", None), str)


def _imports(tree: ast.Module) -> Iterator[str]:
    """Names of the modules that a file imports anywhere; some are names within one, and have no file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{one.name}" for one in node.names)


def _file(name: str) -> Path | None:
    try:
        found = find_spec(name)
    except (ModuleNotFoundError, ValueError):
        return None
    return Path(found.origin) if found and found.origin and found.origin.endswith(".py") else None
