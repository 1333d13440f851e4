"""Every fixed point of a rectified network at a constant input, with a proof."""

from __future__ import annotations

import time
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from yang_rnn._checks import (
    check_array,
    check_has,
    check_is,
    check_whole,
)
from yang_rnn._frames import by_unit
from yang_rnn.dynamics.enumeration.active_sets import (
    Continuum,
    Solution,
    are_one,
    in_order,
    solve_active_set,
    solve_active_sets,
)
from yang_rnn.dynamics.enumeration.branching import Problem
from yang_rnn.dynamics.enumeration.certificate import Certificate, CertificateError
from yang_rnn.dynamics.enumeration.checking import CheckedCertificate, check_certificate
from yang_rnn.dynamics.enumeration.lemke import lemke
from yang_rnn.dynamics.enumeration.one_leaf import one_leaf
from yang_rnn.dynamics.enumeration.rational import exact_drive, power_of_two
from yang_rnn.dynamics.enumeration.tree import OnClosed, check_limits, search_tree
from yang_rnn.dynamics.fixed_points import recorded
from yang_rnn.dynamics.maps import as_map, as_states
from yang_rnn.dynamics.points import FixedPoints
from yang_rnn.dynamics.rectified import Rectified, check_step
from yang_rnn.dynamics.search import SearchEnd
from yang_rnn.dynamics.system import AutonomousMap, HasSystem, System

if TYPE_CHECKING:
    from yang_rnn._frames import DataFrame

METHOD = "enumeration"
"""What the record of the points calls it."""

TIME_LIMIT = 60.0
"""Seconds; fifty times what most trained networks of 64 units take."""

_FIRST_POINT = 1.0  # seconds that Lemke's pivoting may take; 64 units take some milliseconds
_REACH = 10.0  # of sum(h), over the largest drive
_LARGEST = 1e100  # squares of it are numbers


@dataclass(frozen=True, eq=False, repr=False)
class AllFixedPoints:
    """Every fixed point of a rectified network at a constant input, or those found in time.

    Attributes
    ----------
    points : FixedPoints
        The points, each solved for in float64, the one with the fewest active units first.
    active : numpy.ndarray, shape (n, N), bool
        Which units are above 0 at each.
    on_kink : numpy.ndarray, shape (n,), bool
        Whether the drive of a unit is 0 there: F has no derivative, and the point may appear or
        vanish, alone or with others, as soon as anything changes.
    continua : tuple of Continuum
        Sets of active units in which whole lines, or more, are fixed points.
    complete : bool
        Whether every set of active units was gone through.
    closed : float
        Share of the tree that was.
    nodes : int
        Nodes of the tree.
    seconds : float
        Time taken, the check included.
    certificate : Certificate or None
        What a proof needs; None where it took more memory than allowed.
    check : CheckedCertificate or None
        What `check_certificate` said of it; None where it was not asked, or refused it.
    refused : str
        Why it refused the certificate: numbers too small to bound, say; empty if it did not.
    """

    points: FixedPoints
    active: np.ndarray
    on_kink: np.ndarray
    continua: tuple[Continuum, ...]
    complete: bool
    closed: float
    nodes: int
    seconds: float
    certificate: Certificate | None
    check: CheckedCertificate | None
    refused: str = ""

    def __len__(self) -> int:
        """Count the points."""
        return len(self.points)

    def to_frame(self) -> DataFrame:
        """Give the points as a pandas frame, one row per point.

        Columns of `FixedPoints.to_frame`, then on_kink and active_0 ... active_{N-1}.
        """
        active = by_unit("active", self.active)
        return self.points.to_frame().assign(on_kink=self.on_kink, **active)

    @property
    def proved(self) -> bool:
        """Whether a checked certificate says that there are no others."""
        return self.complete and self.check is not None and self.check.proved

    def in_words(self) -> str:
        """Return which fixed points there are, and whether that is proved."""
        found = _counted(len(self), "fixed point", "fixed points")
        if self.on_kink.any():
            found += f" ({int(self.on_kink.sum())} on a kink)"
        if self.continua:
            largest = max(continuum.dimension for continuum in self.continua)
            found += f" and {_counted(len(self.continua), 'continuum', 'continua')} of fixed points"
            found += f" of up to {_counted(largest, 'dimension', 'dimensions')}"
        none = not len(self) and not self.continua
        if self.proved:
            return "there is no fixed point (proved)" if none else f"{found}, proved to be all"
        found = "no fixed point" if none else found
        if self.complete:
            why = f"the check refused it, {self.refused}" if self.refused else "not checked"
            return f"{found} found, and no other in floating-point arithmetic ({why})"
        return f"{found} found, {_percent(self.closed)} of the tree closed: there may be others"

    def __repr__(self) -> str:
        """Say it in a sentence."""
        return f"AllFixedPoints({self.in_words()}; {self.nodes} nodes, {self.seconds:.2g} s)"


