"""How well a network decides, and how well anything could."""

import math
from typing import Any, NamedTuple

import numpy as np
from scipy.integrate import quad
from scipy.stats import binomtest, norm

from yang_rnn.model import CTRNN
from yang_rnn.recipe import NOTEBOOK, Recipe
from yang_rnn.task import Trials


def accuracy(net: CTRNN, trials: Trials, *, outputs: Any = None) -> float:
    """Return the share of correct outputs at the steps where a choice is asked for.

    Parameters
    ----------
    net : CTRNN
    trials : Trials
        Time first; a step asks for a choice where its target is above 0.
    outputs : array of shape (time, trial, outputs), optional
        The network's on these trials, if they are there already.

    Raises
    ------
    ValueError
        If no step asks for a choice.
    """
    asked = trials.targets > 0
    if not asked.any():
        raise ValueError("`trials` must have a target above 0; got none")
    outputs = _outputs(net, trials, outputs)
    answers = np.asarray(outputs).argmax(axis=-1)
    return float((answers == trials.targets)[asked].mean())


class CoherenceAccuracy(NamedTuple):
    """How often the choice is right, by the strength of the evidence.

    Attributes
    ----------
    coherence : array of shape (level,)
        Coherence (%), in rising order.
    num_trials : int array of shape (level,)
        Trials of each.
    accuracy : array of shape (level,)
        Share of them with a correct choice; at coherence 0 correct is what the task says.
    low, high : array of shape (level,)
        Wilson's interval of it.
    ideal : array of shape (level,)
        The ideal observer's accuracy.
    """

    coherence: np.ndarray
    num_trials: np.ndarray
    accuracy: np.ndarray
    low: np.ndarray
    high: np.ndarray
    ideal: np.ndarray


def accuracy_by_coherence(
    net: CTRNN,
    trials: Trials,
    recipe: Recipe = NOTEBOOK,
    confidence: float = 0.95,
    *,
    outputs: Any = None,
) -> CoherenceAccuracy:
    """Measure how often a network is right at each coherence.

    Parameters
    ----------
    net : CTRNN
    trials : Trials
        Trials of the recipe's task, the more the narrower the intervals.
    recipe : Recipe
        The task of the ideal observer.
    confidence : float
        Coverage of the intervals.
    outputs : array of shape (time, trial, outputs), optional
        The network's on these trials, if they are there already.

    Raises
    ------
    ValueError
        If no step asks for a choice, or the confidence is not between 0 and 1.
    """
    _check_confidence(confidence)
    last = _last_asked(trials)
    outputs = _outputs(net, trials, outputs)
    right = np.asarray(outputs)[last].argmax(axis=-1) == trials.targets[last]
    levels = np.unique(trials.coherence)
    total, hits = _counts(trials.coherence, right, levels)
    low, high = _intervals(hits, total, confidence)
    ideal = np.array([_ideal_at(recipe, level) for level in levels])
    return CoherenceAccuracy(levels, total, hits / total, low, high, ideal)


class Psychometric(NamedTuple):
    """How often choice 2 is taken, by the strength of the evidence for it.

    Attributes
    ----------
    signed_coherence : array of shape (level,)
        Coherence (%), negative where choice 1 is correct, in rising order; 0 stands once.
    num_trials : int array of shape (level,)
        Trials of each.
    probability : array of shape (level,)
        Share of them in which choice 2 was taken.
    low, high : array of shape (level,)
        Wilson's interval of it [1]_.
    ideal : array of shape (level,)
        The ideal observer's probability, Phi(d').

    References
    ----------
    .. [1] Wilson (1927), "Probable inference, the law of succession, and statistical inference",
       Journal of the American Statistical Association 22:209-212.
    """

    signed_coherence: np.ndarray
    num_trials: np.ndarray
    probability: np.ndarray
    low: np.ndarray
    high: np.ndarray
    ideal: np.ndarray


