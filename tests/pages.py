"""What tests of reports share: a sweep of a thousand members from `results/`, and a page's text."""

import html
import re
from pathlib import Path

import pandas

from yang_rnn.ensemble.judging import judge_again
from yang_rnn.ensemble.table import summary_of
from yang_rnn.recipe import NOTEBOOK
from yang_rnn.report.sweep_page import sweep_page

RESULTS = Path(__file__).parent.parent / "results" / "notebook.csv"

MADE_WITH = {"platform": "cpu", "yang-rnn": "0.1.0"}


def thousand_members() -> pandas.DataFrame:
    """Return the table of a sweep of the notebook's recipe, with the reasons of each verdict."""
    table = pandas.read_csv(RESULTS).rename(columns={"failed": "error"})
    table["error"] = ""
    return judge_again(table)


def page_of_thousand() -> str:
    """Return the page of that sweep."""
    table = thousand_members()
    names = [f"seed{seed}" for seed in table["seed"]]
    return sweep_page(
        NOTEBOOK, table, summary_of(table, []), [], names, made_with=MADE_WITH, linked=False
    )


def text_of(page: str) -> str:
    """Return what a reader sees of a page, and the words for pictures, in one line."""
    page = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    page = re.sub(r'<[^>]*\balt="([^"]*)"[^>]*>', r" \1 ", page)
    text = html.unescape(re.sub(r"<[^>]*>", " ", page)).replace("\u00a0", " ")
    return " ".join(text.split())
