"""The tools that `finders.py` compares: each takes a network and states, and gives points back.

A tool keeps what its own filters keep, in its own precision. The second of two rows of a tool is
set for exact points, by what its documentation, its examples or its options offer.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import yang_rnn as yr
from yang_rnn.dynamics.search import Solver
from yang_rnn.dynamics.system import AutonomousMap


class Network(NamedTuple):
    """What every tool is given.

    Attributes
    ----------
    F : AutonomousMap
        The network at a constant input, h -> F(h).
    weights : Rectified
        Its weights; alpha is 1.
    starts : numpy.ndarray, shape (n, N), float32
        States of trials.
    """

    F: AutonomousMap
    weights: yr.Rectified
    starts: np.ndarray


class Points(NamedTuple):
    """What a tool gives back.

    Attributes
    ----------
    state : numpy.ndarray, shape (n, N)
        The states that it calls fixed points.
    stable : numpy.ndarray, shape (n,), of True, False and None
        Whether it calls them stable; None where it doesn't say.
    """

    state: np.ndarray
    stable: np.ndarray


def unlabelled(state: Any) -> Points:
    """Give the points of a tool that says nothing of stability."""
    state = np.asarray(state)
    return Points(state, np.full(len(state), None, object))


def yang_rnn(network: Network, jittered: int = 0, solver: Solver | None = None) -> Points:
    """Search with this package, keep the fixed points, each once, and label by `linearise`."""
    F, _, starts = network
    states = starts
    if jittered:
        more = yr.jittered_states(starts, float(starts.std()), seed=0, repeats=jittered)
        states = np.concatenate([starts, more])
    found = yr.find_fixed_points(F, states, data=starts, solver=solver)
    points = found.with_status("fixed").unique()
    labels = yr.linearise(F, points).stability
    stable = [None if label == "" else label == "stable" for label in labels]
    return Points(points.state, np.array(stable, object))


def slow_point_finder(network: Network, method: str, exact: bool = False) -> Points:
    """BrainPy's search by gradient or by BFGS, and its three filters.

    The last of these drops points that have no other within 1: with `exact` it is left out.
    """
    import brainpy as bp
    import brainpy.math as bm

    with jax.enable_x64(exact), silent():
        F = network.F.partial
        finder = bp.analysis.SlowPointFinder(f_cell=lambda h: F(bm.as_jax(h)), f_type="discrete")
        starts = jnp.asarray(network.starts, np.float64 if exact else np.float32)
        if method == "BFGS":
            finder.find_fps_with_opt_solver(starts)
        elif exact:
            adam = bp.optim.Adam(bp.optim.ExponentialDecayLR(0.05, 1, 0.9995))
            finder.find_fps_with_gd_method(starts, 1e-16, num_opt=20_000, optimizer=adam)
        else:
            finder.find_fps_with_gd_method(starts)
        # BFGS stops at a slope of 1e-5, which can't be set; 1e-5 is the default of the filter.
        finder.filter_loss((1e-8 if method == "BFGS" else 1e-13) if exact else 1e-5)
        if finder.num_fps:
            finder.keep_unique()
            if not exact:
                finder.exclude_outliers()
        return unlabelled(finder.fixed_points)


def rnntoolkit(network: Network, exact: bool = False) -> Points:
    """RNNToolkit's joint Adam; stable where all its eigenvalues are below 1, as its example has it.

    The finder writes into the tensor of states that it is given, so it gets a copy.
    """
    import torch
    from rnntoolkit import FixedPointFinder, Linearization

    kind = torch.float64 if exact else torch.float32
    rnn, x = torch_rnn(network).to(kind), torch.tensor(network.F.x, dtype=kind)
    options: dict[str, Any] = {}
    if exact:
        options = {"lr_init": 0.01, "max_iters": 35_000, "tol_q": 1e-14, "tol_dq": 1e-18}
        options |= {"tol_unique": 0.1, "dtype": "float64"}
    with silent():
        finder = FixedPointFinder(rnn, **options)
        found, _ = finder.find_fixed_points(torch.tensor(network.starts, dtype=kind), x)
        if exact:  # its README: inspect qstar before treating a candidate as a fixed point
            found = found[torch.nonzero(found.qstar <= finder.tol_q).flatten().tolist()]
        linearization = Linearization(rnn)
        stable = np.full(found.n, None, object)
        for k, state in enumerate(found.xstar):
            real, imaginary, _ = linearization.eigendecomposition(x, state)
            stable[k] = bool((real**2 + imaginary**2 < 1).all())
    return Points(found.xstar.numpy(), stable)


def neuralrnn(network: Network, finder: str, **options: Any) -> Points:
    """One of NeuralRNN's searches, with its label `is_stable`."""
    import torch
    from neuralrnn import analysis

    torch.manual_seed(0)
    search = getattr(analysis, finder)(**options)
    x = torch.tensor(network.F.x, dtype=torch.float32)
    with silent():
        found = search.find(
            neural_ctrnn(network), task_input=x, init_states=torch.tensor(network.starts)
        )
    return of_neuralrnn(found, network)


