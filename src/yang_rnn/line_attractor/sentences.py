"""What a verdict means, in one plain sentence for each label and each mechanism."""

from __future__ import annotations

from typing import Final

WHAT: Final[dict[str, str]] = {
    "line attractor": (
        "While the stimulus lasts, the network adds up the evidence and keeps it along one "
        "direction of its state, as a line attractor does."
    ),
    "leaky integrator": (
        "The network adds up the evidence along one direction of its state, but part of it has "
        "leaked away by the time of the choice."
    ),
    "unstable integrator": (
        "Early evidence counts most and later evidence changes the network's decisions less and "
        "less, as where decisions run away from where they began."
    ),
    "fast leak": (
        "The network loses most of the evidence before it has to choose, so that it hardly adds it "
        "up."
    ),
    "turning integrator": (
        "The network keeps half of the evidence or more until the choice, but not along a line: "
        "what a piece of evidence does to the state turns into other directions with time."
    ),
    "not learned": (
        "The network decides too badly, or too little by the evidence, for anything to be said "
        "about how it adds evidence up."
    ),
    "inconclusive": (
        "What the network does and what its equations say do not fit together, or nothing was left "
        "that could be compared, so that no answer is given."
    ),
}
"""What a network does with evidence: a sentence for each of `VERDICTS`."""

WHY: Final[dict[str, str]] = {
    "slow direction": (
        "At its central fixed point there is one direction in which the state changes so slowly "
        "that evidence lasts there through much of the stimulus."
    ),
    "several fixed points": (
        "Several fixed points lie on the curve along which evidence moves the state, so that it "
        "can come to rest at more than one place."
    ),
    "continuum": (
        "Without evidence, the states on a whole line (or plane) stand still, so that the state "
        "stays wherever evidence has moved it."
    ),
    "fast fixed point": (
        "At its fixed point no direction is slow enough to hold even half of the evidence for as "
        "long as the stimulus lasts."
    ),
    "rotation": (
        "Half of the evidence or more is held in directions that rotate into each other (or change "
        "sign at every step), so that what evidence did to the state turns with time."
    ),
    "chain": (
        "Evidence is handed on from one direction of the state to the next, and so lasts longer "
        "than any single direction would keep it."
    ),
    "mixed modes": (
        "The directions at one point do not explain it: either they change along a trial, or none "
        "of them carries evidence to the decision."
    ),
    "no fixed point": (
        "At the input without evidence there is no fixed point, or none was found: nowhere that "
        "is known would the state come to rest."
    ),
}
"""Why it does so: a sentence for each of `MECHANISMS`."""
