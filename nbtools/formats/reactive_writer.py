"""Writing reactive notebooks: the very bytes that marimo 0.25.2 writes for the same cells."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence
from keyword import iskeyword

from msgspec import Struct
from msgspec.structs import replace

from nbtools.cells import ReactiveCell, ReactiveNotebook
from nbtools.formats.reactive_annotations import quote_annotation
from nbtools.formats.reactive_layout import format_call, format_return, format_value, indent
from nbtools.formats.reactive_locals import LOCAL
from nbtools.formats.reactive_markdown import format_canonical, format_markdown
from nbtools.formats.reactive_names import CompiledCell, compile_cell, compile_markdown
from nbtools.formats.reactive_options import APP_DEFAULTS, CELL_DEFAULTS
from nbtools.formats.reactive_reusable import CellForm, Forms, choose_forms
from nbtools.formats.reactive_scopes import Definition
from nbtools.formats.settled_source import (
    settle_block,
    settle_body,
    settle_broken_source,
    settle_source,
)

MARIMO_VERSION = "0.25.2"

# Tabs, the deepest indentation that Python allows, perhaps a call of `mo.md`.
_FRAGILE = re.compile(r"\t|^ {90}|\bmd\b", re.MULTILINE)


def write_reactive(notebook: ReactiveNotebook) -> str:
    """The notebook's text, which marimo reads and writes back unchanged.

    Cells are settled first (see `settled_source`): what marimo's save would damage is written
    so that it survives. A cell that does not compile becomes `app._unparsable_cell` and loses
    its name, as marimo would forget it on reading.
    """
    cells = [cell for cell in map(_prepare, notebook.cells) if not cell.is_empty_setup]
    setup = next((cell for cell in cells if cell.name == "setup"), None)
    if setup is not None:
        cells.remove(setup)
    names = [(cell.compiled, cell.name) for cell in cells]
    forms = choose_forms(names, setup.compiled.names.defs if setup and setup.compiled else ())
    writer = _CellWriter(forms)
    blocks = [
        writer.write(index, cell.cell, form)
        for index, (cell, form) in enumerate(zip(cells, forms.cells, strict=True))
    ]
    head = _write_setup(setup.cell, setup.compiled) if setup and setup.compiled else ""
    return _join_file(notebook, head, blocks)


class _Prepared(Struct, eq=False):
    cell: ReactiveCell  # its source settled
    compiled: CompiledCell | None

    @property
    def name(self) -> str:
        is_named = self.compiled and self.cell.name not in ("", "__")
        return self.cell.name if is_named else "_"

    @property
    def is_empty_setup(self) -> bool:
        """Whether marimo would drop the cell."""
        return self.name == "setup" and not self.cell.source


def _prepare(cell: ReactiveCell) -> _Prepared:
    cell = replace(cell, source=settle_source(cell.source))
    if cell.name != "setup" and (markdown := compile_markdown(cell.source)):
        return _Prepared(cell, markdown)
    try:
        return _Prepared(cell, compile_cell(cell.source))
    except SyntaxError:
        return _Prepared(cell, None)


def _write_setup(cell: ReactiveCell, compiled: CompiledCell) -> str:
    block = settle_body(compiled.source)
    if compiled.module.body:
        block = settle_block(block, compiled.module)
    block = block.lstrip("\n")
    if not compiled.module.body:
        block += "\npass"
    elif block.endswith("\npass"):  # marimo takes it for its own and drops it
        block = block.removesuffix("\npass").rstrip()
    head = "async with app.setup" if compiled.names.is_async else "with app.setup"
    return f"{head}{'(hide_code=True)' if cell.hide_code else ''}:\n{indent(block)}\n\n"


def _join_file(notebook: ReactiveNotebook, setup: str, blocks: Sequence[str]) -> str:
    given = {
        name: tuple(value) if isinstance(value, list) else value for name, value in notebook.options
    }
    options = [
        f"{name}={format_value(given[name])}"
        for name, default in APP_DEFAULTS.items()
        if name in given and given[name] != default
    ]
    lines = [
        "import marimo",
        "",
        f'__generated_with = "{MARIMO_VERSION}"',
        format_call("app = marimo.App", options),
        "",
        setup,
        "\n\n\n".join(blocks),
        "\n",
        'if __name__ == "__main__":',
        indent("app.run()"),
        "",
    ]
    if notebook.header:
        lines = [notebook.header.rstrip(), "", *lines]
    return "\n".join(lines).lstrip()


class _CellWriter:
    """Writes cells one by one, knowing what the others define and read."""

    def __init__(self, forms: Forms) -> None:
        self._forms = forms
        # Name -> its first definition, and the index of the cell that has it.
        self._definitions: dict[str, tuple[Definition, int]] = {}
        for index, form in enumerate(forms.cells):
            if form.compiled is not None:
                for name, found in form.compiled.definitions.items():
                    self._definitions[name] = found[0], index
        self._annotated = {
            name for name, (first, _) in self._definitions.items() if first.annotation
        }

    def write(self, index: int, cell: ReactiveCell, form: CellForm) -> str:
        """One cell's text without the blank lines around it; `index` leaves setup out."""
        if form.compiled is not None:
            if form.form == "reusable":
                text = _write_reusable(cell, form.compiled)
            else:
                text = self._write_cell(index, cell, form, form.compiled)
            if self._surely_parses(form, form.compiled) or _parses(text):
                return text
        return _write_broken(cell)

    def _surely_parses(self, form: CellForm, compiled: CompiledCell) -> bool:
        """Whether a cell that compiles is Python as a function too; to parse it again would tell.

        Indentation can spoil tabs, and laying out a call of `mo.md` its text.
        """
        names = compiled.names
        return (
            form.form == "cell"
            and form.name.isidentifier()
            and not iskeyword(form.name)
            and self._annotated.isdisjoint(names.refs)
            and not (names.sql_refs or names.sql_defs)
            and (bool(compiled.markdown) or _FRAGILE.search(compiled.source) is None)
        )

    def _write_cell(
        self, index: int, cell: ReactiveCell, form: CellForm, compiled: CompiledCell
    ) -> str:
        head = f"{'async ' if compiled.names.is_async else ''}def {form.name}"
        lines = [_write_decorator("cell", cell)]
        lines.append(format_call(head, self._arguments(index, compiled), ":"))
        if compiled.source:
            lines.append(indent(_write_body(compiled)))
        if compiled.ends_in_definition:
            lines.append("")
        lines.append(format_return(self._returns(compiled)))
        return "\n".join(lines)

    def _arguments(self, index: int, compiled: CompiledCell) -> list[str]:
        names = compiled.names
        local = {f"_cell_{index}{name}" for name in compiled.local_refs}  # marimo's own slip
        refs = sorted(names.refs - self._forms.free - names.defs | local)
        return [self._annotate(name, names.defs) for name in refs if name.isidentifier()]

    def _annotate(self, name: str, own: frozenset[str]) -> str:
        definition, index = self._definitions.get(name, (None, 0))
        if definition is None or not definition.annotation:
            return name
        # A local name in it comes out as marimo calls it inside: that is its slip, not ours.
        annotation = definition.annotation.replace(LOCAL, f"_cell_{index}")
        if definition.annotation_names - self._forms.free - own:
            return f"{name}: {quote_annotation(annotation)}"
        return f"{name}: {annotation}"

    def _returns(self, compiled: CompiledCell) -> list[str]:
        used = sorted(compiled.names.defs & self._forms.used)
        return [name for name in used if self._definitions[name][0].kind != "sql"]


