"""How fast fixed points are found, beside the other tools that find them.

    python benchmarks/fixed_points.py compare        the tools, from the 2200 states of two networks
    python benchmarks/fixed_points.py scaling        time and memory by number of starts and units
    python benchmarks/fixed_points.py fresh          ten networks trained for it, beside BrainPy

The networks of `compare` are the trained ones recorded in tests/golden. Times are of single runs;
compare ratios on one machine. Every case runs in a process of its own, so that "cold" has its
compilation in it (imports are not counted) and the peak memory is its own. Tools that are not
installed are left out.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from yang_rnn.dynamics.fixed_points import find_fixed_points
from yang_rnn.dynamics.gradient import GradientDescent
from yang_rnn.dynamics.linearisation import linearise
from yang_rnn.dynamics.newton import Newton
from yang_rnn.dynamics.search import Solver
from yang_rnn.dynamics.starts import jittered_states
from yang_rnn.dynamics.system import System

GOLDEN = Path(__file__).parents[1] / "tests" / "golden"


def rectified(recurrent, drive, h):
    """Step of the network with alpha = 1."""
    return jnp.maximum(h @ recurrent + drive, 0.0)


def trained(name: str):
    """Map of a recorded network at zero coherence, and the 2200 states of its 100 trials."""
    import brainpy_datasets as bd

    golden = np.load(GOLDEN / f"{name}.npz")
    task = bd.cognitive.RatePerceptualDecisionMaking(seed=int(golden["trials_seed"]))
    inputs, _ = next(iter(bd.cognitive.TaskLoader(task, batch_size=100)))
    w_ir, w_rr, b_rr = (golden[f"final_{key}"] for key in ("w_ir", "w_rr", "b_rr"))
    h, activity = np.zeros((100, len(b_rr)), np.float32), []
    for x in np.asarray(inputs, np.float32):
        h = np.maximum(x @ w_ir + h @ w_rr + b_rr, 0)
        activity.append(h)
    drive = np.array([1.0, 0.5, 0.5], np.float32) @ w_ir + b_rr
    return Partial(rectified, w_rr, drive), np.concatenate(activity)


def random_network(units: int):
    """Map of a random rectified network with one or more fixed points."""
    rng = np.random.default_rng(units)
    matrix = 1.2 * rng.standard_normal((units, units)) / np.sqrt(units)
    return Partial(rectified, matrix, rng.standard_normal(units))


def fresh_networks(seeds: range, folder: Path) -> list[str]:
    """Train networks of the notebook's recipe; write weights and the states of their trials."""
    import yang_rnn as yr
    from yang_rnn.ensemble.members import batches_of
    from yang_rnn.ensemble.training import train_ensemble
    from yang_rnn.experiment.run import Run

    paths = []
    recipes = [dataclasses.replace(yr.NOTEBOOK, seed=seed) for seed in seeds]
    for member in (one for batch in batches_of(recipes) for one in train_ensemble(batch)):
        if member.error is not None:
            continue
        run = Run(member.recipe, member.network(), member.history)
        states = run.activity.reshape(-1, member.recipe.hidden)
        path = folder / f"{member.recipe.seed}.npz"
        arrays: dict[str, Any] = {"x": run.at_rest.x, "states": states, **member.weights}
        np.savez(path, **arrays)
        paths.append(str(path))
    return paths


def fresh_network(path: str):
    """Map of a network that `fresh_networks` wrote, and the states of its trials."""
    import yang_rnn as yr

    file = dict(np.load(path))
    x, states = file.pop("x"), file.pop("states")
    net = yr.CTRNN.from_recipe(yr.NOTEBOOK)
    net.set_weights(file)
    return net.system().at(x), states


def without_weights(system: System) -> System:
    """Return a network that states nothing of its weights: its steps are compiled."""
    return dataclasses.replace(system, rectified=None)


def ours(F, states, solver: Solver) -> np.ndarray:
    """Either search of this package, with progress."""
    return find_fixed_points(F, states, solver=solver, on_progress=lambda *_: None).speed


