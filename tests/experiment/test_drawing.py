import dataclasses
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from pickle import PicklingError
from typing import Any

import numpy as np
import pytest
from small import SMALL

from yang_rnn import figures
from yang_rnn.experiment.drawing import (
    Drawing,
    DrawingProcess,
    draw,
    drawings,
    save_figures,
    signature,
)
from yang_rnn.experiment.known_points import known_points, missed_by_newton
from yang_rnn.experiment.names import ORDER
from yang_rnn.experiment.run import Found, Run

MODES = Drawing("modes", figures.eigenvalues, ([0.5, 0.9],), {"title": "two modes"})


def test_figures_of_a_run_come_in_order_and_signed(small_run: Run):
    drawn = draw(small_run)
    assert tuple(drawn) == ORDER
    assert signature(small_run) == f"{SMALL.name}, seed 0"
    for figure in drawn.values():
        assert figure.texts[-1].get_text() == signature(small_run)


def test_figures_are_as_wide_as_a_column_and_unsigned_if_asked(small_run: Run):
    for name, figure in draw(small_run, width="single", sign=False).items():
        assert 25.4 * figure.get_figwidth() == pytest.approx(85), name
        assert all(text.get_text() != signature(small_run) for text in figure.texts)


def test_each_figure_needs_little_more_analysis_than_those_before(small_run: Run):
    fresh = dataclasses.replace(small_run)
    costly = ("tested", "newton_points", "verdict", "by_stimulus", "points")
    known: dict[str, Any] = {}
    for drawing in drawings(fresh):
        known[drawing.name] = [name for name in costly if name in fresh.__dict__]
    assert list(known) == [
        "learning_curve", "outputs", "unit_activity", "trajectories", "psychometric", "averages",
        "eigenvalues", "weights", "slow_manifold", "line_attractor", "flow_field",
        "stimulus_dependence", "slow_points", "slow_points_3d",
    ]  # fmt: skip
    assert sorted(known) == sorted(ORDER)
    assert known["trajectories"] == []
    assert known["averages"] == ["tested"]
    assert known["eigenvalues"] == ["tested", "newton_points"]
    assert known["flow_field"] == ["tested", "newton_points", "verdict"]
    assert "points" not in known["stimulus_dependence"]


def test_figures_show_the_points_that_the_run_stands_on(small_run: Run):
    newton = dataclasses.replace(
        small_run, recipe=dataclasses.replace(small_run.recipe, search="newton")
    )
    assert newton.points is newton.newton_points
    assert newton.centre is not None
    by_name = {drawing.name: drawing for drawing in drawings(newton)}
    (modes,), title = by_name["eigenvalues"].args, by_name["eigenvalues"].kwargs["title"]
    assert newton.modes is not None
    assert modes is newton.modes
    assert title.startswith(f"{newton.points.status[newton.centre]} point, ")
    assert f"q = {newton.points.speed[newton.centre]:.1e}" in title
    for name in ("slow_points", "slow_points_3d"):
        marks = by_name[name].kwargs
        assert marks["centre"] == newton.centre
        fixed = newton.points.with_status("fixed")
        np.testing.assert_array_equal(marks["modes"].state, fixed.state)


def test_figures_of_a_gradient_search_show_the_fixed_points_that_are_known(small_run: Run):
    assert small_run.points.method == "gradient"
    (points,) = {d.name: d for d in drawings(small_run)}["slow_points"].args
    assert small_run.centre is not None
    np.testing.assert_array_equal(points.state[: len(small_run.newton_points)],
                                  small_run.newton_points.state)  # fmt: skip
    assert points.counts["slow"] == sum(
        found.counts["slow"] for found in (small_run.newton_points, small_run.points)
    )
    every = small_run.every_fixed_point
    assert every is not None
    assert points.counts["fixed"] == len(every)
    marks = {d.name: d for d in drawings(small_run)}["slow_points"].kwargs
    assert marks["centre"] == small_run.centre
    labels = figures.slow_points(points, **marks).axes[0].get_legend_handles_labels()[1]
    assert "analysed point" in labels
    assert any(label.startswith(f"{len(every)} fixed") for label in labels)


def test_a_fixed_point_that_newton_missed_is_shown(small_run: Run):
    none = small_run.newton_points[[]]
    run = dataclasses.replace(small_run, found=Found(small_run.points, none))
    every = small_run.every_fixed_point
    assert every is not None
    fixed = known_points(run).with_status("fixed")
    np.testing.assert_allclose(fixed.state[: len(every)], every.points.state)
    missed = missed_by_newton(run)
    assert missed is not None
    assert len(missed) == len(every)


@pytest.fixture(scope="module")
def process() -> Iterator[DrawingProcess]:
    """Return a process that is fit to go on after each test."""
    with DrawingProcess() as process:
        yield process
        process.finish()


