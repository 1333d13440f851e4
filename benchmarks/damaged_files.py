"""Damage the files of a run and of a sweep's member in 300 ways, and try to load each.

    python benchmarks/damaged_files.py [--count 300] [--seed 0]

Each is refused by an error that begins with the name of a file, refused by another error, loaded
with a number that is not the one that was saved, or loaded with all numbers as they were. Exit
code 1 if any is of the second or third kind. Where checksums are made again, only what can't be
told from another run by them is tried: types, shapes, ranges, files of another run.
"""

import argparse
import csv
import dataclasses
import io
import json
import os
import resource
import shutil
import sys
import tempfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from yang_rnn.ensemble.members import find_problem, make_batch, store_member
from yang_rnn.experiment.checksums import with_sums
from yang_rnn.experiment.run import run_experiment
from yang_rnn.experiment.storage import load_run, save_numbers
from yang_rnn.recipe import Recipe

SMALL = Recipe(
    hidden=8,
    epochs=2,
    trials_per_epoch=32,
    test_trials=50,
    analysis_trials=10,
    search_steps=40,
    search_check_every=20,
    slow_mean_square=1.0,
    unique_distance=0.01,
    outlier_distance=5.0,
)

Damage = Callable[[Path, Path, np.random.Generator], bool]
"""Damages a folder, given that of another run; tells whether checksums are to be made again."""

POINTS = ("slow_points.npz", "fixed_points.npz")


def make(folder: Path) -> dict[str, tuple[Path, Path]]:
    """Make what is damaged: a run and a member, each with another of its kind."""
    made: dict[str, list[Path]] = {"run": [], "member": []}
    for seed in (0, 1):
        recipe = dataclasses.replace(SMALL, seed=seed)
        made["run"].append(folder / f"run{seed}")
        made["run"][-1].mkdir()
        save_numbers(run_experiment(recipe), made["run"][-1], {"platform": "cpu", "versions": {}})
        made["member"].append(folder / f"seed{seed}")
        (member,) = make_batch([dataclasses.replace(recipe, search="newton")])
        store_member(member, made["member"][-1])
    return {kind: (one, other) for kind, (one, other) in made.items()}


# Files as bytes; checksums stay.


def some_file(folder: Path, rng: np.random.Generator) -> Path:
    """Choose a file, that of the checksums too."""
    return folder / str(rng.choice(sorted(path.name for path in folder.iterdir())))


def bytes_of(change: Callable[[bytearray, np.random.Generator], Any]) -> Damage:
    """Return a damage that changes the bytes of some file."""

    def damage(folder: Path, _: Path, rng: np.random.Generator) -> bool:
        path = some_file(folder, rng)
        content = bytearray(path.read_bytes())
        change(content, rng)
        path.write_bytes(content)
        return False

    return damage


def flip(content: bytearray, rng: np.random.Generator) -> None:
    """Flip a bit."""
    content[rng.integers(len(content))] ^= 1 << rng.integers(8)


def cut(content: bytearray, rng: np.random.Generator) -> None:
    """Cut the end off."""
    del content[rng.integers(len(content)) :]


def blank(content: bytearray, rng: np.random.Generator) -> None:
    """Put zeros in a place, as a disk does."""
    start = rng.integers(len(content))
    end = min(len(content), start + 64)
    content[start:end] = bytes(64)[: end - start]
    if end - start > 0:
        content[start] ^= 0xFF  # zeros may have been there


def append(content: bytearray, rng: np.random.Generator) -> None:
    """Put something behind the end."""
    content += rng.bytes(rng.integers(1, 100))


# The file system.


def unlink(folder: Path, _: Path, rng: np.random.Generator) -> bool:
    """Remove a file."""
    some_file(folder, rng).unlink()
    return False


def placed(put: Callable[[Path], Any]) -> Damage:
    """Return a damage that puts something in the place of a file."""

    def damage(folder: Path, _: Path, rng: np.random.Generator) -> bool:
        path = some_file(folder, rng)
        path.unlink()
        put(path)
        return False

    return damage


def sparse(path: Path) -> None:
    """Make a file of a TiB that has no content."""
    with path.open("wb") as file:
        os.truncate(file.fileno(), 2**40)


