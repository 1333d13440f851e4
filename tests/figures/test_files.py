from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from yang_rnn import figures
from yang_rnn.figures.files import SIZE, STRIP


@pytest.fixture
def figure(data: Any) -> Figure:
    return figures.trajectories(data.activity, trials=data.trials, pca=data.pca)


def test_png_is_what_is_written_unless_asked_for_more(figure: Figure, tmp_path: Path):
    assert figures.save(figure, tmp_path / "one") == [tmp_path / "one.png"]
    both = figures.save(figure, tmp_path / "two", ("png", "pdf"))
    assert both == [tmp_path / "two.png", tmp_path / "two.pdf"]
    assert figures.save(figure, tmp_path / "three", ["pdf"]) == [tmp_path / "three.pdf"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "one.png", "three.pdf", "two.pdf", "two.png",
    ]  # fmt: skip


@pytest.mark.parametrize("stem", ["", "folder/"])
def test_a_name_that_is_none_is_an_error(
    figure: Figure, tmp_path: Path, stem: str, monkeypatch: Any
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="`stem` must name a file; got '"):
        figures.save(figure, stem)
    assert not list(tmp_path.iterdir())


def test_a_name_may_have_its_ending(figure: Figure, tmp_path: Path):
    assert figures.save(figure, tmp_path / "one.pdf") == [tmp_path / "one.pdf"]
    assert figures.save(figure, tmp_path / "one.png", ["pdf"]) == [tmp_path / "one.pdf"]
    assert figures.save(figure, str(tmp_path / "noise1.0")) == [tmp_path / "noise1.0.png"]


@pytest.mark.parametrize("formats", ["png", (), ("jpg",), ("png", "svg")])
def test_other_formats_are_an_error(figure: Figure, tmp_path: Path, formats: Any):
    with pytest.raises(ValueError, match=r"`formats` must be one or more of \('png', 'pdf'\)"):
        figures.save(figure, tmp_path / "one", formats)
    assert not list(tmp_path.iterdir())


def test_png_has_300_dots_per_inch(figure: Figure, tmp_path: Path):
    (path,) = figures.save(figure, tmp_path / "figure")
    with Image.open(path) as image:
        assert image.size == tuple(np.floor(300 * figure.get_size_inches()))
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_savefig_too_has_300_dots_per_inch_or_what_it_is_told(figure: Figure, tmp_path: Path):
    before = dict(mpl.rcParams)
    cases: list[tuple[int, dict[str, Any]]] = [(300, {}), (72, {"dpi": 72})]
    for dpi, told in cases:
        figure.savefig(tmp_path / "figure.png", **told)
        with Image.open(tmp_path / "figure.png") as image:
            assert image.info["dpi"] == pytest.approx((dpi, dpi), abs=0.1)
    assert dict(mpl.rcParams) == before


def test_the_same_figure_gives_the_same_bytes(data: Any, tmp_path: Path):
    contents = []
    for name in ("one", "two"):
        paths = figures.save(
            figures.trajectories(data.activity, trials=data.trials, pca=data.pca),
            tmp_path / name,
            ("png", "pdf"),
        )
        contents.append([path.read_bytes() for path in paths])
    assert contents[0] == contents[1]
    assert contents[0][0].startswith(b"\x89PNG")
    assert contents[0][1].startswith(b"%PDF")


def test_the_same_figure_gives_the_same_png_with_and_without_pdf(figure: Figure, tmp_path: Path):
    alone, after = (
        figures.save(figure, tmp_path / name, formats)[-1].read_bytes()
        for name, formats in (("alone", ["png"]), ("after", ["pdf", "png"]))
    )
    assert alone == after


@pytest.mark.parametrize("by", ["save", "savefig"])
def test_text_of_a_pdf_stays_text(figure: Figure, tmp_path: Path, by: str):
    if by == "save":
        figures.save(figure, tmp_path / "words", ["pdf"])
    else:
        figure.savefig(tmp_path / "words.pdf")
    content = (tmp_path / "words.pdf").read_bytes()
    # Whole TrueType fonts, with a table of the letters that their glyphs stand for.
    assert b"Type3" not in content  # text as outlines: can't be searched or edited
    assert b"/Type0" in content
    assert b"/FontFile2" in content
    assert b"/ToUnicode" in content


