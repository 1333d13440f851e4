"""Trials and runs as MATLAB files."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.io import savemat

from yang_rnn._checks import check_path
from yang_rnn._files import write_whole
from yang_rnn.experiment.run import Run
from yang_rnn.experiment.task_run import TaskRun
from yang_rnn.export.contents import Exported, PointsAt, Recorded, points_of, recorded

LONGEST_NAME = 63
"""Letters of a name in MATLAB."""

_KEYWORDS = frozenset(
    "break case catch classdef continue else elseif end for function global if otherwise parfor "
    "persistent return spmd switch try while".split()
)


def save_mat(
    path: str | os.PathLike[str],
    data: Exported,
    activity: ArrayLike | None = None,
    outputs: ArrayLike | None = None,
    *,
    dt: float | None = None,
) -> Path:
    """Write trials, or a run, to a MATLAB file (version 5), whole or not at all.

    ``load`` in MATLAB gives the variables

    - ``inputs`` (time, trial, channel), ``targets``, ``activity`` (time, trial, unit), ``outputs``
      (time, trial, output), ``weights_of_steps``, ``asked``: those that there are;
    - ``time``, when each step begins, and ``dt`` (ms);
    - ``periods``, a struct: the first and the last step of each, counted from 1, so that
      ``activity(p(1):p(2), :, :)`` is the period, or (time, trial), true where it is;
    - ``conditions``, a struct of (trial, 1), and ``choice``, the correct ones, counted from 0.

    Of a run also ``weights``, a struct of the effective ones; ``history``, a struct of loss and
    accuracy by epoch; ``recipe``, its JSON; and ``points``, a struct array of one entry for each
    constant input: its ``name`` and ``x``, ``state`` (point, unit), ``speed``, ``status``,
    and of the fixed ones, in their order, ``eigenvalues``, ``right`` and ``left`` (point, mode,
    unit), ``time_constant`` (ms), ``frequency`` (Hz) and ``stability``.

    Parameters
    ----------
    path : path-like
        Where to.
    data : Trials, Run or TaskRun
    activity : array of shape (time, trial, unit), optional
        Hidden states in these trials.
    outputs : array of shape (time, trial, output), optional
    dt : float
        Time step of the trials (ms); left out, as states and outputs are, for a run.

    Returns
    -------
    pathlib.Path
        The file. Names that MATLAB can't have are changed: what is no letter or digit is ``_``.

    Raises
    ------
    OSError
        If the file can't be written; it names the file.
    TypeError
        If it is neither trials nor a run.
    ValueError
        If shapes do not fit, trials come without a time step, or a run with what it has itself.
    """
    check_path("path", path)
    content = _of_trials(recorded(data, activity, outputs, dt))
    if isinstance(data, (Run, TaskRun)):
        content |= {
            "weights": data.net.effective_weights(),
            "history": data.history._asdict(),
            "recipe": data.recipe.to_json(),
            "points": _struct_array([_of_points(part) for part in points_of(data)]),
        }
    file = io.BytesIO()
    savemat(file, content, long_field_names=True, do_compression=True, oned_as="column")
    write_whole(Path(path), file.getvalue())
    return Path(path)


def matlab_names(names: Iterable[str]) -> dict[str, str]:
    """Return a name that MATLAB can have for each of some names, each another.

    Parameters
    ----------
    names : iterable of str
    """
    found: dict[str, str] = {}
    for name in names:
        begin = re.sub(r"\W", "_", name, flags=re.ASCII)
        begin = begin if re.match("[A-Za-z]", begin) else f"x{begin}"
        begin = (f"{begin}_" if begin in _KEYWORDS else begin)[:LONGEST_NAME]
        chosen, number = begin, 1
        while chosen in found.values():
            number += 1
            end = f"_{number}"
            chosen = begin[: LONGEST_NAME - len(end)] + end
        found[name] = chosen
    return found


def _of_trials(given: Recorded) -> dict[str, Any]:
    trials, number = given.trials, len(given.trials.inputs)
    periods: dict[str, Any] = {}
    for name, steps in trials.periods.items():
        within = range(number)[steps] if isinstance(steps, slice) else steps
        if isinstance(within, range):
            within = np.array([[within[0] + 1, within[-1] + 1]] if len(within) else [], float)
        periods[name] = within
    content: dict[str, Any] = {
        "inputs": trials.inputs,
        "targets": trials.targets,
        "time": given.time,
        "dt": given.dt,
        "periods": _struct(periods),
        "conditions": _struct(trials.conditions),
        "activity": given.activity,
        "outputs": given.outputs,
        "choice": trials.choice,
        "weights_of_steps": trials.weights,
        "asked": trials.asked,
    }
    return {name: value for name, value in content.items() if value is not None}


def _struct(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a struct's fields by names that MATLAB can have; words as cells."""
    names = matlab_names(fields)
    arrays = {names[name]: np.asarray(value) for name, value in fields.items()}
    return {name: a.astype(object) if a.dtype.kind == "U" else a for name, a in arrays.items()}


def _struct_array(rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Return rows that have the same fields as a struct array (row, 1)."""
    array = np.empty((len(rows), 1), dtype=[(name, object) for name in rows[0]])
    for place, row in enumerate(rows):
        for name, value in row.items():
            array[name][place, 0] = value
    return array


def _of_points(at: PointsAt) -> dict[str, Any]:
    modes = at.modes
    return {
        "name": at.name,
        "x": at.x,
        "state": at.points.state,
        "speed": at.points.speed,
        "status": at.points.status.astype(object),
        "eigenvalues": modes.eigenvalues,
        "right": modes.right,
        "left": modes.left,
        "time_constant": modes.time_constant,
        "frequency": modes.frequency,
        "stability": modes.stability.astype(object),
    }
