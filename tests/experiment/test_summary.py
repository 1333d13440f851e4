import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from small import SMALL

from yang_rnn.ensemble.members import member_row
from yang_rnn.experiment.run import Found, Run, run_experiment
from yang_rnn.experiment.storage import load_run, save_numbers
from yang_rnn.experiment.summary import describe, fitted, package_versions, summarise, versions
from yang_rnn.experiment.task_run import TaskRun
from yang_rnn.line_attractor.estimates import Estimate
from yang_rnn.line_attractor.rules import rules_of_mechanisms, rules_of_verdicts
from yang_rnn.line_attractor.sentences import WHAT, WHY
from yang_rnn.line_attractor.thresholds import Thresholds

FACTS = {"platform": "cpu", "versions": {}, "seconds": 1.0}


def unwrapped(text: str) -> str:
    return text.replace("\n    ", " ")


def test_summary_is_json_and_its_text_has_its_numbers(small_run: Run):
    summary = summarise(small_run)
    assert json.loads(json.dumps(summary)) == summary
    text = unwrapped(describe(summary | FACTS))
    assert f"Recipe {SMALL.name}, seed 0: 8 units, 2 epochs on cpu." in text
    assert f"50 fresh trials a share of {summary['test_accuracy']:.4f} of its choices" in text
    assert "ideal observer, who uses all of the evidence, would have 0.8957" in text
    share = summary["explained_variance_ratio"][0]
    assert f"PC 1 {100 * share:.1f} %" in text
    ends = summary["search"]["ends"]
    assert sum(ends.values()) == 220
    assert f"of 220 searches {ends['slow']} ended at slow points, {ends['fixed']} at fixed" in text
    counts = small_run.newton_points.counts
    fixed = f"{counts['fixed']} fixed point{'' if counts['fixed'] == 1 else 's'}"
    assert f"exactly fixed: from the same states it finds {fixed} and {counts['slow']} slow" in text
    assert f"over the 8 units is below {SMALL.slow_mean_square:.1e}" in text
    by = summary["accuracy_by_coherence"]
    rows = {line[:16].strip(): line[16:].split() for line in describe(summary).splitlines()}
    assert rows["coherence"][::2] == [f"{level:g}" for level in by["level"]]
    assert rows["right choices"] == [f"{value:.2f}" for value in by["accuracy"]]
    assert rows["ideal observer"] == [f"{value:.2f}" for value in by["ideal"]]


def test_text_has_sections_of_lines_that_fit(small_run: Run):
    for verbose in (False, True):
        text = describe(small_run, verbose=verbose)
        headings = [part.splitlines()[0] for part in text.split("\n\n")]
        assert headings == [
            "Training", "Behaviour", "Fixed points", "What the network does", "Why", "More"
        ]  # fmt: skip
        assert max(map(len, text.splitlines())) <= 100
        assert "\x1b" not in text


def test_verdict_is_a_sentence_with_numbers_beside_their_thresholds(small_run: Run):
    judged = summarise(small_run)["line_attractor"]
    text = unwrapped(describe(small_run))
    assert f"{judged['verdict']}: {WHAT[judged['verdict']]}" in text
    assert f"{judged['mechanism']}: {WHY[judged['mechanism']]}" in text
    m, at = judged["measures"], Thresholds()
    kept = Estimate(m["efficiency"], m["efficiency_error"])
    assert f"a share of {kept} (± standard error" in text
    assert f"threshold `keeps`: {at.keeps:g} or more" in text
    assert f"has a cosine of {Estimate(m['constancy'], m['constancy_error'])}" in text
    assert f"threshold `straight`: {at.straight:g} or more" in text
    assert f"threshold `learned`: {100 * at.learned:g} %" in text
    assert "(the stimulus lasts 2 s)" in text
    assert "docs/verdict.md" in text
    for word in ("linear response", "manifold", "Jacobian", "q = "):
        assert word not in text


def test_near_another_kind_is_said(small_run: Run):
    summary = summarise(small_run)
    summary["line_attractor"]["near"] = "fast leak"
    assert "It is near fast leak: a threshold lies within the 95 % interval" in describe(summary)


