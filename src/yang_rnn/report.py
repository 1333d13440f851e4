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
    centre, points, modes = experiment.centre, experiment.points, experiment.modes
    if centre is None:
        return None
    return {
        "status": str(points.status[centre]),
        "label": str(modes.label[centre]),
        "on_kink": bool(modes.kink[centre]),
        "speed": float(points.speed[centre]),
        "mean_square": float(points.mean_square[centre]),
        "starts_reached": int(points.starts_reached[centre]),
        "unstable_directions": int(modes.unstable[centre]),
        "modes": [
            {
                "eigenvalue": [float(value.real), float(value.imag)],
                # JSON has no infinity: a mode that neither decays nor grows has null.
                "time_constant_ms": float(time_constant) if np.isfinite(time_constant) else None,
                "frequency_hz": float(frequency),
            }
            for value, time_constant, frequency in zip(
                modes.eigenvalues[centre][:NUM_LEADING],
                modes.time_constant[centre],
                modes.frequency[centre],
                strict=False,
            )
        ],
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
            "search",
            f"{search['method']} from {search['starts']} states: {ends['fixed']} became fixed, "
            f"{ends['slow']} slow, {ends['unconverged']} neither, {ends['diverged']} diverged",
        ),
        ("kept", f"{kept['fixed']} fixed and {kept['slow']} slow points"),
    ]
    if point is None:
        lines.append(("analysed", "nothing: no fixed or slow point was found with this seed"))
    else:
        lines.append(("analysed", _describe_point(point)))
        shown = [mode for mode in point["modes"] if mode["eigenvalue"][1] >= 0]
        lines += [("modes" if mode is shown[0] else "", _describe_mode(mode)) for mode in shown]
    return "\n".join(f"{name:<11}{text}" for name, text in lines)


def _describe_point(point: dict[str, Any]) -> str:
    kind = f"a {point['status']} point"
    if point["label"]:
        kind += f", {point['label']} with {point['unstable_directions']} unstable directions"
    else:
        kind += ", so its modes hold only while the state stays near it"
    kink = "; on a kink of the relu, so its modes hold on one side" if point["on_kink"] else ""
    return f"{kind}; q = {point['speed']:.1e}{kink}"


def _describe_mode(mode: dict[str, Any]) -> str:
    real, imaginary = mode["eigenvalue"]
    value = f"{real:.3f}" if imaginary == 0 else f"{real:.3f}±{imaginary:.3f}i"
    time_constant = mode["time_constant_ms"]
    change = "neither decays nor grows"
    if time_constant is not None:
        verb = "grows" if time_constant < 0 else "decays"
        change = f"{verb} with {abs(time_constant) / 1000:.3g} s"
    turn = f", rotates at {mode['frequency_hz']:.2f} Hz" if imaginary else ""
    return f"{value:<15} {change}{turn}"
