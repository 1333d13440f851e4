"""PyTorch's own recurrent layers as a `System`: the step in JAX, compared with the module's own."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.tree_util import Partial

from yang_rnn._checks import check_array, reason_of
from yang_rnn.adapters import gates
from yang_rnn.adapters.optional import imported
from yang_rnn.dynamics.rectified import Rectified
from yang_rnn.dynamics.system import System

STEPS, TRIALS = 5, 3
"""Of the random trials that a module's forward pass and the step are compared on."""

TOLERANCE = 1e-9
"""Largest difference that counts as none in float64, over 1 + the largest number."""

SINGLE_TOLERANCE = 1e-5
"""The same for a module that computes in float32 only."""


class _Kind(NamedTuple):
    """What is known of a kind of layer."""

    step: Callable[..., Any]
    preactivation: Callable[..., Any] | None
    low: float
    high: float
    has_cell: bool = False


_KINDS = {
    "tanh": _Kind(gates.tanh_layers, None, -1.0, 1.0),
    "relu": _Kind(gates.relu_layers, gates.relu_preactivation, 0.0, np.inf),
    "gru": _Kind(gates.gru_layers, None, -1.0, 1.0),
    "lstm": _Kind(gates.lstm_layers, None, -1.0, 1.0, True),
}


def from_torch(
    module: Any,
    *,
    dt: float,
    readout: Any = None,
    initial_state: Any = None,
) -> System:
    """Make a `System` of a PyTorch RNN, GRU or LSTM, or of a module that holds one.

    Taken are `torch.nn.RNN` (tanh or relu), `GRU`, `LSTM`, `RNNCell`, `GRUCell` and `LSTMCell`,
    with any number of layers, with or without biases, batch-first or not, in any floating-point
    type.
    A module that holds exactly one of them and at most one `Linear` is taken apart by itself. The
    weights are copied: the module is not changed, and training it further leaves the system as it
    is.

    The step is written in JAX. Before it is handed out, it is compared in float64 with the module's
    own forward pass on random inputs and, for a module that holds a layer, with what that one's
    whole forward pass returns: one that does more (an input layer, a nonlinearity behind the
    readout) is an error, no wrong system. `from_torch_step` takes such modules.

    Parameters
    ----------
    module : torch.nn.Module
        One of the layers above, or a module that holds one. The `forward` of that one must take
        inputs (trial, time, channel) or (time, trial, channel), and return the outputs (or, without
        a readout, the states) of all steps or of the last one, alone or first among others.
    dt : float
        Time step (ms), which PyTorch's layers know nothing of: 20, not 0.02, where a step is 20 ms.
    readout : torch.nn.Linear or callable, optional
        What reads outputs from h of the last layer: a `Linear` of its size, or a pure function
        h (hidden,) -> outputs (output,) written with JAX. Without it that of the module.
    initial_state : array of shape (unit,), optional
        The state that a trial begins in; without it 0, as in PyTorch.

    Returns
    -------
    System
        Its state is h, layer after layer; of an LSTM h of all layers, then c of all layers. `parts`
        names them: ``h``, ``c`` and, of several layers, ``h of layer 1``, ... `bounds` are -1 and 1
        for h of tanh networks, GRUs and LSTMs, 0 and infinity for relu ones; c has none.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    TypeError
        If the module is no `torch.nn.Module`, or the readout none that is taken.
    ValueError
        If the layer is bidirectional, projects its state or drops units in training mode; there is
        not exactly one layer and at most one readout; a weight is not finite; or the step differs
        from the forward pass.

    References
    ----------
    Cho et al. (2014), EMNLP, 1724-1734 (GRU). Hochreiter & Schmidhuber (1997), Neural Computation
    9:1735-1780 (LSTM). The equations are those of PyTorch's documentation of the layers.
    """
    torch = imported("torch", "torch", "from_torch")
    module = getattr(module, "_orig_mod", module)  # what torch.compile has wrapped
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"`module` must be a torch.nn.Module; got {type(module).__name__}")
    if isinstance(module, torch.jit.ScriptModule):
        raise TypeError(
            "`module` must be a module as Python made it; got a compiled one (torch.jit): "
            "give the module that it was made from"
        )
    _check_dropout(torch, module)
    own = _in_float64(module)
    layer, linear = _taken_apart(torch, own, readout)
    weights = _Weights.of(torch, layer)
    kind, hidden = weights.kind, weights.hidden
    units = weights.units
    if initial_state is None:
        begin = np.zeros(units)
    else:
        begin = check_array("initial_state", _as_numpy(torch, initial_state), (units,))
        begin = begin.astype(np.float64)
    high = np.full(units, kind.high)
    if kind.has_cell:
        high[units // 2 :] = np.inf
    system = System(
        Partial(kind.step, weights.layers),
        dt=dt,
        initial_state=begin,
        readout=_readout(torch, linear if linear is not None else readout, weights),
        preactivation=None
        if kind.preactivation is None
        else Partial(kind.preactivation, weights.layers),
        bounds=(np.where(np.isinf(high) & kind.has_cell, -np.inf, kind.low), high),
        parts=weights.parts,
        rectified=weights.rectified,
    )
    _compare_layer(torch, system, layer, hidden)
    if own is not layer:
        _compare_whole(torch, system, own, weights)
    return system


class _Weights(NamedTuple):
    """A layer's weights, and how its state is laid out."""

    kind: _Kind
    layers: tuple[tuple[np.ndarray, ...], ...]
    hidden: int

    @classmethod
    def of(cls, torch: Any, layer: Any) -> _Weights:
        """Read them from a layer in float64."""
        name = _name_of(torch, layer)
        if getattr(layer, "bidirectional", False):
            raise ValueError(
                f"`module` must run forward in time; got a bidirectional {name}, whose state "
                "depends on inputs to come: it is no map from a state to the next"
            )
        if getattr(layer, "proj_size", 0):
            raise ValueError(
                f"`module` must have no projections; got an LSTM with proj_size="
                f"{layer.proj_size}: `from_torch_step` takes its step"
            )
        is_cell = isinstance(layer, torch.nn.RNNCellBase)
        if name in ("RNN", "RNNCell"):
            kind = _KINDS.get(layer.nonlinearity)
        else:
            kind = _KINDS[name.removesuffix("Cell").lower()]
        if kind is None:
            raise ValueError(
                f"`module` must be of tanh or relu units; got nonlinearity {layer.nonlinearity!r}"
            )
        layers = []
        for k in range(1 if is_cell else layer.num_layers):
            suffix = "" if is_cell else f"_l{k}"
            w_ih, w_hh = (
                _finite(torch, layer, f"weight_{side}{suffix}").T for side in ("ih", "hh")
            )
            b_ih, b_hh = (
                _finite(torch, layer, f"bias_{side}{suffix}")
                if layer.bias
                else np.zeros(w_hh.shape[1])
                for side in ("ih", "hh")
            )
            layers.append((w_ih, w_hh, b_ih, b_hh))
        return cls(kind, tuple(layers), int(layer.hidden_size))

    @property
    def rectified(self) -> Rectified | None:
        """What a relu layer's step is made of; None of other kinds and of several layers."""
        first, *others = self.layers
        if self.kind.preactivation is None or others:
            return None
        w_ih, w_hh, b_ih, b_hh = first
        return Rectified(w_ih, w_hh, b_ih + b_hh)

    @property
    def inputs(self) -> int:
        """Channels."""
        return len(self.layers[0][0])

    @property
    def units(self) -> int:
        """Units of the whole state."""
        return self.hidden * len(self.layers) * (2 if self.kind.has_cell else 1)

    @property
    def last(self) -> slice:
        """Where h of the last layer lies."""
        return slice(self.hidden * (len(self.layers) - 1), self.hidden * len(self.layers))

    @property
    def parts(self) -> dict[str, slice]:
        """Names of the units."""
        whole = self.hidden * len(self.layers)
        variables = ("h", "c") if self.kind.has_cell else ("h",)
        found = {name: slice(k * whole, (k + 1) * whole) for k, name in enumerate(variables)}
        if len(self.layers) > 1:
            for k, name in enumerate(variables):
                for number in range(len(self.layers)):
                    first = k * whole + number * self.hidden
                    found[f"{name} of layer {number + 1}"] = slice(first, first + self.hidden)
        return found


def _name_of(torch: Any, layer: Any) -> str:
    names = ("RNN", "GRU", "LSTM", "RNNCell", "GRUCell", "LSTMCell")
    return next(name for name in names if isinstance(layer, getattr(torch.nn, name)))


def _finite(torch: Any, layer: Any, name: str) -> np.ndarray:
    return check_array(f"module.{name}", _as_numpy(torch, getattr(layer, name)))


def _as_numpy(torch: Any, value: Any) -> Any:
    """Return a tensor as an array of float64; anything else as it is."""
    if not isinstance(value, torch.Tensor):
        return value
    return np.array(value.detach().to("cpu", torch.float64).numpy())


def _in_float64(module: Any) -> Any:
    """Return a copy on the CPU in float64, in the mode of the original."""
    try:
        return copy.deepcopy(module).to("cpu").double()
    except Exception as error:  # whatever copying or moving it raises
        raise ValueError(
            f"`module` must be one that can be copied to float64; {type(module).__name__} "
            f"gives: {reason_of(error)}"
        ) from error


def _check_dropout(torch: Any, module: Any) -> None:
    """Raise a `ValueError` where the module drops units at random."""
    for name, part in module.named_modules():
        rate = getattr(part, "p", 0.0) if isinstance(part, _dropouts(torch)) else 0.0
        if isinstance(part, torch.nn.RNNBase) and part.num_layers > 1:
            rate = part.dropout
        if part.training and rate:
            where = f" in its {name!r}" if name else ""
            raise ValueError(
                f"`module` must not drop units at random; got dropout {rate:g}{where} in training "
                "mode: call `module.eval()` first"
            )


def _dropouts(torch: Any) -> tuple[type, ...]:
    names = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout",
             "FeatureAlphaDropout")  # fmt: skip
    return tuple(getattr(torch.nn, name) for name in names if hasattr(torch.nn, name))


