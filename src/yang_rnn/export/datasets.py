"""Trials and runs as labelled arrays of xarray, and as netCDF files."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from yang_rnn._checks import check_path
from yang_rnn._files import write_whole
from yang_rnn._frames import apart
from yang_rnn.adapters.optional import imported
from yang_rnn.experiment.run import Run
from yang_rnn.experiment.task_run import TaskRun
from yang_rnn.export.contents import Exported, PointsAt, Recorded, points_of, recorded

if TYPE_CHECKING:
    import xarray

EXTRA = "xarray"

_STEP = ("time", "trial")
_DIMENSIONS = (
    "time", "trial", "channel", "unit", "from_unit", "output", "epoch", "point", "mode"
)  # fmt: skip
_MEANINGS: dict[str, dict[str, str]] = {
    "time": {"long_name": "begin of each step", "units": "ms"},
    "inputs": {"long_name": "what the network receives"},
    "targets": {"long_name": "output that should be the largest, counted from 0"},
    "activity": {"long_name": "hidden states"},
    "outputs": {"long_name": "outputs of the network"},
    "choice": {"long_name": "correct choice, counted from 0"},
    "weights": {"long_name": "how much a step counts in the loss"},
    "asked": {"long_name": "where a choice is asked for"},
    "w_ir": {"long_name": "effective weights from inputs to units"},
    "w_rr": {"long_name": "effective weights from units to units"},
    "b_rr": {"long_name": "bias of the units"},
    "w_ro": {"long_name": "effective weights from units to outputs"},
    "b_ro": {"long_name": "bias of the outputs"},
    "h_0": {"long_name": "state that trials begin in"},
    "loss": {"long_name": "mean training loss of an epoch"},
    "accuracy": {"long_name": "share of training trials done right in an epoch"},
    "point_state": {"long_name": "fixed and slow points"},
    "point_speed": {"long_name": "q = ||F(h) - h||^2 / 2 in one step"},
    "point_status": {"long_name": "how the search ended there"},
    "point_input": {"long_name": "constant input of the map"},
    "eigenvalue_real": {"long_name": "real part of the Jacobian's eigenvalues"},
    "eigenvalue_imag": {"long_name": "imaginary part of the Jacobian's eigenvalues"},
    "time_constant": {"long_name": "time constant of a mode", "units": "ms"},
    "frequency": {"long_name": "frequency of a mode", "units": "Hz"},
    "stability": {"long_name": "stability of a fixed point"},
}
_WEIGHTS = {
    "w_ir": ("channel", "unit"),
    "w_rr": ("from_unit", "unit"),
    "b_rr": ("unit",),
    "w_ro": ("unit", "output"),
    "b_ro": ("output",),
    "h_0": ("unit",),
}


def to_dataset(
    data: Exported,
    activity: ArrayLike | None = None,
    outputs: ArrayLike | None = None,
    *,
    dt: float | None = None,
) -> xarray.Dataset:
    """Give trials, and what a network did in them, as an `xarray.Dataset`.

    Dimensions are time, trial, channel, unit and output. ``time`` is when each step begins (ms),
    the conditions and the correct choice (counted from 0) are coordinates of the trials. A period
    is an attribute, ``period_stimulus``, with the times of its first and its last step, so that
    ``data.sel(time=slice(*data.attrs["period_stimulus"]))`` is the stimulus; where it differs by
    trial it is a variable of that name, true where the period is. Each variable says what it is,
    ``long_name``, and its unit where it has one, ``units``.

    Parameters
    ----------
    data : Trials, Run or TaskRun
        Of a run its own trials, states and outputs; and its effective weights, its history
        (``loss`` and ``accuracy`` by epoch) and its fixed and slow points: ``point_state``,
        ``point_speed``, ``point_status``, ``point_input``, and of the fixed ones eigenvalues,
        time constants (ms), frequencies (Hz) and stability.
    activity : array of shape (time, trial, unit), optional
        Hidden states in these trials.
    outputs : array of shape (time, trial, output), optional
    dt : float
        Time step of the trials (ms); left out, as states and outputs are, for a run.

    Returns
    -------
    xarray.Dataset
        In names of conditions and periods what is no letter or digit is ``_``; a condition whose
        name is taken by something above has ``condition_`` before it. ``long_name`` keeps the name
        as it was.

    Raises
    ------
    ImportError
        If xarray is not installed.
    TypeError
        If it is neither trials nor a run.
    ValueError
        If shapes do not fit, trials come without a time step, or a run with what it has itself.

    Examples
    --------
    >>> task = yr.PerceptualDecisionMaking(seed=0)
    >>> data = yr.to_dataset(task.sample_trials(4), dt=task.dt)
    >>> stimulus = data["inputs"].sel(time=slice(*data.attrs["period_stimulus"]))
    >>> stimulus.mean("time").dims, data["coherence"].dims
    (('trial', 'channel'), ('trial',))
    """
    xr = imported("xarray", EXTRA, "to_dataset")
    given = recorded(data, activity, outputs, dt)
    variables, attributes = _of_trials(given)
    coordinates = _coordinates(given)
    if isinstance(data, (Run, TaskRun)):
        variables |= _of_run(data)
        attributes |= {"run": repr(data), "recipe": data.recipe.to_json()}
    dataset = xr.Dataset(variables, coordinates, attributes)
    for name, meaning in _MEANINGS.items():
        if name in dataset:
            dataset[name].attrs.update(meaning)
    if not given.trials.has_choices:
        dataset["targets"].attrs["long_name"] = "what each output should be"
    return dataset


def save_netcdf(
    path: str | os.PathLike[str],
    data: Exported,
    activity: ArrayLike | None = None,
    outputs: ArrayLike | None = None,
    *,
    dt: float | None = None,
) -> Path:
    """Write trials, or a run, to a netCDF file (version 4), whole or not at all.

    Parameters
    ----------
    path : path-like
        Where to; ``xarray.open_dataset`` reads it.
    data, activity, outputs, dt
        As `to_dataset` takes them; it says what the file holds.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ImportError
        If xarray, h5netcdf or h5py is not installed.
    OSError
        If the file can't be written; it names the file.
    TypeError, ValueError
        As `to_dataset` does.
    """
    check_path("path", path)
    for module in ("h5netcdf", "h5py"):
        imported(module, EXTRA, "save_netcdf")
    found = to_dataset(data, activity, outputs, dt=dt)
    with tempfile.TemporaryDirectory() as folder:
        aside = Path(folder) / "data.nc"
        found.to_netcdf(aside, engine="h5netcdf")
        write_whole(Path(path), aside.read_bytes())
    return Path(path)


def _of_trials(given: Recorded) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return variables and attributes: arrays of the trials, their periods."""
    trials = given.trials
    targets = _STEP if trials.has_choices else (*_STEP, "output")
    variables: dict[str, Any] = {
        "inputs": ((*_STEP, "channel"), trials.inputs),
        "targets": (targets, trials.targets),
    }
    for name, array, last in (
        ("activity", given.activity, "unit"),
        ("outputs", given.outputs, "output"),
    ):
        if array is not None:
            variables[name] = ((*_STEP, last), array)
    for name in ("weights", "asked"):
        if getattr(trials, name) is not None:
            variables[name] = (_STEP, getattr(trials, name))
    attributes: dict[str, Any] = {"dt": given.dt}
    names = _names_in_files([f"period_{name}" for name in trials.periods])
    for (name, steps), written in zip(trials.periods.items(), names, strict=True):
        if not isinstance(steps, slice):
            variables[written] = (_STEP, steps, {"long_name": name})
        elif len(within := given.time[steps]):
            attributes[written] = within[[0, -1]]
    return variables, attributes


