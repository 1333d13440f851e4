import math
from typing import Any

import pytest
from measured import LINE, changed

from yang_rnn.line_attractor.criteria import judge
from yang_rnn.line_attractor.mechanism import MECHANISMS, judge_mechanism
from yang_rnn.line_attractor.thresholds import Thresholds

FORGOTTEN = {"mode_keeps": 0.2, "driven_keeps": 0.2, "manifold_efficiency": 0.2}
TURNS = {"response_constancy": 0.3, "manifold_efficiency": math.nan, "points_on_line": 0}
PAIR = {
    "driven_eigenvalue": 0.95 + 0.1j,
    "turning_share": 0.9,
    "driven_turn": 2.0,
    "centre_constancy": 0.3,
}


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({}, "slow direction"),
        ({"still_share": 0.5}, "continuum"),
        ({"still_share": 0.49}, "slow direction"),
        ({"num_fixed": 0, "points_on_line": 0}, "no fixed point"),
        # Points that still stand, whether or not a fixed point was found among them.
        ({"num_fixed": 0, "still_share": 0.9}, "continuum"),
        ({"num_fixed": 3, "points_on_line": 3}, "several fixed points"),
        # Three points, but two of them elsewhere.
        ({"num_fixed": 3}, "slow direction"),
        # The flow further out is slower than the mode at the centre, or the other way round.
        ({"mode_keeps": 0.2, "driven_keeps": 0.2}, "slow direction"),
        ({"manifold_efficiency": 0.3}, "slow direction"),
        ({"manifold_efficiency": math.nan}, "slow direction"),
        (FORGOTTEN | {"response_efficiency": 0.3}, "fast fixed point"),
        (FORGOTTEN | {"response_efficiency": 0.41}, "chain"),
        # A slow mode that carries a part is slow, though a fast one carries more.
        ({"mode_keeps": 0.99, "driven_keeps": 0.2, "manifold_efficiency": 0.2,
          "response_efficiency": 0.3}, "slow direction"),
        (TURNS, "mixed modes"),
        (TURNS | PAIR, "rotation"),
        (TURNS | PAIR | {"turning_share": 0.4}, "mixed modes"),
        # The linearisation at the centre alone would not turn.
        (TURNS | PAIR | {"centre_constancy": 0.9}, "mixed modes"),
        (TURNS | {"mode_keeps": 0.5}, "chain"),
        (TURNS | PAIR | {"mode_keeps": 0.5}, "chain"),
        # After whole turns the direction is the same again; a turn of half a radian is hardly one.
        (PAIR | {"manifold_efficiency": math.nan}, "rotation"),
        (PAIR | {"manifold_efficiency": math.nan, "driven_turn": 0.5}, "slow direction"),
        # Without linear response, what was measured tells whether it turns.
        ({"response_constancy": math.nan}, "slow direction"),
        ({"response_constancy": math.nan, "constancy": 0.3}, "mixed modes"),
        # Nothing is left of a pulse: that is no turn.
        (FORGOTTEN | {"response_constancy": math.nan, "constancy": math.nan,
                      "response_efficiency": 0.1}, "fast fixed point"),
        ({"response_constancy": math.nan, "constancy": math.nan, "num_fixed": 3,
          "points_on_line": 3}, "several fixed points"),
        # No mode carries evidence to the decision.
        ({"driven_share": 0.0, "response_efficiency": math.nan}, "mixed modes"),
    ],
)  # fmt: skip
def test_why_a_network_integrates_follows_from_the_derivatives(changes: dict[str, Any], label: str):
    found = judge(changed(**changes))
    assert found.mechanism == label
    assert label in MECHANISMS


def test_the_reason_has_the_numbers_that_decided():
    def reason(**changes: Any) -> str:
        return judge_mechanism(changed(**changes), Thresholds()).reason

    plain = reason()
    for number in ("1 fixed point;", "98 %", "0.980", "4.95 s", "0.95", "0.97", "0.94"):
        assert number in plain
    assert "1 fixed point, and no other (proved)" in reason(fixed_proved=True)
    assert "3 of them on the slow manifold" in reason(num_fixed=3, points_on_line=3)
    assert "over 90 % of the span" in reason(still_share=0.9)
    assert "modes that turn carry 90 %" in reason(**TURNS, **PAIR)
    chain = reason(**FORGOTTEN)
    assert "the slowest mode that carries it would keep 0.20 (non-normality 0.30)" in chain
    none = reason(num_fixed=0, runs_away=0.25)
    assert none.startswith("no fixed point was found; 25 % of the states run away")
    assert reason(num_fixed=0, fixed_proved=True).startswith("there is no fixed point (proved)")


def test_thresholds_of_the_mechanism_can_be_changed():
    assert judge_mechanism(LINE, Thresholds(loses=0.5)).label == "slow direction"
    at = Thresholds(straight=0.99)
    assert judge_mechanism(LINE, at).label == "mixed modes"
    handed_on = changed(mode_keeps=0.7, manifold_efficiency=0.7)
    assert judge_mechanism(handed_on, Thresholds(beyond=0.3)).label == "slow direction"
    assert judge_mechanism(handed_on, Thresholds()).label == "chain"


def test_a_plane_of_fixed_points_is_a_continuum_though_no_curve_draws_states_in():
    plane = {"still_share": math.nan, "manifold_converged": False, "manifold_efficiency": math.nan}
    plane |= {"num_fixed": 1000, "points_on_line": 0}
    still = changed(**plane, driven_moves=1e-9)
    assert judge_mechanism(still, Thresholds()).label == "continuum"
    assert "1000 fixed points" in judge_mechanism(still, Thresholds()).reason
    moving = judge_mechanism(changed(**plane, driven_moves=0.01), Thresholds())
    assert moving.label == "slow direction"
    assert "no slow curve" not in moving.reason
    failed = changed(**plane, driven_moves=0.01, manifold_error=0.5)
    assert (
        "no slow curve through the centre settled" in judge_mechanism(failed, Thresholds()).reason
    )
