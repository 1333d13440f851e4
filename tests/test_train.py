from typing import Any, NamedTuple

import brainpy_datasets.cognitive as cognitive
import numpy as np
import pytest
from scipy.stats import t
from small import SMALL

from yang_rnn.experiment.run import Run
from yang_rnn.model import CTRNN, WEIGHT_NAMES
from yang_rnn.task import PerceptualDecisionMaking
from yang_rnn.train import DivergenceError, History, train
from yang_rnn.training import batches


def golden_net(golden: dict[str, np.ndarray]) -> CTRNN:
    net = CTRNN(3, 64, 3, dt=100.0, seed=0)
    net.set_weights({name: golden[f"initial_{name}"] for name in WEIGHT_NAMES})
    return net


@pytest.mark.parametrize("golden", [3], indirect=True)
def test_golden_training_begins_as_recorded(golden: dict[str, np.ndarray]):
    net = golden_net(golden)
    history = train(net, PerceptualDecisionMaking(seed=int(golden["seed"])), epochs=1)
    # Processors and versions round differently, and training amplifies that: weights changed by
    # 1e-7 change the second epoch's loss by 3 %. The next test says what is to be expected.
    assert history.loss[0] == pytest.approx(golden["epoch_loss"][0], rel=1e-5)
    assert history.accuracy[0] == pytest.approx(golden["epoch_accuracy"][0], abs=1e-3)


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
    # Processors round differently, and training amplifies that. The recorded epochs must be such as
    # rounding alone makes here: weights changed in the last digits say how far it reaches.
    runs = np.array([ours, *(losses_and_accuracies(1e-6) for _ in range(6))])
    reach = runs.std(axis=0, ddof=1) * np.sqrt(1 + 1 / len(runs))
    most = t.ppf(1 - 1e-3 / 2 / recorded.size, len(runs) - 1)  # one in a thousand, over all
    apart = (recorded - runs.mean(axis=0)) / np.where(reach > 0, reach, 1e-3)
    assert (np.abs(apart[:, 3:]) <= most).all(), apart.round(1)


def silent_net(answer: int | None = None) -> CTRNN:
    """Return a network without weights that always gives one answer, or none."""
    net = CTRNN(3, 8, 3, seed=0)
    zeros = {name: np.zeros_like(value) for name, value in net.weights.items()}
    net.set_weights(zeros | ({} if answer is None else {"b_ro": 5 * np.eye(3)[answer]}))
    return net


