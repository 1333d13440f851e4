import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from yang_rnn.fixed_points import find_fixed_points
from yang_rnn.gradient import GradientSettings, descend

ONE_STEP = GradientSettings(max_steps=1, learning_rate=1e-30)  # moves no float32 state


def shrink(h):
    return 0.5 * h + 0.1


def slow_point_finder(F, states, steps):
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


def test_the_descent_follows_the_recorded_one_to_its_end(trained):
    end = descend(trained.F, trained.states.astype(np.float64))
    recorded = trained.golden["search_loss_every_200"]
    np.testing.assert_allclose(end.trace[199::200], recorded, rtol=0.01)
    assert end.trace.shape == (10_000,)


def test_the_trace_is_that_of_slow_point_finder(trained):
    finder = slow_point_finder(trained.F, trained.states, 2000)
    end = descend(trained.F, trained.states.astype(np.float64), GradientSettings(max_steps=2000))
    np.testing.assert_allclose(end.trace, finder.opt_losses, rtol=0.01)


def test_the_filters_keep_the_same_of_the_same_end_points_as_slow_point_finder(trained):
    tolerance = 1e-3
    states = descend(
        trained.F, trained.states.astype(float), GradientSettings(max_steps=4000)
    ).state
    finder = slow_point_finder(trained.F, states, 1)  # one step, to have a finder to filter
    points = find_fixed_points(
        trained.F,
        finder.fixed_points,
        method="gradient",
        settings=ONE_STEP,
        slow_mean_square=tolerance,
    )
    np.testing.assert_array_equal(points.state, finder.fixed_points)

    finder.filter_loss(tolerance)
    points = points.with_status("fixed", "slow")
    np.testing.assert_array_equal(points.state, finder.fixed_points)
    assert len(points) > 10
    finder.keep_unique(0.03)
    points = points.unique(0.03, keep="first")
    np.testing.assert_array_equal(points.state, finder.fixed_points)
    finder.exclude_outliers(0.1)
    points = points.without_outliers(0.1)
    np.testing.assert_array_equal(points.state, finder.fixed_points)


def test_the_search_is_the_same_to_the_byte_when_repeated(trained):
    settings = GradientSettings(max_steps=200)
    first, second = (descend(trained.F, trained.states.astype(float), settings) for _ in range(2))
    assert first.state.tobytes() == second.state.tobytes()
    assert first.trace.tobytes() == second.trace.tobytes()


def test_a_descent_stops_when_the_mean_square_is_small_enough():
    end = descend(shrink, np.full((3, 2), 0.3), GradientSettings(learning_rate=1e-2))
    assert end.trace[-1] < 1e-4
    assert len(end.trace) % 200 == 0
    assert set(end.reason) == {"mean below tolerance"}


def test_the_steps_do_not_depend_on_how_they_are_batched():
    starts = np.random.default_rng(0).uniform(size=(5, 3))
    whole = descend(shrink, starts, GradientSettings(max_steps=70, stop_mean_square=0))
    parts = descend(
        shrink, starts, GradientSettings(max_steps=70, batch_steps=20, stop_mean_square=0)
    )
    np.testing.assert_allclose(whole.state, parts.state, rtol=1e-6)
    assert len(whole.trace) == len(parts.trace) == 70


def test_chunks_change_nothing(monkeypatch):
    starts = np.random.default_rng(0).uniform(size=(301, 3))
    settings = GradientSettings(max_steps=50, stop_mean_square=0)
    whole = descend(shrink, starts, settings)
    monkeypatch.setattr("yang_rnn.gradient._rows", lambda count, units: 64)
    parts = descend(shrink, starts, settings)
    np.testing.assert_allclose(whole.state, parts.state, rtol=1e-6)
    np.testing.assert_allclose(whole.trace, parts.trace, rtol=1e-5)


def test_a_state_that_stops_being_finite_poisons_no_other():
    def F(h):
        return jnp.where(h > 10.0, jnp.inf, 0.5 * h)

    settings = GradientSettings(max_steps=400)
    alone = find_fixed_points(F, np.full((2, 2), 1.0), method="gradient", settings=settings)
    mixed = find_fixed_points(
        F,
        [[1.0, 1.0], [20.0, 0.0], [np.nan, 0.0], [1.0, 1.0]],
        method="gradient",
        settings=settings,
    )
    assert mixed.status[1] == mixed.status[2] == "diverged"
    assert np.isfinite(mixed.trace).all()
    np.testing.assert_allclose(mixed.state[[0, 3]], alone.state, rtol=1e-3)


def test_progress_is_told_after_each_batch():
    told = []
    settings = GradientSettings(max_steps=500, stop_mean_square=0)
    end = descend(shrink, np.ones((2, 2)), settings, lambda *args: told.append(args))
    assert [t[:2] for t in told] == [(200, 500), (400, 500), (500, 500)]
    assert told[-1][2] == end.trace[-1]


def test_the_users_precision_is_left_alone(x64):
    end = descend(shrink, np.ones((2, 2)), GradientSettings(max_steps=5))
    assert jax.config.read("jax_enable_x64") or jnp.ones(1).dtype == jnp.float64
    assert end.trace.dtype == np.float32


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("learning_rate", 0.0),
        ("learning_rate", np.inf),
        ("learning_rate", np.nan),
        ("max_steps", 0),
        ("max_steps", np.inf),
        ("max_steps", 10.0),
        ("batch_steps", 0),
        ("batch_steps", np.nan),
        ("stop_mean_square", -1.0),
        ("stop_mean_square", np.inf),
        ("stop_mean_square", np.nan),
    ],
)
def test_settings_out_of_range_are_refused(field, value):
    with pytest.raises(ValueError, match=f"^`{field}` must be .*; got"):
        GradientSettings(**{field: value})
