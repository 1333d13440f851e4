import copy
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from yang_rnn._files import parse_json
from yang_rnn.experiment.run import Run
from yang_rnn.experiment.summary import summarise
from yang_rnn.experiment.task_run import TaskRun
from yang_rnn.line_attractor.criteria import VERDICTS
from yang_rnn.line_attractor.mechanism import MECHANISMS
from yang_rnn.report.answer import answer_of, bias_of, question_of
from yang_rnn.report.glossary import does, why


@pytest.fixture
def summary(run_folder: Path) -> dict[str, Any]:
    return parse_json((run_folder / "summary.json").read_text())


def test_the_first_sentence_has_the_training_and_the_accuracies(
    summary: dict[str, Any], small_run: Run
):
    said = answer_of(summary, small_run.recipe).trained.replace("\u00a0", " ")
    for part in (
        "8 units", "2 epochs", "50 new trials", f"{100 * summary['test_accuracy']:.1f} %",
        f"{100 * summary['ideal_observer_accuracy']:.1f} %", "guessing in 50.0 %",
    ):  # fmt: skip
        assert part in said


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("mechanism", [MECHANISMS[0], MECHANISMS[-1]])
def test_the_second_sentence_says_what_it_does_and_why(
    verdict: str, mechanism: str, summary: dict[str, Any], small_run: Run
):
    judged = copy.deepcopy(summary["line_attractor"])
    judged |= {"verdict": verdict, "mechanism": mechanism}
    judged["measures"]["efficiency"] = 0.625
    said = answer_of(summary | {"line_attractor": judged}, small_run.recipe).found
    assert does(verdict)[-30:] in said
    assert f"called {mechanism}: {why(mechanism)}." in said
    measured = verdict not in ("not learned", "inconclusive")
    assert ("62.5\u00a0% of the information" in said) == measured


def test_how_much_a_turning_integrator_keeps_is_said_of_what_it_keeps(
    summary: dict[str, Any], small_run: Run
):
    judged = copy.deepcopy(summary["line_attractor"]) | {"verdict": "turning integrator"}
    judged["measures"]["efficiency"] = 0.577
    said = answer_of(summary | {"line_attractor": judged}, small_run.recipe).found
    assert (
        "the network keeps 57.7\u00a0% of the information in the evidence until the choice" in said
    )


def test_the_third_sentence_says_what_tells_of_other_networks(
    summary: dict[str, Any], small_run: Run, small_task_run: TaskRun
):
    for trust in (
        answer_of(summary, small_run.recipe).trust,
        answer_of(summarise(small_task_run), small_task_run.recipe).trust,
    ):
        assert "trained from another seed" in trust
        assert "a sweep of seeds, whose command stands at the end of this page, tells" in trust
    own = dataclasses.replace(small_task_run.recipe, task="dinner", task_settings=())
    assert "a sweep of seeds tells" in answer_of(summarise(small_task_run), own).trust


@pytest.mark.parametrize(
    ("share", "low", "high", "said", "large"),
    [
        (
            0.99,
            0.95,
            1.0,
            "choice 2 in 99.0\u00a0% of trials",
            True,
        ),
        (
            0.13,
            0.1,
            0.2,
            "choice 1 in 87.0\u00a0% of trials",
            True,
        ),
        (
            0.6,
            0.55,
            0.65,
            "choice 2 in 60.0\u00a0% of trials",
            False,
        ),
        (0.6, 0.4, 0.8, "", False),
    ],
)
def test_a_bias_is_told_and_a_large_one_at_once(
    share: float, low: float, high: float, said: str, large: bool,
    summary: dict[str, Any], small_run: Run,
):  # fmt: skip
    curve = {"strength": [-5.0, 0.0, 5.0], "probability": [0.2, share, 0.9]}
    curve |= {"low": [0.1, low, 0.8], "high": [0.3, high, 1.0]}
    told = summary | {"psychometric": curve}
    assert said in bias_of(told)
    assert bool(bias_of(told)) == bool(said)
    assert ("the network makes choice" in answer_of(told, small_run.recipe).trained) == large


@pytest.mark.parametrize(
    ("bias", "said", "large"),
    [
        ((-6.0, -7.0, -5.0), "the network prefers choice 2: both are made alike only with", True),
        ((6.0, 5.0, None), "the network prefers choice 1", True),
        ((-1.0, -2.0, -0.5), "the network prefers choice 2", False),
        ((-1.0, -2.0, 0.5), "", False),
        ((None, None, -5.0), "", False),
    ],
)  # fmt: skip
def test_a_bias_of_trials_that_all_have_evidence_is_that_of_the_fit(
    bias: tuple[float | None, ...], said: str, large: bool,
    summary: dict[str, Any], small_run: Run,
):  # fmt: skip
    curve = {"strength": [-5.0, 5.0], "probability": [0.2, 0.9], "low": [0, 0], "high": [1, 1]}
    fit = {of: dict(zip(("value", "low", "high"), bias, strict=True)) for of in ("bias",)}
    fit["threshold"] = {"value": 5.0, "low": 4.0, "high": 6.0}
    told = summary | {"psychometric": curve, "psychometric_fit": fit}
    assert bias_of(told).startswith(said)
    assert bool(bias_of(told)) == bool(said)
    assert ("the network prefers choice" in answer_of(told, small_run.recipe).trained) == large
    assert bias_of(told | {"psychometric_fit": None}) == ""


