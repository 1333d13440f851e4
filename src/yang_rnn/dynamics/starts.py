"""States to start a search from."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from yang_rnn._checks import as_array, check_array, check_real, check_whole
from yang_rnn.dynamics.maps import as_states


def trajectory_states(activity: ArrayLike, time_mask: ArrayLike | None = None) -> np.ndarray:
    """Give the states that trials went through.

    Parameters
    ----------
    activity : array_like, shape (time, trial, unit)
        Hidden activity.
    time_mask : array_like of bool, shape (time,), optional
        Steps to take, for instance those of the stimulus; all by default.

    Returns
    -------
    numpy.ndarray, shape (steps * trial, unit), float64
        The states, all trials of the first step first.

    Raises
    ------
    ValueError
        If the activity is not three-dimensional or the mask does not fit it.
    TypeError
        If the mask is not boolean, or the activity not of real numbers.
    """
    shape = ("time", "trial", "unit")
    array = check_array("activity", activity, shape, finite=False, empty=True)
    if time_mask is not None:
        mask = as_array("time_mask", time_mask)
        if mask.dtype != np.bool_:
            raise TypeError(f"`time_mask` must be boolean; got dtype {mask.dtype}")
        if mask.shape != array.shape[:1]:
            raise ValueError(f"`time_mask` must have shape {array.shape[:1]}; got {mask.shape}")
        array = array[mask]
    return as_states(array.reshape(-1, array.shape[2]), "activity")


def jittered_states(states: ArrayLike, sd: float, seed: int, *, repeats: int = 1) -> np.ndarray:
    """Add independent Gaussian noise to states.

    Parameters
    ----------
    states : array_like, shape (n, N)
        The states.
    sd : float
        Standard deviation of the noise in each unit.
    seed : int
        Seed of the noise.
    repeats : int
        Noisy copies of each state.

    Returns
    -------
    numpy.ndarray, shape (repeats * n, N), float64
        The noisy states, one whole copy after the other.

    Raises
    ------
    ValueError
        If the standard deviation is negative or there is not at least one repeat.
    """
    array = as_states(states, "states")
    sd = check_real("sd", sd, minimum=0)
    seed = check_whole("seed", seed, 0, None)
    repeats = check_whole("repeats", repeats, 1)
    copies = np.tile(array, (repeats, 1))
    return copies + sd * np.random.default_rng(seed).standard_normal(copies.shape)


def uniform_states(number: int, units: int, low: float, high: float, seed: int) -> np.ndarray:
    """Draw states uniformly from a cube.

    Parameters
    ----------
    number : int
        How many states.
    units : int
        The number of units N.
    low, high : float
        Bounds of every unit; `high` is excluded.
    seed : int
        Seed of the draw.

    Returns
    -------
    numpy.ndarray, shape (number, units), float64
        The states.

    Raises
    ------
    ValueError
        If a count or the bounds are out of range.
    """
    number, units = check_whole("number", number, 0), check_whole("units", units, 1)
    seed = check_whole("seed", seed, 0, None)
    low, high = check_real("low", low), check_real("high", high)
    if not (low < high and np.isfinite(high - low)):
        raise ValueError(f"`low` must be below `high`, by a finite step; got {low} and {high}")
    return np.random.default_rng(seed).uniform(low, high, (number, units))