def _taken_apart(torch: Any, module: Any, readout: Any) -> tuple[Any, Any]:
    """Return the one layer, and the one `Linear` of a module where no readout was given."""
    kinds = (torch.nn.RNNBase, torch.nn.RNNCellBase)
    layers = {name: part for name, part in module.named_modules() if isinstance(part, kinds)}
    linears = {
        name: part for name, part in module.named_modules() if isinstance(part, torch.nn.Linear)
    }
    if len(layers) != 1:
        raise ValueError(
            f"`module` must be or hold exactly one RNN, GRU or LSTM; {type(module).__name__} holds "
            f"{_listed(layers)}"
            + (
                ": give the one that is meant, as in `from_torch(module."
                f"{next(iter(layers))}, readout=..., dt=...)`, or its whole step to "
                "`from_torch_step`"
                if layers
                else f" among {_listed(dict(module.named_children()))}: `from_torch_step` takes "
                "any other step"
            )
        )
    (layer,) = layers.values()
    if readout is not None or not linears:
        return layer, None
    if len(linears) > 1:
        raise ValueError(
            f"`readout` must be given where there is more than one `Linear`; "
            f"{type(module).__name__} holds {_listed(linears)}: give the one behind the layer, as "
            f"in `readout=module.{list(linears)[-1]}`, or, where one is in front of it, the whole "
            "step to `from_torch_step`"
        )
    return layer, next(iter(linears.values()))


