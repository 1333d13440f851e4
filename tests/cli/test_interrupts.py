import signal
import sys
from typing import Any

import pytest

from yang_rnn.cli.interrupts import Interrupts, Terminated


class Finalised:
    """Does something when it is dropped, where Python lets no exception through."""

    def __init__(self, what: Any):
        self.what = what

    def __del__(self):
        self.what()


@pytest.mark.parametrize(
    ("number", "kind"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)]
)
def test_what_python_drops_is_neither_lost_nor_printed(
    number: int, kind: Any, capsys: pytest.CaptureFixture[str]
):
    with Interrupts() as interrupts:
        interrupts.check()
        Finalised(lambda: signal.raise_signal(number))
        with pytest.raises(KeyboardInterrupt) as raised:
            interrupts.check()
        assert raised.type is kind
    assert capsys.readouterr().err == ""


def test_other_errors_that_python_drops_go_where_they_went(monkeypatch: pytest.MonkeyPatch):
    seen: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda dropped: seen.append(dropped.exc_type))
    before = sys.unraisablehook
    with Interrupts():
        Finalised(lambda: [][0])
    assert seen == [IndexError]
    assert sys.unraisablehook is before


def test_handlers_are_put_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(Terminated), Interrupts():
        signal.raise_signal(signal.SIGTERM)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_after_the_last_moment_they_are_ignored():
    with Interrupts() as interrupts:
        interrupts.ignore()
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        interrupts.check()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_while_they_are_held_they_wait(number: int):
    reached = []

    def body(interrupts: Interrupts) -> None:
        with interrupts.held():
            signal.raise_signal(number)
            reached.append("the end of it")
        reached.append("what is behind")

    with Interrupts() as interrupts, pytest.raises(KeyboardInterrupt):
        body(interrupts)
    assert reached == ["the end of it"]
