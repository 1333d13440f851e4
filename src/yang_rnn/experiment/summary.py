"""What a run came to, as numbers and as text."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import platform
from typing import TYPE_CHECKING, Any

import numpy as np

from yang_rnn._checks import check_is, check_real
from yang_rnn.experiment.known_points import missed_by_newton
from yang_rnn.experiment.run import Run
from yang_rnn.experiment.sections import (
    Section,
    fixed_points_of,
    pointers,
    sections_of_verdict,
    table_of_levels,
    training_of,
    variance_in_words,
    written,
)
from yang_rnn.line_attractor.stimulus_dependence import table_of
from yang_rnn.line_attractor.verdict import Verdict

if TYPE_CHECKING:
    from yang_rnn.experiment.task_run import TaskRun
    from yang_rnn.psychometrics import PsychometricFit

NUM_LEADING = 6
"""Eigenvalues that a summary lists."""


def versions() -> dict[str, str]:
    """Return the processor, the version of Python, and those of the packages that numbers need."""
    processor = platform.processor() or platform.machine()
    return {"processor": processor, "python": platform.python_version()} | package_versions()


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that numbers depend on."""
    packages = (
        "yang-rnn", "brainpy", "brainpy-datasets", "jax", "jaxlib", "numpy", "scipy", "scikit-learn"
    )  # fmt: skip
    return {package: importlib.metadata.version(package) for package in packages}


def summarise(run: Run | TaskRun, *, whole: bool = True) -> dict[str, Any]:
    """Return every number of a run's summary, ready for JSON.

    Parameters
    ----------
    run : Run or TaskRun
    whole : bool
        Whether to look for fixed points at other inputs too, in a run of the perceptual task, and
        to fit psychometric functions: members of sweeps do without.

    Returns
    -------
    dict
        Numbers, strings, lists and dicts; an eigenvalue is [real, imaginary].
    """
    from yang_rnn.experiment.task_run import TaskRun
    from yang_rnn.experiment.task_summary import summarise_task

    check_is("whole", whole, bool)
    if isinstance(run, TaskRun):
        return summarise_task(run, whole=whole)
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
        **({"psychometric_fit": fitted(run.psychometric_fit)} if whole else {}),
        "line_attractor": None if verdict is None else judged(verdict),
        "stimulus_dependence": table_of(run.by_stimulus) if whole and verdict else None,
    }


def named_columns(record: Any) -> dict[str, list[Any]]:
    """Turn a named tuple of arrays into lists by name."""
    return {name: np.asarray(values).tolist() for name, values in record._asdict().items()}


def fitted(fit: PsychometricFit | None) -> dict[str, Any] | None:
    """Return the numbers of a fit for JSON; None for those that are not determined, or infinite."""
    if fit is None:
        return None

    def plain(value: float) -> float | None:
        return float(value) if np.isfinite(value) else None

    numbers = ("threshold", "bias", "lapse_1", "lapse_2")
    return {
        **{
            name: {part: plain(value) for part, value in getattr(fit, name)._asdict().items()}
            for name in numbers
        },
        **{name: plain(getattr(fit, name)) for name in ("deviance", "goodness", "confidence")},
        "problem": fit.problem,
    }


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
    every, missed = run.every_fixed_point, missed_by_newton(run)
    if every is None or missed is None:
        return None
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


def describe(
    summary: dict[str, Any] | Run | TaskRun,
    *,
    stimulus: float | None = None,
    verbose: bool = False,
) -> str:
    """Return a run, or its summary, as text for a reader: sections with a plain sentence a line.

    Parameters
    ----------
    summary : dict, Run or TaskRun
        From `summarise`, the platform is told if it was added; or the run, of which that is made.
    stimulus : float, optional
        How long the stimulus lasts (ms): time constants are told beside it. A run's is known.
    verbose : bool
        Whether to tell how each search ended, all modes, and what each verdict stands on.

    Returns
    -------
    str
        Lines of up to 100 letters.
    """
    from yang_rnn.experiment.task_run import TaskRun
    from yang_rnn.experiment.task_summary import describe_task

    check_is("verbose", verbose, bool)
    if isinstance(summary, Run | TaskRun):
        stimulus = stimulus_of(summary) if stimulus is None else stimulus
        summary = summarise(summary, whole=False)
    check_is("summary", summary, dict)
    if stimulus is not None:
        stimulus = check_real("stimulus", stimulus, above=0)
    if "inputs" in summary:
        return describe_task(summary, stimulus=stimulus, verbose=verbose)
    missing = {"search", "analysed_point", "recipe", "newton"} - set(summary)
    if missing:
        raise ValueError(f"`summary` must be of `summarise`; lacks {missing}")
    parts = [
        training_of(summary),
        _behaviour(summary),
        fixed_points_of(summary, stimulus=stimulus, verbose=verbose),
    ]
    judged = summary["line_attractor"]
    if judged is None:
        parts.append(
            Section("What the network does", ["No verdict: it is for networks with two choices."])
        )
    else:
        parts += sections_of_verdict(judged, stimulus=stimulus, verbose=verbose)
        parts.append(pointers(verbose))
    return written(parts)


def stimulus_of(run: Run | TaskRun) -> float | None:
    """Return how long the stimulus of a run lasts (ms); None where the task has no evidence."""
    if isinstance(run, Run):
        return run.recipe.stimulus
    for alternatives in run.alternatives.values():
        during = run.trials.during(alternatives.stimulus)
        return (during.stop - during.start) * run.recipe.dt
    return None


def _behaviour(summary: dict[str, Any]) -> Section:
    """Say how often the network is right, beside the ideal observer, and how its states vary."""
    reached, by = summary["test_accuracy"], summary["accuracy_by_coherence"]
    lines = [
        f"In {summary['test_trials']} fresh trials a share of {reached:.4f} of its choices is "
        "right; an ideal observer, who uses all of the evidence, would have "
        f"{summary['ideal_observer_accuracy']:.4f}."
    ]
    if summary["psychometric"] is not None and reached < 0.5:
        lines.append(
            "That is less than a coin's 0.5: as long as the output for fixation is the largest no "
            "choice is made, which counts as wrong."
        )
    rows = {"right choices": by["accuracy"]}
    if by["ideal"] is not None:
        rows["ideal observer"] = by["ideal"]
    lines += table_of_levels("coherence", [f"{level:g} %" for level in by["level"]], rows)
    lines += _curve(summary.get("psychometric_fit"))
    return Section("Behaviour", [*lines, variance_in_words(summary["explained_variance_ratio"])])


def _curve(fit: dict[str, Any] | None) -> list[str]:
    """Say threshold and bias of the curve fitted to choices, with their 95 % intervals."""
    if fit is None:
        return []
    if fit["problem"]:
        return [f"No curve is fitted to its choices: {fit['problem']}."]
    threshold, bias = (_with_interval(fit[name]) for name in ("threshold", "bias"))
    return [
        f"A curve through its choices has a threshold of {threshold}, which takes them from half "
        f"to 84 %, and a bias of {bias}: at that evidence both choices are made alike (below 0 it "
        "prefers choice 2)."
    ]


def _with_interval(numbers: dict[str, float | None]) -> str:
    value, low, high = (
        "no limit" if numbers[part] is None else f"{numbers[part]:.2g}"
        for part in ("value", "low", "high")
    )
    return f"{value} % ({low} to {high})"
