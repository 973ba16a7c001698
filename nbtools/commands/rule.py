"""`nbtools rule`: what a rule reports, why, and what to do about it."""

from __future__ import annotations

import click

from nbtools.commands.terminal import DONE
from nbtools.errors import NbtoolsError
from nbtools.lint.selectors import check_selectors
from nbtools.report.rule_words import describe_rule, document_rule, list_rules
from nbtools.rules.registry import all_rules, find_rule


@click.command("rule")
@click.argument("rule", required=False, metavar="[CODE|NAME]")
@click.option("--all", "every", is_flag=True, help="List all rules.")
@click.option(
    "--output-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to print.",
)
def rule_command(rule: str | None, every: bool, output_format: str) -> int:
    """Explain a rule of `nbtools lint`: what it reports, why it matters, what to do instead.

    CODE is a rule's code, such as NB101, NAME its name, such as undefined-name.
    """
    if (rule is None) == (not every):
        raise click.UsageError("name a rule, or ask for --all")
    if every:
        rules = list(all_rules().values())
    else:
        found = find_rule(rule or "")
        if found is None:
            check_selectors([rule or ""], "nbtools rule")
            raise NbtoolsError(f"{rule} means many rules: `nbtools rule --all` lists them")
        rules = [found]
    if output_format == "json":
        import json

        documents = [document_rule(each) for each in rules]
        click.echo(json.dumps(documents if every else documents[0], indent=2))
    else:
        for line in list_rules(rules) if every else describe_rule(rules[0]):
            click.echo(line)
    return DONE
