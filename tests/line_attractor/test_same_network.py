"""A network is judged alike whichever way it is brought."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

from yang_rnn.dynamics.system import System
from yang_rnn.experiment.run import Run
from yang_rnn.line_attractor.verdict import Verdict, line_attractor_verdict
from yang_rnn.model import CTRNN
from yang_rnn.recipe import PRIMER
from yang_rnn.train import History

GOLDEN = Path(__file__).parents[1] / "golden"
WEIGHTS = ("w_ir", "b_ir", "w_rr", "b_rr", "w_ro", "b_ro")


@functools.cache
def run_of(number: int) -> Run:
    """Return a network that PyTorch trained by the primer's own loop, as a run."""
    with np.load(GOLDEN / f"primer_torch_{number}.npz") as file:
        weights = {name: file[name] for name in WEIGHTS}
    recipe = dataclasses.replace(PRIMER, seed=number)
    net = CTRNN.from_recipe(recipe)
    net.set_weights(weights)
    return Run(recipe, net, History(np.ones(1), np.ones(1)))


def plain_step(w: Any, x: Any, h: Any) -> Any:
    return jnp.maximum(x @ w["w_ir"] + w["b_ir"] + h @ w["w_rr"] + w["b_rr"], 0.0)


def plain_readout(w: Any, h: Any) -> Any:
    return h @ w["w_ro"] + w["b_ro"]


def verdict_on(system: System, run: Run) -> Verdict:
    assert run.alternatives is not None
    return line_attractor_verdict(system, run.trials, run.alternatives)


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1, 2])
def test_torchs_networks_are_judged_alike_as_a_step_of_ones_own(number: int):
    run = run_of(number)
    own = run.net.system()
    plain = System(
        Partial(plain_step, run.net.weights),
        dt=own.dt,
        initial_state=np.zeros(64),
        readout=Partial(plain_readout, run.net.weights),
    )
    ours, theirs = verdict_on(own, run), verdict_on(plain, run)
    assert theirs.label == ours.label in ("line attractor", "leaky integrator", "fast leak")
    assert theirs.mechanism == ours.mechanism
    assert theirs.near == ours.near
    for name in ("efficiency", "constancy", "response_efficiency", "decision_kept"):
        expected = getattr(ours.measures, name)
        assert getattr(theirs.measures, name) == pytest.approx(expected, rel=1e-5), name
    assert theirs.measures.num_fixed == ours.measures.num_fixed
