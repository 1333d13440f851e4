"""Branch and bound over active sets, depth first, compiled with Numba.

A node has some units decided active or silent, and asks only z >= 0 and w >= 0 of the others. It is
a leaf where multipliers prove that even so there is no solution, or where all units are decided.
Which unit a node branches on: the one whose two children are expected to cost the objective most,
by what decisions on it have cost before (pseudo-costs; Benichou et al. 1971, Mathematical
Programming 1:76).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from yang_rnn.dynamics.enumeration.pivoting import (
    ACTIVE,
    DOUBTFUL,
    FEASIBLE,
    SILENT,
    UNDECIDED,
    compiled,
    copy_columns,
    copy_row,
    decide,
    first_dictionary,
    is_proof,
    mend,
    multipliers,
)

PROVED, PROVED_FINE, DECIDED, OPEN = -1, -2, -3, -4
"""Kinds of leaves in a log: multipliers in float32, in float64; all units decided; not looked at.

Any other entry is a node with two children, 2 unit + 1 if the silent one comes first, else 2 unit;
those of the first child follow it, then those of the second.
"""

LOG_NODES = 1024
"""Nodes that a search goes on for before it hands over its log."""

_LEAST_GAIN = 1e-6
_UNKNOWN = 1e3  # a guess of z w, over what is known of other units: it is tried soon

# Places of `numbers`.
_FREE, _WIDTH, _DEPTH, _SAVED, _DONE, _PIVOTS, _BRANCHED = range(7)


class Problem(NamedTuple):
    """A complementarity problem: z >= 0, w = q + M z >= 0, z_i w_i = 0.

    Attributes
    ----------
    M : numpy.ndarray, shape (n, n), float64
    q : numpy.ndarray, shape (n,), float64
    q_error : numpy.ndarray, shape (n,), float64
        How far the true q may be from it.
    reach : float
        What sum(z) is of the order of.
    """

    M: np.ndarray
    q: np.ndarray
    q_error: np.ndarray
    reach: float


class Search(NamedTuple):
    """A search on its way down a tree, as arrays that compiled code writes in.

    `table` ... `path` are of the node that comes next, `saved_*` of those that wait, the deepest
    last; `numbers` are their sizes and counts, `closed` the share of all sets of signs in leaves,
    `gain` and `tries` the pseudo-costs (unit, decision).
    """

    table: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    decided: np.ndarray
    path: np.ndarray
    saved_table: np.ndarray
    saved_rows: np.ndarray
    saved_columns: np.ndarray
    saved_decided: np.ndarray
    saved: np.ndarray
    saved_value: np.ndarray
    value: np.ndarray
    numbers: np.ndarray
    closed: np.ndarray
    gain: np.ndarray
    tries: np.ndarray


class Log(NamedTuple):
    """What a search writes down: the tree in preorder, multipliers, and decided leaves."""

    nodes: np.ndarray
    multipliers: np.ndarray
    fine: np.ndarray
    decided: np.ndarray
    counts: np.ndarray


def new_log(n: int) -> Log:
    """Return an empty log of a search among n units."""
    return Log(
        np.empty(LOG_NODES, np.int32),
        np.empty((LOG_NODES, n), np.float32),
        np.empty((LOG_NODES, n)),
        np.empty((LOG_NODES, n), np.int8),
        np.zeros(4, np.int64),
    )


def new_search(n: int) -> Search:
    """Return room for a search among n units; `begin` puts a node in."""
    return Search(
        table=np.zeros((n + 2, n + 1)),
        rows=np.zeros(n + 1, np.int64),
        columns=np.zeros(n, np.int64),
        decided=np.zeros(n, np.int8),
        path=np.zeros((n, 2), np.int64),
        saved_table=np.empty((n + 1, n + 2, n + 1)),
        saved_rows=np.empty((n + 1, n + 1), np.int64),
        saved_columns=np.empty((n + 1, n), np.int64),
        saved_decided=np.empty((n + 1, n), np.int8),
        saved=np.empty((n + 1, 5), np.int64),
        saved_value=np.empty((n + 1, 2)),
        value=np.zeros(2),
        numbers=np.zeros(7, np.int64),
        closed=np.zeros(1),
        gain=np.zeros((n, 2)),
        tries=np.zeros((n, 2)),
    )


def is_done(search: Search) -> bool:
    """Tell whether nothing is left of a search."""
    return bool(search.numbers[_DONE])


def open_paths(search: Search) -> list[np.ndarray]:
    """Return the decisions (unit, what) that lead to each node that waits, in preorder."""
    if is_done(search):
        return []
    paths = [search.path[: search.numbers[_DEPTH]].copy()]
    for k in reversed(range(search.numbers[_SAVED])):
        _, _, depth, *last = search.saved[k]
        paths.append(np.concatenate([search.path[:depth], [last]]))
    return paths


@compiled
def begin(problem, search, path):
    """Put the node at the end of a path of decisions into a search."""
    n = len(problem.q)
    first_dictionary(problem.M, problem.q, problem.reach, search.table, search.rows, search.columns)
    free = width = n
    for i in range(n):
        search.decided[i] = UNDECIDED
    for k in range(len(search.numbers)):
        search.numbers[k] = 0
    for k in range(len(path)):
        copy_row(path[k], search.path[k])
        free, width = decide(
            search.table, search.columns, free, width, search.decided, path[k, 0], path[k, 1]
        )
    search.numbers[_FREE], search.numbers[_WIDTH] = free, width
    search.numbers[_DEPTH] = len(path)


@compiled
def advance(problem, search, log, most_nodes):
    """Go on for some nodes; return how many, and whether the tree is done."""
    n = len(problem.q)
    numbers = search.numbers
    places = np.empty(2 * n + 1, np.int64)
    y = np.empty(n)
    for k in range(len(log.counts)):
        log.counts[k] = 0
    nodes = 0
    while nodes < most_nodes:
        nodes += 1
        row, leaf = _mend(problem, search, log, y, FEASIBLE)
        if row >= 0 and leaf == 0:
            # Rounding has made up the row, or half of it. Children would meet it again, all 2^n.
            _afresh(problem, search)
            row, leaf = _mend(problem, search, log, y, FEASIBLE)
        if row >= 0 and leaf == 0:
            row, leaf = _mend(problem, search, log, y, DOUBTFUL)
        _learn(search, row >= 0)
        unit = -1
        if leaf == 0:
            unit = _unit_to_branch_on(search, places)
            if unit < 0:
                leaf = DECIDED
                copy_row(search.decided, log.decided[log.counts[3]])
                log.counts[3] += 1
        if leaf == 0:
            log.nodes[log.counts[0]] = 2 * unit + _branch(search, places, unit)
        else:
            log.nodes[log.counts[0]] = leaf
        log.counts[0] += 1
        if leaf != 0:
            search.closed[0] += 0.5 ** numbers[_DEPTH]
        if leaf != 0 and not _next(search):
            numbers[_DONE] = 1
            break
    return nodes


@compiled
def _afresh(problem, search):
    """Write the node's dictionary anew, without the rounding of all pivots so far."""
    n = len(problem.q)
    first_dictionary(problem.M, problem.q, problem.reach, search.table, search.rows, search.columns)
    free = width = n
    for i in range(n):
        if search.decided[i] != UNDECIDED:
            free, width = decide(
                search.table, search.columns, free, width, search.decided, i, search.decided[i]
            )
    search.numbers[_FREE], search.numbers[_WIDTH] = free, width


