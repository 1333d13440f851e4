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
from yang_rnn.line_attractor.evidence_modes import EvidenceModes, evidence_modes
from yang_rnn.line_attractor.integration import measure_with
from yang_rnn.line_attractor.kernel import efficiency_of
from yang_rnn.line_attractor.leaks import evidence_kept
from yang_rnn.line_attractor.measures import Measures
from yang_rnn.line_attractor.measuring import (
    grow,
    measure_centre,
    measure_manifold,
    measure_modes,
    measure_selection,
    numbers_of,
    numbers_of_response,
)
from yang_rnn.line_attractor.probes import make_probes
from yang_rnn.line_attractor.response import linear_response
from yang_rnn.line_attractor.thresholds import Thresholds
from yang_rnn.line_attractor.trial_states import TrialStates, run_trials

LINE = AXES[:, 1]
LEAK = leaky(2.0).system()
F = LEAK.at(REST)
POINT = points_at(["fixed"], [0.0], [CENTRE])
AT = Thresholds()


@pytest.fixture(scope="module")
def seen() -> TrialStates:
    return run_trials(LEAK, trials(50), TASK)


def affine(matrix, h):
    return matrix @ h


def modes_of(matrix: Any, dt: float = 100.0) -> Linearisation:
    return linearise(Partial(affine, np.asarray(matrix)), np.zeros(len(matrix)), dt=dt)


def carried_by(matrix: Any, push: Any, seen: Any, steps: int = 20) -> EvidenceModes:
    """Rank the modes of a linear map that evidence pushes and a decision sees."""
    feed = np.asarray(push, float).reshape(1, -1, 1)
    modes = dataclasses.replace(modes_of(matrix), input_jacobian=feed)
    return evidence_modes(modes, np.ones(1), np.asarray(seen, float), steps)


def driven(matrix: Any, push: Any, seen: Any, duration: float = 2000.0) -> dict[str, Any]:
    """Measure its modes."""
    carried = carried_by(matrix, push, seen, round(duration / 100))
    return measure_modes(modes_of(matrix), carried, duration)


def test_modes_of_two_real_ones():
    found = driven(np.diag([0.5, 0.9]), [1.0, 1.0], [1.0, 1.0])
    first, second = -100 / math.log(0.9), -100 / math.log(0.5)
    assert found["eigenvalue"] == found["driven_eigenvalue"] == pytest.approx(0.9)
    assert found["second_eigenvalue"] == pytest.approx(0.5)
    assert found["time_constant"] == found["driven_time_constant"] == pytest.approx(first)
    assert found["second_time_constant"] == pytest.approx(second)
    assert found["line_attractor_score"] == pytest.approx(math.log2(first / second))
    assert found["mode_keeps"] == pytest.approx(evidence_kept(first, 2000.0))
    sizes = [(1 - 0.9**20) / 0.1, (1 - 0.5**20) / 0.5]
    assert found["driven_share"] == pytest.approx(sizes[0] / sum(sizes))
    assert found["driven_turn"] == found["turning_share"] == 0.0
    assert found["non_normality"] == pytest.approx(0.0, abs=1e-7)
    assert set(found) <= {field.name for field in dataclasses.fields(Measures)}


def test_the_mode_that_is_driven_need_not_be_the_slowest():
    found = driven(np.diag([0.999, 0.8]), [0.0, 1.0], [1.0, 1.0])
    assert found["eigenvalue"] == pytest.approx(0.999)
    assert found["driven_eigenvalue"] == pytest.approx(0.8)
    assert found["driven_share"] == pytest.approx(1.0)
    assert found["driven_keeps"] == pytest.approx(evidence_kept(-100 / math.log(0.8), 2000.0))
    assert found["mode_keeps"] == found["driven_keeps"]