def neuralrnn_analytic(network: Network, **options: Any) -> Points:
    """NeuralRNN's exact search (SCYFI), which begins at random sets of active units, not states.

    It takes piecewise linear networks of its own: z -> W1 relu(W2 z + h2), with W1 the identity, is
    ours.
    """
    import torch
    from neuralrnn import AutoConfig, AutoModel
    from neuralrnn.analysis import AnalyticPLRNNFixedPointFinder

    units = network.starts.shape[1]
    config = AutoConfig.for_model("shallow_plrnn", latent_dim=units, hidden_dim=units, input_dim=0)
    model = AutoModel.from_config(config).double()
    w = network.weights
    drive = network.F.x @ w.w_ir.astype(float) + w.b_rr
    values = {"A": np.zeros(units), "W1": np.eye(units), "W2": w.w_rr.T.astype(float)}
    values |= {"h1": np.zeros(units), "h2": drive}
    with torch.no_grad():
        for name, value in values.items():
            getattr(model, name).copy_(torch.tensor(value))
    np.random.seed(0)  # noqa: NPY002 - what it draws from
    with silent():
        return of_neuralrnn(AnalyticPLRNNFixedPointFinder(**options).find(model), network)


def joint_adam(network: Network, exact: bool = False) -> Points:
    """Adam of torch on the mean speed of all states; without `exact` all are kept."""
    import torch

    kind = torch.float64 if exact else torch.float32
    w = network.weights
    weight = torch.tensor(w.w_rr, dtype=kind)
    drive = torch.tensor(network.F.x @ w.w_ir.astype(float) + w.b_rr, dtype=kind)
    h = torch.tensor(network.starts, dtype=kind, requires_grad=True)
    optimizer = torch.optim.Adam([h], lr=1e-2 if exact else 1e-3)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=100)
    speed = torch.zeros(len(h))
    for _ in range(20_000 if exact else 10_000):
        optimizer.zero_grad()
        speed = 0.5 * ((torch.relu(h @ weight + drive) - h) ** 2).sum(dim=1)
        speed.mean().backward()
        optimizer.step()
        if exact:
            schedule.step(speed.mean().detach())
    state = h.detach()[speed.detach() < 5e-13] if exact else h.detach()
    return unlabelled(state.numpy())


def optimistix(network: Network, solver: str, exact: bool = False) -> Points:
    """Solve with optimistix from each state; keep what it calls successful."""
    import optimistix as optx

    with jax.enable_x64(exact):
        F = network.F.partial
        tolerance = 1e-12 if exact else 1e-5
        method = getattr(optx, solver)(rtol=tolerance, atol=tolerance)

        @jax.jit
        @jax.vmap
        def solve(h: Any) -> Any:
            end = optx.fixed_point(lambda h, _: F(h), method, h, throw=False)
            return end.value, end.result == optx.RESULTS.successful

        state, good = solve(jnp.asarray(network.starts, np.float64 if exact else np.float32))
        return unlabelled(np.asarray(state)[np.asarray(good)])


def torch_rnn(network: Network) -> Any:
    """Return the network as a `torch.nn.RNN`."""
    import torch

    w = network.weights
    rnn = torch.nn.RNN(*w.w_ir.shape, nonlinearity="relu", batch_first=True)
    with torch.no_grad():
        rnn.weight_ih_l0.copy_(torch.tensor(w.w_ir.T))
        rnn.weight_hh_l0.copy_(torch.tensor(w.w_rr.T))
        rnn.bias_ih_l0.copy_(torch.tensor(w.b_rr))
        rnn.bias_hh_l0.zero_()
    return rnn


