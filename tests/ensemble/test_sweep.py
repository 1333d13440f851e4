import contextlib
import dataclasses
import errno
import importlib.metadata
import importlib.util
import itertools
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from ensembles import SEEDS, files_in, spoil, table_of, times
from small import TINY

import yang_rnn.ensemble.sweep
from yang_rnn import figures
from yang_rnn.ensemble.members import find_problem
from yang_rnn.ensemble.plan import SweepError
from yang_rnn.ensemble.sweep import Sweep, SweepProgress, sweep
from yang_rnn.ensemble.table import describe
from yang_rnn.experiment.folder import NewFolder
from yang_rnn.experiment.storage import load_run
from yang_rnn.recipe import NOTEBOOK, Recipe


@pytest.fixture
def copy(done: Path, instant: None, tmp_path: Path) -> Path:
    """Return a copy of the finished sweep, to be damaged; what is made again is copied too."""
    return Path(shutil.copytree(done, tmp_path / "copy"))


def test_seeds_alone_give_what_they_gave_among_others(done: Path, tmp_path: Path):
    swept = sweep(TINY, [8, 7], out=tmp_path / "alone")
    assert repr(swept) == f"Sweep(2 members in {tmp_path / 'alone'})"
    whole = table_of(done).splitlines()
    assert table_of(tmp_path / "alone").splitlines() == [whole[0], *whole[8:10]]
    made = pandas.read_csv(tmp_path / "alone" / "summary.csv")
    pandas.testing.assert_frame_equal(made, swept.summary, check_dtype=False)


def test_a_finished_sweep_has_all_its_files_and_opens_member_by_member(done: Path):
    assert sorted(path.name for path in done.iterdir() if path.name != ".lock") == [
        "members", "report.html", "summary.csv", "sweep.json", "sweep.png", "table.csv",
        "table.parquet",
    ]  # fmt: skip
    assert (done / "sweep.png").stat().st_size > 10_000
    with pytest.raises(FileNotFoundError, match=r"a sweep: its runs are in .*members"):
        load_run(done)
    run = load_run(done / "members" / "seed3")
    assert run.recipe == dataclasses.replace(TINY, seed=3, search="newton")


def test_progress_is_told_at_the_start_and_after_each_member(instant: None, tmp_path: Path):
    seen: list[SweepProgress] = []
    sweep(
        TINY, [3], out=tmp_path / "new", vary={"learning_rate": [1e-3, 1e30]},
        on_progress=seen.append,
    )  # fmt: skip
    assert [(p.done, p.failed, p.total, p.made) for p in seen] == [
        (0, 0, 2, 0), (1, 0, 2, 1), (2, 1, 2, 2),
    ]  # fmt: skip
    assert seen[0].verdicts == {}
    assert seen[1].verdicts == seen[2].verdicts
    assert sum(seen[2].verdicts.values()) == 1


def test_the_same_call_again_makes_nothing_and_gives_the_same(copy: Path, done: Path):
    made = times(copy)
    seen: list[SweepProgress] = []
    # Nothing is left to do for the workers of a scheduler that is not there.
    nowhere = "tcp://localhost:1" if importlib.util.find_spec("distributed") else None
    sweep(TINY, range(SEEDS), out=copy, on_progress=seen.append, scheduler=nowhere)
    assert [p.made for p in seen] == [0]
    assert (seen[0].done, seen[0].total, sum(seen[0].verdicts.values())) == (SEEDS, SEEDS, SEEDS)
    assert table_of(copy) == table_of(done)
    assert times(copy) == made


def test_seeds_can_be_added(instant: None, tmp_path: Path, done: Path):
    folder = tmp_path / "grown"
    sweep(TINY, range(3), out=folder)
    made = times(folder)
    assert len(made) == 3
    sweep(TINY, range(SEEDS), out=folder)
    assert table_of(folder) == table_of(done)
    assert {name: times(folder)[name] for name in made} == made


def test_varied_numbers_are_columns_and_groups(instant: None, tmp_path: Path):
    swept: Any = sweep(TINY, range(2), out=tmp_path / "varied", vary={"tau": [200, 300]})
    assert list(swept.table["tau"]) == [200, 200, 300, 300]
    assert list(swept.table["seed"]) == [0, 1, 0, 1]
    assert set(swept.table["recipe"]) == {TINY.name_without("search", "tau")}
    assert sorted(path.name for path in (tmp_path / "varied" / "members").iterdir()) == [
        "tau200.0-seed0", "tau200.0-seed1", "tau300.0-seed0", "tau300.0-seed1",
    ]  # fmt: skip
    assert list(swept.summary["tau"].unique()) == [200, 300]
    assert (swept.summary.groupby(["tau", "of"])["count"].sum() == 2).all()
    recipe = Recipe.load(tmp_path / "varied" / "members" / "tau300.0-seed1" / "recipe.json")
    assert recipe == dataclasses.replace(TINY, tau=300.0, seed=1, search="newton")