# Content, written properly, its checksums too.


def swapped(name: str, again: bool) -> Damage:
    """Return a damage that takes a file from the other run."""

    def damage(folder: Path, other: Path, _: np.random.Generator) -> bool:
        taken = name if (folder / name).exists() else "summary.json"
        shutil.copy(other / taken, folder / taken)
        return again

    return damage


def weights(change: Callable[[dict[str, np.ndarray]], Any]) -> Damage:
    """Return a damage that changes the weights."""

    def damage(folder: Path, _: Path, __: np.random.Generator) -> bool:
        path = folder / "weights.safetensors"
        content = {name: value.copy() for name, value in load_file(path).items()}
        change(content)
        save_file({k: np.ascontiguousarray(v) for k, v in content.items()}, path)
        return True

    return damage


def points(**entries: Callable[[np.ndarray], Any] | None) -> Damage:
    """Return a damage that changes entries of a record of points; None removes one."""

    def damage(folder: Path, _: Path, rng: np.random.Generator) -> bool:
        path = folder / POINTS[rng.integers(2)]
        with np.load(path) as file:
            content: dict[str, Any] = dict(file)
        for name, change in entries.items():
            value = content.pop(name)
            if change is not None:
                content[name] = change(value)
        np.savez(path, **content)
        return True

    return damage


def text(name: str, change: Callable[[str], str | bytes], again: bool = True) -> Damage:
    """Return a damage that changes the text of a file."""

    def damage(folder: Path, _: Path, __: np.random.Generator) -> bool:
        path = folder / name
        before = path.read_text("utf-8")
        content = change(before)
        assert content != before, name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return again

    return damage


def edited(name: str, again: bool = True, **changes: Any) -> Damage:
    """Return a damage that changes values of a JSON file; `None` removes one."""

    def change(before: str) -> str:
        content = json.loads(before)
        for key, value in changes.items():
            if value is None:
                del content[key]
            elif callable(value):
                content[key] = value(content[key])
            else:
                content[key] = value
        return json.dumps(content, indent=2) + "\n"

    return text(name, change, again)


def rows(change: Callable[[list[list[str]]], Any]) -> Damage:
    """Return a damage that changes the rows of the history."""

    def changed(before: str) -> str:
        table = list(csv.reader(io.StringIO(before)))
        change(table)
        return "".join(",".join(row) + "\n" for row in table)

    return text("history.csv", changed)


def put(row: int, column: int, value: str) -> Damage:
    """Return a damage that puts a value into the history."""

    def change(table: list[list[str]]) -> None:
        table[row][column] = value

    return rows(change)


def archive(change: Callable[[str, bytes], tuple[bytes, int] | None]) -> Damage:
    """Return a damage that writes the trace of a record of points in another way."""

    def damage(folder: Path, _: Path, rng: np.random.Generator) -> bool:
        path = folder / POINTS[rng.integers(2)]
        with zipfile.ZipFile(path) as file:
            content = {name: file.read(name) for name in file.namelist()}
        with zipfile.ZipFile(path, "w") as file:
            for name, value in content.items():
                new = change(name, value) if name == "trace.npy" else None
                value, method = new or (value, zipfile.ZIP_STORED)
                file.writestr(name, value, method)
        return True

    return damage


def npy(shape: Any, dtype: str = "<f4", data: bytes = b"") -> bytes:
    """Return an ``.npy`` file's content with a header of any kind."""
    header = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}}}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + data


def patched(find: bytes, offset: int, value: bytes) -> Damage:
    """Return a damage that writes over a field of a zip archive's first central entry."""

    def damage(folder: Path, _: Path, rng: np.random.Generator) -> bool:
        path = folder / POINTS[rng.integers(2)]
        content = bytearray(path.read_bytes())
        at = content.index(find) + offset
        content[at : at + len(value)] = value
        path.write_bytes(content)
        return True

    return damage


def huge_header(folder: Path, _: Path, __: np.random.Generator) -> bool:
    """Say in a file of weights that its header has 5 TB."""
    path = folder / "weights.safetensors"
    path.write_bytes((5 * 10**12).to_bytes(8, "little") + path.read_bytes()[8:])
    return True


