"""Draw how often each recipe gives each verdict, from the tables beside this file.

python results/draw.py
"""

from pathlib import Path

import pandas

import yang_rnn as yr
from yang_rnn.ensemble.table import summary_of

HERE = Path(__file__).parent


def tables_in(folder: Path) -> pandas.DataFrame:
    """Read the tables of both recipes into one."""
    parts = [pandas.read_csv(folder / f"{recipe}.csv") for recipe in ("notebook", "primer")]
    table = pandas.concat(parts, ignore_index=True)
    table["error"] = table["failed"].map({True: "failed", False: ""})
    return table


def main() -> None:
    """Write the summaries beside the tables and the figure into `docs`; print the summaries."""
    table = tables_in(HERE)
    summary = summary_of(table, ())
    summary.to_csv(HERE / "summary.csv", index=False, float_format="%.5g")
    figure = yr.figures.sweep(table, summary=summary)
    counts = [f"{recipe}, {len(rows)} networks" for recipe, rows in table.groupby("recipe")]
    yr.figures.sign(figure, "; ".join(counts))
    yr.figures.save(figure, HERE.parent / "docs" / "how_often")
    print(summary.to_string(index=False))


if __name__ == "__main__":
    main()
