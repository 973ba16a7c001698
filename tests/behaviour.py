"""Reads `fixtures/behaviour/*.md`: notebooks written for people, and what must be true of them.

The format is explained in `fixtures/behaviour/README.md`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "fixtures" / "behaviour"
KEYS = frozenset(
    "contains lacks matches warns warnings edit merged split renamed moved dropped replaced needs "
    "shows prints errors compare ipython python refused name order runs script-metadata "
    "kernel".split()
)
DOT = (  # a picture of one pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)


@dataclass(frozen=True, slots=True)
class Fence:
    """One fenced block: what stands after the backticks, and the text inside."""

    kind: str  # "python", "markdown", "raw", "file", "expect"
    flags: dict[str, str]  # "tags=a,b hidden" is {"tags": "a,b", "hidden": ""}
    text: str


@dataclass(frozen=True, slots=True)
class Case:
    """One notebook, and what is expected of its conversion."""

    theme: str
    title: str
    cells: tuple[Fence, ...]
    files: dict[str, str] = field(default_factory=dict)  # beside the notebook: name -> text
    expect: tuple[tuple[str, str], ...] = ()

    def expected(self, key: str) -> list[str]:
        return [value for name, value in self.expect if name == key]

    def first(self, key: str, default: str = "") -> str:
        return next(iter(self.expected(key)), default)

    @property
    def code(self) -> list[Fence]:
        return [cell for cell in self.cells if cell.kind == "python"]

    @property
    def sources(self) -> list[str]:
        return [cell.text for cell in self.code]

    @property
    def tags(self) -> list[tuple[str, ...]]:
        return [read_tags(cell) for cell in self.code]


def read_tags(cell: Fence) -> tuple[str, ...]:
    return tuple(filter(None, cell.flags.get("tags", "").split(",")))


def read_cases(folder: Path = FOLDER) -> list[Case]:
    """Every notebook of every theme, in the order of the files. Raises ValueError."""
    cases = []
    for path in sorted(folder.glob("*.md")):
        if path.stem != "README":
            cases += parse_theme(path.stem, path.read_text("utf-8"))
    titles = [(case.theme, case.title) for case in cases]
    if len(titles) != len(set(titles)):
        raise ValueError(f"two notebooks of one name: {sorted(titles)}")
    return cases


def parse_theme(theme: str, text: str) -> list[Case]:
    """Read one theme: a notebook begins with a heading `##`."""
    _, *parts = re.split(r"(?m)^## (?=.)", text)
    return [_parse_case(theme, part) for part in parts]


def _parse_case(theme: str, part: str) -> Case:
    title = part.split("\n", 1)[0].strip()
    fences = list(_find_fences(part))
    cells = tuple(each for each in fences if each.kind in ("python", "markdown", "raw"))
    files = {each.flags["name"]: each.text for each in fences if each.kind == "file"}
    expect = [pair for each in fences if each.kind == "expect" for pair in _read_pairs(each.text)]
    strange = {each.kind for each in fences} - {"python", "markdown", "raw", "file", "expect"}
    strange |= {key for key, _ in expect} - KEYS
    if strange or not cells:
        raise ValueError(f"{theme}: {title}: no cells, or unknown {sorted(strange)}")
    return Case(theme, title, cells, files, tuple(expect))


def _find_fences(part: str) -> Iterator[Fence]:
    lines = iter(part.split("\n"))
    for line in lines:
        match = re.fullmatch(r"(`{3,})(\w+) ?(.*)", line)
        if match:
            inside = []
            for each in lines:
                if each == match[1]:
                    break
                inside.append(each)
            words = [word.partition("=") for word in match[3].split()]
            text = decode_characters("\n".join(inside))
            yield Fence(match[2], {name: value for name, _, value in words}, text)


def decode_characters(text: str) -> str:
    """Turn `⟨A0⟩` into the character with that code: it could not be seen otherwise."""
    return re.sub("⟨([0-9A-F]+)⟩", lambda match: chr(int(match[1], 16)), text)


def _read_pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in filter(None, text.split("\n")):
        key, _, value = line.partition(":")
        yield key.strip(), value.strip().replace("⏎", "\n")


# ---------------------------------------------------------------- the .ipynb


def to_ipynb(case: Case) -> bytes:
    """The notebook as Jupyter would save it."""
    cells = [_cell_json(number, cell) for number, cell in enumerate(case.cells)]
    language = case.first("kernel", "python")
    kernel = {"name": language, "language": language, "display_name": language}
    metadata = {"kernelspec": kernel, "language_info": {"name": language}}
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1, ensure_ascii=False).encode()


def _cell_json(number: int, cell: Fence) -> dict[str, object]:
    metadata: dict[str, object] = {"tags": list(read_tags(cell))} if "tags" in cell.flags else {}
    if "hidden" in cell.flags:
        metadata["jupyter"] = {"source_hidden": True}
    kind = {"python": "code"}.get(cell.kind, cell.kind)
    data: dict[str, object] = {"id": f"cell-{number}", "cell_type": kind, "metadata": metadata}
    data["source"] = cell.text.splitlines(keepends=True) if cell.text.isascii() else cell.text
    if kind == "code":
        count = cell.flags.get("count")
        data.update(execution_count=int(count) if count else None, outputs=_outputs(cell))
    if "attachment" in cell.flags:
        data["attachments"] = {cell.flags["attachment"]: {"image/png": DOT}}
    return data


def _outputs(cell: Fence) -> Sequence[dict[str, object]]:
    """As many saved pictures as the flag `images=` says."""
    picture: dict[str, object] = {
        "image/png": DOT,
        "text/plain": "<Figure size 640x480 with 1 Axes>",
    }
    output: dict[str, object] = {"output_type": "display_data", "metadata": {}, "data": picture}
    return [output] * int(cell.flags.get("images", "0"))
