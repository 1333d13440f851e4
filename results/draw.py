"""Draw how often each verdict comes by each recipe, from the tables beside this file.

python results/draw.py
"""

from pathlib import Path

import pandas

import yang_rnn as yr
from yang_rnn.sweep_results import summary_of

HERE = Path(__file__).parent


def main() -> None:
    """Write the summary beside the tables and the figure into `docs`; print the summary."""
    parts = [pandas.read_csv(HERE / f"{recipe}.csv") for recipe in ("notebook", "primer")]
    table = pandas.concat(parts, ignore_index=True)
    summary = summary_of(table, ())
    summary.to_csv(HERE / "summary.csv", index=False)
    figure = yr.figures.sweep(table, summary, ())
    yr.figures.save(figure, HERE.parent / "docs" / "how_often")
    (HERE.parent / "docs" / "how_often.pdf").unlink()
    print(summary.to_string(index=False))


if __name__ == "__main__":
    main()