def test_a_pair_has_the_share_of_both_and_turns_for_as_long_as_it_lasts():
    matrix = np.diag([0.0, 0.0, 0.5])
    matrix[:2, :2] = 0.9 * np.array([[math.cos(0.3), -math.sin(0.3)],
                                     [math.sin(0.3), math.cos(0.3)]])  # fmt: skip
    found = driven(matrix, [1.0, 0.0, 0.0], [1.0, 0.0, 0.0])
    for name in ("eigenvalue", "driven_eigenvalue"):
        assert found[name] == pytest.approx(0.9 * np.exp(0.3j))
    assert found["second_eigenvalue"] == pytest.approx(0.5)
    assert found["driven_share"] == found["turning_share"] == pytest.approx(1.0)
    assert found["line_attractor_score"] == 0.0
    # It turns by 0.3 a step for as long as it lasts, which is less than the stimulus.
    assert found["driven_turn"] == pytest.approx(0.3 * -1 / math.log(0.9))
    short = driven(matrix, [1.0, 0.0, 0.0], [1.0, 0.0, 0.0], 200.0)
    assert short["driven_turn"] == pytest.approx(0.3 * 2)


@pytest.mark.parametrize("feed", [0.0, 0.5, 10.0])
def test_non_normality_is_the_share_of_what_hands_on(feed: float):
    found = driven([[0.9, feed], [0.0, 0.4]], [1.0, 1.0], [1.0, 1.0])
    expected = feed / math.sqrt(0.9**2 + 0.4**2 + feed**2)
    assert found["non_normality"] == pytest.approx(expected, abs=1e-7)


def test_a_mode_that_grows_has_no_score():
    found = driven(np.diag([1.1, 0.9]), [1.0, 1.0], [1.0, 1.0])
    assert math.isnan(found["line_attractor_score"])
    assert found["driven_time_constant"] == pytest.approx(-100 / math.log(1.1))


def test_one_unit_has_no_second_mode():
    found = driven([[0.9]], [1.0], [1.0])
    assert np.isnan(found["second_eigenvalue"])
    assert found["second_time_constant"] == 0.0
    assert math.isnan(found["line_attractor_score"])
    assert found["driven_share"] == pytest.approx(1.0)


def test_a_block_without_a_basis_of_eigenvectors_is_measured():
    found = driven([[0.9, 1.0], [0.0, 0.9]], [0.0, 1.0], [1.0, 0.0])
    assert found["driven_eigenvalue"].real == pytest.approx(0.9, abs=1e-6)
    assert found["non_normality"] == pytest.approx(1 / math.sqrt(1 + 2 * 0.9**2))
    assert np.isfinite(found["centre_efficiency"])


def test_a_map_that_forgets_at_once_is_measured():
    found = driven(np.zeros((2, 2)), [1.0, 0.0], [1.0, 0.0])
    assert math.isnan(found["non_normality"])
    assert found["driven_keeps"] == 0.0
    assert found["centre_efficiency"] == pytest.approx(1 / 20)


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
def test_gain_is_what_one_pulse_of_evidence_does_in_the_mode_that_it_drives_most(seed: int):
    rng = np.random.default_rng(seed)
    values = np.array([0.95, 0.4, 0.3, 0.1])
    axes = rng.normal(size=(4, 4)) + 2 * np.eye(4)
    matrix = axes @ np.diag(values) @ np.linalg.inv(axes)
    push, seen = rng.normal(size=4), rng.normal(size=4)
    carried = carried_by(matrix, push, seen)
    mode = int(np.abs(values - modes_of(matrix).eigenvalues[0, carried.first]).argmin())
    found = measure_selection(carried.selection, push)
    alone = axes[:, mode] * (np.linalg.inv(axes)[mode] @ push)
    np.testing.assert_allclose(found["gain"] * carried.direction, alone, atol=1e-7)
    assert abs(found["selection_evidence"]) <= 1 + 1e-12
    back = measure_selection(-carried.selection, push)
    assert back["gain"] == pytest.approx(-found["gain"])


def test_evidence_that_does_not_reach_the_network_has_no_direction():
    found = measure_selection(np.array([1.0, 0.0]), np.zeros(2))
    assert found["gain"] == 0.0
    assert math.isnan(found["selection_evidence"])


def test_the_manifold_is_grown_as_far_as_the_trajectories_reach(seen: TrialStates):
    manifold = grow(F, POINT, LINE, seen)
    along = (seen.end - CENTRE) @ LINE
    step = np.ptp(along) / 100
    assert manifold.arc[0] == pytest.approx(along.min(), abs=1.1 * step)
    assert manifold.arc[-1] == pytest.approx(along.max(), abs=1.1 * step)
    assert manifold.ends == ("range", "range")
    assert manifold.converged


