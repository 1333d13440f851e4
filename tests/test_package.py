import ast
import json
import re
import subprocess
import sys
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from tasks import Side

import yang_rnn as yr
from yang_rnn.experiment.run import Run
from yang_rnn.experiment.storage import save_numbers
from yang_rnn.experiment.task_run import TaskRun
from yang_rnn.line_attractor.criteria import VERDICTS
from yang_rnn.line_attractor.probes import make_probes

ROOT = Path(__file__).parents[1]

FRESH = """
import importlib, json, os, random, sys
import yang_rnn as yr

loaded = sorted({"jax", "brainpy", "numpy", "sklearn", "matplotlib", "tyro"} & set(sys.modules))
for name in sys.argv[1:]:  # other packages change settings of their own when they are imported
    importlib.import_module(name)

import brainpy.math as bm
import jax
import matplotlib
import numpy as np


def settings():
    key = np.asarray(jax.random.key_data(bm.random.DEFAULT.value))
    return {
        **{f"jax {name}": value for name, value in jax.config.values.items()},
        **{f"matplotlib {name}": value for name, value in dict(matplotlib.rcParams).items()},
        **{f"environment {name}": value for name, value in os.environ.items()},
        "random": random.getstate(),
        "numpy.random": np.random.get_state()[1].tobytes(),
        "brainpy.math.random": key.tobytes(),
    }


before = settings()
from yang_rnn.sweep import main
from yang_rnn.train import History
for name in yr.__all__:
    getattr(yr, name)
after = settings()
changed = sorted(k for k in {*before, *after} if before.get(k) != after.get(k))
kinds = {name: type(getattr(yr, name)).__name__ for name in ("train", "sweep")}
print(json.dumps({"loaded": loaded, "changed": changed, "kinds": kinds}))
"""


def imported_packages() -> set[str]:
    """Return the modules of other packages that those of this one import when they are imported."""
    found = set()
    for path in (ROOT / "src" / "yang_rnn").rglob("*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module or "")
    return {name for name in found if name.split(".")[0] != "yang_rnn"}


@pytest.fixture(scope="module")
def fresh() -> dict[str, Any]:
    """Return what a process tells that imports the package and then every public name."""
    command = [sys.executable, "-c", FRESH, *sorted(imported_packages())]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def test_import_alone_is_light(fresh: dict[str, Any]):
    assert fresh["loaded"] == []


def test_import_changes_no_setting_and_no_random_stream(fresh: dict[str, Any]):
    assert fresh["changed"] == []


def test_functions_stay_what_they_are_once_the_modules_of_their_names_were_imported(
    fresh: dict[str, Any],
):
    assert fresh["kinds"] == {"train": "function", "sweep": "function"}


def test_every_public_name_is_there():
    assert {"CTRNN", "System", "train", "sweep", "figures", "load_run", "NOTEBOOK"} <= set(
        yr.__all__
    )
    for name in yr.__all__:
        assert getattr(yr, name) is not None
    assert set(yr.__all__) <= set(dir(yr))


def test_what_analyses_any_network_is_public_in_both_places():
    for name in yr.dynamics.__all__:
        assert getattr(yr, name) is getattr(yr.dynamics, name)


def test_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="lunch"):
        _ = yr.lunch  # pyright: ignore[reportAttributeAccessIssue]


def test_version_is_that_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert yr.__version__ == project["project"]["version"]


def test_errors_are_public_and_can_be_caught(tmp_path: Path):
    with pytest.raises(yr.RecipeError, match="`hidden`"):
        yr.Recipe(hidden=0)
    (tmp_path / "notes.txt").write_text("a folder of something else")
    with pytest.raises(yr.SweepError):
        yr.sweep(yr.NOTEBOOK, [0], out=tmp_path)
    assert issubclass(yr.RecipeError, ValueError)
    assert issubclass(yr.DivergenceError, ArithmeticError)


def run_example(mark: str, page: str = "README.md", **names: Any) -> dict[str, Any]:
    """Run the one example of a page that has a word in it, with smaller numbers."""
    text = (ROOT / page).read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    (code,) = [block for block in blocks if mark in block]
    for large, small in (
        (r"\b64\b", "8"),
        (r"epochs=\d+", "epochs=1"),
        (r"(PerceptualDecisionMaking|RateGoNoGo)\(seed=0\)", r"\1(seed=0, num_trial=32)"),
        (r"sample_trials\(\d+\)", "sample_trials(20)"),
        (r"^yr\.draw\(.*$", ""),
    ):
        code = re.sub(large, small, code, flags=re.MULTILINE)
    space = {"yr": yr, "np": np, **names}
    exec(code, space)
    return space


