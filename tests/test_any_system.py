"""All of the analysis and every figure, of a network and a task that are written down here.

Two units: the first adds up evidence and leaks, the second follows the cue. Nothing but JAX and
NumPy is needed to say so.
"""

import ast
import dataclasses
import math
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

from yang_rnn import figures
from yang_rnn.analysis import Averages, average_by, central_point, find_slow_points, fit_pca
from yang_rnn.behaviour import accuracy, accuracy_by_condition, psychometric_function
from yang_rnn.dynamics import (
    Linearisation,
    System,
    Trajectories,
    find_fixed_points,
    flow_field,
    linearise,
    simulate,
    trace_slow_manifold,
)
from yang_rnn.line_attractor.stimulus_dependence import stimulus_dependence, table_of
from yang_rnn.line_attractor.verdict import Verdict, line_attractor_verdict
from yang_rnn.trials import Trials, TwoAlternatives

DT = 20.0  # ms
FOLLOWS = 0.3  # what the second unit keeps of itself in a step
PULL, GAIN = 0.4, 0.1
CONTRASTS = (0.0, 0.1, 0.2, 0.4)
TASK = TwoAlternatives(
    rest=(0.0, 1.0),
    evidence=(1.0, 0.0),
    outputs=(2, 1),
    condition="contrast",
    stimulus="look",
    decision="answer",
)
CENTRE = np.array([0.0, PULL / (1 - FOLLOWS)])


def integrator(seconds: float) -> System:
    """Return the network with a time constant of its first unit."""
    leak = math.exp(-DT / (1000 * seconds))

    def step(x, h):
        return jnp.array([leak * h[0] + GAIN * x[0], FOLLOWS * h[1] + PULL * x[1]])

    def readout(h):
        return jnp.array([-100.0, h[0], -h[0]])

    return System(step, dt=DT, initial_state=np.zeros(2), readout=readout)


def make_trials(number: int, seed: int = 0) -> Trials:
    rng = np.random.default_rng(seed)
    periods = {"wait": slice(0, 5), "look": slice(5, 55), "answer": slice(55, 60)}
    choice, contrast = rng.integers(0, 2, number), rng.choice(CONTRASTS, number)
    inputs = np.zeros((60, number, 2))
    inputs[:55, :, 1] = 1.0
    mean = contrast * np.where(choice == 1, 1.0, -1.0)
    inputs[5:55, :, 0] = mean + rng.normal(scale=1.0, size=(50, number))
    targets = np.zeros((60, number), int)
    targets[55:] = np.where(choice == 1, 1, 2)  # the number of the output that should be largest
    return Trials(inputs, targets, periods, {"contrast": contrast}, choice)


TRIALS = make_trials(150)


class Examined(NamedTuple):
    """A network with all that is known of it."""

    system: System
    trajectories: Trajectories
    pca: PCA
    mean: Averages
    verdict: Verdict

    @property
    def activity(self) -> np.ndarray:
        return self.trajectories.activity

    @property
    def lin(self) -> Linearisation:
        modes = self.verdict.modes
        assert modes is not None
        return modes


def examine(seconds: float) -> Examined:
    system = integrator(seconds)
    trajectories = simulate(system, TRIALS.inputs)
    verdict = line_attractor_verdict(system, TRIALS, TASK, trajectories=trajectories)
    mean = average_by(trajectories.activity, TASK.signed_strength(TRIALS))
    return Examined(system, trajectories, fit_pca(trajectories.activity), mean, verdict)


@pytest.fixture(scope="module")
def slow() -> Examined:
    return examine(5.0)


@pytest.fixture(scope="module")
def fast() -> Examined:
    return examine(0.1)


def test_nothing_here_is_of_our_network_or_task():
    named: set[str] = set()
    for node in ast.walk(ast.parse(Path(__file__).read_text("utf-8"))):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            named |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            named.add(str(node.module))
        if isinstance(node, ast.Name):
            named.add(node.id)
    assert "yang_rnn.dynamics" in named
    assert not named & {"CTRNN", "Recipe", "NOTEBOOK", "PRIMER", "PerceptualDecisionMaking"}
    assert not named & {f"yang_rnn.{name}" for name in ("model", "recipe", "task", "experiment")}


def test_trajectories_are_sums_of_evidence_with_a_leak(slow: Examined):
    leak = math.exp(-DT / 5000)
    weights = GAIN * leak ** np.arange(59, -1, -1)
    expected = np.tensordot(weights, TRIALS.inputs[..., 0], axes=1)
    np.testing.assert_allclose(slow.activity[-1, :, 0], expected, atol=1e-5)
    outputs = slow.trajectories.outputs
    assert outputs is not None
    assert outputs is not None
    np.testing.assert_allclose(outputs[-1, :, 1], expected, atol=1e-5)
    assert slow.activity.shape == (60, 150, 2)


