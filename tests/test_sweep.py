import contextlib
import io
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas
import pytest
from small import TINY

import yang_rnn as yr
from yang_rnn import run
from yang_rnn.ensemble.members import find_problem
from yang_rnn.sweep import main

pytestmark = pytest.mark.timeout(120)

KEPT = "finished members are kept: the same command resumes"
WORDS = ["--recipe", "tiny.json", "--seeds", "0:3"]
MANY = ["--recipe", "tiny.json", "--seeds", "0:12"]  # two batches


@pytest.fixture(autouse=True)
def _recipe(tmp_path: Path) -> None:
    TINY.save(tmp_path / "tiny.json")


class Ended(NamedTuple):
    """A command that has ended."""

    code: int
    folder: Path
    out: str
    err: str


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """Return a sweep of three seeds that nothing disturbed, and what it printed."""
    folder = tmp_path_factory.mktemp("sweep")
    TINY.save(folder / "tiny.json")
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = main([*WORDS, "--out", "here"])
    return Ended(code, folder / "here", out.getvalue(), err.getvalue())


def table_of(folder: Path) -> bytes:
    return (folder / "table.csv").read_bytes()


def times(folder: Path) -> dict[str, int]:
    """Return when each finished member was written; hidden folders are unfinished ones."""
    files = (folder / "members").glob("[!.]*/summary.json")
    return {path.parent.name: path.stat().st_mtime_ns for path in files}


def are_whole(folder: Path) -> bool:
    members = (folder / "members").iterdir()
    return all(find_problem(member, []) is None for member in members)


def test_progress_and_result_are_printed(done: Ended):
    assert done.code == 0
    assert done.err.splitlines()[0] == "0/3 members, 0 failed, 3 to go"
    assert done.err.splitlines()[-1].startswith("3/3 members, 0 failed, 0 to go; ")
    assert ": 3 members, 0 failed, median accuracy 0." in done.out
    table = pandas.read_csv(done.folder / "table.csv")
    lines = done.out.splitlines()
    first = next(i for i, line in enumerate(lines) if line.split()[:1] == ["seed"])
    for line, (_, row) in zip(lines[first + 1 : first + 4], table.iterrows(), strict=True):
        assert line.split()[0] == str(row["seed"])
        assert f"{row['accuracy']:.4f}" in line
        other: Any = row["near"]
        near = f" (near {other})" if isinstance(other, str) and other else ""
        assert line.endswith(f"{row['verdict']}{near}, by {row['mechanism']}")


