"""A finished sweep that tests share, and sweeps whose members take no time."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from ensembles import SEEDS, files_in
from small import TINY

import yang_rnn.ensemble.sweep
from yang_rnn.ensemble.members import FinishedMember
from yang_rnn.recipe import Recipe


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished sweep, of two batches: don't change it."""
    folder = tmp_path_factory.mktemp("sweep") / "done"
    yang_rnn.ensemble.sweep.sweep(TINY, range(SEEDS), out=folder)
    return folder


@pytest.fixture
def instant(done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copy members from the finished sweep instead of making them; draw and report nothing.

    A member of another recipe has the results of its seed, too. With a learning rate of 1e30 it
    fails.
    """

    def make_batches(batches: Sequence[Sequence[Recipe]], **_: Any) -> Iterator[FinishedMember]:
        for batch in batches:
            for recipe in batch:
                yield FinishedMember(recipe, files_in(done, recipe))

    monkeypatch.setattr(yang_rnn.ensemble.sweep, "make_batches", make_batches)
    monkeypatch.setattr(yang_rnn.ensemble.sweep, "_draw", lambda *_: None)
