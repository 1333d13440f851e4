"""How well a network decides, from its outputs on trials of any task."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binomtest

from yang_rnn._checks import (
    check_callable,
    check_confidence,
    check_is,
    check_real,
    listed,
    reason_of,
)
from yang_rnn._frames import frame_of
from yang_rnn.trials import (
    Task,
    Trials,
    TwoAlternatives,
    check_alternatives,
    check_outputs,
    check_trials,
    last_asked,
)

if TYPE_CHECKING:
    from yang_rnn._frames import DataFrame

Ideal = Callable[[float], float]
"""The ideal observer: from the strength of the evidence to the probability of a correct choice."""


def accuracy(outputs: ArrayLike, trials: Trials) -> float:
    """Return the share of correct outputs at the steps where a choice is asked for.

    Parameters
    ----------
    outputs : array of shape (time, trial, output)
        A network's on these trials; the answer is the largest.
    trials : Trials
        A step asks for a choice where they say so (`Trials.asks`).

    Raises
    ------
    ValueError
        If no step asks for a choice, or the outputs are not those of the trials.
    """
    outputs = _checked(outputs, trials)
    asked = trials.asks
    if not asked.any():
        raise ValueError("`trials` must ask for a choice; got none that does")
    return float((outputs.argmax(axis=-1) == np.asarray(trials.targets))[asked].mean())


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

    def __repr__(self) -> str:
        """Say the accuracy at each level."""
        pairs = zip(self.level, self.accuracy, strict=True)
        each = listed(f"{share:.2f} at {level:g}" for level, share in pairs)
        return f"ConditionAccuracy({each}; {int(np.sum(self.num_trials))} trials)"

    def to_frame(self) -> DataFrame:
        """Give it as a pandas frame, one row per level; the columns are the attributes.

        ``ideal`` is NaN where it was not given.
        """
        return _frame_of_levels(self)


def accuracy_by_condition(
    outputs: ArrayLike,
    trials: Trials,
    condition: str = "coherence",
    confidence: float = 0.95,
    *,
    ideal: Ideal | None = None,
) -> ConditionAccuracy:
    """Measure how often a network is right at each value of a condition.

    The answer counts at the last step of each trial that asks for one.

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

    Returns
    -------
    ConditionAccuracy
        Share of right answers at each value, in rising order, with Wilson's intervals.

    Raises
    ------
    ValueError
        If there are trials that never ask for a choice, there is no such condition, or the
        confidence is not between 0 and 1.

    Examples
    --------
    >>> task = yr.PerceptualDecisionMaking(seed=0)
    >>> trials = task.sample_trials(200)
    >>> outputs = np.eye(3)[trials.targets]  # of one who is always right
    >>> yr.accuracy_by_condition(outputs, trials)
    ConditionAccuracy(1.00 at 0, 1.00 at 6.4, 1.00 at 12.8, 1.00 at 25.6, 1.00 at 51.2; 200 trials)
    """
    check_confidence(confidence)
    check_callable("ideal", ideal, optional=True)
    outputs, last = _checked(outputs, trials), last_asked(trials)
    each = np.arange(len(last))
    right = outputs[last, each].argmax(axis=-1) == np.asarray(trials.targets)[last, each]
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

    def __repr__(self) -> str:
        """Say how often choice 2 is taken at each strength."""
        pairs = zip(self.strength, self.probability, strict=True)
        each = listed(f"{share:.2f} at {strength:g}" for strength, share in pairs)
        return f"Psychometric(choice 2: {each}; {int(np.sum(self.num_trials))} trials)"

    def to_frame(self) -> DataFrame:
        """Give it as a pandas frame, one row per strength; the columns are the attributes.

        ``ideal`` is NaN where it was not given.
        """
        return _frame_of_levels(self)


def psychometric_function(
    outputs: ArrayLike,
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
        Which outputs compete, and what the evidence is; the trials that it is said of count.
    confidence : float
        Coverage of the intervals.
    ideal : callable, optional
        The ideal observer's accuracy at a strength, as `PerceptualDecisionMaking.ideal_accuracy`.

    Returns
    -------
    Psychometric
        Share of choice 2 at each signed strength, in rising order, with Wilson's intervals;
        `fit_psychometric` fits a curve to it.

    Raises
    ------
    ValueError
        If outputs, trials and task do not fit, or the confidence is not between 0 and 1.

    Examples
    --------
    >>> task = yr.PerceptualDecisionMaking(seed=0)
    >>> trials = task.sample_trials(200)
    >>> outputs = np.eye(3)[trials.targets]  # of one who is always right
    >>> measured = yr.psychometric_function(outputs, trials, task.two_alternatives())
    >>> measured.strength
    array([-51.2, -25.6, -12.8,  -6.4,   0. ,   6.4,  12.8,  25.6,  51.2])
    >>> measured.probability[[0, -1]]
    array([0., 1.])
    """
    check_confidence(confidence)
    check_callable("ideal", ideal, optional=True)
    check_alternatives("task", task, check_trials(trials))
    shape = (*np.shape(check_trials(trials).inputs)[:2], "output")
    outputs, chosen = check_outputs(outputs, shape), task.said_of(trials)
    trials = trials.select(chosen)
    took_second = task.chose_second(outputs[:, chosen], trials)
    levels, total, second = _counts(task.signed_strength(trials), took_second)
    low, high = _intervals(second, total, confidence)
    best = None
    if ideal is not None:
        right = np.array([_probability(ideal, abs(level)) for level in levels])
        best = np.where(levels < 0, 1 - right, right)
    return Psychometric(levels, total, second / total, low, high, best)


