import copy
import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import text_of

from yang_rnn._files import parse_json
from yang_rnn.experiment.names import ORDER
from yang_rnn.experiment.run import Run
from yang_rnn.experiment.summary import versions
from yang_rnn.report.again import seeds_command
from yang_rnn.report.glossary import MEASURES, WORDS, rule
from yang_rnn.report.numbers import NONE
from yang_rnn.report.page import MOST_BYTES
from yang_rnn.report.parts import curve_of, explained, of_training
from yang_rnn.report.run_page import run_page
from yang_rnn.report.writing import report_of
from yang_rnn.train import History


@pytest.fixture(scope="module")
def summary(run_folder: Path) -> dict[str, Any]:
    return parse_json((run_folder / "summary.json").read_text())


@pytest.fixture(scope="module")
def page(run_folder: Path) -> str:
    return (run_folder / "report.html").read_text()


def test_a_page_has_the_numbers_of_the_summary(page: str, summary: dict[str, Any]):
    text = text_of(page)
    judged = summary["line_attractor"]
    for part in (
        f"{100 * summary['test_accuracy']:.1f} % of 50 new trials are right",
        judged["reason"][1:], judged["mechanism_reason"][1:], "python -m yang_rnn.run --recipe",
        *(f"{name} {version}" for name, version in summary["versions"].items()),
        *(MEASURES[name].meaning for name in judged["measures"] if name in MEASURES),
        "hidden 8 64", "The curve through the psychometric function",
    ):  # fmt: skip
        assert part in text, part
    for share in summary["accuracy_by_coherence"]["accuracy"]:
        assert f"{100 * share:.1f} %" in text


def test_a_page_has_the_rules_of_its_labels(page: str, summary: dict[str, Any]):
    judged, text = summary["line_attractor"], text_of(page)
    for label in (judged["verdict"], judged["mechanism"]):
        assert f"Rule: {rule(label)}." in text


def test_a_page_loads_nothing_from_elsewhere_and_is_small(page: str):
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", page)
    assert not re.findall(r"https?://|@import|url\(", page)
    assert "default-src 'none'" in page
    assert len(page.encode()) < MOST_BYTES


def test_each_figure_is_there_and_is_said_in_words(page: str, summary: dict[str, Any]):
    alts = re.findall(r'<img src="data:image/png;base64,[^"]+"[^>]* alt="([^"]+)"', page)
    assert len(alts) == len(ORDER)
    assert len(set(alts)) == len(alts)
    for alt in alts:
        assert f"of {summary['recipe']}, seed 0" in alt
    curve = next(alt for alt in alts if alt.startswith("Psychometric"))
    for share in summary["psychometric"]["probability"]:
        assert f"{100 * share:.1f}" in curve
    verdict = next(alt for alt in alts if alt.startswith("The verdict"))
    assert summary["line_attractor"]["verdict"] in verdict


def test_a_run_without_figures_has_its_tables_and_its_loss(
    small_run: Run, summary: dict[str, Any], tmp_path: Path
):
    page = report_of(small_run, summary, tmp_path / "none")
    assert "<img" not in page
    first, last = small_run.history.loss[[0, -1]]
    assert f"{first:.3g} after the first, {last:.3g} after the last of 2" in text_of(page)
    assert page.count("<tr>") > 20
    assert "no figures as PNG" in page


def test_a_run_of_three_choices_has_no_verdict(small_run: Run, summary: dict[str, Any]):
    recipe = dataclasses.replace(small_run.recipe, choices=3)
    none = dict.fromkeys(("line_attractor", "psychometric", "stimulus_dependence"))
    page = run_page(summary | none, recipe, small_run.history, [], command="")
    assert "a verdict on evidence is for networks with two choices" in page
    assert "guessing in 33.3 %" in text_of(page)


def test_what_was_named_by_a_user_is_escaped(small_run: Run, summary: dict[str, Any]):
    hostile = "<script>alert(1)</script>"
    page = run_page(
        summary | {"recipe": hostile, "platform": hostile}, small_run.recipe, small_run.history,
        [], command=hostile, note=hostile,
    )  # fmt: skip
    assert hostile not in page
    assert page.count("&lt;script&gt;alert(1)") >= 3


def test_the_same_run_gives_the_same_page(
    small_run: Run, summary: dict[str, Any], run_folder: Path
):
    again = report_of(small_run, summary, run_folder / "figures")
    slower = report_of(small_run, summary | {"seconds": 99.0}, run_folder / "figures")
    assert again == slower == (run_folder / "report.html").read_text()


