import numpy as np
import pytest

from yang_rnn.dynamics.starts import jittered_states, trajectory_states, uniform_states

ACTIVITY = np.arange(24.0).reshape(4, 3, 2)  # (time, trial, unit)


def test_trajectory_states_are_all_states_in_the_order_of_time():
    states = trajectory_states(ACTIVITY.astype(np.float32))
    assert states.dtype == np.float64
    np.testing.assert_array_equal(states, ACTIVITY.reshape(12, 2))


def test_a_time_mask_takes_those_steps_only():
    states = trajectory_states(ACTIVITY, np.array([False, True, False, True]))
    np.testing.assert_array_equal(states, ACTIVITY[[1, 3]].reshape(6, 2))


def test_an_empty_mask_gives_no_states():
    assert trajectory_states(ACTIVITY, np.zeros(4, bool)).shape == (0, 2)


@pytest.mark.parametrize(
    ("activity", "mask", "error", "match"),
    [
        (ACTIVITY[0], None, ValueError, "activity.*time, trial, unit"),
        (ACTIVITY, np.ones(3, bool), ValueError, r"time_mask.*\(4,\).*\(3,\)"),
        (ACTIVITY, np.ones(4), TypeError, "time_mask.*boolean"),
    ],
)
def test_trajectories_and_masks_that_do_not_fit_are_refused(activity, mask, error, match):
    with pytest.raises(error, match=match):
        trajectory_states(activity, mask)


def test_jitter_has_the_given_spread_and_no_bias():
    states = np.ones((50, 20))
    noise = jittered_states(states, 0.3, seed=1, repeats=40) - 1.0
    assert noise.shape == (2000, 20)
    # Mean and s.d. of n = 40,000 draws: standard errors 0.3/sqrt(n) and 0.3/sqrt(2n); 5 of each.
    assert abs(noise.mean()) < 5 * 0.3 / np.sqrt(noise.size)
    assert abs(noise.std() - 0.3) < 5 * 0.3 / np.sqrt(2 * noise.size)


def test_one_seed_gives_one_jitter():
    first, second, other = (jittered_states(np.zeros((3, 2)), 1.0, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_uniform_states_fill_the_cube_and_stay_in_it():
    states = uniform_states(2000, 5, -1.0, 3.0, seed=0)
    assert states.shape == (2000, 5)
    assert states.min() >= -1.0
    assert states.max() < 3.0
    # Mean of 10,000 draws: standard error 4 / sqrt(12 * 10,000).
    assert abs(states.mean() - 1.0) < 5 * 4 / np.sqrt(12 * states.size)
    np.testing.assert_array_equal(states, uniform_states(2000, 5, -1.0, 3.0, seed=0))


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: jittered_states(np.zeros((2, 2)), -1.0, 0), "sd"),
        (lambda: jittered_states(np.zeros((2, 2)), np.nan, 0), "sd"),
        (lambda: jittered_states(np.zeros((2, 2)), 1.0, 0, repeats=0), "repeats"),
        (lambda: uniform_states(-1, 2, 0.0, 1.0, 0), "number"),
        (lambda: uniform_states(1, 0, 0.0, 1.0, 0), "units"),
        (lambda: uniform_states(1, 2, 1.0, 1.0, 0), "low"),
        (lambda: uniform_states(1, 2, 0.0, np.inf, 0), "high"),
    ],
)
def test_numbers_out_of_range_are_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()
