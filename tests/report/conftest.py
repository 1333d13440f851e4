"""Folders of runs that tests of this folder share: don't change them."""

from pathlib import Path

import pytest

from yang_rnn.experiment.drawing import save_figures
from yang_rnn.experiment.run import Run
from yang_rnn.experiment.storage import save_run
from yang_rnn.experiment.task_run import TaskRun
from yang_rnn.report.writing import write_report


@pytest.fixture(scope="session")
def run_folder(small_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small run with its figures and its report."""
    return folder_of(small_run, tmp_path_factory)


@pytest.fixture(scope="session")
def task_folder(small_task_run: TaskRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small run of a task with its figures and its report."""
    return folder_of(small_task_run, tmp_path_factory)


def folder_of(run: Run | TaskRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save_run(run, tmp_path_factory.mktemp("report") / "run")
    save_figures(run, folder / "figures")
    write_report(folder)
    return folder
