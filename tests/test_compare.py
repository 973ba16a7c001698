"""What is the same, what varies, and what differs: texts, pictures, bundles, exceptions."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nbtools.run.trace import CellError, CellRun, Output
from nbtools.verify.compare import EXACT, Standards, compare_displays, conversion_standards
from nbtools.verify.display import Display, Failure, Shown, collect_display, overwrite
from nbtools.verify.pictures import PictureError, compare_pictures, decode_picture
from nbtools.verify.rules import RECORDED, TRACEBACKS, all_rules, apply_rules, rename_back
from nbtools.verify.tokens import fit_text, guess_cause, learn_mask, split_words
from nbtools.verify.verdict import Item, Verdict

CONVERSION = conversion_standards(rename_back({"x_1": "x"}))
SAVED = Standards(printed=RECORDED, shown=RECORDED, same_kind=True)


def verdict(
    references: list[Display], found: Display, standards: Standards = CONVERSION
) -> Verdict:
    items = compare_displays(references, found, standards)
    assert len(items) < 2, items
    return items[0].verdict if items else "same"


def item(references: list[Display], found: Display, standards: Standards = CONVERSION) -> Item:
    (only,) = compare_displays(references, found, standards)
    return only


def out(text: str) -> Display:
    return Display(stdout=text)


def shown(*bundles: dict[str, Any], results: bool = False) -> Display:
    return Display(shown=tuple(Shown(bundle, results) for bundle in bundles))


# --- text ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("runs", "found", "expected"),
    [
        (["a 1\n", "a 1\n"], "a 1\n", "same"),
        (["a 1\n", "a 1\n"], "a 2\n", "different"),
        (["a 1\n", "a 1\n"], "", "missing"),
        (["", ""], "a\n", "extra"),
        (["took 1.5 ms\n", "took 1.7 ms\n"], "took 12 ms\n", "unstable"),
        (["took 1.5 ms\n", "took 1.7 ms\n"], "used 1.5 ms\n", "different"),
        (["<A at 0x7f01>", "<A at 0x7f02>"], "<A at 0x7fff>", "unstable"),
        (["<A at 0x7f01>", "<A at 0x7f02>"], "<B at 0x7f01>", "different"),
        (["<A at 0x7f01>", "<A at 0x7f02>"], "<A at 12>", "different"),
        (["n 3\nt 1.5\n", "n 3\nt 2.5\n"], "n 4\nt 1.5\n", "different"),
        (["a\nb\n", "b\na\n"], "b\na\n", "unstable"),
        (["a\nb\n", "b\na\n"], "b\nc\n", "different"),
    ],
)
def test_what_two_runs_agree_on_must_be_the_same(
    runs: list[str], found: str, expected: Verdict
) -> None:
    assert verdict([out(text) for text in runs], out(found)) == expected


def test_a_random_bit_may_be_what_it_never_was_once_enough_runs_were_made() -> None:
    runs = [out("1 0 1 1"), out("1 1 0 0"), out("1 0 0 1")]
    widened = Standards(widen=True)
    assert verdict(runs, out("0 1 1 1")) == "different"
    assert verdict(runs, out("0 1 1 1"), widened) == "unstable"
    assert verdict([out("seed 7\ntook 1 s"), out("seed 7\ntook 2 s")], out("seed 8\ntook 1 s"),
                   widened) == "different"  # fmt: skip


def play(rounds: int, *wars: int) -> str:
    lines = [f"round {n}" + "\nwar!" * (n in wars) for n in range(1, rounds + 1)]
    return "\n".join(["accuracy 0.93", *lines, "over"])


def test_an_identifier_in_a_long_line_is_no_reason_for_its_numbers_to_vary() -> None:
    data = ", ".join(map(str, range(50)))
    one, two, three = (f'{{"id": "a{n}f", "data": [{data}]}}' for n in range(3))
    widened = Standards(widen=True)
    assert verdict([out(one), out(two)], out(three), widened) == "unstable"
    assert verdict([out(one), out(two)], out(three.replace("49", "50")), widened) == "different"
    uuid = "e3e0a86c-e48a-4c94-b8ba-fe5d3191265"
    short = [out(f'<div id="{uuid}{n}" data="1">') for n in range(3)]
    assert verdict(short[:2], short[2], widened) == "unstable"
    assert verdict(short[:2], out(f'<div id="{uuid}9" data="2">'), widened) == "different"


def test_where_lines_come_and_go_each_must_be_known_and_those_that_always_came_must_be_there() -> (
    None
):
    games = [play(9, 2, 5), play(14, 3), play(11), play(8, 1, 2, 3), play(12, 11)]
    mask = learn_mask(games)
    assert mask is not None
    found = play(15, 4, 7, 8, 9)
    assert fit_text(games[0], mask, found).fits
    assert fit_text(games[0], mask, found).widened
    for old, new in (("0.93", "0.94"), ("over", "done")):
        assert not fit_text(games[0], mask, found.replace(old, new)).fits


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["<A at 0x7f01>", "<A at 0x7f02>"], "address"),
        (["Wall time: 1.2 ms", "Wall time: 1.9 ms"], "duration"),
        (["2026-01-02 10:00:01", "2026-01-02 10:00:02"], "date"),
        (["0.25 0.5", "0.75 0.1"], "random"),
        (["a\nb", "b\na"], "order"),
        ([" 10%|# ", " 20%|##"], "progress"),
    ],
)
def test_the_cause_is_guessed(texts: list[str], words: str) -> None:
    mask = learn_mask(texts)
    assert mask is not None
    assert words in guess_cause(texts, mask)


@given(st.text(), st.text())
def test_words_lose_nothing_and_every_run_fits_what_was_learned(a: str, b: str) -> None:
    assert "".join(split_words(a)) == a
    mask = learn_mask([a, b])
    assert (mask is None) == (a == b)
    if mask is not None:
        assert fit_text(a, mask, a).fits
        assert fit_text(a, mask, b).fits


@given(st.text(alphabet="ab1 .\n-", max_size=60), st.text(alphabet="ab1 .\n-", max_size=60))
def test_a_text_that_never_varied_fits_only_itself(a: str, b: str) -> None:
    assert learn_mask([a, a]) is None
    assert (verdict([out(a), out(a)], out(b), EXACT) == "same") == (overwrite(a) == overwrite(b))


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.name)
@given(text=st.text())
def test_a_rule_applied_twice_is_applied_once(rule: Any, text: str) -> None:
    once = rule.apply(text)
    if rule.name not in ("html-layout", "latex-delimiters"):  # they change the kind of text
        assert rule.apply(once) == once


IPYTHON = """\
---------------------------------------------------------------------------
KeyError                                  Traceback (most recent call last)
File a.py:3, in f()
      3 d[1]

