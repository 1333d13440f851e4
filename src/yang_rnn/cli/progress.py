"""What the commands show while they work: bars on a terminal, lines elsewhere."""

import contextlib
import sys
import time
from collections.abc import Callable, Mapping
from typing import Self

from tqdm import tqdm

from yang_rnn.cli.ending import one_line
from yang_rnn.recipe import Recipe

SEARCH = "search for states h that hardly move: mean square of F(h) - h, the next state less h"
"""What stands before the first step of a search."""


class RunDisplay:
    """Shows the epochs of a run and the steps of its search, on standard error.

    Parameters
    ----------
    recipe : Recipe
    quiet : bool
        Whether to show nothing.
    check : callable
        Called whenever there is something to show; raises what should end the run.
    """

    def __init__(self, recipe: Recipe, quiet: bool, check: Callable[[], None]):
        self._epochs, self._check = recipe.epochs, check
        self._slow = f"slow below {recipe.slow_mean_square:.1e}"
        self._quiet, self._bars = quiet, sys.stderr.isatty()
        self._bar: tqdm | None = None
        self._tenth = self._proved = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def epoch(self, epoch: int, loss: float, accuracy: float) -> None:
        """Show an epoch."""
        self._check()
        if self._quiet:
            return
        if self._bars:
            bar = self._bar_of("training", self._epochs, "epoch")
            bar.set_postfix(loss=f"{loss:.4f}", accuracy=f"{accuracy:.3f}", refresh=False)
            bar.update(epoch - bar.n)
        else:
            _say(f"epoch {epoch}/{self._epochs}, loss {loss:.4f}, accuracy {accuracy:.3f}")

    def search(self, step: int, most: int, mean_square: float) -> None:
        """Show a step of the search; without bars, the first in each tenth."""
        self._check()
        if self._quiet:
            return
        if self._bars:
            bar = self._bar_of("searching", most, "")
            bar.set_postfix_str(f"mean square {mean_square:.1e}, {self._slow}", refresh=False)
            bar.update(step - bar.n)
        elif 10 * step // most > self._tenth:
            if not self._tenth:
                _say(SEARCH)
            self._tenth = 10 * step // most
            _say(f"search {step}/{most}, mean square {mean_square:.1e}; {self._slow}")

    def proof(self, closed: float, nodes: int) -> None:
        """Show how much of the proof of all fixed points is done; without bars, each tenth."""
        self._check()
        if self._quiet:
            return
        if self._bars:
            bar = self._bar_of("proving", 100, "%")
            bar.set_postfix(cases=nodes, refresh=False)
            bar.update(int(100 * closed) - bar.n)
        elif int(10 * closed) > self._proved:
            self._proved = int(10 * closed)
            _say(f"proof of all fixed points {10 * self._proved}/100 %, {nodes} cases")

    def _bar_of(self, what: str, total: int, unit: str) -> tqdm:
        """Return the bar of a stage of the run; the stage before it is over."""
        if self._bar is None or self._bar.desc != what:
            if self._bar is not None:
                self._bar.close()
            self._bar = tqdm(total=total, desc=what, unit=unit)
        return self._bar


class SweepDisplay:
    """Shows the members of a sweep as they are finished, on standard error.

    Parameters
    ----------
    quiet : bool
        Whether to show only what went wrong.
    check : callable
        Called whenever there is something to show; raises what should end the sweep.
    """

    def __init__(self, quiet: bool, check: Callable[[], None]):
        self._check = check
        self._quiet, self._bars = quiet, sys.stderr.isatty()
        self._bar: tqdm | None = None
        self._begun = time.perf_counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def tell(
        self, *, done: int, failed: int, total: int, made: int, verdicts: Mapping[str, int]
    ) -> None:
        """Show how far the sweep is.

        Parameters
        ----------
        done, failed, total : int
            Members finished, failed ones among them, and in all.
        made : int
            Members finished since the sweep was started (again).
        verdicts : mapping from str to int
            How many finished members have each verdict.
        """
        self._check()
        if self._quiet:
            return
        ranked = sorted(verdicts.items(), key=lambda item: -item[1])
        counts = ", ".join(f"{count} {verdict}" for verdict, count in ranked if count)
        counts = f"; {counts}" if counts else ""
        if self._bars:
            if self._bar is None:
                self._bar = tqdm(total=total, initial=done, desc="members", unit="member")
            self._bar.set_postfix_str(f"{failed} failed{counts}", refresh=False)
            self._bar.update(done - self._bar.n)
            return
        left, wait = total - done, ""
        if made and left:
            seconds = (time.perf_counter() - self._begun) / made * left
            wait = f", {_clock(seconds)} left"
        _say(f"{done}/{total} members, {failed} failed, {left} to go{wait}{counts}")

    def note(self, line: str) -> None:
        """Print a line about what went wrong, above the bar if there is one."""
        line = one_line(line)
        if self._bar is not None:
            tqdm.write(line, file=sys.stderr)
        else:
            _say(line)


def _say(line: str) -> None:
    with contextlib.suppress(OSError):  # nobody can read it: no reason to stop the work
        print(line, file=sys.stderr, flush=True)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
