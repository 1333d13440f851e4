import types
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import yang_rnn as yr
from yang_rnn.adapters.torch_modules import from_torch
from yang_rnn.adapters.torch_step import from_torch_step

torch: Any = pytest.importorskip("torch", reason="from_torch_step needs PyTorch")

CHANNELS, HIDDEN = 2, 6
INPUTS = np.random.default_rng(0).standard_normal((15, 12, CHANNELS))


@pytest.fixture(scope="module")
def both() -> tuple[yr.System, yr.System]:
    """Return one GRU with a readout, stepped by JAX and by torch."""
    torch.manual_seed(0)
    cell, readout = torch.nn.GRUCell(CHANNELS, HIDDEN), torch.nn.Linear(HIDDEN, 2)
    with torch.no_grad():
        cell.weight_hh *= 3  # not only the one fixed point of a new network
    return (
        from_torch(cell, dt=10.0, readout=readout),
        from_torch_step(cell, dt=10.0, readout=readout),
    )


def near(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_trajectories_are_those_of_the_step_in_jax(both: Any):
    (ours, read), (theirs, read_too) = (yr.simulate(system, INPUTS) for system in both)
    assert read is not None
    assert read_too is not None
    np.testing.assert_allclose(theirs, ours, atol=1e-6)
    np.testing.assert_allclose(read_too, read, atol=1e-6)


def test_points_and_modes_are_those_of_the_step_in_jax(both: Any):
    starts = yr.trajectory_states(yr.simulate(both[0], INPUTS).activity)
    maps = [system.at(np.zeros(CHANNELS)) for system in both]
    ours, theirs = (yr.find_fixed_points(F, starts) for F in maps)
    assert theirs.status.tolist() == ours.status.tolist()
    near(theirs.state, ours.state)
    ours, theirs = (yr.linearise(F, ours.unique()) for F in maps)
    near(theirs.jacobian, ours.jacobian)
    near(theirs.input_jacobian, ours.input_jacobian)
    near(theirs.eigenvalues, ours.eigenvalues)
    assert theirs.label.tolist() == ours.label.tolist()
    assert not theirs.kink.any()


def test_the_slow_manifold_and_the_flow_are_those_of_the_step_in_jax(both: Any):
    maps = [system.at(np.zeros(CHANNELS)) for system in both]
    point = yr.find_fixed_points(maps[0], np.zeros((1, HIDDEN))).state[0]
    towards = yr.linearise(maps[0], point).right[0, 0].real
    ours, theirs = (yr.trace_slow_manifold(F, point, towards, -0.5, 0.5) for F in maps)
    near(theirs.state, ours.state)
    states = yr.simulate(both[0], INPUTS).activity
    ours, theirs = (yr.flow_field(F, states, grid=5) for F in maps)
    near(theirs.velocity, ours.velocity)


def test_gradient_descent_goes_through_torch(both: Any):
    starts = np.random.default_rng(0).uniform(-1, 1, (4, HIDDEN))
    search = yr.GradientDescent(max_steps=100, check_every=50)
    maps = [system.at(np.zeros(CHANNELS)) for system in both]
    ours, theirs = (yr.find_fixed_points(F, starts, solver=search) for F in maps)
    np.testing.assert_allclose(theirs.state, ours.state, atol=1e-4)  # in float32


class Leaky(torch.nn.Module):
    """A rate network with a leak: rows of x and h."""

    input_size, hidden_size = CHANNELS, HIDDEN

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.inward = torch.nn.Linear(CHANNELS, HIDDEN)
        self.recurrent = torch.nn.Linear(HIDDEN, HIDDEN)
        self.drop = torch.nn.Dropout(0.5)

    def forward(self, x: Any, h: Any) -> Any:
        return 0.8 * h + 0.2 * torch.tanh(self.inward(x) + self.recurrent(h))


def expected_of(net: Any, x: np.ndarray, h: np.ndarray) -> np.ndarray:
    w, u = (layer.weight.detach().numpy().astype(float) for layer in (net.recurrent, net.inward))
    b = (net.recurrent.bias + net.inward.bias).detach().numpy().astype(float)
    return 0.8 * h + 0.2 * np.tanh(w @ h + u @ x + b)


def fixed(system: yr.System) -> np.ndarray:
    points = yr.find_fixed_points(system.at(np.ones(CHANNELS)), np.zeros((1, HIDDEN)))
    assert points.counts["fixed"] == 1
    return points.state[0]


def test_modules_functions_and_closures_are_one_network():
    net = Leaky()

    def vectors(x: Any, h: Any) -> Any:
        w, u = net.recurrent, net.inward
        return 0.8 * h + 0.2 * torch.tanh(w.weight @ h + w.bias + u.weight @ x + u.bias)

    begin: dict[str, Any] = {"dt": 10.0, "num_inputs": CHANNELS, "num_units": HIDDEN}
    systems = [
        from_torch_step(net, dt=10.0),
        from_torch_step(lambda x, h: net(x, h), **begin),
        from_torch_step(net.forward, **begin),
        from_torch_step(vectors, **begin),
    ]
    with torch.no_grad():
        expected = None
        for system in systems:
            state = fixed(system)
            expected = state if expected is None else expected
            np.testing.assert_allclose(state, expected, atol=1e-9)
    assert expected is not None
    np.testing.assert_allclose(expected_of(net, np.ones(CHANNELS), expected), expected, atol=1e-9)
    assert net.recurrent.weight.dtype == torch.float32
    with torch.no_grad():
        net.recurrent.weight.zero_()
    np.testing.assert_array_equal(fixed(systems[1]), expected)


class Contract(Leaky):
    """A network as NeuralRNN has them."""

    def __init__(self):
        super().__init__()
        self.config = types.SimpleNamespace(input_dim=CHANNELS)
        self.out = torch.nn.Linear(HIDDEN, 3)

    input_size = hidden_size = None

    def recurrence(self, x_t: Any, z_prev: Any, *, inputs: Any = None) -> Any:
        return super().forward(x_t, z_prev)

    def readout(self, z_t: Any) -> Any:
        return self.out(z_t)

    def init_state(self, batch_size: int, device: str = "cpu") -> Any:
        return torch.full((batch_size, HIDDEN), 0.25)


def test_a_module_with_recurrence_and_readout_is_taken():
    net = Contract()
    system = from_torch_step(net, dt=10.0)
    np.testing.assert_array_equal(system.initial_state, np.full(HIDDEN, 0.25))
    activity, outputs = yr.simulate(system, INPUTS)
    with torch.no_grad():
        expected = net.recurrence(
            torch.from_numpy(INPUTS[0].astype(np.float32)), net.init_state(len(INPUTS[0]))
        )
        read = net.readout(expected)
    np.testing.assert_allclose(activity[0], expected.numpy(), atol=1e-6)
    assert outputs is not None
    np.testing.assert_allclose(outputs[0], read.numpy(), atol=1e-6)


def test_an_lstm_cell_steps_a_pair():
    torch.manual_seed(0)
    cell = torch.nn.LSTMCell(CHANNELS, HIDDEN)
    zero = torch.zeros(HIDDEN)
    theirs = from_torch_step(cell, dt=10.0, initial_state=(zero, zero))
    ours = from_torch(cell, dt=10.0)
    assert theirs.parts == {"0": slice(0, HIDDEN), "1": slice(HIDDEN, 2 * HIDDEN)}
    F, G = (system.at(np.ones(CHANNELS)) for system in (ours, theirs))
    points = yr.find_fixed_points(G, np.zeros((1, 2 * HIDDEN)))
    near(points.state, yr.find_fixed_points(F, np.zeros((1, 2 * HIDDEN))).state)
    near(yr.linearise(G, points).jacobian, yr.linearise(F, points).jacobian)


def test_a_readout_may_be_written_with_jax_or_torch():
    weight = np.arange(2.0 * HIDDEN).reshape(2, HIDDEN)
    by_torch = torch.from_numpy(weight.astype(np.float32))
    options: dict[str, Any] = {"dt": 10.0, "num_inputs": CHANNELS, "num_units": HIDDEN}
    for readout in (
        lambda h: jnp.asarray(weight) @ h,
        lambda h: by_torch @ h,
        lambda h: h @ by_torch.T,
    ):
        system = from_torch_step(Leaky().forward, readout=readout, **options)
        activity, outputs = yr.simulate(system, INPUTS)
        assert outputs is not None
        np.testing.assert_allclose(outputs, activity @ weight.T, rtol=1e-5, atol=1e-5)


class Dropping(Leaky):
    def forward(self, x: Any, h: Any) -> Any:
        return self.drop(super().forward(x, h))


class Noisy(Leaky):
    def forward(self, x: Any, h: Any) -> Any:
        return super().forward(x, h) + 0.1 * torch.randn_like(h)


class Keeping(Leaky):
    last: Any = 0.0

    def forward(self, x: Any, h: Any) -> Any:
        mean = self.last
        self.last = super().forward(x, h).mean().item()
        return super().forward(x, h) + 0.1 * mean


class Counting(Leaky):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x: Any, h: Any) -> Any:
        self.calls += 1
        return super().forward(x, h)


