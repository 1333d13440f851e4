"""Draw what the number of hidden units changes, from `hidden.csv` beside this file.

python results/units.py
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas
from matplotlib.figure import Figure

import yang_rnn as yr
from yang_rnn.ensemble.table import summary_of
from yang_rnn.figures.outcomes import MECHANISM_COLOURS, VERDICT_COLOURS
from yang_rnn.figures.style import styled

HERE = Path(__file__).parent
COLUMNS = {
    "efficiency": "share of the evidence that\ndecisions keep (efficiency)",
    "decision_time_constant": "time constant of decisions (s)",
    "accuracy": "accuracy",
}


@styled
def drawn(table: pandas.DataFrame, summary: Any) -> Figure:
    """Draw shares of verdicts and mechanisms, and three numbers, by the number of units."""
    units = sorted(table["hidden"].unique())
    figure = Figure(figsize=(11.0, 6.4), layout="constrained")
    above, below = np.ravel(np.asarray(figure.subfigures(2, 1)))
    kinds = {"verdict": VERDICT_COLOURS, "mechanism": MECHANISM_COLOURS}
    for ax, (of, colours) in zip(above.subplots(1, 2), kinds.items(), strict=True):
        bottom = np.zeros(len(units))
        for name, colour in colours.items():
            rows = summary[(summary["of"] == of) & (summary["outcome"] == name)]
            share = rows.set_index("hidden")["share"].reindex(units).to_numpy()
            if share.any():
                ax.bar(range(len(units)), share, bottom=bottom, color=colour, label=name)
            bottom += share
        ax.set_ylabel("share of networks")
        ax.set_title("what they do" if of == "verdict" else "why")
        ax.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    rng = np.random.default_rng(0)
    for ax, (column, label) in zip(below.subplots(1, 3), COLUMNS.items(), strict=True):
        ax.set_ylabel(label)
        for k, number in enumerate(units):
            values = table[table["hidden"] == number][column].dropna().to_numpy(float)
            if column == "decision_time_constant":
                values = values[(values > 0) & (values < 1e4)] / 1000
            spread = k + rng.uniform(-0.18, 0.18, len(values))
            ax.plot(spread, values, ".", color="0.6", markersize=4)
            ax.plot([k - 0.25, k + 0.25], [np.median(values)] * 2, color="black")
    for ax in figure.axes:
        ax.set_xticks(range(len(units)), [str(n) for n in units])
        ax.set_xlabel("hidden units")
    return figure


def main() -> None:
    """Write the figure into `docs`; print shares and medians."""
    table = pandas.read_csv(HERE / "hidden.csv")
    table["error"] = table["failed"].map({True: "failed", False: ""})
    summary: Any = summary_of(table, ["hidden"])
    figure = drawn(table, summary)
    yr.figures.sign(figure, f"primer, {table['seed'].nunique()} seeds each; lines are medians")
    yr.figures.save(figure, HERE.parent / "docs" / "units")
    shown = summary[summary["count"] > 0]
    print(
        shown[["hidden", "of", "outcome", "count", "share", "low", "high"]].to_string(index=False)
    )
    print(table.groupby("hidden")[list(COLUMNS)].median().to_string())


if __name__ == "__main__":
    main()
