"""The pages in `docs`: their examples run as they stand there, and nothing is left out."""

import dataclasses
import doctest
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas
import pytest

import yang_rnn as yr
from yang_rnn import figures
from yang_rnn.ensemble.table import summary_of

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "needs"),
    [
        ("own_network", ("torch", "equinox")),
        ("own_task", ("neurogym",)),
        ("training", ()),
        ("figures", ()),
        ("export", ("xarray", "h5netcdf")),
        ("sweeps", ()),
    ],
)
def test_examples_of_a_page_run(
    page: str, needs: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for package in needs:
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    for setting in ("font.size", "font.family", "axes.prop_cycle"):  # as they were, afterwards
        monkeypatch.setitem(figures.STYLE, setting, figures.STYLE.get(setting, "sans-serif"))
    text = (PAGES / f"{page}.md").read_text("utf-8")
    space: dict[str, Any] = {"__name__": page}
    for code in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        exec(code, space)


def test_every_page_is_in_the_contents():
    index = (PAGES / "index.md").read_text("utf-8")
    contents = "\n".join(re.findall(r"^```{toctree}\n(.*?)^```", index, re.MULTILINE | re.DOTALL))
    listed = set(re.findall(r"^(?:.*<)?([\w/]+)>?$", contents, re.MULTILINE))
    pages = {path.stem for path in PAGES.glob("*.md")} - {"index"}
    notebooks = {f"notebooks/{path.stem}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert listed == pages | notebooks | {"reference/index"}


def test_every_page_and_notebook_is_linked_from_the_readme():
    readme = (ROOT / "README.md").read_text("utf-8")
    found = set(re.findall(r"\]\(([\w/.]+)\)", readme))
    of_the_site = {"index", "contributing", "changelog"}  # they include what the README links
    pages = {f"docs/{path.name}" for path in PAGES.glob("*.md") if path.stem not in of_the_site}
    notebooks = {f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert pages | notebooks | {"CONTRIBUTING.md", "CHANGELOG.md"} <= found


@pytest.mark.parametrize(
    "page", [*ROOT.glob("*.md"), *ROOT.glob("*/*.md")], ids=lambda page: str(page.relative_to(ROOT))
)
def test_links_between_files_lead_somewhere(page: Path):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8"))
    local = [link for link in links if "://" not in link and not link.startswith("notebooks/")]
    for link in local:
        assert (page.parent / link).exists(), link


def names_of(page: Path) -> list[str]:
    """List what the tables of a page of the reference name, with its module."""
    text = page.read_text("utf-8")
    (module,) = re.findall(r"^\.\. currentmodule:: (\S+)$", text, re.MULTILINE)
    tables = re.findall(r"^\.\. autosummary::\n(?:   :.*\n)*\n((?:   \w+\n)+)", text, re.MULTILINE)
    return [f"{module}.{name}" for table in tables for name in table.split()]


def test_every_public_name_is_once_in_the_reference():
    pages = (PAGES / "reference").glob("*.rst")
    names = [name for page in pages if page.stem != "index" for name in names_of(page)]
    public = {f"yang_rnn.{name}" for name in yr.__all__} - {"yang_rnn.figures", "yang_rnn.dynamics"}
    assert sorted(names) == sorted(public | {f"yang_rnn.figures.{n}" for n in yr.figures.__all__})


def test_every_figure_is_in_the_gallery():
    gallery = (PAGES / "gallery.md").read_text("utf-8")
    for name in yr.figures.__all__:
        assert f"yr.figures.{name}" in gallery if name.islower() else name in gallery


EXAMPLES = [name for name in yr.__all__ if ">>>" in (getattr(yr, name).__doc__ or "")]
TAKES_LONG = {"line_attractor_verdict"}


def test_what_newcomers_use_first_has_an_example():
    assert {
        "TwoAlternatives", "accuracy_by_condition", "average_by", "find_fixed_points",
        "fit_psychometric", "line_attractor_verdict", "linearise", "points_by_input",
        "psychometric_function", "simulate", "to_dataset",
    } <= set(EXAMPLES)  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if name in TAKES_LONG else name
        for name in EXAMPLES
    ],
)
def test_examples_in_docstrings_give_what_they_say(name: str, capsys: pytest.CaptureFixture[str]):
    names = {"yr": yr, "np": np, "jnp": jnp}
    text = inspect.getdoc(getattr(yr, name)) or ""
    example = doctest.DocTestParser().get_doctest(text, names, name, None, None)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(example)
    assert runner.summarize(verbose=False).failed == 0, capsys.readouterr().out


def columns_told(heading: str) -> set[str]:
    """Return the words in code of the table behind a heading of the page of sweeps."""
    text = (PAGES / "sweeps.md").read_text("utf-8")
    rows = re.findall(r"^\| (`.*?) \|", text[text.index(heading) :].split("\n\n")[1], re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_the_page_of_sweeps_tells_every_column():
    table = pandas.read_csv(ROOT / "results" / "primer.csv")
    table["error"] = ""
    assert set(summary_of(table, []).columns) == columns_told("`summary.csv`, of which")
    told = columns_told("`table.csv`, of which")
    fields = {field.name for field in dataclasses.fields(yr.Measures)}
    for name in table.columns:
        known = {name, name.removesuffix("_real").removesuffix("_imag")}
        assert known & (told | fields | {"failed"}), name
    of_texts = {"point", "label", "reason", "mechanism_reason", "right_choices_error"}
    of_texts |= {"choice_2_at_rest"}
    of_searches = {"starts_fixed", "starts_slow"}
    of_bounds = {"index_sum", "index_incomplete", "index_points_added"}
    assert told - set(table.columns) == of_texts | of_searches | of_bounds


def test_the_share_by_moved_thresholds_is_that_of_the_tables():
    text = (PAGES / "results.md").read_text("utf-8")
    rows = re.findall(r"^\| (0\.\d\d) \| (.*) \|$", text, re.MULTILINE)
    assert [float(keeps) for keeps, _ in rows] == [0.65, 0.7, 0.75, 0.8, 0.85]
    keeps, cells = rows[3]
    shares = [float(cell.split()[0]) for cell in cells.split(" | ")]
    tables = [pandas.read_csv(ROOT / "results" / f"{name}.csv") for name in ("notebook", "primer")]
    for table, share in zip(tables, (shares[0], shares[3]), strict=True):
        again = yr.judge_again(table, yr.Thresholds(keeps=float(keeps), straight=0.7))
        lines = again["verdict"].tolist().count("line attractor")
        assert f"{100 * lines / len(again):.1f}" == f"{share:.1f}"


SITE = """
<a href="{link}">a</a> <img src="{image}" alt=""> <h1 id="top">b</h1>
"""


@pytest.mark.parametrize(
    ("link", "image", "said"),
    [
        ("#top", "dot.png", []),
        ("page.html#top", "data:image/png;base64,", []),
        ("https://example.org", "dot.png", []),
        ("gone.html", "dot.png", ["gone.html leads to no file"]),
        ("page.html#end", "dot.png", ["page.html#end leads to no place"]),
        ("#end", "dot.png", ["#end leads to no place"]),
        ("#top", "https://example.org/dot.png", ["loads https://example.org/dot.png"]),
    ],
)
def test_links_of_a_site_are_checked(link: str, image: str, said: list[str], tmp_path: Path):
    (tmp_path / "page.html").write_text(SITE.format(link=link, image=image))
    (tmp_path / "dot.png").touch()
    check = [sys.executable, str(PAGES / "check_links.py"), str(tmp_path)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == bool(said)
    for words in said:
        assert words in done.stdout