KeyError: 1

The above exception was the direct cause of the following exception:

ValueError                                Traceback (most recent call last)
Cell In[2], line 1
----> 1 f()

ValueError: no
"""
PLAIN = """\
Traceback (most recent call last):
  File "a.py", line 3, in f
    d[1]
ValueError: no
"""


@pytest.mark.parametrize("text", [IPYTHON, PLAIN, "ValueError: no\n"])
def test_of_an_error_that_is_told_the_message_counts(text: str) -> None:
    assert TRACEBACKS.apply(f"a\n{text}b: 1\n") == "a\nValueError: no\nb: 1\n"


def test_a_missing_font_may_be_told_more_often() -> None:
    def draw(times: int, font: str = "Arial") -> Display:
        return Display(stderr=f"a\n{f'findfont: no {font}{chr(10)}b{chr(10)}' * times}")

    assert verdict([draw(3), draw(3)], draw(1)) == "different"  # `b` is told once, not three times
    left, right = (Display(stderr=each.stderr.replace("b\n", "")) for each in (draw(3), draw(1)))
    assert verdict([left, left], right) == "same-by-rule"
    assert verdict([left, left], draw(1, "Times")) == "different"


def test_an_error_that_is_told_is_compared_with_the_text_that_tells_it() -> None:
    told = Output("error", error_name="ValueError", error_text="no")
    shown = CellRun(0, "ok", (told,))
    written = CellRun(0, "ok", (Output("stream", name="stderr", text=PLAIN),))
    ended = CellRun(0, "error", (told,), error=CellError("ValueError", "no"))
    left, right, failed = (collect_display([run], str) for run in (shown, written, ended))
    assert left.stderr == "ValueError: no\n"
    assert verdict([left, left], right) == "same-by-rule"
    assert failed.stderr == ""


def test_ipython_compiles_a_cell_more_than_once() -> None:
    line = "nb.ipynb#cell-6:1: SyntaxWarning: 'is' with a literal\n  5 is 5.0\n"
    twice = "<>:1: SyntaxWarning: 'is' with a literal\n" * 2 + line
    items = compare_displays([Display(stderr=twice)] * 2, Display(stderr=line), CONVERSION)
    assert [(item.verdict, item.rules) for item in items] == [("same-by-rule", ("syntax-warning",))]
    items = compare_displays([Display(stderr=twice)] * 2, Display(), CONVERSION)
    assert [item.verdict for item in items] == ["missing"]


def test_the_line_that_a_warning_quotes_may_be_another_and_nothing_else() -> None:
    def warn(message: str, line: str) -> Display:
        return Display(stderr=f"nb.ipynb#cell-6:1: AWarning: {message}\n  {line}\n")

    for message in ("short", "\n\nof many\n  lines\n\n"):
        assert verdict([warn(message, "f(x)")], warn(message, "typeset(f(x))")) == "same-by-rule"
        assert verdict([warn(message, "f(x)")], warn(message + "!", "f(x)")) == "different"


LONG = {
    "a picture in HTML": f'<img src="{base64.b64encode(bytes(range(256)) * 1000).decode()}">',
    "code in one line": "function(){var a=1;}" * 15_000,
    "blanks": " " * 300_000,
    "digits": "1" * 300_000,
    "fractions": "1." * 150_000,
    "the same line": "a b\n" * 15_000,
    "marks": "(" * 300_000,
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_no_text_takes_the_square_of_its_length(text: str) -> None:
    """A pattern or a comparison that does would keep this test for minutes."""
    half = len(text) // 2
    other = f"{text[:half]}new\nline{text[half:]}x"
    for rule in all_rules():
        rule.apply(text)
    mask = learn_mask([text, other])
    assert mask is not None
    assert fit_text(text, mask, other).fits
    assert verdict([out(text)] * 2, out(other)) == "different"


def test_a_rule_is_named_only_if_it_was_needed() -> None:
    left, right, used = apply_rules(RECORDED, "np.float64(1.5) at 0x7f0000aa", "1.5 at 0x7f0000bb")
    assert left == right
    assert set(used) == {"address", "numpy-scalar"}


@pytest.mark.parametrize(
    ("saved", "fresh", "rule"),
    [
        ("<Figure size 432x288 with 1 Axes>", "<Figure size 640x480 with 1 Axes>", "figure-size"),
        ("took 3 ms", "took 41.7 ms", "duration"),
        ("0.5", "np.float64(0.5)", "numpy-scalar"),
        ("<A at 0x10aaaaaa>", "<A at 0x7fbbbbbb>", "address"),
    ],
)
def test_saved_outputs_have_rules_of_their_own(saved: str, fresh: str, rule: str) -> None:
    found = item([out(fresh), out(fresh)], out(saved), SAVED)
    assert (found.verdict, found.rules) == ("same-by-rule", (rule,))
    assert item([out(fresh), out(fresh)], out(saved)).verdict == "different"


def test_text_is_compared_as_a_reader_sees_it() -> None:
    assert overwrite("10%\r100%\ndone\x08.\x1b[0m") == "100%\ndon."


# --- exceptions ---------------------------------------------------------------------------------


def failed(name: str, text: str, line: str = "f(x)") -> Display:
    return Display(failure=Failure(name, text, line))


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    [
        (failed("KeyError", "'a'"), failed("KeyError", "'a'"), "same"),
        (failed("KeyError", "'a'"), failed("KeyError", "'b'"), "different"),
        (failed("KeyError", "'a'"), failed("IndexError", "'a'"), "different"),
        (failed("KeyError", "'a'", "f(x)"), failed("KeyError", "'a'", "f(x_1)"), "same"),
        (failed("KeyError", "'a'", "f(x)"), failed("KeyError", "'a'", "go[1]"), "different"),
        (failed("NameError", "no x"), failed("NameError", "no x_1"), "same-by-rule"),
        (failed("ValueError", "no"), Display(), "missing"),
        (Display(), failed("ValueError", "no"), "failed"),
    ],
)
def test_exceptions_are_compared_by_type_message_and_line(
    wanted: Display, found: Display, expected: Verdict
) -> None:
    assert verdict([wanted, wanted], found) == expected


# --- bundles ------------------------------------------------------------------------------------


def png(width: int = 4, color: int = 200, level: int = 6, filter_kind: int = 0) -> str:
    """A picture of one colour, as matplotlib or something else might write it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    first = bytes([filter_kind]) + bytes([color, 10, 10] * width)
    if filter_kind == 1:
        first = b"\1" + bytes([color, 10, 10]) + bytes(3 * (width - 1))
    rows = first + (bytes([filter_kind]) + first[1:])
    header = struct.pack(">IIBBBBB", width, 2, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    data += chunk(b"IDAT", zlib.compress(rows, level)) + chunk(b"IEND", b"")
    return base64.b64encode(data).decode()


def saved(kind: str, mode: str = "L", **options: Any) -> bytes:
    """A picture that is nothing but black, as a file."""
    file = io.BytesIO()
    Image.new(mode, (9, 9)).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    [
        (png(), png(), "same"),
        (png(), png(level=0), "same-by-rule"),
        (png(), png(filter_kind=1), "same-by-rule"),
        (png(), png(color=201), "different"),
        (png(), png(width=5), "different"),
    ],
)
def test_pictures_are_compared_pixel_by_pixel(wanted: str, found: str, expected: Verdict) -> None:
    before, after = shown({"image/png": wanted}), shown({"image/png": found})
    assert verdict([before, before], after) == expected


