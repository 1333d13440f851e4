import dataclasses
from typing import Any

import numpy as np
import pytest
from built import TASK, UNITS, leaky, linear, rotating, switch, trials
from jax.tree_util import Partial

from yang_rnn.dynamics.system import System
from yang_rnn.line_attractor import long_run
from yang_rnn.line_attractor.integration import (
    measure_decay,
    measure_integration,
    measure_kernel,
    measure_pulse,
    measure_pushes,
    propagator_singular_values,
)
from yang_rnn.line_attractor.kernel import psychophysical_kernel
from yang_rnn.line_attractor.long_run import hold_states
from yang_rnn.line_attractor.probes import Probes, make_probes
from yang_rnn.model import CTRNN

STEPS, DT = 20, 0.1
ASKED = 1  # step from the end of the stimulus to the decision, without evidence


def probes_of(net: CTRNN, number: int = 300) -> Probes:
    return make_probes(net.system(), trials(), TASK, number=number)


@pytest.mark.parametrize("seconds", [0.2, 1.0, 5.0, np.inf])
def test_the_numbers_of_a_leak_are_its_formulas(seconds: float):
    found = measure_integration(leaky(seconds).system(), trials(), TASK)
    kept = np.exp(-found.dt / 1000 / seconds)
    weights = kept ** np.arange(STEPS)[::-1]
    of_first = found.kernel.weights / found.kernel.weights[-1]
    np.testing.assert_allclose(of_first, weights, rtol=1e-6, atol=1e-9)
    efficiency = weights.sum() ** 2 / (STEPS * (weights**2).sum())
    assert found.kernel.efficiency.value == pytest.approx(efficiency, abs=1e-6)
    lean = (weights[:10].sum() - weights[10:].sum()) / weights.sum()
    assert found.kernel.early.value == pytest.approx(lean, abs=1e-6)
    assert found.decay.after_duration.value == pytest.approx(kept**STEPS, abs=1e-6)
    np.testing.assert_allclose(found.decay.kept, kept ** np.arange(1, STEPS + 1), atol=1e-6)
    if np.isfinite(seconds):
        assert found.decay.time_constant == pytest.approx(1000 * seconds, rel=1e-3)
    assert found.pulse.constancy.value == pytest.approx(1.0, abs=1e-6)
    assert found.pulse.additivity.value == pytest.approx(1.0, abs=1e-6)
    assert found.pushes.along.value == pytest.approx(kept**STEPS, abs=1e-6)
    assert found.pushes.across.value < 1e-6
    assert found.singular_values[0] == pytest.approx(kept**STEPS, rel=1e-5)
    assert found.singular_values[1] < 1e-6
    assert found.long_run.points == 1
    if seconds == np.inf:
        assert found.long_run.num_points > 50  # of 64: two may end within a thousandth
    else:
        assert found.long_run.num_points == 1


@pytest.mark.parametrize("turns", [0.25, 1.0])
def test_a_rotation_turns_the_direction_of_a_pulse(turns: float):
    probes = probes_of(rotating(turns))
    early, late = 5, 18
    angles = 2 * np.pi * turns / STEPS * np.arange(late - early + 1)
    assert measure_pulse(probes).constancy.value == pytest.approx(np.cos(angles).min(), abs=1e-5)
    values = propagator_singular_values(probes)
    np.testing.assert_allclose(values[:3], [1, 1, 0], atol=1e-5)


def test_a_rotation_without_a_leak_is_a_cycle_in_the_long_run():
    found = hold_states(probes_of(rotating(1.0)))
    assert (found.cycles, found.points, found.runaway, found.moving) == (1, 0, 0, 0)


def growing() -> System:
    """A linear network, without the relu that would end its growth."""
    gain = np.array([0.0, -1.0, 1.0])
    return System(
        Partial(lambda gain, x, h: 1.05 * h + x @ gain, gain),
        dt=100.0,
        initial_state=np.zeros(1),
        readout=Partial(lambda side, h: h * side, np.array([0.0, -1.0, 1.0])),
    )


def test_growth_is_told_with_its_rate():
    probes = make_probes(growing(), trials(), TASK, number=300)
    found = hold_states(probes)
    assert found.runaway == 1
    assert found.growth == pytest.approx(np.log(1.05) / DT, rel=0.1)
    assert measure_decay(probes).time_constant == pytest.approx(-1000 * DT / np.log(1.05), rel=1e-3)
    assert measure_kernel(probes).early.value > 0.2  # early evidence counts more


def test_decisions_that_have_turned_over_have_no_time_constant():
    found = measure_decay(probes_of(rotating(0.5, 0.99)))  # half a turn within the stimulus
    assert found.after_duration.value == pytest.approx(-(0.99**STEPS), rel=1e-3)
    assert np.isnan(found.time_constant)


def test_what_neither_settles_nor_runs_away_is_said_to_move():
    turn = np.array([[np.cos(1.0), -np.sin(1.0)], [np.sin(1.0), np.cos(1.0)]])  # never closes
    found = hold_states(probes_of(linear(turn, start=(8.0, 0.0))), seconds=20.0)
    assert found.moving == 1
    assert found.drift > 0
    assert np.isnan(found.growth)
    assert "0 % in 0 cycles of whole steps" in repr(found)  # it does go round
    assert "100 % still move, round a loop or otherwise" in repr(found)


