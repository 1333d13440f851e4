"""The scripts of `examples/`, run small."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def example(name: str) -> Any:
    """Return the module that a script is; PyTorch's threads wait for each other at full speed."""
    if "torch" in name or name == "flip_flop":
        pytest.importorskip("torch", reason="the script is about PyTorch").set_num_threads(1)
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_a_script_is_short(path: Path):
    assert len(path.read_text("utf-8").splitlines()) <= 60


@pytest.mark.slow
def test_torch_gru(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    torch: Any = pytest.importorskip("torch", reason="the example is a network of PyTorch's")
    torch.manual_seed(0)
    script = example("torch_gru")
    script.train(tmp_path / "net.pt", updates=30)
    points = script.main(tmp_path / "net.pt", figure=tmp_path / "points.png")
    assert len(points) >= 1
    assert not points.far.any()
    assert (tmp_path / "points.png").stat().st_size > 10_000
    said = capsys.readouterr().out
    assert "fixed point: " in said
    assert "time constant" in said


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_flip_flop(kind: str):
    torch: Any = pytest.importorskip("torch", reason="the example is a network of PyTorch's")
    rnn, points, modes, outputs = example("flip_flop").main(kind, seed=6)
    units = rnn.hidden_size
    stable, edges = modes.stability == "stable", modes.unstable == 1
    memories = np.sign(outputs[stable])
    assert len(memories) == 8
    assert len({tuple(memory) for memory in memories.tolist()}) == 8
    np.testing.assert_allclose(outputs[stable], memories, atol=0.2)
    # On each of the cube's twelve edges a saddle: two bits are held, the third is between.
    held = np.abs(outputs[edges]) > 0.8
    assert (held.sum(axis=1) == 2).all()
    places = np.where(held, np.sign(outputs[edges]), 0)
    assert len({tuple(place) for place in places.tolist()}) == edges.sum() == 12
    assert (np.abs(points.state[:, :units]) <= 1).all()
    # By PyTorch's own forward pass, in float64.
    h = torch.tensor(points.state)[None].split(units, dim=2)
    nothing = torch.zeros(1, len(points), 3, dtype=torch.float64)
    with torch.no_grad():
        after = rnn.double()(nothing, h if kind == "LSTM" else h[0])[1]
    after = torch.cat(after, 2) if kind == "LSTM" else after
    assert (after[0] - torch.tensor(points.state)).abs().max() < 1e-12
