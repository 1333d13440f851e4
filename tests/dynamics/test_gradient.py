import copy
import warnings
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial
from scipy.spatial import KDTree

from yang_rnn.dynamics import gradient
from yang_rnn.dynamics.fixed_points import find_fixed_points
from yang_rnn.dynamics.gradient import GradientDescent
from yang_rnn.dynamics.maps import as_map
from yang_rnn.dynamics.search import SearchEnd

STEPS = 400
ONE_STEP = GradientDescent(max_steps=1, learning_rate=1e-30)  # moves no float32 state


def scaled(factor, h):
    return factor * h + 0.1


SHRINK = as_map(Partial(scaled, 0.5))


def slow_point_finder(F, states, steps: int) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import brainpy as bp

        finder = bp.analysis.SlowPointFinder(f_cell=F, f_type="discrete", verbose=False)
        finder.find_fps_with_gd_method(
            candidates=jnp.asarray(states, jnp.float32),
            tolerance=1e-4,
            num_batch=200,
            num_opt=steps,
            optimizer=bp.optim.Adam(lr=1e-3),
        )
    return finder


class Descents(NamedTuple):
    """The first updates from the states of a trained network, ours and BrainPy's."""

    trained: Any
    ours: SearchEnd
    theirs: Any


@pytest.fixture(scope="module")
def descents(trained) -> Descents:
    ours = GradientDescent(max_steps=STEPS).search(as_map(trained.F), trained.states)
    return Descents(trained, ours, slow_point_finder(trained.F, trained.states, STEPS))


def test_the_trace_is_that_of_slow_point_finder(descents: Descents):
    np.testing.assert_allclose(descents.ours.trace, descents.theirs.opt_losses, rtol=0.01)


def test_the_descent_follows_the_recorded_one(descents: Descents):
    recorded = descents.trained.golden["search_loss_every_200"][: STEPS // 200]
    np.testing.assert_allclose(descents.ours.trace[199::200], recorded, rtol=0.01)


@pytest.mark.slow
def test_the_descent_follows_the_recorded_one_to_its_end(trained):
    end = GradientDescent().search(as_map(trained.F), trained.states)
    recorded = trained.golden["search_loss_every_200"]
    np.testing.assert_allclose(end.trace[199::200], recorded, rtol=0.01)
    assert end.trace.shape == (10_000,)


@pytest.mark.slow
def test_the_filters_keep_the_same_of_the_same_end_points_as_slow_point_finder(descents: Descents):
    finder = copy.copy(descents.theirs)
    ends = find_fixed_points(descents.trained.F, finder.fixed_points, solver=ONE_STEP)
    np.testing.assert_array_equal(ends.state, finder.fixed_points)
    tolerance = float(np.quantile(ends.mean_square, 0.1))
    points = find_fixed_points(
        descents.trained.F, ends.state, solver=ONE_STEP, slow_mean_square=tolerance
    )

    finder.filter_loss(tolerance)
    points = points.with_status("fixed", "slow")
    np.testing.assert_array_equal(points.state, finder.fixed_points)
    distance = float(np.quantile(to_the_nearest(points.state), 0.3))
    finder.keep_unique(distance)
    unique = points.unique(distance, keep="first")
    np.testing.assert_array_equal(unique.state, finder.fixed_points)
    distance = float(np.quantile(to_the_nearest(unique.state), 0.9))
    finder.exclude_outliers(distance)
    within = unique.without_outliers(distance)
    np.testing.assert_array_equal(within.state, finder.fixed_points)
    assert 50 < len(within) < len(unique) < len(points) < len(ends)


def to_the_nearest(states: np.ndarray) -> np.ndarray:
    return KDTree(states).query(states, k=2)[0][:, 1]


def test_the_search_is_the_same_to_the_byte_when_repeated(trained):
    descent, F = GradientDescent(max_steps=200), as_map(trained.F)
    first, second = (descent.search(F, trained.states) for _ in range(2))
    assert first.state.tobytes() == second.state.tobytes()
    assert first.trace.tobytes() == second.trace.tobytes()


def test_the_first_update_goes_down_by_the_learning_rate_in_every_unit():
    # Adam's first step is the rate times the gradient's sign, where that is far above epsilon.
    starts = np.random.default_rng(0).uniform(1.0, 2.0, size=(5, 3))
    end = GradientDescent(max_steps=1, learning_rate=1e-2).search(SHRINK, starts)
    np.testing.assert_allclose(end.state, starts - 1e-2, atol=1e-5)
    residual = 0.5 * starts + 0.1 - starts
    np.testing.assert_allclose(end.trace, [(residual**2).mean()], rtol=1e-6)


def test_a_descent_stops_when_the_mean_square_is_small_enough():
    end = GradientDescent(learning_rate=1e-2).search(SHRINK, np.full((3, 2), 0.3))
    assert end.trace[-1] < 1e-4
    assert len(end.trace) % 200 == 0
    assert set(end.reason) == {"mean below tolerance"}


def test_the_steps_do_not_depend_on_when_the_rule_is_looked_at():
    starts = np.random.default_rng(0).uniform(size=(5, 3))
    whole, parts = (
        GradientDescent(max_steps=40, check_every=every, stop_mean_square=0).search(SHRINK, starts)
        for every in (40, 20)
    )
    np.testing.assert_allclose(whole.state, parts.state, rtol=1e-6)
    assert len(whole.trace) == len(parts.trace) == 40
    assert set(parts.iterations) == {40}


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch):
    starts = np.random.default_rng(0).uniform(size=(301, 3))
    descent = GradientDescent(max_steps=40, check_every=40, stop_mean_square=0)
    whole = descent.search(SHRINK, starts)
    monkeypatch.setattr(gradient, "CHUNK", 100)
    assert len(gradient._chunked(starts)) == 4
    parts = descent.search(SHRINK, starts)
    np.testing.assert_allclose(whole.state, parts.state, rtol=1e-6)
    np.testing.assert_allclose(whole.trace, parts.trace, rtol=1e-5)


