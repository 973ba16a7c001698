"""What marimo sees of one cell: the names that tie it to other cells, and its kind."""

from __future__ import annotations

import ast
import builtins

from msgspec import Struct
from msgspec.structs import replace

from nbtools.formats.reactive_markdown import canonical_text, markdown_text
from nbtools.formats.reactive_scopes import CellScopes, Definition, DefinitionNode
from nbtools.syntax import awaits, parse_source

# IPython adds the last three when it runs; what is written must not depend on that.
BUILTINS = frozenset(dir(builtins)) - {"_", "display", "get_ipython"} | {
    "__builtin__",
    "__builtins__",
    "__class__",
    "__file__",
}


class CellNames(Struct, frozen=True):
    """What one cell of a reactive notebook does to the shared namespace, as marimo sees it."""

    defs: frozenset[str] = frozenset()  # public names it binds
    refs: frozenset[str] = frozenset()  # names it reads from elsewhere; builtins too
    is_async: bool = False  # awaits at cell level
    deleted: frozenset[str] = frozenset()  # those of `refs` that it deletes
    local: frozenset[str] = frozenset()  # `_x`: names that it keeps to itself
    sql_defs: frozenset[str] = frozenset()  # those of `defs` that are SQL tables
    sql_refs: frozenset[str] = frozenset()  # those of `refs` that stand in SQL; may be dotted


class CompiledCell(Struct, frozen=True):
    """A cell that Python can compile, with what marimo's writer asks of it."""

    source: str
    only_statement: DefinitionNode | None  # if the cell has one alone, and it is a definition
    names: CellNames
    definitions: dict[str, list[Definition]]  # public names only
    local_refs: frozenset[str]  # `_x` that a `global _x` reads
    text: str = ""  # of a cell that is just `mo.md("...")`, laid out anew
    ends_in_definition: bool = False  # or in an import, with no comment below
    markdown: str = ""  # its text, of a cell that is laid out as marimo does it

    @property
    def module(self) -> ast.Module:
        """The cell's tree; all of a large notebook's would take most of its memory."""
        return parse_source(self.source)  # which takes long if it is not the last one

    @property
    def only_definition(self) -> DefinitionNode | None:
        """The one function or class that this cell is, if it binds nothing else."""
        node = self.only_statement
        if node is None:
            return None
        bound_once = len(self.definitions.get(node.name, ())) == 1
        alone = len(self.names.defs) == 1 and not self.names.local
        return node if alone and bound_once and not node.name.startswith("_") else None


def cell_names(source: str) -> CellNames:
    """One cell as marimo sees it.

    Raises:
        SyntaxError: the cell does not compile, or has `from m import *`.
    """
    return compile_cell(source).names


def compile_cell(source: str) -> CompiledCell:
    """Parse and walk one cell, once each; nothing of it is executed.

    Raises:
        SyntaxError: as for `cell_names`; also for a cell that is nested too deep to compile.
    """
    source = source.replace("\xa0", " ")  # as marimo does, inside strings too
    try:
        module, is_async = parse_source(source), awaits(source)
        only = module.body[0] if len(module.body) == 1 else None
        scopes = CellScopes(module, with_unbounded=isinstance(only, ast.ClassDef))
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(f"Python cannot compile this cell: {error}") from error
    only = only if isinstance(only, DefinitionNode) else None
    names = _collect_names(scopes, is_async)
    definitions = {name: scopes.definitions.get(name, []) for name in names.defs}
    return CompiledCell(
        source,
        only,
        names,
        definitions,
        local_refs=frozenset(scopes.local_references),
        text=markdown_text(module),
        ends_in_definition=_ends_in_definition(source, module),
    )


def _ends_in_definition(source: str, module: ast.Module) -> bool:
    last = module.body[-1] if module.body else None
    if not isinstance(last, ast.Import | ast.ImportFrom | DefinitionNode):
        return False
    return last.end_lineno == source.rstrip().count("\n") + 1


def compile_markdown(source: str) -> CompiledCell | None:
    """A markdown cell in marimo's own layout; it need not be parsed. None for other cells."""
    text = canonical_text(source)
    return replace(_MARKDOWN, source=source, markdown=text) if text else None


def _collect_names(scopes: CellScopes, is_async: bool) -> CellNames:
    defs = scopes.names
    return CellNames(
        defs=frozenset(defs),
        refs=frozenset(scopes.references),
        is_async=is_async,
        deleted=frozenset(scopes.deleted),
        local=frozenset(scopes.local_names),
        sql_defs=frozenset(
            name for name in defs if any(d.kind == "sql" for d in scopes.definitions.get(name, ()))
        ),
        sql_refs=frozenset(scopes.sql_references),
    )


_MARKDOWN = compile_cell('mo.md(r"")')
