import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from yang_rnn.report.pictures import COLOURS, MOST_WIDE, picture_of, pictures_in


def decoded(data: str) -> Image.Image:
    kind, _, content = data.partition(",")
    assert kind == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


def test_a_large_figure_becomes_smaller_in_its_shape(tmp_path: Path):
    Image.new("RGBA", (3000, 1500), "white").save(tmp_path / "a.png")
    picture = picture_of(tmp_path / "a.png")
    assert (picture.name, picture.width, picture.height) == ("a", MOST_WIDE, MOST_WIDE // 2)
    assert decoded(picture.data).size == (MOST_WIDE, MOST_WIDE // 2)


def test_the_background_stays_as_it_was_among_many_colours(tmp_path: Path):
    rng = np.random.default_rng(0)
    values = rng.integers(200, 256, (200, 300, 3), dtype=np.uint8)
    values[:20] = 255
    Image.fromarray(values).save(tmp_path / "a.png")
    image = decoded(picture_of(tmp_path / "a.png").data)
    assert image.mode == "P"
    assert len(image.getcolors() or []) <= COLOURS
    again = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(again[0, 0], 255)
    assert np.abs(again.astype(int) - values).mean() < 12


def test_pictures_come_in_order_and_others_last(tmp_path: Path):
    for name in ("zebra", "averages-context_1", "averages-context_0", "trajectories"):
        Image.new("RGB", (4, 4)).save(tmp_path / f"{name}.png")
    (tmp_path / "averages.pdf").write_bytes(b"")
    names = [picture.name for picture in pictures_in(tmp_path, ("trajectories", "averages"))]
    assert names == ["trajectories", "averages-context_0", "averages-context_1", "zebra"]


def test_no_folder_has_no_pictures_and_damage_is_an_error(tmp_path: Path):
    assert pictures_in(tmp_path / "none") == []
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(OSError, match=r"a\.png"):
        pictures_in(tmp_path)