def neural_ctrnn(network: Network) -> Any:
    """Return the network as a `CTRNN` of NeuralRNN."""
    import torch
    from neuralrnn import AutoConfig, AutoModel

    w = network.weights
    channels, units = w.w_ir.shape
    config = AutoConfig.for_model(
        "ctrnn", input_dim=channels, latent_dim=units, output_dim=3, alpha=1.0, activation="relu"
    )
    model = AutoModel.from_config(config)
    with torch.no_grad():
        model.input2h.weight.copy_(torch.tensor(w.w_ir.T))
        model.input2h.bias.zero_()
        model.h2h.weight.copy_(torch.tensor(w.w_rr.T))
        model.h2h.bias.copy_(torch.tensor(w.b_rr))
    return model


def of_neuralrnn(found: Any, network: Network) -> Points:
    """Return the points of NeuralRNN's record."""
    units = network.starts.shape[1]
    state = np.array([point.z for point in found]).reshape(-1, units)
    return Points(state, np.array([point.is_stable for point in found], object))


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Swallow what a tool prints."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


class Tool(NamedTuple):
    """A row of the table: name, settings in words, what finds the points."""

    name: str
    settings: str
    find: Callable[[Network], Points]


TOOLS = [
    Tool("yang_rnn Newton", "defaults", yang_rnn),
    Tool("yang_rnn Newton", "and 2000 jittered states", lambda n: yang_rnn(n, jittered=10)),
    Tool("yang_rnn gradient", "defaults", lambda n: yang_rnn(n, solver=yr.GradientDescent())),
    Tool("BrainPy Adam", "defaults", lambda n: slow_point_finder(n, "Adam")),
    Tool("BrainPy Adam", "tuned", lambda n: slow_point_finder(n, "Adam", exact=True)),
    Tool("BrainPy BFGS", "defaults", lambda n: slow_point_finder(n, "BFGS")),
    Tool("BrainPy BFGS", "tuned", lambda n: slow_point_finder(n, "BFGS", exact=True)),
    Tool("RNNToolkit", "defaults", rnntoolkit),
    Tool("RNNToolkit", "tuned", lambda n: rnntoolkit(n, exact=True)),
    Tool("NeuralRNN Numeric", "defaults", lambda n: neuralrnn(n, "NumericFixedPointFinder")),
    Tool(
        "NeuralRNN Numeric",
        "tuned",
        lambda n: neuralrnn(
            n, "NumericFixedPointFinder", n_iters=20_000, lr=2e-3, speed_tol=1e-4, dedup_tol=1e-3
        ),
    ),
    Tool("NeuralRNN Golub", "defaults", lambda n: neuralrnn(n, "GolubFixedPointFinder", seed=0)),
    Tool(
        "NeuralRNN Golub",
        "tuned",
        lambda n: neuralrnn(n, "GolubFixedPointFinder", n_iters=20_000, tol_q=1e-7, seed=0),
    ),
    Tool("NeuralRNN Scipy", "defaults", lambda n: neuralrnn(n, "ScipyFixedPointFinder")),
    Tool(
        "NeuralRNN Scipy",
        "approx, 10 of the starts",
        lambda n: neuralrnn(
            n._replace(starts=n.starts[:10]), "ScipyFixedPointFinder", mode="approx"
        ),
    ),
    Tool("NeuralRNN Analytic", "defaults", neuralrnn_analytic),
    Tool("joint Adam", "plain", joint_adam),
    Tool("joint Adam", "tuned", lambda n: joint_adam(n, exact=True)),
    Tool("optimistix Newton", "plain", lambda n: optimistix(n, "Newton")),
    Tool("optimistix LM", "tuned", lambda n: optimistix(n, "LevenbergMarquardt", exact=True)),
]
"""The rows of a network's table."""

PACKAGES = ("brainpy", "rnntoolkit", "neuralrnn", "torch", "optimistix")
"""Whose versions are printed."""
