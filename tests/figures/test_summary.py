import dataclasses
from typing import Any

import numpy as np
import pytest
from drawn import assert_readable, labelled, paths_of, points_of, projected
from matplotlib.colors import to_hex
from small import points_at

from yang_rnn import figures
from yang_rnn.figures.style import CENTRE_STYLE
from yang_rnn.figures.summary import BY, OUTCOME_STYLES, title_of
from yang_rnn.line_attractor.estimates import Estimate
from yang_rnn.line_attractor.mechanism import MECHANISMS


def panels_of(figure: Any) -> Any:
    """Return kernel, decay, numbers, portrait, plane and integration."""
    assert len(figure.axes) == 6
    return figure.axes


def test_summary_figure_says_what_a_network_does_and_why(judged: Any):
    verdict = judged.verdict
    figure: Any = figures.line_attractor(verdict, mean=judged.mean, pca=judged.pca)
    assert_readable(figure)
    assert figure.get_suptitle() == "Line attractor, by a slow direction"
    said = [" ".join(part.get_suptitle().split()) for part in figure.subfigs]
    assert said == [
        f"What it does: {verdict.reason}.",
        f"Why: {verdict.mechanism_reason}.",
    ]


@pytest.mark.parametrize("width", ["single", "double"])
@pytest.mark.parametrize("part", ["does", "why"])
def test_half_of_the_figure_fits_on_a_page(judged: Any, width: Any, part: Any):
    verdict = judged.verdict
    figure: Any = figures.line_attractor(
        verdict, mean=judged.mean, pca=judged.pca, width=width, part=part
    )
    assert_readable(figure)
    assert 25.4 * figure.get_size_inches()[1] < 240
    assert len(figure.axes) == 3
    reason = {"does": verdict.reason, "why": verdict.mechanism_reason}[part]
    assert reason in " ".join(figure.subfigs[0].get_suptitle().split())


def test_another_part_is_an_error(judged: Any):
    with pytest.raises(ValueError, match="`part` must be one of"):
        figures.line_attractor(
            judged.verdict, mean=judged.mean, pca=judged.pca,
            part="how",  # pyright: ignore[reportArgumentType]
        )  # fmt: skip


def test_kernel_has_measured_weights_linear_response_and_a_perfect_integrator(judged: Any):
    ax = panels_of(figures.line_attractor(judged.verdict, mean=judged.mean, pca=judged.pca))[0]
    weights = 0.95 ** np.arange(19, -1, -1)
    middle = np.arange(0.05, 2.0, 0.1)
    ((dots, _, (bars,)),) = ax.containers
    np.testing.assert_allclose(points_of(dots), np.c_[middle, weights])
    spans = np.array([segment[:, 1] for segment in bars.get_segments()])
    np.testing.assert_allclose(spans, np.c_[weights - 1.96 * 0.02, weights + 1.96 * 0.02])
    response = points_of(labelled(ax, "by linear response"))
    np.testing.assert_allclose(response, np.c_[middle, weights])
    flat = points_of(labelled(ax, "perfect integrator"))
    np.testing.assert_allclose(flat, [[0, weights.mean()], [2, weights.mean()]])
    efficiency = judged.verdict.integration.kernel.efficiency
    assert ax.get_title() == f"kernel: efficiency\n{efficiency}"
    np.testing.assert_allclose(ax.get_xlim(), (0, 2))


def test_decay_falls_from_one_with_its_time_constant(judged: Any):
    ax = panels_of(figures.line_attractor(judged.verdict, mean=judged.mean, pca=judged.pca))[1]
    expected = np.c_[np.arange(21) / 10, 0.95 ** np.arange(21)]
    for label in ("measured", "exponential through\nthe last value"):
        np.testing.assert_allclose(points_of(labelled(ax, label)), expected)
    assert ax.get_title() == ("left of decisions after 2 s: 0.36\nas with a time constant of 1.9 s")
    assert labelled(ax, "all is kept").get_ydata() == [1, 1]
    np.testing.assert_allclose(labelled(ax, "1/e").get_ydata(), np.exp(-1))


