"""Networks of the primer's recipe beside those of its own loop in PyTorch: what came of them.

    python benchmarks/parity.py [--seeds 16] [--torch FOLDER]

As many networks of each kind are trained, analysed alike on fresh trials of the recipe, and
compared with those of PyTorch by medians, ranges, Mann-Whitney's test of ranks and Fisher's of the
verdicts. The third kind, whose sequences each begin with a trial and whose inputs are noisy
throughout, shows what the comparison can tell apart. The loop, the trials and the way in
which sequences are cut from them stand in `primer.py` and use nothing of this package. Networks of
PyTorch are kept in the folder and taken from there the next time. Needs torch.
"""

import argparse
import dataclasses
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from primer import TorchNetwork, primer_in_torch
from scipy.stats import fisher_exact, mannwhitneyu

import yang_rnn as yr
from yang_rnn.ensemble.members import SEARCH_TRIALS
from yang_rnn.ensemble.training import num_lanes, train_ensemble

LAST = 100
"""Steps of training that the final loss is the mean of, as the loop prints it."""


def trained_here(recipes: list[yr.Recipe]) -> list[yr.Run]:
    """Train with this package."""
    lanes, runs = num_lanes(recipes[0]), []
    for first in range(0, len(recipes), lanes):
        for member in train_ensemble(recipes[first : first + lanes]):
            runs.append(run_of(member.recipe, member.network(), member.history))
    return runs


def trained_in_torch(recipes: list[yr.Recipe], folder: Path | None) -> list[yr.Run]:
    """Train with the primer's loop, or take what it has trained from a folder."""
    runs = []
    for recipe in recipes:
        path = folder / f"seed{recipe.seed}.npz" if folder else None
        if path is not None and path.is_file():
            arrays = dict(np.load(path))
            trained = TorchNetwork(losses=arrays.pop("losses").tolist(), weights=arrays)
        else:
            trained = primer_in_torch(recipe.seed)
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                np.savez(path, losses=trained.losses, **trained.weights)
        net = yr.CTRNN.from_recipe(recipe)
        net.set_weights(trained.weights)
        loss = np.reshape(trained.losses, (recipe.epochs, -1)).mean(axis=1)
        runs.append(run_of(recipe, net, yr.History(loss, np.full_like(loss, np.nan))))
        print(f"torch, seed {recipe.seed}", file=sys.stderr, flush=True)
    return runs


def run_of(recipe: yr.Recipe, net: yr.CTRNN, history: yr.History) -> yr.Run:
    """Put a network where its analysis is that of a sweep's member, without the enumeration."""
    return yr.Run(recipe, net, history, search_trials=SEARCH_TRIALS, proof_nodes=1)


def measured(run: yr.Run) -> dict[str, float]:
    """Return the numbers that are compared, by what they are called in the table."""
    verdict = run.verdict
    assert verdict is not None
    measures, weights = verdict.measures, verdict.integration.kernel.weights
    per_epoch = run.recipe.trials_per_epoch // run.recipe.batch_size
    return {
        "final loss": float(run.history.loss[-LAST // per_epoch :].mean()),
        "accuracy": run.test_accuracy,
        "leading time constant (s)": measures.time_constant / 1000,
        "second time constant (s)": measures.second_time_constant / 1000,
        "kernel efficiency": measures.efficiency,
        "first 5 weights over last 5": float(weights[:5].sum() / weights[-5:].sum()),
        "constancy of direction": measures.constancy,
        "second over first singular value": measures.propagator_ratio,
        "time constant of decisions (s)": measures.decision_time_constant / 1000,
        "kept by the flow on the manifold": measures.manifold_efficiency,
        "PC 1 and choice, r": measures.pc1_choice,
    }


def main() -> None:
    """Train and analyse both kinds; print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--torch", type=Path)
    arguments = parser.parse_args()
    recipes = [dataclasses.replace(yr.PRIMER, seed=n) for n in range(arguments.seeds)]
    changed = {"stream_steps": 0, "noise_in": "everywhere"}
    kinds = {
        "PyTorch": trained_in_torch(recipes, arguments.torch),
        "package": trained_here(recipes),
        "without streams": trained_here([dataclasses.replace(r, **changed) for r in recipes]),
    }
    rows = {kind: [measured(run) for run in runs] for kind, runs in kinds.items()}
    print("| median [range] | PyTorch | package | p | without streams, noise everywhere | p |")
    print("|---|---|---|---|---|---|")
    for name in rows["PyTorch"][0]:
        theirs, *ours = (np.array([row[name] for row in rows[kind]]) for kind in kinds)
        cells = [in_words(theirs)]
        for values in ours:
            p = mannwhitneyu(values, theirs, nan_policy="omit").pvalue
            cells += [in_words(values), f"{p:.2g}"]
        print(f"| {name} | {' | '.join(cells)} |")
    labels = {kind: Counter(label_of(run) for run in runs) for kind, runs in kinds.items()}
    for label in sorted(set().union(*labels.values())):
        theirs, *ours = (labels[kind][label] for kind in kinds)
        n, cells = arguments.seeds, [str(theirs)]
        for count in ours:
            p = fisher_exact([[count, n - count], [theirs, n - theirs]]).pvalue
            cells += [str(count), f"{p:.2g}"]
        print(f"| {label}, of {n} | {' | '.join(cells)} |")


def in_words(values: np.ndarray) -> str:
    """Return median and range."""
    return f"{np.nanmedian(values):.4g} [{np.nanmin(values):.4g} {np.nanmax(values):.4g}]"


def label_of(run: yr.Run) -> str:
    """Return a network's verdict."""
    assert run.verdict is not None
    return run.verdict.label


if __name__ == "__main__":
    main()