def test_the_fixed_point_is_where_leak_and_cue_put_it(slow: Examined):
    F = slow.system.at(TASK.rest)
    points = find_fixed_points(F, slow.activity[::20, :10].reshape(-1, 2)).unique(1e-6)
    assert points.counts["fixed"] == 1
    np.testing.assert_allclose(points.state[0], CENTRE, atol=1e-8)
    assert central_point(points, slow.activity) == 0
    for found in (find_slow_points(F, slow.activity[:, :10]), slow.verdict.points):
        assert np.linalg.norm(found.state - CENTRE, axis=1).min() < 0.5


def test_its_modes_are_the_leak_and_the_follower(slow: Examined):
    lin = linearise(slow.system.at(TASK.rest), CENTRE)
    np.testing.assert_allclose(lin.eigenvalues, [[math.exp(-DT / 5000), FOLLOWS]])
    np.testing.assert_allclose(lin.time_constant, [[5000.0, -DT / math.log(FOLLOWS)]])
    np.testing.assert_allclose(lin.input_jacobian, [[[GAIN, 0.0], [0.0, PULL]]])
    assert lin.label.tolist() == ["stable node"]


def test_its_slow_manifold_is_the_axis_of_the_first_unit(slow: Examined):
    manifold = trace_slow_manifold(slow.system.at(TASK.rest), CENTRE, [1.0, 0.0], -2.0, 2.0)
    np.testing.assert_allclose(manifold.state[:, 1], CENTRE[1], atol=1e-7)
    assert np.ptp(manifold.state[:, 0]) > 4.0
    traced = slow.verdict.manifold
    assert traced is not None
    np.testing.assert_allclose(np.abs(traced.axis), [1.0, 0.0], atol=1e-6)


def kept_by(seconds: float) -> float:
    """Return the efficiency of the weights that a leak gives the fifty steps of the stimulus."""
    weights = math.exp(-DT / (1000 * seconds)) ** np.arange(50)
    return weights.sum() ** 2 / (50 * (weights**2).sum())


def test_a_slow_leak_is_a_line_attractor(slow: Examined):
    assert (slow.verdict.label, slow.verdict.mechanism) == ("line attractor", "slow direction")
    m = slow.verdict.measures
    assert m.time_constant == m.driven_time_constant == pytest.approx(5000.0)
    assert m.decision_time_constant == pytest.approx(5000.0, rel=1e-3)
    for efficiency in (m.efficiency, m.response_efficiency, m.manifold_efficiency):
        assert efficiency == pytest.approx(kept_by(5.0), abs=1e-4)
    assert m.constancy == m.response_constancy == pytest.approx(1.0)
    assert m.gain == pytest.approx(GAIN)
    assert m.selection_evidence == pytest.approx(1.0)
    assert m.evidence_r2 > 0.95
    leak = math.exp(-DT / 5000)
    ends = GAIN * np.tensordot(leak ** np.arange(49, -1, -1), TRIALS.inputs[5:55, :, 0], axes=1)
    np.testing.assert_allclose(slow.verdict.position, ends, atol=1e-4)
    np.testing.assert_allclose(slow.verdict.evidence, TRIALS.inputs[5:55, :, 0].sum(axis=0))


def test_a_fast_leak_forgets(fast: Examined):
    assert (fast.verdict.label, fast.verdict.mechanism) == ("fast leak", "fast fixed point")
    m = fast.verdict.measures
    assert m.time_constant == pytest.approx(100.0)
    assert m.efficiency == pytest.approx(kept_by(0.1), abs=1e-4)
    assert m.has_stable_point


def test_an_integrator_whose_outputs_are_swapped_has_not_learned(slow: Examined):
    swapped = dataclasses.replace(TASK, outputs=(1, 2))
    found = line_attractor_verdict(
        slow.system, TRIALS, swapped, trajectories=slow.trajectories, points=slow.verdict.points
    )
    assert found.label == "not learned"
    assert found.measures.evidence_r2 == 0.0
    assert found.measures.efficiency == pytest.approx(kept_by(5.0), abs=1e-4)


def test_how_often_it_is_right_is_counted_from_the_sign_of_the_sum(slow: Examined):
    right = (slow.activity[-1, :, 0] > 0) == (TRIALS.choice == 1)
    outputs = slow.trajectories.outputs
    assert outputs is not None
    measured = accuracy_by_condition(outputs, TRIALS, "contrast")
    np.testing.assert_array_equal(measured.level, CONTRASTS)
    for level, number, share in zip(
        measured.level, measured.num_trials, measured.accuracy, strict=True
    ):
        here = TRIALS.conditions["contrast"] == level
        assert number == here.sum()
        assert share == pytest.approx(right[here].mean())
    assert measured.ideal is None
    steps = (slow.activity[55:, :, 0] > 0) == (TRIALS.choice == 1)
    assert accuracy(outputs, TRIALS) == pytest.approx(steps.mean())


