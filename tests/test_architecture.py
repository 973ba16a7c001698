"""The layout of docs/architecture.md, held by tests."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "nbtools").rglob("*.py"))

LIBRARY_HOMES = {
    "click": ("cli.py", "commands/", "pages.py"),
    "libcst": ("convert/",),
    "nbformat": ("formats/", "run/kernel.py"),
    "pathspec": ("files.py", "patterns.py"),
    "ruff_api": ("convert/",),
}


def test_the_import_contract_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert lint_imports(cache_dir=None, no_cache=True) == 0


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_says_what_it_is_for(path: Path) -> None:
    assert path.stem not in {"utils", "util", "common", "misc"}
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(("library", "homes"), LIBRARY_HOMES.items(), ids=LIBRARY_HOMES)
def test_a_slow_or_replaceable_library_is_known_to_few(
    library: str, homes: tuple[str, ...]
) -> None:
    users = [path for path in MODULES if library in imports_of(path)]
    places = [path.relative_to(ROOT / "nbtools").as_posix() for path in users]
    assert [place for place in places if not place.startswith(homes)] == []


def imports_of(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names