def test_a_page_says_the_sweep_of_seeds_and_where_to_read_on(page: str, small_run: Run):
    text = text_of(page)
    assert seeds_command(small_run.recipe) in text
    assert "docs/verdict.md" in text
    assert "In the environment that yang_rnn is installed in" in text
    assert f"processor {versions()['processor']}" in text


def test_a_page_has_the_numbers_of_the_fitted_curve(
    page: str, small_run: Run, summary: dict[str, Any]
):
    number = {"value": 3.25, "low": 2.5, "high": None}
    lapse = {"value": 0.015, "low": 0.0, "high": 0.25}
    fit: dict[str, Any] = {"threshold": number, "bias": number, "lapse_1": lapse, "lapse_2": lapse}
    fit |= {"deviance": 1.0, "goodness": 0.5, "confidence": 0.95, "problem": ""}
    told = run_page(
        summary | {"psychometric_fit": fit}, small_run.recipe, small_run.history, [], command=""
    )
    text = text_of(told)
    assert "threshold 3.25 % 2.5 to no limit" in text
    assert "1.5 % 0 to 25 %" in text
    assert WORDS["lapse"].meaning in text
    older = {name: value for name, value in summary.items() if name != "psychometric_fit"}
    text = text_of(run_page(older, small_run.recipe, small_run.history, [], command=""))
    assert "The curve through" not in text
    assert WORDS["lapse"].meaning not in text


def test_points_on_a_curve_that_did_not_settle_are_no_number(summary: dict[str, Any]):
    judged = copy.deepcopy(summary["line_attractor"])
    name = MEASURES["points_on_line"].name
    for settled, told in ((True, "3"), (False, NONE)):
        judged["measures"] |= {"manifold_converged": settled, "points_on_line": 3}
        values = {row.name: row.value for row in explained(judged).chief}
        assert values[name] == told


def test_that_a_line_attractor_is_no_line_of_points_is_said_where_it_may_be_read_so(
    small_run: Run, summary: dict[str, Any]
):
    for verdict, mechanism, said in (
        ("line attractor", "slow direction", True),
        ("leaky integrator", "slow direction", True),
        ("line attractor", "continuum", False),
        ("turning integrator", "rotation", False),
    ):
        judged = summary["line_attractor"] | {"verdict": verdict, "mechanism": mechanism}
        told = run_page(
            summary | {"line_attractor": judged}, small_run.recipe, small_run.history, [],
            command="",
        )  # fmt: skip
        assert ("does not mean here a line of fixed points" in text_of(told)) == said


def test_how_far_accuracy_jumps_is_told_where_there_are_epochs_enough():
    accuracy = np.array([0.1, 0.2, 0.5, 0.5, 0.6, 0.58, 0.61, 0.57])
    history = History(np.ones(8), accuracy)
    assert of_training(history, [])["jump"] == pytest.approx(0.03)
    assert of_training(History(np.ones(2), accuracy[:2]), [])["jump"] is None
    assert of_training(History(np.ones(8), np.full(8, np.nan)), [])["jump"] is None


def test_the_fitted_curve_has_its_numbers_or_says_why_not():
    def part(value: float | None, low: float | None, high: float | None) -> dict[str, Any]:
        return {"value": value, "low": low, "high": high}

    fit = {
        "threshold": part(3.3, 3.1, 3.5), "bias": part(-0.99, -1.2, -0.82),
        "lapse_1": part(0.01, 0.0, 0.021), "lapse_2": part(0.0, 0.0, 0.02),
        "deviance": 3.0, "goodness": 0.5, "confidence": 0.95, "problem": "",
    }  # fmt: skip
    curve = curve_of(fit, "%")
    assert curve is not None
    assert [row[1:] for row in curve.rows] == [
        ("3.3 %", "3.1 to 3.5 %"), ("-0.99 %", "-1.2 to -0.82 %"),
        ("1 %", "0 to 2.1 %"), ("0 %", "0 to 2 %"),
    ]  # fmt: skip
    assert not curve.poor
    none = fit | {"threshold": part(None, 0.0, None), "goodness": 0.0, "problem": "no evidence"}
    curve = curve_of(none)
    assert curve is not None
    assert curve.rows[0][1:] == ("\u2013", "0 to no limit")
    assert curve.problem == "no evidence"
    assert curve.poor
    assert curve_of(None) is None
