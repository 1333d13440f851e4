import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from yang_rnn.cli.ending import Failure, UsageError, exit_code, usage_errors
from yang_rnn.cli.interrupts import Interrupts


def end(body: Any, arguments: Sequence[str] | None = ()) -> int:
    return exit_code(body, arguments, program="prog", kept="all was kept")


def raising(error: BaseException) -> Any:
    def body(_: Sequence[str], __: Interrupts) -> str:
        raise error

    return body


def test_a_result_is_printed(capsys: pytest.CaptureFixture[str]):
    assert end(lambda words, _: " ".join(words), ["one", "two"]) == 0
    assert capsys.readouterr() == ("one two\n", "")


def test_arguments_are_by_default_those_of_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(sys, "argv", ["prog", "--quiet"])
    assert end(lambda words, _: " ".join(words), None) == 0
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

    def body(*_: Any) -> str:
        Dropped()
        return "done"

    assert end(body) == 130
    assert capsys.readouterr() == ("", "prog: interrupted; all was kept\n")


def test_a_failure_may_have_a_result(capsys: pytest.CaptureFixture[str]):
    assert end(raising(Failure("all failed", "a table"))) == 1
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
def test_a_terminal_that_lacks_a_letter_shows_another():
    code = "from yang_rnn.cli.ending import leave_with; leave_with(lambda: print('0.5±0.1i') or 3)"
    command, surroundings = [sys.executable, "-c", code], os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, text=True, env=surroundings)
    assert (done.returncode, done.stdout) == (3, "0.5?0.1i\n")


@pytest.mark.timeout(60)
def test_a_reader_that_is_gone_is_one_line():
    code = """if True:
        from yang_rnn.cli.ending import exit_code, leave_with
        body = lambda *_: "result"
        leave_with(lambda: exit_code(body, [], program="prog", kept="all was kept"))
    """
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, text=True
    )
    os.close(writer)
    assert done.returncode == 1
    assert done.stderr == "prog: the result can't be printed: [Errno 32] Broken pipe\n"