def test_where_the_trajectories_are_elsewhere_it_is_grown_a_little_both_ways(seen: TrialStates):
    aside = points_at(["fixed"], [0.0], [CENTRE + 20 * LINE])
    manifold = grow(F, aside, LINE, seen)
    along = (seen.end - CENTRE) @ LINE - 20
    assert along.max() < 0
    assert manifold.arc[0] == pytest.approx(along.min(), abs=1)
    assert 0.05 * np.ptp(along) <= manifold.arc[-1] < 0.1 * np.ptp(along)


def test_a_leaks_line_is_measured_as_what_it_is(seen: TrialStates):
    manifold = grow(F, POINT, LINE, seen)
    ends = manifold.position(seen.end)
    found = measure_manifold(manifold, seen, ends, POINT.state, AT)
    low, high = np.percentile(ends, (5, 95))
    span, (first, last) = high - low, manifold.arc[[0, -1]]
    lost = 1 - math.exp(-0.1 / 2.0)  # of a position, in a step
    assert found["manifold_converged"]
    assert found["manifold_error"] < 1e-6
    assert found["span"] == pytest.approx(span)
    assert found["length"] == pytest.approx(last - first)
    assert found["relative_length"] == 1.0
    assert found["participation_ratio"] == pytest.approx(1.0)
    assert found["curvature"] == pytest.approx(0.0, abs=1e-5)
    assert found["manifold_distance"] == pytest.approx(0.0, abs=1e-4)
    assert found["points_on_line"] == 1
    # The speed is lost / 0.1 s times the distance from the centre.
    mean = (first**2 + last**2) / 2 / (last - first)
    assert found["drift"] == pytest.approx(lost / 0.1 * mean / span, rel=1e-3)
    furthest = max(-first, last)
    assert found["memory_error_bound"] == pytest.approx(lost / 0.1 * furthest / span, rel=1e-5)
    assert found["memory_capacity"] == 0.0
    assert math.isnan(found["largest_gap"])
    gap = (-0.05 - math.log(0.2)) / 0.1
    assert found["hyperbolicity_gap"] == pytest.approx(gap, rel=1e-4)
    weights = math.exp(-0.05) ** np.arange(20)
    assert found["manifold_efficiency"] == pytest.approx(efficiency_of(weights), rel=1e-5)
    assert set(found) <= {field.name for field in dataclasses.fields(Measures)}


def test_fixed_points_count_where_they_lie_beside_the_line(seen: TrialStates):
    manifold = grow(F, POINT, LINE, seen)
    ends = manifold.position(seen.end)
    span = np.ptp(np.percentile(ends, (5, 95)))
    across = AXES[:, 2]
    fixed = CENTRE + np.outer([0.0, 0.24, -0.24, 0.26, 1.0], span * across)
    found = measure_manifold(manifold, seen, ends, fixed, AT)
    assert found["points_on_line"] == 3
    none = measure_manifold(manifold, seen, ends, np.zeros((0, UNITS)), AT)
    assert none["points_on_line"] == 0


def test_a_line_without_a_leak_stands_still():
    system = leaky(math.inf).system()
    seen = run_trials(system, trials(50), TASK)
    manifold = grow(system.at(REST), POINT, LINE, seen)
    found = measure_manifold(manifold, seen, manifold.position(seen.end), POINT.state, AT)
    assert found["still_share"] == 1.0
    assert found["memory_capacity"] == math.inf
    assert found["manifold_efficiency"] == pytest.approx(1.0)
    assert found["drift"] == pytest.approx(0.0, abs=1e-6)


def test_the_share_that_stands_still_is_that_of_slow_enough_places(seen: TrialStates):
    manifold = grow(F, POINT, LINE, seen)
    ends = manifold.position(seen.end)
    low, high = np.percentile(ends, (5, 95))
    still = 0.1  # of the span, within the stimulus: up to so far from the centre
    reach = still * (high - low) / 20 / (1 - math.exp(-0.05))
    assert reach < min(-low, high)
    found = measure_manifold(manifold, seen, ends, POINT.state, Thresholds(still=still))
    assert found["still_share"] == pytest.approx(2 * reach / (high - low), abs=0.03)