def test_a_picture_that_varies_is_unstable() -> None:
    runs = [shown({"image/png": png(color=color)}) for color in (1, 2)]
    assert verdict(runs, shown({"image/png": png(color=3)})) == "unstable"


def test_how_pictures_differ_is_said() -> None:
    a, b = (decode_picture(png(color=color)) for color in (200, 207))
    difference = compare_pictures(a, b)
    assert difference is not None
    assert (difference.pixels, difference.largest) == (8, 7)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n" + b"\0" * 40,
        base64.b64decode(png())[:-30],
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + struct.pack(">IIBBBBB", 10**9, 10**9, 8, 2, 0, 0, 0),
        saved("GIF"), saved("PNG", "I;16"), saved("JPEG", "CMYK"),
        saved("PNG", save_all=True, append_images=[Image.new("L", (9, 9))]),
    ],
)  # fmt: skip
def test_what_is_no_picture_or_cannot_be_compared_is_refused(data: bytes) -> None:
    with pytest.raises(PictureError):
        decode_picture(base64.b64encode(data).decode())


def test_a_picture_that_cannot_be_compared_is_different() -> None:
    one, two = (
        {"image/png": base64.b64encode(saved("PNG", "I;16", compress_level=each)).decode()}
        for each in (1, 9)
    )
    found = item([shown(one), shown(one)], shown(two))
    assert found.verdict == "different"
    assert "one cannot be compared" in found.detail


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_one_pixel_is_seen_in_every_kind_of_picture(mode: str) -> None:
    one = Image.linear_gradient("L").resize((40, 30)).convert(mode)
    two = one.copy()
    color: Any = one.getpixel((7, 7))
    two.putpixel((7, 7), tuple(255 - c for c in color) if isinstance(color, tuple) else 255 - color)
    texts = []
    for picture, level in ((one, 1), (one, 9), (two, 9)):
        file = io.BytesIO()
        picture.save(file, "PNG", compress_level=level)
        texts.append(base64.b64encode(file.getvalue()).decode())
    first, again, other = map(decode_picture, texts)
    assert compare_pictures(first, again) is None
    difference = compare_pictures(first, other)
    assert difference is not None
    assert difference.pixels == 1


