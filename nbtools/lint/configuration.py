"""The configuration of a project: `[tool.nbtools]` of pyproject.toml, or nbtools.toml."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct, field
from msgspec.structs import fields, replace

from nbtools.errors import NbtoolsError, describe_os_error
from nbtools.lint.selectors import check_selectors
from nbtools.lint.settings import Settings, Target
from nbtools.patterns import PathPatterns, find_invalid
from nbtools.rules.selectors import matching_codes

FailOn = Literal["error", "warning", "info", "never"]
Selectors = tuple[str, ...]

TARGETS = ("reactive", "jupyter")
OUTPUTS = ("keep", "strip")
FAIL_ON = ("error", "warning", "info", "never")
FORMATS = (
    "full",
    "concise",
    "grouped",
    "json",
    "json-lines",
    "github",
    "gitlab",
    "sarif",
    "junit",
)


class FileIgnores(Struct, frozen=True):
    """Rules that are off for some files."""

    files: PathPatterns
    selectors: Selectors


class Configuration(Struct, frozen=True):
    """What a file of configuration says, or the command line; None is what it does not say."""

    source: Path | None = None  # the file
    select: Selectors | None = None
    extend_select: Selectors = ()
    ignore: Selectors = ()
    fixable: Selectors | None = None
    unfixable: Selectors = ()
    per_file_ignores: tuple[FileIgnores, ...] | None = None
    exclude: tuple[PathPatterns, ...] | None = None
    extend_exclude: tuple[PathPatterns, ...] = ()
    target: Target | None = None
    outputs: Literal["keep", "strip"] | None = None
    builtins: tuple[str, ...] = ()
    baseline: Path | None = None
    output_format: str | None = None
    fail_on: FailOn | None = None

    def excludes(self, path: Path, is_folder: bool) -> bool:
        """Tell whether a file or folder is left out when it is found in a folder."""
        every = (*(self.exclude or ()), *self.extend_exclude)
        return any(patterns.match(path, is_folder=is_folder) for patterns in every)

    def settings_of(
        self, path: Path, *, unsafe_fixes: bool = False, show_fixes: bool = False
    ) -> Settings:
        """The settings that hold for one file."""
        off = [
            code
            for ignores in self.per_file_ignores or ()
            if ignores.files.match(path)
            for selector in ignores.selectors
            for code in sorted(
                matching_codes(selector)
            )  # whole codes: no prefix elsewhere outweighs them
        ]
        return Settings(
            target=self.target or "reactive",
            select=self.select,
            extend_select=self.extend_select,
            ignore=(*self.ignore, *off),
            fixable=self.fixable or ("ALL",),
            unfixable=self.unfixable,
            builtins=frozenset(self.builtins),
            outputs=self.outputs,
            unsafe_fixes=unsafe_fixes,
            show_fixes=show_fixes,
        )


def override(base: Configuration, top: Configuration) -> Configuration:
    """A configuration with what another one says in place of it, or added to it.

    A new `select` is a new start: what the base adds to its own or ignores is forgotten.
    """
    said = {
        each.name: getattr(top, each.name)
        for each in fields(Configuration)
        if getattr(top, each.name) not in (None, ())
    }
    added = {"extend_select", "ignore", "unfixable", "extend_exclude", "builtins"}
    if top.select is not None:
        added -= {"extend_select", "ignore"}
        base = replace(base, extend_select=(), ignore=())
    for name in added & set(said):
        said[name] = (*getattr(base, name), *said[name])
    return replace(base, **said)


# --- finding the file -------------------------------------------------------------------------


class Configurations(Struct, frozen=True):
    """The configuration of each file: of the nearest folder that has one, then `top`."""

    top: Configuration = field(default_factory=Configuration)  # the command line
    fixed: Configuration | None = None  # holds for all files: --config, --isolated
    _known: dict[Path, Configuration] = field(default_factory=dict)

    def of_folder(self, folder: Path) -> Configuration:
        """What holds for the files of a folder. Raises NbtoolsError."""
        if self.fixed is not None:
            return self.fixed
        whole = folder.absolute()
        if whole not in self._known:
            found = find_in_folder(whole)
            if found:
                self._known[whole] = override(read_configuration(found), self.top)
            elif whole.parent == whole:
                self._known[whole] = self.top
            else:
                self._known[whole] = self.of_folder(whole.parent)
        return self._known[whole]


def find_in_folder(folder: Path) -> Path | None:
    """The file with configuration in a folder itself; nbtools.toml before pyproject.toml."""
    own = folder / "nbtools.toml"
    if own.is_file():
        return own
    project = folder / "pyproject.toml"
    try:
        text = project.read_bytes()
    except OSError:
        return None
    if b"nbtools" not in text:  # nearly always: spares the parser
        return None
    return project if _table_of(project, _parse(project)) is not None else None


def read_configuration(path: Path) -> Configuration:
    """Read a file. Raises NbtoolsError, which names the file and the key, for what is wrong."""
    return _read(path, ())


def _read(path: Path, readers: tuple[Path, ...]) -> Configuration:
    if path in readers:
        raise NbtoolsError(f"{path}: `extend` comes back to this file")
    values = _table_of(path, _parse(path))
    if values is None:
        raise NbtoolsError(f"{path}: there is no [tool.nbtools] in it")
    own = _build(path, {key: value for key, value in values.items() if key != "extend"})
    if "extend" not in values:
        return own
    named = path.parent / _expect_text(_Key(path, "extend"), values["extend"])
    base = Path(os.path.normpath(named))  # so that a circle is noticed
    return override(_read(base, (*readers, path)), own)


def _parse(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise NbtoolsError(f"{path}: {describe_os_error(error)}") from None
    except ValueError as error:  # UnicodeDecodeError, too
        raise NbtoolsError(f"{path}: expected TOML: {error}") from None


def _table_of(path: Path, document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if path.name != "pyproject.toml":
        return document
    tool = document.get("tool", {})
    table = tool.get("nbtools") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise NbtoolsError(f"{path}: tool.nbtools: expected a table")
    return table


# --- what a key may hold ----------------------------------------------------------------------


class _Key(Struct, frozen=True):
    path: Path
    name: str

    def refuse(self, expected: str, found: object) -> NbtoolsError:
        shown = f"{found!r}"[:60]
        return NbtoolsError(f"{self.path}: {self.name}: expected {expected}, found {shown}")


def _expect_text(key: _Key, value: object) -> str:
    if not isinstance(value, str):
        raise key.refuse("a string", value)
    return value


def _expect_list(key: _Key, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise key.refuse("a list of strings", value)
    return tuple(value)


def _expect_selectors(key: _Key, value: object) -> Selectors:
    selectors = _expect_list(key, value)
    check_selectors(selectors, f"{key.path}: {key.name}")
    return selectors


def _expect_patterns(key: _Key, value: object) -> tuple[PathPatterns, ...]:
    patterns = _expect_list(key, value)
    _check_patterns(key, patterns)
    return (PathPatterns(key.path.parent, patterns),)


def _check_patterns(key: _Key, patterns: tuple[str, ...]) -> None:
    wrong = find_invalid(patterns)
    if wrong is not None:
        raise key.refuse("patterns as in .gitignore", wrong)


def _expect_file_ignores(key: _Key, value: object) -> tuple[FileIgnores, ...]:
    if not isinstance(value, dict):
        raise key.refuse('a table such as {"drafts/*" = ["NB101"]}', value)
    found = []
    for pattern, selectors in value.items():
        _check_patterns(key, (pattern,))
        inner = _Key(key.path, f'{key.name}."{pattern}"')
        files = PathPatterns(key.path.parent, (pattern,))
        found.append(FileIgnores(files, _expect_selectors(inner, selectors)))
    return tuple(found)


def _expect_path(key: _Key, value: object) -> Path:
    return key.path.parent / _expect_text(key, value)


def _expect_one_of(*words: str) -> Callable[[_Key, object], str]:
    def expect(key: _Key, value: object) -> str:
        if value not in words:
            raise key.refuse(" or ".join(f'"{word}"' for word in words), value)
        return str(value)

    return expect


KEYS: Mapping[str, Callable[[_Key, object], object]] = {
    "select": _expect_selectors,
    "extend-select": _expect_selectors,
    "ignore": _expect_selectors,
    "fixable": _expect_selectors,
    "unfixable": _expect_selectors,
    "per-file-ignores": _expect_file_ignores,
    "exclude": _expect_patterns,
    "extend-exclude": _expect_patterns,
    "target": _expect_one_of(*TARGETS),
    "outputs": _expect_one_of(*OUTPUTS),
    "builtins": _expect_list,
    "baseline": _expect_path,
    "output-format": _expect_one_of(*FORMATS),
    "fail-on": _expect_one_of(*FAIL_ON),
}
"""Every key, and what reads its value; `extend` is there besides."""


def _build(path: Path, values: Mapping[str, object]) -> Configuration:
    said: dict[str, Any] = {}
    for name, value in values.items():
        if name not in KEYS:
            raise NbtoolsError(f"{path}: unknown key {name!r}{_nearest_key(name)}")
        said[name.replace("-", "_")] = KEYS[name](_Key(path, name), value)
    return Configuration(source=path, **said)


def _nearest_key(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name.replace("_", "-"), [*KEYS, "extend"], 1)
    return f", did you mean {near[0]!r}?" if near else f": expected one of {', '.join(KEYS)}"
