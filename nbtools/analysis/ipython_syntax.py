"""IPython's grammar: which lines of a cell are magics, shell commands, help and the like.

What `IPython.core.inputtransformer2` recognises is recognised here, by the same tokens, but in
one pass: IPython tokenizes the whole cell again after each construct it finds.
"""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from nbtools.lazy_patterns import lazy_pattern

Kind = Literal["magic", "shell", "capture", "help", "call"]

# What IPython has without an extension, plus what ipykernel adds: only these words are automagic.
LINE_MAGICS = frozenset(
    """alias alias_magic autoawait autocall automagic autoreload autosave bookmark cat cd clear
    code_wrap colors conda config connect_info cp debug dhist dirs doctest_mode ed edit env gui
    hist history killbgscripts ldir less lf lk ll load load_ext loadpy logoff logon logstart
    logstate logstop ls lsmagic lx macro magic mamba man matplotlib micromamba mkdir more mv
    notebook page pastebin pdb pdef pdoc pfile pinfo pinfo2 pip popd pprint precision prun psearch
    psource pushd pwd pycat pylab qtconsole quickref recall rehashx reload_ext rep rerun reset
    reset_selective rm rmdir run save sc set_env subshell sx system tb time timeit unalias
    unload_ext uv who who_ls whos xdel xmode""".split()
)

_ESCAPES = frozenset("!?%,;/")
# Each begins with a character that is rare, or searched for fast.
_HINTS = tuple(
    (needle, re.compile(pattern))
    for needle, pattern in (
        ("\n", r"\n[ \t\f]*[!?%,;/]"),  # an escape at the start of a line
        ("=", r"=\s*[!%]"),  # x = %magic, x = !command
        ("?", r"\?[ \t\f\\]*\n"),  # help at the end of a line
        ("\n", r"\A\s*\n[ \t\f]+\S"),  # the whole cell may be indented
        (">>>", r"\n[ \t]*>>>"),  # prompts that were pasted in
        ("In [", r"In \[\d+\]: "),
        ("...:", r"\n[ \t]*\.{3,}:"),
    )
)
_SUSPECT = lazy_pattern(r"\s*[!?%,;/]|.*=\s*[!%]|.*\?[\s\\]*$")
_WHOLE = lazy_pattern(r"""[^'"()\[\]{}\\]*\Z""")  # a physical line that is a logical line for sure
_HELP_END = lazy_pattern(r"(%{0,2}(?!\d)[\w*]+(\.(?!\d)[\w*]+|\[-?[0-9]+\])*)(\?\??)$")
_CELL_HELP = lazy_pattern(r"%%\w+\?")
_AUTOMAGIC = lazy_pattern(r"\s*([A-Za-z_]\w*)(?![\w.*])\s*(.*)")
_IPYTHON_PROMPT = lazy_pattern(r"^(((\[nav\]|\[ins\])? )?In \[\d+\]: |\s*\.{3,}: ?)")
_CLASSIC_PROMPT = lazy_pattern(r"^\s*(>>>|\.\.\.)([ \t]|$)")


class Construct(Struct, frozen=True):
    """One piece of IPython syntax in the lines of a cell."""

    kind: Kind
    start: int  # 0-based index of its first line
    end: int  # 0-based index of the line after its last
    column: int  # 0-based, in characters, where it begins; what stands before it stays
    name: str  # of a magic, without %; the function of a call; "" otherwise
    text: str  # a magic's arguments, a command, a help target, a call's rest; one line
    escape: str  # as typed: "%", "!", "!!", "?", "??", ",", ";", "/"
    assigned: bool = False  # the right side of `x = ...`


def may_hold_ipython(source: str) -> bool:
    """Tell cheaply whether a cell may hold IPython syntax; False is certain."""
    text = f"\n{source}\n"
    for needle, pattern in _HINTS:
        if needle in text and pattern.search(text):
            return True
    return "\n" not in source.strip() and find_automagic(source.split("\n")) is not None


def clean_lines(lines: Sequence[str]) -> list[str]:
    """Remove the indentation of a whole cell and pasted prompts; the lines stay as many."""
    cleaned = _strip_prompts(_dedent(lines))
    return list(cleaned)


def find_cell_magic(lines: Sequence[str]) -> int | None:
    """The index of the line `%%magic` that makes the rest of the cell its body, if there is one."""
    first = next((index for index, line in enumerate(lines) if line.strip()), None)
    if first is None or not lines[first].startswith("%%") or _CELL_HELP.match(lines[first]):
        return None
    return first


def split_magic(text: str) -> tuple[str, str]:
    """Split what follows `%` or `%%` into the magic's name and its arguments."""
    # IPython splits `% time f()` into an empty name; authors of old notebooks meant `%time f()`
    name, _, rest = text.strip().partition(" ")
    return name, rest


