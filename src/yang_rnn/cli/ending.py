"""How a command ends: well, or by one line that says why, and by an exit code."""

import contextlib
import ctypes
import io
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn, TextIO

from yang_rnn.cli.interrupts import Interrupts, Terminated

LONGEST_WORD, LONGEST_LINE = 300, 800
"""Letters of what was given that a message repeats at most, and those that it has."""


class Done(NamedTuple):
    """What a command has done.

    Attributes
    ----------
    result : str
        What it prints.
    folder : Path
        Where its results are.
    """

    result: str
    folder: Path


Body = Callable[[Sequence[str], Interrupts], Done]
"""What a command does, from its arguments."""


class UsageError(Exception):
    """What was asked for can't be done, nothing was begun; the message is one line for the user."""


class Failure(Exception):
    """The work failed; the message is one line for the user.

    Parameters
    ----------
    message : str
    done : Done, optional
        What there is of the work nevertheless.
    """

    def __init__(self, message: str, done: Done | None = None):
        super().__init__(message)
        self.done = done


@contextlib.contextmanager
def usage_errors(*kinds: type[Exception]) -> Iterator[None]:
    """Turn errors of some kinds into `UsageError`; the argument that they name is an option here.

    Parameters
    ----------
    *kinds : exceptions of this package, whose messages begin with the argument's `name`.
    """
    try:
        yield
    except kinds as error:
        raise UsageError(re.sub(r"`(\w+)`", _option, str(error), count=1)) from error


def option_of(name: str) -> str:
    """Return the option that sets an argument."""
    return "--" + name.replace("_", "-")


def _option(name: re.Match[str]) -> str:
    return option_of(name[1])


def exit_code(body: Body, arguments: Sequence[str] | None, *, program: str, kept: str) -> int:
    """Run the body of a command, print its result, and say in one line what went wrong.

    Parameters
    ----------
    body : callable
        Called with the arguments and the `Interrupts` in force; returns what it has `Done`.
        Errors that it doesn't expect are not caught.
    arguments : sequence of str or None
        What stands behind the command's name; None: those of this process.
    program : str
        Name of the command, which begins the line.
    kept : str
        What an interrupt or a full disk leaves behind, which ends the line.

    Returns
    -------
    int
        0: done, be it that the result is there and can't be printed; 1: failed; 2: `UsageError`;
        130 or 143: Ctrl-C or SIGTERM came.
    """
    done = None
    with Interrupts() as interrupts:
        try:
            returned = body(sys.argv[1:] if arguments is None else arguments, interrupts)
            interrupts.ignore()
            interrupts.check()
            code, message, done = 0, "", returned
        except UsageError as error:
            code, message = 2, str(error)
        except Failure as error:
            code, message, done = 1, str(error), error.done
        except Terminated:
            code, message = 128 + signal.SIGTERM, f"terminated; {kept}"
        except KeyboardInterrupt:
            code, message = 128 + signal.SIGINT, f"interrupted; {kept}"
        except MemoryError as error:
            message = f"not enough memory; try fewer units or trials ({error}); {kept}"
            code = 1
        except OSError as error:
            code, message = 1, f"{error}; {kept}"
        interrupts.ignore()
        if done is not None:
            problem = _printed(done.result, sys.stdout)
            if problem is not None:
                where = f"the results are in {done.folder}, but can't be printed: {problem}"
                message = "; ".join(filter(None, [message, where]))
        if message:
            _printed(f"{program}: {one_line(message)}", sys.stderr)
    return code


def one_line(message: str) -> str:
    """Return a message of ours as one line of readable letters, without the length of its values.

    Names of files may have line ends in them, and values may be of any length.
    """
    letters = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)
    line = re.sub(rf"\S{{{LONGEST_WORD},}}", lambda word: _shorter(word[0], LONGEST_WORD),
                  "".join(letters))  # fmt: skip
    return _shorter(line, LONGEST_LINE)


def _shorter(text: str, most: int) -> str:
    """Return a text without its middle, if it is too long."""
    if len(text) <= most:
        return text
    return f"{text[: most // 2]}...({len(text)} letters)...{text[-most // 4 :]}"


def _printed(text: str, stream: TextIO) -> OSError | None:
    """Print a text; return why it can't be, and have Python forget what is left of it."""
    try:
        print(text, file=stream, flush=True)
    except OSError as error:  # a full disk, or whoever was to read it is gone
        # Python would try again at its end, and change the exit code.
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
        return error
    return None


def leave_with(main: Callable[[], int]) -> NoReturn:
    """Run a command and leave the process, with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # some terminals have no \u00b1
    code = main()
    for number in (signal.SIGINT, signal.SIGTERM):  # all is said; Python takes a while to shut down
        signal.signal(number, signal.SIG_IGN)
    if code == 128 + signal.SIGINT:
        # Python notes a Ctrl-C that passed through code which a C library had it run, and would end
        # by that signal though it was caught; to run anything more in this way clears the note.
        ctypes.pythonapi.PyRun_SimpleString(b"")
    sys.exit(code)
