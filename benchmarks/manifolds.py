"""The curve where speed has its minimum across it, beside the invariant slow manifold.

    python benchmarks/manifolds.py [--seeds 8] [--hidden 64]

Trains networks of both recipes, traces both curves of each from the centre of its verdict as far as
its trials reach, and prints two tables in Markdown: each network, and the median and range of each
recipe. Networks whose leading mode turns have no curve and are left out.

In each pair the first number is of the traced curve, the second of the invariant one. The curves
have different ends: lengths are compared as they are; speeds, in lengths per second, where both
are, at the points of the traced curve whose places lie on the invariant one, and at these places.
`share` is how much each covers of what the trials' positions along it span, from the 5th to the
95th percentile. `apart` is the median
distance between the curves where both are, over the length of the invariant one. `settled` is how
fast states move that were let go on the traced curve six steps before, over the speed of each curve
beside them (median). `covered` is how much of the trials' reach along the direction the invariant
curve covers, and how much with twice the steps. Seconds are those of processor time of a second
call, without compilation; `first` those of the invariant curve's first call after the verdict's.
"""

import argparse
import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

import yang_rnn as yr
from yang_rnn.dynamics.invariant import STEPS_ACROSS
from yang_rnn.dynamics.maps import speeds
from yang_rnn.line_attractor.trial_states import TrialStates, run_trials

RECIPES = {"notebook": yr.NOTEBOOK, "primer": yr.PRIMER}
PAIRS = ("length", "speed", "share", "seconds")
SETTLING = 6  # steps