def find_automagic(lines: Sequence[str]) -> tuple[str, str] | None:
    """The magic and arguments of a cell like `ls -l` or `pwd`, whether or not the word is bound.

    IPython does this for cells of a single line only.
    """
    used = [line for line in lines if line.strip()]
    if len(used) != 1 or (len(lines) > 1 and not lines[-1].strip() and not lines[-2].strip()):
        return None
    match = _AUTOMAGIC.match(used[0])
    if match is None or match[1] not in LINE_MAGICS or match[2][:1] in ("=", ","):
        return None
    if match[1] == "sc" and "=" not in match[2]:  # a Spark context that others made
        return None
    return match[1], match[2]


def find_constructs(lines: Sequence[str]) -> list[Construct]:
    """Every line of IPython syntax outside cell magics, in order. `lines` have no newlines."""
    suspects = [index for index, line in enumerate(lines) if _SUSPECT.match(line)]
    if not suspects:
        return []
    return list(_scan(lines, last=suspects[-1]))


def _scan(lines: Sequence[str], last: int) -> Iterator[Construct]:
    """Go over the logical lines, as far as the last line that may matter."""
    failed: set[str] = set()  # IPython tries the first of a kind for ever, so a failure ends it
    index = 0
    while index <= last:
        line = lines[index]
        if _WHOLE.match(line) and not _SUSPECT.match(line):
            index += 1
            continue
        logical = _tokenize_from(lines, index)
        found = _first_construct(lines, index, logical, failed)
        if found is not None:
            yield found
            index = found.end
        elif logical.complete:
            index += logical.height
        else:
            return


class _Logical(Struct, frozen=True):
    """The tokens of one logical line; their rows count from 1 at its first line."""

    tokens: list[tokenize.TokenInfo]
    height: int  # in physical lines
    complete: bool  # False: the cell ends, or cannot be tokenized, before the line does


def _tokenize_from(lines: Sequence[str], index: int) -> _Logical:
    """Read one logical line; of a line that begins with an escape, itself and its continuations.

    What follows `!` is no Python: its brackets and quotes may stay open.
    """
    escaped = lines[index].lstrip()[:1] in _ESCAPES
    stop = _continued_end(lines, index) if escaped else len(lines)
    reader = (lines[number] + "\n" for number in range(index, stop))
    tokens: list[tokenize.TokenInfo] = []
    depth = 0
    try:
        for token in tokenize.generate_tokens(lambda: next(reader, "")):
            tokens.append(token)
            if token.type == tokenize.NEWLINE or (token.type == tokenize.NL and depth <= 0):
                return _Logical(tokens, token.start[0], True)
            if token.type == tokenize.OP:
                depth = _next_depth(depth, token.string)
    except (tokenize.TokenError, SyntaxError):
        pass
    return _Logical(tokens, stop - index, escaped)


def _next_depth(depth: int, operator: str) -> int:
    if operator in ("(", "[", "{"):
        return depth + 1
    if operator in (")", "]", "}"):
        return max(depth - 1, 0)
    return depth


def _first_construct(
    lines: Sequence[str], index: int, logical: _Logical, failed: set[str]
) -> Construct | None:
    """The construct of one logical line; what IPython tries first comes first."""
    here: set[str] = set()
    for kind, find in (("help", _find_help), ("escape", _find_escape), ("assign", _find_assign)):
        if kind in failed:
            continue
        found = find(lines, index, logical.tokens)
        if isinstance(found, Construct):
            return found
        if found is not None:
            here.add(kind)
    failed |= here
    return None


_FAILED: Literal["failed"] = "failed"
_Found = Construct | Literal["failed"] | None


def _find_help(lines: Sequence[str], index: int, tokens: list[tokenize.TokenInfo]) -> _Found:
    """`obj?`, `obj??`, `%magic?`, and whatever else ends in a question mark."""
    if len(tokens) <= 2 or tokens[-2].string != "?":
        return None
    first = _skip_indents(tokens)[0]
    start = index + first.start[0] - 1
    stop = index + tokens[-2].start[0]
    piece = "\n".join(lines[start:stop])[first.start[1] :]
    match = _HELP_END.search(piece)
    if match is None:
        return _FAILED
    return Construct("help", start, stop, first.start[1], "", match[1], match[3])


