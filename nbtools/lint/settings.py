"""What lint is asked to look for: one frozen object, whatever it was read from."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Target = Literal["reactive", "jupyter"]


class Settings(Struct, frozen=True):
    """The settings that hold for one file; selectors are codes, prefixes, names or "ALL"."""

    target: Target = "reactive"
    select: tuple[str, ...] | None = None  # None: the rules that are on by default
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fixable: tuple[str, ...] = ("ALL",)
    unfixable: tuple[str, ...] = ()
    builtins: frozenset[str] = frozenset()  # names that are always bound
    outputs: Literal["keep", "strip"] | None = None  # the project's policy, for NB117
    unsafe_fixes: bool = False
    show_fixes: bool = False  # work out every fix, though none is to be made: a report shows them
