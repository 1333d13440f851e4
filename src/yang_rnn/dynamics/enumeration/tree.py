"""The search through all active sets: limits of time and memory, threads, the whole tree."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from yang_rnn._checks import check_callable, check_real, check_whole
from yang_rnn.dynamics.enumeration.branching import (
    LOG_NODES,
    OPEN,
    Log,
    Problem,
    Search,
    advance,
    begin,
    is_done,
    new_log,
    new_search,
    open_paths,
)
from yang_rnn.dynamics.processors import num_processors

OnClosed = Callable[[float, int], None]
"""Called with the share of the tree that is closed, and the nodes so far."""

ALONE = 8192
"""Nodes that one thread goes through before the rest is shared out."""

SHARES = 32
"""Parts that a larger tree is cut into, whatever the number of threads: no node depends on it."""

_SMALL = 64  # units of which a thousand nodes take a tenth of a second


@dataclass(frozen=True, eq=False)
class Tree:
    """A tree as far as it was gone through.

    Attributes
    ----------
    nodes : numpy.ndarray, shape (nodes,), int32
        In preorder, see `branching`.
    multipliers, fine : numpy.ndarray, shape (leaves, n), float32 and float64
        Those of the leaves that they prove empty, in this order; not there if not `kept`.
    decided : numpy.ndarray, shape (leaves, n), int8
        Of the leaves where every unit is decided.
    num_nodes : int
    closed : float
        Share of all sets of signs that is in leaves.
    complete : bool
    kept : bool
        Whether nodes and multipliers were kept.
    """

    nodes: np.ndarray
    multipliers: np.ndarray
    fine: np.ndarray
    decided: np.ndarray
    num_nodes: int
    closed: float
    complete: bool
    kept: bool


class _Piece(NamedTuple):
    """Nodes of a part in preorder, as `Tree` has them, and the share of all sets they close."""

    arrays: tuple[np.ndarray, ...]
    num_nodes: int
    closed: float
    left: list[np.ndarray]  # paths to what is below the part and was open then; [] if not kept


@dataclass(eq=False)
class _Part:
    """A node and what is below it, some of it in parts of their own that follow."""

    path: np.ndarray
    parts: list[_Part] = field(default_factory=list)
    pieces: list[_Piece] = field(default_factory=list)
    done: bool = False

    @property
    def num_nodes(self) -> int:
        """How many nodes it has, without those of its parts."""
        return sum(piece.num_nodes for piece in self.pieces)

    def in_order(self) -> list[_Part]:
        """Return it and all parts below, in preorder."""
        out: list[_Part] = []
        waiting: list[_Part] = [self]
        while waiting:
            part = waiting.pop()
            out.append(part)
            waiting.extend(reversed(part.parts))
        return out


@dataclass(eq=False)
class _Run:
    """What all threads of a search share."""

    problem: Problem
    until: float
    most_nodes: int | None
    most_bytes: int
    on_progress: OnClosed | None
    nodes: int = 0
    closed: float = 0.0
    stored: int = 0
    stop: bool = False
    kept: bool = True
    shared: list[_Part] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, part: _Part, log: Log, closed: float, left: list[np.ndarray]) -> None:
        """Take over what a search has logged; forget all multipliers if there are too many."""
        a, b, c, d = log.counts
        arrays = (log.nodes[:a], log.multipliers[:b], log.fine[:c], log.decided[:d])
        with self.lock:
            self.nodes += int(a)
            self.closed += closed
            self.stored += sum(array.nbytes for array in arrays[:3])
            self.kept = self.kept and self.stored <= self.most_bytes
            none = slice(None if self.kept else 0)
            copied = (*(array[none].copy() for array in arrays[:3]), arrays[3].copy())
            part.pieces.append(_Piece(copied, int(a), closed, left))
            self.stop = self.stop or time.monotonic() > self.until

    @property
    def is_over(self) -> bool:
        """Whether a limit is reached, before parts are shared out."""
        return self.stop or (self.most_nodes is not None and self.nodes >= self.most_nodes)

    def share(self, parts: list[_Part]) -> None:
        """Share parts out; each may have the nodes that those before it have not taken."""
        self.shared = parts
        if self.most_nodes is not None:
            self.most_nodes -= self.nodes

    def may_go_on(self, part: _Part) -> bool:
        """Tell whether a part may have more nodes, as far as the parts before it are known."""
        if self.stop:
            return False
        if self.most_nodes is None or part not in self.shared:
            return True
        before = itertools.takewhile(lambda other: other is not part, self.shared)
        taken = sum(other.num_nodes for other in before if other.done)
        return taken + part.num_nodes < self.most_nodes

    def leave_out(self) -> None:
        """Leave out what threads have gone through beyond the nodes that there were to be.

        The parts have them in their order, so that what is left does not depend on the threads.
        """
        if self.most_nodes is None:
            return
        room = self.most_nodes
        for part in self.shared:
            number = 0
            while number < len(part.pieces) and room > 0:
                room -= part.pieces[number].num_nodes
                number += 1
            if number < len(part.pieces):
                part.parts = [_Part(path) for path in part.pieces[number - 1].left]
                part.pieces = part.pieces[:number]
            if not number:  # it is open as a whole
                part.parts = []


def check_limits(time_limit: Any, most_nodes: Any, threads: Any, on_progress: Any) -> None:
    """Check what a search is limited by; errors name the argument."""
    check_real("time_limit", time_limit, minimum=0)
    for name, value in (("most_nodes", most_nodes), ("threads", threads)):
        if value is not None:
            check_whole(name, value, 1)
    check_callable("on_progress", on_progress, optional=True)


def search_tree(
    problem: Problem,
    *,
    time_limit: float,
    most_nodes: int | None = None,
    threads: int | None = None,
    most_bytes: int = 2**30,
    on_progress: OnClosed | None = None,
) -> Tree:
    """Go through all active sets of a complementarity problem.

    Parameters
    ----------
    problem : Problem
    time_limit : float
        Seconds after which what is left stays open.
    most_nodes : int, optional
        The same in nodes (to a thousand): it depends neither on the machine nor on the threads.
    threads : int, optional
        Without it as many as there are processors for this process. The tree is the same.
    most_bytes : int
        Memory for the tree and its multipliers; where it is too little they are forgotten.
    on_progress : callable, optional
        Called about ten times a second with the share of the tree that is closed and the nodes.

    Returns
    -------
    Tree
    """
    n = len(problem.q)
    threads = threads or num_processors()
    run = _Run(problem, time.monotonic() + time_limit, most_nodes, most_bytes, on_progress)
    root = _Part(np.zeros((0, 2), np.int64))
    first = new_search(n)
    _go_on(run, root, first, new_log(n), min(ALONE, most_nodes or ALONE))
    waiting = _cut(run, root, first)
    gain, tries = first.gain.copy(), first.tries.copy()
    del first
    run.share(waiting)

    def work(part: _Part) -> None:
        room = getattr(rooms, "search", None) or new_search(n)
        rooms.search = room
        room.gain[:], room.tries[:] = gain, tries
        _go_on(run, part, room, new_log(n))

    rooms = threading.local()
    with ThreadPoolExecutor(threads) as pool:
        futures: set[Future[None]] = {pool.submit(work, part) for part in waiting}
        try:
            while futures:
                over, futures = wait(futures, timeout=0.1, return_when=FIRST_COMPLETED)
                for future in over:
                    future.result()
                if on_progress is not None:
                    on_progress(run.closed, run.nodes)
        finally:
            run.stop = True
    run.leave_out()
    return _assembled(run, root)


def _go_on(run: _Run, part: _Part, search: Search, log: Log, most_nodes: int | None = None) -> None:
    """Search below a part until it is done, or so many nodes or a limit are reached."""
    left = LOG_NODES if most_nodes is None else most_nodes
    if not run.may_go_on(part):
        return
    begin(run.problem, search, part.path)
    at_once = _nodes_at_once(len(run.problem.q))
    while left > 0 and not is_done(search) and run.may_go_on(part):
        search.closed[0] = 0.0
        number = advance(run.problem, search, log, min(at_once, left))
        to_be_cut = run.most_nodes is not None and most_nodes is None
        below = open_paths(search) if to_be_cut else []
        run.take(part, log, float(search.closed[0]), below)
        left -= 0 if most_nodes is None else number
    part.parts = [_Part(path) for path in open_paths(search)]
    part.done = is_done(search)


def _nodes_at_once(n: int) -> int:
    """Return how many nodes take a fraction of a second: a node costs about n^3."""
    return max(1, min(LOG_NODES, int(LOG_NODES * (_SMALL / n) ** 3)))


def _cut(run: _Run, root: _Part, search: Search) -> list[_Part]:
    """Cut what is left of a search into parts, the shallowest first: they are the largest."""
    waiting = list(root.parts)
    log = new_log(len(run.problem.q))
    while waiting and len(waiting) < SHARES and not run.is_over:
        part = min(waiting, key=lambda part: len(part.path))
        waiting.remove(part)
        _go_on(run, part, search, log, 1)
        waiting.extend(part.parts)
    return sorted(waiting, key=lambda part: len(part.path))


def _assembled(run: _Run, root: _Part) -> Tree:
    """Put the parts together in preorder; one that was never begun is an open leaf."""
    n = len(run.problem.q)
    nothing = (np.empty((0, n), np.float32), np.empty((0, n)), np.empty((0, n), np.int8))
    unseen = (np.array([OPEN], np.int32), *nothing)
    parts = root.in_order()
    logs = [(np.empty(0, np.int32), *nothing)]
    for part in parts:
        logs += [piece.arrays for piece in part.pieces] or [unseen]
    complete = all(part.pieces for part in parts)
    nodes, multipliers, fine, decided = (
        np.concatenate(arrays) for arrays in zip(*logs, strict=True)
    )
    if not run.kept:
        nodes, multipliers, fine = nodes[:0], multipliers[:0], fine[:0]
    return Tree(
        nodes=nodes,
        multipliers=multipliers,
        fine=fine,
        decided=decided,
        num_nodes=sum(part.num_nodes for part in parts),
        closed=1.0 if complete else sum(piece.closed for part in parts for piece in part.pieces),
        complete=complete,
        kept=run.kept,
    )
