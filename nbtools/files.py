"""Finding notebooks in folders, and writing files without ever leaving half of one."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


class Found(Struct, frozen=True):
    """A notebook somebody asked for, by its name or by a folder's."""

    path: Path
    below: Path  # its place below the folder that was searched; the bare name if it was named
    named: bool = False  # by its own name


class Search(Struct, frozen=True):
    """What a search came to: it goes on past a folder that cannot be read."""

    found: tuple[Found, ...]
    errors: tuple[OSError, ...] = ()


class Choice(Struct, frozen=True):
    """What is looked for in folders."""

    suffixes: tuple[str, ...] = (".ipynb",)
    respect_gitignore: bool = True
    exclude: Callable[[Path, bool], bool] | None = None  # asked with a path, and if it is a folder
    exclude_named: bool = False  # ask about files that were named, too


NOTEBOOKS = Choice()

SKIPPED = frozenset({"__pycache__", "__pypackages__", "node_modules", "site-packages"})
"""Folders that hold other people's files; hidden ones are never searched."""

_VENV = "pyvenv.cfg"
"""A folder with this file is a virtual environment, whatever it is called."""


def find_notebooks(paths: Iterable[str | Path], choice: Choice = NOTEBOOKS) -> Search:
    """Collect the notebooks meant by files and folders, each once, in a fixed order.

    A file is taken whatever it is called and whether or not it exists: reading it tells. A folder
    is searched for *.ipynb (or what `choice` says), in the order of their names, without hidden
    files and folders (so without .ipynb_checkpoints), virtual environments and the like, and
    without what .gitignore excludes. Symbolic links are followed.
    """
    found: dict[str, Found] = {}
    errors: list[OSError] = []
    for path in map(Path, paths):
        if path.is_dir():
            for match in search_folder(path, errors, choice):
                item = Found(match, match.relative_to(path))
                found.setdefault(os.path.abspath(match), item)
        elif not (choice.exclude_named and choice.exclude and choice.exclude(path, False)):
            found.setdefault(os.path.abspath(path), Found(path, Path(path.name), named=True))
    return Search(tuple(found.values()), tuple(errors))


def search_folder(folder: Path, errors: list[OSError], choice: Choice = NOTEBOOKS) -> list[Path]:
    """Every notebook below a folder, sorted; what cannot be read is added to `errors`."""
    notebooks: list[Path] = []
    seen: set[tuple[int, int]] = set()  # device and inode: symbolic links can form a loop
    pending = [(folder, _rules_above(folder) if choice.respect_gitignore else None)]
    while pending:
        here, rules = pending.pop()
        try:
            key = _identity(here)
            entries = {entry.name: entry for entry in os.scandir(here)} if key not in seen else {}
        except OSError as error:
            errors.append(error)
            continue
        seen.add(key)
        if here != folder and _VENV in entries:
            continue
        rules = rules and rules.with_files_of(here, entries)
        for name, entry in entries.items():
            if name.startswith(".") or name in SKIPPED:
                continue
            is_folder = entry.is_dir()
            if not is_folder and not name.endswith(choice.suffixes):
                continue
            if rules and rules.ignore(name + "/" * is_folder):
                continue
            path = here / name
            if choice.exclude and choice.exclude(path, is_folder):
                continue
            if is_folder:
                pending.append((path, rules and rules.below(name)))
            else:
                notebooks.append(path)
    return sorted(notebooks)


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


class _IgnoreRules(Struct, frozen=True):
    """The .gitignore files that hold in one folder, the nearest first."""

    # each with the folder's path below the folder of its file: "" or "a/b/"
    specs: tuple[tuple[GitIgnoreSpec, str], ...] = ()

    def ignore(self, name: str) -> bool:
        """Tell whether an entry is excluded; a folder's name ends with a slash."""
        for spec, below in self.specs:
            verdict = spec.check_file(below + name).include
            if verdict is not None:  # the nearest file that mentions it decides
                return verdict
        return False

    def below(self, name: str) -> _IgnoreRules:
        """The rules that come down to a subfolder, before its own file is read."""
        return _IgnoreRules(tuple((spec, f"{below}{name}/") for spec, below in self.specs))

    def with_files_of(self, folder: Path, names: Container[str]) -> _IgnoreRules:
        """These rules and those of the folder's own files.

        names: What is in the folder, or may be.
        """
        files = (folder / file for name, file in _IGNORE_FILES.items() if name in names)
        specs = [spec for spec in map(_read_ignore_file, files) if spec]
        return _IgnoreRules((*((spec, "") for spec in specs), *self.specs)) if specs else self


_IGNORE_FILES = {".gitignore": ".gitignore", ".git": ".git/info/exclude"}
"""What is in a folder that has rules of its own, and the file that they stand in."""


def _rules_above(folder: Path) -> _IgnoreRules:
    """What the repository's files above a folder say; nothing outside a repository."""
    whole = folder.resolve()
    root = next((at for at in (whole, *whole.parents) if (at / ".git").exists()), whole)
    rules = _IgnoreRules()
    at = root
    for name in whole.relative_to(root).parts:
        rules = rules.with_files_of(at, _IGNORE_FILES).below(name)
        at /= name
    return rules


def _read_ignore_file(path: Path) -> GitIgnoreSpec | None:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None  # there is none, or it cannot be read: git goes on as well
    from pathspec import GitIgnoreSpec  # 30 ms, so only where there is a .gitignore

    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError:  # a line is no pattern: git leaves it out
        return GitIgnoreSpec.from_lines(filter(_is_pattern, lines))


def _is_pattern(line: str) -> bool:
    from pathspec import GitIgnoreSpec

    try:
        return bool(GitIgnoreSpec.from_lines([line]))
    except ValueError:
        return False


def write_atomically(path: Path, text: str) -> None:
    r"""Write text as UTF-8 with "\n" so that a reader sees the old file or the whole new one.

    Permissions of an existing file are kept, and a symbolic link stays one. Raises OSError.
    """
    write_bytes_atomically(path, text.encode("utf-8"))


def write_bytes_atomically(path: Path, data: bytes) -> None:
    """As `write_atomically`, with the file's bytes. Raises OSError."""
    write_pieces_atomically(path, [data])


def write_pieces_atomically(path: Path, pieces: Iterable[bytes]) -> None:
    """As `write_atomically`, with the file's bytes one after the other. Raises OSError."""
    path = path.resolve()
    if path.exists() and not path.is_file():
        with open(path, "wb") as file:  # /dev/stdout or a pipe must not be replaced by a file
            file.writelines(pieces)
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        # open() and not tempfile: a new file gets the permissions that the umask leaves
        with open(temporary, "xb") as file:
            file.writelines(pieces)
        with suppress(FileNotFoundError):
            os.chmod(temporary, path.stat().st_mode & 0o7777)
        os.replace(temporary, path)
    except BaseException:  # Ctrl-C as well
        with suppress(OSError):
            temporary.unlink()
        raise


def read_if_file(path: Path) -> str | None:
    r"""Read an earlier output with its newlines as "\n"; None where no regular file stands.

    Bytes that are not UTF-8 are replaced: they differ from any output in any case. Raises OSError.
    """
    if not path.is_file():
        return None
    return path.read_text(encoding="utf-8", errors="replace")
