import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from ensembles import SEEDS, files_in
from scipy.stats import norm
from small import TINY

import yang_rnn.ensemble.table as tables
from yang_rnn.ensemble.members import FinishedMember, member_name, store_member
from yang_rnn.ensemble.plan import members_of
from yang_rnn.ensemble.table import describe, portraits_of, read_table, summary_of
from yang_rnn.experiment.checksums import with_sums
from yang_rnn.experiment.storage import load_run
from yang_rnn.line_attractor.criteria import VERDICTS
from yang_rnn.line_attractor.estimates import Estimate
from yang_rnn.line_attractor.mechanism import MECHANISMS


def folders(done: Path) -> list[Path]:
    return [done / "members" / f"seed{seed}" for seed in reversed(range(SEEDS))]


def without_verdict(done: Path, seed: int, members: Path) -> Path:
    """Store a member of a finished sweep as if it had had three choices."""
    recipe = dataclasses.replace(TINY, seed=seed)
    files = files_in(done, recipe)
    summary = json.loads(files["summary.json"]) | {"line_attractor": None, "psychometric": None}
    del files["SHA256SUMS"]
    files["summary.json"] = json.dumps(summary).encode()
    store_member(FinishedMember(recipe, with_sums(files)), members / f"seed{seed}")
    return members / f"seed{seed}"


def test_table_has_one_row_per_member_with_its_numbers(done: Path):
    table: Any = pandas.read_csv(done / "table.csv", keep_default_na=False)
    words: Any = pandas.read_csv(done / "table.csv", keep_default_na=False, dtype=str)
    parquet: Any = pandas.read_parquet(done / "table.parquet")
    assert list(table["seed"]) == list(range(SEEDS))
    assert list(parquet.columns) == list(table.columns)
    for name in ("accuracy", "final_loss", "time_constant"):
        as_text = parquet[name].map(lambda value: "" if pandas.isna(value) else repr(float(value)))
        assert list(as_text) == list(words[name])
    for seed in (0, SEEDS - 1):
        run = load_run(done / "members" / f"seed{seed}")
        row = table.iloc[seed]
        assert run.recipe == dataclasses.replace(TINY, seed=seed, search="newton")
        assert run.verdict is not None
        assert float(row["accuracy"]) == run.test_accuracy
        assert float(row["final_loss"]) == run.history.loss[-1]
        assert row["verdict"] == run.verdict.label
        assert row["near"] == run.verdict.near
        assert row["mechanism"] == run.verdict.mechanism


def test_counts_stay_whole_where_a_failed_member_has_none(done: Path, tmp_path: Path):
    members = members_of(TINY, [3], {"learning_rate": [1e-3, 1e30]})
    for recipe in members:
        store_member(
            FinishedMember(recipe, files_in(done, recipe)),
            tmp_path / member_name(recipe, ["learning_rate"]),
        )
    table: Any = read_table(list(tmp_path.iterdir()), ["learning_rate"])
    assert list(table["learning_rate"]) == [1e-3, 1e30]
    assert list(table["error"]) == ["", "DivergenceError: the loss of epoch 1 is nan"]
    assert table["starts_fixed"].dtype == "Int64"
    assert list(table["starts_fixed"].isna()) == [False, True]


def table_by_hand() -> pandas.DataFrame:
    """Return ten finished members and a failed one."""
    return pandas.DataFrame(
        {
            "recipe": "made",
            "seed": range(11),
            "error": [""] * 10 + ["DivergenceError: lost"],
            "verdict": [*["line attractor"] * 3, *["turning integrator"] * 7, None],
            "mechanism": [*["continuum"] * 2, *["rotation"] * 8, None],
            "accuracy": [0.8, 0.9] * 5 + [None],
        }
    )


