"""What an experiment came to, as numbers and as text."""

import importlib.metadata
import platform
from typing import Any

import numpy as np

from yang_rnn.behaviour import ideal_observer_accuracy
from yang_rnn.experiment import Experiment

NUM_LEADING = 6
"""Eigenvalues that a summary lists."""


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that numbers depend on."""
    packages = ("yang-rnn", "brainpy", "brainpy-datasets", "jax", "numpy", "scikit-learn")
    return {"python": platform.python_version()} | {
        package: importlib.metadata.version(package) for package in packages
    }


def summarise(experiment: Experiment) -> dict[str, Any]:
    """Return every number of an experiment's summary, ready for JSON.

    Parameters
    ----------
    experiment : Experiment

    Returns
    -------
    dict
        Numbers, strings, lists and dicts; an eigenvalue is [real, imaginary].
    """
    recipe, points = experiment.recipe, experiment.points
    return {
        "recipe": recipe.name,
        "seed": recipe.seed,
        "hidden": recipe.hidden,
        "epochs": recipe.epochs,
        "final_loss": float(experiment.history.loss[-1]),
        "test_trials": recipe.test_trials,
        "test_accuracy": experiment.test_accuracy,
        "ideal_observer_accuracy": ideal_observer_accuracy(recipe),
        "explained_variance_ratio": experiment.pca.explained_variance_ratio_.tolist(),
        "search": {
            "method": points.method,
            "starts": points.total_starts,
            "slow_speed": points.slow_speed,
            "fixed_speed": points.fixed_speed,
            "ends": points.search_counts,
            "kept": points.counts,
        },
        "analysed_point": _analysed(experiment),
    }


def _analysed(experiment: Experiment) -> dict[str, Any] | None:
    if experiment.centre is None or experiment.spectrum is None:
        return None
    point, values = experiment.points[experiment.centre], experiment.spectrum.eigenvalues[0]
    return {
        "status": str(point.status[0]),
        "speed": float(point.speed[0]),
        "mean_square": float(point.mean_square[0]),
        "eigenvalues": [[float(v.real), float(v.imag)] for v in values[:NUM_LEADING]],
        "modulus_above_1": int((np.abs(values) > 1).sum()),
    }


def describe(summary: dict[str, Any]) -> str:
    """Return a summary as a few lines for a reader.

    Parameters
    ----------
    summary : dict
        From `summarise`, with the platform added.

    Returns
    -------
    str
    """
    search, point = summary["search"], summary["analysed_point"]
    shares = summary["explained_variance_ratio"]
    ends, kept = search["ends"], search["kept"]
    found = ends["fixed"] + ends["slow"]
    lines = [
        (
            "network",
            f"{summary['recipe']} recipe, seed {summary['seed']}, {summary['hidden']} units, "
            f"{summary['epochs']} epochs, {summary['platform']}",
        ),
        (
            "accuracy",
            f"{summary['test_accuracy']:.4f} on {summary['test_trials']} fresh trials "
            f"(ideal observer {summary['ideal_observer_accuracy']:.4f})",
        ),
        ("variance", ", ".join(f"PC {i} {100 * s:.1f} %" for i, s in enumerate(shares, start=1))),
        (
            "slow points",
            f"found from {found} of {search['starts']} starts "
            f"({ends['unconverged']} stayed faster, {ends['diverged']} diverged)",
        ),
        ("", f"kept {kept['fixed']} fixed and {kept['slow']} slow, unique and without outliers"),
    ]
    if point is None:
        lines.append(("spectrum", "none: no fixed or slow point was found, try another seed"))
    else:
        lines += [
            (
                "spectrum",
                f"at a {point['status']} point, q = {point['speed']:.1e} "
                f"(mean square {point['mean_square']:.1e})",
            ),
            ("", "eigenvalues " + ", ".join(_complex(*v) for v in _pairs(point["eigenvalues"]))),
            ("", f"{point['modulus_above_1']} of modulus above 1"),
        ]
    return "\n".join(f"{name:<13}{text}" for name, text in lines)


def _pairs(values: list[list[float]]) -> list[list[float]]:
    """Leave out the lower of each conjugate pair."""
    return [value for value in values if value[1] >= 0]


def _complex(real: float, imaginary: float) -> str:
    return f"{real:.3f}" if imaginary == 0 else f"{real:.3f}±{imaginary:.3f}i"
