"""What cells showed, of which all that is large lies in a file: memory does not grow with it.

The file has no name and is gone when nothing refers to it any more. It holds JSON, as what came
from the run does: nothing that is read back can run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any, overload

from msgspec import Struct, convert, to_builtins

from nbtools.errors import NbtoolsError, describe_os_error
from nbtools.run.trace import Output

LARGE = 4_000
"""Characters from which an output is put into the file."""


class _Place(Struct, frozen=True):
    """Where in the file an output lies."""

    start: int  # bytes
    size: int
    display_id: str | None


class Spool:
    """The file, made when it is needed first."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None

    def put(self, output: Output) -> _Place:
        """Write an output at the end. Raises NbtoolsError, if the disk is full for instance."""
        import tempfile  # 5 ms

        data = json.dumps(to_builtins(output)).encode()
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
            start = self._file.seek(0, 2)
            written = memoryview(data)
            while written:
                written = written[self._file.write(written) or 0 :]
        except OSError as error:
            reason = describe_os_error(error)
            raise NbtoolsError(f"cannot keep what the notebook shows: {reason}") from None
        return _Place(start, len(data), output.display_id)

    def get(self, place: _Place) -> Output:
        """Read what `put` wrote. Raises NbtoolsError if somebody cut the file."""
        assert self._file is not None
        self._file.seek(place.start)
        found = bytearray()
        while len(found) < place.size:
            more = self._file.read(place.size - len(found))
            if not more:
                raise NbtoolsError("the file with what the notebook shows was cut")
            found += more
        return convert(json.loads(found), Output)


class Outputs(Sequence[Output]):
    """A list of outputs; each but the last one, if it is large, lies in the file."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._slots: list[Output | _Place] = []

    def __len__(self) -> int:
        return len(self._slots)

    @overload
    def __getitem__(self, index: int) -> Output: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Output]: ...
    def __getitem__(self, index: int | slice) -> Output | Sequence[Output]:
        if isinstance(index, slice):
            return [self._load(slot) for slot in self._slots[index]]
        return self._load(self._slots[index])

    def __iter__(self) -> Iterator[Output]:
        return map(self._load, self._slots)

    def _load(self, slot: Output | _Place) -> Output:
        return self._spool.get(slot) if isinstance(slot, _Place) else slot

    def _store(self, index: int) -> None:
        slot = self._slots[index]
        if isinstance(slot, Output) and _measure(slot) > LARGE:
            self._slots[index] = self._spool.put(slot)

    def append(self, output: Output) -> None:
        """Add one at the end, where it stays at hand as long as it is the last."""
        if self._slots:
            self._store(-1)
        self._slots.append(output)

    def change(self, index: int, output: Output) -> None:
        """Put another in the place of one; the last one stays at hand."""
        self._slots[index] = output
        if index not in (-1, len(self._slots) - 1):
            self._store(index)

    def renew(self, display_id: str, change: Callable[[Output], Output]) -> None:
        """Change those that were shown under an id."""
        for index, slot in enumerate(self._slots):
            if slot.display_id == display_id:
                self.change(index, change(self._load(slot)))

    def close(self) -> None:
        """Nothing more is added."""
        if self._slots:
            self._store(-1)


def _measure(output: Output) -> int:
    """About how many characters an output takes."""
    return (
        len(output.text)
        + sum(map(len, output.traceback))
        + sum(map(measure_value, output.data.values()))
    )


def measure_value(value: Any) -> int:
    """How many characters a value of a bundle has, as text or as JSON."""
    return len(value) if isinstance(value, str) else len(json.dumps(value))
