"""Dual simplex pivots on dictionaries of a complementarity problem, compiled with Numba.

The problem: z >= 0, w = q + M z >= 0, z_i w_i = 0 for every unit i, which is active (w_i = 0) or
silent (z_i = 0). A dictionary writes some variables (rows) as a constant and a linear function of
the others (columns), which are 0. To know points at infinity from others by a margin, not by the
sign of a rounding error, everything is divided by 1 + sum(z) / reach: then s = 1 - sum(z) / reach
is a variable too, and all z are bounded.

Column 0 of a table is the constants, its last row the objective. Variables are z_i = i, w_i = n + i
and s = 2 n. Columns from `free` on are of units decided active, w_i = 0: they never come in, and
are kept for the multipliers.
"""

from __future__ import annotations

import numba
import numpy as np

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")
"""How every kernel is compiled: kept on disk, and without Python's lock."""

UNDECIDED, ACTIVE, SILENT = 0, 1, 2

FEASIBLE = 1e-9
"""How far below 0 a variable may be: a node that is kept for it costs time, no solution."""

DOUBTFUL = 1e-6
"""The same where a row that can't be mended proves nothing: the others are mended then."""

PIVOT = 1e-9
"""Least coefficient that a pivot is made on, or that lets a row be mended."""

MOST_PIVOTS = 5000
"""Pivots of a node after which it is branched on as it is."""


@compiled
def copy_row(source, target):
    """Copy a vector: a loop compiles in a tenth of the time that NumPy's own assignment does."""
    for i in range(len(source)):
        target[i] = source[i]


@compiled
def copy_columns(source, target, width):
    """Copy the first columns of a table."""
    for i in range(len(source)):
        for j in range(width):
            target[i, j] = source[i, j]


@compiled
def first_dictionary(M, q, reach, table, rows, columns):
    """Write w and s as functions of z, all divided by 1 + sum(z) / reach."""
    n = len(q)
    for i in range(n):
        rows[i] = n + i
        columns[i] = i
        table[i, 0] = q[i]
        for j in range(n):
            table[i, j + 1] = M[i, j] - q[i] / reach
    rows[n] = 2 * n
    table[n, 0] = 1.0
    table[n + 1, 0] = 0.0
    for j in range(n):
        table[n, j + 1] = -1.0 / reach
        table[n + 1, j + 1] = 1.0


@compiled
def is_fixed(variable, n, decided):
    """Tell whether a variable may be nothing but 0."""
    if variable >= 2 * n:
        return False
    if variable >= n:
        return decided[variable - n] == ACTIVE
    return decided[variable] == SILENT


@compiled
def pivot(table, rows, columns, width, r, c):
    """Exchange row r and column c; the last row of the table has no name."""
    last = len(rows)
    factor = 1.0 / table[r, c + 1]
    for j in range(width + 1):
        table[r, j] = -table[r, j] * factor
    table[r, c + 1] = 0.0
    for i in range(last + 1):
        if i != r:
            share = table[i, c + 1]
            if share != 0.0:
                for j in range(width + 1):
                    table[i, j] += share * table[r, j]
                table[i, c + 1] = share * factor
    table[r, c + 1] = factor
    rows[r], columns[c] = columns[c], rows[r]


@compiled
def _swap(table, columns, a, b):
    columns[a], columns[b] = columns[b], columns[a]
    for i in range(len(table)):
        table[i, a + 1], table[i, b + 1] = table[i, b + 1], table[i, a + 1]


@compiled
def _retire(table, columns, free, width, c, n):
    """Take a variable that is 0 from now on out of the columns that can come in."""
    _swap(table, columns, c, free - 1)
    free -= 1
    if columns[free] < n:  # silent: no multiplier is needed
        _swap(table, columns, free, width - 1)
        width -= 1
    return free, width