TABLE = "<table><tr><td>1</td></tr></table>"


@pytest.mark.parametrize(
    ("wanted", "found", "rules"),
    [
        ({"text/html": TABLE}, {"text/html": TABLE.replace("><", ">\n <")}, ("html-layout",)),
        ({"text/latex": "$x$"}, {"text/latex": "$$x$$"}, ("latex-delimiters",)),
        ({"application/json": {"a": 1, "b": 2}}, {"application/json": {"b": 2, "a": 1}},
         ("json-order",)),
        ({"text/html": TABLE, "text/plain": "1"}, {"text/html": TABLE, "text/plain": "2"},
         ("hidden-format",)),
        ({"text/html": TABLE, "text/plain": "1"}, {"text/html": TABLE}, ("fewer-formats",)),
    ],
)  # fmt: skip
def test_formats_are_compared_as_what_they_are(
    wanted: dict[str, Any], found: dict[str, Any], rules: tuple[str, ...]
) -> None:
    result = item([shown(wanted), shown(wanted)], shown(found))
    assert (result.verdict, result.rules) == ("same-by-rule", rules)


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    [
        ([1, 2], [1, 2], []),
        ([1, 2], [2, 1], ["missing", "extra"]),
        ([1, 2], [1], ["missing"]),
        ([1, 2], [1, 2, 3], ["extra"]),
        ([1, 2], [1, 3], ["different"]),
    ],
)
def test_what_is_shown_is_compared_in_its_order(
    wanted: list[int], found: list[int], expected: list[str]
) -> None:
    before = shown(*({"text/plain": str(value)} for value in wanted))
    after = shown(*({"text/plain": str(value)} for value in found))
    items = compare_displays([before, before], after, CONVERSION)
    kinds = [each.verdict for each in items]
    assert kinds == expected or kinds == ["different"] * len(expected)


