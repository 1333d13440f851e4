import contextlib
import io
import itertools
import time
from collections.abc import Iterator
from typing import Any

import pytest

from yang_rnn.cli.progress import RunDisplay, SweepDisplay
from yang_rnn.recipe import Recipe

RECIPE = Recipe(epochs=2)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@contextlib.contextmanager
def on_terminal() -> Iterator[Terminal]:
    """Put a terminal in place of standard error."""
    with contextlib.redirect_stderr(Terminal()) as terminal:
        yield terminal


def nothing() -> None:
    pass


def run(quiet: bool = False, check: Any = nothing) -> None:
    with RunDisplay(RECIPE, quiet, check) as shown:
        shown.epoch(1, 1.5, 0.25)
        shown.epoch(2, 0.5, 0.75)
        for step in range(0, 101, 5):
            shown.search(step, 100, 1e-3 / (1 + step))


def test_run_elsewhere_has_a_line_per_epoch_and_tenth(capsys: pytest.CaptureFixture[str]):
    run()
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[:2] == [
        "epoch 1/2, loss 1.5000, accuracy 0.250", "epoch 2/2, loss 0.5000, accuracy 0.750"
    ]  # fmt: skip
    assert "mean square of F(h) - h" in lines[2]
    steps = [line.split()[1].strip(",") for line in lines[3:]]
    assert steps == [f"{10 * n}/100" for n in range(1, 11)]
    assert lines[3] == "search 10/100, mean square 9.1e-05; slow below 1.0e-04"


def test_proof_elsewhere_has_a_line_per_tenth(capsys: pytest.CaptureFixture[str]):
    with RunDisplay(RECIPE, False, nothing) as shown:
        for closed, nodes in ((0.05, 10), (0.12, 20), (0.17, 30), (0.31, 40)):
            shown.proof(closed, nodes)
    lines = capsys.readouterr().err.splitlines()
    proof = "proof of all fixed points"
    assert lines == [f"{proof} 10/100 %, 20 cases", f"{proof} 30/100 %, 40 cases"]


def test_run_on_a_terminal_has_a_bar_for_training_and_one_for_the_search():
    with on_terminal() as terminal:
        run()
    training, searching = terminal.getvalue().split("\n")[:2]
    assert "training: 100%" in training
    assert "2/2" in training
    assert "accuracy=0.750, loss=0.5000" in training
    assert "searching: 100%" in searching
    assert "mean square 9.9e-06, slow below 1.0e-04" in searching


def test_bar_ends_where_the_run_was_interrupted():
    with on_terminal() as terminal, RunDisplay(RECIPE, False, nothing) as shown:
        shown.epoch(1, 1.5, 0.25)
    assert "1/2" in terminal.getvalue()
    assert terminal.getvalue().endswith("\n")


def test_quiet_run_shows_nothing():
    with on_terminal() as terminal:
        run(quiet=True)
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("quiet", [False, True])
def test_run_ends_where_the_check_says_so(quiet: bool):
    calls = itertools.count()

    def check() -> None:
        if next(calls) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(quiet, check)
    assert next(calls) == 5


def sweep(quiet: bool = False) -> None:
    with SweepDisplay(quiet, nothing) as shown:
        shown.note("seed4: damaged; it is made again")
        shown.tell(done=1, failed=0, total=4, made=0, verdicts={})
        shown.tell(done=2, failed=0, total=4, made=1, verdicts={"rotation": 1})
        shown.note("seed9: left out")
        verdicts = {"rotation": 1, "inconclusive": 0, "line attractor": 2}
        shown.tell(done=4, failed=1, total=4, made=3, verdicts=verdicts)


def test_sweep_elsewhere_has_a_line_per_member(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    seconds = iter([0.0, 3725.0, 5000.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(seconds))
    sweep()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "seed4: damaged; it is made again",
        "1/4 members, 0 failed, 3 to go",
        "2/4 members, 0 failed, 2 to go, 2:04:10 left; 1 rotation",
        "seed9: left out",
        "4/4 members, 1 failed, 0 to go; 2 line attractor, 1 rotation",
    ]


def test_time_left_is_that_of_members_made_in_this_process(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    seconds = iter([0.0, 70.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(seconds))
    with SweepDisplay(False, nothing) as shown:
        shown.tell(done=8, failed=0, total=11, made=2, verdicts={})
    assert capsys.readouterr().err == "8/11 members, 0 failed, 3 to go, 1:45 left\n"


def test_sweep_on_a_terminal_has_a_bar_with_notes_above():
    with on_terminal() as terminal:
        sweep()
    lines = [line.rsplit("\r")[-1] for line in terminal.getvalue().split("\n")]
    assert lines[0] == "seed4: damaged; it is made again"
    assert any("seed9: left out" in line for line in lines)
    assert "members: 100%" in terminal.getvalue()
    assert "1 failed; 2 line attractor, 1 rotation" in terminal.getvalue()


def test_quiet_sweep_shows_what_went_wrong_only(capsys: pytest.CaptureFixture[str]):
    sweep(quiet=True)
    expected = "seed4: damaged; it is made again\nseed9: left out\n"
    assert capsys.readouterr() == ("", expected)


def test_sweep_ends_where_the_check_says_so():
    def check() -> None:
        raise KeyboardInterrupt

    shown = SweepDisplay(True, check)
    with pytest.raises(KeyboardInterrupt):
        shown.tell(done=0, failed=0, total=4, made=0, verdicts={})
