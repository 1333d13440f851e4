"""From what a page says to the page: its templates, which escape all that a user named."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from yang_rnn.report import numbers
from yang_rnn.report.glossary import OUTCOMES, WORDS
from yang_rnn.report.pictures import WIDE

MOST_BYTES = 5_000_000
"""Bytes that a page has at most; pictures that would make it longer are left out."""


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("yang_rnn.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        name: getattr(numbers, name)
        for name in ("percent", "number", "seconds", "with_error", "first_up")
    }
    templates.globals |= {"WORDS": WORDS, "OUTCOMES": OUTCOMES, "WIDE": WIDE}
    templates.globals |= {"changes": numbers.changes, "counted": numbers.counted}
    return templates


def render(template: str, **said: Any) -> str:
    """Return a page.

    Parameters
    ----------
    template : str
        File name of the template.
    **said
        What it says, by name.
    """
    return _templates().get_template(template).render(**said)
