"""What cells showed in one run, held against what they showed in the reference runs.

Where the reference runs agree, the comparison is exact. Where they differ, what differs among
them is masked (`tokens`). Only then are the named rules tried (`rules`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import SequenceMatcher

from msgspec import Struct

from nbtools.verify.display import Display, Failure, Shown
from nbtools.verify.rules import (
    FORMATS,
    Rule,
    apply_rules,
    as_text,
    conversion_rules,
    follow_rules,
)
from nbtools.verify.tokens import find_differences, fit_text, guess_cause, learn_mask
from nbtools.verify.verdict import RED, WORST, Item, Verdict

_RICHEST = (
    "text/html",
    "text/markdown",
    "image/svg+xml",
    "text/latex",
    "image/png",
    "image/jpeg",
    "application/json",
    "application/javascript",
    "text/plain",
)
_PICTURES = frozenset({"image/png", "image/jpeg", "application/pdf"})


class Standards(Struct, frozen=True):
    """How strictly two runs are compared."""

    printed: tuple[Rule, ...] = ()  # rules for what is printed, and for messages
    shown: tuple[Rule, ...] = ()  # rules for what is shown
    same_kind: bool = False  # both are runs of Jupyter, or of marimo: printed and shown in order
    renamed: Callable[[str], str] = str  # the author's names in a line of code
    widen: bool = False  # enough runs were made: what nearly always varies may vary everywhere


EXACT = Standards(same_kind=True)


def conversion_standards(renamed: Rule) -> Standards:
    """For a conversion against its original."""
    return Standards(printed=conversion_rules(renamed), renamed=renamed.apply)


def compare_displays(
    references: Sequence[Display], found: Display, standards: Standards
) -> list[Item]:
    """What one run showed of some cells against what the reference runs showed.

    Args:
        references: One for each reference run, the first the one that is told of.
        found: What is compared with them.
        standards: How strictly.

    Returns:
        An item for everything that is not simply the same.
    """
    items = [
        _compare_text(
            name,
            "text/plain",
            [getattr(each, name) for each in references],
            getattr(found, name),
            standards.printed,
            standards,
        )
        for name in ("stdout", "stderr")
    ]
    items += _compare_sequences([each.shown for each in references], found.shown, standards)
    items.append(_compare_failures([each.failure for each in references], found.failure, standards))
    if standards.same_kind and all(each.verdict in ("same", "same-by-rule") for each in items):
        items.append(_compare_order([each.order for each in references], found.order))
    if found.cut or references[0].cut:
        items.append(Item("output", "not-compared", detail="it is too long to be kept whole"))
    return [item for item in items if item.verdict != "same"]


def _compare_order(references: Sequence[str], found: str) -> Item:
    if found in references:
        return Item("order", "same")
    if len(set(references)) > 1:
        return Item("order", "unstable", cause="text and displays come in another order each time")
    detail = "what is printed and what is shown come in another order"
    return Item("order", "different", detail=detail)


# --- text ---------------------------------------------------------------------------------------


def _compare_text(
    what: str,
    mime: str,
    references: Sequence[str],
    found: str,
    rules: Sequence[Rule],
    standards: Standards,
) -> Item:
    expected = references[0]
    if found == expected and len(set(references)) == 1:
        return Item(what, "same", mime)
    told = _describe_variation(references, found, standards)
    if told is not None:
        cause, detail = told
        return Item(what, "unstable", mime, expected, found, cause=cause, detail=detail)
    if (not found or not expected) and not _is_silent(rules, found or expected):
        verdict: Verdict = "missing" if expected else "extra"
        detail = "nothing is there" if expected else "it was not there"
        return Item(what, verdict, mime, expected or None, found or None, detail=detail)
    return _compare_by_rule(what, mime, references, found, rules, standards)


def _describe_variation(
    references: Sequence[str], found: str, standards: Standards
) -> tuple[str, str] | None:
    """Why a text varies and how much of it, if it fits what is known to vary; else None."""
    mask = learn_mask(references)
    if mask is None:
        return None
    fit = fit_text(references[0], mask, found)
    if not fit.fits or (fit.widened and not standards.widen):
        return None
    return guess_cause(references, mask), f"{fit.masked} of {fit.words} words vary"


def _is_silent(rules: Sequence[Rule], text: str) -> bool:
    """Whether the rules leave nothing of a text."""
    return bool(text) and not follow_rules(rules, text).strip()


def _compare_by_rule(
    what: str,
    mime: str,
    references: Sequence[str],
    found: str,
    rules: Sequence[Rule],
    standards: Standards,
) -> Item:
    expected = references[0]
    left, right, used = apply_rules(rules, expected, found)
    if left == right:
        return Item(what, "same-by-rule", mime, expected, found, rules=used)
    chosen = [rule for rule in rules if rule.name in used]
    others = [follow_rules(chosen, text) for text in references]
    told = _describe_variation(others, right, standards) if chosen else None
    if told is not None:
        return Item(what, "unstable", mime, expected, found, used, *told)
    return Item(
        what, "different", mime, expected, found, used, detail=_first_difference(left, right)
    )


def _first_difference(expected: str, found: str) -> str:
    """The first lines that differ, in one line."""
    old, new = expected.split("\n"), found.split("\n")
    i, j, k, m = next(find_differences(old, new))
    return f"{_shorten(' '.join(old[i:j][:1]))} is now {_shorten(' '.join(new[k:m][:1]))}"


def _shorten(text: str, most: int = 60) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= most else text[: most - 3] + "...")


# --- exceptions ---------------------------------------------------------------------------------


def _compare_failures(
    references: Sequence[Failure | None], found: Failure | None, standards: Standards
) -> Item:
    expected = references[0]
    told = None if expected is None else f"{expected.name}: {expected.text}"
    shown = None if found is None else f"{found.name}: {found.text}"
    if expected is None and found is None:
        return Item("exception", "same")
    if found is None or expected is None:
        if any((each is None) == (found is None) for each in references[1:]):
            cause = "it raises in some runs only"
            return Item("exception", "unstable", expected=told, found=shown, cause=cause)
        if expected is not None and expected.name == "UsageError" and not standards.same_kind:
            return Item("exception", "same-by-rule", expected=told, rules=("usage-error",))
        if found is None:
            return Item("exception", "missing", expected=told, detail=f"{told} is not raised")
        return Item("exception", "failed", found=shown, detail=f"it raises {shown}")
    texts = [f"{each.name}: {each.text}" for each in references if each is not None]
    item = _compare_text(
        "exception", "text/plain", texts, shown or "", standards.printed, standards
    )
    if item.verdict in ("same", "same-by-rule") and not _same_line(expected, found, standards):
        detail = f"{told} is raised by {_shorten(found.line)} and not by {_shorten(expected.line)}"
        return Item("exception", "different", expected=told, found=shown, detail=detail)
    return item


def _same_line(expected: Failure, found: Failure, standards: Standards) -> bool:
    """Whether it comes from the same line of code, which the conversion may have wrapped."""
    if expected.name in ("SyntaxError", "IndentationError", "TabError"):
        return True
    left, right = expected.line.strip(), standards.renamed(found.line).strip()
    if left.startswith("get_ipython().") and not standards.same_kind:
        return True  # how IPython writes a magic, which a helper of the conversion stands for
    if not left or not right or left in right or right in left:
        return True
    return SequenceMatcher(None, left, right, autojunk=False).ratio() > 0.8


# --- what is shown ------------------------------------------------------------------------------


def _compare_sequences(
    references: Sequence[Sequence[Shown]], found: Sequence[Shown], standards: Standards
) -> list[Item]:
    if len({len(each) for each in references}) > 1:
        cause = "it shows more or fewer things in each run"
        return [Item("outputs", "unstable", cause=cause)]
    items = _compare_in_turn(references, found, standards)
    used: list[str] = []
    for rule, arrange in () if standards.same_kind else _ARRANGEMENTS.items():
        if not any(item.verdict in RED for item in items):
            break
        wanted = [arrange(each) for each in references]
        given = found if rule in _OF_JUPYTER else arrange(found)
        again = _compare_in_turn(wanted, given, standards)
        if _count_wrong(again) < _count_wrong(items):
            items, references, found = again, wanted, given
            used.append(rule)
    if used:
        items.append(Item("outputs", "same-by-rule", rules=tuple(used)))
    return items


def _count_wrong(items: Sequence[Item]) -> int:
    return sum(item.verdict in RED for item in items)


def _compare_in_turn(
    references: Sequence[Sequence[Shown]], found: Sequence[Shown], standards: Standards
) -> list[Item]:
    if len(found) != len(references[0]):
        return _align(references, found, standards)
    return [
        _alone(f"output {number + 1}", "extra", it)
        if _shows_twice(references[0][number], it, found)
        else _compare_shown(
            f"output {number + 1}", [each[number] for each in references], it, standards
        )
        for number, it in enumerate(found)
    ]


def _shows_twice(expected: Shown, found: Shown, all_found: Sequence[Shown]) -> bool:
    """Whether a figure is in the place of an artist's text, and beside it as well."""
    if not (expected.is_result and _is_artist(expected) and _is_figure(found)):
        return False
    return sum(_key(each) == _key(found) for each in all_found) > 1


