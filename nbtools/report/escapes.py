"""Text made harmless for XML and for GitHub's workflow commands."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from nbtools.report.printable import printable


def quote_attribute(text: str) -> str:
    """A quoted attribute; what XML does not allow is not printable either."""
    return quoteattr(printable(text))


def escape_lines(text: str) -> str:
    """Lines of text as the content of an element; what XML does not allow is escaped."""
    return escape("\n".join(map(printable, text.split("\n"))))


def escape_data(text: str) -> str:
    """The message of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """The value of a property of a workflow command."""
    return escape_data(text).replace(":", "%3A").replace(",", "%2C")
