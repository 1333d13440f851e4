import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hidden import rotation
from hypothesis import given
from hypothesis import strategies as st
from jax.tree_util import Partial

from yang_rnn.dynamics.linearisation import Linearisation, linearise
from yang_rnn.line_attractor.evidence_modes import EvidenceModes, evidence_modes
from yang_rnn.line_attractor.kernel import early_of, efficiency_of

STEPS = 20


def times(matrix, h):
    return matrix @ h


def modes_of(matrix: Any, push: Any) -> Linearisation:
    """Linearise a linear map that evidence, one channel, pushes."""
    matrix = np.atleast_2d(np.asarray(matrix, float))
    found = linearise(Partial(times, matrix), np.zeros(len(matrix)), dt=100.0)
    return dataclasses.replace(found, input_jacobian=np.reshape(push, (1, -1, 1)))


def carried(matrix: Any, push: Any, seen: Any, steps: int = STEPS) -> EvidenceModes:
    return evidence_modes(modes_of(matrix, push), np.ones(1), np.asarray(seen, float), steps)


def geometric(value: float) -> float:
    return (1 - value**STEPS) / (1 - value)


def test_shares_of_a_matrix_that_is_not_normal_are_by_formula():
    # Right eigenvectors (1, 0) and (-c / 0.5, 1), left ones (1, c / 0.5) and (0, 1).
    feed = 0.25
    found = carried([[0.9, feed], [0.0, 0.4]], [1.0, 2.0], [1.0, 1.0])
    slow = 1 * (1 + 2 * feed / 0.5) * geometric(0.9)
    fast = abs(1 - feed / 0.5) * 2 * geometric(0.4)
    np.testing.assert_allclose(found.share, np.array([slow, fast]) / (slow + fast))
    assert found.first == 0
    assert found.turning == 0.0
    powers = [
        np.linalg.matrix_power([[0.9, feed], [0.0, 0.4]], n) for n in range(STEPS - 1, -1, -1)
    ]
    weights = np.array([np.ones(2) @ power @ [1.0, 2.0] for power in powers])
    np.testing.assert_allclose(found.weights, weights)
    assert found.efficiency == pytest.approx(efficiency_of(weights))
    assert found.early == pytest.approx(early_of(weights))


@given(st.integers(0, 500))
def test_weights_are_sums_over_modes(seed: int):
    rng = np.random.default_rng(seed)
    matrix, push, seen = rng.normal(size=(5, 5)) / 3, rng.normal(size=5), rng.normal(size=5)
    found = carried(matrix, push, seen)
    values, right = np.linalg.eig(matrix)
    part = (seen @ right) * (np.linalg.inv(right) @ push)
    weights = [(part * values**n).sum().real for n in range(STEPS - 1, -1, -1)]
    np.testing.assert_allclose(found.weights, weights, atol=1e-8)
    assert found.share.sum() == pytest.approx(1.0)
    assert 0 <= found.turning <= 1 + 1e-12


@pytest.mark.parametrize(("push", "seen"), [((0.0, 1.0), (1.0, 1.0)), ((1.0, 1.0), (0.0, 1.0))])
def test_a_slow_mode_that_is_not_driven_or_not_seen_has_no_share(push: Any, seen: Any):
    found = carried(np.diag([0.999, 0.5]), push, seen)
    np.testing.assert_allclose(found.share, [0.0, 1.0], atol=1e-12)
    assert found.first == 1


def test_a_pair_and_a_mode_that_changes_sign_turn():
    matrix = np.zeros((4, 4))
    matrix[:2, :2] = rotation(1.0, 0.9)
    matrix[2:, 2:] = np.diag([-0.9, 0.9])
    found = carried(matrix, np.ones(4), np.ones(4))
    # All four have modulus 0.9; the pair has (1 -+ i)/2 by (1 +- i)/2 and so the amplitude of one.
    np.testing.assert_allclose(found.share, 0.25)
    assert found.turning == pytest.approx(0.75)


def test_a_pulse_turns_as_the_pair_does():
    found = carried(rotation(1.0), [1.0, 0.0], [1.0, 0.0])
    # Half a turn lies between the two looks.
    assert found.constancy == pytest.approx(-1.0)
    assert found.turning == pytest.approx(1.0)
    assert found.efficiency == pytest.approx(0.0, abs=1e-12)


