"""The way from a Jupyter notebook's bytes to reactive text: pure, no code of it is run."""

from __future__ import annotations

import warnings
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from nbtools.analysis.facts import EMPTY
from nbtools.analysis.modules import local_module
from nbtools.analysis.versions import Atom, Block, atoms_of
from nbtools.cells import Cell, Notebook, ReactiveCell, ReactiveNotebook
from nbtools.convert.broken_cells import set_refused_apart
from nbtools.convert.builtin_module import name_builtins
from nbtools.convert.collector import paused_collector
from nbtools.convert.edits import Conversion, EditKind, Options
from nbtools.convert.figures import show_figures
from nbtools.convert.formatting import format_block
from nbtools.convert.futures import quote_annotations
from nbtools.convert.header import app_options, lift_block, make_header
from nbtools.convert.helpers import HELPERS
from nbtools.convert.history import name_history
from nbtools.convert.importable import Arrangement, arrange_importable
from nbtools.convert.imports import Imports, Position, drop_repeated_imports
from nbtools.convert.interactivity import apply_interactivity
from nbtools.convert.library_displays import show_library_displays
from nbtools.convert.log import Log
from nbtools.convert.markdown import markdown_source, raw_source
from nbtools.convert.order import running_order
from nbtools.convert.partition import Repair, find_partition
from nbtools.convert.recursion import allow_deep_trees
from nbtools.convert.render import Rendered, render_blocks
from nbtools.convert.scripts import Script, added_script, read_scripts
from nbtools.convert.session_names import define_session_names
from nbtools.convert.shown import show_values_apart
from nbtools.convert.stars import expand_stars
from nbtools.convert.sympy_session import open_sympy_sessions
from nbtools.convert.table_width import print_wide_tables
from nbtools.convert.tags import keep_skipped, obey_tags, set_skipped_apart
from nbtools.convert.typeset import typeset_values
from nbtools.formats.ipynb import read_notebook, require_python
from nbtools.formats.reactive_writer import write_reactive
from nbtools.formats.safe_source import safe_source

_DEFAULT = Options()


class _Placed(Struct, frozen=True):
    """A reactive cell, and the author's cells (0-based, ascending) that it comes from."""

    cell: ReactiveCell
    origins: tuple[int, ...]


