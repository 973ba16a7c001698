"""Our grammar against IPython's own."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import (
    TransformerManager,
    has_sunken_brackets,
    make_tokens_by_line,
)

from nbtools.analysis.ipython_syntax import (
    LINE_MAGICS,
    clean_lines,
    find_automagic,
    find_cell_magic,
    find_constructs,
    may_hold_ipython,
)

CELLS = [
    # what IPython sees: 0-based lines, those a construct spans included
    ("%time f(x)", {0}),
    ("x = 1\n%time f(x)\ny = 2", {1}),
    ("if x:\n    %cd ..\n    !ls\nelse:\n\t%pwd", {1, 2, 4}),
    ("x = %pwd\ny = !ls -l\n", {0, 1}),
    ("x = \\\n  %pwd\n", {1}),
    ("x = !", {0}),
    ("x = %", set()),
    ("x, y = !ls", {0}),
    ("x['a'] = %pwd", {0}),
    ("f(a=1)\nx = %env HOME", {1}),
    ("!ls -l \\\n  foo \\\n  bar\nx", {0, 1, 2}),
    ("x = !ls \\\n  foo\ny", {0, 1}),
    ("%time f(x, \\\n   y)\nz", {0, 1}),
    ("!echo \\", {0}),
    ("obj?\nobj??\n?obj\n??obj\n%time?\nobj.attr?\nobj[0]?\n*int*?\na.b*?", set(range(9))),
    ("? \n??", {0, 1}),
    ("obj? # why", set()),
    ("f()?\nobj?", set()),  # the first fails, for ever
    ("x = 3 % 4\ny = x %\\\n z", set()),
    ("print('%d' % x)\n'''\n%time x\n!ls\n?\n'''\nx = '''\n!ls\n'''", set()),
    ("f(\n%time\n!ls\n)\n%pwd", {4}),
    ("[1,\n 2] \\\n % 3\n", set()),
    ("# %time\n#!ls\n", set()),
    (",f a b\n;f a b\n/f a b", {0, 1, 2}),
    ("/ f", set()),
    ("a != b\nx = a != b\nx ==!ls\n", set()),
    ("!echo (\nx = 1\n!ls )\n", {0, 2}),
    ("!echo it's\nx = 'a'\n%pwd", {0, 2}),
    ('!echo """\nx = 1\n%pwd', {0, 2}),
    ("if x: %time y", set()),
    ("if x: y = %pwd", {0}),
    ("x = 1; %pwd", set()),
    ("def f(x=!ls): pass", set()),
    ("x = y = %pwd", set()),
    ("x: int = %pwd", {0}),
    ("x += !ls", set()),
    ("@%pwd", set()),
    ("%", {0}),
    ("% time f()", {0}),
    ("x = % 3", set()),
    ("x = %time f(\n  1)", {0}),
    ("x\n%%time\ny", {1}),
    ("!ls foo?\nx", {0}),
    ("x = 'a' 'b'?\nx", set()),
    ("lambda: %pwd", set()),
    ("class A:\n    !ls\n    def f(self):\n        %pwd\n", {1, 3}),
    ("try:\n    !ls\nfinally:\n    %pwd\n%cd", {1, 3, 4}),
    ("x = {\n 'a': 1}\nx?\n", {2}),
    ("a = b'''\n%x\n''' ; b\n%x", {3}),
    ("x = (\n  1 +\n", set()),
    ("f'{x}'\n%pwd", {1}),
    ("f'''{x}\n%pwd\n'''\n%cd", {3}),
    ("\\\n%pwd", {1}),
    ("x\\\n%pwd", set()),
]


class Recorder(TransformerManager):
    """IPython's own transformations, with a note of the lines each began and ended on."""

    def lines_seen(self, lines: list[str]) -> set[int]:
        self.origins = list(range(len(lines)))
        self.seen: set[int] = set()
        self.do_token_transforms(lines)  # type: ignore[no-untyped-call]
        return self.seen

    def do_one_token_transform(self, lines: list[str]) -> tuple[bool, list[str]]:
        tokens = make_tokens_by_line(lines)
        kinds: list[Any] = self.token_transformers
        found = [found for kind in kinds if (found := kind.find(tokens))]
        for transformer in sorted(found, key=lambda found: found.sortby()):
            try:
                new = transformer.transform(lines)
            except SyntaxError:
                continue
            start, removed = transformer.start_line, len(lines) - len(new) + 1
            self.seen.update(self.origins[start : start + removed])
            del self.origins[start + 1 : start + removed]
            return True, new
        return False, lines


def lines_we_see(lines: list[str]) -> set[int]:
    return {line for found in find_constructs(lines) for line in range(found.start, found.end)}


def lines_ipython_sees(lines: list[str]) -> set[int] | None:
    """None where IPython cannot read the cell at all."""
    try:
        return Recorder().lines_seen(  # type: ignore[no-untyped-call]
            [line + "\n" for line in lines]
        )
    except (SyntaxError, RuntimeError):
        return None


@pytest.mark.parametrize(("source", "expected"), CELLS)
def test_lines_are_seen(source: str, expected: set[int]) -> None:
    assert lines_we_see(source.split("\n")) == expected
    assert may_hold_ipython(source) or not expected


@pytest.mark.parametrize(("source", "expected"), CELLS)
def test_table_is_what_ipython_does(source: str, expected: set[int]) -> None:
    assert lines_ipython_sees(source.split("\n")) == expected