def adam_in_numpy(w: np.ndarray, gradients: list[np.ndarray], rate: float) -> np.ndarray:
    """Take the steps of the faster form at the end of section 2 of Kingma & Ba, as BrainPy does."""
    m = v = np.zeros_like(w)
    for step, g in enumerate(gradients, start=1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        w = w - rate * np.sqrt(1 - 0.999**step) / (1 - 0.9**step) * m / (np.sqrt(v) + 1e-8)
    return w


def test_steps_are_adams_on_the_mean_cross_entropy():
    # With all weights and inputs 0 the hidden units stay silent, and the gradient of the output
    # bias is softmax minus target, averaged. 28 or 20 targets never share evenly among 3 classes:
    # Adam would make a gradient of 0 up to rounding large.
    net = silent_net()
    rng = np.random.default_rng(0)
    # The last two are smaller.
    sizes = (7, 7, 7, 5, 5)
    batches = [(np.zeros((4, n, 3)), rng.integers(0, 3, size=(4, n))) for n in sizes]
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


class Epochs:
    """Data that differ from epoch to epoch."""

    def __init__(self, *epochs: list[Any]):
        self._epochs = iter(epochs)

    def __iter__(self):
        return iter(next(self._epochs))


def test_accuracy_is_over_the_steps_that_ask():
    targets = np.zeros((4, 7), dtype=int)
    targets[3] = [2, 1, 2, 1, 1, 2, 1]
    asked = (np.zeros((4, 7, 3)), targets)
    not_asked = (np.zeros((4, 7, 3)), np.zeros((4, 7), dtype=int))
    data = Epochs([asked, not_asked], [not_asked, not_asked])
    history = train(silent_net(answer=2), data, epochs=2, learning_rate=1e-6)
    assert history.accuracy[0] == pytest.approx(3 / 7)
    assert np.isnan(history.accuracy[1])


class ByLoader(NamedTuple):
    net: CTRNN
    history: History
    told: list[tuple[int, float, float]]


@pytest.fixture(scope="module")
def by_loader() -> ByLoader:
    """Train what `small_run` trains from the trials of brainpy-datasets' loader."""
    task = cognitive.RatePerceptualDecisionMaking(seed=SMALL.seed, num_trial=SMALL.trials_per_epoch)
    loader = cognitive.TaskLoader(task, batch_size=SMALL.batch_size)
    net, told = CTRNN.from_recipe(SMALL), []
    history = train(net, loader, epochs=2, on_epoch=lambda *values: told.append(values))
    return ByLoader(net, history, told)


def test_a_loader_trains_as_the_task_does_to_the_last_bit(by_loader: ByLoader, small_run: Run):
    assert np.array_equal(by_loader.history.loss, small_run.history.loss)
    assert np.array_equal(by_loader.history.accuracy, small_run.history.accuracy)
    for name, weights in by_loader.net.weights.items():
        assert np.array_equal(weights, small_run.net.weights[name])


def test_progress_is_told_after_each_epoch(by_loader: ByLoader):
    loss, accuracy = by_loader.history
    assert by_loader.told == [(1, loss[0], accuracy[0]), (2, loss[1], accuracy[1])]


def test_sequences_train_as_the_loaders_do():
    numbers: dict[str, Any] = {"seed": 2, "num_trial": 32}
    loader = cognitive.TaskLoader(
        cognitive.RatePerceptualDecisionMaking(**numbers), batch_size=16, max_seq_len=50
    )
    nets, losses = [], []
    for data in (PerceptualDecisionMaking(**numbers), loader):
        net = CTRNN(3, 8, 3, initialisation="linear", seed=1)
        losses.append(train(net, data, epochs=2, sequence_steps=50).loss)
        nets.append(net.weights)
    assert np.array_equal(losses[0], losses[1])
    assert all(np.array_equal(nets[0][name], nets[1][name]) for name in nets[0])
    begin = CTRNN(3, 8, 3, initialisation="linear", seed=1).weights
    moved = {name: nets[0][name] - begin[name] for name in ("b_ir", "b_rr")}
    np.testing.assert_allclose(moved["b_ir"], moved["b_rr"], atol=1e-6)  # equal gradients
    assert np.abs(moved["b_ir"]).max() > 1e-4


RATE_TASKS = sorted(name for name in dir(cognitive) if name.startswith("Rate"))


def test_there_are_eighteen_rate_tasks():
    assert len(RATE_TASKS) == 18


def sequences_of(name: str) -> tuple[list[tuple[np.ndarray, np.ndarray]], int]:
    """Return an epoch of a task's sequences as its loader gives them, and the outputs it needs."""
    task = getattr(cognitive, name)(seed=0, num_trial=8)
    loader = cognitive.TaskLoader(task, batch_size=4, max_seq_len=50)
    batches = [batch[:2] for batch in loader]
    return batches, max(task.num_outputs, *(int(targets.max()) + 1 for _, targets in batches))


def test_sequences_of_every_rate_task_are_taken():
    parts, outputs = zip(*map(sequences_of, RATE_TASKS), strict=True)
    batches = [batch for part in parts for batch in part]
    # Channels of 0 make them all equally wide: one program for all.
    channels = max(inputs.shape[-1] for inputs, _ in batches)
    padded = [
        (np.pad(inputs, [(0, 0), (0, 0), (0, channels - inputs.shape[-1])]), targets)
        for inputs, targets in batches
    ]
    net = CTRNN(channels, 8, max(outputs), seed=0)
    before = net.weights
    history = train(net, padded, epochs=2)
    assert np.isfinite(history.loss).all()
    assert not np.array_equal(before["w_rr"], net.weights["w_rr"])


@pytest.mark.slow
@pytest.mark.parametrize("name", RATE_TASKS)
def test_every_rate_task_trains(name: str):
    # Sizes are read off the batches: RateReaching1D states fewer channels than it gives.
    batches, outputs = sequences_of(name)
    net = CTRNN(batches[0][0].shape[-1], 8, outputs, seed=0)
    history = train(net, batches, epochs=20)  # of the same batches: down their slope
    assert history.loss[-1] < history.loss[0]


SOME = (np.ones((4, 7, 3)), np.ones((4, 7), dtype=int))
"""A batch of no task, of a shape that other tests have."""


def test_divergence_names_the_epoch_and_what_to_try():
    broken = (np.full((4, 7, 3), np.inf), SOME[1])
    with pytest.raises(DivergenceError, match=r"epoch 3 .*try a learning rate below 0.001"):
        train(CTRNN(3, 8, 3, seed=0), Epochs([SOME], [SOME], [broken]), epochs=5)


def test_data_that_runs_out_is_refused():
    batches = (SOME for _ in range(4))
    with pytest.raises(ValueError, match="no batch in epoch 2"):
        train(CTRNN(3, 8, 3, seed=0), batches, epochs=2)


@pytest.mark.parametrize(
    ("inputs", "targets", "message"),
    [
        (np.ones((3, 2, 4)), np.ones((3, 2), int), r"\(time, trial, 3\); got \(3, 2, 4\)"),
        (np.ones((3, 0, 3)), np.ones((3, 0), int), "`inputs` must have shape"),
        (
            np.ones((3, 2, 3)),
            np.ones((2, 3), int),
            r"`targets` must have shape \(3, 2\); got \(2, 3\)",
        ),
        (np.ones((3, 2, 3)), np.ones((3, 2)), "whole numbers; got dtype float64"),
        (np.ones((3, 2, 3)), np.full((3, 2), 3), "from 0 to 2.*got 3 to 3"),
        (np.ones((3, 2, 3)), np.full((3, 2), -1), "from 0 to 2.*got -1"),
    ],
)
def test_batch_that_does_not_fit_is_refused(inputs: Any, targets: Any, message: str):
    with pytest.raises((ValueError, TypeError), match=f"^a batch of `data`: .*{message}"):
        train(CTRNN(3, 8, 3, seed=0), [(inputs, targets)], epochs=1)


@pytest.mark.parametrize("rate", [1e38, 1e30])
def test_weights_that_are_not_finite_or_beyond_all_measure_are_a_divergence(rate: float):
    # The loss is taken before the step: one batch an epoch has a finite one.
    with pytest.raises(DivergenceError, match=r"weights after epoch 1 reach .* below 1e\+3"):
        train(CTRNN(3, 8, 3, seed=0), [SOME], epochs=1, learning_rate=rate)


class Endless:
    """Batches for ever, as `neurogym.Dataset` gives them; each tells its number in its inputs."""

    def __init__(self):
        self.given = 0

    def __iter__(self):
        return self

    def __next__(self):
        self.given += 1
        return np.full((4, 7, 3), float(self.given)), SOME[1]


def test_data_without_an_end_are_an_error_that_says_what_to_give(monkeypatch: pytest.MonkeyPatch):
    for limit, number in (("MAX_BATCHES", 20), ("MAX_NUMBERS", 84 * 20)):
        data = Endless()
        with monkeypatch.context() as patch:
            patch.setattr(batches, limit, number)
            with pytest.raises(ValueError, match=r"`data` gave 2. batches .* `steps_per_epoch`"):
                train(CTRNN(3, 8, 3, seed=0), data, epochs=1)
        assert data.given <= 23


def test_data_without_an_end_go_on_from_epoch_to_epoch():
    data, net = Endless(), CTRNN(3, 8, 3, seed=0)
    history = train(net, data, epochs=2, steps_per_epoch=3)
    assert data.given == 6
    listed = [(np.full((4, 7, 3), float(number)), SOME[1]) for number in range(1, 7)]
    other = CTRNN(3, 8, 3, seed=0)
    assert np.array_equal(train(other, Epochs(listed[:3], listed[3:]), epochs=2).loss, history.loss)
    assert np.array_equal(net.weights["w_rr"], other.weights["w_rr"])


def test_too_few_batches_for_an_epoch_are_an_error():
    with pytest.raises(ValueError, match=r"`data` gave 1 batches in epoch 2, .* is 3"):
        train(CTRNN(3, 8, 3, seed=0), [SOME] * 4, epochs=2, steps_per_epoch=3)
    task = PerceptualDecisionMaking(seed=0)
    with pytest.raises(ValueError, match="`steps_per_epoch` must be left out for a task"):
        train(CTRNN(3, 8, 3, seed=0), task, steps_per_epoch=3)


@pytest.mark.parametrize(
    "inputs",
    [SOME[0] * 1j, SOME[0].astype(str), np.ma.array(SOME[0], mask=True), SOME[0].astype(object)],
)
def test_inputs_that_are_no_plain_real_numbers_are_refused(inputs: Any):
    with pytest.raises((TypeError, ValueError), match=r"^a batch of `data`: `inputs` must "):
        train(CTRNN(3, 8, 3, seed=0), [(inputs, SOME[1])], epochs=1)


@pytest.mark.parametrize("data", [None, 3, "abc", ["ab"], [3], [SOME[:1]]])
def test_data_that_are_no_batches_are_refused(data: Any):
    with pytest.raises((TypeError, ValueError), match="`data`"):
        train(CTRNN(3, 8, 3, seed=0), data, epochs=1)


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": 0}, {"epochs": 1.5}, {"batch_size": 0}, {"learning_rate": 0.0},
     {"learning_rate": np.inf}, {"learning_rate": np.nan}, {"sequence_steps": -1},
     {"stream_steps": -1}, {"stream_steps": 9, "sequence_steps": 10},
     {"steps_per_epoch": 0}],
)  # fmt: skip
def test_numbers_out_of_range_are_refused(wrong: dict[str, Any]):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        train(CTRNN(3, 8, 3, seed=0), PerceptualDecisionMaking(seed=0), **wrong)


def test_a_network_of_another_time_step_than_the_task_is_refused():
    net = CTRNN(3, 4, 3, dt=20.0)
    with pytest.raises(ValueError, match="`net` must have the task's dt, 100 ms; got 20"):
        train(net, PerceptualDecisionMaking(seed=0), epochs=1)
