from typing import Any

import numpy as np
import pandas
import pytest
from drawn import assert_readable, labelled, points_of

from yang_rnn import figures


def table_by_hand() -> Any:
    rows = [
        {"recipe": "r", "hidden": h, "seed": s, "error": "", "accuracy": a, "chance": 0.5,
         "learned": a > 0.6, "verdict context 0": v, "mechanism context 0": m,
         "verdict context 1": "not learned", "mechanism context 1": m, "fixed at delay": f}
        for h, s, a, v, m, f in [
            (8, 0, 0.9, "line attractor", "slow direction", 1),
            (8, 1, 0.95, "turning integrator", "rotation", 3),
            (8, 2, 0.5, "turning integrator", "rotation", 1),
            (16, 0, 0.8, "line attractor", "slow direction", 2),
        ]
    ]  # fmt: skip
    failed = {"recipe": "r", "hidden": 16, "seed": 1, "error": "DivergenceError: far away"}
    return pandas.DataFrame([*rows, failed])


def test_figure_has_accuracies_verdicts_mechanisms_and_points():
    figure = figures.task_sweep(table_by_hand(), varied=["hidden"])
    assert_readable(figure)
    accuracies, verdicts, mechanisms, points = figure.axes
    found = points_of(labelled(accuracies, "hidden 8"))
    np.testing.assert_allclose(found, [[1, 0.5], [2, 0.9], [3, 0.95]])
    assert [text.get_text() for text in verdicts.texts] == ["2", "2", "4"]
    assert [text.get_text() for text in mechanisms.texts] == ["2", "2", "2", "2"]
    for ax in (verdicts, mechanisms):
        assert [t.get_text() for t in ax.get_yticklabels()] == ["context 0", "context 1"]
    dots: Any = points.collections[0]
    np.testing.assert_allclose(dots.get_offsets(), [[1, 0], [2, 0], [3, 0]])
    assert "in the 3 networks that do better than chance" in points.get_xlabel()
    assert points.get_xlim() == (0.5, 3.5)


def test_networks_that_all_have_as_many_points_get_whole_ticks():
    ax = figures.task_sweep(table_by_hand().assign(**{"fixed at delay": 1})).axes[-1]
    assert [tick for tick in ax.get_xticks() if 0.5 <= tick <= 1.5] == [1]


def test_figure_of_a_task_without_alternatives_has_no_verdicts():
    table = table_by_hand()
    table = table[[n for n in table if not n.startswith(("verdict", "mechanism", "fixed"))]]
    figure = figures.task_sweep(table)
    assert_readable(figure)
    (ax,) = figure.axes
    assert labelled(ax, "4 networks")


def test_points_are_of_networks_that_learned():
    table = table_by_hand()
    table["learned"] = False
    figure = figures.task_sweep(table, varied=["hidden"])
    assert_readable(figure)
    assert not any(ax.get_xlabel().startswith("fixed points") for ax in figure.axes)


def test_a_sweep_without_a_trained_member_is_drawn_as_such():
    table = table_by_hand().drop(columns=["accuracy", "chance", "learned"])
    assert figures.task_sweep(table).get_suptitle() == "no network was trained"


def test_many_groups_have_colours_of_their_own():
    table = pandas.concat([table_by_hand().assign(hidden=k) for k in range(9)], ignore_index=True)
    ax = figures.task_sweep(table, varied=["hidden"]).axes[0]
    colours = {str(labelled(ax, f"hidden {k}").get_color()) for k in range(9)}
    assert len(colours) == 9


@pytest.mark.parametrize("few", [1, 0])
def test_figure_of_hardly_any_networks_is_drawn(few: int):
    table = table_by_hand()[4 - few :]
    assert_readable(figures.task_sweep(table, varied=["hidden"]))