def timed(function: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return what a function returns, and the seconds of its second call and of its first."""
    begin = time.process_time()
    function()
    middle = time.process_time()
    result = function()
    return result, time.process_time() - middle, middle - begin


def compare(net: yr.CTRNN, recipe: yr.Recipe) -> dict[str, Any] | None:
    """Return numbers of both curves of a network; None where its verdict traces none."""
    task = yr.PerceptualDecisionMaking.from_recipe(recipe)
    system, trials = net.system(), task.sample_trials(recipe.analysis_trials)
    choice = task.two_alternatives()
    verdict = yr.line_attractor_verdict(system, trials, choice)
    if verdict.manifold is None:
        return None
    assert verdict.centre is not None
    assert verdict.towards is not None
    F, seen = system.at(choice.rest), run_trials(system, trials, choice)
    point, towards = verdict.points[[verdict.centre]], verdict.towards
    bounds = reach(point, towards, seen)
    where = F, point.state[0], towards, *bounds
    traced, before, _ = timed(lambda: yr.trace_slow_manifold(*where))
    invariant, after, first = timed(lambda: yr.invariant_manifold(*where))
    finer = yr.invariant_manifold(*where, steps=2 * STEPS_ACROSS)
    shared = on_both(traced, invariant)
    return {
        "converged": invariant.converged,
        "ends": ", ".join(invariant.ends),
        "length": (traced.length, invariant.length),
        "speed": [np.sqrt(2 * speeds(F, states)).mean() / (F.dt / 1000) for states in shared],
        "apart": np.median(invariant.distance(shared[0])) / invariant.length,
        "settled": settled(F, traced, invariant),
        "share": [share(curve, seen) for curve in (traced, invariant)],
        "covered": [covered(curve, *where[1:]) for curve in (invariant, finer)],
        "seconds": (before, after),
        "first": first,
        "error": np.nanmax(invariant.error) / invariant.length,
        "across": invariant.rate_across.max(),
        "capacity": invariant.memory_capacity,
    }


def reach(point: yr.FixedPoints, towards: np.ndarray, seen: TrialStates) -> tuple[float, float]:
    """Return how far the trials reach along a direction, as the verdict has it."""
    along = (seen.end - point.state[0]) @ towards
    little = max(0.05 * np.ptp(along), 1e-6 * point.scale)
    return float(min(along.min(), -little)), float(max(along.max(), little))


def share(curve: yr.SlowManifold | yr.InvariantManifold, seen: TrialStates) -> float:
    """Return how much of what the trials' positions span a curve covers."""
    low, high = np.percentile(curve.position(seen.end), (5, 95))
    return float(max(0.0, min(curve.arc[-1], high) - max(curve.arc[0], low)) / (high - low))


def covered(
    curve: yr.InvariantManifold, centre: np.ndarray, towards: np.ndarray, low: float, high: float
) -> float:
    """Return how much of a range along a direction a curve covers."""
    along = np.clip((curve.state - centre) @ towards, low, high)
    return float(np.ptp(along) / (high - low))


def on_both(
    traced: yr.SlowManifold, invariant: yr.InvariantManifold
) -> tuple[np.ndarray, np.ndarray]:
    """Return points of the traced curve beside the invariant one, and their places on it."""
    place = invariant.position(traced.state)
    beside = (place >= invariant.arc[0]) & (place <= invariant.arc[-1])
    units = [np.interp(place[beside], invariant.arc, unit) for unit in invariant.state.T]
    return traced.state[beside], np.stack(units, axis=1)


def settled(
    F: yr.AutonomousMap, traced: yr.SlowManifold, invariant: yr.InvariantManifold
) -> list[float]:
    """Return how fast states from the traced curve come to move, over the speed of each curve."""
    states = traced.state
    with jax.enable_x64(True):
        for _ in range(SETTLING):
            states = np.asarray(jax.vmap(F.partial)(states))
    place = invariant.position(states)
    beside = (place > invariant.arc[0]) & (place < invariant.arc[-1])
    beside &= np.abs(place) > 0.02 * invariant.length  # nearer, they rest on the centre
    if not beside.any():
        return [np.nan, np.nan]
    states = states[beside]
    moves = np.sqrt(speeds(F, states))
    ratios = []
    for curve in (traced, invariant):
        says = np.interp(curve.position(states), curve.arc, np.sqrt(curve.speed))
        ratios.append(float(np.median(moves / says)))
    return ratios


def networks(name: str, seeds: int, hidden: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Train networks of a recipe, eight at once; give the numbers of those that have curves."""
    for first in range(0, seeds, 8):
        recipes = [
            dataclasses.replace(RECIPES[name], seed=seed, hidden=hidden)
            for seed in range(first, min(first + 8, seeds))
        ]
        for member in yr.train_ensemble(recipes):
            if member.error is None:
                numbers = compare(member.network(), member.recipe)
                if numbers is not None:
                    yield f"{name} {member.recipe.seed}", numbers


def shown(value: Any) -> str:
    """Write a number, a pair or a word."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    return ", ".join(f"{number:.3g}" for number in np.atleast_1d(value))


def summary(rows: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Give medians and ranges over converged curves, of the ratios invariant over traced first."""
    for name in PAIRS:
        pairs = np.array([row[name] for row in rows], float)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = pairs[:, 1] / pairs[:, 0]
        yield name, middle(ratio)
    for which, curve in enumerate(("traced", "invariant")):
        yield f"settled over {curve}", middle(np.array([row["settled"][which] for row in rows]))
    yield "apart", middle(np.array([row["apart"] for row in rows]))
    yield "covered", middle(np.array([row["covered"][0] for row in rows]))


def middle(values: np.ndarray) -> str:
    """Write the median and the range of the finite ones among some numbers."""
    values = values[np.isfinite(values)]
    if not len(values):
        return "none"
    return f"{np.median(values):.3g} [{values.min():.3g}, {values.max():.3g}]"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seeds", type=int, default=8, help="networks of each recipe")
    parser.add_argument("--hidden", type=int, default=64, help="their units")
    options = parser.parse_args()
    seeds = options.seeds
    by_recipe = {name: list(networks(name, seeds, options.hidden)) for name in RECIPES}
    names = next(list(rows[0][1]) for rows in by_recipe.values() if rows)
    print("| network |", " | ".join(names), "|\n|---" + "|---" * len(names) + "|")
    for rows in by_recipe.values():
        for label, numbers in rows:
            print(f"| {label} |", " | ".join(shown(numbers[name]) for name in names), "|")
    print("\n| recipe | with curves | converged | invariant over traced |\n|---|---|---|---|")
    for name, rows in by_recipe.items():
        good = [numbers for _, numbers in rows if numbers["converged"]]
        ratios = "; ".join(f"{what} {text}" for what, text in summary(good)) if good else ""
        print(f"| {name} | {len(rows)} of {seeds} | {len(good)} | {ratios} |")


if __name__ == "__main__":
    main()
