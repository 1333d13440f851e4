"""The figures: each takes data and, if wanted, the axes to draw on, and returns a `Figure`."""

from yang_rnn.figures.activity import outputs, unit_activity
from yang_rnn.figures.connectivity import weights
from yang_rnn.figures.decisions import psychometric
from yang_rnn.figures.dynamics import eigenvalues, flow_field
from yang_rnn.figures.ensembles import Portrait, portrait, sweep
from yang_rnn.figures.files import save, sign
from yang_rnn.figures.interactive import interactive
from yang_rnn.figures.learning import learning_curve
from yang_rnn.figures.portraits import averages, slow_points, trajectories
from yang_rnn.figures.style import CHOICE_COLOURS, POINT_STYLES, STYLE, WIDTHS
from yang_rnn.figures.summary import line_attractor, stimulus_dependence
from yang_rnn.figures.task_ensembles import task_sweep
from yang_rnn.figures.tasks import accuracy, conditions, points_by_input

__all__ = [
    "CHOICE_COLOURS",
    "POINT_STYLES",
    "STYLE",
    "WIDTHS",
    "Portrait",
    "accuracy",
    "averages",
    "conditions",
    "eigenvalues",
    "flow_field",
    "interactive",
    "learning_curve",
    "line_attractor",
    "outputs",
    "points_by_input",
    "portrait",
    "psychometric",
    "save",
    "sign",
    "slow_points",
    "stimulus_dependence",
    "sweep",
    "task_sweep",
    "trajectories",
    "unit_activity",
    "weights",
]
