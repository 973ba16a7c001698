"""What a reader saw of some cells, put together from a run's trace."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from nbtools.run.trace import CellError, CellRun, Output

Restore = Callable[[str], str]
"""Undoes in a text what a run did to it: the name of its private folder, for instance."""

_ANSI = re.compile(r"\x1b\[[0-9;:?]*[A-Za-z]")
WIDGET = "application/vnd.jupyter.widget-view+json"


class Shown(Struct, frozen=True):
    """One bundle: the same thing in several formats."""

    data: Mapping[str, Any]  # mime type -> text, or JSON
    is_result: bool = False  # the value of the last expression, not what `display` was given
    after_error: bool = False  # shown when the cell had failed already


class Failure(Struct, frozen=True):
    """An exception that ended a cell."""

    name: str
    text: str
    line: str = ""  # the innermost line of a cell, as it stands there
    function: str = ""


class Display(Struct, frozen=True):
    """What cells showed, one after the other.

    A reactive notebook has what is printed apart from what is shown, so their mutual order is
    kept on its own: it can only be compared between runs of the same kind.
    """

    stdout: str = ""
    stderr: str = ""
    shown: tuple[Shown, ...] = ()
    failure: Failure | None = None
    order: str = ""  # "p" for printed text, "s" for something shown
    cut: bool = False  # something was left out because of its size

    @property
    def is_empty(self) -> bool:
        """Whether the cells showed nothing at all."""
        return not (self.stdout or self.stderr or self.shown or self.failure)


def collect_display(runs: Sequence[CellRun], restore: Restore) -> Display:
    """What these cells showed, in the order given."""
    printed: dict[str, list[str]] = {"stdout": [], "stderr": []}
    shown: list[Shown] = []
    order: list[str] = []
    cut = failed = False
    for output, told in ((output, run.error is None) for run in runs for output in run.outputs):
        if output.kind == "stream":
            printed.setdefault(output.name, []).append(restore(output.text))
            order += "p" if output.name == "stdout" and order[-1:] != ["p"] else ""
        elif output.kind == "error":
            if told:  # as a widget tells of one, and the cell goes on
                text = f"{output.error_name}: {output.error_text}\n"
                printed["stderr"].append(restore(text))
            failed |= not told
        else:
            bundle = _restore_bundle(output, restore)
            shown.append(Shown(bundle, output.kind == "execute_result", failed))
            order.append("s")
        cut = cut or bool(output.dropped)
    errors = [run.error for run in runs if run.error is not None]
    return Display(
        overwrite("".join(printed["stdout"])),
        overwrite("".join(printed["stderr"])),
        tuple(shown),
        _describe_failure(errors[0], restore) if errors else None,
        "".join(order),
        cut,
    )


def _restore_bundle(output: Output, restore: Restore) -> dict[str, Any]:
    return {
        mime: restore(value) if isinstance(value, str) and not mime.startswith("image/p") else value
        for mime, value in output.data.items()
        if mime != WIDGET  # it only names a model that lives in the kernel
    }


def _describe_failure(error: CellError, restore: Restore) -> Failure:
    frame = error.frames[-1] if error.frames else None
    line, function = (frame.text, frame.function) if frame else ("", "")
    return Failure(error.name, restore(error.text), line, function)


def overwrite(text: str) -> str:
    r"""Printed text as a reader sees it: `\r` and `\b` go back, colours are gone."""
    text = _ANSI.sub("", text).replace("\r\n", "\n")
    if "\b" in text:
        while (shorter := re.sub(r"[^\n]\x08", "", text)) != text:
            text = shorter
    if "\r" not in text:
        return text
    return "\n".join(map(_overwrite_line, text.split("\n")))


def _overwrite_line(line: str) -> str:
    shown = ""
    for piece in line.split("\r"):
        shown = piece + shown[len(piece) :]
    return shown
