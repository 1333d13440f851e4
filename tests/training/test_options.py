"""What `train` takes besides its data: each option against an independent computation."""

import dataclasses
import functools
from typing import Any

import brainpy as bp
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from small import SMALL

from yang_rnn.experiment.run import Run
from yang_rnn.model import CTRNN
from yang_rnn.recipe import Recipe, seeds_of
from yang_rnn.task import PerceptualDecisionMaking
from yang_rnn.train import DivergenceError, History, TrainingState, train, train_recipe
from yang_rnn.trials import Task, Trials

SOME = (np.random.default_rng(0).normal(size=(4, 7, 3)), np.ones((4, 7), dtype=int))


def net_of(**options: Any) -> CTRNN:
    numbers: dict[str, Any] = {"seed": 0} | options
    return CTRNN(3, 8, 3, **numbers)


def task_of(recipe: Recipe = SMALL) -> PerceptualDecisionMaking:
    return PerceptualDecisionMaking.from_recipe(recipe)


def assert_equal(first: CTRNN, second: CTRNN) -> None:
    for name, value in first.weights.items():
        assert np.array_equal(value, second.weights[name]), name


# Going on


RESUMED: dict[str, dict[str, Any]] = {
    "adam": {},
    "noise": {"unit_noise": 0.2, "l2_rates": 0.1, "sequence_steps": 30, "stream_steps": 100},
    "constraints": {"excitatory": 0.75, "initial_state": "trained", "clip_norm": 0.1},
}


@pytest.mark.parametrize("numbers", RESUMED.values(), ids=RESUMED)
def test_training_in_parts_is_training_at_once_bit_for_bit(numbers: dict[str, Any]):
    recipe = dataclasses.replace(SMALL, epochs=3, **numbers)
    at_once, in_parts = CTRNN.from_recipe(recipe), CTRNN.from_recipe(recipe)
    whole = train_recipe(at_once, recipe, task_of(recipe))
    task = task_of(recipe)
    first = train_recipe(in_parts, recipe, task, epochs=1)
    told: list[int] = []
    second = train_recipe(
        in_parts, recipe, task, epochs=2, resume=first, on_epoch=lambda *e: told.append(e[0])
    )
    assert_equal(at_once, in_parts)
    assert np.array_equal(whole.loss, second.loss)
    assert np.array_equal(whole.accuracy, second.accuracy)
    assert told == [2, 3]
    assert whole.state is not None
    assert second.state is not None
    assert (second.state.epochs, second.state.steps) == (3, 6)
    for name, value in whole.state.optimiser.items():
        assert np.array_equal(value, second.state.optimiser[name])


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"learning_rate_schedule": "cosine", "schedule_epochs": 3},
        {"optimiser": optax.adamw(optax.exponential_decay(1e-2, 1, 0.9))},
        {"optimiser": functools.partial(bp.optim.Momentum, bp.optim.StepLR(0.01, 2))},
    ],
    ids=["schedule", "optax", "brainpy"],
)
def test_so_it_is_with_schedules(options: dict[str, Any]):
    at_once, in_parts = net_of(), net_of()
    whole = train(at_once, [SOME] * 2, epochs=3, **options)
    history = train(in_parts, [SOME] * 2, epochs=1, **options)
    for _ in range(2):
        history = train(in_parts, [SOME] * 2, epochs=1, resume=history, **options)
    assert_equal(at_once, in_parts)
    assert np.array_equal(whole.loss, history.loss)


def test_a_history_is_loss_and_accuracy():
    history = train(net_of(), [SOME], epochs=1)
    loss, accuracy = history
    assert (loss is history.loss, accuracy is history.accuracy) == (True, True)
    assert History._fields == ("loss", "accuracy")
    assert repr(history.state) == "TrainingState(1 epochs, 1 steps)"
    assert History(loss, accuracy).state is None