def test_positions_that_are_all_the_same_have_no_span(seen: TrialStates):
    manifold = grow(F, POINT, LINE, seen)
    found = measure_manifold(manifold, seen, np.ones(50), POINT.state, AT)
    assert set(found) == {"manifold_converged", "manifold_error"}


def test_a_manifold_that_covers_little_says_nothing_of_what_is_kept(seen: TrialStates):
    manifold = grow(F, POINT, LINE, seen)
    found = measure_manifold(manifold, seen, np.linspace(1e3, 2e3, 50), POINT.state, AT)
    assert found["relative_length"] == found["still_share"] == 0.0
    assert "manifold_efficiency" not in found


def test_a_manifold_that_is_not_invariant_says_nothing_of_the_flow():
    system = linear([[0.9, 0.0], [0.0, 1.1]]).system()
    seen = run_trials(system, trials(50), TASK)
    manifold = grow(system.at(REST), POINT, LINE, seen)
    assert not manifold.converged
    found = measure_manifold(manifold, seen, manifold.position(seen.end), POINT.state, AT)
    assert not found["manifold_converged"]
    assert "drift" not in found
    assert "still_share" not in found


@pytest.mark.parametrize("feed", [0.3, 3.0])
def test_a_fast_mode_that_feeds_the_slow_one_does_not_hide_its_leak(feed: float):
    system = linear([[np.exp(-0.05), feed], [0.0, 0.5]]).system()
    there = system.at(REST)
    right = linearise(there, CENTRE).right[0, 0].real
    seen = run_trials(system, trials(50), TASK)
    manifold = grow(there, POINT, right, seen)
    found = measure_manifold(manifold, seen, manifold.position(seen.end), POINT.state, AT)
    weights = math.exp(-0.05) ** np.arange(20)
    assert found["manifold_efficiency"] == pytest.approx(efficiency_of(weights), rel=1e-4)


def test_numbers_of_what_was_measured_have_the_names_that_a_verdict_has():
    probes = make_probes(LEAK, trials(), TASK, number=300)
    integration, response = measure_with(probes), linear_response(probes)
    found = numbers_of(integration) | numbers_of_response(response)
    assert set(found) <= {field.name for field in dataclasses.fields(Measures)}
    kept = math.exp(-1.0)  # the stimulus lasts as long as the time constant
    assert found["decision_kept"] == pytest.approx(kept, abs=1e-6)
    assert found["decision_time_constant"] == pytest.approx(2000.0, rel=1e-4)
    assert found["push_along"] == pytest.approx(kept, abs=1e-6)
    weights = math.exp(-0.05) ** np.arange(20)
    for name in ("efficiency", "response_efficiency"):
        assert found[name] == pytest.approx(efficiency_of(weights), abs=1e-6)
    assert (found["ends_at_points"], found["num_end_points"]) == (1.0, 1)
    alone = integration._replace(singular_values=np.array([0.5]))
    assert numbers_of(alone)["propagator_ratio"] == 0.0


def test_the_gain_of_the_leak_is_the_one_it_was_built_with():
    modes = linearise(F, CENTRE)
    carried = evidence_modes(modes, TASK.evidence, LINE, 20)
    assert abs(carried.direction @ LINE) == pytest.approx(1.0)
    selection = carried.selection * np.sign(carried.direction @ LINE)
    found = measure_selection(selection, modes.input_jacobian[0] @ TASK.evidence)
    assert found["gain"] == pytest.approx(2 * GAIN)
    assert found["selection_evidence"] == pytest.approx(1.0)
    with jax.enable_x64(True):
        moved = np.asarray(LEAK.step(TASK.rest + 0.5 * TASK.evidence, CENTRE)) - CENTRE
    np.testing.assert_allclose(moved, GAIN * LINE, atol=1e-5 * UNITS)


def test_of_many_slow_modes_each_carries_little_and_they_keep_evidence_all_the_same():
    found = driven(np.diag(np.linspace(0.97, 0.99, 40)), np.ones(40), np.ones(40))
    assert found["driven_share"] < 0.1
    at_most = evidence_kept(-100 / math.log(0.99), 2000.0)
    assert 0.9 < found["mode_keeps"] <= at_most * (1 + 1e-12)