def _listed(parts: dict[str, Any]) -> str:
    """Name modules and their kinds."""
    listed = [f"{name or 'itself'} ({type(part).__name__})" for name, part in parts.items()]
    return ", ".join(listed) if listed else "none"


def _readout(torch: Any, readout: Any, weights: _Weights) -> Any:
    """Return a readout of the whole state from one of h of the last layer."""
    if readout is None:
        return None
    if isinstance(readout, torch.nn.Linear):
        if readout.in_features != weights.hidden:
            raise ValueError(
                f"`readout` must take the {weights.hidden} units of h; the `Linear` takes "
                f"{readout.in_features}: `from_torch_step` takes any other readout"
            )
        weight = np.zeros((weights.units, readout.out_features))
        weight[weights.last] = _as_numpy(torch, readout.weight).T
        bias = np.zeros(readout.out_features)
        if readout.bias is not None:
            bias = _as_numpy(torch, readout.bias)
        for name, array in (("weight", weight), ("bias", bias)):
            check_array(f"readout.{name}", array)
        return Partial(gates.linear, weight, bias)
    if isinstance(readout, torch.nn.Module) or not callable(readout):
        raise TypeError(
            "`readout` must be a torch.nn.Linear or a function written with JAX; got "
            f"{type(readout).__name__}: `from_torch_step` takes readouts written with torch"
        )
    last = weights.last
    return lambda state: readout(state[last])


