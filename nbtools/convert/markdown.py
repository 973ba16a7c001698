r'''Write markdown and raw cells as the reactive cells that show the same.

marimo shows a cell as markdown when it is one call of `mo.md` with one literal. On every save it
takes the value of that literal, strips the white space around it and behind each line, writes
`"\"` for two quotes, and puts the result between the quotes without escaping anything. Its
indentation also tears lines apart at form feeds, U+2028 and their like, and turns no-break spaces
into blanks. So three forms are needed, and no fourth:

1. `mo.md(r"""...""")`, wherever it survives that: nearly always.
2. `mo.md("""...""")`, for text with two quotes in a row and no backslash: the one case where
   marimo's own escape means what it says.
3. `mo.md(text="""...""")` with escapes, for all other text. The keyword makes it code for marimo,
   which it keeps as it is; what is shown does not change.

What mo.md gets equals the cell's source but for these, which no reader of the result can see:
white space at the end of lines and blank lines around the text; `<br>` for a hard line break
(two blanks at the end of a line would be stripped, and marimo does not know the backslash); tabs
that indent are blanks (mo.md takes a tab for 8 columns, markdown for 4); up to three blanks
before the text are taken away; other white space before it stands behind an empty comment, which
keeps marimo from stripping it; an attachment is a data URI.
'''

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from nbtools.cells import Cell

# What marimo's save changes inside a literal, and what no source file should or can hold.
_DAMAGED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\xa0\u2028\u2029\ud800-\udfff]")


def markdown_source(cell: Cell) -> str:
    """The source of the reactive cell that shows a markdown cell."""
    lines = _mark_hard_breaks([_expand_indent(line) for line in cell.source.split("\n")])
    lines = _guard_start(_strip_blank_lines([line.rstrip() for line in lines]))
    return _call_md(_embed_attachments("\n".join(lines), cell.attachments))


def raw_source(cell: Cell) -> str:
    """The source of the reactive cell that shows a raw cell as Jupyter does: as plain text.

    A fenced block, not comments: `marimo check --fix` deletes cells of comments.
    """
    text = "\n".join(line.rstrip() for line in cell.source.split("\n"))
    if not text.strip():
        return _call_md("")
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return _call_md(f"{fence}text\n{text}\n{fence}")


def _call_md(text: str) -> str:
    damaged = _DAMAGED.search(text) is not None
    if not damaged and '""' not in text:
        return f'mo.md(r"""\n{text}\n""")'
    keyword = "text=" if damaged or "\\" in text else ""
    return f'mo.md({keyword}"""\n{_escape(text)}\n""")'


