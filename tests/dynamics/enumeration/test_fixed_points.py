"""All fixed points of rectified networks, against every active set tried by itself, and HiGHS."""

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from every_active_set import every_fixed_point, rectified, trained, weights_of
from highs_active_sets import highs_fixed_points

import yang_rnn as yr
from yang_rnn.dynamics.enumeration import tree
from yang_rnn.dynamics.enumeration.branching import LOG_NODES
from yang_rnn.dynamics.enumeration.fixed_points import all_fixed_points
from yang_rnn.dynamics.rectified import Rectified
from yang_rnn.dynamics.system import System
from yang_rnn.model import CTRNN

REST = [1.0, 0.5, 0.5]
NO_INPUT = [0.0]


def random_network(rng: np.random.Generator, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and biases: of any numbers, or of small whole ones with kinks and continua."""
    n = int(rng.integers(2, {"any": 13, "many": 9, "whole": 9}[kind]))
    if kind == "whole":
        W = rng.integers(-1, 2, (n, n)) * (rng.random((n, n)) < 0.5)
        return W.astype(np.float32), rng.integers(-1, 2, n).astype(np.float32)
    gain = rng.choice([0.7, 1.5, 3.0])
    W, b = gain * rng.standard_normal((n, n)) / np.sqrt(n), rng.standard_normal(n)
    if kind == "many":  # each unit alone is either 0 or on its branch
        W, b = 2.0 * np.eye(n) + 0.05 * W, -1.0 + 0.05 * b
    scale = rng.choice([1e-6, 1.0, 1e6])
    return W.astype(np.float32), (scale * b).astype(np.float32)


def assert_same_points(states: np.ndarray, others: np.ndarray, drive: float) -> None:
    """Each point of one list is in the other once, to a part in a million."""
    assert len(states) == len(others)
    scale = np.abs(others).max(initial=0) + drive
    left = list(others)
    for state in states:
        gaps = [np.abs(state - point).max() for point in left]
        assert min(gaps) < 1e-6 * scale
        del left[int(np.argmin(gaps))]


def same_as_every_set(W: np.ndarray, b: np.ndarray) -> int:
    """Compare; return how many points there are."""
    truth = every_fixed_point(W.astype(np.float64), b.astype(np.float64))
    found = all_fixed_points(rectified(W, b), NO_INPUT, threads=1)
    assert found.proved
    assert_same_points(found.points.state, truth.points, np.abs(b).max())
    assert {continuum.active.tobytes() for continuum in found.continua} == truth.continua
    return len(found)


@pytest.mark.parametrize("kind", ["any", "many", "whole"])
def test_finds_what_trying_every_active_set_finds(kind):
    rng = np.random.default_rng(1)
    numbers = [same_as_every_set(*random_network(rng, kind)) for _ in range(8)]
    assert len(set(numbers)) > 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["any", "many", "whole"])
def test_finds_what_trying_every_active_set_finds_in_five_hundred_networks(kind):
    rng = np.random.default_rng(2)
    numbers = [same_as_every_set(*random_network(rng, kind)) for _ in range(167)]
    assert min(numbers) == 0 or kind == "many"
    assert max(numbers) > {"any": 2, "many": 50, "whole": 1}[kind]


def same_as_highs(system: System, stimulus: list[float]) -> int:
    """Compare with a plain branch and bound that HiGHS solves; return how many points there are."""
    weights = weights_of(system)
    u = np.array(stimulus) @ weights.w_ir.astype(np.float64) + weights.b_rr
    found, tree = yr.all_fixed_points(system, stimulus), highs_fixed_points(weights.w_rr, u)
    assert found.proved
    assert tree.complete
    assert_same_points(found.points.state, tree.points, np.abs(u).max())
    return len(found)


@pytest.mark.parametrize("gain", [0.7, 1.5, 3.0])
def test_finds_what_highs_finds_in_random_networks_of_16_units(gain):
    rng = np.random.default_rng(6)
    for _ in range(5):
        W = gain * rng.standard_normal((16, 16)) / 4
        same_as_highs(rectified(W, rng.standard_normal(16)), NO_INPUT)


LARGEST_TREE = 20_000
"""Nodes; HiGHS goes through as many in some ten seconds."""


def with_small_trees(base: yr.Recipe) -> Iterator[System]:
    """Train networks of 64 units, and give those whose tree is small enough for HiGHS."""
    for first in itertools.count(100, 8):
        recipes = [dataclasses.replace(base, seed=seed) for seed in range(first, first + 8)]
        for member in yr.train_ensemble(recipes):
            system = member.network().system()
            if yr.all_fixed_points(system, REST, most_nodes=LARGEST_TREE, check=False).complete:
                yield system


@pytest.mark.slow
@pytest.mark.parametrize("base", [yr.NOTEBOOK, yr.PRIMER], ids=["notebook", "primer"])
def test_finds_what_highs_finds_in_five_trained_networks_of_64_units(base):
    """They are the first five with a small tree: HiGHS takes minutes for the others."""
    numbers = [same_as_highs(s, REST) for s in itertools.islice(with_small_trees(base), 5)]
    assert len(numbers) == 5
    assert max(numbers) > 0


@pytest.mark.parametrize("name", ["notebook_3", "notebook_4"])
def test_recorded_networks_have_one_fixed_point_each(name):
    system = trained(name)
    found = yr.all_fixed_points(system, REST)
    assert found.proved
    assert len(found) == 1
    assert found.points.status.tolist() == ["fixed"]
    image = weights_of(system).step(np.array(REST), found.points.state)
    np.testing.assert_allclose(image, found.points.state, rtol=0, atol=1e-12)


def test_says_it_in_a_sentence():
    none = all_fixed_points(rectified([[1.0]], [1.0]), NO_INPUT)
    assert "there is no fixed point (proved)" in repr(none)
    one = all_fixed_points(rectified([[0.5]], [1.0]), NO_INPUT)
    assert "1 fixed point, proved to be all" in repr(one)
    unchecked = all_fixed_points(rectified([[0.5]], [1.0]), NO_INPUT, check=False)
    assert "not checked" in repr(unchecked)
    assert "proved" not in repr(unchecked)
    assert not unchecked.proved


def test_a_relu_that_is_on_or_off_has_both_states_and_none_between():
    found = all_fixed_points(rectified([[2.0]], [-1.0]), NO_INPUT)
    assert found.points.state.tolist() == [[0.0], [1.0]]
    assert found.active.tolist() == [[False], [True]]


def test_a_point_on_a_kink_is_one_point_and_said_to_be():
    found = all_fixed_points(rectified([[0.5, 0.0], [0.0, 0.5]], [0.0, 1.0]), NO_INPUT)
    assert found.proved
    assert found.points.state.tolist() == [[0.0, 2.0]]
    assert found.on_kink.tolist() == [True]
    assert "on a kink" in repr(found)


def test_a_line_of_fixed_points_comes_with_its_ends():
    """Two units that excite each other: h1 + h2 does not matter to the difference, up to a unit."""
    W = [[0.5, 0.5, -1.0], [0.5, 0.5, -1.0], [0.0, 0.0, 0.0]]
    found = all_fixed_points(rectified(W, [0.0, 0.0, 2.0]), NO_INPUT)
    assert found.proved
    assert len(found) == 0
    silent, *others = sorted(found.continua, key=lambda continuum: continuum.active.sum())
    assert not others or all(c.dimension == 1 for c in found.continua)
    assert {c.dimension for c in found.continua} == {1}
    whole = [c for c in found.continua if c.active.tolist() == [True, True, True]]
    ends = sorted(whole[0].ends.tolist())
    np.testing.assert_allclose(ends, [[0, 0, 2], [1, 1, 0]], atol=1e-12)
    assert whole[0].bounded
    np.testing.assert_allclose(np.abs(whole[0].directions @ [1, 1, -2]), [np.sqrt(6)])
    unbounded = [c for c in found.continua if not c.bounded]
    assert [c.active.tolist() for c in unbounded] == [[True, True, False]]
    assert silent.active.tolist() == [True, True, False]


def test_a_plane_of_fixed_points_has_two_dimensions():
    found = all_fixed_points(rectified(np.eye(2), [0.0, 0.0]), NO_INPUT)
    plane = next(c for c in found.continua if c.active.all())
    assert (plane.dimension, plane.bounded) == (2, False)


def test_the_leak_leaves_fixed_points_where_they_are():
    rng = np.random.default_rng(3)
    W, b = rng.standard_normal((6, 6)), rng.standard_normal(6)
    first = all_fixed_points(rectified(W, b), NO_INPUT)
    for leak in ("inside", "outside"):
        other = all_fixed_points(rectified(W, b, alpha=0.2, leak=leak), NO_INPUT)
        np.testing.assert_array_equal(other.points.state, first.points.state)
        assert (other.points.status == "fixed").all()


def test_the_answer_and_the_tree_are_the_same_for_any_number_of_threads():
    system = trained("notebook_4")
    one, two = (yr.all_fixed_points(system, REST, threads=k) for k in (1, 2))
    assert one.nodes == two.nodes
    assert one.certificate is not None
    assert two.certificate is not None
    assert one.certificate.digest == two.certificate.digest


def test_an_answer_that_is_cut_short_is_the_same_for_any_number_of_threads(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(tree, "ALONE", 64)  # what follows is shared out
    system = trained("notebook_3")
    found = [yr.all_fixed_points(system, REST, most_nodes=3000, threads=k) for k in (1, 2, 3, 5, 2)]
    first = found[0]
    assert 3000 <= first.nodes < 3000 + LOG_NODES
    assert 0 < first.closed < 1
    assert {(each.nodes, each.closed) for each in found} == {(first.nodes, first.closed)}
    assert len({each.certificate.digest for each in found if each.certificate}) == 1


def test_an_answer_that_is_cut_short_says_how_much_is_open():
    system = trained("notebook_3")
    found = yr.all_fixed_points(system, REST, most_nodes=2000, threads=1)
    assert not found.complete
    assert not found.proved
    assert 0 < found.closed < 1
    assert "of the tree closed" in repr(found)
    assert "proved" not in repr(found)
    assert found.check is not None
    assert not found.check.proved
    assert found.check.closed == pytest.approx(found.closed)


@pytest.mark.parametrize("name", ["notebook_3", "notebook_4"])
def test_an_answer_without_time_has_the_point_that_lemke_finds(name):
    system = trained(name)
    found = yr.all_fixed_points(system, REST, time_limit=0, threads=1)
    assert not found.complete
    assert not found.proved
    assert len(found) == 1
    weights = weights_of(system)
    state = found.points.state[0]
    image = np.maximum(state @ weights.w_rr + np.array(REST) @ weights.w_ir + weights.b_rr, 0.0)
    np.testing.assert_allclose(image, state, rtol=0, atol=1e-9 * state.max())
    assert found.check is not None
    assert not found.refused


def test_progress_rises_to_all():
    seen = []
    yr.all_fixed_points(trained("notebook_3"), REST, on_progress=lambda *at: seen.append(at))
    shares, nodes = zip(*seen, strict=True)
    assert list(shares) == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    assert nodes[-1] > 1000


def test_a_certificate_too_large_is_forgotten_and_nothing_called_proved():
    found = yr.all_fixed_points(trained("notebook_4"), REST, certificate_bytes=10_000)
    assert found.complete
    assert found.certificate is None
    assert not found.proved
    assert len(found) == 1


def test_networks_of_another_kind_end_in_an_error_that_says_what_to_use():
    tanh = CTRNN(3, 4, 2, activation="tanh", dt=100.0, seed=0)
    with pytest.raises(ValueError, match=r"`network` must state that it is rectified.*find_fixed"):
        all_fixed_points(tanh, REST)
    with pytest.raises(TypeError, match="`network`"):
        all_fixed_points(3, NO_INPUT)  # pyright: ignore[reportArgumentType]


def test_a_step_that_is_not_that_of_the_weights_is_an_error():
    honest = rectified(np.eye(2), [0.0, 0.0])
    liar = System(
        honest.step,
        dt=100.0,
        initial_state=np.zeros(2),
        rectified=Rectified(np.zeros((1, 2)), 0.5 * np.eye(2), np.zeros(2)),
    )
    with pytest.raises(ValueError, match="`network` must step as the weights"):
        all_fixed_points(liar, NO_INPUT)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"time_limit": -1}, "time_limit"),
        ({"threads": 0}, "threads"),
        ({"most_nodes": 0}, "most_nodes"),
        ({"check": 1}, "check"),
        ({"on_progress": 3}, "on_progress"),
        ({"certificate_bytes": -1}, "certificate_bytes"),
        ({"data": np.ones((3, 5))}, "data"),
        ({"data": [[np.nan]]}, "data"),
    ],
)
def test_bad_arguments_are_named(options, named):
    with pytest.raises((ValueError, TypeError), match=f"`{named}`"):
        all_fixed_points(rectified([[0.5]], [1.0]), NO_INPUT, **options)


def test_a_stimulus_of_another_shape_is_named():
    with pytest.raises(ValueError, match="`stimulus`"):
        all_fixed_points(rectified([[0.5]], [1.0]), [1.0, 2.0])


def test_a_drive_whose_square_is_no_number_is_an_error():
    with pytest.raises(ValueError, match="`stimulus`"):
        all_fixed_points(rectified([[0.5]], [1e300]), NO_INPUT)


def test_what_the_check_can_not_decide_is_not_called_proved():
    """Numbers so small that products of them vanish."""
    W = [[0.5, 0.0], [0.0, 2.0]]
    found = all_fixed_points(rectified(W, [1e-300, -1e-300]), NO_INPUT)
    assert found.complete
    assert found.check is None
    assert not found.proved
    assert "the check refused it, leaf" in repr(found)
    np.testing.assert_allclose(found.points.state, [[2e-300, 0], [2e-300, 1e-300]], rtol=1e-12)


@pytest.mark.parametrize("gain", [0.3, 0.6])
def test_a_contraction_needs_no_search_whatever_its_units_are_measured_in(gain):
    rng = np.random.default_rng(8)
    W, b = gain * rng.standard_normal((64, 64)) / 8, rng.standard_normal(64)
    assert np.linalg.eigvalsh(W + W.T)[-1] < 2
    size = np.exp(2 * rng.standard_normal(64))
    found, other = (
        all_fixed_points(rectified(*network), NO_INPUT)
        for network in ((W, b), (W * size / size[:, None], b * size))
    )
    assert found.proved
    assert other.proved
    assert (len(found), found.nodes, other.nodes) == (1, 1, 1)
    h = found.points.state[0]
    np.testing.assert_allclose(np.maximum(h @ W + b, 0), h, rtol=0, atol=1e-12)
    np.testing.assert_allclose(other.points.state[0], h * size, rtol=1e-9)


def test_a_certificate_of_one_leaf_that_is_too_large_is_forgotten():
    found = all_fixed_points(rectified([[0.5]], [1.0]), NO_INPUT, certificate_bytes=0)
    assert found.complete
    assert found.certificate is None


@pytest.mark.slow
def test_a_planted_fixed_point_is_always_in_the_list():
    rng = np.random.default_rng(4)
    known = []
    for name in ("notebook_3", "notebook_4"):
        weights = weights_of(trained(name))
        point = all_fixed_points(trained(name), REST).points.state[0]
        known.append((weights.w_rr, point, np.array(REST) @ weights.w_ir + weights.b_rr))
    for k in range(100):
        W, point, drive = known[k % 2]
        order = rng.permutation(64)
        W = W[np.ix_(order, order)] * (1 + 0.01 * rng.standard_normal(W.shape)).astype(np.float32)
        h = (point * (1 + 0.1 * rng.standard_normal(64)))[order]
        b = np.where(h > 0, h - h @ W, np.minimum(drive[order], -h @ W - 0.1))
        found = all_fixed_points(rectified(W, b), NO_INPUT, most_nodes=1_000_000, time_limit=600)
        assert found.proved
        assert min(np.abs(found.points.state - h).max(axis=1)) < 1e-9
