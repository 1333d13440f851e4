"""What a run came to, as numbers and as text."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import math
import platform
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from yang_rnn._checks import check_is
from yang_rnn.experiment.run import Run
from yang_rnn.line_attractor.stimulus_dependence import table_of
from yang_rnn.line_attractor.verdict import Verdict
from yang_rnn.line_attractor.words import describe_change, in_words

if TYPE_CHECKING:
    from yang_rnn.experiment.task_run import TaskRun

_SAME_POINT = 1e-4
"""Distance, over the mean norm of a state, up to which two searches found the same point."""

NUM_LEADING = 6
"""Eigenvalues that a summary lists."""


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that numbers depend on."""
    return {"python": platform.python_version()} | package_versions()


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that numbers depend on."""
    packages = (
        "yang-rnn", "brainpy", "brainpy-datasets", "jax", "jaxlib", "numpy", "scipy", "scikit-learn"
    )  # fmt: skip
    return {package: importlib.metadata.version(package) for package in packages}


def summarise(run: Run | TaskRun, *, stimuli: bool = True) -> dict[str, Any]:
    """Return every number of a run's summary, ready for JSON.

    Parameters
    ----------
    run : Run or TaskRun
    stimuli : bool
        Whether to look for fixed points at other inputs too, in a run of the perceptual task.

    Returns
    -------
    dict
        Numbers, strings, lists and dicts; an eigenvalue is [real, imaginary].
    """
    from yang_rnn.experiment.task_run import TaskRun
    from yang_rnn.experiment.task_summary import summarise_task

    check_is("stimuli", stimuli, bool)
    if isinstance(run, TaskRun):
        return summarise_task(run)
    check_is("run", run, Run)
    recipe, points, tested, verdict = run.recipe, run.points, run.tested, run.verdict
    by_index = run.index_search
    return {
        "recipe": recipe.name,
        "seed": recipe.seed,
        "hidden": recipe.hidden,
        "epochs": len(run.history.loss),
        "final_loss": float(run.history.loss[-1]),
        "test_trials": recipe.test_trials,
        "test_accuracy": tested.accuracy,
        "ideal_observer_accuracy": run.task.ideal_accuracy(),
        "accuracy_by_coherence": named_columns(tested.by_coherence),
        "explained_variance_ratio": run.pca.explained_variance_ratio_.tolist(),
        "search": {
            "method": points.method,
            "starts": points.total_starts,
            "slow_speed": points.slow_speed,
            "fixed_speed": points.fixed_speed,
            "ends": points.search_counts,
            "kept": points.counts,
        },
        "newton": run.newton_points.counts,
        "every_fixed_point": _enumerated(run),
        **({} if by_index is None else {"index": by_index.summary}),
        "analysed_point": _analysed(run),
        "psychometric": None if tested.psychometric is None else named_columns(tested.psychometric),
        "line_attractor": None if verdict is None else judged(verdict),
        "stimulus_dependence": table_of(run.by_stimulus) if stimuli and verdict else None,
    }


def named_columns(record: Any) -> dict[str, list[Any]]:
    """Turn a named tuple of arrays into lists by name."""
    return {name: np.asarray(values).tolist() for name, values in record._asdict().items()}


def judged(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict with its numbers; JSON has neither NaN, infinity nor complex numbers."""
    measures: dict[str, Any] = {}
    for name, value in dataclasses.asdict(verdict.measures).items():
        if isinstance(value, complex):
            measures[name] = [value.real, value.imag] if np.isfinite(value) else None
        else:
            measures[name] = value if np.isfinite(value) else None
    return {
        "verdict": verdict.label,
        "near": verdict.near,
        "reason": verdict.reason,
        "mechanism": verdict.mechanism,
        "mechanism_reason": verdict.mechanism_reason,
        "criteria": [
            {
                name: None if isinstance(value, float) and not np.isfinite(value) else value
                for name, value in dataclasses.asdict(criterion).items()
            }
            for criterion in verdict.criteria
        ],
        "measures": measures,
    }


def _enumerated(run: Run) -> dict[str, Any] | None:
    every = run.every_fixed_point
    if every is None:
        return None
    found = run.newton_points.with_status("fixed").state
    near = _SAME_POINT * np.linalg.norm(run.activity, axis=-1).mean()
    missed = [
        state
        for state in every.points.state
        if not len(found) or np.linalg.norm(found - state, axis=1).min() > near
    ]
    return {
        "number": len(every),
        "on_kink": int(every.on_kink.sum()),
        "continua": len(every.continua),
        "proved": every.proved,
        "closed": every.closed,
        "missed_by_newton": len(missed),
        "nodes": every.nodes,
        "most_nodes": run.proof_nodes,
        "in_words": every.in_words(),
    }


