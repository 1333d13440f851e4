"""A run's summary as text: sections with a heading, a plain sentence a line."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from yang_rnn.line_attractor.estimates import Estimate
from yang_rnn.line_attractor.rules import rules_of_mechanisms, rules_of_verdicts
from yang_rnn.line_attractor.sentences import WHAT, WHY
from yang_rnn.line_attractor.thresholds import Thresholds
from yang_rnn.line_attractor.words import describe_change, in_words, shared

WIDTH = 100
"""Letters of a line of text at most."""

COLUMNS = 8
"""Levels of a condition in a row of a table at most."""

LEFT = 16
"""Letters of the first column of a table at least; the others have half of them."""

OUTCOMES = {"for": "for it", "near": "too near to tell", "against": "against it"}
"""What a criterion of a verdict says of a line attractor."""


class Section(NamedTuple):
    """A part of a text.

    Attributes
    ----------
    heading : str
    lines : list of str
        Its sentences, each of any length, and lines of tables, which begin with a space.
    """

    heading: str
    lines: list[str]


def written(sections: Iterable[Section]) -> str:
    """Return sections as text of at most `WIDTH` letters a line."""
    return "\n\n".join("\n".join([part.heading, *_wrapped(part.lines)]) for part in sections)


def _wrapped(lines: Sequence[str]) -> list[str]:
    rows = []
    for line in lines:
        if line.startswith(" "):
            rows.append(line)
        else:
            rows += textwrap.wrap(
                line, WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False
            )
    return rows


def counted(number: int, what: str) -> str:
    """Return a number of things, as in ``1 fixed point`` and ``3 fixed points``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def training_of(summary: dict[str, Any]) -> Section:
    """Say what was trained, for how long, and what became of the loss."""
    platform = f" on {summary['platform']}" if "platform" in summary else ""
    return Section(
        "Training",
        [
            f"Recipe {summary['recipe']}, seed {summary['seed']}: {summary['hidden']} units, "
            f"{counted(summary['epochs'], 'epoch')}{platform}.",
            f"The loss of the last epoch is {summary['final_loss']:.4f}; history.csv has that of "
            "each, and the accuracy in training.",
        ],
    )