def test_example_of_the_readme():
    found = run_example("net.system()")
    assert found["activity"].shape == (22, 20, 8)
    assert found["outputs"].shape == (22, 20, 3)
    points, modes, verdict = found["points"], found["modes"], found["verdict"]
    assert points.total_starts > 0
    assert len(modes) == len(points)
    assert modes.dt == 100.0
    assert verdict.label in VERDICTS
    strict = run_example("thresholds=yr.Thresholds", "docs/verdict.md", **found)["verdict"]
    np.testing.assert_equal(asdict(strict.measures), asdict(verdict.measures))


def test_example_of_the_pages_opens_a_finished_run(small_run: Run, tmp_path: Path):
    folder = tmp_path / "runs" / "notebook-seed0"
    folder.mkdir(parents=True)
    save_numbers(small_run, folder, {}, whole=False)
    run = run_example("load_run", "docs/command.md")["run"]
    assert np.array_equal(run.points.state, small_run.points.state)


def test_example_of_the_pages_takes_a_network_that_is_not_ours():
    # Two integrators of a channel each, with a leak of 4 s, in 60 trials of half a second.
    rng = np.random.default_rng(0)
    choice, coherence = rng.integers(2, size=60), rng.choice([5.0, 20.0], size=60)
    inputs, targets = rng.normal(size=(50, 60, 2)), np.zeros((50, 60), dtype=int)
    inputs[5:45, range(60), choice] += coherence / 10
    targets[45:] = choice
    found = run_example(
        "yr.System(",
        "docs/own_network.md",
        step=lambda x, h: jnp.exp(-10.0 / 4000) * h + x,
        readout=lambda h: h,
        inputs=inputs,
        targets=targets,
        coherence=coherence,
        choice=choice,
    )
    measures = found["verdict"].measures
    assert measures.num_fixed == 1
    assert measures.time_constant == pytest.approx(4000, rel=1e-3)


def test_example_of_the_pages_trains_another_task():
    found = run_example("RateGoNoGo", "docs/own_task.md")
    assert np.isfinite(found["history"].loss).all()


def test_what_is_printed_says_shapes_units_and_counts_in_a_line(small_run: Run):
    verdict = small_run.verdict
    assert verdict is not None
    assert small_run.alternatives is not None
    assert small_run.modes is not None
    integration = verdict.integration
    expected: list[tuple[Any, list[str]]] = [
        (
            small_run.trials,
            [f"{small_run.recipe.analysis_trials} trials", "22 steps", "3 channels"],
        ),
        (small_run.trajectories, ["8 units", "3 outputs", "22 steps"]),
        (small_run.history, ["2 epochs", "loss", "accuracy"]),
        (small_run.net, ["8 relu units", "dt 100 ms", "tau 100 ms"]),
        (small_run.task, ["3 inputs", "dt 100 ms", "6.4", "%"]),
        (small_run.system, ["8 units", "dt 100 ms"]),
        (small_run.points, ["8 units", "fixed", "slow"]),
        (small_run.modes, ["1 of 8 units", "ms"]),
        (small_run.alternatives, ["evidence [0.0, -1.0, 1.0]", "outputs 1 and 2"]),
        (small_run.flow, ["8 units", "per s"]),
        (small_run.tested.by_coherence, ["at 6.4", "50 trials"]),
        (small_run.tested.psychometric, ["choice 2", "at -6.4", "50 trials"]),
        (small_run.tested.averages, ["22 steps", "8 units", "-6.4"]),
        (small_run.by_stimulus[0], ["fixed", "slow", small_run.by_stimulus[0].name]),
        (verdict, [verdict.label, f"by {verdict.mechanism}", "stimulus 2000 ms"]),
        (verdict.response, ["20 steps", "8 units", "efficiency"]),
        (integration, ["efficiency", "±"]),
        (integration.kernel, ["20 steps", "efficiency", "±"]),
        (integration.pulse, ["8 units", "constancy", "±"]),
        (integration.decay, ["ms", "±"]),
        (integration.pushes, ["±"]),
        (integration.long_run, ["after 100 s", "%"]),
        (make_probes(small_run.system, small_run.trials, small_run.alternatives), ["2000 ms"]),
    ]
    for record, words in expected:
        text = repr(record)
        assert text.startswith(f"{type(record).__name__}(")
        assert len(text) < 300
        assert "array(" not in text
        assert "\n" not in text
        for word in words:
            assert word in text, text


def test_records_of_a_task_are_printed_in_a_line(small_task_run: TaskRun):
    point = small_task_run.by_input[0]
    for record, word in (
        (small_task_run.tested, "200 trials right"),
        (small_task_run.trials, "steps"),
        (point, point.given.name),
        (point.given, "[1.0, "),
    ):
        text = repr(record)
        assert word in text
        assert "array(" not in text
        assert len(text) < 300


def test_a_task_of_ones_own_is_printed_with_its_sizes():
    assert repr(Side()) == "Side(2 inputs, 3 outputs, dt 20.0 ms)"
