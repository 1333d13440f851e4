import copy
from typing import Any

import numpy as np
import pytest

import yang_rnn as yr
from yang_rnn.adapters.torch_modules import from_torch

torch: Any = pytest.importorskip("torch", reason="from_torch needs PyTorch")

CHANNELS, HIDDEN = 3, 6
LAYERS = [
    ("RNN", {}),
    ("RNN", {"nonlinearity": "relu"}),
    ("GRU", {}),
    ("LSTM", {}),
    ("RNNCell", {}),
    ("RNNCell", {"nonlinearity": "relu"}),
    ("GRUCell", {}),
    ("LSTMCell", {}),
]
OPTIONS = [{}, {"bias": False}, {"num_layers": 3}, {"batch_first": True}]


def layer(kind: str, seed: int = 0, **options: Any) -> Any:
    torch.manual_seed(seed)
    return getattr(torch.nn, kind)(CHANNELS, HIDDEN, **options)


class Holder(torch.nn.Module):
    def __init__(self, kind: str = "GRU", **options: Any):
        super().__init__()
        self.rnn = layer(kind, **options)
        self.readout = torch.nn.Linear(HIDDEN, 2)

    def forward(self, x: Any) -> Any:
        return self.readout(self.rnn(x)[0])


def forward(module: Any, inputs: np.ndarray) -> np.ndarray:
    """Return h of the last layer (time, trial, unit) by torch alone, from 0, in float32."""
    x = torch.from_numpy(inputs.astype(np.float32))
    with torch.no_grad():
        if isinstance(module, torch.nn.RNNBase):
            return (module(x.swapaxes(0, 1))[0].swapaxes(0, 1) if module.batch_first
                    else module(x)[0]).numpy()  # fmt: skip
        state, found = None, []
        for now in x:
            state = module(now, state)
            found.append(state[0] if isinstance(state, tuple) else state)
        return torch.stack(found).numpy()


@pytest.mark.parametrize(
    ("kind", "nonlinearity", "options"),
    [
        (kind, nonlinearity, options)
        for kind, nonlinearity in LAYERS
        for options in (OPTIONS[:2] if kind.endswith("Cell") else OPTIONS)
    ],
)
def test_trajectories_are_those_of_the_module(kind: str, nonlinearity: Any, options: Any):
    module = layer(kind, **nonlinearity, **options)
    system = from_torch(module, dt=10.0)
    inputs = np.random.default_rng(0).standard_normal((20, 4, CHANNELS))
    activity = yr.simulate(system, inputs).activity
    assert system.parts is not None
    count = options.get("num_layers", 1)
    last = f"h of layer {count}" if count > 1 else "h"
    np.testing.assert_allclose(
        activity[..., system.parts[last]], forward(module, inputs), rtol=1e-5, atol=2e-6
    )


@pytest.mark.parametrize(("kind", "nonlinearity"), LAYERS)
def test_states_stay_within_the_bounds(kind: str, nonlinearity: Any):
    system = from_torch(layer(kind, **nonlinearity), dt=10.0)
    inputs = 5 * np.random.default_rng(0).standard_normal((50, 20, CHANNELS))
    activity = yr.simulate(system, inputs).activity
    low, high = system.bounds
    assert (activity >= low).all()
    assert (activity <= high).all()
    assert np.isfinite(low[:HIDDEN]).all()


def test_an_lstm_has_h_and_c():
    system: Any = from_torch(layer("LSTM", num_layers=2), dt=10.0)
    assert system.num_units == 4 * HIDDEN
    assert system.parts == {
        "h": slice(0, 2 * HIDDEN),
        "c": slice(2 * HIDDEN, 4 * HIDDEN),
        "h of layer 1": slice(0, HIDDEN),
        "h of layer 2": slice(HIDDEN, 2 * HIDDEN),
        "c of layer 1": slice(2 * HIDDEN, 3 * HIDDEN),
        "c of layer 2": slice(3 * HIDDEN, 4 * HIDDEN),
    }
    assert np.isneginf(system.bounds[0][2 * HIDDEN :]).all()


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize("batch_first", [False, True])
def test_a_module_that_holds_a_layer_and_a_readout_is_taken_apart(kind: str, batch_first: bool):
    net = Holder(kind, batch_first=batch_first)
    inputs = np.random.default_rng(0).standard_normal((20, 4, CHANNELS)).astype(np.float32)
    outputs: Any = yr.simulate(from_torch(net, dt=10.0), inputs).outputs
    x = torch.from_numpy(inputs)
    with torch.no_grad():
        expected = net(x.swapaxes(0, 1)).swapaxes(0, 1) if batch_first else net(x)
    np.testing.assert_allclose(outputs, expected.numpy(), rtol=1e-5, atol=2e-6)


