"""Shared by all tests: a CPU, exact matrix products, no windows, no downloads, golden runs."""

import os

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["JAX_DEFAULT_MATMUL_PRECISION"] = "highest"
os.environ["MPLBACKEND"] = "agg"

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True, max_examples=25)
settings.load_profile("steady")

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session", params=[3, 4], ids=["golden3", "golden4"])
def golden(request: pytest.FixtureRequest) -> Mapping[str, np.ndarray]:
    with np.load(GOLDEN / f"notebook_{request.param}.npz") as file:
        return {key: file[key] for key in file}


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test writes to a folder of its own, compiled programs included."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
