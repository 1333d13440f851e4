"""All fixed points of trained networks with a proof, by units; beside HiGHS.

    python benchmarks/exact.py [--sizes 16 32 64] [--networks 10] [--limit 300] [--highs 30]

Trains networks of both recipes and enumerates the fixed points of each in a process of its own, so
that its peak of memory is its own; prints a table in Markdown. HiGHS (extra `test`) gets the same
networks, for `--highs` seconds each way, 0 for none:

- branch and bound over active sets, a linear programme a node (tests/highs_active_sets.py);
- a mixed-integer programme with h and w up to 1000 times the largest drive; each point found is cut
  off, and it is through when nothing is left. No such bound holds for all networks: it proves less.

"""

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import yang_rnn as yr
from yang_rnn.ensemble.training import TrainedMember, num_lanes

REST = np.array([1.0, 0.5, 0.5])
FIRST_SEED = 500
BOUND = 1000.0
COLUMNS = (
    "units", "recipe", "complete", "closed", "nodes", "s", "CPU s", "check s", "MB", "points",
    "tree of HiGHS", "nodes", "s", "points", "as a MIP", "points",
)  # fmt: skip


def trained(recipe: yr.Recipe, number: int) -> list[TrainedMember]:
    """Train so many networks of a recipe."""
    recipes = [dataclasses.replace(recipe, seed=FIRST_SEED + k) for k in range(number)]
    lanes = num_lanes(recipe)
    batches = [recipes[k : k + lanes] for k in range(0, number, lanes)]
    return [member for batch in batches for member in yr.train_ensemble(batch)]


def system_of(folder: Path) -> yr.System:
    """Return the network that `measured` put into a folder."""
    net = yr.CTRNN.from_recipe(yr.Recipe.from_json((folder / "recipe.json").read_text()))
    with np.load(folder / "weights.npz") as file:
        net.set_weights({name: file[name] for name in file})
    return net.system()


def measured(member: TrainedMember, limit: float, highs: float) -> dict[str, Any]:
    """Measure a network in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "recipe.json").write_text(member.recipe.to_json())
        np.savez(Path(folder) / "weights.npz", **member.weights)
        words = ["--one", folder, "--limit", str(limit), "--highs", str(highs)]
        done = subprocess.run(
            [sys.executable, __file__, *words], check=True, stdout=subprocess.PIPE, text=True
        )
    return json.loads(done.stdout.splitlines()[-1])


def measure(folder: Path, limit: float, highs: float) -> dict[str, Any]:
    """Enumerate a network's fixed points, and let HiGHS try."""
    system = system_of(folder)
    # Compiled programs are loaded, or made at first.
    yr.all_fixed_points(system, REST, most_nodes=50)
    before = _peak()
    wall, cpu = time.perf_counter(), time.process_time()
    found = yr.all_fixed_points(system, REST, time_limit=limit, check=False)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    check, proved = time.perf_counter(), False
    if found.certificate is not None:
        proved = yr.check_certificate(found.certificate, system, REST).proved
    check = time.perf_counter() - check
    peak = _peak()
    own = {
        "proved": proved, "closed": found.closed, "nodes": found.nodes, "wall": wall, "cpu": cpu,
        "check": check, "peak": peak, "more": peak - before, "points": len(found),
    }  # fmt: skip
    return own | (_by_highs(system, highs) if highs else {})


def _peak() -> float:
    """Return the most memory that the process had so far (MB); on Linux."""
    # What getrusage says begins with the memory of the process that started this one.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def _by_highs(system: yr.System, limit: float) -> dict[str, Any]:
    sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
    from highs_active_sets import highs_fixed_points

    assert system.rectified is not None
    weights = system.rectified
    W, u = weights.w_rr.astype(float), REST @ weights.w_ir.astype(float) + weights.b_rr
    begin = time.perf_counter()
    tree = highs_fixed_points(W, u, limit)
    seconds = time.perf_counter() - begin
    through, points = integer_programme(W, u, limit)
    return {
        "tree": tree.complete, "tree_nodes": tree.nodes, "tree_wall": seconds,
        "tree_points": len(tree.points), "mip": through, "mip_points": points,
    }  # fmt: skip


