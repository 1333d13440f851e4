"""The numbers that a verdict on a line attractor stands on."""

from __future__ import annotations

import dataclasses
import math


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measures:
    """The numbers that a verdict stands on; NaN where one is not defined.

    T is the duration of the stimulus. Positions are arc lengths along the slow manifold, from the
    centre, growing towards choice 2; without a manifold they are those on PC 1. The span is what
    the trajectories' positions at the end of the stimulus cover, from the 5th to the 95th
    percentile.
    """

    eigenvalue: complex = complex("nan")
    """Leading eigenvalue at the centre, the one of largest modulus [1]_."""
    second_eigenvalue: complex = complex("nan")
    """The next one that is not its conjugate; the criteria count the conjugate as second."""
    time_constant: float = math.nan
    """-dt / ln|eigenvalue| (ms): negative for a mode that grows, inf for one that does neither.

    JSON and CSV have no number for inf: it is null, or empty, beside an eigenvalue that is there.
    """
    second_time_constant: float = math.nan
    """The same for the second eigenvalue (ms)."""
    second_keeps: float = math.nan
    """Share of the evidence's information that an integrator with the second mode's leak keeps.

    Of a pair, the second mode is the leading one's conjugate.
    """
    turn: float = math.nan
    """Angle (rad) by which the leading mode turns within T or its time constant, the shorter."""
    mode_keeps: float = math.nan
    """Share of the evidence's information that an integrator with the leading mode's leak keeps."""
    centre_speed: float = math.nan
    """q = 1/2 ||F(h) - h||^2 at the centre [1]_."""
    centre_distance: float = math.nan
    """Median distance of the stimulus states from the centre, over their RMS radius."""
    span: float = math.nan
    """What the trajectories' positions at the end of the stimulus cover, in units of state."""
    length: float = math.nan
    """Arc length of the slow part of the manifold, in units of state [1]_.

    The part around the centre where a state at its speed, ||F(h) - h|| / dt, would take longer than
    T across the span.
    """
    relative_length: float = math.nan
    """Share of the span that the slow part covers."""
    manifold_distance: float = math.nan
    """Median distance of the states at the end of the stimulus from the manifold, over the span."""
    participation_ratio: float = math.nan
    """Of the traced manifold: 1 if straight."""
    curvature: float = math.nan
    """By how much the traced manifold turns from end to end (rad)."""
    drift: float = math.nan
    """Mean net displacement along the manifold of states left alone for T, over span and T (1/s).
    """
    persistence: float = math.nan
    """How well a position on the manifold predicts that after T without evidence: 1 is perfectly.

    1 - mean squared displacement / mean squared position, of states that begin at the traced points
    within the span and have settled for three of the second mode's time constants (at most half of
    T and of the leading mode's); for all of them or for the half nearest to the centre, whichever
    is less. A leak of time constant tau gives 1 - (1 - e^(-T/tau))^2, growth less than a leak;
    switches and sinks give 0 or less.
    """
    memory: float = math.nan
    """Time constant (ms) of the leak that has this persistence: that of the manifold as a whole."""
    manifold_keeps: float = math.nan
    """Share of the evidence's information that an integrator with that leak keeps."""
    eigenvector_manifold: float = math.nan
    """|cos| between the leading right eigenvector and the manifold's axis."""
    eigenvector_pc1: float = math.nan
    """|cos| between the leading right eigenvector and PC 1."""
    eigenvector_choice: float = math.nan
    """|cos| between it and the choice axis, between mean states at the end of the stimulus [2]_."""
    selection_evidence: float = math.nan
    """cos between the selection vector and the evidence direction [2]_ [3]_.

    The selection vector is the leading left eigenvector; the evidence direction is what
    `TwoAlternatives.evidence`, added to the input, does to the state at the centre in one step, to
    first order.
    """
    gain: float = math.nan
    """Motion towards choice 2 along the leading right eigenvector per unit of that evidence."""
    evidence_r2: float = math.nan
    """R^2 of the position at the end of the stimulus on the summed evidence.

    0 where evidence goes with positions towards the other choice.
    """
    evidence_r2_within: float = math.nan
    """The same within signed coherences: what noise alone moves [3]_."""
    time_r2: float = math.nan
    """Share of the variance of the position during the stimulus that time since onset explains."""
    state_time_r2: float = math.nan
    """The same of the whole state."""
    position_choice: float = math.nan
    """|r| between the position at the end of the stimulus and the choice made."""
    pc1_choice: float = math.nan
    """|r| between PC 1 at the end of the stimulus and the choice made."""
    num_fixed: int = 0
    """Fixed points that were found."""
    num_slow: int = 0
    """Slow points that were found."""
    has_stable_point: bool = False
    """Whether one of the fixed points is stable."""
