import dataclasses
from typing import Any

import numpy as np
import pytest
from small import points_at

from yang_rnn.analysis import (
    average_by_coherence,
    central_point,
    find_slow_points,
    fit_pca,
    linearise_network,
)
from yang_rnn.fixed_points import find_fixed_points
from yang_rnn.gradient import GradientSettings
from yang_rnn.model import CTRNN, WEIGHT_NAMES
from yang_rnn.recipe import NOTEBOOK, Recipe
from yang_rnn.task import PerceptualDecisionMaking
from yang_rnn.train import train

QUICK = Recipe(search_steps=400)


@pytest.fixture(scope="module")
def trained(golden: dict[str, np.ndarray]) -> tuple[CTRNN, np.ndarray]:
    """Return the recorded network and its activity on the recorded 100 trials."""
    net = CTRNN(3, 64, 3, dt=100.0, seed=0)
    net.set_weights({name: golden[f"final_{name}"] for name in WEIGHT_NAMES})
    trials = PerceptualDecisionMaking(seed=int(golden["trials_seed"])).sample_trials(100)
    np.testing.assert_allclose(trials.inputs[:, :5], golden["trial_inputs_first5"], rtol=1e-6)
    return net, np.asarray(net.predict(trials.inputs)[0])


def test_golden_activity_and_variance(golden: dict[str, np.ndarray], trained: Any):
    _, activity = trained
    for ours, theirs in (
        (activity[:, :5], golden["activity_first5"]),
        (activity.mean(axis=(0, 1)), golden["activity_mean"]),
    ):
        assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).max()
    ratio = fit_pca(activity).explained_variance_ratio_
    np.testing.assert_allclose(ratio, golden["explained_variance_ratio"], atol=1e-3)


def test_golden_search(golden: dict[str, np.ndarray], trained: Any):
    net, activity = trained
    ends = find_fixed_points(
        net.state_map((1.0, 0.5, 0.5)),
        activity.reshape(-1, 64),
        method="gradient",
        settings=GradientSettings(max_steps=2000),
    )
    assert ends.trace is not None
    recorded = golden["search_loss_every_200"]
    assert ends.trace[199] == pytest.approx(float(recorded[0]), rel=0.01)
    assert ends.trace[1999] == pytest.approx(float(recorded[9]), rel=0.01)


@pytest.mark.slow
def test_golden_search_keeps_about_as_many(golden: dict[str, np.ndarray], trained: Any):
    points = find_slow_points(*trained)
    _, slow, _, kept = golden["search_counts"]
    assert points.total_starts == 2200
    found = points.search_counts["fixed"] + points.search_counts["slow"]
    assert found == pytest.approx(slow, rel=0.1)
    assert len(points) == pytest.approx(kept, rel=0.4)
    theirs = golden["slow_points"]
    nearest = np.linalg.norm(theirs[:, None] - points.state[None], axis=-1).min(axis=1)
    assert np.median(nearest) < 0.1


def test_pcs_are_those_of_the_covariance():
    rng = np.random.default_rng(0)
    activity = rng.normal(size=(7, 11, 5)) @ np.diag([5.0, 3.0, 1.0, 0.5, 0.1])
    pca = fit_pca(activity, components=3)
    values = np.sort(np.linalg.eigvalsh(np.cov(activity.reshape(-1, 5).T)))[::-1]
    np.testing.assert_allclose(pca.explained_variance_, values[:3])
    np.testing.assert_allclose(pca.explained_variance_ratio_, values[:3] / values.sum())