def test_the_text_of_an_artist_stands_for_its_figure() -> None:
    artist, figure = {"text/plain": "[<matplotlib.lines.Line2D at 0x7f>]"}, {"image/png": png()}
    before = Display(shown=(Shown(artist, True), Shown(figure)))
    found = item([before, before], shown(figure, results=True))
    assert (found.verdict, found.rules) == ("same-by-rule", ("artist-text",))
    kept = Display(shown=(Shown({"text/plain": "7"}, True), Shown(figure)))
    assert item([kept, kept], shown(figure, results=True)).verdict in ("missing", "different")


def test_a_figure_without_axes_is_a_figure() -> None:
    artist = {"text/plain": "<mpl_toolkits.mplot3d.art3d.Path3DCollection at 0x7f>"}
    figure = {"text/plain": "<Figure size 640x480 with 0 Axes>"}
    before = Display(shown=(Shown(artist, True), Shown(figure)))
    found = item([before, before], Display(shown=(Shown(figure, True),)))
    assert (found.verdict, found.rules) == ("same-by-rule", ("artist-text",))


def test_an_artist_alone_may_be_shown_as_its_figure() -> None:
    artist = {"text/plain": "<matplotlib.lines.Line2D at 0x7f>"}
    before = Display(shown=(Shown(artist, True),))
    found = item([before, before], Display(shown=(Shown({**artist, "image/png": png()}, True),)))
    assert (found.verdict, found.rules) == ("same-by-rule", ("more-formats",))