def slow_point_finder(F, states) -> np.ndarray:
    """BrainPy's search with the notebook's numbers."""
    import contextlib
    import io

    import brainpy as bp

    finder = bp.analysis.SlowPointFinder(f_cell=F, f_type="discrete")
    with contextlib.redirect_stdout(io.StringIO()):
        finder.find_fps_with_gd_method(
            candidates=jnp.asarray(states),
            tolerance=1e-4,
            num_batch=200,
            num_opt=10_000,
            optimizer=bp.optim.Adam(lr=1e-3),
        )
    return 0.5 * states.shape[1] * np.asarray(finder.losses)


def joint_adam(F, states) -> np.ndarray:
    """Joint descent in torch, float64, 5000 steps: adaptive rate, clipped gradient."""
    import torch

    weight, drive = (torch.tensor(np.asarray(leaf, float)) for leaf in F.args)
    h = torch.tensor(states.astype(float), requires_grad=True)
    optimizer = torch.optim.Adam([h], lr=1.0)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=100)
    speed = torch.zeros(())
    for _ in range(5000):
        optimizer.zero_grad()
        speed = 0.5 * ((torch.relu(h @ weight + drive) - h) ** 2).sum(dim=1)
        speed.mean().backward()
        torch.nn.utils.clip_grad_norm_([h], 1.0)
        optimizer.step()
        schedule.step(speed.mean().detach())
    return speed.detach().numpy()


def optimistix_solver(F, states, name: str) -> np.ndarray:
    """Run a solver of optimistix under vmap, in float64, at most 200 steps a start."""
    import optimistix as optx

    with jax.enable_x64(True):
        weight, drive = (jnp.asarray(np.asarray(leaf, float)) for leaf in F.args)

        def residual(h, args):
            return rectified(weight, drive, h) - h

        solver = getattr(optx, name)(rtol=1e-10, atol=1e-10)
        solve = optx.root_find if name == "Newton" else optx.least_squares

        @jax.jit
        @jax.vmap
        def search(h):
            return solve(residual, solver, h, max_steps=200, throw=False).value

        found = search(jnp.asarray(states.astype(float)))
        return 0.5 * np.sum(np.asarray(jax.vmap(lambda h: residual(h, None))(found)) ** 2, axis=1)


TOOLS: dict[str, Callable] = {
    "newton": partial(ours, solver=Newton()),
    "newton, all starts": partial(ours, solver=Newton(scouts=10**9)),
    "gradient": partial(ours, solver=GradientDescent()),
    "SlowPointFinder": slow_point_finder,
    "joint Adam (torch)": joint_adam,
    "optimistix Newton": partial(optimistix_solver, name="Newton"),
    "optimistix Dogleg": partial(optimistix_solver, name="Dogleg"),
    "optimistix LM": partial(optimistix_solver, name="LevenbergMarquardt"),
}