def test_what_is_not_of_this_network_or_optimiser_is_not_gone_on_from():
    net = net_of()
    history = train(net, [SOME], epochs=1)
    cases: list[tuple[CTRNN, Any, dict[str, Any], str]] = [
        (net_of(), history, {}, "`resume` must be of this network as it is"),
        (CTRNN(3, 9, 3, seed=0), history, {}, "`resume` must be of this network"),
        (net_of(rank=2), history, {}, "`resume` must be of this network"),
        (net, history, {"optimiser": optax.adam(1e-3)}, "`resume` must be of the same optimiser"),
        (net, History(*history), {}, "`resume` must have a `state`"),
        (net, History(history.loss[:0], history.accuracy[:0], history.state), {}, "1 epochs"),
        (net, tuple(history), {}, "`resume` must be a History"),
    ]
    before = net.weights
    for network, resume, options, message in cases:
        with pytest.raises((ValueError, TypeError), match=message):
            train(network, [SOME], epochs=1, resume=resume, **options)
    assert all(np.array_equal(net.weights[name], value) for name, value in before.items())


# Steps


def test_plain_descent_is_down_the_gradient_of_loss_and_penalty():
    # With weights and inputs of 0 the gradient of the output bias is softmax minus target.
    net = net_of()
    net.set_weights({name: 0 * value for name, value in net.weights.items()})
    history = train(net, [(0 * SOME[0], SOME[1])], epochs=1, optimiser=optax.sgd(0.3))
    expected = -0.3 * (np.full(3, 1 / 3) - [0, 1, 0])
    np.testing.assert_allclose(net.weights["b_ro"], expected, rtol=1e-5)
    assert history.loss[0] == pytest.approx(np.log(3), rel=1e-5)


