import dataclasses

import numpy as np
import pytest
from small import SMALL

import yang_rnn as yr
from yang_rnn.experiment.run import Found, Run, run_experiment
from yang_rnn.train import History

HISTORY = History(np.ones(2), np.ones(2))


def test_same_recipe_gives_the_same_numbers_to_the_bit(small_run: Run):
    again = run_experiment(SMALL)
    for name, value in small_run.net.weights.items():
        assert np.array_equal(again.net.weights[name], value)
    assert np.array_equal(again.activity, small_run.activity)
    assert np.array_equal(again.points.state, small_run.points.state)
    assert np.array_equal(again.newton_points.state, small_run.newton_points.state)
    assert again.tested.accuracy == small_run.tested.accuracy


def test_other_seed_gives_other_weights_and_trials(small_run: Run):
    other = run_experiment(dataclasses.replace(SMALL, seed=1))
    assert not np.array_equal(other.net.weights["w_rr"], small_run.net.weights["w_rr"])
    assert not np.array_equal(other.trials.inputs, small_run.trials.inputs)


def test_trials_of_analysis_and_test_are_fresh_and_differ(small_run: Run):
    trained_with = yr.PerceptualDecisionMaking.from_recipe(SMALL).sample_trials(10)
    assert not np.array_equal(small_run.trials.inputs, trained_with.inputs)
    assert small_run.trials.inputs.shape[1] == SMALL.analysis_trials
    assert small_run.test_trials.inputs.shape[1] == SMALL.test_trials
    first = small_run.test_trials.inputs[:, : SMALL.analysis_trials]
    assert not np.array_equal(small_run.trials.inputs, first)


def test_analysis_is_of_the_network_at_the_recipes_input(small_run: Run):
    weights = small_run.net.weights
    h = small_run.activity[5, 0]
    summed = np.array(SMALL.search_input) @ weights["w_ir"] + h @ weights["w_rr"] + weights["b_rr"]
    np.testing.assert_allclose(small_run.at_rest(h), np.maximum(summed, 0), rtol=1e-5, atol=1e-6)


def test_averages_are_those_of_the_test_trials(small_run: Run):
    averages, alternatives = small_run.tested.averages, small_run.alternatives
    assert averages is not None
    assert alternatives is not None
    strength = alternatives.signed_strength(small_run.test_trials)
    activity, outputs = small_run.net.predict(small_run.test_trials.inputs)
    level = averages.level[-1]
    np.testing.assert_allclose(
        averages.activity[:, -1],
        np.asarray(activity)[:, strength == level].mean(axis=1),
        rtol=1e-5,
        atol=1e-6,
    )
    asked = small_run.test_trials.targets > 0
    answers = np.asarray(outputs).argmax(axis=-1)
    share = (answers == small_run.test_trials.targets)[asked].mean()
    assert small_run.test_accuracy == pytest.approx(share)


def test_centre_and_modes_are_those_of_the_verdict(small_run: Run):
    verdict, modes = small_run.verdict, small_run.modes
    assert verdict is not None
    assert modes is not None
    assert verdict.centre == small_run.centre
    assert verdict.modes is not None
    assert np.array_equal(verdict.modes.eigenvalues, modes.eigenvalues)
    assert verdict.points is small_run.newton_points


def test_linearise_takes_the_fixed_points_of_newtons_method_or_others(small_run: Run):
    assert len(small_run.linearise()) == small_run.newton_points.counts["fixed"]
    assert len(small_run.linearise(small_run.activity[-1])) == SMALL.analysis_trials


def test_a_search_by_newtons_method_is_made_once():
    recipe = dataclasses.replace(SMALL, search="newton")
    run = run_experiment(recipe)
    assert run.points is run.newton_points
    assert run.points.method == "newton"


def test_progress_is_of_the_recipes_search_alone(small_run: Run):
    seen = []
    run = dataclasses.replace(small_run, on_search=lambda *now: seen.append(now))
    _ = run.newton_points
    assert seen == []
    _ = run.points
    assert [done for done, *_ in seen] == [20, 40]


def test_what_searches_found_is_not_searched_again(small_run: Run):
    found = Found(small_run.points[:0], small_run.newton_points)
    run = dataclasses.replace(small_run, found=found)
    assert len(run.points) == 0
    assert run.newton_points is small_run.newton_points


def test_fewer_trials_start_a_search_where_that_is_said(small_run: Run):
    run = dataclasses.replace(small_run, search_trials=3)
    assert run.newton_points.total_starts == 3 * SMALL.num_steps
    assert small_run.newton_points.total_starts == SMALL.analysis_trials * SMALL.num_steps


def test_flow_goes_through_the_centre_along_the_manifold(small_run: Run):
    flow, verdict = small_run.flow, small_run.verdict
    assert flow is not None
    assert verdict is not None
    assert verdict.centre is not None
    np.testing.assert_array_equal(flow.origin, verdict.points.state[verdict.centre])
    if verdict.manifold is not None:
        assert abs(flow.axes[0] @ verdict.manifold.axis) == pytest.approx(1)


def test_three_choices_have_no_verdict(three_choices: Run):
    run = three_choices
    assert run.alternatives is run.verdict is run.flow is None
    assert run.by_stimulus == ()
    assert run.tested.psychometric is run.tested.averages is None
    assert 0 <= run.test_accuracy <= 1
    assert run.modes is None or len(run.modes) == 1


def test_states_that_run_to_infinity_are_a_divergence():
    net = yr.CTRNN.from_recipe(SMALL)
    net.set_weights(net.weights | {"w_rr": 1e6 * np.eye(8), "b_rr": np.full(8, 2.0)})
    with pytest.raises(yr.DivergenceError, match="run to infinity"):
        _ = Run(SMALL, net, HISTORY).trajectories


def test_repr_says_what_was_changed_from_which_recipe():
    recipe = dataclasses.replace(yr.NOTEBOOK, hidden=8, seed=3)
    assert repr(Run(recipe, yr.CTRNN.from_recipe(recipe), HISTORY)) == (
        "Run(notebook-hidden8, seed 3)"
    )