def test_kept_points_are_slow_unique_and_in_company(trained: Any):
    net, activity = trained
    recipe = Recipe(
        search_steps=400, slow_mean_square=0.1, unique_distance=0.5, outlier_distance=2.0
    )
    points = find_slow_points(net, activity[:, :20], recipe=recipe)
    assert len(points) > 1
    assert sum(points.search_counts.values()) == points.total_starts == 440
    image = np.asarray(net.state_map(recipe.search_input)(points.state.astype(np.float32)))
    assert (((image - points.state) ** 2).mean(axis=1) < 0.1 * 1.001).all()
    distance = np.linalg.norm(points.state[:, None] - points.state[None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    assert distance.min() > 0.5
    assert (distance.min(axis=0) < 2.0).all()


def test_no_slow_point_is_a_result(trained: Any):
    net, activity = trained
    points = find_slow_points(net, activity[:, :3], recipe=Recipe(slow_mean_square=1e-13))
    assert len(points) == 0
    assert points.search_counts["unconverged"] == 66
    assert central_point(points, activity) is None


def test_random_starts_come_on_top_of_the_trajectories(trained: Any):
    net, activity = trained
    recipe = Recipe(search_steps=1, search_check_every=1, random_starts=7, slow_mean_square=1e9)
    with_random = find_slow_points(
        net, activity[:, :2], recipe=dataclasses.replace(recipe, outlier_distance=1e9)
    )
    assert with_random.total_starts == 44 + 7
    random = with_random.start[-7:]
    assert random.min() >= 0
    assert random.max() <= 3
    assert random.std() > 0.5


def test_stimulus_is_the_recipes_or_given(trained: Any):
    net, activity = trained
    default = find_slow_points(net, activity[:, :3], recipe=QUICK)
    same = find_slow_points(net, activity[:, :3], (1.0, 0.5, 0.5), recipe=QUICK)
    other = find_slow_points(net, activity[:, :3], (1.0, 1.0, 0.0), recipe=QUICK)
    traces = [np.asarray(points.trace) for points in (default, same, other)]
    assert np.array_equal(traces[0], traces[1])
    assert not np.array_equal(traces[0], traces[2])


def test_centre_is_the_fixed_point_in_the_middle():
    points = points_at(["slow", "fixed", "fixed"], [1e-3, 1e-25, 1e-21], [[0.0], [5.0], [1.0]])
    assert central_point(points, np.array([[-1.0], [1.0]])) == 2


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
    with pytest.raises(ValueError, match="8 units; got 9"):
        find_slow_points(CTRNN(3, 8, 3), np.ones((5, 9)))


def test_too_many_components_are_refused():
    with pytest.raises(ValueError, match="`components` must be from 1 to 4"):
        fit_pca(np.ones((9, 4)), components=5)


def test_newton_points_are_fixed_whatever_the_order_of_the_starts(trained: Any):
    net, activity = trained
    recipe = Recipe(fixed_points="newton")
    points = find_slow_points(net, activity, recipe=recipe)
    assert points.counts["fixed"] > 0
    w = {name: value.astype(float) for name, value in net.weights.items()}
    h = points.state[points.status == "fixed"]
    image = np.maximum(np.array([1.0, 0.5, 0.5]) @ w["w_ir"] + h @ w["w_rr"] + w["b_rr"], 0)
    assert np.abs(image - h).max() < 1e-9
    shuffled = np.random.default_rng(0).permutation(activity.reshape(-1, 64))[:, None]
    again = find_slow_points(net, shuffled, recipe=recipe)
    assert again.search_counts == points.search_counts
    order = [np.lexsort(p.state.T.round(6)) for p in (points, again)]
    np.testing.assert_allclose(points.state[order[0]], again.state[order[1]], atol=1e-8)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("method", ["newton", "gradient"])
def test_points_of_freshly_trained_networks_are_what_they_are_called(seed: int, method: Any):
    recipe = Recipe(seed=seed, hidden=24, epochs=6, fixed_points=method, search_steps=1000)
    net, task = CTRNN.from_recipe(recipe), PerceptualDecisionMaking.from_recipe(recipe)
    train(net, task, epochs=recipe.epochs)
    states = np.asarray(net.predict(task.sample_trials(20).inputs)[0])
    points = find_slow_points(net, states, recipe=recipe)
    assert sum(points.search_counts.values()) == 440
    w = {name: value.astype(float) for name, value in net.weights.items()}
    drive = np.array([1.0, 0.5, 0.5]) @ w["w_ir"] + w["b_rr"]
    step = np.abs(np.maximum(drive + points.state @ w["w_rr"], 0) - points.state)
    assert step[points.status == "fixed"].max(initial=0.0) < 1e-9
    assert ((step**2).mean(axis=1)[points.status == "slow"] < recipe.slow_mean_square).all()
    if method == "newton":
        shuffled = np.random.default_rng(seed).permutation(states.reshape(-1, 24))
        again = find_slow_points(net, shuffled, recipe=recipe)
        assert {tuple(h) for h in again.state} == {tuple(h) for h in points.state}


def test_network_is_linearised_at_its_stimulus_with_its_input():
    net = CTRNN(3, 5, 3, dt=100.0, seed=1)
    states = np.random.default_rng(0).normal(size=(2, 5)) + 1.0
    stimulus = np.array([1.0, 0.2, 0.8])
    modes = linearise_network(net, states, stimulus)
    w = net.weights
    total = stimulus @ w["w_ir"] + states @ w["w_rr"] + w["b_rr"]
    active = (total > 0)[:, :, None]
    np.testing.assert_allclose(modes.jacobian, active * w["w_rr"].T, atol=1e-6)
    np.testing.assert_allclose(modes.input_jacobian, active * w["w_ir"].T, atol=1e-6)
    assert modes.dt == 100.0
    default = linearise_network(net, states)
    there = linearise_network(net, states, NOTEBOOK.search_input)
    np.testing.assert_array_equal(default.jacobian, there.jacobian)


def test_states_that_never_change_have_no_variance_to_explain():
    pca = fit_pca(np.ones((5, 3, 4)))
    assert list(pca.explained_variance_ratio_) == [0.0, 0.0]


def test_averages_are_those_of_the_trials_of_each_coherence_and_choice():
    trials = PerceptualDecisionMaking(seed=2).sample_trials(60)
    activity = np.random.default_rng(0).normal(size=(22, 60, 3)).astype(np.float32)
    groups: dict[float, list[np.ndarray]] = {}
    for trial in range(60):
        # Coherence 0 has no side.
        level = float(trials.coherence[trial]) * (1 if trials.choice[trial] == 1 else -1)
        groups.setdefault(0.0 if level == 0 else level, []).append(activity[:, trial])
    averages = average_by_coherence(activity, trials)
    assert averages.signed_coherence.tolist() == sorted(groups)
    assert averages.activity.shape == (22, len(groups), 3)
    for index, level in enumerate(sorted(groups)):
        mean = sum(path.astype(float) for path in groups[level]) / len(groups[level])
        np.testing.assert_allclose(averages.activity[:, index], mean, atol=1e-12)


def test_averages_take_the_activity_of_the_trials():
    trials = PerceptualDecisionMaking(seed=2).sample_trials(6)
    for shape in ((22, 5, 3), (6, 3), (22, 6)):
        with pytest.raises(ValueError, match=r"`activity` must have shape \(time, 6, unit\); got"):
            average_by_coherence(np.ones(shape), trials)
