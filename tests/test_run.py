import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from small import SMALL, SMALL_WORDS

from yang_rnn.run import main
from yang_rnn.storage import load_run


def names(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.iterdir() if entry.name != "cache")


def test_whole_experiment(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main([*SMALL_WORDS, "--out", "here"]) == 0
    shown = capsys.readouterr()
    assert load_run("here").recipe == SMALL
    summary = json.loads((tmp_path / "here" / "summary.json").read_text())
    assert summary["platform"] == "cpu"
    assert {"python", "brainpy", "brainpy-datasets", "jax", "numpy"} <= set(summary["versions"])
    assert summary["seconds"] > 0
    assert f"{summary['test_accuracy']:.4f}" in shown.out
    assert shown.out.splitlines()[-1].endswith(f"here{os.sep}")
    epochs = [line for line in shown.err.splitlines() if line.startswith("epoch ")]
    assert len(epochs) == 2
    assert epochs[0].startswith(f"epoch 1/2  loss {load_run('here').history.loss[0]:.4f}")


def test_quiet_prints_the_result_only(capsys: pytest.CaptureFixture[str]):
    assert main([*SMALL_WORDS, "--quiet"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert "ideal observer" in shown.out


def test_default_folder_is_numbered_on(tmp_path: Path):
    for expected in (["notebook-seed7"], ["notebook-seed7", "notebook-seed7-2"]):
        assert main([*SMALL_WORDS, "--quiet", "--seed", "7"]) == 0
        assert names(tmp_path / "runs") == expected


def test_existing_folder_takes_overwrite(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = ["--quiet", "--out", "here"]
    assert main([*SMALL_WORDS, *out]) == 0
    capsys.readouterr()
    assert main([*SMALL_WORDS, *out, "--seed", "5"]) == 2
    expected = "--out must be a new folder; here exists (--overwrite replaces it)\n"
    assert capsys.readouterr().err.endswith(expected)
    assert load_run("here").recipe.seed == SMALL.seed
    assert main([*SMALL_WORDS, *out, "--seed", "5", "--overwrite"]) == 0
    assert load_run("here").recipe.seed == 5
    assert names(tmp_path) == ["here"]


def test_overwrite_spares_a_folder_that_is_no_run(tmp_path: Path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").write_text("one")
    assert main([*SMALL_WORDS, "--quiet", "--out", "thesis", "--overwrite"]) == 2
    assert names(tmp_path / "thesis") == ["chapter"]


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ("--hidden -3", "--hidden"),
        ("--epochs 0", "--epochs"),
        ("--learning-rate nan", "--learning-rate"),
        ("--dt 30", "--fixation"),
        ("--seed two", "--seed"),
        ("--recipe dinner", "--recipe"),
        ("--platform gpu", "--platform"),
        ("--platform tpu", "--platform"),
        ("--out file/run", "--out"),
        ("--out file", "--out"),
        ("--out /proc/run", "--out"),
        ("--out /proc/run", "'/proc/run'"),
        ("--overwrite", "--overwrite needs --out"),
        ("--unknown 3", "--unknown"),
    ],
)
def test_bad_value_is_one_line_and_nothing_written(
    words: str, option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "file").write_text("")
    assert main(words.split()) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert shown.err.startswith("yang-rnn: ")
    assert option in shown.err
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("out", ["", "file", "link", "thesis", "thesis/.."])
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
    assert main([*SMALL_WORDS, "--quiet", "--learning-rate", "1e30"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert "epoch 1" in shown.err
    assert "try a learning rate below 1e+30" in shown.err
    assert names(tmp_path) == []


def test_full_disk_is_one_line_and_nothing_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    import yang_rnn.storage

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(yang_rnn.storage, "save_file", fail)
    assert main([*SMALL_WORDS, "--quiet"]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert names(tmp_path) == []


@pytest.mark.parametrize("error", [MemoryError("64 GB"), None], ids=["numpy", "jax"])
def test_lack_of_memory_is_one_line_and_nothing_written(
    error: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    import jax

    import yang_rnn.experiment

    def fail(*_: Any, **__: Any) -> None:
        raise error or jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory: 64 GB")

    monkeypatch.setattr(yang_rnn.experiment, "run_experiment", fail)
    assert main([*SMALL_WORDS, "--quiet"]) == 1
    shown = capsys.readouterr()
    assert shown.err.startswith("yang-rnn: not enough memory; try fewer units or trials (")
    assert shown.err.count("\n") == 1
    assert names(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_interrupt_leaves_nothing(tmp_path: Path, number: int, code: int, word: str):
    words = [*SMALL_WORDS, "--epochs", "100000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "yang_rnn.run", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith("epoch 1/")
    assert names(tmp_path / "runs")  # hidden, under way
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert out == ""
    assert err.splitlines()[-1] == f"yang-rnn: {word}; nothing was written"
    assert "Traceback" not in err
    assert names(tmp_path) == []


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


@pytest.mark.slow
def test_bars_on_a_terminal(tmp_path: Path):
    import fcntl
    import pty
    import struct
    import termios

    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "yang_rnn.run", *SMALL_WORDS], stdout=subprocess.PIPE, stderr=child
    )
    os.close(child)
    shown = b""
    while True:
        try:
            part = os.read(parent, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    process.communicate(timeout=60)
    assert process.returncode == 0
    text = shown.decode()
    assert "training: 100%" in text
    assert "accuracy=" in text
    assert "searching: 100%" in text


def test_bad_value_is_told_before_anything_heavy_is_imported():
    code = "import sys; from yang_rnn.run import main; main(['--hidden', 'x']); "
    code += "assert not {'jax', 'brainpy', 'sklearn', 'matplotlib'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