def test_its_psychometric_function_is_that_of_the_ideal_observer(slow: Examined):
    def ideal(contrast: float) -> float:
        return 0.5 * (1 + math.erf(contrast * math.sqrt(50) / math.sqrt(2)))

    outputs = slow.trajectories.outputs
    assert outputs is not None
    measured = psychometric_function(outputs, TRIALS, TASK, ideal=ideal)
    assert measured.strength.tolist() == [-0.4, -0.2, -0.1, 0.0, 0.1, 0.2, 0.4]
    assert measured.num_trials.sum() == 150
    chose = slow.activity[-1, :, 0] > 0
    here = TASK.signed_strength(TRIALS) == 0.2
    assert measured.probability[5] == pytest.approx(chose[here].mean())
    assert measured.ideal is not None
    # Seven levels of about twenty trials: four standard errors.
    error = np.sqrt(measured.ideal * (1 - measured.ideal) / measured.num_trials)
    assert (np.abs(measured.probability - measured.ideal) <= 4 * error + 0.05).all()


def test_averages_are_ordered_along_the_line_by_the_evidence(slow: Examined):
    assert slow.mean.level.tolist() == [-0.4, -0.2, -0.1, 0.0, 0.1, 0.2, 0.4]
    assert slow.mean.activity.shape == (60, 7, 2)
    here = TASK.signed_strength(TRIALS) == 0.4
    np.testing.assert_allclose(slow.mean.activity[:, -1], slow.activity[:, here].mean(axis=1),
                               atol=1e-5)  # fmt: skip
    ends = slow.mean.activity[54, :, 0]
    assert np.corrcoef(ends, slow.mean.level)[0, 1] > 0.95


def test_evidence_moves_the_fixed_point_along_the_line(slow: Examined):
    inputs = {"left": (-0.2, 1.0), "dark": (0.0, 0.0)}
    rows = stimulus_dependence(slow.system, slow.activity, inputs, slow.verdict)
    assert [row.name for row in rows] == list(inputs)
    expected = [GAIN * x[0] / (1 - math.exp(-DT / 5000)) for x in inputs.values()]
    np.testing.assert_allclose([row.position for row in rows], expected, atol=1e-5)
    pushed = [GAIN * x[0] * 1000 / DT for x in inputs.values()]
    np.testing.assert_allclose([row.push for row in rows], pushed, atol=1e-6)
    assert [entry["stable"] for entry in table_of(rows)] == [1, 1]
    drawn(figures.stimulus_dependence(rows, verdict=slow.verdict, mean=slow.mean, pca=slow.pca))


def test_flow_is_the_leak_along_the_line_and_the_follower_across(slow: Examined):
    field = flow_field(
        slow.system.at(TASK.rest), slow.activity, axis=[1.0, 0.0], origin=CENTRE, name="first unit"
    )
    x, y = np.meshgrid(field.x, field.y)
    per_second = 1000 / DT
    np.testing.assert_allclose(
        field.velocity[..., 0], -(1 - math.exp(-DT / 5000)) * per_second * x, atol=1e-9
    )
    np.testing.assert_allclose(field.velocity[..., 1], -(1 - FOLLOWS) * per_second * y, atol=1e-9)
    assert field.names[0].startswith("first unit")
    drawn(figures.flow_field(field, mean=slow.mean, verdict=slow.verdict))


def drawn(figure: Any) -> list[str]:
    """Draw a figure and return its texts."""
    assert isinstance(figure, Figure)
    FigureCanvasAgg(figure).draw()
    texts = [text.get_text() for text in figure.texts]
    for ax in figure.axes:
        texts += [ax.get_xlabel(), ax.get_ylabel(), ax.get_title()]
        texts += [text.get_text() for text in ax.texts]
    return texts


def test_trajectories_and_points_are_drawn(slow: Examined):
    drawn(figures.trajectories(slow.activity, trials=TRIALS, pca=slow.pca))
    points = slow.verdict.points
    lin = linearise(slow.system.at(TASK.rest), points)
    drawn(
        figures.slow_points(
            points, activity=slow.activity, pca=slow.pca, trials=TRIALS, modes=lin,
            centre=slow.verdict.centre,
        )
    )  # fmt: skip
    drawn(figures.eigenvalues(lin[0], title="the centre"))


def test_averages_and_the_verdict_are_drawn_in_the_words_of_the_task(slow: Examined):
    words: Any = {"condition": "signed contrast", "unit": ""}
    figure = figures.averages(slow.mean, pca=slow.pca, verdict=slow.verdict, **words)
    drawn(figure)
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert legend.get_title().get_text() == "signed contrast"
    assert "+0.4" in [text.get_text() for text in legend.get_texts()]
    texts = drawn(figures.line_attractor(slow.verdict, mean=slow.mean, pca=slow.pca, **words))
    assert any("line attractor" in text for text in texts)
    assert any("signed contrast" in text for text in texts)
    assert not any("coherence" in text for text in texts)


def test_the_psychometric_function_is_drawn_in_the_words_of_the_task(slow: Examined):
    outputs = slow.trajectories.outputs
    assert outputs is not None
    measured = psychometric_function(outputs, TRIALS, TASK)
    texts = drawn(figures.psychometric(measured, condition="signed contrast", unit=""))
    assert any(text.startswith("signed contrast, positive for choice 2") for text in texts)


def test_the_verdict_on_a_network_without_a_line_is_drawn_too(fast: Examined):
    texts = drawn(figures.line_attractor(fast.verdict, mean=fast.mean, pca=fast.pca))
    assert any("Fast leak" in text and ", by" in text for text in texts)
