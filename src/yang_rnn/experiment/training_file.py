"""The file that a run's training goes on from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import load, save_file

from yang_rnn._checks import check_array, shown
from yang_rnn._files import damage_named
from yang_rnn.experiment.names import TRAINING
from yang_rnn.model import CTRNN
from yang_rnn.recipe import Recipe
from yang_rnn.train import History, TrainingState, optimiser_of

_OPTIMISER = "optimiser."
"""What the names of the optimiser's numbers begin with."""


def write_training(history: History, folder: Path) -> tuple[str, ...]:
    """Write what training goes on from, where that is known; return the names of the files."""
    state = history.state
    if state is None:
        return ()
    arrays = {_OPTIMISER + name: np.asarray(value) for name, value in state.optimiser.items()}
    arrays |= {"epochs": np.array(state.epochs), "steps": np.array(state.steps)}
    save_file(arrays, folder / TRAINING)
    return (TRAINING,)


def with_training(
    history: History, content: bytes, path: Path, recipe: Recipe, net: CTRNN
) -> History:
    """Return a history with what training goes on from.

    Parameters
    ----------
    history : History
    content : bytes
        Of the file.
    path : Path
        Where it is from, for errors.
    recipe : Recipe
    net : CTRNN
        The trained network.

    Raises
    ------
    DamagedError
        If it is not of the optimiser, the network and the epochs of this run.
    """
    with damage_named(path):
        arrays = load(content)
        own = optimiser_of(net, recipe).state
        expected = {_OPTIMISER + name for name in own} | {"epochs", "steps"}
        if set(arrays) != expected:
            differ = sorted(set(arrays) ^ expected)
            raise ValueError(f"it must have this network's numbers; it differs in {shown(differ)}")
        for name, variable in own.items():
            array = check_array(name, arrays[_OPTIMISER + name])
            found, kind = (array.shape, array.dtype), (variable.shape, np.dtype(variable.dtype))
            if found != kind:
                raise ValueError(f"`{name}` must be of {kind}; got {found}")
        for name in ("epochs", "steps"):
            if arrays[name].shape or arrays[name].dtype.kind != "i":
                raise ValueError(f"`{name}` must be a whole number; got {shown(arrays[name])}")
        epochs, steps = int(arrays["epochs"]), int(arrays["steps"])
        if epochs != len(history.loss) or steps < epochs:
            raise ValueError(
                f"it must be of {len(history.loss)} epochs; got {epochs}, in {steps} steps"
            )
    optimiser = {name: arrays[_OPTIMISER + name] for name in own}
    state = TrainingState(epochs, steps, optimiser, net.weights)
    return History(history.loss, history.accuracy, state)