def _write_body(compiled: CompiledCell) -> str:
    if compiled.markdown:
        return format_canonical(compiled.markdown)
    source = settle_body(compiled.source)
    return format_markdown(source, compiled.text) if compiled.text else source


def _write_decorator(kind: str, cell: ReactiveCell) -> str:
    items = [
        f"{name}={getattr(cell, name)}"
        for name, default in CELL_DEFAULTS.items()
        if getattr(cell, name) != default
    ]
    return format_call(f"@app.{kind}", items) if items else f"@app.{kind}"


def _write_reusable(cell: ReactiveCell, compiled: CompiledCell) -> str:
    is_class = isinstance(compiled.only_statement, ast.ClassDef)
    decorator = _write_decorator("class_definition" if is_class else "function", cell)
    return f"{decorator}\n{settle_block(compiled.source, compiled.module).strip()}"


def _write_broken(cell: ReactiveCell) -> str:
    source = settle_broken_source(cell.source)
    if '"""' in source:
        escaped = source.replace("\\", "\\\\").replace('"', '\\"')
        literal = f'"""\n{escaped}\n"""'
    else:
        literal = f'r"""\n{source}\n"""'
    options = {key: getattr(cell, key) for key in CELL_DEFAULTS}
    given = {} if options == CELL_DEFAULTS else options
    items = [f"{key}={format_value(value)}" for key, value in {**given, "name": "_"}.items()]
    lines = ["app._unparsable_cell(", indent(f"{literal},"), indent(", ".join(items)), ")"]
    return "\n".join(lines)


def _parses(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
