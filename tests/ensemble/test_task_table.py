"""A sweep of a task, from its members to its text and its figure."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from scipy.stats import binomtest

from yang_rnn.ensemble.sweep import sweep
from yang_rnn.ensemble.table import FILES
from yang_rnn.ensemble.task_table import describe_tasks, summary_of_tasks
from yang_rnn.experiment.storage import load_run
from yang_rnn.experiment.task_run import TaskRun
from yang_rnn.line_attractor.criteria import VERDICTS
from yang_rnn.line_attractor.mechanism import MECHANISMS
from yang_rnn.line_attractor.sentences import WHAT, WHY
from yang_rnn.recipe import Recipe
from yang_rnn.sweep import main

SMALL = Recipe(
    task="RateGoNoGo", hidden=6, epochs=2, trials_per_epoch=32, test_trials=100, analysis_trials=20
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tasks") / "sweep"
    sweep(SMALL, range(2), out=out)
    return out


def table_by_hand() -> pandas.DataFrame:
    rows = [
        {"recipe": "r", "hidden": h, "seed": s, "error": "", "accuracy": a, "chance": 0.5,
         "learned": a > 0.6, "verdict context 0": v, "mechanism context 0": m,
         "fixed at delay": f}
        for h, s, a, v, m, f in [
            (8, 0, 0.9, "line attractor", "slow direction", 1),
            (8, 1, 0.95, "fast leak", "chain", 3),
            (8, 2, 0.5, "fast leak", "slow direction", 1),
            (16, 0, 0.8, "line attractor", "chain", 2),
        ]
    ]  # fmt: skip
    failed = {"recipe": "r", "hidden": 16, "seed": 1, "error": "DivergenceError: far away"}
    return pandas.DataFrame([*rows, failed])


def test_what_is_near_another_verdict_is_counted_and_told(tmp_path: Path):
    table = table_by_hand()
    table["near context 0"] = ["", "line attractor", "", "leaky integrator", None]
    summary: Any = summary_of_tasks(table, ["hidden"])
    near = {(row.hidden, row.of, row.outcome): row.near for row in summary.itertuples()}
    assert near[8, "verdict context 0", "fast leak"] == 1
    assert near[8, "verdict context 0", "line attractor"] == 0
    assert pandas.isna(near[8, "task", "learned"])
    text = describe_tasks(table, summary, tmp_path, ["table.csv", "report.html"])
    assert "fast leak (near line attractor)" in text
    assert ", of which 1 near leaky integrator\n" in text


def test_members_have_a_row_each_with_what_their_runs_have(folder: Path):
    table = pandas.read_csv(folder / "table.csv")
    assert table["seed"].tolist() == [0, 1]
    for seed, row in enumerate(table.to_dict("records")):
        run = load_run(folder / "members" / f"seed{seed}")
        assert isinstance(run, TaskRun)
        assert row["accuracy"] == run.tested.accuracy
        assert row["learned"] == run.tested.learned
        for given in run.by_input:
            found = int((given.points.kind == "fixed").sum())
            assert row[f"fixed at {given.given.name}"] == found


def test_a_sweep_of_a_task_resumes_and_grows(folder: Path):
    before = {p: p.stat().st_mtime_ns for p in folder.glob("members/*/*")}
    assert len(sweep(SMALL, range(3), out=folder).table) == 3
    assert {p: p.stat().st_mtime_ns for p in before} == before


def test_summary_counts_who_learned_and_what_was_found_in_each_context():
    summary = summary_of_tasks(table_by_hand(), ["hidden"])
    first = summary[(summary["hidden"] == 8) & (summary["outcome"] == "learned")].iloc[0]
    assert (first["of"], first["count"], first["members"], first["failed"]) == ("task", 2, 3, 0)
    expected = binomtest(2, 3).proportion_ci(0.95, "wilson")
    np.testing.assert_allclose([first["low"], first["high"]], [expected.low, expected.high])
    for of, names, found in (
        ("verdict context 0", VERDICTS, {"line attractor": 1, "fast leak": 2}),
        ("mechanism context 0", MECHANISMS, {"slow direction": 2, "chain": 1}),
    ):
        rows = summary[(summary["hidden"] == 8) & (summary["of"] == of)]
        counts = dict(zip(rows["outcome"], rows["count"], strict=True))
        assert counts == dict.fromkeys(names, 0) | found
    other = summary[(summary["hidden"] == 16) & (summary["of"] == "task")].iloc[0]
    assert (other["count"], other["members"], other["failed"]) == (1, 1, 1)
    assert other["median_accuracy"] == 0.8


def test_text_says_who_learned_what_was_found_and_what_failed():
    table = table_by_hand()
    text = describe_tasks(table, summary_of_tasks(table, ["hidden"]), Path("here"), FILES)
    assert [line.split()[3] for line in text.splitlines()[4:7]].count("NO") == 1
    assert "r recipe, hidden 8: 3 members, 0 failed, median accuracy 0.9000" in text
    assert "context 0: fast leak" in text
    assert "context 0: by slow direction" in text
    assert "of the 3 that learned:\n  delay: 2 (1 to 3)" in text
    assert "1 failed: DivergenceError: far away" in text
    assert f"fast leak: {WHAT['fast leak']}" in text.replace("\n    ", " ")
    assert f"by chain: {WHY['chain']}" in text.replace("\n    ", " ")
    assert text.splitlines()[-2:] == [
        "    each network in members/.",
        "  here/",
    ]
    assert "  Open report.html in a browser. Beside it are table.csv, " in text


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ("--task dinner", "--task must be perceptual, one of"),
        ("--task-settings noise_sigma=1", "--task-settings must be empty for the perceptual task"),
        ("--task RateGoNoGo --set task=RateAntiReach", "--set task: a sweep has one task"),
        ("--task RateGoNoGo --set noise=0.5", "must be left as it is: it is of the perceptual"),
    ],
)
def test_a_task_that_can_not_be_swept_is_one_line(
    words: str, option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main([*words.split(), "--out", str(tmp_path / "out")]) == 2
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1
    assert option in shown.err
    assert not (tmp_path / "out").exists()