def test_an_artist_is_not_shown_as_a_figure_that_is_shown_as_well() -> None:
    artist, figure = {"text/plain": "Text(0.5, 1.0, 'T')"}, {"image/png": png()}
    before = Display(shown=(Shown(figure), Shown(artist, True)))
    found = Display(shown=(Shown(figure), Shown({**artist, **figure}, True)))
    assert item([before, before], found).verdict == "extra"


def test_jupyter_shows_what_a_cell_has_drawn_when_it_fails() -> None:
    error, figure = Output("error", error_name="E", error_text="no"), {"image/png": png()}
    drawn = Output("display_data", data=figure)

    def fail(*outputs: Output) -> Display:
        return collect_display([CellRun(0, "error", outputs, error=CellError("E", "no"))], str)

    late, early, none = fail(error, drawn), fail(drawn, error), fail(error)
    assert item([late, late], none).rules == ("figure-after-error",)
    assert verdict([early, early], none) == "missing"
    assert verdict([none, none], late) == "extra"


def test_jupyter_shows_figures_below_the_last_value() -> None:
    value, figure = Shown({"text/plain": "(0.0, 6.0)"}, True), Shown({"image/png": png()})
    before, after = Display(shown=(value, figure)), Display(shown=(figure, value))
    assert item([before, before], after).rules == ("figure-order",)
    assert all(
        each.verdict != "same-by-rule" for each in compare_displays([before, before], after, EXACT)
    )


def test_jupyter_shows_a_figure_that_is_the_last_value_twice() -> None:
    value, figure = Shown({"image/png": png()}, True), Shown({"image/png": png()})
    twice, once = Display(shown=(value, figure)), Display(shown=(value,))
    assert item([twice, twice], once).rules == ("repeated-figure",)
    assert verdict([once, once], twice) == "extra"
    none = compare_displays([twice, twice], Display(), CONVERSION)
    assert "missing" in {each.verdict for each in none}
    assert verdict([twice, twice], once, EXACT) == "missing"
    other = Display(shown=(value, Shown({"image/png": png(color=1)})))
    assert verdict([other, other], once) == "missing"


def test_what_is_printed_and_shown_keeps_its_order_within_one_kind_of_run() -> None:
    before, after = Display("a", order="ps"), Display("a", order="sp")
    assert verdict([before, before], after) == "same"
    assert verdict([before, before], after, EXACT) == "different"


def test_scripts_that_a_library_loads_are_not_seen() -> None:
    loader = {"text/html": "<script type='module'>import 'x'</script>\n<style>a {}</style>"}
    figure = {"application/vnd.plotly.v1+json": {"data": [1]}}
    assert verdict([shown(loader, figure)] * 2, shown(figure)) == "same-by-rule"
    assert verdict([shown({"text/html": "<script>" * 20_000}, figure)] * 2, shown(figure)) != "same"
    text = {"text/html": "<script>f()</script><b>read me</b>" + "<script></script>" * 40}
    assert verdict([shown(text, figure)] * 2, shown(figure)) == "missing"
    for number, verb in ((1, "same-by-rule"), (2, "different")):
        wanted = {"application/javascript": "draw(p1004, p1005, 1)", "application/vnd.b_exec": ""}
        found = {"application/javascript": f"draw(p1001, p1002, {number})"}
        assert verdict([shown(wanted)] * 2, shown(found | {"application/vnd.b_exec": ""})) == verb


def test_what_was_cut_is_never_the_same() -> None:
    before = Display("a" * 10, cut=True)
    assert verdict([before, before], before) == "not-compared"