def _coordinates(given: Recorded) -> dict[str, Any]:
    trials = given.trials
    coordinates: dict[str, Any] = {"time": ("time", given.time)}
    periods = _names_in_files([f"period_{name}" for name in trials.periods])
    taken = (*_DIMENSIONS, *_MEANINGS, *periods)
    names = _names_in_files(apart(trials.conditions, taken).values(), taken)
    for (name, values), written in zip(trials.conditions.items(), names, strict=True):
        coordinates[written] = ("trial", values, {"long_name": name})
    if trials.choice is not None:
        coordinates["choice"] = ("trial", trials.choice)
    return coordinates


def _names_in_files(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Return names without blanks, none of them taken, each another: those that netCDF can list."""
    found = list(taken)
    first = len(found)
    for name in names:
        begin = chosen = re.sub(r"\W+", "_", name)
        number = 1
        while chosen in found:
            number += 1
            chosen = f"{begin}_{number}"
        found.append(chosen)
    return found[first:]


def _of_run(run: Run | TaskRun) -> dict[str, Any]:
    """Return variables: weights, history and points of a run."""
    weights = run.net.effective_weights()
    variables: dict[str, Any] = {name: (_WEIGHTS[name], weights[name]) for name in weights}
    for name, column in run.history._asdict().items():
        variables[name] = ("epoch", column)
    parts = [_of_points(part) for part in points_of(run)]
    for name, (axes, _) in parts[0].items():
        variables[name] = (axes, np.concatenate([part[name][1] for part in parts]))
    return variables


def _of_points(at: PointsAt) -> Mapping[str, Any]:
    """Return variables of the points at one input; NaN, or no text, where a point is not fixed."""
    points, fixed = at.points, at.points.status == "fixed"
    values = np.full(points.state.shape, np.nan + 0j)
    constants, frequencies = (np.full(points.state.shape, np.nan) for _ in range(2))
    stability = np.full(len(points), "", dtype=object)
    values[fixed], constants[fixed] = at.modes.eigenvalues, at.modes.time_constant
    frequencies[fixed], stability[fixed] = at.modes.frequency, at.modes.stability
    by_mode = ("point", "mode")
    return {
        "point_state": (("point", "unit"), points.state),
        "point_speed": ("point", points.speed),
        "point_status": ("point", points.status.astype(object)),
        "point_input": ("point", np.full(len(points), at.name, dtype=object)),
        "eigenvalue_real": (by_mode, np.real(values)),
        "eigenvalue_imag": (by_mode, np.imag(values)),
        "time_constant": (by_mode, constants),
        "frequency": (by_mode, frequencies),
        "stability": ("point", stability),
    }
