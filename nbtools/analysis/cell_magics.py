"""What each cell magic becomes: its body runs, is wrapped, or is the text of a call."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from nbtools.analysis.interpolation import Scope, interpolate
from nbtools.analysis.line_magics import (
    MARIMO,
    Replacement,
    call_helper,
    quote_sql,
    run_by_ipython,
    split_options,
    split_sql_target,
    timing_arguments,
    translate_capture,
    works_only_in_jupyter,
)
from nbtools.analysis.literals import quote_text
from nbtools.lazy_patterns import lazy_pattern

_SCRIPTS = frozenset("bash sh zsh perl ruby python python2 python3 pypy pypy3 cmd node".split())
# Their body is Python that runs in the notebook's namespace; they only measure or report.
_MEASURES = frozenset(
    "time prun debug memit mprun lprun snakeviz heat scalene notify viztracer pyinstrument".split()
)


class CellMagic(Struct, frozen=True):
    """How a cell magic treats its body."""

    runs: Literal["plain", "wrapped", "statement", "no"]
    replacement: Replacement  # for "no": all of the code; else what the magic needs besides
    statement: str = ""  # code on the first line: %%timeit's setup, or %%time's statement
    opening: tuple[str, ...] = ()  # for "wrapped": what the indented body stands under
    closing: tuple[str, ...] = ()


def read_cell_magic(name: str, arguments: str, body: Sequence[str], scope: Scope) -> CellMagic:
    """Decide what becomes of `%%name arguments` and the lines below it."""
    arguments = arguments.strip()
    if name in _MEASURES:
        return _read_measure(arguments, body)
    if name == "timeit":
        return _read_timeit(arguments, body)
    if name == "capture":
        return _read_capture(arguments)
    text = _body_text(body)
    if name in _SCRIPTS or name == "script":
        command = arguments if name == "script" else f"{name} {arguments}".strip()
        return CellMagic("no", _translate_script(command, text, scope))
    if name in _TABLE:
        return CellMagic("no", _TABLE[name](arguments, text, scope))
    if works_only_in_jupyter(name):
        note = f"`%%{name}` works only in Jupyter: the cell became a comment"
        return CellMagic("no", Replacement(note=note))
    return CellMagic("no", run_by_ipython(name, arguments, scope, text, _compiled(name, text)))


def _compiled(name: str, text: str) -> list[str]:
    """The functions and classes of `%%cython` that Python can see."""
    if not name.startswith("cython"):
        return []
    return list(dict.fromkeys(_COMPILED.findall(text)))


_COMPILED = lazy_pattern(
    r"^(?:def|cpdef(?:\s+[\w\[\], :]+?)??|(?:cdef\s+)?class)\s+(\w+)\s*[(:]", re.M
)


def _body_text(body: Sequence[str]) -> str:
    """The text IPython passes to a cell magic: it ends in a newline unless it is empty."""
    text = "\n".join(body)
    return text if not text or text.endswith("\n") else text + "\n"


def _read_measure(arguments: str, body: Sequence[str]) -> CellMagic:
    _, statement = split_options(re.sub(r"\A--no-raise-error\s*", "", arguments), "DlsTfmrtip")
    if statement and not any(line.strip() for line in body):
        return CellMagic("statement", Replacement(code=statement), statement)
    return CellMagic("plain", Replacement(lost=False))


def _read_timeit(arguments: str, body: Sequence[str]) -> CellMagic:
    options, setup = split_options(arguments, "nrpv")
    replacement = Replacement(value="time_it", helpers=frozenset({"time_it"}))
    has_body = any(line.strip() for line in body)
    loops = ["loops=True"] if setup and has_body else []
    call = f"time_it({', '.join(['_timed', *timing_arguments(options), *loops])})"
    opening = "def _timed(_loops):" if loops else "def _timed():"
    typed = f"  # %%timeit {arguments}".rstrip()
    if setup and not has_body:  # meant as %timeit, and IPython runs it too
        lines = (opening + typed, f"    {setup}")
        return CellMagic("wrapped", replacement, opening=lines, closing=(call,))
    return CellMagic("wrapped", replacement, setup, (opening + typed,), (call,))


def _read_capture(arguments: str) -> CellMagic:
    words = arguments.split()
    names = [word for word in words if word.isidentifier()]
    off = [kind for kind in ("stdout", "stderr", "display") if f"--no-{kind}" in words]
    call = f"capture_output({', '.join(f'{kind}=False' for kind in off)})"
    target = f" as {names[0]}" if names else ""
    replacement = Replacement(value=call, helpers=frozenset({"capture_output"}))
    return CellMagic("wrapped", replacement, opening=(f"with {call}{target}:",))


def _translate_script(command: str, text: str, scope: Scope) -> Replacement:
    """`%%bash` and its kin; `--out` and `--err` name variables."""
    targets = {}
    for kind in ("out", "err", "proc"):
        match = re.search(rf"(?:^|\s)--{kind}[ =](\w+)", command)
        if match:
            targets[kind] = match[1]
            command = command[: match.start()] + command[match.end() :]
    options = []
    kept = [kind for kind in ("out", "err") if kind in targets]
    if kept:
        options.append(f'capture="{" ".join(kept)}"')
    for flag, option in (("--no-raise-error", "check=False"), ("--bg", "background=True")):
        if flag in command.split():
            command = re.sub(rf"\s*{flag}\b", "", command)
            options.append(option)
    program = interpolate(command.strip(), scope)
    call = call_helper("run_script", program, quote_text(text), *options)
    if not kept or "--bg" in options:
        return call
    names = ", ".join(targets[kind] for kind in kept)
    return Replacement(statements=(f"{names} = {call.value}",), helpers=call.helpers)


def _translate_writefile(arguments: str, text: str, scope: Scope) -> Replacement:
    try:
        words = shlex.split(arguments)
    except ValueError:
        words = arguments.split()
    append = [word for word in words if word in ("-a", "--append")]
    names = [word for word in words if word not in append]
    if not names:
        return Replacement(note="`%%writefile` without a file became a comment")
    path = interpolate(" ".join(names), scope)
    return call_helper("write_file", path, quote_text(text), *(["append=True"] if append else []))


def _shows(function: str) -> Callable[[str, str, Scope], Replacement]:
    def translate(_arguments: str, text: str, _scope: Scope) -> Replacement:
        return Replacement(value=f"{function}({quote_text(text)})", imports=(MARIMO,))

    return translate


def _translate_sx(arguments: str, text: str, scope: Scope) -> Replacement:
    out = re.match(r"--?o(?:ut)?[ =](\w+)", arguments)
    lines = translate_capture(text, scope)
    if out is None:
        return lines
    return Replacement(statements=(f"{out[1]} = {lines.value}",), helpers=lines.helpers)


def _translate_javascript(_arguments: str, _text: str, _scope: Scope) -> Replacement:
    return Replacement(note="`%%javascript` acts on Jupyter's own page: it became a comment")


def _translate_sql(arguments: str, text: str, scope: Scope) -> Replacement:
    name, first = split_sql_target(arguments)
    note = None
    if re.match(r"\S+://|@\w|--", first):
        note = f"`%%sql {first}`: pass the connection to mo.sql(..., engine=...)"
        connection, _, first = first.partition(" ")
        if name is None:
            name, first = split_sql_target(first)
        first = "" if connection.startswith("--") else first
    query = textwrap.indent(f"{first}\n{text}" if first.strip() else text, "    ").rstrip()
    written = quote_sql(f"\n{query}\n    ", scope).replace('"""\\\n', '"""', 1)
    if written.startswith('"""') and not set(written) & set("{}"):
        written = "f" + written  # how marimo's editor writes every query
    call = f"{name or '_df'} = mo.sql(\n    {written}\n)"
    return Replacement(statements=tuple(call.split("\n")), imports=(MARIMO,), note=note)


_TABLE: Mapping[str, Callable[[str, str, Scope], Replacement]] = {
    "!": _translate_sx,
    "HTML": _shows("mo.Html"),
    "SVG": _shows("mo.Html"),
    "file": _translate_writefile,
    "html": _shows("mo.Html"),
    "javascript": _translate_javascript,
    "js": _translate_javascript,
    "latex": _shows("mo.md"),
    "markdown": _shows("mo.md"),
    "sql": _translate_sql,
    "svg": _shows("mo.Html"),
    "sx": _translate_sx,
    "system": _translate_sx,
    "writefile": _translate_writefile,
}