_ARTIST = re.compile(
    r"[\[({]*(?:<?(?:matplotlib|mpl_toolkits|seaborn)\.|(?:Text|Annotation)\(|<Axes|<AxesSubplot"
    r"|<BarContainer|<Figure|<a list of \d+ |<StemContainer|<ErrorbarContainer|array\(\[+<Axes)"
)


_EMPTY_FIGURE = re.compile(r"<Figure size \d+x\d+ with 0 Axes>")


def _is_figure(shown: Shown) -> bool:
    """Whether it is a picture, or what stands for a figure on which nothing is drawn."""
    mime = richest(shown.data)
    if mime == "text/plain":
        return bool(_EMPTY_FIGURE.fullmatch(as_text(shown.data[mime])))
    return mime in _PICTURES | {"image/svg+xml"}


def _drop_artists(shown: Sequence[Shown]) -> list[Shown]:
    """Without the text of a value that stands for a figure, where figures are shown."""
    if not any(map(_is_figure, shown)):
        return list(shown)
    return [each for each in shown if not (each.is_result and _is_artist(each))]


def _is_artist(shown: Shown) -> bool:
    text = shown.data.get("text/plain")
    if len(shown.data) != 1 or not isinstance(text, str) or _is_figure(shown):
        return False
    return bool(_ARTIST.match(text))