def test_without_evidence_or_a_readout_no_mode_has_a_share():
    for push, seen in (((0.0, 0.0), (1.0, 1.0)), ((1.0, 1.0), (0.0, 0.0))):
        found = carried(np.diag([0.9, 0.5]), push, seen)
        assert not found.share.any()
        assert math.isnan(found.efficiency)
    assert math.isnan(carried(np.diag([0.9, 0.5]), (0.0, 0.0), (1.0, 1.0)).constancy)


@pytest.mark.parametrize("coupling", [1.0, 1e-9])
def test_a_block_without_a_basis_of_eigenvectors_has_the_weights_that_it_has(coupling: float):
    block = np.array([[0.9, coupling], [0.0, 0.9]])
    found = carried(block, [0.3, 1.0], [1.0, 0.0])
    steps = np.arange(STEPS - 1, -1, -1)
    weights = 0.3 * 0.9**steps + coupling * steps * 0.9 ** (steps - 1.0)
    np.testing.assert_allclose(found.weights, weights, rtol=1e-12)
    assert np.isfinite(found.share).all()
    assert found.efficiency == pytest.approx(efficiency_of(weights))


@given(st.integers(0, 500), st.sampled_from([0.0, 1e-9]))
def test_modes_of_one_eigenvalue_are_one_that_moves_where_evidence_pushes(seed: int, apart: float):
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    values = np.array([0.95, 0.95 + apart, 0.95 - apart, 0.5, 0.4, 0.3])
    push, seen = rng.normal(size=6), rng.normal(size=6)
    found = carried(basis @ np.diag(values) @ basis.T, push, seen)
    onto = basis[:, :3] @ basis[:, :3].T
    part = np.array([seen @ onto @ push, *(seen @ basis[:, 3:] * (push @ basis[:, 3:]))])
    size = np.abs(part) * [geometric(value) for value in (0.95, 0.5, 0.4, 0.3)]
    share = size / size.sum()
    assert found.share[:3].sum() == pytest.approx(share[0], rel=1e-5)
    np.testing.assert_allclose(found.group_share[:3], share[0], rtol=1e-5)
    if share[0] < share[1:].max():
        assert found.together.sum() == 1
        return
    assert found.together.tolist() == [True] * 3 + [False] * 3
    assert not found.turns
    moved = onto @ push
    assert abs(found.direction @ moved) == pytest.approx(np.linalg.norm(moved))
    assert found.selection @ found.direction == pytest.approx(1.0)
    along = np.linalg.norm(moved) * np.sign(found.direction @ moved)
    assert found.selection @ push == pytest.approx(along, rel=1e-5)


def test_a_pair_that_rounding_makes_of_two_real_modes_does_not_turn():
    matrix = np.diag([0.9, 0.9, 0.4])
    matrix[0, 1], matrix[1, 0] = 1e-6, -1e-6
    found = carried(matrix, [1.0, 1.0, 1.0], [1.0, 0.0, 0.0])
    assert np.linalg.eigvals(matrix).imag.any()
    assert (found.turning, found.turns) == (0.0, False)
    assert found.direction @ [1.0, 1.0, 0.0] == pytest.approx(math.sqrt(2.0), rel=1e-4)


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_a_stimulus_of_few_steps_has_as_many_weights(steps: int):
    found = carried(np.diag([0.9, 0.5]), [1.0, 0.0], [1.0, 0.0], steps)
    np.testing.assert_allclose(found.weights, 0.9 ** np.arange(steps)[::-1])
    assert math.isnan(found.constancy) if steps == 1 else found.constancy == pytest.approx(1.0)


def test_growth_beyond_all_numbers_is_no_crash():
    found = carried(np.diag([3.0, 0.5]), [1.0, 1.0], [1.0, 1.0], steps=2000)
    assert not found.share.any()
    assert math.isnan(found.efficiency)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"modes": None}, TypeError),
        ({"evidence": np.ones(3)}, ValueError),
        ({"evidence": np.array([np.nan])}, ValueError),
        ({"gradient": np.ones(3)}, ValueError),
        ({"steps": 0}, ValueError),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], error: type[Exception]):
    right: dict[str, Any] = {
        "modes": modes_of(np.diag([0.9, 0.5]), [1.0, 1.0]),
        "evidence": np.ones(1),
        "gradient": np.ones(2),
        "steps": STEPS,
    }
    with pytest.raises(error, match=f"`{next(iter(arguments))}`"):
        evidence_modes(**(right | arguments))
    with pytest.raises(ValueError, match="`modes` must be of one point; got 2"):
        evidence_modes(linearise(Partial(times, np.eye(2)), np.zeros((2, 2)), dt=100.0),
                       np.ones(0), np.ones(2), STEPS)  # fmt: skip
