from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from ensembles import SEEDS

from yang_rnn import figures
from yang_rnn.ensemble.judging import judge_again, measures_in
from yang_rnn.ensemble.table import summary_of
from yang_rnn.experiment.storage import load_run
from yang_rnn.line_attractor.thresholds import Thresholds

RESULTS = Path(__file__).parents[2] / "results"


@pytest.mark.parametrize("read", [pandas.read_parquet, pandas.read_csv])
def test_default_thresholds_give_back_what_a_sweep_has(done: Path, read: Any):
    table: Any = read(done / f"table.{read.__name__.removeprefix('read_')}")
    pandas.testing.assert_frame_equal(judge_again(table), table)
    moved: Any = judge_again(table, Thresholds(learned=0.0, keeps=0.5, straight=0.0))
    assert list(moved["verdict"]) != list(table["verdict"])
    pandas.testing.assert_frame_equal(judge_again(moved), table)


@pytest.mark.parametrize("recipe", ["notebook", "primer", "hidden"])
def test_default_thresholds_give_back_what_was_published(recipe: str):
    table: Any = pandas.read_csv(RESULTS / f"{recipe}.csv").iloc[::4]
    said = ["verdict", "near", "mechanism"]
    again: Any = judge_again(table)
    pandas.testing.assert_frame_equal(again[said], table[said])
    twice = pandas.concat([table.head(3), table.tail(3)], axis=0).set_axis([0, 1, 2] * 2)
    assert list(judge_again(twice)["verdict"]) == list(twice["verdict"])


def test_a_lower_threshold_finds_those_that_lie_above_it():
    table: Any = pandas.read_csv(RESULTS / "primer.csv").head(200)
    moved: Any = judge_again(table, Thresholds(keeps=0.6))
    line = moved["verdict"] == "line attractor"
    keeps = (table["efficiency"] >= 0.6) & (table["constancy"] >= 0.8)
    keeps &= table["right_choices"] >= 0.7
    assert line.sum() > (table["verdict"] == "line attractor").sum()
    assert set(moved.index[line]) <= set(table.index[keeps])
    rest = moved[keeps & ~line]
    assert set(rest["verdict"]) <= {"inconclusive"}
    assert list(table["verdict"]) != list(moved["verdict"])  # the table itself is as it was


def test_the_numbers_in_a_row_are_those_of_the_run(done: Path):
    table: Any = pandas.read_csv(done / "table.csv")
    for seed in range(SEEDS):
        verdict = load_run(done / "members" / f"seed{seed}").verdict
        assert verdict is not None
        assert str(measures_in(table.iloc[seed].to_dict())) == str(verdict.measures)


def test_rows_of_failed_members_stay_and_so_does_what_a_search_says():
    table: Any = judge_again(pandas.read_csv(RESULTS / "primer.csv").head(3)).astype(object)
    table["error"] = ""
    table.loc[1, table.columns.difference(["recipe", "seed"])] = None
    table.loc[1, "error"] = "DivergenceError: lost"
    cut_short = "; 3 fixed points, and there may be others"
    table.loc[2, "mechanism_reason"] += cut_short
    moved = judge_again(table, Thresholds(loses=0.7, beyond=0.05))
    assert moved.loc[2, "mechanism"] != table.loc[2, "mechanism"]
    for name, value in table.loc[1].items():
        assert pandas.isna(value) == pandas.isna(moved.loc[1, name]), name
    assert moved.loc[1, "error"] == "DivergenceError: lost"
    assert moved.loc[2, "mechanism_reason"].endswith(cut_short)
    back = judge_again(moved)
    assert back.loc[2, "mechanism_reason"] == table.loc[2, "mechanism_reason"]


@pytest.mark.parametrize(
    ("without", "thresholds", "message"),
    [
        ([], Thresholds(still=1e-3), "`thresholds` must have still 0.0001, with which"),
        ([], Thresholds(beside=0.5), "`thresholds` must have beside 0.25, with which"),
        (["efficiency", "right_choices"], None, "no column right_choices, efficiency"),
    ],
)
def test_what_a_table_can_not_tell_is_an_error(without: Any, thresholds: Any, message: str):
    table = pandas.read_csv(RESULTS / "hidden.csv").head(2).drop(columns=without)
    with pytest.raises(ValueError, match=message):
        judge_again(table, thresholds)


def test_what_is_no_table_or_no_thresholds_is_an_error():
    with pytest.raises(TypeError, match="`table` must be a DataFrame"):
        judge_again({"verdict": np.zeros(3)})  # pyright: ignore[reportArgumentType]
    table = pandas.read_csv(RESULTS / "hidden.csv").head(2)
    with pytest.raises(TypeError, match="`thresholds` must be a"):
        judge_again(table, {"keeps": 0.5})  # pyright: ignore[reportArgumentType]


def test_a_table_that_is_judged_again_is_counted_and_drawn_with_its_thresholds():
    table: Any = pandas.read_csv(RESULTS / "primer.csv").head(100)
    at = Thresholds(keeps=0.6)
    again = judge_again(table, at)
    counts: Any = summary_of(again)
    (row,) = counts[counts["outcome"] == "line attractor"].to_dict("records")
    assert row["count"] == (again["verdict"] == "line attractor").sum() > 20
    assert row["low"] < row["count"] / 100 < row["high"]
    figure = figures.sweep(again, summary=counts, panels=("integration",), thresholds=at)
    (ax,) = figure.axes
    assert [text.get_text() for text in ax.texts] == ["0.5", "0.6"]
    with pytest.raises(ValueError, match="`summary` must be of `table`, as"):
        figures.sweep(table, summary=counts, panels=("integration",))


def test_what_is_no_table_of_a_sweep_is_not_counted():
    with pytest.raises(ValueError, match=r"it lacks \['recipe', 'seed'\]"):
        summary_of(pandas.DataFrame({"a": [1]}))
    with pytest.raises(TypeError, match="`varied` must be a list of columns; got 'seed'"):
        summary_of(pandas.read_csv(RESULTS / "hidden.csv").head(2), "seed")
