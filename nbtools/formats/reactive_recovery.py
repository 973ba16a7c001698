"""Reading a reactive notebook in which some cell is not Python."""

from __future__ import annotations

import ast
import re
import warnings

from nbtools.formats.reactive_dedent import dedent_cell

# What can only begin a new piece of the file, at column 0.
_BOUNDARY = re.compile(
    r"^(?=@app\.(?:cell|function|class_definition)\b|(?:async )?with app\.setup\b"
    r"|app\._unparsable_cell\(|if __name__ ==)",
    re.MULTILINE,
)
_DECORATOR = re.compile(r"\A@app\.(\w+)(?:\([^)]*\))?[^\n]*\n")
_NAME = re.compile(r"(?:async )?def (\w+)")
_HEADER = re.compile(r"\A(?:async )?(?:def|with)\b.*?:[ \t]*(?:#[^\n]*)?(?:\n|\Z)", re.DOTALL)


def parse_pieces(text: str) -> list[ast.stmt]:
    """The file's top-level statements, each broken cell as an `app._unparsable_cell` call.

    Lines are those of the file. What is broken outside of cells is left out.
    """
    starts = [match.start() for match in _BOUNDARY.finditer(text)]
    statements: list[ast.stmt] = []
    line = 0
    for start, end in zip([0, *starts], [*starts, len(text)], strict=True):
        piece = text[start:end]
        statements.extend(ast.increment_lineno(node, line) for node in _parse_piece(piece))
        line += piece.count("\n")
    return statements


def _parse_piece(piece: str) -> list[ast.stmt]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(piece).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _broken_cell(piece)


def _broken_cell(piece: str) -> list[ast.stmt]:
    decorator = _DECORATOR.match(piece)
    if decorator is None and not piece.startswith(("with ", "async with ")):
        return []
    code = piece[decorator.end() :] if decorator else piece
    name = _NAME.match(code) if decorator and decorator[1] == "cell" else None
    if name or decorator is None:
        header = _HEADER.match(code)
        code = code[header.end() :] if header else code
    body = _drop_return(code) if name else code
    source, label = dedent_cell(body).strip(), name[1] if name else "_" if decorator else "setup"
    call = ast.parse(f"app._unparsable_cell({source!r}, name={label!r})").body[0]
    line = piece.count("\n", 0, len(piece) - len(code.lstrip("\n")))
    return [ast.increment_lineno(call, line)]


def _drop_return(body: str) -> str:
    """The body without a last `return` at its margin, on one line or wrapped."""
    lines = body.rstrip().split("\n")
    first = next((line for line in lines if line.strip()), "")
    margin = first[: len(first) - len(first.lstrip())]
    for index in range(len(lines) - 1, -1, -1):
        line = lines[index]
        if line.startswith(f"{margin}return") and not line[len(margin) + 6 :][:1].isidentifier():
            return "\n".join(lines[:index])
        if line.strip() and line != f"{margin})" and not line.startswith(f"{margin}    "):
            break
    return body.rstrip()
