"""The continuous-time recurrent network."""

from collections.abc import Callable, Mapping
from typing import Any, Self

import brainpy as bp
import brainpy.math as bm
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from numpy.typing import ArrayLike

from yang_rnn._checks import (
    as_array,
    check_array,
    check_finite,
    check_is,
    check_real,
    check_time_step,
    check_whole,
)
from yang_rnn.dynamics.enclosure import (
    MAX_BOXES,
    MAX_UNITS,
    TIME_LIMIT,
    EnclosedFixedPoints,
    enclose_fixed_points,
)
from yang_rnn.dynamics.rectified import Rectified
from yang_rnn.dynamics.system import System
from yang_rnn.network.equations import (
    BOUNDS,
    PREACTIVATIONS,
    cell_of,
    private_noise,
    read_out,
    run_trials,
    start_of,
)
from yang_rnn.network.losses import loss_of
from yang_rnn.network.parameters import Design, check_design, draw_parameters, effective
from yang_rnn.recipe import (
    NOTEBOOK,
    Activation,
    Initialisation,
    InitialState,
    Leak,
    ReadoutUnits,
    Recipe,
)


def weight_shapes(recipe: Recipe) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the weights of a recipe's network by name, without building it."""
    return Design.of(recipe).shapes


class CTRNN(bp.DynamicalSystem):
    """Continuous-time recurrent network, stepped by Euler's method.

    The equation is that of [1]_::

        h[t+1] = f((1 - alpha) h[t] + alpha (x[t] W_ir + h[t] W_rr + b_rr)),  alpha = dt / tau
        o[t] = h[t+1] W_ro + b_ro

    States and inputs are rows; axes are (time, trial, unit) throughout. The nonlinearity is around
    the whole leaky sum; with ``leak="outside"`` it is around the input alone::

        h[t+1] = (1 - alpha) h[t] + alpha f(x[t] W_ir + h[t] W_rr + b_rr)

    Training variables: `w_ir` (inputs, hidden), `w_rr` (hidden, hidden), `b_rr` (hidden,), `w_ro`
    (hidden, outputs), `b_ro` (outputs,); states: `h` (trial, hidden) and `o` (trial, outputs).

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
    leak : {"inside", "outside"}
        Where the leak is.
    excitatory : float or None
        Dale's law [2]_: this share of the units, the first ones, excites, the others inhibit. The
        recurrent weights are those of `w_rr` without their signs, times 1 in the rows of excitatory
        units and -1 in those of inhibitory ones. Those of excitatory units begin smaller, by the
        number of inhibitory units over theirs, so that the input of a unit is balanced. 0 or None:
        units may do both.
    readout_units : {"all", "excitatory"}
        The units that are read from. Those of excitatory units are synapses too: weights of 0 or
        more.
    rank : int
        Rank R of the recurrent weights [3]_: they are ``n_rr @ m_rr.T / hidden`` of the factors
        `m_rr` and `n_rr` (hidden, R), which are trained in place of `w_rr` and begin with variance
        1 (``linear``: uniform within +-1). 0: any rank.
    initial_state : {"zero", "trained"}
        What h begins with: 0, or `h_0` (hidden,), which is trained, from 0 on.
    unit_noise : float
        Private noise sigma of the units during training [2]_ [4]_: Gaussian noise of standard
        deviation sqrt(2 / alpha) sigma is added to the input of each unit at each step, which with
        the leak inside adds sqrt(2 alpha) sigma to the leaky sum.

    Raises
    ------
    ValueError
        If a number is out of its range, a word is unknown, or two options exclude each other: low
        rank and Dale's law.

    References
    ----------
    .. [1] Yang & Wang (2020), "Artificial neural networks for neuroscientists: a primer",
       Neuron 107(6):1048-1070.
    .. [2] Song, Yang & Wang (2016), "Training excitatory-inhibitory recurrent neural networks for
       cognitive tasks: a simple and flexible framework", PLoS Computational Biology 12:e1004792.
    .. [3] Mastrogiuseppe & Ostojic (2018), "Linking connectivity, dynamics, and computations in
       low-rank recurrent neural networks", Neuron 99:609-623.
    .. [4] Yang, Joglekar, Song, Newsome & Wang (2019), "Task representations in neural networks
       trained to perform many cognitive tasks", Nature Neuroscience 22:297-306.
    """

    design: Design
    num_inputs: int
    num_hidden: int
    num_outputs: int
    dt: float
    tau: float
    alpha: float
    weight_names: tuple[str, ...]
    h: bm.Variable
    o: bm.Variable
    w_ir: bm.TrainVar
    w_rr: bm.TrainVar  # where `rank` is 0
    m_rr: bm.TrainVar  # where it is not
    n_rr: bm.TrainVar
    b_rr: bm.TrainVar
    w_ro: bm.TrainVar
    b_ro: bm.TrainVar
    b_ir: bm.TrainVar  # where `initialisation` is "linear"
    h_0: bm.TrainVar  # where `initial_state` is "trained"

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
        *,
        leak: Leak = NOTEBOOK.leak,
        excitatory: float | None = NOTEBOOK.excitatory,
        readout_units: ReadoutUnits = NOTEBOOK.readout_units,
        rank: int = NOTEBOOK.rank,
        initial_state: InitialState = NOTEBOOK.initial_state,
        unit_noise: float = NOTEBOOK.unit_noise,
    ):
        self.design = check_design(
            Design(
                num_inputs=num_inputs,
                num_hidden=num_hidden,
                num_outputs=num_outputs,
                activation=activation,
                initialisation=initialisation,
                leak=leak,
                readout_units=readout_units,
                rank=rank,
                initial_state=initial_state,
                unit_noise=unit_noise,
            ),
            excitatory,
        )
        seed = check_whole("seed", seed, 0, None)
        tau = check_real("tau", tau, above=0)
        if dt is not None and check_time_step(dt) > tau:
            raise ValueError(f"`dt` must be at most `tau` ({tau:.12g} ms); got {dt}")
        super().__init__(mode=bm.TrainingMode())
        self.num_inputs, self.num_hidden, self.num_outputs = self.design[:3]
        self.tau, self.dt = tau, tau if dt is None else float(dt)
        self.alpha = self.dt / tau
        self.activation = activation
        for name, array in draw_parameters(self.design, seed).items():
            setattr(self, name, bm.TrainVar(array))
        self.weight_names = tuple(self.design.shapes)
        self.h = bm.Variable(jnp.zeros((1, self.num_hidden)), batch_axis=0)
        self.o = bm.Variable(jnp.zeros((1, self.num_outputs)), batch_axis=0)
        self._run: Callable[..., Any] = bm.jit(self._trials)

    def __repr__(self) -> str:
        """Say how large the network is, and its time step and constant."""
        return (
            f"CTRNN({self.num_inputs} inputs, {self.num_hidden} {self.activation} units, "
            f"{self.num_outputs} outputs; dt {self.dt:g} ms, tau {self.tau:g} ms)"
        )

    @classmethod
    def from_recipe(cls, recipe: Recipe) -> Self:
        """Build the untrained network of a recipe."""
        check_is("recipe", recipe, Recipe)
        num_inputs, num_outputs = recipe.channels
        return cls(
            num_inputs=num_inputs,
            num_hidden=recipe.hidden,
            num_outputs=num_outputs,
            dt=recipe.dt,
            tau=recipe.tau,
            activation=recipe.activation,
            initialisation=recipe.initialisation,
            seed=recipe.seeds.weights,
            leak=recipe.leak,
            excitatory=recipe.excitatory,
            readout_units=recipe.readout_units,
            rank=recipe.rank,
            initial_state=recipe.initial_state,
            unit_noise=recipe.unit_noise,
        )

    @property
    def weights(self) -> dict[str, np.ndarray]:
        """Copies of all that is trained, by name, float32: what `set_weights` takes."""
        return {name: np.array(value) for name, value in self.parameters.items()}

    @property
    def parameters(self) -> dict[str, jax.Array]:
        """All that is trained, by name, as it is within a compiled function too."""
        return {name: bm.as_jax(getattr(self, name)) for name in self.weight_names}

    def effective_weights(self) -> dict[str, np.ndarray]:
        """Return the weights that the equations take, by name, float32.

        Returns
        -------
        dict
            ``w_ir`` (inputs, hidden), ``w_rr`` (hidden, hidden), ``b_rr`` (hidden,), ``w_ro``
            (hidden, outputs), ``b_ro`` (outputs,), and ``h_0`` (hidden,) where the initial state is
            trained: with Dale's law the signs are right, of a low rank ``w_rr`` is the product, and
            the bias of an input layer is part of ``b_rr``.
        """
        return {name: np.asarray(w) for name, w in effective(self.weights, self.design).items()}

    def set_weights(self, weights: Mapping[str, ArrayLike]) -> None:
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

    def reset_state(self, batch_size: int = 1, **_: object) -> None:
        """Set h to what trials begin in, and o to 0, for a number of trials."""
        batch_size = check_whole("batch_size", batch_size, 0)
        self.h.value = start_of(self.parameters, batch_size)
        self.o.value = jnp.zeros((batch_size, self.num_outputs))

    def cell(self, x: ArrayLike, h: ArrayLike) -> jax.Array:
        """Return the next hidden state from inputs (..., inputs) and states (..., hidden)."""
        weights = effective(self.parameters, self.design)
        recurrent = (weights["w_ir"], weights["w_rr"], weights["b_rr"])
        return self.step_function(*recurrent, self.alpha, bm.as_jax(x), bm.as_jax(h))

    def readout(self, h: ArrayLike) -> jax.Array:
        """Return the outputs (..., outputs) of hidden states (..., hidden)."""
        weights = effective(self.parameters, self.design)
        return read_out(weights["w_ro"], weights["b_ro"], bm.as_jax(h))

    def update(self, x: ArrayLike) -> tuple[jax.Array, jax.Array]:
        """Take one step from inputs (trial, inputs); return the new h and o."""
        h = self.cell(x, self.h)
        o = self.readout(h)
        self.h.value = h
        self.o.value = o
        return h, o

    def predict(
        self, inputs: ArrayLike, noise_seed: int | None = None
    ) -> tuple[jax.Array, jax.Array]:
        """Run trials from their initial state.

        Parameters
        ----------
        inputs : array of shape (time, trial, inputs)
            Any number of trials.
        noise_seed : int, optional
            Turns the units' private noise on, which this fixes; without it there is none.

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
        noise = None
        if noise_seed is not None:
            key = jax.random.key(check_whole("noise_seed", noise_seed, 0, 2**32 - 1))
            sigma = self.design.unit_noise
            noise = private_noise(key, inputs, self.num_hidden, sigma, self.alpha)
        activity, outputs = self._run(inputs, noise)
        self.reset_state(inputs.shape[1])
        if len(activity):
            self.h.value, self.o.value = activity[-1], outputs[-1]
        return activity, outputs

    @property
    def step_function(self) -> Callable[..., jax.Array]:
        """One step as a pure function of effective w_ir, w_rr, b_rr, alpha, x and h."""
        return cell_of(self.design.activation, self.design.leak)

    def _trials(self, inputs: jax.Array, noise: jax.Array | None) -> tuple[jax.Array, jax.Array]:
        weights = effective(self.parameters, self.design)

        def each(h: jax.Array) -> tuple[jax.Array, jax.Array]:
            return h, read_out(weights["w_ro"], weights["b_ro"], h)

        return run_trials(self.step_function, weights, self.alpha, inputs, noise, each)

    def _checked(self, inputs: Any) -> jax.Array:
        """Return inputs in float32; within a compiled function they have been checked."""
        if not isinstance(inputs, Tracer):
            shape = ("time", "trial", self.num_inputs)
            inputs = check_array("inputs", inputs, shape, finite=False, empty=True)
            with np.errstate(over="ignore"):  # told below, by name
                inputs = inputs.astype(np.float32)
            check_finite("inputs", inputs)
        return jnp.asarray(inputs, dtype=jnp.float32)

    def loss(
        self, inputs: ArrayLike, targets: ArrayLike, weights: ArrayLike | None = None
    ) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        """Return the mean loss over time and trials, with activity and outputs.

        Parameters
        ----------
        inputs : array of shape (time, trial, inputs)
        targets : int array of shape (time, trial), or array of shape (time, trial, outputs)
            The output that should be the largest, for the cross-entropy; or what each should be,
            for the mean square of the difference.
        weights : array of shape (time, trial), optional
            How much each step counts; without it all count alike.

        Raises
        ------
        ValueError
            If a shape is another one, a target is none of the outputs or not finite, or weights
            are negative or all 0.
        TypeError
            If something is not real numbers, or targets (time, trial) are no whole ones.
        """
        activity, outputs = self.predict(inputs)
        if not isinstance(targets, Tracer):
            targets = check_targets("targets", targets, outputs.shape[:2], self.num_outputs)
        if weights is not None and not isinstance(weights, Tracer):
            weights = check_step_weights("weights", weights, outputs.shape[:2])
        return loss_of(outputs, targets, weights), (activity, outputs)

    def system(self) -> System:
        """Return the network as the analysis sees it: a pure step and what belongs to it.

        Returns
        -------
        System
            It holds copies of the effective weights as plain arrays, no BrainPy variables:
            training the network further leaves it as it is, and any JAX transformation applies to
            it. There is no private noise in it.
        """
        weights, design = self.effective_weights(), self.design
        recurrent = (weights["w_ir"], weights["w_rr"], weights["b_rr"], self.alpha)
        low, high = BOUNDS[design.activation]
        start = weights.get("h_0", np.zeros(self.num_hidden))
        if design.leak == "outside":  # the part that leaks is what it began with
            low, high = np.minimum(low, start), np.maximum(high, start)
        return System(
            jax.tree_util.Partial(self.step_function, *recurrent),
            dt=self.dt,
            initial_state=start,
            readout=jax.tree_util.Partial(read_out, weights["w_ro"], weights["b_ro"]),
            # Where it is 0 the relu has its kink; the other nonlinearities have none.
            preactivation=jax.tree_util.Partial(PREACTIVATIONS[design.leak], *recurrent)
            if design.activation == "relu"
            else None,
            bounds=(low, high),
            rectified=Rectified(*recurrent, design.leak) if design.activation == "relu" else None,
        )

    def enclose_fixed_points(
        self,
        x: ArrayLike,
        *,
        max_units: int = MAX_UNITS,
        max_boxes: int = MAX_BOXES,
        time_limit: float = TIME_LIMIT,
    ) -> EnclosedFixedPoints:
        """Find all fixed points of a small tanh or sigmoid network at a constant input, with proof.

        Parameters
        ----------
        x : array of shape (inputs,)
            The constant input.
        max_units, max_boxes, time_limit
            As `yang_rnn.enclose_fixed_points` takes them.

        Returns
        -------
        EnclosedFixedPoints
            Of the network in exact arithmetic; the rounding of its equation's weights is counted.

        Raises
        ------
        ValueError
            If the nonlinearity is another one, there are too many units, or the input is not of
            this network.
        """
        x = check_array("x", x, (self.num_inputs,)).astype(np.float64)
        weights = {name: w.astype(np.float64) for name, w in self.effective_weights().items()}
        recurrent, drive = weights["w_rr"], x @ weights["w_ir"] + weights["b_rr"]
        size, whole = abs(recurrent), abs(x) @ abs(weights["w_ir"]) + abs(weights["b_rr"])
        if self.design.leak == "inside":
            kept = (1 - self.alpha) * np.eye(self.num_hidden)
            recurrent, size = kept + self.alpha * recurrent, kept + self.alpha * size
            drive, whole = self.alpha * drive, self.alpha * whole
        rounding = (self.num_inputs + 4) * np.finfo(np.float64).eps
        return enclose_fixed_points(
            recurrent,
            drive,
            self.activation,
            recurrent_error=rounding * size,
            drive_error=rounding * whole,
            max_units=max_units,
            max_boxes=max_boxes,
            time_limit=time_limit,
        )


def check_targets(name: str, targets: Any, shape: tuple[int, ...], outputs: int) -> np.ndarray:
    """Return targets of so many outputs: places (time, trial), or values (time, trial, output).

    Raises
    ------
    ValueError
        If the shape is another one, a place is none of the outputs, or a value is not finite.
    TypeError
        If they are not real numbers, or places are no whole ones.
    """
    if np.ndim(as_array(name, targets)) == 3:
        return check_array(name, targets, (*shape, outputs))
    array = check_array(name, targets, shape, whole=True)
    if array.min() < 0 or array.max() >= outputs:
        raise ValueError(
            f"`{name}` must be from 0 to {outputs - 1}, the network's outputs; "
            f"got {array.min()} to {array.max()}"
        )
    return array


def check_step_weights(name: str, weights: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return weights (time, trial) of 0 or more that are not all 0 in float32; else an error."""
    array = check_array(name, weights, shape, finite=False)
    with np.errstate(over="ignore"):  # told here, by name
        array = array.astype(np.float32)
    check_finite(name, array)
    if array.min() < 0 or not array.max() > 0:
        raise ValueError(
            f"`{name}` must be 0 or more, and not all of them 0; "
            f"got {array.min():g} to {array.max():g}"
        )
    return array


WEIGHT_NAMES = ("w_ir", "w_rr", "b_rr", "w_ro", "b_ro")
"""The effective weights that every `CTRNN` has, in the order of the equations."""
