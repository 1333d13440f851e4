from typing import Any

import numpy as np
import pytest
from brainpy_datasets.cognitive import RatePerceptualDecisionMaking, TaskLoader

from yang_rnn.adapters.brainpy_datasets import make_brainpy_task
from yang_rnn.network.parameters import Design
from yang_rnn.recipe import NOTEBOOK, PRIMER
from yang_rnn.task import PerceptualDecisionMaking, task_of
from yang_rnn.training.batches import PADDED_TO, checked, epoch_by, epoch_of, stacked
from yang_rnn.trials import Task, Trials

DESIGN = Design.of(NOTEBOOK)


def trials_of(steps: int, weights: Any = None, asked: Any = None) -> Trials:
    rng = np.random.default_rng(steps)
    targets = rng.integers(0, 3, size=(steps, 2))
    inputs = rng.normal(size=(steps, 2, 3))
    return Trials(inputs, targets, {}, {}, weights=weights, asked=asked)


def test_trials_of_equal_lengths_are_as_they_are():
    (batch,) = stacked(checked([trials_of(5), trials_of(5)], DESIGN))
    assert batch.inputs.shape == (2, 5, 2, 3)
    assert batch.weights is None
    assert batch.asked is None


def test_shorter_trials_end_in_steps_that_do_not_count():
    weights = np.full((17, 2), 0.5)
    asked = np.zeros((17, 2), bool)
    asked[-1] = True
    given = [trials_of(5), trials_of(17, weights, asked)]
    short, long = checked(given, DESIGN)
    assert len(short.inputs) == len(long.inputs) == 2 * PADDED_TO
    np.testing.assert_array_equal(short.inputs[:5], given[0].inputs.astype(np.float32))
    assert not short.inputs[5:].any()
    np.testing.assert_array_equal(short.weights, np.arange(32)[:, None] < [5, 5])
    np.testing.assert_array_equal(short.asked[:5], given[0].targets > 0)
    assert not short.asked[5:].any()
    np.testing.assert_array_equal(long.weights[:17], weights)
    assert not long.weights[17:].any()
    assert long.asked.sum() == 2


def test_plain_batches_of_other_lengths_are_not_padded():
    plain = [tuple(trials_of(5)[:2]), tuple(trials_of(17)[:2])]
    assert [len(batch.inputs) for batch in checked(plain, DESIGN)] == [5, 17]


def test_what_stands_behind_targets_of_plain_batches_is_not_looked_at():
    inputs, targets = trials_of(5)[:2]
    (batch,) = checked([(inputs, targets, np.zeros(3), "anything")], DESIGN)
    assert batch.weights is None


def test_values_have_nothing_that_asks():
    values = np.zeros((5, 2, 3))
    trials = trials_of(5, asked=np.ones((5, 2), bool))._replace(targets=values)
    (batch,) = checked([trials], DESIGN)
    assert batch.targets.dtype == np.float32
    assert batch.asked is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": np.zeros((5, 2))}, "`weights` must be 0 or more, and not all of them 0"),
        ({"weights": np.full((5, 2), -1.0)}, "`weights` must be 0 or more"),
        ({"weights": np.full((5, 2), np.nan)}, "`weights` must be finite"),
        ({"weights": np.full((5, 2), 1e300)}, "`weights` must be finite"),
        ({"weights": np.full((5, 2), 1e-300)}, "`weights` must be 0 or more, and not all"),
        ({"weights": np.ones((5, 3))}, "`weights` must have shape"),
        ({"asked": np.ones((5, 2))}, "`asked` must be bool"),
        ({"targets": np.full((5, 2, 3), np.nan)}, "`targets` must be finite; got NaN"),
        ({"targets": np.zeros((5, 2, 4))}, r"`targets` must have shape \(5, 2, 3\)"),
        ({"targets": np.full((5, 2), 3)}, "from 0 to 2"),
    ],
)
def test_trials_that_can_not_be_trained_with_are_refused(change: dict[str, Any], message: str):
    with pytest.raises((ValueError, TypeError), match=f"^a batch of `data`: .*{message}"):
        checked([trials_of(5)._replace(**change)], DESIGN)


class Random(Task):
    """Trials of 3 to 6 steps, whose inputs count the trials and the steps."""

    num_inputs, num_outputs, dt = 3, 3, 100.0

    def __init__(self) -> None:
        self.count = 0

    def sample_trials(self, num_trials: int) -> Trials:
        lengths = self.rng.integers(3, 7, size=num_trials)
        inputs = np.zeros((lengths.max(), num_trials, 3))
        for trial, length in enumerate(lengths):
            self.count += 1
            inputs[:length, trial] = [self.count, 0, 1]
            inputs[:length, trial, 1] = np.arange(length)
        weights = inputs[..., 2]
        targets = np.zeros(inputs.shape[:2], int)
        for trial, length in enumerate(lengths):
            targets[length - 1, trial] = 1
        return Trials(inputs, targets, {}, {}, weights=weights, asked=targets > 0)


