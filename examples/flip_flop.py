"""Three bits held by a GRU or LSTM of PyTorch: eight stable points, and saddles between them.

python examples/flip_flop.py --kind LSTM
The task is that of Sussillo & Barak (2013), Neural Computation 25:626-649.
"""

import argparse

import numpy as np
import torch

import yang_rnn as yr

BITS, STEPS = 3, 50


def sample(rng, trials=128):
    """Return pulses (time, trial, bit) and the sign of each bit's last pulse."""
    pulses = rng.choice([-1.0, 0.0, 1.0], (STEPS, trials, BITS), p=[0.05, 0.9, 0.05])
    pulses[0] = rng.choice([-1.0, 1.0], (trials, BITS))
    held = pulses.copy()
    for t in range(1, STEPS):
        held[t] = np.where(pulses[t] == 0, held[t - 1], pulses[t])
    return torch.tensor(pulses).float(), torch.tensor(held).float()


def main(kind="GRU", units=24, updates=1000, seed=0):
    """Train, search, and tell what was found."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    rnn, readout = getattr(torch.nn, kind)(BITS, units), torch.nn.Linear(units, BITS)
    optimiser = torch.optim.Adam([*rnn.parameters(), *readout.parameters()], 5e-3)
    for _ in range(updates):
        inputs, targets = sample(rng)
        loss = torch.nn.functional.mse_loss(readout(rnn(inputs)[0]), targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    system = yr.from_torch(rnn, dt=10.0, readout=readout)
    F = system.at(np.zeros(BITS))  # no pulse
    states = yr.trajectory_states(yr.simulate(system, sample(rng, 20)[0]).activity)
    found = yr.find_fixed_points(F, states).with_status("fixed").unique().state
    between = [(1 - s) * a + s * b for a in found for b in found for s in (0.3, 0.4, 0.5)]
    points = yr.find_fixed_points(F, np.concatenate([states, between]), data=states)
    points = points[~points.far].with_status("fixed").unique()
    modes = yr.linearise(F, points)
    outputs = np.array([system.readout(h) for h in points.state])
    stable, number = modes.stability == "stable", modes.unstable
    memories = {tuple(signs) for signs in np.sign(outputs[stable]).tolist()}
    print(f"{kind} of {units} units, seed {seed}: mean square error {loss.item():.4f}")
    print(f"{stable.sum()} stable points hold {len(memories)} of 8 memories; their outputs:")
    print(np.round(outputs[stable], 2))
    print(f"{(number == 1).sum()} saddles have one unstable mode, {(number > 1).sum()} have more")
    return rnn, points, modes, outputs


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=["GRU", "LSTM"], default="GRU")
    main(parser.parse_args().kind)
