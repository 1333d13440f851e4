"""A network as the analysis sees it: a pure step, and the map that it is at a constant input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import jax
import numpy as np
from jax.tree_util import Partial
from numpy.typing import ArrayLike

from yang_rnn._checks import check_array, check_is, check_text, check_time_step, reason_of, shown
from yang_rnn.dynamics.rectified import Rectified


@dataclass(frozen=True, eq=False, repr=False)
class System:
    """A network as a pure step, with what belongs to it.

    Parameters
    ----------
    step : callable
        Pure function (x, h) -> next h of an input x (channel,) and a state h (unit,), written with
        JAX. A `jax.tree_util.Partial` of a function and its weights is compiled once for all
        networks of one shape, if the function reads nothing else that can change; any other
        callable is compiled anew by each call that takes it.
    dt : float
        Time step (ms): 20, not 0.02, where a step is 20 ms. Time constants, frequencies and the
        length of a stimulus follow from it; a step of up to 0.1 ms gets a warning.
    initial_state : array of shape (unit,)
        The state that a trial begins in.
    readout : callable, optional
        Pure function h -> outputs.
    preactivation : callable, optional
        Pure function (x, h) -> values whose sign the kinks of the step go by: what a relu is
        applied to.
    bounds : two of float or array of shape (unit,), optional
        Lowest and highest values that units can have at all, as -1 and 1 of tanh.
    parts : dict of slices, optional
        Which units are what, as in ``{"h": slice(0, 64), "c": slice(64, 128)}`` of an LSTM:
        ``states[..., system.parts["h"]]`` takes them.
    rectified : Rectified, optional
        That the step is affine but for one relu, and of which weights: what `all_fixed_points`
        needs to know.

    Raises
    ------
    TypeError
        If a function is not callable, or the parts are not named slices.
    ValueError
        If dt is not above 0, the initial state is not a finite vector, the bounds are not two
        in this order, or a part has no units.
    """

    step: Callable[[Any, Any], Any]
    dt: float
    initial_state: np.ndarray
    readout: Callable[[Any], Any] | None = None
    preactivation: Callable[[Any, Any], Any] | None = None
    bounds: Any = None
    parts: Mapping[str, slice] | None = None
    rectified: Rectified | None = None

    def __post_init__(self) -> None:
        """Check everything that can be checked without an input."""
        for name in ("step", "readout", "preactivation"):
            function = getattr(self, name)
            if not callable(function) and (name == "step" or function is not None):
                raise TypeError(f"`{name}` must be callable; got {type(function).__name__}")
        object.__setattr__(self, "dt", check_time_step(self.dt))
        state = np.array(check_array("initial_state", self.initial_state, ("unit",)), np.float64)
        state.flags.writeable = False
        object.__setattr__(self, "initial_state", state)
        if self.bounds is not None:
            try:
                low, high = (
                    np.broadcast_to(check_array("bounds", side, finite=False), state.shape).astype(
                        np.float64
                    )
                    for side in self.bounds
                )
            except (TypeError, ValueError) as error:
                raise ValueError(
                    f"`bounds` must be two numbers or arrays of shape {state.shape}; "
                    f"got {shown(self.bounds)}"
                ) from error
            if not (low < high).all():
                raise ValueError(f"`bounds` must be low, then high; got {shown(self.bounds)}")
            object.__setattr__(self, "bounds", (low, high))
        if self.parts is not None:
            check_is("parts", self.parts, Mapping)
            object.__setattr__(self, "parts", _checked_parts(self.parts, state))
        check_is("rectified", self.rectified, Rectified, optional=True)
        if self.rectified is not None and len(self.rectified.b_rr) != len(state):
            raise ValueError(
                f"`rectified` must have the {len(state)} units of `initial_state`; "
                f"got {self.rectified!r}"
            )

    def __repr__(self) -> str:
        """Say how large the network is."""
        return f"System({self.num_units} units, dt {self.dt:g} ms)"

    @property
    def num_units(self) -> int:
        """Units of a state."""
        return len(self.initial_state)

    def at(self, x: ArrayLike) -> AutonomousMap:
        """Return the map from a state to the next one at a constant input.

        Parameters
        ----------
        x : array of shape (channel,)
            The constant input.

        Raises
        ------
        ValueError
            If the input is not finite numbers, or the step does not take it to a state.
        """
        return AutonomousMap(self, check_array("x", x, ("channel",), empty=True))


class HasSystem(Protocol):
    """A network that says what it is as a `System`, as `CTRNN` does."""

    def system(self) -> System:
        """Return the network as the analysis sees it."""
        ...


@dataclass(frozen=True, eq=False, repr=False)
class AutonomousMap:
    """A system at a constant input: the map h -> F(h) that it then repeats.

    Parameters
    ----------
    system : System
    x : array of shape (channel,)
        The constant input.

    Raises
    ------
    ValueError
        If the input is not finite numbers, or the step does not take it to a state.
    """

    system: System
    x: np.ndarray

    def __post_init__(self) -> None:
        """Check that the step takes the input."""
        check_is("system", self.system, System)
        x = np.array(check_array("x", self.x, ("channel",), empty=True), dtype=np.float64)
        x.flags.writeable = False
        object.__setattr__(self, "x", x)
        units = self.system.num_units
        try:
            with jax.enable_x64(True):  # as in `simulate`
                image = jax.eval_shape(self.system.step, x, self.system.initial_state)
        except jax.errors.TracerArrayConversionError as error:
            raise ValueError(
                "the system's `step` must be written with JAX, jax.numpy in place of numpy; "
                f"it gives: {reason_of(error)}"
            ) from error
        except Exception as error:  # whatever the step raises
            of_shape = isinstance(error, TypeError) and "shape" in str(error)
            why = (
                "do not fit its `step`" if of_shape else f"give, in its `step`: {reason_of(error)}"
            )
            raise ValueError(
                f"`x` must be an input that the system takes; {len(x)} channels {why}"
            ) from error
        if getattr(image, "shape", None) != (units,):
            got = getattr(image, "shape", type(image).__name__)
            raise ValueError(
                f"the system's `step` must return a state of shape ({units},); got {got}"
            )

    def __call__(self, h: ArrayLike) -> jax.Array:
        """Return the next state of h (unit,)."""
        return self.system.step(self.x, h)

    def __repr__(self) -> str:
        """Say what map it is."""
        return f"AutonomousMap({self.system!r}, x = {self.x.tolist()})"

    @property
    def dt(self) -> float:
        """Time step (ms)."""
        return self.system.dt

    @property
    def partial(self) -> Partial:
        """The map as a `jax.tree_util.Partial`, whose leaves are the weights and the input."""
        return _with_input(self.system.step, self.x)

    @property
    def preactivation(self) -> Partial | None:
        """The system's preactivation at this input, as a map of h; None if it has none."""
        before = self.system.preactivation
        return None if before is None else _with_input(before, self.x)


def _checked_parts(parts: Mapping[Any, Any], state: np.ndarray) -> dict[str, slice]:
    for name, part in parts.items():
        check_text("parts", name)
        check_is(f"parts[{name!r}]", part, slice)
        if not state[part].size:
            raise ValueError(f"`parts` must have units each; got {name!r}: {part}")
    return dict(parts)


def _with_input(function: Callable[..., Any], x: np.ndarray) -> Partial:
    """Fix the input of a function (x, h); the function under a `Partial` stays what JAX knows."""
    if isinstance(function, Partial):
        return Partial(function.func, *function.args, x, **function.keywords)
    # A new function: JAX would know the other again, whatever it closes over by now.
    return Partial(lambda *args: function(*args), x)
