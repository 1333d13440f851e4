"""What a run or a sweep was to find out, and the answer in three sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from yang_rnn.recipe import Recipe
from yang_rnn.report.again import has_command
from yang_rnn.report.glossary import does, why
from yang_rnn.report.numbers import counted, percent

Summary = Mapping[str, Any]
"""What `summarise` gives."""


class Answer(NamedTuple):
    """The answer of a report in three sentences.

    Attributes
    ----------
    trained : str
        What was trained, and how well it does.
    found : str
        What the network does with evidence, and why.
    trust : str
        How far to trust that.
    """

    trained: str
    found: str
    trust: str


def question_of(summary: Summary, recipe: Recipe) -> str:
    """Return what a run was to find out."""
    if recipe.is_perceptual:
        return (
            f"How does a network of {recipe.hidden} units decide which of {recipe.choices} noisy "
            "inputs is stronger?"
        )
    return f"How does a network of {recipe.hidden} units do the task {summary['task']}?"


def answer_of(summary: Summary, recipe: Recipe) -> Answer:
    """Answer a run's question.

    Parameters
    ----------
    summary : mapping
        As `summarise` gives it.
    recipe : Recipe
        The run's.
    """
    if recipe.is_perceptual:
        judged = summary["line_attractor"]
        found = _no_verdict(recipe.choices) if judged is None else found_of(judged)
        return Answer(_trained(summary, recipe), found, _trust(summary, recipe))
    trust = _trust_in_task(summary, recipe)
    return Answer(_trained_on_task(summary), _found_in_task(summary), trust)


def _practised(summary: Summary) -> str:
    return (
        f"A recurrent network of {summary['hidden']} units was trained for "
        f"{counted(summary['epochs'], 'epoch')}"
    )


def _trained(summary: Summary, recipe: Recipe) -> str:
    reached, best = summary["test_accuracy"], summary["ideal_observer_accuracy"]
    guess = 1 / recipe.choices
    less = ", less than guessing" if reached < guess else ""
    beyond = " (what is beyond the ideal observer's is chance)" if reached > best else ""
    bias = bias_of(summary)
    leaning = f"; {bias}, which costs it right decisions" if bias and is_large_bias(summary) else ""
    return (
        f"{_practised(summary)} to tell which of {recipe.choices} noisy inputs is stronger; of "
        f"{summary['test_trials']:,} new trials it decides {percent(reached)} right{less}, where "
        f"an ideal observer, who uses all the evidence, would be right in {percent(best)} and "
        f"guessing in {percent(guess)}{beyond}{leaning}."
    )


def bias_of(summary: Summary) -> str:
    """Say which choice a network prefers without evidence, in a clause; empty where it has none."""
    curve = summary["psychometric"]
    if curve is None:
        return ""
    if 0 not in curve["strength"]:
        return _fitted_bias(summary.get("psychometric_fit"))
    at = curve["strength"].index(0)
    if curve["low"][at] <= 0.5 <= curve["high"][at]:
        return ""
    share = curve["probability"][at]
    choice, share = (2, share) if share > 0.5 else (1, 1 - share)
    share = percent(share)
    return f"without evidence the network makes choice {choice} in {share} of trials, not in half"


def is_large_bias(summary: Summary) -> bool:
    """Tell whether a network makes one choice more than twice as often as the other, at rest."""
    curve, fit = summary["psychometric"], summary.get("psychometric_fit")
    if 0 in curve["strength"]:
        share = curve["probability"][curve["strength"].index(0)]
        return abs(share - 0.5) > 1 / 6
    if fit is None or fit["bias"]["value"] is None or fit["threshold"]["value"] is None:
        return False
    return abs(fit["bias"]["value"]) > TWO_TO_ONE * fit["threshold"]["value"]


TWO_TO_ONE = 0.43
"""Bias over the threshold at which a cumulative normal has two thirds of one choice at rest."""


def _fitted_bias(fit: Summary | None) -> str:
    """Say which choice a fitted curve prefers, where its interval leaves out 0."""
    if fit is None or fit["bias"]["value"] is None:
        return ""
    value, low, high = (fit["bias"][part] for part in ("value", "low", "high"))
    if (low is None or low <= 0) and (high is None or high >= 0):
        return ""
    preferred, other = (1, 2) if value > 0 else (2, 1)
    return (
        f"the network prefers choice {preferred}: both are made alike only with evidence of "
        f"{abs(value):.3g} % for choice {other}"
    )


KEEPS = "keeps half of the evidence or more"
"""What is said of a network without saying how much it keeps."""


def found_of(judged: Summary) -> str:
    """Say what a network does with evidence and why, from its verdict in a summary."""
    label, mechanism = judged["verdict"], judged["mechanism"]
    kept = judged["measures"].get("efficiency")
    clause, share = does(label), ""
    if label not in ("not learned", "inconclusive") and kept is not None:
        told = clause.replace(KEEPS, f"keeps {percent(kept)} of the information in the evidence", 1)
        if told == clause:
            share = f" (its decisions use {percent(kept)} of the information in it)"
        clause = told
    named = "It is inconclusive" if label == "inconclusive" else f"It is {_a(label)}"
    named = "It has not learned the task" if label == "not learned" else named
    return (
        f"{named}, which means that {clause}{share}; the mechanism is called {mechanism}: "
        f"{why(mechanism)}.{_less_than_expected(judged)}"
    )


def _less_than_expected(judged: Summary) -> str:
    """Say that more is lost than the mechanism would lose, where both sentences stand together."""
    if (judged["verdict"], judged["mechanism"]) != ("fast leak", "slow direction"):
        return ""
    return (
        " That alone would keep half of the evidence or more, and less was measured: it is not all "
        "of what happens."
    )


def _a(label: str) -> str:
    return f"{'an' if label[0] in 'aeiou' else 'a'} {label}"


def _no_verdict(choices: int) -> str:
    return (
        f"What it does with evidence is not judged, since it has {choices} choices and the verdict "
        "is for two; the figures show its states and its fixed points."
    )


def _trust(summary: Summary, recipe: Recipe) -> str:
    parts = [_points_known(summary), _stands_on(summary["analysed_point"])]
    judged = summary["line_attractor"]
    if judged is not None:
        parts.append(reliance(judged))
    return f"How far to trust this: {_clauses(parts)}. {one_network(recipe)}"


def one_network(recipe: Recipe) -> str:
    """Say that a run is of one network, and what tells how often another is judged alike."""
    where = ", whose command stands at the end of this page," if has_command(recipe) else ""
    return (
        "All of it is of this one network, errors too: trained from another seed, or on a machine "
        f"that rounds otherwise, it may be judged otherwise; a sweep of seeds{where} tells how "
        "often."
    )


def _points_known(summary: Summary) -> str:
    every, found = summary.get("every_fixed_point"), summary["newton"]["fixed"]
    by_index = summary.get("index")
    if every is not None and every["proved"]:
        if not every["number"] and not every["continua"]:
            return "it is proved that it has no fixed point"
        return f"it is proved that it has {counted(every['number'], 'fixed point')} and no other"
    text = f"{counted(found, 'fixed point')} {'was' if found == 1 else 'were'} found by search"
    if by_index is not None and by_index["incomplete"]:
        return f"{text}, and some are known to be missing"
    return f"{text}, and there may be others"


def _stands_on(point: Summary | None) -> str:
    if point is None:
        return "the equations could not be looked at around any point, for none was found"
    if point["status"] != "fixed":
        return "the analysis stands on a slow point, and holds only while the state is near it"
    return ""


def reliance(judged: Summary) -> str:
    """Say how far to trust a verdict of a summary, in a clause."""
    if judged["verdict"] == "not learned":
        return "what is said of its mechanism is of a network that can't do the task"
    if judged["verdict"] == "inconclusive":
        return f"the verdict is open ({judged['reason']})"
    parts = []
    if judged["near"]:
        parts.append(
            f"a number lies so near a threshold that it may as well be called {judged['near']}"
        )
    else:
        parts.append("no threshold lies within the 95 % interval of a number that decides")
    measures = judged["measures"]
    seen, predicted = measures.get("efficiency"), measures.get("response_efficiency")
    if seen is not None and predicted is not None:
        parts.append(
            f"its equations predict that {percent(predicted)} of the information is used, where "
            f"{percent(seen)} was measured"
        )
    return ", and ".join(parts)


def _clauses(parts: list[str]) -> str:
    return "; ".join(part for part in parts if part)


def _sentence(parts: list[str]) -> str:
    text = _clauses(parts)
    return f"{text[:1].upper()}{text[1:]}."


def _trained_on_task(summary: Summary) -> str:
    text = f"{_practised(summary)} on the task {summary['task']}; of "
    text += f"{summary['test_trials']:,} new trials it does {percent(summary['test_accuracy'])} "
    text += "right"
    if summary["chance"] is not None:
        text += f", where the best single answer would be right in {percent(summary['chance'])}"
    if summary["explained_variance"] is not None:
        text += (
            f", and its outputs explain {percent(summary['explained_variance'])} of what they "
            "should be"
        )
    return f"{text}: it has {'' if summary['learned'] else 'not '}learned the task."


def _found_in_task(summary: Summary) -> str:
    verdicts = summary["line_attractor"]
    if verdicts:
        alike: dict[tuple[str, str], list[str]] = {}
        for context, judged in verdicts.items():
            alike.setdefault((judged["verdict"], judged["mechanism"]), []).append(context)
        return _sentence(
            [
                f"{_within(contexts)}it is judged {verdict} (mechanism: {mechanism}), that is, "
                f"{does(verdict)}"
                for (verdict, mechanism), contexts in alike.items()
            ]
        )
    counts = [row["fixed"] for row in summary["inputs"]]
    if not counts:
        return "There are no inputs at which to look for fixed points."
    return (
        f"At {counted(len(counts), 'constant input')} of the task it has "
        f"{_from_to(counts)} each, around which its activity moves."
    )


def _within(contexts: list[str]) -> str:
    named = [context for context in contexts if context]
    return f"in {' and '.join(named)} " if named else ""


def _from_to(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return counted(low, "fixed point") if low == high else f"{low} to {high} fixed points"


def _trust_in_task(summary: Summary, recipe: Recipe) -> str:
    rows = summary["inputs"]
    proved = sum(row.get("fixed_points_proved") is True for row in rows)
    parts = []
    if not summary["learned"]:
        parts.append("all of this is of a network that can't do the task")
    if proved == len(rows):
        parts.append("at every input it is proved that there are no other fixed points")
    else:
        parts.append(
            f"at {proved} of {counted(len(rows), 'input')} it is proved that there are no other "
            "fixed points, at the others there may be"
        )
    near = [f"{judged['near']}" for judged in summary["line_attractor"].values() if judged["near"]]
    if near:
        parts.append(f"a number lies so near a threshold that it may as well be called {near[0]}")
    return f"{_sentence(parts)} {one_network(recipe)}"
