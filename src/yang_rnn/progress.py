"""What a run shows while it works: bars on a terminal, lines elsewhere."""

import sys
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
