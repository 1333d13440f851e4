"""How well a network decides, and how well anything could."""

import math
from typing import Any, NamedTuple

import numpy as np
from scipy.integrate import quad
from scipy.stats import binomtest, norm

from yang_rnn.model import CTRNN
from yang_rnn.recipe import NOTEBOOK, Recipe
from yang_rnn.task import Trials


def accuracy(net: CTRNN, trials: Trials) -> float:
    """Return the share of correct outputs at the steps where a choice is asked for.

    Parameters
    ----------
    net : CTRNN
    trials : Trials
        Time first; a step asks for a choice where its target is above 0.

    Raises
    ------
    ValueError
        If no step asks for a choice.
    """
    asked = trials.targets > 0
    if not asked.any():
        raise ValueError("`trials` must have a target above 0; got none")
    _, outputs = net.predict(trials.inputs)
    answers = np.asarray(outputs).argmax(axis=-1)
    return float((answers == trials.targets)[asked].mean())


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
    net: CTRNN, trials: Trials, recipe: Recipe = NOTEBOOK, confidence: float = 0.95
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

    Raises
    ------
    ValueError
        If there are not two choices, or the confidence is not between 0 and 1.
    """
    if net.num_output != 3 or recipe.choices != 2:
        raise ValueError("`net` and `recipe` must have two choices")
    if not 0 < confidence < 1:
        raise ValueError(f"`confidence` must be between 0 and 1; got {confidence}")
    _, outputs = net.predict(trials.inputs)
    last = np.flatnonzero((trials.targets > 0).any(axis=1))[-1]
    took_second = np.asarray(outputs)[last, :, 2] > np.asarray(outputs)[last, :, 1]
    signed = np.where(trials.choice == 1, trials.coherence, -trials.coherence) + 0.0
    levels = np.unique(signed)
    total = np.array([(signed == level).sum() for level in levels])
    second = np.array([took_second[signed == level].sum() for level in levels])
    intervals = [
        binomtest(int(k), int(n)).proportion_ci(confidence, method="wilson")
        for k, n in zip(second, total, strict=True)
    ]
    right = np.array([_ideal_at(recipe, abs(level)) for level in levels])
    return Psychometric(
        signed_coherence=levels,
        num_trials=total,
        probability=second / total,
        low=np.array([interval.low for interval in intervals]),
        high=np.array([interval.high for interval in intervals]),
        ideal=np.where(levels < 0, 1 - right, right),
    )


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


def _ideal_at(recipe: Recipe, coherence: float) -> float:
    steps = int(recipe.stimulus / recipe.dt)
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
