"""Numbers of a verdict made by hand."""

import dataclasses
from typing import Any

from yang_rnn.line_attractor.measures import Measures

LINE = Measures(
    accuracy=0.9,
    efficiency=0.95,
    efficiency_error=0.01,
    early=-0.1,
    early_error=0.01,
    constancy=0.97,
    constancy_error=0.005,
    response_efficiency=0.95,
    response_constancy=0.97,
    response_early=-0.1,
    num_fixed=1,
    has_stable_point=True,
    mode_keeps=0.96,
    driven_eigenvalue=0.98 + 0j,
    driven_time_constant=4950.0,
    driven_share=0.98,
    driven_keeps=0.96,
    driven_turn=0.0,
    turning_share=0.01,
    non_normality=0.3,
    centre_efficiency=0.94,
    centre_constancy=0.97,
    manifold_converged=True,
    points_on_line=1,
    still_share=0.02,
    manifold_efficiency=0.95,
)
"""What a slow direction through one fixed point has."""


def changed(**changes: Any) -> Measures:
    """Return those of the line, but for some."""
    return dataclasses.replace(LINE, **changes)
