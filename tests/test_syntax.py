"""Trees of Python source, and the nodes below a node."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from strategies import Written, notebooks

from nbtools.syntax import awaits, child_nodes, parse_source

SILENT = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)

SOURCES = [
    "x = [1, -2, *a][b:c] if not d else {e: f, **g}",
    "def f(a, /, b: int = 1, *c, d=2, **e) -> int:\n    global x\n    return x and (yield)",
    "class C(B, metaclass=M):\n    @d\n    async def f(self): await x",
    "match x:\n    case {'a': [1, *b], **rest} | C(y=2) as z if z: pass",
    "try:\n    import a.b as c\nexcept (E, F) as e:\n    raise G from e\nfinally:\n    del c",
    "(f'{x!r:>{width}}', lambda y=1: [z for z in y if z], (w := 1))",
]


@pytest.mark.parametrize("source", SOURCES)
def test_children_are_those_of_ast_that_say_something(source: str) -> None:
    for node in ast.walk(ast.parse(source)):
        children = [c for c in ast.iter_child_nodes(node) if not isinstance(c, SILENT)]
        assert child_nodes(node) == children


@given(notebooks())
def test_children_of_any_program(written: Written) -> None:
    for source in written.cells:
        test_children_are_those_of_ast_that_say_something(source)


def test_a_source_is_parsed_once() -> None:
    assert parse_source("x = 'parsed once'") is parse_source("x = 'parsed once'")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = 1", False),
        ("await x", True),
        ("async with x: pass", True),
        ("[y async for y in x]", True),
        ("async def f(): await x", False),
        (r"'\d'", False),  # Python would warn
    ],
)
@pytest.mark.filterwarnings("error")
def test_awaits(source: str, expected: bool) -> None:
    assert awaits(source) is expected


@pytest.mark.parametrize("source", ["x = ", "return", "f(a=1, a=2)", "break"])
def test_what_is_no_cell_is_a_syntax_error_each_time(source: str) -> None:
    for _ in range(2):
        with pytest.raises(SyntaxError):
            awaits(source)
