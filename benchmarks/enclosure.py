"""All fixed points of random tanh networks, with a proof: how long it takes by the number of units.

    python benchmarks/enclosure.py [--networks 10] [--time-limit 20]

Weights are normal, of standard deviation gain / sqrt(N); prints a table in Markdown: by units and
gain the networks whose list is proved complete, their fixed points, boxes, and seconds (median and
most), and how many of these points Newton's search finds from 8 random states, as it is and going
on by the index sum.
"""

import argparse

import jax
import numpy as np

import yang_rnn as yr
from yang_rnn.network.equations import cell_of


def at_rest(weights: np.ndarray, drive: np.ndarray) -> yr.AutonomousMap:
    """Return the map h -> 0.7 h + 0.3 tanh(h W + u) of a network."""
    units = len(drive)
    cell = cell_of("tanh", "outside")
    step = jax.tree_util.Partial(cell, np.zeros((1, units)), weights, drive, 0.3)
    return yr.System(step, 1.0, np.zeros(units), bounds=(-1.0, 1.0)).at([0.0])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=10)
    parser.add_argument("--time-limit", type=float, default=20.0)
    given = parser.parse_args()
    print("| units | gain | proved | points | boxes | s | at most | from 8 starts | by the sum |")
    print("|" + "---|" * 9)
    rng = np.random.default_rng(0)
    for units in (2, 4, 8, 12, 16):
        for gain in (1.5, 3.0):
            rows, searched = [], []
            for _ in range(given.networks):
                weights = gain * rng.standard_normal((units, units)) / np.sqrt(units)
                drive = 0.1 * rng.standard_normal(units)
                rows.append(yr.enclose_fixed_points(weights, drive, time_limit=given.time_limit))
                F = at_rest(weights, drive)
                starts = yr.uniform_states(8, units, -1.0, 1.0, 0)
                first = yr.find_fixed_points(F, starts).with_status("fixed").unique()
                searched.append((len(first), len(yr.search_by_index(F, first).points)))
            seconds = [row.seconds for row in rows]
            first, more = np.sum(searched, axis=0)
            print(
                f"| {units} | {gain:g} | {sum(row.complete for row in rows)} of {len(rows)} "
                f"| {sum(map(len, rows))} | {sum(row.boxes for row in rows)} "
                f"| {np.median(seconds):.2g} | {max(seconds):.2g} | {first} | {more} |"
            )


if __name__ == "__main__":
    main()
