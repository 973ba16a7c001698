"""Pages on which nothing of a notebook runs: by their structure, and in a real browser."""

from __future__ import annotations

import base64
import html
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from test_compare import png

from nbtools.cells import Cell
from nbtools.report.executed_page import format_page
from nbtools.report.html import render_page, render_value
from nbtools.report.proof.html import format_proofs
from nbtools.run.trace import CellRun, Ending, Output, Trace
from nbtools.verify.pictures import decode_picture
from nbtools.verify.verdict import CellProof, Check, Item, Proof, Recorded

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def attacks(address: str) -> list[str]:
    """HTML that runs something, reaches something, or leaves its frame."""
    run = f"document.title='owned';fetch('{address}')"
    return [
        f"<script>top.{run}</script>",
        f"<img src=x onerror=\"{run}\"><img src='{address}/i'>",
        f"<meta http-equiv=refresh content='0;url={address}/r'>",
        f"<form action='{address}/f'><input autofocus onfocus=\"{run}\"></form>",
        f"<iframe src='{address}/n'></iframe><object data='{address}/o'></object>",
        f"<style>@import url('{address}/c');body{{background:url({address}/b)}}</style>",
        f'</iframe></div><script>{run}</script><img src=x onerror="{run}">',
        f'"></iframe><svg onload="{run}"><a xlink:href=\'javascript:{run}\'>',
        f"<link rel=stylesheet href='{address}/l'><base href='{address}'>",
        "\x1b[31m\x07\u202e",
    ]


def proofs_of(texts: list[str]) -> list[Proof]:
    items = tuple(
        Item("output", "different", mime, text, text + "!", detail=text, cause=text)
        for text in texts
        for mime in ("text/html", "text/plain", "image/svg+xml", "image/png", "text/latex")
    )
    cell = CellProof((0,), (0,), "different", items, note=texts[0])
    same = CellProof((1,), (1,), "same-by-rule", (Item("stdout", "same-by-rule", rules=("a",)),))
    proof = Proof(
        texts[0],
        status="differs",
        reason=texts[1],
        checks=(Check("document order", (cell, same)), Check("reversed order", (cell,))),
        recorded=Recorded((cell,)),
        sources=(texts[0], texts[1]),
        notes=tuple(texts),
        python=texts[0],
        engine=texts[1],
        bug=texts[2],
    )
    return [proof, proof]


def executed_page(texts: list[str]) -> str:
    outputs = [Output("stream", name="stdout", text=text) for text in texts]
    outputs += [Output("display_data", data={"text/html": text}) for text in texts]
    outputs += [Output("error", error_name=text, traceback=(text,)) for text in texts]
    cells = (Cell(0, "markdown", texts[0]), Cell(1, "code", texts[1]))
    run = CellRun(1, "ok", tuple(outputs), turn=1)
    trace = Trace("linear", (run,), Ending("died", 1, texts[0]))
    return "\n".join(format_page(texts[0], cells, trace))


def hostile_pages(address: str) -> list[str]:
    texts = attacks(address)
    return ["\n".join(format_proofs(proofs_of(texts))), executed_page(texts)]


@pytest.mark.parametrize("number", [0, 1], ids=["report", "executed"])
def test_what_a_notebook_says_is_text_or_stands_in_a_sandbox(number: int) -> None:
    page = hostile_pages("http://127.0.0.1:9")[number]
    assert not set("\x1b\x07\u202e") & set(page)
    frames = re.findall(r"<iframe [^>]*>", page)
    assert frames
    for frame in frames:
        assert re.match(r'<iframe sandbox title="[^"]*" style="[^"]*" srcdoc="[^"]*">$', frame)
        inner = html.unescape(frame.split('srcdoc="')[1])
        assert inner.startswith(
            '<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Sec'
        )
    outside = re.sub(r'srcdoc="[^"]*"', "", page)
    assert not re.search(r"<script|<[a-z]+ [^>]*\bon\w+=|<form|<object|<link|<base", outside)
    assert all(each.startswith("data:") for each in re.findall(r'src="([^"]*)"', outside))
    assert page.count("Content-Security-Policy") == 1 + len(frames)


