from typing import Any

import brainpy_datasets.cognitive as cognitive
import numpy as np
import pytest
from scipy.stats import t

from yang_rnn.model import CTRNN, WEIGHT_NAMES
from yang_rnn.task import PerceptualDecisionMaking
from yang_rnn.train import DivergenceError, train


def golden_net(golden: dict[str, np.ndarray]) -> CTRNN:
    net = CTRNN(3, 64, 3, dt=100.0, seed=0)
    net.set_weights({name: golden[f"initial_{name}"] for name in WEIGHT_NAMES})
    return net


@pytest.mark.slow
def test_golden_training(golden: dict[str, np.ndarray]):
    def losses_and_accuracies(nudge: float) -> np.ndarray:
        net = golden_net(golden)
        weights = net.weights
        for name, w in weights.items():
            weights[name] = w * (1 + nudge * rng.standard_normal(w.shape))
        net.set_weights(weights)
        history = train(net, PerceptualDecisionMaking(seed=int(golden["seed"])))
        return np.array([np.log(history.loss), history.accuracy])

    rng = np.random.default_rng(0)
    ours = losses_and_accuracies(0.0)
    recorded = np.array([np.log(golden["epoch_loss"]), golden["epoch_accuracy"]])
    assert ours[0, 0] == pytest.approx(recorded[0, 0], abs=1e-4)
    np.testing.assert_allclose(ours[:, :3], recorded[:, :3], atol=0.05)
    # Processors round differently, and training amplifies that. The recorded epochs must be such as
    # rounding alone makes here: weights changed in the last digits say how far it reaches.
    runs = np.array([ours, *(losses_and_accuracies(1e-6) for _ in range(6))])
    reach = runs.std(axis=0, ddof=1) * np.sqrt(1 + 1 / len(runs))
    most = t.ppf(1 - 1e-3 / 2 / recorded.size, len(runs) - 1)  # one in a thousand, over all
    apart = (recorded - runs.mean(axis=0)) / np.where(reach > 0, reach, 1e-3)
    assert (np.abs(apart[:, 3:]) <= most).all(), apart.round(1)


