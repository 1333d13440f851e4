"""What of a network is trained, how it begins, and the weights that it comes to."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np

from yang_rnn._checks import check_one_of, check_real, check_whole
from yang_rnn.network.equations import ACTIVATIONS
from yang_rnn.recipe import (
    Initialisation,
    InitialState,
    Leak,
    ReadoutUnits,
    Recipe,
    num_excitatory,
)

_TRUNCATED = 0.87962566103423978
"""Standard deviation of a standard normal distribution that is cut off at -2 and 2."""

_CUT = np.nextafter(np.float32(2), np.float32(0))
"""The largest number below 2."""

_NORMAL_BOUND = np.nextafter(np.float32(math.erf(math.sqrt(2))), np.float32(0))
"""Uniform numbers up to here become normal ones up to 2."""

_STREAMS = ("w_ir", "w_rr", "b_rr", "w_ro", "b_ro", "b_ir", "m_rr", "n_rr")
"""Each is drawn by a seed of its own: an option that adds some leaves the others as they are."""


class Design(NamedTuple):
    """What kind of network it is: all of it but its numbers that are trained and its time step.

    Attributes
    ----------
    num_inputs, num_hidden, num_outputs : int
    activation, initialisation, leak, readout_units, initial_state : str
        As `CTRNN` takes them.
    num_excitatory : int
        The first so many units excite, the others inhibit; 0: units of either kind at once.
    rank : int
        Of the recurrent weights; 0: any.
    unit_noise : float
        Private noise in training.
    """

    num_inputs: int
    num_hidden: int
    num_outputs: int
    activation: str
    initialisation: str
    leak: str = "inside"
    num_excitatory: int = 0
    readout_units: str = "all"
    rank: int = 0
    initial_state: str = "zero"
    unit_noise: float = 0.0

    @classmethod
    def of(cls, recipe: Recipe) -> Design:
        """Return the design of a recipe's network."""
        num_inputs, num_outputs = recipe.channels
        return cls(
            num_inputs=num_inputs,
            num_hidden=recipe.hidden,
            num_outputs=num_outputs,
            activation=recipe.activation,
            initialisation=recipe.initialisation,
            leak=recipe.leak,
            num_excitatory=num_excitatory(recipe.excitatory, recipe.hidden),
            readout_units=recipe.readout_units,
            rank=recipe.rank,
            initial_state=recipe.initial_state,
            unit_noise=recipe.unit_noise,
        )

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of what is trained, by name, in the order of the equations."""
        shapes = {name: shape for name, (shape, _, _) in self._drawn().items()}
        return shapes | ({"h_0": (self.num_hidden,)} if self.initial_state == "trained" else {})

    def _drawn(self) -> dict[str, tuple[tuple[int, ...], int, bool]]:
        """Return shape, fan-in and whether it is normal (else uniform) for what chance decides."""
        normal = self.initialisation == "kaiming"
        inputs, hidden, outputs = self.num_inputs, self.num_hidden, self.num_outputs
        recurrent: dict[str, tuple[tuple[int, ...], int, bool]] = (
            {name: ((hidden, self.rank), 1, normal) for name in ("m_rr", "n_rr")}
            if self.rank
            else {"w_rr": ((hidden, hidden), hidden, normal)}
        )
        return {
            "w_ir": ((inputs, hidden), inputs, normal),
            **recurrent,
            "b_rr": ((hidden,), hidden, False),
            "w_ro": ((hidden, outputs), hidden, normal),
            "b_ro": ((outputs,), hidden, False),
        } | ({} if normal else {"b_ir": ((hidden,), inputs, False)})


def check_design(design: Design, excitatory: Any) -> Design:
    """Return a design of arguments that fit together, with the share of excitatory units.

    Raises
    ------
    ValueError
        If a number is out of its range, a word unknown, or two of them exclude each other.
    """
    for name in ("num_inputs", "num_hidden", "num_outputs"):
        check_whole(name, getattr(design, name), 1)
    for name, known in {
        "activation": ACTIVATIONS,
        "initialisation": get_args(Initialisation),
        "leak": get_args(Leak),
        "readout_units": get_args(ReadoutUnits),
        "initial_state": get_args(InitialState),
    }.items():
        check_one_of(name, getattr(design, name), known)
    hidden = int(design.num_hidden)
    share = check_real("excitatory", 0 if excitatory is None else excitatory, minimum=0)
    excite = num_excitatory(share, hidden)
    if share and not 0 < excite < hidden:
        raise ValueError(
            f"`excitatory` must leave units of both kinds, a share between 0 and 1; got "
            f"{excitatory} of {hidden}"
        )
    rank = check_whole("rank", design.rank, 0)
    if rank > hidden:
        raise ValueError(f"`rank` must be at most the {hidden} hidden units; got {rank}")
    if rank and excite:
        raise ValueError(f"`rank` must be 0 with Dale's law: factors don't keep signs; got {rank}")
    if design.readout_units == "excitatory" and not excite:
        raise ValueError("`readout_units` must be all without `excitatory` units; got excitatory")
    noise = check_real("unit_noise", design.unit_noise, minimum=0)
    return design._replace(
        num_inputs=int(design.num_inputs),
        num_hidden=hidden,
        num_outputs=int(design.num_outputs),
        num_excitatory=excite,
        rank=rank,
        unit_noise=noise,
    )


def draw_parameters(design: Design, seed: int) -> dict[str, jax.Array]:
    """Draw what a network begins with, float32, by name, in the order of `Design.shapes`.

    With Dale's law the recurrent weights of excitatory units begin smaller, by the number of
    inhibitory units over theirs: the input of a unit is balanced, as in Song et al. (2016).
    """
    drawn = design._drawn()
    seeds = np.random.SeedSequence(seed).generate_state(len(_STREAMS))
    own = np.array([seeds[_STREAMS.index(name)] for name in drawn])
    arrays = dict(zip(drawn, _draw(own, tuple(drawn.values())), strict=True))
    excite = design.num_excitatory
    if excite:
        ratio = (design.num_hidden - excite) / excite
        arrays["w_rr"] = arrays["w_rr"].at[:excite].multiply(ratio)
    if design.initial_state == "trained":
        arrays["h_0"] = jnp.zeros(design.num_hidden)
    return arrays


@functools.partial(jax.jit, static_argnums=1)
def _draw(
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


def effective(parameters: Mapping[str, Any], design: Design) -> dict[str, Any]:
    r"""Return the weights that the equations take, from what is trained.

    - Dale's law [1]_: :math:`W_{rr} = D |V|` of the trained :math:`V`, D diagonal with 1 for
      excitatory and -1 for inhibitory units; with readout from excitatory units alone,
      :math:`W_{ro} = D^+ |V_{ro}|` with 1 and 0.
    - Low rank [2]_: :math:`W_{rr} = n m^T / N`, the transpose of J = m n^T / N, since states are
      rows here.

    Parameters
    ----------
    parameters : mapping of arrays
        What is trained, in the shapes of ``design.shapes``; NumPy's or JAX's.
    design : Design

    Returns
    -------
    dict
        ``w_ir``, ``w_rr``, ``b_rr`` (that of the input layer added), ``w_ro``, ``b_ro``, and
        ``h_0`` where the initial state is trained.

    References
    ----------
    .. [1] Song, Yang & Wang (2016), "Training excitatory-inhibitory recurrent neural networks for
       cognitive tasks: a simple and flexible framework", PLoS Computational Biology 12:e1004792.
    .. [2] Mastrogiuseppe & Ostojic (2018), "Linking connectivity, dynamics, and computations in
       low-rank recurrent neural networks", Neuron 99:609-623; Dubreuil, Valente, Beiran,
       Mastrogiuseppe & Ostojic (2022), Nature Neuroscience 25:783-794.
    """
    weights = {name: parameters[name] for name in ("w_ir", "b_rr", "w_ro", "b_ro")}
    if design.rank:
        weights["w_rr"] = parameters["n_rr"] @ parameters["m_rr"].T / design.num_hidden
    else:
        weights["w_rr"] = parameters["w_rr"]
    if design.num_excitatory:
        excites = np.arange(design.num_hidden)[:, None] < design.num_excitatory
        weights["w_rr"] = np.where(excites, np.float32(1), np.float32(-1)) * abs(weights["w_rr"])
        if design.readout_units == "excitatory":
            weights["w_ro"] = excites.astype(np.float32) * abs(weights["w_ro"])
    if "b_ir" in parameters:
        weights["b_rr"] = weights["b_rr"] + parameters["b_ir"]
    if "h_0" in parameters:
        weights["h_0"] = parameters["h_0"]
    return weights
