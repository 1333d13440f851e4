"""Time the primer's training, 1000 steps of 16 sequences, beside its own loop in PyTorch.

    python benchmarks/primer.py [--repeats 3]

Each training runs in a process of its own, so that compilation counts; imports don't. Needs torch:
pip install '.[compare]', or any CPU build of it.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time


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
        learning_rate=recipe.learning_rate,
        on_epoch=lambda *_: marks.append(time.perf_counter()),
    )
    return {
        "seconds": marks[-1] - marks[0],
        "compiled": (marks[-1] - marks[1]) * 20 / 19,
        "loss": float(history.loss[-1]),
    }


def train_in_torch(seed: int) -> dict[str, float]:
    """Train as the primer does: a Python loop over time in each step."""
    import torch
    from brainpy_datasets.cognitive import RatePerceptualDecisionMaking, TaskLoader

    torch.manual_seed(seed)
    task = RatePerceptualDecisionMaking(seed=seed, num_trial=16_000)
    loader = TaskLoader(task, batch_size=16, max_seq_len=100)
    to_hidden, recur, to_output = (torch.nn.Linear(*size) for size in ((3, 64), (64, 64), (64, 3)))
    layers = (to_hidden, recur, to_output)
    optimizer = torch.optim.Adam([p for m in layers for p in m.parameters()], lr=1e-2)
    criterion = torch.nn.CrossEntropyLoss()
    begin, losses = time.perf_counter(), []
    for inputs, targets in loader:
        xs, ys = torch.tensor(inputs, dtype=torch.float32), torch.tensor(targets)
        h, hs = torch.zeros(16, 64), []
        for x in xs:
            h = torch.relu(to_hidden(x) + recur(h))
            hs.append(h)
        optimizer.zero_grad()
        loss = criterion(to_output(torch.stack(hs)).reshape(-1, 3), ys.reshape(-1))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
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
