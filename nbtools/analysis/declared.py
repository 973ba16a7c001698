"""Which distributions a project declares: its dependency files, read as text.

Nothing is evaluated; where a file is too free for that (`setup.py`), every text in it counts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from msgspec import Struct

from nbtools.analysis.distributions import normalize_name
from nbtools.lazy_patterns import lazy_pattern

_MAX_SIZE = 1_000_000  # bytes: nobody writes longer ones
_MAX_LEVELS = 12  # folders above the notebook
_PLACES = ("", "binder", ".binder", "requirements")
_NAME = lazy_pattern(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_QUOTED = lazy_pattern(r"""(["'])((?:(?!\1)[^\\\n]|\\.)*)\1""")
_TABLE = lazy_pattern(r"^\s*\[+\s*([^\]]+?)\s*\]+\s*(?:#.*)?$")
_KEY = lazy_pattern(r"""^\s*["']?([A-Za-z0-9_.-]+)["']?\s*=\s*(.*)$""")


class Declared(Struct, frozen=True):
    """What is declared for a folder."""

    names: frozenset[str]  # normalized, see `normalize_name`
    files: tuple[str, ...]  # the files that say it, nearest first
    root: Path | None = None  # the project: the highest folder that was looked at


@lru_cache(maxsize=1024)
def read_declared(folder: Path) -> Declared:
    """What the dependency files of a folder, and of those above it in its repository, declare."""
    names: set[str] = set()
    files: list[str] = []
    level = folder = Path(os.path.abspath(folder))
    for level in _levels(folder):
        for path in _dependency_files(level):
            found = _read_file(path)
            if found is not None:
                names |= found
                files.append(path.name)
    return Declared(frozenset(names), tuple(files), level)


def _levels(folder: Path) -> Iterator[Path]:
    """The folder and those above it, up to the repository's own; without one, only itself."""
    above = [folder, *folder.parents][:_MAX_LEVELS]
    ends = [n for n, each in enumerate(above) if (each / ".git").exists()]
    if ends:
        yield from above[: ends[0] + 1]
        return
    marks = ("pyproject.toml", "setup.py", "requirements.txt", "environment.yml")
    tops = [n for n, each in enumerate(above[:4]) if any((each / m).is_file() for m in marks)]
    yield from above[: tops[-1] + 1] if tops else above[:1]


@lru_cache(maxsize=1024)
def _dependency_files(folder: Path) -> tuple[Path, ...]:
    found: list[Path] = []
    for place in _PLACES:
        try:
            entries = sorted(os.listdir(folder / place))
        except OSError:
            continue
        found += (folder / place / name for name in entries if _is_dependency_file(name, place))
    return tuple(found)


def _is_dependency_file(name: str, place: str) -> bool:
    if name in ("pyproject.toml", "setup.py", "setup.cfg", "Pipfile", "pixi.toml"):
        return place == ""
    if name.endswith((".yml", ".yaml")):
        return "env" in name.lower() or "conda" in name.lower()
    if not name.endswith((".txt", ".in", ".pip")):
        return False
    return place == "requirements" or "requirements" in name.lower()


@lru_cache(maxsize=1024)
def _read_file(path: Path) -> frozenset[str] | None:
    """The names that a file declares; None if it declares nothing at all."""
    try:
        if path.stat().st_size > _MAX_SIZE:
            return None
        text = path.read_text("utf-8", "replace")
    except OSError:
        return None
    if path.suffix in (".yml", ".yaml"):
        found = list(_read_environment(text))
    elif path.name in ("pyproject.toml", "Pipfile", "pixi.toml"):
        found = list(_read_toml(text))
    elif path.name in ("setup.py", "setup.cfg"):
        found = list(_read_setup(text))
    else:
        found = list(_read_requirements(text))
    return frozenset(map(normalize_name, found)) if found else None


def _read_requirements(text: str) -> Iterator[str]:
    for line in text.splitlines():
        line = line.split("#egg=")[-1] if "#egg=" in line else line.partition(" #")[0]
        if line.lstrip()[:1] in ("#", ""):
            continue
        if line.lstrip().startswith(("-", ".")) or "://" in line.partition("@")[0]:
            yield from re.findall(r"/([\w.-]+?)(?:\.git)?(?:@[^/]*)?\s*$", line)
        elif match := _NAME.match(line):
            yield match[1]


def _read_environment(text: str) -> Iterator[str]:
    """Conda's `environment.yml`: list items, those below `pip:` among them."""
    inside = False
    for line in text.splitlines():
        if line[:1] not in (" ", "-", "#", ""):
            inside = line.startswith("dependencies")
        item = re.match(r"""\s*-\s*["']?(?:[\w./-]+::)?([A-Za-z0-9][\w.-]*)""", line)
        if inside and item and item[1] not in ("pip", "python"):
            yield from _read_requirements(line.split("-", 1)[1]) if "://" in line else [item[1]]


def _read_toml(text: str) -> Iterator[str]:
    """`dependencies` arrays, and tables whose keys are names (Poetry, Pipfile, pixi).

    Not a TOML parser (tomllib is missing in Python 3.10): tables, keys and texts in brackets.
    """
    table, array = "", False
    for line in text.splitlines():
        if not array and (match := _TABLE.match(line)) and not line.lstrip().startswith("[["):
            table = match[1].replace('"', "").replace("'", "")
            continue
        key = _KEY.match(line) if not array else None
        if key is not None:
            if _names_keys(table) and key[1] != "python":
                yield key[1]
            if table == "project" and key[1] == "name":
                yield from (text for _, text in _QUOTED.findall(key[2]))
            array = _holds_requirements(table, key[1]) and "[" in key[2]
            line = key[2]
        if array or (key is not None and _holds_requirements(table, key[1])):
            code = _QUOTED.sub("", line).partition("#")[0]
            for _, requirement in _QUOTED.findall(line.partition(" #")[0]):
                if match := _NAME.match(requirement):
                    yield match[1]
            array = array and "]" not in code.replace("[]", "")


def _holds_requirements(table: str, key: str) -> bool:
    if table in ("project.optional-dependencies", "dependency-groups"):
        return True
    return key in ("dependencies", "dev-dependencies", "requires") and table != "build-system"


def _names_keys(table: str) -> bool:
    if table in ("packages", "dev-packages"):
        return True
    return (table.startswith("tool.") and table.endswith("dependencies")) or table == "dependencies"


def _read_setup(text: str) -> Iterator[str]:
    """Every text that looks like a requirement; a line of its own in `setup.cfg`."""
    if "install_requires" not in text and "extras_require" not in text:
        return
    texts = [text for _, text in _QUOTED.findall(text)] if "setup(" in text else text.splitlines()
    for each in texts:
        if re.fullmatch(r"\s*[A-Za-z0-9][\w.-]*(?:\[[\w, -]*\])?\s*(?:[=<>!~;].*)?", each):
            match = _NAME.match(each.partition("=")[2] if each.startswith("name") else each)
            if match:
                yield match[1]
