"""Runs that tests of this folder share: don't change them."""

import dataclasses

import numpy as np
import pytest
from small import SMALL

from yang_rnn.experiment.run import Run, run_experiment
from yang_rnn.model import CTRNN
from yang_rnn.train import History


@pytest.fixture(scope="session")
def runaway() -> Run:
    """Return the run of a network whose every unit doubles itself: nothing is slow."""
    net = CTRNN.from_recipe(SMALL)
    zeros = {name: np.zeros_like(value) for name, value in net.weights.items()}
    net.set_weights(zeros | {"w_rr": 2 * np.eye(8), "b_rr": np.full(8, 2.0)})
    return Run(SMALL, net, History(np.ones(2), np.ones(2)))


@pytest.fixture(scope="session")
def three_choices() -> Run:
    return run_experiment(dataclasses.replace(SMALL, choices=3))
