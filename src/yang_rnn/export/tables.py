"""Lists of records as tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from yang_rnn._checks import shown
from yang_rnn.line_attractor.stimulus_dependence import StimulusPoints, table_of
from yang_rnn.task_inputs import ConstantInput, InputPoints

if TYPE_CHECKING:
    from pandas import DataFrame

Rows = Sequence[StimulusPoints] | Sequence[InputPoints] | Sequence[ConstantInput]
"""What `stimulus_dependence`, `points_by_input` or `constant_inputs` gives."""


def to_frame(rows: Rows) -> DataFrame:
    """Give a list of records, each of one constant input, as a pandas frame, one row each.

    Single records have a method of this name.

    Parameters
    ----------
    rows : sequence of StimulusPoints, InputPoints or ConstantInput
        What `stimulus_dependence`, `points_by_input` or `constant_inputs` gave.

    Returns
    -------
    pandas.DataFrame
        Of `stimulus_dependence` the columns of `table_of`. Of `constant_inputs` name, period,
        changes and x_0, x_1 ... by channel. Of `points_by_input` these, then fixed, slow, stable
        (how many points), far (how many of all), centre_speed, time_constant (ms) of the centre's
        leading mode, NaN where it is not fixed, and proved: whether all fixed points are known by
        proof.

    Raises
    ------
    TypeError
        If they are not a sequence of records of one of these kinds.
    """
    from pandas import DataFrame

    given = list(rows) if isinstance(rows, (tuple, list)) and not hasattr(rows, "_fields") else []
    tables = (
        table_of(tuple(row for row in given if isinstance(row, StimulusPoints))),
        [_of_points(row) for row in given if isinstance(row, InputPoints)],
        [_of_input(row) for row in given if isinstance(row, ConstantInput)],
    )
    table = max(tables, key=len)
    if not table or len(table) < len(given):
        raise TypeError(
            "`rows` must be a list of StimulusPoints, of InputPoints or of ConstantInput; "
            f"got {shown(rows)}"
        )
    return DataFrame(table)


def _of_input(given: ConstantInput) -> dict[str, Any]:
    x = {f"x_{channel}": value for channel, value in enumerate(given.x)}
    return {"name": given.name, "period": given.period, "changes": given.changes} | x


def _of_points(row: InputPoints) -> dict[str, Any]:
    points, centre = row.points, row.centre
    fixed = points.status == "fixed"
    speed = time_constant = math.nan
    if centre is not None:
        speed = points.speed[centre]
        if fixed[centre]:
            time_constant = row.modes.time_constant[fixed[:centre].sum(), 0]
    return _of_input(row.given) | {
        "fixed": fixed.sum(),
        "slow": (points.status == "slow").sum(),
        "stable": (row.modes.stability == "stable").sum(),
        "far": points.far.sum(),
        "centre_speed": speed,
        "time_constant": time_constant,
        "proved": row.every is not None and row.every.proved,
    }