def _analysed(run: Run) -> dict[str, Any] | None:
    centre, points, modes = run.centre, run.newton_points, run.modes
    if centre is None or modes is None:
        return None
    return {
        "status": str(points.status[centre]),
        "label": str(modes.label[0]),
        "on_kink": bool(modes.kink[0]),
        "speed": float(points.speed[centre]),
        "mean_square": float(points.mean_square[centre]),
        "starts_reached": int(points.starts_reached[centre]),
        "unstable_directions": int(modes.unstable[0]),
        "modes": [
            {
                "eigenvalue": [float(value.real), float(value.imag)],
                # JSON has no infinity: a mode that neither decays nor grows has null.
                "time_constant_ms": float(time_constant) if np.isfinite(time_constant) else None,
                "frequency_hz": float(frequency),
            }
            for value, time_constant, frequency in zip(
                modes.eigenvalues[0][:NUM_LEADING],
                modes.time_constant[0],
                modes.frequency[0],
                strict=False,
            )
        ],
    }


def describe(summary: dict[str, Any]) -> str:
    """Return a summary as a few lines for a reader.

    Parameters
    ----------
    summary : dict
        From `summarise`; the platform is told if it was added.

    Returns
    -------
    str
    """
    from yang_rnn.experiment.task_summary import describe_task

    check_is("summary", summary, dict)
    if "inputs" in summary:
        return describe_task(summary)
    missing = {"search", "analysed_point", "recipe", "newton"} - set(summary)
    if missing:
        raise ValueError(f"`summary` must be of `summarise`; lacks {missing}")
    search, point = summary["search"], summary["analysed_point"]
    shares = summary["explained_variance_ratio"]
    ends, kept, exact = search["ends"], search["kept"], summary["newton"]
    by_coherence = summary["accuracy_by_coherence"]
    levels = zip(by_coherence["level"], by_coherence["accuracy"], strict=True)
    lines = [
        (
            "network",
            f"{summary['recipe']}, seed {summary['seed']}, {summary['hidden']} units, "
            f"{summary['epochs']} epoch{'' if summary['epochs'] == 1 else 's'}"
            + (f", {summary['platform']}" if "platform" in summary else ""),
        ),
        (
            "accuracy",
            f"{summary['test_accuracy']:.4f} on {summary['test_trials']} fresh trials "
            f"(ideal observer {summary['ideal_observer_accuracy']:.4f})",
        ),
        ("", ", ".join(f"{value:.2f} at {level:g} %" for level, value in levels)),
        ("variance", ", ".join(f"PC {i} {100 * s:.1f} %" for i, s in enumerate(shares, start=1))),
        (
            "search",
            f"{search['method']} from {search['starts']} states: {ends['fixed']} became fixed, "
            f"{ends['slow']} slow, {ends['unconverged']} unconverged, {ends['diverged']} diverged",
        ),
        ("", f"different ones, without outliers: {kept['fixed']} fixed, {kept['slow']} slow"),
    ]
    if search["method"] != "newton":
        lines.append(
            ("", f"Newton's method finds {exact['fixed']} fixed, {exact['slow']} slow points")
        )
    every = summary.get("every_fixed_point")
    if every is not None:
        lines.append(("all points", every["in_words"]))
        if every["missed_by_newton"]:
            lines.append(("", f"{every['missed_by_newton']} of them Newton's method had not found"))
    if "index" in summary:
        lines += [("", line) for line in textwrap.wrap(summary["index"]["in_words"], 88)]
    if point is None:
        lines.append(("analysed", "nothing: no fixed or slow point was found with this seed"))
    else:
        lines.append(("analysed", _describe_point(point)))
        shown = [mode for mode in point["modes"] if mode["eigenvalue"][1] >= 0]
        lines += [("modes" if mode is shown[0] else "", _describe_mode(mode)) for mode in shown]
    judged = summary["line_attractor"]
    if judged is None:
        lines.append(("verdict", "none: it is for networks with two choices"))
    else:
        lines += describe_verdict(judged)
    return "\n".join(f"{name:<11}{text}" for name, text in lines)


def describe_verdict(judged: dict[str, Any], of: str = "") -> list[tuple[str, str]]:
    """Return a verdict of a summary as lines, each with a heading that may be empty.

    Parameters
    ----------
    judged : dict
        From `judged`.
    of : str
        What it is of, before the label.
    """
    near = f" (near {judged['near']})" if judged["near"] else ""
    lines = [("verdict", f"{of}{judged['verdict']}{near}")]
    lines += [("", line) for line in textwrap.wrap(judged["reason"], 88)]
    lines.append(("mechanism", judged["mechanism"]))
    return lines + [("", line) for line in textwrap.wrap(judged["mechanism_reason"], 88)]


def _describe_point(point: dict[str, Any]) -> str:
    kind = f"a {point['status']} point"
    if point["label"]:
        number = point["unstable_directions"]
        directions = f"{number or 'no'} unstable direction{'' if number == 1 else 's'}"
        kind += f", {point['label']} with {directions}"
    else:
        kind += ", so its modes hold only while the state stays near it"
    kink = "; on a kink of the relu, so its modes hold on one side" if point["on_kink"] else ""
    return f"{kind}; q = {point['speed']:.1e}{kink}"


def _describe_mode(mode: dict[str, Any]) -> str:
    value = complex(*mode["eigenvalue"])
    time_constant = mode["time_constant_ms"]
    change = describe_change(math.inf if time_constant is None else time_constant)
    turn = f", rotates at {mode['frequency_hz']:.2f} Hz" if value.imag else ""
    flip = ", changes sign every step" if value.imag == 0 and value.real < 0 else ""
    return f"{in_words(value):<15} {change}{turn}{flip}"
