"""Time sweeps: networks per minute, training, analysis and files included.

    python benchmarks/sweep.py rates [--seeds 32] [--workers 2]
    python benchmarks/sweep.py scaling
    python benchmarks/sweep.py phases [--recipe notebook] [--units 64] [--count 7]

rates: seconds per network in a sweep, in one process and on workers, beside one run of
    `python -m yang_rnn.run` per seed (its programs compiled before) and beside the recipe's own
    script: for the notebook `notebook_script.py`, for the primer its PyTorch loop and search (needs
    torch; left out without it).
scaling: how the seconds per network change with the number of networks and of units, and what they
    are spent on.
phases: what they are spent on, for one recipe and size: compiling, training, analysis.

Each line is one measurement, in processes of its own; compare lines of one run of this script, not
seconds of two machines.
"""

import argparse
import dataclasses
import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from yang_rnn.recipe import Recipe

HERE = Path(__file__).parent
RUNS = 3  # single runs that the mean is taken over


def seconds(*command: str) -> float:
    """Return how long a process takes; its output is kept for an error."""
    begin = time.perf_counter()
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return time.perf_counter() - begin


def sweep(recipe: str, number: int, workers: int = 0, *more: str) -> float:
    """Return the seconds of a whole sweep in a new folder."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["--recipe", recipe, "--seeds", f"0:{number}", "--workers", str(workers), *more]
        return seconds("-m", "yang_rnn.sweep", *words, "--out", f"{folder}/sweep", "--quiet")


def single(recipe: str, seed: int) -> float:
    """Return the seconds of one run."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["--recipe", recipe, "--seed", str(seed), "--quiet", "--out", f"{folder}/run"]
        return seconds("-m", "yang_rnn.run", *words)


def primer_script() -> None:
    """Train as the primer does, and search from its 64 starts: its own time."""
    import importlib.util

    import torch

    spec = importlib.util.spec_from_file_location("primer", HERE / "primer.py")
    assert spec is not None
    assert spec.loader is not None
    primer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(primer)
    primer.train_in_torch(0)
    torch.manual_seed(0)
    to_hidden, recur = torch.nn.Linear(3, 64), torch.nn.Linear(64, 64)
    states = (torch.rand(64, 64) * 3).requires_grad_()
    stimulus = to_hidden(torch.tensor([1.0, 0.5, 0.5])).detach()
    for parameter in recur.parameters():
        parameter.requires_grad_(False)
    optimizer = torch.optim.Adam([states], lr=1e-3)
    for _ in range(10_000):
        optimizer.zero_grad()
        loss = ((torch.relu(stimulus + recur(states)) - states) ** 2).mean()
        loss.backward()
        optimizer.step()


def rates(number: int, workers: int) -> None:
    """Print the seconds per network in every way."""
    scripts = {
        "notebook": (str(HERE / "notebook_script.py"),),
        "primer": (__file__, "primer-script"),
    }
    for recipe, script in scripts.items():
        single(recipe, 0)  # whatever has to be compiled for single runs is compiled now
        alone = sum(single(recipe, seed) for seed in range(RUNS)) / RUNS
        try:
            own = seconds(*script)
        except RuntimeError as error:
            print(error.args[0].splitlines()[-1], file=sys.stderr)
            own = float("nan")
        print(f"{recipe}: single runs {alone:6.2f} s per network; its own script {own:6.2f} s")
        for count in dict.fromkeys((0, workers)):
            each = sweep(recipe, number, count) / number
            where = f"{count} workers" if count else "one process"
            print(
                f"  sweep of {number} in {where:<12} {each:6.2f} s per network, "
                f"{60 / each:5.1f} per minute; {alone / each:5.1f} times faster than runs, "
                f"{own / each:5.1f} times than the script",
                flush=True,
            )
    print("aims: 1.8 s per network of the notebook's recipe, 8 times faster than runs")


def scaling() -> None:
    """Print seconds per network by the number of networks and of units."""
    sweep("notebook", 1)
    for number in (1, 4, 16, 64, 256):
        each = sweep("notebook", number) / number
        print(f"notebook recipe, 64 units, {number:>4} networks: {each:7.2f} s each", flush=True)
    for units, count in ((16, 7), (64, 7), (128, 7), (256, 3), (512, 2)):
        words = ["phases", "--units", str(units), "--count", str(count)]
        subprocess.run([sys.executable, __file__, *words], check=True)


def phases(recipe: str, units: int, count: int) -> None:
    """Print what a network's seconds are spent on, over a batch of which `count` are analysed."""
    from yang_rnn.ensemble.members import make_batch
    from yang_rnn.ensemble.training import num_lanes, train_ensemble
    from yang_rnn.recipe import RECIPES

    shape = dataclasses.replace(RECIPES[recipe], hidden=units, search="newton")
    lanes = num_lanes(shape)

    def batch(first: int) -> list[Recipe]:
        return [dataclasses.replace(shape, seed=seed) for seed in range(first, first + lanes)]

    begin = time.perf_counter()
    train_ensemble(batch(0))
    compiled = time.perf_counter()
    train_ensemble(batch(0))
    trained = time.perf_counter()
    print(
        f"{recipe} recipe, {units:>3} units, {lanes} trained together: training "
        f"{(trained - compiled) / lanes:.2f} s per network (the first batch took "
        f"{compiled - begin:.1f} s)",
        flush=True,
    )
    # The first is left out: programs are compiled meanwhile.
    ends = [time.perf_counter() for _ in itertools.islice(make_batch(batch(0)), count + 1)]
    analysed = len(ends) - 1
    if analysed > 0:
        each = (ends[-1] - ends[0]) / analysed
        print(f"  analysis {each:.2f} s per network, over {analysed}", flush=True)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["rates", "scaling", "phases", "primer-script"])
    parser.add_argument("--seeds", type=int, default=32)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--recipe", default="notebook")
    parser.add_argument("--units", type=int, default=64)
    parser.add_argument("--count", type=int, default=7)
    arguments = parser.parse_args()
    if arguments.what == "rates":
        rates(arguments.seeds, arguments.workers)
    elif arguments.what == "scaling":
        scaling()
    elif arguments.what == "phases":
        phases(arguments.recipe, arguments.units, arguments.count)
    else:
        primer_script()


if __name__ == "__main__":
    main()
