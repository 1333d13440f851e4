"""Figures on disk: the line that says what they are of, and the files they are written to."""

from __future__ import annotations

import contextlib
import io
import os
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from yang_rnn._checks import check_is, check_path, check_text, shown
from yang_rnn.figures.style import STYLE

FORMATS = ("png", "pdf")
"""What figures can be written as."""

STRIP, SIZE = 11.0, 6.0
"""Height (points) of the strip that a signature of one line has for itself, and of its letters."""

COMPRESSION = 3
"""PNG: files a twentieth larger than at zlib's default, written in three quarters of the time."""


def sign(figure: Figure, text: str) -> Figure:
    """Add a line in small grey letters, at the lower right, that says what a figure is of.

    The figure grows by a strip for it; all else stays where it was.

    Parameters
    ----------
    figure : Figure
    text : str
        As in ``notebook-hidden128, seed 0``.

    Returns
    -------
    Figure
        The same one.
    """
    check_is("figure", figure, Figure)
    check_text("text", text)
    width, height = figure.get_size_inches()
    lines = textwrap.wrap(text, max(20, int(72 * width / (0.6 * SIZE)))) or [text]
    points = STRIP + 1.2 * SIZE * (len(lines) - 1)
    height += points / 72
    figure.set_size_inches(width, height)
    strip = points / 72 / height  # as a share of the figure's height
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0.0, strip, 1.0, 1.0 - strip))
        for legend in figure.legends:  # these stand at the figure's edge, not the rectangle's
            legend.borderaxespad += points / legend.prop.get_size_in_points()
    else:
        for ax in figure.axes:
            left, bottom, across, up = ax.get_position(original=True).bounds
            ax.set_position((left, strip + bottom * (1 - strip), across, up * (1 - strip)))
    x, y = 1 - 3 / 72 / width, 3 / 72 / height
    figure.text(x, y, "\n".join(lines), size=SIZE, color="0.5", ha="right", va="bottom")
    return figure


def save(
    figure: Figure, stem: str | os.PathLike[str], formats: Sequence[str] | None = None
) -> list[Path]:
    """Write a figure as PNG, as PDF, or as both; text in a PDF stays text.

    Parameters
    ----------
    figure : Figure
    stem : path
        File name, without its ending or, as in ``"figure.pdf"``, with it.
    formats : sequence of {"png", "pdf"}, optional
        What to write; without it what the name ends in, or a PNG.

    Returns
    -------
    list of Path
        The files. The same figure gives the same bytes each time.

    Raises
    ------
    ValueError
        If `formats` has none of these, or others, or the name is empty.
    OSError
        If a file can't be written.
    """
    check_is("figure", figure, Figure)
    check_path("stem", stem)
    if not os.path.basename(stem):
        raise ValueError(f"`stem` must name a file; got {shown(stem)}")
    name, ending = os.path.splitext(os.fspath(stem))
    if ending[1:] not in FORMATS:
        name, ending = os.fspath(stem), ""
    formats = (ending[1:] or "png",) if formats is None else formats
    listed = list(formats) if isinstance(formats, (list, tuple, set, frozenset)) else []
    if not listed or not all(isinstance(word, str) and word in FORMATS for word in listed):
        raise ValueError(f"`formats` must be one or more of {FORMATS}; got {shown(formats)}")
    paths = [Path(f"{name}.{ending}") for ending in listed]
    with _laid_out(figure) as canvas:
        for path, ending in zip(paths, listed, strict=True):
            # Drawn in memory first: on a full disk, the PDF writer would hide the reason.
            drawn = io.BytesIO()
            # Without versions and times, which would change the bytes.
            if ending == "png":
                canvas.print_png(
                    drawn, metadata={"Software": None}, pil_kwargs={"compress_level": COMPRESSION}
                )
            else:
                figure.savefig(drawn, format=ending, metadata={"CreationDate": None})
            path.write_bytes(drawn.getvalue())
    return paths


@contextlib.contextmanager
def _laid_out(figure: Figure) -> Iterator[FigureCanvasAgg]:
    """Lay a figure out, once for all its files, and leave it as it was.

    `Figure.savefig` draws up to three times: to lay out, to find what is where, and for the file.
    """
    engine, canvas, dpi = figure.get_layout_engine(), figure.canvas, figure.dpi
    with mpl.rc_context(STYLE):
        try:
            agg = FigureCanvasAgg(figure)  # the figure's from here on
            figure.dpi = STYLE["savefig.dpi"]
            if engine is not None:
                engine.execute(figure)
                figure.set_layout_engine("none")
            yield agg
        finally:
            figure.dpi = dpi
            figure.set_canvas(canvas)
            if engine is not None:
                figure.set_layout_engine(engine)
