"""What a network does in trials with two alternatives: states, evidence, choices."""

from __future__ import annotations

import dataclasses
import math
import warnings

import numpy as np

from yang_rnn._checks import check_array
from yang_rnn.dynamics.simulation import Trajectories, simulate
from yang_rnn.dynamics.system import System
from yang_rnn.trials import Trials, TwoAlternatives

MIN_TRIALS = 10
"""No correlation is taken over fewer trials."""

SURE = 5.0
"""Standard errors from which on the evidence of trials is not by chance other than it should be."""

OFF_REST = 0.25
"""Distance of the trials' mean input from `rest`, over its size, that is far.

In this package's tasks, and those that it adapts, it is 0.02 or less.
"""


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
    """Run trials and keep what the network does in those that the task is said of, in float64.

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
        If system, trials and task do not fit, the right choices go against the evidence, or a
        state is not finite.
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
    chosen = task.said_of(trials)
    trials, activity, outputs = trials.select(chosen), activity[:, chosen], outputs[:, chosen]
    check_evidence(trials, task)
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


def check_evidence(trials: Trials, task: TwoAlternatives) -> None:
    """Make sure that trials have the evidence that is said of them, on average.

    The mean input along `evidence` must not be less in trials whose right choice is 2 than in those
    whose right choice is 1, by `SURE` standard errors. Evidence may be unbalanced: it is across its
    direction that inputs should be near `rest`, on average or where there is no evidence.

    Parameters
    ----------
    trials : Trials
        Those that the task is said of.
    task : TwoAlternatives

    Raises
    ------
    ValueError
        If the right choices go against the evidence.

    Warns
    -----
    UserWarning
        If the mean input during the stimulus, and what it would be without evidence, are far from
        `rest` (`OFF_REST`).
    """
    inputs = np.asarray(trials.inputs, np.float64)[trials.during(task.stimulus)].mean(axis=0)
    strength = task.signed_strength(trials)
    along = (inputs - task.rest) @ task.evidence
    for_second, for_first = along[strength > 0], along[strength < 0]
    if min(len(for_second), len(for_first)) > 1:
        difference = for_second.mean() - for_first.mean()
        if difference < -SURE * math.hypot(_error_of(for_second), _error_of(for_first)):
            raise ValueError(
                "`task.evidence` must point to choice 2; the mean input along it is "
                f"{for_second.mean():.3g} where choice 2 is right, {for_first.mean():.3g} where "
                "choice 1 is: change its sign, or what `trials.choice` calls 0 and 1"
            )
    if _far_from_rest(inputs, np.abs(strength), task):
        warnings.warn(
            "`task.rest` should be the input of the stimulus without evidence; it is "
            f"{_shown(task.rest)}, and the trials' mean input there "
            f"{_shown(inputs.mean(axis=0))}: points and modes are those of an input that no trial "
            "has",
            stacklevel=4,
        )


def _far_from_rest(inputs: np.ndarray, strength: np.ndarray, task: TwoAlternatives) -> bool:
    """Tell whether mean inputs (trial, channel) are far from `rest` at any strength and at 0.

    Those at 0 are by linear regression on the strength: evidence that is added to one channel or
    the other moves their mean too.
    """
    if len(np.unique(strength)) < 2 or len(strength) < MIN_TRIALS:
        return False
    unit = task.evidence / np.linalg.norm(task.evidence)
    off = inputs - task.rest
    off = off - np.outer(off @ unit, unit)
    least = OFF_REST * max(np.linalg.norm(inputs.mean(axis=0)), np.linalg.norm(task.rest))
    for columns in ([np.ones(len(off))], [np.ones(len(off)), strength]):
        design = np.stack(columns, axis=1)
        found = np.linalg.lstsq(design, off, rcond=None)[0]
        left = np.linalg.norm(off - design @ found) / math.sqrt(len(off))
        error = left * math.sqrt(np.linalg.inv(design.T @ design)[0, 0])
        if np.linalg.norm(found[0]) <= max(least, SURE * error):
            return False
    return True


def _error_of(values: np.ndarray) -> float:
    """Return the standard error of a mean, but for rounding."""
    rounding = 1e-9 * np.abs(values).max()
    return float(values.std(ddof=1) / math.sqrt(len(values)) + rounding)


def _shown(vector: np.ndarray) -> str:
    return f"({', '.join(f'{value:.3g}' for value in vector)})"


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