class Performance(NamedTuple):
    """How well a network does a task.

    Attributes
    ----------
    num_trials : int
    accuracy : float
        Share of trials that were done right, as the task tells it.
    low, high : float
        Wilson's interval of it, 95 % (see `ConditionAccuracy`).
    chance : float or None
        What always the same answer would reach on these trials; None where there are no choices.
    silent : float or None
        Share of trials in which the largest output is one that is never the answer, as that of
        fixation: the network does not answer. None where there are no choices.
    among_answers : float or None
        What the accuracy would be if the largest of the outputs that are ever the answer counted.
    explained : float or None
        Of targets that are values, the share of their variance about the best constant outputs
        that the outputs explain, 1 at best; None where the targets are choices.
    learned : bool
        Whether the task was learned at all: `low` is above `chance` or, for values, `explained` is
        above 0.
    by_condition : dict of ConditionAccuracy
        By conditions that have from 2 to `MAX_LEVELS` values.
    """

    num_trials: int
    accuracy: float
    low: float
    high: float
    chance: float | None
    silent: float | None
    among_answers: float | None
    explained: float | None
    learned: bool
    by_condition: dict[str, ConditionAccuracy]

    def __repr__(self) -> str:
        """Say how much is done right, beside chance."""
        chance = "" if self.chance is None else f"; always the same answer: {self.chance:.4f}"
        explained = "" if self.explained is None else f"; variance explained {self.explained:.3f}"
        return (
            f"Performance({'learned' if self.learned else 'NOT learned'}: {self.accuracy:.4f} of "
            f"{self.num_trials} trials right, 95 % interval {self.low:.4f} to {self.high:.4f}"
            f"{chance}{explained})"
        )

    def to_frame(self) -> DataFrame:
        """Give the accuracies as a pandas frame, one row per value of each condition.

        Returns
        -------
        pandas.DataFrame
            Columns condition, level, num_trials, accuracy, low, high. The first row is of all
            trials: its condition is empty, its level NaN.
        """
        names = ("level", "num_trials", "accuracy", "low", "high")
        columns = {
            name: np.concatenate([
                [getattr(self, name, np.nan)],
                *(getattr(each, name) for each in self.by_condition.values()),
            ])
            for name in names
        }  # fmt: skip
        of = ["", *(name for name, each in self.by_condition.items() for _ in each.level)]
        frame = frame_of({"condition": np.array(of)} | columns)
        return frame.astype({"num_trials": np.int64})


MAX_LEVELS = 12
"""Values of a condition by which the performance is split."""