@pytest.mark.parametrize(
    ("kept", "time_constant", "said"),
    [
        (1.1, -21e3, "after 2 s: 1.1 growth with a time constant of 21 s"),
        (1e9, -96.5, "after 2 s: 1e+09 growth with a time constant of 0.097 s"),
        (1.0, np.inf, "after 2 s: 1 decisions stay"),
        (-0.4, np.nan, "after 2 s: -0.4 turned over: no time constant"),
        (np.inf, -0.0, "decisions run away"),
        (np.nan, np.nan, "decisions after the stimulus: undefined"),
    ],
)
def test_decay_of_any_kind_is_drawn(judged: Any, kept: float, time_constant: float, said: str):
    measured = judged.verdict.integration
    values = np.full(20, kept)
    decay = measured.decay._replace(
        kept=values, after_duration=Estimate(kept, 0.1), time_constant=time_constant
    )
    other = dataclasses.replace(judged.verdict, integration=measured._replace(decay=decay))
    ax = panels_of(figures.line_attractor(other, mean=judged.mean, pca=judged.pca))[1]
    assert " ".join(ax.get_title().split()).removeprefix("left of decisions ") == said
    drawn = "exponential through\nthe last value" in ax.get_legend_handles_labels()[1]
    assert drawn == (np.isfinite(time_constant) and time_constant != 0)
    low, high = ax.get_ylim()
    assert low < min(0, kept if kept < 0 else 0)
    assert 1 < high < 4


def test_summary_figure_has_the_modes_and_the_positions(judged: Any):
    verdict = judged.verdict
    figure = figures.line_attractor(verdict, mean=judged.mean, pca=judged.pca)
    _, _, _, portrait, plane, integration = panels_of(figure)
    assert labelled(portrait, "slow manifold")
    assert "modulus below 1: 8" in plane.get_legend_handles_labels()[1]
    ring = labelled(plane, "mode that evidence drives")
    np.testing.assert_allclose(points_of(ring), [[0.95, 0.0]])
    assert ring.get_markeredgecolor() == CENTRE_STYLE["mec"]
    (trials,) = paths_of(integration, 40)
    np.testing.assert_allclose(points_of(trials), np.c_[verdict.evidence, verdict.position])
    assert integration.get_title() == "R\u00b2 = 0.97, within one\nsigned coherence 0.81"
    assert "slow manifold" in integration.get_ylabel()


def test_summary_figure_holds_the_numbers_against_the_thresholds(judged: Any):
    numbers = panels_of(figures.line_attractor(judged.verdict, mean=judged.mean, pca=judged.pca))[2]
    texts = [text.get_text() for text in numbers.texts]
    assert len(judged.verdict.criteria) == 5
    for criterion in judged.verdict.criteria:
        assert criterion.name in texts
        assert any(text.endswith(f", for: {criterion.rule}") for text in texts)
    values = [
        "0.950 \u00b1 0.020",
        str(judged.verdict.integration.kernel.efficiency),
        "1.0000 \u00b1 0.0010",
    ]
    assert [text.split(",")[0] for text in texts[1::2]][:3] == values


def test_summary_figure_is_of_any_condition(judged: Any):
    names: Any = {"condition": "contrast", "unit": "dB"}
    figure = figures.line_attractor(judged.verdict, mean=judged.mean, pca=judged.pca, **names)
    _, _, _, portrait, _, integration = panels_of(figure)
    assert labelled(portrait, "+25.6 dB")
    assert "within one\ncontrast" in integration.get_title()


def test_summary_figure_tells_outcomes_apart_and_what_is_not_defined(judged: Any):
    outcomes = ("against", "undefined", "near", "for", "for")
    changed = tuple(
        dataclasses.replace(each, outcome=outcome, value=np.nan if k == 1 else each.value)
        for k, (each, outcome) in enumerate(zip(judged.verdict.criteria, outcomes, strict=True))
    )
    other = dataclasses.replace(
        judged.verdict,
        near="leaky integrator",
        criteria=changed,
        measures=dataclasses.replace(judged.verdict.measures, evidence_r2=np.nan),
        manifold=None,
    )
    figure: Any = figures.line_attractor(other, mean=judged.mean, pca=judged.pca)
    assert_readable(figure)
    assert figure.get_suptitle() == "Line attractor, near leaky integrator, by a slow direction"
    _, _, numbers, portrait, _, integration = panels_of(figure)
    assert portrait.get_title().startswith("no slow manifold")
    assert "PC 1" in integration.get_ylabel()
    assert integration.get_title().startswith("R\u00b2 = not defined, within one\n")
    marks = [(line.get_marker(), to_hex(line.get_color(), True)) for line in numbers.lines]
    assert len(set(marks[:4])) == 4
    assert marks[3] == marks[4]
    texts = [text.get_text() for text in numbers.texts]
    for criterion, outcome in zip(changed, outcomes, strict=True):
        assert any(text.endswith(f", {outcome}: {criterion.rule}") for text in texts)
    assert any(text.startswith("\u2013,") for text in texts)
    assert set(OUTCOME_STYLES) == {"for", "near", "against", "undefined"}


