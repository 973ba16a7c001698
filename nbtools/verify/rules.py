"""The named rules: what may differ between two texts that a reader would call the same.

No rule is tried where texts are equal; each one that was needed is named in the report, with what
it says. They are few where a conversion is compared with a fresh run of its original, and more
where a run is compared with outputs saved long ago by other versions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from html.parser import HTMLParser
from typing import Any

from msgspec import Struct


class Rule(Struct, frozen=True):
    """One rule: applied to both sides alike."""

    name: str
    what: str  # what it sets aside, in words for the report
    apply: Callable[[str], str]


def apply_rules(rules: Sequence[Rule], a: str, b: str) -> tuple[str, str, tuple[str, ...]]:
    """Both texts after the rules, and the names of those that matter.

    If the texts become equal, these are no more than it takes; else all that change something.
    """
    chosen = [rule for rule in rules if (rule.apply(a), rule.apply(b)) != (a, b)]
    left, right = follow_rules(chosen, a), follow_rules(chosen, b)
    if left == right:
        for rule in list(chosen):
            others = [each for each in chosen if each is not rule]
            if follow_rules(others, a) == follow_rules(others, b):
                chosen = others
    return left, right, tuple(rule.name for rule in chosen)


def follow_rules(rules: Sequence[Rule], text: str) -> str:
    """A text after rules, one after the other."""
    for rule in rules:
        text = rule.apply(text)
    return text


def _substitute(name: str, what: str, pattern: str, replacement: str) -> Rule:
    compiled = re.compile(pattern)
    return Rule(name, what, lambda text: compiled.sub(replacement, text))


# --- a conversion against its original ----------------------------------------------------------

PLACES = _substitute(
    "place",
    "where in the notebook a message points to",
    # Runs are matched from their start on: from each character would take the square of the time.
    r"(?<!\s)\s*\([^()\n]*#cell-\d+[^()\n]*\)"
    r"|(?<![^\s\"'()])[^\s\"'()]*#cell-\d+(?:[:,]?(?: line)? ?\d+)?"
    r"|(?<!\S)\S+:cell \d+:\d+: ?",
    "",
)
WARNING_LINES = _substitute(
    "source-line",
    "the line of code that a warning quotes",
    r"(?s)(?<=Warning: )((?:(?!Warning: ).)*)\n  \S[^\n]*",  # the message may have many lines
    r"\1\n  ...",
)

TRACEBACKS = _substitute(
    "traceback",
    "the lines above the message of an error that is told and does not end the cell",
    r"(?ms)^(?:-{40,}\n)?[^\n]*Traceback \(most recent call last\)"
    r"(?:.*?^(?:The above exception was|During handling of)[^\n]*$)*.*?^(?=[A-Za-z_][\w.]*: )",
    "",
)

USAGE_ERRORS = _substitute(
    "usage-error",
    "IPython's complaint about a magic, where the conversion has none",
    r"(?m)^UsageError: .*\n?",
    "",
)

SYNTAX_WARNINGS = _substitute(
    "syntax-warning",
    "how often Python warns of a cell's syntax: IPython compiles it more than once",
    r"(?m)^<>:\d+: \w+Warning: [^\n]*\n?",
    "",
)


def _tell_fonts_once(text: str) -> str:
    told: set[str] = set()
    kept = []
    for line in text.splitlines(keepends=True):
        message = line.rstrip("\n")
        if message not in told:
            kept.append(line)
        if message.startswith("findfont: "):
            told.add(message)
    return "".join(kept)


FONTS = Rule(
    "missing-font",
    "how often matplotlib says that it has no such font: each time it draws",
    _tell_fonts_once,
)

TIMINGS = _substitute(
    "timing-magic",
    "what `%time` and `%timeit` print: a conversion does not measure",
    r"(?m)^(?:CPU times: .*|Wall time: .*|(?:[\d.]+ \w+|.*) ± .* per loop \(mean ± .*)\n?"
    r"|^(?:The slowest run took .*\n.*\n?|\d+ loops, best of .*\n?)",
    "",
)

AUTOSAVE = _substitute(
    "autosave",
    "what `%autosave` says: a conversion is saved by marimo",
    r"(?m)^(?:Autosaving every \d+ seconds|Autosave disabled)\n?",
    "",
)


def rename_back(names: Mapping[str, str]) -> Rule:
    """The author's names for those that the conversion gave: new name -> old name."""
    words = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    pattern = re.compile(rf"\b(?:{words})\b" if words else r"(?!)")
    return Rule(
        "renamed",
        "names that the conversion gave, in messages",
        lambda text: pattern.sub(lambda found: names[found[0]], text),
    )


def conversion_rules(renamed: Rule) -> tuple[Rule, ...]:
    """What may differ between a conversion and its original; `renamed` has its names."""
    return (
        PLACES,
        renamed,
        WARNING_LINES,
        TRACEBACKS,
        USAGE_ERRORS,
        SYNTAX_WARNINGS,
        FONTS,
        TIMINGS,
        AUTOSAVE,
    )


# --- formats ------------------------------------------------------------------------------------


