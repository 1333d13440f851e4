import dataclasses
from typing import Any

import numpy as np
import pytest
from every_active_set import rectified, weights_of

from yang_rnn.dynamics.active_set_steps import ActiveSetSteps
from yang_rnn.dynamics.fixed_points import find_fixed_points
from yang_rnn.dynamics.maps import as_map, scale_of
from yang_rnn.dynamics.newton import Newton
from yang_rnn.dynamics.steps import CompiledSteps
from yang_rnn.dynamics.system import AutonomousMap

UNITS = 7
LEAKS = [(1.0, "inside"), (0.2, "inside"), (0.2, "outside")]


def network(alpha: float, leak: str, seed: int = 0, units: int = UNITS) -> AutonomousMap:
    rng = np.random.default_rng(seed)
    W = rng.normal(size=(units, units)).astype(np.float32) / np.sqrt(units)
    return rectified(W, rng.normal(size=units), alpha=alpha, leak=leak).at(np.zeros(1))


def both(F: AutonomousMap) -> tuple[ActiveSetSteps, CompiledSteps]:
    return ActiveSetSteps(weights_of(F.system), F.x), CompiledSteps(as_map(F), UNITS)


def states(number: int = 40) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(number, UNITS))


@pytest.mark.parametrize(("alpha", "leak"), LEAKS)
@pytest.mark.parametrize("fraction", [1.0, 0.25])
def test_full_steps_are_those_of_automatic_differentiation(alpha: float, leak: str, fraction: Any):
    mine, compiled = (steps.full(states(), fraction) for steps in both(network(alpha, leak)))
    np.testing.assert_allclose(mine.state, compiled.state, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(mine.q, compiled.q, rtol=1e-12)
    assert mine.trusted.all()
    assert compiled.trusted.all()


@pytest.mark.parametrize(("alpha", "leak"), LEAKS)
def test_damped_steps_are_those_of_automatic_differentiation(alpha: float, leak: str):
    descents = []
    for steps in both(network(alpha, leak)):
        at = steps.begin(states(), 0.7)
        path = [at]
        for _ in range(4):
            at = steps.damped(at)
            path.append(at)
        descents.append(path)
    moved = np.array([at.moved for at in descents[0][1:]])
    assert moved.any()
    assert not moved.all()
    for mine, compiled in zip(*descents, strict=True):
        for name in mine._fields:
            np.testing.assert_allclose(
                getattr(mine, name), getattr(compiled, name), rtol=1e-6, atol=1e-9, err_msg=name
            )


def test_a_singular_active_set_is_not_trusted():
    F = rectified(np.eye(2), np.zeros(2)).at(np.zeros(1))  # every state above 0 is fixed
    found = ActiveSetSteps(weights_of(F.system), F.x).full(np.array([[1.0, 2.0], [-1.0, -2.0]]))
    assert found.trusted.tolist() == [False, True]
    np.testing.assert_array_equal(found.state[1], [0, 0])


def test_states_of_one_affine_piece_have_one_label():
    F = rectified(np.zeros((2, 2)) + np.diag([1.0, 1.0]), np.zeros(2)).at(np.zeros(1))
    labels = ActiveSetSteps(weights_of(F.system), F.x).pieces(
        np.array([[1.0, 1.0], [2.0, 0.1], [-1.0, 1.0], [3.0, 3.0]])
    )
    assert labels[0] == labels[1] == labels[3] != labels[2]


@pytest.mark.parametrize(("alpha", "leak"), LEAKS)
def test_a_search_finds_what_it_finds_without_knowing_the_weights(alpha: float, leak: str):
    for seed in range(5):
        F = network(alpha, leak, seed)
        unaware = dataclasses.replace(F.system, rectified=None).at(F.x)
        mine, other = (find_fixed_points(each, states(200)) for each in (F, unaware))
        for points in (mine, other):
            assert len(points) == 200
        fixed, others = (points.with_status("fixed").unique() for points in (mine, other))
        assert len(fixed) == len(others)
        if len(fixed):
            order = np.lexsort(fixed.state.T), np.lexsort(others.state.T)
            np.testing.assert_allclose(fixed.state[order[0]], others.state[order[1]], atol=1e-8)


def test_steps_of_a_rectified_network_compile_nothing(compiled: list[str]):
    F = network(1.0, "inside", units=9)
    starts = np.random.default_rng(0).uniform(0, 1, (33, 9))
    Newton().search(as_map(F), starts, 1e-20, steps=ActiveSetSteps(weights_of(F.system), F.x))
    assert compiled == []


def test_scouts_miss_no_fixed_point_that_all_starts_find():
    found = 0
    for seed in range(12):
        F = network(1.0, "inside", seed, units=16)
        starts = np.random.default_rng(seed).uniform(0, 3, (400, 16))
        few, every = (
            find_fixed_points(F, starts, solver=Newton(scouts=scouts)).with_status("fixed").unique()
            for scouts in (16, 10**9)
        )
        assert len(few) == len(every)
        found += len(every)
    assert found > 5


def test_scouts_that_find_nothing_keep_the_others_back():
    told = []
    F = rectified(np.eye(2) * 1.5, np.ones(2)).at(np.zeros(1))  # everything runs away
    starts = np.random.default_rng(0).uniform(0, 3, (100, 2))

    class Counting(ActiveSetSteps):
        def damped(self, at: Any) -> Any:
            told.append(len(at.q))
            return super().damped(at)

    steps = Counting(weights_of(F.system), F.x)
    Newton(scouts=10).search(as_map(F), starts, 1e-20 * scale_of(starts) ** 2, steps=steps)
    assert 1 <= max(told) <= 10


def test_a_network_that_steps_otherwise_than_it_states_is_refused():
    told, other = network(1.0, "inside").system, network(1.0, "inside", seed=1).system
    liar = dataclasses.replace(told, rectified=weights_of(other))
    with pytest.raises(ValueError, match="`F` must step as the weights in its `rectified` say"):
        find_fixed_points(liar.at(np.zeros(1)), states(5))


@pytest.mark.parametrize("weight", [0.5, 1.0, 2.0])
def test_one_unit(weight: float):
    F = rectified(np.array([[weight]]), np.array([1.0])).at(np.zeros(1))
    found = find_fixed_points(F, np.array([[0.0], [3.0]]))
    assert (found.status == "fixed").all() == (weight == 0.5)  # the others run away
    if weight == 0.5:
        np.testing.assert_allclose(found.state, 2.0)
