from typing import Any

import numpy as np
import pytest
from built import TASK, leaky, linear, switch, trials
from hidden import UNITS, beside, chain, hidden, linear_step, read_half_way, rotation
from jax.tree_util import Partial

from yang_rnn.dynamics.system import System
from yang_rnn.line_attractor.estimates import Estimate
from yang_rnn.line_attractor.integration import Integration, Pulse, measure_integration
from yang_rnn.line_attractor.integrators import (
    IntegratorVerdict,
    judge_integrator,
)
from yang_rnn.line_attractor.kernel import Kernel
from yang_rnn.line_attractor.leaks import evidence_kept
from yang_rnn.line_attractor.thresholds import Thresholds
from yang_rnn.model import CTRNN

STIMULUS = 2000.0


def judged(system: System | CTRNN) -> IntegratorVerdict:
    system = system.system() if isinstance(system, CTRNN) else system
    return judge_integrator(measure_integration(system, trials(), TASK))


def expected_of(seconds: float) -> str:
    kept = evidence_kept(1000 * seconds, STIMULUS)
    return "line attractor" if kept >= 0.75 else "leaky integrator" if kept >= 0.5 else "fast leak"


@pytest.mark.parametrize("seconds", [0.2, 0.3, 0.7, 0.8, 1.2, 2.0, 5.0, 20.0, 2e4])
def test_leaks_in_a_random_basis_are_judged_by_what_they_keep(seconds: float):
    for seed in range(3):
        found = judged(hidden(np.exp(-0.1 / seconds), 1.0, 1.0, seed))
        assert found.label == expected_of(seconds)
        assert not found.near


@pytest.mark.parametrize(
    "other", [np.array([[0.999]]), rotation(3.0), rotation(0.2, 0.99), np.array([[1.02]])],
    ids=["slow", "rotating", "slowly rotating", "growing"],
)  # fmt: skip
@pytest.mark.parametrize(("seconds", "label"), [(5.0, "line attractor"), (0.2, "fast leak")])
def test_modes_that_evidence_does_not_drive_change_nothing(
    other: np.ndarray, seconds: float, label: str
):
    block = beside(np.array([[np.exp(-0.1 / seconds)]]), other)
    drive = np.eye(len(block))[0]
    assert judged(hidden(block, drive, drive)).label == label


@pytest.mark.parametrize("shear", [1.0, 3.0, 10.0])
def test_a_shear_does_not_hide_a_line(shear: float):
    block = np.array([[0.99, shear], [0.0, 0.2]])
    assert judged(hidden(block, [1.0, 0.0], [1.0, 0.0])).label == "line attractor"


@pytest.mark.parametrize("build", [chain, read_half_way])
def test_evidence_that_is_kept_in_turning_directions_makes_a_turning_integrator(build: Any):
    assert judged(build()).label == "turning integrator"


@pytest.mark.parametrize("growth", [1.12, 1.3])
def test_growth_is_an_unstable_integrator(growth: float):
    found = judged(hidden(growth, 1.0, 1.0))
    assert found.label == "unstable integrator"
    assert "early evidence counts more" in found.reason


def test_a_steep_switch_is_an_unstable_integrator():
    assert judged(switch(1.5)).label == "unstable integrator"


def test_a_line_of_exactly_fixed_points_in_float32_is_a_line_attractor():
    system = hidden(1.0, 1.0, 1.0)
    step: Any = system.step
    single = Partial(linear_step, *(np.float32(leaf) for leaf in step.args))
    found = judged(System(single, dt=100.0, initial_state=np.zeros(UNITS), readout=system.readout))
    assert found.label == "line attractor"


@pytest.mark.parametrize("drive", [0.0, -1.0])
def test_networks_that_decide_by_chance_or_wrongly_have_not_learned(drive: float):
    assert judged(hidden(0.99, drive, 1.0)).label == "not learned"


def test_a_relu_network_that_is_never_silent_is_judged_as_the_linear_one():
    for seconds in (0.2, 0.7, 5.0):
        assert judged(leaky(seconds)).label == expected_of(seconds)
    assert judged(linear(rotation(1.0))).label in ("fast leak", "not learned")


MOSTLY = Estimate(0.9, 0.0)


def made(efficiency: Estimate, constancy: Estimate, right: Estimate = MOSTLY) -> Integration:
    kernel = Kernel(np.ones(3), np.ones(3), efficiency, Estimate(-0.3, 0.01))
    pulse = Pulse(constancy, Estimate(1.0, 0.0), np.ones(1))
    measured: Any = measure_integration(leaky(1.0).system(), trials(), TASK)
    return measured._replace(accuracy=right, kernel=kernel, pulse=pulse)


def test_a_number_within_its_error_of_a_threshold_is_said_to_be():
    straight = Estimate(0.95, 0.01)
    found = judge_integrator(made(Estimate(0.74, 0.02), straight))
    assert (found.label, found.near) == ("leaky integrator", "line attractor")
    assert str(found).startswith("leaky integrator, near line attractor: decisions keep a share of")
    assert "0.740 ± 0.020" in found.reason
    found = judge_integrator(made(Estimate(0.9, 0.02), Estimate(0.79, 0.02)))
    assert (found.label, found.near) == ("turning integrator", "line attractor")
    found = judge_integrator(made(Estimate(0.51, 0.02), Estimate(0.79, 0.02)))
    assert (found.label, found.near) == ("turning integrator", "fast leak or leaky integrator")
    assert judge_integrator(made(Estimate(0.9, 0.02), straight)).near == ""


@pytest.mark.parametrize(
    ("share", "error", "label", "near"),
    [
        (0.69, 0.001, "not learned", ""),
        (0.69, 0.02, "not learned", "line attractor"),
        (0.72, 0.02, "line attractor", "not learned"),
        (0.72, 0.001, "line attractor", ""),
    ],
)
def test_a_share_of_right_choices_within_its_error_of_the_threshold_is_said_to_be(
    share: float, error: float, label: str, near: str
):
    kept, straight = Estimate(0.9, 0.02), Estimate(0.95, 0.01)
    found = judge_integrator(made(kept, straight, Estimate(share, error)))
    assert (found.label, found.near) == (label, near)


def test_thresholds_can_be_others_and_are_checked():
    strict = Thresholds(keeps=0.92)
    found = made(Estimate(0.9, 0.001), Estimate(0.95, 0.01))
    assert judge_integrator(found, strict).label == "leaky integrator"
    with pytest.raises(ValueError, match=r"`loses` must be at most `keeps`; got 0\.8 and 0\.75"):
        Thresholds(loses=0.8)
    with pytest.raises(ValueError, match=r"`straight` must be at most 1; got 1\.5"):
        Thresholds(straight=1.5)
    with pytest.raises(TypeError, match="integration"):
        judge_integrator("nothing")  # type: ignore[arg-type]
