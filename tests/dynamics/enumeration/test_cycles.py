import numpy as np
import pytest
from every_pattern import ShallowPLRNN, are_one_cycle, by_brute_force, network, random_network

import yang_rnn as yr
from yang_rnn.dynamics.enumeration.cycles import cycles_of_loop
from yang_rnn.dynamics.enumeration.cyclic import CyclicProblem, loop_of
from yang_rnn.dynamics.enumeration.tree import search_tree

LEAKS = [("inside", 1.0), ("inside", 0.5), ("outside", 0.5), ("outside", 1.0), ("outside", 1.5)]


@pytest.mark.parametrize(("leak", "alpha"), LEAKS)
@pytest.mark.parametrize(("units", "period"), [(1, 2), (2, 2), (3, 2), (2, 3), (2, 4)])
def test_the_cycles_are_those_that_brute_force_over_all_patterns_finds(
    units: int, period: int, leak: str, alpha: float
):
    for seed in range(8):
        system = random_network(seed, units, alpha, leak)
        found = yr.all_cycles(system, [], period, threads=1)
        expected = by_brute_force(system, period)
        assert found.complete
        assert found.closed == 1
        assert found.cycles.shape == (len(expected), period, units)
        for cycle in expected:
            assert sum(are_one_cycle(cycle, other) for other in found.cycles) == 1
        np.testing.assert_allclose(found.residual, 0, atol=1e-9)


def test_period_one_is_the_fixed_points():
    system = random_network(5, 6, 1.0, "inside")
    points = yr.all_fixed_points(system, [], threads=1)
    found = yr.all_cycles(system, [], 1, threads=1)
    assert len(points) == len(found) > 0
    np.testing.assert_allclose(found.cycles[:, 0], points.points.state, atol=1e-9)


def test_mutual_inhibition_alternates():
    # h1' = relu(1 - 2 h2), h2' = relu(1 - 2 h1): each unit is 0 and 1 in turn, or at 1/3, where
    # the slope is 4, or both alternate. (1, 0), (0, 1) and (1/3, 1/3) are fixed points.
    found = yr.all_cycles(network([[0, -2.0], [-2.0, 0]], [1, 1]), [], 2, threads=1)
    third = 1 / 3
    expected = [[[0, 0], [1, 1]], [[0, third], [third, 1]], [[third, 0], [1, third]]]
    np.testing.assert_allclose(found.cycles, expected, atol=1e-15)
    np.testing.assert_array_equal(found.stable, [True, False, False])
    np.testing.assert_allclose(np.abs(found.multipliers), [[0, 0], [4, 0], [4, 0]], atol=1e-12)
    assert found.shorter == {1: 3}
    assert found.complete