def with_nan(array: np.ndarray) -> np.ndarray:
    """Put NaN in the first place."""
    array = np.array(array)
    array.flat[0] = np.nan
    return array


def in_weights(name: str, change: Callable[[np.ndarray], Any]) -> Damage:
    """Return a damage that changes one of the weights."""
    return weights(lambda content: content.update({name: change(content[name])}))


CENTRAL = b"PK\x01\x02"
NEST = "[" * 100_000
BYTES: list[Damage] = [bytes_of(flip)] * 6 + [bytes_of(cut)] * 2 + [bytes_of(blank)]
BYTES += [bytes_of(append), unlink]
OTHERS: list[Damage] = [
    placed(Path.mkdir),
    placed(lambda path: path.symlink_to("nowhere")),
    placed(lambda path: path.symlink_to("/dev/zero")),
    placed(lambda path: path.symlink_to(path.name)),
    placed(os.mkfifo),
    placed(sparse),
    placed(Path.touch),
    *(
        swapped(name, again)
        for name in (
            "recipe.json",
            "weights.safetensors",
            "history.csv",
            *POINTS,
            "summary.json",
            "stimulus_dependence.csv",
        )
        for again in (False, True)
    ),
    *(
        in_weights("w_rr", change)
        for change in (
            lambda w: w.astype(np.int32),
            lambda w: w.astype(np.float64),
            lambda w: w.astype(np.float16),
            lambda w: w.astype(np.uint8),
            lambda w: w > 0,
            lambda w: w[1:],
            lambda w: w[None],
            lambda w: w.ravel(),
            lambda w: w * np.nan,
            lambda w: w * np.inf,
            with_nan,
            lambda w: w.T.copy(),
            lambda w: 1.01 * w,
        )
    ),
    in_weights("w_ro", lambda w: w.T.copy()[:, :5]),
    in_weights("w_ro", with_nan),
    weights(lambda content: content.pop("b_rr")),
    weights(lambda content: content.update(extra=content["b_rr"])),
    huge_header,
    *(
        points(state=change)
        for change in (
            lambda s: s + 1j,
            lambda s: s.astype(np.float32),
            lambda s: s.astype(str),
            lambda s: s.astype(np.int64),
            lambda s: s[:, 1:],
            lambda s: s[:0],
            lambda s: s.ravel(),
            lambda s: s + 1e-3,
            with_nan,
        )
    ),
    *(
        points(speed=change)
        for change in (
            lambda q: -q - 1,
            lambda q: q * np.nan,
            lambda q: q * 0 + np.inf,
            lambda q: q.astype(complex),
            lambda q: q.astype(str),
            lambda q: q + 0.1,
            lambda q: q[1:],
            lambda q: q + 1e9,
        )
    ),
    points(status=lambda s: np.full(len(s), "stable")),
    points(status=lambda s: np.full(len(s), "diverged")),
    points(status=lambda s: np.full(len(s), "unconverged")),
    points(status=lambda s: np.where(s == "fixed", "slow", "fixed")),
    points(status=lambda s: np.zeros(len(s))),
    points(status=lambda s: s.astype(object)),
    points(starts_reached=lambda n: -n - 1),
    points(starts_reached=lambda n: n + 0.5),
    points(starts_reached=lambda n: n + 10_000),
    points(iterations=lambda n: -n - 1),
    points(iterations=lambda n: n.astype(str)),
    points(distance=lambda d: -d - 1),
    points(distance=with_nan),
    points(outside=lambda o: o.astype(int)),
    points(outside=lambda o: o.astype(float) * np.nan),
    points(start=with_nan),
    points(start=lambda s: s[:, :-1]),
    points(start=lambda s: s.astype(np.complex64)),
    points(scale=lambda _: np.nan),
    points(scale=lambda _: -1.0),
    points(scale=lambda _: 1j),
    points(fixed_speed=lambda _: 1.0),
    points(fixed_speed=lambda _: "1e-20"),
    points(slow_speed=lambda _: np.inf),
    points(slow_speed=lambda s: s / 2),
    points(total_starts=lambda _: -1),
    points(total_starts=lambda _: 0),
    points(total_starts=lambda n: float(n)),
    points(total_starts=lambda n: [n, n]),
    points(method=lambda _: 3),
    points(method=lambda _: "guess"),
    points(trace=lambda t: t.astype(complex)),
    points(trace=lambda t: np.append(t, -1.0)),
    points(trace=lambda t: t.astype(object)),
    points(search_counts=lambda n: -n - 1),
    points(search_counts=lambda n: n[:3]),
    points(search_counts=lambda n: n + 1),
    points(search_counts=lambda n: n + 0.5),
    points(reason=None),
    points(scale=None),
    rows(lambda table: table.pop()),
    rows(lambda table: table.append(["3", "0.5", "0.5"])),
    rows(lambda table: table.pop(0)),
    rows(lambda table: table.reverse()),
    rows(lambda table: [row.append("1") for row in table]),
    rows(lambda table: [row.pop() for row in table]),
    *(put(1, column, value) for column in (1, 2) for value in ("inf", "-0.5", "", "much", "1j")),
    put(1, 1, "nan"),
    put(1, 2, "1.5"),
    put(1, 0, "7"),
    put(1, 1, "0" * 200_000),
    put(1, 1, '"'),
    put(-1, 1, "0.123"),
    text("history.csv", lambda _: ""),
    text("history.csv", lambda _: b"\xff\xfe\x00"),
    *(
        text(name, lambda _, content=content: content)
        for name in ("summary.json", "recipe.json")
        for content in ("", "{}", "[]", "null", "3", NEST, '{"a":' * 100_000, b"\xff", "{")
    ),
    edited("summary.json", recipe="notebook"),
    edited("summary.json", seed=7),
    edited("summary.json", seed="0"),
    edited("summary.json", final_loss=lambda loss: loss + 0.1),
    edited("summary.json", test_accuracy=1.5),
    edited("summary.json", test_accuracy="high"),
    edited("summary.json", test_accuracy=float("nan")),
    edited("summary.json", test_accuracy=True),
    edited("summary.json", test_accuracy=None),
    edited("summary.json", search={}),
    edited("summary.json", search=None),
    edited("summary.json", newton=lambda counts: counts | {"fixed": 99}),
    edited("summary.json", newton=lambda counts: counts | {"fixed": -1}),
    edited("summary.json", analysed_point={"status": "fixed"}),
    edited("summary.json", line_attractor=[]),
    edited("summary.json", epochs=3),
    edited("summary.json", platform=3),
    edited("summary.json", versions="all"),
    text("summary.json", lambda before: before.replace("{", '{"seed": 0,', 1)),
    text("recipe.json", lambda before: before.replace("{", '{"hidden": 8,', 1)),
    text("recipe.json", lambda before: before.replace("8", "1" * 5000, 1)),
    edited("recipe.json", again=False, learning_rate=0.5),
    edited("recipe.json", again=False, tau=200.0),
    edited("recipe.json", again=False, seed=9),
    edited("recipe.json", seed=9),
    edited("recipe.json", hidden=16),
    edited("recipe.json", epochs=20),
    edited("recipe.json", tau=200.0),
    edited("recipe.json", activation="tanh"),
    edited("recipe.json", learning_rate=0.5),
    edited("recipe.json", fixed_speed=1e-10),
    edited("recipe.json", search_stimulus=0.7),
    edited("recipe.json", initialisation="linear"),
    edited("recipe.json", dt=-1),
    edited("recipe.json", units=8),
    text("SHA256SUMS", lambda _: "", again=False),
    text("SHA256SUMS", lambda before: before.upper(), again=False),
    text("SHA256SUMS", lambda before: before + before, again=False),
    text("SHA256SUMS", lambda before: before.replace("recipe", "../recipe"), again=False),
    archive(lambda *_: (npy((10**8,), data=bytes(4 * 10**8)), zipfile.ZIP_DEFLATED)),
    archive(lambda *_: (npy((10**7,), data=bytes(4 * 10**7)), zipfile.ZIP_DEFLATED)),
    archive(lambda *_: (npy((1_600_000_000_000,)), zipfile.ZIP_STORED)),
    archive(lambda *_: (npy((10**40,)), zipfile.ZIP_STORED)),
    archive(lambda *_: (npy((10**15,), "<U0"), zipfile.ZIP_STORED)),
    archive(lambda *_: (npy((-2, -2), data=bytes(16)), zipfile.ZIP_STORED)),
    archive(lambda *_: (npy("(" * 5000), zipfile.ZIP_STORED)),
    archive(lambda *_: (npy("__import__('os').getcwd()"), zipfile.ZIP_STORED)),
    archive(lambda *_: (b"\x93NUMPY\x09\x00", zipfile.ZIP_STORED)),
    archive(lambda _, value: (value, zipfile.ZIP_LZMA)),
    archive(lambda _, value: (value, zipfile.ZIP_BZIP2)),
    archive(lambda *_: (b"", zipfile.ZIP_STORED)),
    patched(CENTRAL, 10, b"\x63\x00"),  # a compression that nobody knows
    patched(CENTRAL, 8, b"\x01\x00"),  # encrypted
    patched(CENTRAL, 42, b"\xff\xff\xff\x7f"),  # begins behind the end
    patched(CENTRAL, 24, b"\xff\xff\xff\x7f"),  # unpacks to 2 GB
    patched(b"PK\x05\x06", 16, b"\xff\xff\xff\x7f"),  # the directory begins behind the end
    patched(CENTRAL, 6, b"\xff\x00"),  # needs another zip
]