@pytest.mark.parametrize(("count", "units"), [(1, 1), (63, 8192), (200, 8192), (2200, 512)])
def test_chunks_hold_all_states_in_order(count: int, units: int):
    states = np.arange(count)[:, None] * np.ones(units, np.float32)
    chunks = gradient._chunked(states)
    np.testing.assert_array_equal(np.concatenate(chunks), states)
    assert len(chunks) == 1 or min(map(len, chunks)) >= 64
    assert len({len(chunk) for chunk in chunks}) <= 2  # each length is compiled


def test_a_state_that_stops_being_finite_poisons_no_other():
    def F(h):
        return jnp.where(h > 10.0, jnp.inf, 0.5 * h)

    descent = GradientDescent(max_steps=200, check_every=100, stop_mean_square=0)
    starts = [[1.0, 1.0], [20.0, 0.0], [np.nan, 0.0], [1.0, 1.0]]
    mixed = find_fixed_points(F, starts, solver=descent)
    assert mixed.status.tolist() == ["unconverged", "diverged", "diverged", "unconverged"]
    assert np.isfinite(mixed.trace).all()
    alone = find_fixed_points(F, np.full((2, 2), 1.0), solver=descent)
    np.testing.assert_allclose(mixed.state[[0, 3]], alone.state, rtol=1e-3)


def test_a_descent_without_a_finite_state_ends():
    def F(h):
        return h + jnp.inf

    end = GradientDescent(check_every=10).search(as_map(F), np.ones((2, 3)))
    assert set(end.reason) == {"non-finite"}
    assert len(end.trace) == 10
    assert np.isnan(end.trace).all()


def test_progress_is_told_whenever_the_rule_is_looked_at():
    told = []
    descent = GradientDescent(max_steps=50, check_every=20, stop_mean_square=0)
    end = descent.search(SHRINK, np.ones((2, 2)), on_progress=lambda *args: told.append(args))
    assert [t[:2] for t in told] == [(20, 50), (40, 50), (50, 50)]
    assert told[-1][2] == end.trace[-1]


def test_the_users_precision_changes_nothing_and_is_left_alone(x64):
    descent = GradientDescent(max_steps=5)
    within = descent.search(SHRINK, np.ones((2, 2)))
    assert jnp.ones(1).dtype == jnp.float64
    with jax.enable_x64(False):
        without = descent.search(SHRINK, np.ones((2, 2)))
    np.testing.assert_array_equal(within.state, without.state)
    assert within.trace.dtype == np.float32


def test_the_precision_of_products_is_not_the_users():
    with jax.default_matmul_precision("bfloat16"):
        low = GradientDescent(max_steps=2).search(SHRINK, np.ones((2, 2)))
    np.testing.assert_array_equal(
        low.state, GradientDescent(max_steps=2).search(SHRINK, np.ones((2, 2))).state
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("learning_rate", 0.0),
        ("learning_rate", np.inf),
        ("learning_rate", np.nan),
        ("max_steps", 0),
        ("max_steps", np.inf),
        ("max_steps", 10.0),
        ("check_every", 0),
        ("check_every", np.nan),
        ("stop_mean_square", -1.0),
        ("stop_mean_square", np.inf),
        ("stop_mean_square", np.nan),
    ],
)
def test_settings_out_of_range_are_refused(field: str, value: Any):
    with pytest.raises(ValueError, match=f"^`{field}` must be .*; got"):
        GradientDescent(**{field: value})
