"""The page of a sweep: how often, which members, and why each was judged so."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np
from scipy.stats import binomtest

from yang_rnn.line_attractor.neighbours import (
    ASKED,
    is_told,
    members_of_group,
    near_in_words,
    neighbours,
)
from yang_rnn.line_attractor.words import middle_of
from yang_rnn.recipe import Recipe
from yang_rnn.report.again import sweep_command
from yang_rnn.report.answer import Answer
from yang_rnn.report.glossary import does, rule, why
from yang_rnn.report.numbers import NONE, counted, first_up, is_missing, number, percent
from yang_rnn.report.page import MOST_BYTES, render
from yang_rnn.report.parts import of_making
from yang_rnn.report.pictures import Picture
from yang_rnn.task import PerceptualDecisionMaking

_NUMBERS = {
    "accuracy": "accuracy",
    "choice_2_at_rest": "choice 2 without evidence",
    "efficiency": "evidence kept",
    "constancy": "direction kept",
    "fixed_points": "fixed points",
}
"""Columns of the table of members that are numbers, and what they are called in the page."""


_LABELS = ("verdict", "near", "mechanism")
"""What the names of columns with labels begin with."""

_NOT_NEAR = "no"
"""What stands for a verdict that is near no other."""

FEW = 20
"""Networks of a combination below which shares hardly tell combinations apart."""

_SHARES = ("accuracy", "choice_2_at_rest")
"""Those that are written in percent."""

MOST_TOLD = 3
"""Groups whose shares the answer tells one by one."""


class Cell(NamedTuple):
    """What a member has in a column, for a reader and to sort by."""

    text: str
    value: str


class Member(NamedTuple):
    """A row of the table of members.

    Attributes
    ----------
    name : str
        Of the member and its folder.
    cells : list of Cell
        Varied numbers, labels and numbers, as the columns are.
    reasons : list of tuple of str
        What each is of, and why the member was judged so.
    error : str
        Why it failed; empty if it did not.
    """

    name: str
    cells: list[Cell]
    reasons: list[tuple[str, str]]
    error: str


class Column(NamedTuple):
    """A column of the table of members.

    Attributes
    ----------
    name, title : str
        In the table, and in the page.
    choices : list of str
        What a filter of it chooses from; empty where there is none.
    """

    name: str
    title: str
    choices: list[str]

    @property
    def is_near(self) -> bool:
        """Whether it says to which other verdict members are near."""
        return self.name.split(" ")[0] == "near"


def sweep_page(
    recipe: Recipe,
    table: Any,
    summary: Any,
    varied: Sequence[str],
    names: Sequence[str],
    *,
    made_with: Mapping[str, str],
    figure: Picture | None = None,
    portraits: Mapping[str, Picture] | None = None,
    linked: bool = True,
) -> str:
    """Return the page of a sweep.

    Parameters
    ----------
    recipe : Recipe
        The numbers that all members have.
    table, summary : pandas.DataFrame
        One row per member, and one per group and outcome with its interval.
    varied : sequence of str
        Fields of the recipe that the sweep varies.
    names : sequence of str
        Of the members, as the rows of the table are.
    made_with : mapping of str
        Versions of packages, and the platform.
    figure : Picture, optional
        The sweep's figure.
    portraits : mapping from str to Picture, optional
        Of some members, by their names.
    linked : bool
        Whether members have a folder beside the page.
    """
    varied, table = list(varied), table.astype(object).where(table.notna(), None)
    columns = _columns(table, varied)
    members = [
        _member(row, name, columns) for (_, row), name in zip(table.iterrows(), names, strict=True)
    ]
    failed = [member for member in members if member.error]
    vary: dict[str, list[Any]] = {field: sorted(set(table[field].tolist())) for field in varied}
    seeds = sorted(set(table["seed"].tolist()))
    facts: dict[str, Any] = {"versions": {k: v for k, v in made_with.items() if k != "platform"}}
    facts["platform"] = made_with.get("platform", "cpu")
    own = dataclasses.replace(recipe, search="newton")
    found = _groups(table, summary, recipe)
    shown = _within_room(figure, portraits or {}, members)
    return render(
        "sweep.html",
        title=f"Sweep of {recipe.name_without('search', *varied)}",
        kind=f"Report of a sweep: {recipe.name_without('search', *varied)}, "
        f"{counted(len(members), 'network')}",
        question=_question(recipe, len(members)),
        answer=_answer(found, members, failed, varied),
        contents=[("shares", "Shares"), ("members", "Members")]
        + ([("portraits", "Portraits")] if shown[1] else [])
        + [("again", "Settings and command")],
        groups=found,
        columns=columns,
        members=members,
        failed=failed,
        figure=shown[0],
        alt=_alt(found),
        portraits=shown[1],
        labels={member.name: _label_of(member) for member in members},
        meanings={
            share.outcome: (share.meaning, rule(share.outcome))
            for group in found
            for share in group.shares
            if share.meaning
        },
        rule=rule,
        linked=linked,
        quote=quote,
        note="",
        command=sweep_command(own, seeds, vary, platform=facts["platform"]),
        **of_making(own, facts, "search", "seed", *varied),
    )


def _question(recipe: Recipe, number_of: int) -> str:
    networks = counted(number_of, "network")
    if recipe.is_perceptual:
        return f"What do {networks} do with noisy evidence, by what, and how often?"
    return f"How often do {networks} learn the task {recipe.task}, and what do they do then?"


class Share(NamedTuple):
    """How many members of a group have an outcome; near says how many are near another."""

    of: str
    outcome: str
    meaning: str
    networks: int
    judged: int
    near: str
    share: float
    low: float
    high: float


class Kind(NamedTuple):
    """Outcomes of one kind, whose shares add up to all that were counted.

    Attributes
    ----------
    of, title, note : str
        In the summary, over its table, and below it; the note may be empty.
    shares : list of Share
        The most frequent first.
    """

    of: str
    title: str
    note: str
    shares: list[Share]


class Group(NamedTuple):
    """Members of one combination of varied numbers, and what came of them.

    Attributes
    ----------
    name : str
        The varied numbers; empty where there are none.
    members, failed : int
        Those that did not fail, and those that did.
    accuracy, ideal : float
        The members' median, and the ideal observer's; None where there is no such observer.
    kept : list of tuple of str
        What is kept, evidence and direction, and its median with the middle half of the members'.
    kinds : list of Kind
        What came of them.
    """

    name: str
    members: int
    failed: int
    accuracy: float
    ideal: float | None
    kept: list[tuple[str, str]]
    kinds: list[Kind]

    @property
    def shares(self) -> list[Share]:
        """Of all kinds, in their order."""
        return [share for kind in self.kinds for share in kind.shares]


def _groups(table: Any, summary: Any, recipe: Recipe) -> list[Group]:
    """Return the counts of a summary by group, without outcomes that none has and none asks for."""
    if not len(summary):
        return []
    columns = list(summary.columns)
    keys = columns[: columns.index("of")]
    found = []
    for key, rows in summary.groupby(keys, sort=False):
        values = dict(zip(keys[1:], key[1:], strict=True))
        first, members = rows.iloc[0], members_of_group(table, keys, key)
        shares = [_share(row, members) for _, row in rows.iterrows() if is_told(row)]
        name = ", ".join(f"{field} {value}" for field, value in values.items())
        kept = [
            (_NUMBERS[name], told)
            for name in ("efficiency", "constancy")
            if name in members and (told := middle_of(members[name]))
        ]
        found.append(
            Group(name, int(first["members"]), int(first["failed"]), first["median_accuracy"],
                  _ideal(recipe, values), kept, _kinds(shares))
        )  # fmt: skip
    return found


def _share(row: Any, members: Any) -> Share:
    of, outcome = row["of"], row["outcome"]
    return Share(
        of, outcome, _meaning(of, outcome), int(row["count"]), int(row["judged"]),
        near_in_words(neighbours(members, of, outcome)), row["share"], row["low"], row["high"],
    )  # fmt: skip


def _ideal(recipe: Recipe, values: Mapping[str, Any]) -> float | None:
    """Return the ideal observer's accuracy with some numbers changed."""
    if not recipe.is_perceptual:
        return None
    plain = {name: np.asarray(value).item() for name, value in values.items()}
    return PerceptualDecisionMaking.from_recipe(
        dataclasses.replace(recipe, **plain)
    ).ideal_accuracy()


