"""What a network does in trials with two alternatives: states, evidence, choices."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from yang_rnn._checks import check_array
from yang_rnn.dynamics.simulation import Trajectories, simulate
from yang_rnn.dynamics.system import System
from yang_rnn.trials import Trials, TwoAlternatives

MIN_TRIALS = 10
"""No correlation is taken over fewer trials."""


@dataclasses.dataclass(frozen=True, eq=False)
class TrialStates:
    """What a network does in trials with two alternatives.

    Attributes
    ----------
    activity : array of shape (time, trial, unit)
        States.
    during : array of shape (stimulus step, trial, unit)
        Those of the stimulus.
    evidence : array of shape (trial,)
        Evidence for choice 2, summed over the stimulus.
    chose_second : bool array of shape (trial,)
        Whether the second choice's output was above the first's at the end.
    signed_strength : array of shape (trial,)
        Strength of the evidence, negative where choice 1 is correct.
    dt : float
        Time step (ms).
    """

    activity: np.ndarray
    during: np.ndarray
    evidence: np.ndarray
    chose_second: np.ndarray
    signed_strength: np.ndarray
    dt: float

    @property
    def duration(self) -> float:
        """How long evidence comes, the stimulus (ms)."""
        return len(self.during) * self.dt

    @property
    def end(self) -> np.ndarray:
        """States at the end of the stimulus, (trial, unit)."""
        return self.during[-1]

    @property
    def chose_alike(self) -> bool:
        """Whether all trials ended in the same choice."""
        return bool(self.chose_second.all() or not self.chose_second.any())

    @property
    def choice_axis(self) -> np.ndarray:
        """Unit vector between the mean states before choice 1 and 2; 0 if all chose alike."""
        if self.chose_alike:
            return np.zeros(self.end.shape[1])
        axis = self._between(self.end)
        length = np.linalg.norm(axis)
        return axis / length if length > 0 else axis

    def towards_choice_2(self, position: np.ndarray) -> np.ndarray:
        """Turn positions (time, trial) round, if need be, so that they grow towards choice 2."""
        if self.chose_alike:
            return position
        return position * (-1.0 if self._between(position[-1]) < 0 else 1.0)

    def within(self, values: np.ndarray) -> np.ndarray:
        """Take from each trial's value the mean of its signed strength."""
        values = values.copy()
        for level in np.unique(self.signed_strength):
            same = self.signed_strength == level
            here = values[same]
            # Equal values are their mean: exactly, whatever rounding makes of it.
            values[same] = here - here.mean() if np.ptp(here) > 0 else 0.0
        return values

    def _between(self, values: np.ndarray) -> np.ndarray:
        """Take the mean over trials that chose 1 from that over trials that chose 2."""
        return values[self.chose_second].mean(axis=0) - values[~self.chose_second].mean(axis=0)


def run_trials(
    system: System,
    trials: Trials,
    task: TwoAlternatives,
    trajectories: Trajectories | None = None,
) -> TrialStates:
    """Run trials and keep what the network does, in float64.

    Parameters
    ----------
    system : System
        A network with outputs.
    trials : Trials
    task : TwoAlternatives
    trajectories : Trajectories, optional
        Those of the system on these trials, if they are there already.

    Raises
    ------
    ValueError
        If system, trials and task do not fit, or a state is not finite.
    """
    if trajectories is not None:
        last = {"activity": system.num_units, "outputs": "output"}
        for name, values in trajectories._asdict().items():
            shape = (*np.shape(trials.inputs)[:2], last[name])
            check_array(f"trajectories.{name}", values, shape)
    activity, outputs = simulate(system, trials.inputs) if trajectories is None else trajectories
    during, decision = trials.during(task.stimulus), trials.during(task.decision)
    if decision.stop < during.stop:
        raise ValueError(
            f"`task.decision` must not end before the stimulus does; {task.decision!r} ends at "
            f"step {decision.stop}, {task.stimulus!r} at {during.stop}"
        )
    if outputs is None:
        raise ValueError("`system` must have a readout: without outputs there is no choice")
    expected = (*np.shape(trials.inputs)[:2], system.num_units)
    activity = check_array("trajectories", activity, expected, finite=False).astype(np.float64)
    if not np.isfinite(activity).all():
        raise ValueError("`trials` must keep the system's states finite; got NaN or infinity")
    return TrialStates(
        activity=activity,
        during=activity[during],
        evidence=task.evidence_of(trials),
        chose_second=task.chose_second(outputs, trials),
        signed_strength=task.signed_strength(trials),
        dt=system.dt,
    )


def explained_by_time(values: np.ndarray) -> float:
    """Return the share of the variance of (time, trial, unit) that lies between times."""
    total = values.reshape(-1, values.shape[-1]).var(axis=0).sum()
    return float(values.mean(axis=1).var(axis=0).sum() / total) if total > 0 else math.nan


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Return r, NaN where one of the two never changes or there are too few trials to tell."""
    one, other = np.asarray(one, float), np.asarray(other, float)
    if len(one) < MIN_TRIALS or np.ptp(one) == 0 or np.ptp(other) == 0:
        return math.nan
    return float(np.corrcoef(one, other)[0, 1])
