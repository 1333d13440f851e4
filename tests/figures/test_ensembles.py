from typing import Any

import numpy as np
import pandas
from drawn import paths_of, points_of, projected

from yang_rnn import figures
from yang_rnn.ensemble.table import summary_of
from yang_rnn.figures.ensembles import VERDICT_COLOURS, Portrait
from yang_rnn.line_attractor.criteria import VERDICTS


def swept(counts: dict[str, int], recipe: str, units: int = 64, without: int = 0) -> Any:
    """Return a made table: so many networks of each verdict, some of them without a point."""
    verdicts = [verdict for verdict, count in counts.items() for _ in range(count)]
    n = len(verdicts)
    table = pandas.DataFrame(
        {
            "recipe": recipe,
            "hidden": units,
            "seed": range(n),
            "error": "",
            "accuracy": 0.9,
            "verdict": verdicts,
            "eigenvalue_real": np.linspace(0.8, 0.99, n),
            "eigenvalue_imag": 0.0,
            "time_constant": np.geomspace(400, 9000, n) * np.where(np.arange(n) % 2, 1, -1),
        }
    )
    table.loc[range(without), ["eigenvalue_real", "eigenvalue_imag", "time_constant"]] = np.nan
    return table


def test_each_verdict_has_a_colour():
    assert tuple(VERDICT_COLOURS) == VERDICTS
    assert len(set(VERDICT_COLOURS.values())) == len(VERDICTS)


def test_sweep_figure_counts_each_recipe_by_itself():
    first = swept({"no slow structure": 3, "rotation": 5}, "notebook", without=3)
    second = swept({"line attractor": 4, "inconclusive": 2}, "primer")
    table = pandas.concat([first, second], ignore_index=True)
    figure: Any = figures.sweep(table, summary_of(table, ()), ())
    shares, *others = figure.axes
    bars = [bar.get_height() for bar in shares.patches]
    np.testing.assert_allclose(sorted(bar for bar in bars if bar), [2 / 6, 3 / 8, 5 / 8, 4 / 6])
    assert [ax.get_title() for ax in others] == [
        "leading eigenvalues\nnotebook",
        "time constants\nnotebook",
        "leading eigenvalues\nprimer",
        "time constants\nprimer",
    ]
    assert [text.get_text() for text in others[1].texts] == ["3 without a slow point"]
    assert not others[3].texts
    for times, number in ((others[1], 5), (others[3], 6)):
        heights = [bar.get_height() for bar in times.patches]
        assert sum(heights) == number
    np.testing.assert_allclose(others[1].get_xlim(), others[3].get_xlim())
    dots = [
        line for line in others[2].lines if line.get_color() == VERDICT_COLOURS["line attractor"]
    ]
    assert len(dots) == 2
    np.testing.assert_allclose(dots[0].get_xdata(), second["eigenvalue_real"][:4])


def test_sweep_figure_of_many_groups_puts_them_together():
    tables = [swept({"rotation": 2}, "notebook", units) for units in range(8, 13)]
    table = pandas.concat(tables, ignore_index=True)
    figure: Any = figures.sweep(table, summary_of(table, ("hidden",)), (), ("hidden",))
    assert len(figure.axes) == 3
    assert sum(bar.get_height() for bar in figure.axes[2].patches) == 10
    four: Any = table[table["hidden"] < 12]
    figure = figures.sweep(four, summary_of(four, ("hidden",)), (), ("hidden",))
    assert figure.axes[1].get_title() == "leading eigenvalues\nnotebook, hidden 8"
    assert len(figure.axes) == 9


def test_sweep_figure_shows_portraits_and_what_they_are_averaged_by(judged: Any):
    table = swept({"rotation": 2}, "notebook")
    portraits = [Portrait(f"seed{k}: rotation", judged.pca, judged.mean) for k in range(5)]
    summary = summary_of(table, ())
    figure: Any = figures.sweep(table, summary, portraits, label="contrast")
    assert figure.subfigs[1].get_suptitle().startswith("averaged trajectories by contrast: blue")
    panels = figure.subfigs[1].axes
    assert [ax.get_title() for ax in panels[:5]] == [portrait.title for portrait in portraits]
    assert [ax.axison for ax in panels] == [True] * 5 + [False] * 3
    lines = paths_of(panels[0], 22)
    for line, index in zip(lines, (0, 1, 3, 4), strict=True):
        expected = projected(judged.pca, judged.mean.activity[:, index])
        np.testing.assert_allclose(points_of(line), expected)
