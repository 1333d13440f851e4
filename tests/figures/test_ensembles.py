import io
from typing import Any

import numpy as np
import pandas
import pytest
from drawn import assert_legends_clear, assert_readable, paths_of, points_of, projected
from matplotlib.colors import to_hex

from yang_rnn import figures
from yang_rnn.ensemble.table import summary_of
from yang_rnn.figures.ensembles import MOST_ROWS, PANELS, Portrait
from yang_rnn.figures.outcomes import MECHANISM_COLOURS, VERDICT_COLOURS
from yang_rnn.line_attractor.thresholds import Thresholds


def swept(
    counts: dict[tuple[str, str], int], recipe: str, units: int = 64, without: int = 0
) -> Any:
    """Return a made table: so many networks of each kind, some of them without a point."""
    kinds = [kind for kind, count in counts.items() for _ in range(count)]
    n = len(kinds)
    table = pandas.DataFrame(
        {
            "recipe": recipe,
            "hidden": units,
            "seed": range(n),
            "error": "",
            "accuracy": 0.9,
            "verdict": [verdict for verdict, _ in kinds],
            "mechanism": [mechanism for _, mechanism in kinds],
            "efficiency": np.linspace(0.4, 0.9, n),
            "constancy": np.linspace(-0.2, 0.95, n),
            "eigenvalue_real": np.linspace(0.8, 0.99, n),
            "eigenvalue_imag": np.linspace(0.0, 0.1, n),
        }
    )
    table.loc[range(without), ["eigenvalue_real", "eigenvalue_imag"]] = np.nan
    return table


TURNS = ("turning integrator", "rotation")
LINE = ("line attractor", "slow direction")
LEAK = ("leaky integrator", "slow direction")


def drawn(table: Any, varied: tuple[str, ...] = (), portraits: Any = ()) -> Any:
    return figures.sweep(
        table, summary=summary_of(table, varied), portraits=portraits, varied=varied
    )


def dots_of(ax: Any, colour: str) -> np.ndarray:
    return np.concatenate(
        [points_of(line) for line in ax.lines if line.get_marker() == "."
         and to_hex(line.get_color()) == to_hex(colour)]
    )  # fmt: skip


def test_sweep_figure_draws_each_recipe_by_itself():
    first = swept({("turning integrator", "no fixed point"): 3, TURNS: 5}, "notebook", without=3)
    second = swept({LINE: 4, LEAK: 2}, "primer")
    table = pandas.concat([first, second], ignore_index=True)
    figure = drawn(table)
    assert_readable(figure)
    does, why, *panels = figure.axes
    heights = [sorted(bar.get_height() for bar in ax.patches)[-3:] for ax in (does, why)]
    np.testing.assert_allclose(heights[0], [2 / 6, 4 / 6, 1])
    np.testing.assert_allclose(heights[1], [3 / 8, 5 / 8, 1])
    assert [ax.get_title() for ax in panels] == [
        "networks,\nby what they do and why\nnotebook",
        "efficiency and constancy,\nby verdict\nnotebook",
        "leading eigenvalues,\nby mechanism\nnotebook, 3 undefined",
        "networks,\nby what they do and why\nprimer",
        "efficiency and constancy,\nby verdict\nprimer",
        "leading eigenvalues,\nby mechanism\nprimer",
    ]


def test_sweep_figure_counts_what_by_why_alike_in_all_groups():
    first = swept({("turning integrator", "no fixed point"): 3, TURNS: 5}, "notebook")
    second = swept({LINE: 4, LEAK: 2}, "primer")
    _, _, one, _, _, other, *_ = drawn(pandas.concat([first, second], ignore_index=True)).axes
    for ax in (one, other):
        assert [t.get_text() for t in ax.get_yticklabels()] == [
            "line attractor", "leaky integrator", "turning integrator",
        ]  # fmt: skip
        assert [t.get_text() for t in ax.get_xticklabels()] == [
            "slow direction", "rotation", "no fixed point",
        ]  # fmt: skip
    counted = [{t.get_position(): t.get_text() for t in ax.texts} for ax in (one, other)]
    assert counted == [{(1, 2): "5", (2, 2): "3"}, {(0, 0): "4", (0, 1): "2"}]