@compiled
def decide(table, columns, free, width, decided, unit, what):
    """Make a unit active or silent; return the new numbers of free and of all columns."""
    n = len(decided)
    decided[unit] = what
    variable = n + unit if what == ACTIVE else unit
    for c in range(free):
        if columns[c] == variable:
            return _retire(table, columns, free, width, c, n)
    return free, width


@compiled
def mend(table, rows, columns, free, width, decided, feasible):
    """Pivot until no variable is below 0 by more than `feasible`, or a row shows that one must be.

    Returns
    -------
    free, width : int
        The new numbers of columns.
    row : int
        The row that can't be mended; -1 if there is none.
    pivots : int
    """
    n = len(decided)
    for pivots in range(MOST_PIVOTS):
        row, worst = -1, 0.0
        for i in range(len(rows)):
            below = table[i, 0]
            sign = 1.0
            if below > 0 and is_fixed(rows[i], n, decided):
                below, sign = -below, -1.0
            if below < -feasible:
                norm, most = 1.0, 0.0
                for j in range(1, free + 1):
                    coefficient = table[i, j]
                    norm += coefficient * coefficient
                    most = max(most, sign * coefficient)
                if most <= PIVOT:
                    return free, width, i, pivots
                depth = below * below / norm  # steepest edge
                if depth > worst:
                    row, worst = i, depth
        if row < 0:
            return free, width, -1, pivots
        sign = 1.0 if table[row, 0] < 0 else -1.0
        column, least, largest = -1, np.inf, 0.0
        for c in range(free):
            coefficient = sign * table[row, c + 1]
            if coefficient > PIVOT:
                ratio = max(table[len(rows), c + 1], 0.0) / coefficient
                if ratio < least - 1e-12 or (ratio <= least + 1e-12 and coefficient > largest):
                    column, least, largest = c, min(least, ratio), coefficient
        leaving = rows[row]
        pivot(table, rows, columns, width, row, column)
        if is_fixed(leaving, n, decided):
            free, width = _retire(table, columns, free, width, column, n)
    return free, width, -1, MOST_PIVOTS


@compiled
def multipliers(table, rows, columns, width, decided, row, y):
    """Write what the row that can't be mended combines the equations with, largest 1.

    With y >= 0 for units that are not active and M^T y <= 0 for those that are not silent, every
    solution would have 0 <= y . w = y . q + (M^T y) . z <= y . q < 0.
    """
    n = len(decided)
    for i in range(n):
        y[i] = 0.0
    sign = 1.0 if table[row, 0] < 0 else -1.0
    if n <= rows[row] < 2 * n:
        y[rows[row] - n] = sign
    for c in range(width):
        if n <= columns[c] < 2 * n:
            y[columns[c] - n] = -sign * table[row, c + 1]
    largest = 0.0
    for i in range(n):
        if decided[i] != ACTIVE:
            y[i] = max(y[i], 0.0)
        largest = max(largest, abs(y[i]))
    for i in range(n):
        y[i] /= largest if largest > 0 else 1.0


@compiled
def is_proof(M, q, q_error, decided, y):
    """Tell whether multipliers prove, all rounding counted in, that there is no solution."""
    n = len(q)
    rounding = (n + 4) * 1.2e-16  # over the unit round-off times the sums' length
    total, size = 0.0, 0.0
    for i in range(n):
        total += y[i] * q[i]
        size += abs(y[i]) * (abs(q[i]) + q_error[i] / rounding)
    if not total + rounding * size + 1e-290 < 0:
        return False
    g = np.zeros(n)
    sizes = np.zeros(n)
    for i in range(n):
        value = y[i]
        if value != 0.0:
            if decided[i] != ACTIVE and value < 0:
                return False
            for j in range(n):
                term = value * M[i, j]
                g[j] += term
                sizes[j] += abs(term)
    for j in range(n):
        if decided[j] != SILENT and not g[j] + rounding * sizes[j] + 1e-290 <= 0:
            return False
    return True
