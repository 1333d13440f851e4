"""Every cycle of a period of a rectified network at a constant input."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from yang_rnn._checks import check_whole
from yang_rnn._frames import by_unit, frame_of
from yang_rnn.dynamics.enumeration.active_sets import (
    Continuum,
    Solution,
    Solved,
    are_one,
    solve_active_sets,
)
from yang_rnn.dynamics.enumeration.cyclic import CyclicProblem, Loop, largest_turn, loop_of
from yang_rnn.dynamics.enumeration.fixed_points import TIME_LIMIT, rectified_at
from yang_rnn.dynamics.enumeration.sampling import sampled_active_sets
from yang_rnn.dynamics.enumeration.tree import OnClosed, check_limits, search_tree
from yang_rnn.dynamics.maps import one_blas_thread
from yang_rnn.dynamics.rectified import Rectified
from yang_rnn.dynamics.system import HasSystem, System

if TYPE_CHECKING:
    from yang_rnn._frames import DataFrame

MOST = 512
"""Units times period that are gone through at most: a dictionary is a square of so many numbers."""

# Shares of the time. `_BOUND` is of all; `_TREE` and, with what its leaves have, `_LEAVES` of what
# the bound leaves; `_SAMPLES` of what these leave.
_BOUND, _TREE, _LEAVES, _SAMPLES = 0.2, 0.7, 0.8, 0.7

_ALIKE = 1e-9  # of a continuum: how near to itself one phase later


@dataclass(frozen=True, eq=False, repr=False)
class AllCycles:
    """Every cycle of a period of a rectified network at a constant input, or those found in time.

    Attributes
    ----------
    cycles : numpy.ndarray, shape (n, period, N), float64
        The states of each in turn, each cycle once. Their period is no shorter.
    multipliers : numpy.ndarray, shape (n, N), complex128
        Eigenvalues of the Jacobian all around the cycle, by decreasing modulus. On a kink, of the
        side where the units there are silent.
    stable : numpy.ndarray, shape (n,), bool
        Whether these are all inside the unit circle, and no unit is on a kink.
    on_kink : numpy.ndarray, shape (n,), bool
        Whether what a relu is applied to is 0 somewhere on the cycle.
    residual : numpy.ndarray, shape (n,), float64
        Largest difference between F of a state and the next state, by rounding.
    sampled : numpy.ndarray, shape (n,), bool
        Whether it was found by sampling, not in the part of the tree that was gone through.
    shorter : dict of int to int
        How many fixed points (1) and cycles of periods that divide this one the search met. None
        where a bound told that there are no cycles, and on a continuum none.
    num_continua : int
        How many sets of active units have whole lines, or more, of cycles of this period.
    complete : bool
        Whether no others exist, by what floating-point bounds and fractions say: every part of the
        tree was closed with all rounding counted in, or a bound excluded cycles without a tree. No
        certificate is kept, so nobody checks the search itself. Where `num_continua` is not 0
        it is said of the sets of active units, not of their states.
    closed : float
        Share of the tree that was gone through.
    nodes : int
        Nodes of the tree; 0 where a bound told that there is no cycle.
    seconds : float
        Time taken.
    """

    cycles: np.ndarray
    multipliers: np.ndarray
    stable: np.ndarray
    on_kink: np.ndarray
    residual: np.ndarray
    sampled: np.ndarray
    shorter: dict[int, int]
    num_continua: int
    complete: bool
    closed: float
    nodes: int
    seconds: float

    def __len__(self) -> int:
        """Count the cycles."""
        return len(self.cycles)

    @property
    def period(self) -> int:
        """Steps of a cycle."""
        return self.cycles.shape[1]

    def to_frame(self) -> DataFrame:
        """Give the cycles as a pandas frame, one row per state of each.

        Returns
        -------
        pandas.DataFrame
            Columns cycle and step (counted from 0), those of the cycle: multiplier_real and
            multiplier_imag (of the multiplier of largest modulus), stable, on_kink, residual,
            sampled; then state_0 ... state_{N-1}.
        """
        number, period, units = self.cycles.shape
        columns = {
            "cycle": np.repeat(np.arange(number), period),
            "step": np.tile(np.arange(period), number),
            "multiplier": np.repeat(self.multipliers[:, 0], period),
        }
        for name in ("stable", "on_kink", "residual", "sampled"):
            columns[name] = np.repeat(getattr(self, name), period)
        return frame_of(columns | by_unit("state", self.cycles.reshape(-1, units)))

    def in_words(self) -> str:
        """Return how many cycles there are, how they were found, and whether there are others."""
        found = f"{len(self) or 'no'} {'cycle' if len(self) == 1 else 'cycles'}"
        found += f" of period {self.period}"
        if len(self):
            found += f", {int(self.stable.sum())} stable"
        if self.on_kink.any():
            found += f", {int(self.on_kink.sum())} on a kink"
        if self.num_continua:
            found += f", and {self.num_continua} with continua of them"
        if self.complete:
            return f"{found}, complete" if self.nodes else f"{found}, by a bound on the weights"
        if self.sampled.any():
            found += f", found by sampling: {int(self.sampled.sum())}"
        share = np.floor(self.closed * 1e5) / 1e3
        return f"{found}; {share:.6g} % of the tree closed: there may be others"

    def __repr__(self) -> str:
        """Say it in a sentence."""
        return f"AllCycles({self.in_words()}; {self.nodes} nodes, {self.seconds:.2g} s)"


class LoopCycles(NamedTuple):
    """The cycles of a loop: `outputs` (n, period, H) of its relus, else as `AllCycles`."""

    outputs: np.ndarray
    on_kink: np.ndarray
    sampled: np.ndarray
    shorter: dict[int, int]
    num_continua: int
    complete: bool
    closed: float
    nodes: int


def all_cycles(
    network: System | HasSystem,
    stimulus: ArrayLike,
    period: int,
    *,
    time_limit: float = TIME_LIMIT,
    most_nodes: int | None = None,
    threads: int | None = None,
    on_progress: OnClosed | None = None,
) -> AllCycles:
    """Find every cycle of a period of a rectified network at a constant input.

    The outputs of all units in all steps of a cycle solve one linear complementarity problem, of
    period N units (Cottle, Pang & Stone 1992, The Linear Complementarity Problem), whose active
    sets are gone through as for fixed points. Before, a bound is tried: where no weights between
    units turn a step far enough there are no cycles. What limits leave open is sampled: Newton's
    method on active sets, from random ones and those of trajectories (Aganagic 1984, Mathematical
    Programming 28:349), and Lemke's complementary pivoting from many covering vectors find some
    cycles, seldom all. Each is solved for and checked like those of the tree, and `sampled`.

    Parameters
    ----------
    network : System or CTRNN
        One that states that it is rectified (`System.rectified`).
    stimulus : array of shape (channel,)
        The constant input.
    period : int
        Steps; 1 for fixed points.
    time_limit : float
        Seconds for the whole call (s): the bound, the tree, about 70 % of it, and sampling. It may
        take a fifth and a second longer, and Numba's compilation at first use.
    most_nodes : int, optional
        Nodes of the tree (to a thousand a thread), whatever the machine; sampling comes on top.
    threads : int, optional
        Threads that search; without it as many as there are processors.
    on_progress : callable, optional
        Called with the share of the tree that is closed and the number of nodes.

    Returns
    -------
    AllCycles

    Raises
    ------
    TypeError
        If the network is neither, or an argument is of the wrong kind.
    ValueError
        If the network does not state that it is rectified, its step is not that of the weights it
        states, an argument is out of range, units times period are over 512, or alpha is 2,
        the leak outside and the period even.

    References
    ----------
    Eisenmann, Monfared, Goering & Durstewitz 2023, Bifurcations and loss jumps in RNN training,
    Advances in Neural Information Processing Systems 36, who search the same sets by chance.

    See Also
    --------
    all_fixed_points : fixed points, with a certificate.
    """
    begin = time.monotonic()
    F, weights = rectified_at(network, stimulus)
    units = len(weights.b_rr)
    period = check_whole("period", period, 1, max(1, MOST // units))
    check_limits(time_limit, most_nodes, threads, on_progress)
    with one_blas_thread():
        around = loop_of(weights, F.x, period)
        if largest_turn(around.loop, begin + _BOUND * time_limit) < 1:
            nothing = np.empty((0, period, units))
            found = LoopCycles(nothing, np.empty(0, bool), np.empty(0, bool), {}, 0, True, 1.0, 0)
        else:
            found = cycles_of_loop(
                around.loop,
                time_limit=max(0.0, begin + time_limit - time.monotonic()),
                most_nodes=most_nodes,
                threads=threads,
                on_progress=on_progress,
            )
        # r_t, in phase t, makes the state in phase t + 1.
        multipliers = np.array([_multipliers(weights, r > 0) for r in found.outputs])
    states = np.array([around.states(r) for r in found.outputs]).reshape(-1, period, units)
    nexts = weights.step(F.x, states)
    residual = np.abs(nexts - np.roll(states, -1, axis=1)).max(axis=(1, 2), initial=0.0)
    multipliers = multipliers.reshape(-1, units)
    inside = np.abs(multipliers).max(axis=1, initial=0.0) < 1
    return AllCycles(
        cycles=states,
        multipliers=multipliers.astype(np.complex128),
        stable=inside & ~found.on_kink,
        on_kink=found.on_kink,
        residual=residual,
        sampled=found.sampled,
        shorter=found.shorter,
        num_continua=found.num_continua,
        complete=found.complete,
        closed=found.closed,
        nodes=found.nodes,
        seconds=time.monotonic() - begin,
    )


def cycles_of_loop(
    loop: Loop,
    *,
    time_limit: float = TIME_LIMIT,
    most_nodes: int | None = None,
    threads: int | None = None,
    on_progress: OnClosed | None = None,
) -> LoopCycles:
    """Find every cycle of a loop of relus by its complementarity problem; see `all_cycles`."""
    begin = time.monotonic()
    until = begin + time_limit
    period, units = len(loop.gains), len(loop.drive)
    cyclic = CyclicProblem(loop)
    tree = search_tree(
        cyclic.problem,
        time_limit=max(0.0, begin + _TREE * time_limit - time.monotonic()),
        most_nodes=most_nodes,
        threads=threads,
        most_bytes=0,
        on_progress=on_progress,
    )
    share = 1.0 if tree.complete else _LEAVES
    solved = _solve(cyclic, tree.decided, begin + share * time_limit)
    points, continua, complete = solved.points, solved.continua, tree.complete and not solved.left
    sampled = None if complete else _sample(cyclic, points, period, until)
    if sampled is not None:
        points, continua = points + sampled.points, continua + sampled.continua
    cycles: list[Solution] = []
    by_sampling: list[bool] = []
    shorter: Counter[int] = Counter()
    for k, solution in _once(points, period):
        own = _own_period(solution, period)
        if own == period:
            cycles.append(_from_first_phase(solution, period))
            by_sampling.append(k >= len(solved.points))
        else:
            shorter[own] += 1
    lines = {_first_rotation(c.active, period).tobytes() for c in continua if _goes_on(c, period)}
    return LoopCycles(
        outputs=np.array([cycle.z for cycle in cycles]).reshape(-1, period, units),
        on_kink=np.array([cycle.kinks.any() for cycle in cycles], bool),
        sampled=np.array(by_sampling, bool),
        shorter=dict(sorted(shorter.items())),
        num_continua=len(lines),
        complete=complete,
        closed=tree.closed,
        nodes=tree.num_nodes,
    )


def _solve(cyclic: CyclicProblem, decided: np.ndarray, until: float) -> Solved:
    problem = cyclic.problem
    return solve_active_sets(problem.M, problem.q * cyclic.scale, cyclic.exact, decided, until)


def _sample(cyclic: CyclicProblem, known: list[Solution], period: int, until: float) -> Solved:
    """Look for other solutions by chance; each is solved for like those of the tree."""
    M, q, *_ = cyclic.problem
    now = time.monotonic()
    found = sampled_active_sets(
        M,
        q,
        np.array([solution.z > 0 for solution in known], bool).reshape(-1, len(q)),
        period,
        until=now + _SAMPLES * (until - now),
    )
    return _solve(cyclic, found.astype(np.int8), until)


def _shifted(values: np.ndarray, period: int, phases: int) -> np.ndarray:
    """Return values (..., period H) of the cycle that begins some phases later."""
    parts = values.reshape(*values.shape[:-1], period, -1)
    return np.roll(parts, -phases, axis=-2).reshape(values.shape)


def _is_shift(a: Solution, b: Solution, period: int, phases: int) -> bool:
    """Tell whether b is a, begun some phases later."""
    later = Solution(*(_shifted(array, period, phases) for array in (a.z, a.kinks)))
    # Without kinks a set of active units has one solution.
    return bool(((later.z > 0) == (b.z > 0)).all()) or are_one(later, b)


def _once(solutions: list[Solution], period: int) -> list[tuple[int, Solution]]:
    """Return the first, and its place, of all solutions that are one cycle begun in any phase."""
    clear: dict[bytes, tuple[int, Solution]] = {}
    on_kink: list[tuple[int, Solution]] = []
    for k, solution in enumerate(solutions):
        if not solution.kinks.any():
            active = _first_rotation(solution.z > 0, period)
            clear.setdefault(active.tobytes(), (k, solution))
        elif not any(
            _is_shift(old, solution, period, t) for _, old in on_kink for t in range(period)
        ):
            on_kink.append((k, solution))
    return [*clear.values(), *on_kink]


def _own_period(solution: Solution, period: int) -> int:
    divisors = (p for p in range(1, period + 1) if period % p == 0)
    return next(p for p in divisors if _is_shift(solution, solution, period, p))


def _from_first_phase(solution: Solution, period: int) -> Solution:
    """Begin a cycle with the state that comes first by which units are active."""
    # What the relus give in the last phase makes the first state.
    phases = sorted(range(period), key=lambda t: _shifted(solution.z > 0, period, t - 1).tolist())
    return Solution(*(_shifted(array, period, phases[0]) for array in (solution.z, solution.kinks)))


def _first_rotation(active: np.ndarray, period: int) -> np.ndarray:
    return min((_shifted(active, period, t) for t in range(period)), key=lambda a: a.tolist())


def _goes_on(continuum: Continuum, period: int) -> bool:
    """Tell whether cycles of a continuum are of this period, not all of a shorter one."""
    parts = (continuum.ends, continuum.directions)
    for p in range(1, period):
        if period % p == 0 and all(
            np.abs(_shifted(part, period, p) - part).max(initial=0.0)
            <= _ALIKE * np.abs(part).max(initial=0.0)
            for part in parts
        ):
            return False
    return True


def _multipliers(weights: Rectified, active: np.ndarray) -> np.ndarray:
    """Return the eigenvalues around a cycle whose relus are active (period, N)."""
    units = len(weights.b_rr)
    W, a = weights.w_rr.astype(np.float64), weights.alpha
    product = np.eye(units)
    for gate in active.astype(np.float64):
        if weights.leak == "inside":
            product = product @ (((1 - a) * np.eye(units) + a * W) * gate)
        else:
            product = product @ ((1 - a) * np.eye(units) + a * W * gate)
    values = np.linalg.eigvals(product)
    return values[np.argsort(-np.abs(values), kind="stable")]
