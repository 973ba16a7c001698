"""The edits that concern whole statements, each as the nodes it changes and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import libcst as cst

from nbtools.convert.cell_edits import (
    AssignExpression,
    ExpandStar,
    Names,
    ReplaceCalls,
    WrapExpression,
)
from nbtools.convert.quoting import string_literal
from nbtools.convert.replacements import Replace
from nbtools.convert.scopes import imported_name
from nbtools.convert.statement_splices import LINE_LENGTH
from nbtools.convert.tree import child_nodes, code_of, dotted_name

Changes = Iterator[tuple[cst.CSTNode, Replace]]

_HOLE = "__nbtools_hole__"


def wrap_expression(statement: cst.CSTNode, edit: WrapExpression | AssignExpression) -> Changes:
    """`before + expression + after`, or `name = expression`."""
    if not isinstance(statement, cst.Expr):
        raise ValueError(f"not an expression statement: {code_of(statement)!r}")
    if isinstance(edit, AssignExpression):
        template = parse_small_statement(f"{edit.name} = {_HOLE}")
    else:
        template = parse_small_statement(f"{edit.before}{_HOLE}{edit.after}")
    holes = [node for node in _descendants(template) if _is_hole(node)]
    if len(holes) != 1:
        raise ValueError(f"nothing to put an expression into: {edit!r}")
    in_brackets = isinstance(edit, WrapExpression) and bool(edit.after)

    def wrap(updated: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(updated, cst.Expr)
        value = updated.value
        if in_brackets and isinstance(value, cst.Tuple) and not value.lpar:
            value = value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        filled = template.deep_replace(holes[0], value)
        assert isinstance(filled, cst.BaseSmallStatement)
        return filled.with_changes(semicolon=updated.semicolon)

    yield statement, wrap


def replace_calls(statement: cst.CSTNode, edit: ReplaceCalls) -> Changes:
    """Every `plt.show()` in a statement."""
    only = parse_small_statement(edit.new)
    if not isinstance(only, cst.Expr):
        raise ValueError(f"not an expression: {edit.new!r}")
    new = only.value

    def replace(updated: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(updated, cst.Call)
        return new.with_changes(lpar=updated.lpar, rpar=updated.rpar)

    for node in _descendants(statement):
        if isinstance(node, cst.Call):
            called = dotted_name(node.func)
            if called is not None and edit.is_target(called):
                yield node, replace


def expand_star(statement: cst.CSTNode, edit: ExpandStar, names: Names) -> Changes:
    """`from m import a, b`, each under the name that `names` gives it."""
    stars = [
        node
        for node in _statements_below(statement)
        if isinstance(node, cst.ImportFrom) and isinstance(node.names, cst.ImportStar)
    ]
    if len(stars) != 1 or not edit.names:
        raise ValueError(f"no star import to spell out as {edit.names!r}: {code_of(statement)!r}")

    def expand(updated: cst.CSTNode) -> cst.CSTNode:
        aliases = [_alias(name, names.stores) for name in edit.names]
        flat = updated.with_changes(names=aliases)
        bare = flat.with_changes(semicolon=cst.MaybeSentinel.DEFAULT)
        return flat if len(code_of(bare)) <= LINE_LENGTH else _one_per_line(flat, aliases)

    yield stars[0], expand


def _alias(name: str, stores: Mapping[str, str]) -> cst.ImportAlias:
    new = stores.get(name, name)
    asname = None if new == name else cst.AsName(cst.Name(new))
    return cst.ImportAlias(cst.Name(name), asname)


def _one_per_line(flat: cst.CSTNode, aliases: Sequence[cst.ImportAlias]) -> cst.CSTNode:
    inside = cst.ParenthesizedWhitespace(indent=True, last_line=cst.SimpleWhitespace("    "))
    end = cst.ParenthesizedWhitespace(indent=True)
    commas = [cst.Comma(whitespace_after=inside) for _ in aliases[1:]]
    commas.append(cst.Comma(whitespace_after=end))
    names = [alias.with_changes(comma=comma) for alias, comma in zip(aliases, commas, strict=True)]
    return flat.with_changes(
        names=names, lpar=cst.LeftParen(whitespace_after=inside), rpar=cst.RightParen()
    )


def quote_annotations(statement: cst.CSTNode) -> Changes:
    """The annotations that Python evaluates when it runs a statement."""
    todo: list[tuple[cst.CSTNode, bool]] = [(statement, False)]
    while todo:
        node, local = todo.pop()
        if isinstance(node, cst.Annotation):
            if not isinstance(node.annotation, (cst.SimpleString, cst.ConcatenatedString)):
                yield node, _quote
            continue
        skipped = node.annotation if local and isinstance(node, cst.AnnAssign) else None
        for child in child_nodes(node):
            if child is not skipped:
                todo.append((child, _is_local(node, child, local)))


def _is_local(node: cst.CSTNode, child: cst.CSTNode, local: bool) -> bool:
    """Tell whether annotations of variables in `child` are those of a function's locals."""
    if isinstance(node, cst.FunctionDef):
        return local if child is not node.body else True
    return local and not isinstance(node, cst.ClassDef)