def test_a_picture_is_shown_only_if_it_is_one() -> None:
    assert render_value("image/png", png()).startswith('<img class="output" src="data:image/png')
    fake = base64.b64encode(b"<script>").decode()
    assert "<img" not in render_value("image/png", fake)
    assert "<img" not in render_value("image/png", "\udc80 not base64 \u202e")


def test_a_report_tells_what_differs() -> None:
    item = Item("stdout", "different", "text/plain", "a 1\nb\n", "a 2\nb\n", detail="1 is now 2")
    picture = Item("output 1", "different", "image/png", png(), png(color=9))
    cell = CellProof((2,), (2,), "different", (item, picture))
    proof = Proof("x.ipynb", status="differs", checks=(Check("document order", (cell,)),),
                  sources=("", "", "print('a', x)"))  # fmt: skip
    page = "\n".join(format_proofs([proof]))
    assert "x.ipynb: does not reproduce: cell 3 shows something else" in page
    assert '<span class="old">- a <b>1</b></span><span class="new">+ a <b>2</b></span>' in page
    assert page.count("data:image/png") == 4  # expected, found, and the two on each other
    assert "print(&#x27;a&#x27;, x)" in page


# --- in a browser -------------------------------------------------------------------------------

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


def browse(page: Path, profile: Path, *arguments: str) -> str:
    assert CHROMIUM is not None
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars "
        "--disable-background-networking --disable-component-update --disable-sync"
    ).split()
    command = [CHROMIUM, *flags, f"--user-data-dir={profile}", *arguments, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """A server, and the paths that somebody asked it for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_port}", asked
        found.shutdown()


@needs_browser
def test_in_a_browser_nothing_runs_and_nothing_is_reached(
    tmp_path: Path, server: tuple[str, list[str]]
) -> None:
    address, asked = server
    for number, text in enumerate(hostile_pages(address)):
        page = tmp_path / f"{number}.html"
        page.write_text(text, "utf-8")
        shown = browse(page, tmp_path / f"profile{number}", "--dump-dom")
        assert "<title>owned" not in shown
        assert "</main>" in shown
    assert asked == []


@needs_browser
def test_the_server_would_have_seen_it(tmp_path: Path, server: tuple[str, list[str]]) -> None:
    address, asked = server
    page = tmp_path / "open.html"
    page.write_text(
        f"<title>a</title><img src='{address}/i'><script>document.title='owned'</script>"
    )
    assert "<title>owned" in browse(page, tmp_path / "profile", "--dump-dom")
    assert asked == ["/i"]


@needs_browser
def test_a_page_is_drawn(tmp_path: Path) -> None:
    item = Item("stdout", "different", "text/plain", "a 1\n", "a 2\n", detail="1 is now 2")
    table = Item("output 1", "different", "text/html", "<b>1</b>", "<b>2</b>")
    cell = CellProof((0,), (0,), "different", (item, table))
    proof = Proof("x.ipynb", status="differs", checks=(Check("document order", (cell,)),),
                  sources=("x",))  # fmt: skip
    page, picture = tmp_path / "page.html", tmp_path / "page.png"
    page.write_text("\n".join(format_proofs([proof, proof])), "utf-8")
    browse(page, tmp_path / "profile", f"--screenshot={picture}", "--window-size=900,1200")
    drawn = decode_picture(base64.b64encode(picture.read_bytes()).decode())
    assert drawn.size == (900, 1200)
    assert (
        len(drawn.getcolors(maxcolors=900 * 1200) or []) > 8
    )  # text, cards, badges: it is not blank


def test_a_page_has_one_policy() -> None:
    page = "\n".join(render_page("<t>", iter(["x"])))
    assert "<title>&lt;t&gt;</title>" in page
    assert "default-src &#x27;none&#x27;" in page