def all_fixed_points(
    network: System | HasSystem,
    stimulus: ArrayLike,
    *,
    time_limit: float = TIME_LIMIT,
    most_nodes: int | None = None,
    threads: int | None = None,
    data: ArrayLike | None = None,
    certificate_bytes: int = 2**30,
    check: bool = True,
    on_progress: OnClosed | None = None,
) -> AllFixedPoints:
    """Find every fixed point of a rectified network at a constant input, and prove it.

    The fixed points of h = relu(h W + u) solve a linear complementarity problem (Cottle, Pang &
    Stone 1992, The Linear Complementarity Problem), in which each unit is active or silent. Branch
    and bound goes through all 2^N sets of active units: where the linear programme that is left of
    a part of them has no solution, its multipliers prove that no fixed point is there. Networks
    with |h W| < |h|, and others whose I - W is positive definite, have one: that needs no search.
    Where limits cut a search short, the point that Lemke's complementary pivoting leads to, if any,
    is there too.

    Parameters
    ----------
    network : System or CTRNN
        One that states that it is rectified (`System.rectified`): all relu `CTRNN`, a relu
        `torch.nn.RNN` of one layer.
    stimulus : array of shape (channel,)
        The constant input.
    time_limit : float
        Seconds for the search (s). An answer that is not complete then is an answer too.
    most_nodes : int, optional
        The same in nodes of the tree, whatever the machine.
    threads : int, optional
        Threads that search; without it as many as there are processors. The answer and the tree are
        the same for any number.
    data : array_like, shape (m, N), optional
        States that the network is known to go through; how far from them a point lies is told.
    certificate_bytes : int
        Memory (bytes) that the certificate may take.
    check : bool
        Whether to check the certificate; without it nothing is proved.
    on_progress : callable, optional
        Called with the share of the tree that is closed and the number of nodes.

    Returns
    -------
    AllFixedPoints

    Raises
    ------
    TypeError
        If the network is neither, or an argument is of the wrong kind.
    ValueError
        If the network does not state that it is rectified, its step is not that of the weights it
        states, or an argument is out of range.

    See Also
    --------
    check_certificate : what proves it.
    find_fixed_points : the search for any network.
    """
    begin = time.perf_counter()
    F, weights = rectified_at(network, stimulus)
    check_limits(time_limit, most_nodes, threads, on_progress)
    check_whole("certificate_bytes", certificate_bytes, 0, 2**50)
    check_is("check", check, bool)
    known = None if data is None else _known(data, len(weights.b_rr))
    exact = _Exact(weights, F.x)
    problem, scale = _problem(weights, exact)
    q = problem.q * scale
    tree = one_leaf(problem.M, q, exact, certificate_bytes) or search_tree(
        problem,
        time_limit=time_limit,
        most_nodes=most_nodes,
        threads=threads,
        most_bytes=certificate_bytes,
        on_progress=on_progress,
    )
    solutions, continua, _ = solve_active_sets(problem.M, q, exact, tree.decided)
    in_tree = _states(solutions, problem)
    if not tree.complete:
        solutions = _with_first(problem, q, exact, solutions)
    states = _states(solutions, problem)
    certificate, checked, refused = None, None, ""
    if tree.kept:
        certificate = Certificate(
            w_ir=weights.w_ir,
            w_rr=weights.w_rr,
            b_rr=weights.b_rr,
            x=F.x,
            nodes=tree.nodes,
            multipliers=tree.multipliers,
            fine=tree.fine,
            states=in_tree,
            continua=np.array([c.active for c in continua], bool).reshape(-1, len(q)),
        )
        if check:
            try:
                checked = check_certificate(certificate, F.system, F.x)
            except CertificateError as error:
                refused = str(error)
    return AllFixedPoints(
        points=_recorded(F, states, states if known is None else known),
        active=states > 0,
        on_kink=np.array([solution.kinks.any() for solution in solutions], bool),
        continua=tuple(continua),
        complete=tree.complete,
        closed=tree.closed,
        nodes=tree.num_nodes,
        seconds=time.perf_counter() - begin,
        certificate=certificate,
        check=checked,
        refused=refused,
    )


