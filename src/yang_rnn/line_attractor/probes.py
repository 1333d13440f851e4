"""Trials made to measure how a network integrates: white noise as evidence, from its own states."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
from jax.tree_util import Partial
from numpy.typing import ArrayLike

from yang_rnn._checks import check_is, check_whole
from yang_rnn.dynamics.maps import as_map
from yang_rnn.dynamics.simulation import Trajectories
from yang_rnn.dynamics.system import System
from yang_rnn.line_attractor.estimates import Estimate, share_of
from yang_rnn.line_attractor.trial_states import TrialStates, run_trials
from yang_rnn.trials import Trials, TwoAlternatives, check_alternatives, check_trials

NUM_PROBES = 2048
"""Probes: the efficiency of a kernel of twenty steps is then known to 0.02 or better."""

PROBES_PER_STEP = 4
"""Probes for each step of a stimulus of many: a kernel has as many weights as there are steps."""


@dataclasses.dataclass(frozen=True, eq=False)
class Probes:
    """What a network is probed with; every run is in float64.

    Attributes
    ----------
    system : System
    step, readout : jax.tree_util.Partial
        The system's, turned once into what is compiled once.
    task : TwoAlternatives
    onset : array of shape (probe, unit)
        States that trials of the task are in when the stimulus begins.
    noise : array of shape (step, probe)
        Evidence for choice 2 at each step of the stimulus, independent of all else.
    strength : array of shape (probe,)
        Evidence that is the same at each step of a probe, as the task's trials have it.
    cue : array of shape (step, channel)
        Inputs from the end of the stimulus to the last step that asks for a decision, the mean of
        the trials: noise there would be part of both decisions of a pair.
    accuracy : Estimate
        Share of the task's trials with evidence in which the right choice was made.
    scale : float
        Root mean square distance of the states during the stimulus from their mean.
    """

    system: System
    step: Partial
    readout: Partial
    task: TwoAlternatives
    onset: np.ndarray
    noise: np.ndarray
    strength: np.ndarray
    cue: np.ndarray
    accuracy: Estimate
    scale: float

    def __repr__(self) -> str:
        """Say how many probes of how long a stimulus."""
        return (
            f"Probes({self.noise.shape[1]} of {self.num_steps} steps, {self.duration:g} ms; "
            f"{self.system!r})"
        )

    @property
    def num_steps(self) -> int:
        """Steps of the stimulus."""
        return len(self.noise)

    @property
    def duration(self) -> float:
        """How long the stimulus lasts (ms)."""
        return self.num_steps * self.system.dt

    def first(self, number: int) -> Probes:
        """Return the first so many of the probes."""
        return self.chosen(np.arange(min(number, len(self.onset))))

    def chosen(self, places: np.ndarray) -> Probes:
        """Return some of the probes, by their places."""
        return dataclasses.replace(
            self,
            onset=self.onset[places],
            noise=self.noise[:, places],
            strength=self.strength[places],
        )

    def inputs(self, evidence: ArrayLike) -> np.ndarray:
        """Return inputs (step, probe, channel) with evidence (step, probe) for choice 2."""
        unit = self.task.evidence / (self.task.evidence @ self.task.evidence)
        return self.task.rest + np.asarray(evidence)[..., None] * unit

    def run(self, states: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        """Run states (probe, unit) through inputs (step, probe, channel); return where they end."""
        with jax.enable_x64(True):
            return np.asarray(_run(self.step, states, inputs))

    def integrate(self, evidence: ArrayLike) -> np.ndarray:
        """Run a stimulus with this evidence (step, probe); return the states (probe, unit)."""
        return self.run(self.onset, self.inputs(evidence))

    def hold(self, states: np.ndarray, steps: int) -> np.ndarray:
        """Run states (probe, unit) on for a number of steps at the input without evidence."""
        shape = (steps, len(states), len(self.task.rest))
        return self.run(states, np.broadcast_to(self.task.rest, shape))

    def decide(self, states: np.ndarray) -> np.ndarray:
        """Return the decisions (probe,) that states at the end of the stimulus lead to.

        The output of choice 2 minus that of choice 1 when a choice is asked for.
        """
        shape = (len(self.cue), len(states), self.cue.shape[1])
        ends = self.run(states, np.broadcast_to(self.cue[:, None], shape))
        with jax.enable_x64(True):
            outputs = np.asarray(_read(self.readout, ends))
        first, second = self.task.outputs
        return outputs[:, second] - outputs[:, first]


def make_probes(
    system: System,
    trials: Trials,
    task: TwoAlternatives,
    *,
    trajectories: Trajectories | None = None,
    seen: TrialStates | None = None,
    number: int | None = None,
    seed: int = 0,
) -> Probes:
    """Make probes in the range of evidence that a task's trials have.

    The evidence of a step is the trial's own strength plus noise: strengths are those of the
    trials, and the noise is Gaussian with the standard deviation that the evidence has within a
    trial (where there is next to none, with the root mean square of the strengths).

    Parameters
    ----------
    system : System
        A network with outputs.
    trials : Trials
        Trials of its task, a hundred or more.
    task : TwoAlternatives
    trajectories : Trajectories, optional
        Those of the system on these trials, if they are there already.
    seen : TrialStates, optional
        What `run_trials` made of them, if that is there.
    number : int, optional
        How many probes; without it `NUM_PROBES`, or `PROBES_PER_STEP` for each step of the stimulus
        where that is more.
    seed : int
        Of the noise.

    Raises
    ------
    ValueError
        If system, trials and task do not fit, a state is not finite, or the trials have no
        evidence.
    TypeError
        If something is not what it must be.
    """
    check_is("system", system, System)
    check_trials(trials)
    check_alternatives("task", task, trials)
    check_is("trajectories", trajectories, Trajectories, optional=True)
    check_is("seen", seen, TrialStates, optional=True)
    if number is not None:
        number = check_whole("number", number, 1)
    seed = check_whole("seed", seed, 0, None)
    seen = seen or run_trials(system, trials, task, trajectories)
    trials = trials.select(task.said_of(trials))
    during = trials.during(task.stimulus)
    last = range(len(trials.inputs))[trials.during(task.decision)][-1]
    evidence = np.asarray(trials.inputs, np.float64)[during] @ task.evidence
    evidence = evidence - task.rest @ task.evidence
    strengths = evidence.mean(axis=0)
    size = np.sqrt((strengths**2).mean())
    within = (evidence - strengths).std()
    sd = within if within > 0.1 * size else size
    if not sd > 0:
        raise ValueError("`trials` must have evidence for one choice or the other; got none")
    number = number or max(NUM_PROBES, PROBES_PER_STEP * len(evidence))
    rng = np.random.default_rng(seed)
    chosen = rng.integers(len(strengths), size=number)
    begin = during.start - 1
    onset = seen.activity[begin] if begin >= 0 else np.tile(system.initial_state, (len(chosen), 1))
    right = seen.chose_second == (np.asarray(trials.choice) == 1)
    states = seen.during.reshape(-1, seen.during.shape[-1])
    assert system.readout is not None  # `run_trials` takes no system without
    return Probes(
        system=system,
        step=Partial(_next, as_map(system.step, np.float64, "step")),
        readout=Partial(_seen, as_map(system.readout, np.float64, "readout")),
        task=task,
        onset=onset[chosen] if begin >= 0 else onset,
        noise=sd * rng.standard_normal((len(evidence), number)),
        strength=strengths[chosen],
        cue=np.asarray(trials.inputs, np.float64)[during.stop : last + 1].mean(axis=1),
        accuracy=share_of(right[seen.signed_strength != 0]),
        scale=float(np.sqrt(((states - states.mean(axis=0)) ** 2).sum(axis=1).mean())),
    )


def _next(step: Partial, x: jax.Array, h: jax.Array) -> jax.Array:
    """Take a step whose result is as precise as the state, whatever the step makes of it."""
    return step(x, h).astype(h.dtype)


def _seen(readout: Partial, h: jax.Array) -> jax.Array:
    return readout(h).astype(h.dtype)


@jax.jit
def _run(step: Partial, states: jax.Array, inputs: jax.Array) -> jax.Array:
    def advance(h, x):
        return jax.vmap(step)(x, h), None

    return jax.lax.scan(advance, states, inputs)[0]


@jax.jit
def _read(readout: Partial, states: jax.Array) -> jax.Array:
    return jax.vmap(readout)(states)