def _quote(updated: cst.CSTNode) -> cst.CSTNode:
    assert isinstance(updated, cst.Annotation)
    code = code_of(updated.annotation)
    return updated.with_changes(annotation=cst.SimpleString(string_literal(code)))


def drop_from_import(statement: cst.CSTNode, dropped: frozenset[str]) -> Changes | None:
    """An import without some of the names it binds; None if it binds no other."""
    if not isinstance(statement, (cst.Import, cst.ImportFrom)):
        raise ValueError(f"not an import: {code_of(statement)!r}")
    if isinstance(statement.names, cst.ImportStar):
        raise ValueError(f"it is not known what this binds: {code_of(statement)!r}")
    kept = [_bound_name(alias) not in dropped for alias in statement.names]
    if not any(kept):
        return None
    return iter([(statement, _keeping(kept))])


def _bound_name(alias: cst.ImportAlias) -> str:
    if alias.asname is not None and isinstance(alias.asname.name, cst.Name):
        return alias.asname.name.value
    return imported_name(alias)


def _keeping(kept: Sequence[bool]) -> Replace:
    def keep(updated: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(updated, (cst.Import, cst.ImportFrom))
        assert not isinstance(updated.names, cst.ImportStar)
        names = [alias for alias, keeps in zip(updated.names, kept, strict=True) if keeps]
        if not _has_comment(names[-1].comma):
            names[-1] = names[-1].with_changes(comma=updated.names[-1].comma)
        return updated.with_changes(names=names)

    return keep


def _has_comment(comma: cst.Comma | cst.MaybeSentinel) -> bool:
    """Tell whether a comment of its own follows a name; only brackets allow that."""
    return isinstance(comma, cst.Comma) and "#" in code_of(comma)


def drop_from_delete(statement: cst.CSTNode, dropped: frozenset[str]) -> Changes | None:
    """A `del` without some of its names; None if nothing is left to delete."""
    if not isinstance(statement, cst.Del):
        raise ValueError(f"not a del statement: {code_of(statement)!r}")
    if _without(statement.target, dropped) is None:
        return None

    def keep(updated: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(updated, cst.Del)
        # original names decide, renamed ones stay: both trees have the same targets
        target = _without(statement.target, dropped, updated.target)
        return updated.with_changes(target=target, whitespace_after_del=_space(updated))

    return iter([(statement, keep)])


def _space(node: cst.Del) -> cst.SimpleWhitespace:
    """What separates `del` from a target that may have lost its brackets."""
    return cst.SimpleWhitespace(node.whitespace_after_del.value or " ")


def _without(
    target: cst.BaseExpression,
    dropped: frozenset[str],
    updated: cst.BaseExpression | None = None,
) -> cst.BaseExpression | None:
    """A target of `del` without some names, taken from `updated`; None if none is left."""
    updated = updated or target
    if isinstance(target, cst.Name):
        return None if target.value in dropped else updated
    if not isinstance(target, (cst.Tuple, cst.List)):
        return updated
    assert isinstance(updated, (cst.Tuple, cst.List))
    kept: list[cst.BaseElement] = []
    for old, new in zip(target.elements, updated.elements, strict=True):
        value = _without(old.value, dropped, new.value)
        if value is not None:
            kept.append(new.with_changes(value=value))
    if len(kept) == len(target.elements):
        return updated.with_changes(elements=kept)
    if len(kept) <= 1:
        return kept[0].value if kept else None
    kept[-1] = kept[-1].with_changes(comma=updated.elements[-1].comma)
    return updated.with_changes(elements=kept)


def parse_small_statement(code: str) -> cst.BaseSmallStatement:
    """Parse text that must be one simple statement. Raises ValueError."""
    try:
        body = cst.parse_module(code).body
    except cst.ParserSyntaxError:
        raise ValueError(f"not Python: {code!r}") from None
    line = body[0] if len(body) == 1 else None
    if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1:
        return line.body[0]
    raise ValueError(f"not one simple statement: {code!r}")


def _is_hole(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Name) and node.value == _HOLE


def _descendants(tree: cst.CSTNode) -> Iterator[cst.CSTNode]:
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        todo.extend(child_nodes(node))


def _statements_below(tree: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """A statement and those in its blocks, without a look into expressions."""
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (cst.BaseExpression, cst.BaseSmallStatement)):
            todo.extend(child_nodes(node))
