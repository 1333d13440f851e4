from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

from yang_rnn.dynamics import find_fixed_points, linearise, simulate
from yang_rnn.dynamics.maps import as_map
from yang_rnn.dynamics.system import AutonomousMap, System


def step(recurrent, feed, x, h):
    return jnp.tanh(recurrent @ h + feed @ x)


def weights(units: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(units, units)) / (2 * units), rng.normal(size=(units, 2))


def system_of(units: int = 3, seed: int = 0, **options: Any) -> System:
    numbers = {"dt": 20.0, "initial_state": np.zeros(units)} | options
    return System(Partial(step, *weights(units, seed)), **numbers)


def test_at_a_constant_input_a_system_is_the_map_of_its_step():
    x, h = np.array([0.5, -1.0]), np.array([0.1, 0.2, -0.3])
    recurrent, feed = weights(3)
    F = system_of().at(x)
    expected = np.tanh(recurrent @ h + feed @ x)
    np.testing.assert_allclose(F(h), expected, rtol=1e-6)
    with jax.enable_x64(True):
        np.testing.assert_allclose(F(h), expected, rtol=1e-14)
        np.testing.assert_allclose(F.partial(h), expected, rtol=1e-14)
    assert F.dt == 20.0
    assert F.x.tolist() == [0.5, -1.0]


def test_a_map_keeps_its_input_whatever_becomes_of_the_array():
    x = np.array([0.5, -1.0])
    F = system_of().at(x)
    x[:] = 7.0
    assert F.x.tolist() == [0.5, -1.0]
    with pytest.raises(ValueError, match="read-only"):
        F.x[0] = 1.0


def test_initial_state_is_a_copy_that_cannot_be_changed():
    begin = np.zeros(3, np.float32)
    system = system_of(initial_state=begin)
    begin[:] = 1.0
    assert system.initial_state.tolist() == [0.0, 0.0, 0.0]
    assert system.initial_state.dtype == np.float64
    assert system.num_units == 3
    with pytest.raises(ValueError, match="read-only"):
        system.initial_state[0] = 1.0


def test_the_preactivation_of_a_map_is_the_systems_at_its_input():
    def before(gain, x, h):
        return gain * h + x[0]

    system = system_of(preactivation=Partial(before, 2.0))
    values = system.at([3.0, 0.0]).preactivation
    assert values is not None
    np.testing.assert_allclose(values(np.array([1.0, 2.0, 3.0])), [5.0, 7.0, 9.0])
    assert system_of().at([3.0, 0.0]).preactivation is None


def test_named_arguments_of_a_partial_stay():
    def scaled(x, h, *, gain):
        return gain * h + x

    system = System(Partial(scaled, gain=0.5), dt=1.0, initial_state=np.zeros(2))
    points = find_fixed_points(system.at([1.0, 2.0]), np.zeros(2))
    np.testing.assert_allclose(points.state, [[2.0, 4.0]])


def test_bounds_are_broadcast_to_the_units():
    low, high = system_of(bounds=(-1, (1.0, 2.0, np.inf))).bounds
    assert low.tolist() == [-1.0, -1.0, -1.0]
    assert high.tolist() == [1.0, 2.0, np.inf]
    assert system_of().bounds is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dt": 0.0}, "`dt` must be a finite number above 0; got 0.0"),
        ({"dt": np.nan}, "`dt` must be"),
        ({"initial_state": 0.0}, r"`initial_state` must have shape \(unit,\); got \(\)"),
        ({"initial_state": ()}, "`initial_state` must have shape"),
        ({"initial_state": (0.0, np.inf, 0.0)}, "`initial_state` must be finite"),
        ({"bounds": (1.0, 0.0)}, r"`bounds` must be low, then high; got \(1.0, 0.0\)"),
        ({"bounds": (0.0, np.nan)}, "`bounds` must be low, then high"),
        ({"bounds": (0.0,)}, r"`bounds` must be two numbers or arrays of shape \(3,\); got"),
        ({"bounds": 1.0}, "`bounds` must be two"),
        ({"bounds": (0.0, (1.0, 2.0))}, "`bounds` must be two"),
    ],
)
def test_impossible_systems_are_refused(changes: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        system_of(**changes)


@pytest.mark.parametrize("name", ["step", "readout", "preactivation"])
def test_what_is_no_function_is_refused(name: str):
    functions: dict[str, Any] = {"step": jnp.add, name: 3}
    with pytest.raises(TypeError, match=f"`{name}` must be callable; got int"):
        System(dt=1.0, initial_state=np.zeros(2), **functions)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (1.0, ValueError, r"`x` must have shape \(channel,\); got \(\)"),
        ([[1.0, 2.0]], ValueError, r"`x` must have shape \(channel,\); got \(1, 2\)"),
        ([1.0, np.nan], ValueError, "`x` must be finite; got NaN or infinity"),
        (np.ma.array([1.0, 2.0], mask=[True, False]), ValueError, "`x` must not be masked"),
        ("ab", TypeError, "`x` must be real numbers; got 'ab'"),
        ([1.0, 1j], TypeError, "`x` must be real numbers; got dtype complex128"),
        ([True, False], TypeError, "`x` must be real numbers; got dtype bool"),
    ],
)
def test_inputs_that_are_no_finite_vector_are_refused(x: Any, error: Any, message: str):
    with pytest.raises(error, match=message):
        system_of().at(x)


