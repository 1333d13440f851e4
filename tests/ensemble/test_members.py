import dataclasses
import importlib.metadata
import json
import logging
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
import pytest
from ensembles import SEEDS, files_in, spoil
from small import TINY

import yang_rnn.ensemble.members as members
from yang_rnn.ensemble.members import (
    FinishedMember,
    batches_of,
    find_problem,
    make_batch,
    member_folders,
    member_name,
    member_row,
    store_member,
)
from yang_rnn.ensemble.plan import Problem, SweepError, check_manifest, discard, members_of
from yang_rnn.ensemble.sweep import sweep
from yang_rnn.ensemble.training import train_ensemble
from yang_rnn.experiment.checksums import with_sums
from yang_rnn.experiment.storage import load_run, save_numbers
from yang_rnn.recipe import Recipe


def recipes(*seeds: int) -> list[Recipe]:
    return members_of(TINY, seeds, {})


def damaged(member: Path, how: Callable[[Path], object], tmp_path: Path) -> Path:
    """Return a copy of a member that something was done to."""
    copy = Path(shutil.copytree(member, tmp_path / member.name))
    how(copy)
    return copy


def test_members_are_trained_together_by_shape():
    several = members_of(TINY, range(10), {"hidden": [10, 12]})
    batches = batches_of(several)
    assert [len(batch) for batch in batches] == [8, 2, 8, 2]
    assert [recipe for batch in batches for recipe in batch] == several
    names = [member_name(recipe, ["hidden"]) for recipe in several]
    assert len(set(names)) == 20
    assert names[0] == "hidden10-seed0"
    assert [len(batch) for batch in batches_of(several, "gpu")] == [10, 10]


def test_a_member_is_the_same_whatever_is_made_with_it(done: Path):
    (member,) = make_batch(recipes(7))
    assert member.files == files_in(done, recipes(7)[0])


def test_threads_make_members_side_by_side(done: Path):
    from brainpy.math.defaults import setting

    def make(seed: int) -> FinishedMember:
        setting()  # BrainPy keeps its settings by thread
        return next(make_batch(recipes(seed)))

    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(make, range(SEEDS)))
    assert [member.recipe.seed for member in made] == list(range(SEEDS))
    for member in made:
        assert member.files == files_in(done, member.recipe)


