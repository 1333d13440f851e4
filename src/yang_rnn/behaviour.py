"""How well a network decides, from its outputs on trials of any task."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import binomtest

from yang_rnn._checks import (
    check_array,
    check_callable,
    check_confidence,
    check_is,
    check_real,
    reason_of,
)
from yang_rnn.trials import Trials, TwoAlternatives, check_trials

Ideal = Callable[[float], float]
"""The ideal observer: from the strength of the evidence to the probability of a correct choice."""


def accuracy(outputs: Any, trials: Trials) -> float:
    """Return the share of correct outputs at the steps where a choice is asked for.

    Parameters
    ----------
    outputs : array of shape (time, trial, output)
        A network's on these trials; the answer is the largest.
    trials : Trials
        A step asks for a choice where its target is above 0.

    Raises
    ------
    ValueError
        If no step asks for a choice, or the outputs are not those of the trials.
    """
    outputs = _checked(outputs, trials)
    asked = np.asarray(trials.targets) > 0
    _last_asked(trials)
    return float((outputs.argmax(axis=-1) == trials.targets)[asked].mean())


class ConditionAccuracy(NamedTuple):
    """How often the choice is right, by a condition of the trials.

    Attributes
    ----------
    level : array of shape (level,)
        Values of the condition, in rising order.
    num_trials : int array of shape (level,)
        Trials of each.
    accuracy : array of shape (level,)
        Share of them with a correct choice; without evidence, correct is what the task says.
    low, high : array of shape (level,)
        Wilson's interval of it [1]_.
    ideal : array of shape (level,) or None
        The ideal observer's accuracy, where it was given.

    References
    ----------
    .. [1] Wilson (1927), "Probable inference, the law of succession, and statistical inference",
       Journal of the American Statistical Association 22:209-212.
    """

    level: np.ndarray
    num_trials: np.ndarray
    accuracy: np.ndarray
    low: np.ndarray
    high: np.ndarray
    ideal: np.ndarray | None


def accuracy_by_condition(
    outputs: Any,
    trials: Trials,
    condition: str = "coherence",
    confidence: float = 0.95,
    *,
    ideal: Ideal | None = None,
) -> ConditionAccuracy:
    """Measure how often a network is right at each value of a condition.

    The answer counts at the last step that asks for one.

    Parameters
    ----------
    outputs : array of shape (time, trial, output)
        A network's on these trials.
    trials : Trials
        The more, the narrower the intervals.
    condition : str
        One of the trials' conditions.
    confidence : float
        Coverage of the intervals.
    ideal : callable, optional
        The ideal observer's accuracy at a value, as `PerceptualDecisionMaking.ideal_accuracy`.

    Raises
    ------
    ValueError
        If no step asks for a choice, there is no such condition, or the confidence is not between
        0 and 1.
    """
    check_confidence(confidence)
    check_callable("ideal", ideal, optional=True)
    outputs, last = _checked(outputs, trials), _last_asked(trials)
    right = outputs[last].argmax(axis=-1) == np.asarray(trials.targets)[last]
    levels, total, hits = _counts(trials.condition(condition), right)
    low, high = _intervals(hits, total, confidence)
    best = None if ideal is None else np.array([_probability(ideal, level) for level in levels])
    return ConditionAccuracy(levels, total, hits / total, low, high, best)


class Psychometric(NamedTuple):
    """How often choice 2 is taken, by the strength of the evidence for it.

    Attributes
    ----------
    strength : array of shape (level,)
        Signed strength of the evidence (coherence in %), negative where choice 1 is correct, in
        rising order; 0 stands once.
    num_trials : int array of shape (level,)
        Trials of each.
    probability : array of shape (level,)
        Share of them in which choice 2 was taken.
    low, high : array of shape (level,)
        Wilson's interval of it (see `ConditionAccuracy`).
    ideal : array of shape (level,) or None
        The ideal observer's probability, where it was given.
    """

    strength: np.ndarray
    num_trials: np.ndarray
    probability: np.ndarray
    low: np.ndarray
    high: np.ndarray
    ideal: np.ndarray | None


def psychometric_function(
    outputs: Any,
    trials: Trials,
    task: TwoAlternatives,
    confidence: float = 0.95,
    *,
    ideal: Ideal | None = None,
) -> Psychometric:
    """Measure a network's psychometric function.

    The choice is the larger of the two outputs that compete, at the last step of the decision.

    Parameters
    ----------
    outputs : array of shape (time, trial, output)
        A network's on these trials.
    trials : Trials
        The more, the narrower the intervals.
    task : TwoAlternatives
        Which outputs compete, and what the evidence is.
    confidence : float
        Coverage of the intervals.
    ideal : callable, optional
        The ideal observer's accuracy at a strength, as `PerceptualDecisionMaking.ideal_accuracy`.

    Raises
    ------
    ValueError
        If outputs, trials and task do not fit, or the confidence is not between 0 and 1.
    """
    check_confidence(confidence)
    check_callable("ideal", ideal, optional=True)
    check_is("task", task, TwoAlternatives)
    took_second = task.chose_second(_checked(outputs, trials), trials)
    levels, total, second = _counts(task.signed_strength(trials), took_second)
    low, high = _intervals(second, total, confidence)
    best = None
    if ideal is not None:
        right = np.array([_probability(ideal, abs(level)) for level in levels])
        best = np.where(levels < 0, 1 - right, right)
    return Psychometric(levels, total, second / total, low, high, best)


def _checked(outputs: Any, trials: Trials) -> np.ndarray:
    expected = np.shape(check_trials(trials).targets)
    return check_array("outputs", outputs, (*expected, "output"))


def _probability(ideal: Ideal, level: Any) -> float:
    """Return what the ideal observer has at a level, a number."""
    try:
        value = ideal(float(level))
    except TypeError as error:
        given = reason_of(error)
        raise TypeError(f"`ideal` must take one number, which gives: {given}") from error
    return check_real("what `ideal` returns", value)


def _last_asked(trials: Trials) -> int:
    """Return the last step that asks for a choice."""
    asked = np.flatnonzero((np.asarray(trials.targets) > 0).any(axis=1))
    if not len(asked):
        raise ValueError("`trials` must have a target above 0; got none")
    return int(asked[-1])


def _counts(group: np.ndarray, hit: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the values of a group, and the trials and hits of each."""
    levels = np.unique(group)
    total = np.array([(group == level).sum() for level in levels])
    return levels, total, np.array([hit[group == level].sum() for level in levels])


def _intervals(
    hits: np.ndarray, total: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return Wilson's intervals."""
    intervals = [
        binomtest(int(k), int(n)).proportion_ci(confidence, method="wilson")
        for k, n in zip(hits, total, strict=True)
    ]
    return np.array([i.low for i in intervals]), np.array([i.high for i in intervals])
