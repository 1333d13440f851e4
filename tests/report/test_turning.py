import base64
import importlib.util
import json
import zlib
from typing import Any

import pytest

from yang_rnn.experiment.run import Run
from yang_rnn.report.page import MOST_BYTES
from yang_rnn.report.turning import turning_of

pytest.importorskip("plotly")


def test_the_figure_is_that_of_the_run_and_fits_into_a_page(small_run: Run):
    turning: Any = turning_of(small_run)
    assert turning.size < MOST_BYTES / 2
    figure = json.loads(zlib.decompress(base64.b64decode(turning.figure)))
    assert {trace["type"] for trace in figure["data"]} == {"scatter3d"}
    assert "newPlot" in zlib.decompress(base64.b64decode(turning.library)).decode()
    assert turning_of(small_run) == turning  # the same run writes the same page


def test_without_plotly_a_page_has_none(small_run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert turning_of(small_run) is None
