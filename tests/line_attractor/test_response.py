import functools
import math

import jax.numpy as jnp
import numpy as np
import pytest
from built import TASK, leaky, linear, switch, trials
from hidden import STEPS, basis, hidden, rotation
from jax.tree_util import Partial

from yang_rnn.dynamics.system import System
from yang_rnn.line_attractor import response
from yang_rnn.line_attractor.integration import measure_kernel, measure_pulse, pulse_steps
from yang_rnn.line_attractor.kernel import efficiency_of
from yang_rnn.line_attractor.probes import NUM_PROBES, Probes, make_probes
from yang_rnn.line_attractor.response import LinearResponse, linear_response
from yang_rnn.task import PerceptualDecisionMaking


def probes_of(system: System, number: int = 300) -> Probes:
    return make_probes(system, trials(), TASK, number=number)


def responding(system: System) -> LinearResponse:
    return linear_response(probes_of(system))


@functools.cache
def skewed() -> tuple[System, np.ndarray]:
    """Return a linear network whose matrix is not normal, and its kernel by formula."""
    block, drive, read = np.array([[0.97, 0.4], [0.0, 0.7]]), [0.5, 1.0], [1.0, -0.3]
    # One step after the stimulus the decision is asked for; evidence for 1 is against 2.
    powers = [np.linalg.matrix_power(block, n) for n in range(STEPS, 0, -1)]
    return hidden(block, drive, read), np.array([2 * np.dot(read, each @ drive) for each in powers])


def test_linear_response_of_a_linear_network_is_its_kernel_by_formula():
    system, weights = skewed()
    found = responding(system)
    np.testing.assert_allclose(found.weights, weights, rtol=1e-9)
    assert found.efficiency == pytest.approx(efficiency_of(weights))
    lean = (weights[:10].sum() - weights[10:].sum()) / np.abs(weights).sum()
    assert found.early == pytest.approx(lean)


def test_linear_response_of_a_linear_network_is_the_kernel_that_is_measured():
    probes = probes_of(skewed()[0])
    found, kernel, pulse = linear_response(probes), measure_kernel(probes), measure_pulse(probes)
    np.testing.assert_allclose(found.weights, kernel.weights, rtol=1e-9)
    assert found.efficiency == pytest.approx(kernel.efficiency.value)
    assert found.early == pytest.approx(kernel.early.value)
    assert found.constancy == pytest.approx(pulse.constancy.value)


def test_the_gradient_is_what_the_readout_sees_a_step_later():
    block, read = np.diag([0.9, 0.5]), np.array([1.0, 2.0])
    found = responding(hidden(block, [1.0, 0.0], read))
    expected = basis(0)[:, :2] @ (2 * block.T @ read)
    np.testing.assert_allclose(found.gradient, expected, atol=1e-12)


@pytest.mark.parametrize("turns", [0.25, 1.0])
def test_the_direction_turns_with_a_rotation(turns: float):
    found = responding(hidden(rotation(turns), [1.0, 0.0], [1.0, 0.0]))
    angles = 2 * math.pi * turns / STEPS * np.arange(18 - 5 + 1)
    assert found.constancy == pytest.approx(np.cos(angles).min())


def test_a_pulse_that_is_gone_has_no_direction():
    assert math.isnan(responding(linear(0.0).system()).constancy)


def test_a_readout_that_sees_nothing_has_no_efficiency():
    found = responding(hidden(0.9, 1.0, 0.0))
    assert math.isnan(found.efficiency)
    assert math.isnan(found.early)
    assert found.constancy == pytest.approx(1.0)


def test_along_strong_trials_a_switch_weighs_early_evidence_more():
    found = responding(switch(1.5).system())
    # Trials that have run to either end let no more evidence in.
    assert found.early > 0.5
    assert (found.weights > 0).all()
    assert found.constancy == pytest.approx(1.0)


def test_the_derivatives_are_those_of_finite_differences():
    probes = probes_of(switch(1.2).system(), number=100)
    found, steps = linear_response(probes), probes.num_steps
    levels = np.broadcast_to(probes.strength + probes.noise.mean(axis=0), (steps, 100))
    size = 1e-4
    for step in (0, 7, 19):
        change = np.zeros((steps, 1))
        change[step] = size
        up, down = (
            probes.decide(probes.integrate(levels + sign * change)).mean() for sign in (1, -1)
        )
        assert found.weights[step] == pytest.approx((up - down) / (2 * size), rel=1e-5, abs=1e-9)


def test_some_trials_tell_what_all_of_them_would(monkeypatch: pytest.MonkeyPatch):
    probes = probes_of(switch(1.5).system(), number=2048)
    some = linear_response(probes)
    monkeypatch.setattr(response, "NUM_TRIALS", 2048)
    every = linear_response(probes)
    assert some.efficiency == pytest.approx(every.efficiency, abs=0.01)
    assert some.early == pytest.approx(every.early, abs=0.05)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [(1, (0, 1, 1)), (2, (0, 1, 2)), (3, (0, 2, 3)), (4, (0, 2, 4)), (20, (1, 7, 20))],
)
def test_a_pulse_is_looked_at_early_and_late(steps: int, expected: tuple[int, int, int]):
    assert pulse_steps(steps) == expected


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_stimulus_of_few_steps_is_measured(steps: int):
    task = PerceptualDecisionMaking(seed=5, t_stimulus=100.0 * steps)
    probes = make_probes(
        leaky(0.5).system(), task.sample_trials(50), task.two_alternatives(), number=100
    )
    found, pulse = linear_response(probes), measure_pulse(probes)
    weights = np.exp(-0.1 / 0.5) ** np.arange(steps)[::-1]
    np.testing.assert_allclose(found.weights / found.weights[-1], weights, rtol=1e-6)
    for constancy in (found.constancy, pulse.constancy.value):
        assert math.isnan(constancy) if steps == 1 else constancy == pytest.approx(1.0)


def leak(x, h):
    return 0.999 * h + x[2:] - x[1:2]


def test_a_stimulus_of_many_steps_has_enough_probes():
    task = PerceptualDecisionMaking(seed=5, t_stimulus=70_000.0)
    readout = Partial(jnp.multiply, np.array([0.0, -1.0, 1.0]))
    system = System(Partial(leak), dt=100.0, initial_state=np.zeros(1), readout=readout)
    some = task.sample_trials(30)
    probes = make_probes(system, some, task.two_alternatives())
    assert len(probes.onset) == 4 * 700
    expected = efficiency_of(0.999 ** np.arange(700))
    assert measure_kernel(probes).efficiency.value == pytest.approx(expected, rel=1e-6)
    assert len(probes_of(leaky(1.0).system(), number=7).onset) == 7
    assert len(make_probes(leaky(1.0).system(), trials(), TASK).onset) == NUM_PROBES


def test_what_are_no_probes_is_refused():
    with pytest.raises(TypeError, match="probes"):
        linear_response("no probes")  # type: ignore[arg-type]
