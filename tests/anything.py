"""Runs a statement with values that can be anything, to see which names it looks up and binds."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import repeat
from types import FrameType
from typing import Any

MOST_LINES = 300  # `while True: pass` asks for no choice


class EndOfRunError(BaseException):
    """All choices are used up: the run ends wherever it is."""


class Namespace(dict[str, Any]):
    """Global names; one that is not bound gives `Anything`, and is remembered."""

    def __init__(self, names: Sequence[str], choices: Iterator[int]) -> None:
        super().__init__()
        self.names = frozenset(names)
        self.missed: set[str] = set()
        self.found: set[str] = set()  # those that were bound when they were first looked up
        _Acts.choices = choices

    def __getitem__(self, name: str) -> Any:
        if name in self.names and name not in self:
            self.missed.add(name)
            return Anything
        if name not in self.missed:
            self.found.add(name)
        return super().__getitem__(name)


class _Acts:
    """What can be done to a value; choices decide how it turns out."""

    choices: Iterator[int] = repeat(0)  # for what is still alive when a run has ended

    def act(self, *_args: Any, **_named: Any) -> Any:
        return Anything

    __getattr__ = __getitem__ = __add__ = __enter__ = act

    def __setattr__(self, name: str, value: Any) -> None: ...

    def __setitem__(self, key: Any, value: Any) -> None: ...

    def __exit__(self, *_error: Any) -> None: ...

    def __bool__(self) -> bool:
        return bool(_choose() % 2)

    def __iter__(self) -> Iterator[Any]:
        """Not empty: that facts take for granted."""
        return iter([Anything] * (1 + _choose() % 2))


class _AnyClass(_Acts, type):
    """`Anything` is a class, so that it can be raised and caught."""

    def __instancecheck__(cls, value: object) -> bool:
        return True


class Anything(Exception, metaclass=_AnyClass):  # noqa: N818 - it is not only an error
    """Any value."""

    __call__ = __getattr__ = __getitem__ = __add__ = __enter__ = _Acts.act
    __setitem__, __exit__ = _Acts.__setitem__, _Acts.__exit__
    __bool__, __iter__ = _Acts.__bool__, _Acts.__iter__


def _choose() -> int:
    try:
        return next(_Acts.choices)
    except StopIteration:
        raise EndOfRunError from None


def run_anyhow(code: str, names: Sequence[str], choices: Sequence[int]) -> tuple[Namespace, bool]:
    """Run code once, for some hundred lines at most; tell whether it came to its end."""
    namespace = Namespace(names, iter(choices))
    lines = iter(range(MOST_LINES))

    def count(_frame: FrameType, event: str, _arg: Any) -> Any:
        if event == "line" and next(lines, None) is None:
            raise EndOfRunError
        return count

    outer = sys.gettrace()
    sys.settrace(count)
    try:
        exec(compile(code, "cell", "exec", dont_inherit=True), namespace)
    except (Exception, EndOfRunError):
        return namespace, False
    finally:
        sys.settrace(outer)
        _Acts.choices = repeat(0)
    return namespace, True