def _find_escape(lines: Sequence[str], index: int, tokens: list[tokenize.TokenInfo]) -> _Found:
    """`%magic`, `!command`, `!!command`, `?obj`, `,f a b`, `;f a b`, `/f a b`."""
    rest = _skip_indents(tokens)
    if not rest or rest[0].string not in _ESCAPES:
        return None
    start, column = index + rest[0].start[0] - 1, rest[0].start[1]
    end = _continued_end(lines, start)
    text = _join_continued(lines, start, column, end)
    escape = text[:2] if text[:2] in ("!!", "??") else text[:1]
    content = text[len(escape) :]
    if escape == "%":
        name, content = split_magic(content)
        return Construct("magic", start, end, column, name, content, escape)
    if escape in ("!", "!!"):
        kind: Kind = "shell" if escape == "!" else "capture"
        return Construct(kind, start, end, column, "", content, escape)
    if escape in ("?", "??"):
        return Construct("help", start, end, column, "", content, escape)
    name, _, content = content.partition(" ")
    if escape == "/" and not name:
        return _FAILED
    return Construct("call", start, end, column, name, content, escape)


def _find_assign(lines: Sequence[str], index: int, tokens: list[tokenize.TokenInfo]) -> _Found:
    """`x = %magic` and `x = !command`; only the first `=` of the line counts."""
    position = _assignment(tokens)
    if position is None:
        return None
    # before 3.12 the tokenizer gives blanks before "!" as tokens
    rest = [token for token in tokens[position + 1 : position + 10] if not token.string.isspace()]
    if not rest or rest[0].string not in ("%", "!"):
        return None
    if rest[0].string == "%" and (len(rest) < 2 or rest[1].type != tokenize.NAME):
        return None
    if rest[0].string == "!" and tokens[position].line.strip().startswith("="):
        return None
    start, column = index + rest[0].start[0] - 1, rest[0].start[1]
    end = _continued_end(lines, start)
    text = _join_continued(lines, start, column, end)[1:]
    if rest[0].string == "!":
        return Construct("capture", start, end, column, "", text, "!", assigned=True)
    name, arguments = split_magic(text)
    return Construct("magic", start, end, column, name, arguments, "%", assigned=True)


def _assignment(tokens: list[tokenize.TokenInfo]) -> int | None:
    """The position of the first `=` outside brackets."""
    depth = 0
    for position, token in enumerate(tokens):
        if token.string == "=" and depth == 0:
            return position
        depth = _next_depth(depth, token.string)
    return None


def _skip_indents(tokens: list[tokenize.TokenInfo]) -> list[tokenize.TokenInfo]:
    indents = (tokenize.INDENT, tokenize.DEDENT)
    first = next((n for n, token in enumerate(tokens) if token.type not in indents), len(tokens))
    return tokens[first:]


def _continued_end(lines: Sequence[str], start: int) -> int:
    """The index after the last line of a line that goes on by backslashes."""
    end = start
    while end < len(lines) - 1 and lines[end].endswith("\\"):
        end += 1
    return end + 1


def _join_continued(lines: Sequence[str], start: int, column: int, end: int) -> str:
    parts = [lines[start][column:], *lines[start + 1 : end]]
    return " ".join([*(part.rstrip()[:-1] for part in parts[:-1]), parts[-1].rstrip()])


def _dedent(lines: Sequence[str]) -> Sequence[str]:
    """Take away the indentation that all lines share, but leave a cell of comments alone."""
    used = [line for line in lines if line.strip()]
    if not used or not used[0][:1].isspace() or all(line.lstrip()[0] == "#" for line in used):
        return lines
    margin = _common_indent(used)
    if not margin:
        return lines
    return [line[len(margin) :] if line.strip() else "" for line in lines]


def _common_indent(lines: Sequence[str]) -> str:
    low, high = min(lines), max(lines)  # what the extremes share, all share
    width = 0
    while width < min(len(low), len(high)) and low[width] == high[width] and low[width] in " \t":
        width += 1
    return low[:width]


def _strip_prompts(lines: Sequence[str]) -> Sequence[str]:
    """Remove `>>> ` or `In [1]: ` where the cell begins with one: such a cell is no Python."""
    first = next((index for index, line in enumerate(lines) if line.strip()), None)
    if first is None:
        return lines
    head = lines[first : first + 2]
    if any(_IPYTHON_PROMPT.match(line) for line in head):
        return [_IPYTHON_PROMPT.sub("", line, count=1) for line in lines]
    if not _starts_with_prompt(lines, first):
        return lines
    return _dedent([_CLASSIC_PROMPT.sub("", line, count=1) for line in lines])


def _starts_with_prompt(lines: Sequence[str], first: int) -> bool:
    """Whether the first line that is no comment has a `>>>` prompt."""
    for line in lines[first:]:
        if line.strip() and not line.lstrip().startswith("#"):
            return line.lstrip().startswith(">>>") and _CLASSIC_PROMPT.match(line) is not None
    return False
