"""How much longer the analysis takes where torch gives values and derivatives, and JAX does not.

    python benchmarks/torch_step.py --units 64 --starts 200

One GRU of PyTorch, taken by `from_torch` and by `from_torch_step`; each search runs twice, the
second one counts for a `Partial`, whose program is kept; a step of torch is compiled each time.
"""

import argparse
import time

import numpy as np
import torch

import yang_rnn as yr


def main() -> None:
    """Print seconds and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=64)
    parser.add_argument("--starts", type=int, default=200)
    options = parser.parse_args()
    torch.manual_seed(0)
    cell = torch.nn.GRUCell(3, options.units)
    with torch.no_grad():
        cell.weight_hh *= 3
    systems = [yr.from_torch(cell, dt=10.0), yr.from_torch_step(cell, dt=10.0)]
    starts = np.random.default_rng(0).uniform(-1, 1, (options.starts, options.units))
    inputs = np.random.default_rng(1).standard_normal((100, 100, 3))
    tasks = {
        "find_fixed_points": lambda system: yr.find_fixed_points(system.at(np.zeros(3)), starts),
        "linearise": lambda system: yr.linearise(system.at(np.zeros(3)), starts),
        "simulate": lambda system: yr.simulate(system, inputs),
    }
    for name, task in tasks.items():
        seconds = []
        for system in systems:
            task(system)
            begin = time.perf_counter()
            task(system)
            seconds.append(time.perf_counter() - begin)
        print(
            f"{name:18} JAX {seconds[0]:6.2f} s, torch {seconds[1]:6.2f} s, "
            f"ratio {seconds[1] / seconds[0]:.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
