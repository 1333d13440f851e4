"""Trajectories and points in three dimensions, to be turned with the mouse inside a page."""

from __future__ import annotations

import base64
import importlib.util
import zlib
from functools import cache
from typing import Any, NamedTuple

from yang_rnn import figures
from yang_rnn.experiment.drawing import modes_of_fixed
from yang_rnn.experiment.known_points import known_points
from yang_rnn.experiment.run import Run
from yang_rnn.experiment.task_run import TaskRun


class Turning(NamedTuple):
    """A figure to be turned, and what draws it in a browser.

    Attributes
    ----------
    figure, library : str
        The figure as JSON and plotly's script, each deflated and in base64: 5 MB become 2.
    """

    figure: str
    library: str

    @property
    def size(self) -> int:
        """Bytes that it takes in a page."""
        return len(self.figure) + len(self.library)


def can_turn() -> bool:
    """Tell whether plotly is installed."""
    return importlib.util.find_spec("plotly") is not None


def turning_of(run: Run | TaskRun) -> Turning | None:
    """Return the figure of a run; None where plotly is not installed or units are too few."""
    if not can_turn() or run.activity.shape[-1] < 3:
        return None
    marks: dict[str, Any] = {}
    if isinstance(run, Run):
        points = known_points(run)
        marks = {"points": points, "modes": modes_of_fixed(run, points), "centre": run.centre}
    figure = figures.interactive(run.activity, trials=run.trials, pca=run.pca, **marks)
    figure.update_layout(
        height=560,
        margin={"l": 0, "r": 0, "t": 30, "b": 0},
        legend={"orientation": "h", "yanchor": "top", "y": 0},  # beside it, a phone has no room
        scene_camera_eye={"x": 1.8, "y": 1.8, "z": 1.1},
    )
    return Turning(_packed(figure.to_json()), _library())


@cache
def _library() -> str:
    from plotly.offline import get_plotlyjs

    return _packed(get_plotlyjs())


def _packed(text: str) -> str:
    return base64.b64encode(zlib.compress(text.encode("utf-8"))).decode("ascii")
