"""The check of a certificate: NumPy and fractions alone, nothing of the search that made it.

Sums of float64 products are off by at most n u / (1 - n u) times the sum of the absolute products,
in whatever order they are added up (Higham 2002, Accuracy and Stability of Numerical Algorithms,
section 3.1); every sign below is asked to hold for all numbers so near. What such bounds can't
decide is computed in fractions.
"""

from __future__ import annotations

import itertools
import math
import os
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from yang_rnn.dynamics.enumeration.certificate import Certificate, CertificateError

_ROUND_OFF = 2.0**-53
_TINIEST = 1e-290  # more than underflow can take away
_CHUNK = 2**20  # numbers of a chunk of leaves
_MARGIN = 1e-8  # of a matrix, taken off its diagonal
_MOST_CORNERS = 20_000  # sets of units tried for them
_NEAR = 1e-6  # of a state: how far a listed point may be from the true one


@dataclass(frozen=True, eq=False, repr=False)
class CheckedCertificate:
    """What a certificate proves.

    Attributes
    ----------
    proved : bool
        Whether every state was looked at: the fixed points listed are all there are.
    closed : float
        Share of all sets of active units that is closed; 1 if proved.
    num_points : int
        Fixed points, each proved to be there and alone in its set of active units (a point on a
        kink in those it belongs to).
    num_continua : int
        Sets of active units in which whole continua are fixed points.
    leaves : int
        Leaves checked.
    in_fractions : int
        How many of them needed exact arithmetic.
    """

    proved: bool
    closed: float
    num_points: int
    num_continua: int
    leaves: int
    in_fractions: int

    def __repr__(self) -> str:
        """Say it in a sentence."""
        what = _counted(self.num_points, "fixed point")
        if self.num_continua:
            what += f" and {_counted(self.num_continua, 'continuum')} of fixed points"
        if self.proved:
            said = f"proved: {what}, and no other in the whole state space"
            if not self.num_points and not self.num_continua:
                said = "proved: there is no fixed point in the whole state space"
        else:
            said = f"{what} proved; {100 * self.closed:.4g} % of the tree closed, the rest is open"
        return f"CheckedCertificate({said}; {_counted(self.leaves, 'leaf')} checked)"


