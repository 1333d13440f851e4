import dataclasses
from typing import Any

import numpy as np
from drawn import labelled, paths_of, points_of, projected
from matplotlib.colors import to_hex
from small import points_at

from yang_rnn import figures


def test_summary_figure_has_the_verdict_and_all_its_criteria(judged: Any):
    verdict = judged.verdict
    figure: Any = figures.line_attractor(judged.pca, judged.mean, verdict)
    assert figure.get_suptitle() == "Verdict: line attractor"
    portrait, plane, integration, numbers = figure.axes
    assert labelled(portrait, "slow manifold")
    assert "modulus below 1: 8" in plane.get_legend_handles_labels()[1]
    (trials,) = paths_of(integration, 40)
    np.testing.assert_allclose(points_of(trials), np.c_[verdict.evidence, verdict.position])
    assert integration.get_title() == "R\u00b2 = 0.97; within one signed coherence 0.81"
    assert "slow manifold" in integration.get_ylabel()
    texts = [text.get_text() for text in numbers.texts]
    assert len(verdict.criteria) == 10
    for criterion in verdict.criteria:
        assert criterion.name in texts
        assert f"for: {criterion.rule}" in texts
        assert f"{criterion.value:.2g}" in texts


def test_summary_figure_is_of_any_condition(judged: Any):
    names = {"label": "contrast", "unit": "dB"}
    figure: Any = figures.line_attractor(judged.pca, judged.mean, judged.verdict, **names)
    portrait, _, integration, _ = figure.axes
    assert labelled(portrait, "+25.6 dB")
    assert "within one contrast" in integration.get_title()


def test_summary_figure_tells_outcomes_apart_and_what_is_not_defined(judged: Any):
    mode, turn, *rest = judged.verdict.criteria
    changed = (
        dataclasses.replace(mode, outcome="against"),
        dataclasses.replace(turn, outcome="unclear", value=np.nan),
        *rest,
    )
    other = dataclasses.replace(
        judged.verdict,
        label="inconclusive",
        criteria=changed,
        measures=dataclasses.replace(judged.verdict.measures, evidence_r2=np.nan),
        manifold=None,
    )
    figure: Any = figures.line_attractor(judged.pca, judged.mean, other)
    assert figure.get_suptitle() == "Verdict: inconclusive"
    _, _, integration, numbers = figure.axes
    assert "PC 1" in integration.get_ylabel()
    assert integration.get_title().startswith("R\u00b2 = not defined; within one")
    colours = [to_hex(line.get_color()) for line in numbers.lines]
    assert len(colours) == 10
    assert len(set(colours[:3])) == 3
    assert set(colours[2:]) == {colours[2]}
    texts = [text.get_text() for text in numbers.texts]
    assert f"against: {mode.rule}" in texts
    assert f"unclear: {turn.rule}" in texts
    assert "\u2013" in texts


def test_summary_figure_without_a_point_has_the_reason(judged: Any):
    none = dataclasses.replace(
        judged.verdict,
        label="no slow structure",
        reason="no fixed or slow point was found",
        criteria=(),
        points=judged.verdict.points[[]],
        centre=None,
        modes=None,
        manifold=None,
    )
    figure: Any = figures.line_attractor(judged.pca, judged.mean, none)
    assert figure.get_suptitle() == "Verdict: no slow structure"
    assert [text.get_text() for text in figure.axes[3].texts] == [none.reason]
    assert "no slow point" in figure.axes[1].texts[0].get_text()


def test_stimulus_figure_has_a_panel_for_each_stimulus_with_its_points(judged: Any):
    pca, mean, rows = judged.pca, judged.mean, judged.rows
    figure = figures.stimulus_dependence(pca, mean, rows, judged.verdict)
    panels = [ax for ax in figure.axes if ax.axison]
    assert [ax.get_title().split(",")[0] for ax in panels] == [row.name for row in rows]
    for ax, row in zip(panels, rows, strict=True):
        dot = labelled(ax, "fixed, stable")
        np.testing.assert_allclose(points_of(dot), projected(pca, row.points.state))
        assert len(paths_of(ax, len(judged.verdict.manifold))) == 1
        assert len(paths_of(ax, 22)) == len(mean.level)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["fixed, stable"]


def test_stimulus_figure_says_how_many_points_are_out_of_view(judged: Any):
    row = judged.rows[3]
    away = dataclasses.replace(row.points, state=row.points.state + 500 * judged.line)
    lost = row._replace(name="away", points=away)
    slow_too = row._replace(
        name="slow", points=points_at(["slow"], [1e-4], row.points.state), modes=row.modes[[]]
    )
    nothing = row._replace(name="nothing", points=row.points[[]], modes=row.modes[[]], centre=None)
    shown = (row, lost, slow_too, nothing, row)
    figure = figures.stimulus_dependence(judged.pca, judged.mean, shown, judged.verdict)
    titles = [ax.get_title() for ax in figure.axes]
    assert titles[:5] == [row.name, "away, 1 out of view", "slow", "nothing", row.name]
    assert sorted(text.get_text() for text in figure.legends[0].get_texts()) == [
        "fixed, stable",
        "slow",
    ]
    assert [ax.axison for ax in figure.axes] == [True] * 5 + [False] * 3
