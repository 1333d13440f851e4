from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp

from yang_rnn.model import CTRNN
from yang_rnn.network.losses import clipped, loss_of, own_loss, share_correct
from yang_rnn.network.parameters import Design
from yang_rnn.training.batches import Batch
from yang_rnn.training.objective import Objective, total_loss

RNG = np.random.default_rng(0)
OUTPUTS = RNG.normal(size=(4, 5, 3))
PLACES = RNG.integers(0, 3, size=(4, 5)).astype(np.int32)
VALUES = RNG.normal(size=(4, 5, 3))
WEIGHTS = RNG.uniform(0, 2, size=(4, 5)) * (RNG.random((4, 5)) > 0.3)


@pytest.mark.parametrize("targets", [PLACES, VALUES], ids=["places", "values"])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["alike", "weighted"])
@pytest.mark.parametrize("order", [True, False])
def test_loss_is_the_weighted_mean_over_steps(targets: Any, weights: Any, order: bool):
    if targets.ndim == 2:
        picked = np.take_along_axis(OUTPUTS, targets[..., None], axis=-1)[..., 0]
        each = np.asarray(logsumexp(OUTPUTS, axis=-1)) - picked
    else:
        each = ((OUTPUTS - targets) ** 2).mean(axis=-1)
    found = loss_of(jnp.asarray(OUTPUTS), targets, weights, in_brainpys_order=order)
    assert found == pytest.approx(np.average(each, weights=weights), rel=1e-5)


@given(lengths=st.lists(st.floats(0.01, 100), min_size=1, max_size=4), limit=st.floats(0.1, 50))
def test_gradients_are_clipped_together_and_keep_their_direction(
    lengths: list[float], limit: float
):
    rng = np.random.default_rng(0)
    given_ = {f"w{k}": length * rng.normal(size=(2, k + 1)) for k, length in enumerate(lengths)}
    found = {k: np.asarray(v) for k, v in clipped(dict(given_), limit).items()}
    before, after = (
        np.concatenate([array.ravel() for array in arrays.values()]) for arrays in (given_, found)
    )
    size = np.linalg.norm(before)
    assert np.linalg.norm(after) == pytest.approx(min(size, limit), rel=1e-4)
    np.testing.assert_allclose(after * size, before * np.linalg.norm(after), rtol=1e-4)


def test_nothing_is_clipped_at_0():
    gradients = {"w": 1e9 * np.ones(3)}
    assert clipped(gradients, 0.0) is gradients


def test_share_correct_is_of_the_steps_that_ask():
    asked = np.zeros((4, 5), bool)
    asked[1, :3] = True
    right = OUTPUTS.argmax(-1) == PLACES
    outputs = jnp.asarray(OUTPUTS)
    assert share_correct(outputs, PLACES, asked) == pytest.approx(right[1, :3].mean())
    assert share_correct(outputs, PLACES) == pytest.approx(right[PLACES > 0].mean())
    assert np.isnan(share_correct(outputs, VALUES))
    assert np.isnan(share_correct(outputs, PLACES, np.zeros((4, 5), bool)))


DESIGN = Design(3, 6, 3, "tanh", "linear", num_excitatory=4, initial_state="trained")


def total(objective: Objective, batch: Batch, parameters: Any, design: Design = DESIGN) -> Any:
    return total_loss(parameters, design, 0.5, batch, jax.random.key(0), objective)[0]