def test_an_input_that_the_step_does_not_take_is_refused():
    with pytest.raises(ValueError, match="`x` must be an input that the system takes; 3 channels"):
        system_of().at([1.0, 2.0, 3.0])


def test_inputs_of_another_size_are_refused_without_the_compilers_words():
    step = lambda x, h: jnp.tanh(x @ np.ones((2, 3)) + h)  # noqa: E731
    system = System(step, dt=1.0, initial_state=np.zeros(3))
    with pytest.raises(ValueError, match=r"system takes; 4 channels do not fit its `step`$"):
        system.at(np.zeros(4))
    with pytest.raises(ValueError, match=r"system takes; 4 channels do not fit its `step`$"):
        simulate(system, np.zeros((5, 6, 4)))


def test_a_step_of_numpy_is_refused_by_that_name():
    system = System(lambda x, h: np.tanh(h), dt=1.0, initial_state=np.zeros(2))
    with pytest.raises(ValueError, match=r"`step` must be written with JAX, jax.numpy in"):
        system.at([1.0, 2.0])


@pytest.mark.parametrize("image", [lambda x, h: h[:1], lambda x, h: (h, h), lambda x, h: h[None]])
def test_a_step_must_return_a_state(image: Any):
    system = System(image, dt=1.0, initial_state=np.zeros(2))
    with pytest.raises(ValueError, match=r"`step` must return a state of shape \(2,\); got "):
        system.at([0.0])


def test_reprs_tell_the_size_and_the_input():
    assert repr(system_of()) == "System(3 units, dt 20 ms)"
    with pytest.warns(UserWarning, match=r"If that is 0.02 s, it must be 20"):
        assert repr(system_of(dt=0.02)) == "System(3 units, dt 0.02 ms)"
    assert "3 units" in repr(system_of().at([0.5, 1.0]))
    assert "[0.5, 1.0]" in repr(system_of().at([0.5, 1.0]))


def lifted(recurrent, x, h):
    return jnp.tanh(recurrent @ h) + x[0]


def test_networks_of_one_shape_share_their_compilations(compiled: list[str]):
    counts = []
    starts = np.random.default_rng(0).uniform(size=(5, 9))
    for seed in range(4):
        recurrent = weights(9, seed)[0]
        F = System(Partial(lifted, recurrent), dt=1.0, initial_state=np.zeros(9)).at([0.1 * seed])
        begun = len(compiled)
        found = find_fixed_points(F, starts).state
        linearise(F, found)
        counts.append(len(compiled) - begun)
        np.testing.assert_allclose(
            np.tanh(found @ recurrent.T) + 0.1 * seed, found, atol=1e-9
        )  # each its own, from one program
    assert counts[-1] == 0
    assert counts[0] > 0


def test_the_weights_and_the_input_of_a_map_are_its_leaves():
    F = as_map(system_of().at([1.0, 2.0]))
    leaves, structure = jax.tree.flatten(F)
    assert [leaf.shape for leaf in leaves] == [(3, 3), (3, 2), (2,)]
    assert {leaf.dtype for leaf in leaves} == {np.dtype(np.float64)}
    other = as_map(system_of(seed=1).at([5.0, 6.0]))
    assert jax.tree.structure(other) == structure


def test_a_step_that_closes_over_an_array_is_taken_as_it_is_now():
    recurrent = np.diag([0.5, 0.2])
    system = System(
        lambda x, h: recurrent @ h + x, dt=1.0, initial_state=np.zeros(2),
        readout=lambda h: recurrent @ h, preactivation=lambda x, h: recurrent @ h,
    )  # fmt: skip
    F, ones = system.at([1.0, 1.0]), np.ones((1, 1, 2))
    for diagonal in ([0.5, 0.2], [0.9, 0.0]):
        recurrent[:] = np.diag(diagonal)
        lin = linearise(F, [1.0, 1.0])
        np.testing.assert_allclose(lin.jacobian[0], recurrent)
        assert lin.kink.tolist() == [0.0 in diagonal]
        outputs: Any = simulate(system, ones).outputs
        np.testing.assert_allclose(outputs, [[diagonal]], rtol=1e-6)


def test_what_a_step_closes_over_keeps_its_precision_whatever_ran_before():
    tenth = np.full((2, 2), 0.1)  # not a number of float32
    system = System(
        lambda x, h: tenth @ h + x, dt=1.0, initial_state=np.zeros(2), readout=lambda h: tenth @ h
    )
    F = system.at([1.0, 1.0])
    simulate(system, np.ones((3, 1, 2)))
    np.testing.assert_allclose(find_fixed_points(F, np.zeros(2)).state, 1.25, rtol=1e-14)


def test_a_map_can_be_built_from_its_system():
    system = system_of()
    np.testing.assert_array_equal(AutonomousMap(system, np.ones(2))(np.ones(3)),
                                  system.at((1, 1))(np.ones(3)))  # fmt: skip
