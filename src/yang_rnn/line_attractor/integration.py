"""How a network integrates evidence, measured by simulation alone.

Each function takes probes (`make_probes`), runs them, and gives numbers with their standard errors.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import numpy as np
from jax.tree_util import Partial
from numpy.typing import ArrayLike

from yang_rnn._checks import check_array, check_is, check_whole
from yang_rnn.dynamics.simulation import Trajectories
from yang_rnn.dynamics.system import System
from yang_rnn.line_attractor.estimates import Estimate, cosine_of, median_of, ratio_of
from yang_rnn.line_attractor.kernel import Kernel, psychophysical_kernel
from yang_rnn.line_attractor.long_run import LongRun, hold_states
from yang_rnn.line_attractor.probes import Probes, make_probes
from yang_rnn.trials import Trials, TwoAlternatives

EARLY, LATE = 0.25, 0.9
"""Shares of the stimulus after a pulse between which the state's differences are compared.

Before, modes that are soon forgotten, and that feed those that last, are part of them.
"""

PULSE = 0.1
"""Size of a pulse of evidence, over the standard deviation of the probes' noise."""

ROUNDING = 1e-12
"""Differences up to so small a share of the scale of the states are rounding."""

NUM_PAIRED = 256
"""Probes of which pairs are run."""

PUSH = 0.05
"""Size of a push of the state, over the scale of the states."""


def measure_kernel(probes: Probes) -> Kernel:
    """Measure the psychophysical kernel of a network's decisions.

    Probes are run in pairs with opposite noise. Half the difference of their decisions is what is
    regressed on the noise, so that their strengths set where a kernel is measured and add nothing
    to its errors.
    """
    check_is("probes", probes, Probes)
    if len(probes.onset) < 3 * probes.num_steps:
        raise ValueError(
            f"`probes` must be {3 * probes.num_steps} or more, three for each step of the "
            f"stimulus; got {len(probes.onset)}"
        )
    one, other = (
        probes.decide(probes.integrate(probes.strength + sign * probes.noise)) for sign in (1, -1)
    )
    return psychophysical_kernel(probes.noise, (one - other) / 2)


class Pulse(NamedTuple):
    """What a small pulse of evidence at the beginning of the stimulus does to the state.

    Attributes
    ----------
    constancy : Estimate
        Cosine between the mean difference of the state at 0.9 of the stimulus after the pulse and
        that at 0.25 of it, or between where it is least: a whole turn does not come back. 1 where
        a change stays as it is. NaN where nothing is left,
        and for a stimulus of one step.
    additivity : Estimate
        What two pulses, half a stimulus apart, do to the decision together, over the sum of what
        each does alone.
    direction : numpy.ndarray, shape (unit,)
        Mean of the late differences, a unit vector (0 where nothing is left).
    """

    constancy: Estimate
    additivity: Estimate
    direction: np.ndarray

    def __repr__(self) -> str:
        """Say how far the direction is kept, and whether pulses add up."""
        return (
            f"Pulse({len(self.direction)} units: constancy of direction {self.constancy}, "
            f"additivity {self.additivity})"
        )


def pulse_steps(steps: int) -> tuple[int, int, int]:
    """Return the step of a pulse, and the steps after which its differences are compared.

    Parameters
    ----------
    steps : int
        Of the stimulus; the later difference is that at its end. The earlier one is before it, but
        for a stimulus of one step, which has nothing to compare.
    """
    early = min(max(1, round(EARLY * steps)), max(0, steps - 2))
    late = min(max(early + 1, round(LATE * steps)), steps - 1)
    return steps - late - 1, steps - late + early, steps


