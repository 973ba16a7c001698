"""A report with what was expected and what was found side by side, as one page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher

import nbtools
from nbtools.report.html import (
    escape_html,
    picture_source,
    render_code,
    render_page,
    render_value,
)
from nbtools.report.proof.words import describe_item, headline, name_cell, summarize
from nbtools.report.run import format_seconds
from nbtools.verify.tokens import find_differences, split_words
from nbtools.verify.verdict import GREEN, RED, CellProof, Item, Proof, Status, Verdict

_MOST_LINES = 400  # of a difference
_STATUS: Mapping[Status, tuple[str, str]] = {
    "reproduces": ("good", "reproduces"),
    "empty": ("good", "no code"),
    "differs": ("bad", "differs"),
    "order-dependent": ("bad", "depends on order"),
    "unstable": ("bad", "varies"),
    "failed": ("bad", "not proved"),
    "raises": ("bad", "raises"),
    "ended": ("bad", "not proved"),
    "inconclusive": ("warn", "inconclusive"),
}


def format_proofs(proofs: Sequence[Proof]) -> Iterator[str]:
    """The page, line by line."""
    return render_page("nbtools verify", _body(proofs))


def _body(proofs: Sequence[Proof]) -> Iterator[str]:
    yield "<header><h1>Do these notebooks reproduce?</h1>"
    for line in summarize(proofs) if len(proofs) > 1 else ():
        yield f"<p>{escape_html(line)}</p>"
    yield f'<p class="soft">nbtools {nbtools.__version__}</p></header>'
    if len(proofs) > 1:
        yield from _totals(proofs)
    yield "<main>"
    for number, proof in enumerate(proofs):
        yield from _notebook(number, proof)
    yield "</main>"


def _totals(proofs: Sequence[Proof]) -> Iterator[str]:
    yield '<table class="totals"><thead><tr><th scope="col">Notebook</th><th scope="col">Verdict'
    yield "</th></tr></thead><tbody>"
    for number, proof in enumerate(proofs):
        words = headline(proof).removeprefix(f"{proof.source}: ")
        link = f'<a href="#n{number}">{escape_html(proof.source)}</a>'
        badge = _badge(*_STATUS[proof.status])
        yield f"<tr><td>{link}</td><td>{badge}{escape_html(words)}</td></tr>"
    yield "</tbody></table>"


def _badge(kind: str, words: str) -> str:
    return f'<span class="badge {kind}">{escape_html(words)}</span>'


def _notebook(number: int, proof: Proof) -> Iterator[str]:
    yield f'<section class="card" id="n{number}"><h2>{_badge(*_STATUS[proof.status])}'
    yield f"{escape_html(headline(proof))}</h2>"
    yield from _circumstances(proof)
    if proof.bug:
        yield f"<pre>{escape_html(proof.bug)}</pre>"
    yield from _cells(proof, [cell for cell in proof.cells if cell.verdict not in GREEN])
    for check in proof.checks[1:]:
        if check.wrong:
            yield f'<div class="cell"><h3>{escape_html(check.name.capitalize())}</h3>'
            yield '<p class="soft">What cells show when cells that nothing links run in another '
            yield "order, alone, or once more.</p></div>"
            yield from _cells(proof, check.wrong)
    if proof.recorded is not None and proof.kind != "recorded":
        yield from _recorded(proof, proof.recorded.cells)
    yield from _rest(proof)
    yield "</section>"


def _circumstances(proof: Proof) -> Iterator[str]:
    if proof.python:
        runs = proof.references + sum(check.runs for check in proof.checks)
        words = f"{runs} runs in {format_seconds(proof.seconds)}, Python {proof.python}"
        yield f'<p class="soft">{escape_html(f"{words}, {proof.engine}")}</p>'
    for note in proof.notes:
        yield f'<p class="soft">{escape_html(note)}</p>'


def _rest(proof: Proof) -> Iterator[str]:
    """The cells that are the same, folded away."""
    same = [cell for cell in proof.cells if cell.verdict in GREEN and cell.cells]
    if same:
        noun = "cell is" if len(same) == 1 else "cells are"
        yield f"<details><summary>{len(same)} {noun} the same</summary>"
        yield from _cells(proof, same)
        yield "</details>"


def _recorded(proof: Proof, cells: Sequence[CellProof]) -> Iterator[str]:
    shown = [cell for cell in cells if cell.shows]
    changed = [cell for cell in shown if cell.verdict not in GREEN]
    if not shown:
        return
    told = f"{len(shown) - len(changed)} of {len(shown)} cells as saved in the file"
    yield f"<details><summary>Saved outputs: {told}</summary>"
    yield from _cells(proof, changed)
    yield "</details>"


def _cells(proof: Proof, cells: Sequence[CellProof]) -> Iterator[str]:
    for cell in cells:
        kind = _kind(cell.verdict)
        note = f" {escape_html(cell.note)}" if cell.note else ""
        yield f'<article class="cell"><h3>{_badge(kind, cell.verdict.replace("-", " "))}'
        yield f"{escape_html(name_cell(cell).capitalize())}<span class='soft'>{note}</span></h3>"
        for number in cell.cells:
            if number < len(proof.sources):
                yield render_code(proof.sources[number])
        for item in cell.items:
            yield from _item(item)
        yield "</article>"


def _kind(verdict: Verdict) -> str:
    return "good" if verdict in GREEN else "bad" if verdict in RED else "warn"


def _item(item: Item) -> Iterator[str]:
    yield f"<p>{escape_html(describe_item(item))}</p>"
    if item.verdict in GREEN or (item.expected is None and item.found is None):
        return
    if item.mime.startswith("image/"):
        yield from _sides(item, _blend(item))
        return
    if item.mime == "text/html":
        yield from _sides(item)
        yield "<details><summary>The HTML</summary>"
        yield f'<pre class="diff">{_diff(item.expected or "", item.found or "")}</pre></details>'
    elif item.expected is not None and item.found is not None:
        yield f'<pre class="diff">{_diff(item.expected, item.found)}</pre>'
    else:
        yield from _sides(item)


def _sides(item: Item, more: str = "") -> Iterator[str]:
    yield '<div class="sides">'
    for title, value in (("Expected", item.expected), ("Found", item.found)):
        if value is not None:
            yield f"<div><h4>{title}</h4>{render_value(item.mime, value, title)}</div>"
    yield f"{more}</div>"


def _blend(item: Item) -> str:
    """Both pictures over each other: where they are the same it is black."""
    sources = [
        picture_source(item.mime, value)
        for value in (item.expected, item.found)
        if value is not None
    ]
    if len(sources) < 2 or None in sources:
        return ""
    images = "".join(f'<img src="{source}" alt="">' for source in sources)
    return f'<div><h4>Difference</h4><div class="over">{images}</div></div>'


def _diff(expected: str, found: str) -> str:
    """Lines that went and came, with their words marked; what is between is left out."""
    old, new = expected.split("\n"), found.split("\n")
    parts: list[str] = []
    at = 0
    for i, j, k, m in find_differences(old, new):
        parts += _shorten_same(old[at:i])
        at = j
        left, right = _mark_words("\n".join(old[i:j]), "\n".join(new[k:m]))
        parts += [f'<span class="old">- {each}</span>' for each in left.split("\n") if j > i]
        parts += [f'<span class="new">+ {each}</span>' for each in right.split("\n") if m > k]
    parts += _shorten_same(old[at:])
    if len(parts) > _MOST_LINES:
        more = f"<span class='soft'>{len(parts) - _MOST_LINES:,} more lines</span>"
        parts = [*parts[:_MOST_LINES], more]
    return "".join(parts)


def _shorten_same(lines: Sequence[str]) -> list[str]:
    """Lines that both texts have: the first and the last of them."""
    between = ["<span class='soft'>...</span>"] if len(lines) > 2 else []
    shown = [_line("", each) for each in (*lines[:1], *lines[1:][-1:])]
    return [*shown[:1], *between, *shown[1:]]


def _line(kind: str, text: str) -> str:
    return f'<span class="{kind}">  {escape_html(text)}</span>'


def _mark_words(left: str, right: str) -> tuple[str, str]:
    """Both texts with the words that differ marked, if they have anything in common."""
    old, new = split_words(left), split_words(right)
    if max(len(old), len(new)) > 2000:
        return escape_html(left), escape_html(right)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < 0.3:
        return escape_html(left), escape_html(right)
    sides: tuple[list[str], list[str]] = ([], [])
    for tag, i, j, k, m in matcher.get_opcodes():
        for side, words in zip(sides, (old[i:j], new[k:m]), strict=True):
            text = "".join(words)
            side += _mark(text) if tag != "equal" and text else [escape_html(text)]
    return "".join(sides[0]), "".join(sides[1])


def _mark(text: str) -> list[str]:
    """Marked text; a mark never reaches over the end of a line."""
    return ["\n".join(f"<b>{escape_html(each)}</b>" if each else "" for each in text.split("\n"))]
