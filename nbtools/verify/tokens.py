"""What of a text varies from run to run: found by comparing runs, never by a list of patterns.

Texts are compared word by word. Where two runs of the same notebook differ, the differing words
are masked; all others must be the same in the conversion, and a masked word must be of a kind
that was seen there: a number for a number, an address for an address.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal

from msgspec import Struct

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?!\w)"
_TOKEN = re.compile(
    rf"{_UUID}|0x[0-9a-fA-F]+|[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?!\w)"
    r"|\w+|\n|[^\S\n]+|.",
    re.DOTALL,
)
_CLASS = re.compile(
    rf"(?P<uuid>{_UUID}$)|"
    r"(?P<address>0x)|(?P<number>[+-]?\.?\d[\d.eE+-]*$|(?:nan|NaN|inf|[nuµm]?s|min|h|[kKMG]i?B)$)"
    r"|(?P<code>\w*\d\w*$)|(?P<word>\w)|(?P<line>\n)|(?P<space>\s)"
)
Piece = tuple[int, int, int, int]
"""Items `i` to `j` (exclusive) of one sequence that stand where `k` to `m` of another do."""

_MOST_PAIRS = 4_000_000  # that are compared exactly
MOST_TOKENS = 60_000
"""Longer texts that differ are not compared word by word: they are unstable as a whole."""


class Span(Struct, frozen=True, order=True):
    """Words `start` to `end` (exclusive) of the reference; empty where something was inserted."""

    start: int
    end: int


class Lines(Struct, frozen=True):
    """What is known of the lines of a text that has more or fewer of them in each run."""

    always: frozenset[str]  # lines that every run printed
    shapes: frozenset[str]  # of all lines, but for their numbers


class Mask(Struct, frozen=True):
    """What varies in one text, learned from several runs."""

    spans: tuple[Span, ...]  # ascending, apart from each other
    classes: tuple[frozenset[str], ...]  # the kinds of words that were seen in each
    whole: bool = False  # nothing of the text is stable
    reordered: bool = False  # its lines are the same, in another order each time
    lines: Lines | None = None  # if lines come and go

    @property
    def seen(self) -> frozenset[str]:
        """The kinds of words that vary anywhere."""
        return frozenset[str]().union(*self.classes)


EVERYTHING = Mask((), (), whole=True)


def split_words(text: str) -> list[str]:
    """Numbers, words, addresses, line breaks, runs of blanks and single marks; nothing is lost."""
    return _TOKEN.findall(text)


def class_of(word: str) -> str:
    """The kind of a word: "number" (its unit, too), "address", "code" (letters and digits) ..."""
    found = _CLASS.match(word)
    return "mark" if found is None else found.lastgroup or "mark"


def _folded(words: Sequence[str]) -> list[str]:
    """Blanks are of any length where numbers beside them may have more or fewer digits."""
    return [" " if class_of(word) == "space" else word for word in words]


def learn_mask(texts: Sequence[str]) -> Mask | None:
    """What varies among texts that one cell printed in several runs, the first the reference.

    Returns None if they are all the same.
    """
    reference, *others = texts
    others = [text for text in others if text != reference]
    if not others:
        return None
    words = _folded(split_words(reference))
    found: list[tuple[Span, frozenset[str]]] = []
    for text in others:
        other = _folded(split_words(text))
        differing = find_spans(words, other)
        if differing is None:
            return EVERYTHING
        found += [(span, classes) for span, _, classes in differing]
    spans, classes = _join(found, words)
    reordered = _are_reordered(reference, others)
    return Mask(spans, classes, reordered=reordered, lines=_learn_lines(texts))


def _learn_lines(texts: Sequence[str]) -> Lines | None:
    """What is known of the lines of several texts; None if each has the same number of them."""
    parts = [text.split("\n") for text in texts]
    if len({len(lines) for lines in parts}) == 1:
        return None
    always = frozenset(parts[0]).intersection(*parts[1:])
    return Lines(always, frozenset(_shape(line) for lines in parts for line in lines))


def _shape(line: str) -> str:
    words = (word for word in split_words(line) if class_of(word) != "space")
    return " ".join("0" if class_of(word) == "number" else word for word in words)


def _are_reordered(reference: str, others: Sequence[str]) -> bool:
    lines = sorted(reference.split("\n"))
    return all(sorted(text.split("\n")) == lines for text in others)


def find_differences(a: Sequence[str], b: Sequence[str]) -> Iterator[Piece]:
    """Where two sequences differ: exactly, or in long ones without looking at frequent items."""
    start, most = 0, min(len(a), len(b))
    while start < most and a[start] == b[start]:
        start += 1
    end = 0
    while end < most - start and a[-1 - end] == b[-1 - end]:
        end += 1
    old, new = a[start : len(a) - end], b[start : len(b) - end]
    rough = len(old) * len(new) > _MOST_PAIRS
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=rough).get_opcodes():
        if tag != "equal":
            yield start + i, start + j, start + k, start + m


def find_spans(
    words: Sequence[str], other: Sequence[str]
) -> list[tuple[Span, Span, frozenset[str]]] | None:
    """Where two sequences of words differ, in the first and in the second, and with which kinds.

    None if they are too long to be compared.
    """
    if max(len(words), len(other)) > MOST_TOKENS:
        return None
    return [
        (Span(i, j), Span(k, m), _classes([*words[i:j], *other[k:m]]))
        for i, j, k, m in _opcodes(words, other)
    ]


def _classes(words: Sequence[str]) -> frozenset[str]:
    return frozenset(map(class_of, words))


def _opcodes(a: Sequence[str], b: Sequence[str]) -> Iterator[Piece]:
    """The differing pieces: line by line first, since words alone take quadratic time."""
    lines_a, lines_b = _split_lines(a), _split_lines(b)
    if len(lines_a) == len(lines_b):
        pairs = [
            (i, i + 1, i, i + 1)
            for i in range(len(lines_a))
            if _differ(a, b, lines_a[i], lines_b[i])
        ]
    else:
        texts_a = ["\x1f".join(a[x:y]) for x, y in lines_a]
        texts_b = ["\x1f".join(b[x:y]) for x, y in lines_b]
        pairs = [*find_differences(texts_a, texts_b)]
    for i, j, k, m in pairs:
        start_a, end_a = _bounds(lines_a, i, j, len(a))
        start_b, end_b = _bounds(lines_b, k, m, len(b))
        yield from _words_apart(a, b, (start_a, end_a), (start_b, end_b))


def _differ(a: Sequence[str], b: Sequence[str], x: tuple[int, int], y: tuple[int, int]) -> bool:
    return a[x[0] : x[1]] != b[y[0] : y[1]]


def _bounds(lines: Sequence[tuple[int, int]], i: int, j: int, length: int) -> tuple[int, int]:
    start = lines[i][0] if i < len(lines) else length
    return start, lines[j - 1][1] if j > i else start


def _words_apart(
    a: Sequence[str], b: Sequence[str], at: tuple[int, int], to: tuple[int, int]
) -> Iterator[Piece]:
    if (at[1] - at[0]) * (to[1] - to[0]) > _MOST_PAIRS:
        yield *at, *to
        return
    left, right = a[at[0] : at[1]], b[to[0] : to[1]]
    if len(left) == len(right) and list(map(class_of, left)) == list(map(class_of, right)):
        for offset, (x, y) in enumerate(zip(left, right, strict=True)):  # the same words, but ...
            if x != y:
                i, k = at[0] + offset, to[0] + offset
                yield i, i + 1, k, k + 1
        return
    for i, j, k, m in find_differences(left, right):
        yield at[0] + i, at[0] + j, to[0] + k, to[0] + m


def _split_lines(words: Sequence[str]) -> list[tuple[int, int]]:
    """The first and last word (exclusive) of each line, its line break included."""
    lines: list[tuple[int, int]] = []
    start = 0
    for position, word in enumerate(words):
        if word == "\n":
            lines.append((start, position + 1))
            start = position + 1
    if start < len(words):
        lines.append((start, len(words)))
    return lines


def _join(
    found: Sequence[tuple[Span, frozenset[str]]], words: Sequence[str]
) -> tuple[tuple[Span, ...], tuple[frozenset[str], ...]]:
    """Spans that touch, or that only blanks and marks part, are one."""
    spans: list[Span] = []
    classes: list[frozenset[str]] = []
    for span, kinds in sorted(found, key=lambda item: item[0]):
        if spans and _belong_together(words[spans[-1].end : span.start], spans[-1], span):
            spans[-1] = Span(spans[-1].start, max(spans[-1].end, span.end))
            classes[-1] |= kinds
        else:
            spans.append(span)
            classes.append(kinds)
    return tuple(spans), tuple(classes)


def _belong_together(between: Sequence[str], left: Span, right: Span) -> bool:
    if right.start <= left.end:
        return True
    varies = left.start == left.end or right.start == right.end  # words come and go there
    return varies and all(class_of(word) in ("space", "mark") for word in between)


class Fit(Struct, frozen=True):
    """How a text fits what was seen in other runs."""

    fits: bool
    masked: int = 0  # words of the reference that are masked
    words: int = 0  # of the reference, without blanks
    widened: bool = False  # it differs where no run differed, but in a kind of word that varies


def fit_text(reference: str, mask: Mask, text: str) -> Fit:
    """Whether a text is the reference but for what is known to vary."""
    words, other = _folded(split_words(reference)), _folded(split_words(text))
    count = sum(not word.isspace() for word in words)
    masked = sum(not word.isspace() for span in mask.spans for word in words[span.start : span.end])
    if mask.whole:
        return Fit(True, count, count)
    if mask.reordered:
        return Fit(_are_reordered(reference, [text]), masked, count)
    spans = find_spans(words, other)
    if spans is None:
        return Fit(False, masked, count)
    ways = [_way(span, there, classes, mask, words, other) for span, there, classes in spans]
    fits, widened = None not in ways, "widened" in ways
    if mask.lines is not None and (widened or not fits):
        lines = text.split("\n")
        known = fits or mask.lines.shapes.issuperset(map(_shape, lines))
        fits = widened = known and mask.lines.always.issubset(lines)
    return Fit(fits, masked, count, widened)


def _way(
    span: Span,
    there: Span,
    classes: frozenset[str],
    mask: Mask,
    words: Sequence[str],
    other: Sequence[str],
) -> Literal["masked", "widened"] | None:
    """How a difference fits what is known to vary; None if it does not."""
    same = _same_numbers(words[span.start : span.end], other[there.start : there.end])
    if same or _is_masked(span, classes, mask):
        return "masked"
    return "widened" if _may_vary(span, classes, mask, words) else None


def _same_numbers(words: Sequence[str], other: Sequence[str]) -> bool:
    """Whether they are the same numbers with more or fewer digits, as their neighbours ask for."""
    try:
        return [float(word) for word in words] == [float(word) for word in other]
    except ValueError:
        return False


def _is_masked(span: Span, classes: frozenset[str], mask: Mask) -> bool:
    return any(
        each.start <= span.start and span.end <= each.end and classes <= seen | {"space"}
        for each, seen in zip(mask.spans, mask.classes, strict=True)
    )


def _may_vary(span: Span, classes: frozenset[str], mask: Mask, words: Sequence[str]) -> bool:
    """Whether what never varied may vary all the same: a random bit is often what it was.

    It is of a kind that varies, in a text most of which does, or in a line that varies; but a
    long line (a page of HTML, JSON) in which hardly anything of that kind varies is no evidence.
    """
    if not classes <= mask.seen | {"space"}:
        return False
    kinds = classes - {"space"}
    if _share_that_varies(kinds, mask, words, 0, len(words)) >= 2 / 3:
        return True
    return any(
        start <= span.start <= end
        and any(each.start < end and start <= each.end for each in mask.spans)
        and _share_that_varies(kinds, mask, words, start, end) >= 1 / 8
        for start, end in _split_lines(words)
    )


def _share_that_varies(
    kinds: Collection[str], mask: Mask, words: Sequence[str], start: int, end: int
) -> float:
    """Of the words of some kinds between two places, the share that varies; 1 of none."""
    alike = [i for i in range(start, end) if class_of(words[i]) in kinds]
    varied = sum(any(each.start <= i < each.end for each in mask.spans) for i in alike)
    return varied / len(alike) if alike else 1.0


# --- why ----------------------------------------------------------------------------------------

_DURATION = re.compile(
    r"(?i)\b(wall|cpu|total|elapsed|time[sd]?|took|per loop|seconds?|secs?|it/s|ms|µs|us|ns|min)\b"
)
_DATE = re.compile(r"\b\d{4}-\d\d-\d\d|\b\d{1,2}:\d\d:\d\d|\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b")
_BAR = re.compile(r"\d+%\||\bit/s\b|s/it\b|\r")


def guess_cause(texts: Sequence[str], mask: Mask) -> str:
    """In words: what may make the texts of several runs differ."""
    if mask.reordered:
        return "its lines come in another order each time"
    varied = _varied_lines(texts[0], mask)
    if any(_BAR.search(text) for text in texts):
        return "it shows a progress bar"
    if mask.seen <= {"address", "space"} and mask.seen:
        return "it prints an address in memory"
    if re.search(_UUID, varied):
        return "it prints an identifier made anew each time"
    if _DATE.search(varied):
        return "it prints a date or a time"
    if _DURATION.search(varied):
        return "it prints a duration"
    if mask.seen <= {"number", "space", "mark"}:
        return "it prints numbers that vary: random without a seed, or not initialised"
    return "it shows something else in each run"


def _varied_lines(text: str, mask: Mask) -> str:
    """The lines in which something is masked."""
    if mask.whole:
        return text
    words = split_words(text)
    lines = _split_lines(words)
    chosen = [
        "".join(words[start:end])
        for start, end in lines
        if any(span.start < end and span.end >= start for span in mask.spans)
    ]
    return "".join(chosen)
