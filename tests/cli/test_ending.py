import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from yang_rnn.cli.ending import (
    Done,
    Failure,
    UsageError,
    exit_code,
    one_line,
    usage_errors,
)
from yang_rnn.cli.interrupts import Interrupts

HERE = Path("here")


def end(body: Any, arguments: Sequence[str] | None = ()) -> int:
    return exit_code(body, arguments, program="prog", kept="all was kept")


def raising(error: BaseException) -> Any:
    def body(_: Sequence[str], __: Interrupts) -> str:
        raise error

    return body


def test_a_result_is_printed(capsys: pytest.CaptureFixture[str]):
    assert end(lambda words, _: Done(" ".join(words), HERE), ["one", "two"]) == 0
    assert capsys.readouterr() == ("one two\n", "")


def test_arguments_are_by_default_those_of_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(sys, "argv", ["prog", "--quiet"])
    assert end(lambda words, _: Done(" ".join(words), HERE), None) == 0
    assert capsys.readouterr().out == "--quiet\n"


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UsageError("--out is bad"), 2, "--out is bad"),
        (Failure("the loss is nan"), 1, "the loss is nan"),
        (OSError(28, "No space"), 1, "[Errno 28] No space; all was kept"),
        (
            MemoryError("64 GB"),
            1,
            "not enough memory; try fewer units or trials (64 GB); all was kept",
        ),
        (KeyboardInterrupt(), 130, "interrupted; all was kept"),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(
    error: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str]
):
    assert end(raising(error)) == code
    assert capsys.readouterr() == ("", f"prog: {line}\n")


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_is_one_line_and_an_exit_code(
    number: int, code: int, word: str, capsys: pytest.CaptureFixture[str]
):
    before = signal.getsignal(number)
    assert end(lambda *_: signal.raise_signal(number)) == code
    assert capsys.readouterr() == ("", f"prog: {word}; all was kept\n")
    assert signal.getsignal(number) is before


def test_a_signal_that_python_dropped_is_told_at_the_end(capsys: pytest.CaptureFixture[str]):
    class Dropped:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    def body(*_: Any) -> Done:
        Dropped()
        return Done("done", HERE)

    assert end(body) == 130
    assert capsys.readouterr() == ("", "prog: interrupted; all was kept\n")


def test_a_failure_may_have_a_result(capsys: pytest.CaptureFixture[str]):
    assert end(raising(Failure("all failed", Done("a table", HERE)))) == 1
    assert capsys.readouterr() == ("a table\n", "prog: all failed\n")


@pytest.mark.parametrize("error", [ValueError("a bug"), ZeroDivisionError(), RuntimeError()])
def test_what_is_not_expected_is_not_caught(error: Exception):
    with pytest.raises(type(error)):
        end(raising(error))


def test_help_ends_as_it_did():
    with pytest.raises(SystemExit, match="0"):
        end(raising(SystemExit(0)))


def test_an_error_of_ours_names_the_option():
    with (
        pytest.raises(UsageError, match=r"^--test-trials must be `1`; got 0$"),
        usage_errors(KeyError, ValueError),
    ):
        raise ValueError("`test_trials` must be `1`; got 0")
    with pytest.raises(TypeError), usage_errors(ValueError):
        raise TypeError


@pytest.mark.timeout(60)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_after_the_end_does_not_change_the_exit_code(number: int):
    code = f"""if True:
        import atexit, signal
        from yang_rnn.cli.ending import leave_with
        atexit.register(lambda: signal.raise_signal({int(number)}))
        leave_with(lambda: 0)
    """
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.timeout(60)
def test_an_interrupt_that_fell_into_a_librarys_own_code_keeps_the_exit_code(tmp_path: Path):
    code = """if True:
        import ctypes
        from yang_rnn.cli.ending import leave_with
        def main():
            ctypes.pythonapi.PyRun_SimpleString(b"raise KeyboardInterrupt")
            return 130
        leave_with(main)
    """
    (tmp_path / "program.py").write_text(code)
    # From 3.14 on Python ends by the signal, whatever it was asked for; a shell says 130 to both.
    done = subprocess.run(
        ["sh", "-c", f"'{sys.executable}' -m program; exit $?"], cwd=tmp_path, capture_output=True
    )
    assert done.returncode == 130


@pytest.mark.timeout(60)
def test_a_terminal_that_lacks_a_letter_shows_another():
    code = "from yang_rnn.cli.ending import leave_with; leave_with(lambda: print('0.5±0.1i') or 3)"
    command, surroundings = [sys.executable, "-c", code], os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, text=True, env=surroundings)
    assert (done.returncode, done.stdout) == (3, "0.5?0.1i\n")


PRINTS = """if True:
    from yang_rnn.cli.ending import Done, exit_code, leave_with
    body = lambda *_: Done("result", "runs/here")
    leave_with(lambda: exit_code(body, [], program="prog", kept="all was kept"))
"""


@pytest.mark.timeout(60)
def test_a_reader_that_is_gone_does_not_make_a_result_a_failure():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-c", PRINTS], stdout=writer, stderr=subprocess.PIPE, text=True
    )
    os.close(writer)
    assert done.returncode == 0
    assert done.stderr == (
        "prog: the results are in runs/here, but can't be printed: [Errno 32] Broken pipe\n"
    )


@pytest.mark.timeout(60)
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no such device here")
@pytest.mark.parametrize("streams", [["stdout"], ["stderr"], ["stdout", "stderr"]])
def test_a_full_disk_at_the_other_end_does_not_make_a_result_a_failure(streams: list[str]):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", PRINTS],
            text=True,
            stdout=full if "stdout" in streams else subprocess.PIPE,
            stderr=full if "stderr" in streams else subprocess.PIPE,
        )
    assert done.returncode == 0
    assert done.stdout in (None, "result\n")
    assert done.stderr in (None, "") or done.stderr == (
        "prog: the results are in runs/here, but can't be printed: "
        "[Errno 28] No space left on device\n"
    )


def test_a_name_with_line_ends_stays_in_one_line(capsys: pytest.CaptureFixture[str]):
    assert end(raising(UsageError("no folder a\nb\x1b[1m\u2028c"))) == 2
    assert capsys.readouterr().err == "prog: no folder a\\nb\\x1b[1m\\u2028c\n"


@pytest.mark.parametrize("value", [5000 * "x", 2500 * "x "])
def test_a_value_of_any_length_is_not_repeated_whole(value: str):
    line = one_line(f"--recipe must be a name; got {value}")
    assert line.startswith("--recipe must be a name; got x")
    assert len(line) < 1000
    assert " letters)..." in line
    assert one_line("as it is: \u00b1 \u03c4") == "as it is: \u00b1 \u03c4"
