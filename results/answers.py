"""What the tables beside this file say, in Markdown: each line of it is quoted in the docs.

python results/answers.py [table.csv ...]

- what networks do by why they do it, counts;
- how often the kind of integrator that follows from the map alone is the one that was measured;
- whether accuracy, loss or the time constant of decisions predict the mechanism: the area under
  the ROC curve of each mechanism against all others, with the p of Mann-Whitney's test;
- all fixed points; what networks without one do;
- how the share of line attractors changes if a threshold is moved.
"""

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas
from scipy.stats import binomtest, mannwhitneyu

import yang_rnn as yr
from yang_rnn.line_attractor.criteria import VERDICTS
from yang_rnn.line_attractor.integrators import INTEGRATORS, kind_of
from yang_rnn.line_attractor.mechanism import MECHANISMS

HERE = Path(__file__).parent
AT = yr.Thresholds()
NEAR = 0.05  # of a threshold: a network that lies nearer is left out of the agreement
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
KEEPS = (0.65, 0.7, 0.75, 0.8, 0.85)
STRAIGHT = (0.7, 0.8, 0.9)
FEWEST = 10  # networks with a mechanism, for a curve
PREDICTORS = {
    "accuracy": "accuracy",
    "final loss": "final_loss",
    "time constant of decisions": "decision_time_constant",
}
FROM_THE_MAP = {
    "linear response along trials": ("response_efficiency", "response_constancy"),
    "the linearisation at the centre": ("centre_efficiency", "centre_constancy"),
    "the flow on the manifold": ("manifold_efficiency", "response_constancy"),
}


def judged(table: pandas.DataFrame) -> pandas.DataFrame:
    """Return the networks that have a verdict, and what was measured of them."""
    rows = table[~table["failed"].astype(bool)].dropna(subset=["verdict"]).copy()
    rows["measured"] = [
        "not learned"
        if not row.right_choices >= AT.learned or math.isnan(row.efficiency)
        else kind_of(row.efficiency, row.constancy, row.early - 1.96 * row.early_error <= 0, AT)
        for row in rows.itertuples()
    ]
    return rows


def cross(rows: Any) -> None:
    """Print what networks do, by why."""
    counts = pandas.crosstab(rows["verdict"], rows["mechanism"])
    what = [name for name in VERDICTS if name in counts.index]
    why = [name for name in MECHANISMS if name in counts.columns]
    print(f"\n| what it does, by why | {' | '.join(why)} | together |")
    print("|---|" + "---|" * (len(why) + 1))
    for name in what:
        cells = [str(counts.loc[name, column]) for column in why]
        print(f"| {name} | {' | '.join(cells)} | {counts.loc[name].sum()} |")


def agreement(rows: Any) -> None:
    """Print how often the kind that follows from the map is the one that was measured."""
    learned = rows[rows["measured"] != "not learned"]
    cuts = np.array([AT.keeps, AT.loses])
    near = np.abs(learned["efficiency"].to_numpy()[:, None] - cuts).min(axis=1) < NEAR
    near |= np.abs(learned["constancy"].to_numpy() - AT.straight) < NEAR
    print("\n| by | defined | agree | agree, where no number is near a cut | median difference |")
    print("|---|---|---|---|---|")
    for name, (efficiency, constancy) in FROM_THE_MAP.items():
        known = learned[efficiency].notna().to_numpy()
        same = np.array(
            [
                kind_of(e, c, early <= 0, AT) == kind
                for e, c, early, kind in zip(
                    learned[efficiency], learned[constancy], learned["response_early"],
                    learned["measured"], strict=True,
                )
            ]
        )  # fmt: skip
        differs = (learned[efficiency] - learned["efficiency"]).abs()[known].median()
        cells = [share(same[known]), share(same[known & ~near]), f"{differs:.3f}"]
        print(f"| {name} | {known.sum()} of {len(learned)} | {' | '.join(cells)} |")
    kinds = [kind for kind in INTEGRATORS if (learned["measured"] == kind).any()]
    print(f"\n| measured, by what linear response says | {' | '.join(kinds)} |")
    print("|---|" + "---|" * len(kinds))
    said = np.array(
        [
            kind_of(row.response_efficiency, row.response_constancy, row.response_early <= 0, AT)
            for row in learned.itertuples()
        ]
    )
    for kind in kinds:
        counts = [int(((learned["measured"] == kind) & (said == other)).sum()) for other in kinds]
        print(f"| {kind} | {' | '.join(map(str, counts))} |")


def share(same: np.ndarray) -> str:
    """Write how many of some are so."""
    return f"{same.sum()} of {len(same)} ({100 * same.mean():.1f} %)" if len(same) else "none"


