"""The table of what libraries have removed. It is loaded when it is first asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from msgspec import Struct, json

_TABLE = Path(__file__).parent / "data" / "removed_apis.json"


class Removal(Struct, frozen=True):
    """Something that a library no longer has."""

    name: str  # "numpy.float", "append", "normed"
    library: str  # as people write it: "NumPy"
    version: str  # the first without it; "": not known
    instead: str  # a dotted name, or code; "": nothing takes its place
    types: tuple[str, ...] = ()  # of a method: types that had it; "*": no other library has it
    module: str = ""  # of a method or keyword: what the notebook must import; "": nothing
    most: int = 0  # how many arguments may be given by position


class Removals(Struct, frozen=True):
    """The table, by what it is looked up by."""

    names: Mapping[str, Removal]  # by dotted name
    methods: Mapping[str, Sequence[Removal]]  # by the method's name
    keywords: Mapping[tuple[str, str], Removal]  # by dotted function (or "*.method") and keyword
    keyword_words: frozenset[str]  # all such keywords
    positional: Mapping[str, Removal]  # by dotted function
    call_words: frozenset[str]  # the last words of the functions in `keywords` and `positional`
    modules: frozenset[str]  # top-level modules that something was removed from, or that were
    last_words: frozenset[str]  # the last words of `names`


@cache
def load_removals() -> Removals:
    """Read the table from the package's data."""
    data = json.decode(_TABLE.read_bytes())
    names = {
        name: Removal(name, library, version, instead)
        for library, versions in data["names"].items()
        for version, entries in versions.items()
        for name, instead in entries.items()
    }
    methods: dict[str, list[Removal]] = {}
    for each in data["methods"]:
        removal = Removal(
            each["method"],
            each["library"],
            each["version"],
            each["instead"],
            types=tuple(each["types"]),
            module=each["module"],
        )
        methods.setdefault(removal.name, []).append(removal)
    keywords = {
        (each["call"], each["keyword"]): Removal(
            each["keyword"],
            each["library"],
            each["version"],
            each["instead"],
            module=each["module"],
        )
        for each in data["keywords"]
    }
    positional = {
        call: Removal(call, library, version, instead, most=most)
        for library, versions in data["positional"].items()
        for version, entries in versions.items()
        for call, (most, instead) in entries.items()
    }
    calls = [call for call, _ in keywords] + list(positional)
    return Removals(
        names=names,
        methods=methods,
        keywords=keywords,
        keyword_words=frozenset(word for _, word in keywords),
        positional=positional,
        call_words=frozenset(call.rpartition(".")[2] for call in calls),
        modules=frozenset(name.partition(".")[0] for name in [*names, *calls]) - {"*"},
        last_words=frozenset(name.rpartition(".")[2] for name in names),
    )
