import functools
from typing import Any

import brainpy as bp
import brainpy.math as bm
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from yang_rnn.training.optimisers import learning_rate_of, make_optimiser, set_state, state_of

GRADIENTS = [
    {"w": np.array([0.5, -1.0, 2.0], np.float32), "b": np.float32(s)} for s in (1.0, -2.0, 0.5)
]


def variables() -> dict[str, Any]:
    start = {"w": jnp.array([1.0, 2.0, 3.0]), "b": jnp.float32(4)}
    return {name: bm.TrainVar(value) for name, value in start.items()}


def stepped(optimiser: Any, gradients: list[Any], state: Any = None) -> tuple[Any, Any]:
    own = variables()
    made = make_optimiser(optimiser, own)
    if state is not None:
        weights, numbers = state
        for name, value in weights.items():
            own[name].value = jnp.asarray(value)
        set_state(made, numbers)
    for g in gradients:
        made.update(g)
        made.end_epoch()
    return {name: np.asarray(bm.as_jax(v)) for name, v in own.items()}, state_of(made)


def momentum_in_numpy(rates: list[float]) -> np.ndarray:
    w, v = np.array([1.0, 2.0, 3.0]), np.zeros(3)
    for rate, g in zip(rates, GRADIENTS, strict=True):
        v = 0.9 * v - rate * g["w"]
        w = w + v
    return w


OPTIMISERS: dict[str, Any] = {
    "optax": optax.sgd(0.1, momentum=0.9),
    "optax-schedule": optax.adamw(optax.cosine_decay_schedule(0.1, 3)),
    "optax-injected": optax.inject_hyperparams(optax.adam)(0.1),
    "optax-noise": optax.chain(optax.add_noise(0.1, 0.5, 0), optax.sgd(0.1)),
    "brainpy": functools.partial(bp.optim.Momentum, lr=0.1),
    "brainpy-class": functools.partial(bp.optim.Adan, lr=0.1),
    "brainpy-schedule": lambda train_vars: bp.optim.Momentum(bp.optim.StepLR(0.1, 2), train_vars),
}
each = pytest.mark.parametrize("optimiser", OPTIMISERS.values(), ids=OPTIMISERS)


def test_steps_are_the_optimisers():
    for name in ("optax", "brainpy"):
        w = stepped(OPTIMISERS[name], GRADIENTS)[0]["w"]
        np.testing.assert_allclose(w, momentum_in_numpy([0.1] * 3), rtol=1e-5)
    # BrainPy's schedules go by epochs, which `end_epoch` counts.
    w = stepped(OPTIMISERS["brainpy-schedule"], GRADIENTS)[0]["w"]
    np.testing.assert_allclose(w, momentum_in_numpy([0.1, 0.1, 0.01]), rtol=1e-5)


@each
def test_state_is_all_that_it_goes_on_from(optimiser: Any):
    at_once, end = stepped(optimiser, GRADIENTS)
    in_parts, same_end = stepped(optimiser, GRADIENTS[2:], stepped(optimiser, GRADIENTS[:2]))
    for name, value in at_once.items():
        assert np.array_equal(value, in_parts[name])
    assert set(end) == set(same_end)
    for name, value in end.items():
        assert np.array_equal(value, same_end[name])


def test_names_of_a_state_are_the_same_each_time():
    first, second = (stepped(OPTIMISERS["brainpy-schedule"], GRADIENTS)[1] for _ in range(2))
    assert set(first) == set(second) == {"Momentum.w_v", "Momentum.b_v", "StepLR.last_epoch"}


def test_state_of_another_is_refused():
    state = stepped(OPTIMISERS["optax"], GRADIENTS)[1]
    for name in ("optax-schedule", "brainpy"):
        with pytest.raises(ValueError, match=r"^`resume` must be of the same optimiser"):
            set_state(make_optimiser(OPTIMISERS[name], variables()), state)
    wrong = {name: value.astype(np.float64) for name, value in state.items()}
    with pytest.raises(ValueError, match=r"^`resume` must be of the same optimiser"):
        set_state(make_optimiser(OPTIMISERS["optax"], variables()), wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        bp.optim.Adam(lr=0.1),
        3,
        "adam",
        optax.adam,
        lambda train_vars: None,
        lambda train_vars: bp.optim.Adam(lr=0.1),
        lambda: None,
    ],
)
def test_what_makes_no_optimiser_is_refused(wrong: Any):
    with pytest.raises(TypeError, match=r"^`optimiser` must be a gradient transformation"):
        make_optimiser(wrong, variables())


def test_schedules_begin_at_the_rate_and_fall_to_its_share():
    cosine = learning_rate_of("cosine", 2.0, 0.1, 10)
    assert [cosine(k) for k in (0, 5, 10, 11)] == pytest.approx([2.0, 1.1, 0.2, 0.2])
    exponential = learning_rate_of("exponential", 2.0, 0.25, 10)
    assert [exponential(k) for k in (0, 5, 10)] == pytest.approx([2.0, 1.0, 0.5])
    assert [learning_rate_of("constant", 2.0, 0.1, 10)(k) for k in (0, 9)] == [2.0, 2.0]


def test_one_that_needs_more_than_gradients_is_refused():
    with pytest.raises(TypeError, match=r"^`optimiser` must be one that goes by gradients alone"):
        stepped(optax.lbfgs(), GRADIENTS)


def test_a_schedule_that_another_training_has_used_begins_anew():
    shared = functools.partial(bp.optim.Momentum, lr=bp.optim.StepLR(0.1, 2))
    first, second = (stepped(shared, GRADIENTS)[0]["w"] for _ in range(2))
    assert np.array_equal(first, second)
