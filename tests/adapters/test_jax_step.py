from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

import yang_rnn as yr
from yang_rnn.adapters.jax_step import from_step


class Areas(NamedTuple):
    sensory: Any
    memory: Any


def two_areas(x: Any, state: Areas) -> Areas:
    return Areas(
        jnp.array([[x[0] + 0.5 * state.sensory[0, 0], 0.1]]),
        {"slow": 0.9 * state.memory["slow"] + state.sensory[0]},
    )


BEGIN = Areas(np.zeros((1, 2)), {"slow": np.ones(2)})


def test_a_state_of_several_arrays_is_one_vector_with_named_parts():
    system = from_step(
        two_areas,
        dt=10.0,
        initial_state=BEGIN,
        readout=lambda state: state.memory["slow"].sum()[None],
        bounds=(0.0, Areas(np.inf, {"slow": 50.0})),
    )
    assert system.parts == {"sensory": slice(0, 2), "memory.slow": slice(2, 4)}
    np.testing.assert_array_equal(system.initial_state, [0, 0, 1, 1])
    np.testing.assert_array_equal(system.bounds[1], [np.inf, np.inf, 50, 50])
    inputs = np.ones((3, 2, 1))
    activity, outputs = yr.simulate(system, inputs)
    state = BEGIN
    for x, vector in zip(inputs[:, 0], activity[:, 0], strict=True):
        state = two_areas(x, state)
        expected = np.concatenate([state.sensory[0], state.memory["slow"]])
        np.testing.assert_allclose(vector, expected, rtol=1e-6)
    assert outputs is not None
    np.testing.assert_allclose(outputs[..., 0], activity[..., 2:].sum(-1))


def test_fixed_points_and_modes_are_those_of_the_whole_state():
    F = from_step(two_areas, dt=10.0, initial_state=BEGIN).at([1.0])
    points = yr.find_fixed_points(F, np.ones((3, 4))).unique()
    np.testing.assert_allclose(points.state, [[2.0, 0.1, 20.0, 1.0]], atol=1e-12)
    np.testing.assert_allclose(
        np.abs(yr.linearise(F, points).eigenvalues[0]), [0.9, 0.9, 0.5, 0.0], atol=1e-12
    )


def test_a_vector_stays_what_system_takes():
    step = Partial(lambda w, x, h: jnp.tanh(w @ h + x), np.eye(2))
    system = from_step(step, dt=10.0, initial_state=[0.0, 0.0])
    assert system.step is step
    assert system.parts is None


def test_a_relu_of_a_tree_has_its_kinks():
    system = from_step(
        lambda x, state: {"r": jnp.maximum(x - state["r"], 0)},
        dt=10.0,
        initial_state={"r": np.zeros(1)},
        preactivation=lambda x, state: x - state["r"],
    )
    assert yr.linearise(system.at([1.0]), [[0.5], [1.0]]).kink.tolist() == [False, True]


def test_a_step_that_gives_another_state_says_what():
    def step(x: Any, state: Any) -> Any:
        return {"h": state["h"]}

    system = from_step(step, dt=10.0, initial_state={"h": np.zeros(2), "c": np.zeros(2)})
    with pytest.raises(ValueError, match="the state must be"):
        system.at([1.0])
    wrong = from_step(
        lambda x, state: {"h": state["h"][:1]}, dt=10.0, initial_state={"h": np.zeros(2)}
    )
    with pytest.raises(ValueError, match=r"shapes \(\(2,\),\); got \(\(1,\),\)"):
        wrong.at([1.0])


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ({}, ValueError),
        ("h", TypeError),
        ({"h": np.array([1j])}, TypeError),
        ({"h": [np.nan]}, ValueError),
        (None, ValueError),
    ],
)
def test_what_is_no_state_names_the_argument(state: Any, error: type[Exception]):
    with pytest.raises(error, match="`initial_state"):
        from_step(two_areas, dt=10.0, initial_state=state)


def test_bounds_that_do_not_fit_say_so():
    for wrong in (1.0, (1.0, 0.0), (np.zeros(3), 1.0), "ab"):
        with pytest.raises(ValueError, match="`bounds`"):
            from_step(two_areas, dt=10.0, initial_state=BEGIN, bounds=wrong)