class _Tags(HTMLParser):
    """The tags and words of HTML, however they are written."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = "".join(f" {name}={value!r}" for name, value in sorted(attrs, key=str))
        self.parts.append(f"<{tag}{told}>")

    def handle_endtag(self, tag: str) -> None:
        self.parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.parts += data.split()


def _read_html(text: str) -> str:
    reader = _Tags()
    reader.feed(text)
    reader.close()
    return "\n".join(reader.parts)


def _read_json(text: str) -> str:
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except (ValueError, RecursionError):
        return text


def _read_latex(text: str) -> str:
    text = text.strip().replace("\\displaystyle", "")
    return " ".join(re.sub(r"^\$+|\$+$|^\\\[|\\\]$|^\\\(|\\\)$", "", text).split())


HTML_LAYOUT = Rule("html-layout", "blanks and the order of attributes in HTML", _read_html)
JSON_ORDER = Rule("json-order", "the order of keys in JSON", _read_json)
LATEX_DELIMITERS = Rule("latex-delimiters", "dollar signs and blanks around LaTeX", _read_latex)
SVG_IDS = _substitute(
    "svg-ids",
    "identifiers and dates that SVG files are given anew",
    r"(?<=id=\")[^\"]*|(?<=#)[\w-]+(?=[\")])|(?<=<dc:date>)[^<]*",
    "",
)


def _count_models_anew(text: str) -> str:
    numbers: dict[str, str] = {}
    return _MODEL.sub(lambda found: numbers.setdefault(found[0], f"p{len(numbers)}"), text)


_MODEL = re.compile(r"\bp\d{4,}\b")
BOKEH_IDS = Rule("bokeh-ids", "how many models bokeh has made before", _count_models_anew)
FORMATS: Mapping[str, tuple[Rule, ...]] = {
    "text/html": (HTML_LAYOUT, BOKEH_IDS),
    "application/javascript": (BOKEH_IDS,),
    "text/latex": (LATEX_DELIMITERS,),
    "text/markdown": (LATEX_DELIMITERS,),
    "image/svg+xml": (SVG_IDS,),
    "application/json": (JSON_ORDER,),
}


# --- a run against outputs saved by other versions ----------------------------------------------

RECORDED: tuple[Rule, ...] = (
    _substitute("address", "addresses in memory", r"\b0x[0-9a-fA-F]{6,}", "0x"),
    PLACES,
    _substitute(
        "ipykernel-place",
        "where in a kernel's files a warning points to",
        r"(?<!\S)\S*(?:ipykernel_\d+/\d+\.py|<ipython-input-[^>]+>|\.py)(?::\d+)?",
        "<cell>",
    ),
    _substitute("figure-size", "the size in a figure's text", r"<Figure size [^>]*>", "<Figure>"),
    _substitute(
        "numpy-scalar",
        "how numpy 2 writes a scalar",
        r"\bnp\.(?:float|int|uint|bool|str)\d*_?\(([^()]*)\)",
        r"\1",
    ),
    _substitute("styler-id", "the identifier of a styled table", r"\bT_[0-9a-f]{5}(?=_|\b)", "T_"),
    _substitute("sklearn-id", "the number of a diagram", r"sk-container-id-\d+", "sk-container-id"),
    _substitute(
        "duration",
        "durations with their unit",
        r"\b\d+(?:\.\d+)?(?:e[+-]?\d+)? ?(?:ns|us|µs|μs|ms|s|sec|seconds|min)\b",
        "<duration>",
    ),
    _substitute(
        "trailing-blanks",
        "blanks at the end of lines",
        r"(?m)(?<![ \t])[ \t]+$|(?<!\n)\n+\Z",
        "",
    ),
)


def all_rules() -> tuple[Rule, ...]:
    """Every rule there is, for the reference."""
    found: dict[str, Rule] = {}
    formats = (rule for rules in FORMATS.values() for rule in rules)
    for rule in (*conversion_rules(rename_back({})), *formats, *RECORDED):
        found.setdefault(rule.name, rule)
    return tuple(found.values())


BUNDLE_RULES: Mapping[str, str] = {
    "pixels": "how a picture is compressed: every pixel is the same",
    "hidden-format": "a format that no reader sees, because a richer one is there and is the same",
    "fewer-formats": "a format that is missing beside the one that readers see, which is the same",
    "more-formats": "a format beside those that there were, which are the same",
    "artist-text": "the text of a matplotlib object, where the figure it belongs to is shown",
    "figure-order": "whether a cell's figures stand above or below its last value",
    "repeated-figure": "a figure that is shown as a cell's last value, and once more as it is",
    "figure-after-error": "a figure that a cell had begun when it failed",
    "library-loader": "scripts and styles that a library loads into Jupyter's page",
}
"""Rules about outputs as a whole, which are more than a change of text."""


def describe_rules() -> Mapping[str, str]:
    """Every rule's name, and what it sets aside."""
    return {**{rule.name: rule.what for rule in all_rules()}, **BUNDLE_RULES}


def as_text(value: Any) -> str:
    """A value of a bundle as text: JSON as JSON writes it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