def test_a_readout_may_be_a_linear_or_a_jax_function():
    net = Holder("LSTM", num_layers=2)
    inputs = np.random.default_rng(0).standard_normal((9, 4, CHANNELS))
    expected: Any = yr.simulate(from_torch(net, dt=10.0), inputs).outputs
    taken = from_torch(net.rnn, readout=net.readout, dt=10.0)
    outputs: Any = yr.simulate(taken, inputs).outputs
    np.testing.assert_array_equal(outputs, expected)
    weight, bias = (p.detach().numpy() for p in (net.readout.weight, net.readout.bias))
    written = from_torch(net.rnn, readout=lambda h: weight @ h + bias, dt=10.0)
    outputs = yr.simulate(written, inputs).outputs
    np.testing.assert_allclose(outputs, expected, atol=1e-6)


def test_a_module_that_returns_its_states_or_the_last_step_only_is_taken():
    class States(Holder):
        def forward(self, x: Any) -> Any:
            states, last = self.rnn(x)
            return self.readout(states), (states, last)

    class Last(Holder):
        def forward(self, x: Any) -> Any:
            return {"choice": self.readout(self.rnn(x)[0][-1])}

    class Cell(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.out = layer("LSTMCell"), torch.nn.Linear(HIDDEN, 2)

        def forward(self, x: Any) -> Any:  # (trial, time, channel); zeros of its own, in float32
            state = (torch.zeros(len(x), HIDDEN), torch.zeros(len(x), HIDDEN))
            found = []
            for now in x.unbind(1):
                state = self.cell(now, state)
                found.append(self.out(state[0]))
            return torch.stack(found, 1)

    for net in (States(), Last(), Cell()):
        system = from_torch(net, dt=10.0)
        assert system.readout is not None
        assert system.readout(system.initial_state).shape == (2,)


def test_an_initial_state_of_its_own_is_compared_and_kept():
    class Begins(Holder):
        def __init__(self):
            super().__init__()
            self.h0 = torch.nn.Parameter(torch.linspace(-0.5, 0.5, HIDDEN))

        def forward(self, x: Any) -> Any:
            return self.readout(self.rnn(x, self.h0.expand(1, x.shape[1], -1).contiguous())[0])

    net = Begins()
    with pytest.raises(ValueError, match="`initial_state=`"):
        from_torch(net, dt=10.0)
    system = from_torch(net, dt=10.0, initial_state=net.h0)
    np.testing.assert_allclose(system.initial_state, net.h0.detach().numpy())


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16"])
def test_any_floating_point_type_is_taken_as_it_is(dtype: str):
    net = Holder().to(getattr(torch, dtype))
    system = from_torch(net, dt=10.0)
    w_hh = system.step.args[0][0][1]  # pyright: ignore[reportFunctionMemberAccess]
    np.testing.assert_array_equal(w_hh.T, net.rnn.weight_hh_l0.detach().double().numpy())


def test_the_module_stays_as_it_was_and_the_system_too():
    net = Holder()
    net.train()
    net.readout.weight.requires_grad_(False)
    net(torch.ones(2, 1, CHANNELS)).sum().backward()
    before = copy.deepcopy(net.state_dict())
    grads = {name: None if p.grad is None else p.grad.clone() for name, p in net.named_parameters()}
    system = from_torch(net, dt=10.0)
    F = system.at(np.zeros(CHANNELS))
    yr.linearise(F, yr.find_fixed_points(F, np.zeros((4, HIDDEN))))
    assert net.training
    assert net.rnn.weight_hh_l0.requires_grad
    assert not net.readout.weight.requires_grad
    for name, p in net.named_parameters():
        assert p.dtype == torch.float32
        assert torch.equal(p, before[name])
        grad = grads[name]
        assert (p.grad is None) if grad is None else torch.equal(p.grad, grad)
    inputs = np.ones((3, 2, CHANNELS))
    first = yr.simulate(system, inputs).activity
    with torch.no_grad():
        net.rnn.weight_hh_l0.zero_()
    np.testing.assert_array_equal(yr.simulate(system, inputs).activity, first)


def test_networks_of_one_shape_are_compiled_once(compiled: list[str]):
    def points(seed: int) -> None:
        system = from_torch(layer("LSTM", seed), dt=10.0)
        F = system.at(np.zeros(CHANNELS))
        yr.linearise(F, yr.find_fixed_points(F, np.zeros((4, 2 * HIDDEN))))

    points(0)
    before = len(compiled)
    points(1)
    assert len(compiled) == before


def test_a_relu_network_knows_its_kinks():
    module = layer("RNN", nonlinearity="relu", bias=False)
    F = from_torch(module, dt=10.0).at(np.zeros(CHANNELS))
    assert yr.linearise(F, np.zeros((1, HIDDEN))).kink.tolist() == [True]


class TwoLayers(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = layer("GRU"), layer("LSTM")


class InputLayer(Holder):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Linear(CHANNELS, CHANNELS)

    def forward(self, x: Any) -> Any:
        return self.readout(self.rnn(self.embed(x))[0])


class Softmax(Holder):
    def forward(self, x: Any) -> Any:
        return self.readout(self.rnn(x)[0]).softmax(-1)


class Keeps(Holder):
    state: Any = None

    def forward(self, x: Any) -> Any:
        outputs, self.state = self.rnn(x, self.state)
        return self.readout(outputs)


class TakesMore(Holder):
    def forward(self, x: Any, rule: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.readout(self.rnn(x + rule)[0])


class Unread(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.weight = layer("GRU"), torch.nn.Parameter(torch.ones(HIDDEN, 2))

    def forward(self, x: Any) -> Any:
        return self.rnn(x)[0] @ self.weight


class Leaky(torch.nn.GRUCell):
    def forward(self, x: Any, h: Any = None) -> Any:
        return 0.5 * h + 0.5 * super().forward(x, h)


def nan_weights() -> Any:
    module = layer("GRU")
    with torch.no_grad():
        module.weight_hh_l0[0, 0] = float("nan")
    return module


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: layer("GRU", bidirectional=True), "bidirectional GRU"),
        (lambda: layer("LSTM", proj_size=2), "proj_size=2"),
        (lambda: layer("GRU", num_layers=2, dropout=0.5), r"call `module.eval\(\)` first"),
        (TwoLayers, r"holds first \(GRU\), second \(LSTM\)"),
        (lambda: torch.nn.Sequential(torch.nn.Linear(3, 3)), r"holds none among 0 \(Linear\)"),
        (InputLayer, r"`readout` must be given .* readout \(Linear\), embed \(Linear\)"),
        (Softmax, "nearest differs by .* `from_torch_step`"),
        (Unread, "must do no more than its GRU"),
        (Keeps, "keeps a state between calls"),
        (TakesMore, "missing 1 required positional argument: 'rule'.*from_torch_step"),
        (lambda: Leaky(CHANNELS, HIDDEN), "differ by up to .*from_torch_step"),
        (nan_weights, "`module.weight_hh_l0` must be finite"),
        (lambda: layer("GRU").to("meta"), "copied to float64"),
    ],
)
def test_what_can_not_be_taken_says_why(make: Any, words: str):
    with pytest.raises(ValueError, match=words):
        from_torch(make(), dt=10.0)


def test_dropout_in_evaluation_mode_is_no_dropout():
    module = layer("GRU", num_layers=2, dropout=0.5).eval()
    assert from_torch(module, dt=10.0).num_units == 2 * HIDDEN


def test_an_input_layer_is_told_even_where_the_readout_is_given():
    net = InputLayer()
    with pytest.raises(ValueError, match="must do no more than its GRU and its readout"):
        from_torch(net, readout=net.readout, dt=10.0)


def test_a_readout_that_does_not_fit_says_so():
    with pytest.raises(ValueError, match="must take the 6 units of h; the `Linear` takes 5"):
        from_torch(layer("GRU"), readout=torch.nn.Linear(5, 2), dt=10.0)
    for wrong in ("fc", torch.nn.ReLU(), 3):
        with pytest.raises(TypeError, match=r"`readout` must be a torch\.nn\.Linear or a function"):
            from_torch(layer("GRU"), readout=wrong, dt=10.0)


@pytest.mark.parametrize("wrong", ["gru", None, 3, torch.nn.GRU, lambda x, h: h])
def test_what_is_no_module_is_a_type_error(wrong: Any):
    with pytest.raises(TypeError, match=r"`module` must be a torch\.nn\.Module"):
        from_torch(wrong, dt=10.0)


def test_without_pytorch_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"pip install 'torch>="):
        from_torch(Holder, dt=10.0)
