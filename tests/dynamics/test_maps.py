from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

from yang_rnn.dynamics import maps
from yang_rnn.dynamics.maps import (
    as_map,
    as_states,
    check_map,
    map_rows,
    scale_of,
    speeds,
    time_step,
)
from yang_rnn.dynamics.system import System


def affine(matrix, offset, h):
    return matrix @ h + offset


def halves(h):
    return 0.5 * h


def system(dt: float = 20.0) -> System:
    return System(lambda x, h: 0.5 * h + x, dt=dt, initial_state=np.zeros(2))


def test_the_weights_of_a_partial_are_cast_and_what_is_no_float_is_not():
    F = Partial(affine, np.eye(2, dtype=np.float32), np.ones(2, int))
    for dtype in (np.float32, np.float64):
        matrix, offset = jax.tree.leaves(as_map(F, dtype))
        assert matrix.dtype == dtype
        assert offset.dtype == int
    assert as_map(F).func is affine


def test_any_other_callable_becomes_a_new_function_each_time():
    one, other = as_map(halves), as_map(halves)
    assert jax.tree.structure(one) != jax.tree.structure(other)
    assert one(3.0) == 1.5


def test_what_is_no_function_is_refused_by_its_name():
    with pytest.raises(TypeError, match="`step` must be a callable map; got int"):
        as_map(3, name="step")  # pyright: ignore


def test_one_state_becomes_a_row():
    assert as_states([1, 2], "h").tolist() == [[1.0, 2.0]]
    assert as_states(np.zeros((0, 3), np.float32), "h").shape == (0, 3)
    assert as_states(jnp.ones((2, 3), jnp.bfloat16), "h").dtype == np.float64


def test_states_are_copied():
    states = np.zeros((2, 2))
    as_states(states, "h")[:] = 1.0
    assert not states.any()


@pytest.mark.parametrize(
    ("states", "error"),
    [(1.0, ValueError), (np.ones((2, 3, 4)), ValueError), (np.ones((2, 0)), ValueError),
     (["a"], TypeError), ([1j], TypeError), ([True], TypeError)],
)  # fmt: skip
def test_what_are_no_states_is_refused_by_name(states: Any, error: type[Exception]):
    with pytest.raises(error, match="`h` must "):
        as_states(states, "h")


