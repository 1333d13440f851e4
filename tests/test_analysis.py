import dataclasses
from typing import Any, NamedTuple

import hypothesis
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st
from jax.tree_util import Partial
from small import SMALL, points_at

from yang_rnn.analysis import (
    ScaleError,
    average_by,
    central_point,
    find_slow_points,
    fit_pca,
    search_points,
)
from yang_rnn.dynamics.linearisation import linearise
from yang_rnn.dynamics.simulation import simulate
from yang_rnn.dynamics.system import AutonomousMap
from yang_rnn.experiment.run import Run, run_experiment
from yang_rnn.model import CTRNN, WEIGHT_NAMES
from yang_rnn.recipe import NOTEBOOK, Recipe
from yang_rnn.task import PerceptualDecisionMaking

REST = NOTEBOOK.search_input
QUICK = Recipe(search_steps=400)


class Recorded(NamedTuple):
    net: CTRNN
    F: AutonomousMap
    activity: np.ndarray  # (22, 100, 64)


@pytest.fixture(scope="module")
def recorded(golden: dict[str, np.ndarray]) -> Recorded:
    """Return the recorded network and its activity on the recorded 100 trials."""
    net = CTRNN(3, 64, 3, dt=100.0, seed=0)
    net.set_weights({name: golden[f"final_{name}"] for name in WEIGHT_NAMES})
    trials = PerceptualDecisionMaking(seed=int(golden["trials_seed"])).sample_trials(100)
    np.testing.assert_allclose(trials.inputs[:, :5], golden["trial_inputs_first5"], rtol=1e-6)
    system = net.system()
    return Recorded(net, system.at(REST), simulate(system, trials.inputs).activity)


only_3 = pytest.mark.parametrize("golden", [3], indirect=True)


def test_golden_activity_and_variance(golden: dict[str, np.ndarray], recorded: Recorded):
    activity = recorded.activity
    for ours, theirs in (
        (activity[:, :5], golden["activity_first5"]),
        (activity.mean(axis=(0, 1)), golden["activity_mean"]),
    ):
        assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).max()
    ratio = fit_pca(activity).explained_variance_ratio_
    np.testing.assert_allclose(ratio, golden["explained_variance_ratio"], atol=1e-3)


def test_golden_search_begins_as_recorded(golden: dict[str, np.ndarray], recorded: Recorded):
    points = find_slow_points(recorded.F, recorded.activity, recipe=QUICK)
    theirs = golden["search_loss_every_200"]
    np.testing.assert_allclose(points.trace[[199, 399]], theirs[:2], rtol=0.01)


@pytest.mark.slow
def test_golden_search_keeps_about_as_many(golden: dict[str, np.ndarray], recorded: Recorded):
    points = find_slow_points(recorded.F, recorded.activity)
    theirs = golden["search_loss_every_200"]
    assert points.trace[1999] == pytest.approx(float(theirs[9]), rel=0.01)
    _, slow, _, kept = golden["search_counts"]
    assert points.total_starts == 2200
    found = points.search_counts["fixed"] + points.search_counts["slow"]
    assert found == pytest.approx(slow, rel=0.1)
    assert len(points) == pytest.approx(kept, rel=0.4)
    recorded_points = golden["slow_points"]
    nearest = np.linalg.norm(recorded_points[:, None] - points.state[None], axis=-1).min(axis=1)
    assert np.median(nearest) < 0.1


def test_pcs_are_those_of_the_covariance():
    rng = np.random.default_rng(0)
    activity = rng.normal(size=(7, 11, 5)) @ np.diag([5.0, 3.0, 1.0, 0.5, 0.1])
    pca = fit_pca(activity, components=3)
    values = np.sort(np.linalg.eigvalsh(np.cov(activity.reshape(-1, 5).T)))[::-1]
    np.testing.assert_allclose(pca.explained_variance_, values[:3])
    np.testing.assert_allclose(pca.explained_variance_ratio_, values[:3] / values.sum())