def numbers_of(folder: Path) -> list[Any]:
    """Return all that `load_run` takes from files."""
    run = load_run(folder)
    arrays = [*run.net.weights.values(), *run.history]
    values: list[Any] = [run.recipe, dict(run.facts)]
    for found in (run.points, run.newton_points):
        for field in dataclasses.fields(found):
            value = getattr(found, field.name)
            (arrays if isinstance(value, np.ndarray) else values).append(value)
    return [*values, *((array.dtype.str, array.shape, array.tobytes()) for array in arrays)]


def outcome(folder: Path, expected: list[Any], is_member: bool) -> tuple[str, str]:
    """Load a damaged folder; say how that went, and the error."""
    names = tuple(f"{folder / name} is " for name in FILES)
    try:
        if is_member:
            find_problem(folder, ())  # what a sweep looks at before it reads a member
        numbers = numbers_of(folder)
    except (ValueError, FileNotFoundError) as error:
        named = str(error).startswith(names)
        words = "refused, the file named" if named else "refused, no file named"
        return words, f"{type(error).__name__}: {error}"
    except Exception as error:
        return "refused, no file named", f"{type(error).__name__}: {error}"
    return ("loaded, as it was" if numbers == expected else "loaded, a number changed"), ""


FILES = ("recipe.json", "weights.safetensors", "history.csv", *POINTS, "summary.json")
FILES += ("stimulus_dependence.csv", "SHA256SUMS")


