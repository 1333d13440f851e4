"""Cycles beyond the tree, against planted ones and every pattern tried by itself."""

import time

import numpy as np
import pytest
from every_pattern import ShallowPLRNN, are_one_cycle, by_brute_force, network, random_network

import yang_rnn as yr
from yang_rnn.dynamics.enumeration.cycles import cycles_of_loop
from yang_rnn.dynamics.enumeration.cyclic import CyclicProblem, loop_of
from yang_rnn.dynamics.enumeration.sampling import newton_on_active_sets, sampled_active_sets


def planted(seed: int, units: int, period: int) -> tuple[yr.System, np.ndarray]:
    """Return a network, and a cycle that the least change of its random weights has made."""
    random = np.random.default_rng(seed)
    W = 0.5 * random.standard_normal((units, units)) / np.sqrt(units)
    u = random.standard_normal(units)
    states = np.maximum(random.standard_normal((period, units)), 0.0)
    images = np.roll(states, -1, axis=0)
    drive = np.where(images > 0, images, np.minimum(states @ W + u, -0.1))
    W += np.linalg.pinv(states) @ (drive - u - states @ W)
    return network(W, u), states


def problem_of(system: yr.System, period: int) -> tuple[np.ndarray, np.ndarray]:
    weights = system.rectified
    assert weights is not None
    problem = CyclicProblem(loop_of(weights, np.zeros(0), period).loop).problem
    return problem.M, problem.q


def none_known(q: np.ndarray) -> np.ndarray:
    return np.empty((0, len(q)), bool)


@pytest.mark.parametrize(("seed", "stable"), [(0, True), (1, False)])
def test_a_planted_cycle_of_period_three_is_found_among_64_units(seed: int, stable: bool):
    system, states = planted(seed, 64, 3)
    found = yr.all_cycles(system, [], 3, most_nodes=1, threads=1)
    assert not found.complete
    assert found.sampled.all()
    there = [are_one_cycle(states, cycle) for cycle in found.cycles]
    assert found.stable[there].tolist() == [stable]  # no trajectory stays near an unstable one
    assert f"found by sampling: {len(found)}" in found.in_words()
    assert system.rectified is not None
    for cycle in found.cycles:
        images = np.maximum(cycle @ system.rectified.w_rr + system.rectified.b_rr, 0.0)
        size = np.abs(cycle).max()
        np.testing.assert_allclose(images, np.roll(cycle, -1, axis=0), rtol=0, atol=1e-9 * size)


def test_the_cycle_of_four_of_the_shallow_plrnn_of_scyfi_is_found():
    plrnn = ShallowPLRNN()
    found = cycles_of_loop(plrnn.loop(4), most_nodes=1, threads=1)
    assert not found.complete
    assert len(found.outputs) == 1
    assert found.sampled.all()
    assert found.shorter == {2: 2}
    states = plrnn.states(found.outputs[0])
    images = np.array([plrnn.step(z) for z in states])
    np.testing.assert_allclose(images, np.roll(states, -1, axis=0), atol=1e-10)


@pytest.mark.parametrize(("units", "period"), [(4, 2), (3, 3)])
def test_samples_of_small_networks_have_all_that_brute_force_finds(units: int, period: int):
    numbers = []
    for seed in range(8):
        system = random_network(seed, units, 1.0, "inside")
        M, q = problem_of(system, period)
        sets = sampled_active_sets(M, q, none_known(q), period)
        # Relus that are active in phase t make the state in phase t + 1: the same cycle of sets.
        truth = {first_turn(cycle > 1e-9) for cycle in by_brute_force(system, period)}
        phases = sets.reshape(-1, period, units)
        assert truth == {first_turn(a) for a in phases if not (a == a[0]).all()}
        numbers.append(len(truth))
    assert max(numbers) > 0


def first_turn(active: np.ndarray) -> bytes:
    return min(np.roll(active, t, axis=0).tobytes() for t in range(len(active)))


def test_samples_are_the_same_for_the_same_seed_and_without_what_is_known():
    system, _ = planted(1, 16, 3)
    M, q = problem_of(system, 3)
    one, two = (sampled_active_sets(M, q, none_known(q), 3, starts=50) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert len(one) > 0
    others = sampled_active_sets(M, q, one, 3, starts=50)
    assert not {a.tobytes() for a in one} & {a.tobytes() for a in others}


def test_newton_goes_to_the_only_solution_where_weights_are_small_and_positive():
    random = np.random.default_rng(0)
    M = np.eye(12) - 0.9 * random.random((12, 12)) / 12
    q = random.standard_normal(12)
    for _ in range(20):
        active = newton_on_active_sets(M, q, random.random(12) < 0.5)
        assert active is not None
        z = np.zeros(12)
        z[active] = np.linalg.solve(M[np.ix_(active, active)], -q[active])
        assert (z >= 0).all()
        assert (q + M @ z >= -1e-12).all()


def test_newton_says_none_where_there_is_no_solution():
    # w = -1 - z can't be 0 or more.
    for start in (True, False):
        assert newton_on_active_sets(-np.eye(1), -np.ones(1), np.array([start])) is None
    assert newton_on_active_sets(np.zeros((1, 1)), -np.ones(1), np.array([True])) is None


def test_nothing_is_drawn_when_time_is_over():
    system, _ = planted(1, 16, 3)
    M, q = problem_of(system, 3)
    found = sampled_active_sets(M, q, none_known(q), 3, until=time.monotonic() - 1.0)
    assert found.shape == (0, 48)


def test_no_time_at_all_is_an_answer_that_is_not_complete():
    system = random_network(1, 16, 1.0, "inside", 2.0)
    found = yr.all_cycles(system, [], 3, time_limit=0, threads=1)
    assert not found.complete
    assert found.closed < 1


def compile_all() -> None:
    assert not yr.all_cycles(random_network(1, 16, 1.0, "inside"), [], 3, most_nodes=1).complete


@pytest.mark.slow
@pytest.mark.parametrize(
    ("units", "period", "leak", "alpha"),
    [(192, 2, "inside", 1.0), (192, 2, "outside", 0.9), (64, 5, "inside", 1.0),
     (16, 3, "inside", 1.0), (512, 1, "inside", 1.0)],
)  # fmt: skip
def test_the_time_limit_holds_for_the_whole_call(units: int, period: int, leak: str, alpha: float):
    compile_all()
    system = random_network(1, units, alpha, leak, 2.0 if units == 16 else 1.5 / np.sqrt(units))
    begin = time.monotonic()
    found = yr.all_cycles(system, [], period, time_limit=2)
    assert time.monotonic() - begin < 6
    assert not found.complete


@pytest.mark.slow
def test_the_time_limit_holds_where_every_set_is_a_solution_on_a_kink():
    compile_all()
    begin = time.monotonic()
    yr.all_cycles(network(-np.eye(20), np.ones(20)), [], 2, time_limit=2)
    assert time.monotonic() - begin < 6