def test_a_switch_ends_at_two_points_and_counts_early_evidence_most():
    probes = probes_of(switch(1.5))
    found = hold_states(probes)
    assert found.points == 1
    assert found.num_points == 2
    assert measure_kernel(probes).early.value > 0.1


def test_a_push_across_grows_in_a_network_with_another_mode_that_does():
    probes = probes_of(linear(np.diag([1.0, 1.1])))
    found = measure_pushes(probes, measure_pulse(probes).direction)
    assert found.along.value == pytest.approx(1.0, abs=1e-6)
    # A random unit vector across in 15 dimensions has a median part of 0.18 along one of them.
    assert found.across.value == pytest.approx(0.18 * 1.1**STEPS, rel=0.3)


def test_the_length_of_a_direction_does_not_count():
    probes = probes_of(leaky(1.0))
    direction = measure_pulse(probes).direction
    one, other = (measure_pushes(probes, size * direction) for size in (1.0, 5.0))
    assert one.along.value == pytest.approx(other.along.value, rel=1e-9)
    assert one.across.value == pytest.approx(other.across.value, rel=1e-6, abs=1e-9)


def test_a_pulse_that_is_forgotten_has_no_direction():
    found = measure_pulse(probes_of(linear(0.0)))
    assert np.isnan(found.constancy.value)
    assert not found.direction.any()


def test_a_kernel_is_recovered_within_its_errors():
    rng = np.random.default_rng(0)
    weights = np.exp(-np.arange(12)[::-1] / 4.0)
    true = weights.sum() ** 2 / (12 * (weights**2).sum())
    inside, off = 0, []
    for _ in range(200):
        evidence = rng.standard_normal((12, 300))
        decision = weights @ evidence + 2 * rng.standard_normal(300)
        found = psychophysical_kernel(evidence, decision)
        low, high = found.efficiency.interval
        inside += low <= true <= high
        off.append((found.weights - weights) / found.errors)
    assert 180 <= inside <= 200  # 95 % of 200 are 190
    assert np.std(off) == pytest.approx(1.0, abs=0.1)


def test_a_decision_that_evidence_does_not_move_has_no_efficiency():
    evidence = np.random.default_rng(0).standard_normal((5, 100))
    assert np.isnan(psychophysical_kernel(evidence, np.ones(100)).efficiency.value)


def test_the_range_of_the_trials_is_that_of_the_probes():
    probes = probes_of(leaky(1.0), number=4000)
    inputs = np.asarray(trials().inputs)[trials().during("stimulus")]
    of_trials = (inputs - TASK.rest) @ TASK.evidence
    of_probes = probes.noise + probes.strength
    assert of_probes.std() == pytest.approx(of_trials.std(), rel=0.1)
    np.testing.assert_allclose(
        (probes.inputs(of_probes) - TASK.rest) @ TASK.evidence, of_probes, atol=1e-12
    )


def test_the_right_choices_of_trials_with_evidence_are_counted():
    assert probes_of(leaky(5.0)).accuracy.value > 0.9
    assert probes_of(leaky(5.0)).onset.shape == (300, UNITS)


def test_a_function_of_ones_own_is_compiled_once_for_all_runs(compiled: list[str]):
    leak = np.array([0.98])  # what it closes over could have changed in between
    system = System(
        lambda x, h: leak * h + x[2] - x[1],
        dt=100.0,
        initial_state=np.zeros(1),
        readout=lambda h: h * np.array([0.0, -1.0, 1.0]),
    )
    probes = make_probes(system, trials(), TASK, number=300)
    measure_kernel(probes)
    compiled.clear()
    measure_kernel(probes)
    assert compiled == []


def test_in_one_unit_nothing_can_be_pushed_across():
    probes = make_probes(growing(), trials(), TASK, number=300)
    found = measure_pushes(probes, np.ones(1))
    assert found.along.value == pytest.approx(1.05**STEPS)
    assert np.isnan(found.across).all()


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="`evidence` must have 15 trials or more; got 10"):
        psychophysical_kernel(np.zeros((5, 10)), np.zeros(10))
    with pytest.raises(ValueError, match="decision"):
        psychophysical_kernel(np.zeros((5, 100)), np.zeros(99))
    with pytest.raises(ValueError, match="seconds"):
        hold_states(probes_of(leaky(1.0)), seconds=0)
    with pytest.raises(ValueError, match="`number` must be a whole number, 1 or more; got 0"):
        hold_states(probes_of(leaky(1.0)), number=0)
    with pytest.raises(ValueError, match="`probes` must be 60 or more"):
        measure_kernel(probes_of(leaky(1.0), number=10))
    with pytest.raises(ValueError, match="`seed` must be a whole number"):
        measure_pushes(probes_of(leaky(1.0)), np.ones(UNITS), seed=-1)
    with pytest.raises(TypeError, match="probes"):
        measure_kernel("no probes")  # type: ignore[arg-type]


def single(step: Any, x: Any, h: Any) -> Any:
    return step(x, h).astype(np.float32)


def test_a_step_that_returns_single_precision_is_measured_like_any_other():
    system = leaky(1.0).system()
    rounded = dataclasses.replace(system, step=Partial(single, system.step))
    found = measure_kernel(make_probes(rounded, trials(), TASK, number=300))
    expected = measure_kernel(make_probes(system, trials(), TASK, number=300))
    np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-4, atol=1e-5)


def test_steps_that_are_short_are_not_taken_without_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(long_run, "MOST_STEPS", 50)
    found = hold_states(probes_of(leaky(1.0)))
    assert found.seconds == pytest.approx(5.0)
