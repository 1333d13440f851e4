"""Optimisers of BrainPy and of optax as one thing: it updates variables and has a state."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import brainpy as bp
import brainpy.math as bm
import jax
import jax.numpy as jnp
import numpy as np
import optax

from yang_rnn._checks import reason_of, shown

Variables = dict[str, bm.Variable]


class Optimiser(Protocol):
    """What updates the variables that it was made with, and the variables that it has itself."""

    @property
    def state(self) -> Variables:
        """Its own variables by a name that is the same in every process."""
        ...

    def update(self, gradients: dict[str, Any]) -> None:
        """Take one step."""
        ...

    def end_epoch(self) -> None:
        """Let a learning rate that goes by epochs go on."""
        ...


class BrainPyOptimiser:
    """An optimiser of BrainPy."""

    def __init__(self, optimiser: bp.optim.Optimizer):
        self._optimiser = optimiser
        own = {id(variable) for variable in optimiser.vars_to_train.values()}
        self.state: Variables = {}
        for name, variable in optimiser.vars().unique().items():
            if id(variable) not in own:
                # An object's name counts those of its class before it: Adam3.step is Adam.step.
                short = re.sub(r"^(\D+)\d+\.", r"\1.", name)
                assert short not in self.state
                self.state[short] = variable

    def update(self, gradients: dict[str, Any]) -> None:
        """Take one step."""
        self._optimiser.update(gradients)

    def end_epoch(self) -> None:
        """Let the schedule of the learning rate go on."""
        self._optimiser.lr.step_epoch()


class OptaxOptimiser:
    """A gradient transformation of optax."""

    def __init__(self, transformation: optax.GradientTransformation, variables: Variables):
        self._transformation, self._variables = transformation, variables
        start = transformation.init(_values(variables))
        paths, self._tree = jax.tree_util.tree_flatten_with_path(start)
        # Keys of JAX's random numbers are kept as the numbers that they are.
        self._keys = [_is_key(leaf) for _, leaf in paths]
        self._leaves = [bm.Variable(_plain(leaf)) for _, leaf in paths]
        names = [jax.tree_util.keystr(path) for path, _ in paths]
        self.state: Variables = dict(zip(names, self._leaves, strict=True))

    def update(self, gradients: dict[str, Any]) -> None:
        """Take one step."""
        leaves = map(bm.as_jax, self._leaves)
        whole = [
            jax.random.wrap_key_data(leaf) if is_key else leaf
            for leaf, is_key in zip(leaves, self._keys, strict=True)
        ]
        before = jax.tree.unflatten(self._tree, whole)
        plain = {name: bm.as_jax(gradient) for name, gradient in gradients.items()}
        weights = _values(self._variables)
        try:
            changes, after = self._transformation.update(plain, before, weights)
        except TypeError as error:  # a line search, or what goes by the loss
            raise TypeError(
                "`optimiser` must be one that goes by gradients alone; "
                f"this one gave: {reason_of(error)}"
            ) from error
        new: Any = optax.apply_updates(weights, changes)
        for name, variable in self._variables.items():
            variable.value = new[name]
        for leaf, value in zip(self._leaves, jax.tree.leaves(after), strict=True):
            leaf.value = _plain(value)

    def end_epoch(self) -> None:
        """Nothing: schedules of optax go by steps."""


def make_optimiser(optimiser: Any, variables: Variables) -> Optimiser:
    """Make an optimiser of variables from what a user gives.

    Parameters
    ----------
    optimiser : optax.GradientTransformation or callable
        Of optax, or a function that makes one of BrainPy when it is called with ``train_vars=``, as
        ``functools.partial(bp.optim.Momentum, lr=0.01)``. Its schedule begins anew.
    variables : dict of variables

    Raises
    ------
    TypeError
        If it is neither.
    """
    if isinstance(optimiser, optax.GradientTransformation):
        return OptaxOptimiser(optimiser, variables)
    expected = (
        "`optimiser` must be a gradient transformation of optax, or a function that makes an "
        "optimiser of BrainPy of `train_vars`, as functools.partial(bp.optim.Adam, lr=1e-3)"
    )
    if isinstance(optimiser, bp.optim.Optimizer) or not callable(optimiser):
        raise TypeError(f"{expected}; got {shown(optimiser)}")
    try:
        made = optimiser(train_vars=variables)
    except Exception as error:  # whatever a function of the user's raises
        raise TypeError(f"{expected}; {shown(optimiser)} gave: {reason_of(error)}") from error
    if not isinstance(made, bp.optim.Optimizer):
        raise TypeError(f"{expected}; {shown(optimiser)} made {shown(made)}")
    if {id(v) for v in made.vars_to_train.values()} != {id(v) for v in variables.values()}:
        raise TypeError(f"{expected}; {shown(optimiser)} made one of other variables")
    for count in ("last_epoch", "last_call"):  # a schedule that another training has used
        if hasattr(made.lr, count):
            getattr(made.lr, count).value = jnp.asarray(-1)
    return BrainPyOptimiser(made)


def adam(rate: Any, variables: Variables) -> Optimiser:
    """Make the Adam that the notebook trains by, with a learning rate or a variable of one."""
    return BrainPyOptimiser(bp.optim.Adam(lr=rate, train_vars=variables))


def state_of(optimiser: Optimiser) -> dict[str, np.ndarray]:
    """Return a copy of an optimiser's state."""
    return {name: np.array(bm.as_jax(v)) for name, v in optimiser.state.items()}


def set_state(optimiser: Optimiser, state: Mapping[str, np.ndarray]) -> None:
    """Set an optimiser's state to one that `state_of` returned.

    Raises
    ------
    ValueError
        If it is of another optimiser; nothing is set then.
    """
    own = {name: (v.shape, np.dtype(v.dtype)) for name, v in optimiser.state.items()}
    given = {name: (np.shape(v), np.asarray(v).dtype) for name, v in state.items()}
    if own != given:
        differ = sorted(name for name in own | given if own.get(name) != given.get(name))
        raise ValueError(
            f"`resume` must be of the same optimiser; its state differs in {shown(differ)}"
        )
    for name, variable in optimiser.state.items():
        variable.value = jnp.asarray(state[name])


Schedule = Callable[[int], float]


def learning_rate_of(schedule: str, rate: float, end: float, epochs: int) -> Schedule:
    """Return the learning rate of each epoch, counted from 0.

    Parameters
    ----------
    schedule : {"constant", "cosine", "exponential"}
        Cosine: half a wave from `rate` at the first epoch to its share `end` behind the last
        (Loshchilov & Hutter, 2017); exponential: by the same factor each epoch, to the same place.
    rate : float
    end : float
        Share of the rate, 0 to 1; above 0 for an exponential one.
    epochs : int
        Epochs that the schedule is over.
    """

    def at(epoch: int) -> float:
        part = min(epoch / epochs, 1.0)
        if schedule == "cosine":
            return rate * (end + (1 - end) * (1 + np.cos(np.pi * part)) / 2)
        return rate * end**part if schedule == "exponential" else rate

    return at


def _values(variables: Variables) -> dict[str, jax.Array]:
    return {name: bm.as_jax(variable) for name, variable in variables.items()}


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(jnp.asarray(leaf).dtype, jax.dtypes.prng_key)


def _plain(leaf: Any) -> jax.Array:
    """Return an array of numbers, of a key those that it is."""
    return jax.random.key_data(leaf) if _is_key(leaf) else jnp.asarray(leaf)