def _escape(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('""', '"\\"')  # the latter as marimo writes it
    return _DAMAGED.sub(lambda match: ascii(match[0])[1:-1], text)


# --- white space around the text ------------------------------------------------------------


def _expand_indent(line: str) -> str:
    """Put blanks for the tabs that indent a line, with markdown's tab stop of 4 columns."""
    content = line.lstrip(" \t")
    indent = line[: len(line) - len(content)]
    return indent.expandtabs(4) + content if "\t" in indent else line


def _strip_blank_lines(lines: list[str]) -> list[str]:
    filled = [number for number, line in enumerate(lines) if line]
    return lines[filled[0] : filled[-1] + 1] if filled else []


_LIST = re.compile(r" *([-+*]|[0-9]{1,9}[.)])( +|$)")
_PLAIN = re.compile(r" *(#{1,6} |[^\W\d])")  # a heading, or a paragraph that begins with a letter


def _guard_start(lines: list[str]) -> list[str]:
    """Keep marimo, which strips white space before the text, from changing its meaning."""
    if not lines or not lines[0][0].isspace():
        return lines
    count = _lines_to_dedent(lines)
    if count == 0:
        return ["<!-- -->", *lines]
    indent = _indent(lines[0])
    return [line[indent:] for line in lines[:count]] + lines[count:]


def _lines_to_dedent(lines: list[str]) -> int:
    """How many lines can lose the first line's indent and mean the same; 0: none."""
    indent = _indent(lines[0])
    if not 1 <= indent <= 3 or lines[0][indent].isspace():
        return 0
    if _PLAIN.match(lines[0]):
        return 1
    end = next((n for n, line in enumerate(lines) if line and _indent(line) < indent), len(lines))
    if end < len(lines) and _indent(lines[end]) > 0:
        return 0
    is_list = _LIST.match(lines[0]) is not None
    return end if is_list or all(_indent(line) < 4 for line in lines[:end]) else 0


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


# --- hard line breaks -----------------------------------------------------------------------

_HARD_BREAK = re.compile(r"(?<=\S)(?: {2,}|(?<!\\)\\)$")
_QUOTE = re.compile(r"^(?: {0,3}> ?)+")
_FENCE = re.compile(r"\s*(?:(?:[-+*]|[0-9]{1,9}[.)])\s+)?(`{3,}|~{3,})(?!.*`)")
_HEADING_OR_RULE = re.compile(r" {0,3}(?:#{1,6}(?:\s|$)|(?:([-_*=])[ \t]*)(?:\1[ \t]*)*$)")
_HTML = re.compile(
    r" {0,3}(?:<(?:/?(?:address|article|aside|blockquote|body|caption|center|dd|details|div|dl|dt"
    r"|fieldset|figcaption|figure|footer|form|h[1-6]|head|header|hr|html|iframe|li|link|main|nav"
    r"|ol|p|pre|script|section|style|summary|table|tbody|td|textarea|tfoot|th|thead|title|tr|ul)"
    r"(?:[\s/>]|$)|!--)|</?[A-Za-z][^<>]*>\s*$)",
    re.IGNORECASE,
)
_TABLE_RULE = re.compile(r"\s*(?:\|\s*)?:?-+:?\s*(?:\|\s*:?-+:?\s*)*(?:\|\s*)?$")


def _mark_hard_breaks(lines: list[str]) -> list[str]:
    """Write `<br>` where two blanks or a backslash at the end of a line break it."""
    if not any(map(_HARD_BREAK.search, lines)):
        return lines
    content = [_QUOTE.sub("", line, count=1) if ">" in line else line for line in lines]
    other = _fenced(content)
    other |= _indented(content, other) | _html(content, other) | _tables(content)
    other |= {n for n, line in enumerate(content) if not line.strip()}
    math = _lines_in_math(content, other)
    return [
        _HARD_BREAK.sub("<br>", line)
        if n not in other and n not in math and n + 1 not in other and _continues(content, lines, n)
        else line
        for n, line in enumerate(lines)
    ]


def _continues(content: list[str], lines: list[str], number: int) -> bool:
    """Tell whether the paragraph of a line goes on in the next line."""
    if number + 1 == len(lines) or _HEADING_OR_RULE.match(content[number]):
        return False
    following = content[number + 1]
    starts_quote = following != lines[number + 1] and content[number] == lines[number]
    return not (starts_quote or _HEADING_OR_RULE.match(following) or _LIST.match(following))


def _fenced(lines: list[str]) -> set[int]:
    """The lines (0-based) of fenced code, fences included."""
    found, fence = set(), ""
    for number, line in enumerate(lines):
        if fence:
            found.add(number)
            text = line.strip()
            if text.startswith(fence) and not text.strip(fence[0]):
                fence = ""
        elif start := _FENCE.match(line):
            found.add(number)
            fence = start[1]
    return found


def _indented(lines: list[str], skip: set[int]) -> set[int]:
    """The lines (0-based) of indented code: 4 columns deeper than the text they follow."""
    found: set[int] = set()
    base, may_start = 0, True  # base: the column where the text of the last list item begins
    for number, line in enumerate(lines):
        indent, item = _indent(line), _LIST.match(line)
        if not line.strip() or number in skip:
            may_start = True
        elif may_start and indent >= base + 4:
            found.add(number)
        else:
            ends = _HEADING_OR_RULE.match(line) is not None
            if item and not ends and indent < base + 4:
                base = item.end()
            elif (may_start or ends) and indent < min(base, 2):
                base = 0
            may_start = ends
    return found


def _html(lines: list[str], skip: set[int]) -> set[int]:
    """The lines (0-based) of HTML blocks, which end at a blank line."""
    found: set[int] = set()
    inside = False
    for number, line in enumerate(lines):
        inside = number not in skip and bool(line.strip()) and (inside or bool(_HTML.match(line)))
        if inside:
            found.add(number)
    return found


def _tables(lines: list[str]) -> set[int]:
    """The lines (0-based) of tables: a row, a rule, and all rows up to a blank line."""
    found: set[int] = set()
    for number, line in enumerate(lines):
        is_rule = number > 0 and "|" in lines[number - 1] and _TABLE_RULE.match(line)
        if is_rule and "-" in line:
            found |= {number - 1, number}
        elif number - 1 in found and line.strip():
            found.add(number)
    return found


_MATH = re.compile(r"\\\$|`[^`]*`|(\$\$|\$|\\begin\{|\\end\{|\\\\\[|\\\\\])")


def _lines_in_math(lines: list[str], skip: set[int]) -> set[int]:
    """The lines (0-based) at whose end a formula is open."""
    found: set[int] = set()
    display, depth = False, 0
    pending: list[int] = []  # lines since a `$` that is mathematics only if another follows
    for number, line in enumerate(lines):
        inline = bool(pending)
        for mark in [] if number in skip else filter(None, _MATH.findall(line)):
            if mark == "$$":
                display = not display
            elif mark == "$":
                found.update(pending)
                inline, pending = not inline, []
            else:
                depth = max(0, depth + (1 if mark in ("\\begin{", "\\\\[") else -1))
        if not line.strip():
            inline, pending = False, []
        if inline:
            pending.append(number)
        if display or depth:
            found.add(number)
    return found


# --- attachments ----------------------------------------------------------------------------


def _embed_attachments(text: str, attachments: Mapping[str, Mapping[str, str]]) -> str:
    """Put the data of attachments where links name them."""
    urls = {}
    for name, bundle in attachments.items():
        if bundle:
            urls[name] = urls[quote(name)] = _data_url(bundle)
    if not urls or "attachment:" not in text:
        return text
    names = "|".join(re.escape(name) for name in sorted(urls, key=len, reverse=True))
    link = re.compile(rf"""(?<=[(<"'\s])attachment:({names})(?=[)>"'\s]|$)""")
    return link.sub(lambda match: urls[match[1]], text)


def _data_url(bundle: Mapping[str, str]) -> str:
    mime = next((mime for mime in bundle if mime.startswith("image/")), next(iter(bundle)))
    data = bundle[mime]
    if data.lstrip().startswith("<"):  # SVG that was saved as text
        return f"data:{mime},{quote(data)}"
    return f"data:{mime};base64,{''.join(data.split())}"