def test_order_of_varied_numbers_does_not_matter(instant: None, tmp_path: Path):
    one = {"tau": [200], "noise": [1, 2]}
    sweep(TINY, [3], out=tmp_path / "order", vary=one)
    made = times(tmp_path / "order")
    other = {"noise": [2, 1, 1], "tau": [200, 200]}
    swept = sweep(TINY, [3], out=tmp_path / "order", vary=other)
    assert times(tmp_path / "order") == made
    assert list(swept.table["noise"]) == [1, 2]


def test_a_member_that_fails_is_a_row_with_its_error(tmp_path: Path):
    swept: Any = sweep(TINY, [0], out=tmp_path / "wild", vary={"learning_rate": [1e-3, 1e30]})
    assert list(swept.table["error"] == "") == [True, False]
    assert swept.table["error"][1].startswith("DivergenceError: the loss of epoch 1")
    assert list(swept.summary.groupby("learning_rate")["failed"].first()) == [0, 1]
    assert (tmp_path / "wild" / "sweep.png").stat().st_size > 10_000


@pytest.mark.slow
def test_other_shapes_are_trained_too(tmp_path: Path):
    vary = {"hidden": [10], "epochs": [1, 2]}
    swept: Any = sweep(TINY, range(2), out=tmp_path / "varied", vary=vary)
    assert list(swept.table["epochs"]) == [1, 1, 2, 2]
    assert (swept.table["error"] == "").all()
    run = load_run(tmp_path / "varied" / "members" / "epochs2-hidden10-seed1")
    assert run.net.num_hidden == 10
    assert len(run.history.loss) == 2


@pytest.mark.slow
def test_three_choices_have_a_table_and_a_figure_without_verdicts(tmp_path: Path):
    three = dataclasses.replace(TINY, choices=3)
    seen: list[SweepProgress] = []
    swept = sweep(three, range(2), out=tmp_path / "three", on_progress=seen.append)
    assert seen[-1].verdicts == {}
    assert set(swept.summary["members"]) == {2}
    assert set(swept.summary["judged"]) == {0}
    assert np.isnan(np.asarray(swept.summary[["share", "low", "high"]], float)).all()
    assert "none: it is for networks with two choices" in describe(
        swept.table, swept.summary, swept.folder
    )
    assert list(swept.table["seed"]) == [0, 1]
    assert (tmp_path / "three" / "sweep.png").is_file()


def test_the_figure_says_what_it_is_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    drawn: list[Any] = []
    monkeypatch.setattr(figures, "sweep", lambda *_, **__: "figure")
    monkeypatch.setattr(figures, "sign", lambda *words: drawn.append(words))
    monkeypatch.setattr(figures, "save", lambda *words: drawn.append(words))
    monkeypatch.setattr(yang_rnn.ensemble.sweep, "_report", lambda *_: None)
    table = pandas.DataFrame({"seed": range(3), "hidden": [8, 16, 8]})
    done = Sweep(tmp_path, table, table)
    yang_rnn.ensemble.sweep._draw(done, [], dataclasses.replace(NOTEBOOK, tau=200.0), ["hidden"])
    assert drawn == [
        ("figure", "notebook-tau200, hidden varied, 3 networks"),
        ("figure", tmp_path / "sweep"),
    ]


@pytest.mark.parametrize("field", ["workers", "out", "platform", "seeds", "both"])
def test_arguments_are_checked_before_anything_is_made(field: str, tmp_path: Path):
    wrong: dict[str, tuple[Any, str]] = {
        "workers": ({"workers": -1}, "`workers` must be a whole number, 0 or more; got -1"),
        "out": ({"out": ""}, "`out` must be a folder; got an empty name"),
        "platform": ({"platform": "cuda"}, "must be 'cpu', 'gpu' or 'tpu'; got 'cuda'"),
        "seeds": ({"seeds": []}, "`seeds` must have one or more"),
        "both": (
            {"workers": 2, "scheduler": "tcp://localhost:1"},
            "`workers` and `scheduler` can't be given together",
        ),
    }
    arguments, message = wrong[field]
    with pytest.raises(ValueError, match=message):
        sweep(TINY, **{"out": tmp_path / "none"} | arguments)
    assert not os.path.lexists(tmp_path / "none")


def test_without_dask_a_scheduler_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(SweepError, match="needs Dask: pip install 'distributed>="):
        sweep(TINY, [1], out=tmp_path / "new", scheduler="tcp://x")
    assert not os.path.lexists(tmp_path / "new")