def adam_in_numpy(w: np.ndarray, gradients: list[np.ndarray], rate: float) -> np.ndarray:
    m = v = np.zeros_like(w)
    for step, g in enumerate(gradients, start=1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        w = w - rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
    return w


def test_steps_are_adams_on_the_mean_cross_entropy():
    # With all weights and inputs 0 the hidden unit stays silent, and the gradient of the output
    # bias is softmax minus target, averaged. 28 targets never share evenly among 3 classes:
    # Adam would make a gradient of 0 up to rounding large.
    net = CTRNN(1, 1, 3, seed=0)
    weights = {name: np.zeros_like(value) for name, value in net.weights.items()}
    net.set_weights(weights)
    rng = np.random.default_rng(0)
    batches = [(np.zeros((4, 7, 1)), rng.integers(0, 3, size=(4, 7))) for _ in range(5)]
    history = train(net, batches, epochs=1, learning_rate=0.1)
    b, gradients, losses = np.zeros(3), [], []
    for _, targets in batches:
        p = np.exp(b) / np.exp(b).sum()
        one_hot = np.eye(3)[targets]
        losses.append(-(one_hot * np.log(p)).sum(-1).mean())
        gradients.append((p - one_hot).mean(axis=(0, 1)))
        b = adam_in_numpy(np.zeros(3), gradients, 0.1)
    np.testing.assert_allclose(net.weights["b_ro"], b, rtol=1e-4, atol=1e-6)
    assert history.loss[0] == pytest.approx(np.mean(losses), rel=1e-5)


def test_accuracy_is_over_the_steps_that_ask():
    net = CTRNN(1, 1, 3, seed=0)
    net.set_weights(
        {name: np.zeros_like(value) for name, value in net.weights.items()}
        | {"b_ro": np.array([0.0, 0.0, 5.0])}
    )
    targets = np.zeros((4, 2), dtype=int)
    targets[3] = [2, 1]
    asked = (np.zeros((4, 2, 1)), targets)
    not_asked = (np.zeros((4, 2, 1)), np.zeros((4, 2), dtype=int))
    history = train(net, [asked, not_asked], epochs=1, learning_rate=1e-6)
    assert history.accuracy[0] == 0.5
    history = train(net, [not_asked], epochs=1, learning_rate=1e-6)
    assert np.isnan(history.accuracy[0])


def test_a_loader_trains_as_the_task_does():
    ours, theirs = CTRNN(3, 12, 3, seed=1), CTRNN(3, 12, 3, seed=1)
    numbers: dict[str, Any] = {"seed": 2, "num_trial": 50}  # the last batch is smaller
    first = train(ours, PerceptualDecisionMaking(**numbers), epochs=2)
    loader = cognitive.TaskLoader(cognitive.RatePerceptualDecisionMaking(**numbers), batch_size=16)
    second = train(theirs, loader, epochs=2)
    assert np.array_equal(first.loss, second.loss)
    assert np.array_equal(ours.weights["w_rr"], theirs.weights["w_rr"])


def test_sequences_train_as_the_loaders_do():
    ours, theirs = (CTRNN(3, 12, 3, initialisation="linear", seed=1) for _ in range(2))
    numbers: dict[str, Any] = {"seed": 2, "num_trial": 40}
    first = train(ours, PerceptualDecisionMaking(**numbers), epochs=2, sequence_steps=50)
    loader = cognitive.TaskLoader(
        cognitive.RatePerceptualDecisionMaking(**numbers), batch_size=16, max_seq_len=50
    )
    second = train(theirs, loader, epochs=2)
    assert np.array_equal(first.loss, second.loss)
    assert all(np.array_equal(ours.weights[n], theirs.weights[n]) for n in ours.weights)
    begin = CTRNN(3, 12, 3, initialisation="linear", seed=1).weights
    moved = {name: ours.weights[name] - begin[name] for name in ("b_ir", "b_rr")}
    np.testing.assert_allclose(moved["b_ir"], moved["b_rr"], atol=1e-6)  # equal gradients
    assert np.abs(moved["b_ir"]).max() > 1e-4


def test_training_twice_gives_the_same_weights():
    results = []
    for _ in range(2):
        net = CTRNN(3, 12, 3, seed=1)
        train(net, PerceptualDecisionMaking(seed=1, num_trial=64), epochs=2)
        results.append(net.weights)
    assert all(np.array_equal(results[0][name], results[1][name]) for name in WEIGHT_NAMES)


RATE_TASKS = sorted(name for name in dir(cognitive) if name.startswith("Rate"))


def test_there_are_eighteen_rate_tasks():
    assert len(RATE_TASKS) == 18


@pytest.mark.parametrize("name", RATE_TASKS)
def test_every_rate_task_trains(name: str):
    task = getattr(cognitive, name)(seed=0, num_trial=8)
    loader = cognitive.TaskLoader(task, batch_size=4, max_seq_len=50)
    # Sizes are read off the batches: RateReaching1D states fewer channels than it gives.
    batches = [batch[:2] for batch in loader]
    num_outputs = max(task.num_outputs, *(int(y.max()) + 1 for _, y in batches))
    net = CTRNN(batches[0][0].shape[-1], 8, num_outputs, seed=0)
    before = net.weights
    history = train(net, batches, epochs=2)
    assert history.loss.shape == (2,)
    assert history.loss[1] < history.loss[0]
    assert not np.array_equal(before["w_rr"], net.weights["w_rr"])


def test_progress_is_told_after_each_epoch():
    told: list[tuple[int, float, float]] = []
    data = PerceptualDecisionMaking(seed=0, num_trial=32)
    history = train(
        CTRNN(3, 4, 3, seed=0), data, epochs=3, on_epoch=lambda *values: told.append(values)
    )
    assert told == [(i + 1, history.loss[i], history.accuracy[i]) for i in range(3)]


def test_divergence_names_the_epoch_and_what_to_try():
    batch = (np.ones((3, 2, 3)), np.ones((3, 2), dtype=int))
    broken = (np.full((3, 2, 3), np.inf), np.ones((3, 2), dtype=int))
    epochs = iter([[batch], [batch], [broken]])

    class Data:
        def __iter__(self):
            return iter(next(epochs))

    with pytest.raises(DivergenceError, match=r"epoch 3 .*try a learning rate below 0.001"):
        train(CTRNN(3, 4, 3, seed=0), Data(), epochs=5)


def test_data_that_runs_out_is_refused():
    batches = ((np.ones((3, 2, 3)), np.ones((3, 2), dtype=int)) for _ in range(4))
    with pytest.raises(ValueError, match="no batch in epoch 2"):
        train(CTRNN(3, 4, 3, seed=0), batches, epochs=2)


@pytest.mark.parametrize(
    ("inputs", "targets", "message"),
    [
        (np.ones((3, 2, 4)), np.ones((3, 2), int), r"\(time, trial, 3\); got \(3, 2, 4\)"),
        (np.ones((3, 0, 3)), np.ones((3, 0), int), "inputs must have shape"),
        (np.ones((3, 2, 3)), np.ones((2, 3), int), r"whole numbers of shape \(3, 2\)"),
        (np.ones((3, 2, 3)), np.ones((3, 2)), "whole numbers"),
        (np.ones((3, 2, 3)), np.full((3, 2), 3), "from 0 to 2.*got 3 to 3"),
        (np.ones((3, 2, 3)), np.full((3, 2), -1), "from 0 to 2.*got -1"),
    ],
)
def test_batch_that_does_not_fit_is_refused(inputs: Any, targets: Any, message: str):
    with pytest.raises(ValueError, match=message):
        train(CTRNN(3, 4, 3, seed=0), [(inputs, targets)], epochs=1)


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"batch_size": 0}, {"learning_rate": 0.0}])
def test_numbers_out_of_range_are_refused(wrong: dict[str, Any]):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        train(CTRNN(3, 4, 3, seed=0), PerceptualDecisionMaking(seed=0), **wrong)
