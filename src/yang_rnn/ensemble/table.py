"""The results of a sweep: its tables, its portraits, its text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas

from yang_rnn._checks import check_has, shown
from yang_rnn.analysis import average_by, fit_pca
from yang_rnn.dynamics.simulation import simulate
from yang_rnn.ensemble.counting import (
    MAX_LISTED,
    Outcome,
    count_outcomes,
    describe_counts,
    describe_end,
    listed,
    meaning_of,
)
from yang_rnn.ensemble.members import member_row
from yang_rnn.experiment.names import REPORT, SUMMARY_FILE
from yang_rnn.experiment.sections import Section, written
from yang_rnn.experiment.storage import load_run, read_summary
from yang_rnn.figures.ensembles import Portrait
from yang_rnn.line_attractor.criteria import VERDICTS
from yang_rnn.line_attractor.estimates import Estimate
from yang_rnn.line_attractor.mechanism import MECHANISMS
from yang_rnn.line_attractor.words import in_words
from yang_rnn.task import PerceptualDecisionMaking

TABLE, TABLE_PARQUET, SUMMARY, FIGURE = "table.csv", "table.parquet", "summary.csv", "sweep.png"
FILES = (TABLE, TABLE_PARQUET, SUMMARY, FIGURE, REPORT)
"""The files that a sweep has besides its members and its manifest."""

NUM_PORTRAITS = 12
"""Members that a sweep's figure shows."""

PORTRAIT_TRIALS = 500
"""Fresh trials behind each portrait."""

NOT_JUDGED = "none: it is for networks with two choices"
"""What a member has in place of a verdict."""


def read_table(members: Sequence[Path], varied: Sequence[str]) -> pandas.DataFrame:
    """Read a sweep's finished members into a table, sorted by varied numbers and seed.

    Parameters
    ----------
    members : sequence of Path
        The members' folders, undamaged.
    varied : sequence of str
        Fields of the recipe that the sweep varies.

    Returns
    -------
    pandas.DataFrame
        One row per member, as `member_row` gives it.
    """
    rows = [member_row(path, varied) for path in members]
    widest = max(rows, key=len)
    table = pandas.DataFrame(rows, columns=[*widest, *set().union(*rows).difference(widest)])
    whole = ("starts_", "num_", "fixed_points", "proof_nodes", "points_on_line")
    counts = [name for name in table.columns if name.startswith(whole)]
    counts = [name for name in counts if name != "fixed_points_proved"]
    counts += [name for name in ("index_sum", "index_points_added") if name in table.columns]
    table = table.astype(dict.fromkeys(counts, "Int64"))  # whole numbers, or missing
    return table.sort_values([*varied, "seed"], ignore_index=True)


def summary_of(table: pandas.DataFrame, varied: Sequence[str] | None = None) -> pandas.DataFrame:
    """Count the verdicts and the mechanisms of each recipe and combination of varied numbers.

    Parameters
    ----------
    table : pandas.DataFrame
        That of a sweep of the perceptual task (`Sweep.table`), or what `judge_again` makes of it.
    varied : sequence of str, optional
        Fields of the recipe to group by; without it the columns before ``seed``, which are those
        that the sweep varies.

    Returns
    -------
    pandas.DataFrame
        As `count_outcomes` gives it: ``of`` is ``verdict`` or ``mechanism``, and shares are of the
        members that have a verdict, all if there are two choices.
    """
    check_has("table", table, "a DataFrame", "groupby", "columns")
    if varied is not None and not isinstance(varied, (list, tuple)):
        raise TypeError(f"`varied` must be a list of columns; got {shown(varied)}")
    needed = {"recipe"} | ({"seed"} if varied is None else set(varied))
    lacking = needed - set(table.columns)
    if lacking:
        raise ValueError(f"`table` must be that of a sweep; it lacks {sorted(lacking)}")
    if varied is None:
        columns = list(table.columns)
        varied = columns[columns.index("recipe") + 1 : columns.index("seed")]
    return count_outcomes(table, varied, _outcomes)


def _outcomes(finished: Any) -> Iterator[Outcome]:
    for of, names in (("verdict", VERDICTS), ("mechanism", MECHANISMS)):
        found = finished[of].dropna() if of in finished else finished["error"][:0]
        for name in names:
            yield of, name, int((found == name).sum()), len(found)