def test_summary_figure_without_a_point_says_so(judged: Any):
    none = dataclasses.replace(
        judged.verdict,
        label="turning integrator",
        mechanism="no fixed point",
        mechanism_reason="no fixed point was found; " + "the states run away when held; " * 12,
        points=judged.verdict.points[[]],
        centre=None,
        modes=None,
        driven=None,
        manifold=None,
    )
    figure: Any = figures.line_attractor(none, mean=judged.mean, pca=judged.pca)
    assert_readable(figure)
    assert figure.get_suptitle() == "Turning integrator, without a fixed point"
    _, _, _, portrait, plane, _ = panels_of(figure)
    assert portrait.get_title() == "no slow manifold:\nno slow point"
    assert "no slow point" in plane.texts[0].get_text()


def test_each_mechanism_has_words_for_a_title(judged: Any):
    assert tuple(BY) == MECHANISMS
    for label in ("not learned", "inconclusive"):
        other = dataclasses.replace(judged.verdict, label=label, mechanism="chain")
        assert title_of(other) == f"{label.capitalize()}; mechanism: chain"


def test_manifold_that_is_not_invariant_is_dotted_and_says_so_everywhere(judged: Any):
    manifold = dataclasses.replace(judged.verdict.manifold, residual=np.full(31, 3.0))
    other = dataclasses.replace(judged.verdict, manifold=manifold)
    portrait = panels_of(figures.line_attractor(other, mean=judged.mean, pca=judged.pca))[3]
    line = labelled(portrait, "slow manifold, not converged")
    assert line.get_linestyle() == ":"  # dashed is what has no evidence
    np.testing.assert_allclose(points_of(line), projected(judged.pca, manifold.state))
    kept: dict[str, Any] = {"mean": judged.mean, "verdict": other}
    rows = figures.stimulus_dependence(judged.rows, pca=judged.pca, **kept)
    for figure in (rows, figures.flow_field(judged.field, **kept)):
        assert labelled(figure.axes[0], "slow manifold, not converged").get_linestyle() == ":"


def test_stimulus_figure_has_a_panel_for_each_stimulus_with_its_points(judged: Any):
    pca, mean, rows = judged.pca, judged.mean, judged.rows
    figure = figures.stimulus_dependence(rows, verdict=judged.verdict, mean=mean, pca=pca)
    panels = [ax for ax in figure.axes if ax.axison]
    assert [ax.get_title().split(",")[0] for ax in panels] == [row.name for row in rows]
    for ax, row in zip(panels, rows, strict=True):
        dot = labelled(ax, "fixed, stable")
        np.testing.assert_allclose(points_of(dot), projected(pca, row.points.state))
        assert len(paths_of(ax, len(judged.verdict.manifold))) == 1
        assert len(paths_of(ax, 22)) == len(mean.level)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["slow manifold", "fixed, stable"]


def test_stimulus_figure_says_how_many_points_are_out_of_view(judged: Any):
    row = judged.rows[3]
    away = dataclasses.replace(row.points, state=row.points.state + 500 * judged.line)
    lost = row._replace(name="away", points=away)
    slow_too = row._replace(
        name="slow", points=points_at(["slow"], [1e-4], row.points.state), modes=row.modes[[]]
    )
    nothing = row._replace(name="nothing", points=row.points[[]], modes=row.modes[[]], centre=None)
    shown = (row, lost, slow_too, nothing, row)
    figure = figures.stimulus_dependence(
        shown, verdict=judged.verdict, mean=judged.mean, pca=judged.pca
    )
    titles = [ax.get_title() for ax in figure.axes]
    assert titles[:5] == [row.name, "away\n1 out of view", "slow", "nothing", row.name]
    assert sorted(text.get_text() for text in figure.legends[0].get_texts()) == [
        "fixed, stable",
        "slow",
        "slow manifold",
    ]
    assert [ax.axison for ax in figure.axes] == [True] * 5 + [False] * 3
