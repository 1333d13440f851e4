import builtins
import sys
from typing import Any

import numpy as np
import pytest
from small import modes_at, points_at

from yang_rnn import figures
from yang_rnn.analysis import fit_pca
from yang_rnn.figures.interactive import SYMBOLS


def test_without_plotly_it_is_said_what_to_install(data: Any, monkeypatch: pytest.MonkeyPatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "plotly"]:
        monkeypatch.delitem(sys.modules, name)
    found = builtins.__import__

    def lacking(name: str, *rest: Any, **named: Any) -> Any:
        if name.split(".")[0] == "plotly":
            raise ModuleNotFoundError(f"No module named {name!r}")
        return found(name, *rest, **named)

    monkeypatch.setattr("importlib.import_module", lacking)
    needed = r"`figures.interactive` needs plotly.*pip install 'plotly>="
    with pytest.raises(ImportError, match=needed):
        figures.interactive(data.activity)


def test_trajectories_and_points_lie_in_the_space_of_three_components(data: Any):
    pytest.importorskip("plotly", reason="plotly is an extra")
    activity, trials = data.activity, data.trials
    points = points_at(["fixed", "slow"], [0.0, 1e-4], activity[5, :2])
    modes = modes_at(activity[5, :1], ["saddle"])
    pca = fit_pca(activity, 3)
    figure = figures.interactive(activity, points=points, trials=trials, pca=pca, modes=modes)
    traces = {trace.name: trace for trace in figure.data if trace.mode == "markers"}
    assert set(traces) == {"1 fixed, saddle", "1 slow"}
    saddle = traces["1 fixed, saddle"]
    place = np.ravel([saddle.x, saddle.y, saddle.z])
    np.testing.assert_allclose(place, pca.transform(activity[5, :1])[0])
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    assert len(lines) == 5  # 0 and two strengths for either choice
    drawn = np.concatenate([np.c_[line.x, line.y, line.z] for line in lines])
    finite = drawn[np.isfinite(drawn).all(axis=1)]
    expected = pca.transform(activity.reshape(-1, 6))
    np.testing.assert_allclose(np.sort(finite, axis=0), np.sort(expected, axis=0))
    assert figure.layout.scene.zaxis.title.text.startswith("PC 3")


def test_a_pca_of_two_components_is_fitted_anew(data: Any):
    pytest.importorskip("plotly", reason="plotly is an extra")
    figure = figures.interactive(data.activity, pca=data.pca, num_trajectories=2)
    (line,) = figure.data
    expected = fit_pca(data.activity, 3).transform(data.activity[:, 0])
    np.testing.assert_allclose(np.c_[line.x, line.y, line.z][:22], expected, atol=1e-9)
    with pytest.raises(ValueError, match="three units or more; got 2"):
        figures.interactive(data.activity[..., :2])


def test_a_ring_is_around_the_centre(data: Any):
    pytest.importorskip("plotly", reason="plotly is an extra")
    points = points_at(["slow", "fixed"], [1e-4, 0.0], data.activity[5, :2])
    pca = fit_pca(data.activity, 3)
    figure = figures.interactive(data.activity, points=points, pca=pca, centre=1)
    (ring,) = [trace for trace in figure.data if trace.name == "analysed point"]
    place = np.ravel([ring.x, ring.y, ring.z])
    np.testing.assert_allclose(place, pca.transform(data.activity[5, 1:2])[0])
    with pytest.raises(ValueError, match="`centre` must be one of the 2 points; got 2"):
        figures.interactive(data.activity, points=points, centre=2)


@pytest.mark.parametrize("symbol", SYMBOLS.values())
def test_plotly_has_each_symbol_in_three_dimensions(symbol: str):
    graph = pytest.importorskip("plotly.graph_objects")
    assert graph.Scatter3d(marker={"symbol": symbol}).marker.symbol == symbol