@only_3
def test_kept_points_are_slow_unique_and_in_company(recorded: Recorded):
    recipe = dataclasses.replace(
        QUICK, slow_mean_square=0.1, unique_distance=0.5, outlier_distance=2.0
    )
    points = find_slow_points(recorded.F, recorded.activity[:, :20], recipe=recipe)
    assert len(points) > 1
    assert sum(points.search_counts.values()) == points.total_starts == 440
    image = step_in_numpy(recorded.net, points.state)
    assert (((image - points.state) ** 2).mean(axis=1) < 0.1 * 1.001).all()
    distance = np.linalg.norm(points.state[:, None] - points.state[None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    assert distance.min() > 0.5
    assert (distance.min(axis=0) < 2.0).all()


def step_in_numpy(net: CTRNN, h: np.ndarray, x: Any = REST) -> np.ndarray:
    """Return F(h) of a relu network whose time step is its time constant, in float64."""
    w = {name: value.astype(float) for name, value in net.weights.items()}
    return np.maximum(np.asarray(x) @ w["w_ir"] + h @ w["w_rr"] + w["b_rr"], 0)


def drift(h: Any) -> Any:
    """Move on for ever: a map without a fixed or a slow point."""
    return h + 2.0


@pytest.mark.parametrize("search", ["gradient", "newton"])
def test_no_slow_point_is_a_result(search: Any):
    states = np.random.default_rng(0).normal(size=(7, 3, 8))
    points = find_slow_points(drift, states, recipe=dataclasses.replace(SMALL, search=search))
    assert len(points) == 0
    assert points.search_counts["unconverged"] == points.total_starts == 21
    assert central_point(points, states) is None


def test_random_starts_come_on_top_of_the_trajectories():
    recipe = dataclasses.replace(
        SMALL, search_steps=1, search_check_every=1, slow_mean_square=1e9, outlier_distance=1e9
    )
    states = np.random.default_rng(0).normal(size=(11, 2, 8))
    with_random = {
        seed: find_slow_points(
            drift, states, recipe=dataclasses.replace(recipe, random_starts=7, seed=seed)
        )
        for seed in (0, 1)
    }
    assert with_random[0].total_starts == 22 + 7
    np.testing.assert_array_equal(with_random[0].start[:-7], states.reshape(-1, 8))
    random = [points.start[-7:] for points in with_random.values()]
    assert 0 <= random[0].min() < 0.5
    assert 2.5 < random[0].max() <= 3
    assert random[0].std() > 0.5
    # Their seed is their own: neither the weights', nor that of the test trials.
    seeds = recipe.seeds
    uniform = {
        name: np.random.default_rng(seed).uniform(0, 3, (7, 8))
        for name, seed in seeds._asdict().items()
    }
    same = [name for name, draw in uniform.items() if np.array_equal(random[0], draw)]
    assert same == ["starts"]
    assert not np.array_equal(random[0], random[1])


@only_3
def test_points_are_those_of_the_constant_input(recorded: Recorded):
    system, states = recorded.net.system(), recorded.activity[:, :20]
    traces = [
        find_slow_points(F, states, recipe=QUICK).trace
        for F in (system.at(REST), system.at(np.array(REST)), system.at((1.0, 1.0, 0.0)))
    ]
    assert np.array_equal(traces[0], traces[1])
    assert not np.array_equal(traces[0], traces[2])


def test_any_map_is_searched():
    centre = jnp.linspace(0.0, 1.0, 8)
    states = np.random.default_rng(0).normal(size=(5, 8))
    recipe = Recipe(hidden=8, search="newton")
    points = find_slow_points(lambda h: 0.5 * (h + centre), states, recipe=recipe)
    assert points.counts["fixed"] == len(points) == 1
    np.testing.assert_allclose(points.state[0], centre, atol=1e-6)


def three_points(scale, h):
    """Be fixed at 0 and, by the first unit, at -1 and 1 times the scale."""
    x, y = h / scale
    return scale * jnp.stack([(3 * x - x**3) / 2, 0.5 * y])


@pytest.mark.parametrize("search", ["newton", "gradient"])
@hypothesis.given(exponent=st.floats(-12, 12))
def test_states_of_whatever_scale_are_searched_rightly_or_refused(search: Any, exponent: float):
    scale = 10.0**exponent
    starts = scale * np.random.default_rng(0).uniform(-1, 1, size=(20, 2))
    F = Partial(three_points, np.float64(scale))
    recipe = Recipe(hidden=2, components=2, search=search, search_steps=20, random_starts=0)
    try:
        points = find_slow_points(F, starts, recipe=recipe)
    except ScaleError:
        assert scale < 0.02  # the notebook's numbers are for states of about 1
        return
    assert scale > 1e-4
    assert sum(points.search_counts.values()) == 20
    if search == "newton" and scale > 0.1:
        found = points.with_status("fixed").state[:, 0] / scale
        np.testing.assert_allclose(np.sort(found), [-1.0, 0.0, 1.0], atol=1e-6)


@pytest.mark.parametrize("field", ["slow_mean_square", "unique_distance"])
def test_numbers_of_a_recipe_that_dwarf_all_states_are_named(field: str):
    states = 1e-9 * np.random.default_rng(0).choice([-1.0, 1.0], size=(20, 2))
    fitting = {"slow_mean_square": 1e-22, "unique_distance": 1e-11, "fixed_speed": 0.0}
    numbers: dict[str, Any] = {"hidden": 2, "components": 2, "search": "newton"} | fitting
    numbers["random_starts"] = 0
    found = find_slow_points(lambda h: 0.5 * h, states, recipe=Recipe(**numbers))
    assert len(found) == found.counts["fixed"] == 1
    numbers[field] = getattr(Recipe(), field)
    with pytest.raises(ScaleError, match=f"`{field}` must be less for states of scale 1e-09"):
        find_slow_points(lambda h: 0.5 * h, states, recipe=Recipe(**numbers))


def test_centre_is_the_fixed_point_in_the_middle():
    points = points_at(["slow", "fixed", "fixed"], [1e-3, 1e-25, 1e-21], [[0.0], [5.0], [1.0]])
    assert central_point(points, np.array([[-1.0], [1.0]])) == 2


def test_centre_is_no_point_far_from_the_data_unless_all_are():
    points = points_at(["slow", "fixed", "fixed"], [1e-5, 0.0, 0.0], np.eye(3))
    activity = np.tile(points.state[1], (4, 1))  # the middle is at the second, which is far
    for outside, centre in (([0, 1, 0], 2), ([0, 1, 1], 0), ([1, 1, 1], 1), ([0, 0, 0], 1)):
        flagged = dataclasses.replace(points, outside=np.array(outside, bool))
        assert central_point(flagged, activity) == centre


def test_centre_is_the_slowest_where_none_is_fixed():
    points = points_at(["unconverged", "slow", "slow"], [1.0, 1e-2, 1e-3], [[0.0], [0.1], [9.0]])
    assert central_point(points, np.array([[-1.0], [1.0]])) == 2


@pytest.mark.parametrize(
    "activity", [np.ones(4), np.ones((3, 0)), np.full((3, 4), np.nan)], ids=["1d", "empty", "nan"]
)
def test_impossible_activity_is_refused(activity: np.ndarray):
    with pytest.raises(ValueError, match="`activity` must"):
        fit_pca(activity)


def test_activity_of_another_network_is_refused():
    F = CTRNN(3, 8, 3).system().at(REST)
    with pytest.raises(ValueError, match=r"a state of shape \(9,\)"):
        find_slow_points(F, np.ones((5, 9)))


def test_too_many_components_are_refused():
    with pytest.raises(ValueError, match="`components` must be from 1 to 4"):
        fit_pca(np.ones((9, 4)), components=5)


def test_newton_points_are_fixed_whatever_the_order_of_the_starts(recorded: Recorded):
    recipe, activity = Recipe(search="newton"), recorded.activity[:, :30]
    points = find_slow_points(recorded.F, activity, recipe=recipe)
    assert points.counts["fixed"] > 0
    h = points.state[points.status == "fixed"]
    assert np.abs(step_in_numpy(recorded.net, h) - h).max() < 1e-9
    shuffled = np.random.default_rng(0).permutation(activity.reshape(-1, 64))[:, None]
    again = find_slow_points(recorded.F, shuffled, recipe=recipe)
    assert again.search_counts == points.search_counts
    order = [np.lexsort(p.state.T.round(6)) for p in (points, again)]
    np.testing.assert_allclose(points.state[order[0]], again.state[order[1]], atol=1e-8)


def are_what_they_are_called(run: Run) -> None:
    for points in (run.points, run.newton_points):
        assert (
            sum(points.search_counts.values()) == points.total_starts == run.activity[..., 0].size
        )
        step = np.abs(step_in_numpy(run.net, points.state) - points.state)
        assert step[points.status == "fixed"].max(initial=0.0) < 1e-9
        slow = (step**2).mean(axis=1)[points.status == "slow"]
        assert (slow < run.recipe.slow_mean_square).all()
        assert set(points.status) <= {"fixed", "slow"}


def test_points_of_a_small_network_are_what_they_are_called(small_run: Run):
    are_what_they_are_called(small_run)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_points_of_freshly_trained_networks_are_what_they_are_called(seed: int):
    recipe = Recipe(seed=seed, hidden=24, epochs=6, search_steps=1000, analysis_trials=20)
    run = run_experiment(recipe)
    are_what_they_are_called(run)
    shuffled = np.random.default_rng(seed).permutation(run.activity.reshape(-1, 24))
    newton = dataclasses.replace(recipe, search="newton")
    again = find_slow_points(run.at_rest, shuffled, recipe=newton)
    assert {tuple(h) for h in again.state} == {tuple(h) for h in run.newton_points.state}


def test_network_is_linearised_at_its_stimulus_with_its_input():
    net = CTRNN(3, 8, 3, dt=100.0, seed=1)
    states = np.random.default_rng(0).normal(size=(2, 8)) + 1.0
    stimulus = np.array([1.0, 0.2, 0.8])
    modes = linearise(net.system().at(stimulus), states)
    w = net.weights
    total = stimulus @ w["w_ir"] + states @ w["w_rr"] + w["b_rr"]
    active = (total > 0)[:, :, None]
    np.testing.assert_allclose(modes.jacobian, active * w["w_rr"].T, atol=1e-6)
    np.testing.assert_allclose(modes.input_jacobian, active * w["w_ir"].T, atol=1e-6)
    assert modes.dt == 100.0


def test_states_that_never_change_have_no_variance_to_explain():
    pca = fit_pca(np.ones((5, 3, 4)))
    assert list(pca.explained_variance_ratio_) == [0.0, 0.0]


def test_averages_are_those_of_the_trials_of_each_coherence_and_choice():
    task = PerceptualDecisionMaking(seed=2)
    trials = task.sample_trials(60)
    activity = np.random.default_rng(0).normal(size=(22, 60, 3)).astype(np.float32)
    coherence, groups = trials.conditions["coherence"], {}
    for trial in range(60):
        # Coherence 0 has no side.
        level = float(coherence[trial]) * (1 if trials.choice[trial] == 1 else -1)
        groups.setdefault(0.0 if level == 0 else level, []).append(activity[:, trial])
    averages = average_by(activity, task.two_alternatives().signed_strength(trials))
    assert averages.level.tolist() == sorted(groups)
    assert averages.activity.shape == (22, len(groups), 3)
    for index, level in enumerate(sorted(groups)):
        mean = sum(path.astype(float) for path in groups[level]) / len(groups[level])
        np.testing.assert_allclose(averages.activity[:, index], mean, atol=1e-12)


def test_averages_are_by_any_value():
    activity = np.arange(12.0).reshape(2, 3, 2)
    averages = average_by(activity, [7, -1, 7])
    assert averages.level.tolist() == [-1, 7]
    np.testing.assert_allclose(averages.activity[:, 0], activity[:, 1])
    np.testing.assert_allclose(averages.activity[:, 1], activity[:, [0, 2]].mean(axis=1))


@pytest.mark.parametrize("shape", [(22, 5, 3), (6, 3), (22, 6)])
def test_averages_take_the_activity_of_the_trials(shape: tuple[int, ...]):
    with pytest.raises(ValueError, match=r"`activity` must have shape \(time, 6, unit\); got"):
        average_by(np.ones(shape), np.arange(6))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones((2, 3)), r"`values` must have shape \(trial,\); got \(2, 3\)"),
        (1.0, r"`values` must have shape \(trial,\); got \(\)"),
        ([1.0, np.nan, 2.0], "`values` must be finite"),
    ],
)
def test_averages_take_one_number_a_trial(values: Any, message: str):
    with pytest.raises(ValueError, match=message):
        average_by(np.ones((2, 3, 4)), values)


