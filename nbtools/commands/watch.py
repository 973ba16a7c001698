"""`nbtools run --watch`: runs again what an edit of the file makes stale."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from nbtools.commands.run import Progress, Target
from nbtools.commands.terminal import complain
from nbtools.errors import NbtoolsError
from nbtools.report.printable import printable
from nbtools.report.run import format_trace
from nbtools.run.session import Limits, Listener, WarmSession, open_session
from nbtools.run.stale import find_stale

POLL = 0.25  # seconds


def watch_file(
    path: Path,
    read: Callable[[], Target],
    target: Target,
    python: str,
    limits: Limits,
    environment: Mapping[str, str],
) -> int:
    """Run a notebook, and what an edit makes stale, until Ctrl-C.

    A process that ended by itself or by a limit is started anew with the next edit.
    """
    watcher = _Watcher(path, read, target)
    try:
        while True:
            with open_session(
                watcher.target.job,
                python,
                limits,
                environment=environment,
                listener=Listener(watcher.start, watcher.end),
            ) as session:
                watcher.begin(session)
                while session.is_alive:
                    watcher.follow(session)
            watcher.wait()
    except KeyboardInterrupt:
        return 0


class _Watcher:
    """What is known of the file, and the lines that are printed."""

    def __init__(self, path: Path, read: Callable[[], Target], target: Target) -> None:
        self.path, self.read, self.target = path, read, target
        self.seen = self.look()
        self.progress = Progress(target.cells)

    def start(self, cell: int) -> None:
        self.progress.start(cell)

    def end(self, run: object) -> None:
        self.progress.end(run)  # type: ignore[arg-type]

    def look(self) -> tuple[int, int] | None:
        """The file's time of change and size; None while there is none."""
        try:
            status = os.stat(self.path)
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size

    def begin(self, session: WarmSession) -> None:
        """The first round of a process: all cells."""
        self.progress = Progress(self.target.cells)
        trace = session.run()
        for line in format_trace(trace, str(self.path)):
            click.echo(line)
        complain("watching for edits; Ctrl-C ends")

    def wait(self, session: WarmSession | None = None) -> None:
        """Wait until there is another version that can be read; the session takes Ctrl-C."""
        while True:
            time.sleep(POLL)
            if session is not None and session.is_interrupted:
                raise KeyboardInterrupt
            seen = self.look()
            if seen in (None, self.seen):
                continue
            self.seen = seen
            try:
                self.target = self.read()
            except NbtoolsError as error:
                complain(printable(str(error)))
                continue
            return

    def follow(self, session: WarmSession) -> None:
        """Wait for an edit, and run again what it makes stale."""
        before = self.target.job
        self.wait(session)
        stale = find_stale(before, self.target.job)
        self.target = Target(stale.job, self.target.cells, self.target.data)
        self.progress = Progress(self.target.cells)
        if not stale.reasons and not stale.gone:
            click.echo("nothing is stale")
            return
        for cell, reason in stale.reasons.items():
            click.echo(f"cell {cell + 1} runs again: {printable(reason)}")
        trace = session.rerun(stale.job, stale.changed, stale.gone)
        for line in format_trace(trace, str(self.path)):
            click.echo(line)
