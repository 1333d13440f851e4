"""Boxes that hold every solution of y = tanh(y) W + u, contracted with all rounding counted.

A box is an interval for each preactivation y; many are worked on at once, as rows. Solutions stay
within a box through both contractions, and Krawczyk's test proves that there is one and no other:

- the image of the box under the equation itself;
- a linear one: tanh(y) lies in a band s y + [a, b], so that y (I - S W) is in [a, b] W + u, a
  system whose exact solution set is a box of the width of the band, second order in that of y [1]_;
- Krawczyk's test, on the Jacobian's range over the box [2]_.

Floating-point sums are widened by the classical bound on their error, whatever their order [3]_,
and NumPy's tanh, whose own tests ask for 4 units in the last place, by 16.

References
----------
.. [1] Kolev (2004), "An improved interval linearization for solving nonlinear problems", Numerical
   Algorithms 37:213-224.
.. [2] Neumaier (1990), "Interval methods for systems of equations", Cambridge University Press.
.. [3] Higham (2002), "Accuracy and stability of numerical algorithms", SIAM, chapter 3.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

EPS = float(np.finfo(float).eps)
_TANH = 16 * EPS  # what NumPy's tanh may be wrong by, and the sums it stands in
_FLAT = 1e-8  # slope below which a band is level: the place of its peak would not be a number
_SINGULAR = 1e12  # entry of an inverse from which on it is none
_UNDERFLOW = 1e-250  # more than all that is lost to underflow


class Equation(NamedTuple):
    """The equation y = tanh(y) W + u, rows, and what W and u may be wrong by.

    Attributes
    ----------
    weights, weights_error : arrays of shape (N, N)
    drive, drive_error : arrays of shape (N,)
    """

    weights: np.ndarray
    weights_error: np.ndarray
    drive: np.ndarray
    drive_error: np.ndarray

    @property
    def slack(self) -> float:
        """Bound on the relative error of a few sums of N products, one within the other."""
        return 4 * (len(self.drive) + 4) * EPS

    @property
    def size(self) -> np.ndarray:
        """Absolute weights, with their error."""
        return np.abs(self.weights) + self.weights_error

    @property
    def loose(self) -> np.ndarray:
        """What a weight is wrong by, rounding of its products included."""
        return self.weights_error + self.slack * self.size

    @property
    def offset(self) -> np.ndarray:
        """What the drive is wrong by, rounding included."""
        return self.drive_error + self.slack * np.abs(self.drive)


class Tested(NamedTuple):
    """What Krawczyk's test says of boxes.

    Attributes
    ----------
    unique : array of shape (n,), bool
        At most one solution is in the box.
    proved : array of shape (n,), bool
        Exactly one is, and it is in `centre` +- `radius`, within the box.
    centre, radius : arrays of shape (n, N)
        Where any solution in the box is.
    sign : array of shape (n,), int
        Sign of det(I - diag(tanh') W) throughout a box that is `unique`.
    """

    unique: np.ndarray
    proved: np.ndarray
    centre: np.ndarray
    radius: np.ndarray
    sign: np.ndarray


def image(equation: Equation, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return boxes that hold tanh(y) W + u for y in boxes (n, N); their ends may be infinite."""
    below, above = np.tanh(low) - _TANH, np.tanh(high) + _TANH
    middle, half = (below + above) / 2, (above - below) / 2 + EPS
    centre = middle @ equation.weights + equation.drive
    radius = half @ equation.size + (np.abs(middle) + half) @ equation.loose + equation.offset
    return _ends(equation, centre, radius)


def contract(
    equation: Equation, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Contract boxes (n, N) once, and tell which unit each is best split by.

    Returns
    -------
    low, high : arrays of shape (n, N)
        Within the boxes; `low` is above `high` in some unit where there is no solution.
    spread : array of shape (n, N)
        What the bend of each unit's tanh within its interval adds to the width of the box.
    """
    first, second = image(equation, low, high)
    low, high = np.maximum(low, first), np.minimum(high, second)
    left, right = np.minimum(low, high), high  # any order will do where there is none
    slope, below, above = _band(left, right)
    inverse, residual = _inverse(equation, slope)
    middle, half = (below + above) / 2, (above - below) / 2 + EPS
    size = np.abs(inverse)
    whole = np.abs(middle) + half
    centre = _times(middle @ equation.weights + equation.drive, inverse)
    through = np.abs(equation.weights @ inverse)
    radius = (
        _times(half, through)
        + _times(2 * (whole @ equation.loose + equation.offset), size)
        + _times(np.maximum(np.abs(left), np.abs(right)), residual)
    )
    first, second = _ends(equation, centre, radius)
    regular = np.all(np.isfinite(centre + radius), axis=1)[:, None]
    low = np.where(regular, np.maximum(low, first), low)
    high = np.where(regular, np.minimum(high, second), high)
    width = np.maximum(right - left, EPS)
    spread = half * np.sum(through / width[:, None, :], axis=2)
    return low, high, np.where(regular, spread, above - below)


def krawczyk(equation: Equation, centre: np.ndarray, radius: np.ndarray) -> Tested:
    """Test boxes centre +- radius (n, N) for solutions."""
    reach = np.abs(centre) + radius
    nearest = np.maximum(np.abs(centre) - radius, 0.0) * (1 - 4 * EPS)
    steepest = 1 - np.tanh(nearest) ** 2 + 4 * _TANH
    flattest = np.maximum(1 - np.tanh(reach * (1 + 4 * EPS)) ** 2 - 4 * _TANH, 0.0)
    slope, vary = (steepest + flattest) / 2, (steepest - flattest) / 2 + EPS
    inverse, residual = _inverse(equation, slope)
    size, state = np.abs(inverse), np.tanh(centre)
    wrong = (
        (np.abs(state) + _TANH) @ equation.loose
        + _TANH * equation.size.sum(axis=0)
        + equation.offset
        + equation.slack * np.abs(centre)
    )
    step = _times(centre - state @ equation.weights - equation.drive, inverse)
    through = np.abs(equation.weights @ inverse) + equation.loose @ size
    spread = vary[:, :, None] * through + residual
    grow = 1 + equation.slack
    moved = grow * _times(radius, spread)
    error = grow * (_times(wrong, size) * grow + equation.slack * np.abs(centre - step))
    # The rounding of the step's own product is a share of its terms.
    error += equation.slack * _times(
        np.abs(centre) + np.abs(state) @ equation.size + np.abs(equation.drive) + _UNDERFLOW, size
    )
    finite = np.all(np.isfinite(step + moved + error), axis=1)
    unique = finite & np.all(moved < radius, axis=1)
    proved = unique & np.all(np.abs(step) + moved + error < radius, axis=1)
    sign = np.where(unique, np.linalg.slogdet(np.where(unique[:, None, None], inverse, 0))[0], 0)
    return Tested(unique, proved, centre - step, moved + error, sign.astype(np.int64))


def newton(equation: Equation, y: np.ndarray, steps: int = 4) -> np.ndarray:
    """Take Newton steps from each y (n, N), in plain floating point."""
    for _ in range(steps):
        state = np.tanh(y)
        inverse, _ = _inverse(equation, 1 - state**2)
        y = y - _times(y - state @ equation.weights - equation.drive, inverse)
    return y


def _band(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return s, a and b for which tanh(y) is in s y + [a, b] on an interval."""
    left, right = np.tanh(low), np.tanh(high)
    width = high - low
    slope = np.divide(right - left, width, out=1 - left**2, where=width > 0)
    slope = np.clip(np.where(slope < _FLAT, 0.0, slope), 0.0, 1.0)
    # tanh(y) - s y has its one maximum over y > 0 where the slope is s, its minimum at minus that.
    top = np.sqrt(1 - slope)
    at = np.arctanh(np.where(slope > 0, top, 0.0))
    peak = np.where(slope > 0, top - slope * at, -np.inf)
    near = 1e-6 * (1 + at)  # at the peak a small error of its place makes none of its height
    ends = left - slope * low, right - slope * high
    above = np.maximum(*ends)
    below = np.minimum(*ends)
    above = np.where((low < at + near) & (at - near < high), np.maximum(above, peak), above)
    below = np.where((low < near - at) & (-at - near < high), np.minimum(below, -peak), below)
    wrong = 2 * _TANH * (1 + slope * np.maximum(np.abs(low), np.abs(high)))
    return slope, below - wrong, above + wrong


def _inverse(equation: Equation, slope: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return about (I - S W)^-1 = C for slopes (n, N), and a bound on |I - (I - S W) C|.

    Where there is none, C is NaN.
    """
    units = slope.shape[1]
    matrix = np.eye(units) - slope[:, :, None] * equation.weights
    try:
        inverse = np.linalg.inv(matrix)
    except np.linalg.LinAlgError:  # one of them is singular to the last bit
        broken = np.linalg.matrix_rank(matrix) < units
        inverse = np.linalg.inv(np.where(broken[:, None, None], np.eye(units), matrix))
        inverse[broken] = np.nan
    inverse[~(np.abs(inverse) < _SINGULAR).all(axis=(1, 2))] = np.nan
    size = np.abs(inverse)
    rounding = 2 * equation.slack * np.eye(units) + slope[:, :, None] * equation.loose
    residual = np.abs(np.eye(units) - matrix @ inverse) + 2 * rounding @ size
    residual += 2 * equation.slack * np.abs(matrix) @ size
    return inverse, residual


def _ends(
    equation: Equation, centre: np.ndarray, radius: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    radius = radius * (1 + equation.slack) + equation.slack * np.abs(centre) + _UNDERFLOW
    return centre - radius, centre + radius


def _times(rows: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Multiply each row (n, N), or one (N,), by its matrix (n, N, N)."""
    return np.matmul(rows[..., None, :], matrices)[..., 0, :]
