"""What a run shows while it works: bars on a terminal, lines elsewhere."""

import dataclasses
import sys
import time
from typing import Self

from tqdm import tqdm

from yang_rnn.recipe import Recipe


class Quiet:
    """Shows nothing, and is what the others are made from."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def epoch(self, epoch: int, loss: float, accuracy: float) -> None:
        """Show nothing."""

    def search(self, step: int, most: int, mean_square: float) -> None:
        """Show nothing."""


class Lines(Quiet):
    """A line an epoch and a line each tenth of a search, on standard error."""

    def __init__(self, recipe: Recipe):
        self._epochs = recipe.epochs
        self._tenth = 0

    def epoch(self, epoch: int, loss: float, accuracy: float) -> None:
        """Print the epoch."""
        line = f"epoch {epoch}/{self._epochs}  loss {loss:.4f}  accuracy {accuracy:.3f}"
        print(line, file=sys.stderr, flush=True)

    def search(self, step: int, most: int, mean_square: float) -> None:
        """Print the step, if it is the first in its tenth."""
        tenth = 10 * step // most
        if tenth > self._tenth:
            self._tenth = tenth
            line = f"search {step}/{most}  mean square {mean_square:.2e}"
            print(line, file=sys.stderr, flush=True)


class Bars(Quiet):
    """A bar for training and one for the search, on standard error."""

    def __init__(self, recipe: Recipe):
        self._training = tqdm(total=recipe.epochs, desc="training", unit="epoch")
        self._searching: tqdm | None = None

    def __exit__(self, *_: object) -> None:
        self._training.close()
        if self._searching is not None:
            self._searching.close()

    def epoch(self, epoch: int, loss: float, accuracy: float) -> None:
        """Move the training bar to the epoch."""
        self._training.set_postfix(loss=f"{loss:.4f}", accuracy=f"{accuracy:.3f}", refresh=False)
        self._training.update(epoch - self._training.n)

    def search(self, step: int, most: int, mean_square: float) -> None:
        """Move the search bar to the step."""
        if self._searching is None:
            self._training.close()
            self._searching = tqdm(total=most, desc="searching", unit="")
        self._searching.set_postfix(mean_square=f"{mean_square:.2e}", refresh=False)
        self._searching.update(step - self._searching.n)


def progress_for(recipe: Recipe, quiet: bool) -> Quiet:
    """Return what suits standard error: nothing if quiet, bars on a terminal, else lines."""
    if quiet:
        return Quiet()
    return Bars(recipe) if sys.stderr.isatty() else Lines(recipe)


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a sweep is.

    Attributes
    ----------
    done, failed, total : int
        Members finished, failed ones among them, and in all.
    verdicts : dict
        How many finished members have each verdict.
    made : int
        Members finished since the sweep was started (again).
    """

    done: int
    failed: int
    total: int
    verdicts: dict[str, int]
    made: int


class QuietSweep:
    """Shows nothing of a sweep but what went wrong."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def tell(self, progress: Progress) -> None:
        """Show nothing."""

    def note(self, line: str) -> None:
        """Print a line about what went wrong, on standard error."""
        print(line, file=sys.stderr, flush=True)


class SweepLines(QuietSweep):
    """A line a member, on standard error."""

    def __init__(self) -> None:
        self._begun = time.perf_counter()

    def tell(self, progress: Progress) -> None:
        """Print members done, failed and to go, the time left, and the verdicts so far."""
        left = progress.total - progress.done
        seconds = time.perf_counter() - self._begun
        wait = f", {_clock(seconds / progress.made * left)} left" if progress.made and left else ""
        print(
            f"{progress.done}/{progress.total} members, {progress.failed} failed, "
            f"{left} to go{wait}{_verdicts(progress)}",
            file=sys.stderr,
            flush=True,
        )


class SweepBar(QuietSweep):
    """A bar of members, on standard error."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def tell(self, progress: Progress) -> None:
        """Move the bar; the verdicts so far stand behind it."""
        if self._bar is None:
            self._bar = tqdm(
                total=progress.total, initial=progress.done, desc="members", unit="member"
            )
        self._bar.set_postfix_str(f"{progress.failed} failed{_verdicts(progress)}", refresh=False)
        self._bar.update(progress.done - self._bar.n)

    def note(self, line: str) -> None:
        """Print a line above the bar."""
        tqdm.write(line, file=sys.stderr)


def sweep_progress_for(quiet: bool) -> QuietSweep:
    """Return what suits standard error: nothing if quiet, a bar on a terminal, else lines."""
    if quiet:
        return QuietSweep()
    return SweepBar() if sys.stderr.isatty() else SweepLines()


def _verdicts(progress: Progress) -> str:
    counts = sorted(progress.verdicts.items(), key=lambda item: -item[1])
    listed = ", ".join(f"{count} {verdict}" for verdict, count in counts if count)
    return f"; {listed}" if listed else ""


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
