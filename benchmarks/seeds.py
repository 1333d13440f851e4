"""Run a recipe over seeds and print a table: what was found, and the leading modes.

python benchmarks/seeds.py [--recipe notebook] [--seeds 0:10] [--search newton]
"""

import argparse
import dataclasses
import statistics

import numpy as np

import yang_rnn as yr
from yang_rnn.recipe import RECIPES


def row(recipe: yr.Recipe) -> tuple[str, float]:
    """Return a table row for one network, and its accuracy."""
    done = yr.run_experiment(recipe)
    ends, kept = done.points.search_counts, done.points.counts
    counts = " ".join(f"{ends[status]:>6}" for status in ends)
    line = (
        f"{recipe.seed:>4} {done.test_accuracy:8.4f} {counts} {kept['fixed']:>5}/{kept['slow']:<4}"
    )
    if done.centre is None:
        return line + " no fixed or slow point", done.test_accuracy
    point, modes = done.points[done.centre], done.modes[done.centre]
    label = modes.label[0] or point.status[0]
    shown = [v for v in modes.eigenvalues[0][:4] if v.imag >= 0][:2]
    values = ", ".join(
        f"{v.real:.3f}" if v.imag == 0 else f"{v.real:.3f}±{v.imag:.3f}i" for v in shown
    )
    seconds = modes.time_constant[0, 0] / 1000
    return f"{line} {label:<16} {point.speed[0]:8.1e} {seconds:8.3g}  {values}", done.test_accuracy


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", choices=list(RECIPES), default="notebook")
    parser.add_argument("--seeds", default="0:10", help="first:last+1")
    parser.add_argument("--search", choices=["gradient", "newton"], default="newton")
    arguments = parser.parse_args()
    first, last = (int(word) for word in arguments.seeds.split(":"))
    print("                   starts that ended          points   analysed point")
    print(
        "seed accuracy  fixed   slow neither diverg  fixed/slow label                   q"
        "  tau (s)  leading eigenvalues"
    )
    accuracies = []
    for seed in range(first, last):
        recipe = dataclasses.replace(
            RECIPES[arguments.recipe], seed=seed, fixed_points=arguments.search
        )
        line, accuracy = row(recipe)
        accuracies.append(accuracy)
        print(line, flush=True)
    print(f"median accuracy {statistics.median(accuracies):.4f}")
    print(f"seeds {first} to {last - 1}, {np.ptp(accuracies):.4f} between worst and best")


if __name__ == "__main__":
    main()