def portraits_of(members: Sequence[Path]) -> list[Portrait]:
    """Return the portraits of some members, evenly spread over all that have a verdict.

    Parameters
    ----------
    members : sequence of Path
        The members' folders, undamaged.
    """
    finished = [path for path in members if (path / SUMMARY_FILE).is_file()]
    verdicts = {path: read_summary(path)["line_attractor"] for path in finished}
    judged = sorted((path for path in finished if verdicts[path]), key=_group_and_seed)
    if not judged:
        return []
    chosen = np.unique(np.linspace(0, len(judged) - 1, NUM_PORTRAITS).round().astype(int))
    portraits = []
    for path in [judged[i] for i in chosen]:
        run = load_run(path)
        task = PerceptualDecisionMaking.from_recipe(run.recipe, seed=run.recipe.seeds.test)
        trials = task.sample_trials(PORTRAIT_TRIALS)
        activity = simulate(run.system, trials.inputs).activity
        mean = average_by(activity, task.two_alternatives().signed_strength(trials))
        title = f"{path.name}: {verdicts[path]['verdict']}"
        portraits.append(Portrait(title, fit_pca(activity), mean))
    return portraits


JUDGED = ("efficiency", "constancy")
"""Columns that a verdict stands on, which a verbose text tells of each member."""


def _list_members(table: Any, verbose: bool) -> list[str]:
    """Return one line per member: varied numbers, accuracy, leading eigenvalue, verdict."""
    varied = list(table.columns[1 : list(table.columns).index("seed")])
    lines = [
        "Accuracy: share of right choices in fresh trials. The eigenvalue is the leading one at "
        "the central fixed point; a negative time constant is one of growth. Near: a threshold "
        "lies within the 95 % interval of a number that decides.",
        f"{listed(varied, varied, 'seed')} accuracy      eigenvalue  time const.  verdict",
    ]
    told = [name for name in JUDGED if verbose and name in table.columns]
    if told:
        lines[0] += (
            " Efficiency: share of the evidence's information that decisions keep; constancy: "
            "cosine between what a pulse of evidence does to the state soon and late."
        )
    for _, row in table.iterrows():
        line = listed(varied, [row[name] for name in varied], row["seed"])
        if not pandas.isna(row["error"]) and row["error"]:
            lines.append(f"{line} {row['error']}")
            continue
        value, time_constant = "none", ""
        if not pandas.isna(row.get("eigenvalue_real")):
            value = in_words(complex(row["eigenvalue_real"], row["eigenvalue_imag"]))
            time_constant = f"{row['time_constant'] / 1000:.3g} s"
        near = row.get("near")
        near = "" if pandas.isna(near) or not near else f" (near {near})"
        verdict = f"{row['verdict']}{near}, by {row['mechanism']}"
        if pandas.isna(row["verdict"]):
            value, verdict = "", NOT_JUDGED
        lines.append(f"{line} {row['accuracy']:8.4f}  {value:>14}  {time_constant:>11}  {verdict}")
        if told and not pandas.isna(row["verdict"]):
            numbers = (f"{name} {Estimate(row[name], row[f'{name}_error'])}" for name in told)
            lines.append(f"{'':8}{', '.join(numbers)}")
    return lines


def _group_and_seed(member: Path) -> tuple[str, int]:
    group, _, seed = member.name.rpartition("seed")
    return group, int(seed)


def describe(table: Any, summary: Any, folder: Path, *, verbose: bool = False) -> str:
    """Return a sweep's results as text for a reader.

    Parameters
    ----------
    table, summary : pandas.DataFrame
        From `read_table` and `summary_of`; the members are listed if they are few.
    folder : Path
        The sweep's.
    verbose : bool
        Whether to list the members however many they are, with what the verdict stands on.
    """
    parts = []
    if verbose or len(table) <= MAX_LISTED:
        parts.append(Section("Members", _list_members(table, verbose)))
    counts = describe_counts(table, summary, {"verdict": "", "mechanism": "by "})
    parts.append(Section("What the networks do, and why", counts))
    return written([*parts, *meaning_of(summary), *describe_end(table, folder, FILES)])
