"""One function over many items in several processes, when that pays."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def useful_workers(shares: int) -> int:
    """How many processes to use for work that makes so many shares worth a process each."""
    if sys.platform == "linux":
        processors = len(os.sched_getaffinity(0))
    else:
        processors = os.cpu_count() or 1
    return min(processors, shares)


def map_in_processes(
    function: Callable[[_Item], _Result],
    items: Sequence[_Item],
    workers: int,
    killed: Callable[[_Item], _Result],
) -> Iterator[_Result]:
    """Apply a function to items, in their order, and outlive a process that is killed.

    function: Must be known by name to a fresh process, and raise nothing.
    killed: What stands for the result of an item whose process was killed.
    """
    from concurrent.futures.process import BrokenProcessPool

    done = 0
    with _start(workers) as pool, suppress(BrokenProcessPool):
        for result in pool.map(function, items):  # ends what has not begun when the caller stops
            yield result
            done += 1
    # A process died, for want of memory for instance. Which item it had, nobody knows: each of
    # the rest gets a process of its own, so that only the one that kills it is lost.
    for item in items[done:]:
        with _start(1) as pool:
            try:
                yield pool.submit(function, item).result()
            except BrokenProcessPool:
                yield killed(item)


def _start(workers: int) -> ProcessPoolExecutor:
    from concurrent.futures import ProcessPoolExecutor

    return ProcessPoolExecutor(workers, initializer=_prepare)


def _prepare() -> None:
    """Ctrl-C reaches every process: the first one speaks and starts no more work, that is all."""
    import gc
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()  # what the parent made stays: looking through it is for nothing
