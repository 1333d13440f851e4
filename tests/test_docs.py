"""Every example of the pages in `docs` runs, as it stands there."""

import re
from pathlib import Path
from typing import Any

import pytest

from yang_rnn import figures

PAGES = Path(__file__).parents[1] / "docs"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "needs"),
    [
        ("own_network", ("torch", "equinox")),
        ("own_task", ("neurogym",)),
        ("training", ()),
        ("figures", ()),
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


def test_every_page_is_linked_from_the_readme():
    readme = (PAGES.parent / "README.md").read_text("utf-8")
    for page in PAGES.glob("*.md"):
        assert f"(docs/{page.name})" in readme