def spread(rows: Any) -> None:
    """Say how the networks lie to the thresholds, and how far linear response is off."""
    learned = rows[rows["measured"] != "not learned"]
    kept, constancy = (learned[name].dropna() for name in ("efficiency", "constancy"))
    levels = [
        ", ".join(f"{values.quantile(q):.2f}" for q in QUANTILES) for values in (constancy, kept)
    ]
    print(
        f"\nConstancy of direction: {levels[0]} (5, 25, 50, 75, 95 %); "
        f"{share((constancy >= AT.straight).to_numpy())} at {AT.straight} or more. "
        f"Efficiency: {levels[1]}."
    )
    differs = [
        (learned[f"response_{name}"] - learned[name]).abs().quantile([0.5, 0.95, 1.0])
        for name in ("efficiency", "constancy")
    ]
    told = ["; ".join(f"{value:.3f}" for value in values) for values in differs]
    print(
        f"Linear response is off by (50, 95, 100 %) {told[0]} in efficiency and {told[1]} in "
        f"constancy. Near a threshold: {share(rows['near'].notna().to_numpy())}."
    )


def predictors(rows: Any) -> None:
    """Print whether behaviour and training predict the mechanism."""
    print(f"\n| mechanism | networks | {' | '.join(PREDICTORS)} |")
    print("|---|---|" + "---|" * len(PREDICTORS))
    for mechanism in MECHANISMS:
        with_it = rows[rows["mechanism"] == mechanism]
        without = rows[rows["mechanism"] != mechanism]
        if min(len(with_it), len(without)) < FEWEST:
            continue
        cells = []
        for column in PREDICTORS.values():
            one, other = with_it[column].dropna(), without[column].dropna()
            test = mannwhitneyu(one, other)
            cells.append(f"{test.statistic / (len(one) * len(other)):.2f} (p {test.pvalue:.1g})")
        print(f"| {mechanism} | {len(with_it)} | {' | '.join(cells)} |")


def fixed_points(rows: Any) -> None:
    """Say how many networks have how many fixed points, and what those without one do."""
    proved = rows[rows["fixed_points_proved"].eq(True)]  # missing where none was enumerated
    counts = proved["fixed_points"].astype(int).value_counts().sort_index()
    listed = ", ".join(f"{count} with {number}" for number, count in counts.items())
    missed = proved["fixed_points_missed"]
    print(
        f"\nAll fixed points proved of {len(proved)} of {len(rows)} networks: {listed}. Newton's "
        f"search missed {int(missed.sum())} of {int(proved['fixed_points'].sum())} points, in "
        f"{int((missed > 0).sum())} networks."
    )
    none = proved[proved["fixed_points"] == 0]
    if len(none):
        away = none[none["runs_away"] == 1]
        growth = away["growth"].dropna()
        print(
            f"\nOf the {len(none)} without any, all states of {len(away)} run away within 100 s, "
            f"at a median rate of {growth.median():.2g} per s (5 to 95 %: "
            f"{growth.quantile(0.05):.2g} to {growth.quantile(0.95):.2g}); they decide right in "
            f"{100 * none['accuracy'].median():.1f} % of fresh trials (median; others "
            f"{100 * rows[rows['num_fixed'] > 0]['accuracy'].median():.1f} %) and keep a share of "
            f"{none['efficiency'].median():.2f} of its information (others "
            f"{rows[rows['num_fixed'] > 0]['efficiency'].median():.2f})."
        )


def moved(table: pandas.DataFrame) -> None:
    """Print the share of line attractors by other thresholds, among all that have a verdict."""
    print(f"\n| keeps | {' | '.join(f'straight {level:g}' for level in STRAIGHT)} |")
    print("|---|" + "---|" * len(STRAIGHT))
    for keeps in KEEPS:
        cells = []
        for straight in STRAIGHT:
            again = yr.judge_again(table, yr.Thresholds(keeps=keeps, straight=straight))
            verdicts = again["verdict"].dropna()
            count = int((verdicts == "line attractor").sum())
            low, high = binomtest(count, len(verdicts)).proportion_ci(method="wilson")
            share = 100 * count / len(verdicts)
            cells.append(f"{share:.1f} % ({100 * low:.1f} to {100 * high:.1f})")
        print(f"| {keeps:.2f} | {' | '.join(cells)} |")


def main() -> None:
    """Print all of it for each table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", type=Path)
    for path in parser.parse_args().tables or [HERE / "notebook.csv", HERE / "primer.csv"]:
        table = pandas.read_csv(path)
        rows = judged(table)
        print(f"\n## {path.stem}: {len(rows)} networks")
        cross(rows)
        agreement(rows)
        spread(rows)
        predictors(rows)
        fixed_points(rows)
        moved(table)


if __name__ == "__main__":
    main()
