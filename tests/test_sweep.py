import dataclasses
import errno
import importlib.metadata
import importlib.util
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas
import pytest
from scipy.stats import norm
from small import SMALL

import yang_rnn as yr
import yang_rnn.members
import yang_rnn.workers
from yang_rnn.members import batches_of, damage, member_name
from yang_rnn.progress import Progress
from yang_rnn.recipe import Recipe
from yang_rnn.sweep import SweepError, main
from yang_rnn.sweep_options import parse
from yang_rnn.sweep_plan import members_of
from yang_rnn.sweep_results import describe, summary_of

TINY = dataclasses.replace(SMALL, epochs=1, analysis_trials=6)
SEEDS = 12


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished sweep: twelve seeds, two batches."""
    folder = tmp_path_factory.mktemp("sweep") / "done"
    yr.sweep(TINY, range(SEEDS), out=folder)
    return folder


def table_of(folder: Path) -> bytes:
    return (folder / "table.csv").read_bytes()


def times(folder: Path) -> dict[str, int]:
    """Return when each finished member was written; hidden folders are unfinished ones."""
    files = (folder / "members").glob("[!.]*/summary.json")
    return {path.parent.name: path.stat().st_mtime_ns for path in files}


def start(*words: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "yang_rnn.sweep", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    TINY.save(tmp_path / "tiny.json")
    return ["--recipe", "tiny.json", "--seeds", f"0:{SEEDS}"]


def test_table_has_a_row_a_member_with_its_numbers(done: Path):
    table: Any = pandas.read_csv(done / "table.csv", keep_default_na=False)
    parquet: Any = pandas.read_parquet(done / "table.parquet")
    assert list(table["seed"]) == list(range(SEEDS))
    assert list(parquet.columns) == list(table.columns)
    for name in ("accuracy", "final_loss", "time_constant"):
        as_text = parquet[name].map(lambda value: "" if pandas.isna(value) else repr(float(value)))
        assert list(as_text) == list(table[name].astype(str))
    for seed in (0, SEEDS - 1):
        run = yr.load_run(done / "members" / f"seed{seed}")
        row = table.iloc[seed]
        assert run.recipe == dataclasses.replace(TINY, seed=seed, fixed_points="newton")
        assert float(row["accuracy"]) == run.summary["test_accuracy"]
        assert float(row["final_loss"]) == run.history.loss[-1]
        assert row["verdict"] == run.summary["line_attractor"]["verdict"]


def test_a_seed_alone_gives_what_it_gave_among_others(done: Path, tmp_path: Path):
    alone = yr.sweep(TINY, [7], out=tmp_path / "alone").table
    whole = (done / "table.csv").read_text().splitlines()
    assert (tmp_path / "alone" / "table.csv").read_text().splitlines() == [whole[0], whole[8]]
    assert len(alone) == 1


def test_the_same_call_again_makes_nothing_and_gives_the_same(done: Path):
    before, made = table_of(done), times(done)
    seen: list[Progress] = []
    # Nothing is left to do for the workers of a scheduler that is not there.
    nowhere = "tcp://localhost:1" if importlib.util.find_spec("distributed") else None
    yr.sweep(TINY, range(SEEDS), out=done, on_progress=seen.append, scheduler=nowhere)
    assert [p.made for p in seen] == [0]
    assert (seen[0].done, seen[0].total, sum(seen[0].verdicts.values())) == (SEEDS, SEEDS, SEEDS)
    assert table_of(done) == before
    assert times(done) == made


def test_seeds_can_be_added(tmp_path: Path, done: Path):
    folder = tmp_path / "grown"
    yr.sweep(TINY, range(3), out=folder)
    made = times(folder)
    yr.sweep(TINY, range(SEEDS), out=folder)
    assert table_of(folder) == table_of(done)
    assert {name: times(folder)[name] for name in made} == made


def test_varied_numbers_are_columns_and_groups(tmp_path: Path):
    swept: Any = yr.sweep(TINY, range(2), out=tmp_path / "varied", vary={"hidden": [10, 12]})
    assert list(swept.table["hidden"]) == [10, 10, 12, 12]
    assert list(swept.table["seed"]) == [0, 1, 0, 1]
    assert sorted(path.name for path in (tmp_path / "varied" / "members").iterdir()) == [
        "hidden10-seed0", "hidden10-seed1", "hidden12-seed0", "hidden12-seed1",
    ]  # fmt: skip
    assert list(swept.summary["hidden"].unique()) == [10, 12]
    assert (swept.summary.groupby("hidden")["count"].sum() == 2).all()
    run = yr.load_run(tmp_path / "varied" / "members" / "hidden10-seed1")
    assert run.net.num_hidden == 10


def test_summary_counts_verdicts_with_wilsons_intervals():
    verdicts = ["line attractor"] * 3 + ["rotation"] * 7
    table = pandas.DataFrame(
        {
            "recipe": "made",
            "seed": range(11),
            "error": [""] * 10 + ["DivergenceError: lost"],
            "verdict": [*verdicts, None],
            "accuracy": [0.8, 0.9] * 5 + [None],
        }
    )
    summary: Any = summary_of(table, ()).set_index("verdict")
    row: Any = summary.loc["line attractor"]
    assert (row["count"], row["members"], row["failed"], row["share"]) == (3, 10, 1, 0.3)
    z = norm.ppf(0.975)
    middle = (0.3 + z**2 / 20) / (1 + z**2 / 10)
    half = z / (1 + z**2 / 10) * np.sqrt(0.3 * 0.7 / 10 + z**2 / 400)
    assert row["low"] == pytest.approx(middle - half)
    assert row["high"] == pytest.approx(middle + half)
    assert row["median_accuracy"] == pytest.approx(0.85)
    assert summary["count"].sum() == 10
    missing = table.assign(error=[np.nan] * 10 + ["DivergenceError: lost"])  # as read from CSV
    pandas.testing.assert_frame_equal(summary_of(missing, ()).set_index("verdict"), summary)


def test_a_member_that_fails_is_a_row_with_its_error(tmp_path: Path):
    swept: Any = yr.sweep(
        TINY, range(2), out=tmp_path / "wild", vary={"learning_rate": [1e-3, 1e30]}
    )
    failed: Any = swept.table
    wild = failed[failed["learning_rate"] == 1e30]
    assert wild["error"].str.startswith("DivergenceError: the loss of epoch 1").all()
    assert (failed[failed["learning_rate"] == 1e-3]["error"] == "").all()
    assert list(swept.summary.groupby("learning_rate")["failed"].first()) == [0, 2]
    assert (tmp_path / "wild" / "sweep.png").stat().st_size > 10_000


def test_an_analysis_that_fails_is_a_row_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    analyse = yang_rnn.members.analyse

    def fail(net: Any, history: Any, recipe: Recipe, **options: Any) -> Any:
        if recipe.seed == 1:
            raise ValueError("`activity` must be finite; got NaN or infinity")
        return analyse(net, history, recipe, **options)

    monkeypatch.setattr(yang_rnn.members, "analyse", fail)
    table: Any = yr.sweep(TINY, range(3), out=tmp_path / "one-fails").table
    assert list(table["error"] != "") == [False, True, False]
    assert table["error"][1] == "ValueError: `activity` must be finite; got NaN or infinity"


def test_a_sweep_whose_members_all_failed_says_why_and_fails(
    words: list[str], capsys: pytest.CaptureFixture[str]
):
    assert main([*words, "--out", "lost", "--seeds", "0:2", "--set", "learning-rate=1e30"]) == 1
    shown = capsys.readouterr()
    assert "notebook recipe, learning_rate 1e+30: 0 members, 2 failed\n" in shown.out
    assert "2 failed: DivergenceError: the loss of epoch 1" in shown.out
    assert "nan" not in shown.out.replace("is nan", "")
    assert shown.err.splitlines()[-1].startswith("yang-rnn-sweep: all members failed")
    with pytest.raises(FileNotFoundError, match="a member that failed: DivergenceError"):
        yr.load_run("lost/members/learning_rate1e+30-seed1")


def test_a_sweep_is_no_run_and_says_where_its_runs_are(done: Path):
    with pytest.raises(FileNotFoundError, match=r"a sweep: its runs are in .*members"):
        yr.load_run(done)
    assert repr(yr.load_run(done / "members" / "seed3")).startswith("Run(notebook recipe, seed 3,")


@pytest.mark.parametrize("out", ["file", "file/new"])
def test_a_folder_that_cannot_be_is_one_line(
    out: str, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "file").write_text("thesis")
    assert main([*words, "--out", out, "--quiet"]) == 1
    shown = capsys.readouterr()
    assert shown.err.startswith(f"yang-rnn-sweep: {out} must be a folder that can be written; ")
    assert shown.err.count("\n") == 1
    assert "goes on" not in shown.err
    assert (tmp_path / "file").read_text() == "thesis"


def test_another_recipe_in_the_folder_is_refused(done: Path):
    before = table_of(done)
    other = dataclasses.replace(TINY, hidden=20, epochs=3)
    with pytest.raises(
        SweepError, match=r"another recipe \(hidden was 12, is 20, epochs was 1, is 3\)"
    ):
        yr.sweep(other, range(SEEDS), out=done)
    with pytest.raises(SweepError, match=r"recipe \(hidden was 12, is varied\); take a new folder"):
        yr.sweep(TINY, range(SEEDS), out=done, vary={"hidden": [12, 13]})
    assert table_of(done) == before


def test_members_say_what_they_were_made_with(done: Path):
    summary = yr.load_run(done / "members" / "seed3").summary
    assert summary["platform"] == "cpu"
    assert summary["versions"]["jax"] == importlib.metadata.version("jax")


def test_what_other_versions_began_is_not_gone_on_with_but_summed_up(
    done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = Path(shutil.copytree(done, tmp_path / "old"))
    made, before = times(folder), table_of(folder)
    real = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "9.9" if name == "yang-rnn" else real(name)
    )
    was = rf"begun otherwise \(yang-rnn was {real('yang-rnn')}, is 9.9\): .* take a new folder"
    with pytest.raises(SweepError, match=was):
        yr.sweep(TINY, range(SEEDS + 1), out=folder)
    spoil(folder / "members" / "seed4")
    with pytest.raises(SweepError, match=was):
        yr.sweep(TINY, range(SEEDS), out=folder)
    assert times(folder) == made
    spoil(folder / "members" / "seed4")  # the same bit again
    (folder / "table.csv").unlink()
    yr.sweep(TINY, range(SEEDS), out=folder)
    assert table_of(folder) == before


def test_a_start_that_failed_does_not_tie_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError("no")

    real = importlib.metadata.version
    with monkeypatch.context() as patched:
        patched.setattr(yang_rnn.members, "train_ensemble", fail)
        patched.setattr(importlib.metadata, "version", lambda name: "0.1" + real(name))
        with pytest.raises(OSError, match="no"):
            yr.sweep(TINY, [3], out=tmp_path / "begun")
    assert len(yr.sweep(TINY, [3], out=tmp_path / "begun").table) == 1
    with pytest.raises(ValueError, match="`platform` must be 'cpu', 'gpu' or 'tpu'; got 'cuda'"):
        yr.sweep(TINY, [3], out=tmp_path / "begun", platform="cuda")


@pytest.mark.parametrize("kind", ["sibling", "recipe"])
def test_a_member_that_is_another_is_named_and_made_again(done: Path, tmp_path: Path, kind: str):
    folder = Path(shutil.copytree(done, tmp_path / "copy"))
    source = done / "members" / "seed5"
    if kind == "recipe":
        other = dataclasses.replace(TINY, hidden=10)
        source = yr.sweep(other, [4], out=tmp_path / "other").folder / "members" / "seed4"
    shutil.rmtree(folder / "members" / "seed4")
    shutil.copytree(source, folder / "members" / "seed4")
    notes: list[str] = []
    yr.sweep(TINY, range(SEEDS), out=folder, on_damage=notes.append)
    assert notes == ["seed4: it is of another recipe; it is made again"]
    assert table_of(folder) == table_of(done)


@pytest.mark.parametrize("stage", ["train_ensemble", "analyse"])
def test_too_little_memory_is_one_line_and_no_failed_member(
    stage: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    def fail(*_: Any, **__: Any) -> Any:
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    monkeypatch.setattr(yang_rnn.members, stage, fail)
    assert main([*words, "--out", "large", "--quiet"]) == 1
    shown = capsys.readouterr()
    assert shown.err.startswith("yang-rnn-sweep: not enough memory (RESOURCE_EXHAUSTED")
    assert shown.err.count("\n") == 1
    assert not list((tmp_path / "large" / "members").iterdir())


def test_a_folder_with_something_else_is_refused(tmp_path: Path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").write_text("one")
    with pytest.raises(SweepError, match="it has chapter"):
        yr.sweep(TINY, range(2), out=tmp_path / "thesis")
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter"]


def test_files_of_the_desktop_and_of_a_killed_start_are_no_hindrance(done: Path, tmp_path: Path):
    folder = tmp_path / "opened"
    folder.mkdir()
    for name in (".DS_Store", ".sweep.json"):
        (folder / name).write_text("{")
    yr.sweep(TINY, range(2), out=folder)
    for name in (".DS_Store", "notes.txt"):
        (folder / "members" / name).write_text("mine")
    yr.sweep(TINY, range(3), out=folder)
    assert (folder / "members" / "notes.txt").read_text() == "mine"
    assert (folder / "members" / ".DS_Store").exists()
    assert table_of(folder).splitlines() == table_of(done).splitlines()[:4]


def test_order_of_varied_numbers_does_not_matter(tmp_path: Path):
    one = {"hidden": [10], "epochs": [1, 2]}
    yr.sweep(TINY, [3], out=tmp_path / "order", vary=one)
    made = times(tmp_path / "order")
    other = {"epochs": [2, 1, 1], "hidden": [10, 10]}
    swept = yr.sweep(TINY, [3], out=tmp_path / "order", vary=other)
    assert times(tmp_path / "order") == made
    assert list(swept.table["epochs"]) == [1, 2]


def test_what_is_no_member_or_damaged_and_not_asked_for_is_named_and_left_out(
    done: Path, tmp_path: Path
):
    folder = Path(shutil.copytree(done, tmp_path / "copy"))
    members = folder / "members"
    shutil.copytree(members / "seed2", members / "seed2_backup")
    (members / "notes").mkdir()
    with (members / "seed9" / "summary.json").open("a") as file:
        file.write(" ")
    notes: list[str] = []
    swept = yr.sweep(TINY, range(3), out=folder, on_damage=notes.append)
    assert notes == [
        "notes: SHA256SUMS is missing or damaged; it is left out, and not touched",
        "seed2_backup: it has the files of seed2; it is left out, and not touched",
        "seed9: summary.json is damaged; it is left out, and not touched",
    ]
    assert list(swept.table["seed"]) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11]
    yr.sweep(TINY, range(SEEDS), out=folder)
    assert table_of(folder) == table_of(done)


def spoil(folder: Path) -> None:
    path = folder / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("hurt", "what"),
    [
        (spoil, "weights.safetensors is damaged"),
        (lambda folder: (folder / "summary.json").unlink(), "summary.json is missing"),
        (lambda folder: (folder / "SHA256SUMS").unlink(), "SHA256SUMS is missing or damaged"),
        (lambda folder: (folder / "SHA256SUMS").write_text(""), "SHA256SUMS is missing"),
    ],
)
def test_a_damaged_member_is_named_and_made_again(
    done: Path, tmp_path: Path, hurt: Callable[[Path], None], what: str
):
    folder = Path(shutil.copytree(done, tmp_path / "copy"))
    hurt(folder / "members" / "seed4")
    notes: list[str] = []
    seen: list[Progress] = []
    yr.sweep(TINY, range(SEEDS), out=folder, on_damage=notes.append, on_progress=seen.append)
    assert len(notes) == 1
    assert notes[0].startswith(f"seed4: {what}")
    assert seen[-1].made == 1
    assert table_of(folder) == table_of(done)
    assert damage(folder / "members" / "seed4") == ""


def test_a_full_disk_is_an_error_that_leaves_earlier_members(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    words: list[str], done: Path,
):  # fmt: skip
    store, stored = yang_rnn.members.store_member, []

    def fill(member: Any, folder: Path) -> None:
        if len(stored) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        stored.append(folder.name)
        store(member, folder)

    monkeypatch.setattr(yang_rnn.members, "store_member", fill)
    assert main([*words, "--out", "full", "--quiet"]) == 1
    shown = capsys.readouterr()
    assert "No space left on device; finished members are kept" in shown.err
    assert shown.err.count("\n") == 1
    assert [damage(tmp_path / "full" / "members" / name) for name in stored] == ["", ""]
    monkeypatch.setattr(yang_rnn.members, "store_member", store)
    assert main([*words, "--out", "full", "--quiet"]) == 0
    assert table_of(tmp_path / "full") == table_of(done)


def test_members_are_trained_together_by_shape():
    recipes = members_of(TINY, range(10), {"hidden": [10, 12]})
    batches = batches_of(recipes)
    assert [len(batch) for batch in batches] == [8, 2, 8, 2]
    assert [recipe for batch in batches for recipe in batch] == recipes
    names = [member_name(recipe, ["hidden"]) for recipe in recipes]
    assert len(set(names)) == 20
    assert [len(batch) for batch in batches_of(recipes, "gpu")] == [10, 10]


@pytest.mark.parametrize(
    ("more", "option"),
    [
        ("--seeds x", "--seeds must be like"),
        ("--seeds 5:5", "--seeds must have one or more"),
        ("--seeds=-1", "--seeds"),
        ("--seeds 0:100000000000", "--seeds must be at most 1000000"),
        ("--set hidden", "--set must be like hidden=64,128; got 'hidden'"),
        ("--set dinner=3", "--set dinner: there is no such number in a recipe"),
        (
            "--set hiden=64,128",
            "--set hiden: there is no such number in a recipe; did you mean hid",
        ),
        ("--set seed=3,4", "--set seed: --seeds is for that"),
        ("--set coherences=1,2", "--set coherences: a sweep can't set it"),
        ("--set hidden=64,many", "--set hidden must be of int values"),
        ("--set hidden=64,-3", "--set hidden must be"),
        ("--set dt=30", "--set fixation must be"),
        ("--workers=-1", "--workers must be 0 or more"),
        ("--workers 2 --scheduler tcp://localhost:1", "--workers and --scheduler can't"),
        ("--recipe dinner", "--recipe must be"),
        ("--platform tpu", "--platform must be"),
    ],
)
def test_bad_options_are_one_line(
    more: str, option: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    assert main(["--out", "new", *more.split()]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"yang-rnn-sweep: {option}")
    assert shown.err.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_the_folder_must_be_named(capsys: pytest.CaptureFixture[str]):
    assert main(["--seeds", "3"]) == 2
    assert capsys.readouterr().err.startswith("yang-rnn-sweep: missing: --out PATH ")


def test_no_scheduler_is_one_line(capsys: pytest.CaptureFixture[str], words: list[str]):
    pytest.importorskip("distributed", reason="an optional extra")
    assert main([*words, "--out", "new", "--quiet", "--scheduler", "nonsense://x"]) == 1
    shown = capsys.readouterr()
    assert "no Dask scheduler answers at nonsense://x" in shown.err
    assert shown.err.count("\n") == 1


def test_command_prints_progress_and_summary(words: list[str], capsys: pytest.CaptureFixture[str]):
    assert main([*words, "--out", "shown", "--seeds", "0:3"]) == 0
    shown = capsys.readouterr()
    assert shown.err.splitlines()[0] == "0/3 members, 0 failed, 3 to go"
    assert shown.err.splitlines()[-1].startswith("3/3 members, 0 failed, 0 to go; ")
    assert "notebook recipe: 3 members, 0 failed, median accuracy 0." in shown.out
    table = pandas.read_csv("shown/table.csv")
    for line, (_, row) in zip(shown.out.splitlines()[1:4], table.iterrows(), strict=True):
        assert line.split()[0] == str(row["seed"])
        assert f"{row['accuracy']:.4f}" in line
        assert line.endswith(str(row["verdict"]))


@pytest.mark.slow
def test_killed_at_random_and_started_again_it_comes_to_the_same(
    tmp_path: Path, done: Path, words: list[str]
):
    folder, kept = tmp_path / "killed", dict[str, int]()
    rng = random.Random(3)
    for _ in range(3):
        process = start(*words, "--out", "killed")
        members = rng.randrange(1, 4)
        assert process.stderr is not None
        for line in process.stderr:
            if line.split("/")[0].isdigit() and int(line.split("/")[0]) >= len(kept) + members:
                break
        time.sleep(rng.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        now = times(folder)
        assert {name: now[name] for name in kept} == kept  # none was made twice
        kept = now
    assert kept
    process = start(*words, "--out", "killed")
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert table_of(folder) == table_of(done)
    now = times(folder)
    assert {name: now[name] for name in kept} == kept
    assert not list((folder / "members").glob(".*"))


@pytest.mark.slow
def test_two_at_once_the_second_is_refused(tmp_path: Path, words: list[str], done: Path):
    first = start(*words, "--out", "shared")
    assert first.stderr is not None
    assert first.stderr.readline().startswith("0/12 members")
    second = start(*words, "--out", "shared")
    _, err = second.communicate(timeout=60)
    assert second.returncode == 1
    assert err == "yang-rnn-sweep: another sweep is running in shared\n"
    first.communicate(timeout=120)
    assert first.returncode == 0
    assert table_of(tmp_path / "shared") == table_of(done)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_an_interrupt_says_how_to_go_on(
    tmp_path: Path, words: list[str], number: int, code: int, word: str
):
    process = start(*words, "--out", "cut")
    assert process.stderr is not None
    while not process.stderr.readline().startswith("2/12"):
        pass
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert err.splitlines()[-1] == (
        f"yang-rnn-sweep: {word}; finished members are kept: the same command goes on"
    )
    assert "Traceback" not in err
    folders = list((tmp_path / "cut" / "members").iterdir())
    assert len(folders) >= 2
    assert all(damage(folder) == "" for folder in folders)


@pytest.mark.slow
def test_ctrl_c_at_a_terminal_reaches_workers_too_and_ends_in_one_line(words: list[str]):
    pytest.importorskip("distributed", reason="an optional extra")
    many = [*words, "--seeds", "0:64", "--out", "cut", "--workers", "2"]
    process = start(*many, start_new_session=True)
    assert process.stderr is not None
    while not process.stderr.readline().startswith("8/64"):
        pass
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    lines = [line for line in err.splitlines() if "/64 members" not in line]
    assert lines == [
        "yang-rnn-sweep: interrupted; finished members are kept: the same command goes on"
    ]


class Cluster:
    """A Dask scheduler and two workers, each a process of its own, on this machine."""

    def __init__(self, folder: Path, num_workers: int = 2, threads: int = 1):
        self.file = folder / "scheduler.json"
        self.processes = [self._start("scheduler", "--port", "0", "--scheduler-file")]
        for _ in range(100):
            if self.file.is_file():
                break
            time.sleep(0.1)
        self.address = json.loads(self.file.read_text())["address"]
        self.workers = [
            self._start("worker", "--nthreads", str(threads), "--no-nanny", "--scheduler-file")
            for _ in range(num_workers)
        ]
        self.processes += self.workers

    def _start(self, kind: str, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "distributed.cli.dask_" + kind, *words, str(self.file)]
        command += ["--no-dashboard"]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Any:
    pytest.importorskip("distributed", reason="an optional extra")
    running = Cluster(tmp_path)
    yield running
    running.stop()


@pytest.mark.slow
def test_workers_come_to_the_same_table(tmp_path: Path, done: Path, cluster: Any):
    yr.sweep(TINY, range(SEEDS), out=tmp_path / "spread", scheduler=cluster.address)
    assert table_of(tmp_path / "spread") == table_of(done)


@pytest.mark.slow
def test_a_worker_of_several_threads_makes_a_batch_at_a_time(tmp_path: Path):
    pytest.importorskip("distributed", reason="an optional extra")
    seeds = range(32)  # four batches
    running = Cluster(tmp_path, num_workers=1, threads=4)
    try:
        yr.sweep(TINY, seeds, out=tmp_path / "threads", scheduler=running.address)
    finally:
        running.stop()
    yr.sweep(TINY, seeds, out=tmp_path / "here")
    assert table_of(tmp_path / "threads") == table_of(tmp_path / "here")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are listed on Linux only")
def test_a_worker_computes_on_as_many_cores_as_it_has_threads(tmp_path: Path, cluster: Any):
    from distributed import Client

    def threads_of_xla() -> int:
        tasks = Path("/proc/self/task").iterdir()
        return sum("XLAEigen" in (task / "comm").read_text() for task in tasks)

    yr.sweep(TINY, [0, 8], out=tmp_path / "narrow", scheduler=cluster.address)
    with Client(cluster.address) as client:
        counts: Any = client.run(threads_of_xla)
    assert sorted(counts.values()) == [0, 1]  # one batch, so that one of the two has never computed


@pytest.mark.slow
def test_a_platform_that_workers_lack_is_one_line(
    words: list[str], cluster: Any, capsys: pytest.CaptureFixture[str]
):
    there = ["--scheduler", cluster.address, "--platform", "tpu"]
    assert main([*words, "--out", "new", "--quiet", *there]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("yang-rnn-sweep: --platform must be one that JAX finds here (cpu)")
    assert shown.err.count("\n") == 1


@pytest.mark.slow
def test_a_killed_worker_costs_its_task_only(tmp_path: Path, cluster: Any):
    seeds = range(32)  # four batches
    killed: list[int] = []

    def kill_one(progress: Progress) -> None:
        if progress.made and not killed:
            cluster.workers[0].send_signal(signal.SIGKILL)
            killed.append(progress.made)

    yr.sweep(TINY, seeds, out=tmp_path / "hit", scheduler=cluster.address, on_progress=kill_one)
    assert killed
    assert cluster.workers[0].wait(timeout=5) == -signal.SIGKILL
    yr.sweep(TINY, seeds, out=tmp_path / "here")
    assert table_of(tmp_path / "hit") == table_of(tmp_path / "here")


@pytest.mark.slow
def test_a_scheduler_that_is_gone_is_an_error(tmp_path: Path, cluster: Any):
    killed: list[int] = []

    def kill_it(progress: Progress) -> None:
        if progress.made and not killed:
            killed.append(progress.made)
            cluster.processes[0].kill()

    with pytest.raises(SweepError, match="the Dask scheduler is gone"):
        yr.sweep(
            TINY, range(32), out=tmp_path / "cut", scheduler=cluster.address, on_progress=kill_it
        )
    assert len(list((tmp_path / "cut" / "members").iterdir())) >= 8


@pytest.mark.slow
def test_workers_with_other_versions_are_refused(
    tmp_path: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch
):
    real = importlib.metadata.version

    def older(name: str) -> str:
        return "0.0.1" if name == "brainpy" else real(name)

    monkeypatch.setattr(importlib.metadata, "version", older)
    with pytest.raises(SweepError, match=rf"versions: brainpy {real('brainpy')}, not 0.0.1$"):
        yr.sweep(TINY, range(2), out=tmp_path / "mixed", scheduler=cluster.address)


@pytest.mark.slow
def test_a_scheduler_without_workers_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("distributed", reason="an optional extra")
    monkeypatch.setattr(yang_rnn.workers, "FIRST_WORKER", 1)
    empty = Cluster(tmp_path, num_workers=0)
    try:
        with pytest.raises(SweepError, match=r"no worker joined the scheduler at .* within 1 s"):
            yr.sweep(TINY, range(2), out=tmp_path / "none", scheduler=empty.address)
    finally:
        empty.stop()


@pytest.mark.slow
def test_workers_on_this_machine(words: list[str], tmp_path: Path, done: Path):
    pytest.importorskip("distributed", reason="an optional extra")
    process = start(*words, "--out", "local", "--workers", "2", "--quiet")
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert err == ""
    assert table_of(tmp_path / "local") == table_of(done)


def test_without_dask_workers_are_refused(
    monkeypatch: pytest.MonkeyPatch, words: list[str], capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main([*words, "--out", "new", "--workers", "2", "--quiet"]) == 1
    assert "pip install '.[sweep]'" in capsys.readouterr().err
    assert not os.path.lexists("new")


def test_arguments_of_a_sweep_are_checked(tmp_path: Path):
    with pytest.raises(ValueError, match="`seeds` must have one or more"):
        yr.sweep(TINY, [], out=tmp_path / "none")
    for field in ("seed", "name", "dinner"):
        with pytest.raises(ValueError, match=f"may vary; got '{field}'"):
            yr.sweep(TINY, [1], out=tmp_path / "none", vary={field: [1]})
    with pytest.raises(ValueError, match="must have values for 'hidden'"):
        yr.sweep(TINY, [1], out=tmp_path / "none", vary={"hidden": []})
    for values in (16, "16"):
        with pytest.raises(ValueError, match=r"list of values for 'hidden'; got '?16'?"):
            yr.sweep(TINY, [1], out=tmp_path / "none", vary={"hidden": values})  # pyright: ignore
    with pytest.raises(ValueError, match="`workers` and `scheduler` can't be given together"):
        yr.sweep(TINY, [1], out=tmp_path / "none", workers=2, scheduler="tcp://localhost:1")
    with pytest.raises(ValueError, match="`workers` must be a whole number, 0 or more; got -1"):
        yr.sweep(TINY, [1], out=tmp_path / "none", workers=-1)
    wrong: Any
    for wrong in ("primer", 5):
        with pytest.raises(ValueError, match="`recipe` must be a Recipe"):
            yr.sweep(wrong, [1], out=tmp_path / "none")
    for wrong in (5, "12"):
        with pytest.raises(ValueError, match="`seeds` must be a range or a list"):
            yr.sweep(TINY, wrong, out=tmp_path / "none")
    wrong = [1]
    with pytest.raises(ValueError, match="`vary` must be a dict"):
        yr.sweep(TINY, [1], out=tmp_path / "none", vary=wrong)
    assert not os.path.lexists(tmp_path / "none")


def test_three_choices_have_a_table_without_verdicts(tmp_path: Path):
    three = dataclasses.replace(TINY, choices=3)
    seen: list[Progress] = []
    swept = yr.sweep(three, range(2), out=tmp_path / "three", on_progress=seen.append)
    assert seen[-1].verdicts == {}
    assert list(swept.summary["members"]) == [2] * 5
    assert list(swept.summary["judged"]) == [0] * 5
    assert np.isnan(np.asarray(swept.summary[["share", "low", "high"]], float)).all()
    assert "none: it is for networks with two choices" in describe(
        swept.table, swept.summary, swept.folder
    )
    assert list(swept.table["seed"]) == [0, 1]
    assert (tmp_path / "three" / "sweep.png").is_file()


def test_set_may_be_given_again_for_the_same_number():
    words = "--out x --set hidden=16 --set hidden=32,16 --set tau=200"
    options = parse(words.split())
    assert options.vary == {"hidden": [16, 32], "tau": [200.0]}