@pytest.mark.parametrize(
    ("F", "error", "message"),
    [
        (lambda h: h[:1], ValueError, r"map a state of shape \(2,\) to the same shape; got \(1,\)"),
        (lambda h: (h, h), ValueError, "got tuple"),
        (lambda h: jnp.eye(3) @ h, ValueError, r"take a state of shape \(2,\), which gives: .*3"),
        (lambda h: h > 0, TypeError, "real numbers; got dtype bool"),
        (lambda h: h * 1j, TypeError, "real numbers; got dtype complex128"),
    ],
)
def test_a_map_must_take_states_to_states(F: Any, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        check_map(as_map(F), 2)


def test_the_time_step_is_the_systems_or_the_one_given():
    assert time_step(halves, 5) == 5.0
    assert time_step(system().at([0.0]), None) == time_step(system().at([0.0]), 20.0) == 20.0


def test_a_time_step_that_is_missing_or_not_the_systems_is_an_error():
    with pytest.raises(ValueError, match="`dt` must be given for a map that has no time step"):
        time_step(halves, None)
    with pytest.raises(ValueError, match="`dt` must be the system's 20 ms, or be left out; got 10"):
        time_step(system().at([0.0]), 10.0)
    with pytest.raises(ValueError, match="`dt` must be a finite number above 0; got 0"):
        time_step(system().at([0.0]), 0)


@jax.jit
def shifted(F, states, shift, scale):
    return jax.vmap(F)(states) + shift[:, None], scale * shift


@pytest.mark.parametrize("sizes", [None, (3,), (2, 8)])
@pytest.mark.parametrize("number", [0, 1, 2, 7, 21])
def test_rows_are_those_of_one_call_however_many_and_in_whatever_chunks(
    number: int, sizes: tuple[int, ...] | None
):
    F = as_map(Partial(affine, np.array([[0.5, 0.25], [0.0, 1.0]]), np.array([1.0, 0.0])))
    states = np.random.default_rng(0).normal(size=(number, 2))
    shift = np.arange(number, dtype=np.float64)
    images, scaled = map_rows(shifted, F, states, shift, shared=(3.0,), sizes=sizes)
    np.testing.assert_allclose(
        images, states @ np.array([[0.5, 0.0], [0.25, 1.0]]) + [1.0, 0.0] + shift[:, None]
    )
    np.testing.assert_allclose(scaled, 3 * shift)
    assert images.shape == (number, 2)
    assert images.dtype == np.float64


def chunks_of(monkeypatch: pytest.MonkeyPatch, numbers: list[int], **options: Any) -> list[Any]:
    """Return the chunk sizes that numbers of rows of two units lead to."""
    monkeypatch.setattr(maps, "CHUNK", 64)
    seen = []

    def counting(F, states):
        seen.append(len(states))
        return states

    chunks = []
    for number in numbers:
        seen.clear()
        (rows,) = map_rows(counting, as_map(halves), np.ones((number, 2)), **options)
        assert len(rows) == number
        chunks.append(list(seen))
    return chunks


def test_a_chunk_is_a_power_of_two_as_large_as_memory_allows(monkeypatch: pytest.MonkeyPatch):
    assert chunks_of(monkeypatch, [0, 1, 3, 5, 32, 33, 70]) == [
        [1], [1], [4], [8], [32], [32, 32], [32, 32, 32]
    ]  # fmt: skip
    assert chunks_of(monkeypatch, [3, 5], row_size=16) == [[4], [4, 4]]
    assert chunks_of(monkeypatch, [3], row_size=1000) == [[1, 1, 1]]


def test_the_larger_size_is_taken_where_it_would_be_half_full(monkeypatch: pytest.MonkeyPatch):
    found = chunks_of(monkeypatch, [0, 1, 3, 4, 5, 8, 9, 12, 13], sizes=(2, 8))
    assert found == [
        [2], [2], [2, 2], [2, 2], [8], [8], [8, 2], [8, 2, 2], [8, 8]
    ]  # fmt: skip


def test_numbers_of_rows_that_are_close_share_a_compilation():
    traced = []

    @jax.jit
    def counting(F, states):
        traced.append(states.shape)
        return states

    F = as_map(halves)
    for number in (5, 6, 7, 8):
        map_rows(counting, F, np.ones((number, 3)))
    assert traced == [(8, 3)]


def test_speed_is_half_the_squared_distance_of_a_step():
    states = np.random.default_rng(0).normal(size=(6, 3))
    matrix = np.random.default_rng(1).normal(size=(3, 3)).astype(np.float32)
    offset = np.array([1e-3, 0.0, 1.0])
    moved = states @ matrix.T.astype(float) + offset - states
    found = speeds(Partial(affine, matrix, offset), states)
    np.testing.assert_allclose(found, 0.5 * (moved**2).sum(axis=1), rtol=1e-13)
    assert speeds(halves, np.zeros((0, 3))).shape == (0,)


def test_the_speed_of_a_lost_state_is_not_finite():
    assert np.isfinite(speeds(halves, np.array([[1.0], [np.nan], [np.inf]]))).tolist() == [
        True, False, False
    ]  # fmt: skip


@pytest.mark.parametrize("size", [1e-200, 1e-9, 1.0, 1e200])
def test_the_scale_of_states_is_the_root_mean_square_of_their_finite_units(size: float):
    states = size * np.array([[3.0, 4.0], [0.0, np.nan], [np.inf, 5.0]])
    assert scale_of(states) == pytest.approx(size * np.sqrt((9 + 16 + 0 + 25) / 4))


@pytest.mark.parametrize("states", [np.zeros((2, 2)), np.zeros((0, 2)), np.full((1, 2), np.nan)])
def test_states_without_a_size_have_the_scale_1(states: np.ndarray):
    assert scale_of(states) == 1.0
