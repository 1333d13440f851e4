"""The numbers that a verdict on a line attractor stands on."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from yang_rnn._frames import frame_of

if TYPE_CHECKING:
    from yang_rnn._frames import DataFrame


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measures:
    """The numbers that a verdict stands on; NaN where one is not defined.

    T is the duration of the stimulus. Positions are arc lengths along the slow manifold, from the
    centre, growing towards choice 2; without a manifold they are those on PC 1. The span is what
    the trajectories' positions at the end of the stimulus cover, from the 5th to the 95th
    percentile. JSON and CSV have no number for inf: it is null, or empty.
    """

    # What is measured by simulation (`Integration`), with standard errors.
    accuracy: float = math.nan
    """Share of right choices in trials with evidence."""
    accuracy_error: float = 0.0
    efficiency: float = math.nan
    """Of the psychophysical kernel: share of the evidence's information that decisions keep."""
    efficiency_error: float = math.nan
    early: float = math.nan
    """By how much early evidence counts more than late evidence, from -1 to 1."""
    early_error: float = math.nan
    constancy: float = math.nan
    """Least cos between what a pulse of evidence does to the state, 0.25 to 0.9 T after it."""
    constancy_error: float = math.nan
    additivity: float = math.nan
    """What two pulses do to the decision together, over the sum of what each does."""
    decision_kept: float = math.nan
    """rho(T): slope of the decision T after the stimulus on that at its end."""
    decision_time_constant: float = math.nan
    """-T / ln rho(T) (ms): negative where decisions grow, inf where they stay.

    NaN where rho(T) is 0 or less, that is, where decisions have turned over.
    """
    push_along: float = math.nan
    """Share of a push of the state along the direction of evidence that is left after T."""
    push_across: float = math.nan
    """The same of a push across it, by length."""
    propagator_ratio: float = math.nan
    """Second over first singular value of the propagator over T at the input without evidence."""
    ends_at_points: float = math.nan
    """Share of the states that come to rest when they are held for 100 s (`LongRun`)."""
    ends_in_cycles: float = math.nan
    """Share that repeats a cycle of whole steps; other closed loops are not told from motion."""
    runs_away: float = math.nan
    """Share that runs away to infinity."""
    still_moving: float = math.nan
    """Share that still moves otherwise, also round a loop in no whole number of steps."""
    num_end_points: int = 0
    """Different points at which they rest."""
    growth: float = math.nan
    """Rate (1/s) at which those that run away do so."""

    # What the map's derivatives say.
    response_efficiency: float = math.nan
    """Efficiency by linear response along trials without noise (`LinearResponse`)."""
    response_constancy: float = math.nan
    response_early: float = math.nan
    num_fixed: int = 0
    """Fixed points that are known: all, where `fixed_proved`, else those that were found."""
    fixed_proved: bool = False
    num_far: int = 0
    """Those of them that lie far from the states of the trials (`FixedPoints.far`)."""
    num_slow: int = 0
    """Slow points that were found."""
    has_stable_point: bool = False
    """Whether one of the fixed points that were found is stable."""
    centre_speed: float = math.nan
    """q = 1/2 ||F(h) - h||^2 at the centre [1]_."""
    centre_distance: float = math.nan
    """Median distance of the stimulus states from the centre, over their RMS radius."""
    eigenvalue: complex = complex("nan")
    """Leading eigenvalue at the centre, the one of largest modulus [1]_."""
    second_eigenvalue: complex = complex("nan")
    """The next one that is not its conjugate."""
    time_constant: float = math.nan
    """-dt / ln|eigenvalue| (ms): negative for a mode that grows, inf for one that does neither."""
    second_time_constant: float = math.nan
    """The same for the second eigenvalue (ms)."""
    line_attractor_score: float = math.nan
    """log2 of the two slowest time constants' ratio [4]_; 0 for a pair, NaN where one grows.

    Above 1 it has been called an approximate line attractor; it sees neither what evidence drives
    nor what a mode is for.
    """
    mode_keeps: float = math.nan
    """The most that an integrator keeps with the leak of a mode that carries a tenth or more.

    Where none does, of the first that together carry half.
    """
    driven_eigenvalue: complex = complex("nan")
    """That of the mode that carries most of the evidence to the decision (`EvidenceModes`)."""
    driven_time_constant: float = math.nan
    driven_share: float = math.nan
    """What it carries; of a pair, both."""
    driven_keeps: float = math.nan
    """Share of the evidence's information that an integrator with that mode's leak keeps."""
    driven_moves: float = math.nan
    """|lambda^steps - 1|: by how much of itself that mode changes within T."""
    driven_turn: float = math.nan
    """Angle (rad) by which it turns within T or its time constant, the shorter."""
    turning_share: float = math.nan
    """Share of the evidence that modes carry which turn."""
    non_normality: float = math.nan
    """sqrt(||J||_F^2 - sum |lambda|^2) / ||J||_F at the centre [5]_: 0 for a normal matrix."""
    centre_efficiency: float = math.nan
    """Efficiency by the linearisation at the centre alone."""
    centre_constancy: float = math.nan

    # The slow manifold (`InvariantManifold`), along the mode that evidence drives.
    manifold_converged: bool = False
    manifold_error: float = math.nan
    """Largest estimated distance from the invariant curve, over the length."""
    span: float = math.nan
    """What the trajectories' positions at the end of the stimulus cover, in units of state."""
    length: float = math.nan
    """Arc length of the manifold, in units of state."""
    relative_length: float = math.nan
    """Share of the span that it covers."""
    manifold_distance: float = math.nan
    """Median distance of the states at the end of the stimulus from the manifold, over the span."""
    participation_ratio: float = math.nan
    """Of the manifold: 1 if straight."""
    curvature: float = math.nan
    """By how much it turns from end to end (rad)."""
    points_on_line: int = 0
    """Fixed points that lie on it, by `Thresholds.beside`."""
    drift: float = math.nan
    """Mean speed of the flow on it, over the span (1/s)."""
    memory_error_bound: float = math.nan
    """The largest speed of the flow on it, over the span (1/s) [6]_."""
    memory_capacity: float = math.nan
    """Entropy (nats) of where it drains to [6]_."""
    largest_gap: float = math.nan
    """Between neighbouring places where the flow on it rests, over the span [6]_."""
    hyperbolicity_gap: float = math.nan
    """By how much slower it is along it than across it, where this is least (1/s) [6]_."""
    still_share: float = math.nan
    """Share of the span where the flow on it moves by less than `Thresholds.still` within T."""
    manifold_efficiency: float = math.nan
    """Efficiency of a kernel whose weights are kept as the flow on it keeps positions."""

    # How they lie to each other, and to the trials.
    eigenvector_manifold: float = math.nan
    """|cos| between the right eigenvector of the mode that evidence drives and the manifold."""
    eigenvector_pc1: float = math.nan
    """|cos| between it and PC 1."""
    eigenvector_choice: float = math.nan
    """|cos| between it and the choice axis, between mean states at the end of the stimulus [2]_."""
    selection_evidence: float = math.nan
    """cos between the selection vector and the evidence direction [2]_ [3]_.

    The selection vector is that mode's left eigenvector; the evidence direction is what
    `TwoAlternatives.evidence`, added to the input, does to the state at the centre in one step, to
    first order.
    """
    gain: float = math.nan
    """Motion towards choice 2 along the right eigenvector per unit of that evidence."""
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

    def to_frame(self) -> DataFrame:
        """Give the numbers as a pandas frame of one row; the columns are the attributes.

        A complex one is two columns, as in eigenvalue_real and eigenvalue_imag.
        """
        return frame_of(dataclasses.asdict(self))
