"""The continuous-time recurrent network."""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, Self, get_args

import brainpy as bp
import brainpy.math as bm
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from yang_rnn._checks import (
    check_array,
    check_finite,
    check_is,
    check_one_of,
    check_real,
    check_whole,
)
from yang_rnn.dynamics.system import System
from yang_rnn.recipe import NOTEBOOK, Activation, Initialisation, Recipe

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "relu": jax.nn.relu,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
}


def _preactivation(w_ir: Any, w_rr: Any, b_rr: Any, alpha: Any, x: Any, h: Any) -> jax.Array:
    # The order of the sums is the notebook's: training repeats its runs to the last bit.
    return (1 - alpha) * h + alpha * (x @ w_ir + h @ w_rr + b_rr)


def _cell(activation: Callable[[jax.Array], jax.Array]) -> Callable[..., jax.Array]:
    def cell(*weights_x_h: Any) -> jax.Array:
        return activation(_preactivation(*weights_x_h))

    return cell


# One function object an activation: JAX compiles what is built on it once for all networks.
_CELLS = {name: _cell(activation) for name, activation in ACTIVATIONS.items()}

_TRUNCATED = 0.87962566103423978
"""Standard deviation of a standard normal distribution that is cut off at -2 and 2."""

_CUT = np.nextafter(np.float32(2), np.float32(0))
"""The largest number below 2."""

_NORMAL_BOUND = np.nextafter(np.float32(math.erf(math.sqrt(2))), np.float32(0))
"""Uniform numbers up to here become normal ones up to 2."""

_BOUNDS = {
    "relu": (0.0, np.inf), "tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0), "softplus": (0.0, np.inf)
}  # fmt: skip


def cell_of(activation: str) -> Callable[..., jax.Array]:
    """Return one step of a network as a pure function of w_ir, w_rr, bias, alpha, x and h."""
    return _CELLS[activation]


def read_out(w_ro: Any, b_ro: Any, h: Any) -> jax.Array:
    """Return the outputs (..., outputs) of hidden states (..., hidden), a pure function."""
    return h @ w_ro + b_ro


def weight_shapes(recipe: Recipe) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the weights of a recipe's network by name, without building it."""
    channels = recipe.channels[0]
    drawn = _weights_to_draw(channels, recipe.hidden, recipe.channels[1], recipe.initialisation)
    return {name: shape for name, (shape, _, _) in drawn.items()}


def _weights_to_draw(
    num_inputs: int, num_hidden: int, num_outputs: int, initialisation: str
) -> dict[str, tuple[tuple[int, ...], int, bool]]:
    """Return shape, fan-in and whether it is normal (else uniform) for each weight and bias."""
    normal = initialisation == "kaiming"
    drawn: dict[str, tuple[tuple[int, ...], int, bool]] = {
        "w_ir": ((num_inputs, num_hidden), num_inputs, normal),
        "w_rr": ((num_hidden, num_hidden), num_hidden, normal),
        "b_rr": ((num_hidden,), num_hidden, False),
        "w_ro": ((num_hidden, num_outputs), num_hidden, normal),
        "b_ro": ((num_outputs,), num_hidden, False),
    }
    return drawn | ({} if normal else {"b_ir": ((num_hidden,), num_inputs, False)})


@functools.partial(jax.jit, static_argnums=1)
def _draw_weights(
    seeds: jax.Array, drawn: tuple[tuple[tuple[int, ...], int, bool], ...]
) -> tuple[jax.Array, ...]:
    """Draw what BrainPy's `KaimingNormal(scale=1.0)` and `Uniform` draw, bit for bit.

    In one program: one for each array, and for the checks of theirs, takes a second to compile.
    """
    arrays = []
    for seed, (shape, fan_in, normal) in zip(seeds, drawn, strict=True):
        key = jax.random.split(jax.random.key(seed))[1]
        bound = _NORMAL_BOUND if normal else 1 / math.sqrt(fan_in)
        array = jax.random.uniform(key, shape, jnp.float32, minval=-bound, maxval=bound)
        if normal:
            array = jnp.clip(jax.lax.erf_inv(array) * np.float32(math.sqrt(2)), -_CUT, _CUT)
            array = array * (jnp.sqrt(jnp.float32(1 / fan_in)) / _TRUNCATED)
        arrays.append(array)
    return tuple(arrays)