def check_certificate(
    certificate: Certificate | str | os.PathLike[str], network: Any = None, stimulus: Any = None
) -> CheckedCertificate:
    """Check a certificate of the fixed points of a rectified network.

    Every leaf is proved empty, or to hold exactly the points listed, with all rounding counted in
    or in fractions; nothing is assumed about how large a state is.

    Parameters
    ----------
    certificate : Certificate or path-like
        That of `all_fixed_points`, or its file.
    network : System or CTRNN, optional
        The network that it must be about; without it, it is about the weights it holds.
    stimulus : array of shape (channel,), optional
        The input that it must be about; given with a network.

    Returns
    -------
    CheckedCertificate

    Raises
    ------
    CertificateError
        If it proves nothing: it was changed, is of another network or input, does not cover all
        sets of active units, or a leaf is not what it says.
    OSError, ValueError
        If its file can't be read, or is none.
    TypeError
        If one of network and stimulus is missing.
    """
    if not isinstance(certificate, Certificate | str | os.PathLike):
        raise TypeError(f"`certificate` must be a Certificate or its file; got {certificate!r:.60}")
    if not isinstance(certificate, Certificate):
        certificate = Certificate.load(certificate)
    if certificate.digest != certificate.computed_digest():
        raise CertificateError("the certificate was changed: its digest is another")
    _check_shapes(certificate)
    if (network is None) != (stimulus is None):
        raise TypeError("`network` and `stimulus` must be given together")
    if network is not None:
        _check_network(certificate, network, stimulus)
    problem = _Problem(certificate)
    kinds, active, silent, closed, complete = _leaves_of(certificate.nodes, problem.n)
    fine, in_fractions = certificate.fine, 0
    if kinds[0] == -5:
        kinds, active, fine = np.array([-3]), _active_at_only_point(problem, certificate), fine[1:]
    for kind, multipliers in ((-1, certificate.multipliers), (-2, fine)):
        rows = np.flatnonzero(kinds == kind)
        if len(rows) != len(multipliers):
            raise CertificateError(
                f"it has {len(rows)} leaves for {len(multipliers)} rows of multipliers"
            )
        size = max(1, _CHUNK // problem.n)
        for first in range(0, len(rows), size):
            part = rows[first : first + size]
            y = multipliers[first : first + size].astype(np.float64)
            wrong = ~_are_empty(problem, y, active[part], silent[part])
            if wrong.any():
                leaf = int(part[np.flatnonzero(wrong)[0]])
                raise CertificateError(f"leaf {leaf}: its multipliers do not prove it empty")
    points: list[np.ndarray] = []
    exact: list[tuple[Fraction, ...]] = []
    continua: list[np.ndarray] = []
    for leaf in np.flatnonzero(kinds == -3):
        found = _points_at(problem, active[leaf])
        if found is None:
            found, is_continuum = _exact_points_at(problem, active[leaf], int(leaf))
            in_fractions += 1
            if is_continuum:
                continua.append(active[leaf])
            elif found is not None and found not in exact:
                exact.append(found)
                points.append(np.array([float(value) for value in found]))
        elif len(found):
            points.append(found)
    points = _without_ends(problem, points, continua)
    _check_listed("fixed points", np.array(points).reshape(-1, problem.n), certificate.states)
    listed = {row.tobytes() for row in certificate.continua}
    if listed != {row.tobytes() for row in continua}:
        raise CertificateError("its continua are not those of its leaves")
    return CheckedCertificate(
        proved=complete,
        closed=1.0 if complete else closed,
        num_points=len(points),
        num_continua=len(continua),
        leaves=int((kinds != -4).sum()),
        in_fractions=in_fractions,
    )


class _Problem:
    """h = relu(h W + u) with the bounds of what rounding does to u."""

    def __init__(self, certificate: Certificate):
        self.n = len(certificate.b_rr)
        self.W = certificate.w_rr.astype(np.float64)
        self.exact_u = [
            sum(
                (
                    Fraction(float(x)) * Fraction(float(w))
                    for x, w in zip(certificate.x, column, strict=True)
                ),
                Fraction(float(bias)),
            )
            for column, bias in zip(certificate.w_ir.T, certificate.b_rr, strict=True)
        ]
        self.u = np.array([float(value) for value in self.exact_u])
        self.u_error = np.abs(self.u) * 2 * _ROUND_OFF + _TINIEST
        self.rounding = (self.n + 4) * _ROUND_OFF / (1 - (self.n + 4) * _ROUND_OFF) * 1.01


def _check_shapes(certificate: Certificate) -> None:
    n = certificate.b_rr.size
    channels = certificate.x.size
    shapes = {
        "w_ir": (channels, n), "w_rr": (n, n), "b_rr": (n,), "x": (channels,),
        "nodes": (certificate.nodes.size,), "multipliers": (len(certificate.multipliers), n),
        "fine": (len(certificate.fine), n), "states": (len(certificate.states), n),
        "continua": (len(certificate.continua), n),
    }  # fmt: skip
    for name, shape in shapes.items():
        array = getattr(certificate, name)
        if array.shape != shape:
            raise CertificateError(f"`{name}` must have shape {shape}; got {array.shape}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise CertificateError(f"`{name}` must be finite; got others")


def _check_network(certificate: Certificate, network: Any, stimulus: Any) -> None:
    system = network.system() if hasattr(network, "system") else network
    weights = getattr(system, "rectified", None)
    if weights is None:
        raise CertificateError("`network` is not one that states that it is rectified")
    try:
        x = np.asarray(stimulus, np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"`stimulus` must be real numbers; got {stimulus!r:.60}") from error
    if x.shape != certificate.x.shape or (x != certificate.x).any():
        raise CertificateError("it is of another stimulus")
    for name in ("w_ir", "w_rr", "b_rr"):
        if not np.array_equal(getattr(weights, name), getattr(certificate, name)):
            raise CertificateError(f"it is of another network: `{name}` differs")


def _leaves_of(nodes: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, bool]:
    """Go through the tree; return the leaves' kinds and signs, and how much they cover."""
    kinds: list[int] = []
    masks: list[tuple[int, int]] = []
    waiting = [(0, 0)]  # which units are active and silent, as bits
    closed = 0.0
    for node in nodes.tolist():
        if not waiting:
            raise CertificateError("its tree goes on after its last leaf")
        active, silent = waiting.pop()
        if node < 0:
            if node < -5 or (node == -5 and active | silent):
                raise CertificateError(f"its tree has a node {node}")
            if node == -3 and active | silent != (1 << n) - 1:
                raise CertificateError(f"leaf {len(kinds)}: not all its units are decided")
            kinds.append(node)
            masks.append((active, silent))
            if node != -4:
                closed += 0.5 ** ((active | silent).bit_count())
            continue
        unit, silent_first = node >> 1, node & 1
        bit = 1 << unit
        if unit >= n or (active | silent) & bit:
            raise CertificateError(f"its tree decides unit {unit} twice, or there is no such unit")
        children = [(active, silent | bit), (active | bit, silent)]
        waiting += children[::-1] if silent_first else children
    if waiting:
        raise CertificateError("its tree ends before its last leaf: not all states are covered")
    length = (n + 7) // 8
    packed = [b"".join(mask[side].to_bytes(length, "little") for mask in masks) for side in (0, 1)]
    active, silent = (
        np.unpackbits(
            np.frombuffer(side, np.uint8).reshape(len(masks), length), axis=1, bitorder="little"
        )[:, :n].astype(bool)
        for side in packed
    )
    return np.array(kinds), active, silent, closed, -4 not in kinds


def _active_at_only_point(problem: _Problem, certificate: Certificate) -> np.ndarray:
    """Prove that there is exactly one fixed point; return the active units (1, N) of that listed.

    With h = t h' and w = t w', w' = M' h' - u / t, where M' = (I - W^T)_ij t_j / t_i. If x . M' x
    > 0 for all x but 0, there is exactly one solution (Cottle, Pang & Stone 1992, The Linear
    Complementarity Problem, section 3.1).
    """
    if len(certificate.fine) != 1 or len(certificate.states) != 1:
        raise CertificateError("its leaf holds one fixed point, and needs one row of `fine`")
    if not _is_positive_definite(problem, certificate.fine[0]):
        raise CertificateError("leaf 0: it does not prove that there is only one fixed point")
    return certificate.states > 0


def _is_positive_definite(problem: _Problem, t: np.ndarray) -> bool:
    """Prove that S = M' + M'^T is positive definite.

    S = L L^T + R for any L: the first is never below 0, and R is above it where each of its
    diagonal elements is larger than the others of its row together.
    """
    if not (t > 0).all():
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        M = (np.eye(problem.n) - problem.W.T) * t / t[:, None]
        S = M + M.T
        try:
            L = np.linalg.cholesky(S - _MARGIN * np.abs(S).max() * np.eye(problem.n))
        except np.linalg.LinAlgError:
            return False
        R = S - L @ L.T
        sizes = np.abs(M) + np.abs(M.T) + np.abs(L) @ np.abs(L.T)
        rows = (np.abs(R) + 2 * problem.rounding * sizes + _TINIEST).sum(axis=1)
        return bool((2 * np.diagonal(R) > 1.01 * rows).all())


def _are_empty(
    problem: _Problem, y: np.ndarray, active: np.ndarray, silent: np.ndarray
) -> np.ndarray:
    """Tell of which leaves multipliers (leaf, unit) prove that they hold no fixed point.

    With w = h - h W - u, y . w = y . (h - h W) - y . u. In a leaf y . w >= 0, because y >= 0 and
    w >= 0 where a unit is not active, and w = 0 where it is. If g = y - W y <= 0 where h >= 0 (h
    = 0 elsewhere) and y . u > 0, the right-hand side is below 0: no state is both.
    """
    right = ((y >= 0) | active).all(axis=1)
    size = np.abs(y)
    g = y - y @ problem.W.T
    error = problem.rounding * (size + size @ np.abs(problem.W).T) * 1.01 + _TINIEST
    right &= ((g + error <= 0) | silent).all(axis=1)
    drive = y @ problem.u
    slack = size @ problem.u_error + problem.rounding * (size @ np.abs(problem.u))
    return right & (drive - 1.01 * slack - _TINIEST > 0)


def _points_at(problem: _Problem, active: np.ndarray) -> np.ndarray | None:
    """Return the one fixed point of a set of active units, or none as (); None if undecided."""
    rows = np.flatnonzero(active)
    W, u, n = problem.W, problem.u, problem.n
    h, doubt = np.zeros(n), 0.0
    if len(rows):
        B = np.eye(len(rows)) - W[np.ix_(rows, rows)].T
        try:
            R = np.linalg.inv(B)
        except np.linalg.LinAlgError:
            return None
        if not np.isfinite(R).all():
            return None
        sizes = np.abs(R) @ (np.abs(B) + np.eye(len(rows)))
        rest = np.abs(np.eye(len(rows)) - R @ B) + 4 * problem.rounding * (sizes + 1)
        shrink = rest.sum(axis=1).max()
        if not shrink < 0.5:  # far below 1, so that rounding of it does not matter
            return None
        h[rows] = R @ u[rows]
        h[rows] += R @ (u[rows] - B @ h[rows])
        residual = np.abs(u[rows] - B @ h[rows]) + problem.u_error[rows]
        residual += 4 * problem.rounding * (np.abs(B) @ np.abs(h[rows]) + np.abs(u[rows]))
        doubt = 1.01 * float((np.abs(R) @ residual).max() / (1 - shrink)) + _TINIEST
    w = h - h @ W - u
    spread = np.abs(W[rows]).sum(axis=0) * doubt + problem.u_error
    spread += problem.rounding * (np.abs(h) + np.abs(h) @ np.abs(W) + np.abs(u))
    values = np.where(active, h, w)
    bound = 1.01 * np.where(active, doubt, spread) + _TINIEST
    if (values < -bound).any():
        return np.zeros(0)
    return h if (values > bound).all() else None


def _exact_points_at(problem: _Problem, active: np.ndarray, leaf: int) -> tuple[Any, bool]:
    """Decide a set of active units in fractions: a point, none, or a continuum."""
    rows = np.flatnonzero(active).tolist()
    W = [[Fraction(float(value)) for value in row] for row in problem.W]
    matrix = [[Fraction(int(i == j)) - W[j][i] for j in rows] + [problem.exact_u[i]] for i in rows]
    pivots = _eliminate(matrix, len(rows))
    if any(row[-1] for row in matrix[len(pivots) :]):
        return None, False
    solution = dict.fromkeys(rows, Fraction(0))
    for row, column in zip(matrix, pivots, strict=False):
        solution[rows[column]] = row[-1]
    free = [column for column in range(len(rows)) if column not in pivots]
    directions = []
    for column in free:
        direction = dict.fromkeys(rows, Fraction(0))
        direction[rows[column]] = Fraction(1)
        for row, pivot in zip(matrix, pivots, strict=False):
            direction[rows[pivot]] = -row[column]
        directions.append(direction)

    def values(h: dict[int, Fraction], constant: bool) -> list[Fraction]:
        out = []
        for i in range(problem.n):
            if active[i]:
                out.append(h[i])
            else:
                inner = sum((h[j] * W[j][i] for j in rows), Fraction(0))
                out.append(-inner - (problem.exact_u[i] if constant else 0))
        return out

    at = values(solution, True)
    if not directions:
        if min(at, default=Fraction(0)) < 0:
            return None, False
        return tuple(solution.get(i, Fraction(0)) for i in range(problem.n)), False
    slopes = list(zip(*(values(direction, False) for direction in directions), strict=True))
    corners, has_ray = _corners_of(at, slopes, leaf)
    if not corners:
        return None, False
    if has_ray or len(corners) > 1:
        return None, True
    point = [
        solution.get(i, Fraction(0))
        + sum(
            (t * d.get(i, Fraction(0)) for t, d in zip(corners[0], directions, strict=True)),
            Fraction(0),
        )
        for i in range(problem.n)
    ]
    return tuple(point), False


def _corners_of(
    at: list[Fraction], slopes: list[tuple[Fraction, ...]], leaf: int
) -> tuple[list[tuple[Fraction, ...]], bool]:
    """Return the corners of all t with at + slopes t >= 0, and whether it goes to infinity.

    It holds no line, for h >= 0: what is not empty has a corner, what is not bounded an edge that
    goes to infinity.
    """
    free = len(slopes[0])
    if math.comb(len(at), free) > _MOST_CORNERS:
        raise CertificateError(f"leaf {leaf}: a continuum of {free} dimensions takes too long here")
    corners: list[tuple[Fraction, ...]] = []
    for tight in itertools.combinations(range(len(at)), free):
        matrix = [[*slopes[i], -at[i]] for i in tight]
        if len(_eliminate(matrix, free)) < free:
            continue
        t = tuple(row[-1] for row in matrix)
        if t not in corners and all(
            a + sum(s * x for s, x in zip(slope, t, strict=True)) >= 0
            for a, slope in zip(at, slopes, strict=True)
        ):
            corners.append(t)
    for tight in itertools.combinations(range(len(at)), free - 1):
        matrix = [[*slopes[i]] for i in tight]
        pivots = _eliminate(matrix, free)
        if len(pivots) < free - 1:
            continue
        (left,) = set(range(free)) - set(pivots)
        ray = [Fraction(0)] * free
        ray[left] = Fraction(1)
        for row, column in zip(matrix, pivots, strict=False):
            ray[column] = -row[left]
        rates = [sum(s * x for s, x in zip(slope, ray, strict=True)) for slope in slopes]
        if all(rate >= 0 for rate in rates) or all(rate <= 0 for rate in rates):
            return corners, True
    return corners, False


def _eliminate(matrix: list[list[Fraction]], columns: int) -> list[int]:
    """Bring rows into reduced form, in place; return the columns of the pivots."""
    pivots: list[int] = []
    for column in range(columns):
        done = len(pivots)
        row = next((k for k in range(done, len(matrix)) if matrix[k][column]), None)
        if row is None:
            continue
        matrix[done], matrix[row] = matrix[row], matrix[done]
        pivot = matrix[done][column]
        matrix[done] = [value / pivot for value in matrix[done]]
        for k, other in enumerate(matrix):
            if k != done and other[column]:
                factor = other[column]
                matrix[k] = [a - factor * b for a, b in zip(other, matrix[done], strict=True)]
        pivots.append(column)
    return pivots


def _without_ends(
    problem: _Problem, points: list[np.ndarray], continua: list[np.ndarray]
) -> list[np.ndarray]:
    """Leave out points that are the end of a continuum."""
    if not continua:
        return points
    out = []
    for h in points:
        w = h - h @ problem.W - problem.u
        size = _NEAR * max(np.abs(h).max(initial=0.0), np.abs(problem.u).max(initial=0.0))
        on = [
            (np.abs(h[~active]) <= size).all() and (np.abs(w[active]) <= size).all()
            for active in continua
        ]
        if not any(on):
            out.append(h)
    return out


def _check_listed(what: str, found: np.ndarray, listed: np.ndarray) -> None:
    """Check that two lists of states are the same, but for rounding and order."""
    if len(found) != len(listed):
        raise CertificateError(f"it lists {len(listed)} {what}; its leaves hold {len(found)}")
    left = list(range(len(found)))
    for state in listed:
        gaps = np.abs(found[left] - state).max(axis=1)
        nearest = int(gaps.argmin())
        if gaps[nearest] > _NEAR * np.abs(found[left[nearest]]).max(initial=1e-300):
            raise CertificateError(f"it lists {what} that its leaves do not hold")
        del left[nearest]


def _counted(number: int, word: str) -> str:
    plural = {"leaf": "leaves", "continuum": "continua"}.get(word, f"{word}s")
    return f"{number} {word if number == 1 else plural}"