# fmt: off
PIECES = st.sampled_from(
    [
        "x = 1", "y = x % 2", "if x:", "else:", "for i in x:", "    pass", "    y = 2",
        "    %pwd", "    !ls", "%time f(x)", "%pwd", "!ls -l", '!echo "a', "x = !ls", "x = %pwd",
        "    z = !ls foo", "obj?", "?obj", "%time?", "    obj??", "!!ls", "f(", ")", "[1,", "]",
        "'''", "x = '''a", '"""', "!ls \\", "%time f( \\", "x = \\", "  foo", "x = 'a\\\nb'",
        "# comment", "# %time", ",f a", ";f a", "/f a", "a %", "b", "?", "??", "%", "!", "% x",
        "= !ls", "x == !ls", "x != 3", '"%d" % x', "'!ls'", "f'{x}'", 'f"{x % 2}"',
        "def f(a=1):", "    return %pwd", "x, y = !ls", "x['='] = %pwd", "x.y = %env A",
        "a = b = %pwd", "lambda: x", "@foo", "class A:", "{", "}", "x?  ", "!ls $x?", "!echo '(",
        "%%time", "    ", "\t%pwd", "\tx = 1", "...", "x = ?", "y = 'it''s'", "$x", "x = `ls`",
        "0777", "!echo 08", "x ? y", "",
    ]
)
# fmt: on


def closes_too_much(lines: list[str]) -> bool:
    """Before Python 3.12 the tokenizer loses its way after a closing bracket too many."""
    python = [line + "\n" for line in lines if line.lstrip()[:1] not in set("!%?,;/")]
    try:
        tokens = make_tokens_by_line(python or ["\n"])
    except IndentationError:
        return True
    return bool(has_sunken_brackets([token for line in tokens for token in line]))


def asks_across_a_bracket(lines: list[str]) -> bool:
    """IPython takes `!echo :(` and `obj?` below it for one question, and loses the echo."""
    opens = any(line.lstrip()[:1] in "!%?,;/" and set(line) & set("([{") for line in lines if line)
    return opens and any("?" in line for line in lines)


@given(st.lists(PIECES, max_size=9))
@settings(max_examples=300, deadline=None)
def test_any_cell_is_seen_as_ipython_sees_it(lines: list[str]) -> None:
    lines = [part for line in lines for part in line.split("\n")]
    theirs = lines_ipython_sees(lines)
    if theirs is None or closes_too_much(lines) or asks_across_a_bracket(lines):
        return
    assert lines_we_see(lines) == theirs
    if theirs:
        assert may_hold_ipython("\n".join(lines))


@pytest.mark.parametrize(
    ("source", "cleaned"),
    [
        ("    x = 1\n    if x:\n        y\n", "x = 1\nif x:\n    y\n"),
        ("\n\n  x\n  \n  y", "\n\nx\n\ny"),
        ("  # only\n  # comments", "  # only\n  # comments"),
        ("\tx\n\ty", "x\ny"),
        ("  x\ny", "  x\ny"),
        (">>> x = 1\n>>> if x:\n...     y\n", "x = 1\nif x:\n    y\n"),
        ("In [1]: x = 1\n   ...: y = 2", "x = 1\ny = 2"),
        ("    >>> x\n    >>> y", "x\ny"),
        ('"""\n>>> x\n"""', '"""\n>>> x\n"""'),
        ("x = '''\n    >>> x\n'''", "x = '''\n    >>> x\n'''"),
        ("x\n...", "x\n..."),
    ],
)
def test_indentation_and_prompts_go(source: str, cleaned: str) -> None:
    assert "\n".join(clean_lines(source.split("\n"))) == cleaned
    assert may_hold_ipython(source) or source == cleaned


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("%%time\nx", 0),
        ("\n\n%%time\nx", 2),
        ("# c\n%%time", None),
        ("%%time?", None),
        ("x\n%%time", None),
        ("%time", None),
        ("", None),
    ],
)
def test_cell_magics_stand_first(source: str, line: int | None) -> None:
    assert find_cell_magic(source.split("\n")) == line


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("ls -l", ("ls", "-l")),
        ("pwd", ("pwd", "")),
        ("\n\npwd\n", ("pwd", "")),
        ("pwd\n\n", None),
        ("cd ..", ("cd", "..")),
        ("time f()", ("time", "f()")),
        ("time = 3", None),
        ("ls, x = 1, 2", None),
        ("ls == 1", None),
        ("ls\npwd", None),
        ("ls.x", None),
        ("lsx", None),
        ("sc", None),
        ("x", None),
    ],
)
def test_automagic_is_one_line_that_begins_with_a_magic(
    source: str, words: tuple[str, str] | None
) -> None:
    assert find_automagic(source.split("\n")) == words
    assert may_hold_ipython(source) or words is None


def test_automagic_words_are_ipythons(make_shell: Callable[[], object]) -> None:
    known = set(make_shell().magics_manager.magics["line"])  # type: ignore[attr-defined]
    kernel = {"autosave", "autoreload", "clear", "connect_info", "less", "man", "more"}
    kernel |= {"qtconsole", "subshell"}
    assert known - LINE_MAGICS <= {"fastwho"}
    if sys.platform == "linux":
        assert LINE_MAGICS - kernel - {"mamba", "micromamba", "uv"} <= known | {"ed", "hist"}


@pytest.fixture
def make_shell() -> Callable[[], object]:
    from IPython.core.interactiveshell import InteractiveShell

    return InteractiveShell.instance


@pytest.mark.parametrize(
    "source",
    [
        "!echo (\n" * 3000,
        "f(\n" * 3000,
        "x = 1\n" * 3000 + "%pwd",
        "%pwd\n" * 3000,
        "(" * 3000 + "\n?",
    ],
    ids=["open brackets", "nested", "one at the end", "many", "deep"],
)
def test_cost_is_linear(source: str) -> None:
    start = time.perf_counter()
    find_constructs(source.split("\n"))
    assert time.perf_counter() - start < 2.0  # seconds
