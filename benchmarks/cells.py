"""Times Newton's search on GRUs and LSTMs of PyTorch, untrained and trained.

    python benchmarks/cells.py                     # 64 units, 1000 starts, cold and warm
    python benchmarks/cells.py --units 128 --seeds 0 1

Each network is trained (or not) on two bits that are to be held, its search begins at the states of
trials at an input of 0. "cold" is with compilation, "warm" the same search once more.
"""

import argparse
import time

import numpy as np
import torch

import yang_rnn as yr

STEPS, TRIALS, BITS = 50, 64, 2


def flips(rng: np.random.Generator, trials: int = TRIALS) -> tuple[np.ndarray, np.ndarray]:
    """Return pulses (time, trial, bit) and what is to be held, the sign of the last pulse."""
    pulses = rng.choice([-1.0, 0.0, 1.0], (STEPS, trials, BITS), p=[0.05, 0.9, 0.05])
    pulses[0] = rng.choice([-1.0, 1.0], (trials, BITS))
    held = pulses.copy()
    for t in range(1, STEPS):
        held[t] = np.where(pulses[t] == 0, held[t - 1], pulses[t])
    return pulses.astype(np.float32), held.astype(np.float32)


class Network(torch.nn.Module):
    """A layer and its readout."""

    def __init__(self, kind: str, units: int):
        super().__init__()
        self.rnn = getattr(torch.nn, kind)(BITS, units)
        self.readout = torch.nn.Linear(units, BITS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return outputs (time, trial, bit)."""
        return self.readout(self.rnn(x)[0])


def network(kind: str, units: int, seed: int, updates: int) -> Network:
    """Return a network, trained for a number of updates."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = Network(kind, units)
    optimiser = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(updates):
        inputs, targets = map(torch.from_numpy, flips(rng))
        loss = torch.nn.functional.mse_loss(net(inputs), targets)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
    return net


def main() -> None:
    """Print a row a network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="+", default=["GRU", "LSTM"])
    parser.add_argument("--units", type=int, default=64)
    parser.add_argument("--starts", type=int, default=1000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--updates", type=int, nargs="+", default=[0, 300])
    options = parser.parse_args()
    print("kind  updates seed   cold s  warm s  fixed distinct  slow  uncon.")
    for kind in options.kinds:
        for updates in options.updates:
            for seed in options.seeds:
                net = network(kind, options.units, seed, updates)
                system = yr.from_torch(net, dt=10.0)
                inputs, _ = flips(np.random.default_rng(100 + seed), 100)
                states = yr.trajectory_states(yr.simulate(system, inputs).activity)
                rng = np.random.default_rng(seed)
                starts = rng.permutation(states)[: options.starts]
                F, took = system.at(np.zeros(BITS)), []
                for _ in range(2):
                    begin = time.perf_counter()
                    points = yr.find_fixed_points(F, starts, data=states)
                    took.append(time.perf_counter() - begin)
                distinct = len(points.with_status("fixed").unique())
                counts = points.counts
                print(
                    f"{kind:5} {updates:7} {seed:4} {took[0]:8.1f} {took[1]:7.1f} "
                    f"{counts['fixed']:6} {distinct:8} {counts['slow']:5} "
                    f"{counts['unconverged']:7}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