def table_of_levels(
    head: str, levels: Sequence[str], rows: dict[str, Sequence[float]]
) -> list[str]:
    """Return a table whose columns are the levels of a condition, in as many parts as it takes."""
    left = max(LEFT, *(len(name) + 2 for name in (head, *rows)))
    lines = []
    for begin in range(0, len(levels), COLUMNS):
        part = slice(begin, begin + COLUMNS)
        width = max(LEFT // 2, *(len(level) + 2 for level in levels[part]))
        lines.append(f"  {head:<{left}}" + "".join(f"{level:>{width}}" for level in levels[part]))
        for name, values in rows.items():
            numbers = "".join(f"{value:>{width}.2f}" for value in values[part])
            lines.append(f"  {name:<{left}}{numbers}")
    return lines


def variance_in_words(shares: Sequence[float]) -> str:
    """Say how much of the states' variance the principal components hold."""
    each = ", ".join(f"PC {i} {100 * share:.1f} %" for i, share in enumerate(shares, start=1))
    return (
        f"{counted(len(shares), 'principal component')} (PC) hold {100 * sum(shares):.1f} % of the "
        f"variance of its states: {each}."
    )


def pointers(verbose: bool) -> Section:
    """Say where the numbers of a verdict are defined, and where there are more of them."""
    lines = [
        "What the numbers of a verdict mean, and what they were held against: docs/verdict.md."
    ]
    if not verbose:
        lines.append("All of them: --verbose, in Python describe(..., verbose=True); summary.json.")
    return Section("More", lines)


def sections_of_verdict(
    judged: dict[str, Any], of: str = "", *, stimulus: float | None, verbose: bool
) -> list[Section]:
    """Say what a network does with evidence, and why, in two sections.

    Parameters
    ----------
    judged : dict
        From `yang_rnn.experiment.summary.judged`.
    of : str
        The context that it is of; empty where there is one only.
    stimulus : float or None
        How long the stimulus lasts (ms), which time constants are compared with.
    verbose : bool
        Whether to give all reasons and criteria.
    """
    context = f" ({of})" if of else ""
    return [
        Section(f"What the network does{context}", _does(judged, stimulus, verbose)),
        Section(f"Why{context}", _why(judged, stimulus, verbose)),
    ]


def _does(judged: dict[str, Any], stimulus: float | None, verbose: bool) -> list[str]:
    m, at = judged["measures"], Thresholds()
    label, near = judged["verdict"], judged["near"]
    lines = [f"{label}: {WHAT[label]}"]
    if near:
        lines.append(
            f"It is near {near}: a threshold lies within the 95 % interval of a number below."
        )
    if m["accuracy"] is not None:
        lines.append(
            "In other, fewer trials, those with evidence alone and of the two choices' outputs "
            f"alone, {100 * m['accuracy']:.0f} ± {100 * (m.get('accuracy_error') or 0):.0f} % are "
            f"right (a coin: 50 %; threshold `learned`: {100 * at.learned:g} % or more)."
        )
    if m["efficiency"] is not None:
        lines.append(
            "Of the evidence's information its decisions keep a share of "
            f"{_estimate(m, 'efficiency')} (± standard error; all of it: 1; a line attractor, "
            f"threshold `keeps`: {at.keeps:g} or more; most is lost, threshold `loses`: below "
            f"{at.loses:g})."
        )
    if m["constancy"] is not None:
        lines.append(
            "What a pulse of evidence does to the state, soon after it and at the end of the "
            f"stimulus, has a cosine of {_estimate(m, 'constancy')} (same direction: 1; a line "
            f"attractor, threshold `straight`: {at.straight:g} or more)."
        )
    if m["decision_kept"] is not None:
        lines.append(_of_decisions(m["decision_kept"], m["decision_time_constant"], stimulus))
    if verbose:
        lines.append(f"Rule: {rules_of_verdicts()[label]}.")
        lines.append(f"In full: {judged['reason']}.")
        lines += [_criterion(criterion) for criterion in judged["criteria"]]
    return lines


def _of_decisions(kept: float, time_constant: float | None, stimulus: float | None) -> str:
    """Say how much of a decision is left after the stimulus, and which time constant that gives."""
    lasted = "" if stimulus is None else f", {stimulus / 1000:.3g} s"
    left = f"As long after the stimulus as that lasted{lasted}, {kept:.2g} of a decision is left"
    if kept <= 0:
        return f"{left}: decisions have turned over by then, and have no time constant."
    change = describe_change(math.inf if time_constant is None else time_constant)
    return f"{left}, as of one that {change}."


def _estimate(measures: dict[str, Any], name: str) -> str:
    return str(Estimate(measures[name], measures[f"{name}_error"] or 0.0))


def _criterion(criterion: dict[str, Any]) -> str:
    value, error = criterion["value"], criterion["error"]
    number = "undefined" if value is None else str(Estimate(value, error or math.nan))
    return (
        f"Criterion: {criterion['name']} {number.removesuffix(' ± nan')}; a line attractor has "
        f"{criterion['rule']}: {OUTCOMES.get(criterion['outcome'], criterion['outcome'])}."
    )


def _why(judged: dict[str, Any], stimulus: float | None, verbose: bool) -> list[str]:
    m, at, label = judged["measures"], Thresholds(), judged["mechanism"]
    lines = [f"{label}: {WHY[label]}"]
    on_line = f", {m['points_on_line']} of them on that curve" if m["manifold_converged"] else ""
    if label == "several fixed points":
        lines.append(f"{counted(m['num_fixed'], 'fixed point')}{on_line}.")
    if label == "continuum" and m["still_share"] is not None:
        lines.append(
            f"Over {100 * m['still_share']:.0f} % of what its states span, they move by less than "
            f"{at.still:g} of it within the stimulus (threshold `still`)."
        )
    if m["driven_share"] is not None:
        lasting = m["driven_time_constant"]
        change = describe_change(math.inf if lasting is None else lasting)
        share = f"{100 * m['driven_share']:.0f} %"
        lines.append(
            f"The direction that carries most of the evidence carries {share} of it; left alone it "
            f"{change}{_beside(stimulus)}."
        )
    if label == "rotation":
        lines.append(
            f"Directions that rotate carry {100 * m['turning_share']:.0f} % of the evidence "
            f"(threshold `turning`: {100 * at.turning:g} % or more)."
        )
    if label == "chain" and m["mode_keeps"] is not None:
        lines.append(
            f"By its equations it keeps {shared(m['response_efficiency'])} of the information, the "
            f"slowest direction alone would keep {shared(m['mode_keeps'])} (threshold `beyond`: "
            f"{at.beyond:g} more)."
        )
    if verbose:
        lines.append(f"Rule: {rules_of_mechanisms()[label]}.")
        lines.append(f"In full: {judged['mechanism_reason']}.")
        if m["non_normality"] is not None:
            lines.append(
                f"Its Jacobian's non-normality is {m['non_normality']:.2f} (a normal matrix: 0)."
            )
    return lines


def _beside(stimulus: float | None) -> str:
    return "" if stimulus is None else f" (the stimulus lasts {stimulus / 1000:.3g} s)"


def fixed_points_of(summary: dict[str, Any], *, stimulus: float | None, verbose: bool) -> Section:
    """Say which fixed and slow points there are, how they were found, and what the central one is.

    Parameters
    ----------
    summary : dict
        Of a run of the perceptual task.
    stimulus : float or None
        How long the stimulus lasts (ms).
    verbose : bool
        Whether to say how the searches ended, with all modes.
    """
    search, exact, point = summary["search"], summary["newton"], summary["analysed_point"]
    lines = [
        "A fixed point is a state h that the network stays in at the input without evidence: its "
        "next state F(h) is h.",
        *_proof(summary.get("every_fixed_point"), verbose),
        *_searches(search, exact, summary["hidden"], verbose),
    ]
    if verbose and "index" in summary:
        lines.append(f"Index: {summary['index']['in_words']}.")
    if point is None:
        lines.append("No fixed or slow point was found with this seed: none is analysed.")
    else:
        lines += _central(point, search, summary["hidden"], stimulus, verbose)
    return Section("Fixed points", lines)


def _proof(every: dict[str, Any] | None, verbose: bool) -> list[str]:
    if every is None:
        return []
    if every["proved"] or verbose or every["closed"] == 1:
        lines = [f"Found: {every['in_words']}."]
    else:
        lines = [
            f"Found: {counted(every['number'], 'fixed point')}; there may be others: the proof "
            f"that there are none got {100 * every['closed']:.0f} % of the way (--prove goes on)."
        ]
    if every["missed_by_newton"]:
        lines.append(f"{every['missed_by_newton']} of them Newton's method had not found.")
    if verbose:
        lines.append(f"The proof took {every['nodes']} of at most {every['most_nodes']} nodes.")
    return lines


def _searches(
    search: dict[str, Any], exact: dict[str, int], units: int, verbose: bool
) -> list[str]:
    ends, kept, starts = search["ends"], search["kept"], search["starts"]
    newton = search["method"] == "newton"
    lines = []
    if not newton:
        lines.append(
            "Gradient descent ends where the state hardly moves, exactly fixed or not: of "
            f"{starts} searches {ends['slow']} ended at slow points, {ends['fixed']} at fixed "
            f"ones, {ends['unconverged'] + ends['diverged']} at neither."
        )
    found = counted(exact["fixed"], "fixed point") + f" and {exact['slow']} slow"
    same = f"from {starts} states" if newton else "from the same states"
    lines.append(
        "Newton's method solves F(h) = h, and so tells which are exactly fixed: "
        f"{same} it finds {found}."
    )
    lines.append(
        f"Slow means that the mean square of F(h) - h over the {units} units is below "
        f"{_slow(search, units)}."
    )
    if verbose:
        ended = ", ".join(f"{number} {status}" for status, number in ends.items())
        different = ", ".join(f"{number} {status}" for status, number in kept.items() if number)
        lines += [
            f"How the searches of {search['method']} ended: {ended}; different ones, without "
            f"outliers: {different or 'none'}.",
            f"Fixed: q = 1/2 ||F(h) - h||^2, over the squared scale of the state, is at most "
            f"{search['fixed_speed']:.3g}; slow: q is below {search['slow_speed']:.3g}.",
        ]
    return lines


def _central(
    point: dict[str, Any],
    search: dict[str, Any],
    units: int,
    stimulus: float | None,
    verbose: bool,
) -> list[str]:
    lines = [_kind_of(point, search, units)]
    shown = [mode for mode in point["modes"] if mode["eigenvalue"][1] >= 0]
    if shown:
        lines.append(f"Its slowest direction {_described(shown[0])}{_beside(stimulus)}.")
    if point["on_kink"]:
        lines.append("It lies on a kink of the relu, so that this holds on one side of it.")
    if verbose:
        lines.append(
            f"There q = {point['speed']:.1e}, mean square {point['mean_square']:.1e}; "
            f"{point['starts_reached']} searches ended at it. Its leading modes (eigenvalues of "
            "the Jacobian, by modulus):"
        )
        lines += [f"    {_eigenvalue(mode):<15} {_described(mode)}" for mode in shown]
    return lines


def _kind_of(point: dict[str, Any], search: dict[str, Any], units: int) -> str:
    if not point["label"]:
        return (
            f"The slowest one is a {point['status']} point (mean square "
            f"{point['mean_square']:.1e}, slow below {_slow(search, units)}): what "
            "is said of it holds only while the state stays near it."
        )
    number = point["unstable_directions"]
    ways = f"it has {counted(number, 'unstable direction')}, along which the state leaves it"
    if not number:
        stable = point["label"].startswith("stable")
        ways = "states near it return to it" if stable else "the state leaves it along no direction"
    return f"The one in the middle of the network's states is a {point['label']}: {ways}."


def _slow(search: dict[str, Any], units: int) -> str:
    return f"{2 * search['slow_speed'] / units:.1e}"


def _eigenvalue(mode: dict[str, Any]) -> str:
    return in_words(complex(*mode["eigenvalue"]))


def _described(mode: dict[str, Any]) -> str:
    value, lasting = complex(*mode["eigenvalue"]), mode["time_constant_ms"]
    change = describe_change(math.inf if lasting is None else lasting)
    turn = f", rotates at {mode['frequency_hz']:.2f} Hz" if value.imag else ""
    flip = ", changes sign every step" if value.imag == 0 and value.real < 0 else ""
    return f"{change}{turn}{flip}"