@pytest.mark.parametrize(
    "activity", [np.ones((4, 3)) * 1j, np.ma.array(np.ones((4, 3)), mask=True), [["a", "b"]]]
)
def test_states_that_are_no_plain_real_numbers_are_refused(activity: Any):
    with pytest.raises((TypeError, ValueError), match=r"^`activity` must "):
        fit_pca(activity, 1)


def attractor(scale: float = 1.0) -> CTRNN:
    """Return h' = h / 2 + x / 2 in four units: one stable point, at each unit's input."""
    net = CTRNN(2, 4, 3, dt=20.0, tau=40.0, seed=0)
    weights = {name: 0 * value for name, value in net.weights.items()}
    units = np.array([[1.0, 0, 1, 0], [0, 1, 0, 1]])
    net.set_weights(weights | {"w_ir": scale * units, "b_rr": np.full(4, 1.0)})
    return net


def test_points_are_searched_in_units_of_the_states_own_scale():
    for scale in (1e-3, 1.0, 1e3):
        net = attractor()
        net.set_weights(net.weights | {"b_rr": np.full(4, scale)})
        states = scale * np.random.default_rng(0).uniform(0.5, 2, (100, 4))
        points = search_points(net.system().at((0.0, 0.0)), states)
        np.testing.assert_allclose(points.state, np.full((1, 4), scale), rtol=1e-6)
        assert points.starts_reached.tolist() == [100]