def integer_programme(W: np.ndarray, u: np.ndarray, limit: float) -> tuple[bool, int]:
    """Let HiGHS find active sets as integers, each once; tell if it is through, and how many."""
    import highspy

    n, end = len(u), time.perf_counter() + limit
    solver = highspy.Highs()
    solver.silent()
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = 3 * n, 3 * n  # columns h, w and whether a unit is active
    lp.col_cost_ = np.zeros(3 * n)
    lp.col_lower_, lp.col_upper_ = np.zeros(3 * n), np.repeat([BOUND, BOUND, 1.0], n)
    lp.integrality_ = [highspy.HighsVarType.kContinuous] * 2 * n + [
        highspy.HighsVarType.kInteger
    ] * n
    one, none = np.eye(n), np.zeros((n, n))
    rows = np.block([[one - W.T, -one, none], [one, none, -BOUND * one], [none, one, BOUND * one]])
    drive = u / np.abs(u).max()
    lp.row_lower_ = np.concatenate([drive, np.full(2 * n, -np.inf)])
    lp.row_upper_ = np.concatenate([drive, np.zeros(n), np.full(n, BOUND)])
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = np.arange(3 * n + 1) * 3 * n
    lp.a_matrix_.index_ = np.tile(np.arange(3 * n), 3 * n)
    lp.a_matrix_.value_ = rows.ravel()
    solver.passModel(lp)
    columns = np.arange(2 * n, 3 * n, dtype=np.int32)
    found = 0
    while time.perf_counter() < end:
        solver.setOptionValue("time_limit", solver.getRunTime() + end - time.perf_counter())
        solver.run()
        status = solver.getModelStatus()
        if status == highspy.HighsModelStatus.kInfeasible:
            return True, found
        if status != highspy.HighsModelStatus.kOptimal:
            break
        found += 1
        active = np.array(solver.getSolution().col_value)[2 * n :] > 0.5
        signs = np.where(active, -1.0, 1.0)  # another set: a unit less, or one more
        solver.addRow(1.0 - active.sum(), np.inf, n, columns, signs)
    return False, found


def row(units: int, recipe: str, all_of: Sequence[dict[str, Any]]) -> str:
    """Return a line of the table.

    Counts, medians with the most in brackets, the most memory with what the search and the check
    added to it.
    """

    def column(name: str) -> list[Any]:
        return [one[name] for one in all_of]

    def spread(name: str, digits: str = ".2g") -> str:
        values = column(name)
        return f"{np.median(values):{digits}} ({max(values):{digits}})"

    def share(name: str) -> str:
        return f"{sum(column(name))} of {len(all_of)}"

    cells = [
        str(units), recipe, share("proved"), f"{100 * min(column('closed')):.4g} %",
        spread("nodes", ",.0f"), spread("wall"), spread("cpu"), spread("check"),
        f"{max(column('peak')):.0f} (+{max(column('more')):.0f})", str(sum(column("points"))),
    ]  # fmt: skip
    if "tree" in all_of[0]:
        cells += [
            share("tree"), spread("tree_nodes", ",.0f"), spread("tree_wall"),
            str(sum(column("tree_points"))), share("mip"), str(sum(column("mip_points"))),
        ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table, or measure one network."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[16, 32, 64])
    parser.add_argument("--networks", type=int, default=10)
    parser.add_argument("--limit", type=float, default=300.0)
    parser.add_argument("--highs", type=float, default=30.0)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one, given.limit, given.highs)))
        return
    columns = COLUMNS if given.highs else COLUMNS[:10]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)
    for units in given.sizes:
        for base in (yr.NOTEBOOK, yr.PRIMER):
            members = trained(dataclasses.replace(base, hidden=units), given.networks)
            rows = [measured(m, given.limit, given.highs) for m in members if m.error is None]
            print(row(units, base.base, rows), flush=True)
    print(f"\nload {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors", flush=True)


if __name__ == "__main__":
    main()
