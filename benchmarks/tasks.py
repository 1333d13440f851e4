"""Four tasks, several kinds of network: what is learned, and what is found in it.

    python benchmarks/tasks.py [--seeds 1]

Prints a table in Markdown: for each task and each kind of network the share of fresh trials that
are done right (the worst of the seeds), what networks of the literature or an ideal observer reach,
and the fixed points where something has to be remembered, with their verdict where there is one.
"""

import argparse
import dataclasses
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import norm

import yang_rnn as yr

KINDS: dict[str, dict[str, Any]] = {
    "relu, leak inside": {"activation": "relu"},
    "tanh, leak outside": {"activation": "tanh", "leak": "outside"},
    "Dale's law, 80 % excitatory": {"activation": "relu", "excitatory": 0.8, "leak": "outside"},
    "rank 3": {"activation": "tanh", "leak": "outside", "rank": 3},
    "private noise 0.1": {"activation": "tanh", "leak": "outside", "unit_noise": 0.1},
}
"""The kinds of network, as fields of the recipe."""

SHARED: dict[str, Any] = {"hidden": 100, "batch_size": 64, "trials_per_epoch": 2048}
SHARED |= {"learning_rate": 2e-3, "initialisation": "linear", "clip_norm": 1.0, "epochs": 30}


def example(name: str) -> Any:
    """Return the module of one of the examples."""
    path = Path(__file__).parents[1] / "examples" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tasks() -> dict[str, tuple[yr.Recipe, yr.Task | None, str, float, str]]:
    """Return recipe, own task, what is to be reached, how much that is, and where to look."""
    context, memory = example("context_integration"), example("own_task")
    ideal = np.mean([norm.cdf(c * np.sqrt(16) / 0.5) for c in (0.05, 0.15, 0.5)])
    noise = ("noise_sigma=0.5",)
    of = "95 % (Yang et al. 2019)"
    return {
        "context-dependent decisions": (
            yr.Recipe(task="context integration", dt=50, **SHARED),
            context.ContextIntegration(),
            f"{ideal:.3f}, the ideal observer",
            float(ideal),
            "stimulus, no evidence",
        ),
        "delayed match to sample": (
            yr.Recipe(task="RateDelayMatchSample", task_settings=noise, **SHARED),
            None,
            of,
            0.95,
            "delay",
        ),
        "delayed comparison": (
            yr.Recipe(task="RateDelayComparison", task_settings=noise, **SHARED),
            None,
            of,
            0.95,
            "delay",
        ),
        "memory of a direction": (
            yr.Recipe(task="direction memory", dt=50, **SHARED),
            memory.DirectionMemory(),
            of,
            0.95,
            "delay",
        ),
    }


def main() -> None:
    """Train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=SHARED["epochs"])
    parser.add_argument("--task", choices=[*tasks()], help="one of them; without it all")
    options = parser.parse_args()
    print("| task | network | done right | to be reached | fixed points where it is remembered |")
    print("|---|---|---|---|---|")
    chosen = tasks() if options.task is None else {options.task: tasks()[options.task]}
    for name, (base, own, reached, _, period) in chosen.items():
        for kind, fields in KINDS.items():
            shares, found = [], []
            for seed in range(options.seeds):
                fields = fields | {"seed": seed, "epochs": options.epochs}
                recipe = dataclasses.replace(base, **fields)
                run = yr.run_task(recipe, own)
                shares.append(run.tested.accuracy)
                for row in run.by_input:
                    if row.given.name.startswith(period):
                        stable = int((row.modes.stability == "stable").sum())
                        slow = int((row.points.kind == "slow").sum())
                        number = int((row.points.kind == "fixed").sum())
                        found.append(f"{number} ({stable} stable), {slow} slow")
                found += [f"{v.label}, {v.mechanism}" for v in run.verdicts.values()]
            print(
                f"| {name} | {kind} | {min(shares):.3f} | {reached} | {'; '.join(found)} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
