"""The value that a cell ends in: whether it is surely None, and how to keep it from being shown."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Literal

from nbtools.analysis.facts import Statement
from nbtools.convert.scripts import Script, revise
from nbtools.convert.splice_text import Splice, Text, apply_splices
from nbtools.syntax import dotted_name, parse_source

ValueKind = Literal["none", "value", "unknown"]

_NO_VALUE = frozenset(
    """print display help exec setattr delattr breakpoint pprint pprint.pprint time.sleep
    cProfile.run logging.basicConfig os.makedirs os.mkdir os.remove np.set_printoptions
    numpy.set_printoptions pd.set_option pandas.set_option sns.set sns.set_theme sns.set_style
    warnings.warn warnings.filterwarnings warnings.simplefilter random.seed np.random.seed
    numpy.random.seed show_figures shell write_file change_directory set_variable time_it
    show_value mo.output.append mo.output.replace""".split()
)
"""Functions that return None, by the names under which notebooks call them."""
_NO_VALUE_AS_METHOD = frozenset(
    """clear_output set_axis_off set_axis_on set_aspect set_xscale set_yscale tick_params
    invert_xaxis invert_yaxis autofmt_xdate minorticks_on minorticks_off tight_layout
    subplots_adjust""".split()
)
"""Methods of widgets, axes and figures that return None, whatever they are called on."""
_PYPLOT = frozenset({"plt", "pyplot", "pylab", "matplotlib.pyplot"})
NOTHING_IN_PYPLOT = frozenset(
    """show tight_layout savefig close grid sca box draw margins subplots_adjust minorticks_on
    clf cla ticklabel_format tick_params""".split()
)
"""Functions of pyplot that return None."""
_IN_PLACE = frozenset({"append", "extend", "insert", "update"})
_IN_PLACE_WITHOUT_ARGUMENTS = frozenset({"sort", "reverse", "clear"})
_SORT_OPTIONS = frozenset({"key", "reverse"})
_MODULES = frozenset({"np", "numpy", "pd", "pandas", "tf", "torch", "jnp", "bisect", "pl"})
_VALUES = (
    *(ast.Compare, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.JoinedStr, ast.Lambda),
    *(ast.Tuple, ast.List, ast.Dict, ast.Set),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
    *(ast.Name, ast.Attribute, ast.Subscript, ast.NamedExpr),
)
"""Expressions that people end a cell in to see a value; a name that holds None is rare."""


def value_kind(node: ast.expr) -> ValueKind:
    """What is known of an expression's value; most calls are "unknown"."""
    if isinstance(node, ast.Constant):
        return "none" if node.value is None else "value"
    if isinstance(node, ast.IfExp):
        kinds = {value_kind(node.body), value_kind(node.orelse)}
        return kinds.pop() if len(kinds) == 1 else "unknown"
    if isinstance(node, ast.Call):
        return "none" if _returns_none(node) else "unknown"
    return "value" if isinstance(node, _VALUES) else "unknown"


def _returns_none(node: ast.Call) -> bool:
    called = dotted_name(node.func) or ""
    root, _, name = called.rpartition(".")
    method = node.func.attr if isinstance(node.func, ast.Attribute) else called
    if called == "display" and any(k.arg == "display_id" for k in node.keywords):
        return False  # it gives a handle
    if called in _NO_VALUE or method in _NO_VALUE_AS_METHOD:
        return True
    if root in _PYPLOT and name in NOTHING_IN_PYPLOT:
        return True
    if any(k.arg == "inplace" and _is_true(k.value) for k in node.keywords):
        return True
    return isinstance(node.func, ast.Attribute) and _changes_in_place(node, node.func)


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _changes_in_place(node: ast.Call, method: ast.Attribute) -> bool:
    """`xs.append(1)`; not `np.append(a, b)`, and not polars' `df.sort("a")`."""
    if isinstance(method.value, ast.Name) and method.value.id in _MODULES:
        return False
    if method.attr in _IN_PLACE:
        return True
    options = {keyword.arg or "" for keyword in node.keywords}
    bare = not node.args and options <= _SORT_OPTIONS
    return bare and method.attr in _IN_PLACE_WITHOUT_ARGUMENTS


def statement_kind(script: Script, statement: Statement) -> ValueKind:
    """What is known of the value of one of the cell's statements; "none" if it has none."""
    node = parse_source(script.source).body[statement.index]
    return value_kind(node.value) if isinstance(node, ast.Expr) else "none"


def last_value_kind(script: Script) -> ValueKind:
    """What is known of the value that the cell shows; "none" if it shows none."""
    return statement_kind(script, script.statements[-1]) if script.shows else "none"


def wrap_values(source: str, values: Sequence[ast.expr], function: str, options: str = "") -> str:
    """The source with some of its expressions given to a function, with options."""
    text = Text(source)
    splices: list[Splice] = []
    for node in values:
        brackets = isinstance(node, ast.Tuple) and _is_bare(node, text.of(node))
        before, after = ("((", ")") if brackets else ("(", "")
        after += f", {options})" if options else ")"
        start, end = text.start(node), text.end(node)
        splices.append(Splice(start, start, f"{function}{before}".encode()))
        splices.append(Splice(end, end, after.encode()))
    return apply_splices(text, splices)


def _is_bare(value: ast.Tuple, text: bytes) -> bool:
    """Whether a tuple has no brackets of its own: `(a), (b)` has none, nor has `a,`."""
    call = ast.parse(b"f(" + text + b")", mode="eval").body
    return not isinstance(call, ast.Call) or list(map(ast.dump, call.args)) != [ast.dump(value)]


def silence_value(script: Script) -> Script:
    """The script with `;` behind its last expression, which keeps its value from being shown."""
    last = ast.parse(script.source).body[-1]
    lines = script.text_lines()
    row = (last.end_lineno or last.lineno) - 1
    text = lines[row].encode()
    column = last.end_col_offset or len(text)
    lines[row] = (text[:column] + b";" + text[column:]).decode()
    return revise(script, "\n".join(lines))
