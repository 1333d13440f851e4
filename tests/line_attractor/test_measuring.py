import dataclasses
import math
from typing import Any

import jax
import numpy as np
import pytest
from built import AXES, CENTRE, GAIN, REST, TASK, UNITS, leaky, linear, trials
from hypothesis import given
from hypothesis import strategies as st
from jax.tree_util import Partial
from small import points_at

from yang_rnn.dynamics.linearisation import Linearisation, linearise
from yang_rnn.line_attractor.leaks import evidence_kept
from yang_rnn.line_attractor.measures import Measures
from yang_rnn.line_attractor.measuring import (
    measure_centre,
    measure_leading_modes,
    measure_manifold,
    measure_selection,
    trace,
)
from yang_rnn.line_attractor.trial_states import TrialStates, run_trials

LINE = AXES[:, 1]
LEAK = leaky(2.0).system()
F = LEAK.at(REST)
POINT = points_at(["fixed"], [0.0], [CENTRE])
MODES = {"second_time_constant": -100 / math.log(0.2), "time_constant": 2000.0}


@pytest.fixture(scope="module")
def seen() -> TrialStates:
    return run_trials(LEAK, trials(50), TASK)


def affine(matrix, h):
    return matrix @ h


def modes_of(matrix: Any, dt: float = 100.0) -> Linearisation:
    return linearise(Partial(affine, np.asarray(matrix)), np.zeros(len(matrix)), dt=dt)


def test_leading_modes_of_two_real_ones():
    found = measure_leading_modes(modes_of(np.diag([0.5, 0.9])), 2000.0)
    first, second = -100 / math.log(0.9), -100 / math.log(0.5)
    assert found["eigenvalue"] == pytest.approx(0.9)
    assert found["second_eigenvalue"] == pytest.approx(0.5)
    assert found["time_constant"] == pytest.approx(first)
    assert found["second_time_constant"] == pytest.approx(second)
    assert found["mode_keeps"] == pytest.approx(evidence_kept(first, 2000.0))
    assert found["second_keeps"] == pytest.approx(evidence_kept(second, 2000.0))
    assert found["turn"] == 0.0


def test_the_mode_after_a_pair_is_its_second_and_the_conjugate_keeps_as_much():
    matrix = np.diag([0.0, 0.0, 0.5])
    matrix[:2, :2] = 0.9 * np.array([[math.cos(0.3), -math.sin(0.3)],
                                     [math.sin(0.3), math.cos(0.3)]])  # fmt: skip
    found = measure_leading_modes(modes_of(matrix), 2000.0)
    assert found["eigenvalue"] == pytest.approx(0.9 * np.exp(0.3j))
    assert found["second_eigenvalue"] == pytest.approx(0.5)
    assert found["second_keeps"] == found["mode_keeps"]
    # It turns by 0.3 a step for as long as it lasts, which is less than the stimulus.
    assert found["turn"] == pytest.approx(0.3 * -1 / math.log(0.9))
    assert measure_leading_modes(modes_of(matrix), 200.0)["turn"] == pytest.approx(0.3 * 2)


def test_one_unit_has_no_second_mode():
    found = measure_leading_modes(modes_of([[0.9]]), 2000.0)
    assert np.isnan(found["second_eigenvalue"])
    assert found["second_time_constant"] == found["second_keeps"] == 0.0


def test_distance_of_the_centre_is_in_radii_of_the_states():
    corners = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    seen = TrialStates(corners[None], corners[None], np.zeros(4), np.zeros(4, bool), np.zeros(4), 1)
    found = measure_centre(points_at(["slow"], [0.25], [[7.0, 0.0]]), seen)
    # The radius is sqrt(2); two corners are sqrt(37) away, two sqrt(65), and so is the median.
    median = (math.sqrt(37) + math.sqrt(65)) / 2
    assert found == {"centre_speed": 0.25, "centre_distance": pytest.approx(median / math.sqrt(2))}
    still = dataclasses.replace(seen, during=np.ones((1, 4, 2)))
    nowhere = measure_centre(points_at(["fixed"], [0.0], [[1.0, 1.0]]), still)
    assert math.isnan(nowhere["centre_distance"])


@given(st.integers(0, 500))
def test_gain_is_what_is_left_along_the_leading_mode_of_one_pulse_of_evidence(seed: int):
    rng = np.random.default_rng(seed)
    values = np.array([0.95, 0.4, -0.3, 0.1])
    axes = rng.normal(size=(4, 4)) + 2 * np.eye(4)
    matrix = axes @ np.diag(values) @ np.linalg.inv(axes)
    feed, evidence = rng.normal(size=(4, 3)), rng.normal(size=3)
    modes = dataclasses.replace(modes_of(matrix), input_jacobian=feed[None])
    towards = axes[:, 0] / np.linalg.norm(axes[:, 0])
    found = measure_selection(modes, towards, evidence)
    left_alone = np.linalg.matrix_power(matrix, 60) @ (feed @ evidence) / 0.95**60
    np.testing.assert_allclose(left_alone, found["gain"] * towards, atol=1e-7)
    assert abs(found["selection_evidence"]) <= 1 + 1e-12
    # Turned round, the same evidence pushes the other way.
    back = measure_selection(modes, -towards, evidence)
    assert back["gain"] == pytest.approx(-found["gain"])


