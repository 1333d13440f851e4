"""A step written with JAX, whose state may be any pytree, as a `System`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yang_rnn._checks import check_callable
from yang_rnn.adapters.packing import packing_of
from yang_rnn.dynamics.system import System


def from_step(
    step: Callable[[Any, Any], Any],
    *,
    dt: float,
    initial_state: Any,
    readout: Callable[[Any], Any] | None = None,
    preactivation: Callable[[Any, Any], Any] | None = None,
    bounds: Any = None,
) -> System:
    """Make a `System` of a step whose state is an array or a pytree of arrays.

    The analysis sees the state as one vector (unit,), the arrays one behind the other;
    `System.parts` names them after the tree: ``{"h": ..., "c": ...}`` gives parts ``h`` and ``c``.
    A state that is one vector already makes the same `System` as the class itself does.

    Parameters
    ----------
    step : callable
        Pure function (x, state) -> next state of an input x (channel,), written with JAX. What it
        closes over is read again by each analysis.
    dt : float
        Time step (ms): 20, not 0.02, where a step is 20 ms.
    initial_state : array of shape (unit,) or pytree of arrays
        The state that a trial begins in; it says how states are built.
    readout : callable, optional
        Pure function state -> outputs (output,).
    preactivation : callable, optional
        Pure function (x, state) -> values whose sign the kinks of the step go by: what a relu is
        applied to.
    bounds : two of float or pytrees like the state, optional
        Lowest and highest values that units can have at all.

    Returns
    -------
    System

    Raises
    ------
    TypeError
        If a function is not callable, or the state is not of real numbers.
    ValueError
        If dt is not above 0, the state has no or not finite numbers, or the bounds do not fit.
    """
    check_callable("step", step)
    check_callable("readout", readout, optional=True)
    check_callable("preactivation", preactivation, optional=True)
    packing, vector = packing_of(initial_state)
    if packing.is_vector:
        return System(step, dt, vector, readout, preactivation, bounds)

    def packed_step(x: Any, h: Any) -> Any:
        return packing.pack(step(x, packing.unpack(h)))

    def packed_readout(h: Any) -> Any:
        return readout(packing.unpack(h)) if readout is not None else None

    def packed_preactivation(x: Any, h: Any) -> Any:
        return preactivation(x, packing.unpack(h)) if preactivation is not None else None

    return System(
        packed_step,
        dt=dt,
        initial_state=vector,
        readout=None if readout is None else packed_readout,
        preactivation=None if preactivation is None else packed_preactivation,
        bounds=packing.bounds(bounds),
        parts=packing.parts,
    )