def test_a_process_saves_the_same_files(small_run: Run, process: DrawingProcess, tmp_path: Path):
    picked = [d for d in drawings(small_run) if d.name in ("averages", "slow_points_3d")]
    for drawing in picked:
        process.submit(drawing, tmp_path, signature="a run")
        figures.save(drawing.draw("a run"), tmp_path / f"{drawing.name}_here")
    process.finish()
    for drawing in picked:
        here, there = (tmp_path / f"{drawing.name}{where}.png" for where in ("_here", ""))
        assert here.read_bytes() == there.read_bytes()


def test_a_process_draws_in_the_style_that_was_changed_here(
    process: DrawingProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    contents = []
    for size in (8.4, 12.0):
        monkeypatch.setitem(figures.STYLE, "font.size", size)
        process.submit(MODES, tmp_path, signature="")
        process.finish()
        figures.save(MODES.draw(), tmp_path / "here")
        contents.append((tmp_path / "modes.png").read_bytes())
        assert contents[-1] == (tmp_path / "here.png").read_bytes()
    assert contents[0] != contents[1]


def test_figures_are_saved_by_this_process_or_another(
    small_run: Run, process: DrawingProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("yang_rnn.experiment.drawing.drawings", lambda run: iter([MODES]))
    contents = []
    for name, helper in (("here", None), ("there", process)):
        (tmp_path / name).mkdir()
        save_figures(small_run, tmp_path / name, ("pdf",), helper)
        contents.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert list(contents[0]) == ["modes.pdf"]
    assert contents[0] == contents[1]


def test_a_process_writes_the_formats_that_are_asked_for(process: DrawingProcess, tmp_path: Path):
    process.submit(MODES, tmp_path, signature="here", formats=("png", "pdf"))
    process.finish()
    figures.save(MODES.draw("here"), tmp_path / "modes_here", ("png", "pdf"))
    for ending in ("png", "pdf"):
        written = (tmp_path / f"modes.{ending}").read_bytes()
        assert written == (tmp_path / f"modes_here.{ending}").read_bytes()


def test_the_first_error_comes_back_as_what_it_was(process: DrawingProcess, tmp_path: Path):
    process.submit(MODES, tmp_path / "nowhere", signature="")
    process.submit(MODES._replace(kwargs={"title": 3, "colour": 4}), tmp_path, signature="")
    process.submit(MODES, tmp_path, signature="")
    with pytest.raises(FileNotFoundError) as caught:
        process.finish()
    assert caught.value.filename == str(tmp_path / "nowhere" / "modes.png")
    assert "In the process that draws figures" in caught.value.__notes__[0]
    with pytest.raises(TypeError, match="colour"):
        process.finish()
    process.finish()
    assert (tmp_path / "modes.png").exists()


def test_a_full_disk_is_said(process: DrawingProcess, tmp_path: Path):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    (tmp_path / "modes.png").symlink_to("/dev/full")
    process.submit(MODES, tmp_path, signature="")
    with pytest.raises(OSError, match="No space left on device"):
        process.finish()


def test_what_can_not_be_sent_is_not_waited_for(process: DrawingProcess, tmp_path: Path):
    with pytest.raises((AttributeError, PicklingError), match="local object"):
        process.submit(MODES._replace(function=lambda: None), tmp_path, signature="")
    process.finish()


def test_ctrl_c_is_for_others(process: DrawingProcess, tmp_path: Path):
    os.kill(process.pid, signal.SIGINT)
    process.submit(MODES, tmp_path, signature="")
    process.finish()
    assert (tmp_path / "modes.png").exists()


def test_death_of_the_process_is_an_error(tmp_path: Path):
    with DrawingProcess() as process:
        process.submit(MODES, tmp_path, signature="")
        os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(ChildProcessError, match="that draws figures died, with exit code -9"):
            process.finish()
        with pytest.raises(ChildProcessError, match="that draws figures died, with exit code -9"):
            process.submit(MODES, tmp_path, signature="")


def test_a_process_that_can_not_be_started_is_an_error(monkeypatch: pytest.MonkeyPatch):
    def start(_: Any) -> None:
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr("multiprocessing.process.BaseProcess.start", start)
    with pytest.raises(ChildProcessError, match=r"can't start .* temporarily unavailable"):
        DrawingProcess().__enter__()


def test_leaving_ends_the_process(tmp_path: Path):
    with DrawingProcess() as process:
        pid = process.pid
        process.submit(MODES, tmp_path, signature="")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


COMMAND = """
    import sys, time
    from yang_rnn.experiment.drawing import DrawingProcess

    if __name__ == "__main__":
        with DrawingProcess() as process:
            print(process.pid, flush=True)
            time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_process_ends_with_the_one_that_it_draws_for(number: int, tmp_path: Path):
    (tmp_path / "command.py").write_text(textwrap.dedent(COMMAND))
    arguments = [sys.executable, "-m", "command"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(number)
        # The process has this pipe too: it ends when both are gone.
        assert parent.stdout.read() == ""
    # Pipes are closed a moment before a process that ends is gone.
    until = time.monotonic() + 10
    while _runs(pid) and time.monotonic() < until:
        time.sleep(0.01)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0]
    except OSError:
        return False