def _put_result_last(shown: Sequence[Shown]) -> list[Shown]:
    """Jupyter shows the figures of a cell below its last value, marimo above."""
    return sorted(shown, key=lambda each: each.is_result and not _is_figure(each))


def _drop_repeated(shown: Sequence[Shown]) -> list[Shown]:
    """Jupyter shows a figure that is a cell's last value, and once more when the cell ends."""
    values = {_key(each) for each in shown if each.is_result and _is_figure(each)}
    return [each for each in shown if each.is_result or _key(each) not in values]


def _drop_after_error(shown: Sequence[Shown]) -> list[Shown]:
    """Jupyter shows what a cell has drawn when it fails; marimo shows that it failed."""
    return [each for each in shown if not (each.after_error and _is_figure(each))]


_CODE = re.compile(r"<(/?)(script|style)\b[^<>]*>")
_LINK = re.compile(r"<link\b[^<>]*>")
_LOADED = re.compile(r"application/vnd\.\w+_load\.v0\+json")


def _drop_loaders(shown: Sequence[Shown]) -> list[Shown]:
    """Libraries load their scripts into Jupyter's page by showing them; marimo has its own way."""
    return [each for each in shown if each.is_result or not _is_loader(each)]


def _is_loader(shown: Shown) -> bool:
    html = shown.data.get("text/html")
    loads = isinstance(html, str) and ("Loading BokehJS" in html or not _visible(html).strip())
    return loads or any(map(_LOADED.fullmatch, shown.data))


def _visible(html: str) -> str:
    """HTML without its scripts and styles."""
    parts: list[str] = []
    position, inside = 0, ""
    for tag in _CODE.finditer(html):
        if not inside and not tag[1]:
            parts.append(html[position : tag.start()])
            inside = tag[2]
        elif inside == tag[2] and tag[1]:
            position, inside = tag.end(), ""
    return _LINK.sub("", "".join(parts) + ("" if inside else html[position:]))


_ARRANGEMENTS: Mapping[str, Callable[[Sequence[Shown]], list[Shown]]] = {
    "artist-text": _drop_artists,
    "figure-order": _put_result_last,
    "repeated-figure": _drop_repeated,
    "figure-after-error": _drop_after_error,
    "library-loader": _drop_loaders,
}
_OF_JUPYTER = frozenset({"repeated-figure", "figure-after-error"})
"""Those that Jupyter alone does: where the conversion does it, it shows too much."""


