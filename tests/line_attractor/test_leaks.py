import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yang_rnn.line_attractor.leaks import evidence_kept, leak_with


@pytest.mark.parametrize("seconds", [0.2, 1.0, 4.0, -1.0])
def test_evidence_kept_is_what_simulated_integrators_keep(seconds: float):
    # d'^2 of a weighted sum of equally informative samples, over that of the plain sum.
    time = (np.arange(200_000) + 0.5) / 200_000 * 2.0
    weights = np.exp(-(2.0 - time) / seconds)
    kept = weights.mean() ** 2 / (weights**2).mean()
    assert evidence_kept(1000 * seconds, 2000.0) == pytest.approx(kept, rel=1e-6)


def test_evidence_kept_at_the_limits():
    assert evidence_kept(math.inf, 2000.0) == 1.0
    assert evidence_kept(0.0, 2000.0) == 0.0
    assert evidence_kept(1e15, 2000.0) == pytest.approx(1.0)


@pytest.mark.parametrize("seconds", [0.3, 2.0, 40.0])
def test_leak_is_recovered_from_what_it_leaves(seconds: float):
    begin = np.linspace(-3.0, 5.0, 9)
    after = begin * np.exp(-2.0 / seconds)
    persistence = 1 - ((after - begin) ** 2).sum() / (begin**2).sum()
    assert leak_with(persistence, 2000.0) == pytest.approx(1000 * seconds)
    assert leak_with(1.0, 2000.0) == math.inf
    assert leak_with(0.0, 2000.0) == leak_with(-3.0, 2000.0) == 0.0


@given(st.floats(1.0, 1e6), st.floats(1.0, 1e6))
def test_growth_loses_as_much_as_a_leak_and_more_time_more(tau: float, duration: float):
    kept = evidence_kept(tau, duration)
    assert 0 < kept <= 1
    assert evidence_kept(-tau, duration) == kept
    assert evidence_kept(tau, 2 * duration) <= kept


@given(st.floats(0.0, 1.0))
def test_a_leak_has_the_persistence_that_it_was_found_by(persistence: float):
    tau = leak_with(persistence, 500.0)
    lost = 1.0 if tau == 0 else 1 - math.exp(-500.0 / tau)
    assert 1 - lost**2 == pytest.approx(persistence, abs=1e-9)


@pytest.mark.parametrize("wrong", [(1.0, -1.0), (1.0, 0.0), (1.0, np.inf), (np.nan, 1.0), (1j, 1.0),
                                   ("1", 1.0), (None, 1.0), (True, 1.0)])  # fmt: skip
def test_what_is_no_time_constant_or_duration_is_refused(wrong: Any):
    with pytest.raises(ValueError, match=r"^`(time_constant|duration)` must be"):
        evidence_kept(*wrong)


@pytest.mark.parametrize("persistence", [1.5, np.nan, None, 1j])
def test_what_is_no_persistence_is_refused(persistence: Any):
    with pytest.raises(ValueError, match=r"^`persistence` must be"):
        leak_with(persistence, 1.0)
