"""Compares the traced curve of slow points with the invariant manifold, on trained networks.

    python benchmarks/manifolds.py                  # 8 networks of each recipe
    python benchmarks/manifolds.py --count 4 --recipe primer

Each network is trained, its central fixed point found as for its verdict, and both curves computed
from there along the leading mode, as far as its trials reach. Networks whose leading mode turns
have no curve. Lengths and mean speeds are compared where both curves have the same s = l (h -
centre). Seconds are CPU time; each network's curves are computed twice, the second time counts.
"""

import argparse
import dataclasses
import time
from typing import Any, NamedTuple

import numpy as np

import yang_rnn as yr


class Pair(NamedTuple):
    """Both curves of a network, what reads s, the reach of trials, and CPU seconds of both."""

    traced: yr.SlowManifold
    invariant: yr.InvariantManifold
    left: np.ndarray
    centre: np.ndarray
    reach: float
    seconds: tuple[float, float]


def networks(recipe: yr.Recipe, count: int) -> list[yr.CTRNN]:
    """Train networks with seeds from 0 on."""
    recipes = [dataclasses.replace(recipe, seed=seed) for seed in range(count)]
    return [member.network() for member in yr.train_ensemble(recipes)]


def seconds_of(function: Any, *arguments: Any, **more: Any) -> tuple[Any, float]:
    """Call a function twice; return what it gives and the CPU seconds of the second call."""
    function(*arguments, **more)
    begin = time.process_time()
    return function(*arguments, **more), time.process_time() - begin


def both(net: yr.CTRNN, recipe: yr.Recipe) -> Pair | None:
    """Compute both curves; None where the leading mode turns."""
    task = yr.PerceptualDecisionMaking.from_recipe(recipe, seed=1)
    two = task.two_alternatives()
    system = net.system()
    verdict = yr.line_attractor_verdict(system, task.sample_trials(200), two)
    if verdict.manifold is None or verdict.modes is None or verdict.centre is None:
        return None
    F = system.at(two.rest)
    centre = verdict.points.state[verdict.centre]
    right, left = verdict.modes.right[0, 0].real, verdict.modes.left[0, 0].real
    right = right / np.linalg.norm(right)
    if right @ verdict.manifold.axis < 0:
        right = -right
    left = left / (left @ right)
    bounds = (verdict.manifold.state[[0, -1]] - centre) @ right
    traced, first = seconds_of(yr.trace_slow_manifold, F, centre, right, *bounds)
    invariant, second = seconds_of(yr.invariant_manifold, F, centre, right, *bounds)
    return Pair(traced, invariant, left, centre, np.ptp(bounds), (first, second))


def on(s: np.ndarray, at: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Interpolate values (n,) or (n, N) in s, which grows or falls."""
    order = np.argsort(s)
    columns = values[order].reshape(len(s), -1).T
    return np.stack([np.interp(at, s[order], column) for column in columns], axis=1)


def length_and_speed(s: np.ndarray, at: np.ndarray, state: np.ndarray, speed: np.ndarray):
    """Return the length of a curve between the places, and its mean speed over that length."""
    pieces = np.linalg.norm(np.diff(on(s, at, state), axis=0), axis=1)
    speeds = on(s, at, speed)[:, 0]
    return pieces.sum(), ((speeds[1:] + speeds[:-1]) / 2 * pieces).sum() / pieces.sum()


def ratios(pair: Pair) -> dict[str, float]:
    """Return numbers of the invariant curve, and over those of the traced one."""
    found, traced = pair.invariant, pair.traced
    s = (traced.state - pair.centre) @ pair.left
    at = np.linspace(max(s.min(), found.coordinate[0]), min(s.max(), found.coordinate[-1]), 201)
    slow = np.sqrt(2 * traced.speed) / (found.dt / 1e3)
    old = length_and_speed(s, at, traced.state, slow)
    new = length_and_speed(found.coordinate, at, found.state, np.abs(found.flow))
    apart = np.linalg.norm(on(s, at, traced.state) - on(found.coordinate, at, found.state), axis=1)
    return {
        "share of the range": (found.coordinate[-1] - found.coordinate[0]) / pair.reach,
        "length, invariant over traced": new[0] / old[0],
        "mean speed, invariant over traced": new[1] / old[1],
        "median distance over length": float(np.median(apart)) / new[0],
        "largest residual over length": found.residual.max() / new[0],
        "memory capacity (nats)": found.memory_capacity,
        "rate across less along (1/s)": found.rate_gap,
        "iterations": found.iterations,
    }


def in_words(name: str, values: list[float]) -> str:
    """Return median and range."""
    return f"  {name}: {np.median(values):.3g} [{np.min(values):.3g}, {np.max(values):.3g}]"


def main() -> None:
    """Train, compute, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=8, help="networks of a recipe, at most 8")
    parser.add_argument("--recipe", choices=["notebook", "primer"], nargs="+")
    args = parser.parse_args()
    recipes = {"notebook": yr.NOTEBOOK, "primer": yr.PRIMER}
    for name in args.recipe or recipes:
        pairs = [both(net, recipes[name]) for net in networks(recipes[name], args.count)]
        straight = [pair for pair in pairs if pair is not None]
        ends = [(p.invariant.end, *p.invariant.ends) for p in straight]
        print(f"{name}: {args.count} networks, {len(straight)} whose leading mode does not turn")
        for pair, end in zip(straight, ends, strict=True):
            print(f"  {pair.invariant} {end}", flush=True)
        converged = [ratios(pair) for pair in straight if pair.invariant.converged]
        print(f"  converged: {len(converged)}")
        for key in converged[0] if converged else ():
            print(in_words(key, [row[key] for row in converged]))
        for place, kind in enumerate(("traced", "invariant")):
            if straight:
                print(in_words(f"CPU s, {kind}", [pair.seconds[place] for pair in straight]))


if __name__ == "__main__":
    main()
