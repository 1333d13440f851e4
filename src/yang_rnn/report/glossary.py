"""What the words and numbers of a report mean, each in a sentence that a student understands."""

from __future__ import annotations

from typing import NamedTuple

from yang_rnn.line_attractor.rules import rules_of_mechanisms, rules_of_verdicts
from yang_rnn.line_attractor.sentences import WHAT, WHY
from yang_rnn.line_attractor.thresholds import Thresholds


class Term(NamedTuple):
    """A word or a number, explained.

    Attributes
    ----------
    name : str
        What it is called.
    meaning : str
        What it is, in a sentence.
    unit : str
        What it is measured in; empty for words and for numbers without a unit.
    compare : str
        What to compare a number with; empty where there is nothing.
    """

    name: str
    meaning: str
    unit: str = ""
    compare: str = ""


_AT = Thresholds()

WORDS: dict[str, Term] = {
    "trial": Term(
        "trial",
        "One run of the task, from the first input to the answer.",
    ),
    "coherence": Term(
        "coherence",
        "How strongly the evidence speaks for one choice; at 0 % there is noise alone.",
        "%",
        "The higher it is, the easier the trial.",
    ),
    "ideal observer": Term(
        "ideal observer",
        "A decider that uses all evidence of a trial and forgets none.",
        "",
        "Nobody can do better on these noisy inputs.",
    ),
    "interval": Term(
        "95 % interval",
        "Where the true share lies, in 95 of 100 such measurements: it was measured on a limited "
        "number of trials or networks.",
    ),
    "psychometric function": Term(
        "psychometric function",
        "How often one choice is made, by the strength of the evidence for it.",
        "",
        "A steep one tells weak evidence apart; that of the ideal observer is the steepest.",
    ),
    "threshold": Term(
        "threshold",
        "How much evidence, from the bias on, takes the choices that are no lapses from half to "
        "84 % of choice 2, by the curve fitted to them.",
        "%",
        "The smaller, the weaker the evidence that is told apart.",
    ),
    "bias": Term(
        "bias",
        "The evidence at which both choices are made alike; below 0, choice 2 is preferred.",
        "%",
        "0: none. Beside the threshold it tells how much it matters: one as large makes a choice "
        "in 84 % of trials without evidence.",
    ),
    "lapse": Term(
        "lapses",
        "Share of trials that are lost to the other choice however strong the evidence is.",
        "",
        "0: with strong evidence it is always right.",
    ),
    "unit": Term(
        "hidden unit",
        "A model neuron; its activity is one number at each time.",
    ),
    "state": Term(
        "state",
        "The activities of all hidden units at one time: a point in a space with one axis a unit.",
    ),
    "trajectory": Term(
        "trajectory",
        "The path that the state takes during a trial.",
    ),
    "principal component": Term(
        "principal component (PC)",
        "A direction in the space of states; the first few are those along which states differ "
        "most, and a figure shows these.",
        "share of the variance",
        "If two PCs have nearly all of the variance, a flat figure shows nearly all there is.",
    ),
    "fixed point": Term(
        "fixed point",
        "A state that does not change while the input stays as it is.",
        "",
        "Where activity rests, or what it moves around.",
    ),
    "slow point": Term(
        "slow point",
        "A state that changes only a little in a step, though it does not rest.",
        "",
        "It may be on the way to a fixed point, or where there nearly is one.",
    ),
    "far point": Term(
        "far from the data",
        "A point so far from all states of trials that the network never goes there by itself.",
    ),
    "speed": Term(
        "q",
        "The speed of a state: half of the squared distance that it moves in a step.",
        "squared units of activity",
        "0 at a fixed point; computers reach 1e-20 or less.",
    ),
    "stability": Term(
        "stable, saddle, unstable",
        "Whether the state comes back after a small push in every direction (stable), in some "
        "(saddle), or in none (unstable).",
    ),
    "spiral": Term(
        "node and spiral",
        "At a node a pushed state comes back straight, at a spiral it turns on its way.",
    ),
    "mode": Term(
        "mode",
        "A pattern of activity that keeps its form near a point: it shrinks, grows or turns.",
    ),
    "eigenvalue": Term(
        "eigenvalue",
        "What a mode is multiplied by in each time step.",
        "",
        "1: it stays; less than 1 in size: it shrinks; more: it grows; with an imaginary part (i): "
        "it turns, and such modes come in pairs, written a \u00b1 bi.",
    ),
    "standard error": Term(
        "\u00b1",
        "The standard error of a number, that is, how far chance alone would move it if it were "
        "measured again.",
        "",
        "What lies within two of them of a threshold may as well lie on its other side. It is of "
        "measuring this one network: others, of other seeds, may differ by more.",
    ),
    "time constant": Term(
        "time constant",
        "After this time a mode has shrunk to 37 % of what it was (or grown to 2.7 times that).",
        "s",
        "Compare it with the stimulus: what is much shorter than that is forgotten in a trial.",
    ),
    "proved": Term(
        "proved",
        "There is no other point: combinations of active and silent units were excluded by bounds, "
        "whole groups of them at once, until none was left.",
        "",
        "Found by search means that there may be others.",
    ),
    "index sum": Term(
        "index sum",
        "A count over the fixed points in which saddles may count as -1; in a network whose "
        "activity has bounds that of all points together is 1.",
        "",
        "Any other sum says that some were missed.",
    ),
    "slow manifold": Term(
        "slow manifold",
        "A curve of states along which activity moves slowly, and to which it comes from the side.",
    ),
    "linear response": Term(
        "linear response",
        "What the network's equations predict for a little more evidence, without any simulation "
        "with noise.",
        "",
        "If it agrees with what was measured, the explanation holds.",
    ),
    "pulse": Term(
        "pulse",
        "A short, small addition to the evidence, to see what the state makes of it.",
    ),
    "loss": Term(
        "loss",
        "What training makes smaller: how far outputs are from what they should be.",
        "",
        "Compare the last with the first; where it still falls, more epochs may help, or not.",
    ),
    "epoch": Term(
        "epoch",
        "One round of training, after which loss and accuracy are written down.",
    ),
    "recipe": Term(
        "recipe",
        "All numbers of an experiment: of the task, the network, its training and the analysis.",
    ),
    "seed": Term(
        "seed",
        "The number that fixes everything that chance decides; another seed gives another network.",
    ),
    "verdict": Term(
        "verdict",
        "What the network does with evidence, by measurement.",
    ),
    "line attractor": Term(
        "line attractor",
        "Here a network that, while the stimulus lasts, adds evidence up and keeps it along one "
        "direction.",
        "",
        "It need not have a line of fixed points, and may forget after the stimulus.",
    ),
    "centre": Term(
        "centre",
        "The fixed or slow point in the middle of the states of trials, around which the equations "
        "are looked at: the point that the analysis stands on.",
    ),
    "driven mode": Term(
        "driven mode",
        "Of the modes at the centre the one that carries the largest share of the evidence to the "
        "decision.",
        "",
        "With a small share, no single mode explains the decisions.",
    ),
    "mechanism": Term(
        "mechanism",
        "Why it does that, by its equations.",
    ),
    "near": Term(
        "near",
        "A threshold lies within the 95 % interval of a number that decides: measured again, the "
        "network might get the other verdict.",
    ),
    "share": Term(
        "share",
        "How many of a hundred networks got this verdict.",
        "%",
        "Two shares whose intervals do not overlap are different.",
    ),
}
"""The words of a report, by a short name."""

