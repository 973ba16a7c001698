"""What becomes of the tokens that mean a renamed name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import libcst as cst

from nbtools.convert.cell_edits import Names
from nbtools.convert.replacements import Replace
from nbtools.convert.scopes import Use, imported_name, notebook_uses
from nbtools.convert.tree import child_nodes, code_of

_String = cst.FormattedString | cst.TemplatedString
_Shown = cst.FormattedStringExpression | cst.TemplatedStringExpression


def rename_in_statement(
    statement: cst.CSTNode, names: Names
) -> Iterator[tuple[cst.CSTNode, Replace]]:
    """The nodes of a statement that a rename changes, each with its change.

    Raises:
        ValueError: `import a.b` cannot bind another name than `a`, or a raw string cannot
            show what `{x=}` showed.
    """
    wanted = names.loads.keys() | names.stores.keys() | names.late.keys()
    renamed = False
    for use in notebook_uses(statement, wanted):
        new = _new_name(use, names)
        if new is not None and new != use.name:
            renamed = True
            yield use.node, _renaming(use.node, new)
    if renamed:
        yield from _keep_shown(statement)


def _new_name(use: Use, names: Names) -> str | None:
    if use.late:
        late = names.late.get(use.name)
        return names.stores.get(use.name) if late is None and use.declared else late
    mapping: Mapping[str, str] = names.stores if use.role == "store" else names.loads
    return mapping.get(use.name)


def _renaming(node: cst.Name | cst.ImportAlias, new: str) -> Replace:
    if isinstance(node, cst.Name):
        return lambda updated: updated.with_changes(value=new)
    imported = code_of(node.name)
    if node.asname is None and "." in imported:
        raise ValueError(f"`import {imported}` cannot bind {imported_name(node)} as {new}")
    asname = None if imported == new else _as_name(node, new)
    return lambda updated: updated.with_changes(asname=asname)


def _as_name(alias: cst.ImportAlias, new: str) -> cst.AsName:
    name = cst.Name(new)
    return alias.asname.with_changes(name=name) if alias.asname else cst.AsName(name)


def _keep_shown(statement: cst.CSTNode) -> Iterator[tuple[cst.CSTNode, Replace]]:
    """The `{x=}` of f-strings, which show the names in them."""
    todo: list[tuple[cst.CSTNode, _String | None]] = [(statement, None)]
    while todo:
        node, string = todo.pop()
        if isinstance(node, _String):
            string = node
        elif isinstance(node, _Shown) and node.equal is not None and string is not None:
            yield node, _showing(node, string.start)
        todo.extend((child, string) for child in child_nodes(node))


def _showing(original: _Shown, start: str) -> Replace:
    """Make `x={x_1!r}` of `{x=}`, if its expression did change.

    Python formats `{x=}` with repr, but `{x=:.2f}` and `{x=!s}` as they say.
    """

    def show(updated: cst.CSTNode) -> cst.CSTNode | cst.FlattenSentinel[cst.CSTNode]:
        assert isinstance(updated, _Shown)
        shown = code_of(original.expression)
        code = code_of(updated.expression)
        if shown == code:
            return updated
        plain = original.conversion is None and original.format_spec is None
        part = updated.with_changes(
            equal=None,
            conversion="r" if plain else updated.conversion,
            whitespace_before_expression=cst.SimpleWhitespace(" " if code.startswith("{") else ""),
            whitespace_after_expression=cst.SimpleWhitespace(""),
        )
        text = _literal_text(_shown_text(original), start)
        kind: type[cst.CSTNode] = (
            cst.FormattedStringText
            if isinstance(original, cst.FormattedStringExpression)
            else cst.TemplatedStringText
        )
        return cst.FlattenSentinel([kind(text), part])  # type: ignore[call-arg]

    return show


def _shown_text(node: _Shown) -> str:
    """What `{ x = }` shows before the value: all between the brace and the value."""
    return code_of(node.with_changes(conversion=None, format_spec=None))[1:-1]


def _literal_text(text: str, start: str) -> str:
    """Write text inside a string that starts like this: f", rf''' and so on."""
    quotes = start.lstrip("rRfFtTbBuU")
    raw = "r" in start.lower()
    special = "\\" in text or quotes[0] in text or ("\n" in text and len(quotes) == 1)
    if special and raw:
        raise ValueError(f"a raw string cannot show {text!r} once its name is changed")
    if special:
        text = text.replace("\\", "\\\\").replace(quotes[0], "\\" + quotes[0])
        text = text if len(quotes) == 3 else text.replace("\n", "\\n")
    return text.replace("{", "{{").replace("}", "}}")
