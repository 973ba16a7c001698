"""A private copy of a notebook's folder for each run, so that nothing of the project is touched.

What a notebook writes stays in the copy, and no run finds what another one wrote. Paths that lead
out of the copied folder lead to the originals: they are read there, and could be written there.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from msgspec import Struct

from nbtools.errors import NbtoolsError
from nbtools.files import SKIPPED

LARGEST = 2 * 2**30
"""Bytes of a folder that is copied; a larger one is a mistake, or a matter for --in-place."""

LEVELS = 3
"""Folders above the project whose content a run sees, as `../../data` has it."""

MOST_LINKS = 1000
"""To what is beside the project; links to all of a larger folder take long."""

_MARKERS = (".git", ".hg", "pyproject.toml", "setup.py", "setup.cfg", "environment.yml")
_LEFT_OUT = SKIPPED | {".git", ".hg", ".ipynb_checkpoints", ".nbtools_cache", ".tox", ".mypy_cache"}
_VENV = "pyvenv.cfg"


class Place(Struct, frozen=True):
    """Where one run takes place."""

    folder: Path  # the working directory
    root: Path | None  # the copy that it is in; None: the original itself
    original: Path  # what `root` is a copy of
    home: Path  # the home directory of the run

    def restore(self, text: str) -> str:
        """A text with the original's name in place of the copy's."""
        if self.root is None or str(self.root) not in text:
            return text
        return text.replace(str(self.root), str(self.original))


@contextmanager
def private_place(folder: Path, *, in_place: bool = False) -> Iterator[Place]:
    """A copy of the project that a folder is in, and a home directory; both are gone afterwards.

    Raises NbtoolsError if the project is too large, or cannot be copied.
    """
    folder = folder.resolve()
    root = find_root(folder)
    with tempfile.TemporaryDirectory(prefix="nbtools-", ignore_cleanup_errors=True) as name:
        temporary = Path(name).resolve()
        home = temporary / "home"
        _make_links(home, Path(os.path.expanduser("~")), _is_harmless)
        if in_place:
            yield Place(folder, None, root, home)
            return
        copy = _make_surroundings(temporary / "around", root)
        try:
            _copy(root, copy, [LARGEST])
        except OSError as error:
            reason = error.strerror or str(error)
            raise NbtoolsError(f"cannot copy {root} for a run: {reason.lower()}") from None
        yield Place(copy / folder.relative_to(root), copy, root, home)


def _make_surroundings(folder: Path, root: Path) -> Path:
    """Folders like those above the project, with links to what is in them; gives its own place."""
    chain = [root, *root.parents[:LEVELS]]
    for child, parent in reversed([*itertools.pairwise(chain)]):
        _make_links(folder, parent, partial(_is_beside, child.name))
        folder /= child.name or "root"
    return folder


def _is_beside(name: str, entry: os.DirEntry[str]) -> bool:
    return entry.name != name and _is_harmless(entry)


def find_root(folder: Path) -> Path:
    """The project that a folder belongs to; the folder itself if nothing says so."""
    home = Path(os.path.expanduser("~")).resolve()
    for at in (folder, *folder.parents):
        if at in (home, Path(at.anchor)):
            break
        if any((at / marker).exists() for marker in _MARKERS):
            return at
    return folder


def _copy(source: Path, target: Path, room: list[int]) -> None:
    """Copy a tree without what is no part of a notebook's work; links are followed."""
    target.mkdir()
    entries = sorted(os.scandir(source), key=lambda entry: entry.name)
    if any(entry.name == _VENV for entry in entries):
        return
    for entry in entries:
        if entry.name in _LEFT_OUT:
            continue
        place = target / entry.name
        with suppress(FileNotFoundError):  # a broken link, or a file that was removed meanwhile
            if entry.is_dir():
                if not _leads_up(entry):
                    _copy(Path(entry.path), place, room)
            elif entry.is_file():
                room[0] -= entry.stat().st_size
                if room[0] < 0:
                    raise NbtoolsError(
                        f"{source} and the folders around it hold more than "
                        f"{LARGEST // 2**30} GB, too much to be copied for each run: "
                        "move the notebook to a smaller folder, or use --in-place"
                    )
                shutil.copy2(entry.path, place)


def _leads_up(entry: os.DirEntry[str]) -> bool:
    """Whether a link leads to a folder that it stands in: copying it would not end."""
    if not entry.is_symlink():
        return False
    return Path(entry.path).resolve() in Path(entry.path).absolute().parents


def _is_harmless(entry: os.DirEntry[str]) -> bool:
    """Whether a run may see something outside of the project: hidden files hold keys."""
    return not entry.name.startswith(".") or entry.name == ".cache"


def _make_links(folder: Path, original: Path, choose: Callable[[os.DirEntry[str]], bool]) -> None:
    """Make a folder with links to what is in another one; none if that cannot be read."""
    folder.mkdir()
    with suppress(OSError):
        entries = list(itertools.islice(os.scandir(original), MOST_LINKS + 1))
        for entry in entries if len(entries) <= MOST_LINKS else ():
            if choose(entry):
                with suppress(OSError):
                    os.symlink(entry.path, folder / entry.name)
