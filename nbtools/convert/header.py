"""What stands above the cells: the script's metadata (PEP 723), and the app's title."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from nbtools.analysis.facts import EMPTY
from nbtools.analysis.statements import read_statements
from nbtools.cells import Notebook
from nbtools.convert.helpers import HELPERS
from nbtools.convert.log import Log
from nbtools.convert.scripts import Script
from nbtools.syntax import dotted_name

_OLDEST = (3, 10)  # marimo runs on no older Python


def lift_block(scripts: Sequence[Script], log: Log) -> tuple[list[Script], str | None]:
    """Take the first `# /// script` block out of the cells.

    Returns:
        The scripts, and the block; None if there is none. The notebook may have one only: what
        looks like a second stays where it is.
    """
    for index, script in enumerate(scripts):
        if script.cell is None or "# /// script" not in script.source:
            continue
        from nbtools.convert.script_metadata import read_block  # few notebooks have one

        block, rest = read_block(script.source)
        if block is None:
            continue
        start = script.source.index(block)
        first = script.source.count("\n", 0, start)
        count = len(script.lines) - rest.count("\n") - 1
        lines = script.lines[:first] + script.lines[first + count :]
        log.edit(
            "move",
            script.cell,
            "the script's metadata stands at the top of the file",
            line=script.line_in_cell(first + 1),
        )
        lifted = replace(script, source=rest, lines=lines, statements=read_statements(rest))
        return [*scripts[:index], lifted, *scripts[index + 1 :]], block
    return list(scripts), None


def make_header(
    notebook: Notebook,
    scripts: Sequence[Script],
    block: str | None,
    *,
    infer: bool,
    folder: Path | None,
    name: str,
) -> str:
    """The script's metadata: a block of the author's, extended, or one of our own.

    Args:
        notebook: Tells for which Python it was written.
        scripts: Its code; what it installs, and with `infer` what it imports, is required.
        block: The author's own block.
        infer: Whether imports count.
        folder: Where the notebook lies; modules found there need no distribution.
        name: The notebook's file name.

    Returns:
        The block; "" if there was none and nothing asks for one.
    """
    # Of two installs the later wins.
    installed = [text for script in reversed(scripts) for text in reversed(script.requirements)]
    if block is None and not installed and not infer:
        return ""
    from nbtools.convert import script_metadata

    inferred: tuple[str, ...] = ()
    if infer:
        inferred = script_metadata.infer_requirements(
            _find_imports(scripts), folder, own=Path(name).stem
        )
    wanted = script_metadata.merge_requirements(installed, inferred, ("marimo",))
    if block is not None:
        return script_metadata.extend_block(block, wanted)
    return script_metadata.build_block(wanted, _required_python(notebook.language_version))


def app_options(notebook: Notebook) -> tuple[tuple[str, object], ...]:
    """The title that the notebook's metadata give it, unless marimo's format cannot carry it."""
    title = notebook.title or ""
    if not title.strip() or '"' in title or not title.isprintable():
        return ()
    return (("app_title", title),)


def _required_python(version: str | None) -> str | None:
    """`>=3.12` for a notebook of Python 3.12.1."""
    match = re.match(r"(\d+)\.(\d+)", version or "")
    if match is None:
        return None
    major, minor = max((int(match[1]), int(match[2])), _OLDEST)
    return f">={major}.{minor}"


def _find_imports(scripts: Iterable[Script]) -> frozenset[str]:
    """The modules that the code imports anywhere, functions too, as dotted as they are known."""
    texts = [text for script in scripts for text in (script.source, *script.imports)]
    texts += map(HELPERS.__getitem__, EMPTY.union(*(script.helpers for script in scripts)))
    return frozenset(module for text in texts for module in _imports_of(text))


def _imports_of(source: str) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes are the author's affair
        module = ast.parse(source)
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}".removesuffix(".*") for alias in node.names)
        elif isinstance(node, ast.Call) and dotted_name(node.func) == "run_magic":
            match [each.value for each in node.args if isinstance(each, ast.Constant)]:
                case ["load_ext" | "reload_ext", str(extension)]:
                    yield extension.strip()
