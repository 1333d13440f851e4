import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from small import SMALL

from yang_rnn.ensemble.members import member_row
from yang_rnn.experiment.run import Found, Run, run_experiment
from yang_rnn.experiment.storage import load_run, save_numbers
from yang_rnn.experiment.summary import describe, package_versions, summarise, versions

FACTS = {"platform": "cpu", "versions": {}, "seconds": 1.0}


def test_summary_is_json_and_its_text_has_its_numbers(small_run: Run):
    summary = summarise(small_run)
    assert json.loads(json.dumps(summary)) == summary
    text = describe(summary | FACTS)
    assert text.splitlines()[0].startswith(f"network    {SMALL.name}, seed 0, 8 units, 2 epochs")
    assert f"{summary['test_accuracy']:.4f} on 50 fresh trials" in text
    assert "(ideal observer 0.8957)" in text
    share = summary["explained_variance_ratio"][0]
    assert f"PC 1 {100 * share:.1f} %" in text
    ends, kept = summary["search"]["ends"], summary["search"]["kept"]
    assert sum(ends.values()) == 220
    assert f"gradient from 220 states: {ends['fixed']} became fixed, {ends['slow']} slow" in text
    assert f"different ones, without outliers: {kept['fixed']} fixed, {kept['slow']} slow" in text
    counts = small_run.newton_points.counts
    expected = f"Newton's method finds {counts['fixed']} fixed, {counts['slow']} slow points"
    assert expected in text
    judged, unwrapped = summary["line_attractor"], text.replace("\n           ", " ")
    near = f" (near {judged['near']})" if judged["near"] else ""
    assert f"verdict    {judged['verdict']}{near} {judged['reason']}" in unwrapped
    assert f"mechanism  {judged['mechanism']} {judged['mechanism_reason']}" in unwrapped
    for level, value in zip(
        summary["accuracy_by_coherence"]["level"],
        summary["accuracy_by_coherence"]["accuracy"],
        strict=True,
    ):
        assert f"{value:.2f} at {level:g} %" in text


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
    text = describe(summary | FACTS)
    assert f"a fixed point, {point['label']} with no unstable directions" in text
    assert f"q = {point['speed']:.1e}" in text
    first = point["modes"][0]
    assert f"{first['eigenvalue'][0]:.3f}" in text
    assert f"time constant of {abs(first['time_constant_ms']) / 1000:.3g} s" in text


def test_summary_without_other_inputs_has_none(small_run: Run):
    assert summarise(small_run, stimuli=False)["stimulus_dependence"] is None
    assert len(summarise(small_run)["stimulus_dependence"]) == 11


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
    assert "a slow point, so its modes hold only while the state stays near it" in text


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
    assert "none: it is for networks with two choices" in describe(summary | FACTS)


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
    assert "index sum 1" in describe(summary)
    assert summarise(load_run(tmp_path)) == summary
    row = member_row(tmp_path, [])
    assert row["index_sum"] == 1
    assert row["index_incomplete"] is False


def test_summary_of_a_network_without_bounds_says_nothing_of_indices(small_run: Run):
    assert small_run.index_search is None
    assert "index" not in summarise(small_run)
