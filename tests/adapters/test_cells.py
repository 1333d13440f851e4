from typing import Any

import brainpy
import brainpy.math as bm
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import yang_rnn as yr
from yang_rnn.adapters.cells import from_brainpy, from_equinox, from_flax

bp: Any = brainpy  # its stubs lack `dyn` and `dnn`
CHANNELS, HIDDEN = 3, 5
INPUTS = np.random.default_rng(0).standard_normal((12, 4, CHANNELS)).astype(np.float32)


def run(advance: Any, state: Any) -> np.ndarray:
    """Return h (time, trial, unit) of a cell that is called for each trial by itself."""
    found = []
    for k in range(INPUTS.shape[1]):
        now, steps = state, []
        for x in INPUTS[:, k]:
            now, h = advance(now, x)
            steps.append(np.asarray(h))
        found.append(np.stack(steps))
    return np.stack(found, axis=1)


def check(system: yr.System, expected: np.ndarray, readout: Any = None) -> None:
    """Compare h and outputs; then search for a fixed point and look at it."""
    assert system.parts is not None
    activity, outputs = yr.simulate(system, INPUTS)
    np.testing.assert_allclose(activity[..., system.parts["h"]], expected, rtol=1e-5, atol=2e-6)
    if readout is not None:
        assert outputs is not None
        np.testing.assert_allclose(outputs[-1, 0], readout(expected[-1, 0]), atol=1e-5)
    F = system.at(np.ones(CHANNELS))  # at 0 Flax's SimpleCell is marginal: its kernel is orthogonal
    points = yr.find_fixed_points(F, activity[-1]).with_status("fixed")
    assert len(points)
    low, high = system.bounds
    assert ((points.state >= low) & (points.state <= high)).all()


@pytest.mark.parametrize("kind", ["GRUCell", "LSTMCell"])
@pytest.mark.parametrize("use_bias", [True, False])
def test_equinox(kind: str, use_bias: bool):
    eqx: Any = pytest.importorskip("equinox", reason="from_equinox needs Equinox")
    keys = jax.random.split(jax.random.key(0))
    cell = getattr(eqx.nn, kind)(CHANNELS, HIDDEN, use_bias, key=keys[0])
    readout = eqx.nn.Linear(HIDDEN, 2, key=keys[1])
    zero = jnp.zeros(HIDDEN)

    def advance(state: Any, x: Any) -> Any:
        state = cell(x, state)
        return state, state[0] if kind == "LSTMCell" else state

    expected = run(advance, (zero, zero) if kind == "LSTMCell" else zero)
    check(from_equinox(cell, dt=10.0, readout=readout), expected, readout)


@pytest.mark.parametrize("kind", ["SimpleCell", "GRUCell", "LSTMCell", "OptimizedLSTMCell"])
@pytest.mark.parametrize("api", ["linen", "nnx"])
def test_flax(kind: str, api: str):
    pytest.importorskip("flax", reason="from_flax needs Flax")
    import flax.linen as nn  # pyright: ignore[reportMissingImports]
    from flax import nnx  # pyright: ignore[reportMissingImports]

    cell: Any
    if api == "linen":
        cell = getattr(nn, kind)(HIDDEN)
        carry = cell.initialize_carry(jax.random.key(0), (CHANNELS,))
        variables = cell.init(jax.random.key(1), carry, INPUTS[0, 0])
        expected = run(lambda carry, x: cell.apply(variables, carry, x), carry)
        check(from_flax(cell, variables, dt=10.0), expected)
    else:
        cell = getattr(nnx, kind)(CHANNELS, HIDDEN, rngs=nnx.Rngs(0))
        readout = nnx.Linear(HIDDEN, 2, rngs=nnx.Rngs(1))
        carry = cell.initialize_carry((CHANNELS,), nnx.Rngs(0))
        expected = run(cell, carry)
        check(from_flax(cell, dt=10.0, readout=readout), expected, readout)


@pytest.mark.parametrize("kind", ["RNNCell", "GRUCell", "LSTMCell"])
def test_brainpy(kind: str):
    bm.random.seed(0)
    normal = bp.init.Normal(scale=0.5)
    cell = getattr(bp.dyn, kind)(
        CHANNELS, HIDDEN, Wi_initializer=normal, Wh_initializer=bp.init.Normal(scale=0.3),
        b_initializer=normal, mode=bm.TrainingMode(),
    )  # fmt: skip
    dense = bp.dnn.Dense(HIDDEN, 2, mode=bm.TrainingMode())
    cell.reset_state(INPUTS.shape[1])
    before = np.array(bm.as_jax(cell.state.value))
    system = from_brainpy(cell, dt=10.0, readout=dense)
    np.testing.assert_array_equal(before, np.array(bm.as_jax(cell.state.value)))
    expected = np.stack([np.asarray(bm.as_jax(cell.update(x))) for x in INPUTS])
    check(system, expected, lambda h: np.asarray(bm.as_jax(dense(h[None])))[0])
    assert (system.preactivation is not None) == (kind == "RNNCell")