def _align(
    references: Sequence[Sequence[Shown]], found: Sequence[Shown], standards: Standards
) -> list[Item]:
    """More or fewer outputs than there were: those that are alike are put together."""
    expected = references[0]
    keys, others = [_key(each) for each in expected], [_key(each) for each in found]
    matcher = SequenceMatcher(None, keys, others, autojunk=False)
    items: list[Item] = []
    for tag, i, j, k, m in matcher.get_opcodes():
        pairs = min(j - i, m - k)
        if tag == "equal":
            continue
        for offset in range(pairs):
            at = [each[i + offset] for each in references]
            items.append(
                _compare_shown(f"output {i + offset + 1}", at, found[k + offset], standards)
            )
        for position in range(i + pairs, j):
            items.append(_alone(f"output {position + 1}", "missing", expected[position]))
        for position in range(k + pairs, m):
            items.append(_alone(f"output {position + 1}", "extra", found[position]))
    return items


def _key(shown: Shown) -> str:
    mime = richest(shown.data)
    return f"{mime}:{as_text(shown.data[mime])}" if mime else ""


def _alone(what: str, verdict: Verdict, shown: Shown) -> Item:
    mime = richest(shown.data)
    text = as_text(shown.data[mime]) if mime else ""
    plain = shown.data.get("text/plain")
    words = _shorten(plain) if isinstance(plain, str) else mime
    if verdict == "missing":
        return Item(what, verdict, mime, expected=text, detail=f"{words} is not shown")
    return Item(what, verdict, mime, found=text, detail=f"{words} was not shown")


def richest(data: Mapping[str, object]) -> str:
    """The format that a reader sees of a bundle; "" of an empty one."""
    for mime, value in data.items():
        if mime.startswith("application/vnd.") and value:  # bokeh's and holoviews' are signs alone
            return mime
    return next((mime for mime in _RICHEST if mime in data), next(iter(data), ""))


def _compare_shown(
    what: str, references: Sequence[Shown], found: Shown, standards: Standards
) -> Item:
    expected = references[0]
    mime = richest(expected.data)
    if not mime:
        return Item(what, "extra" if found.data else "same")
    if mime not in found.data:
        other = richest(found.data) or "nothing"
        detail = f"it is shown as {other} instead of {mime}"
        text = as_text(expected.data[mime])
        return Item(what, "different", mime, text, _text_or_none(found, other), detail=detail)
    item = _compare_format(what, mime, references, found, standards)
    if item.verdict not in ("same", "same-by-rule"):
        return item
    hidden = [
        _compare_format(what, each, references, found, standards)
        for each in expected.data
        if each != mime and each in found.data
    ]
    worst = max(hidden, key=lambda each: WORST.index(each.verdict), default=item)
    rules = list(item.rules)
    if worst.verdict == "unstable":
        return worst
    rules += ["hidden-format"] if worst.verdict in ("different", "missing", "extra") else []
    rules += worst.rules if worst.verdict == "same-by-rule" else ()
    rules += ["fewer-formats"] if expected.data.keys() - found.data.keys() else []
    rules += ["more-formats"] if found.data.keys() - expected.data.keys() else []
    if not rules:
        return Item(what, "same", mime)
    return Item(what, "same-by-rule", mime, rules=tuple(dict.fromkeys(rules)))


def _text_or_none(shown: Shown, mime: str) -> str | None:
    return as_text(shown.data[mime]) if mime in shown.data else None


def _compare_format(
    what: str, mime: str, references: Sequence[Shown], found: Shown, standards: Standards
) -> Item:
    texts = [as_text(each.data.get(mime, "")) for each in references]
    text = as_text(found.data[mime])
    if mime in _PICTURES:
        return _compare_picture(what, mime, texts, text)
    base = "application/json" if mime.endswith("json") else mime
    rules = (*standards.shown, *FORMATS.get(base, ()))
    return _compare_text(what, mime, texts, text, rules, standards)


def _compare_picture(what: str, mime: str, references: Sequence[str], found: str) -> Item:
    expected = references[0]
    varies = len(set(references)) > 1
    if found == expected and not varies:
        return Item(what, "same", mime)
    from nbtools.verify import pictures  # Pillow, so only where two files differ

    try:
        wanted = pictures.decode_picture(expected)
        others = map(pictures.decode_picture, references[1:])
        if varies and any(pictures.compare_pictures(wanted, each) for each in others):
            return Item(what, "unstable", mime, expected, found, cause="the picture varies")
        difference = pictures.compare_pictures(wanted, pictures.decode_picture(found))
    except pictures.PictureError as error:
        verdict: Verdict = "unstable" if varies else "different"
        detail = f"the bytes of the pictures differ, and one cannot be compared: {error}"
        return Item(what, verdict, mime, expected, found, cause="the picture varies", detail=detail)
    if difference is None:
        return Item(what, "same-by-rule", mime, rules=("pixels",))
    return Item(what, "different", mime, expected, found, detail=str(difference))
