"""The block of script metadata (PEP 723) that a cell of the notebook may hold."""

from __future__ import annotations

from collections.abc import Sequence

from nbtools.rules.program import CodeCell, Program

_MARK = "# /// script"


def find_block(program: Program) -> tuple[CodeCell, str] | None:
    """The first block and its cell; a notebook may have one only."""
    if _MARK not in program.text:
        return None
    from nbtools.convert.script_metadata import read_block  # few notebooks have one

    for cell in program.cells:
        if _MARK in cell.cell.source:
            block, _ = read_block(cell.cell.source)
            if block is not None:
                return cell, block
    return None


def required_by_block(program: Program) -> tuple[str, ...]:
    """The requirements in the notebook's own block, as written."""
    found = find_block(program)
    if found is None:
        return ()
    from nbtools.convert.script_metadata import block_requirements

    return block_requirements(found[1])


def build_block(requirements: Sequence[str]) -> str:
    """A block of the notebook's own."""
    from nbtools.convert import script_metadata

    return script_metadata.build_block(requirements, None)


def extend_in(source: str, block: str, requirements: Sequence[str]) -> str:
    """The source of the block's cell, with more requirements in the block."""
    from nbtools.convert.script_metadata import extend_block

    return source.replace(block, extend_block(block, requirements), 1)