def _trajectories(system: System, inputs: np.ndarray, states: np.ndarray) -> np.ndarray:
    """Return states (time, trial, unit) of a system in float64, from states (trial, unit)."""
    found = []
    with jax.enable_x64(True):
        for x in inputs:
            states = np.asarray(_advance(system.step, x, states))
            found.append(states)
    return np.stack(found)


@jax.jit
def _advance(step: Partial, x: jax.Array, states: jax.Array) -> jax.Array:
    return jax.vmap(step)(x, states)


def _compare_layer(torch: Any, system: System, layer: Any, hidden: int) -> None:
    """Raise a `ValueError` where the step is not what the layer itself does."""
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((STEPS, TRIALS, layer.input_size))
    begin = rng.uniform(-1, 1, (TRIALS, system.num_units))
    expected = _trajectories(system, inputs, begin)
    is_cell = isinstance(layer, torch.nn.RNNCellBase)
    x, state = torch.from_numpy(inputs), torch.from_numpy(begin)
    # (trial, unit) to what PyTorch takes: h, or (h, c), each (trial, unit) or (layer, trial, unit).
    parts = [
        (part if is_cell else torch.stack(part.split(hidden, dim=1)))
        for part in state.split(system.num_units // (2 if "c" in (system.parts or {}) else 1), 1)
    ]
    with torch.no_grad():
        if is_cell:
            found = []
            for now in x:
                after = layer(now, tuple(parts) if len(parts) > 1 else parts[0])
                parts = list(after) if isinstance(after, tuple) else [after]
                found.append(torch.cat(parts, dim=1).numpy())
            got, wanted = np.stack(found), expected
        else:
            given = tuple(parts) if len(parts) > 1 else parts[0]
            _, after = layer(x.swapaxes(0, 1) if layer.batch_first else x, given)
            after = after if isinstance(after, tuple) else (after,)
            rows = [h for part in after for h in part]
            got, wanted = torch.cat(rows, dim=1).numpy(), expected[-1]
    if not _same(got, wanted, TOLERANCE):
        raise ValueError(
            f"`module` must step as PyTorch's {type(layer).__mro__[0].__name__} does; the states "
            f"differ by up to {np.abs(got - wanted).max():.2g} after {STEPS} steps: "
            "`from_torch_step` takes a layer with a forward pass of its own"
        )


def _same(found: np.ndarray, expected: np.ndarray, tolerance: float) -> bool:
    size = 1 + np.abs(expected).max()
    return found.shape == expected.shape and bool(
        (np.abs(found - expected) <= tolerance * size).all()
    )


def _compare_whole(torch: Any, system: System, module: Any, weights: _Weights) -> None:
    """Raise a `ValueError` where the module's whole forward pass is not step and readout."""
    rng = np.random.default_rng(1)
    inputs = rng.standard_normal((STEPS, TRIALS, weights.inputs))
    begin = np.tile(system.initial_state, (TRIALS, 1))
    states = _trajectories(system, inputs, begin)
    expected = states[..., weights.last]
    if system.readout is not None:
        with jax.enable_x64(True):
            expected = np.asarray(jax.vmap(jax.vmap(system.readout))(states))
    name = type(module).__name__
    closest, errors = np.inf, []
    for dtype, tolerance in ((torch.float64, TOLERANCE), (torch.float32, SINGLE_TOLERANCE)):
        for time_first in (True, False):
            x = torch.from_numpy(inputs).to(dtype)
            wanted = expected
            if not time_first:
                x, wanted = x.swapaxes(0, 1).contiguous(), expected.swapaxes(0, 1)
            try:
                fresh = copy.deepcopy(module).to(dtype)
                with torch.no_grad():  # twice: what a module keeps from the first call is seen
                    outcomes = [fresh(x.clone()) for _ in range(2)]
            except Exception as error:  # whatever the forward pass raises
                errors.append(reason_of(error))
                continue
            gaps = [_gap(torch, outcome, wanted, time_first) for outcome in outcomes]
            if max(gaps) <= tolerance:
                return
            if gaps[0] <= tolerance:
                raise ValueError(
                    f"`module` must give the same for the same inputs; {name}'s second call "
                    f"differs from the first by {gaps[1]:.2g}: it keeps a state between calls, or "
                    "is random"
                )
            closest = min(closest, max(gaps))
    kind = _name_of(torch, _layer_of(torch, module))
    what = kind if system.readout is None else f"{kind} and its readout"
    advice = (
        "Give the layer and its readout by themselves if they are what is meant, as in "
        "`from_torch(module.rnn, readout=module.readout, dt=...)`; `initial_state=` if trials "
        "begin elsewhere than at 0; or a step (x, h) -> h to `from_torch_step`"
    )
    if len(errors) == 4:
        raise ValueError(
            f"`module` must have a forward pass that can be compared; {name}'s takes no inputs "
            f"(time, trial, {weights.inputs}): {errors[0]}. {advice}"
        )
    by = f"; the nearest differs by {closest:.2g}" if np.isfinite(closest) else ""
    raise ValueError(
        f"`module` must do no more than its {what}; nothing that {name}'s forward pass returns is "
        f"what these give{by}. {advice}"
    )


def _layer_of(torch: Any, module: Any) -> Any:
    kinds = (torch.nn.RNNBase, torch.nn.RNNCellBase)
    return next(part for part in module.modules() if isinstance(part, kinds))


def _tensors(torch: Any, outcome: Any) -> Iterator[np.ndarray]:
    """Give the tensors that a forward pass returned, in float64."""
    if isinstance(outcome, torch.Tensor):
        yield _as_numpy(torch, outcome)
    elif isinstance(outcome, dict):
        for value in outcome.values():
            yield from _tensors(torch, value)
    elif isinstance(outcome, (tuple, list)):
        for value in outcome:
            yield from _tensors(torch, value)


def _gap(torch: Any, outcome: Any, wanted: np.ndarray, time_first: bool) -> float:
    """Return how far the nearest of what was returned is from outputs, of all steps or the last."""
    last = wanted[-1] if time_first else wanted[:, -1]
    nearest = np.inf
    for found in _tensors(torch, outcome):
        for whole in (wanted, wanted.swapaxes(0, 1), last, wanted.reshape(-1, wanted.shape[-1])):
            if np.squeeze(found).shape == np.squeeze(whole).shape:
                gap = np.abs(found.reshape(whole.shape) - whole).max()
                nearest = min(nearest, float(gap) / (1 + float(np.abs(whole).max())))
    return nearest
