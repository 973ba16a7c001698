"""The linear run held against Jupyter's: `LAB=/path/to/lab python tests/bench/linear.py`.

LAB is the laboratory's folder (shared/lab/lab.py) with `linear` and `linear --again` done: there
nbclient has run each notebook twice. What a cell shows both times, byte for byte, `nbtools run`
must show as well, in the same environment. All other cells are listed with what differs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
AT_LEAST = 98.0  # per cent of the cells that show the same twice
TIMEOUT = 180  # seconds for one notebook

Output = Mapping[str, Any]
Shown = tuple[tuple[str, str, str], ...]  # of each output: kind, media type or stream, content


def read_shown(path: Path) -> list[Shown]:
    """What each code cell of a notebook that has been run shows."""
    cells = json.loads(path.read_text())["cells"]
    return [tuple(_parts(cell["outputs"])) for cell in cells if cell["cell_type"] == "code"]


def _parts(outputs: Sequence[Output]) -> Iterator[tuple[str, str, str]]:
    streams: list[tuple[str, str]] = []
    for output in outputs:
        kind = output["output_type"]
        if kind == "stream":
            streams.append((output["name"], "".join(output["text"])))
            continue
        yield from _joined(streams)
        streams = []
        if kind == "error":
            yield kind, output["ename"], output["evalue"]
        for media, content in sorted(output.get("data", {}).items()):
            text = "".join(content) if isinstance(content, list) else json.dumps(content)
            yield kind, media, text.strip() if media.startswith("image/") else text
    yield from _joined(streams)


def _joined(streams: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    """Text per stream: in which pieces it comes, and how the two take turns, is chance."""
    for name in sorted({name for name, _ in streams}):
        yield "stream", name, "".join(text for each, text in streams if each == name)


def run(notebook: Path, python: Path) -> list[Shown] | str:
    """What `nbtools run` shows, or why there is nothing to compare."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out.ipynb")
        command = [sys.executable, "-m", "nbtools", "run", str(notebook), "-o", str(out)]
        try:
            done = subprocess.run(
                [*command, "--python", str(python)],
                capture_output=True,
                text=True,
                check=False,
                timeout=TIMEOUT,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
            )
        except subprocess.TimeoutExpired:
            return "it takes too long"
        return read_shown(out) if out.exists() else done.stderr.strip()[-300:]


def differing(expected: Shown, found: Shown) -> str:
    """The first thing that differs, in one line."""
    for want, got in zip(expected, found, strict=False):
        if want != got:
            return f"{want[:2]} {want[2][:70]!r}, not {got[:2]} {got[2][:70]!r}"
    return f"{len(expected)} outputs, not {len(found)}"


def main() -> None:
    """Print what differs, and the share of cells that show the same."""
    lab = Path(os.environ.get("LAB", "/tmp/lab"))
    names = {
        f"{i:04d}": row[0] for i, row in enumerate(json.loads((lab / "scan.json").read_text()))
    }
    once = sorted((lab / "linear2").glob("*.ipynb"))
    python = lab / "venv/bin/python"
    with ThreadPoolExecutor(2) as pool:
        runs = pool.map(lambda path: run(lab / "repos" / names[path.stem], python), once)
    total: Counter[str] = Counter()
    for again, found in zip(once, runs, strict=True):
        if isinstance(found, str):
            print(f"{again.stem} {names[again.stem]}: {found}")
            total["notebooks without a run"] += 1
            continue
        first = read_shown(lab / "linear" / again.name)
        for number, (one, two, ours) in enumerate(
            zip(first, read_shown(again), found, strict=True), start=1
        ):
            if not one or one != two:
                continue
            total["stable"] += 1
            total["same"] += one == ours
            if one != ours:
                print(f"{again.stem} code cell {number}: {differing(one, ours)}")
    share = 100 * total["same"] / max(total["stable"], 1)
    print(f"{total['same']} of {total['stable']} cells show the same: {share:.1f} %, ", end="")
    print(f"at least {AT_LEAST:.0f}; {total['notebooks without a run']} notebooks without a run")


if __name__ == "__main__":
    main()
