"""Any step written with PyTorch as a `System`: values and derivatives by torch itself, in float64.

JAX calls torch back: for a batch of states once, not once a state. The derivative is that of one
backward pass over as many copies of each state as it has units, the Jacobian, by which JAX then
multiplies; so every transformation that the analysis uses applies (jit, vmap, forward and reverse
derivatives, loops).
"""

from __future__ import annotations

import copy
import types
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from yang_rnn._checks import check_whole, reason_of, shown
from yang_rnn.adapters.optional import imported
from yang_rnn.adapters.packing import Packing, packing_of
from yang_rnn.dynamics.system import System

TRIALS = 5
"""Random states at least that a step is tried at before it is taken."""

SAME = 1e-12
"""Largest difference, over 1 + the largest number, between two calls on the same numbers."""

SLOPE = 1e-6
"""Largest difference, over 1 + the largest entry, between torch's derivative and differences."""

AT_ONCE = 2**22
"""Numbers that the copies of states in a backward pass may take: 32 MB."""


def from_torch_step(
    step: Any,
    *,
    dt: float,
    initial_state: Any = None,
    num_units: int | None = None,
    num_inputs: int | None = None,
    readout: Any = None,
    bounds: Any = None,
) -> System:
    """Make a `System` of any step (x, h) -> h that is written with PyTorch.

    For networks that `from_torch` does not take: leaks, low rank, several areas, cells of one's
    own. Values and derivatives are torch's, in float64, from a copy: the module is not changed.
    Results are those of the same step written with JAX; the analysis takes longer
    (`benchmarks/torch_step.py` says by how much), so `from_torch` is the better way where it works.

    Parameters
    ----------
    step : torch.nn.Module or callable
        A module that is called as ``module(x, h)``; a function or a module's method that is; or a
        module with the methods ``recurrence(x, h)`` and ``readout(h)``, as those of NeuralRNN [1]_,
        whose ``init_state(1)``, if it has one, is the initial state. It takes rows, x (trial,
        channel) and h (trial, unit), each trial for itself, or else single vectors x (channel,) and
        h (unit,). One step of a layer, ``torch.nn.GRU`` for instance, is ``gru(x[None],
        h[None])[1][0]``, or of a batch-first one ``gru(x[:, None], h[None])[1][0]``.
    dt : float
        Time step (ms): 20, not 0.02, where a step is 20 ms.
    initial_state : array or tensor of shape (unit,), or pytree of these, optional
        The state that a trial begins in. A pytree, as ``(h, c)``, is what the step takes and gives
        then; `System.parts` names its arrays.
    num_units : int, optional
        Units of a state that begins at 0, where no initial state is given.
    num_inputs : int, optional
        Channels; needed where the module has neither ``input_size`` nor ``config.input_dim``.
    readout : torch.nn.Module or callable, optional
        What reads outputs from a state, written with torch, rows or vectors as above, or with JAX
        (vectors).
    bounds : two of float, arrays of shape (unit,) or trees like the state, optional
        Lowest and highest values that units can have at all.

    Returns
    -------
    System

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    TypeError
        If the step can't be called, or the readout.
    ValueError
        If the step is not pure (two calls on the same numbers differ, or change a parameter or a
        buffer), mixes trials, does not return a state, does not compute in float64, or has no
        derivative by torch that is that of its values.

    References
    ----------
    .. [1] NeuralRNN 0.4, https://neuralrnn.readthedocs.io (recurrence and readout).
    """
    torch = imported("torch", "torch", "from_torch_step")
    step = getattr(step, "_orig_mod", step)  # what torch.compile has wrapped
    module = step if isinstance(step, torch.nn.Module) else None
    if module is not None and callable(getattr(module, "recurrence", None)):
        step = module.recurrence
        if readout is None and callable(getattr(module, "readout", None)):
            readout = module.readout
        if initial_state is None and num_units is None and hasattr(module, "init_state"):
            with torch.no_grad():
                initial_state = module.init_state(1)[0]
    if not callable(step):
        raise TypeError(
            f"`step` must be a torch.nn.Module or a function of tensors; got {shown(step)}"
        )
    if initial_state is None:
        if num_units is None:
            num_units = getattr(module, "hidden_size", None)
        if num_units is None:
            raise ValueError("`num_units` or `initial_state` must be given; got neither")
        initial_state = np.zeros(check_whole("num_units", num_units, 1))
    elif num_units is not None:
        raise ValueError("give `num_units` or `initial_state`, not both")
    packing, begin = packing_of(jax.tree.map(lambda leaf: _as_numpy(torch, leaf), initial_state))
    channels = _channels(step, module, num_inputs)
    own = _copied(torch, step, {})
    rows = _Rows.of(torch, own, (channels, len(begin)), packing)
    _check_pure(torch, rows, own)
    _check_slopes(rows)
    return System(
        _step_of(rows),
        dt=dt,
        initial_state=begin,
        readout=None if readout is None else _readout(torch, readout, packing, begin),
        bounds=packing.bounds(bounds),
        parts=packing.parts,
    )