def test_another_recipe_in_the_folder_is_refused(copy: Path, done: Path):
    other = dataclasses.replace(TINY, hidden=20, epochs=3)
    was = r"another recipe \(hidden was 8, is 20, epochs was 1, is 3\)"
    with pytest.raises(SweepError, match=was):
        sweep(other, range(SEEDS), out=copy)
    with pytest.raises(SweepError, match=r"recipe \(hidden was 8, is varied\); take a new folder"):
        sweep(TINY, range(SEEDS), out=copy, vary={"hidden": [8, 13]})
    assert table_of(copy) == table_of(done)


def test_what_other_versions_began_is_not_resumed_but_summed_up(
    copy: Path, done: Path, monkeypatch: pytest.MonkeyPatch
):
    made = times(copy)
    real = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "9.9" if name == "yang-rnn" else real(name)
    )
    was = rf"begun otherwise \(yang-rnn was {real('yang-rnn')}, is 9.9\): .* take a new folder"
    with pytest.raises(SweepError, match=was):
        sweep(TINY, range(SEEDS + 1), out=copy)
    spoil(copy / "members" / "seed4")
    with pytest.raises(SweepError, match=was):
        sweep(TINY, range(SEEDS), out=copy)
    assert times(copy) == made
    spoil(copy / "members" / "seed4")  # the same bit again
    (copy / "table.csv").unlink()
    sweep(TINY, range(SEEDS), out=copy)
    assert table_of(copy) == table_of(done)