def test_summary_counts_verdicts_and_mechanisms_with_wilsons_intervals():
    table = table_by_hand()
    summary: Any = summary_of(table, ())
    by_outcome: Any = summary.set_index(["of", "outcome"])
    assert list(by_outcome.index) == [
        *(("verdict", name) for name in VERDICTS),
        *(("mechanism", name) for name in MECHANISMS),
    ]
    row: Any = by_outcome.loc[("verdict", "line attractor")]
    assert (row["count"], row["members"], row["failed"], row["share"]) == (3, 10, 1, 0.3)
    z = norm.ppf(0.975)
    middle = (0.3 + z**2 / 20) / (1 + z**2 / 10)
    half = z / (1 + z**2 / 10) * np.sqrt(0.3 * 0.7 / 10 + z**2 / 400)
    assert row["low"] == pytest.approx(middle - half)
    assert row["high"] == pytest.approx(middle + half)
    assert row["median_accuracy"] == pytest.approx(0.85)
    row = by_outcome.loc[("mechanism", "rotation")]
    assert (row["count"], row["judged"], row["share"]) == (8, 10, 0.8)
    assert list(summary.groupby("of")["count"].sum()) == [10, 10]
    missing = table.assign(error=[np.nan] * 10 + ["DivergenceError: lost"])  # as read from CSV
    pandas.testing.assert_frame_equal(summary_of(missing, ()), summary)


def test_text_counts_what_was_found_and_by_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tables, "MAX_LISTED", 5)
    table = table_by_hand()
    lines = describe(table, summary_of(table, ()), tmp_path).splitlines()
    assert lines[1] == "  made recipe: 10 members, 1 failed, median accuracy 0.8500"
    told = [(line[:38].strip(), int(line[38:].split()[0])) for line in lines[2:6]]
    assert told == [("line attractor", 3), ("turning integrator", 7), ("by continuum", 2),
                    ("by rotation", 8)]  # fmt: skip
    assert "30.0 %  (95 % interval 10.8 to 60.3 %)" in lines[2]


def test_summary_and_text_say_how_many_are_near_another_verdict(tmp_path: Path):
    line, turning = (
        ["leaky integrator", "", ""],
        ["line attractor"] * 2 + ["not learned"] + [""] * 4,
    )
    table = table_by_hand().assign(near=[*line, *turning, None])
    summary: Any = summary_of(table, ())
    by_outcome: Any = summary.set_index(["of", "outcome"])["near"]
    assert by_outcome["verdict", "line attractor"] == 1
    assert by_outcome["verdict", "turning integrator"] == 3
    assert by_outcome["verdict"].sum() == 4
    assert by_outcome["mechanism"].isna().all()
    text = describe(table, summary, tmp_path, verbose=True)
    assert "60.3 %), of which 1 near leaky integrator\n" in text
    assert "89.2 %), of which 2 near line attractor, 1 near not learned\n" in text
    assert "line attractor (near leaky integrator), by continuum\n" in text
    back = pandas.read_csv(io.StringIO(table.to_csv(index=False)))
    pandas.testing.assert_frame_equal(summary_of(back, ()), summary)


def test_text_and_summary_have_what_is_kept_in_the_median(tmp_path: Path):
    table = table_by_hand().assign(efficiency=[*np.linspace(0, 0.9, 10), 5.0], constancy=0.6)
    summary: Any = summary_of(table, ())
    assert set(summary["median_efficiency"]) == {0.45}  # without the failed one
    text = describe(table, summary, tmp_path)
    said = "evidence kept 0.45 (middle half 0.23 to 0.68), direction kept 0.60 (middle half 0.60 to"
    assert f"    medians: {said} 0.60)\n" in text
    assert "medians" not in describe(table_by_hand(), summary_of(table_by_hand(), ()), tmp_path)


def test_text_tells_that_none_is_a_line_attractor(tmp_path: Path):
    table = table_by_hand()
    table["verdict"] = table["verdict"].replace("line attractor", "fast leak")
    text = describe(table, summary_of(table, ()), tmp_path)
    (line,) = [line for line in text.splitlines() if line.startswith("    line attractor ")]
    assert line.split() == "line attractor 0 0.0 % (95 % interval 0.0 to 27.8 %)".split()
    assert "    leaky integrator " not in text


