"""Verdicts on networks that can't have learned to integrate: how often each comes.

    python benchmarks/nulls.py [--untrained 200] [--shuffled 16]

Networks of both recipes as they are before training, and networks trained on labels that a coin
decides. Prints tables in Markdown: how often each verdict and each mechanism, with Wilson's 95 %
intervals. Their choices are near chance, so that the verdict is "not learned" unless some are right
by chance; a second column asks the rule without that threshold, `Thresholds(learned=0)`.
"""

import argparse
import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.stats import binomtest

import yang_rnn as yr
from yang_rnn.ensemble.members import SEARCH_TRIALS
from yang_rnn.line_attractor.criteria import VERDICTS, judge
from yang_rnn.line_attractor.mechanism import MECHANISMS

RECIPES = {"notebook": yr.NOTEBOOK, "primer": yr.PRIMER}
FIRST_SEED = 7000


class CoinFlips(yr.Task):
    """Trials of a recipe's task in which a coin decides which choice is right."""

    def __init__(self, recipe: yr.Recipe) -> None:
        """Take the recipe's task and seed."""
        self.inner = yr.PerceptualDecisionMaking.from_recipe(recipe)
        self.num_inputs, self.num_outputs = self.inner.num_inputs, self.inner.num_outputs
        self.dt = self.inner.dt
        self.rng = np.random.default_rng(recipe.seeds.training)

    def sample_trials(self, num_trials: int) -> yr.Trials:
        """Draw trials, and change the two choices of a random half of them."""
        trials = self.inner.sample_trials(num_trials)
        flipped = self.rng.random(num_trials) < 0.5
        targets = np.array(trials.targets)
        asks = (targets > 0) & flipped
        return trials._replace(targets=np.where(asks, 3 - targets, targets), choice=None)


def untrained(recipe: yr.Recipe, number: int) -> Iterator[yr.Run]:
    """Give networks as they are before training."""
    for seed in range(FIRST_SEED, FIRST_SEED + number):
        own = dataclasses.replace(recipe, seed=seed)
        yield run_of(own, yr.CTRNN.from_recipe(own))


def shuffled(recipe: yr.Recipe, number: int) -> Iterator[yr.Run]:
    """Give networks that were trained on a coin's labels."""
    for seed in range(FIRST_SEED, FIRST_SEED + number):
        own = dataclasses.replace(recipe, seed=seed)
        net = yr.CTRNN.from_recipe(own)
        yr.train_recipe(net, own, CoinFlips(own))
        yield run_of(own, net)


def run_of(recipe: yr.Recipe, net: yr.CTRNN) -> yr.Run:
    """Put a network where its analysis is that of a sweep's member, without the enumeration."""
    history = yr.History(np.full(1, np.nan), np.full(1, np.nan))
    return yr.Run(recipe, net, history, search_trials=SEARCH_TRIALS, proof_nodes=1)


def table(name: str, runs: Iterator[yr.Run]) -> None:
    """Judge networks; print how often what came of it."""
    plain, ungated, why, accuracies = Counter[str](), Counter[str](), Counter[str](), list[float]()
    for run in runs:
        verdict = run.verdict
        assert verdict is not None
        plain[verdict.label] += 1
        ungated[judge(verdict.measures, yr.Thresholds(learned=0.0)).label] += 1
        why[verdict.mechanism] += 1
        accuracies.append(verdict.measures.accuracy)
    print(f"\n{name}, {len(accuracies)} networks, right in {min(accuracies):.2f} to "
          f"{max(accuracies):.2f} of the trials with evidence\n")  # fmt: skip
    print("| | verdict | without the threshold on choices |\n|---|---|---|")
    for label in VERDICTS:
        print(f"| {label} | {shares([plain[label], ungated[label]], len(accuracies))} |")
    print("\n| mechanism | |\n|---|---|")
    for label in MECHANISMS:
        print(f"| {label} | {shares([why[label]], len(accuracies))} |", flush=True)


def shares(counts: Sequence[int], number: int) -> str:
    """Write counts as shares with their intervals."""
    cells = []
    for count in counts:
        low, high = binomtest(count, number).proportion_ci(0.95, "wilson")
        cells.append(f"{count}: {100 * count / number:.1f} % ({100 * low:.1f} to {100 * high:.1f})")
    return " | ".join(cells)


def main() -> None:
    """Judge both kinds of networks of both recipes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--untrained", type=int, default=200)
    parser.add_argument("--shuffled", type=int, default=16)
    arguments = parser.parse_args()
    for name, recipe in RECIPES.items():
        if arguments.untrained:
            table(f"{name}, untrained", untrained(recipe, arguments.untrained))
        if arguments.shuffled:
            table(f"{name}, trained on a coin's labels", shuffled(recipe, arguments.shuffled))


if __name__ == "__main__":
    main()