@compiled
def _mend(problem, search, log, y, feasible):
    """Mend the node's dictionary; return a row that can't be (-1 for none), and what it proves."""
    numbers = search.numbers
    free, width, row, pivots = mend(
        search.table, search.rows, search.columns,
        numbers[_FREE], numbers[_WIDTH], search.decided, feasible,
    )  # fmt: skip
    numbers[_FREE], numbers[_WIDTH] = free, width
    numbers[_PIVOTS] += pivots
    return row, _prove(problem, search, log, row, y) if row >= 0 else 0


@compiled
def _prove(problem, search, log, row, y):
    """Write multipliers down if they prove that the node has no solution; return the kind."""
    numbers = search.numbers
    multipliers(search.table, search.rows, search.columns, numbers[_WIDTH], search.decided, row, y)
    coarse = log.multipliers[log.counts[1]]
    copy_row(y, coarse)
    if is_proof(problem.M, problem.q, problem.q_error, search.decided, coarse):
        log.counts[1] += 1
        return PROVED
    if is_proof(problem.M, problem.q, problem.q_error, search.decided, y):
        copy_row(y, log.fine[log.counts[2]])
        log.counts[2] += 1
        return PROVED_FINE
    return 0


@compiled
def _learn(search, closed):
    """Take in what the last decision cost."""
    numbers = search.numbers
    if not numbers[_BRANCHED]:
        return
    unit, what = search.path[numbers[_DEPTH] - 1, 0], search.path[numbers[_DEPTH] - 1, 1]
    tries = search.tries[unit, what - 1]
    if closed:  # it costs more than can be told
        gain = 2.0 * search.gain[unit, what - 1] / tries if tries > 0 else 1.0
    else:
        objective = search.table[len(search.rows), 0]
        gain = (objective - search.value[0]) / max(search.value[1], 1e-9)
    search.gain[unit, what - 1] += gain
    search.tries[unit, what - 1] += 1


