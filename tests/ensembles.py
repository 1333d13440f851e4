"""What tests of sweeps share: their size, looks into their folders, damage."""

from pathlib import Path

from yang_rnn.ensemble.members import _files_of_failed
from yang_rnn.experiment.checksums import with_sums
from yang_rnn.recipe import Recipe
from yang_rnn.train import DivergenceError

SEEDS = 9
"""Members of the finished sweep: one more than a batch has on a CPU."""


def table_of(folder: Path) -> bytes:
    """Return a sweep's table as it is on disk."""
    return (folder / "table.csv").read_bytes()


def times(folder: Path) -> dict[str, int]:
    """Return when each finished member was written; hidden folders are unfinished ones."""
    files = (folder / "members").glob("[!.]*/summary.json")
    return {path.parent.name: path.stat().st_mtime_ns for path in files}


def spoil(folder: Path) -> None:
    """Flip a bit of a member's weights; twice is not at all."""
    path = folder / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def files_in(done: Path, recipe: Recipe) -> dict[str, bytes]:
    """Return a member's files: those of its seed in a finished sweep, with its own recipe."""
    if recipe.learning_rate == 1e30:
        return _files_of_failed(recipe, DivergenceError("the loss of epoch 1 is nan"))
    member = done / "members" / f"seed{recipe.seed}"
    files = {path.name: path.read_bytes() for path in member.iterdir()}
    del files["SHA256SUMS"]
    return with_sums(files | {"recipe.json": recipe.to_json().encode()})