def test_sweep_figure_has_each_network_between_the_thresholds():
    table = swept({LINE: 4, TURNS: 2}, "primer")
    table.loc[0, "constancy"] = np.nan
    ax = drawn(table).axes[3]
    assert ax.get_title() == "efficiency and constancy,\nby verdict\n1 undefined"
    found = dots_of(ax, VERDICT_COLOURS["line attractor"])
    np.testing.assert_allclose(found, table[["constancy", "efficiency"]][:4])
    at = Thresholds()
    lines = [line.get_data() for line in ax.lines if line.get_linestyle() == "--"]
    assert lines[0][0] == [at.straight] * 2
    assert [line[1] for line in lines[1:]] == [[at.loses] * 2, [at.keeps] * 2]
    assert ax.get_xlim()[0] < table["constancy"].min()
    assert f"{at.straight:g}" in ax.get_xlabel()


def test_sweep_figure_has_eigenvalues_with_their_conjugates():
    table = swept({LINE: 3, TURNS: 2}, "primer")
    ax = drawn(table).axes[4]
    found = dots_of(ax, MECHANISM_COLOURS["slow direction"])
    above = table[["eigenvalue_real", "eigenvalue_imag"]][:3].to_numpy()
    np.testing.assert_allclose(found, np.concatenate([above, above * [1, -1]]))


def test_sweep_figure_of_many_groups_puts_them_together():
    tables = [swept({TURNS: 2}, "notebook", units) for units in range(MOST_ROWS + 1)]
    table: Any = pandas.concat(tables, ignore_index=True)
    figure = drawn(table, ("hidden",))
    assert len(figure.axes) == 5
    assert [text.get_text() for text in figure.axes[2].texts] == [str(2 * MOST_ROWS + 2)]
    few = table[table["hidden"] < 2]
    figure = drawn(few, ("hidden",))
    assert figure.axes[2].get_title().splitlines()[2] == "notebook, hidden 0"
    assert len(figure.axes) == 8


@pytest.mark.parametrize("columns", [3, 11], ids=["nothing else", "empty columns"])
def test_sweep_figure_of_networks_that_all_failed_says_so(columns: int):
    table = swept({TURNS: 3}, "notebook")
    table["error"] = "DivergenceError: far away"
    table[table.columns[4:]] = np.nan
    summary = summary_of(table, ())
    kept = table[[*table.columns[:columns]]]
    figure: Any = figures.sweep(kept, summary=summary)
    assert_readable(figure)
    assert [text.get_text() for text in figure.axes[2].texts] == ["none was judged"]
    assert not figure.axes[0].patches


def test_sweep_figure_is_the_same_of_tables_from_csv():
    table = swept({LINE: 1, TURNS: 2}, "notebook", without=1)
    back = [
        pandas.read_csv(io.StringIO(t.to_csv(index=False))) for t in (table, summary_of(table, ()))
    ]
    one, other = drawn(table), figures.sweep(back[0], summary=back[1])
    for a, b in zip(one.axes, other.axes, strict=True):
        assert a.get_title() == b.get_title()
        for mine, its in zip(a.lines, b.lines, strict=True):
            np.testing.assert_allclose(points_of(mine).astype(float), points_of(its).astype(float))


def test_sweep_figure_shows_portraits_and_what_they_are_averaged_by(judged: Any):
    table = swept({TURNS: 2}, "notebook")
    portraits = [Portrait(f"seed{k}: rotation", judged.pca, judged.mean) for k in range(5)]
    summary = summary_of(table, ())
    figure: Any = figures.sweep(table, summary=summary, portraits=portraits, condition="contrast")
    assert figure.subfigs[2].get_suptitle().startswith("averaged trajectories by contrast:\nblue")
    panels = figure.subfigs[2].axes
    assert [ax.get_title() for ax in panels[:5]] == [
        "seed0:\nrotation",
        "seed1:\nrotation",
        "seed2:\nrotation",
        "seed3:\nrotation",
        "seed4:\nrotation",
    ]
    assert [ax.axison for ax in panels] == [True] * 5 + [False] * 3
    lines = paths_of(panels[0], 22)
    for line, index in zip(lines, range(5), strict=True):
        expected = projected(judged.pca, judged.mean.activity[:, index])
        np.testing.assert_allclose(points_of(line), expected)


