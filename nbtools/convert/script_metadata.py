"""PEP 723: the `# /// script` comment block that tells which distributions a notebook needs."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from nbtools.analysis import modules
from nbtools.analysis.distributions import distribution_of, normalize_name

_BLOCK = re.compile(  # as in PEP 723, to the letter
    r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$"
)


# --- Blocks ------------------------------------------------------------------------------------


def read_block(source: str) -> tuple[str | None, str]:
    """Take the first `script` block out of a code cell.

    Returns:
        The block with both its marker lines and no newline at the end, or None; and the source
        without it. What only looks like a block (in a string, in the file that a cell magic
        writes) stays.
    """
    if source.lstrip().startswith("%%"):
        return None, source
    for match in _BLOCK.finditer(source):
        if match["type"] == "script" and not _in_string(source, match.start()):
            rest = source[: match.start()] + source[match.end() :].removeprefix("\n")
            return match[0], rest
    return None, source


def build_block(requirements: Sequence[str], requires_python: str | None) -> str:
    """A `script` block, requirements in the order given; no newline at the end."""
    lines = [] if requires_python is None else [f"requires-python = {_quote(requires_python)}"]
    return _join_block(lines + _dependency_lines(requirements))


def extend_block(block: str, requirements: Sequence[str]) -> str:
    """Add to a block the requirements whose distribution it does not name yet.

    All else in it stays as it is. A block whose TOML has no end of its `dependencies` is returned
    untouched: it is its author's to mend.
    """
    toml = _block_toml(block)
    listed = _find_dependencies(toml)
    if listed is None:
        return _join_block([*_dependency_lines(requirements), *toml.split("\n")])
    known = {_key(text)[0] for text in listed.texts}
    missing = [text for text in requirements if _key(text)[0] not in known]
    if not missing or listed.close is None:
        return block
    return _join_block(_insert_items(toml, listed, listed.close, missing).split("\n"))


def block_requirements(block: str) -> tuple[str, ...]:
    """The `dependencies` of a block, as written."""
    listed = _find_dependencies(_block_toml(block))
    return listed.texts if listed else ()


def _in_string(source: str, offset: int) -> bool:
    """Tell whether a place in Python text (offset in characters) is inside a string."""
    import tokenize  # here: few cells hold what looks like a block
    from io import StringIO

    row = source.count("\n", 0, offset) + 1  # 1-based, as in tokenize
    try:
        for token in tokenize.generate_tokens(StringIO(source).readline):
            if token.start[0] < row <= token.end[0] and token.type != tokenize.ENDMARKER:
                return True
            if token.start[0] >= row:
                return False
    except (tokenize.TokenError, SyntaxError):
        return False  # a magic before it stops the tokenizer; blocks in strings are the rarer case
    return False


def _block_toml(block: str) -> str:
    """What stands between the marker lines, `#` taken off."""
    lines = block.split("\n")[1:-1]
    return "\n".join(line[2:] if line.startswith("# ") else line[1:] for line in lines)


def _join_block(toml: Iterable[str]) -> str:
    commented = [f"# {line}" if line else "#" for line in toml]
    return "\n".join(["# /// script", *commented, "# ///"])


def _dependency_lines(requirements: Sequence[str]) -> list[str]:
    if not requirements:
        return ["dependencies = []"]
    return ["dependencies = [", *(f"    {_quote(text)}," for text in requirements), "]"]


def _quote(text: str) -> str:
    """A TOML string; JSON's escapes are TOML's, but a marker reads better in single quotes."""
    if '"' in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


# --- The dependencies array inside a block -----------------------------------------------------

# Not a TOML parser (tomllib is missing in Python 3.10, and cannot write): it only keeps strings and
# comments apart from brackets, which is all that is needed to find an array's items and its end.
_TOML_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""|' r"'''.*?'''|" r'"(?:\\.|[^"\\\n])*"|' r"'[^'\n]*'|#[^\n]*|[\[\]{}]",
    re.DOTALL,
)
_DEPENDENCIES = re.compile(r"""[ \t]*(?:dependencies|"dependencies"|'dependencies')[ \t]*=""")


class _Array(Struct, frozen=True):
    """An array of strings in TOML text; places are offsets in characters."""

    texts: tuple[str, ...]
    open: int  # of its "["
    last: int  # behind its last item, or behind "["
    close: int | None  # of its "]"; None: it has none


def _find_dependencies(toml: str) -> _Array | None:
    """The top-level `dependencies` array; None if there is none."""
    depth = 0
    for start, token in _walk_tokens(toml):
        line = toml[toml.rfind("\n", 0, start) + 1 : start]
        if token == "[" and depth == 0:
            if _DEPENDENCIES.fullmatch(line.rstrip()):
                return _read_array(toml, start)
            if not line.strip():
                return None  # a [table]: what follows is not top-level
        depth += (token in "[{") - (token in "]}")
    return None


def _walk_tokens(toml: str, start: int = 0) -> Iterator[tuple[int, str]]:
    return ((match.start(), match[0]) for match in _TOML_TOKEN.finditer(toml, start))


def _read_array(toml: str, opening: int) -> _Array:
    texts: list[str] = []
    last = opening + 1
    for start, token in _walk_tokens(toml, opening + 1):
        if token[0] in "\"'":
            texts.append(_unquote(token))
            last = start + len(token)
        elif token == "]":
            return _Array(tuple(texts), opening, last, start)
    return _Array(tuple(texts), opening, last, None)


def _unquote(token: str) -> str:
    for quotes in ('"""', "'''", '"', "'"):
        if token.startswith(quotes):
            inner = token[len(quotes) : -len(quotes)]
            return inner.replace('\\"', '"') if '"' in quotes else inner
    return token


