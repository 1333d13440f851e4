import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from pages import MADE_WITH, page_of_thousand, text_of, thousand_members
from PIL import Image

from yang_rnn.ensemble.table import summary_of
from yang_rnn.recipe import NOTEBOOK, PRIMER
from yang_rnn.report.glossary import does
from yang_rnn.report.page import MOST_BYTES
from yang_rnn.report.pictures import picture_of
from yang_rnn.report.sweep_page import sweep_page
from yang_rnn.task import PerceptualDecisionMaking


@pytest.fixture(scope="module")
def table() -> Any:
    return thousand_members()


@pytest.fixture(scope="module")
def page() -> str:
    return page_of_thousand()


def test_a_thousand_members_are_few_bytes(page: str):
    assert page.count('<tbody id="seed') == 1000
    assert len(page.encode()) < MOST_BYTES / 2


def test_each_member_says_why_it_was_judged_so(page: str, table: Any):
    rows = re.findall(r'<tbody id="(seed\d+)">(.*?)</tbody>', page, flags=re.DOTALL)
    for (name, content), (_, row) in list(zip(rows, table.iterrows(), strict=True))[::97]:
        text = text_of(content)
        assert name == f"seed{row['seed']}"
        assert f": {row['reason']}." in text
        assert f": {row['mechanism_reason']}." in text
        assert f"{100 * row['accuracy']:.1f} %" in text


def test_shares_are_those_of_the_summary(page: str, table: Any):
    text = text_of(page)
    summary: Any = summary_of(table, [])
    for _, row in summary.iterrows():
        if row["count"]:
            shares = (100 * row[part] for part in ("share", "low", "high"))
            said = "{} {:.1f} % {:.1f} to {:.1f} %".format(row["count"], *shares)
            assert said in text, said
    assert does("turning integrator") in text


def test_verdicts_and_mechanisms_each_have_a_table_that_adds_up(page: str, table: Any):
    shares = page[page.index('id="shares"') : page.index('id="members"')]
    tables = re.findall(r"<table>.*?</table>", shares, flags=re.DOTALL)
    assert ["What they do" in each for each in tables] == [True, False]
    assert ["By what mechanism" in each for each in tables] == [False, True]
    for each in tables:
        counts = re.findall(r"<td>([\d,]+)</td>", each)
        assert sum(int(count.replace(",", "")) for count in counts) == len(table)


def test_mechanisms_say_that_they_are_also_of_networks_that_failed_to_learn(table: Any):
    few = table.head(4).copy()
    few["verdict"] = ["not learned", "not learned", "line attractor", "line attractor"]
    note = "the 2 networks that have not learned the task too"
    for rows, said in ((few, True), (few.tail(2), False)):
        names = [f"seed{seed}" for seed in rows["seed"]]
        page = sweep_page(NOTEBOOK, rows, summary_of(rows, []), [], names, made_with=MADE_WITH)
        assert (note in text_of(page)) is said


def test_the_answer_has_what_is_most_frequent_with_its_interval(page: str):
    text = text_of(page)
    assert "1,000 networks were trained; all are whole, and the median accuracy is" in text
    assert re.search(r"turning integrator \(93\.2 % of them, interval 91\.\d % to 94\.\d %\)", text)


def test_failed_members_have_their_error_and_are_counted(table: Any):
    few = table.head(4).astype(object)
    few.loc[2, few.columns.difference(["recipe", "seed", "error"])] = np.nan
    few.loc[2, "error"] = "DivergenceError: <script>alert(1)</script>"
    names = [f"seed{seed}" for seed in few["seed"]]
    page = sweep_page(NOTEBOOK, few, summary_of(few, []), [], names, made_with=MADE_WITH)
    assert "Failed: DivergenceError: &lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "1 of them failed" in text_of(page)
    assert 'href="members/seed2/"' in page
    assert "python -m yang_rnn.sweep --recipe notebook --seeds 0:4 --out" in page


def test_varied_numbers_are_columns_and_groups(table: Any):
    few = table.head(6).assign(hidden=[32, 32, 64, 64, 128, 128], recipe="primer")
    names = [f"hidden{row.hidden}-seed{row.seed}" for row in few.itertuples()]
    summary = summary_of(few, ["hidden"])
    page = sweep_page(PRIMER, few, summary, ["hidden"], names, made_with=MADE_WITH)
    text = text_of(page)
    for size in (32, 64, 128):
        assert f"hidden {size}: 2 networks, 0 failed" in text
    assert "--set hidden=32,64,128" in text
    assert "with hidden varied" in text
    noisy = few.assign(noise=[0.5, 0.5, 1.0, 1.0, 2.0, 2.0])
    page = sweep_page(
        PRIMER, noisy, summary_of(noisy, ["noise"]), ["noise"], names, made_with=MADE_WITH
    )
    for noise in (0.5, 1.0, 2.0):
        best = PerceptualDecisionMaking(noise_sigma=noise).ideal_accuracy()
        said = rf"noise {noise}: 2 networks, .* \(an ideal observer's: {100 * best:.1f} %\)"
        assert re.search(said, text_of(page))
    four = few.assign(hidden=[8, 8, 16, 16, 32, 64])
    page = sweep_page(
        PRIMER, four, summary_of(four, ["hidden"]), ["hidden"], names, made_with=MADE_WITH
    )
    assert "Of 4 combinations, the most frequent outcome is" in page


def test_portraits_lead_to_their_rows_as_far_as_there_is_room(table: Any, tmp_path: Path):
    Image.fromarray(np.full((40, 60, 3), 200, np.uint8)).save(tmp_path / "seed1.png")
    small = picture_of(tmp_path / "seed1.png")
    large = small._replace(data=small.data + "A" * MOST_BYTES)
    few = table.head(3)
    page = sweep_page(
        NOTEBOOK, few, summary_of(few, []), [], ["seed0", "seed1", "seed2"], made_with=MADE_WITH,
        figure=large, portraits={"seed1": small, "seed2": large},
    )  # fmt: skip
    assert '<a href="#seed1"><img' in page
    assert '<a href="#seed2"><img' not in page
    assert len(page.encode()) < MOST_BYTES


def test_a_table_read_back_from_its_file_gives_the_same_page(table: Any, tmp_path: Path):
    few = table.head(5)
    few.to_csv(tmp_path / "table.csv", index=False)
    names = [f"seed{seed}" for seed in few["seed"]]
    pages = [
        sweep_page(NOTEBOOK, each, summary_of(each, []), [], names, made_with=MADE_WITH)
        for each in (few, pandas.read_csv(tmp_path / "table.csv"))
    ]
    assert pages[0] == pages[1]