def main() -> int:
    """Damage, load, count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", action="store_true", help="print each error")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(chosen.seed)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as aside:
        made = make(Path(aside))
        expected = {kind: numbers_of(one) for kind, (one, _) in made.items()}
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in range(chosen.count):
            kind = ("run", "member")[rng.integers(2)]
            one, other = made[kind]
            damage = OTHERS[number] if number < len(OTHERS) else BYTES[rng.integers(len(BYTES))]
            copy = Path(aside) / str(number) / one.name
            shutil.copytree(one, copy)
            if damage(copy, other, rng):
                files = {p.name: p.read_bytes() for p in copy.iterdir() if p.name != "SHA256SUMS"}
                (copy / "SHA256SUMS").write_bytes(with_sums(files)["SHA256SUMS"])
            words, error = outcome(copy, expected[kind], kind == "member")
            counts[words] += 1
            if chosen.show or words != "refused, the file named":
                print(f"{number} ({kind}): {words}; {error}", flush=True)
            shutil.rmtree(copy.parent)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    known = ("refused, the file named", "refused, no file named", "loaded, a number changed")
    for words in (*known, "loaded, as it was"):
        print(f"{words:<28}{counts[words]:>5}")
    print(f"{'memory beyond the start':<28}{grown / 1024:>5.0f} MiB")
    return int(bool(counts[known[1]] or counts[known[2]]))


if __name__ == "__main__":
    sys.exit(main())
