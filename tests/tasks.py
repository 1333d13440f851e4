"""Tasks of one's own, each in a dozen lines, to test with."""

import dataclasses

import numpy as np

from yang_rnn.trials import Task, Trials


class Side(Task):
    """Say on which side the input was: a choice, targets in whole numbers."""

    num_inputs, num_outputs, dt = 2, 3, 20.0

    def __init__(self, noise: float = 0.1):
        self.noise = noise

    def sample_trials(self, num_trials: int) -> Trials:
        side = self.rng.integers(2, size=num_trials)
        inputs = self.noise * self.rng.normal(size=(8, num_trials, 2))
        inputs[2:5, np.arange(num_trials), side] += 1.0
        targets = np.zeros((8, num_trials), int)
        targets[6:] = side + 1
        periods = {"seen": slice(2, 5), "asked": slice(6, 8)}
        return Trials(inputs, targets, periods, {"side": side}, side)


@dataclasses.dataclass(frozen=True)
class Follow(Task):
    """Give the input back twice as large: values, right if near on average. It can't change."""

    num_inputs: int = 1
    num_outputs: int = 1
    dt: float = 20.0
    noise: float = 0.0

    def sample_trials(self, num_trials: int) -> Trials:
        level = self.rng.choice([-1.0, 0.0, 1.0], num_trials)
        inputs = np.broadcast_to(level[:, None], (6, num_trials, 1))
        noise = self.noise * self.rng.normal(size=inputs.shape)
        return Trials(inputs + noise, 2 * inputs, {"given": slice(0, 6)}, {"level": level})

    def correct(self, outputs: np.ndarray, trials: Trials) -> np.ndarray:
        return np.abs(outputs - trials.targets).mean(axis=(0, 2)) < 0.5


def answers(trials: Trials, num_outputs: int) -> np.ndarray:
    """Return the outputs of one who is always right."""
    targets = np.asarray(trials.targets)
    return np.eye(num_outputs)[targets] if trials.has_choices else targets.astype(float)
