"""Generate the pages of docs/ that repeat what the code says: `python -m nbtools.pages`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click

from nbtools.cli import nbtools_command

NOTICE = "<!-- Written by `python -m nbtools.pages`: change nbtools/cli.py instead. -->"


def render_cli() -> str:
    """The reference of the command line, from the commands' own words."""
    blocks = [NOTICE, "# The command line", *_render_options(nbtools_command, "nbtools")]
    for name, command in sorted(nbtools_command.commands.items()):
        title = f"nbtools {name}"
        blocks += [f"## `{title}`", *_paragraphs(command), *_render_options(command, title)]
    return "\n\n".join(blocks) + "\n"


PAGES: Mapping[str, Callable[[], str]] = {"reference/cli.md": render_cli}
"""Path below docs/ -> what writes it."""


def find_stale_pages(docs: Path) -> list[Path]:
    """The generated pages below `docs` that are missing or not what the code says now."""
    return [
        path
        for path, text in _targets(docs)
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]


def write_pages(docs: Path) -> None:
    """Bring the generated pages below `docs` up to date."""
    for path, text in _targets(docs):
        path.write_text(text, encoding="utf-8", newline="\n")


def _targets(docs: Path) -> list[tuple[Path, str]]:
    return [(docs / name, render()) for name, render in PAGES.items()]


def _paragraphs(command: click.Command) -> list[str]:
    text = inspect.cleandoc(command.help or "")
    return [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]


def _render_options(command: click.Command, title: str) -> Iterator[str]:
    usage = " ".join(command.collect_usage_pieces(click.Context(command)))
    yield f"```text\n{title} {usage}\n```"
    options = [option for option in command.params if isinstance(option, click.Option)]
    rows = [f"| `{_escape(_spell(option))}` | {_escape(_explain(option))} |" for option in options]
    yield "\n".join(["| Option | Meaning |", "| --- | --- |", *rows])


def _spell(option: click.Option) -> str:
    """An option as it is written: `-o, --output FILE`."""
    names = ", ".join(option.opts)
    if isinstance(option.type, click.Choice):
        return f"{names} {'|'.join(option.type.choices)}"
    return f"{names} {option.metavar}" if option.metavar else names


def _explain(option: click.Option) -> str:
    default = f" Default: `{option.default}`." if option.show_default else ""
    return (option.help or "") + default


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where a page is not current.")
def main(check: bool) -> None:
    """Write the generated pages below docs/ of the current folder."""
    docs = Path("docs")
    if not check:
        write_pages(docs)
    elif stale := find_stale_pages(docs):
        click.echo(f"not current: {', '.join(map(str, stale))}; run python -m nbtools.pages")
        raise SystemExit(1)


if __name__ == "__main__":
    main()
