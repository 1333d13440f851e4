import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom
from small import SMALL

from yang_rnn.behaviour import accuracy
from yang_rnn.dynamics import simulate
from yang_rnn.ensemble import training
from yang_rnn.ensemble.training import TrainedMember, num_lanes, train_ensemble
from yang_rnn.experiment.run import Run
from yang_rnn.model import CTRNN
from yang_rnn.recipe import NOTEBOOK, PRIMER, Recipe
from yang_rnn.task import PerceptualDecisionMaking, recipe_for, task_of
from yang_rnn.train import DivergenceError, History, train_recipe
from yang_rnn.trials import Task, Trials

UNEVEN = dataclasses.replace(SMALL, trials_per_epoch=24)  # a last batch of 8 trials
PRIMER_LIKE = dataclasses.replace(
    SMALL, sequence_steps=30, stream_steps=100, noise_in="stimulus", initialisation="linear",
    tau=200.0, activation="softplus",
)  # fmt: skip
CONSTRAINED = dataclasses.replace(
    SMALL, excitatory=0.75, readout_units="excitatory", unit_noise=0.1, initial_state="trained",
    leak="outside", tau=200.0, l2_weights=1e-3, l2_rates=1e-2, clip_norm=0.05,
    learning_rate_schedule="cosine",
)  # fmt: skip
LOW_RANK = dataclasses.replace(SMALL, rank=2, activation="tanh", learning_rate=1e-2)
UNASKED = dataclasses.replace(SMALL, sequence_steps=10, epochs=1)  # cut off before any decision


def seeds(recipe: Recipe, *numbers: int) -> list[Recipe]:
    return [dataclasses.replace(recipe, seed=number) for number in numbers]


def assert_trained_alike(member: TrainedMember, net: CTRNN, history: History):
    assert member.error is None
    np.testing.assert_allclose(member.history.loss, history.loss, rtol=1e-5)
    np.testing.assert_allclose(member.history.accuracy, history.accuracy, atol=1e-6)
    assert set(member.weights) == set(net.weights)
    for name, value in net.weights.items():
        np.testing.assert_allclose(member.weights[name], value, atol=1e-5)
        np.testing.assert_array_equal(member.network().weights[name], member.weights[name])


def test_a_member_is_trained_as_a_single_network_is(small_run: Run):
    member = train_ensemble(seeds(SMALL, 3, small_run.recipe.seed))[1]
    assert_trained_alike(member, small_run.net, small_run.history)


@pytest.mark.parametrize(
    "recipe",
    [
        PRIMER_LIKE,
        CONSTRAINED,
        pytest.param(LOW_RANK, marks=pytest.mark.slow),
        pytest.param(UNEVEN, marks=pytest.mark.slow),
        pytest.param(UNASKED, marks=pytest.mark.slow),
    ],
    ids=["primer", "constrained", "low-rank", "uneven", "unasked"],
)
def test_so_it_is_whatever_the_recipe(recipe: Recipe):
    (member,) = train_ensemble(seeds(recipe, 4))
    net = CTRNN.from_recipe(member.recipe)
    history = train_recipe(net, member.recipe, task_of(member.recipe))
    assert_trained_alike(member, net, history)
    assert np.isnan(history.accuracy).all() == (recipe is UNASKED)


OF_VALUES = dataclasses.replace(
    SMALL, task="RateReaching1D", num_inputs=33, num_outputs=2, trials_per_epoch=16
)


@pytest.mark.slow
def test_a_task_of_values_trains_as_a_single_network_does():
    recipe = recipe_for(OF_VALUES, task_of(OF_VALUES))
    member = train_ensemble(seeds(recipe, 3, 4))[1]
    net = CTRNN.from_recipe(member.recipe)
    history = train_recipe(net, member.recipe, task_of(member.recipe))
    assert np.isnan(history.accuracy).all()
    assert_trained_alike(member, net, history)


@pytest.mark.slow
def test_members_end_at_their_target_accuracy_each_by_itself():
    recipe = dataclasses.replace(
        SMALL, epochs=8, learning_rate=1e-2, target_accuracy=0.45, held_out_trials=300
    )
    together = train_ensemble(seeds(recipe, 0, 1, 2))
    lengths = set()
    for member in together:
        net = CTRNN.from_recipe(member.recipe)
        history = train_recipe(net, member.recipe, task_of(member.recipe))
        np.testing.assert_allclose(member.history.loss, history.loss, rtol=1e-3)
        for name, value in net.weights.items():
            np.testing.assert_allclose(member.weights[name], value, atol=1e-3)
        lengths.add(len(history.loss))
    assert len(lengths) > 1


class RandomLengths(Task):
    num_inputs, num_outputs, dt = 3, 3, 100.0

    def sample_trials(self, num_trials: int) -> Trials:
        lengths = self.rng.integers(3, 9, size=num_trials)
        inside = np.arange(lengths.max())[:, None] < lengths
        inputs = self.rng.normal(size=(*inside.shape, 3))
        return Trials(inputs, inside.astype(int), {}, {}, weights=inside.astype(float))