class CTRNN(bp.DynamicalSystem):
    r"""Continuous-time recurrent network, stepped by Euler's method [1]_.

    .. math::
        h_{t+1} = f\left((1 - \alpha) h_t + \alpha (x_t W_{ir} + h_t W_{rr} + b_{rr})\right),
        \quad o_t = h_{t+1} W_{ro} + b_{ro}, \quad \alpha = dt / \tau

    States and inputs are rows; axes are (time, trial, unit) throughout. The nonlinearity is around
    the whole leaky sum. Training variables: `w_ir` (inputs, hidden), `w_rr` (hidden, hidden),
    `b_rr` (hidden,), `w_ro` (hidden, outputs), `b_ro` (outputs,); states: `h` (trial, hidden) and
    `o` (trial, outputs).

    Weights begin in one of two ways. ``kaiming``, the notebook's: weights from a normal
    distribution of variance 1 / fan-in, truncated at two standard deviations
    (`KaimingNormal(scale=1.)`), both biases from a uniform one within +-1 / sqrt(hidden).
    ``linear``, the primer's: input, recurrence and readout are linear layers as PyTorch makes them,
    every weight and bias uniform within +-1 / sqrt(fan-in); the input layer has a bias of its own,
    `b_ir` (hidden,), which is added to `b_rr`.

    Parameters
    ----------
    num_inputs, num_hidden, num_outputs : int
        Channels and units.
    dt : float, optional
        Time step (ms), at most `tau`; without one it is `tau`, and alpha is 1.
    tau : float
        Time constant of a hidden unit (ms).
    activation : {"relu", "tanh", "sigmoid", "softplus"}
        The nonlinearity f.
    initialisation : {"kaiming", "linear"}
        How weights and biases begin.
    seed : int
        Fixes all weights and biases.

    Raises
    ------
    ValueError
        If a number is out of its range, or the activation or the initialisation is unknown.

    References
    ----------
    .. [1] Yang & Wang (2020), "Artificial neural networks for neuroscientists: a primer",
       Neuron 107(6):1048-1070.
    """

    w_ir: bm.TrainVar
    w_rr: bm.TrainVar
    b_rr: bm.TrainVar
    w_ro: bm.TrainVar
    b_ro: bm.TrainVar
    b_ir: bm.TrainVar  # where `initialisation` is "linear"

    def __init__(
        self,
        num_inputs: int,
        num_hidden: int,
        num_outputs: int,
        dt: float | None = None,
        tau: float = NOTEBOOK.tau,
        activation: Activation = NOTEBOOK.activation,
        initialisation: Initialisation = NOTEBOOK.initialisation,
        seed: int = NOTEBOOK.seed,
    ):
        num_inputs = check_whole("num_inputs", num_inputs, 1)
        num_hidden = check_whole("num_hidden", num_hidden, 1)
        num_outputs = check_whole("num_outputs", num_outputs, 1)
        seed = check_whole("seed", seed, 0, None)
        tau = check_real("tau", tau, above=0)
        if dt is not None and check_real("dt", dt, above=0) > tau:
            raise ValueError(f"`dt` must be at most `tau` ({tau:.12g} ms); got {dt}")
        check_one_of("activation", activation, ACTIVATIONS)
        check_one_of("initialisation", initialisation, get_args(Initialisation))
        super().__init__(mode=bm.TrainingMode())
        self.num_inputs, self.num_hidden, self.num_outputs = num_inputs, num_hidden, num_outputs
        self.tau, self.dt = tau, tau if dt is None else float(dt)
        self.alpha = self.dt / tau
        self.activation = activation

        drawn = _weights_to_draw(num_inputs, num_hidden, num_outputs, initialisation)
        seeds = np.random.SeedSequence(seed).generate_state(6)[: len(drawn)]
        arrays = _draw_weights(seeds, tuple(drawn.values()))
        for name, array in zip(drawn, arrays, strict=True):
            setattr(self, name, bm.TrainVar(array))
        self.weight_names = tuple(drawn)
        self.h = bm.Variable(jnp.zeros((1, num_hidden)), batch_axis=0)
        self.o = bm.Variable(jnp.zeros((1, num_outputs)), batch_axis=0)
        self._run: Callable[..., Any] = bm.jit(
            # Two steps a turn of the loop: a quarter less time, no longer to compile.
            lambda inputs: bm.for_loop(self.update, inputs, unroll=2)
        )

    @classmethod
    def from_recipe(cls, recipe: Recipe) -> Self:
        """Build the untrained network of a recipe."""
        check_is("recipe", recipe, Recipe)
        return cls(
            num_inputs=recipe.channels[0],
            num_hidden=recipe.hidden,
            num_outputs=recipe.channels[1],
            dt=recipe.dt,
            tau=recipe.tau,
            activation=recipe.activation,
            initialisation=recipe.initialisation,
            seed=recipe.seeds.weights,
        )

    @property
    def weights(self) -> dict[str, np.ndarray]:
        """Copies of the weights and biases by name, float32."""
        return {name: np.array(bm.as_jax(getattr(self, name))) for name in self.weight_names}

    def set_weights(self, weights: Mapping[str, Any]) -> None:
        """Set weights and biases.

        Parameters
        ----------
        weights : dict of arrays
            Each of `weight_names` in its shape.

        Raises
        ------
        ValueError
            If a name is missing or unknown, a shape is another one, or a number is not finite in
            float32; nothing is set then.
        TypeError
            If they are not a mapping, or something is not real numbers.
        """
        check_is("weights", weights, Mapping)
        if set(weights) != set(self.weight_names):
            raise ValueError(f"`weights` must have {self.weight_names}; got {list(weights)}")
        arrays: dict[str, jax.Array] = {}
        for name, value in weights.items():
            array = check_array(name, value, getattr(self, name).shape, finite=False)
            with np.errstate(over="ignore"):  # told below, by name
                arrays[name] = jnp.asarray(array, dtype=jnp.float32)
            broken = int((~jnp.isfinite(arrays[name])).sum())
            if broken:
                raise ValueError(f"`{name}` must be finite in float32; got {broken} that are not")
        for name, array in arrays.items():
            getattr(self, name).value = array

    def reset_state(self, batch_size: int = 1, **_: Any) -> None:
        """Set h and o to 0 for a number of trials."""
        batch_size = check_whole("batch_size", batch_size, 0)
        self.h.value = jnp.zeros((batch_size, self.num_hidden))
        self.o.value = jnp.zeros((batch_size, self.num_outputs))

    def cell(self, x: Any, h: Any) -> jax.Array:
        """Return the next hidden state from inputs (..., inputs) and states (..., hidden)."""
        bias = bm.as_jax(self.b_rr)
        if "b_ir" in self.weight_names:
            bias = bias + bm.as_jax(self.b_ir)
        recurrent = (bm.as_jax(self.w_ir), bm.as_jax(self.w_rr), bias)
        return _CELLS[self.activation](*recurrent, self.alpha, bm.as_jax(x), bm.as_jax(h))

    def readout(self, h: Any) -> jax.Array:
        """Return the outputs (..., outputs) of hidden states (..., hidden)."""
        return read_out(bm.as_jax(self.w_ro), bm.as_jax(self.b_ro), bm.as_jax(h))

    def update(self, x: Any) -> tuple[jax.Array, jax.Array]:
        """Take one step from inputs (trial, inputs); return the new h and o."""
        h = self.cell(x, self.h)
        o = self.readout(h)
        self.h.value = h
        self.o.value = o
        return h, o

    def predict(self, inputs: Any) -> tuple[jax.Array, jax.Array]:
        """Run trials from h = 0.

        Parameters
        ----------
        inputs : array of shape (time, trial, inputs)
            Any number of trials.

        Returns
        -------
        activity : array of shape (time, trial, hidden)
            Hidden states after each step.
        outputs : array of shape (time, trial, outputs)
            The readout of them.

        Raises
        ------
        ValueError
            If the inputs have another shape, or a number is not finite in float32.
        TypeError
            If they are not real numbers.
        """
        inputs = self._checked(inputs)
        self.reset_state(inputs.shape[1])
        return self._run(inputs)

    def _checked(self, inputs: Any) -> jax.Array:
        """Return inputs in float32; within a compiled function they have been checked."""
        if not isinstance(inputs, Tracer):
            shape = ("time", "trial", self.num_inputs)
            inputs = check_array("inputs", inputs, shape, finite=False, empty=True)
            with np.errstate(over="ignore"):  # told below, by name
                inputs = inputs.astype(np.float32)
            check_finite("inputs", inputs)
        return jnp.asarray(inputs, dtype=jnp.float32)

    def loss(self, inputs: Any, targets: Any) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        """Return the mean cross-entropy over time and trials, with activity and outputs.

        Parameters
        ----------
        inputs : array of shape (time, trial, inputs)
        targets : int array of shape (time, trial)
            Each the output that should be the largest.

        Raises
        ------
        ValueError
            If a shape is another one, or a target is none of the outputs.
        TypeError
            If the inputs are not real numbers, or the targets no whole ones.
        """
        activity, outputs = self.predict(inputs)
        if not isinstance(targets, Tracer):
            targets = check_targets("targets", targets, outputs.shape[:2], self.num_outputs)
        return bp.losses.cross_entropy_loss(outputs, targets), (activity, outputs)

    def system(self) -> System:
        """Return the network as the analysis sees it: a pure step and what belongs to it.

        Returns
        -------
        System
            It holds copies of the weights as plain arrays, no BrainPy variables: training the
            network further leaves it as it is, and any JAX transformation applies to it.
        """
        weights = self.weights
        bias = weights["b_rr"] + weights.get("b_ir", np.float32(0))
        recurrent = (weights["w_ir"], weights["w_rr"], bias, self.alpha)
        return System(
            jax.tree_util.Partial(_CELLS[self.activation], *recurrent),
            dt=self.dt,
            initial_state=np.zeros(self.num_hidden),
            readout=jax.tree_util.Partial(read_out, weights["w_ro"], weights["b_ro"]),
            # Where it is 0 the relu has its kink; the other nonlinearities have none.
            preactivation=jax.tree_util.Partial(_preactivation, *recurrent)
            if self.activation == "relu"
            else None,
            bounds=_BOUNDS[self.activation],
        )


def check_targets(name: str, targets: Any, shape: tuple[int, ...], outputs: int) -> np.ndarray:
    """Return targets (time, trial) that are places of so many outputs; else raise an error."""
    array = check_array(name, targets, shape, whole=True)
    if array.min() < 0 or array.max() >= outputs:
        raise ValueError(
            f"`{name}` must be from 0 to {outputs - 1}, the network's outputs; "
            f"got {array.min()} to {array.max()}"
        )
    return array


WEIGHT_NAMES = ("w_ir", "w_rr", "b_rr", "w_ro", "b_ro")
"""The training variables that every `CTRNN` has, in the order of the equations."""