@compiled
def _unit_to_branch_on(search, places):
    """Return the undecided unit that promises most; -1 if all are decided."""
    n = len(search.decided)
    for i in range(2 * n + 1):
        places[i] = -1
    for i in range(n + 1):
        places[search.rows[i]] = i
    best, highest = -1, -1.0
    for i in range(n):
        if search.decided[i] != UNDECIDED:
            continue
        z = search.table[places[i], 0] if places[i] >= 0 else 0.0
        w = search.table[places[n + i], 0] if places[n + i] >= 0 else 0.0
        if min(z, w) > 0:
            score = _UNKNOWN * z * w
            if search.tries[i, 0] > 0 and search.tries[i, 1] > 0:
                score = max(_LEAST_GAIN, w * search.gain[i, 0] / search.tries[i, 0]) * max(
                    _LEAST_GAIN, z * search.gain[i, 1] / search.tries[i, 1]
                )
            score += 1.0  # before any unit that does not contradict itself
        else:
            score = max(z, w) / (1.0 + max(z, w))
        if score > highest:
            best, highest = i, score
    return best


@compiled
def _branch(search, places, unit):
    """Go to the child of a unit that is nearer, and save the other; tell whether it is silent."""
    n = len(search.decided)
    numbers = search.numbers
    z = search.table[places[unit], 0] if places[unit] >= 0 else 0.0
    w = search.table[places[n + unit], 0] if places[n + unit] >= 0 else 0.0
    objective = search.table[n + 1, 0]
    first = ACTIVE if z >= w else SILENT
    k, width, depth = numbers[_SAVED], numbers[_WIDTH], numbers[_DEPTH]
    copy_columns(search.table, search.saved_table[k], width + 1)
    copy_row(search.rows, search.saved_rows[k])
    copy_row(search.columns, search.saved_columns[k])
    copy_row(search.decided, search.saved_decided[k])
    other = ACTIVE + SILENT - first
    search.saved[k, 0], search.saved[k, 1] = numbers[_FREE], width
    search.saved[k, 2], search.saved[k, 3], search.saved[k, 4] = depth, unit, other
    search.saved_value[k, 0] = objective
    search.saved_value[k, 1] = w if other == ACTIVE else z
    numbers[_SAVED] += 1
    search.value[0] = objective
    search.value[1] = w if first == ACTIVE else z
    _go(search, unit, first)
    return 1 if first == SILENT else 0


@compiled
def _go(search, unit, what):
    numbers = search.numbers
    numbers[_FREE], numbers[_WIDTH] = decide(
        search.table, search.columns, numbers[_FREE], numbers[_WIDTH], search.decided, unit, what
    )
    search.path[numbers[_DEPTH], 0], search.path[numbers[_DEPTH], 1] = unit, what
    numbers[_DEPTH] += 1
    numbers[_BRANCHED] = 1


@compiled
def _next(search):
    """Go to the node saved last; tell whether there was one."""
    numbers = search.numbers
    if numbers[_SAVED] == 0:
        return False
    numbers[_SAVED] -= 1
    k = numbers[_SAVED]
    width = search.saved[k, 1]
    copy_columns(search.saved_table[k], search.table, width + 1)
    copy_row(search.saved_rows[k], search.rows)
    copy_row(search.saved_columns[k], search.columns)
    copy_row(search.saved_decided[k], search.decided)
    copy_row(search.saved_value[k], search.value)
    numbers[_FREE], numbers[_WIDTH] = search.saved[k, 0], width
    numbers[_DEPTH] = search.saved[k, 2]
    _go(search, search.saved[k, 3], search.saved[k, 4])
    return True
