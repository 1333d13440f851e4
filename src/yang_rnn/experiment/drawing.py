"""A run's figures: which there are, and a process that draws them while the analysis goes on."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import queue
import re
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

from matplotlib.figure import Figure

from yang_rnn import figures
from yang_rnn._checks import check_has
from yang_rnn.experiment.known_points import known_points
from yang_rnn.experiment.names import ORDER, TASK_ORDER

if TYPE_CHECKING:
    from yang_rnn.dynamics.linearisation import Linearisation
    from yang_rnn.dynamics.points import FixedPoints
    from yang_rnn.experiment.run import Run
    from yang_rnn.experiment.task_run import TaskRun
    from yang_rnn.train import History


class Drawing(NamedTuple):
    """A figure that is still to be drawn.

    Attributes
    ----------
    name : str
        Of the figure and its file, one of `ORDER`.
    function : callable
        One of `yang_rnn.figures`.
    args, kwargs : tuple and mapping
        What to call it with.
    """

    name: str
    function: Callable[..., Figure]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = {}

    def with_width(self, width: str | None) -> Drawing:
        """Return the same figure as wide as one or two columns, or as wide as it likes."""
        return self if width is None else self._replace(kwargs={**self.kwargs, "width": width})

    def draw(self, signature: str = "") -> Figure:
        """Return the figure, signed if there is what to sign it with."""
        figure = self.function(*self.args, **self.kwargs)
        return figures.sign(figure, signature) if signature else figure


def drawings(run: Run) -> Iterator[Drawing]:
    """Give a run's figures in an order in which each needs little more analysis than those before.

    The points of the recipe's search come last: it takes longer than all the rest.
    """
    seen = {"activity": run.activity, "pca": run.pca, "trials": run.trials}
    yield Drawing("learning_curve", figures.learning_curve, (_without_state(run.history),))
    yield from _of_activity(run)
    yield Drawing("trajectories", figures.trajectories, (), seen)
    plane = {"mean": run.tested.averages, "pca": run.pca}
    if run.tested.psychometric is not None:
        fit = {"fit": run.psychometric_fit}
        yield Drawing("psychometric", figures.psychometric, (run.tested.psychometric,), fit)
    if run.tested.averages is not None:
        yield Drawing("averages", figures.averages, (), plane)
    modes = () if run.modes is None else run.modes
    yield Drawing("eigenvalues", figures.eigenvalues, (modes,), {"title": _point_in_words(run)})
    matrix = run.net.effective_weights()["w_rr"]
    yield Drawing("weights", figures.weights, (matrix,), {"modes": modes})
    if run.verdict is not None:
        judged = {"verdict": run.verdict, **plane}
        yield Drawing("slow_manifold", figures.averages, (), judged)
        yield Drawing("line_attractor", figures.line_attractor, (), judged)
        flow = {"mean": run.tested.averages, "verdict": run.verdict}
        yield Drawing("flow_field", figures.flow_field, (run.flow,), flow)
        rows = (run.by_stimulus,)
        yield Drawing("stimulus_dependence", figures.stimulus_dependence, rows, judged)
    points = known_points(run)
    marks = {**seen, "modes": modes_of_fixed(run, points), "centre": run.centre}
    yield Drawing("slow_points", figures.slow_points, (points,), marks)
    if run.activity.shape[-1] >= 3:
        from yang_rnn.analysis import fit_pca

        space = run.pca if run.pca.n_components_ >= 3 else fit_pca(run.activity, 3)
        deep = marks | {"pca": space, "dimensions": 3}
        yield Drawing("slow_points_3d", figures.slow_points, (points,), deep)


def task_drawings(run: TaskRun) -> Iterator[Drawing]:
    """Give the figures of a run of any task; behind the name of some stands a context."""
    seen = {"activity": run.activity, "pca": run.pca, "trials": run.trials}
    yield Drawing("learning_curve", figures.learning_curve, (_without_state(run.history),))
    yield from _of_activity(run)
    yield Drawing("trajectories", figures.trajectories, (), seen)
    yield Drawing("conditions", figures.conditions, (), seen)
    yield Drawing("accuracy", figures.accuracy, (run.tested,))
    matrix = run.net.effective_weights()["w_rr"]
    yield Drawing("weights", figures.weights, (matrix,))
    yield Drawing("points_by_input", figures.points_by_input, (run.by_input,), seen)
    for context, task in run.alternatives.items():
        words = {"condition": f"signed {task.condition}", "unit": ""}
        behind = f"-{re.sub(r'[^0-9A-Za-z]+', '_', context)}" if context else ""
        curve, fit = run.psychometric[context], {"fit": run.psychometric_fit[context]}
        yield Drawing(f"psychometric{behind}", figures.psychometric, (curve,), words | fit)
        judged = {"mean": run.averages(context), "pca": run.pca, "verdict": run.verdicts[context]}
        yield Drawing(f"slow_manifold{behind}", figures.averages, (), judged | words)
        yield Drawing(f"line_attractor{behind}", figures.line_attractor, (), judged | words)


def _of_activity(run: Run | TaskRun) -> Iterator[Drawing]:
    """Give the figures of outputs and units over time."""
    over = {"trials": run.trials, "dt": run.system.dt}
    named = {"names": _outputs_of(run)} if run.recipe.is_perceptual else {}
    yield Drawing("outputs", figures.outputs, (run.trajectories.outputs,), over | named)
    yield Drawing("unit_activity", figures.unit_activity, (run.activity,), over)


def _outputs_of(run: Run | TaskRun) -> list[str]:
    """Return what the outputs of the perceptual task stand for."""
    return ["fixation", *(f"choice {k + 1}" for k in range(run.recipe.choices))]


def draw(
    run: Run | TaskRun, *, width: Literal["single", "double"] | None = None, sign: bool = True
) -> dict[str, Figure]:
    """Draw a run's figures; return them by name, in the order of `ORDER` or `TASK_ORDER`.

    Parameters
    ----------
    run : Run or TaskRun
    width : {"single", "double"}, optional
        Columns of a page that all are as wide as; without it each as wide as it likes.
    sign : bool
        Whether the recipe and the seed stand in small letters in a corner.
    """
    check_has("run", run, "a Run", "activity", "pca", "trials", "recipe")
    found = [drawing.with_width(width) for drawing in _drawings_of(run)]
    drawn = {drawing.name: drawing.draw(signature(run) if sign else "") for drawing in found}
    order = ORDER if run.recipe.is_perceptual else TASK_ORDER
    return {found: drawn[found] for name in order for found in drawn if found.split("-")[0] == name}


def _drawings_of(run: Any) -> Iterator[Drawing]:
    return drawings(run) if run.recipe.is_perceptual else task_drawings(run)


def save_figures(
    run: Run | TaskRun,
    folder: str | os.PathLike[str],
    formats: Sequence[str] = ("png",),
    process: DrawingProcess | None = None,
    *,
    width: Literal["single", "double"] | None = None,
    sign: bool = True,
) -> None:
    """Draw a run's figures and save them, by their names in `ORDER`.

    Parameters
    ----------
    run : Run or TaskRun
    folder : path
        Made if it is not there.
    formats : sequence of {"png", "pdf"}
        What to write of each.
    process : DrawingProcess, optional
        Draws while the analysis goes on; without it this process draws.
    width : {"single", "double"}, optional
        Columns of a page that all are as wide as; without it each as wide as it likes.
    sign : bool
        Whether the recipe and the seed stand in small letters in a corner.

    Raises
    ------
    OSError
        If a file can't be written, or the process died.
    """
    Path(folder).mkdir(exist_ok=True)
    words = signature(run) if sign else ""
    for drawing in (drawing.with_width(width) for drawing in _drawings_of(run)):
        if process is None:
            figures.save(drawing.draw(words), Path(folder) / drawing.name, formats)
        else:
            process.submit(drawing, folder, signature=words, formats=formats)
    if process is not None:
        process.finish()


def signature(run: Run | TaskRun) -> str:
    """Say what a run's figures are of, in a line."""
    return f"{run.recipe.name}, seed {run.recipe.seed}"