def case(tool: str, network: str, number: int, repeats: int) -> dict:
    """Run one case here: times of each run, speeds, peak memory."""
    if network.endswith(".npz"):
        F, states = fresh_network(network)
        if tool == "newton, compiled":
            F, tool = without_weights(F.system).at(F.x), "newton"
    elif network.startswith("notebook"):
        F, states = trained(network)
        if number != len(states):
            copies = -(-number // len(states))
            states = jittered_states(states, 0.1, seed=0, repeats=copies)[:number]
    else:
        F = random_network(int(network))
        states = np.random.default_rng(0).uniform(0, 1, (number, int(network)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times, speed = [], np.empty(0)
    for _ in range(repeats):
        began = time.perf_counter()
        if tool == "linearise":
            linearise(F, states, dt=100.0)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                speed = TOOLS[tool](F, states)
        times.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "times": times,
        "exact": int((speed < 1e-12).sum()),
        "fixed": int((speed <= 1e-20).sum()),
        "slow": int((speed < 0.5e-4 * states.shape[1]).sum()),
        "memory": (peak - before) / 1024,
    }


def run(*arguments: object) -> dict | None:
    """Run one case in a process of its own."""
    command = [sys.executable, __file__, "case", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{arguments}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def compare(networks: list[str]) -> None:
    """Every tool from the same 2200 states."""
    print("network     tool                 cold s  warm s  q<=1e-20  q<1e-12  slow  of 2200   MB")
    for network in networks:
        for tool in TOOLS:
            if result := run(tool, network, 2200, 2 if tool == "newton" else 1):
                warm = f"{result['times'][1]:.2f}" if len(result["times"]) > 1 else "-"
                print(
                    f"{network}  {tool:20s} {result['times'][0]:6.2f} {warm:>7s}"
                    f" {result['fixed']:9d} {result['exact']:8d} {result['slow']:5d}"
                    f" {result['memory']:13.0f}",
                    flush=True,
                )
    for number, units in ((1000, "notebook_3"), (1000, 64)):
        if result := run("linearise", units, number, 2):
            print(f"linearise {number} points of 64 units ({units}): "
                  f"cold {result['times'][0]:.2f} s, warm {result['times'][1]:.2f} s")  # fmt: skip


def fresh(first: int, number: int) -> None:
    """Newton's search and BrainPy's from the 2200 states of networks trained for it, all of them.

    `fixed` counts the starts of 2200 that end at a fixed point: for the search as it is, with every
    start sent in place of scouts, and with compiled steps for a map that states no weights.
    """
    print("seed   cold s  warm s  BrainPy s  cold ratio  warm ratio   fixed  all starts  compiled")
    with tempfile.TemporaryDirectory() as folder:
        for path in fresh_networks(range(first, first + number), Path(folder)):
            newton, every, compiled, brainpy = (
                run(tool, path, 2200, repeats)
                for tool, repeats in (
                    ("newton", 2), ("newton, all starts", 1), ("newton, compiled", 1),
                    ("SlowPointFinder", 1),
                )
            )  # fmt: skip
            if not (newton and every and compiled and brainpy):
                continue  # what failed has been printed
            (cold, warm), theirs = newton["times"], brainpy["times"][0]
            print(
                f"{Path(path).stem:5s} {cold:7.2f} {warm:7.2f} {theirs:10.2f}"
                f" {cold / theirs:11.3f} {warm / theirs:11.3f} {newton['fixed']:7d}"
                f" {every['fixed']:11d} {compiled['fixed']:9d}",
                flush=True,
            )


def scaling() -> None:
    """Newton's time and memory by number of starts (64 units) and by number of units."""
    print("network     starts   cold s   warm s   fixed     MB")
    rows = [("notebook_3", number) for number in (200, 632, 2000, 6325, 20_000)]
    rows += [("notebook_4", number) for number in (200, 2000, 20_000)]
    rows += [(str(units), 200) for units in (16, 32, 64, 128, 256, 512, 1024)]
    for network, number in rows:
        if result := run("newton", network, number, 2):
            cold, warm = result["times"]
            print(
                f"{network:10s} {number:7d} {cold:8.2f} {warm:8.2f} {result['fixed']:7d}"
                f" {result['memory']:6.0f}",
                flush=True,
            )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("what", choices=["compare", "scaling", "fresh", "case"])
    parser.add_argument("case", nargs="*", help=argparse.SUPPRESS)
    parser.add_argument("--networks", nargs="+", default=["notebook_3", "notebook_4"])
    parser.add_argument("--first", type=int, default=401, help="first seed of fresh networks")
    parser.add_argument("--number", type=int, default=10, help="how many fresh networks")
    options = parser.parse_args()
    if options.what == "fresh":
        fresh(options.first, options.number)
    elif options.what == "case":
        tool, network, number, repeats = options.case
        print(json.dumps(case(tool, network, int(number), int(repeats))))
    elif options.what == "compare":
        compare(options.networks)
    else:
        scaling()


if __name__ == "__main__":
    main()
