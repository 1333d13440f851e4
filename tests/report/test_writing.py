import dataclasses
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from pages import text_of
from small import SMALL, TINY

from yang_rnn._files import DamagedError
from yang_rnn.ensemble.members import _files_of_failed
from yang_rnn.experiment.run import Run
from yang_rnn.experiment.storage import save_run
from yang_rnn.report.writing import write_report
from yang_rnn.train import DivergenceError


def test_a_run_in_memory_gives_the_page_of_its_folder(
    small_run: Run, run_folder: Path, tmp_path: Path
):
    assert write_report(small_run, tmp_path / "page.html") == tmp_path / "page.html"
    assert (tmp_path / "page.html").read_text() == (run_folder / "report.html").read_text()


def test_a_folder_without_figures_has_them_drawn_and_is_left_as_it_is(
    small_run: Run, run_folder: Path, tmp_path: Path
):
    folder = save_run(small_run, tmp_path / "run")
    before = {path.name for path in folder.iterdir()}
    write_report(folder, tmp_path / "page.html")
    assert {path.name for path in folder.iterdir()} == before
    assert (tmp_path / "page.html").read_text() == (run_folder / "report.html").read_text()


def test_a_member_of_a_sweep_is_made_again_by_the_sweep(small_run: Run, tmp_path: Path):
    recipe = dataclasses.replace(small_run.recipe, seed=3, search="newton")
    folder = save_run(dataclasses.replace(small_run, recipe=recipe), tmp_path / "members" / "seed3")
    assert write_report(folder) == folder / "report.html"
    text = text_of((folder / "report.html").read_text())
    assert "member of a sweep" in text
    assert "python -m yang_rnn.sweep --recipe notebook --seeds 3 --set" in text


def test_what_was_made_from_a_member_says_that_it_was(small_run: Run, tmp_path: Path):
    member = tmp_path / "members" / "seed3"
    run = dataclasses.replace(small_run, facts={"trained": {"folder": str(member)}})
    for each in (run, save_run(run, tmp_path / "again")):
        text = text_of(write_report(each, tmp_path / "page.html").read_text())
        assert f"python -m yang_rnn.run --from {member} " in text
        assert "member of a sweep" in text


def test_what_was_changed_since_is_refused(run_folder: Path, tmp_path: Path):
    folder = Path(shutil.copytree(run_folder, tmp_path / "run"))
    report = (folder / "report.html").read_text()
    summary = (folder / "summary.json").read_text()
    changed = re.sub('"test_accuracy": [^,]+', '"test_accuracy": 1.0', summary)
    (folder / "summary.json").write_text(changed)
    with pytest.raises(
        DamagedError, match=r"summary\.json is damaged: it was changed after the run"
    ):
        write_report(folder)
    assert (folder / "report.html").read_text() == report
    assert {path.name for path in folder.iterdir()} == {path.name for path in run_folder.iterdir()}


def test_folders_without_a_run_are_refused(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="SHA256SUMS is missing"):
        write_report(tmp_path / "none")
    (tmp_path / "sweep" / "members").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="a sweep: it has a report of its own"):
        write_report(tmp_path / "sweep")
    failed = tmp_path / "sweep" / "members" / "seed0"
    failed.mkdir()
    for name, content in _files_of_failed(TINY, DivergenceError("the loss is nan")).items():
        (failed / name).write_bytes(content)
    with pytest.raises(FileNotFoundError, match="a member that failed: DivergenceError: the loss"):
        write_report(failed)


@pytest.mark.parametrize(
    ("run", "path", "error", "message"),
    [
        (3, None, TypeError, "`run` must be a Run, a TaskRun or a folder; got 3"),
        (SMALL, None, TypeError, "`run` must be a Run, a TaskRun or a folder; got Recipe"),
        ("run", 3, TypeError, "`path`"),
    ],
)
def test_bad_arguments_are_named(run: Any, path: Any, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        write_report(run, path)


def test_a_run_in_memory_needs_a_path(small_run: Run):
    with pytest.raises(ValueError, match="`path` must say where to write"):
        write_report(small_run)
