from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yang_rnn.model import CTRNN, weight_shapes
from yang_rnn.network.parameters import Design, effective
from yang_rnn.recipe import NOTEBOOK, Recipe, RecipeError

PLAIN = Design.of(NOTEBOOK)


@given(
    hidden=st.integers(2, 12),
    excitatory=st.integers(1, 11),
    readout=st.sampled_from(["all", "excitatory"]),
    seed=st.integers(0, 99),
)
def test_signs_of_outgoing_weights_are_those_of_the_unit(
    hidden: int, excitatory: int, readout: str, seed: int
):
    excitatory = min(excitatory, hidden - 1)
    design = PLAIN._replace(num_hidden=hidden, num_excitatory=excitatory, readout_units=readout)
    rng = np.random.default_rng(seed)
    trained = {name: rng.normal(size=shape) for name, shape in design.shapes.items()}
    weights = effective(trained, design)
    assert (weights["w_rr"][:excitatory] >= 0).all()
    assert (weights["w_rr"][excitatory:] <= 0).all()
    np.testing.assert_array_equal(abs(weights["w_rr"]), abs(trained["w_rr"]))
    if readout == "excitatory":
        assert (weights["w_ro"][:excitatory] >= 0).all()
        assert not weights["w_ro"][excitatory:].any()
    else:
        assert weights["w_ro"] is trained["w_ro"]


@given(hidden=st.integers(3, 12), rank=st.integers(1, 3), seed=st.integers(0, 99))
def test_recurrent_weights_of_a_low_rank_have_it(hidden: int, rank: int, seed: int):
    design = PLAIN._replace(num_hidden=hidden, rank=rank)
    rng = np.random.default_rng(seed)
    trained = {name: rng.normal(size=shape) for name, shape in design.shapes.items()}
    w_rr = effective(trained, design)["w_rr"]
    assert np.linalg.matrix_rank(w_rr) == rank
    m, n, r = trained["m_rr"], trained["n_rr"], rng.normal(size=hidden)
    # Mastrogiuseppe & Ostojic's J r = sum of m_k (n_k . r) / N, for states that are rows.
    overlaps = [n[:, k] @ r / hidden for k in range(rank)]
    np.testing.assert_allclose(r @ w_rr, sum(m[:, k] * overlaps[k] for k in range(rank)))


def test_options_that_are_off_leave_the_weights_as_they_are():
    weights = CTRNN(3, 8, 3, seed=0).weights
    design = PLAIN._replace(num_hidden=8)
    for name, value in effective(weights, design).items():
        assert value is weights[name]


OPTIONS: dict[str, dict[str, Any]] = {
    "dale": {"excitatory": 0.75},
    "dale-readout": {"excitatory": 0.75, "readout_units": "excitatory"},
    "low-rank": {"rank": 2},
    "start": {"initial_state": "trained"},
    "linear-rank": {"rank": 2, "initialisation": "linear", "initial_state": "trained"},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_an_option_leaves_what_else_chance_decides(options: dict[str, Any]):
    kind = options.get("initialisation", "kaiming")
    plain = CTRNN(3, 8, 3, seed=3, initialisation=kind).weights
    found = CTRNN(3, 8, 3, seed=3, **options).weights
    for name in set(plain) & set(found) - {"w_rr"}:
        assert np.array_equal(found[name], plain[name])
    shapes = {name: value.shape for name, value in found.items()}
    assert weight_shapes(Recipe(hidden=8, **options)) == shapes
    assert not found.get("h_0", np.zeros(8)).any()


def test_input_of_excitatory_and_inhibitory_units_is_balanced_at_first():
    net = CTRNN(3, 400, 3, seed=0, excitatory=0.8)
    w_rr = net.effective_weights()["w_rr"]
    excite, inhibit = w_rr[:320].sum(axis=0), -w_rr[320:].sum(axis=0)
    assert excite.mean() == pytest.approx(inhibit.mean(), rel=0.02)


def test_factors_begin_with_variance_1():
    weights = CTRNN(3, 4000, 3, seed=0, rank=2).weights
    assert not np.array_equal(weights["m_rr"], weights["n_rr"])
    for name in ("m_rr", "n_rr"):
        assert abs(weights[name].var() - 1) < 4 * np.sqrt(2 / 8000)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"excitatory": 1.5}, "excitatory"),
        ({"excitatory": 1.0}, "excitatory"),
        ({"excitatory": 0.01}, "excitatory"),
        ({"excitatory": -0.1}, "excitatory"),
        ({"excitatory": float("nan")}, "excitatory"),
        ({"rank": 9}, "rank"),
        ({"rank": -1}, "rank"),
        ({"rank": 1.0}, "rank"),
        ({"rank": 1, "excitatory": 0.5}, "rank"),
        ({"readout_units": "excitatory"}, "readout_units"),
        ({"readout_units": "some"}, "readout_units"),
        ({"leak": "none"}, "leak"),
        ({"initial_state": 0}, "initial_state"),
        ({"unit_noise": -1}, "unit_noise"),
        ({"unit_noise": float("inf")}, "unit_noise"),
    ],
)
def test_what_can_not_be_is_refused_by_name_by_network_and_recipe(
    wrong: dict[str, Any], message: str
):
    with pytest.raises(ValueError, match=f"^`{message}` must .*; got"):
        CTRNN(3, 8, 3, **wrong)
    with pytest.raises(RecipeError, match=f"^`{message}` must .*; got"):
        Recipe(hidden=8, **wrong)


def test_no_share_is_no_law():
    assert CTRNN(3, 8, 3, excitatory=None).design == CTRNN(3, 8, 3).design
