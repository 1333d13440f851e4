"""Cells of Equinox, Flax and BrainPy as a `System`; their weights are copied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from yang_rnn._checks import check_callable, reason_of, shown
from yang_rnn.adapters.jax_step import from_step
from yang_rnn.adapters.optional import imported
from yang_rnn.adapters.packing import packing_of
from yang_rnn.dynamics.system import System


class Hidden(NamedTuple):
    """The state of a simple cell or a GRU."""

    h: Any


class Memory(NamedTuple):
    """The state of an LSTM."""

    h: Any
    c: Any


def from_equinox(
    cell: Any, *, dt: float, readout: Callable[[Any], Any] | None = None, initial_state: Any = None
) -> System:
    """Make a `System` of an Equinox cell, called as ``cell(input, hidden)``.

    Parameters
    ----------
    cell : equinox.nn.GRUCell, equinox.nn.LSTMCell or another equinox.Module that is so called
    dt : float
        Time step (ms): 20, not 0.02, where a step is 20 ms.
    readout : callable, optional
        Pure function h -> outputs, as an `equinox.nn.Linear`; of other modules state -> outputs.
    initial_state : array of shape (hidden,), (h, c) of an LSTM, or any pytree; optional
        The state that a trial begins in; without it 0. Needed for other modules.

    Returns
    -------
    System
        Its parts are ``h`` and, of an LSTM, ``c``, as `from_torch` has them.

    Raises
    ------
    ImportError
        If Equinox is not installed.
    TypeError
        If it is no Equinox module, or the readout can't be called.
    ValueError
        If the initial state is missing or not one of the cell's, or the cell does not compute in
        float64.
    """
    eqx = imported("equinox", "equinox", "from_equinox")
    if not isinstance(cell, eqx.Module):
        raise TypeError(f"`cell` must be an Equinox module; got {shown(cell)}")
    if isinstance(cell, eqx.nn.LSTMCell):
        return _lstm(cell, dt, readout, initial_state, cell.hidden_size, cell.input_size)
    if isinstance(cell, eqx.nn.GRUCell):
        return _simple(
            cell, dt, readout, initial_state, cell.hidden_size, cell.input_size, (-1.0, 1.0)
        )
    check_callable("cell", cell)
    if initial_state is None:
        raise ValueError(f"`initial_state` must be given for a {type(cell).__name__}")
    return from_step(
        lambda x, state: cell(x, state), dt=dt, initial_state=initial_state, readout=readout
    )


def from_flax(
    cell: Any,
    variables: Any = None,
    *,
    dt: float,
    readout: Callable[[Any], Any] | None = None,
    initial_state: Any = None,
) -> System:
    """Make a `System` of a Flax cell, of `flax.linen` or `flax.nnx`.

    Parameters
    ----------
    cell : flax.linen.RNNCellBase or flax.nnx.RNNCellBase
        As their `SimpleCell`, `GRUCell`, `LSTMCell`, `OptimizedLSTMCell`.
    variables : dict, optional
        What a linen cell is applied with, ``{"params": ...}``; an nnx cell has them.
    dt : float
        Time step (ms): 20, not 0.02, where a step is 20 ms.
    readout : callable, optional
        Pure function h -> outputs, as an `nnx.Linear`; of other cells carry -> outputs.
    initial_state : array of shape (hidden,), (h, c) of an LSTM, or a carry; optional
        The state that a trial begins in; without it 0.

    Returns
    -------
    System
        Its parts are ``h`` and, of an LSTM, ``c`` (h first, though Flax's carry has c first).

    Raises
    ------
    ImportError
        If Flax is not installed.
    TypeError
        If it is no cell of Flax, or the readout can't be called.
    ValueError
        If the variables are missing or not those of the cell, or the cell does not compute in
        float64, which it is asked to whatever its ``dtype``.
    """
    nn = imported("flax.linen", "flax", "from_flax")
    nnx = imported("flax.nnx", "flax", "from_flax")
    if isinstance(readout, nnx.Module):
        readout = _frozen(nnx, readout)
    if isinstance(cell, nnx.RNNCellBase):
        if variables is not None:
            raise ValueError("`variables` must be left out for an nnx cell, which has its own")
        call = _frozen(nnx, cell)
        carry = cell.initialize_carry((1,), nnx.Rngs(0))
        channels = getattr(cell, "in_features", None)
    elif isinstance(cell, nn.RNNCellBase):
        if variables is None:
            raise ValueError("`variables` must be given for a linen cell, as {'params': ...}")
        fixed = jax.tree.map(np.array, variables)
        exact = cell.clone(dtype=None) if hasattr(cell, "dtype") else cell

        def call(carry: Any, x: Any) -> Any:
            return exact.apply(fixed, carry, x)

        carry = cell.initialize_carry(jax.random.key(0), (1,))
        channels = _channels_of(fixed)
    else:
        raise TypeError(f"`cell` must be a cell of flax.linen or flax.nnx; got {shown(cell)}")
    tanh = getattr(cell, "activation_fn", None) in (jnp.tanh, nn.tanh, nnx.tanh)
    kinds = {name: (getattr(nn, name, ()), getattr(nnx, name, ()))
             for name in ("SimpleCell", "GRUCell", "LSTMCell", "OptimizedLSTMCell")}  # fmt: skip
    if isinstance(cell, (*kinds["LSTMCell"], *kinds["OptimizedLSTMCell"])):

        def stepped(x: Any, state: Any) -> Any:
            (c, h), _ = call((state[1], state[0]), x)
            return h, c

        return _lstm(stepped, dt, readout, initial_state, len(carry[0]), channels, bounded=tanh)
    if isinstance(cell, (*kinds["SimpleCell"], *kinds["GRUCell"])):
        bounded = tanh and not getattr(cell, "residual", False)
        return _simple(
            lambda x, h: call(h, x)[0],
            dt,
            readout,
            initial_state,
            len(carry),
            channels,
            (-1.0, 1.0) if bounded else None,
        )
    begin = carry if initial_state is None else initial_state
    return from_step(
        lambda x, state: call(state, x)[0], dt=dt, initial_state=begin, readout=readout
    )


def from_brainpy(
    cell: Any, *, dt: float, readout: Callable[[Any], Any] | None = None, initial_state: Any = None
) -> System:
    """Make a `System` of a cell of BrainPy's, `bp.dyn.RNNCell`, `GRUCell` or `LSTMCell`.

    Parameters
    ----------
    cell : brainpy.dyn.RNNCell, brainpy.dyn.GRUCell or brainpy.dyn.LSTMCell
        Its own state is neither read nor changed.
    dt : float
        Time step (ms): 20, not 0.02, where a step is 20 ms.
    readout : brainpy.dnn.Dense or callable, optional
        A layer, whose weights are copied, or a pure function h -> outputs.
    initial_state : array of shape (hidden,) or, of an LSTM, (h, c); optional
        The state that a trial begins in; without it 0.

    Returns
    -------
    System
        Its parts are ``h`` and, of an LSTM, ``c``. BrainPy's reset gate stands inside the recurrent
        weights of the candidate, and its LSTM adds 1 to the forget gate.

    Raises
    ------
    TypeError
        If it is none of these cells, or one with an `update` of its own; or the readout can't be
        called.
    ValueError
        If the initial state is not one of the cell's.
    """
    import brainpy
    import brainpy.math as bm

    bp: Any = brainpy  # its stubs lack `dyn` and `dnn`

    kinds = {
        bp.dyn.RNNCell: _brainpy_rnn, bp.dyn.GRUCell: _brainpy_gru, bp.dyn.LSTMCell: _brainpy_lstm
    }  # fmt: skip
    kind = next((kind for kind in kinds if isinstance(cell, kind)), None)
    if kind is None or type(cell).update is not kind.update:
        raise TypeError(
            "`cell` must be a RNNCell, GRUCell or LSTMCell of brainpy.dyn with their `update`; "
            f"got {type(cell).__name__}: `from_step` takes any other step"
        )
    hidden, activation = int(cell.num_out), cell.activation
    w_i, w_h = (np.array(bm.as_jax(weight)) for weight in (cell.Wi, cell.Wh))
    bias = np.zeros(w_h.shape[1]) if cell.b is None else np.array(bm.as_jax(cell.b))
    if isinstance(readout, bp.dnn.Dense):
        dense: Any = readout
        w_o = np.array(bm.as_jax(dense.W))
        b_o = 0.0 if dense.b is None else np.array(bm.as_jax(dense.b))
        readout = lambda h: h @ w_o + b_o  # noqa: E731 - a `def` would be another name for an argument
    name = getattr(activation, "__name__", "")

    def act(value: Any) -> Any:
        return bm.as_jax(activation(value))

    def step(x: Any, state: Any) -> Any:
        return kinds[kind](act, w_i, w_h, bias, x, state)

    if kind is bp.dyn.LSTMCell:
        return _lstm(step, dt, readout, initial_state, hidden, len(w_i), bounded=name == "tanh")
    bounds = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0), "relu": (0.0, np.inf)}.get(name)
    before: Any = None
    if kind is bp.dyn.RNNCell and name == "relu":

        def before_relu(x: Any, h: Any) -> Any:
            return x @ w_i + h @ w_h + bias

        before = before_relu

    return _simple(step, dt, readout, initial_state, hidden, len(w_i), bounds, before)


def _brainpy_rnn(act: Any, w_i: Any, w_h: Any, bias: Any, x: Any, h: Any) -> Any:
    return act(x @ w_i + h @ w_h + bias)


def _brainpy_gru(act: Any, w_i: Any, w_h: Any, bias: Any, x: Any, h: Any) -> Any:
    update_x, reset_x, new_x = jnp.split(x @ w_i + bias, 3)
    w_update, w_reset, w_new = jnp.split(w_h, 3, axis=1)
    update = jax.nn.sigmoid(update_x + h @ w_update)
    reset = jax.nn.sigmoid(reset_x + h @ w_reset)
    return (1 - update) * h + update * act(new_x + (reset * h) @ w_new)


def _brainpy_lstm(act: Any, w_i: Any, w_h: Any, bias: Any, x: Any, state: Any) -> Any:
    h, c = state
    into, cell, forget, out = jnp.split(x @ w_i + h @ w_h + bias, 4)
    c = jax.nn.sigmoid(forget + 1.0) * c + jax.nn.sigmoid(into) * act(cell)
    return jax.nn.sigmoid(out) * act(c), c


def _frozen(nnx: Any, module: Any) -> Callable[..., Any]:
    """Return an nnx module as a pure function with copies of its variables, in any precision."""
    own = nnx.clone(module)
    for _, part in nnx.iter_graph(own):
        if isinstance(part, nnx.Module) and hasattr(part, "dtype"):
            part.dtype = None
    graph, state = nnx.split(own)

    def call(*arguments: Any) -> Any:
        return nnx.merge(graph, state)(*arguments)

    return call


def _channels_of(variables: Any) -> int | None:
    """Return how many channels the input layers of a linen cell take, if it has some."""
    params = variables.get("params", {}) if hasattr(variables, "get") else {}
    for name, part in params.items():
        if name.startswith("i") and hasattr(part, "get") and "kernel" in part:
            return len(part["kernel"])
    return None


def _simple(
    step: Callable[[Any, Any], Any],
    dt: float,
    readout: Any,
    initial_state: Any,
    hidden: int,
    channels: int | None,
    bounds: Any,
    preactivation: Any = None,
) -> System:
    """Return the system of a cell (x, h) -> h."""
    begin = Hidden(np.zeros(hidden) if initial_state is None else initial_state)
    before = None if preactivation is None else (lambda x, state: preactivation(x, state.h))
    return _cell(
        lambda x, state: Hidden(step(x, state.h)),
        dt, readout, begin, Hidden(np.zeros(hidden)), channels, bounds, before,
    )  # fmt: skip


def _lstm(
    step: Callable[[Any, Any], Any],
    dt: float,
    readout: Any,
    initial_state: Any,
    hidden: int,
    channels: int | None,
    *,
    bounded: bool = True,
) -> System:
    """Return the system of a cell (x, (h, c)) -> (h, c)."""
    zeros = Memory(np.zeros(hidden), np.zeros(hidden))
    begin = zeros
    if initial_state is not None:
        try:
            begin = Memory(*initial_state)
        except TypeError as error:
            raise ValueError(
                f"`initial_state` must be (h, c); got {shown(initial_state)}"
            ) from error
    bounds = Memory(-1.0, -np.inf), Memory(1.0, np.inf)
    return _cell(
        lambda x, state: Memory(*step(x, (state.h, state.c))),
        dt, readout, begin, zeros, channels, bounds if bounded else None, None,
    )  # fmt: skip


def _cell(
    step: Any, dt: float, readout: Any, begin: Any, zeros: Any, channels: Any, bounds: Any,
    preactivation: Any,
) -> System:  # fmt: skip
    """Return the system of a cell whose state has an h, which the readout takes."""
    check_callable("readout", readout, optional=True)
    given, expected = packing_of(begin)[0].shapes, packing_of(zeros)[0].shapes
    if given != expected:
        raise ValueError(f"`initial_state` must have shapes {expected}; got {given}")
    system = from_step(
        step,
        dt=dt,
        initial_state=begin,
        readout=None if readout is None else (lambda state: readout(state.h)),
        preactivation=preactivation,
        bounds=bounds,
    )
    if channels is not None:
        _check_precision(system, channels)
    return system


def _check_precision(system: System, channels: int) -> None:
    """Raise a `ValueError` where a cell can't step, or rounds to less than float64."""
    rng = np.random.default_rng(0)
    x, h, towards = rng.uniform(-1, 1, channels), *rng.uniform(-1, 1, (2, system.num_units))
    try:
        with jax.enable_x64(True):
            slope = np.asarray(jax.jvp(lambda h: system.step(x, h), (h,), (towards,))[1])
            ends = [np.asarray(system.step(x, h + side * towards)) for side in (1e-6, -1e-6)]
    except Exception as error:  # whatever the cell raises
        raise ValueError(
            f"`cell` must take {channels} channels and its state, which gives: {reason_of(error)}"
        ) from error
    gap = np.abs((ends[0] - ends[1]) / 2e-6 - slope)
    # A relu's kink may lie between: most units must agree.
    if ends[0].dtype != np.float64 or np.median(gap) > 1e-6 * (1 + np.abs(slope).max()):
        raise ValueError(
            "`cell` must compute in float64 where its state is; it rounds to less: leave its "
            "`dtype` None"
        )