@pytest.mark.slow
def test_members_of_a_task_of_random_lengths_are_trained_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
):
    def make(recipe: Recipe, seed: int | None = None) -> Task:
        return RandomLengths().seeded(recipe.seeds.training if seed is None else seed)

    monkeypatch.setattr(training, "task_of", make)
    recipe = dataclasses.replace(
        SMALL, task="RateDelayMatchSample", num_inputs=3, num_outputs=3, epochs=1
    )
    assert num_lanes(recipe) == 1
    assert num_lanes(dataclasses.replace(recipe, sequence_steps=20)) == 8
    (member,) = train_ensemble([recipe])
    net = CTRNN.from_recipe(recipe)
    history = train_recipe(net, recipe, make(recipe))
    np.testing.assert_allclose(member.history.loss, history.loss, rtol=1e-5)
    for name, value in net.weights.items():
        np.testing.assert_allclose(member.weights[name], value, atol=1e-5)


def test_a_member_does_not_depend_on_the_others_to_the_bit():
    together = train_ensemble(seeds(SMALL, 0, 1, 2, 3, 4))
    alone = train_ensemble(seeds(SMALL, 3))[0]
    moved = train_ensemble(seeds(SMALL, 9, 3))[1]
    for name in alone.weights:
        assert np.array_equal(together[3].weights[name], alone.weights[name])
        assert np.array_equal(moved.weights[name], alone.weights[name])
    assert np.array_equal(together[3].history.loss, alone.history.loss)
    assert not np.array_equal(together[2].weights["w_rr"], alone.weights["w_rr"])


def test_a_member_that_diverges_says_so():
    wild = dataclasses.replace(SMALL, learning_rate=1e30)
    member = train_ensemble([wild])[0]
    assert isinstance(member.error, DivergenceError)
    assert str(member.error).startswith("the loss of epoch 1 is")
    assert "try a learning rate below 1e+30" in str(member.error)


def test_a_member_whose_weights_alone_are_lost_has_failed():
    # The loss is taken before the step: one batch an epoch has a finite one.
    wild = dataclasses.replace(SMALL, learning_rate=1e38, epochs=1, batch_size=32)
    member = train_ensemble([wild])[0]
    assert np.isfinite(member.history.loss).all()
    assert "the weights after epoch 1 reach" in str(member.error)


def test_epochs_are_reported():
    told: list[int] = []
    train_ensemble([SMALL], on_epoch=told.append)
    assert told == [1, 2]


def test_lanes_depend_on_the_recipe_and_fit_into_memory():
    assert num_lanes(NOTEBOOK) == num_lanes(PRIMER) == 8
    assert num_lanes(NOTEBOOK, "gpu") > 100
    for platform, room in (("cpu", 2 * 2**30), ("gpu", 8 * 2**30)):
        huge = dataclasses.replace(NOTEBOOK, hidden=8000)
        assert 1 <= num_lanes(huge, platform) <= 8
        # Weights, gradients and two moments of all lanes alone, in float32.
        assert num_lanes(huge, platform) * 4 * 4 * 8000**2 <= room
        assert num_lanes(dataclasses.replace(NOTEBOOK, hidden=100_000), platform) == 1


@pytest.mark.parametrize(
    "numbers",
    [{"unit_noise": 0.1}, {"excitatory": 0.8}, {"target_accuracy": 0.8, "held_out_trials": 9999}],
)
def test_what_takes_more_memory_leaves_room_for_fewer_lanes(numbers: dict[str, Any]):
    plain = dataclasses.replace(NOTEBOOK, hidden=2000)
    assert num_lanes(dataclasses.replace(plain, **numbers), "gpu") < num_lanes(plain, "gpu")
    # A product of factors is as large as any recurrent weights: with its slope 8 bytes each.
    low = dataclasses.replace(NOTEBOOK, hidden=20_000, rank=2)
    assert num_lanes(low, "gpu") * 8 * 20_000**2 <= 8 * 2**30


def test_what_can_not_be_trained_together_is_refused():
    with pytest.raises(ValueError, match="got none"):
        train_ensemble([])
    with pytest.raises(ValueError, match="at most 8; got 9"):
        train_ensemble(seeds(SMALL, *range(9)))
    with pytest.raises(ValueError, match="equal except for their seeds"):
        train_ensemble([SMALL, dataclasses.replace(SMALL, hidden=13)])


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("recipe", "median"), [(NOTEBOOK, 0.86), (PRIMER, 0.88)])
def test_trained_networks_decide_well(recipe: Recipe, median: float):
    accuracies = []
    for batch in (range(8), range(8, 16)):
        for member in train_ensemble(seeds(recipe, *batch)):
            fresh = PerceptualDecisionMaking.from_recipe(recipe, seed=member.recipe.seeds.test)
            trials = fresh.sample_trials(10_000)
            outputs = simulate(member.network().system(), trials.inputs).outputs
            assert outputs is not None
            accuracies.append(accuracy(outputs, trials))
    # If half of all networks decide better than this, so do 2 or more of 16, but for one chance in
    # a thousand: a sign test, since rounding makes other networks on other processors.
    assert np.sum(np.array(accuracies) >= median) >= binom.ppf(1e-3, 16, 0.5) > 0
    # A share of 10,000 trials has a standard error of 0.003; the ceiling is 0.8957.
    assert np.max(accuracies) < 0.8957 + 4 * 0.003
