"""Generate the pages of docs/ that repeat what the code says: `python -m nbtools.pages`."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from nbtools.cli import COMMANDS, nbtools_command
from nbtools.report.rule_words import facts_of
from nbtools.rules.registry import all_rules
from nbtools.rules.rule import Example, Rule
from nbtools.verify.rules import RECORDED, describe_rules

NOTICE = "<!-- Written by `python -m nbtools.pages`: change nbtools/{} instead. -->"
RULES = "reference/rules"


def render_cli() -> str:
    """The reference of the command line, from the commands' own words."""
    notice = NOTICE.format("commands/")
    blocks = [notice, "# The command line", *_render_options(nbtools_command, "nbtools")]
    for name in sorted(COMMANDS):
        command = nbtools_command.get_command(click.Context(nbtools_command), name)
        assert command is not None
        title = f"nbtools {name}"
        blocks += [f"## `{title}`", *_paragraphs(command), *_render_options(command, title)]
    return "\n\n".join(blocks) + "\n"


# --- rules ------------------------------------------------------------------------------------

GROUPS = {
    "NB0": "The file",
    "NB1": "Hidden state: what the kernel knew and a fresh one does not",
    "NB2": "Names: what stands in the way of a reactive notebook",
    "NB3": "Values that several cells change",
    "NB4": "Results that differ from run to run",
    "NB5": "What the notebook needs around it",
    "NB6": "Jupyter's own means",
    "NB7": "Data leakage",
    "NB8": "Tidiness",
    "NB9": "Comments that silence rules",
}
DEFAULTS = {"on": "yes", "reactive": "reactive", "opt-in": "no"}


def render_rules() -> str:
    """The table of all rules."""
    blocks = [
        NOTICE.format("rules/"),
        "# Rules",
        "`nbtools rule CODE` prints what stands on a rule's page.\n"
        "On: `yes`, always; `reactive`, unless `--target jupyter` is given; `no`, where "
        "`--select` or `--extend-select` asks for it.\n"
        "A rule is on by default only if nearly all it finds in public notebooks is right: at "
        "least 95 % of an error's findings and 80 % of a warning's, by hand, in a sample. "
        "Its page says what was measured.",
    ]
    for prefix, title in GROUPS.items():
        rules = [rule for code, rule in all_rules().items() if code.startswith(prefix)]
        if rules:
            rows = "\n".join(map(_row, rules))
            head = "| Code | Name | What it says | Severity | On | Fix |\n" + "| --- " * 6 + "|"
            blocks += [f"## {title}", f"{head}\n{rows}"]
    return "\n\n".join(blocks) + "\n"


def _row(rule: Rule) -> str:
    cells = (
        f"[{rule.code}](rules/{rule.code}.md)",
        rule.name,
        _escape(rule.summary),
        rule.severity,
        DEFAULTS[rule.default],
        rule.fix or "",
    )
    return f"| {' | '.join(cells)} |"


def render_rule(rule: Rule) -> str:
    """A rule's own page."""
    facts = "\n".join(f"| {key} | {_escape(value)} |" for key, value in facts_of(rule).items())
    blocks = [
        NOTICE.format(f"rules/{rule.code.lower()}_{rule.name.replace('-', '_')}.py"),
        f"# {rule.code} {rule.name}",
        rule.summary,
        f"| | |\n| --- | --- |\n{facts}",
        "## Why",
        rule.why,
        "## What to do",
        rule.instead,
        f"## Reported\n\n{_examples(rule.invalid)}",
        f"## Not reported\n\n{_examples(rule.valid)}",
    ]
    return "\n\n".join(blocks) + "\n"


def _examples(examples: Sequence[Example]) -> str:
    return "\n\n".join(block for example in examples for block in _example(example))


def _example(example: Example) -> Iterator[str]:
    if example.note:
        yield example.note
    if example.kind == "reactive":
        yield "In a reactive notebook:"
    if example.files:
        yield f"Beside it: {', '.join(f'`{name}`' for name in example.files)}."
    if example.document:
        yield _fence(json.dumps(example.document, indent=1), "json")
    else:
        yield _fence(_cells(example.cells, example.counts), "python")
    if example.found:
        places = [place.split(":") for place in example.found]
        told = ", ".join(f"cell {cell} line {line}" for cell, line, _ in places)
        yield f"Reported: {told}."
    if example.fixed is not None:
        yield "After the fix:"
        yield _fence(_cells(example.fixed, ()), "python")
    if example.fixed_document is not None:
        yield "After the fix:"
        yield _fence(json.dumps(example.fixed_document, indent=1), "json")


def _cells(sources: Sequence[str], counts: Sequence[int | None]) -> str:
    """Cells under their numbers, as reports count them; with their counts, if these matter."""
    parts = []
    for number, source in enumerate(sources, start=1):
        count = counts[number - 1] if counts else None
        label = f"# cell {number}" + (f", In [{count}]" if count is not None else "")
        if source.startswith("%%md "):  # an example's way to write a Markdown cell
            label, source = f"{label}, Markdown", f"# {source.removeprefix('%%md ')}"
        parts.append(f"{label}\n{source}".rstrip())
    return "\n\n".join(parts)


def _fence(text: str, language: str) -> str:
    marks = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text) or [""]))
    return f"{marks}{language}\n{text}\n{marks}"


# --- all pages --------------------------------------------------------------------------------


def render_verify_rules() -> str:
    """The named rules of verify: what each sets aside, and where it is tried."""
    recorded = {rule.name for rule in RECORDED}
    always = {name for name in describe_rules() if name not in recorded} | {"place"}
    rows = [
        f"| `{name}` | {what} | {'both' if name in always else 'saved outputs'} |"
        for name, what in sorted(describe_rules().items())
    ]
    words = (
        "Where two outputs are not the same byte for byte, `nbtools verify` tries these rules, and "
        "names each one that it needed. A conversion against a fresh run of its original knows few "
        "of them; outputs that were saved by other versions need more."
    )
    table = ["| Rule | What it sets aside | Tried for |", "| --- | --- | --- |", *rows]
    notice = NOTICE.format("verify/rules.py")
    return "\n\n".join([notice, "# The named rules of verify", words, "\n".join(table)]) + "\n"


def pages() -> dict[str, str]:
    """The generated pages: path below docs/ -> text."""
    return {
        "reference/cli.md": render_cli(),
        "reference/verify-rules.md": render_verify_rules(),
        "reference/rules.md": render_rules(),
        **{f"{RULES}/{rule.code}.md": render_rule(rule) for rule in all_rules().values()},
    }


def find_stale_pages(docs: Path) -> list[Path]:
    """The generated pages below `docs` that are missing, or not what the code says now.

    So is the page of a rule that is no more.
    """
    written = {docs / name: text for name, text in pages().items()}
    stale = [
        path
        for path, text in written.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    return stale + [path for path in sorted((docs / RULES).glob("*.md")) if path not in written]


def write_pages(docs: Path) -> None:
    """Bring the generated pages below `docs` up to date."""
    written = {docs / name: text for name, text in pages().items()}
    for path, text in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    for path in (docs / RULES).glob("*.md"):
        if path not in written:
            path.unlink()


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
    names = ", ".join([*option.opts, *option.secondary_opts])
    if isinstance(option.type, click.Choice):
        return f"{names} {'|'.join(option.type.choices)}"
    return f"{names} {option.metavar}" if option.metavar else names


def _explain(option: click.Option) -> str:
    words = option.show_default if isinstance(option.show_default, str) else f"`{option.default}`"
    default = f" Default: {words}." if option.show_default else ""
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
