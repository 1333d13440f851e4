"""Time the package beside the source notebook: medians and ratios from one run on one machine.

    python benchmarks/package.py [--repeats 3]

(a) 20 epochs: `yang_rnn.train` against the notebook's one jit call a batch; the whole call, and
    what is left of it once compiled (the 20 epochs after a first one).
(b) `python -m yang_rnn.run` as a whole process, from an empty and from a filled cache of compiled
    programs, against the notebook's steps as a script.
(c) One epoch's trials: `PerceptualDecisionMaking` against brainpy-datasets' loader.
"""

import argparse
import functools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

SCRIPT = Path(__file__).with_name("notebook_script.py")


def seconds(action: Callable[[], object]) -> float:
    """Return how long an action takes."""
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def show(name: str, ours: list[float], theirs: list[float], aim: str = "") -> None:
    """Print the medians of both, and the median of the ratios pair by pair."""
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    medians = f"{statistics.median(ours):8.3f} s {statistics.median(theirs):8.3f} s"
    print(f"{name:<46}{medians} {ratio:7.3f}  {aim}", flush=True)


def after_first(train: Callable[..., object]) -> tuple[float, float]:
    """Return how long 21 epochs take up to the 20th, and from the first to the 21st."""
    marks = [time.perf_counter()]
    train(epochs=21, on_epoch=lambda *_: marks.append(time.perf_counter()))
    return marks[20] - marks[0], marks[21] - marks[1]


def time_training(repeats: int) -> None:
    """Time (a), 20 epochs in this process."""
    import notebook_script as notebook
    from brainpy_datasets.cognitive import RatePerceptualDecisionMaking

    import yang_rnn as yr

    ours, theirs = [], []
    for seed in range(repeats):
        net, task = yr.CTRNN(3, 64, 3, dt=100.0, seed=seed), yr.PerceptualDecisionMaking(seed=seed)
        ours.append(after_first(functools.partial(yr.train, net, task)))
        other, data = notebook.build(seed), RatePerceptualDecisionMaking(seed=seed)
        theirs.append(after_first(functools.partial(notebook.train, other, data)))
    for name, part, aim in (
        ("(a) 20 epochs, compilation included", 0, ""),
        ("(a) 20 epochs, compiled", 1, "aim: 0.25 or less"),
    ):
        show(name, [times[part] for times in ours], [times[part] for times in theirs], aim)


def time_processes(repeats: int) -> None:
    """Time (b), whole processes."""

    def process(*words: str, cache: str) -> None:
        environment = os.environ | {"XDG_CACHE_HOME": cache, "MPLBACKEND": "agg"}
        subprocess.run([sys.executable, *words], check=True, env=environment, capture_output=True)

    first, second, theirs = [], [], []
    for repeat in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            script = functools.partial(process, cache=folder)
            ours = functools.partial(script, "-m", "yang_rnn.run", "--out")
            first.append(seconds(functools.partial(ours, f"{folder}/first")))
            second.append(seconds(functools.partial(ours, f"{folder}/second")))
            theirs.append(seconds(functools.partial(script, str(SCRIPT))))
        print(f"    {repeat + 1} of {repeats} done", file=sys.stderr)
    show("(b) whole process, nothing compiled before", first, theirs, "aim: 0.5 or less")
    show("(b) whole process, run before", second, theirs, "aim: 0.4 or less")


def time_trials(repeats: int) -> None:
    """Time (c), one epoch of trials."""
    from brainpy_datasets.cognitive import RatePerceptualDecisionMaking, TaskLoader

    import yang_rnn as yr

    ours, theirs = [], []
    for seed in range(3 * repeats):
        task = yr.PerceptualDecisionMaking(seed=seed)
        loader = TaskLoader(RatePerceptualDecisionMaking(seed=seed), batch_size=16)
        ours.append(seconds(lambda t=task: list(t.batches(16))))
        theirs.append(seconds(lambda a=loader: list(a)))
    show("(c) 1024 trials", ours, theirs, "aim: 0.33 or less")


def main() -> None:
    """Run the three comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    print(f"{'':<46}{'package':>10} {'notebook':>10}   ratio")
    time_processes(repeats)
    time_trials(repeats)
    time_training(repeats)


if __name__ == "__main__":
    main()