def measure_pulse(probes: Probes) -> Pulse:
    """Measure what becomes of a small pulse of evidence, in pairs of probes with the same noise.

    The probes have noise alone, no strength: a line that is curved has another direction where
    strong evidence leads.
    """
    check_is("probes", probes, Probes)
    some, steps = probes.first(NUM_PAIRED), probes.num_steps
    first, early, late = pulse_steps(steps)
    evidence = some.noise
    pulse = np.zeros_like(evidence)
    pulse[first] = PULSE * some.noise.std()
    second = np.roll(pulse, steps // 2, axis=0)
    plain, pushed = (some.inputs(each) for each in (evidence, evidence + pulse))
    differences = []
    states = some.onset, some.onset
    begin = 0
    for end in range(early, late + 1):
        part = slice(begin, end)
        states = some.run(states[0], plain[part]), some.run(states[1], pushed[part])
        differences.append(states[1] - states[0])
        begin = end
    decisions = [
        some.decide(some.integrate(each))
        for each in (evidence, evidence + pulse, evidence + second, evidence + pulse + second)
    ]
    one, two, both = (each - decisions[0] for each in decisions[1:])
    kept = [cosine_of(each, differences[-1]) for each in differences[:-1]]
    mean = differences[-1].mean(axis=0)
    if not kept or np.linalg.norm(mean) <= ROUNDING * some.scale:
        kept = [Estimate(math.nan, math.nan)]
    length = np.linalg.norm(mean)
    return Pulse(
        kept[int(np.argmin([each.value for each in kept]))],
        ratio_of(both, one + two),
        mean / length if length > 0 else 0.0 * mean,
    )


class Decay(NamedTuple):
    """What becomes of a decision while the input without evidence is held.

    Attributes
    ----------
    kept : numpy.ndarray, shape (step,)
        rho: slope of the decision so many steps after the stimulus on that at its end.
    after_duration : Estimate
        rho after as long as the stimulus lasted.
    time_constant : float
        -T / ln rho of that (ms), the time constant of the exponential through 1 and this one value,
        not of a curve fitted to all: negative where decisions grow, inf where rho is 1, NaN where
        rho is 0 or less, that is, where decisions have turned over, -0.0 where they are infinite.
    """

    kept: np.ndarray
    after_duration: Estimate
    time_constant: float

    def __repr__(self) -> str:
        """Say what is left of a decision, and its time constant."""
        return (
            f"Decay({self.after_duration} of a decision left after the stimulus' length; time "
            f"constant {self.time_constant:.4g} ms)"
        )


def measure_decay(probes: Probes) -> Decay:
    """Measure how decisions decay after the stimulus, at the input without evidence."""
    check_is("probes", probes, Probes)
    states = probes.integrate(probes.noise + probes.strength)
    before = probes.decide(states)
    x = before - before.mean()
    square = x @ x
    if not (np.isfinite(square) and square > 0):
        nothing = Estimate(math.nan, math.nan)
        return Decay(np.full(probes.num_steps, np.nan), nothing, math.nan)
    kept, after = [], before
    for _ in range(probes.num_steps):
        states = probes.hold(states, 1)
        after = probes.decide(states)
        kept.append((after - after.mean()) @ x / square)
    rho = float(kept[-1])
    if not math.isfinite(rho):
        return Decay(np.array(kept), Estimate(math.inf, math.nan), -0.0)
    rest = after - after.mean() - rho * x
    error = float(np.linalg.norm(x * rest)) / square
    return Decay(np.array(kept), Estimate(rho, error), _leak_of(rho, probes.duration))


def _leak_of(kept: float, duration: float) -> float:
    if kept <= 0:
        return math.nan
    return -duration / math.log(kept) if kept != 1 else math.inf


class Pushes(NamedTuple):
    """What becomes of the state's displacement after as long as the stimulus lasts.

    Attributes
    ----------
    along : Estimate
        Median share of a push in the direction of the evidence that is left in that direction.
    across : Estimate
        Median length, over its first, that a push at random across that direction is left with;
        NaN in a network of one unit.
    """

    along: Estimate
    across: Estimate

    def __repr__(self) -> str:
        """Say what is left of pushes."""
        return f"Pushes(left along the evidence: {self.along}, across it: {self.across})"


def measure_pushes(probes: Probes, direction: ArrayLike, *, seed: int = 0) -> Pushes:
    """Push states at the end of the stimulus along a direction and at random across it.

    Parameters
    ----------
    probes : Probes
    direction : array of shape (unit,)
        In which evidence moves the state, as `measure_pulse` gives it.
    seed : int
        Of the random directions.

    References
    ----------
    Vinograd, Nair, Kim, Linderman & Anderson (2024), Nature 634:910-918 (a perturbation across a
    line attractor relaxes, one along it stays).
    """
    check_is("probes", probes, Probes)
    some = probes.first(NUM_PAIRED)
    direction = check_array("direction", direction, (some.onset.shape[1],)).astype(np.float64)
    seed = check_whole("seed", seed, 0, None)
    nothing = Estimate(math.nan, math.nan)
    if not direction.any() or not some.scale > 0:
        return Pushes(nothing, nothing)
    direction = direction / np.linalg.norm(direction)
    states = some.integrate(some.noise)
    random = np.random.default_rng(seed).standard_normal(states.shape)
    random -= np.outer(random @ direction, direction)
    random /= np.linalg.norm(random, axis=1, keepdims=True) if direction.size > 1 else 1.0
    size = PUSH * some.scale
    plain, along, across = (
        some.hold(states + size * push, some.num_steps) for push in (0.0, direction, random)
    )
    return Pushes(
        median_of((along - plain) @ direction / size),
        median_of(np.linalg.norm(across - plain, axis=1) / size) if direction.size > 1 else nothing,
    )


def propagator_singular_values(probes: Probes) -> np.ndarray:
    """Return the singular values of the stimulus' propagator without evidence, in falling order.

    The propagator is the derivative of the state at the end of the stimulus by that at its begin,
    around the trajectory from the mean state at its begin. One that is far above the others is a
    single direction that is kept.

    Returns
    -------
    numpy.ndarray, shape (unit,)
    """
    check_is("probes", probes, Probes)
    with jax.enable_x64(True):
        matrix = _propagator(
            probes.step, probes.onset.mean(axis=0), probes.task.rest, probes.num_steps
        )
        return np.linalg.svd(np.asarray(matrix), compute_uv=False)


@jax.jit
def _propagator(step: Partial, state: jax.Array, x: jax.Array, steps: jax.Array) -> jax.Array:
    def advance(_, carry):
        h, tangents = carry
        after = jax.vmap(lambda t: jax.jvp(lambda s: step(x, s), (h,), (t,))[1])(tangents)
        return step(x, h), after

    begin = (state, jax.numpy.eye(state.size, dtype=state.dtype))
    return jax.lax.fori_loop(0, steps, advance, begin)[1].T


class Integration(NamedTuple):
    """How a network integrates evidence, in numbers.

    Attributes
    ----------
    accuracy : Estimate
        Share of the task's trials with evidence in which the right choice was made.
    kernel : Kernel
    pulse : Pulse
    decay : Decay
    pushes : Pushes
    singular_values : numpy.ndarray, shape (unit,)
        Of the propagator over the stimulus, in falling order.
    long_run : LongRun
    dt : float
        Time step (ms).
    """

    accuracy: Estimate
    kernel: Kernel
    pulse: Pulse
    decay: Decay
    pushes: Pushes
    singular_values: np.ndarray
    long_run: LongRun
    dt: float

    def __repr__(self) -> str:
        """Say the numbers that tell most."""
        return (
            f"Integration(efficiency {self.kernel.efficiency}; direction kept "
            f"{self.pulse.constancy}; decisions kept {self.decay.after_duration})"
        )


def measure_integration(
    system: System,
    trials: Trials,
    task: TwoAlternatives,
    *,
    trajectories: Trajectories | None = None,
    seed: int = 0,
) -> Integration:
    """Measure how a network integrates evidence, by simulation alone: nothing is linearised.

    Parameters
    ----------
    system : System
        Any network with outputs.
    trials : Trials
        Trials of its task, a hundred or more.
    task : TwoAlternatives
        What evidence and choice are, and the input without evidence.
    trajectories : Trajectories, optional
        Those of the system on these trials, if they are there already.
    seed : int
        Of the probes' noise.

    Returns
    -------
    Integration
        Psychophysical kernel, pulse, decay of decisions, and where states end that are held;
        `judge_integrator` says which kind of integrator that is.

    Raises
    ------
    ValueError
        If system, trials and task do not fit, a state is not finite, or there is no evidence.
    TypeError
        If something is not what it must be.
    """
    return measure_with(make_probes(system, trials, task, trajectories=trajectories, seed=seed))


def measure_with(probes: Probes, *, seed: int = 0) -> Integration:
    """Measure how a network integrates evidence with probes that are there already.

    Parameters
    ----------
    probes : Probes
    seed : int
        Of the directions of pushes.
    """
    check_is("probes", probes, Probes)
    pulse = measure_pulse(probes)
    return Integration(
        accuracy=probes.accuracy,
        kernel=measure_kernel(probes),
        pulse=pulse,
        decay=measure_decay(probes),
        pushes=measure_pushes(probes, pulse.direction, seed=seed),
        singular_values=propagator_singular_values(probes),
        long_run=hold_states(probes),
        dt=probes.system.dt,
    )
