import itertools
from typing import Any

import numpy as np
import pandas
import pytest
from drawn import assert_readable
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from yang_rnn.ensemble.table import summary_of
from yang_rnn.figures.outcomes import (
    MECHANISM_COLOURS,
    VERDICT_COLOURS,
    draw_shares,
    draw_stacks,
)
from yang_rnn.line_attractor.criteria import VERDICTS
from yang_rnn.line_attractor.mechanism import MECHANISMS

SEEN_WITHOUT = {
    "red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998]],
    "green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
              [-0.011820, 0.042940, 0.968881]],
}  # fmt: skip
"""Linear RGB as it is seen without one kind of cone: Machado, Oliveira & Fernandes (2009)."""


def test_each_outcome_has_a_colour():
    assert tuple(VERDICT_COLOURS) == VERDICTS
    assert tuple(MECHANISM_COLOURS) == MECHANISMS


@pytest.mark.parametrize("without", SEEN_WITHOUT)
@pytest.mark.parametrize("colours", [VERDICT_COLOURS, MECHANISM_COLOURS], ids=["what", "why"])
def test_colours_are_told_apart_without_a_kind_of_cone(colours: dict[str, str], without: str):
    linear = np.array([to_rgb(colour) for colour in colours.values()]) ** 2.2
    seen = np.clip(linear @ np.transpose(SEEN_WITHOUT[without]), 0, 1) ** (1 / 2.2)
    apart = [np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)]
    assert min(apart) > 0.15


def table_of(verdicts: list[str], recipe: str = "primer", failed: int = 0) -> Any:
    table: Any = pandas.DataFrame(
        {"recipe": recipe, "error": "", "accuracy": 0.9, "verdict": verdicts, "mechanism": "chain"}
    )
    lost = {"recipe": recipe, "error": "DivergenceError: far away"}
    return pandas.concat([table, pandas.DataFrame([lost] * failed)], ignore_index=True)


def test_shares_have_a_group_for_each_recipe_with_intervals():
    first = table_of(["line attractor"] * 3 + ["fast leak"], "a")
    second = table_of(["not learned"], "b", failed=2)
    summary = summary_of(pandas.concat([first, second], ignore_index=True), ())
    figure = Figure(figsize=(9, 3), layout="constrained")
    ax: Any = figure.subplots()
    draw_shares(ax, summary, "verdict", ())
    assert_readable(figure)
    bars = {
        (round(bar.get_center()[0]), to_hex(bar.get_facecolor())): bar.get_height()
        for bar in ax.patches
        if bar.get_height()
    }
    assert bars == {
        (0, to_hex(VERDICT_COLOURS["line attractor"])): 0.75,
        (0, to_hex(VERDICT_COLOURS["fast leak"])): 0.25,
        (1, to_hex(VERDICT_COLOURS["not learned"])): 1.0,
    }
    names = [label.get_text() for label in ax.get_xticklabels()]
    assert names == ["a\n(4 networks)", "b\n(1 network, 2 failed)"]
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == list(VERDICTS)
    intervals = np.array([c.lines[2][0].get_segments()[0][:, 1] for c in ax.containers[1::2]])
    expected = summary.loc[summary["of"] == "verdict", ["low", "high"]]
    np.testing.assert_allclose(intervals, expected, atol=1e-12)


def test_shares_of_networks_that_all_failed_are_empty():
    figure = Figure(layout="constrained")
    ax: Any = figure.subplots()
    draw_shares(ax, summary_of(table_of([], failed=3), ()), "mechanism", ())
    assert not ax.patches
    assert [label.get_text() for label in ax.get_xticklabels()] == [
        "primer\n(0 networks, 3 failed)"
    ]
    assert_readable(figure)


def test_stacks_count_each_context_and_name_what_there_is():
    table = pandas.DataFrame(
        {"verdict a": ["line attractor"] * 3 + ["fast leak"], "verdict b": ["fast leak"] * 4}
    )
    figure = Figure(figsize=(7, 3), layout="constrained")
    ax: Any = figure.subplots()
    draw_stacks(ax, table, ["verdict a", "verdict b"], "verdict")
    assert_readable(figure)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    bars = {
        (round(bar.get_y() + 0.4), to_hex(bar.get_facecolor()), bar.get_x(), bar.get_width())
        for bar in ax.patches
        if bar.get_width()
    }
    line, leak = (to_hex(VERDICT_COLOURS[name]) for name in ("line attractor", "fast leak"))
    assert bars == {(0, line, 0, 3), (0, leak, 3, 1), (1, leak, 0, 4)}
    assert [text.get_text() for text in ax.texts] == ["3", "1", "4"]
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["line attractor", "fast leak"]
