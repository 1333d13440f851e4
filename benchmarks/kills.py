"""Kill runs and sweeps at random moments, start them again, and compare with undisturbed ones.

    python benchmarks/kills.py [--times 15] [--seed 0] [--only run|sweep|workers]

Prints a line for each kind. Ends with exit code 1 if any command that came after a kill failed or
gave other results, if anything hidden was left after it, if a process outlived its command, or if
a signal that can be caught ended in anything but one line and its exit code.
"""

import argparse
import collections
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SIZE: dict[str, Any] = dict(
    hidden=8, epochs=2, trials_per_epoch=64, test_trials=50, analysis_trials=10, search_steps=40,
    search_check_every=20, slow_mean_square=1.0, unique_distance=0.01, outlier_distance=5.0,
)  # fmt: skip
SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}
KINDS = {
    "run": ["yang_rnn.run", "--recipe", "../small.json"],
    "sweep": ["yang_rnn.sweep", "--recipe", "../small.json", "--seeds", "0:12"],
    "workers": ["yang_rnn.sweep", "--recipe", "../small.json", "--seeds", "0:12", "--workers", "2"],
}


def start(kind: str, out: str, place: Path) -> subprocess.Popen[str]:
    """Start a command of a kind, in a session of its own."""
    words = [sys.executable, "-m", *KINDS[kind], "--out", out, "--quiet"]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        words, cwd=place, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )


def content(folder: Path) -> dict[str, str]:
    """Return the hash of each file, but for what says how long it took."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name in (".lock", "SHA256SUMS"):
            continue
        data = path.read_bytes()
        if path.name == "summary.json":
            summary = json.loads(data)
            summary.pop("seconds", None)
            data = json.dumps(summary, sort_keys=True).encode()
        found[str(path.relative_to(folder))] = hashlib.sha256(data).hexdigest()
    return found


def hidden(place: Path) -> list[str]:
    """Return what is left of unfinished work."""
    found = [path for path in place.rglob(".*") if path.name != ".lock"]
    return [str(path.relative_to(place)) for path in found]


def alive(session: int) -> list[int]:
    """Return the processes of a session that are there."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[3]) == session and words[0] != "Z":
            found.append(int(path.parent.name))
    return found


def try_kind(kind: str, times: int, rng: random.Random, room: Path) -> int:
    """Kill a kind of command many times; print what came of it, return how much was wrong."""
    place = room / kind
    place.mkdir()
    lasts = 0.0
    for _ in range(2):  # the first compiles
        shutil.rmtree(place / "whole", ignore_errors=True)
        begun = time.perf_counter()
        whole = start(kind, "whole", place)
        _, err = whole.communicate()
        lasts = time.perf_counter() - begun
        assert whole.returncode == 0, err
    expected, seen, wrong = content(place / "whole"), collections.Counter[str](), list[str]()
    for number in range(times):
        number_of_signal = list(SIGNALS)[number % len(SIGNALS)]
        out, name = f"out{number}", signal.Signals(number_of_signal).name
        process = start(kind, out, place)
        time.sleep(rng.uniform(0.3, lasts))
        # A terminal sends Ctrl-C to all processes; the others go to one.
        send = os.killpg if number_of_signal == signal.SIGINT else os.kill
        send(process.pid, number_of_signal)
        _, err = process.communicate()
        time.sleep(0.5)
        if alive(process.pid):
            wrong.append(f"{out} {name}: {alive(process.pid)} outlived it")
        if process.returncode == 0:
            seen["was done before"] += 1
        elif process.returncode != SIGNALS[number_of_signal]:
            wrong.append(f"{out} {name}: exit code {process.returncode}: {err[-300:]!r}")
        elif number_of_signal != signal.SIGKILL and err.count("\n") != 1:
            wrong.append(f"{out} {name}: {err[-300:]!r}")
        if number_of_signal != signal.SIGKILL and hidden(place):
            wrong.append(f"{out} {name}: left {hidden(place)}")
        seen["left something"] += bool(hidden(place))
        seen["left members"] += (place / out / "members").is_dir()
        if kind == "run" and (place / out).exists():
            shutil.rmtree(place / out)
        again = start(kind, out, place)
        _, err = again.communicate()
        if again.returncode != 0:
            wrong.append(f"{out} {name}: then exit code {again.returncode}: {err[-300:]!r}")
        elif content(place / out) != expected:
            wrong.append(f"{out} {name}: other results")
        else:
            seen["then the same results"] += 1
        if hidden(place):
            wrong.append(f"{out} {name}: then left {hidden(place)}")
    counts = ", ".join(f"{count} {what}" for what, count in sorted(seen.items()))
    print(f"{kind}: {times} kills within {lasts:.1f} s: {counts}; {len(wrong)} wrong", flush=True)
    for line in wrong:
        print("  " + line, flush=True)
    return len(wrong)


def main() -> int:
    """Do what the options say."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--times", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=KINDS)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    from yang_rnn import Recipe

    with tempfile.TemporaryDirectory() as room:
        Recipe(**SIZE).save(Path(room) / "small.json")
        kinds = [options.only] if options.only else list(KINDS)
        wrong = sum(try_kind(kind, options.times, rng, Path(room)) for kind in kinds)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
