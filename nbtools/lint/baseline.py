"""Findings that a project has decided to live with, so that only new ones are reported."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from nbtools.errors import NbtoolsError, describe_os_error
from nbtools.files import write_atomically
from nbtools.lint.fingerprints import finding_key
from nbtools.lint.outcome import Outcome

SHAPE = 1
_Key = tuple[str, str, str, str]  # path, code, cell, symbol
_FIELDS = ("path", "code", "cell", "symbol")


class Baseline(Struct, frozen=True):
    """How many findings of each kind are known."""

    file: Path  # paths of entries are relative to its folder
    counts: Counter[_Key]


class Compared(Struct, frozen=True):
    """Outcomes without the findings that a baseline knows."""

    outcomes: tuple[Outcome, ...]
    hidden: int  # findings
    gone: int  # of the baseline's findings in files that were checked, or are no more


def write_baseline(file: Path, outcomes: Iterable[Outcome]) -> int:
    """Write down every finding, and give their number. Raises OSError."""
    counts = _count(file, outcomes)
    entries = [
        dict(zip(_FIELDS, key, strict=True)) | {"count": number}
        for key, number in sorted(counts.items())
    ]
    document = {"version": SHAPE, "findings": entries}
    write_atomically(file, json.dumps(document, indent=1) + "\n")
    return counts.total()


def read_baseline(file: Path) -> Baseline:
    """Read what `write_baseline` wrote. Raises NbtoolsError."""
    try:
        document = json.loads(file.read_text("utf-8"))
        if document["version"] != SHAPE:
            raise NbtoolsError(f"{file}: written by another version of nbtools: write it again")
        counts: Counter[_Key] = Counter()
        for entry in document["findings"]:
            path, code, cell, symbol = (str(entry[name]) for name in _FIELDS)
            counts[path, code, cell, symbol] += int(entry["count"])
    except OSError as error:
        raise NbtoolsError(f"{file}: {describe_os_error(error)}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NbtoolsError(f"{file}: expected a baseline, as --write-baseline writes it") from None
    return Baseline(file, counts)


def compare(baseline: Baseline, outcomes: Sequence[Outcome]) -> Compared:
    """Hide what the baseline knows: of findings that are alike, as many as it counts."""
    left = baseline.counts.copy()
    kept = []
    for outcome in outcomes:
        path = _relative(baseline.file, outcome.path)
        found = []
        for reported in outcome.found:
            key = (path, *finding_key(reported))
            if left[key] > 0:
                left[key] -= 1
            else:
                found.append(reported)
        same = len(found) == len(outcome.found)
        kept.append(outcome if same else replace(outcome, found=tuple(found)))
    before, after = (sum(len(o.found) for o in each) for each in (outcomes, kept))
    checked = {_relative(baseline.file, o.path) for o in outcomes if o.status == "checked"}
    home = baseline.file.absolute().parent
    gone = sum(n for key, n in left.items() if key[0] in checked or not (home / key[0]).exists())
    return Compared(tuple(kept), before - after, gone)


def _count(file: Path, outcomes: Iterable[Outcome]) -> Counter[_Key]:
    return Counter(
        (_relative(file, outcome.path), *finding_key(reported))
        for outcome in outcomes
        for reported in outcome.found
    )


def _relative(file: Path, path: str) -> str:
    """A path from the baseline's folder, with slashes: the file is read on other machines too."""
    try:
        return os.path.relpath(path, file.absolute().parent).replace(os.sep, "/")
    except ValueError:  # another drive
        return os.path.abspath(path).replace(os.sep, "/")
