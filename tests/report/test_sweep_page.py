import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from pages import MADE_WITH, page_of_thousand, text_of, thousand_members
from PIL import Image
from scipy.stats import binomtest

from yang_rnn.ensemble.table import summary_of
from yang_rnn.line_attractor.thresholds import Thresholds
from yang_rnn.recipe import NOTEBOOK, PRIMER
from yang_rnn.report.glossary import does, rule
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
            said = "{:.1f} % {:.1f} to {:.1f} %".format(*shares)
            near = r", of which [\w ,]*near [\w ,]*" if near_of(row) else ""
            assert re.search(rf"\b{row['count']}{near} {said}", text), said
    assert does("turning integrator") in text


def near_of(row: Any) -> int:
    return 0 if pandas.isna(row["near"]) else row["near"]


def test_verdicts_and_mechanisms_each_have_a_table_that_adds_up(page: str, table: Any):
    shares = page[page.index('id="shares"') : page.index('id="members"')]
    tables = re.findall(r"<table>.*?</table>", shares, flags=re.DOTALL)
    assert ["What they do" in each for each in tables] == [True, False]
    assert ["By what mechanism" in each for each in tables] == [False, True]
    for each in tables:
        counts = re.findall(r"<td>([\d,]+?)(?:, <span[^>]*>[^<]*</span>)?</td>", each)
        assert sum(int(count.replace(",", "")) for count in counts) == len(table)


def test_near_is_counted_and_has_a_column_with_a_filter(page: str, table: Any):
    turning = table[table["verdict"] == "turning integrator"]
    near = turning["near"].dropna().value_counts()
    said = ", ".join(f"{count} near {name}" for name, count in near.items())
    assert f"{len(turning)}, of which {said} {len(turning) / 10:.1f} %" in text_of(page)
    heads = re.findall(r'<th scope="col">([^<]*)</th>', page[page.index('class="members"') :])
    place = heads.index("near")
    rows = re.findall(r"<tbody id.*?</tr>", page, flags=re.DOTALL)
    cells = [re.findall(r'data-value="([^"]*)"', row)[place] for row in rows]
    assert cells == list(table["near"].fillna("no"))
    select = re.findall(rf'<select data-place="{place}">.*?</select>', page, flags=re.DOTALL)[0]
    options = re.findall(r"<option[^>]*>([^<]*)", select)
    assert options == ["any", "near another", *sorted(table["near"].dropna().unique()), "no"]


def test_each_verdict_and_mechanism_that_occurs_has_its_rule(page: str, table: Any):
    text, at = text_of(page), Thresholds()
    assert f"{at.keeps} or more, direction kept (constancy) {at.straight} or more" in text
    for label in {*table["verdict"], *table["mechanism"]}:
        assert f"Rule: {rule(label)}." in text
    assert rule("continuum") not in text  # none has it


def test_none_of_ten_is_a_line_attractor_with_an_interval(table: Any):
    ten = table[table["verdict"] == "turning integrator"].head(10)
    names = [f"seed{seed}" for seed in ten["seed"]]
    page = sweep_page(NOTEBOOK, ten, summary_of(ten, []), [], names, made_with=MADE_WITH)
    row = re.findall(r'<th scope="row">line attractor.*?</tr>', page, flags=re.DOTALL)[0]
    cells = [text_of(cell) for cell in re.findall(r"<td>.*?</td>", row)]
    assert cells == ["0", "0.0 %", "0.0 to 27.8 %"]
    assert '<th scope="row">leaky integrator' not in page


def test_a_group_has_its_medians(table: Any):
    few = table.head(6).assign(hidden=[32, 32, 32, 64, 64, 64], efficiency=[1, 2, 4, 5, 6, 7])
    page = sweep_page(
        NOTEBOOK, few, summary_of(few, ["hidden"]), ["hidden"], list("abcdef"), made_with=MADE_WITH
    )
    straight = [few["constancy"][place : place + 3].median() for place in (0, 3)]
    kept = ("2.00 (middle half 1.50 to 3.00)", "6.00 (middle half 5.50 to 6.50)")
    for group, evidence, constancy in zip((32, 64), kept, straight, strict=True):
        said = (
            f"median evidence kept {evidence}, median direction kept {constancy:.2f} (middle half"
        )
        assert f"hidden {group}: 3 networks, 0 failed" in text_of(page)
        assert said in text_of(page)


def test_outcomes_that_are_equally_frequent_are_both_named(table: Any):
    few = table.head(8).assign(
        mechanism=["rotation"] * 3 + ["no fixed point"] * 3 + ["chain"] * 2,
        verdict="turning integrator",
    )
    names = [f"seed{seed}" for seed in few["seed"]]
    page = sweep_page(NOTEBOOK, few, summary_of(few, []), [], names, made_with=MADE_WITH)
    assert "by rotation and by no fixed point (37.5 % of them each, interval" in text_of(page)


def test_many_combinations_are_counted_together_and_small_ones_are_owned_up_to(table: Any):
    verdicts = ["line attractor"] * 3 + ["turning integrator"] * 17
    for each, few in ((2, True), (20, False)):
        rows = pandas.concat([table.head(10 * each)] * 2, ignore_index=True).assign(
            hidden=np.repeat(range(10, 30), each), verdict=np.repeat(verdicts, each), near=np.nan
        )
        names = [f"m{place}" for place in range(len(rows))]
        summary = summary_of(rows, ["hidden"])
        page = sweep_page(NOTEBOOK, rows, summary, ["hidden"], names, made_with=MADE_WITH)
        said = []
        for outcome, count in (("turning integrator", 17 * each), ("line attractor", 3 * each)):
            low, high = binomtest(count, len(rows)).proportion_ci(0.95, "wilson")
            said.append(
                f"{outcome} {count} of {len(rows)} ({5 * count / each:.1f} %, interval "
                f"{100 * low:.1f} % to {100 * high:.1f} %)"
            )
        text = text_of(page)
        assert f"Over all of them together: {said[0]}, {said[1]}." in text or (
            f"Over all of them together: {said[1]}, {said[0]}." in text
        )
        assert ("as few as 2 networks here: so few can hardly tell" in text) is few


def test_the_page_says_how_to_open_a_member_and_how_to_sort(table: Any):
    few = table.head(2)
    for linked in (True, False):
        page = sweep_page(
            NOTEBOOK, few, summary_of(few, []), [], ["seed0", "seed1"], made_with=MADE_WITH,
            linked=linked,
        )  # fmt: skip
        text = text_of(page)
        assert ("python -m yang_rnn.run --from SWEEP/members/NAME" in text) is linked
        assert ('yang_rnn.load_run("SWEEP/members/NAME")' in text) is linked
        assert "Click the head of a column to sort by it" in text


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
