"""Names that SQL text defines and reads, as far as marimo's dataflow sees them.

marimo asks duckdb and sqlglot, where they are installed, and sees nothing in SQL where they
are not. This is a light reading of the same: tokens, no grammar. It finds what `CREATE
TABLE|VIEW|SCHEMA` and `ATTACH` define and what stands after `FROM`, `JOIN`, `INTO`,
`UPDATE`, `TABLE`, `DESCRIBE`, `SUMMARIZE` and `PIVOT`, comma lists included, CTE names left
out. It does not know lateral joins, macros, or names that only a subquery's CTE hides.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from msgspec import Struct

SQL_CALLS = frozenset({("mo", "sql"), ("marimo", "sql"), ("duckdb", "sql"), ("duckdb", "execute")})

_TOKEN = re.compile(
    r"""
    (?P<blank> \s+ | --[^\n]* | /\*.*?(?:\*/|\Z) )
  | (?P<text> '(?:[^']|'')*(?:'|\Z) | \$\$.*?(?:\$\$|\Z) )
  | (?P<quoted> "(?:[^"]|"")*(?:"|\Z) )
  | (?P<word> [^\W\d]\w* )
  | (?P<other> \d[\w.]* | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_FILES = (".csv", ".parquet", ".json", ".txt", ".db", ".tsv", ".xlsx")
_FIRST_BEFORE_TABLE = frozenset(
    {"update", "describe", "summarize", "pivot", "unpivot", "copy", "truncate"}
)
_ENDS_TABLES = frozenset(
    "where group order having limit union intersect except select window qualify set returning"
    " values offset".split()
)
_STARTS_QUERY = frozenset({"select", "with", "from", "insert", "delete", "update", "values"})
_NOT_A_TABLE = frozenset({"select", "lateral", "unnest", "values", "with", "set", "from", "or"})


class SqlNames(Struct, frozen=True):
    """What one SQL text does to the names of the notebook."""

    definitions: tuple[str, ...] = ()  # tables, views, schemas, databases; in text order
    references: tuple[str, ...] = ()  # lower case; dotted where the text qualifies them


class _Token(Struct, frozen=True):
    kind: str  # "text", "quoted", "word" or "other"
    text: str

    @property
    def word(self) -> str:
        """The keyword this may be, in lower case."""
        return self.text.lower() if self.kind == "word" else ""


_END = _Token("other", "")


def sql_text(argument: ast.expr) -> str | None:
    """The SQL in a call's argument, `1` standing for each `{...}`; None if it is no literal."""
    if isinstance(argument, ast.Constant):
        return argument.value if isinstance(argument.value, str) else None
    if isinstance(argument, ast.JoinedStr):
        return "".join(map(_fstring_part, argument.values))
    return None


def _fstring_part(part: ast.expr) -> str:
    if isinstance(part, ast.FormattedValue):
        return _fstring_part(part.value)
    if isinstance(part, ast.Constant):
        return str(part.value)
    return sql_text(part) or "1"


def sql_names(sql: str) -> SqlNames:
    """Names that the statements of one SQL text define and read."""
    definitions: list[str] = []
    references: list[str] = []
    defined: set[str] = set()
    for statement in _split_statements(sql):
        for qualified, name in _find_definitions(statement):
            defined.add(qualified)
            definitions.append(name)
        hidden = defined | _find_ctes(statement)
        found = _find_references(statement)
        references.extend(name for name in found if name not in hidden)
    return SqlNames(tuple(definitions), tuple(dict.fromkeys(references)))


def _split_statements(sql: str) -> Iterator[list[_Token]]:
    statement: list[_Token] = []
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup or "other"
        if kind == "blank":
            continue
        if match.group() == ";":
            yield statement
            statement = []
        else:
            statement.append(_Token(kind, match.group()))
    yield statement


def _at(tokens: list[_Token], index: int) -> _Token:
    return tokens[index] if index < len(tokens) else _END


def _read_name(tokens: list[_Token], index: int) -> tuple[list[str], int]:
    """The parts of `a.b."c"` that start at the index, and the index behind them."""
    parts: list[str] = []
    while _at(tokens, index).kind in ("word", "quoted", "text"):
        token = tokens[index]
        parts.append(token.text if token.kind == "word" else token.text[1:-1])
        index += 1
        if _at(tokens, index).text != ".":
            break
        index += 1
    return parts, index


def _skip_words(tokens: list[_Token], index: int, *groups: tuple[str, ...]) -> int:
    """The index behind those of the word groups, in this order, that stand there."""
    for group in groups:
        words = tuple(_at(tokens, index + offset).word for offset in range(len(group)))
        if words == group:
            index += len(group)
    return index


def _find_definitions(tokens: list[_Token]) -> Iterator[tuple[str, str]]:
    for index, token in enumerate(tokens):
        if token.word == "create":
            yield from _read_create(tokens, index + 1)
        elif token.word == "attach":
            yield from _read_attach(tokens, index + 1)


def _read_create(tokens: list[_Token], index: int) -> Iterator[tuple[str, str]]:
    index = _skip_words(tokens, index, ("or", "replace"), ("temporary",), ("temp",))
    kind = _at(tokens, index).word
    if kind not in ("table", "view", "schema"):
        return
    parts, _ = _read_name(tokens, _skip_words(tokens, index + 1, ("if", "not", "exists")))
    if not parts:
        return
    if kind == "schema":
        yield parts[-1], parts[-1]
    else:
        yield ".".join(parts).lower(), parts[-1].lower()


def _read_attach(tokens: list[_Token], index: int) -> Iterator[tuple[str, str]]:
    index = _skip_words(tokens, index, ("database",), ("if", "not", "exists"))
    parts, behind = _read_name(tokens, index)
    if not parts:
        return
    name = parts[0].split(".")[0].split(":")[-1]
    if _at(tokens, behind).word == "as":
        alias, _ = _read_name(tokens, behind + 1)
        name = alias[0] if alias else name
    yield name, name


def _find_ctes(tokens: list[_Token]) -> set[str]:
    """Names that `WITH name AS (` and `, name AS (` give to subqueries."""
    if not any(token.word == "with" for token in tokens):
        return set()
    names = set()
    for index, token in enumerate(tokens):
        behind = _skip_words(tokens, index + 1, ("recursive",))
        if token.word == "with" or token.text in (",", ")"):
            parts, after = _read_name(tokens, behind)
            if len(parts) == 1 and _at(tokens, after).text == "(":
                after = _skip_parentheses(tokens, after)
            after_as = _skip_words(tokens, after, ("as",), ("not",), ("materialized",))
            if len(parts) == 1 and after_as > after and _at(tokens, after_as).text == "(":
                names.add(parts[0].lower())
    return names


def _skip_parentheses(tokens: list[_Token], index: int) -> int:
    depth = 0
    while index < len(tokens):
        depth += {"(": 1, ")": -1}.get(tokens[index].text, 0)
        index += 1
        if depth == 0:
            break
    return index


class _Level(Struct):
    """What is known inside one pair of parentheses."""

    is_query: bool  # `extract(a FROM b)` is none
    in_tables: bool = False  # between FROM and the next clause, where a comma goes on to a table


def _find_references(tokens: list[_Token]) -> Iterator[str]:
    if tokens and tokens[0].word == "explain":
        return  # marimo sees nothing in it
    levels = [_Level(is_query=True)]
    for index, token in enumerate(tokens):
        level, word = levels[-1], token.word
        if token.text == "(":
            levels.append(_Level(_at(tokens, index + 1).word in _STARTS_QUERY))
        elif token.text == ")" and len(levels) > 1:
            levels.pop()
        elif word in _ENDS_TABLES:
            level.in_tables = False
        elif _starts_table(tokens, index, level):
            level.in_tables |= word == "from"
            yield from _read_table(tokens, index + 1)


def _starts_table(tokens: list[_Token], index: int, level: _Level) -> bool:
    token, before = tokens[index], _at(tokens, index - 1).word if index else ""
    if token.word == "from":
        return level.is_query and not (before == "distinct" and index > 1)
    if token.word in ("table", "view"):
        return before == "drop"
    if token.word in _FIRST_BEFORE_TABLE:
        return index == 0
    return token.word in ("join", "into") or (token.text == "," and level.in_tables)


def _read_table(tokens: list[_Token], index: int) -> Iterator[str]:
    """The table whose name starts at the index; none for text, functions and subqueries."""
    index = _skip_words(tokens, index, ("table",), ("if", "exists"))
    token = _at(tokens, index)
    parts, behind = _read_name(tokens, index)
    if not parts or token.kind == "text" or token.word in _NOT_A_TABLE:
        return
    if (
        _at(tokens, behind).text != "("
        and "://" not in parts[-1]
        and not parts[-1].endswith(_FILES)
    ):
        yield ".".join(parts).lower()
