"""Tasks whose answer is when to act, not what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from yang_rnn._checks import check_array
from yang_rnn.trials import Trials, check_trials


def in_time(outputs: Any, trials: Trials, margin: float, periods: Iterable[str] = ()) -> np.ndarray:
    """Tell in which trials the first action comes when it should, (trial,), bool.

    Parameters
    ----------
    outputs : array of shape (time, trial, output)
        An action is any step that is asked for at which output 0 is not the largest.
    trials : Trials
        To act at a step whose target is above 0 is right.
    margin : float
        How far from the first such step it may be too, as a share of the time from the beginning
        of its period to that step.
    periods : iterable of str
        Those in which to act; without them the time counts from the first step that is asked for.
    """
    check_trials(trials)
    found = check_array("outputs", outputs, (*np.shape(trials.targets), "output"))
    acts = trials.asks & (found.argmax(axis=-1) > 0)
    return acts.any(axis=0) & _is_right(acts.argmax(axis=0), trials, margin, periods)


def best_time(trials: Trials, margin: float, periods: Iterable[str] = ()) -> float:
    """Return the share of trials that one time of acting gets right, at best.

    Counted from the first step that is asked for; the rest is as in `in_time`.
    """
    check_trials(trials)
    begins, number = trials.asks.argmax(axis=0), len(trials.targets)
    periods = tuple(periods)
    shares = []
    for wait in range(number):
        step = np.minimum(begins + wait, number - 1)
        right = trials.asks[step, np.arange(len(step))] & _is_right(step, trials, margin, periods)
        shares.append(right.mean())
    return float(max(shares))


def _is_right(
    step: np.ndarray, trials: Trials, margin: float, periods: Iterable[str]
) -> np.ndarray:
    due = trials.asks & (np.asarray(trials.targets) > 0)
    wanted, each = due.argmax(axis=0), np.arange(len(step))
    begins = trials.asks.argmax(axis=0)
    for name in periods:
        inside = trials.steps(name)
        begins = np.where(inside[wanted, each], inside.argmax(axis=0), begins)
    near = np.abs(step - wanted) <= margin * (wanted - begins)
    return due.any(axis=0) & (near | due[step, each])
