"""The figures: each takes data and, if wanted, the axes to draw on, and returns a `Figure`."""

from yang_rnn.figures.decisions import psychometric
from yang_rnn.figures.dynamics import eigenvalues, flow_field
from yang_rnn.figures.ensembles import sweep
from yang_rnn.figures.files import save, sign
from yang_rnn.figures.portraits import averages, slow_points, trajectories
from yang_rnn.figures.style import CHOICE_COLOURS, POINT_STYLES, STYLE
from yang_rnn.figures.summary import line_attractor, stimulus_dependence

__all__ = [
    "CHOICE_COLOURS",
    "POINT_STYLES",
    "STYLE",
    "averages",
    "eigenvalues",
    "flow_field",
    "line_attractor",
    "psychometric",
    "save",
    "sign",
    "slow_points",
    "stimulus_dependence",
    "sweep",
    "trajectories",
]