def _without_state(history: History) -> History:
    """Return loss and accuracy alone: the optimiser's numbers need not go to another process."""
    return type(history)(history.loss, history.accuracy)


def _point_in_words(run: Run) -> str | None:
    """Say what point the analysis stands on."""
    if run.modes is None or run.centre is None:
        return None
    point = run.newton_points[[run.centre]]
    kind = ", ".join(filter(None, [f"{point.status[0]} point", str(run.modes.label[0])]))
    return f"{kind}, q = {point.speed[0]:.1e}"


def modes_of_fixed(run: Run, points: FixedPoints) -> Linearisation | None:
    """Return the map around the fixed ones of points; None without any."""
    fixed = points.with_status("fixed")
    return run.linearise(fixed) if len(fixed) else None


class DrawingProcess:
    """A process that draws figures and saves them, while this one goes on.

    In a `with` statement: when it begins the process starts and imports what it needs, and when it
    is left the process ends, whatever it is at. It ends by itself if this process dies.

    Attributes
    ----------
    pid : int
        Of the process.

    Raises
    ------
    ChildProcessError
        If it can't be started, or later, from `submit` and `finish`, if it died.
    """

    pid: int

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._waiting = 0
        try:
            with theirs, deaf_to_ctrl_c():
                self._process.start()
        except OSError as error:
            self._pipe.close()
            raise ChildProcessError(f"can't start a process to draw figures: {error}") from error
        self.pid = self._process.pid or 0
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.kill()
        self._process.join()

    def submit(
        self,
        drawing: Drawing,
        folder: str | os.PathLike[str],
        *,
        signature: str,
        formats: Sequence[str] = ("png",),
    ) -> None:
        """Hand over a figure, to be drawn and saved after those before.

        Parameters
        ----------
        drawing : Drawing
        folder : path
            An existing folder.
        signature : str
            What the figure is of; empty for a figure that does not say it.
        formats : sequence of {"png", "pdf"}
        """
        try:
            style = dict(figures.STYLE)  # as it may have been changed here
            self._pipe.send((drawing, Path(folder), signature, tuple(formats), style))
        except OSError:
            self.finish()  # what it said before it died may tell more
            raise self._death() from None
        self._waiting += 1

    def finish(self) -> None:
        """Wait until all figures are saved; raise the first error that there was."""
        while self._waiting:
            try:
                error = self._pipe.recv()
            except (EOFError, OSError):
                raise self._death() from None
            self._waiting -= 1
            if error is not None:
                raise error

    def _death(self) -> ChildProcessError:
        self._process.join()
        code = self._process.exitcode
        return ChildProcessError(f"the process that draws figures died, with exit code {code}")


