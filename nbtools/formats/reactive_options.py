"""Options of `marimo.App(...)` and of a cell, in marimo's order, with their defaults."""

from __future__ import annotations

from typing import Final

APP_DEFAULTS: Final[dict[str, object]] = {
    "width": "compact",
    "app_title": None,
    "layout_file": None,
    "css_file": None,
    "html_head_file": None,
    "auto_download": (),
    "sql_output": "auto",
}
# The names are those of `ReactiveCell`'s fields.
CELL_DEFAULTS: Final[dict[str, object]] = {
    "column": None,
    "disabled": False,
    "hide_code": False,
    "expand_output": False,
}
