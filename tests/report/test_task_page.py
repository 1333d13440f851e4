import re
from pathlib import Path

from pages import text_of

from yang_rnn._files import parse_json
from yang_rnn.experiment.task_run import TaskRun
from yang_rnn.report.page import MOST_BYTES
from yang_rnn.report.task_page import task_page


def test_a_page_has_the_numbers_of_each_context_and_input(task_folder: Path):
    summary = parse_json((task_folder / "summary.json").read_text())
    page = (task_folder / "report.html").read_text()
    text = text_of(page)
    for context, judged in summary["line_attractor"].items():
        assert f"In {context}" in text
        assert judged["mechanism_reason"][1:] in text
    for row in summary["inputs"]:
        assert row["input"] in text
    for line in summary["points"]:
        assert line[1:] in text
    assert "--task RateContextDecisionMaking --task-settings noise_sigma=0.2" in text
    drawn = len(list((task_folder / "figures").glob("*.png")))
    alts = re.findall(r'<img src="data:[^"]+"[^>]* alt="([^"]+)"', page)
    assert len(alts) == len(set(alts)) == drawn
    assert len(page.encode()) < MOST_BYTES


def test_names_of_a_users_task_are_escaped(small_task_run: TaskRun, task_folder: Path):
    hostile = "<script>alert(1)</script>"
    summary = parse_json((task_folder / "summary.json").read_text())
    rows = [row | {"input": hostile} for row in summary["inputs"]]
    verdicts = {hostile: next(iter(summary["line_attractor"].values()))}
    by = {hostile: next(iter(summary["accuracy_by_condition"].values()))}
    named = {"task": hostile, "inputs": rows, "points": [hostile], "line_attractor": verdicts}
    page = task_page(
        summary | named | {"accuracy_by_condition": by}, small_task_run.recipe,
        small_task_run.history, [], command="",
    )  # fmt: skip
    assert hostile not in page
    assert page.count("&lt;script&gt;alert(1)") >= 5


def test_a_page_has_the_curve_of_each_context(task_folder: Path):
    summary = parse_json((task_folder / "summary.json").read_text())
    text = text_of((task_folder / "report.html").read_text())
    fits = summary["psychometric_fit"]
    assert fits
    for context, fit in fits.items():
        assert (f"The curve through the psychometric function, {context}" in text) == bool(fit)
