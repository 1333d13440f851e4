"""How well a network decides, and how well anything could."""

import math
from typing import Any

import numpy as np
from scipy.integrate import quad
from scipy.stats import norm

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