def test_a_start_that_failed_does_not_tie_the_folder(
    instant: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError("no")

    real = importlib.metadata.version
    with monkeypatch.context() as patched:
        patched.setattr(yang_rnn.ensemble.sweep, "make_batches", fail)
        patched.setattr(importlib.metadata, "version", lambda name: "0.1" + real(name))
        with pytest.raises(OSError, match="no"):
            sweep(TINY, [3], out=tmp_path / "begun")
    assert len(sweep(TINY, [3], out=tmp_path / "begun").table) == 1


def test_members_can_not_be_where_a_file_is(instant: None, tmp_path: Path):
    sweep(TINY, [3], out=tmp_path / "new")
    shutil.rmtree(tmp_path / "new" / "members")
    (tmp_path / "new" / "members").write_text("mine")
    with pytest.raises(SweepError, match="members must be a folder; it is a file"):
        sweep(TINY, [3], out=tmp_path / "new")


@pytest.mark.parametrize("kind", ["sibling", "recipe"])
def test_a_member_that_is_another_is_named_and_made_again(
    copy: Path, done: Path, tmp_path: Path, kind: str
):
    source = done / "members" / "seed5"
    if kind == "recipe":
        other = dataclasses.replace(TINY, tau=300.0)
        source = sweep(other, [4], out=tmp_path / "other").folder / "members" / "seed4"
    shutil.rmtree(copy / "members" / "seed4")
    shutil.copytree(source, copy / "members" / "seed4")
    notes: list[str] = []
    sweep(TINY, range(SEEDS), out=copy, on_damage=notes.append)
    assert notes == ["seed4: it is of another recipe; it is made again"]
    assert table_of(copy) == table_of(done)


def test_files_of_the_desktop_and_of_a_killed_start_are_no_hindrance(
    instant: None, done: Path, tmp_path: Path
):
    folder = tmp_path / "opened"
    folder.mkdir()
    for name in (".DS_Store", ".sweep.json"):
        (folder / name).write_text("{")
    sweep(TINY, range(2), out=folder)
    for name in (".DS_Store", "notes.txt"):
        (folder / "members" / name).write_text("mine")
    sweep(TINY, range(3), out=folder)
    assert (folder / "members" / "notes.txt").read_text() == "mine"
    assert (folder / "members" / ".DS_Store").exists()
    assert table_of(folder).splitlines() == table_of(done).splitlines()[:4]


def test_what_is_no_member_or_damaged_and_not_asked_for_is_named_and_left_out(
    copy: Path, done: Path
):
    members = copy / "members"
    shutil.copytree(members / "seed2", members / "seed2_backup")
    (members / "notes").mkdir()
    with (members / "seed7" / "summary.json").open("a") as file:
        file.write(" ")
    notes: list[str] = []
    swept = sweep(TINY, range(3), out=copy, on_damage=notes.append)
    assert notes == [
        "notes: SHA256SUMS is missing or damaged; it is left out, and not touched",
        "seed2_backup: it has the files of seed2; it is left out, and not touched",
        "seed7: summary.json is damaged; it is left out, and not touched",
    ]
    assert list(swept.table["seed"]) == [0, 1, 2, 3, 4, 5, 6, 8]
    sweep(TINY, range(SEEDS), out=copy)
    assert table_of(copy) == table_of(done)


@pytest.mark.parametrize(
    ("hurt", "what"),
    [
        (spoil, "weights.safetensors is damaged"),
        (lambda folder: (folder / "SHA256SUMS").unlink(), "SHA256SUMS is missing or damaged"),
        (lambda folder: (shutil.rmtree(folder), folder.write_text("")), "SHA256SUMS is missing"),
    ],
    ids=["bit", "no-sums", "file"],
)
def test_a_damaged_member_is_named_and_made_again(
    copy: Path, done: Path, hurt: Callable[[Path], object], what: str
):
    hurt(copy / "members" / "seed4")
    notes: list[str] = []
    seen: list[SweepProgress] = []
    sweep(TINY, range(SEEDS), out=copy, on_damage=notes.append, on_progress=seen.append)
    assert len(notes) == 1
    assert notes[0].startswith(f"seed4: {what}")
    assert seen[-1].made == 1
    assert table_of(copy) == table_of(done)
    assert find_problem(copy / "members" / "seed4", ()) is None


def test_two_at_once_the_second_is_refused(instant: None, tmp_path: Path):
    refused: list[str] = []

    def again(_: SweepProgress) -> None:
        with pytest.raises(SweepError, match="another sweep is running in"):
            sweep(TINY, [2], out=tmp_path / "shared")
        refused.append("yes")

    sweep(TINY, [3], out=tmp_path / "shared", on_progress=again)
    assert refused == ["yes", "yes"]
    assert [path.name for path in (tmp_path / "shared" / "members").iterdir()] == ["seed3"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_an_error_or_an_interrupt_leaves_earlier_members(
    error: BaseException, instant: None, done: Path, tmp_path: Path
):
    def stop(progress: SweepProgress) -> None:
        if progress.made == 2:
            raise error

    with pytest.raises(type(error)):
        sweep(TINY, range(SEEDS), out=tmp_path / "cut", on_progress=stop)
    kept = times(tmp_path / "cut")
    assert set(kept) == {"seed0", "seed1"}
    sweep(TINY, range(SEEDS), out=tmp_path / "cut")
    assert table_of(tmp_path / "cut") == table_of(done)
    assert {name: times(tmp_path / "cut")[name] for name in kept} == kept


def test_hidden_folders_among_the_members_are_not_touched(instant: None, tmp_path: Path):
    sweep(TINY, [3], out=tmp_path / "new")
    members = tmp_path / "new" / "members"
    for name in (".git", ".seed4-x7y8z9ab", ".seed4.yang_rnn-new"):
        (members / name).mkdir()
        (members / name / "recipe.json").write_text("mine")
    sweep(TINY, [3, 5], out=tmp_path / "new")
    assert {path.name for path in members.glob(".*")} == {
        ".git", ".seed4-x7y8z9ab", ".seed4.yang_rnn-new"
    }  # fmt: skip


@pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="an optional extra")
def test_a_scheduler_that_is_not_there_leaves_no_folder_bound_to_the_recipe(tmp_path: Path):
    with pytest.raises(SweepError, match="no Dask scheduler answers at nonsense://x"):
        sweep(TINY, [3], out=tmp_path / "new", scheduler="nonsense://x")
    assert not os.path.lexists(tmp_path / "new")


class Killed(BaseException):
    """Stands for a SIGKILL."""


@contextlib.contextmanager
def killed_at(step: int) -> Iterator[None]:
    """End with a write that is half done, or just before a file has its name; clean up nothing."""
    steps = itertools.count()

    def killing(function: Callable[..., Any]) -> Callable[..., Any]:
        def killed(*words: Any, **more: Any) -> Any:
            if next(steps) != step:
                return function(*words, **more)
            if function.__name__.startswith("write"):
                function(words[0], words[1][: len(words[1]) // 2], **more)
            raise Killed

        return killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NewFolder, "__exit__", lambda *_: None)
        for place, name in (
            (Path, "write_bytes"), (Path, "write_text"), (Path, "rename"), (os, "replace")
        ):  # fmt: skip
            patch.setattr(place, name, killing(getattr(place, name)))
        yield


def test_killed_at_any_step_and_started_again_it_comes_to_the_same(
    instant: None, done: Path, tmp_path: Path
):
    whole, step = table_of(done).splitlines()[:3], 0
    for step in itertools.count():
        folder = tmp_path / str(step)
        try:
            with killed_at(step):
                sweep(TINY, range(2), out=folder)
            break  # there was no such step any more
        except Killed:
            pass
        kept = times(folder)
        sweep(TINY, range(2), out=folder)
        assert table_of(folder).splitlines() == whole
        assert {name: times(folder)[name] for name in kept} == kept  # none was made twice
        assert {path.name for path in (folder / "members").iterdir()} == {"seed0", "seed1"}
    files = len(files_in(done, TINY))
    assert step == 2 + 2 * (files + 1) + 3  # manifest, members, tables