OUTCOMES: dict[str, str] = {
    "for": "reached",
    "near": "too near to tell",
    "against": "not reached",
    "undefined": "not measurable",
}
"""What came of a number that was held against a threshold."""

_EFFICIENCY = (
    "1: all evidence counts, early and late alike. "
    f"A line attractor has {_AT.keeps:g} or more; below {_AT.loses:g} it is lost."
)
_CONSTANCY = (
    "1: the direction stays; 0: it has turned by a right angle; below 0: it points back. "
    f"On a line it is {_AT.straight:g} or more."
)
_EARLY = "0: early and late evidence count alike; above 0 early evidence counts more, below 0 late."
_COSINE = "1: the same direction; 0: at right angles."
_AGREES = "It should agree with the one that was measured."
_ALONE = "Where it differs from what was measured, this alone does not explain it."

MEASURES: dict[str, Term] = {
    "accuracy": Term(
        "right choices",
        "In what share of the analysed trials with evidence, of the outputs of the two choices "
        "alone, that of the right one is the larger.",
        "",
        f"Half is guessing; below {_AT.learned:g} nothing more is judged. The accuracy of the "
        "network is of other trials, of all its outputs, and of trials without evidence too.",
    ),
    "efficiency": Term(
        "evidence that decisions keep",
        "Share of the information in the evidence that decisions use (efficiency).",
        "",
        _EFFICIENCY,
    ),
    "early": Term(
        "early evidence", "By how much early evidence counts more than late.", "", _EARLY
    ),
    "constancy": Term(
        "direction of a pulse kept",
        "Whether a pulse of evidence goes on changing the state in the same direction (constancy).",
        "cosine",
        _CONSTANCY,
    ),
    "additivity": Term(
        "two pulses together",
        "What two pulses of evidence do together, over what each does alone.",
        "",
        "1: they add up.",
    ),
    "decision_kept": Term(
        "decision left",
        "How much of a decision is left as long after the stimulus as that lasted.",
        "",
        "1: all of it; 0: none; below 0: decisions have turned over.",
    ),
    "decision_time_constant": Term(
        "time constant of decisions",
        "That of an exponential through what is left of decisions as long after the stimulus as "
        "that lasted, not of the whole curve, which may swing; negative where they grow, not "
        "defined where they have turned over.",
        "ms",
        "Compare it with how long the stimulus lasts.",
    ),
    "push_along": Term(
        "push along the evidence",
        "What is left, a stimulus later, of a push of the state in the direction of evidence.",
        "",
        "1: all of it; on a line attractor it is much more than of a push across.",
    ),
    "push_across": Term(
        "push across the evidence",
        "What is left, a stimulus later, of a push in other directions.",
        "",
        "On a line attractor near 0.",
    ),
    "propagator_ratio": Term(
        "second direction over first",
        "How much the direction that lasts second longest keeps, beside that which lasts longest.",
        "",
        "Near 0: one direction stands out.",
    ),
    "ends_at_points": Term(
        "states that come to rest",
        "Share of states that rest somewhere when they are left alone for 100 s: that move by less "
        "than a millionth.",
        "",
        "Those that rest, go around, run away and still move are 1 together. Beside a stable point "
        "it may be 0: with a slow mode states are still on their way to it.",
    ),
    "ends_in_cycles": Term(
        "states that end in a cycle",
        "Share of states that go around for ever when they are left alone for 100 s.",
        "",
        "Those that rest, go around, run away and still move are 1 together.",
    ),
    "runs_away": Term(
        "states that run away",
        "Share of states whose activity grows without end when they are left alone for 100 s.",
        "",
        "Those that rest, go around, run away and still move are 1 together.",
    ),
    "still_moving": Term(
        "states that still move",
        "Share of states that neither rest nor run away within 100 s, those among them that come "
        "back to a fixed point slowly: to rest is to move by less than a millionth.",
        "",
        "Those that rest, go around, run away and still move are 1 together.",
    ),
    "num_end_points": Term(
        "resting places", "How many different places states come to rest at.", "",
        "Two or more: the network can remember a decision.",
    ),
    "growth": Term("rate of running away", "How fast states grow that run away.", "1/s"),
    "response_efficiency": Term(
        "evidence kept by linear response",
        "The same share as the equations predict it.",
        "",
        _AGREES,
    ),
    "response_constancy": Term(
        "direction kept by linear response",
        "The same constancy as the equations predict it.",
        "cosine",
        _AGREES,
    ),
    "response_early": Term(
        "early evidence by linear response", "As the equations predict it.", "", _EARLY
    ),
    "num_fixed": Term(
        "fixed points", "How many fixed points are known without evidence in the input."
    ),
    "fixed_proved": Term(
        "proved to be all", "Whether it is proved that there are no other fixed points."
    ),
    "num_far": Term(
        "fixed points far away",
        "How many of the fixed points lie far from all states of trials.",
        "",
        "0: the network goes near each of them.",
    ),
    "num_slow": Term(
        "slow points", "How many slow points the search found that the verdict stands on.", "",
        "Newton's method goes on to fixed points, and finds few; a descent ends at many.",
    ),
    "has_stable_point": Term(
        "has a stable point", "Whether activity comes back to one of the fixed points."
    ),
    "centre_speed": Term(
        "q at the centre", "The speed of the point that the analysis stands on.", "",
        "0 at a fixed point.",
    ),
    "centre_distance": Term(
        "distance of the centre",
        "How far states of trials are from that point, over how far they are from each other.",
        "",
        "Around 1: it lies among them.",
    ),
    "eigenvalue": Term(
        "leading eigenvalue", "What the slowest mode at the centre is multiplied by in each step.",
        "", "1 in size: it stays.",
    ),
    "second_eigenvalue": Term("second eigenvalue", "The same of the next mode."),
    "time_constant": Term(
        "time constant of the slowest mode",
        "How long the slowest mode at the centre lasts; negative where it grows.",
        "ms",
        "Compare it with how long the stimulus lasts.",
    ),
    "second_time_constant": Term("second time constant", "The same of the next mode.", "ms"),
    "line_attractor_score": Term(
        "score of a line attractor",
        "How much longer the slowest mode lasts than the next, in doublings; 0 where these two "
        "are a pair that turns.",
        "",
        "Its source calls a network above 1 a line attractor; it looks at two eigenvalues alone, "
        "not at evidence, and the verdict does not use it.",
    ),
    "mode_keeps": Term(
        "kept by a mode", "The most evidence that a single mode at the centre would keep.", "",
        _EFFICIENCY,
    ),
    "driven_eigenvalue": Term(
        "eigenvalue of the driven mode",
        "That of the mode at the centre that carries most of the evidence to the decision.",
    ),
    "driven_time_constant": Term(
        "time constant of the driven mode",
        "How long the mode lasts that carries most of the evidence.", "ms",
        "Compare it with how long the stimulus lasts.",
    ),
    "driven_share": Term(
        "carried by the driven mode",
        "Share of the evidence that is carried to the decision by the driven mode, that is, by the "
        "one mode at the centre that carries most of it.",
        "",
        "1: no other counts.",
    ),
    "driven_keeps": Term(
        "kept by the driven mode", "Evidence that the driven mode alone would keep.", "",
        _EFFICIENCY,
    ),
    "driven_moves": Term(
        "change of the driven mode",
        "By how much of itself the driven mode changes while the stimulus lasts.",
        "",
        "0: it stays.",
    ),
    "driven_turn": Term(
        "turn of the driven mode", "Angle by which the driven mode turns meanwhile.", "rad",
        "0: not at all; 3.14: it points the other way.",
    ),
    "turning_share": Term(
        "carried by modes that turn", "Share of the evidence that modes carry which turn.", "",
        f"From {_AT.turning:g} on, it is a rotation.",
    ),
    "non_normality": Term(
        "non-normality",
        "How much modes lean on each other, so that one can hand activity to the next.",
        "",
        "0: not at all.",
    ),
    "centre_efficiency": Term(
        "evidence kept at the centre", "As the equations at the centre alone predict it.", "",
        _ALONE,
    ),
    "centre_constancy": Term(
        "direction kept at the centre", "As the equations at the centre alone predict it.",
        "cosine", _ALONE,
    ),
    "manifold_converged": Term(
        "slow manifold settled",
        "Whether the map takes the slow curve through the centre into itself.",
        "",
        "Where not, its length and places are those of the piece that it was begun with.",
    ),
    "manifold_error": Term(
        "error of the slow manifold", "How far off it may be, over its length.", "",
        "The smaller, the better.",
    ),
    "span": Term(
        "span", "How far apart states are at the end of the stimulus.", "units of activity"
    ),
    "length": Term("length of the slow manifold", "From end to end.", "units of activity"),
    "relative_length": Term(
        "part of the span", "Share of the span that the slow manifold covers.", "",
        "1: states of all trials lie along it.",
    ),
    "manifold_distance": Term(
        "distance from the slow manifold",
        "How far states are from it at the end of the stimulus, over the span.",
        "",
        "0: they lie on it.",
    ),
    "participation_ratio": Term(
        "straightness", "In how many directions the slow manifold goes.", "", "1: it is straight."
    ),
    "curvature": Term(
        "curvature", "By how much the slow manifold turns from end to end.", "rad",
        "0: it is straight.",
    ),
    "points_on_line": Term(
        "fixed points on the slow manifold", "How many of the fixed points lie on it.", "",
        "Counted where the slow manifold was found."
    ),
    "drift": Term(
        "drift", "How fast states move along the slow manifold, on average.", "spans per s",
        "0: they stay.",
    ),
    "memory_error_bound": Term(
        "fastest drift", "The largest speed along the slow manifold.", "spans per s",
        "0: states stay everywhere.",
    ),
    "memory_capacity": Term(
        "memory capacity", "How many amounts of evidence can be told apart in the end.", "nats",
        "0: one; 0.69: two.",
    ),
    "largest_gap": Term(
        "largest gap", "Between neighbouring resting places on it, over the span.", "",
        "0: a continuum.",
    ),
    "hyperbolicity_gap": Term(
        "slower along than across",
        "By how much states move slower along the slow manifold than towards it.",
        "1/s",
        "Above 0: it attracts faster than it drifts.",
    ),
    "still_share": Term(
        "part that stands still", "Share of the span where states hardly move.", "",
        "1: a continuum of resting states.",
    ),
    "manifold_efficiency": Term(
        "evidence kept on the slow manifold", "As the flow along it predicts it.", "", _ALONE
    ),
    "eigenvector_manifold": Term(
        "driven mode along the slow manifold", "Whether both point the same way.", "cosine",
        _COSINE,
    ),
    "eigenvector_pc1": Term(
        "driven mode along PC 1", "Whether both point the same way.", "cosine", _COSINE
    ),
    "eigenvector_choice": Term(
        "driven mode along the choice",
        "Whether the driven mode points from the states of one choice to those of the other.",
        "cosine",
        _COSINE,
    ),
    "selection_evidence": Term(
        "selection of evidence",
        "Whether what the driven mode picks up is what evidence does to the state.",
        "cosine",
        _COSINE,
    ),
    "gain": Term(
        "gain", "How far a unit of evidence moves the state along the driven mode.",
        "units of activity",
    ),
    "evidence_r2": Term(
        "position told by the evidence",
        "Share of the differences between positions at the end of the stimulus that the summed "
        "evidence explains.",
        "",
        "1: position is the summed evidence.",
    ),
    "evidence_r2_within": Term(
        "the same at one strength", "What noise alone explains, among trials of one coherence.", "",
        "1: also chance ups and downs are added up.",
    ),
    "time_r2": Term(
        "position told by time", "Share of positions that time alone explains.", "",
        "0: position does not tell the time.",
    ),
    "state_time_r2": Term(
        "state told by time", "Share of states that time alone explains.", "",
        "High: all trials take much the same path.",
    ),
    "position_choice": Term(
        "choice told by the position", "How well the last position tells the choice.",
        "correlation", "1: without error.",
    ),
    "pc1_choice": Term(
        "choice told by PC 1", "How well PC 1 tells the choice.", "correlation",
        "1: without error.",
    ),
}  # fmt: skip
"""The numbers of a verdict, by their names in `Measures`."""

CHIEF = (
    "efficiency", "constancy", "early", "response_efficiency", "response_constancy",
    "decision_kept", "decision_time_constant", "driven_share", "driven_time_constant",
    "turning_share", "manifold_efficiency", "points_on_line", "runs_away",
)  # fmt: skip
"""The numbers of a verdict that a page tells first."""


def does(verdict: str) -> str:
    """Return what a network of a verdict does with evidence, as a clause."""
    return _clause(WHAT[verdict]) if verdict in WHAT else f"it is judged to be {verdict}"


def why(mechanism: str) -> str:
    """Return why a network of a mechanism does what it does, as a clause."""
    return _clause(WHY[mechanism]) if mechanism in WHY else f"it is said to be by {mechanism}"


_RULES = rules_of_verdicts() | rules_of_mechanisms()


def rule(label: str) -> str:
    """Return the rule by which a verdict or a mechanism is told, as a clause; empty if unknown."""
    return _RULES.get(label, "")


def _clause(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:].removesuffix(".")