def test_nothing_is_compiled_for_the_second_member_of_a_shape(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    first = train_ensemble(recipes(1))[0]
    # Another network, all of whose points are where they were.
    second = first._replace(weights=first.weights | {"b_ro": first.weights["b_ro"] + 0.01})
    monkeypatch.setattr(members, "train_ensemble", lambda _: [first, second])
    batch = make_batch(recipes(1))
    with jax.log_compiles(), caplog.at_level(logging.WARNING, logger="jax"):
        next(batch)
        caplog.clear()
        assert "summary.json" in next(batch).files
    compiled = [line for line in caplog.messages if line.startswith("Finished XLA compilation")]
    assert compiled == []


def test_members_say_what_they_were_made_with(done: Path):
    facts = load_run(done / "members" / "seed3").facts
    assert facts["platform"] == "cpu"
    assert facts["versions"]["jax"] == importlib.metadata.version("jax")


def test_a_member_is_searched_from_25_trials_without_other_stimuli(
    monkeypatch: pytest.MonkeyPatch, done: Path
):
    asked: dict[str, Any] = {}

    def save(run: Any, folder: Path, facts: Any, **options: Any) -> None:
        asked.update(options, trials=run.search_trials)
        (folder / "summary.json").write_text("{}")

    monkeypatch.setattr(members, "save_numbers", save)
    assert set(next(make_batch(recipes(1))).files) == {"summary.json", "SHA256SUMS"}
    assert asked == {"whole": False, "trials": 25}
    summary = json.loads((done / "members" / "seed1" / "summary.json").read_text())
    assert summary["search"]["method"] == "newton"
    assert summary["search"]["starts"] == TINY.analysis_trials * TINY.num_steps
    assert summary["stimulus_dependence"] is None


def test_an_analysis_that_fails_is_a_member_with_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def fail(run: Any, *arguments: Any, **options: Any) -> Any:
        if run.recipe.seed == 1:
            raise ValueError("`activity` must be finite; got NaN or infinity")
        return save_numbers(run, *arguments, **options)

    monkeypatch.setattr(members, "save_numbers", fail)
    made = list(make_batch(recipes(0, 1, 2)))
    assert ["error.txt" in member.files for member in made] == [False, True, False]
    store_member(made[1], tmp_path / "seed1")
    assert find_problem(tmp_path / "seed1", (), made[1].recipe) is None
    error = "ValueError: `activity` must be finite; got NaN or infinity"
    assert member_row(tmp_path / "seed1", ())["error"] == error
    with pytest.raises(FileNotFoundError, match=f"a member that failed: {error}"):
        load_run(tmp_path / "seed1")


def test_training_that_diverges_is_a_member_with_its_error():
    wild = members_of(TINY, [0], {"learning_rate": [1e30]})
    (member,) = make_batch(wild)
    assert set(member.files) == {"recipe.json", "error.txt", "SHA256SUMS"}
    assert member.files["error.txt"].startswith(b"DivergenceError: the loss of epoch 1 is")


@pytest.mark.parametrize("stage", ["train_ensemble", "save_numbers"])
@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory"), MemoryError),
        (OSError("No space left on device"), OSError),
    ],
)
def test_what_is_the_machines_fault_is_no_failed_member(
    stage: str, error: Exception, raised: type[Exception], monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(members, stage, fail)
    with pytest.raises(raised, match=str(error)):
        list(make_batch(recipes(0)))


def test_a_member_is_stored_whole_or_not_at_all(
    tmp_path: Path, done: Path, monkeypatch: pytest.MonkeyPatch
):
    recipe = recipes(4)[0]
    member = FinishedMember(recipe, files_in(done, recipe))
    store_member(member, tmp_path / "seed4")
    assert {path.name for path in (tmp_path / "seed4").iterdir()} == set(member.files)
    assert find_problem(tmp_path / "seed4", (), recipe) is None
    with pytest.raises(FileExistsError):
        store_member(member, tmp_path / "seed4")
    write = Path.write_bytes

    def fill(path: Path, content: bytes) -> int:
        if path.name == "summary.json":
            raise OSError("No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(OSError, match="No space left"):
        store_member(member, tmp_path / "seed5")
    assert [path.name for path in tmp_path.iterdir()] == ["seed4"]


@pytest.mark.parametrize(
    ("how", "problem"),
    [
        (spoil, "weights.safetensors is damaged"),
        (lambda folder: (folder / "summary.json").unlink(), "summary.json is missing"),
        (lambda folder: (folder / "SHA256SUMS").unlink(), "SHA256SUMS is missing or damaged"),
        (lambda folder: (folder / "SHA256SUMS").write_text(""), "SHA256SUMS is missing or damaged"),
        (
            lambda folder: (folder / "SHA256SUMS").write_bytes(b"\xff"),
            "SHA256SUMS is missing or damaged",
        ),
        (lambda folder: None, None),
    ],
    ids=["bit", "missing", "no-sums", "empty-sums", "binary-sums", "none"],
)
def test_damage_is_found(
    done: Path, tmp_path: Path, how: Callable[[Path], object], problem: str | None
):
    member = damaged(done / "members" / "seed4", how, tmp_path)
    expected = None if problem is None else Problem(problem)
    assert find_problem(member, ()) == expected
    assert find_problem(member, (), recipes(4)[0]) == expected


def rewritten(name: str, content: bytes) -> Callable[[Path], object]:
    """Return a damage that checksums made again don't tell."""

    def write(folder: Path) -> None:
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        if name == "error.txt":
            files = {"recipe.json": files["recipe.json"]}
        for path, new in with_sums(files | {name: content}).items():
            (folder / path).write_bytes(new)

    return write


@pytest.mark.parametrize(
    ("how", "problem"),
    [
        (rewritten("summary.json", b""), "summary.json is damaged"),
        (rewritten("summary.json", b"{}"), "summary.json is damaged"),
        (rewritten("summary.json", b"[" * 100_000), "summary.json is damaged"),
        (rewritten("history.csv", b""), "history.csv is damaged"),
        (rewritten("history.csv", b"epoch,loss,accuracy\n1,\0,1\n"), "history.csv is damaged"),
        (
            rewritten("history.csv", b"epoch,loss,accuracy\n1,%s,1\n" % (b"1" * 200_000)),
            "history.csv is damaged",
        ),
        (rewritten("error.txt", b"\xff"), "error.txt is damaged"),
        (rewritten("recipe.json", b"[" * 100_000), "its recipe is of another version"),
    ],
    ids=["no summary", "empty", "nest", "no history", "null", "long", "error", "recipe"],
)
def test_what_checksums_do_not_tell_is_found_before_it_is_read(
    done: Path, tmp_path: Path, how: Callable[[Path], object], problem: str
):
    member = damaged(done / "members" / "seed4", how, tmp_path)
    assert str(find_problem(member, ())).startswith(problem)


@pytest.mark.parametrize("to", ["nowhere", "/dev/zero", "weights.safetensors", "."])
def test_a_link_in_a_files_place_is_a_problem(done: Path, tmp_path: Path, to: str):
    member = Path(shutil.copytree(done / "members" / "seed4", tmp_path / "seed4"))
    (member / "weights.safetensors").unlink()
    (member / "weights.safetensors").symlink_to(to)
    assert str(find_problem(member, ())) == "weights.safetensors is missing"
    with pytest.raises(FileNotFoundError, match=r"weights\.safetensors is missing"):
        load_run(member)


def test_a_file_of_a_tib_is_not_read(done: Path, tmp_path: Path):
    member = Path(shutil.copytree(done / "members" / "seed4", tmp_path / "seed4"))
    os.truncate(member / "history.csv", 2**40)
    assert str(find_problem(member, ())) == "history.csv is damaged"
    with pytest.raises(ValueError, match=r"history\.csv is damaged: it has 1099511627776 bytes"):
        load_run(member)


@pytest.mark.parametrize("to", ["elsewhere", "nowhere", "seed4"])
def test_of_a_link_in_a_members_place_only_the_link_goes(tmp_path: Path, to: str):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine").write_text("1")
    link = tmp_path / "seed4"
    link.symlink_to(to)
    assert str(find_problem(link, ())) == "SHA256SUMS is missing or damaged"
    discard(link)
    assert [path.name for path in tmp_path.rglob("*")] == ["elsewhere", "mine"]


@pytest.mark.parametrize("to", ["elsewhere", "nowhere"])
def test_a_link_in_a_members_place_is_named_and_the_member_made(
    instant: None, done: Path, tmp_path: Path, to: str
):
    (tmp_path / "elsewhere").mkdir()
    sweep(TINY, range(2), out=tmp_path / "sweep")
    shutil.rmtree(tmp_path / "sweep" / "members" / "seed1")
    (tmp_path / "sweep" / "members" / "seed1").symlink_to(tmp_path / to)
    notes: list[str] = []
    sweep(TINY, range(2), out=tmp_path / "sweep", on_damage=notes.append)
    assert notes == ["seed1: SHA256SUMS is missing or damaged; it is made again"]
    assert not (tmp_path / "sweep" / "members" / "seed1").is_symlink()
    assert (tmp_path / "elsewhere").is_dir()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"3",
        b"[" * 100_000,
        b"\xff",
        b'{"recipe": {}, "varied": [{}]}',
        b'{"recipe": 1}',
    ],
)
def test_a_damaged_manifest_is_named(tmp_path: Path, content: bytes):
    (tmp_path / "sweep.json").write_bytes(content)
    with pytest.raises(SweepError, match=r"sweep\.json is damaged; take a new folder"):
        check_manifest(tmp_path, TINY, {}, {})