def test_evidence_that_does_not_reach_the_network_has_no_direction():
    modes = dataclasses.replace(modes_of(np.diag([0.9, 0.5])), input_jacobian=np.zeros((1, 2, 1)))
    found = measure_selection(modes, np.array([1.0, 0.0]), np.ones(1))
    assert found["gain"] == 0.0
    assert math.isnan(found["selection_evidence"])


def test_the_manifold_is_traced_as_far_as_the_trajectories_reach(seen: TrialStates):
    manifold = trace(F, POINT, LINE, seen)
    along = (seen.end - CENTRE) @ LINE
    step = np.ptp(along) / 40
    assert manifold.arc[0] == pytest.approx(along.min(), abs=1.1 * step)
    assert manifold.arc[-1] == pytest.approx(along.max(), abs=1.1 * step)
    assert manifold.ends == ("range", "range")


def test_where_the_trajectories_are_elsewhere_a_little_is_traced_both_ways(seen: TrialStates):
    aside = points_at(["fixed"], [0.0], [CENTRE + 20 * LINE])
    manifold = trace(F, aside, LINE, seen)
    along = (seen.end - CENTRE) @ LINE - 20
    assert along.max() < 0
    assert manifold.arc[0] == pytest.approx(along.min(), abs=1)
    assert 0.05 * np.ptp(along) <= manifold.arc[-1] < 0.1 * np.ptp(along)


def test_a_leaks_line_is_measured_as_what_it_is(seen: TrialStates):
    manifold = trace(F, POINT, LINE, seen)
    ends = manifold.position(seen.end)
    found = measure_manifold(F, manifold, seen, ends, MODES)
    low, high = np.percentile(ends, (5, 95))
    lost = 1 - math.exp(-1)  # the stimulus lasts as long as the time constant
    assert found["span"] == pytest.approx(high - low)
    # Slow is where the leak would take longer than the stimulus across the span.
    reach = (high - low) / (20 * (1 - math.exp(-0.05)))
    slow = np.abs(manifold.arc)[np.abs(manifold.arc) <= reach].max()
    assert found["length"] == pytest.approx(2 * slow, rel=0.1)
    assert found["persistence"] == pytest.approx(1 - lost**2, rel=1e-4)
    assert found["memory"] == pytest.approx(2000.0, rel=1e-3)
    assert found["manifold_keeps"] == pytest.approx(evidence_kept(2000.0, 2000.0), rel=1e-3)
    assert found["manifold_distance"] == pytest.approx(0.0, abs=0.3)
    assert set(found) <= {field.name for field in dataclasses.fields(Measures)}


def test_positions_that_are_all_the_same_have_no_span(seen: TrialStates):
    manifold = trace(F, POINT, LINE, seen)
    found = measure_manifold(F, manifold, seen, np.ones(50), MODES)
    assert set(found) == {"span", "manifold_distance"}
    assert np.isnan(list(found.values())).all()


def test_a_manifold_that_was_traced_elsewhere_says_nothing_of_memory(seen: TrialStates):
    manifold = trace(F, POINT, LINE, seen)
    found = measure_manifold(F, manifold, seen, np.linspace(1e3, 2e3, 50), MODES)
    assert found["relative_length"] == 0.0
    assert "memory" not in found
    assert "drift" not in found


def test_states_settle_before_their_memory_is_measured():
    # A fast mode feeds the slow one: what it carries over is no loss of memory.
    system = linear([[np.exp(-0.05), 2.0], [0.0, 0.5]]).system()
    there = system.at(REST)
    right = linearise(there, CENTRE).right[0, 0].real
    seen = run_trials(system, trials(50), TASK)
    manifold = trace(there, POINT, right, seen)
    ends = manifold.position(seen.end)
    modes = MODES | {"second_time_constant": -100 / math.log(0.5)}
    found = measure_manifold(there, manifold, seen, ends, modes)
    assert found["memory"] == pytest.approx(2000.0, rel=0.02)
    hasty = measure_manifold(there, manifold, seen, ends, modes | {"second_time_constant": 0.0})
    assert abs(hasty["memory"] - 2000.0) >= abs(found["memory"] - 2000.0)


def test_the_gain_of_the_leak_is_the_one_it_was_built_with():
    found = measure_selection(linearise(F, CENTRE), LINE, TASK.evidence)
    assert found["gain"] == pytest.approx(2 * GAIN)
    assert found["selection_evidence"] == pytest.approx(1.0)
    with jax.enable_x64(True):
        moved = np.asarray(LEAK.step(TASK.rest + 0.5 * TASK.evidence, CENTRE)) - CENTRE
    np.testing.assert_allclose(moved, GAIN * LINE, atol=1e-5 * UNITS)
