"""What the figures of a run show, in words: where they stand in a page, and with which numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from yang_rnn.report.numbers import changes, counted, number, percent


class Caption(NamedTuple):
    """What a figure shows.

    Attributes
    ----------
    section : str
        Where it stands: trajectories, behaviour, points, verdict, training or more.
    title : str
        What it is.
    look : str
        What to look at, in a sentence.
    alt : str
        What it says, with its numbers, for who can't see it.
    """

    section: str
    title: str
    look: str
    alt: str


_LOOK: dict[str, tuple[str, str, str]] = {
    "trajectories": (
        "trajectories", "Trajectories of trials",
        "Each line is the path of the state in a trial, coloured by the right choice.",
    ),
    "averages": (
        "trajectories", "Trajectories, averaged by the evidence",
        "Paths that fan out by the strength of the evidence show that it is told apart.",
    ),
    "conditions": (
        "trajectories", "Trajectories, averaged by condition",
        "Each panel colours the same paths by another condition of the trials.",
    ),
    "psychometric": (
        "behaviour", "Psychometric function",
        "How often choice 2 is made, by the evidence for it; where the axis is a symmetric log "
        "scale, it is linear about 0 and logarithmic beyond the weakest evidence. Threshold: how "
        "much evidence takes choices from half to 84 %; bias: the evidence at which both are "
        "chosen alike; lapses: what is lost however strong the evidence is.",
    ),
    "accuracy": (
        "behaviour", "Right answers by condition",
        "Each point is a share of trials, with its 95 % interval.",
    ),
    "eigenvalues": (
        "points", "Eigenvalues at the point that the analysis stands on",
        "Inside the circle modes shrink, on it they stay, outside they grow; off the horizontal "
        "line they turn.",
    ),
    "slow_points": (
        "points", "Slow and fixed points among the trajectories",
        "At a fixed point the state rests (those are all that is known of, by Newton's method or "
        "by proof); at a slow one, where the search of slow points ended, it hardly moves. The "
        "ring is around the point that the analysis stands on, the centre.",
    ),
    "slow_points_3d": (
        "points", "The same in three components",
        "Points that lie over each other above may lie apart here.",
    ),
    "flow_field": (
        "points", "Where the state would go from each place",
        "Arrows show the direction, green where it is slow; lines are the trajectories, averaged "
        "by the evidence, dashed without any. The plane is that of the slow manifold's own axis "
        "and of what the states vary most in beside it (orthogonal PC), not that of the other "
        "figures. A dotted manifold has not converged.",
    ),
    "points_by_input": (
        "points", "Fixed and slow points at each input",
        "Each panel is another constant input.",
    ),
    "stimulus_dependence": (
        "points", "Fixed and slow points at each stimulus",
        "Evidence in the input moves the points: the state goes to those that are stable, and "
        "along those that are not. Fixation: the input before the stimulus, with that for "
        "fixation alone; 0 %: both inputs for choices on, and alike; decision: all off.",
    ),
    "line_attractor": (
        "verdict", "The verdict, with what it stands on",
        "Above what the network does, as it was measured: what evidence of each moment changes in "
        "the decision (the kernel; flat where all of it counts alike), how much of a decision is "
        "left after the stimulus, and the numbers with their thresholds. Below why, by its "
        "equations; R\u00b2 is how much of the last position the summed evidence explains, over "
        "all trials and within those of one coherence.",
    ),
    "outputs": (
        "trajectories", "Outputs over time",
        "The largest output when a choice is asked for is the answer.",
    ),
    "unit_activity": (
        "trajectories", "Activity of the units over time",
        "Each row is a unit; the units are sorted by when they are most active.",
    ),
    "weights": (
        "points", "Weights between the units, and their eigenvalues",
        "What the units tell each other; units with similar weights stand together. The weights "
        "have eigenvalues of their own; the Jacobian at the point that the analysis stands on (the "
        "centre) lacks the units that are silent there.",
    ),
    "learning_curve": (
        "training", "Loss and accuracy by epoch",
        "Where the loss still falls at its end, more epochs may help; how far the share of right "
        "outputs jumps from one epoch to the next is how far the last one was chance.",
    ),
    "slow_manifold": (
        "verdict", "The slow manifold among the averaged trajectories",
        "If the ends of the trajectories lie along the curve, it is where evidence is kept; a "
        "dotted one has not converged, and is no slow manifold.",
    ),
}  # fmt: skip


def caption_of(name: str, summary: Mapping[str, Any]) -> Caption:
    """Return what a figure of a run shows.

    Parameters
    ----------
    name : str
        Of the figure; behind a hyphen may stand a context.
    summary : mapping
        The run's.
    """
    kind, _, context = name.partition("-")
    title = kind.replace("_", " ").capitalize()
    section = "training" if kind.startswith(("learning", "training")) else "more"
    section, title, look = _LOOK.get(kind, (section, title, ""))
    said = _SAYS[kind](summary, context) if kind in _SAYS else ""
    where = f", {context.replace('_', ' ')}" if context else ""
    of = f"{summary['recipe']}, seed {summary['seed']}"
    alt = f"{title}{where}, of {of}. {said}".strip()
    return Caption(section, f"{title}{where}", look, alt)


def _variance(summary: Mapping[str, Any], context: str) -> str:
    shares = summary["explained_variance_ratio"]
    return f"Two components have {percent(sum(shares[:2]))} of the variance."


def _curve(summary: Mapping[str, Any], context: str) -> str:
    curve = _in_context(summary["psychometric"], context)
    if not curve:
        return ""
    pairs = zip(curve["probability"], curve["strength"], strict=True)
    return "Choice 2 is made in " + ", ".join(f"{percent(p)} at {s:+g}" for p, s in pairs) + "."


def _conditions(summary: Mapping[str, Any], context: str) -> str:
    low, high = summary["test_accuracy_interval"]
    reached = percent(summary["test_accuracy"])
    return f"{reached} of all trials are right, interval {percent(low)} to {percent(high)}."


def _modes(summary: Mapping[str, Any], context: str) -> str:
    point = summary["analysed_point"]
    if point is None:
        return "No point was found."
    first = point["modes"][0]
    return f"The slowest mode {changes(first['time_constant_ms'], first['frequency_hz'])}."


def _points(summary: Mapping[str, Any], context: str) -> str:
    if "newton" not in summary:
        return ""
    kept = summary["search"]["kept"]
    return (
        f"{counted(kept['fixed'], 'fixed point')} and {counted(kept['slow'], 'slow point')} of the "
        f"{summary['search']['method']} search; Newton's method found "
        f"{summary['newton']['fixed']} fixed."
    )


def _by_input(summary: Mapping[str, Any], context: str) -> str:
    name = "stimulus" if "stimulus_dependence" in summary else "input"
    rows = summary.get("stimulus_dependence") or summary.get("inputs") or []
    return "".join(f"{row['fixed']} fixed at {row[name]}. " for row in rows[:12])


def _verdict(summary: Mapping[str, Any], context: str) -> str:
    judged = _in_context(summary["line_attractor"], context)
    if not judged:
        return ""
    return f"{judged['verdict']}: {judged['reason']}. Mechanism: {judged['mechanism']}."


def _manifold(summary: Mapping[str, Any], context: str) -> str:
    judged = _in_context(summary["line_attractor"], context)
    if not judged:
        return ""
    measures = judged["measures"]
    found = "was" if measures["manifold_converged"] else "was not"
    told = number(measures["evidence_r2"])
    return f"A slow curve {found} found; the evidence explains {told} of the last positions."


def _in_context(values: Any, context: str) -> Any:
    """Return what belongs to a context, whose name has other letters in a figure's name."""
    if values is None or "measures" in values or "probability" in values:
        return values
    for name, value in values.items():
        if "".join(filter(str.isalnum, name)) == "".join(filter(str.isalnum, context)):
            return value
    return None


_SAYS = {
    "trajectories": _variance,
    "averages": _variance,
    "conditions": _variance,
    "psychometric": _curve,
    "accuracy": _conditions,
    "eigenvalues": _modes,
    "slow_points": _points,
    "slow_points_3d": _points,
    "flow_field": _points,
    "points_by_input": _by_input,
    "stimulus_dependence": _by_input,
    "line_attractor": _verdict,
    "slow_manifold": _manifold,
}
"""What each figure says with its numbers."""