def test_a_long_gradient_is_cut_and_a_short_one_is_not():
    def change(**options: Any) -> np.ndarray:
        net = net_of()
        before = net.weights
        train(net, [SOME], epochs=1, optimiser=optax.sgd(1.0), **options)
        return np.concatenate([(net.weights[n] - before[n]).ravel() for n in before])

    free = change()
    size = float(np.linalg.norm(free))
    np.testing.assert_allclose(change(clip_norm=size / 4), free / 4, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(change(clip_norm=2 * size), free, rtol=1e-6, atol=1e-7)


def test_penalties_pull_weights_down_and_are_no_part_of_the_history():
    plain, held = net_of(), net_of()
    first, second = (
        train(net, [SOME], epochs=1, optimiser=optax.sgd(0.1), l2_weights=penalty)
        for net, penalty in ((plain, 0.0), (held, 0.5))
    )
    assert first.loss[0] == second.loss[0]
    start = net_of().weights
    for name in ("w_ir", "w_rr", "w_ro"):
        moved = held.weights[name] - plain.weights[name]
        np.testing.assert_allclose(moved, -0.1 * 0.5 * 2 * start[name], atol=1e-6)
    assert np.array_equal(held.weights["b_rr"], plain.weights["b_rr"])


def test_a_schedule_gives_each_epoch_its_rate():
    # Adam's steps against gradients of one sign are as long as its rate.
    rates: list[float] = []
    net = net_of()
    net.set_weights({name: 0 * value for name, value in net.weights.items()})
    last = [0.0]

    def note(*_: Any) -> None:
        now = float(net.weights["b_ro"][0])
        rates.append(last[0] - now)
        last[0] = now

    train(net, [(0 * SOME[0], SOME[1])], epochs=4, learning_rate=1e-3, on_epoch=note,
          learning_rate_schedule="exponential", learning_rate_end=0.0625)  # fmt: skip
    np.testing.assert_allclose(rates, 1e-3 * 0.5 ** np.arange(4), rtol=2e-2)


def test_a_loss_of_the_users_takes_the_place_of_the_mean():
    def absolute(outputs: Any, targets: Any, weights: Any) -> Any:
        return (weights[..., None] * jnp.abs(outputs - targets)).mean()

    net = net_of()
    net.set_weights({name: 0 * value for name, value in net.weights.items()})
    values = np.full((4, 7, 3), 2.0)
    trials = Trials(0 * SOME[0], values, {}, {}, weights=np.full((4, 7), 0.5))
    history = train(net, [trials], epochs=1, optimiser=optax.sgd(0.3), loss=absolute)
    assert history.loss[0] == pytest.approx(1.0)
    np.testing.assert_allclose(net.weights["b_ro"], 0.3 * 0.5 / 3, rtol=1e-5)
    with pytest.raises(ValueError, match="`loss` must return one real number"):
        train(net_of(), [SOME], epochs=1, loss=lambda o, t, w: o.mean(axis=0))
    with pytest.raises(DivergenceError, match="the loss of epoch 1 is nan"):
        train(net_of(), [SOME], epochs=1, loss=lambda o, t, w: jnp.nan * o.mean())


def test_values_are_reached_by_least_squares_by_the_weights_of_steps():
    # A network of biases alone comes to the weighted mean of its targets.
    net = net_of()
    net.set_weights({name: 0 * value for name, value in net.weights.items()})
    rng = np.random.default_rng(1)
    values, weights = rng.normal(size=(4, 7, 3)), rng.uniform(size=(4, 7))
    trials = Trials(0 * SOME[0], values, {}, {}, weights=weights)
    history = train(net, [trials] * 40, epochs=2, optimiser=optax.sgd(0.5))
    mean = np.average(values.reshape(-1, 3), weights=weights.ravel(), axis=0)
    np.testing.assert_allclose(net.weights["b_ro"], mean, rtol=1e-3, atol=1e-4)
    variance = np.average(((values - mean) ** 2).mean(-1), weights=weights)
    assert history.loss[-1] == pytest.approx(variance, rel=1e-3)
    assert np.isnan(history.accuracy).all()


def test_padding_changes_nothing_but_the_rounding():
    rng = np.random.default_rng(1)
    trials = [
        Trials(rng.normal(size=(n, 5, 3)), rng.integers(0, 3, (n, 5)), {}, {}) for n in (6, 9)
    ]
    padded, plain = net_of(), net_of()
    first = train(padded, trials, epochs=2, optimiser=optax.sgd(0.1), l2_rates=0.1)
    batches = [tuple(t[:2]) for t in trials]
    second = train(plain, batches, epochs=2, optimiser=optax.sgd(0.1), l2_rates=0.1)
    np.testing.assert_allclose(first.loss, second.loss, rtol=1e-5)
    np.testing.assert_allclose(first.accuracy, second.accuracy)
    for name, value in padded.weights.items():
        np.testing.assert_allclose(value, plain.weights[name], atol=1e-6)


@pytest.mark.slow
def test_noise_is_on_in_training_and_fixed_by_the_seed():
    def trained(sigma: float, seed: int) -> CTRNN:
        net = net_of(unit_noise=sigma)
        train(net, [SOME] * 2, epochs=1, seed=seed)
        return net

    first, again, other, off = (trained(*x) for x in ((0.3, 0), (0.3, 0), (0.3, 1), (0.0, 0)))
    assert_equal(first, again)
    for net in (other, off):
        assert not np.array_equal(first.weights["w_rr"], net.weights["w_rr"])
    plain = net_of()
    train(plain, [SOME] * 2, epochs=1, seed=5)
    assert_equal(off, plain)


@pytest.mark.parametrize("numbers", [{}, {"readout_units": "excitatory"}])
def test_signs_hold_through_training(numbers: dict[str, Any]):
    # Steps that take many weights through 0.
    net = net_of(excitatory=0.75, **numbers)
    before = np.sign(net.weights["w_rr"])
    train(net, [SOME] * 20, epochs=2, learning_rate=0.05)
    assert (np.sign(net.weights["w_rr"]) != before).any()
    weights = net.effective_weights()
    for w_rr in (weights["w_rr"], np.asarray(net.system().step.args[1])):  # type: ignore[attr-defined]
        assert (w_rr[:6] >= 0).all()
        assert (w_rr[6:] <= 0).all()
        assert (w_rr != 0).any(axis=1).all()
    if numbers:
        assert (weights["w_ro"][:6] >= 0).all()
        assert not weights["w_ro"][6:].any()


def test_rank_holds_through_training_and_the_start_is_trained():
    net = net_of(rank=2, initial_state="trained", activation="tanh")
    train(net, [SOME] * 20, epochs=2, learning_rate=0.05)
    singular = np.linalg.svd(net.effective_weights()["w_rr"].astype(float), compute_uv=False)
    assert singular[1] > 1e-3 * singular[0] > 1e3 * singular[2]
    start = net.effective_weights()["h_0"]
    assert np.abs(start).max() > 1e-2
    np.testing.assert_array_equal(net.system().initial_state, start)
    net.reset_state(2)
    np.testing.assert_array_equal(np.asarray(net.h.value), [start, start])


# Early stopping


class Sign(Task):
    """Tell the sign of the input of a single step."""

    num_inputs, num_outputs, dt = 3, 3, 100.0

    def sample_trials(self, num_trials: int) -> Trials:
        inputs = self.rng.normal(size=(1, num_trials, 3))
        targets = 1 + (inputs[..., 0] > 0).astype(int)
        return Trials(inputs, targets, {}, {})


def test_training_ends_at_the_accuracy_on_trials_that_it_does_not_see():
    options: dict[str, Any] = {"epochs": 20, "trials_per_epoch": 128, "learning_rate": 1e-2}
    task, net = Sign().seeded(1), net_of()
    history = train(net, task, target_accuracy=0.8, held_out_trials=200, seed=3, **options)
    assert 1 <= len(history.loss) < 20
    held_out = Sign().seeded(seeds_of(3).held_out).sample_trials(200)

    def share(net: CTRNN) -> float:
        return float(task.correct(np.asarray(net.predict(held_out.inputs)[1]), held_out).mean())

    assert share(net) >= 0.8
    # The same without it: so many epochs, and one less is not enough.
    plain = net_of()
    after: list[float] = []
    options["epochs"] = len(history.loss)
    other = train(plain, Sign().seeded(1), on_epoch=lambda *_: after.append(share(plain)),
                  **options)  # fmt: skip
    assert np.array_equal(history.loss, other.loss)
    assert_equal(net, plain)
    assert all(value < 0.8 for value in after[:-1])
    # The task is where the last epoch has left it.
    fresh = Sign().seeded(1)
    for _ in range(len(history.loss)):
        for _ in fresh.draw(128, 16):
            pass
    assert np.array_equal(task.sample_trials(2).inputs, fresh.sample_trials(2).inputs)


class Values(Sign):
    def sample_trials(self, num_trials: int) -> Trials:
        trials = super().sample_trials(num_trials)
        return trials._replace(targets=trials.inputs)


def test_a_task_that_does_not_say_what_is_right_has_no_target_accuracy():
    with pytest.raises(NotImplementedError, match="Values must have a method `correct`"):
        train(net_of(), Values(), target_accuracy=0.5)
    with pytest.raises(ValueError, match="`target_accuracy` must be left out"):
        train(net_of(), [SOME], target_accuracy=0.5)


# What is refused


@pytest.mark.parametrize(
    "wrong",
    [{"learning_rate_end": 1.5}, {"learning_rate_end": -1}, {"schedule_epochs": 0},
     {"learning_rate_schedule": "linear"}, {"l2_weights": -1}, {"l2_rates": np.nan},
     {"clip_norm": -1}, {"clip_norm": np.inf}, {"target_accuracy": 1.5},
     {"held_out_trials": 0}, {"seed": -1}, {"trials_per_epoch": 0},
     {"learning_rate_end": 0.0, "learning_rate_schedule": "exponential"},
     {"learning_rate": 0.1, "optimiser": optax.sgd(0.1)},
     {"learning_rate": np.inf}],
)  # fmt: skip
def test_numbers_out_of_range_are_refused(wrong: dict[str, Any]):
    with pytest.raises(ValueError, match=f"^`{next(iter(wrong))}`"):
        train(net_of(), Sign(), epochs=1, **wrong)
    with pytest.raises(ValueError, match=r"^`trials_per_epoch` must be left out"):
        train(net_of(), [SOME], epochs=1, trials_per_epoch=3)
    with pytest.raises(TypeError, match=r"^`loss` must be callable"):
        train(net_of(), [SOME], epochs=1, loss=3)  # type: ignore[arg-type]


def test_an_optimiser_that_diverges_is_told_without_a_rate():
    with pytest.raises(DivergenceError, match="try smaller steps"):
        train(net_of(), [SOME], epochs=1, optimiser=optax.sgd(np.inf))


def test_a_run_has_what_it_goes_on_from(small_run: Run):
    state = small_run.history.state
    assert isinstance(state, TrainingState)
    assert (state.epochs, state.steps) == (2, 4)
