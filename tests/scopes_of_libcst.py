"""The global names of a cell as libcst's scope analysis and Python's symbol table see them.

Both answer for a whole cell, without regard to its order: which names of the global scope it
looks up, now or later, and which it binds.
"""

from __future__ import annotations

import ast
import symtable
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import libcst as cst
from libcst.metadata import (
    Access,
    BuiltinScope,
    GlobalScope,
    MetadataWrapper,
    Scope,
    ScopeProvider,
)

CONSTANTS = frozenset({"None", "True", "False"})  # names to libcst


@dataclass(frozen=True, slots=True)
class GlobalNames:
    reads: frozenset[str]
    binds: frozenset[str]


def names_by_libcst(source: str) -> GlobalNames:
    wrapper = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
    scopes: dict[int, Scope] = {}
    for scope in wrapper.resolve(ScopeProvider).values():
        if scope is not None:
            scopes[id(scope)] = scope
    reads = {
        name
        for scope in scopes.values()
        for access in scope.accesses
        if (name := _root_name(access.node)) and _is_global(access)
    }
    top = wrapper.resolve(ScopeProvider)[wrapper.module]
    assert isinstance(top, GlobalScope)
    binds = {assignment.name.split(".")[0] for assignment in top.assignments}
    return GlobalNames(_normal(reads) - CONSTANTS, _normal(binds))


def _normal(names: Iterable[str]) -> frozenset[str]:
    return frozenset(unicodedata.normalize("NFKC", name) for name in names)


def _root_name(node: cst.CSTNode) -> str:
    while isinstance(node, cst.Attribute):
        node = node.value
    return node.value if isinstance(node, cst.Name) else ""


def _is_global(access: Access) -> bool:
    found = [assignment.scope for assignment in access.referents]
    return not found or any(isinstance(scope, GlobalScope | BuiltinScope) for scope in found)


def names_by_symtable(source: str) -> GlobalNames:
    """As `names_by_libcst`; `del x`, a bare annotation and `global x` count as a binding."""
    top = symtable.symtable(source, "cell", "exec")
    reads: set[str] = set()
    binds: set[str] = set()
    for table in _walk(top):
        for symbol in table.get_symbols():
            name = symbol.get_name()
            if not (table is top or symbol.is_global()):
                continue
            if symbol.is_referenced():
                reads.add(name)
            if symbol.is_assigned() or symbol.is_imported() or symbol.is_declared_global():
                binds.add(name)
    return GlobalNames(frozenset(reads), frozenset(binds))


def _walk(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _walk(child)


# ---------------------------------------------------------------- names with another definition


def handler_names(tree: ast.AST) -> set[str]:
    """`e` of `except E as e`: both analyses bind it; Python unbinds it when the handler ends."""
    return {n.name for n in ast.walk(tree) if isinstance(n, ast.ExceptHandler) and n.name}


def names_deleted_in_blocks(tree: ast.Module) -> set[str]:
    """`if c: del x`, which facts count as a binding: it leaves the name what it was, or not."""
    blocks = (node for node in tree.body if not isinstance(node, ast.Delete))
    deletes = (n for block in blocks for n in ast.walk(block) if isinstance(n, ast.Delete))
    return {n.id for delete in deletes for n in ast.walk(delete) if isinstance(n, ast.Name)}


def augmented_names(tree: ast.AST) -> set[str]:
    """`x += 1`: only a binding to libcst."""
    found = (n.target for n in ast.walk(tree) if isinstance(n, ast.AugAssign))
    return {target.id for target in found if isinstance(target, ast.Name)}


def walrus_names(tree: ast.AST) -> set[str]:
    """`:=` inside a comprehension: libcst binds it there, Python in the scope around it."""
    return {n.target.id for n in ast.walk(tree) if isinstance(n, ast.NamedExpr)}


def local_names(source: str) -> set[str]:
    """Locals that a function looks up or deletes: libcst takes both for global above a binding."""
    names = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name))
    deleted = {node.id for node in names if isinstance(node.ctx, ast.Del)}
    return {
        symbol.get_name()
        for table in _walk(symtable.symtable(source, "cell", "exec"))
        if table.get_type() == "function"
        for symbol in table.get_symbols()
        if symbol.is_local() and (symbol.is_referenced() or symbol.get_name() in deleted)
        if not symbol.is_parameter()
    }


def pattern_names(tree: ast.AST) -> set[str]:
    """Names in `case` patterns, keywords too: libcst takes all of them for reads."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.match_case):
            for part in ast.walk(node.pattern):
                for value in (getattr(part, field, None) for field in ("id", "name", "rest")):
                    found |= {value} if isinstance(value, str) else set()
                found |= set(getattr(part, "kwd_attrs", ()))
    return found
