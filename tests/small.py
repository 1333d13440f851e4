"""Small things to test with: recipes of a second or two, and records made by hand."""

import dataclasses
from typing import Any

import numpy as np

from yang_rnn.dynamics.linearisation import Linearisation
from yang_rnn.dynamics.points import FixedPoints
from yang_rnn.recipe import Recipe

SMALL = Recipe(
    hidden=8,
    epochs=2,
    trials_per_epoch=32,
    test_trials=50,
    analysis_trials=10,
    search_steps=40,
    search_check_every=20,
    slow_mean_square=1.0,
    unique_distance=0.01,
    outlier_distance=5.0,
)
"""Everything that a run has, in no time; one shape for all tests, so that it compiles once."""

SMALL_WORDS = (
    "--hidden 8 --epochs 2 --trials-per-epoch 32 --test-trials 50 --analysis-trials 10 "
    "--search-steps 40 --search-check-every 20 --slow-mean-square 1 --unique-distance 0.01 "
    "--outlier-distance 5"
).split()

TINY = dataclasses.replace(SMALL, epochs=1)
"""A member of a sweep."""

SMALL_TASK = Recipe(
    task="RateContextDecisionMaking",
    task_settings=("noise_sigma=0.2",),
    hidden=8,
    epochs=2,
    trials_per_epoch=32,
    test_trials=200,
    analysis_trials=60,
)
"""A task with two contexts, in no time."""


def points_at(status: list[str], speed: Any, state: Any) -> FixedPoints:
    """Return a record of points of given status, speed (n,) and state (n, N)."""
    state, n = np.asarray(state, dtype=float), len(status)
    return FixedPoints(
        state=state,
        speed=np.asarray(speed, dtype=float),
        start=state,
        iterations=np.ones(n, int),
        status=np.array(status, dtype=str),
        reason=np.full(n, "converged"),
        starts_reached=np.ones(n, int),
        distance=np.zeros(n),
        outside=np.zeros(n, bool),
        method="newton",
        fixed_speed=1e-20,
        slow_speed=1.0,
        scale=1.0,
        total_starts=n,
        trace=np.zeros(0),
    )


def modes_at(state: Any, stability: list[str]) -> Linearisation:
    """Return a record of the map around states (n, N) of given stability, all numbers 0."""
    state = np.asarray(state, dtype=float)
    n, units = state.shape
    return Linearisation(
        state=state,
        jacobian=np.zeros((n, units, units)),
        input_jacobian=np.zeros((n, units, 0)),
        eigenvalues=np.zeros((n, units), complex),
        right=np.zeros((n, units, units), complex),
        left=np.zeros((n, units, units), complex),
        condition=np.ones(n),
        time_constant=np.ones((n, units)),
        frequency=np.zeros((n, units)),
        unstable=np.zeros(n, int),
        stability=np.array(stability, dtype=str),
        rotation=np.full(n, "node"),
        kink=np.zeros(n, bool),
        dt=100.0,
        marginal_band=1e-3,
    )