class _Rows(NamedTuple):
    """A function of rows of vectors, by torch, in float64: arrays in, arrays out.

    Attributes
    ----------
    torch : module
    function : callable
        Takes tensors of shape (row, ...), one for each of `sizes`, and returns one (row, out).
    sizes : tuple of int
        Numbers that a row of each argument has.
    out : int
        Numbers that a row of the result has.
    """

    torch: Any
    function: Callable[..., Any]
    sizes: tuple[int, ...]
    out: int

    @classmethod
    def of(cls, torch: Any, own: Any, sizes: tuple[int, ...], packing: Packing) -> _Rows:
        """Find out whether the step takes rows or vectors only."""

        def of_rows(x: Any, h: Any) -> Any:
            return _packed(torch, own(x, _unpacked(h, packing)), packing, len(h))

        def of_vectors(x: Any, h: Any) -> Any:
            def one(x: Any, h: Any) -> Any:
                after = own(x, jax.tree.map(lambda leaf: leaf[0], _unpacked(h[None], packing)))
                after = jax.tree.map(lambda leaf: leaf[None], after)
                return _packed(torch, after, packing, 1)[0]

            return torch.func.vmap(one)(x, h)

        return _that_works(torch, "step", (of_rows, of_vectors), sizes, sizes[1])

    def values(self, *arrays: Any) -> np.ndarray:
        """Return the function of arrays (..., size), all at once."""
        tensors, shape = self._tensors(arrays)
        with self.torch.no_grad():
            after = self.function(*tensors)
        return after.numpy().reshape(*shape, self.out)

    def jacobian(self, which: int, *arrays: Any) -> np.ndarray:
        """Return the derivative (..., out, size) by one of the arguments."""
        tensors, shape = self._tensors(arrays)
        count, out, torch = len(tensors[0]), self.out, self.torch
        most = max(1, AT_ONCE // (out * sum((*self.sizes, out))))
        found = []
        for first in range(0, max(count, 1), most):
            part = [tensor[first : first + most].repeat_interleave(out, 0) for tensor in tensors]
            part[which].requires_grad_(True)
            with torch.enable_grad():
                after = self.function(*part)
                seed = torch.eye(out, dtype=after.dtype).repeat(len(after) // out, 1)
                if not after.requires_grad:
                    raise ValueError(
                        "`step` must be differentiable by torch; what it returns does not depend "
                        "on its arguments for torch (detach, no_grad, numpy)"
                    )
                (slope,) = torch.autograd.grad(after, part[which], seed, allow_unused=True)
            slope = torch.zeros_like(part[which]) if slope is None else slope
            found.append(slope.numpy().reshape(-1, out, self.sizes[which]))
        return np.concatenate(found).reshape(*shape, out, self.sizes[which])

    def _tensors(self, arrays: Any) -> tuple[list[Any], tuple[int, ...]]:
        given = [np.asarray(array, np.float64) for array in arrays]
        shape = np.broadcast_shapes(*(array.shape[:-1] for array in given))
        flat = [
            np.broadcast_to(array, (*shape, array.shape[-1])).reshape(-1, array.shape[-1])
            for array in given
        ]
        return [self.torch.from_numpy(np.array(array)) for array in flat], shape


def _step_of(rows: _Rows) -> Callable[..., Any]:
    """Return a function of vectors for JAX, with its derivative."""

    def called(function: Callable[..., Any], shape: tuple[int, ...], arguments: Any) -> Any:
        dtype = arguments[-1].dtype
        kind = jax.ShapeDtypeStruct((*shape, dtype.itemsize // 4), np.uint32)

        def host(*bits: Any) -> np.ndarray:
            found = function(*(np.asarray(each).view(dtype)[..., 0] for each in bits))
            return np.ascontiguousarray(found, dtype)[..., None].view(np.uint32)

        bits = (_as_bits(argument) for argument in arguments)
        found = jax.pure_callback(host, kind, *bits, vmap_method="broadcast_all")
        found = found if dtype.itemsize > 4 else found[..., 0]
        return jax.lax.bitcast_convert_type(found, dtype)

    @jax.custom_jvp
    def call(*arguments: Any) -> Any:
        return called(rows.values, (rows.out,), arguments)

    def derivative(arguments: Any, tangents: Any) -> Any:
        change = jnp.zeros((rows.out,), arguments[-1].dtype)
        for which, tangent in enumerate(tangents):
            if not isinstance(tangent, SymbolicZero):
                shape = (rows.out, rows.sizes[which])

                def jacobian(*arrays: Any, which: int = which) -> np.ndarray:
                    return rows.jacobian(which, *arrays)

                slope = called(jacobian, shape, arguments)
                change = change + slope @ tangent
        value = call(*arguments)
        return value, change.astype(value.dtype)

    call.defjvp(derivative, symbolic_zeros=True)

    def as_floats(*arguments: Any) -> Any:
        kind = jnp.result_type(*arguments, jnp.float32)
        return call(*(jnp.asarray(argument, kind) for argument in arguments))

    return as_floats


def _as_bits(array: Any) -> Any:
    """Return numbers as uint32 (..., words): JAX calls back from threads of its own.

    Whether these take float64 is not this thread's setting, and what they don't take they round
    to float32 and say nothing.
    """
    bits = jax.lax.bitcast_convert_type(array, jnp.uint32)
    return bits if array.dtype.itemsize > 4 else bits[..., None]


def _that_works(
    torch: Any, name: str, ways: tuple[Callable[..., Any], ...], sizes: tuple[int, ...], out: Any
) -> _Rows:
    """Return the first way to call a function that gives each row what it gives that row alone."""
    tensors = [torch.from_numpy(array) for array in _examples(sizes)]
    trials = len(tensors[0])
    reasons: list[str] = []
    for function in ways:
        try:
            with torch.no_grad():
                after = function(*(tensor.clone() for tensor in tensors))
                alone = torch.cat(
                    [function(*(t[k : k + 1].clone() for t in tensors)) for k in range(trials)]
                )
        except Exception as error:  # whatever the function raises
            reasons.append(reason_of(error))
            continue
        expected = (trials, out) if out is not None else (trials, after.shape[-1])
        if after.ndim != 2 or tuple(after.shape) != expected:
            reasons.append(f"it returns shape {tuple(after.shape)} for {trials} trials")
        elif after.dtype != torch.float64:
            reasons.append(f"it returns {after.dtype} for numbers of float64")
        elif not torch.isfinite(after).all():
            reasons.append("it returns numbers that are not finite")
        elif not _near(after.numpy(), alone.numpy(), 1e-9):
            again = function(*(tensor.clone() for tensor in tensors)).detach()
            if not _near(after.numpy(), again.numpy(), SAME):
                raise _impure(name)
            raise ValueError(
                f"`{name}` must take each trial for itself; what it returns for one depends on the "
                "others: give one of single vectors through `torch.vmap`, or call `module.eval()`"
            )
        else:
            return _Rows(torch, function, sizes, int(after.shape[-1]))
    takes = " and ".join(
        f"{letter} ({trials}, {size})"
        for letter, size in zip("xh"[-len(sizes) :], sizes, strict=True)
    )
    raise ValueError(
        f"`{name}` must take {takes} in float64, or their rows, to rows of "
        f"{'outputs' if out is None else f'{out} units'}; as rows: {reasons[0]}; as vectors: "
        f"{reasons[-1]}"
    )


def _impure(name: str) -> ValueError:
    return ValueError(
        f"`{name}` must be pure; two calls on the same numbers differ: dropout (call "
        "`module.eval()` first), noise, or a state that is kept inside"
    )


def _examples(sizes: tuple[int, ...]) -> list[np.ndarray]:
    # As many rows as no vector has numbers: what takes rows and what takes vectors can be told.
    trials = next(n for n in range(TRIALS, TRIALS + 3) if n not in sizes)
    rng = np.random.default_rng(0)
    return [rng.uniform(-1, 1, (trials, size)) for size in sizes]


def _near(found: np.ndarray, expected: np.ndarray, tolerance: float) -> bool:
    return bool(np.abs(found - expected).max() <= tolerance * (1 + np.abs(expected).max()))


def _check_pure(torch: Any, rows: _Rows, own: Any) -> None:
    """Raise a `ValueError` where a call changes what the next one gives."""
    arrays = _examples(rows.sizes)
    before = [tensor.clone() for tensor in _tensors_of(torch, own)]
    first = rows.values(*arrays)
    rows.values(*(array[::-1] for array in arrays))
    if not _near(rows.values(*arrays), first, SAME):
        raise _impure("step")
    after = _tensors_of(torch, own)
    if len(before) != len(after) or not all(map(torch.equal, before, after)):
        raise ValueError(
            "`step` must be pure; a call changes the module's parameters or buffers: call "
            "`module.eval()` first, or keep no state inside"
        )


def _tensors_of(torch: Any, own: Any) -> list[Any]:
    owner: Any = own if isinstance(own, torch.nn.Module) else getattr(own, "__self__", None)
    if not isinstance(owner, torch.nn.Module):
        return []
    return [tensor.detach() for tensor in (*owner.parameters(), *owner.buffers())]


def _check_slopes(rows: _Rows) -> None:
    """Raise a `ValueError` where torch's derivative is not that of the values."""
    arrays = _examples(rows.sizes)
    rng = np.random.default_rng(1)
    for which, size in enumerate(rows.sizes):
        if not size:
            continue
        towards = rng.standard_normal((len(arrays[0]), size))
        slope = np.einsum("tij,tj->ti", rows.jacobian(which, *arrays), towards)
        ahead, behind = list(arrays), list(arrays)
        ahead[which], behind[which] = (
            arrays[which] + 1e-6 * towards,
            arrays[which] - 1e-6 * towards,
        )
        between = (rows.values(*ahead) - rows.values(*behind)) / 2e-6
        # A kink within reach makes the difference of a trial another one: most must agree.
        size_of = 1 + np.abs(between).max(axis=1)
        agree = np.abs(slope - between).max(axis=1) <= SLOPE * size_of
        if agree.mean() < 0.5:
            raise ValueError(
                "`step` must be differentiable by torch; its derivative by "
                f"{'xh'[which]} differs from that of its values by "
                f"{np.abs(slope - between).max():.2g}: a part of it is cut off (detach, no_grad, "
                "numpy), or it rounds to float32"
            )


def _channels(step: Any, module: Any, num_inputs: int | None) -> int:
    """Return how many channels the step takes."""
    if num_inputs is not None:
        return check_whole("num_inputs", num_inputs, 0)
    owner = module if module is not None else getattr(step, "__self__", None)
    config = getattr(owner, "config", None)
    for found in (getattr(owner, "input_size", None), getattr(config, "input_dim", None)):
        if isinstance(found, int):
            return found
    raise ValueError(
        "`num_inputs` must be given where the step has neither `input_size` nor `config.input_dim`"
    )


def _as_numpy(torch: Any, value: Any) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    return np.array(value.detach().to("cpu", torch.float64).numpy())


def _unpacked(h: Any, packing: Packing) -> Any:
    """Return the state that rows (row, unit) are, each array with the rows in front."""
    leaves = [
        h[:, part].reshape(len(h), *shape)
        for part, shape in zip(packing.slices, packing.shapes, strict=True)
    ]
    return jax.tree.unflatten(packing.structure, leaves)


def _packed(torch: Any, state: Any, packing: Packing, count: int) -> Any:
    leaves, structure = jax.tree.flatten(state)
    shapes = [tuple(getattr(leaf, "shape", ())) for leaf in leaves]
    expected = [(count, *shape) for shape in packing.shapes]
    if structure != packing.structure or shapes != expected:
        raise ValueError(f"it returns arrays of shapes {shapes} where {expected} are needed")
    return torch.cat([leaf.reshape(count, -1) for leaf in leaves], dim=1)


def _copied(torch: Any, value: Any, known: dict[int, Any]) -> Any:
    """Return a copy on the CPU in float64 of a module, a tensor, or a function that reads some."""
    if id(value) in known:
        return known[id(value)]
    if isinstance(value, torch.nn.Module):
        try:
            found = copy.deepcopy(value).to("cpu").double()
        except Exception as error:  # whatever copying or moving it raises
            raise ValueError(
                f"`step` must be one that can be copied to float64; {type(value).__name__} "
                f"gives: {reason_of(error)}"
            ) from error
    elif isinstance(value, torch.Tensor):
        found = value.detach().cpu().clone()
        found = found.double() if found.is_floating_point() else found
    elif isinstance(value, types.MethodType) and isinstance(value.__self__, torch.nn.Module):
        owner = _copied(torch, value.__self__, known)
        found = types.MethodType(value.__func__, owner)
    elif isinstance(value, types.FunctionType) and not _is_of(value, "torch"):
        return _copied_function(torch, value, known)
    else:
        return value
    known[id(value)] = found
    return found


def _copied_function(torch: Any, function: Any, known: dict[int, Any]) -> Any:
    """Return a function that reads copies of the modules and tensors that it closes over."""
    space = dict(function.__globals__)
    cells = tuple(types.CellType() for _ in function.__closure__ or ())
    found = types.FunctionType(
        function.__code__, space, function.__name__, function.__defaults__, cells or None
    )
    found.__kwdefaults__ = function.__kwdefaults__
    known[id(function)] = found
    for name in function.__code__.co_names:
        if name in space:
            space[name] = _copied(torch, space[name], known)
    for cell, old in zip(cells, function.__closure__ or (), strict=True):
        cell.cell_contents = _copied(torch, old.cell_contents, known)
    if function.__defaults__:
        found.__defaults__ = tuple(_copied(torch, v, known) for v in function.__defaults__)
    return found


def _is_of(value: Any, package: str) -> bool:
    return str(getattr(value, "__module__", "")).split(".")[0] == package


def _readout(torch: Any, readout: Any, packing: Packing, begin: np.ndarray) -> Any:
    """Return a readout of the state's vector, from one written with torch or with JAX."""
    if not callable(readout):
        raise TypeError(
            f"`readout` must be a torch.nn.Module or a function of states; got {shown(readout)}"
        )
    own = _copied(torch, readout, {})
    sizes = (len(begin),)

    def of_rows(h: Any) -> Any:
        return own(_unpacked(h, packing))

    def of_vectors(h: Any) -> Any:
        def one(h: Any) -> Any:
            return own(jax.tree.map(lambda leaf: leaf[0], _unpacked(h[None], packing)))

        return torch.func.vmap(one)(h)

    def by_jax(h: Any) -> Any:
        return readout(packing.unpack(h))

    try:
        return _step_of(_that_works(torch, "readout", (of_rows, of_vectors), sizes, None))
    except ValueError:
        method = getattr(readout, "__self__", None)
        if isinstance(readout, torch.nn.Module) or isinstance(method, torch.nn.Module):
            raise
        try:
            with jax.enable_x64(True):
                jax.eval_shape(by_jax, begin)
        except Exception:  # whatever it raises: it is not written with JAX
            pass
        else:
            return by_jax
        raise