def test_the_third_sentence_says_what_is_proved(summary: dict[str, Any], small_run: Run):
    proved = {"number": 3, "continua": 0, "proved": True}
    said = answer_of(summary | {"every_fixed_point": proved}, small_run.recipe).trust
    assert "How far to trust this: it is proved that it has 3 fixed points and no other" in said
    none = proved | {"number": 0}
    said = answer_of(summary | {"every_fixed_point": none}, small_run.recipe).trust
    assert "How far to trust this: it is proved that it has no fixed point" in said
    open_ = {"every_fixed_point": proved | {"proved": False}, "newton": {"fixed": 2, "slow": 0}}
    said = answer_of(summary | open_, small_run.recipe).trust
    assert "2 fixed points were found by search, and there may be others" in said
    missing = open_ | {"index": {"incomplete": True}}
    assert "known to be missing" in answer_of(summary | missing, small_run.recipe).trust


def test_the_third_sentence_says_what_is_near_and_what_is_open(
    summary: dict[str, Any], small_run: Run
):
    judged = summary["line_attractor"] | {"verdict": "fast leak", "near": "leaky integrator"}
    said = answer_of(summary | {"line_attractor": judged}, small_run.recipe).trust
    assert "may as well be called leaky integrator" in said
    judged = judged | {"near": ""}
    said = answer_of(summary | {"line_attractor": judged}, small_run.recipe).trust
    assert "no threshold lies within the 95 % interval of a number that decides" in said
    judged = judged | {"verdict": "inconclusive", "reason": "this but that"}
    assert "(this but that)" in answer_of(
        summary | {"line_attractor": judged}, small_run.recipe
    ).trust  # fmt: skip
    judged = judged | {"verdict": "not learned"}
    said = answer_of(summary | {"line_attractor": judged}, small_run.recipe).trust
    assert "a network that can't do the task" in said


@pytest.mark.parametrize(
    ("share", "low", "high", "said", "large"),
    [
        (0.52, 0.45, 0.59, "", False),
        (0.6, 0.55, 0.65, "makes choice 2 in 60.0 % of trials, not in half", False),
        (0.9, 0.85, 0.95, "makes choice 2 in 90.0 % of trials, not in half", True),
        (0.13, 0.1, 0.2, "makes choice 1 in 87.0 % of trials, not in half", True),
    ],
)
def test_a_bias_is_told_and_a_large_one_in_the_first_sentence(
    summary: dict[str, Any], small_run: Run, share: float, low: float, high: float, said: str,
    large: bool,
):  # fmt: skip
    curve = {"strength": [-5.0, 0.0, 5.0], "probability": [0.1, share, 0.9]}
    curve |= {"low": [0.0, low, 0.8], "high": [0.2, high, 1.0]}
    summary = summary | {"psychometric": curve}
    assert said in bias_of(summary).replace("\u00a0", " ")
    assert bool(bias_of(summary)) == bool(said)
    assert ("costs it right decisions" in answer_of(summary, small_run.recipe).trained) is large


def test_a_bias_is_not_told_where_no_trial_was_without_evidence(summary: dict[str, Any]):
    assert bias_of(summary | {"psychometric": None}) == ""
    assert bias_of(summary | {"psychometric": {"strength": [-5.0, 5.0]}}) == ""


def test_what_is_found_is_said_to_be_of_one_network(summary: dict[str, Any], small_run: Run):
    assert "this one network" in answer_of(summary, small_run.recipe).trust


def test_a_slow_point_and_none_are_told(summary: dict[str, Any], small_run: Run):
    slow = {"status": "slow"}
    said = answer_of(summary | {"analysed_point": slow}, small_run.recipe).trust
    assert "stands on a slow point" in said
    assert "none was found" in answer_of(
        summary | {"analysed_point": None}, small_run.recipe
    ).trust  # fmt: skip


def test_less_than_guessing_is_told(summary: dict[str, Any], small_run: Run):
    worse, better = ({"test_accuracy": value} for value in (0.4, 0.6))
    assert "less than guessing" in answer_of(summary | worse, small_run.recipe).trained
    assert "less than guessing" not in answer_of(summary | better, small_run.recipe).trained


def test_a_task_is_answered_by_context(small_task_run: TaskRun):
    summary, recipe = summarise(small_task_run), small_task_run.recipe
    assert question_of(summary, recipe).endswith("do the task RateContextDecisionMaking?")
    said = answer_of(summary, recipe)
    assert said.trained.endswith("it has not learned the task.")
    for context, verdict in small_task_run.verdicts.items():
        assert context in said.found
        assert f"it is judged {verdict.label} (mechanism: {verdict.mechanism})" in said.found
    assert said.trust.startswith("All of this is of a network that can't do the task")
    proved = sum(row["fixed_points_proved"] for row in summary["inputs"])
    if proved == len(summary["inputs"]):
        assert "at every input it is proved" in said.trust
    else:
        assert f"at {proved} of {len(summary['inputs'])} inputs it is proved" in said.trust


def test_contexts_that_are_alike_are_told_together(small_task_run: TaskRun):
    summary = summarise(small_task_run)
    judged = next(iter(summary["line_attractor"].values()))
    alike = summary | {"line_attractor": {"context 0": judged, "context 1": judged}}
    said = answer_of(alike, small_task_run.recipe).found
    assert said.startswith("In context 0 and context 1 it is judged")
    assert said.count("it is judged") == 1


def test_a_task_without_alternatives_is_answered_by_its_points(small_task_run: TaskRun):
    summary = summarise(small_task_run) | {"line_attractor": {}}
    rows = summary["inputs"]
    said = answer_of(summary, small_task_run.recipe).found
    assert said.startswith(f"At {len(rows)} constant inputs of the task it has")
    assert str(max(row["fixed"] for row in rows)) in said