def test_a_saved_figure_can_be_saved_again_and_drawn_on(figure: Figure, tmp_path: Path):
    canvas, dpi, engine = figure.canvas, figure.dpi, figure.get_layout_engine()
    both = ("png", "pdf")
    first = [path.read_bytes() for path in figures.save(figure, tmp_path / "one", both)]
    assert (figure.canvas, figure.dpi, figure.get_layout_engine()) == (canvas, dpi, engine)
    places = [ax.get_position().bounds for ax in figure.axes]
    again = [path.read_bytes() for path in figures.save(figure, tmp_path / "two", both)]
    assert again == first
    # An older matplotlib puts axes elsewhere by a rounding.
    now = [ax.get_position().bounds for ax in figure.axes]
    np.testing.assert_allclose(now, places, rtol=0, atol=1e-12)
    figure.axes[0].set_title("another title")
    changed = [path.read_bytes() for path in figures.save(figure, tmp_path / "three", both)]
    assert all(now != before for now, before in zip(changed, first, strict=True))


def test_settings_of_the_user_are_left_alone(figure: Figure, tmp_path: Path):
    before = dict(mpl.rcParams)
    figures.save(figure, tmp_path / "figure")
    assert dict(mpl.rcParams) == before


def test_a_figure_that_can_not_be_written_stays_as_it_was(figure: Figure, tmp_path: Path):
    dpi, engine = figure.dpi, figure.get_layout_engine()
    with pytest.raises(FileNotFoundError):
        figures.save(figure, tmp_path / "nowhere" / "figure")
    assert (figure.dpi, figure.get_layout_engine()) == (dpi, engine)


@pytest.mark.parametrize("ending", ["png", "pdf"])
def test_a_full_disk_is_said(figure: Figure, tmp_path: Path, ending: str):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    (tmp_path / f"figure.{ending}").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device"):
        figures.save(figure, tmp_path / "figure", [ending])


def boxes_of(figure: Figure) -> list[Any]:
    """Return the boxes around all that is drawn but the signature, in inches."""
    legends = [*figure.legends, *filter(None, (ax.get_legend() for ax in figure.axes))]
    artists: list[Any] = [*figure.axes, *legends]
    scale = figure.dpi_scale_trans.inverted()
    return [artist.get_tightbbox().transformed(scale) for artist in artists]


@pytest.mark.parametrize("kind", ["constrained", "legend", "fixed"])
def test_a_signature_has_a_strip_of_its_own_and_nothing_else_moves(kind: str):
    figures_of_a_kind = []
    for _ in range(2):
        figure = Figure(figsize=(4, 3), layout=None if kind == "fixed" else "constrained")
        ax = figure.subplots(subplot_kw={"projection": "3d"} if kind == "fixed" else None)
        ax.plot([0, 1], [0, 1], label="a line")
        ax.set_xlabel("from one side of the figure to the other, as far as it goes")
        if kind == "legend":
            figure.legend(loc="outside lower center", fontsize=8)
        figures_of_a_kind.append(figure)
    plain, signed = figures_of_a_kind
    assert figures.sign(signed, "notebook, seed 0") is signed
    for figure in figures_of_a_kind:
        figure.draw_without_rendering()
    strip = STRIP / 72
    size = np.add(plain.get_size_inches(), (0, strip))
    np.testing.assert_allclose(signed.get_size_inches(), size)
    for before, after in zip(boxes_of(plain), boxes_of(signed), strict=True):
        expected = np.add(before.extents, (0, strip, 0, strip))
        np.testing.assert_allclose(after.extents, expected, atol=0.02)
    (text,) = signed.texts
    assert text.get_text() == "notebook, seed 0"
    assert text.get_fontsize() == SIZE
    box = text.get_window_extent().transformed(signed.dpi_scale_trans.inverted())
    assert 0 < box.y0 < box.y1 < strip
    assert 3 < box.x1 < 4
