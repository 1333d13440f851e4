"""What is written of trials and of runs, whatever the file."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from yang_rnn._checks import check_array, check_real, shown
from yang_rnn.dynamics.linearisation import Linearisation
from yang_rnn.dynamics.points import FixedPoints
from yang_rnn.experiment.run import Run
from yang_rnn.experiment.task_run import TaskRun
from yang_rnn.task_inputs import by_same_input
from yang_rnn.trials import Trials, check_trials

Exported = Trials | Run | TaskRun
"""What can be written."""


class Recorded(NamedTuple):
    """Trials with what a network did in them.

    Attributes
    ----------
    trials : Trials
    activity : numpy.ndarray, shape (time, trial, unit), or None
    outputs : numpy.ndarray, shape (time, trial, output), or None
    dt : float
        Time step (ms).
    """

    trials: Trials
    activity: np.ndarray | None
    outputs: np.ndarray | None
    dt: float

    @property
    def time(self) -> np.ndarray:
        """When each step begins (ms), shape (time,)."""
        return self.dt * np.arange(len(self.trials.inputs))


def recorded(
    data: Exported, activity: ArrayLike | None, outputs: ArrayLike | None, dt: float | None
) -> Recorded:
    """Return trials, or those of a run, with states and outputs; else raise an error.

    Raises
    ------
    TypeError
        If it is neither trials nor a run.
    ValueError
        If shapes do not fit, trials come without a time step, or a run with what it has itself.
    """
    if isinstance(data, (Run, TaskRun)):
        for name, value in (("activity", activity), ("outputs", outputs), ("dt", dt)):
            if value is not None:
                raise ValueError(f"`{name}` must be left out: a run has its own")
        return Recorded(data.trials, *data.trajectories, data.system.dt)
    if not isinstance(data, Trials):
        raise TypeError(f"`data` must be Trials, a Run or a TaskRun; got {shown(data)}")
    shape = np.shape(check_trials(data).inputs)[:2]
    if activity is not None:
        activity = check_array("activity", activity, (*shape, "unit"), finite=False)
    if outputs is not None:
        outputs = check_array("outputs", outputs, (*shape, "output"), finite=False)
    return Recorded(data, activity, outputs, check_real("dt", dt, above=0))


class PointsAt(NamedTuple):
    """The fixed and slow points of a run at one constant input.

    Attributes
    ----------
    name : str
        What the input is.
    x : numpy.ndarray, shape (channel,)
    points : FixedPoints
    modes : Linearisation
        The map around the fixed ones, in their order.
    """

    name: str
    x: np.ndarray
    points: FixedPoints
    modes: Linearisation


def points_of(run: Run | TaskRun) -> list[PointsAt]:
    """Return the points of a run, by input: of a `Run` Newton's, at its recipe's input."""
    if isinstance(run, Run):
        points, modes = run.newton_points, run.linearise()
        return [PointsAt("search input", np.asarray(run.recipe.search_input), points, modes)]
    return [
        PointsAt(name, row.given.x, row.points, row.modes)
        for name, row in by_same_input(run.by_input)
    ]