def test_verbose_text_has_reasons_criteria_and_how_each_search_ended(small_run: Run):
    summary = summarise(small_run)
    text = unwrapped(describe(summary, verbose=True))
    judged, search = summary["line_attractor"], summary["search"]
    assert judged["reason"] in text
    assert judged["mechanism_reason"] in text
    assert f"Rule: {rules_of_verdicts()[judged['verdict']]}." in text
    assert f"Rule: {rules_of_mechanisms()[judged['mechanism']]}." in text
    assert "Rule: " not in describe(summary)
    for criterion in judged["criteria"]:
        assert f"Criterion: {criterion['name']} " in text
        assert f"a line attractor has {criterion['rule']}" in text
    ended = ", ".join(f"{number} {status}" for status, number in search["ends"].items())
    assert f"How the searches of gradient ended: {ended};" in text
    kept = [f"{number} {status}" for status, number in search["kept"].items() if number]
    assert f"without outliers: {', '.join(kept) or 'none'}." in text
    assert f"slow: q is below {search['slow_speed']:.3g}" in text
    assert f"at most {search['fixed_speed']:.3g}" in text


def test_time_constants_stand_beside_the_stimulus_where_its_length_is_known(small_run: Run):
    summary = summarise(small_run)
    assert "the stimulus lasts" not in describe(summary)
    assert "(the stimulus lasts 0.5 s)" in describe(summary, stimulus=500.0)
    with pytest.raises(ValueError, match="`stimulus` must be"):
        describe(summary, stimulus=-1.0)
    with pytest.raises(TypeError, match="`verbose` must be"):
        describe(summary, verbose=1)  # pyright: ignore[reportArgumentType]


def test_choices_below_a_coin_are_explained(small_run: Run):
    summary = summarise(small_run)
    explained = "less than a coin's 0.5"
    assert explained not in describe(summary | {"test_accuracy": 0.6})
    assert explained in describe(summary | {"test_accuracy": 0.2})


def test_a_proof_that_was_not_finished_says_that_there_may_be_others(small_run: Run):
    summary = summarise(small_run)
    every = summary["every_fixed_point"] | {"proved": False, "closed": 0.43, "number": 3}
    text = unwrapped(describe(summary | {"every_fixed_point": every}))
    assert "3 fixed points; there may be others" in text
    assert "43 % of the way" in text


def test_summary_of_a_fixed_point_has_its_stability_and_time_scales(small_run: Run):
    summary, modes = summarise(small_run), small_run.modes
    point = summary["analysed_point"]
    assert modes is not None
    assert point["status"] == "fixed"
    assert point["label"] == modes.label[0]
    moduli = np.hypot(*np.transpose([mode["eigenvalue"] for mode in point["modes"]]))
    assert (np.diff(moduli) <= 1e-12).all()
    for mode, modulus in zip(point["modes"], moduli, strict=True):
        expected = -100.0 / np.log(modulus) if modulus > 0 else 0.0
        assert mode["time_constant_ms"] == pytest.approx(expected)
        turn = abs(np.angle(complex(*mode["eigenvalue"])))
        assert mode["frequency_hz"] == pytest.approx(turn / (2 * np.pi) / 0.1)
    text = unwrapped(describe(summary | FACTS, verbose=True))
    assert f"is a {point['label']}: states near it return to it" in text
    assert f"q = {point['speed']:.1e}, mean square {point['mean_square']:.1e}" in text
    first = point["modes"][0]
    assert f"{first['eigenvalue'][0]:.3f}" in text
    assert f"time constant of {abs(first['time_constant_ms']) / 1000:.3g} s" in text


def test_summary_without_other_inputs_has_none(small_run: Run):
    assert summarise(small_run, whole=False)["stimulus_dependence"] is None
    assert "psychometric_fit" not in summarise(small_run, whole=False)
    assert len(summarise(small_run)["stimulus_dependence"]) == 11


def test_threshold_and_bias_are_told(small_run: Run):
    summary = summarise(small_run, whole=False)
    assert "A curve through" not in unwrapped(describe(summary))
    ends = {"value": 3.25, "low": 2.5, "high": None}
    fit = {"threshold": ends, "bias": {"value": -1.0, "low": -1.5, "high": -0.5}, "problem": ""}
    text = unwrapped(describe(summary | {"psychometric_fit": fit}))
    assert "a threshold of 3.2 % (2.5 to no limit)" in text
    assert "a bias of -1 % (-1.5 to -0.5)" in text
    why = fit | {"problem": "the choices do not follow the evidence"}
    text = unwrapped(describe(summary | {"psychometric_fit": why}))
    assert "No curve is fitted to its choices: the choices do not follow the evidence." in text