def performance(task: Task, outputs: ArrayLike, trials: Trials) -> Performance:
    """Measure how well a network does any task.

    Parameters
    ----------
    task : Task
        Says which trials are done right.
    outputs : array of shape (time, trial, output)
        A network's on these trials.
    trials : Trials

    Raises
    ------
    ValueError
        If the outputs are not those of the trials, or there are trials that never ask for a choice.
    NotImplementedError
        If the task's targets are values, and it does not say what is right.
    """
    check_is("task", task, Task)
    shape = np.shape(check_trials(trials).targets)
    outputs = check_outputs(outputs, (*shape[:2], "output"))
    right = np.asarray(task.correct(outputs, trials))
    if right.dtype != bool or right.shape != shape[1:2]:
        raise ValueError(
            f"`task.correct` must give a bool a trial; got {right.dtype}, {right.shape}"
        )
    low, high = _intervals(np.array([right.sum()]), np.array([len(right)]), 0.95)
    chance = task.chance(trials)
    explained = silent = among_answers = None
    if trials.has_choices:
        silent, among_answers = _answered(outputs, trials)
    else:
        explained = explained_variance(outputs, trials)
    by_condition = {}
    for name in trials.conditions:
        values = trials.condition(name)
        if 2 <= len(np.unique(values)) <= MAX_LEVELS:
            levels, total, hits = _counts(values, right)
            bounds = _intervals(hits, total, 0.95)
            by_condition[name] = ConditionAccuracy(levels, total, hits / total, *bounds, None)
    return Performance(
        num_trials=len(right),
        accuracy=float(right.mean()),
        low=float(low[0]),
        high=float(high[0]),
        chance=chance,
        silent=silent,
        among_answers=among_answers,
        explained=explained,
        learned=bool(low[0] > chance) if chance is not None else bool((explained or 0.0) > 0),
        by_condition=by_condition,
    )


def _answered(outputs: np.ndarray, trials: Trials) -> tuple[float, float]:
    """Return how often no answer is given, and how often the largest of the answers is right."""
    last, each = last_asked(trials), np.arange(outputs.shape[1])
    given, target = outputs[last, each], np.asarray(trials.targets)[last, each]
    answers = np.unique(target)
    among = answers[given[:, answers].argmax(axis=1)]
    silent = ~np.isin(given.argmax(axis=1), answers)
    return float(silent.mean()), float((among == target).mean())


def explained_variance(outputs: ArrayLike, trials: Trials) -> float:
    """Return the share of the targets' variance that the outputs explain, 1 at best.

    Of targets that are values, about the constant outputs that are best, each step by its weight;
    0 where the targets never change.

    Parameters
    ----------
    outputs : array of shape (time, trial, output)
    trials : Trials
    """
    if check_trials(trials).has_choices:
        raise ValueError("`trials` must have targets that are values; got choices")
    targets = np.asarray(trials.targets, float)
    outputs = check_outputs(outputs, targets.shape)
    weights = np.ones(targets.shape[:2]) if trials.weights is None else np.asarray(trials.weights)
    if not weights.any():
        raise ValueError("`trials` must have a step with a weight above 0; got none")
    weights = np.broadcast_to(weights[..., None], targets.shape)
    best = (weights * targets).sum(axis=(0, 1)) / weights.sum(axis=(0, 1))
    spread = (weights * (targets - best) ** 2).sum()
    return float(1 - (weights * (targets - outputs) ** 2).sum() / spread) if spread > 0 else 0.0


def _frame_of_levels(found: ConditionAccuracy | Psychometric) -> DataFrame:
    ideal = np.full(len(found.num_trials), np.nan) if found.ideal is None else found.ideal
    return frame_of(found._asdict() | {"ideal": ideal})


def _checked(outputs: ArrayLike, trials: Trials) -> np.ndarray:
    if not check_trials(trials).has_choices:
        raise ValueError("`trials` must have targets that are choices; got values")
    expected = np.shape(trials.targets)
    return check_outputs(outputs, (*expected, "output"))


def _probability(ideal: Ideal, level: Any) -> float:
    """Return what the ideal observer has at a level, a number."""
    try:
        value = ideal(float(level))
    except TypeError as error:
        given = reason_of(error)
        raise TypeError(f"`ideal` must take one number, which gives: {given}") from error
    return check_real("what `ideal` returns", value)


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
