"""What a sweep came to: its tables, its portraits, its text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas
from scipy.stats import binomtest

from yang_rnn.analysis import average_by_coherence, fit_pca
from yang_rnn.figures.ensembles import Portrait
from yang_rnn.folder import SUMMARY_FILE
from yang_rnn.members import member_row
from yang_rnn.storage import load_run
from yang_rnn.task import PerceptualDecisionMaking
from yang_rnn.verdict import VERDICTS, in_words

NUM_PORTRAITS = 12
"""Members that a sweep's figure shows."""

PORTRAIT_TRIALS = 500
"""Fresh trials behind each portrait."""

MOST_LISTED = 32
"""A sweep of more members is summed up only."""

NOT_JUDGED = "none: it is for networks with two choices"
"""What stands in place of a verdict."""

CONFIDENCE = 0.95
"""Coverage of the intervals of a summary."""


def read_table(members: Sequence[Path], varied: Sequence[str]) -> pandas.DataFrame:
    """Read the finished members of a sweep into a table, sorted by varied numbers and seed.

    Parameters
    ----------
    members : sequence of Path
        The members' folders, undamaged.
    varied : sequence of str
        Fields of the recipe that the sweep varies.

    Returns
    -------
    pandas.DataFrame
        A row a member, as `yang_rnn.members.member_row` gives it.
    """
    rows = [member_row(path, varied) for path in members]
    widest = max(rows, key=len)
    table = pandas.DataFrame(rows, columns=[*widest, *set().union(*rows).difference(widest)])
    counts = [name for name in table.columns if name.startswith(("starts_", "num_"))]
    table = table.astype(dict.fromkeys(counts, "Int64"))  # whole, where a failed member has none
    return table.sort_values([*varied, "seed"], ignore_index=True)


def summary_of(table: pandas.DataFrame, varied: Sequence[str]) -> pandas.DataFrame:
    """Count the verdicts, for each recipe and each combination of varied numbers.

    Parameters
    ----------
    table : pandas.DataFrame
        From `read_table`.
    varied : sequence of str
        Fields of the recipe that the sweep varies.

    Returns
    -------
    pandas.DataFrame
        Columns recipe, the varied ones, verdict, count, members (finished ones), judged (those of
        them with a verdict, all if there are two choices), share of these, low and high (Wilson's
        interval of the share, 95 %), failed (members that came to an error) and median_accuracy
        (of all that did not).
    """
    rows = []
    grouped: Any = table.groupby(["recipe", *varied], sort=True)
    for key, group in grouped:
        finished = finished_of(group)
        verdicts = finished["verdict"].dropna() if "verdict" in finished else finished["error"][:0]
        for verdict in VERDICTS:
            count, judged = int((verdicts == verdict).sum()), len(verdicts)
            interval: Any = (np.nan, np.nan)
            if judged:
                interval = binomtest(count, judged).proportion_ci(CONFIDENCE, "wilson")
            rows.append(
                dict(zip(["recipe", *varied], key, strict=True))
                | {
                    "verdict": verdict,
                    "count": count,
                    "members": len(finished),
                    "judged": judged,
                    "share": count / judged if judged else np.nan,
                    "low": float(interval[0]),
                    "high": float(interval[1]),
                    "failed": len(group) - len(finished),
                    "median_accuracy": finished["accuracy"].median() if len(finished) else np.nan,
                }
            )
    return pandas.DataFrame(rows)


def finished_of(table: Any) -> Any:
    """Return the rows of a table without an error; read from CSV, no error is a missing value."""
    return table[table["error"].isna() | (table["error"] == "")]


def portraits_of(members: Sequence[Path]) -> list[Portrait]:
    """Return the portraits of some members, evenly spread over all that did not fail.

    Parameters
    ----------
    members : sequence of Path
        The members' folders, undamaged.
    """
    finished = [path for path in members if (path / SUMMARY_FILE).is_file()]
    whole = sorted(finished, key=_group_and_seed)
    chosen = np.unique(np.linspace(0, len(whole) - 1, NUM_PORTRAITS).round().astype(int))
    portraits = []
    for path in [whole[i] for i in chosen] if whole else []:
        run = load_run(path)
        fresh = PerceptualDecisionMaking.from_recipe(run.recipe, seed=run.recipe.test_seed)
        trials = fresh.sample_trials(PORTRAIT_TRIALS)
        activity = np.asarray(run.net.predict(trials.inputs)[0])
        judged = run.summary["line_attractor"]
        title = path.name if judged is None else f"{path.name}: {judged['verdict']}"
        portraits.append(Portrait(title, fit_pca(activity), average_by_coherence(activity, trials)))
    return portraits


def _list_members(table: Any) -> list[str]:
    """Return a line a member: what varies, accuracy, leading eigenvalue, time constant, verdict."""
    varied = list(table.columns[1 : list(table.columns).index("seed")])
    head = " ".join([*(f"{name:>10}" for name in varied), "seed accuracy"])
    lines = [f"{head}  leading eigenvalue  time constant  verdict"]
    for _, row in table.iterrows():
        line = " ".join([*(f"{row[name]:>10}" for name in varied), f"{row['seed']:>4}"])
        if not pandas.isna(row["error"]) and row["error"]:
            lines.append(f"{line} {row['error']}")
            continue
        value, time_constant = "none", ""
        if not pandas.isna(row.get("eigenvalue_real")):
            value = in_words(complex(row["eigenvalue_real"], row["eigenvalue_imag"]))
            time_constant = f"{row['time_constant'] / 1000:.3g} s"
        verdict = row["verdict"]
        if pandas.isna(verdict):
            value, verdict = "", NOT_JUDGED
        lines.append(f"{line} {row['accuracy']:8.4f}  {value:>18}  {time_constant:>13}  {verdict}")
    return lines


def _group_and_seed(member: Path) -> tuple[str, int]:
    group, _, seed = member.name.rpartition("seed")
    return group, int(seed)


def _counted(group: Any) -> str:
    """Say how many members there are of a group (a row of its summary), and how well they do."""
    number, failed = group["members"], group["failed"]
    text = f"{number} member{'' if number == 1 else 's'}, {failed} failed"
    return f"{text}, median accuracy {group['median_accuracy']:.4f}" if number else text


def describe(table: Any, summary: Any, folder: Path) -> str:
    """Return a sweep's summary as a few lines for a reader, and its members if they are few."""
    lines = _list_members(table) if len(table) <= MOST_LISTED else []
    columns = list(summary.columns)
    keys = columns[: columns.index("verdict")]
    grouped: Any = summary.groupby(keys, sort=False)
    for key, group in grouped:
        first = group.iloc[0]
        named = ", ".join(
            f"{value} recipe" if name == "recipe" else f"{name} {value}"
            for name, value in zip(keys, key, strict=True)
        )
        lines.append(f"{named}: {_counted(first)}")
        lines += [
            f"  {row['verdict']:<20}{row['count']:>5}  {100 * row['share']:5.1f} %  "
            f"(95 % interval {100 * row['low']:.1f} to {100 * row['high']:.1f} %)"
            for _, row in group.iterrows()
            if row["count"]
        ]
    failed = table[~table.index.isin(finished_of(table).index)]
    lines += [f"{len(rows)} failed: {error}" for error, rows in failed.groupby("error", sort=False)]
    if len(failed):
        lines.append("what failed is made again only if its folder in members/ is removed")
    lines.append(f"files: {folder}/ (table.csv, table.parquet, summary.csv, sweep.png)")
    return "\n".join(lines)