def _kinds(shares: Sequence[Share]) -> list[Kind]:
    """Return shares by what they are of: what is learned, the verdicts, the mechanisms."""
    counted_of: dict[str, list[Share]] = {}
    for share in sorted(shares, key=lambda share: -share.networks):
        counted_of.setdefault(share.of, []).append(share)
    order = sorted(counted_of, key=lambda of: of.startswith("mechanism"))
    return [Kind(of, _title(of), _note(of, shares), counted_of[of]) for of in order]


def _title(of: str) -> str:
    kind, _, context = of.partition(" ")
    what = {"verdict": "what they do", "mechanism": "by what mechanism"}.get(kind, of)
    return f"{what} ({context})" if context else what


def _note(of: str, shares: Sequence[Share]) -> str:
    """Say of which networks mechanisms are counted, where some have not learned the task."""
    kind, _, context = of.partition(" ")
    verdict = f"verdict {context}".strip()
    failures = sum(
        share.networks for share in shares if (share.of, share.outcome) == (verdict, "not learned")
    )
    if kind != "mechanism" or not failures:
        return ""
    has = "has" if failures == 1 else "have"
    return (
        f"All networks are counted, the {counted(failures, 'network')} that {has} not learned the "
        "task too."
    )


def _meaning(of: str, outcome: str) -> str:
    if of.startswith("verdict"):
        return does(outcome)
    if of.startswith("mechanism"):
        return why(outcome)
    return ""