def _serve(pipe: Connection) -> None:
    """Draw what comes through the pipe, and answer each with None or the error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["JAX_PLATFORMS"] = "cpu"  # records of the analysis load JAX: not to take a GPU too
    jobs: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(pipe, jobs), daemon=True).start()
    # While there is time: the modules of all records that figures are drawn from.

    while True:
        answer = None
        try:
            drawing, folder, signature, formats, style = pickle.loads(jobs.get())
            figures.STYLE.clear()
            figures.STYLE.update(style)
            figures.save(drawing.draw(signature), folder / drawing.name, formats)
        except Exception as error:
            error.add_note(f"In the process that draws figures:\n{traceback.format_exc()}")
            answer = error
        pipe.send(answer)


def _receive(pipe: Connection, jobs: queue.SimpleQueue[bytes]) -> None:
    """Take what comes at once, so that nobody waits to send; leave when nothing can come."""
    try:
        while True:
            jobs.put(pipe.recv_bytes())
    except (EOFError, OSError):
        os._exit(0)


@contextlib.contextmanager
def deaf_to_ctrl_c() -> Iterator[None]:
    """Hold Ctrl-C back; threads and processes that begin meanwhile never hear it.

    A terminal sends it to all processes, but only the first one knows how to end.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # to start it later would let Ctrl-C through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
