"""Tools that find fixed points, beside the proven list of all that there are.

    pip install -e '.[compare]'
    python benchmarks/finders.py                     # picks from 32 seeds of both recipes
    python benchmarks/finders.py --recipes primer --only 0 25 --tools yang_rnn BrainPy

Networks of both recipes (rectified, 64 units) are trained, seed after seed, and all fixed points of
each are enumerated and proved. The first network with none, with one and with three or more of
them is given to every tool (`finder_tools.py`), with the same 200 states of its trials.
What a tool gives back is judged in float64. Prints tables in Markdown.

Every tool runs once, in this process: the seconds are of CPU, and have its compilation in them.
torch has one thread: two, that wait for each other at every step, are slower by far where other
programs run.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib.metadata
import time
import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from finder_tools import PACKAGES, TOOLS, Network, Points, Tool

import yang_rnn as yr
from yang_rnn.recipe import RECIPES
from yang_rnn.task import task_of

FIXED = 1e-6
"""Largest |F(h) - h| of any unit at a state that counts as fixed."""

SINGLE = 1e-4
"""The same for a state that may be called fixed in single precision, whose steps err by 1e-6."""

SAME = 1e-3
"""Distance, over the norm of a true point, within which a fixed state is that point."""

NEAR = 1e-2
"""Distance, over the norm of a true point, within which a state that need not be fixed is near."""

STARTS = 200
TRIALS = 100
MOST = 3
GROUPS = (0, 1, MOST)
"""Numbers of points that a network is wanted of, the last of them or more."""

HEAD = (
    "| tool | settings | returned | below 1e-4 | fixed (distinct) | true found | true near "
    "| least residual | labelled | not fixed | above 1e-4 (stable) | CPU s |\n" + "|---" * 12 + "|"
)

EMPTY = " |" * 10
"""What is left of a row that has one word to say."""


class Case(NamedTuple):
    """A trained network, where to search, and all its fixed points."""

    recipe: yr.Recipe
    network: Network
    proof: yr.AllFixedPoints


class Score(NamedTuple):
    """What a tool's points are worth.

    Attributes
    ----------
    returned, single, fixed : int
        States given back, and those of them where no unit moves by `SINGLE`, by `FIXED`.
    distinct : int
        Points that the fixed ones are, further than `SAME` apart.
    found, near : int
        True points that a fixed state is, and those that any state given back is near.
    labelled, labelled_slow, false_labels, false_stable : int
        States with a label of stability, those of them that are not fixed, those where a unit moves
        by `SINGLE` or more, and those of these that are called stable.
    least : float
        Least residual; NaN where nothing was given back.
    """

    returned: int
    single: int
    fixed: int
    distinct: int
    found: int
    near: int
    labelled: int
    labelled_slow: int
    false_labels: int
    false_stable: int
    least: float


def score(step: Callable[[np.ndarray], np.ndarray], points: Points, true: np.ndarray) -> Score:
    """Judge states by the map and by all its fixed points, in float64.

    Parameters
    ----------
    step : callable
        The map, of states (n, N).
    points : Points
        What a tool gave back.
    true : numpy.ndarray, shape (m, N)
        All fixed points.
    """
    state = np.asarray(points.state, np.float64).reshape(-1, true.shape[1])
    with np.errstate(all="ignore"):
        residual = np.abs(step(state) - state).max(axis=1)
        far = np.linalg.norm(state[:, None] - true, axis=2) / np.linalg.norm(true, axis=1)
    single, fixed = residual < SINGLE, residual < FIXED  # neither where it is NaN
    distinct: list[np.ndarray] = []
    for h in state[fixed]:
        if all(np.linalg.norm(h - other) > SAME * np.linalg.norm(other) for other in distinct):
            distinct.append(h)
    labelled = np.array([label is not None for label in points.stable], bool)
    stable = np.array([label is True for label in points.stable], bool)
    return Score(
        returned=len(state),
        single=int(single.sum()),
        fixed=int(fixed.sum()),
        distinct=len(distinct),
        found=int((far[fixed] < SAME).any(axis=0).sum()),
        near=int((far < NEAR).any(axis=0).sum()),
        labelled=int(labelled.sum()),
        labelled_slow=int((labelled & ~fixed).sum()),
        false_labels=int((labelled & ~single).sum()),
        false_stable=int((stable & ~single).sum()),
        least=float(np.nanmin(residual)) if np.isfinite(residual).any() else np.nan,
    )


def cases(recipe: yr.Recipe, seeds: Sequence[int]) -> list[Case]:
    """Return the first network with none, with one and with `MOST` or more fixed points.

    Prints how many of the seeds have how many.
    """
    found: dict[int, Case] = {}
    counts: dict[int, int] = {}
    size = 8
    for first in range(0, len(seeds), size):
        members = yr.train_ensemble(
            [dataclasses.replace(recipe, seed=seed) for seed in seeds[first : first + size]]
        )
        for member in members:
            if member.error is not None:
                print(f"{recipe.base}, seed {member.recipe.seed}: {member.error}")
                continue
            system = member.network().system()
            proof = yr.all_fixed_points(system, member.recipe.search_input)
            if not proof.proved or proof.continua:
                print(f"{recipe.base}, seed {member.recipe.seed} is left out: {proof}")
                continue
            counts[len(proof)] = counts.get(len(proof), 0) + 1
            group = min(len(proof), MOST)
            if group in GROUPS and group not in found:
                found[group] = case_of(member.recipe, system, proof)
    said = ", ".join(f"{number} with {count}" for count, number in sorted(counts.items()))
    print(f"\n{recipe.base}, {len(seeds)} seeds: {said} (networks with fixed points, proved).")
    return [found[count] for count in sorted(found)]


def case_of(recipe: yr.Recipe, system: yr.System, proof: yr.AllFixedPoints) -> Case:
    """Return a network with the states of its trials that all tools begin at."""
    trials = task_of(recipe, recipe.seeds.test).sample_trials(TRIALS)
    states = yr.trajectory_states(yr.simulate(system, trials.inputs).activity)
    chosen = np.random.default_rng(recipe.seeds.starts).permutation(len(states))[:STARTS]
    assert system.rectified is not None
    F = system.at(recipe.search_input)
    network = Network(F, system.rectified, states[chosen].astype(np.float32))
    return Case(recipe, network, proof)


def judged(tool: Tool, case: Case) -> tuple[Score | str, float]:
    """Run a tool and return its score, or in words what it raised, and the seconds."""
    begin = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            points = tool.find(case.network)
    except ImportError as error:
        return f"not installed: {error}", 0.0
    except Exception as error:  # what a tool raises is its result
        text = f"{type(error).__name__}: {error}".splitlines()[0].replace("|", "/")
        return text[:150], 0.0
    seconds = time.process_time() - begin
    F, weights, _ = case.network
    return score(lambda h: weights.step(F.x, h), points, case.proof.points.state), seconds


def row(tool: Tool, result: Score | str, true: int, seconds: float) -> str:
    """Return the row of a tool, given how many true points there are."""
    begin = f"| {tool.name} | {tool.settings} |"
    if isinstance(result, str):
        return f"{begin} {result}{EMPTY}"
    s = result
    labels = f"{s.labelled} | {s.labelled_slow} | {s.false_labels} ({s.false_stable})"
    least = f"{s.least:.1e}" if s.returned else "-"
    return (
        f"{begin} {s.returned} | {s.single} | {s.fixed} ({s.distinct}) "
        f"| {s.found} of {true} | {s.near} of {true} | {least} "
        f"| {labels if s.labelled else '- | - | -'} | {seconds:.1f} |"
    )


def added(results: Sequence[Score]) -> Score:
    """Add scores up, over networks; the least residual is that of all."""
    sums = [sum(values) for values in zip(*(result[:-1] for result in results), strict=True)]
    least = [result.least for result in results if result.returned]
    return Score(*sums, least=float(np.nanmin(least)) if least else np.nan)


def about(case: Case) -> None:
    """Print what there is to find in a network."""
    recipe, network, proof = case
    F = network.F
    modes = yr.linearise(F, proof.points)
    true, size = proof.points.state, float(np.linalg.norm(network.starts, axis=1).mean())
    nearest = np.linalg.norm(network.starts - true[:, None], axis=2).min(axis=1)
    print(f"\n{recipe.base}, seed {recipe.seed}: {proof.in_words()} ({proof.seconds:.1f} s).")
    for k in range(len(proof)):
        print(
            f"Point {k + 1}: {modes.label[k]}, |lambda| up to {abs(modes.eigenvalues[k, 0]):.4f}, "
            f"norm {np.linalg.norm(true[k]):.3g}, {nearest[k]:.2g} from the nearest start."
        )
    print(f"The starts have norms of {size:.3g} in the mean.\n")


def versions() -> str:
    """Return the versions of the tools."""
    said = []
    for package in PACKAGES:
        try:
            said.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            said.append(f"{package} is not installed")
    return ", ".join(said)


def main() -> None:
    """Read the command line and print a table a network."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=32, help="networks, from seed 0 on")
    parser.add_argument("--only", type=int, nargs="+", help="these seeds instead")
    parser.add_argument("--recipes", nargs="+", choices=list(RECIPES), default=list(RECIPES))
    parser.add_argument("--tools", nargs="+", default=[""], help="beginnings of names")
    options = parser.parse_args()
    tools = [tool for tool in TOOLS if tool.name.startswith(tuple(options.tools))]
    with contextlib.suppress(ImportError):
        import torch

        torch.set_num_threads(1)
    print(versions())
    results: list[list[tuple[Score | str, float]]] = [[] for _ in tools]
    true: list[int] = []
    for base in options.recipes:
        for case in cases(RECIPES[base], options.only or range(options.seeds)):
            true.append(len(case.proof))
            about(case)
            print(HEAD)
            for k, tool in enumerate(tools):
                results[k].append(judged(tool, case))
                print(row(tool, results[k][-1][0], true[-1], results[k][-1][1]), flush=True)
    print(f"\nAll {len(true)} networks together:\n\n{HEAD}")
    for tool, ends in zip(tools, results, strict=True):
        scores = [result for result, _ in ends if isinstance(result, Score)]
        total = added(scores) if len(scores) == len(true) else "see above"
        print(row(tool, total, sum(true), sum(seconds for _, seconds in ends)))


if __name__ == "__main__":
    main()