def test_training_on_leaves_a_system_as_it_was():
    cell = bp.dyn.GRUCell(CHANNELS, HIDDEN, mode=bm.TrainingMode())
    system = from_brainpy(cell, dt=10.0)
    before = yr.simulate(system, INPUTS).activity
    cell.Wh.value = bm.zeros_like(cell.Wh)
    np.testing.assert_array_equal(yr.simulate(system, INPUTS).activity, before)


def test_an_initial_state_is_taken_and_must_fit():
    cell = bp.dyn.LSTMCell(CHANNELS, HIDDEN)
    system = from_brainpy(cell, dt=10.0, initial_state=(np.ones(HIDDEN), np.zeros(HIDDEN)))
    np.testing.assert_array_equal(system.initial_state, [1.0] * HIDDEN + [0.0] * HIDDEN)
    for wrong in (3.0, np.ones(HIDDEN), (np.ones(4), np.ones(HIDDEN))):
        with pytest.raises((ValueError, TypeError), match="`initial_state"):
            from_brainpy(cell, dt=10.0, initial_state=wrong)


def test_a_cell_with_an_update_of_its_own_is_not_taken():
    class Leaky(bp.dyn.GRUCell):
        def update(self, x: Any) -> Any:
            return 0.5 * super().update(x)

    for wrong in (Leaky(CHANNELS, HIDDEN), "GRU", None):
        with pytest.raises(TypeError, match="`cell` must be a RNNCell, GRUCell or LSTMCell"):
            from_brainpy(wrong, dt=10.0)


def test_what_is_no_cell_says_so():
    pytest.importorskip("equinox", reason="from_equinox needs Equinox")
    pytest.importorskip("flax", reason="from_flax needs Flax")
    import flax.linen as nn  # pyright: ignore[reportMissingImports]

    with pytest.raises(TypeError, match="`cell` must be an Equinox module"):
        from_equinox(lambda x, h: h, dt=10.0)
    with pytest.raises(TypeError, match=r"`cell` must be a cell of flax\.linen or flax\.nnx"):
        from_flax("GRU", dt=10.0)
    with pytest.raises(ValueError, match="`variables` must be given"):
        from_flax(nn.GRUCell(HIDDEN), dt=10.0)


@pytest.mark.parametrize("api", ["linen", "nnx"])
def test_a_cell_of_lower_precision_is_analysed_in_float64(api: str):
    pytest.importorskip("flax", reason="from_flax needs Flax")
    import flax.linen as nn  # pyright: ignore[reportMissingImports]
    from flax import nnx  # pyright: ignore[reportMissingImports]

    if api == "nnx":
        cell: Any = nnx.GRUCell(CHANNELS, HIDDEN, dtype=jnp.bfloat16, rngs=nnx.Rngs(0))
        system = from_flax(cell, dt=10.0)
        assert cell.dtype == jnp.bfloat16
    else:
        cell = nn.GRUCell(HIDDEN, dtype=jnp.float32)
        carry = cell.initialize_carry(jax.random.key(0), (CHANNELS,))
        system = from_flax(cell, cell.init(jax.random.key(1), carry, INPUTS[0, 0]), dt=10.0)
    points = yr.find_fixed_points(system.at(np.ones(CHANNELS)), np.zeros((1, HIDDEN)))
    assert points.counts["fixed"] == 1


def test_a_cell_that_rounds_to_float32_says_so():
    eqx: Any = pytest.importorskip("equinox", reason="from_equinox needs Equinox")

    class Rounding(eqx.nn.GRUCell):
        def __call__(self, input: Any, hidden: Any, *, key: Any = None) -> Any:
            return super().__call__(input, hidden.astype(jnp.float32)).astype(hidden.dtype)

    with pytest.raises(ValueError, match="must compute in float64"):
        from_equinox(Rounding(CHANNELS, HIDDEN, key=jax.random.key(0)), dt=10.0)


@pytest.mark.parametrize(
    ("function", "package"), [(from_equinox, "equinox"), (from_flax, "flax.linen")]
)
def test_without_the_package_the_error_names_the_extra(
    function: Any, package: str, monkeypatch: pytest.MonkeyPatch
):
    import sys

    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"pip install .{package.split('.')[0]}"):
        function(None, dt=10.0)