def _insert_items(toml: str, array: _Array, close: int, items: Sequence[str]) -> str:
    """Put items behind the last one, on lines of their own where the array has lines."""
    head, gap, tail = toml[: array.last], toml[array.last : close], toml[close:]
    comma = "" if not array.texts or gap.lstrip().startswith(",") else ","
    quoted = [_quote(item) for item in items]
    if "\n" not in toml[array.open : close]:
        spaced = f"{comma} " if comma else (" " if array.texts else "")
        return f"{head}{gap.rstrip() if not comma else ''}{spaced}{', '.join(quoted)}{tail}"
    indent = _item_indent(toml, array)
    lines = "".join(f"{indent}{text},\n" for text in quoted)
    margin = len(gap) - len(gap.rstrip(" \t"))  # what stands before "]" on its line
    body = gap[: len(gap) - margin]
    if not body.endswith("\n"):
        body += "\n"
    return f"{head}{comma}{body}{lines}{gap[len(gap) - margin :]}{tail}"


def _item_indent(toml: str, array: _Array) -> str:
    """The blanks before the last item, if it begins its line; else four."""
    line = toml[toml.rfind("\n", 0, array.last) + 1 : array.last]
    blanks = line[: len(line) - len(line.lstrip())]
    return blanks if array.texts and blanks else "    "


# --- Requirements ------------------------------------------------------------------------------

# PEP 508, as far as two requirements must be compared: name, extras, the rest, the marker.
_CLAUSE = r"(?:===|==|~=|!=|<=|>=|<|>)\s*[A-Za-z0-9.*+!_-]+"
_CLAUSES = rf"{_CLAUSE}(?:\s*,\s*{_CLAUSE})*"
_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*"
    r"(?:\[(?P<extras>[A-Za-z0-9._,\s-]*)\])?\s*"
    rf"(?P<rest>@\s*\S+|{_CLAUSES}|\(\s*{_CLAUSES}\s*\)|)\s*"
    r"(?:;\s*(?P<marker>.+))?"
)


def is_requirement(text: str) -> bool:
    """Tell whether a text has the form of a PEP 508 requirement, which a block must hold."""
    return "\n" not in text and _REQUIREMENT.fullmatch(text) is not None


def merge_requirements(*groups: Iterable[str]) -> tuple[str, ...]:
    """One requirement per distribution and marker, sorted by name.

    Of two for the same distribution the one that says more than the name is kept, then the first;
    extras are added up. Groups come in order of authority. What is not PEP 508 is left out.
    """
    kept: dict[tuple[str, str], str] = {}
    for text in (text.strip() for group in groups for text in group):
        if is_requirement(text):
            key = _key(text)
            kept[key] = _combine(kept[key], text) if key in kept else text
    return tuple(kept[key] for key in sorted(kept))


def _key(text: str) -> tuple[str, str]:
    """The normalized name of a requirement, and its marker."""
    match = _REQUIREMENT.fullmatch(text)
    if match is None:
        return text, ""
    return normalize_name(match["name"]), match["marker"] or ""


def _combine(first: str, second: str) -> str:
    """Two requirements with one name and marker, as one."""
    one, two = _REQUIREMENT.fullmatch(first), _REQUIREMENT.fullmatch(second)
    assert one is not None  # both were tested
    assert two is not None
    winner, loser = (two, one) if two["rest"] and not one["rest"] else (one, two)
    extras = _extras(winner) | _extras(loser)
    if extras == _extras(winner):
        return winner.string
    tail = winner.string[max(winner.end("name"), winner.end("extras") + 1) :]
    return f"{winner['name']}[{','.join(sorted(extras))}]{tail}"


def _extras(match: re.Match[str]) -> set[str]:
    return {extra.strip() for extra in (match["extras"] or "").split(",") if extra.strip()}


# --- From imports to distributions -------------------------------------------------------------


def infer_requirements(
    imports: Collection[str], folder: Path | None, *, own: str = ""
) -> tuple[str, ...]:
    """The distributions that a notebook's imports need, marimo among them; names only, sorted.

    Args:
        imports: Modules as imported, `a` or `a.b.c`; the longer form tells `google.cloud.storage`
            from `google.protobuf`.
        folder: Where the notebook is; modules found there need no distribution.
        own: The notebook's name without `.ipynb`: what was converted from it is no module.
    """
    needed = {"marimo"}
    for module in imports:
        if module and not modules.is_stdlib(module) and not _is_local(module, folder, own):
            distribution = distribution_of(module)
            if distribution:
                needed.add(distribution)
    return tuple(sorted(needed))


def _is_local(module: str, folder: Path | None, own: str) -> bool:
    """Tell whether a module lies beside the notebook and is not what was converted from it."""
    if folder is None or not modules.local_module(module, folder):
        return False
    top = module.partition(".")[0]
    path = folder / f"{top}.py"
    if top != own or modules.find_module_file(top, folder) != path:
        return True
    try:
        from nbtools.formats.reactive import is_reactive

        return not is_reactive(path.read_bytes())
    except OSError:
        return True
