"""Building blocks of HTML pages on which nothing of a notebook can run or reach anything.

There is no script on a page, and its policy allows none. Text is escaped; a picture is a data URI
whose bytes were looked at; SVG stands in an `<img>`, where scripts are dead; HTML that a notebook
made stands in an `<iframe>` that is sandboxed and has a policy of its own.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Iterator

from nbtools.report.printable import printable

_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-src 'self'; "
    "form-action 'none'; base-uri 'none'"
)
_INNER_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'"
_MAGIC = {
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
    "image/gif": b"GIF8",
}
_STEERING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_MOST_HTML = 2_000_000  # characters of a table that are put on the page

_CSS = """\
:root { color-scheme: light dark;
  --text: #1c2024; --soft: #60646c; --page: #fcfcfd; --card: #fff; --line: #e0e1e6;
  --code: #f4f5f7; --good: #18794e; --good-bg: #e6f6eb; --warn: #8a5a00; --warn-bg: #fff3d6;
  --bad: #b42318; --bad-bg: #feebe9; --del: #ffd8d3; --add: #ccf1d9; }
@media (prefers-color-scheme: dark) { :root {
  --text: #edeef0; --soft: #b0b4ba; --page: #111113; --card: #18191b; --line: #363a3f;
  --code: #212225; --good: #5bd38b; --good-bg: #132d21; --warn: #ffca57; --warn-bg: #302008;
  --bad: #ff9592; --bad-bg: #3b1219; --del: #6b1f24; --add: #1d5234; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1.25rem 4rem; color: var(--text);
  background: var(--page); font: 15px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.55rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 0; }
h3 { font-size: 1rem; margin: 0; } h4 { font-size: .8rem; margin: 0 0 .3rem; color: var(--soft);
  text-transform: uppercase; letter-spacing: .05em; }
p { margin: .3rem 0; } .soft { color: var(--soft); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1.1rem 1.25rem; margin: 1.1rem 0; }
.cell { border-top: 1px solid var(--line); padding: .9rem 0 .2rem; margin-top: .9rem; }
.badge { display: inline-block; border-radius: 6px; padding: .05rem .5rem; font-size: .82rem;
  font-weight: 600; margin-right: .45rem; }
.good { color: var(--good); background: var(--good-bg); }
.warn { color: var(--warn); background: var(--warn-bg); }
.bad { color: var(--bad); background: var(--bad-bg); }
pre { background: var(--code); border-radius: 7px; padding: .6rem .8rem; margin: .5rem 0;
  overflow-x: auto; font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre.diff { padding: .4rem 0; } pre.diff span { display: block; padding: 0 .8rem; }
pre.diff .old { background: var(--bad-bg); } pre.diff .new { background: var(--good-bg); }
pre.diff b { font-weight: 600; border-radius: 3px; }
pre.diff .old b { background: var(--del); } pre.diff .new b { background: var(--add); }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 1rem;
  margin: .6rem 0; }
.sides img, img.output { max-width: 100%; height: auto; background: #fff; border-radius: 6px;
  border: 1px solid var(--line); }
.over { position: relative; display: inline-block; isolation: isolate; background: #000;
  border-radius: 6px; overflow: hidden; }
.over img { display: block; border: 0; border-radius: 0; background: #fff; }
.over img + img { position: absolute; top: 0; left: 0; mix-blend-mode: difference; }
iframe { width: 100%; border: 1px solid var(--line); border-radius: 6px;
  background: #fff; }
details > summary { cursor: pointer; color: var(--soft); margin: .5rem 0; }
table.totals { border-collapse: collapse; margin: .8rem 0; width: 100%; }
table.totals td, table.totals th { border-top: 1px solid var(--line); text-align: left;
  padding: .35rem .8rem .35rem 0; vertical-align: top; }
ul { margin: .4rem 0; padding-left: 1.2rem; } a { color: inherit; }
"""


def escape_html(text: str) -> str:
    """Text as HTML shows it; characters that steer something are shown escaped."""
    lines = text.expandtabs().split("\n")
    return html.escape("\n".join(map(printable, lines)), quote=True)


def render_page(title: str, body: Iterator[str]) -> Iterator[str]:
    """A whole page, line by line."""
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{html.escape(_POLICY)}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="referrer" content="no-referrer">'
    yield f"<title>{escape_html(title)}</title>"
    yield f"<style>{_CSS}</style></head><body>"
    yield from body
    yield "</body></html>"


def render_code(source: str) -> str:
    """The source of a cell."""
    return f"<pre><code>{escape_html(source)}</code></pre>"


def render_value(mime: str, value: str, label: str = "output") -> str:
    """One thing that a cell showed, in one format."""
    if mime == "image/svg+xml":
        data = base64.b64encode(value.encode("utf-8", "replace")).decode()
        return _image("image/svg+xml", data, label)
    if mime in _MAGIC:
        return _render_picture(mime, value, label)
    if mime == "text/html" and len(value) <= _MOST_HTML:
        return render_foreign_html(value, label)
    return f"<pre>{escape_html(value)}</pre>"


def picture_source(mime: str, value: str) -> str | None:
    """A picture as a data URI; None if its bytes are none of that kind."""
    try:
        data = base64.b64decode(value, validate=False)
    except (binascii.Error, ValueError):
        return None
    magic = _MAGIC.get(mime)
    if magic is None or not data.startswith(magic):
        return None
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def _render_picture(mime: str, value: str, label: str) -> str:
    source = picture_source(mime, value)
    if source is None:
        return f'<p class="soft">[{escape_html(mime)} that is no picture]</p>'
    return f'<img class="output" src="{source}" alt="{escape_html(label)}">'


def _image(mime: str, data: str, label: str) -> str:
    return f'<img class="output" src="data:{mime};base64,{data}" alt="{escape_html(label)}">'


def render_foreign_html(text: str, label: str) -> str:
    """HTML that a notebook made: it may look as it likes, and do nothing."""
    inner = (
        '<!doctype html><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_INNER_POLICY}">'
        "<style>body{font:13px/1.4 system-ui,sans-serif;margin:8px;color:#1c2024}"
        "table{border-collapse:collapse}td,th{padding:2px 8px;text-align:right}</style>"
        + _STEERING.sub("", text).encode("utf-8", "replace").decode()
    )
    rows = text.count("<tr") + text.count("<p")  # without a script nobody can measure it
    height = min(max(rows * 1.45 + 3, 6), 26)
    return (
        f'<iframe sandbox title="{escape_html(label)}" style="height:{height:.1f}rem" '
        f'srcdoc="{html.escape(inner)}"></iframe>'
    )
