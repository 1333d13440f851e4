"""Time the primer's training, 1000 steps of 16 sequences, beside its own loop in PyTorch.

    python benchmarks/primer.py [--repeats 3]

Each training runs in a process of its own, so that compilation counts; imports don't. Needs torch:
pip install '.[compare]', or any CPU build of it.
"""

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np


def train_here(seed: int) -> dict[str, float]:
    """Train with this package."""
    import dataclasses

    import yang_rnn as yr

    recipe = dataclasses.replace(yr.PRIMER, seed=seed)
    task, net = yr.PerceptualDecisionMaking.from_recipe(recipe), yr.CTRNN.from_recipe(recipe)
    marks = [time.perf_counter()]
    history = yr.train(
        net,
        task,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        sequence_steps=recipe.sequence_steps,
        stream_steps=recipe.stream_steps,
        learning_rate=recipe.learning_rate,
        on_epoch=lambda *_: marks.append(time.perf_counter()),
    )
    return {
        "seconds": marks[-1] - marks[0],
        "compiled": (marks[-1] - marks[1]) * 20 / 19,
        "loss": float(history.loss[-1]),
    }


def trial_of_neurogym(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw a trial as NeuroGym's PerceptualDecisionMaking has it, in 22 steps of 100 ms."""
    choice, coherence = rng.integers(2), rng.choice([0.0, 6.4, 12.8, 25.6, 51.2])
    towards = np.array([1.0, -1.0]) if choice == 0 else np.array([-1.0, 1.0])
    inputs, targets = np.zeros((22, 3)), np.zeros(22, int)
    inputs[:21, 0] = 1.0
    inputs[1:21, 1:] = 0.5 + towards * coherence / 200 + 0.1 * rng.standard_normal((20, 2))
    targets[21] = choice + 1
    return inputs, targets


def sequences_of_neurogym(
    seed: int, steps: int = 100, batch_size: int = 16, ahead: int = 1600
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Give batches of sequences for ever, as NeuroGym's `Dataset` cuts them.

    Trials back to back are drawn so many steps ahead for each place in a batch. The sequences are
    cut from them one after the other, and the one that would come to their end begins new ones.
    """
    rng = np.random.default_rng(seed)
    trials_each = -(-ahead // 22)
    while True:
        drawn = [[trial_of_neurogym(rng) for _ in range(trials_each)] for _ in range(batch_size)]
        inputs, targets = (
            np.stack([np.concatenate([trial[k] for trial in row]) for row in drawn], axis=1)
            for k in (0, 1)
        )
        for stop in range(steps, ahead, steps):
            yield inputs[stop - steps : stop], targets[stop - steps : stop]


class TorchNetwork(NamedTuple):
    """What the primer's loop came to.

    Attributes
    ----------
    weights : dict of arrays
        As `CTRNN.set_weights` takes them.
    losses : list of float
        Of each of the 1000 steps.
    """

    weights: dict[str, np.ndarray]
    losses: list[float]


def primer_in_torch(seed: int, steps: int = 1000) -> TorchNetwork:
    """Train as the primer does: a Python loop over time in each step."""
    import torch

    torch.manual_seed(seed)
    data = sequences_of_neurogym(seed)
    to_hidden, recur, to_output = (torch.nn.Linear(*size) for size in ((3, 64), (64, 64), (64, 3)))
    layers = (to_hidden, recur, to_output)
    optimizer = torch.optim.Adam([p for m in layers for p in m.parameters()], lr=1e-2)
    criterion = torch.nn.CrossEntropyLoss()
    alpha, losses = 1.0, []  # dt and tau are 100 ms
    for inputs, targets in itertools.islice(data, steps):
        xs, ys = torch.tensor(inputs, dtype=torch.float32), torch.tensor(targets)
        h, hs = torch.zeros(16, 64), []
        for x in xs:
            h = torch.relu((1 - alpha) * h + alpha * (to_hidden(x) + recur(h)))
            hs.append(h)
        optimizer.zero_grad()
        loss = criterion(to_output(torch.stack(hs)).reshape(-1, 3), ys.reshape(-1))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    weights = {}
    for matrix, bias, layer in zip(("w_ir", "w_rr", "w_ro"), ("b_ir", "b_rr", "b_ro"), layers,
                                   strict=True):  # fmt: skip
        weights |= {matrix: layer.weight.detach().numpy().T, bias: layer.bias.detach().numpy()}
    return TorchNetwork(weights, losses)


def train_in_torch(seed: int) -> dict[str, float]:
    """Time the primer's loop."""
    import torch  # noqa: F401 - imports don't count

    begin = time.perf_counter()
    losses = primer_in_torch(seed).losses
    return {"seconds": time.perf_counter() - begin, "loss": statistics.mean(losses[-50:])}


def main() -> None:
    """Run both in turn; print medians and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=["here", "torch"], help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps({"here": train_here, "torch": train_in_torch}[arguments.only](
            arguments.seed
        )))  # fmt: skip
        return
    results: dict[str, list[dict[str, float]]] = {"here": [], "torch": []}
    for seed in range(arguments.repeats):
        for name, runs in results.items():
            command = [sys.executable, __file__, "--only", name, "--seed", str(seed)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            runs.append(json.loads(done.stdout.splitlines()[-1]))
            print(f"seed {seed} {name}: {runs[-1]}", file=sys.stderr, flush=True)
    pairs = list(zip(*results.values(), strict=True))
    for part, name in (("seconds", "from a cold start"), ("compiled", "compiled")):
        ratio = statistics.median(here[part] / torch["seconds"] for here, torch in pairs)
        ours = statistics.median(here[part] for here, _ in pairs)
        theirs = statistics.median(torch["seconds"] for _, torch in pairs)
        print(f"{name:<18} package {ours:6.2f} s, torch {theirs:6.2f} s, ratio {ratio:.3f}")
    print("aim: 0.25 or less from a cold start")


if __name__ == "__main__":
    main()