def test_the_same_command_again_makes_nothing_and_gives_the_same(
    done: Ended, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    shutil.copytree(done.folder, tmp_path / "here")
    made = times(tmp_path / "here")
    assert main([*WORDS, "--out", "here"]) == 0
    out, err = capsys.readouterr()
    assert out == done.out
    assert err.startswith("3/3 members, 0 failed, 0 to go; ")
    assert err.count("\n") == 1
    assert times(tmp_path / "here") == made


def test_numbers_that_are_set_are_columns_and_quiet_shows_no_progress(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    words = ["--recipe", "tiny.json", "--seeds", "4,2", "--set", "learning-rate=0.001,0.002"]
    assert main([*words, "--out", "here", "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    table = pandas.read_csv("here/table.csv")
    assert list(table["learning_rate"]) == [0.001, 0.001, 0.002, 0.002]
    assert list(table["seed"]) == [2, 4, 2, 4]


def test_a_member_can_be_analysed_and_drawn_as_a_run(done: Ended, tmp_path: Path):
    member = done.folder / "members" / "seed1"
    words = ["--from", str(member), "--components", "3", "--figures", "none", "--quiet"]
    assert run.main([*words, "--out", "alone"]) == 0
    alone = yr.load_run("alone")
    assert (alone.recipe.seed, alone.recipe.components) == (1, 3)
    weights = (tmp_path / "alone" / "weights.safetensors").read_bytes()
    assert weights == (member / "weights.safetensors").read_bytes()


def test_a_damaged_member_is_named_and_made_again(
    done: Ended, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    shutil.copytree(done.folder, tmp_path / "here")
    (tmp_path / "here" / "members" / "seed1" / "weights.safetensors").write_bytes(b"x")
    assert main([*WORDS, "--out", "here", "--quiet"]) == 0
    note = "seed1: weights.safetensors is damaged; it is made again\n"
    assert capsys.readouterr().err == note
    assert table_of(tmp_path / "here") == table_of(done.folder)


def test_a_sweep_whose_members_all_failed_says_why_and_fails(capsys: pytest.CaptureFixture[str]):
    assert main([*WORDS, "--out", "lost", "--set", "learning-rate=1e30"]) == 1
    shown = capsys.readouterr()
    assert ", learning_rate 1e+30: 0 members, 3 failed\n" in shown.out
    assert "3 failed: DivergenceError: the loss of epoch 1" in shown.out
    assert "nan" not in shown.out.replace("is nan", "")
    assert shown.err.splitlines()[-1] == (
        "yang-rnn-sweep: all members failed; error.txt in a member's folder says why"
    )
    with pytest.raises(FileNotFoundError, match="a member that failed: DivergenceError"):
        yr.load_run("lost/members/learning_rate1e+30-seed1")


@pytest.mark.parametrize("out", ["file", "file/new"])
def test_a_folder_that_cannot_be_is_one_line(
    out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "file").write_text("thesis")
    assert main([*WORDS, "--out", out, "--quiet"]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith(
        f"yang-rnn-sweep: --out can't be used: {out} must be a folder that can be written; "
    )
    assert shown.err.count("\n") == 1
    assert "resume" not in shown.err
    assert (tmp_path / "file").read_text() == "thesis"


@pytest.mark.parametrize("stage", ["train_ensemble", "Run"])
def test_too_little_memory_is_one_line_and_no_failed_member(
    stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    import jax

    def fail(*_: Any, **__: Any) -> Any:
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    monkeypatch.setattr(f"yang_rnn.ensemble.members.{stage}", fail)
    assert main([*WORDS, "--out", "large", "--quiet"]) == 1
    assert capsys.readouterr().err == (
        "yang-rnn-sweep: not enough memory; try fewer units or trials "
        f"(RESOURCE_EXHAUSTED: Out of memory); {KEPT}\n"
    )
    assert not (tmp_path / "large").exists()


def test_a_full_disk_is_one_line_and_the_same_command_resumes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    done: Ended,
):
    from yang_rnn.ensemble.members import store_member

    stored: list[str] = []

    def fill(member: Any, folder: Path) -> None:
        if len(stored) == 2:
            raise OSError(28, "No space left on device")
        stored.append(folder.name)
        store_member(member, folder)

    with monkeypatch.context() as patched:
        patched.setattr("yang_rnn.ensemble.sweep.store_member", fill)
        assert main([*WORDS, "--out", "full", "--quiet"]) == 1
    expected = f"yang-rnn-sweep: [Errno 28] No space left on device; {KEPT}\n"
    assert capsys.readouterr().err == expected
    assert sorted(times(tmp_path / "full")) == sorted(stored)
    assert are_whole(tmp_path / "full")
    made = times(tmp_path / "full")
    assert main([*WORDS, "--out", "full", "--quiet"]) == 0
    assert table_of(tmp_path / "full") == table_of(done.folder)
    assert {name: times(tmp_path / "full")[name] for name in stored} == made


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_interrupt_is_one_line_and_the_same_command_resumes(
    number: int,
    code: int,
    word: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    done: Ended,
):
    def interrupt(*_: Any, done: int, **__: Any) -> None:
        if done == 2:
            signal.raise_signal(number)

    with monkeypatch.context() as patched:
        patched.setattr("yang_rnn.cli.progress.SweepDisplay.tell", interrupt)
        assert main([*WORDS, "--out", "cut", "--quiet"]) == code
    assert capsys.readouterr() == ("", f"yang-rnn-sweep: {word}; {KEPT}\n")
    made = times(tmp_path / "cut")
    assert len(made) == 2
    assert are_whole(tmp_path / "cut")
    assert main([*WORDS, "--out", "cut", "--quiet"]) == 0
    assert table_of(tmp_path / "cut") == table_of(done.folder)
    assert {name: times(tmp_path / "cut")[name] for name in made} == made


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("--seeds x", "--seeds must be like"),
        ("--set dinner=3", "--set dinner: there is no such number in a recipe"),
        ("--set hidden=64,-3", "--set hidden must be"),
        ("--recipe dinner", "--recipe must be"),
        ("--unknown 3", "unrecognized options: --unknown"),
        ("--out=", "error parsing --out: expected a path; got an empty one"),
        ("--platform tpu", "--platform must be one that JAX finds here (cpu); got 'tpu'"),
    ],
)
def test_bad_value_is_one_line_and_nothing_written(
    more: str, message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    assert main(["--out", "new", *more.split()]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"yang-rnn-sweep: {message}")
    assert shown.err.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_bad_value_is_told_before_anything_heavy_is_imported():
    code = "import sys; from yang_rnn.sweep import main; main(['--seeds', 'x', '--out', 'x']); "
    code += "assert not {'jax', 'brainpy', 'sklearn', 'matplotlib', 'pandas'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_signal_waits_until_jax_is_loaded(tmp_path: Path):
    # jaxlib ends the process where an exception falls into its loading.
    stub = (
        "import signal, sys; signal.raise_signal(signal.SIGTERM); print('loaded', file=sys.stderr)"
    )
    (tmp_path / "jax.py").write_text(stub)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    ended = subprocess.run(
        [sys.executable, "-m", "yang_rnn.sweep", "--out", "new"],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 143
    assert ended.stderr.splitlines() == ["loaded", f"yang-rnn-sweep: terminated; {KEPT}"]


def test_interrupt_among_the_first_imports_is_one_line(tmp_path: Path):
    (tmp_path / "tyro.py").write_text("import signal; signal.raise_signal(signal.SIGINT)")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    ended = subprocess.run(
        [sys.executable, "-m", "yang_rnn.sweep"],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 130
    assert ended.stderr == f"yang-rnn-sweep: interrupted; {KEPT}\n"


def test_no_scheduler_is_one_line(capsys: pytest.CaptureFixture[str]):
    pytest.importorskip("distributed", reason="an optional extra")
    assert main([*WORDS, "--out", "new", "--quiet", "--scheduler", "nonsense://x"]) == 1
    shown = capsys.readouterr()
    assert shown.err == "yang-rnn-sweep: no Dask scheduler answers at nonsense://x\n"
    assert not os.path.lexists("new")


def test_without_dask_a_scheduler_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main([*WORDS, "--out", "new", "--scheduler", "tcp://x", "--quiet"]) == 2
    assert re.fullmatch(
        "yang-rnn-sweep: --scheduler can't be used: a scheduler needs Dask: "
        r"pip install 'distributed>=[\d.]+'\n",
        capsys.readouterr().err,
    )
    assert not os.path.lexists("new")


def test_the_function_has_its_name_though_the_command_was_imported():
    assert callable(yr.sweep)


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Give a function that starts the command; no process outlives the test."""
    started: list[subprocess.Popen[str]] = []

    def begin(*words: str, **options: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "yang_rnn.sweep", *words]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, **options))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def wait_for_members(process: subprocess.Popen[str], number: int) -> None:
    """Read what a sweep shows until so many members are done; fail if it ends before."""
    assert process.stderr is not None
    shown = []
    for line in process.stderr:
        shown.append(line)
        if line.split("/")[0].isdigit() and int(line.split("/")[0]) >= number:
            return
    pytest.fail("it ended early:\n" + "".join(shown))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a sweep of two batches that nothing disturbed."""
    folder = tmp_path_factory.mktemp("many") / "done"
    yr.sweep(TINY, range(12), out=folder)
    return folder


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_killed_at_random_and_started_again_it_comes_to_the_same(
    tmp_path: Path, many: Path, start: Start
):
    folder, kept = tmp_path / "killed", dict[str, int]()
    rng = random.Random(3)
    for _ in range(3):
        process = start(*MANY, "--out", "killed")
        wait_for_members(process, len(kept) + rng.randrange(1, 4))
        time.sleep(rng.uniform(0, 0.05))
        process.kill()
        process.communicate()
        now = times(folder)
        assert {name: now[name] for name in kept} == kept  # none was made twice
        kept = now
    assert kept
    process = start(*MANY, "--out", "killed")
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert table_of(folder) == table_of(many)
    now = times(folder)
    assert {name: now[name] for name in kept} == kept
    assert not list((folder / "members").glob(".*"))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_at_once_the_second_is_refused(tmp_path: Path, many: Path, start: Start):
    first = start(*MANY, "--out", "shared")
    wait_for_members(first, 0)
    first.send_signal(signal.SIGSTOP)  # it must not be done before the second begins
    second = start(*MANY, "--out", "shared")
    _, err = second.communicate(timeout=60)
    first.send_signal(signal.SIGCONT)
    assert second.returncode == 2
    assert err == "yang-rnn-sweep: --out can't be used: another sweep is running in shared\n"
    first.communicate(timeout=120)
    assert first.returncode == 0
    assert table_of(tmp_path / "shared") == table_of(many)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_signal_ends_the_process_and_keeps_finished_members(
    tmp_path: Path, number: int, code: int, word: str, start: Start
):
    process = start(*MANY, "--out", "cut")
    wait_for_members(process, 2)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert err.splitlines()[-1] == f"yang-rnn-sweep: {word}; {KEPT}"
    assert "Traceback" not in err
    assert len(times(tmp_path / "cut")) >= 2
    assert are_whole(tmp_path / "cut")


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_ctrl_c_at_a_terminal_reaches_workers_too_and_ends_in_one_line(start: Start):
    words = ["--recipe", "tiny.json", "--seeds", "0:64", "--out", "cut", "--workers", "2"]
    process = start(*words, start_new_session=True)
    wait_for_members(process, 8)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    lines = [line for line in err.splitlines() if "/64 members" not in line]
    assert lines == [f"yang-rnn-sweep: interrupted; {KEPT}"]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_workers_on_this_machine_come_to_the_same(tmp_path: Path, many: Path, start: Start):
    process = start(*MANY, "--out", "local", "--workers", "2", "--quiet")
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert err == ""
    assert table_of(tmp_path / "local") == table_of(many)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_platform_that_workers_lack_is_one_line(start: Start):
    process = start(*WORDS, "--out", "new", "--quiet", "--workers", "1", "--platform", "tpu")
    _, err = process.communicate(timeout=90)
    assert process.returncode == 2
    assert err == "yang-rnn-sweep: --platform must be one that JAX finds here (cpu); got 'tpu'\n"
