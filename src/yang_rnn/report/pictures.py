"""Figures as pictures inside a page: small, with a title and words for who can't see them."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

MOST_WIDE = 2000
"""Pixels across of a picture: twice those of the column that it stands in."""

COLOURS = 256
"""Colours of a picture: lines and marks need few, and a picture of few is small."""

WIDE = 1500
"""Pixels from which on a picture is too wide for a phone, and scrolls by itself."""


class Picture(NamedTuple):
    """A figure inside a page.

    Attributes
    ----------
    name : str
        Of the figure, as `yang_rnn.draw` names it.
    data : str
        The picture, as a `data:` address.
    width, height : int
        In pixels.
    """

    name: str
    data: str
    width: int
    height: int


def picture_of(path: Path) -> Picture:
    """Make a picture of a figure's PNG; an `OSError` if it can't be read."""
    with Image.open(path) as file:
        image = file.convert("RGB")
    if image.width > MOST_WIDE:
        size = (MOST_WIDE, round(image.height * MOST_WIDE / image.width))
        image = image.resize(size, Image.Resampling.HAMMING, reducing_gap=2.0)
    few = image.quantize(COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    _keep_background(image, few)
    content = io.BytesIO()
    few.save(content, "png", compress_level=6)
    data = base64.b64encode(content.getvalue()).decode("ascii")
    return Picture(path.stem, f"data:image/png;base64,{data}", few.width, few.height)


def _keep_background(image: Image.Image, few: Image.Image) -> None:
    """Give the background the colour that it had, which few colours may have tinted."""
    place, colour = few.getpixel((0, 0)), image.getpixel((0, 0))
    palette = few.getpalette()
    assert isinstance(place, int)
    assert isinstance(colour, tuple)
    assert palette is not None
    palette[3 * place : 3 * place + 3] = [int(part) for part in colour]
    few.putpalette(palette)


def pictures_in(folder: Path, order: Sequence[str] = ()) -> list[Picture]:
    """Make pictures of the figures in a folder, if it is there.

    Parameters
    ----------
    folder : Path
        Its files that end in ``.png`` are taken.
    order : sequence of str
        Names of figures; those of other names come last.
    """
    places = {name: place for place, name in enumerate(order)}
    paths = sorted(folder.glob("*.png"))
    paths.sort(key=lambda path: places.get(path.stem.split("-")[0], len(places)))
    return [picture_of(path) for path in paths]
