"""Single trials, as other packages draw them, put together to `Trials`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from yang_rnn.trials import Trials


class SingleTrial(NamedTuple):
    """One trial.

    Attributes
    ----------
    inputs : array of shape (time, channel)
    targets : int array of shape (time,), or float array of shape (time, output)
    periods : dict of slices
    conditions : dict of numbers
    choice : int or None
    asked : bool array of shape (time,)
        Where a choice is asked for.
    """

    inputs: np.ndarray
    targets: np.ndarray
    periods: Mapping[str, slice]
    conditions: Mapping[str, Any]
    choice: int | None
    asked: np.ndarray


def stack(trials: Sequence[SingleTrial]) -> Trials:
    """Put trials side by side.

    Shorter trials end in zeros that neither loss nor accuracy counts. A period that lies elsewhere
    in each trial is a mask (time, trial), not a slice.

    Parameters
    ----------
    trials : sequence of SingleTrial
        One or more. A period that some of them lack has no step there.
    """
    lengths = [len(trial.inputs) for trial in trials]
    longest = max(lengths)
    equal = min(lengths) == longest
    inside = np.arange(longest)[:, None] < np.array(lengths)
    names = dict.fromkeys(name for trial in trials for name in trial.periods)
    first = trials[0]
    return Trials(
        inputs=np.stack([_padded(trial.inputs, longest) for trial in trials], axis=1),
        targets=np.stack([_padded(trial.targets, longest) for trial in trials], axis=1),
        periods={name: _steps(name, trials, longest) for name in names},
        conditions={
            name: np.array([trial.conditions[name] for trial in trials])
            for name in first.conditions
        },
        choice=None if first.choice is None else np.array([trial.choice for trial in trials]),
        weights=None if equal else inside.astype(np.float32),
        asked=np.stack([_padded(trial.asked, longest) for trial in trials], axis=1),
    )


def _padded(values: np.ndarray, length: int) -> np.ndarray:
    rest = np.zeros((length - len(values), *values.shape[1:]), values.dtype)
    return np.concatenate([values, rest])


def _steps(name: str, trials: Sequence[SingleTrial], longest: int) -> Any:
    """Return a period's steps: one slice if it is the same in all trials, else a mask."""
    slices = [trial.periods.get(name, slice(0, 0)) for trial in trials]
    if all(steps == slices[0] for steps in slices):
        return slices[0]
    mask = np.zeros((longest, len(trials)), bool)
    for column, steps in enumerate(slices):
        mask[steps, column] = True
    return mask