def psychometric_function(
    net: CTRNN,
    trials: Trials,
    recipe: Recipe = NOTEBOOK,
    confidence: float = 0.95,
    *,
    outputs: Any = None,
) -> Psychometric:
    """Measure a network's psychometric function.

    The choice is the larger of the two choice outputs at the last step that asks for one.

    Parameters
    ----------
    net : CTRNN
        A network with two choices.
    trials : Trials
        Trials of the recipe's task, the more the narrower the intervals.
    recipe : Recipe
        The task of the ideal observer.
    confidence : float
        Coverage of the intervals.
    outputs : array of shape (time, trial, outputs), optional
        The network's on these trials, if they are there already.

    Raises
    ------
    ValueError
        If there are not two choices, or the confidence is not between 0 and 1.
    """
    if net.num_output != 3 or recipe.choices != 2:
        raise ValueError("`net` and `recipe` must have two choices")
    _check_confidence(confidence)
    last = _last_asked(trials)
    outputs = _outputs(net, trials, outputs)
    took_second = np.asarray(outputs)[last, :, 2] > np.asarray(outputs)[last, :, 1]
    signed = signed_coherence(trials)
    levels = np.unique(signed)
    total, second = _counts(signed, took_second, levels)
    low, high = _intervals(second, total, confidence)
    right = np.array([_ideal_at(recipe, abs(level)) for level in levels])
    return Psychometric(
        signed_coherence=levels,
        num_trials=total,
        probability=second / total,
        low=low,
        high=high,
        ideal=np.where(levels < 0, 1 - right, right),
    )


def signed_coherence(trials: Trials) -> np.ndarray:
    """Return the coherence (%) of each trial, negative where choice 1 is correct."""
    return np.where(trials.choice == 1, trials.coherence, -trials.coherence) + 0.0


def ideal_observer_accuracy(recipe: Recipe = NOTEBOOK) -> float:
    """Return the highest accuracy that anything can reach on a recipe's task.

    The observer adds up the inputs over the stimulus and takes the choice whose tuning they match
    best: the likelihood test between choices of equal prior in Gaussian noise [1]_. With two
    choices it is right with probability Phi(d'), d' = coherence / 100 * sqrt(steps) /
    (noise per step * sqrt(2)). With more, the sum lies in a plane with the choices on a circle,
    and the observer is right where it falls within +-180 / choices degrees of the true one.

    Parameters
    ----------
    recipe : Recipe

    Returns
    -------
    float
        Probability correct, mean over the coherences.

    References
    ----------
    .. [1] Green & Swets (1966), "Signal detection theory and psychophysics", Wiley.
    """
    return float(np.mean([_ideal_at(recipe, coherence) for coherence in recipe.coherences]))


def _outputs(net: CTRNN, trials: Trials, outputs: Any) -> np.ndarray:
    """Return the outputs that are given, or else run the trials."""
    expected = (*np.shape(trials.targets), net.num_output)
    found = np.asarray(net.predict(trials.inputs)[1] if outputs is None else outputs)
    if found.shape != expected:
        raise ValueError(f"`outputs` must have shape {expected}; got {found.shape}")
    return found


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"`confidence` must be between 0 and 1; got {confidence}")


def _last_asked(trials: Trials) -> int:
    """Return the last step that asks for a choice."""
    asked = np.flatnonzero((trials.targets > 0).any(axis=1))
    if not len(asked):
        raise ValueError("`trials` must have a target above 0; got none")
    return int(asked[-1])


def _counts(
    group: np.ndarray, hit: np.ndarray, levels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Count the trials and the hits of each level."""
    total = np.array([(group == level).sum() for level in levels])
    return total, np.array([hit[group == level].sum() for level in levels])


def _intervals(
    hits: np.ndarray, total: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's intervals."""
    intervals = [
        binomtest(int(k), int(n)).proportion_ci(confidence, method="wilson")
        for k, n in zip(hits, total, strict=True)
    ]
    return np.array([i.low for i in intervals]), np.array([i.high for i in intervals])


def _ideal_at(recipe: Recipe, coherence: float) -> float:
    steps = round(recipe.stimulus / recipe.dt)
    tuning = np.cos(2 * np.pi * np.arange(recipe.choices) / recipe.choices)
    signal = coherence / 200 * float(np.linalg.norm(tuning)) * math.sqrt(steps)
    if signal == 0:
        return 1 / recipe.choices
    sd = recipe.noise / math.sqrt(recipe.dt)
    if sd == 0:
        return 1.0
    d_prime = signal / sd
    if recipe.choices == 2:
        return float(norm.cdf(d_prime))
    slope = math.tan(math.pi / recipe.choices)

    def density(x: float) -> Any:
        return norm.pdf(x - d_prime) * (2 * norm.cdf(x * slope) - 1)

    value, _ = quad(density, 0.0, d_prime + 12.0, points=[d_prime], limit=200)
    return float(value)
