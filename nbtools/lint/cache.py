"""What lint found before, so that a file that has not changed is not checked again.

A finding depends on the file, the settings, nbtools itself and, for some rules, on what lies
around the file: modules beside it, data files, the project's dependencies. All of them are in the
key. There is one file of entries for each folder with notebooks; one that cannot be read is as
good as none.
"""

from __future__ import annotations

import os
import sys
from hashlib import blake2b
from pathlib import Path

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

import nbtools
from nbtools.files import SKIPPED, write_bytes_atomically
from nbtools.lint.outcome import Outcome
from nbtools.lint.settings import Settings

_TAG = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This folder is a cache of nbtools; see https://bford.info/cachedir/\n"
)
_MANY = 200_000
"""A project of more files is not looked through for the sake of the cache."""


class Stamp(msgspec.Struct, frozen=True):
    """A state of a file."""

    mtime: int  # nanoseconds
    size: int
    digest: bytes


class _Entry(msgspec.Struct):
    stamp: Stamp
    settings: bytes
    around: bytes
    refers: bool
    physical: bool  # the outcome says where findings stand in the file
    outcome: msgspec.Raw


_Entries = dict[str, _Entry]


def digest_of(data: bytes) -> bytes:
    """A short hash that tells contents apart."""
    return blake2b(data, digest_size=16).digest()


class Cache(Struct, dict=True):
    """The entries below a folder, read when a file of theirs is asked for."""

    folder: Path  # of this version of nbtools
    _shelves: dict[str, _Entries] = field(default_factory=dict)  # by absolute folder
    _changed: set[str] = field(default_factory=set)
    _settings: dict[Settings, bytes] = field(default_factory=dict)
    _projects: dict[str, str] = field(default_factory=dict)  # of folders
    _around: dict[tuple[str, bool], bytes | None] = field(default_factory=dict)

    def find(self, path: str, settings: Settings, *, physical: bool = True) -> Outcome | None:
        """What was found in a file before, if nothing has changed since.

        physical: The outcome must say where findings stand in the file.
        """
        folder, name = os.path.split(os.path.abspath(path))
        entry = self._shelf(folder).get(name)
        if entry is None or entry.settings != self._settings_digest(settings):
            return None
        if physical and not entry.physical:
            return None
        if entry.around != self._surroundings(folder, entry.refers):
            return None
        try:
            status = os.stat(path)
            if status.st_size != entry.stamp.size:
                return None
            if status.st_mtime_ns != entry.stamp.mtime:  # as after a checkout
                with open(path, "rb") as file:
                    if digest_of(file.read()) != entry.stamp.digest:
                        return None
            return replace(_DECODER.decode(entry.outcome), path=path)
        except (OSError, msgspec.MsgspecError):
            return None

    def keep(
        self,
        path: str,
        settings: Settings,
        outcome: Outcome,
        stamp: Stamp,
        refers: bool = False,
        *,
        physical: bool = True,
    ) -> None:
        """Note down what was found in a file.

        stamp: The file as it was checked.
        refers: The notebook mentions others, as `%run other.ipynb` does.
        physical: The outcome says where findings stand in the file.
        """
        folder, name = os.path.split(os.path.abspath(path))
        around = self._surroundings(folder, refers)
        if around is None:
            return
        self._shelf(folder)[name] = _Entry(
            stamp=stamp,
            settings=self._settings_digest(settings),
            around=around,
            refers=refers,
            physical=physical,
            outcome=msgspec.Raw(_ENCODER.encode(outcome)),
        )
        self._changed.add(folder)

    def save(self) -> None:
        """Write what is new. A cache that cannot be written costs time, and nothing else."""
        try:
            if self._changed:
                self._prepare()
            for folder in sorted(self._changed):
                shelf = self._shelf(folder)
                entries = {name: shelf[name] for name in sorted(shelf) if _exists(folder, name)}
                write_bytes_atomically(self._file_of(folder), _ENCODER.encode(entries))
        except OSError:
            pass
        self._changed.clear()

    def _prepare(self) -> None:
        """Make the folder, and tell git and backup programs what it is."""
        self.folder.mkdir(parents=True, exist_ok=True)
        root = self.folder.parent
        for name, text in ((".gitignore", "*\n"), ("CACHEDIR.TAG", _TAG)):
            if not (root / name).exists():
                (root / name).write_text(text, "utf-8")

    def _shelf(self, folder: str) -> _Entries:
        if folder not in self._shelves:
            try:
                data = self._file_of(folder).read_bytes()
                self._shelves[folder] = msgspec.msgpack.decode(data, type=_Entries)
            except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
                self._shelves[folder] = {}
        return self._shelves[folder]

    def _file_of(self, folder: str) -> Path:
        return self.folder / digest_of(os.fsencode(folder)).hex()

    def _settings_digest(self, settings: Settings) -> bytes:
        if settings not in self._settings:
            data = msgspec.json.encode(settings, order="deterministic")
            self._settings[settings] = digest_of(data)
        return self._settings[settings]

    def _surroundings(self, folder: str, refers: bool) -> bytes | None:
        if folder not in self._projects:
            self._projects[folder] = _project_of(folder)
        key = (self._projects[folder], refers)
        if key not in self._around:
            self._around[key] = _describe_tree(*key)
        return self._around[key]


def open_cache(root: Path) -> Cache:
    """The cache below a folder, for this version of nbtools on this Python."""
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return Cache(root / f"{nbtools.__version__}-{python}-{_own_digest().hex()[:8]}")


def _own_digest() -> bytes:
    """Changes when a file of nbtools does: whoever works on a rule must not see its past."""
    package = os.path.dirname(nbtools.__file__)
    parts = []
    for name in ("analysis", "convert", "formats", "lint", "rules"):
        with os.scandir(os.path.join(package, name)) as entries:
            parts += [(e.name, e.stat().st_mtime_ns) for e in entries if e.name.endswith(".py")]
    return digest_of(repr(sorted(parts)).encode())


def _exists(folder: str, name: str) -> bool:
    return os.path.exists(os.path.join(folder, name))


def _project_of(folder: str) -> str:
    """The nearest folder above that is a project's or a repository's, or else the folder."""
    at = folder
    while True:
        if any(_exists(at, name) for name in (".git", "pyproject.toml", "nbtools.toml")):
            return at
        above = os.path.dirname(at)
        if above == at:
            return folder
        at = above


_READ = (".py", ".toml", ".txt", ".cfg", ".yml", ".yaml", ".lock", "Pipfile")
"""Files that rules read: modules, and what declares dependencies. Of others the name is enough."""


def _describe_tree(root: str, with_notebooks: bool) -> bytes | None:
    """A digest of what lies below a folder: all names, and the states of the files rules read."""
    suffixes = (*_READ, ".ipynb") if with_notebooks else _READ
    parts: list[str] = []
    pending = [root]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError:
            continue
        parts.append(folder)
        for entry in entries:
            name = entry.name
            if name.startswith(".") or name in SKIPPED:
                continue
            parts.append(name)
            if entry.is_dir(follow_symlinks=False):
                pending.append(entry.path)
            elif name.endswith(suffixes):
                try:
                    status = entry.stat()
                except OSError:  # a link that leads nowhere
                    continue
                parts.append(f"{status.st_mtime_ns} {status.st_size}")
        if len(parts) > _MANY:
            return None
    return digest_of("\0".join(parts).encode(errors="surrogateescape"))


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Outcome)