class Mixing(Leaky):
    def forward(self, x: Any, h: Any) -> Any:
        return super().forward(x, h) - h.mean(0)


class Cut(Leaky):
    def forward(self, x: Any, h: Any) -> Any:
        return super().forward(x, h.detach())


class Half(Leaky):
    def forward(self, x: Any, h: Any) -> Any:
        return super().forward(x, h.detach()) + 0.1 * h


class Single(Leaky):
    def forward(self, x: Any, h: Any) -> Any:
        return super().forward(x, h).float()


class Rounding(Leaky):
    def forward(self, x: Any, h: Any) -> Any:
        return super().forward(x, h).float().double()


class Shorter(Leaky):
    def forward(self, x: Any, h: Any) -> Any:
        return super().forward(x, h)[:, 1:]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Dropping, r"must be pure.*dropout \(call `module.eval\(\)` first\)"),
        (Noisy, "must be pure.*noise"),
        (Keeping, "must be pure.*kept inside"),
        (Counting, "changes the module's parameters or buffers"),
        (Mixing, "depends on the others"),
        (Cut, "must be differentiable by torch"),
        (Half, "derivative by h differs"),
        (Single, "returns torch.float32"),
        (Rounding, "differentiable by torch.*rounds to float32"),
        (Shorter, r"5\)\] where \[\(5, 6\)\] are needed"),
    ],
)
def test_what_is_no_pure_step_says_why(kind: Any, words: str):
    with pytest.raises(ValueError, match=words):
        from_torch_step(kind().train(), dt=10.0)


def test_dropout_in_evaluation_mode_is_none():
    np.testing.assert_array_equal(
        fixed(from_torch_step(Dropping().eval(), dt=10.0)), fixed(from_torch_step(Leaky(), dt=10.0))
    )


def test_what_is_missing_or_no_step_is_named():
    with pytest.raises(TypeError, match="`step` must be"):
        from_torch_step("step", dt=10.0)
    with pytest.raises(ValueError, match="`num_units` or `initial_state`"):
        from_torch_step(lambda x, h: h, dt=10.0)
    with pytest.raises(ValueError, match="`num_inputs` must be given"):
        from_torch_step(lambda x, h: h, dt=10.0, num_units=2)
    with pytest.raises(TypeError, match="`readout` must be"):
        from_torch_step(Leaky(), dt=10.0, readout=3)
    with pytest.raises(ValueError, match="`readout` must take"):
        from_torch_step(Leaky(), dt=10.0, readout=torch.nn.Linear(4, 2))


def test_without_pytorch_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"pip install 'torch>="):
        from_torch_step(Leaky, dt=10.0)
