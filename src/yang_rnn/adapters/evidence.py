"""What evidence is in a task, read from its trials without noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from yang_rnn.trials import Task, TwoAlternatives

NUM_TRIALS = 400
"""Trials that rest and evidence are read from."""

_NEGLIGIBLE = 1e-6


class Evidence(NamedTuple):
    """Which conditions are the evidence of a task's choices.

    Attributes
    ----------
    strength : mapping from values of the context to names of conditions
        The condition that is the strength of the evidence in each context; None: in all trials.
    context : str, optional
        The condition that is the context.
    others : tuple of str
        Conditions that move the input too, and are no evidence.
    stimulus, decision : str
        Periods.
    """

    strength: Mapping[Any, str]
    context: str | None = None
    others: tuple[str, ...] = ()
    stimulus: str = "stimulus"
    decision: str = "decision"


def alternatives_of(task: Task, evidence: Evidence) -> dict[str, TwoAlternatives]:
    """Return the input without evidence and the direction of evidence, by context.

    Both come from a linear regression of the inputs during the stimulus, without noise, on the
    signed strength of the evidence: the intercept, and the slope with its largest entry 1.

    Parameters
    ----------
    task : Task
        Its choices are outputs 1 and 2.
    evidence : Evidence

    Returns
    -------
    dict
        By the context's name and value, as in ``context 0``; by ``""`` without contexts.

    Raises
    ------
    ValueError
        If the inputs during the stimulus do not depend on the evidence.
    """
    trials = task.seeded(0).without_noise().sample_trials(NUM_TRIALS)
    found = {}
    for value, condition in evidence.strength.items():
        within = {} if evidence.context is None else {evidence.context: value}
        here = trials.where(within)
        assert here.choice is not None
        inputs = np.asarray(here.inputs)[here.during(evidence.stimulus)].mean(axis=0)
        strength = np.abs(here.condition(condition)) * np.where(here.choice == 1, 1.0, -1.0)
        rest = [here.condition(other) for other in evidence.others if other != condition]
        columns = np.stack([np.ones(len(strength)), strength, *rest], axis=1)
        slopes = np.linalg.lstsq(columns, inputs, rcond=None)[0]
        largest = np.abs(slopes[1]).max()
        if not largest > _NEGLIGIBLE:
            raise ValueError(f"the inputs during {evidence.stimulus!r} must depend on {condition}")
        name = "" if evidence.context is None else f"{evidence.context} {value}"
        found[name] = TwoAlternatives(
            rest=_rounded(slopes[0]),
            evidence=_rounded(slopes[1] / largest),
            condition=condition,
            stimulus=evidence.stimulus,
            decision=evidence.decision,
            within=within,
        )
    return found


def _rounded(values: np.ndarray) -> np.ndarray:
    """Take off what rounding, to float32 in some tasks, left in a regression of exact numbers."""
    return np.round(values, 6) + 0.0