def test_a_member_of_a_sweep_fits_no_curve(
    small_run: Run, small_task_run: TaskRun, monkeypatch: pytest.MonkeyPatch
):
    def never(*_: object) -> None:
        raise AssertionError("a curve was fitted")

    for run in (dataclasses.replace(small_run), dataclasses.replace(small_task_run)):
        monkeypatch.setattr(sys.modules[type(run).__module__], "fit_psychometric", never)
        assert not summarise(run, whole=False).get("psychometric_fit")


def test_evidence_for_one_choice_alone_has_no_fit(small_run: Run):
    run = dataclasses.replace(small_run, recipe=dataclasses.replace(SMALL, coherences=(0.0,)))
    assert run.tested.psychometric is not None
    assert run.psychometric_fit is None


@pytest.mark.parametrize(
    ("kept", "constant", "said"),
    [
        (0.2, 1242.67, "left, as of one that decays with a time constant of 1.24 s."),
        (1.0, None, "left, as of one that neither decays nor grows within minutes."),
        (-0.3, None, "left: decisions have turned over by then, and have no time constant."),
    ],
)
def test_what_is_left_of_decisions_is_told(
    kept: float, constant: float | None, said: str, small_run: Run
):
    summary = summarise(small_run, whole=False)
    judged = summary["line_attractor"]
    judged["measures"] |= {"decision_kept": kept, "decision_time_constant": constant}
    text = unwrapped(describe(summary, stimulus=2000.0))
    assert "As long after the stimulus as that lasted, 2 s, " in text
    assert f" {kept:g} of a decision is {said}" in text
    judged["measures"]["decision_kept"] = None
    assert "of a decision is left" not in unwrapped(describe(summary))


def test_the_fit_of_the_psychometric_function_is_in_the_summary(small_run: Run):
    found, fit = summarise(small_run)["psychometric_fit"], small_run.psychometric_fit
    assert fit is not None
    for name in ("threshold", "bias", "lapse_1", "lapse_2"):
        for part, value in found[name].items():
            number = getattr(getattr(fit, name), part)
            assert value == (number if np.isfinite(number) else None)
    assert found["problem"] == fit.problem
    assert fitted(None) is None


def test_mode_that_neither_decays_nor_grows_is_said_and_is_json(small_run: Run):
    summary = summarise(small_run)
    summary["analysed_point"]["modes"][0]["time_constant_ms"] = None
    assert "neither decays nor grows" in describe(summary | FACTS)
    json.dumps(summary, allow_nan=False)


def test_summary_of_a_slow_point_says_what_its_modes_are_worth(small_run: Run):
    newton = small_run.newton_points
    slow = dataclasses.replace(newton, status=np.array(["slow"] * len(newton), dtype=str))
    run = dataclasses.replace(small_run, found=Found(small_run.points, slow))
    text = describe(summarise(run) | FACTS)
    assert "holds only while the state stays near it" in unwrapped(text)
    assert f"slow below {SMALL.slow_mean_square:.1e}" in text


def test_summary_without_a_slow_point_says_so(runaway: Run):
    summary = summarise(runaway)
    assert summary["analysed_point"] is None
    judged = summary["line_attractor"]
    assert (judged["verdict"], judged["mechanism"]) == ("not learned", "no fixed point")
    assert "there is no fixed point" in describe(summary | FACTS)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_summary_of_three_choices_has_no_verdict(three_choices: Run):
    summary = summarise(three_choices)
    assert summary["line_attractor"] is summary["psychometric"] is None
    assert summary["stimulus_dependence"] is None
    assert "No verdict: it is for networks with two choices" in describe(summary | FACTS)


def test_versions_name_every_package_that_numbers_depend_on():
    assert {"brainpy", "brainpy-datasets", "jax", "jaxlib", "numpy"} <= set(package_versions())
    assert versions().items() > package_versions().items()


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_summary_of_a_network_with_bounds_has_its_index_sum(activation, tmp_path: Path):
    recipe = dataclasses.replace(SMALL, activation=activation)
    run = run_experiment(recipe)
    assert run.index_search is not None
    summary = save_numbers(run, tmp_path, {})
    assert summary["index"] == json.loads(json.dumps(run.index_search.summary))
    assert summary["index"]["sum"] == 1
    assert "index sum 1" in describe(summary, verbose=True)
    assert summarise(load_run(tmp_path)) == summary
    row = member_row(tmp_path, [])
    assert row["index_sum"] == 1
    assert row["index_incomplete"] is False


def test_summary_of_a_network_without_bounds_says_nothing_of_indices(small_run: Run):
    assert small_run.index_search is None
    assert "index" not in summarise(small_run)
