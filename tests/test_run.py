import contextlib
import csv
import dataclasses
import filecmp
import importlib.util
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from small import SMALL, SMALL_TASK, SMALL_WORDS

from yang_rnn.experiment.checksums import with_sums
from yang_rnn.experiment.folder import NewFolder, foreign_in
from yang_rnn.experiment.names import FIGURES, FILES
from yang_rnn.experiment.storage import load_run
from yang_rnn.run import main

pytestmark = pytest.mark.timeout(120)

WORDS = [*SMALL_WORDS, "--quiet", "--figures", "none"]
NAME = f"{SMALL.name}-seed0"


class Ended(NamedTuple):
    """A command that has ended."""

    code: int
    folder: Path
    out: str
    err: str
    summary: dict[str, Any]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """Return a run with its figures, and what it printed."""
    folder = tmp_path_factory.mktemp("run")
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = main([*SMALL_WORDS, "--out", "here"])
    here = folder / "here"
    return Ended(code, here, out.getvalue(), err.getvalue(), summary_of(here))


def summary_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "summary.json").read_text())


def names(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.iterdir())


def test_results_are_in_the_folder(done: Ended):
    assert done.code == 0
    assert load_run(done.folder).recipe == SMALL
    assert done.summary["platform"] == "cpu"
    versions = set(done.summary["versions"])
    assert {"python", "brainpy", "brainpy-datasets", "jax", "numpy"} <= versions
    assert done.summary["seconds"] > 0


def test_result_is_printed_and_where_its_files_are(done: Ended):
    assert f"{done.summary['test_accuracy']:.4f}" in done.out
    assert "ideal observer" in done.out
    assert done.out.splitlines()[-3:] == [
        "Files", 
        "  Open report.html in a browser; summary.json has all numbers, figures/ the pictures.",
        f"  here{os.sep}",
    ]  # fmt: skip


def test_progress_is_shown_on_standard_error(done: Ended):
    loss = load_run(done.folder).history.loss
    lines = done.err.splitlines()
    assert [line.split(", accuracy")[0] for line in lines if line.startswith("epoch ")] == [
        f"epoch 1/2, loss {loss[0]:.4f}", f"epoch 2/2, loss {loss[1]:.4f}"
    ]  # fmt: skip
    assert any(line.startswith("search ") for line in lines)


def test_figures_are_drawn_as_png(done: Ended):
    drawn = {path.name for path in (done.folder / "figures").iterdir()}
    assert {"trajectories.png", "slow_points.png", "line_attractor.png"} <= drawn
    assert all(name.endswith(".png") for name in drawn)