def _columns(table: Any, varied: Sequence[str]) -> list[Column]:
    """Return the columns that a reader sees: varied numbers, labels, numbers."""
    labels = [name for name in table.columns if name.split(" ")[0] in _LABELS]
    labels = ["learned", *labels] if "learned" in table.columns else labels
    columns = [Column(field, field, []) for field in varied]
    for label in labels:
        values = [value for value in table[label] if not is_missing(value) and value != ""]
        choices = sorted({_label(value) for value in values})
        column = Column(label, label, choices)
        columns.append(column._replace(choices=[*choices, _NOT_NEAR]) if column.is_near else column)
    columns += [Column(name, title, []) for name, title in _NUMBERS.items() if name in table]
    return columns


def _label(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "yes" if value else "no"


def _member(row: Any, name: str, columns: Sequence[Column]) -> Member:
    error = "" if is_missing(row["error"]) else str(row["error"])
    cells = [_cell(_of_column(row, column), column) for column in columns]
    return Member(name, cells, _reasons(row), error)


def _of_column(row: Any, column: Column) -> Any:
    """Return what a member has in a column, and that a verdict is near no other where it is so."""
    value = row[column.name]
    if not column.is_near or (not is_missing(value) and value):
        return value
    verdict = row.get(column.name.replace("near", "verdict", 1))
    return None if is_missing(verdict) else _NOT_NEAR


def _cell(value: Any, column: Column) -> Cell:
    if is_missing(value) or value == "":
        return Cell(NONE, "")
    if column.choices or isinstance(value, (str, bool)):
        return Cell(_label(value), _label(value))
    if column.name in _SHARES:
        return Cell(percent(value), f"{value:.6g}")
    return Cell(number(value), f"{value:.6g}")


def _label_of(member: Member) -> str:
    """Return a member's name with what it does and by what."""
    said = [of for of, _ in member.reasons]
    return f"{member.name}: {', '.join(said)}" if said else member.name


def _reasons(row: Any) -> list[tuple[str, str]]:
    """Say why a member was judged so: what it does, whether that is near, and why it does it."""
    found = []
    for column in row.index:
        kind, _, context = str(column).partition(" ")
        if kind not in ("reason", "mechanism_reason") or is_missing(row[column]):
            continue
        label = row[f"{'verdict' if kind == 'reason' else 'mechanism'} {context}".strip()]
        near = row.get(f"near {context}".strip()) if kind == "reason" else None
        of = f"{context}: {label}" if context else str(label)
        of += f" (near {near})" if near and not is_missing(near) else ""
        found.append((of, str(row[column])))
    return found


def _answer(
    groups: Sequence[Group],
    members: Sequence[Member],
    failed: Sequence[Member],
    varied: Sequence[str],
) -> Answer:
    whole = len(members) - len(failed)
    by = f", with {' and '.join(varied)} varied" if varied and len(groups) > 1 else ""
    trained = f"{counted(len(members), 'network')} {'was' if len(members) == 1 else 'were'} trained"
    trained += f"{by}; " if by else "; "
    trained += f"{counted(len(failed), 'of them')} failed" if failed else "all are whole"
    accuracies = [_accuracy(group) for group in groups if group.members]
    trained += f", and the median accuracy is {', '.join(accuracies)}." if accuracies else "."
    trust = _TRUST + _few(groups)
    if not whole:
        return Answer(trained, "There is nothing to count, for all failed.", trust)
    if len(groups) > MOST_TOLD:
        return Answer(trained, f"{_over_all(groups)} {_pooled(groups)}", trust)
    most = "; ".join(map(_most, groups))
    return Answer(trained, f"What is most frequent: {most}.", trust)


_TRUST = (
    "Each share has an interval, since it comes from a limited number of networks: shares whose "
    "intervals overlap may be the same."
)


def _few(groups: Sequence[Group]) -> str:
    """Say that groups are too small to be told apart, where they are."""
    fewest = min((group.members for group in groups), default=FEW)
    if len(groups) < 2 or fewest >= FEW:
        return ""
    return (
        f" A combination has as few as {counted(fewest, 'network')} here: so few can hardly tell "
        "combinations apart, unless they differ very much."
    )


def _accuracy(group: Group) -> str:
    """Return a group's median accuracy, beside the best that there is."""
    best = "" if group.ideal is None else f" (an ideal observer's: {percent(group.ideal)})"
    where = f" with {group.name}" if group.name else ""
    return f"{percent(group.accuracy)}{where}{best}"


def _most(group: Group) -> str:
    """Say what is most frequent in a group: whether it is learned, the verdicts, the mechanisms."""
    parts = []
    for of in dict.fromkeys(share.of for share in group.shares):
        most = _most_frequent([share for share in group.shares if share.of == of])
        kind, _, where = of.partition(" ")
        by = "by " if kind == "mechanism" else ""
        told = len(most) == 1 and not group.name and most[0].meaning
        parts.append(
            f"{where + ': ' if where else ''}{_together(most, by)} "
            f"({percent(most[0].share)} of them{' each' if len(most) > 1 else ''}, interval "
            f"{percent(most[0].low)} to {percent(most[0].high)})"
            + (f": {most[0].meaning}" if told else "")
        )
    where = f"with {group.name}: " if group.name else ""
    return f"{where}{'; '.join(parts) if parts else 'none was judged'}"


def _most_frequent(shares: Sequence[Share]) -> list[Share]:
    """Return the most frequent of some outcomes: several where they are equally frequent."""
    most = max((share.networks for share in shares), default=0)
    return [share for share in shares if share.networks == most]


def _together(shares: Sequence[Share], by: str = "") -> str:
    return " and ".join(f"{by}{share.outcome}" for share in shares)


def _over_all(groups: Sequence[Group]) -> str:
    """Say what is most frequent in how many groups, where these are many."""
    counts = Counter(
        _together(_most_frequent(group.kinds[0].shares)) if group.kinds else "none that was judged"
        for group in groups
    )
    said = ", ".join(f"{outcome} in {count}" for outcome, count in counts.most_common())
    return f"Of {len(groups)} combinations, the most frequent outcome is {said}."


def _pooled(groups: Sequence[Group]) -> str:
    """Say how often the most frequent outcome and line attractors are in all groups together."""
    counts: dict[str, Counter[str]] = {}
    judged: Counter[str] = Counter()
    for group in groups:
        for kind in group.kinds:
            counts.setdefault(kind.of, Counter()).update(
                {share.outcome: share.networks for share in kind.shares}
            )
            judged[kind.of] += kind.shares[0].judged
    said = []
    for of, found in counts.items():
        name, _, where = of.partition(" ")
        if name == "mechanism" or not judged[of]:
            continue
        most = max(found.values())
        told = [outcome for outcome, count in found.items() if count == most or outcome == ASKED]
        shares = [f"{outcome} {_pooled_share(found[outcome], judged[of])}" for outcome in told]
        said.append(f"{where + ': ' if where and name == 'verdict' else ''}{', '.join(shares)}")
    return f"Over all of them together: {'; '.join(said)}." if said else ""


def _pooled_share(count: int, number_of: int) -> str:
    """Return a count with its share and Wilson's interval."""
    low, high = binomtest(count, number_of).proportion_ci(0.95, "wilson")
    return (
        f"{count:,} of {number_of:,} ({percent(count / number_of)}, interval {percent(low)} to "
        f"{percent(high)})"
    )


def _alt(groups: Sequence[Group]) -> str:
    return "How often each verdict and mechanism is. " + " ".join(
        first_up(_most(group)) + "." for group in groups
    )


def _within_room(
    figure: Picture | None, portraits: Mapping[str, Picture], members: Sequence[Member]
) -> tuple[Picture | None, dict[str, Picture]]:
    """Return the pictures that a page has room for, beside its rows."""
    size = 200_000 + sum(1_000 + sum(len(text) for _, text in member.reasons) for member in members)
    if figure is not None and size + len(figure.data) > MOST_BYTES:
        figure = None
    size += 0 if figure is None else len(figure.data)
    found = {}
    for name, picture in portraits.items():
        size += len(picture.data)
        if size > MOST_BYTES:
            break
        found[name] = picture
    return figure, found
