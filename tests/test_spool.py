"""What is large lies in a file, and comes back as it was."""

from __future__ import annotations

import resource
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from test_session import run_linear

from nbtools.errors import NbtoolsError
from nbtools.run.spool import LARGE, Outputs, Spool
from nbtools.run.trace import Output

LONG = "é\ud800" * LARGE
OUTPUTS = st.builds(
    Output,
    st.sampled_from(["stream", "display_data"]),
    text=st.sampled_from(["", "short", LONG]),
    data=st.sampled_from([{}, {"a": "b"}, {"a": LONG}, {"b": [10**30, {"c": LONG}, None, 0.1]}]),
    count=st.none() | st.integers(),
    traceback=st.sampled_from([(), ("a", "b"), (LONG, "b")]),
    display_id=st.sampled_from([None, "1", "2"]),
    dropped=st.integers(0, 3),
)


@given(st.lists(OUTPUTS), st.booleans())
def test_what_was_put_in_comes_out(outputs: list[Output], close: bool) -> None:
    kept = Outputs(Spool())
    for output in outputs:
        kept.append(output)
    if close:
        kept.close()
    assert list(kept) == outputs
    assert list(kept[1:]) == outputs[1:]
    assert [kept[index] for index in range(len(kept))] == outputs


@given(st.lists(OUTPUTS, min_size=1), st.data(), OUTPUTS)
def test_what_is_changed_is_changed_and_nothing_else(
    outputs: list[Output], data: st.DataObject, new: Output
) -> None:
    kept = Outputs(Spool())
    for output in outputs:
        kept.append(output)
    index = data.draw(st.integers(-1, len(outputs) - 1))
    kept.change(index, new)
    outputs[index] = new
    assert list(kept) == outputs
    kept.renew("1", lambda old: replace(old, text="renewed"))
    assert list(kept) == [
        replace(each, text="renewed") if each.display_id == "1" else each for each in outputs
    ]


def test_memory_does_not_grow_with_what_is_shown() -> None:
    def measure(times: int) -> int:
        cell = f"for _ in range({times}): display({{'text/html': 'x' * 500_000}}, raw=True)"
        tracemalloc.start()
        trace = run_linear("print('y' * 1_000_000)", cell)
        assert len(trace.cells[1].outputs) == times
        assert all(len(each.data["text/html"]) == 500_000 for each in trace.cells[1].outputs)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    few, many = measure(10), measure(100)
    assert many < 1.5 * few, (few, many)


def test_a_full_disk_is_told() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGE, hard))
    try:
        with pytest.raises(NbtoolsError, match="cannot keep what the notebook shows: File too"):
            Spool().put(Output("stream", text="x" * 2 * LARGE))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