def four_groups() -> Any:
    """Return a table of two varied numbers with two values each."""
    return pandas.concat(
        [
            swept({LINE: 4, LEAK: 2, TURNS: 3}, "primer", units).assign(noise=noise)
            for units in (32, 64)
            for noise in (0.5, 2.0)
        ],
        ignore_index=True,
    )


def test_sweep_figure_finds_what_is_varied_in_the_summary():
    table = four_groups()
    summary: Any = summary_of(table, ["hidden", "noise"])
    titles = [ax.get_title() for ax in figures.sweep(table, summary=summary).axes]
    given = figures.sweep(table, summary=summary, varied=["hidden", "noise"])
    assert titles == [ax.get_title() for ax in given.axes]
    assert sum("hidden 32, noise 2.0" in title for title in titles) == 3
    for varied in ((), ["noise"]):
        with pytest.raises(ValueError, match="`varied` must name all numbers that `summary` has"):
            figures.sweep(table, summary=summary, varied=varied)
    with pytest.raises(ValueError, match="`varied` must be given where `summary` has no column"):
        figures.sweep(table, summary=summary.drop(columns="of"))
    with pytest.raises(ValueError, match="`varied` must be columns of table and summary"):
        figures.sweep(table.drop(columns="noise"), summary=summary)


@pytest.mark.parametrize("panel", PANELS)
def test_each_panel_of_four_combinations_fits_on_a_page_in_one_column(panel: str, judged: Any):
    table = four_groups()
    portraits = [
        Portrait(f"hidden32-seed{k}: rotation", judged.pca, judged.mean) for k in range(12)
    ]
    figure: Any = figures.sweep(
        table, summary=summary_of(table, ["hidden", "noise"]), portraits=portraits,
        panels=[panel], width="single",
    )  # fmt: skip
    across, up = 25.4 * figure.get_size_inches()
    assert across == pytest.approx(85)
    assert up <= 240
    assert_readable(figure)
    assert_legends_clear(figure)
    assert len([ax for ax in figure.axes if ax.axison]) == {"shares": 2, "portraits": 12}.get(
        panel, 4
    )


def test_marks_without_bars_have_their_colours_named():
    table = swept({LINE: 4, TURNS: 2}, "primer")
    summary: Any = summary_of(table, ())
    of_both = {
        "integration": ["line attractor", "turning integrator"],
        "eigenvalues": ["slow direction", "rotation"],
    }
    for panels in (["integration"], ["eigenvalues"], ["eigenvalues", "integration"]):
        figure: Any = figures.sweep(table, summary=summary, panels=panels)
        (legend,) = figure.subfigs[0].legends
        expected = [name for panel in of_both if panel in panels for name in of_both[panel]]
        assert [text.get_text() for text in legend.get_texts()] == expected
        assert len(figure.axes) == len(panels)
    figure = figures.sweep(table, summary=summary, panels=("shares", "integration"))
    assert not [legend for part in figure.subfigs for legend in part.legends]


@pytest.mark.parametrize(
    ("panels", "error", "message"),
    [
        ("shares", TypeError, "`panels` must be a sequence of names; got 'shares'"),
        (["share"], ValueError, "`panels` must be among shares, counts, integration"),
        ([], ValueError, "`panels` must be among"),
        (["portraits"], ValueError, "`portraits` must have one or more where they alone"),
    ],
)
def test_panels_that_can_not_be_drawn_are_an_error(panels: Any, error: Any, message: str):
    table = swept({LINE: 1}, "primer")
    with pytest.raises(error, match=message):
        figures.sweep(table, summary=summary_of(table, ()), panels=panels)