def test_tables_have_a_row_a_state_and_a_row_a_point():
    system = network([[0, -2.0], [-2.0, 0]], [1, 1])
    cycles = yr.all_cycles(system, [], 2, threads=1).to_frame()
    assert cycles[["cycle", "step"]].to_numpy().tolist() == [[k // 2, k % 2] for k in range(6)]
    assert cycles["stable"].tolist() == [True, True, False, False, False, False]
    np.testing.assert_allclose(cycles["state_1"], [0, 1, 1 / 3, 1, 0, 1 / 3], atol=1e-15)
    points = yr.all_fixed_points(system, [], threads=1).to_frame()
    active = points[["active_0", "active_1"]].to_numpy().tolist()
    assert sorted(active) == [[False, True], [True, False], [True, True]]
    assert points["status"].tolist() == ["fixed"] * 3


def test_a_slope_below_minus_one_beside_a_flat_piece_has_one_cycle_of_two():
    # h' = relu(2 - 3 h): 1/2 is unstable, 0 -> 2 -> 0.
    found = yr.all_cycles(network([[-3.0]], [2.0]), [], 2, threads=1)
    np.testing.assert_array_equal(found.cycles, [[[0.0], [2.0]]])
    assert found.shorter == {1: 1}
    assert found.period == 2
    assert found.stable.all()
    assert "1 cycle of period 2, 1 stable, complete" in repr(found)


def test_multipliers_are_the_derivative_around_the_cycle():
    # With leak outside, h' = h / 2 + relu(v) / 2, v = 6 - 8 h: +1 where v < 0, else slope -3.5.
    found = yr.all_cycles(network([[-8.0]], [6.0], 0.5, "outside"), [], 2, threads=1)
    # h2 = h1 / 2 with v(h1) < 0, h1 = 3 - 3.5 h2: h1 = 3 / 2.75.
    high = 3 / 2.75
    np.testing.assert_allclose(np.sort(found.cycles[0, :, 0]), [high / 2, high])
    np.testing.assert_allclose(found.multipliers, [[-3.5 * 0.5]])
    assert not found.stable.any()


def test_an_eigenvalue_of_minus_one_is_a_continuum_of_cycles_of_two():
    # h' = relu(1 - h): every h in [0, 1] but 1/2 is on a cycle of two.
    found = yr.all_cycles(network([[-1.0]], [1.0]), [], 2, threads=1)
    assert len(found) == 0
    assert found.num_continua == 1
    assert found.complete
    assert "continua" in repr(found)


def test_a_line_of_fixed_points_is_no_continuum_of_cycles():
    # h1' = h2' = relu((h1 + h2) / 2): the diagonal.
    W = [[0.5, 0.5], [0.5, 0.5]]
    found = yr.all_cycles(network(W, [0.0, 0.0]), [], 2, threads=1)
    assert found.num_continua == 0
    assert len(found) == 0


def test_a_cycle_at_a_kink_is_told():
    # h1' = relu(1 - 2 h1); unit 2 is given exactly h1 - 1 <= 0, which is 0 in one phase.
    W, u = [[-2.0, 1.0], [0.0, 0.0]], [1.0, -1.0]
    found = yr.all_cycles(network(W, u), [], 2, threads=1)
    np.testing.assert_array_equal(found.cycles, [[[0, 0], [1, 0]]])
    assert found.on_kink.all()
    assert not found.stable.any()


@pytest.mark.parametrize("leak", ["inside", "outside"])
@pytest.mark.parametrize("period", [2, 3])
def test_a_small_step_of_time_excludes_short_cycles_without_a_search(leak: str, period: int):
    system = random_network(0, 20, 0.1, leak, 1.5 / np.sqrt(20))
    found = yr.all_cycles(system, [], period, threads=1)
    assert found.complete
    assert len(found) == found.nodes == 0
    assert "by a bound on the weights" in repr(found)


def test_a_row_that_rounding_has_made_up_does_not_open_its_whole_subtree():
    # Nearly singular dictionaries: eight units, of which one set of active ones is a fixed point.
    system = random_network(5, 8, 1.0, "inside", 1.0)
    assert system.rectified is not None
    problem = CyclicProblem(loop_of(system.rectified, np.zeros(0), 3).loop).problem
    tree = search_tree(problem, time_limit=60, most_bytes=0, threads=1)
    assert tree.complete
    for decided in tree.decided:
        active = decided == 1
        z = np.zeros(24)
        z[active] = np.linalg.solve(problem.M[np.ix_(active, active)], -problem.q[active])
        assert (z >= 0).all()
        assert (problem.q + problem.M @ z >= -1e-9).all()


def test_what_limits_leave_open_is_sampled():
    # Eight pairs of units that inhibit each other, loosely coupled.
    random = np.random.default_rng(0)
    W = 0.02 * random.standard_normal((16, 16)) - 2.0 * np.kron(np.eye(8), [[0, 1], [1, 0]])
    found = yr.all_cycles(network(W, np.ones(16)), [], 2, most_nodes=1, threads=1)
    assert not found.complete
    assert 0 <= found.closed < 1
    assert len(found) > 10
    np.testing.assert_allclose(found.residual, 0, atol=1e-12)
    assert "there may be others" in repr(found)


def test_the_tree_is_the_same_for_any_number_of_threads():
    system = random_network(1, 6, 1.0, "inside")
    one, two = (yr.all_cycles(system, [], 2, threads=threads) for threads in (1, 2))
    assert one.nodes == two.nodes
    np.testing.assert_array_equal(one.cycles, two.cycles)


def test_bad_arguments_are_named():
    system = network([[-3.0]], [2.0])
    with pytest.raises(ValueError, match="`period`"):
        yr.all_cycles(system, [], 0)
    with pytest.raises(ValueError, match="`period`"):
        yr.all_cycles(system, [], 513)
    with pytest.raises(ValueError, match="`time_limit`"):
        yr.all_cycles(system, [], 2, time_limit=-1.0)
    with pytest.raises(ValueError, match="`stimulus`"):
        yr.all_cycles(system, [1.0], 2)
    with pytest.raises(ValueError, match="alpha is 2"):
        yr.all_cycles(network([[-3.0]], [2.0], 2.0, "outside"), [], 2)
    with pytest.raises(TypeError, match="`network`"):
        yr.all_cycles(3, [], 2)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(("period", "number"), [(1, 0), (2, 2), (3, 0)])
def test_the_shallow_plrnn_of_scyfi_has_the_cycles_known(period: int, number: int):
    plrnn = ShallowPLRNN()
    # That of period 4 is sampled: its tree takes too long.
    found = cycles_of_loop(plrnn.loop(period), threads=1)
    assert found.complete
    assert len(found.outputs) == number
    assert found.shorter == {}
    for outputs in found.outputs:
        states = plrnn.states(outputs)
        images = np.array([plrnn.step(z) for z in states])
        np.testing.assert_allclose(images, np.roll(states, -1, axis=0), atol=1e-10)