def test_a_member_that_is_another_is_found(done: Path, tmp_path: Path):
    member, own = done / "members" / "seed4", recipes(4)[0]
    other = dataclasses.replace(own, epochs=2)
    assert str(find_problem(member, (), other)) == "it is of another recipe"
    assert str(find_problem(member, ("hidden",))) == "it has the files of hidden8-seed4"
    renamed = shutil.copytree(member, tmp_path / "seed4_backup")
    assert str(find_problem(Path(renamed), ())) == "it has the files of seed4"
    files = files_in(done, own)
    del files["SHA256SUMS"]
    old = with_sums(files | {"recipe.json": b'{"name": "notebook"}'})
    store_member(FinishedMember(own, old), tmp_path / "seed4")
    assert "another version" in str(find_problem(tmp_path / "seed4", ()))
    store_member(
        FinishedMember(own, with_sums({"summary.json": b"{}"})), tmp_path / "new" / "seed4"
    )
    assert str(find_problem(tmp_path / "new" / "seed4", ())) == "SHA256SUMS is missing or damaged"


def test_member_folders_are_those_that_are_not_hidden(tmp_path: Path):
    for name in ("seed1", ".seed2-x"):
        (tmp_path / name).mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    assert member_folders(tmp_path) == [tmp_path / "seed1"]


def test_a_row_has_a_members_numbers(done: Path):
    row = member_row(done / "members" / "seed4", ("hidden",))
    run = load_run(done / "members" / "seed4")
    assert list(row)[:4] == ["recipe", "hidden", "seed", "error"]
    assert row["recipe"] == run.recipe.name_without("search", "hidden")
    assert (row["hidden"], row["seed"], row["error"]) == (8, 4, "")
    assert row["accuracy"] == run.test_accuracy
    assert (row["first_loss"], row["final_loss"]) == (run.history.loss[0], run.history.loss[-1])
    assert run.verdict is not None
    assert (row["verdict"], row["reason"]) == (run.verdict.label, run.verdict.reason)
    for name in ("near", "mechanism", "mechanism_reason"):
        assert row[name] == getattr(run.verdict, name)
    assert row["efficiency"] == run.verdict.measures.efficiency
    assert row["right_choices"] == run.verdict.measures.accuracy
    for name in ("eigenvalue", "driven_eigenvalue"):
        value = getattr(run.verdict.measures, name)
        assert (row[f"{name}_real"], row[f"{name}_imag"]) == (value.real, value.imag)
    ends = [row[f"starts_{status}"] for status in ("fixed", "slow", "unconverged", "diverged")]
    assert sum(ends) == TINY.analysis_trials * TINY.num_steps