def rectified_at(network: System | HasSystem, stimulus: Any) -> tuple[AutonomousMap, Rectified]:
    """Return a network at an input, and the weights it states, compared with its step.

    Raises
    ------
    TypeError
        If it is no network.
    ValueError
        If it does not state that it is rectified, or its step says otherwise.
    """
    if not isinstance(network, System):
        check_has("network", network, "a System or CTRNN", "system")
    system = network if isinstance(network, System) else network.system()
    check_is("network", system, System)
    if system.rectified is None:
        raise ValueError(
            "`network` must state that it is rectified and affine inside (`System.rectified`, as a "
            f"relu CTRNN and a relu torch.nn.RNN of one layer do); got {system!r}: "
            "`find_fixed_points` searches any network"
        )
    weights = system.rectified
    x = check_array("stimulus", stimulus, (len(weights.w_ir),), empty=True)
    F = system.at(x)
    scale = 1.0 + float(np.abs(weights.b_rr).max() + np.abs(x @ weights.w_ir).max())
    if not scale < _LARGEST:
        raise ValueError(
            f"`stimulus` and bias must drive the network by less than {_LARGEST:g}; got {scale:.2g}"
        )
    states = scale * np.abs(np.random.default_rng(0).standard_normal((4, system.num_units)))
    check_step(weights, F.partial, F.x, states, "network")
    return F, weights


class _Exact:
    """M = I - W^T and q = -u as fractions, made when they are needed."""

    def __init__(self, weights: Rectified, x: np.ndarray):
        self._weights = weights
        self.u = exact_drive(weights, x)
        self._made: tuple[list[list[Fraction]], list[Fraction]] | None = None

    def __call__(self) -> tuple[list[list[Fraction]], list[Fraction]]:
        if self._made is None:
            M = [
                [int(i == j) - Fraction(float(value)) for j, value in enumerate(column)]
                for i, column in enumerate(self._weights.w_rr.T)
            ]
            self._made = M, [-value for value in self.u]
        return self._made


def _problem(weights: Rectified, exact: _Exact) -> tuple[Problem, float]:
    """Return the complementarity problem with the drive divided by a power of two, and this."""
    units = len(weights.b_rr)
    u = np.array([float(value) for value in exact.u])
    scale = power_of_two(np.abs(u).max())
    M = np.eye(units) - weights.w_rr.T.astype(np.float64)
    q = -u / scale
    return Problem(np.ascontiguousarray(M), q, np.abs(q) * 2.0**-52, _REACH), scale


def _with_first(
    problem: Problem, q: np.ndarray, exact: _Exact, solutions: list[Solution]
) -> list[Solution]:
    """Add the point that Lemke's pivoting leads to, if it leads to one that is not there."""
    until = time.monotonic() + _FIRST_POINT
    z = lemke(problem.M, problem.q, np.ones(len(q)), until=until)
    if z is None or any(((z > 0) == (old.z > 0)).all() for old in solutions):
        return solutions
    new = solve_active_set(problem.M, q, exact, z > 0)
    if not isinstance(new, Solution) or any(are_one(new, old) for old in solutions):
        return solutions
    return in_order([*solutions, new])


def _states(solutions: list[Solution], problem: Problem) -> np.ndarray:
    return np.array([solution.z for solution in solutions]).reshape(-1, len(problem.q))


def _known(data: Any, units: int) -> np.ndarray:
    """Check the states that a network is known to go through."""
    known = as_states(data, "data")
    if known.shape[1] != units:
        raise ValueError(f"`data` must have the network's {units} units; got {known.shape[1]}")
    return check_array("data", known)


def _recorded(F: AutonomousMap, states: np.ndarray, data: np.ndarray) -> FixedPoints:
    count = len(states)
    end = SearchEnd(
        states,
        np.zeros(count, np.int64),
        np.full(count, "converged", "<U20"),
        np.empty(0, np.float32),
    )
    return recorded(F, as_map(F), states, end, METHOD, data)


def _counted(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


def _percent(share: float) -> str:
    """Say a share without rounding it up to all."""
    return f"{np.floor(share * 1e5) / 1e3:.6g} %"
