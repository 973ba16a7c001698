"""What tells a finding from others, today and after the cells above it have changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256

from nbtools.lint.outcome import Outcome, Reported


def with_fingerprints(
    outcomes: Sequence[Outcome], paths: Sequence[str]
) -> Iterator[tuple[Outcome, str, Reported, str]]:
    """Each finding with its file's path and its fingerprint; no two have the same.

    The fingerprint is made of the path, the code, the cell (its id, or a hash of its source) and
    the symbol. Line numbers would make every finding below a new line a new finding.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    for outcome, path in zip(outcomes, paths, strict=True):
        for reported in outcome.found:
            key = (path, *finding_key(reported))
            seen[key] += 1
            text = "\0".join((*key, str(seen[key])))
            yield outcome, path, reported, sha256(text.encode(errors="replace")).hexdigest()[:32]


def finding_key(reported: Reported) -> tuple[str, str, str]:
    """The code, the cell and the symbol."""
    finding = reported.finding
    return finding.code, reported.cell_id or reported.source_hash, finding.symbol
