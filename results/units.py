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

HERE = Path(__file__).parent
COLUMNS = {
    "efficiency": "share of the evidence that\ndecisions keep (efficiency)",
    "decision_time_constant": "time constant of decisions (s)",
    "accuracy": "accuracy",
}


def main() -> None:
    """Write the figure into `docs`; print shares and medians."""
    table = pandas.read_csv(HERE / "hidden.csv")
    table["error"] = table["failed"].map({True: "failed", False: ""})
    summary: Any = summary_of(table, ["hidden"])
    units = sorted(table["hidden"].unique())
    figure = Figure(figsize=(10.0, 5.6), layout="constrained")
    top: Any = figure.add_gridspec(2, 6)
    for place, (of, colours) in enumerate(
        (("verdict", VERDICT_COLOURS), ("mechanism", MECHANISM_COLOURS))
    ):
        ax = figure.add_subplot(top[0, 3 * place : 3 * place + 3])
        bottom = np.zeros(len(units))
        for name, colour in colours.items():
            rows = summary[(summary["of"] == of) & (summary["outcome"] == name)]
            share = rows.set_index("hidden")["share"].reindex(units).to_numpy()
            if share.any():
                ax.bar(range(len(units)), share, bottom=bottom, color=colour, label=name)
            bottom += share
        ax.set_xticks(range(len(units)), [str(n) for n in units])
        ax.set_xlabel("hidden units")
        ax.set_ylabel("share of networks")
        ax.set_title("what they do" if of == "verdict" else "why", fontsize=9)
        ax.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    rng = np.random.default_rng(0)
    for place, (column, label) in enumerate(COLUMNS.items()):
        ax = figure.add_subplot(top[1, 2 * place : 2 * place + 2])
        for k, number in enumerate(units):
            values = table[table["hidden"] == number][column].dropna().to_numpy(float)
            if column == "decision_time_constant":
                values = values[(values > 0) & (values < 1e4)] / 1000
            spread = k + rng.uniform(-0.18, 0.18, len(values))
            ax.plot(spread, values, ".", color="0.6", markersize=4)
            ax.plot([k - 0.25, k + 0.25], [np.median(values)] * 2, color="black")
        ax.set_xticks(range(len(units)), [str(n) for n in units])
        ax.set_xlabel("hidden units")
        ax.set_ylabel(label)
    yr.figures.sign(figure, f"primer, {table['seed'].nunique()} seeds each; lines are medians")
    yr.figures.save(figure, HERE.parent / "docs" / "units")
    shown = summary[summary["count"] > 0]
    print(
        shown[["hidden", "of", "outcome", "count", "share", "low", "high"]].to_string(index=False)
    )
    print(table.groupby("hidden")[list(COLUMNS)].median().to_string())


if __name__ == "__main__":
    main()
