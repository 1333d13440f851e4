"""How a command ends: well, or by one line that says why, and by an exit code."""

import contextlib
import io
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

from yang_rnn.cli.interrupts import Interrupts, Terminated

Body = Callable[[Sequence[str], Interrupts], str]
"""What a command does: from its arguments to what it prints."""


class UsageError(Exception):
    """What was asked for can't be done, nothing was begun; the message is one line for the user."""


class Failure(Exception):
    """The work failed; the message is one line for the user.

    Parameters
    ----------
    message : str
    result : str, optional
        What to print of the work nevertheless.
    """

    def __init__(self, message: str, result: str = ""):
        super().__init__(message)
        self.result = result


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
        Called with the arguments and the `Interrupts` in force; returns what is to be printed.
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
        0: done; 1: failed; 2: `UsageError`; 130 or 143: Ctrl-C or SIGTERM came.
    """
    result = ""
    with Interrupts() as interrupts:
        try:
            returned = body(sys.argv[1:] if arguments is None else arguments, interrupts)
            interrupts.ignore()
            interrupts.check()
            code, message, result = 0, "", returned
        except UsageError as error:
            code, message = 2, str(error)
        except Failure as error:
            code, message, result = 1, str(error), error.result
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
        if result:
            try:
                print(result, flush=True)
            except OSError as error:  # whoever was to read it is gone
                code, message = code or 1, message or f"the result can't be printed: {error}"
        if message:
            print(f"{program}: {message}", file=sys.stderr)
    return code


def leave_with(main: Callable[[], int]) -> NoReturn:
    """Run a command and leave the process, with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # some terminals have no \u00b1
    code = main()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is said: no Ctrl-C while Python shuts down
    sys.exit(code)