def test_quiet_prints_the_result_only(capsys: pytest.CaptureFixture[str]):
    assert main([*WORDS, "--out", "here"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert "ideal observer" in shown.out
    assert not Path("here/figures").exists()


def test_default_folder_says_what_was_changed_and_is_numbered(tmp_path: Path):
    for expected in ([NAME], [NAME, f"{NAME}-2"]):
        assert main(WORDS) == 0
        assert names(tmp_path / "runs") == expected


def test_existing_folder_takes_overwrite(
    done: Ended, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    shutil.copytree(done.folder, tmp_path / "here")
    other = [*WORDS, "--out", "here", "--seed", "5"]
    assert main(other) == 2
    expected = "--out must be a new folder; here exists (--overwrite replaces it)\n"
    assert capsys.readouterr().err.endswith(expected)
    assert load_run("here").recipe.seed == SMALL.seed
    assert main([*other, "--overwrite"]) == 0
    assert load_run("here").recipe.seed == 5
    assert names(tmp_path) == ["here"]


def test_overwrite_spares_a_folder_that_is_no_run(tmp_path: Path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").write_text("one")
    assert main([*WORDS, "--out", "thesis", "--overwrite"]) == 2
    assert names(tmp_path / "thesis") == ["chapter"]


@pytest.mark.parametrize("where", ["notes.txt", ".git", "figures/mine.png", "recipe.json/x"])
def test_overwrite_spares_a_run_with_something_else_in_it_and_names_that(
    where: str, done: Ended, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    here = Path(shutil.copytree(done.folder, tmp_path / "here"))
    place = here / where
    if where.startswith("recipe"):
        (here / "recipe.json").unlink()
    place.parent.mkdir(exist_ok=True)
    place.write_text("mine")
    before = sorted(here.rglob("*"))
    assert main([*WORDS, "--out", "here", "--overwrite"]) == 2
    named = where.removesuffix("/x")
    expected = f"--out must be a new folder; here exists and has {named}, which no run makes\n"
    assert capsys.readouterr().err == f"yang-rnn: {expected}"
    assert sorted(here.rglob("*")) == before


def test_all_that_a_run_makes_is_known(done: Ended):
    assert foreign_in(done.folder) is None
    assert set(names(done.folder)) <= FILES | {FIGURES}
    assert FIGURES in names(done.folder)


def test_two_at_once_the_second_is_refused_before_its_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with NewFolder(tmp_path / "here"):
        assert main([*WORDS, "--out", "here"]) == 2
    expected = "--out must be a new folder; here is being written by another process\n"
    assert capsys.readouterr().err == f"yang-rnn: {expected}"
    assert names(tmp_path) == []


def test_results_that_can_not_be_printed_are_there_and_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    class Full(io.StringIO):
        def flush(self) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    assert main([*WORDS, "--out", "here"]) == 0
    assert capsys.readouterr().err == (
        "yang-rnn: the results are in here, but can't be printed: "
        "[Errno 28] No space left on device\n"
    )
    assert load_run("here").recipe == SMALL


def test_a_path_with_a_line_end_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main([*WORDS, "--out", "a\nb"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"  a\\nb{os.sep}"
    assert main([*WORDS, "--out", "a\nb"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert names(tmp_path) == ["a\nb"]


def test_from_a_run_it_is_analysed_and_drawn_anew_without_training(
    done: Ended, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["--from", str(done.folder), "--figures", "pdf"]) == 0
    shown = capsys.readouterr()
    assert "epoch" not in shown.err
    assert "search" in shown.err
    assert names(tmp_path / "runs") == [NAME]
    again = tmp_path / "runs" / NAME
    for file in ("recipe.json", "weights.safetensors", "history.csv"):
        assert filecmp.cmp(done.folder / file, again / file, shallow=False)
    with (
        open(done.folder / "stimulus_dependence.csv") as then,
        open(again / "stimulus_dependence.csv") as now,
    ):
        assert list(csv.reader(then)) == list(csv.reader(now))
    summary = summary_of(again)
    trained = {name: done.summary[name] for name in ("platform", "versions", "seconds")}
    assert summary["trained"] == {"folder": str(done.folder), **trained}
    facts = {"platform", "versions", "seconds", "trained"}
    assert {name: value for name, value in summary.items() if name not in facts} == {
        name: value for name, value in done.summary.items() if name not in facts
    }
    drawn = [path.with_suffix(".pdf").name for path in (done.folder / "figures").iterdir()]
    assert names(again / "figures") == sorted(drawn)


def test_from_a_run_numbers_of_the_analysis_may_change(done: Ended, tmp_path: Path):
    words = ["--from", str(done.folder), "--components", "3", "--search", "newton"]
    assert main([*words, "--quiet", "--figures", "none", "--out", "here"]) == 0
    run = load_run("here")
    assert (run.recipe.components, run.recipe.search) == (3, "newton")
    summary = summary_of(tmp_path / "here")
    assert len(summary["explained_variance_ratio"]) == 3
    assert summary["search"]["method"] == "newton"
    assert summary["test_accuracy"] == done.summary["test_accuracy"]
    page = (tmp_path / "here" / "report.html").read_text()
    assert f"python -m yang_rnn.run --from {done.folder}" in page
    assert "took its network, trained, from" in page


def test_a_run_may_be_replaced_by_its_own_analysis(done: Ended, tmp_path: Path):
    shutil.copytree(done.folder, tmp_path / "here")
    words = ["--from", "here", "--out", "here", "--test-trials", "60", "--overwrite"]
    assert main([*words, "--quiet", "--figures", "none"]) == 0
    assert load_run("here").recipe.test_trials == 60
    assert names(tmp_path) == ["here"]


def hurt(folder: Path, kind: str) -> None:
    if kind == "failed member":
        (folder / "error.txt").write_text("DivergenceError: lost")
    elif kind == "no weights":
        (folder / "weights.safetensors").unlink()
    else:
        (folder / "weights.safetensors").write_bytes(b"x" * 100)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("failed member", "no run in copy, a member that failed: DivergenceError: lost"),
        ("no weights", f"copy{os.sep}weights.safetensors is missing"),
        ("damaged weights", f"copy{os.sep}weights.safetensors is damaged: "),
    ],
)
def test_from_what_is_no_whole_run_is_one_line_and_nothing_written(
    kind: str, reason: str, done: Ended, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    hurt(Path(shutil.copytree(done.folder, tmp_path / "copy")), kind)
    assert main(["--from", "copy", "--figures", "none"]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("yang-rnn: --from must be the folder of a run")
    assert reason in shown.err
    assert shown.err.count("\n") == 1
    assert names(tmp_path) == ["copy"]


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ("--hidden -3", "--hidden"),
        ("--epochs 0", "--epochs"),
        ("--learning-rate nan", "--learning-rate"),
        ("--dt 30", "--fixation"),
        ("--seed two", "--seed"),
        ("--recipe dinner", "--recipe"),
        ("--from file", "--from"),
        ("--platform gpu", "--platform must be one that JAX finds here (cpu); got 'gpu'"),
        ("--platform tpu", "--platform"),
        ("--out file/run", "--out"),
        ("--out file", "--out"),
        ("--out /proc/run", "--out"),
        ("--out /proc/run", "'/proc/run'"),
        ("--out=", "error parsing --out: expected a path; got an empty one"),
        ("--from=", "error parsing --from: expected a path; got an empty one"),
        ("--overwrite", "--overwrite needs --out"),
        ("--unknown 3", "--unknown"),
    ],
)
def test_bad_value_is_one_line_and_nothing_written(
    words: str, option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "file").write_text("")
    assert main([*words.split(), "--figures", "none"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert shown.err.startswith("yang-rnn: ")
    assert option in shown.err
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("out", [".", "file", "link", "thesis", "thesis/.."])
def test_overwrite_is_no_hint_where_it_would_not_help(
    out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "thesis").mkdir()
    assert main(["--out", out]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("yang-rnn: --out must be a new folder; ")
    assert "--overwrite" not in shown
    assert main(["--out", out, "--overwrite"]) == 2
    assert names(tmp_path) == ["file", "link", "thesis"]


def test_divergence_is_one_line_and_nothing_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main([*WORDS, "--learning-rate", "1e30"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert "epoch 1" in shown.err
    assert "try a learning rate below 1e+30" in shown.err
    assert names(tmp_path) == []


def fail_with(error: BaseException) -> Any:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


def test_full_disk_is_one_line_and_nothing_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    error = OSError(28, "No space left on device")
    monkeypatch.setattr("yang_rnn.experiment.storage.save_file", fail_with(error))
    assert main(WORDS) == 1
    expected = "yang-rnn: [Errno 28] No space left on device; nothing was written\n"
    assert capsys.readouterr().err == expected
    assert names(tmp_path) == []


def test_states_too_small_for_the_search_are_one_line_and_nothing_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    import yang_rnn.analysis

    monkeypatch.setattr(yang_rnn.analysis, "WEAKEST", 1e9)
    assert main(WORDS) == 1
    shown = capsys.readouterr().err.splitlines()[-1]
    assert shown.startswith("yang-rnn: `slow_mean_square` must be less for states of scale ")
    assert names(tmp_path) == []


@pytest.mark.parametrize("stage", ["train_recipe", "find_slow_points"])
@pytest.mark.parametrize("kind", ["numpy", "jax"])
def test_lack_of_memory_is_one_line_and_nothing_written(
    stage: str,
    kind: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    import jax

    error = MemoryError("64 GB")
    if kind == "jax":
        error = jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory: 64 GB")
    monkeypatch.setattr(f"yang_rnn.experiment.run.{stage}", fail_with(error))
    assert main(WORDS) == 1
    shown = capsys.readouterr()
    assert shown.err.startswith("yang-rnn: not enough memory; try fewer units or trials (")
    assert "64 GB" in shown.err
    assert shown.err.count("\n") == 1
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
@pytest.mark.parametrize("stage", ["cli.progress.RunDisplay.epoch", "experiment.storage.save_file"])
def test_interrupt_is_one_line_and_leaves_nothing(
    stage: str,
    number: int,
    code: int,
    word: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    seen: list[list[str]] = []

    def interrupt(*_: Any, **__: Any) -> None:
        seen.append(names(tmp_path / "runs"))
        signal.raise_signal(number)

    monkeypatch.setattr(f"yang_rnn.{stage}", interrupt)
    assert main(WORDS) == code
    assert capsys.readouterr() == ("", f"yang-rnn: {word}; nothing was written\n")
    assert len(seen) == 1
    assert seen[0][0].startswith(".")  # hidden, under way
    assert names(tmp_path) == []


def test_interrupt_after_the_last_moment_is_ignored(monkeypatch: pytest.MonkeyPatch):
    publish = NewFolder.publish

    def interrupt(folder: NewFolder) -> Path:
        signal.raise_signal(signal.SIGINT)
        return publish(folder)

    monkeypatch.setattr(NewFolder, "publish", interrupt)
    assert main([*WORDS, "--out", "here"]) == 0
    assert load_run("here").recipe == SMALL


def test_a_signal_waits_until_jax_is_loaded(tmp_path: Path):
    # jaxlib ends the process where an exception falls into its loading.
    stub = (
        "import signal, sys; signal.raise_signal(signal.SIGTERM); print('loaded', file=sys.stderr)"
    )
    (tmp_path / "jax.py").write_text(stub)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    ended = subprocess.run(
        [sys.executable, "-m", "yang_rnn.run", "--figures", "none"],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 143
    assert ended.stderr.splitlines() == ["loaded", "yang-rnn: terminated; nothing was written"]


@pytest.mark.parametrize(
    "start", [["-m", "yang_rnn.run"], ["-c", "from yang_rnn.run import command; command()"]]
)
def test_interrupt_among_the_first_imports_is_one_line(tmp_path: Path, start: list[str]):
    (tmp_path / "tyro.py").write_text("import signal; signal.raise_signal(signal.SIGINT)")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    ended = subprocess.run(
        [sys.executable, *start],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 130
    assert ended.stderr == "yang-rnn: interrupted; nothing was written\n"


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    """Give a list for processes, none of which outlives the test."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_process_comes_to_what_main_comes_to(done: Ended, tmp_path: Path):
    ended = subprocess.run(
        [sys.executable, "-m", "yang_rnn.run", *SMALL_WORDS, "--out", "here"],
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0
    assert (ended.stdout, ended.stderr) == (done.out, done.err)
    assert names(tmp_path / "here" / "figures") == names(done.folder / "figures")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_signal_ends_the_process_and_all_that_it_started(
    number: int, code: int, word: str, tmp_path: Path, processes: list[subprocess.Popen[str]]
):
    process = subprocess.Popen(
        [sys.executable, "-m", "yang_rnn.run", *SMALL_WORDS, "--epochs", "100000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    processes.append(process)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("epoch 1/")  # "" if it ended
    assert names(tmp_path / "runs")  # hidden, under way
    os.killpg(process.pid, number)  # as a terminal does: the process that draws gets it too
    out, err = process.communicate(timeout=30)  # until nobody has the pipes any more
    assert process.returncode == code
    assert out == ""
    assert err.splitlines()[-1] == f"yang-rnn: {word}; nothing was written"
    assert "Traceback" not in err
    assert names(tmp_path) == []


def test_bars_on_a_terminal(monkeypatch: pytest.MonkeyPatch):
    import fcntl
    import pty
    import struct
    import termios

    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    shown = bytearray()

    def read() -> None:
        with contextlib.suppress(OSError):  # the other end is closed
            while part := os.read(parent, 4096):
                shown.extend(part)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    with os.fdopen(child, "w") as terminal, monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", terminal)
        assert main([*SMALL_WORDS, "--figures", "none"]) == 0
    reader.join(timeout=10)
    os.close(parent)
    text = shown.decode()
    assert "training: 100%" in text
    assert "accuracy=" in text
    assert "searching: 100%" in text


def test_process_that_draws_begins_before_anything_heavy_is_imported():
    code = """if True:
        import sys
        import yang_rnn.experiment.drawing
        from yang_rnn.run import main

        def begin():
            print(*({"jax", "brainpy", "sklearn"} & set(sys.modules)))
            raise OSError("no more of this")

        yang_rnn.experiment.drawing.DrawingProcess = begin
        main([])
    """
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.stdout == "\n"
    assert ended.stderr == "yang-rnn: no more of this; nothing was written\n"


def test_bad_value_is_told_before_anything_heavy_is_imported():
    code = "import sys; from yang_rnn.run import main; main(['--hidden', 'x']); "
    code += "assert not {'jax', 'brainpy', 'sklearn', 'matplotlib'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


TASK_WORDS = (
    "--task RateContextDecisionMaking --task-settings noise_sigma=0.2 --hidden 8 --epochs 2 "
    "--trials-per-epoch 32 --test-trials 200 --analysis-trials 60 --quiet --figures none"
).split()


def test_a_task_is_trained_analysed_and_analysed_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(TASK_WORDS) == 0
    shown = capsys.readouterr()
    name = f"{SMALL_TASK.name}-seed0"
    assert names(tmp_path / "runs") == [name]
    here = tmp_path / "runs" / name
    assert shown.err == ""
    assert shown.out.splitlines()[-1] == f"  runs{os.sep}{name}{os.sep}"
    summary = summary_of(here)
    assert f"In 200 fresh trials a share of {summary['test_accuracy']:.4f}" in shown.out
    assert "What the network does (context 0)" in shown.out
    recipe = load_run(here).recipe
    assert recipe.channels == (7, 3)
    assert dataclasses.replace(recipe, num_inputs=0, num_outputs=0) == SMALL_TASK
    words = ["--from", str(here), "--test-trials", "100", "--quiet", "--figures", "none"]
    assert main([*words, "--out", "again"]) == 0
    again = summary_of(tmp_path / "again")
    assert again["test_trials"] == 100
    assert again["trained"]["folder"] == str(here)
    assert again["inputs"] == summary["inputs"]
    assert filecmp.cmp(here / "weights.safetensors", "again/weights.safetensors", shallow=False)
    assert foreign_in(here) is None


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ("--task dinner", "--task must be perceptual, one of "),
        ("--task=", "--task must be the name of a task"),
        ("--task RateGoNoGo --task-settings colour=3", "--task must be one that can be made: "),
        ("--task RateGoNoGo --task-settings t_delay", "--task-settings must be NAME=VALUE"),
        ("--task RateGoNoGo --task-settings t_delay=2 t_delay=3", "--task-settings must be NAME"),
        ("--task RateGoNoGo --task-settings dt=20", "--task-settings must be without dt"),
        ("--task RateGoNoGo --coherences 3", "--coherences must be left as it is"),
        ("--task RateGoNoGo --noise 3", "--noise must be left as it is"),
        ("--task RateGoNoGo --num-inputs 3", "--num-inputs"),
        ("--task RatePulseDecisionMaking", "--task must be one that can be made: "),
        ("--task-settings noise_sigma=3", "--task-settings must be empty for the perceptual task"),
    ],
)
def test_a_task_that_can_not_be_trained_is_one_line_and_nothing_written(
    words: str, option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main([*words.split(), "--figures", "none"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert option in shown.err
    assert names(tmp_path) == []


def test_a_task_that_neurogym_has_not_is_one_line(capsys: pytest.CaptureFixture[str]):
    there = importlib.util.find_spec("neurogym") is not None
    assert main(["--task", "neurogym:Dinner-v0", "--figures", "none"]) == 2
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1
    said = "--task must be one that can be made: " if there else "NeuroGym is not installed: pip "
    assert said in shown.err


def test_from_a_run_of_a_task_of_ones_own_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main([*TASK_WORDS, "--out", "here"]) == 0
    for file in ("recipe.json", "summary.json"):
        path = tmp_path / "here" / file
        path.write_text(path.read_text().replace("RateContextDecisionMaking", "mine"))
    files = {path.name: path.read_bytes() for path in (tmp_path / "here").iterdir()}
    (tmp_path / "here" / "SHA256SUMS").write_bytes(with_sums(files)["SHA256SUMS"])
    capsys.readouterr()
    assert main(["--from", "here", "--figures", "none"]) == 2
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1
    assert shown.err.startswith("yang-rnn: --from must be the folder of a run")
    assert "got 'mine'" in shown.err
    assert names(tmp_path) == ["here"]


def test_more_epochs_train_a_run_on(done: Ended, capsys: pytest.CaptureFixture[str]):
    words = ["--from", str(done.folder), "--figures", "none"]
    assert main([*words, "--epochs", "3", "--out", "more"]) == 0
    assert "epoch 3/3" in capsys.readouterr().err
    assert main([*WORDS, "--epochs", "3", "--out", "at-once"]) == 0
    for name in ("weights.safetensors", "history.csv", "training.safetensors", "recipe.json"):
        assert filecmp.cmp(Path("more", name), Path("at-once", name), shallow=False), name
    assert summary_of(Path("more"))["trained"]["folder"] == str(done.folder)
    assert load_run(done.folder).recipe == SMALL
    capsys.readouterr()
    shutil.copytree(done.folder, "old")
    Path("old", "training.safetensors").unlink()
    sums = Path("old", "SHA256SUMS").read_text().splitlines(keepends=True)
    Path("old", "SHA256SUMS").write_text("".join(s for s in sums if "training" not in s))
    assert main(["--from", "old", "--epochs", "3", "--out", "new", "--quiet"]) == 2
    assert "can't be continued: it has no training.safetensors" in capsys.readouterr().err
    assert not Path("new").exists()
    assert main(["--from", "old", "--out", "new", *words[2:], "--quiet"]) == 0