def test_text_lists_members_and_counts_verdicts(done: Path):
    table: Any = read_table(folders(done), ())
    text = describe(table, summary_of(table, ()), done).splitlines()
    first = next(i for i, line in enumerate(text) if line.split()[:2] == ["seed", "accuracy"]) + 1
    for line, (_, row) in zip(text[first : first + SEEDS], table.iterrows(), strict=True):
        assert line.split()[0] == str(row["seed"])
        assert f"{row['accuracy']:.4f}" in line
        near = f" (near {row['near']})" if row["near"] else ""
        assert line.endswith(f"{row['verdict']}{near}, by {row['mechanism']}")
    name = TINY.name_without("search")
    median = f"{table['accuracy'].median():.4f}"
    expected = f"{name} recipe: {SEEDS} members, 0 failed, median accuracy {median}"
    assert f"  {expected}" in text
    counts = [int(line[38:].split()[0]) for line in text if "95 % interval" in line]
    assert sum(counts) == 2 * SEEDS  # each has a verdict and a mechanism
    end = " ".join(line.strip() for line in text[-4:])
    assert "Open report.html" in end
    assert "table.csv, table.parquet, summary.csv, sweep.png" in end
    assert text[-1] == f"  {done}/"
    for name in ("table.csv", "table.parquet", "summary.csv", "sweep.png", "report.html"):
        assert (done / name).is_file()


def test_text_of_many_members_does_not_list_them(done: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tables, "MAX_LISTED", SEEDS - 1)
    table = read_table(folders(done), ())
    assert "Members" not in describe(table, summary_of(table, ()), done)
    verbose = describe(table, summary_of(table, ()), done, verbose=True)
    for row in table.to_dict("records"):
        assert f"efficiency {Estimate(row['efficiency'], row['efficiency_error'])}" in verbose


def test_text_of_failed_members_says_why(done: Path, tmp_path: Path):
    for recipe in members_of(dataclasses.replace(TINY, learning_rate=1e30), [0, 1], {}):
        store_member(
            FinishedMember(recipe, files_in(done, recipe)), tmp_path / f"seed{recipe.seed}"
        )
    table = read_table(list(tmp_path.iterdir()), ())
    summary: Any = summary_of(table, ())
    assert set(summary["members"]) == {0}
    text = describe(table, summary, tmp_path)
    assert " recipe: 0 members, 2 failed\n" in text
    assert "2 failed: DivergenceError: the loss of epoch 1 is nan\n" in text
    assert "made again only if its folder in members/ is removed" in text
    assert "nan" not in text.replace("is nan", "")


def test_members_of_three_choices_have_no_verdict_and_no_portrait(done: Path, tmp_path: Path):
    members = [without_verdict(done, seed, tmp_path) for seed in (0, 1)]
    table = read_table(members, ())
    summary: Any = summary_of(table, ())
    assert set(summary["members"]) == {2}
    assert set(summary["judged"]) == {0}
    assert np.isnan(np.asarray(summary[["share", "low", "high"]], float)).all()
    assert "none: it is for networks with two choices" in describe(table, summary, tmp_path)
    assert portraits_of(members) == []


def test_portraits_are_of_members_spread_evenly(done: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tables, "NUM_PORTRAITS", 3)
    monkeypatch.setattr(tables, "PORTRAIT_TRIALS", 40)
    portraits = portraits_of(folders(done))
    titles = [portrait.title.split(": ") for portrait in portraits]
    assert [title[0] for title in titles] == ["seed0", "seed4", "seed8"]
    verdict = load_run(done / "members" / "seed4").verdict
    assert verdict is not None
    assert titles[1][1] == verdict.label
    for portrait in portraits:
        levels = list(portrait.mean.level)
        assert levels == sorted(levels)
        assert set(np.abs(levels)) <= set(TINY.coherences)
        assert portrait.mean.activity.shape == (TINY.num_steps, len(levels), TINY.hidden)
        assert portrait.pca.transform(portrait.mean.activity[0]).shape == (len(levels), 2)
    assert portraits_of([]) == []