def convert_source(
    data: bytes | str,
    options: Options = _DEFAULT,
    *,
    name: str = "notebook.ipynb",
    folder: Path | None = None,
) -> Conversion:
    """Turn an `.ipynb` into a reactive notebook.

    Args:
        data: The file's bytes, of any nbformat and any common encoding, or its text.
        options: What the user chose.
        name: The notebook's file name, for messages.
        folder: Where the notebook lies: modules and scripts beside it are looked up there,
            as text; nothing is imported or executed.

    Raises:
        NbtoolsError: the bytes are not a Python notebook; the message is one line.
    """
    with paused_collector(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python's, of the author's code: invalid escapes and such
        return _convert(data if isinstance(data, bytes) else _encode(data), options, name, folder)


def _convert(data: bytes, options: Options, name: str, folder: Path | None) -> Conversion:
    """All that is made on the way is gone when this returns: see `paused_collector`."""
    notebook = read_notebook(data)
    require_python(notebook)
    log = Log()
    scripts = read_scripts(notebook, log, name=name, folder=folder)
    with allow_deep_trees():  # what Python itself finds too deep is set aside by now
        scripts, block = lift_block(scripts, log)
        header = make_header(
            notebook, scripts, block, infer=options.script_metadata, folder=folder, name=name
        )
        scripts, skipped = set_skipped_apart(scripts, notebook, log)
        order = running_order(notebook, scripts, options.order, log)
        placed = _convert_cells(scripts, skipped, order, notebook, options, folder, log)
        cells = tuple(each.cell for each in placed)
        text = write_reactive(ReactiveNotebook(cells, header, app_options(notebook)))
    origins = tuple(each.origins for each in placed)
    return Conversion(
        text, len(cells), log.sorted_edits(), log.sorted_warnings(), origins, tuple(order)
    )


def _encode(text: str) -> bytes:
    """UTF-8; half a surrogate pair, which has none, becomes U+FFFD as it does in a file."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _convert_cells(
    scripts: Sequence[Script],
    skipped: Sequence[Script],
    order: Sequence[int],
    notebook: Notebook,
    options: Options,
    folder: Path | None,
    log: Log,
) -> list[_Placed]:
    """The cells of the reactive notebook, in the order in which they stand."""
    by_cell = {script.cell: script for script in scripts}
    scripts = [by_cell[i] for i in order if i in by_cell]
    scripts = apply_interactivity(scripts, notebook, log)
    scripts = name_history(scripts, notebook, log)
    scripts = open_sympy_sessions(quote_annotations(scripts, log), log)
    scripts = print_wide_tables(expand_stars(scripts, folder, log), log)
    scripts = name_builtins(show_library_displays(scripts, log), log)
    scripts = obey_tags(scripts, notebook, log)
    scripts = define_session_names(show_figures(scripts, notebook, folder, log), log)
    scripts = show_values_apart(scripts, log)
    scripts = typeset_values(scripts, log)
    has_text = any(cell.kind != "code" for cell in notebook.cells)
    is_local = partial(local_module, folder=folder)
    needs = frozenset({"mo"}) if has_text else EMPTY
    cells = _convert_code(scripts, notebook, needs, is_local, log)
    comments = {s.cell: s.source for s in scripts if s.cell is not None and not s.statements}
    kept = keep_skipped(skipped, [block.source for block in cells], notebook, log)
    comments.update({cell: each.source for cell, each in kept.items()})
    disabled = {cell for cell, each in kept.items() if each.disabled}
    if options.format:
        cells = [replace(b, source=format_block(b.source, b.cell, log)) for b in cells]
        comments = {cell: format_block(text, cell, log) for cell, text in comments.items()}
    return _arrange(cells, comments, disabled, order, notebook)


def _convert_code(
    scripts: Sequence[Script],
    notebook: Notebook,
    needs: frozenset[str],
    is_local: Callable[[str], bool],
    log: Log,
) -> list[Rendered]:
    """The code of all cells as rendered blocks, what nbtools adds in front."""
    edits, warnings = list(log.edits), list(log.warnings)
    program = [*_prelude(scripts, needs), *scripts]
    imports = drop_repeated_imports(program, is_local, log)
    arranged = arrange_importable(_atoms(imports), is_local)
    _report_arrangement(imports.scripts, arranged, log)
    parts = [arranged.setup, *set_refused_apart(arranged.cells, imports.scripts, log)]
    cells = [Block.of(part) for part in parts]
    partition = find_partition(cells, _identifiers(program), _parameters(program, notebook))
    _report_repairs(imports.scripts, partition.repairs, log)
    rendered = render_blocks(imports.scripts, imports, partition, log)
    if arranged.setup:
        rendered[0] = replace(rendered[0], cell=None, is_setup=True)
    needed = needs.union(*(block.needs for block in rendered))
    if needed != needs:
        log.edits, log.warnings = edits, warnings
        return _convert_code(scripts, notebook, needed, is_local, log)
    return rendered


def _prelude(scripts: Sequence[Script], needs: frozenset[str]) -> list[Script]:
    """What the translated cells call: modules, and helper functions.

    needs: "mo", and helpers, that no script asks for, but a block that was rendered.
    """
    wanted = {line for script in scripts for line in script.imports}
    if "mo" in needs:
        wanted.add("import marimo as mo")
    lines = sorted(line for line in wanted if not _is_imported_in_time(line, scripts))
    helpers = sorted((needs - {"mo"}).union(*(script.helpers for script in scripts)))
    added = [added_script("\n".join(lines))] if lines else []
    return added + [added_script(HELPERS[name].rstrip("\n")) for name in helpers]


def _is_imported_in_time(line: str, scripts: Sequence[Script]) -> bool:
    """Whether the author's cells import the same before the first use of it."""
    (wanted,) = added_script(line).statements[0].facts.imports
    for script in scripts:
        for statement in script.statements:
            if statement.kind == "import" and wanted in statement.facts.imports:
                return True
        if line in script.imports:
            return False
    return False


def _atoms(imports: Imports) -> list[list[Atom]]:
    """The atoms of every script; moved import statements stand where they belong."""
    cells = [_atoms_of_script(i, script) for i, script in enumerate(imports.scripts)]
    for origin, target in imports.moves.items():
        atom = _find_atom(cells[origin[0]], origin)
        if atom is None or len(atom.statements) > 1 or origin[0] == target[0]:
            continue
        cells[origin[0]].remove(atom)
        place = next(i for i, a in enumerate(cells[target[0]]) if _holds(a, target))
        cells[target[0]].insert(place + 1, atom)
    return cells


def _atoms_of_script(index: int, script: Script) -> list[Atom]:
    return [
        replace(atom, joined=True) if _goes_on(script, atom.statements[0].line) else atom
        for atom in atoms_of(index, script.statements)
    ]


def _goes_on(script: Script, line: int) -> bool:
    """Whether a line stands among those that draw a figure, behind the first."""
    return any(first < line <= last for first, last in script.drawings)


def _find_atom(atoms: Sequence[Atom], position: Position) -> Atom | None:
    return next((atom for atom in atoms if _holds(atom, position)), None)


def _holds(atom: Atom, position: Position) -> bool:
    same_cell = atom.cell == position[0]
    return same_cell and any(s.index == position[1] for s in atom.statements)


def _identifiers(scripts: Sequence[Script]) -> frozenset[str]:
    """Every word of the notebook's code: new names must be none of them."""
    from nbtools.convert.rewrite import bound_names

    return frozenset[str]().union(*(bound_names(script.source) for script in scripts))


def _parameters(scripts: Sequence[Script], notebook: Notebook) -> frozenset[str]:
    """Names that a cell tagged `parameters` sets: they may be set from outside."""
    return frozenset(
        name
        for script in scripts
        if script.cell is not None and "parameters" in notebook.cells[script.cell].tags
        for statement in script.statements
        for name in statement.facts.binds
    )


def _report_arrangement(scripts: Sequence[Script], arranged: Arrangement, log: Log) -> None:
    """Say which imports went to the setup cell, and which cells were parted for a function."""
    pieces = Counter(part[0].cell for part in arranged.cells if part)
    for index, count in pieces.items():
        cell = scripts[index].cell
        if count > 1 and cell is not None:
            reason = "a function that needs only imports stands alone, so that it can be imported"
            log.edit("split", cell, reason)
    for atom in arranged.setup:
        script = scripts[atom.cell]
        if script.cell is not None:
            line = script.line_in_cell(atom.statements[0].line)
            reason = "the setup cell holds what importable functions need"
            log.edit("move", script.cell, reason, line=line)


def _report_repairs(scripts: Sequence[Script], repairs: Sequence[Repair], log: Log) -> None:
    kinds: dict[str, EditKind] = {"split": "split", "merge": "merge", "copy": "add"}
    for repair in repairs:
        cells = [scripts[index].cell for index in repair.cells]
        authors = list(dict.fromkeys(cell for cell in cells if cell is not None))
        if not authors:
            continue
        reason = repair.reason
        if repair.kind == "merge":
            numbers = ", ".join(str(cell + 1) for cell in authors)
            reason = f"merged (cells {numbers}): {reason}"
        elif repair.kind == "copy":
            reason = f"defined again: {reason}"
        for cell in authors if repair.kind == "merge" else authors[-1:]:
            log.edit(kinds[repair.kind], cell, reason)


def _arrange(
    blocks: Sequence[Rendered],
    comments: Mapping[int, str],
    disabled: Collection[int],
    order: Sequence[int],
    notebook: Notebook,
) -> list[_Placed]:
    """Blocks, and cells that do not run (text, comments), in the order in which they stand."""
    place = {cell: position for position, cell in enumerate(order)}
    cells: list[_Placed] = []
    blocks = sorted(blocks, key=lambda block: not block.is_setup)
    waiting = deque(i for i in order if notebook.cells[i].kind != "code" or i in comments)

    def catch_up(here: float) -> None:
        while waiting and place[waiting[0]] < here:
            index = waiting.popleft()
            text = comments.get(index, "")
            if notebook.cells[index].kind != "code":
                cells.append(_Placed(_text_cell(notebook.cells[index]), (index,)))
            elif text.strip():
                cell = _code_cell(Rendered(text.strip("\n"), index), notebook)
                cells.append(_Placed(replace(cell, disabled=index in disabled), (index,)))

    for block in blocks:
        catch_up(-1 if block.cell is None else place[block.cell])
        if block.source.strip():
            cells.append(_Placed(_code_cell(block, notebook), block.sources))
    catch_up(len(order))
    return cells


_HIDDEN = frozenset({"hide-input", "hide_input", "remove-input", "remove_input", "hide-cell"})
_HIDDEN |= frozenset({"hide_cell", "remove-cell", "remove_cell"})


def _code_cell(block: Rendered, notebook: Notebook) -> ReactiveCell:
    source = safe_source(block.source)
    if block.is_setup:
        return ReactiveCell(source, name="setup")
    if block.cell is None:
        return ReactiveCell(source, hide_code=True)
    cell = notebook.cells[block.cell]
    name = "parameters" if "parameters" in cell.tags else "_"
    return ReactiveCell(source, name=name, hide_code=cell.hidden or _is_hidden(cell))


def _is_hidden(cell: Cell) -> bool:
    return not _HIDDEN.isdisjoint(cell.tags)


def _text_cell(cell: Cell) -> ReactiveCell:
    source = markdown_source(cell) if cell.kind == "markdown" else raw_source(cell)
    return ReactiveCell(source, hide_code=True)
