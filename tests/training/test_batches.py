from typing import Any

import numpy as np
import pytest

from yang_rnn.network.parameters import Design
from yang_rnn.recipe import NOTEBOOK
from yang_rnn.task import PerceptualDecisionMaking
from yang_rnn.training.batches import PADDED_TO, checked, epoch_of, stacked
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


def test_trials_of_an_epoch_are_the_tasks_own_unless_said():
    task = PerceptualDecisionMaking(seed=2, num_trial=6)
    sizes = [[b.inputs.shape[1] for b in epoch_of(task, 4, 0, n)] for n in (None, 6, 10)]
    assert sizes == [[4, 2], [4, 2], [4, 4, 2]]
    assert sum(b.inputs.shape[1] for b in epoch_of(Random(), 512, 0)) == 1024