@pytest.fixture(scope="module")
def parameters() -> dict[str, np.ndarray]:
    net = CTRNN(3, 6, 3, dt=50.0, activation="tanh", initialisation="linear", seed=1,
                excitatory=0.67, initial_state="trained")  # fmt: skip
    assert net.design == DESIGN
    return {name: value.astype(np.float64) for name, value in net.weights.items()}


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["alike", "weighted"])
@pytest.mark.parametrize("targets", [PLACES, VALUES], ids=["places", "values"])
def test_gradient_is_the_slope_of_loss_and_penalties(
    parameters: dict[str, np.ndarray], targets: Any, weights: Any
):
    objective = Objective(l2_weights=0.1, l2_rates=0.7)
    batch = Batch(RNG.normal(size=(4, 5, 3)), targets, weights)
    with jax.enable_x64(True):
        value = jax.jit(lambda p: total(objective, batch, p))
        slopes = jax.grad(value)(parameters)
        rng = np.random.default_rng(2)
        direction = {name: rng.normal(size=w.shape) for name, w in parameters.items()}
        ends = [
            float(value({n: w + s * 1e-6 * direction[n] for n, w in parameters.items()}))
            for s in (1, -1)
        ]
    slope = sum(float((np.asarray(slopes[name]) * direction[name]).sum()) for name in parameters)
    assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(slope, rel=1e-5)


def test_penalty_on_weights_has_the_gradient_2_lambda_w(parameters: dict[str, np.ndarray]):
    batch = Batch(np.zeros((4, 5, 3)), PLACES)
    plain = DESIGN._replace(num_excitatory=0)
    with jax.enable_x64(True):
        without, with_it = (
            jax.grad(lambda p, o=o: total(o, batch, p, plain))(parameters)
            for o in (Objective(), Objective(l2_weights=0.3))
        )
    for name, w in parameters.items():
        expected = 0.6 * w if name.startswith("w") else 0
        np.testing.assert_allclose(
            np.asarray(with_it[name]) - np.asarray(without[name]), expected + 0 * w, atol=1e-12
        )


def test_penalty_on_rates_is_over_the_steps_that_count(parameters: dict[str, np.ndarray]):
    inputs = RNG.normal(size=(4, 5, 3)).astype(np.float32)
    net = CTRNN(3, 6, 3, dt=50.0, activation="tanh", initialisation="linear", seed=1,
                excitatory=0.67, initial_state="trained")  # fmt: skip
    squares = (np.asarray(net.predict(inputs)[0]) ** 2).mean(axis=-1)
    for weights, mean in ((None, squares.mean()), (WEIGHTS, squares[WEIGHTS > 0].mean())):
        batch = Batch(inputs, PLACES, weights)
        added = total(Objective(l2_rates=2.0), batch, parameters) - total(
            Objective(), batch, parameters
        )
        assert added == pytest.approx(2 * mean, rel=1e-4)


@pytest.mark.parametrize(
    ("loss", "error", "message"),
    [
        (lambda o, t, w: (o**2).mean(axis=0), ValueError, r"one real number; got shape \(5, 3\)"),
        (lambda o, t, w: (o > 0).sum(), ValueError, "one real number; got shape"),
        (lambda o, t, w: jnp.float32(3), ValueError, "must depend on the outputs"),
        (lambda o, t, w: 3.0, ValueError, "one real number; got 3.0"),
        (lambda o, t, w: None, ValueError, "one real number; got None"),
        (lambda o, t, w: np.square(np.asarray(o)).mean(), TypeError, "written with JAX"),
        (lambda o, t, w: float(o.mean()), TypeError, "written with JAX"),
    ],
)
def test_loss_of_the_users_must_be_one_number(loss: Any, error: Any, message: str):
    with pytest.raises(error, match=f"^`loss` must .*{message}|^`loss` {message}"):
        jax.grad(lambda o: own_loss(loss, o, PLACES, None))(jnp.asarray(OUTPUTS))


def test_loss_of_the_users_always_gets_weights():
    seen: list[Any] = []

    def loss(outputs: Any, targets: Any, weights: Any) -> Any:
        seen.append(weights)
        return (weights[..., None] * outputs).sum()

    for weights in (None, WEIGHTS):
        jax.grad(lambda o, w=weights: own_loss(loss, o, PLACES, w))(jnp.asarray(OUTPUTS))
    assert (np.asarray(seen[0]) == np.ones((4, 5))).all()
    assert seen[1] is WEIGHTS
