"""Where one kind of integrator, and one mechanism, ends and the next begins."""

from __future__ import annotations

import dataclasses

from yang_rnn._checks import check_real


@dataclasses.dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Where one kind of integrator, and one mechanism, ends and the next begins.

    The first four say what a network does, from what `measure_integration` measures; the others
    why. `benchmarks/verdicts.py` holds built systems against them, `results/answers.py` trained
    networks.

    Raises
    ------
    ValueError
        If one is not a number from 0 to 1, or `loses` is above `keeps`.
    """

    learned: float = 0.7
    """Share of right choices below which nothing is said about integration."""
    keeps: float = 0.75
    """Efficiency from which on a network keeps evidence: a leak of half the stimulus has 0.76."""
    loses: float = 0.5
    """Below it it doesn't: a time constant of 0.26 of the stimulus."""
    straight: float = 0.8
    """Constancy of direction from which on the state moves along a line: a turn of 0.64 rad.

    Of 1,000 networks of each recipe 90 % of the primer's have more, 97 % of the notebook's less
    (`results/answers.py`).
    """
    explains: float = 0.15
    """By how much linear response may differ from what is measured, and still explain it.

    In 95 % of these networks the efficiencies differ by 0.07 or less, in all by 0.15 or less. A
    larger difference that changes the kind of integrator makes a verdict inconclusive.
    """
    turning: float = 0.5
    """Share of the evidence that modes which turn carry, from which on it is a rotation."""
    beyond: float = 0.2
    """Efficiency beyond that of the slowest mode, from which on it is not modes that keep it."""
    still: float = 1e-4
    """Share of the span that a state moves within a stimulus, up to which it stands still."""
    beside: float = 0.25
    """Distance from the slow manifold, over the span, up to which a fixed point lies on it."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name, value in dataclasses.asdict(self).items():
            if check_real(name, value, minimum=0) > 1:
                raise ValueError(f"`{name}` must be at most 1; got {value}")
        if self.loses > self.keeps:
            raise ValueError(f"`loses` must be at most `keeps`; got {self.loses} and {self.keeps}")
