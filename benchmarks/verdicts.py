"""How often the verdict on a line attractor is right.

    python benchmarks/verdicts.py built

`built`: systems of 64 units that integrate evidence in a known way (tests/built_systems.py). Prints
what they do and why, right against found, and each miss, in Markdown.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import yang_rnn as yr

if TYPE_CHECKING:
    from built_systems import Built

TRIALS = 200


def judged(system: yr.System) -> yr.Verdict:
    """Judge a system by two hundred trials of perceptual decision making."""
    task = yr.PerceptualDecisionMaking(seed=5)
    return yr.line_attractor_verdict(system, task.sample_trials(TRIALS), task.two_alternatives())


def confusion(pairs: Iterable[tuple[str, str]], names: Sequence[str], corner: str) -> str:
    """Return a table: how many are (row, column), in the order of names; the empty are left out."""
    count = Counter(pairs)
    rows = [name for name in names if any(one == name for one, _ in count)]
    columns = [name for name in names if any(other == name for _, other in count)]
    lines = [f"| {' | '.join([corner, *columns])} |", "|" + "---|" * (1 + len(columns))]
    for row in rows:
        cells = [str(count[row, column] or "") for column in columns]
        lines.append(f"| {' | '.join([row, *cells])} |")
    return "\n".join(lines)


def right(found: str, accepted: Sequence[str]) -> str:
    """Return which of the answers that are right is to be counted: the one found, or the first."""
    return found if found in accepted else accepted[0]


def misses(found: Mapping[str, yr.Verdict], built: Mapping[str, "Built"]) -> list[str]:
    """Return a line for each verdict that is not right, with its reason."""
    lines = []
    for name, verdict in found.items():
        labels, mechanisms = built[name].labels, built[name].mechanisms
        if verdict.label not in labels:
            said = f"{verdict.label}, not {' or '.join(labels)}: {verdict.reason}"
            lines.append(f"- {name}: {said}")
        if verdict.mechanism not in mechanisms:
            said = f"{verdict.mechanism}, not {' or '.join(mechanisms)}: {verdict.mechanism_reason}"
            lines.append(f"- {name}, why: {said}")
    return lines


def on_built() -> None:
    """Print how built systems are judged."""
    sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
    from built_systems import catalogue, swamped

    from yang_rnn.line_attractor.criteria import VERDICTS
    from yang_rnn.line_attractor.mechanism import MECHANISMS

    built = catalogue()
    began = time.process_time()
    found = {name: judged(entry.system) for name, entry in built.items()}
    seconds = time.process_time() - began
    labels = [(right(v.label, built[name].labels), v.label) for name, v in found.items()]
    mechanisms = [
        (right(v.mechanism, built[name].mechanisms), v.mechanism) for name, v in found.items()
    ]
    print(f"{len(built)} systems, {seconds:.0f} s of CPU time\n")
    print(confusion(labels, VERDICTS, "right, found") + "\n")
    print(confusion(mechanisms, MECHANISMS, "right, found") + "\n")
    print("\n".join(misses(found, built)) + "\n")
    print("Known to be judged wrongly, and not counted:\n")
    known = dict(swamped())
    print("\n".join(misses({name: judged(known[name].system) for name in known}, known)))


def main() -> None:
    """Print one of the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = {"built": on_built}
    parser.add_argument("what", choices=commands)
    commands[parser.parse_args().what]()
    print(f"\nload {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors", flush=True)


if __name__ == "__main__":
    main()