def test_sequences_are_trials_back_to_back_cut_to_length():
    batches = list(epoch_of(Random().seeded(0), 2, 10, trials_per_epoch=3))
    assert [batch.inputs.shape for batch in batches] == [(10, 2, 3), (10, 1, 3)]
    for batch in batches:
        for trial in range(batch.inputs.shape[1]):
            number, step, inside = batch.inputs[:, trial].T
            assert inside.all()  # no padding within
            begins = step == 0
            assert begins[0]
            assert np.array_equal(np.diff(number), begins[1:])
            assert np.array_equal(batch.asked[:-1, trial], begins[1:])
    first = [batch.inputs[0, :, 0] for batch in batches]
    assert first[0][0] < first[0][1] < first[1][0]


def test_sequences_of_the_perceptual_task_are_its_own():
    numbers: dict[str, Any] = {"seed": 2, "num_trial": 8}
    own = list(PerceptualDecisionMaking(**numbers).sequence_batches(4, 50))
    other = PerceptualDecisionMaking(seed=2, num_trial=3)
    for (inputs, targets), trials in zip(own, other.draw_sequences(8, 4, 50), strict=True):
        assert np.array_equal(inputs, trials.inputs)
        assert np.array_equal(targets, trials.targets)


def test_streams_go_on_from_batch_to_batch_and_from_epoch_to_epoch():
    task = Random().seeded(0)
    epochs = [list(epoch_of(task, 2, 10, 4, stream_steps=65)) for _ in range(5)]
    batches = [batch for epoch in epochs for batch in epoch]
    assert [batch.inputs.shape for batch in batches] == [(10, 2, 3)] * 10
    for first in (0, 6):  # 65 steps are six sequences, and five steps too few for one
        for place in (0, 1):
            stream = batches[first : first + 6]
            number, step, inside = np.concatenate([b.inputs[:, place] for b in stream]).T
            asked = np.concatenate([batch.asked[:, place] for batch in stream])
            targets = np.concatenate([batch.targets[:, place] for batch in stream])
            begins = step == 0
            assert inside.all()
            assert begins[0]
            assert np.array_equal(np.diff(number), begins[1:])
            assert np.array_equal(asked[:-1], begins[1:])
            assert np.array_equal(targets == 1, asked)
    assert len({batch.inputs[0, place, 1] for batch in batches for place in (0, 1)}) > 3


def test_a_smaller_last_batch_leaves_the_other_streams_unused():
    batches = list(epoch_of(Random().seeded(0), 2, 10, 3, stream_steps=100))
    assert [batch.inputs.shape[1] for batch in batches] == [2, 1]
    whole = list(epoch_of(Random().seeded(0), 2, 10, 4, stream_steps=100))
    assert np.array_equal(batches[1].inputs, whole[1].inputs[:, :1])


@pytest.mark.parametrize("change", [{}, {"input_transform": lambda x: x}], ids=["plain", "slow"])
def test_sequences_of_a_stream_are_those_of_a_long_one_of_the_loader(change: dict[str, Any]):
    numbers: dict[str, Any] = {"seed": 2, "num_trial": 8}
    loader = TaskLoader(RatePerceptualDecisionMaking(**numbers), batch_size=4, max_seq_len=95)
    long = [inputs[begin : begin + 30] for inputs, _ in loader for begin in (0, 30, 60)]
    task = PerceptualDecisionMaking(**numbers, **change)
    ours = [batch.inputs for _ in range(3) for batch in epoch_of(task, 4, 30, 8, stream_steps=95)]
    assert np.array_equal(long, ours)


def test_sequences_of_the_primer_begin_at_every_second_step_of_a_trial():
    # 100 steps are four trials of 22 and 12 steps: the phase goes on by 12, and 15 times.
    batches = [batch for _ in range(2) for batch in epoch_by(PRIMER, task_of(PRIMER))][:31]
    phases = [100 * (number % 15) % 22 for number in range(31)]
    assert set(phases) == set(range(0, 22, 2))
    for phase, batch in zip(phases, batches, strict=True):
        decision = (phase + np.arange(100)) % 22 == 21
        assert np.array_equal(batch.targets > 0, np.repeat(decision[:, None], 16, axis=1))
        assert np.array_equal(batch.inputs[..., 0], 1 - (batch.targets > 0))


def test_another_seed_and_no_noise_begin_new_streams():
    for task in (PerceptualDecisionMaking(seed=0), make_brainpy_task("RateGoNoGo"), Random()):
        first = next(task.seeded(1).draw_from_streams(1, 1, 10, 100))
        used = task.seeded(1)
        next(used.draw_from_streams(1, 1, 10, 100))
        for again in (used.seeded(1), used.seeded(1).without_noise().seeded(1)):
            assert again._streams is None
        assert used.without_noise()._streams is None
        found = next(used.seeded(1).draw_from_streams(1, 1, 10, 100))
        if not isinstance(task, Random):  # whose inputs count all trials ever drawn
            assert np.array_equal(found.inputs, first.inputs)


def test_trials_of_an_epoch_are_the_tasks_own_unless_said():
    task = PerceptualDecisionMaking(seed=2, num_trial=6)
    sizes = [[b.inputs.shape[1] for b in epoch_of(task, 4, 0, n)] for n in (None, 6, 10)]
    assert sizes == [[4, 2], [4, 2], [4, 4, 2]]
    assert sum(b.inputs.shape[1] for b in epoch_of(Random(), 512, 0)) == 1024
