"""The curve through a psychometric function: threshold, bias and lapses with their intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.special import ndtr, xlogy
from scipy.stats import chi2

from yang_rnn._checks import check_array, check_confidence, check_is, check_whole
from yang_rnn.behaviour import Psychometric

STEEPEST = 30.0
"""Slope, over the smallest strength, from which a curve is a step."""

MOST_LAPSES = 0.5
"""Share of trials of either kind that may be lost."""

LEAST_GOODNESS = 0.05
"""Goodness below which the choices have another form than the curve."""

_FLOOR = 1e-12  # of a probability, whose logarithm is taken
_TOLERANCE = 1e-4  # of an interval's end, over its distance from the estimate


class Fitted(NamedTuple):
    """A fitted number with its interval.

    Attributes
    ----------
    value : float
        The estimate; NaN where the choices do not determine it.
    low, high : float
        Its interval, which may be open to one side: 0 or infinity.
    """

    value: float
    low: float
    high: float

    def __repr__(self) -> str:
        """Show the same as `str`."""
        return str(self)

    def __str__(self) -> str:
        """Show the number with its interval, or the interval alone."""
        span = f"{self.low:.2g} to {self.high:.2g}"
        if not np.isnan(self.value):
            return f"{self.value:.2g} ({span})"
        if np.isinf(self.high):
            return "not determined"
        return f"below {self.high:.2g}" if self.low == 0 else span


class PsychometricFit(NamedTuple):
    """A cumulative normal with lapses on both sides, fitted to choices.

    Attributes
    ----------
    threshold : Fitted
        Standard deviation of the normal, in units of the strength: how much evidence, from the bias
        on, takes the choices that are no lapses from 50 to 84 % of choice 2 (a d' of 1).
    bias : Fitted
        Its mean, in units of the strength: the evidence at which both are chosen alike. Below 0,
        choice 2 is preferred.
    lapse_1, lapse_2 : Fitted
        Share of trials that are lost to the other choice however strong the evidence for choice 1,
        or for choice 2, is; from 0 to `MOST_LAPSES`.
    deviance : float
        Twice the logarithm of how much likelier the choices are by the shares measured at each
        strength than by the curve.
    goodness : float
        Share of simulated observers, with this curve, whose own fit has as large a deviance: near 0
        the curve is not of this form. NaN where there is a problem.
    confidence : float
        Coverage of the intervals.
    problem : str
        Why threshold and bias are not determined; empty where they are.
    """

    threshold: Fitted
    bias: Fitted
    lapse_1: Fitted
    lapse_2: Fitted
    deviance: float
    goodness: float
    confidence: float
    problem: str

    @property
    def is_poor(self) -> bool:
        """Whether hardly any observer with this curve fits as badly: `goodness` is below 0.05."""
        return self.goodness < LEAST_GOODNESS

    def probability(self, strength: Any) -> np.ndarray:
        """Return the curve at signed strengths; NaN where it is not determined."""
        strength = check_array("strength", strength, empty=True)
        low, high = self.lapse_1.value, 1 - self.lapse_2.value
        reach = (strength - self.bias.value) / self.threshold.value
        return low + (high - low) * ndtr(reach)


def fit_psychometric(
    measured: Psychometric, confidence: float = 0.95, *, samples: int = 100, seed: int = 0
) -> PsychometricFit:
    """Fit a cumulative normal with lapses on both sides to a psychometric function.

    By maximum likelihood [1]_; the intervals are those of the profile likelihood [2]_, which need
    not be symmetric and end at 0 where a lapse rate does. Where steeper and steeper curves are as
    likely as any, the threshold is below what these strengths can tell: only its upper limit is
    given. Where no curve that rises is likelier than one that does not, the choices do not follow
    the evidence, and there is no threshold.

    Parameters
    ----------
    measured : Psychometric
        From `psychometric_function`.
    confidence : float
        Coverage of the intervals.
    samples : int
        Observers to simulate for the goodness of fit; 0 leaves it out.
    seed : int
        Of their choices.

    Returns
    -------
    PsychometricFit

    Raises
    ------
    TypeError
        If this is no psychometric function.
    ValueError
        If there is evidence for one choice alone, a strength without trials, a share that is none,
        or the confidence is not between 0 and 1.

    References
    ----------
    .. [1] Wichmann & Hill (2001), "The psychometric function: I. Fitting, sampling, and goodness of
       fit", Perception & Psychophysics 63:1293-1313.
    .. [2] Venzon & Moolgavkar (1988), "A method for computing profile-likelihood-based confidence
       intervals", Applied Statistics 37:87-94.
    """
    check_is("measured", measured, Psychometric)
    confidence = check_confidence(confidence)
    samples, seed = check_whole("samples", samples, 0), check_whole("seed", seed, 0, None)
    strength = check_array("measured.strength", measured.strength, ("level",)).astype(float)
    if not (strength.min() < 0 < strength.max()):
        raise ValueError(
            "`measured` must have evidence for either choice; got strengths from "
            f"{strength.min():g} to {strength.max():g}"
        )
    total = check_array("measured.num_trials", measured.num_trials, strength.shape, whole=True)
    share = check_array("measured.probability", measured.probability, strength.shape)
    if total.min() < 1:
        raise ValueError(f"`measured.num_trials` must be 1 or more each; got {total.min():g}")
    if share.min() < 0 or share.max() > 1:
        beyond = share.min() if share.min() < 0 else share.max()
        raise ValueError(f"`measured.probability` must be from 0 to 1; got {beyond:g}")
    unit = float(np.abs(strength[strength != 0]).min())
    data = _Choices(strength / unit, total, np.rint(share * total))
    best = data.fit()
    deviance = float(2 * (data.saturated - best.likelihood))
    if not _rises(data, best, confidence):
        positive, either = Fitted(np.nan, 0.0, np.inf), Fitted(np.nan, -np.inf, np.inf)
        lapse, problem = Fitted(np.nan, 0.0, MOST_LAPSES), "the choices do not follow the evidence"
        return PsychometricFit(
            positive, either, lapse, lapse, deviance, np.nan, confidence, problem
        )
    drop = float(chi2.ppf(confidence, 1)) / 2
    problem, goodness = "", np.nan
    if best.likelihood - data.fit(fixed={1: STEEPEST}).likelihood <= drop:
        problem = f"the threshold is below what a smallest strength of {unit:g} can tell"
    elif samples:
        goodness = _goodness(data, best, deviance, samples, np.random.default_rng(seed))
    return PsychometricFit(
        threshold=_threshold(data, best, drop, unit, bool(problem)),
        bias=_bias(data, best, drop, unit, bool(problem)),
        lapse_1=_lapse(data, best, drop, 2),
        lapse_2=_lapse(data, best, drop, 3),
        deviance=deviance,
        goodness=goodness,
        confidence=confidence,
        problem=problem,
    )


class _Curve(NamedTuple):
    """A curve, lapse_1 + (1 - lapse_1 - lapse_2) Phi(offset + slope x), and its log likelihood."""

    numbers: np.ndarray  # offset, slope, lapse_1, lapse_2
    likelihood: float


class _Choices(NamedTuple):
    """Choices of 2 among trials, by the strength over the smallest one."""

    strength: np.ndarray
    total: np.ndarray
    second: np.ndarray

    @property
    def saturated(self) -> float:
        """Log likelihood of the shares measured, but for what does not depend on the curve."""
        share = self.second / self.total
        other = self.total - self.second
        return float((xlogy(self.second, share) + xlogy(other, 1 - share)).sum())

    def fit(self, start: Any = None, fixed: dict[int, float] | None = None) -> _Curve:
        """Return the likeliest curve.

        Parameters
        ----------
        start : array of shape (4,), optional
            Numbers to begin at; without it at those of several slopes.
        fixed : mapping from places to floats, optional
            Numbers of the curve that are given.
        """
        edge = STEEPEST * (1 + np.abs(self.strength).max())
        bounds = [(-edge, edge), (0.0, STEEPEST), (0.0, MOST_LAPSES), (0.0, MOST_LAPSES)]
        for place, value in (fixed or {}).items():
            bounds[place] = (value, value)
        share = self.second / self.total
        ends = np.clip([share[0], 1 - share[-1]], 0.001, 0.3)
        starts = [start] if start is not None else [[0.0, s, *ends] for s in (0.1, 0.5, 2.0)]
        low, high = np.transpose(bounds)
        curves = []
        for numbers in starts:
            found = minimize(
                self._cost, np.clip(numbers, low, high), jac=True, method="L-BFGS-B",
                bounds=bounds, options={"ftol": 1e-13, "gtol": 1e-9, "maxiter": 500},
            )  # fmt: skip
            curves.append(_Curve(found.x, -found.fun * self.total.sum()))
        return max(curves, key=lambda curve: curve.likelihood)

    def moved(self, bias: float) -> _Choices:
        """Return the choices by their strength from a bias on."""
        return self._replace(strength=self.strength - bias)

    def _cost(self, numbers: np.ndarray) -> tuple[float, np.ndarray]:
        """Return what is made small, the negative log likelihood a trial, and its derivatives."""
        offset, slope, low, high = numbers
        reach = offset + slope * self.strength
        normal = ndtr(reach)
        p = np.clip(low + (1 - low - high) * normal, _FLOOR, 1 - _FLOOR)
        other = self.total - self.second
        likelihood = (self.second * np.log(p) + other * np.log1p(-p)).sum()
        by_p = self.second / p - other / (1 - p)
        by_reach = by_p * (1 - low - high) * np.exp(-(reach**2) / 2) / np.sqrt(2 * np.pi)
        slopes = [by_reach, by_reach * self.strength, by_p * (1 - normal), -by_p * normal]
        number = self.total.sum()
        return -likelihood / number, -np.array([part.sum() for part in slopes]) / number


def _rises(data: _Choices, best: _Curve, confidence: float) -> bool:
    """Tell whether a curve that rises is likelier than a flat one, by more than chance."""
    second, total = data.second.sum(), data.total.sum()
    share = second / total
    flat = xlogy(second, share) + xlogy(total - second, 1 - share)
    # A flat curve has three numbers less: slope and lapses have no place in it.
    return best.likelihood - flat > float(chi2.ppf(confidence, 3)) / 2


def _threshold(data: _Choices, best: _Curve, drop: float, unit: float, is_open: bool) -> Fitted:
    def profile(slope: float) -> _Curve:
        return data.fit(best.numbers, {1: slope})

    slope = float(best.numbers[1])
    shallowest = _end(profile, best, slope, 0.0, drop)
    steepest = _end(profile, best, slope, STEEPEST, drop)
    low = 0.0 if steepest >= STEEPEST else unit / steepest
    high = np.inf if shallowest <= 0 else unit / shallowest
    return Fitted(np.nan if is_open else unit / slope, low, high)


def _bias(data: _Choices, best: _Curve, drop: float, unit: float, is_open: bool) -> Fitted:
    start = np.r_[0.0, best.numbers[1:]]

    def profile(bias: float) -> _Curve:
        moved = data.moved(bias)
        curves = [moved.fit(start, {0: 0.0})]
        if is_open:  # the likeliest may be far from the best
            curves += [moved.fit(np.r_[0.0, slope, start[2:]], {0: 0.0}) for slope in (0.1, 9.0)]
        return max(curves, key=lambda curve: curve.likelihood)

    offset, slope = best.numbers[:2]
    reach = float(np.abs(data.strength).max())
    value = float(np.clip(-offset / max(slope, 1e-9), -reach, reach))
    low, high = (_end(profile, best, value, end, drop) for end in (-reach, reach))
    low, high = (-np.inf if low <= -reach else low), (np.inf if high >= reach else high)
    return Fitted(np.nan if is_open else value * unit, low * unit, high * unit)


def _lapse(data: _Choices, best: _Curve, drop: float, place: int) -> Fitted:
    def profile(lapse: float) -> _Curve:
        return data.fit(best.numbers, {place: lapse})

    value = float(best.numbers[place])
    low, high = (_end(profile, best, value, end, drop) for end in (0.0, MOST_LAPSES))
    return Fitted(value, low, high)


def _end(
    profile: Callable[[float], _Curve], best: _Curve, value: float, limit: float, drop: float
) -> float:
    """Return where the likelihood has fallen by `drop` on the way to a limit, or the limit."""

    def excess(share: float) -> float:
        there = value + share * (limit - value)
        return best.likelihood - profile(there).likelihood - drop

    if value == limit or excess(1.0) <= 0:
        return limit
    if excess(0.0) >= 0:  # the estimate is beyond what the profile reaches
        return value
    share: Any = brentq(excess, 0.0, 1.0, xtol=_TOLERANCE)
    return value + float(share) * (limit - value)


def _goodness(
    data: _Choices, best: _Curve, deviance: float, samples: int, rng: np.random.Generator
) -> float:
    """Return the share of simulated observers whose fits have as large a deviance."""
    offset, slope, low, high = best.numbers
    p = low + (1 - low - high) * ndtr(offset + slope * data.strength)
    above = 0
    for _ in range(samples):
        drawn = data._replace(second=rng.binomial(data.total, np.clip(p, 0, 1)))
        above += 2 * (drawn.saturated - drawn.fit(best.numbers).likelihood) >= deviance
    return float(above / samples)
