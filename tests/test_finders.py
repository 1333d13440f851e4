"""What `benchmarks/finders.py` says of a tool's points, on a map whose fixed points are 2 and 5."""

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
TRUE = np.array([[2.0, 0.0], [5.0, 0.0]])


@pytest.fixture
def finders(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    spec = importlib.util.spec_from_file_location("finders", BENCHMARKS / "finders.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.modules.pop("finder_tools", None)


def step(h: np.ndarray) -> np.ndarray:
    """Move the first unit by 0.01 (h - 2) (h - 5), take the second to 0."""
    first = h[:, 0]
    return np.stack([first + 0.01 * (first - 2) * (first - 5), 0 * first], axis=1)


def judged(finders: Any, states: list[list[float]], stable: list[bool | None]) -> Any:
    points = finders.Points(np.array(states).reshape(-1, 2), np.array(stable, object))
    return finders.score(step, points, TRUE)


def test_states_that_move_are_not_fixed_and_their_labels_are_false(finders: Any):
    found = judged(
        finders,
        [[2.0, 0.0], [2.0 + 1e-6, 0.0], [5.01, 0.0], [5.001, 0.0], [3.5, 0.0], [np.nan, 0.0]],
        [True, None, True, True, False, None],
    )
    assert (found.returned, found.single, found.fixed, found.distinct) == (6, 3, 2, 1)
    assert (found.found, found.near) == (1, 2)  # 5.01 moves by 3e-4, 5.001 by 3e-5
    assert (found.labelled, found.labelled_slow) == (4, 3)
    assert (found.false_labels, found.false_stable) == (2, 1)
    assert found.least == 0


def test_a_tool_may_give_nothing_back_and_a_network_have_no_point(finders: Any):
    assert judged(finders, [], [])[:-1] == (0,) * 10
    none = finders.Points(np.ones((3, 2)), np.full(3, True, object))
    found = finders.score(lambda h: h + 1, none, TRUE[:0])
    assert (found.fixed, found.found, found.near, found.false_stable) == (0, 0, 0, 3)


def test_a_tool_that_raises_or_is_missing_has_a_row_that_says_so(finders: Any):
    def missing(network: Any) -> Any:
        importlib.import_module("no_such_finder")

    def failing(network: Any) -> Any:
        raise RuntimeError("no | luck")

    case = finders.Case(None, None, None)
    rows = []
    for find in (missing, failing):
        tool = finders.Tool("a", "b", find)
        rows.append(finders.row(tool, *finders.judged(tool, case)[:1], true=0, seconds=0.0))
    assert "not installed: No module named 'no_such_finder'" in rows[0]
    assert "RuntimeError: no / luck" in rows[1]
    assert [row.count("|") for row in rows] == [13, 13]


def test_scores_add_up_over_networks(finders: Any):
    one = judged(finders, [[2.0, 0.0], [5.01, 0.0]], [True, True])
    none = judged(finders, [], [])
    both = finders.added([one, none, one])
    assert (both.returned, both.found, both.false_stable) == (4, 2, 2)
    assert both.least == one.least
    assert np.isnan(finders.added([none]).least)
