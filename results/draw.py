"""Draw how often each recipe gives each verdict, from the tables beside this file.

python results/draw.py
"""

import dataclasses
from pathlib import Path
from typing import Any

import pandas

import yang_rnn as yr
from yang_rnn.ensemble.table import summary_of
from yang_rnn.line_attractor.criteria import judge

HERE = Path(__file__).parent
LEARNED = 0.7  # a network of lower accuracy is said to have learned little
LEAK = {"evidence kept by the leading mode", "evidence kept by the manifold"}


def only_leaky(row: Any) -> bool:
    """Tell whether a network meets all criteria of a line attractor but those on its leak."""
    names = [f.name for f in dataclasses.fields(yr.Measures)]
    found = {name: row[name] for name in names if name in row and not pandas.isna(row[name])}
    for name in ("eigenvalue", "second_eigenvalue"):
        found[name] = complex(row[f"{name}_real"], row[f"{name}_imag"])
    _, _, criteria = judge(yr.Measures(**found))
    doubts = {criterion.name for criterion in criteria if criterion.outcome != "for"}
    return bool(doubts) and doubts <= LEAK


def tables_in(folder: Path) -> pandas.DataFrame:
    """Read the tables of both recipes into one."""
    parts = [pandas.read_csv(folder / f"{recipe}.csv") for recipe in ("notebook", "primer")]
    return pandas.concat(parts, ignore_index=True)


def main() -> None:
    """Write the summaries beside the tables and the figure into `docs`; print the summaries."""
    table = tables_in(HERE)
    summary = summary_of(table, ())
    summary.to_csv(HERE / "summary.csv", index=False)
    figure = yr.figures.sweep(table, summary, ())
    counts = [f"{recipe}, {len(rows)} networks" for recipe, rows in table.groupby("recipe")]
    yr.figures.sign(figure, "; ".join(counts))
    yr.figures.save(figure, HERE.parent / "docs" / "how_often")
    print(summary.to_string(index=False))
    for (recipe, verdict), rows in table.groupby(["recipe", "verdict"]):
        leaky = int(rows.apply(only_leaky, axis=1).sum())
        if leaky:
            print(f"{recipe}, {verdict}: {leaky} of {len(rows)} fail by their leak alone")
    for recipe, rows in table[table["accuracy"] < LEARNED].groupby("recipe"):
        counts = rows["verdict"].value_counts()
        listed = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
        print(f"{recipe}: {len(rows)} below {LEARNED} accuracy ({listed})")
    for recipe, rows in table.groupby("recipe"):
        print(f"{recipe}: {fixed_points_in_words(rows)}")


def fixed_points_in_words(rows: pandas.DataFrame) -> str:
    """Say how many networks have how many fixed points, and how many the search had missed."""
    proved = rows[rows["fixed_points_proved"].astype(bool)]
    counts = proved["fixed_points"].astype(int).value_counts().sort_index()
    listed = ", ".join(f"{count} with {number}" for number, count in counts.items())
    missed = proved["fixed_points_missed"]
    return (
        f"all fixed points proved of {len(proved)} of {len(rows)} networks: {listed}; "
        f"Newton's search missed {int(missed.sum())} of {int(proved['fixed_points'].sum())} "
        f"points, in {int((missed > 0).sum())} networks"
    )


if __name__ == "__main__":
    main()
