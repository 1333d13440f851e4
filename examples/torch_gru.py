"""From a checkpoint of PyTorch to a figure of the network's fixed points.

python examples/torch_gru.py [CHECKPOINT]    # without one, it trains a small network first
"""

import sys

import torch

import yang_rnn as yr

task = yr.PerceptualDecisionMaking(seed=0)


class Network(torch.nn.Module):
    """A GRU and a linear readout."""

    def __init__(self, units=32):
        super().__init__()
        self.rnn = torch.nn.GRU(task.num_inputs, units)
        self.fc = torch.nn.Linear(units, task.num_outputs)

    def forward(self, x):
        """Return outputs (time, trial, output)."""
        return self.fc(self.rnn(x)[0])


def train(path, updates=400):
    """Train a network on the task and save its weights."""
    optimiser = torch.optim.Adam((net := Network()).parameters(), 1e-2)
    for _ in range(updates):
        inputs, targets = map(torch.tensor, task.sample_trials(64)[:2])
        outputs = net(inputs.float()).flatten(0, 1)
        loss = torch.nn.functional.cross_entropy(outputs, targets.long().flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    torch.save(net.state_dict(), path)
    return path


def main(checkpoint="torch_gru.pt", figure="fixed_points.png"):
    """Load, search, and draw."""
    (net := Network()).load_state_dict(torch.load(checkpoint, weights_only=True))
    system = yr.from_torch(net, dt=task.dt)  # taken apart: its GRU, its Linear
    trials = task.sample_trials(200)
    activity, outputs = yr.simulate(system, trials.inputs)
    print(f"{system}: right at {yr.accuracy(outputs, trials):.0%} of the steps of the decision")
    F = system.at((1.0, 0.5, 0.5))  # fixation, no evidence
    points = yr.find_fixed_points(F, yr.trajectory_states(activity)).with_status("fixed").unique()
    points = points[~points.far]  # where the network goes
    modes = yr.linearise(F, points)
    for label, ms in zip(modes.label, modes.time_constant[:, 0], strict=True):
        print(f"fixed point: {label}, time constant {ms:.0f} ms (below 0: its first mode grows)")
    yr.figures.slow_points(points, activity=activity, trials=trials).savefig(figure, dpi=300)
    return points


if __name__ == "__main__":
    main(*sys.argv[1:] or [train("torch_gru.pt")])
