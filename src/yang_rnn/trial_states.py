"""What the trials of a network that decides did: states, evidence, choices."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from yang_rnn.behaviour import signed_coherence
from yang_rnn.model import CTRNN
from yang_rnn.recipe import Recipe
from yang_rnn.task import PerceptualDecisionMaking, Trials

FEWEST_TRIALS = 10
"""No correlation is taken over fewer trials."""


@dataclasses.dataclass(frozen=True, eq=False)
class TrialStates:
    """What trials of two choices did.

    Attributes
    ----------
    activity : array of shape (time, trial, unit)
        States.
    during : array of shape (stimulus step, trial, unit)
        Those of the stimulus.
    evidence : array of shape (trial,)
        Second stimulus channel minus the first, summed over the stimulus.
    chose_second : bool array of shape (trial,)
        Whether the second choice's output was above the first's at the end.
    signed_coherence : array of shape (trial,)
        Coherence (%), negative where choice 1 is correct.
    """

    activity: np.ndarray
    during: np.ndarray
    evidence: np.ndarray
    chose_second: np.ndarray
    signed_coherence: np.ndarray

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
        """Take from each trial's value the mean of its signed coherence."""
        values = values.copy()
        for level in np.unique(self.signed_coherence):
            same = self.signed_coherence == level
            here = values[same]
            # Equal values are their mean: exactly, whatever rounding makes of it.
            values[same] = here - here.mean() if np.ptp(here) > 0 else 0.0
        return values

    def _between(self, values: np.ndarray) -> np.ndarray:
        """Take the mean over trials that chose 1 from that over trials that chose 2."""
        return values[self.chose_second].mean(axis=0) - values[~self.chose_second].mean(axis=0)


def observe(net: CTRNN, trials: Trials, recipe: Recipe) -> TrialStates:
    """Run trials and keep what they did, in float64.

    Parameters
    ----------
    net : CTRNN
        A network with two choices.
    trials : Trials
        Trials of the recipe's task.
    recipe : Recipe

    Raises
    ------
    ValueError
        If there are not two choices, or network, trials and recipe disagree.
    """
    if net.num_input != 3 or net.num_output != 3 or recipe.choices != 2:
        raise ValueError("`net` and `recipe` must have two choices")
    task = PerceptualDecisionMaking.from_recipe(recipe)
    stimulus, decision = task.time_mask("stimulus"), task.time_mask("decision")
    if not math.isclose(net.alpha, recipe.dt / recipe.tau, rel_tol=1e-6):
        expected = recipe.dt / recipe.tau
        raise ValueError(
            f"`net` must have the recipe's dt / tau, {expected:g}; its alpha is {net.alpha:g}"
        )
    if len(trials.inputs) != len(stimulus):
        raise ValueError(
            f"`trials` must have the recipe's {len(stimulus)} steps; got {len(trials.inputs)}"
        )
    activity, outputs = (np.asarray(array, np.float64) for array in net.predict(trials.inputs))
    last = outputs[decision][-1]
    channels = trials.inputs[stimulus]
    return TrialStates(
        activity=activity,
        during=activity[stimulus],
        evidence=(channels[..., 2] - channels[..., 1]).sum(axis=0),
        chose_second=last[:, 2] > last[:, 1],
        signed_coherence=signed_coherence(trials),
    )


def explained_by_time(values: np.ndarray) -> float:
    """Return the share of the variance of (time, trial, unit) that lies between times."""
    total = values.reshape(-1, values.shape[-1]).var(axis=0).sum()
    return float(values.mean(axis=1).var(axis=0).sum() / total) if total > 0 else math.nan


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Return r, NaN where one of the two never changes or there are too few trials to tell."""
    one, other = np.asarray(one, float), np.asarray(other, float)
    if len(one) < FEWEST_TRIALS or np.ptp(one) == 0 or np.ptp(other) == 0:
        return math.nan
    return float(np.corrcoef(one, other)[0, 1])
