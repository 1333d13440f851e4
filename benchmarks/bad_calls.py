"""What bad calls come to: every public function with one argument wrong at a time.

    python benchmarks/bad_calls.py                   1,000 calls from seed 0
    python benchmarks/bad_calls.py --calls 5000 --seed 7

A good call with tiny data has one of its arguments, or one part of it, replaced by something that
it must not be. It must be refused by a ValueError or a TypeError that names the argument. What is
accepted all the same, by design, stands in `ALLOWED` with its reason. The exit code is 1 if a call
was accepted in silence, another exception came through, or an error did not name its argument.
"""

from __future__ import annotations

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "agg")

import argparse
import dataclasses
import functools
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

import yang_rnn as yr
from yang_rnn import figures

SECONDS = 20
"""A call that takes longer has not been refused."""


class Call(NamedTuple):
    """A good call, and the wrong values that each of its arguments is replaced by."""

    name: str
    function: Callable[..., Any]
    good: dict[str, Any]
    wrong: dict[str, list[tuple[str, Any]]]


class Endless:
    """Batches for ever, as a `neurogym.Dataset` gives them."""

    def __init__(self, batch: Any):
        self.batch = batch

    def __iter__(self) -> Endless:
        return self

    def __next__(self) -> Any:
        return self.batch


RAGGED = [[1.0, 2.0], [3.0]]
OBJECTS = np.array([object(), None], dtype=object)
HUGE = 2**200

NOT_NUMBERS: list[tuple[str, Any]] = [
    ("None", None), ("str", "three"), ("digits", "3"), ("bool", True), ("complex", 1 + 1j),
    ("nan", float("nan")), ("list", [1, 2]), ("array", np.ones(2)), ("dict", {}),
    ("object", object()), ("function", len), ("type", int), ("masked", np.ma.masked),
    ("bytes", b"3"),
]  # fmt: skip
BEYOND: list[tuple[str, Any]] = [("inf", float("inf")), ("-inf", -float("inf"))]
FRACTIONS: list[tuple[str, Any]] = [("fraction", 1.5), ("float", 2.0)]
NOT_WHOLE = [*NOT_NUMBERS, *BEYOND, *FRACTIONS, ("huge", HUGE), ("negative", -1), ("-huge", -HUGE)]
NOT_REAL = [*NOT_NUMBERS, *BEYOND, ("huge", 10**400)]
NOT_POSITIVE = [*NOT_REAL, ("zero", 0), ("negative", -1.0)]
NOT_WORDS: list[tuple[str, Any]] = [
    ("None", None), ("number", 3), ("unknown", "unheard of"), ("list", ["a"]),
    ("array", np.ones(2)), ("bytes", b"tanh"), ("dict", {}), ("object", object()), ("empty", ""),
]  # fmt: skip
NOT_RECORDS: list[tuple[str, Any]] = [
    ("None", None), ("str", "record"), ("number", 3), ("list", []), ("array", np.ones((2, 3))),
    ("dict", {}), ("object", object()), ("complex", 1j), ("bool", True), ("function", len),
    ("type", dict), ("nan", float("nan")),
]  # fmt: skip
NOT_CALLABLE: list[tuple[str, Any]] = [
    ("str", "function"), ("number", 3), ("list", [len]), ("array", np.ones(2)), ("dict", {}),
    ("object", object()), ("nan", float("nan")),
]  # fmt: skip


def without(values: list[tuple[str, Any]], *names: str) -> list[tuple[str, Any]]:
    """Leave out what is right for this argument."""
    return [(name, value) for name, value in values if name not in names]


def not_array(good: Any, *names: str, finite: bool = True, fixed: bool = True) -> list[Any]:
    """Return what can't stand for an array; without the kinds that are right here."""
    good = np.asarray(good, dtype=float)
    broken = good.copy()
    broken.flat[0] = np.nan
    infinite = good.copy()
    infinite.flat[-1] = np.inf
    mask = np.zeros(good.shape, bool)
    mask.flat[0] = True
    values: list[tuple[str, Any]] = [
        ("None", None), ("str", "states"), ("dict", {}), ("object", object()), ("number", 1.0),
        ("strings", good.astype(str)), ("objects", OBJECTS), ("objects of numbers",
        good.astype(object)), ("complex", good + 1j), ("complex of 0", good + 0j),
        ("bools", good > 0), ("ragged", RAGGED), ("masked", np.ma.array(good, mask=mask)),
        ("list of masked", [np.ma.array(part, mask=m) for part, m in zip(good, mask, strict=True)]),
        ("no axis", good.flat[0]), ("one axis more", good[None][None]), ("empty", good[:0]),
        ("empty list", []), ("function", len), ("set", {1.0}), ("dates", good.astype("M8[s]")),
        ("generator", (part for part in good)), ("bytes", b"12"),
    ]  # fmt: skip
    if finite:
        values += [("nan", broken), ("inf", infinite)]
    if fixed:
        values += [("one longer", np.concatenate([good, good[..., -1:]], axis=-1))]
    return without(values, *names)


def not_map(units: int) -> list[tuple[str, Any]]:
    """Return what is no map of a state of so many units."""
    return [
        *NOT_CALLABLE, ("None", None), ("no argument", lambda: 0),
        ("two arguments", lambda a, b: a),
        ("shorter", lambda h: h[:-1]), ("longer", lambda h: jnp.concatenate([h, h])),
        ("complex", lambda h: h + 1j), ("bools", lambda h: h > 0), ("tuple", lambda h: (h, h)),
        ("nothing", lambda h: None), ("index", lambda h: h[{}]), ("key", lambda h: {}["a"] + h),
        ("attribute", lambda h: h.nothing), ("if", lambda h: h if h[0] > 0 else -h),
        ("wrong weights", Partial(lambda w, h: w @ h, np.ones((units + 1, units + 1)))),
        ("masked weights", Partial(lambda w, h: w @ h, np.ma.array(np.eye(units), mask=True))),
        ("numpy", lambda h: np.linalg.svd(h)), ("type", dict),
    ]  # fmt: skip


def replaced(record: Any, field: str, values: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Return records with one field replaced by each of some values."""
    change = record._replace if hasattr(record, "_replace") else None
    make = change or functools.partial(dataclasses.replace, record)
    return [(f"{field}: {name}", make(**{field: value})) for name, value in values]


RECORDS = {
    "Averages", "ConditionAccuracy", "DivergenceError", "FixedPoints", "FlowField", "History",
    "Fitted", "InvariantManifold", "Linearisation", "Measures", "Psychometric", "PsychometricFit",
    "RecipeError", "Run", "SlowManifold", "Sweep", "SweepError", "SweepProgress", "Trajectories",
    "Trials", "Verdict",
}  # fmt: skip
"""What functions return or raise; what is not, is tried where it is taken."""

ALIASES: dict[Any, tuple[str, ...]] = {
    ("CTRNN.set_weights", "weights"): ("w_rr",),
    # Two arguments that do not fit: the error names one, and the size of the other.
    ("average_by", "values"): ("activity",),
    ("CTRNN.loss", "inputs"): ("targets",),
    ("figures.flow_field", "mean"): ("states",),
    ("sweep", "seeds"): ("seed",),
    ("invariant_manifold", "centre"): ("direction",),
    ("trace_slow_manifold", "centre"): ("direction",),
    ("trajectory_states", "activity"): ("time_mask",),
    **dict.fromkeys(("starts", "points", "activity"), ("F`",)),
    # What is asked for by name is quoted, as in: a condition 'colour'.
    **dict.fromkeys(("condition", "period"), ("trials` must have a",)),
}
"""Other names that an error may give."""

ALLOWED: dict[tuple[str, str, str], str] = {
    ("load_run", "folder", "null"): "no such folder: a FileNotFoundError, as documented",
    ("figures.trajectories", "trials", "choice: None"): "trials without a choice are grey",
    ("figures.slow_points", "trials", "choice: None"): "trials without a choice are grey",
    ("figures.outputs", "trials", "choice: None"): "the mean of all trials is drawn",
    ("figures.outputs", "values", "one longer"): "there may be any number of outputs",
}
"""What is right although it was generated as wrong, by call, argument and kind, and why.

Other values that a function takes by its docstring are not generated: starts and points that are
not finite (they end as diverged), states that are not finite, none at all, None where an argument
may be left out, JAX's and NumPy's number types, a huge seed, a time constant of infinity, batches
that are not finite (a DivergenceError).
"""


def calls() -> Iterator[Call]:
    """Give a good call of each public function with tiny data, and what is wrong."""
    rng = np.random.default_rng(0)
    net = yr.CTRNN(3, 4, 3, dt=100.0, activation="tanh", seed=1)
    system = net.system()
    task = yr.PerceptualDecisionMaking(seed=2, num_trial=8)
    trials = task.sample_trials(12)
    two = task.two_alternatives()
    activity, outputs = yr.simulate(system, trials.inputs)
    F = system.at((1.0, 0.5, 0.5))
    states = activity.reshape(-1, 4)[:6].astype(float)
    points = yr.find_fixed_points(F, states)
    pca = yr.fit_pca(activity, 2)
    mean = yr.average_by(activity, two.signed_strength(trials))
    recipe = yr.Recipe(
        hidden=4, epochs=1, trials_per_epoch=8, batch_size=8, test_trials=12, analysis_trials=10,
        search_steps=4, search_check_every=2, search="newton",
    )  # fmt: skip
    verdict = yr.line_attractor_verdict(system, trials, two)
    batch = (rng.normal(size=(5, 2, 3)), np.ones((5, 2), int))
    psychometric = yr.psychometric_function(outputs, trials, two)
    field = yr.flow_field(F, activity, grid=4)
    rows = yr.stimulus_dependence(system, activity, {"rest": (1.0, 0.5, 0.5)}, verdict)

    wrong_trials = [
        *NOT_RECORDS,
        *replaced(trials, "inputs", not_array(trials.inputs, "nan", "inf", "one longer")),
        *replaced(trials, "targets", not_array(trials.targets, "complex of 0")),
        *replaced(trials, "choice", not_array(trials.choice, "complex of 0")),
    ]
    wrong_periods = replaced(
        trials, "periods",
        [*NOT_RECORDS[:4], ("empty", {}), ("numbers", {"decision": 3, "stimulus": 3}),
         ("nothing in it", {"decision": slice(0, 0), "stimulus": slice(0, 0)})],
    )  # fmt: skip
    coherence = trials.conditions["coherence"]
    wrong_conditions = replaced(
        trials, "conditions",
        [*NOT_RECORDS[:4], ("empty", {}),
         *((name, {"coherence": value}) for name, value in not_array(coherence))],
    )  # fmt: skip
    not_tolerance = [*NOT_REAL, ("negative", -1.0)]
    count = [*NOT_WHOLE, ("zero", 0)]
    not_duration = [*without(NOT_REAL, "function", "type"), ("negative", -100.0),
                    ("part of a step", 150.0)]  # fmt: skip
    not_confidence = [*NOT_REAL, ("zero", 0), ("one", 1), ("negative", -0.5), ("above", 1.5)]
    not_ideal = [*NOT_CALLABLE, ("no argument", lambda: 1.0), ("text", lambda c: "a"),
                 ("nothing", lambda c: None), ("nan", lambda c: float("nan"))]  # fmt: skip

    yield Call("fit_pca", yr.fit_pca, {"activity": activity, "components": 2}, {
        "activity": not_array(activity, "one axis more", "one longer"),
        "components": [*NOT_WHOLE, ("zero", 0), ("too many", 5)],
    })  # fmt: skip
    yield Call("average_by", yr.average_by,
        {"activity": activity, "values": coherence},
        {"activity": not_array(activity, "one longer", "nan", "inf"),
         "values": not_array(coherence)})  # fmt: skip
    yield Call("central_point", yr.central_point, {"points": points, "activity": activity}, {
        "points": NOT_RECORDS, "activity": not_array(activity, "one axis more")})  # fmt: skip
    yield Call("find_slow_points", yr.find_slow_points,
        {"F": F, "activity": activity[:2, :2], "recipe": recipe, "on_progress": None},
        {"F": not_map(4), "activity": not_array(activity[:2, :2], "one axis more"),
         "recipe": NOT_RECORDS, "on_progress": NOT_CALLABLE})  # fmt: skip
    yield Call("accuracy", yr.accuracy, {"outputs": outputs, "trials": trials}, {
        "outputs": not_array(outputs, "one longer"), "trials": wrong_trials})  # fmt: skip
    yield Call("accuracy_by_condition", yr.accuracy_by_condition,
        {"outputs": outputs, "trials": trials, "condition": "coherence", "confidence": 0.9,
         "ideal": None},
        {"outputs": not_array(outputs, "one longer"), "trials": wrong_trials + wrong_conditions,
         "condition": NOT_WORDS, "confidence": not_confidence, "ideal": not_ideal})  # fmt: skip
    yield Call("psychometric_function", yr.psychometric_function,
        {"outputs": outputs, "trials": trials, "task": two, "confidence": 0.9, "ideal": None},
        {"outputs": not_array(outputs, "one longer"),
         "trials": wrong_trials + wrong_conditions + wrong_periods,
         "task": NOT_RECORDS, "confidence": not_confidence, "ideal": not_ideal})  # fmt: skip
    yield Call("find_fixed_points", yr.find_fixed_points,
        {"F": F, "starts": states, "solver": None, "data": None, "fixed_speed": 1e-20,
         "slow_speed": None, "slow_mean_square": 1e-4, "on_progress": None},
        {"F": not_map(4), "starts": not_array(states, "nan", "inf", "empty"),
         "solver": without(NOT_RECORDS, "None"),
         "data": without(not_array(states, "nan", "inf"), "None"),
         "fixed_speed": [*NOT_REAL, ("negative", -1.0)],
         "slow_speed": without([*NOT_REAL, ("negative", -1.0)], "None"),
         "slow_mean_square": without([*NOT_REAL, ("negative", -1.0)], "None"),
         "on_progress": NOT_CALLABLE})  # fmt: skip
    yield Call("flow_field", yr.flow_field,
        {"F": F, "activity": activity, "axis": None, "origin": None, "name": "PC 1", "dt": 100.0,
         "grid": 3},
        {"F": not_map(4), "activity": not_array(activity, "one axis more"),
         "axis": [*without(not_array(states[0]), "None"), ("zero", np.zeros(4))],
         "origin": without(not_array(states[0]), "None"),
         "name": without(NOT_WORDS, "unknown", "empty"),
         "dt": without([*NOT_POSITIVE, ("another", 50.0)], "None"),
         "grid": [*NOT_WHOLE, ("one", 1)]})  # fmt: skip
    yield Call("GradientDescent", yr.GradientDescent,
        {"learning_rate": 1e-3, "max_steps": 5, "check_every": 2, "stop_mean_square": 1e-4},
        {"learning_rate": NOT_POSITIVE, "max_steps": [*NOT_WHOLE, ("zero", 0)],
         "check_every": [*NOT_WHOLE, ("zero", 0)],
         "stop_mean_square": [*NOT_REAL, ("negative", -1.0)]})  # fmt: skip
    yield Call("Newton", yr.Newton,
        {"undamped": 3, "max_newton": 5, "max_damped": 5, "merge_distance": 1e-9, "window": 2,
         "progress": 0.1},
        {**dict.fromkeys(("undamped", "max_newton", "max_damped", "window"), NOT_WHOLE),
         "merge_distance": [*NOT_REAL, ("negative", -1.0)],
         "progress": [*NOT_REAL, ("negative", -1.0), ("one", 1.0)]})  # fmt: skip
    yield Call("linearise", yr.linearise,
        {"F": F, "points": states, "dt": 100.0, "kink_tolerance": 1e-6, "marginal_band": 1e-3,
         "fixed_speed": 1e-20},
        {"F": not_map(4), "points": not_array(states, "nan", "inf", "empty"),
         "dt": without([*NOT_POSITIVE, ("another", 50.0)], "None"),
         "kink_tolerance": not_tolerance, "marginal_band": not_tolerance,
         "fixed_speed": not_tolerance})  # fmt: skip
    yield Call("trace_slow_manifold", yr.trace_slow_manifold,
        {"F": F, "centre": points.state[0], "direction": np.eye(4)[0], "low": -0.1, "high": 0.1,
         "steps": 4},
        {"F": [*not_map(4), ("nan", lambda h: h * jnp.nan)],
         "centre": [*not_array(states[0]), ("several", states)],
         "direction": [*not_array(states[0]), ("several", states), ("zero", np.zeros(4))],
         "low": [*NOT_REAL, ("zero", 0), ("positive", 0.1)],
         "high": [*NOT_REAL, ("zero", 0), ("negative", -0.1)],
         "steps": [*NOT_WHOLE, ("one", 1)]})  # fmt: skip
    yield Call("invariant_manifold", yr.invariant_manifold,
        {"F": F, "centre": points.state[0], "direction": np.eye(4)[0], "low": -0.1, "high": 0.1,
         "dt": 100.0, "steps": 4, "max_iterations": 3},
        {"F": [*not_map(4), ("nan", lambda h: h * jnp.nan)],
         "centre": [*not_array(states[0]), ("several", states)],
         "direction": [*not_array(states[0]), ("several", states), ("zero", np.zeros(4))],
         "low": [*NOT_REAL, ("zero", 0), ("positive", 0.1)],
         "high": [*NOT_REAL, ("zero", 0), ("negative", -0.1)],
         "dt": without([*NOT_POSITIVE, ("another", 50.0)], "None"),
         "steps": [*NOT_WHOLE, ("one", 1)], "max_iterations": NOT_WHOLE})  # fmt: skip
    yield Call("simulate", yr.simulate, {"system": system, "inputs": trials.inputs}, {
        "system": NOT_RECORDS,
        "inputs": [*not_array(trials.inputs), ("beyond float32", 1e300 * trials.inputs)],
    })  # fmt: skip
    yield Call("jittered_states", yr.jittered_states,
        {"states": states, "sd": 0.1, "seed": 1, "repeats": 2},
        {"states": not_array(states, "nan", "inf", "empty", "one longer"),
         "sd": [*NOT_REAL, ("negative", -1.0)], "seed": without(NOT_WHOLE, "huge"),
         "repeats": [*NOT_WHOLE, ("zero", 0)]})  # fmt: skip
    yield Call("trajectory_states", yr.trajectory_states,
        {"activity": activity, "time_mask": np.ones(len(activity), bool)},
        {"activity": not_array(activity, "nan", "inf", "one longer"),
         "time_mask": without([*not_array(np.ones(len(activity))),
                               ("numbers", np.ones(len(activity)))], "None", "bools")})  # fmt: skip
    yield Call("uniform_states", yr.uniform_states,
        {"number": 3, "units": 2, "low": 0.0, "high": 1.0, "seed": 1},
        {"number": NOT_WHOLE, "units": [*NOT_WHOLE, ("zero", 0)],
         "low": [*NOT_REAL, ("above", 2.0)], "high": [*NOT_REAL, ("below", -2.0)],
         "seed": without(NOT_WHOLE, "huge")})  # fmt: skip
    yield Call("System", yr.System,
        {"step": system.step, "dt": 100.0, "initial_state": np.zeros(4), "readout": None,
         "preactivation": None, "bounds": (0.0, 1.0)},
        {"step": [*NOT_CALLABLE, ("None", None)], "dt": NOT_POSITIVE,
         "initial_state": not_array(np.zeros(4), "one longer"),
         "readout": NOT_CALLABLE, "preactivation": NOT_CALLABLE,
         "bounds": [*without(NOT_RECORDS, "None", "array"), ("order", (1.0, 0.0)),
                    ("three", (0.0, 1.0, 2.0)), ("strings", ("0", "1")), ("complex", (0j, 1 + 0j)),
                    ("nan", (0.0, float("nan"))), ("length", (np.zeros(3), np.ones(3))),
                    ("ragged", (RAGGED, RAGGED)), ("masked", (0.0, np.ma.masked))]})  # fmt: skip
    yield Call("System(readout)", lambda readout: yr.simulate(
        dataclasses.replace(system, readout=readout), trials.inputs), {"readout": None},
        {"readout": [("no argument", lambda: 0), ("two", lambda a, b: a),
                     ("tuple", lambda h: (h, h)), ("nothing", lambda h: None),
                     ("key", lambda h: {}["a"]),
                     ("number", lambda h: h.sum()), ("complex", lambda h: h + 1j),
                     ("if", lambda h: h if h[0] > 0 else -h)]})  # fmt: skip
    yield Call("System(step).at", lambda step, x: yr.System(
        step, dt=1.0, initial_state=np.zeros(4)).at(x), {"step": system.step, "x": (1.0, 0.5, 0.5)},
        {"step": [("no argument", lambda: 0), ("one", lambda a: a), ("tuple", lambda x, h: (h, h)),
                  ("nothing", lambda x, h: None), ("key", lambda x, h: {}["a"]),
                  ("attribute", lambda x, h: x.nothing), ("number", lambda x, h: h.sum()),
                  ("if", lambda x, h: h if h[0] > 0 else -h)],
         "x": not_array(np.ones(3))})  # fmt: skip
    yield Call("AutonomousMap", yr.AutonomousMap, {"system": system, "x": (1.0, 0.5, 0.5)}, {
        "system": NOT_RECORDS, "x": not_array(np.ones(3))})  # fmt: skip
    yield Call("train_ensemble", yr.train_ensemble, {"recipes": [recipe], "on_epoch": None}, {
        "recipes": [*NOT_RECORDS, ("objects", [object()]), ("names", ["notebook"]),
                    ("one recipe", recipe), ("mixed", [recipe, None]), ("networks", [net])],
        "on_epoch": NOT_CALLABLE})  # fmt: skip
    run = yr.run_experiment(recipe)
    summary = yr.summarise(run) | {"platform": "cpu"}
    yield Call("draw", yr.draw, {"run": run}, {"run": NOT_RECORDS})
    yield Call("describe", yr.describe, {"summary": summary}, {"summary": NOT_RECORDS})
    yield Call("summarise", yr.summarise, {"run": run, "stimuli": False}, {
        "run": NOT_RECORDS, "stimuli": without(NOT_RECORDS, "bool")})  # fmt: skip
    yield Call("run_experiment", yr.run_experiment,
        {"recipe": recipe, "on_epoch": None, "on_search": None},
        {"recipe": NOT_RECORDS, "on_epoch": NOT_CALLABLE, "on_search": NOT_CALLABLE})  # fmt: skip
    yield Call("load_run", yr.load_run, {"folder": "run"}, {
        "folder": [*without(NOT_RECORDS, "str"), ("null", "a\0b")]})  # fmt: skip
    share = [*NOT_REAL, ("negative", -0.1)]
    yield Call("Thresholds", yr.Thresholds,
        {item.name: item.default for item in dataclasses.fields(yr.Thresholds)},
        {item.name: share for item in dataclasses.fields(yr.Thresholds)})  # fmt: skip
    yield Call("evidence_kept", yr.evidence_kept, {"time_constant": 1.0, "duration": 2.0}, {
        "time_constant": without(NOT_REAL, "inf", "-inf"), "duration": NOT_POSITIVE})  # fmt: skip
    yield Call("stimulus_dependence", yr.stimulus_dependence,
        {"system": system, "activity": activity, "inputs": {"rest": (1.0, 0.5, 0.5)},
         "verdict": verdict, "recipe": None},
        {"system": NOT_RECORDS, "activity": not_array(activity),
         "inputs": [*without(NOT_RECORDS, "dict"),
                    *((name, {"a": value}) for name, value in not_array(np.ones(3)))],
         "verdict": NOT_RECORDS, "recipe": without(NOT_RECORDS, "None")})  # fmt: skip
    yield Call("table_of", yr.table_of, {"rows": rows}, {
        "rows": [*without(NOT_RECORDS, "list"), ("objects", [object()]), ("one row", rows[0])],
    })  # fmt: skip
    yield Call("line_attractor_verdict", yr.line_attractor_verdict,
        {"system": system, "trials": trials, "task": two, "trajectories": None, "points": None,
         "pca": None, "thresholds": None, "on_progress": None},
        {"system": NOT_RECORDS,
         "trials": [*wrong_trials, *wrong_conditions, *wrong_periods],
         "task": NOT_RECORDS,
         "trajectories": [
             *without(NOT_RECORDS, "None"),
             *((name, yr.Trajectories(value, outputs)) for name, value in not_array(activity)),
             *((name, yr.Trajectories(activity, value))
               for name, value in not_array(outputs, "one longer")),
         ],
         "points": without(NOT_RECORDS, "None"), "pca": without(NOT_RECORDS, "None"),
         "thresholds": without(NOT_RECORDS, "None"), "on_progress": NOT_CALLABLE})  # fmt: skip
    yield Call("CTRNN", yr.CTRNN,
        {"num_inputs": 3, "num_hidden": 4, "num_outputs": 3, "dt": 50.0, "tau": 100.0,
         "activation": "tanh", "initialisation": "kaiming", "seed": 1},
        {**dict.fromkeys(("num_inputs", "num_hidden", "num_outputs"), count),
         "dt": without([*NOT_POSITIVE, ("above tau", 101.0)], "None"), "tau": NOT_POSITIVE,
         "activation": NOT_WORDS, "initialisation": NOT_WORDS,
         "seed": without(NOT_WHOLE, "huge")})  # fmt: skip
    yield Call("CTRNN.from_recipe", yr.CTRNN.from_recipe, {"recipe": recipe}, {
        "recipe": NOT_RECORDS})  # fmt: skip
    weights = net.weights
    yield Call("CTRNN.set_weights", yr.CTRNN(3, 4, 3).set_weights, {"weights": weights}, {
        "weights": [*NOT_RECORDS, ("a name missing", {"w_ir": weights["w_ir"]}),
                    ("a name too many", weights | {"w": np.ones(2)}),
                    *((f"w_rr: {name}", weights | {"w_rr": value})
                      for name, value in not_array(weights["w_rr"])),
                    ("beyond float32", weights | {"w_rr": 1e300 * np.ones((4, 4))})]})  # fmt: skip
    yield Call("CTRNN.predict", net.predict, {"inputs": trials.inputs}, {
        "inputs": [*not_array(trials.inputs, "empty"),
                   ("beyond float32", 1e300 * trials.inputs)]})  # fmt: skip
    yield Call("CTRNN.loss", net.loss, {"inputs": trials.inputs, "targets": trials.targets}, {
        "inputs": not_array(trials.inputs),
        "targets": [*not_array(trials.targets), ("too high", trials.targets + 7),
                    ("negative", trials.targets - 9)]})  # fmt: skip
    yield Call("CTRNN.reset_state", net.reset_state, {"batch_size": 2}, {"batch_size": NOT_WHOLE})
    yield Call("PerceptualDecisionMaking", yr.PerceptualDecisionMaking,
        {"dt": 100.0, "t_fixation": 100.0, "t_stimulus": 300.0, "t_delay": 0.0, "t_decision": 100.0,
         "noise_sigma": 1.0, "num_choice": 2, "num_trial": 4, "seed": 1, "coherence": (6.4, 51.2),
         "noise_in": "everywhere", "input_transform": None, "target_transform": None},
        {"dt": NOT_POSITIVE,
         **dict.fromkeys(("t_fixation", "t_stimulus", "t_delay", "t_decision"), not_duration),
         "noise_sigma": [*NOT_REAL, ("negative", -1.0)],
         "num_choice": [*NOT_WHOLE, ("one", 1)], "num_trial": [*NOT_WHOLE, ("zero", 0)],
         "seed": without(NOT_WHOLE, "None"),
         "coherence": [*not_array(np.array([6.4, 51.2]), "one longer", "objects of numbers"),
                       ("above", (120.0,)), ("negative", (-1.0,))],
         "noise_in": NOT_WORDS,
         "input_transform": NOT_CALLABLE, "target_transform": NOT_CALLABLE})  # fmt: skip
    yield Call("PerceptualDecisionMaking.from_recipe", yr.PerceptualDecisionMaking.from_recipe,
        {"recipe": recipe, "seed": None},
        {"recipe": NOT_RECORDS, "seed": without(NOT_WHOLE, "None")})  # fmt: skip
    yield Call("task.sample_trials", task.sample_trials, {"num_trials": 2}, {"num_trials": count})
    yield Call("task.batches", lambda batch_size: next(task.batches(batch_size)),
               {"batch_size": 2}, {"batch_size": without(count)})  # fmt: skip
    yield Call("task.sequence_batches",
        lambda **sizes: next(task.sequence_batches(**sizes)),
        {"batch_size": 2, "sequence_steps": 30},
        {"batch_size": count, "sequence_steps": count})  # fmt: skip
    yield Call("task.time_mask", lambda periods: task.time_mask(periods),
               {"periods": "stimulus"}, {"periods": NOT_WORDS})  # fmt: skip
    yield Call("task.two_alternatives", task.two_alternatives, {"rest": None}, {
        "rest": without([*not_array(np.ones(3))], "None")})  # fmt: skip
    yield Call("task.ideal_accuracy", task.ideal_accuracy, {"coherence": 6.4}, {
        "coherence": without([*NOT_REAL, ("negative", -1.0), ("above", 101.0)], "None"),
    })  # fmt: skip
    yield Call("train", lambda **arguments: yr.train(yr.CTRNN(3, 4, 3, seed=1), **arguments),
        {"data": [batch], "epochs": 1, "batch_size": 2, "sequence_steps": 0, "stream_steps": 0,
         "learning_rate": 1e-3,
         "steps_per_epoch": None, "on_epoch": None},
        {"data": [*without(NOT_RECORDS, "bool"), ("strings", ["ab"]), ("numbers", [1, 2]),
                  ("one array", batch[0]), ("a batch alone", batch), ("endless", Endless(batch)),
                  *((f"inputs: {name}", [(value, batch[1])])
                    for name, value in not_array(batch[0], "nan", "inf")),
                  *((f"targets: {name}", [(batch[0], value)])
                    for name, value in not_array(batch[1])),
                  ("targets too high", [(batch[0], batch[1] + 7)]),
                  ("too few", [batch[:1]])],
         "epochs": count, "batch_size": count, "sequence_steps": NOT_WHOLE,
         "stream_steps": NOT_WHOLE,
         "learning_rate": NOT_POSITIVE,
         "steps_per_epoch": without([*count, ("too many", 3)], "None"),
         "on_epoch": NOT_CALLABLE})  # fmt: skip
    yield Call("train(net)", lambda net: yr.train(net, [batch], epochs=1),
               {"net": yr.CTRNN(3, 4, 3)}, {"net": NOT_RECORDS})  # fmt: skip
    yield Call("TwoAlternatives", yr.TwoAlternatives,
        {"rest": (1.0, 0.5, 0.5), "evidence": (0.0, -1.0, 1.0), "outputs": (1, 2),
         "condition": "coherence", "stimulus": "stimulus", "decision": "decision"},
        {"rest": not_array(np.ones(3)), "evidence": [*not_array(np.ones(3)), ("zero", np.zeros(3))],
         "outputs": [*NOT_RECORDS, ("equal", (1, 1)), ("negative", (-1, 1)), ("three", (0, 1, 2)),
                     ("fractions", (0.5, 1.5)), ("strings", ("0", "1")), ("bools", (False, True))],
         **dict.fromkeys(("condition", "stimulus", "decision"),
                         without(NOT_WORDS, "unknown", "empty"))})  # fmt: skip
    for name, value in (("evidence_of", {}), ("signed_strength", {}),
                        ("chose_second", {"outputs": outputs})):  # fmt: skip
        more = wrong_conditions if name == "signed_strength" else wrong_periods
        yield Call(f"TwoAlternatives.{name}", getattr(two, name), value | {"trials": trials},
            {"trials": wrong_trials + more,
             **({"outputs": not_array(outputs, "one longer")} if value else {})})  # fmt: skip
    yield Call("Trials.during", trials.during, {"period": "stimulus"}, {"period": NOT_WORDS})
    yield Call("Trials.condition", lambda condition: trials.condition(condition),
               {"condition": "coherence"}, {"condition": NOT_WORDS})  # fmt: skip
    yield Call("Trials.select", trials.select, {"trials": slice(0, 2)},
               {"trials": without(NOT_RECORDS, "number")})  # fmt: skip
    yield Call("Recipe", yr.Recipe,
        {"hidden": 4, "tau": 100.0, "activation": "tanh", "coherences": (6.4,), "seed": 1,
         "search": "newton", "learning_rate": 1e-3, "noise": 1.0, "fixation": 100.0},
        {"hidden": count, "tau": NOT_POSITIVE, "activation": NOT_WORDS, "search": NOT_WORDS,
         "coherences": [*NOT_RECORDS, ("above", (120.0,)), ("strings", ("a",)), ("nan", (np.nan,))],
         "seed": NOT_WHOLE, "learning_rate": NOT_POSITIVE,
         "noise": [*NOT_REAL, ("negative", -1.0)],
         "fixation": [*NOT_REAL, ("negative", -1.0)]})  # fmt: skip
    for name, good in (("with_status", "fixed"), ("unique", 1e-3), ("without_outliers", 1.0)):
        argument = {"with_status": "statuses", "unique": "distance", "without_outliers": "distance"}
        wrong = NOT_WORDS if name == "with_status" else [*NOT_REAL, ("negative", -1.0)]
        yield Call(f"FixedPoints.{name}", functools.partial(_by_place, getattr(points, name),
            argument[name]), {argument[name]: good},
            {argument[name]: without(wrong, "None") if name == "unique" else wrong})  # fmt: skip
    manifold = yr.trace_slow_manifold(F, points.state[0], np.eye(4)[0], -0.1, 0.1, steps=4)
    for name in ("position", "distance"):
        yield Call(f"SlowManifold.{name}", getattr(manifold, name), {"states": states}, {
            "states": not_array(states, "one axis more", "empty", "nan", "inf")})  # fmt: skip
    yield Call("FlowField.project", field.project, {"states": states}, {
        "states": not_array(states, "one axis more", "empty", "nan", "inf")})  # fmt: skip
    yield Call("sweep", lambda **arguments: yr.sweep(recipe, **arguments),
        {"seeds": [1], "out": tempfile.mkdtemp(), "vary": None, "workers": 0, "scheduler": None,
         "platform": None, "on_progress": None, "on_damage": None},
        {"seeds": [*without(NOT_RECORDS, "array"), ("fractions", [1.5]), ("negative", [-1]),
                   ("strings", ["a"])],
         "out": without(NOT_RECORDS, "str"),
         "vary": [*without(NOT_RECORDS, "None", "dict", "list"), ("unknown", {"colour": [1]}),
                  ("one value", {"hidden": 8}), ("no value", {"hidden": []})],
         "workers": NOT_WHOLE, "scheduler": [("number", 3), ("list", [])],
         "platform": without(NOT_WORDS, "None"),
         "on_progress": NOT_CALLABLE, "on_damage": NOT_CALLABLE})  # fmt: skip

    not_axes = [("number", 3), ("str", "ax"), ("object", object()), ("figure", figures)]
    not_text = [("number", 3), ("None", None), ("list", ["a"]), ("object", object())]
    not_verdict = without(NOT_RECORDS, "None")
    with_pca = {"pca": [*NOT_RECORDS, ("not fitted", type(pca)())]}
    wrong_mean = [*NOT_RECORDS, *replaced(mean, "activity", not_array(mean.activity)),
                  *replaced(mean, "level", not_array(mean.level))]  # fmt: skip
    not_width = {"width": [*NOT_WORDS, ("unknown", "triple")]}
    wrong_pca = {"pca": [*without(NOT_RECORDS, "None"), ("not fitted", type(pca)())]}
    yield Call("fit_psychometric", yr.fit_psychometric,
        {"measured": psychometric, "confidence": 0.95, "samples": 2, "seed": 0},
        {"measured": NOT_RECORDS, "confidence": [("zero", 0.0), ("one", 1), ("str", "0.9")],
         "samples": NOT_WHOLE, "seed": NOT_WHOLE})  # fmt: skip
    yield Call("figures.trajectories", figures.trajectories,
        {"activity": activity, "trials": trials, "pca": pca, "num_few": 2, "axes": None,
         "width": "double"},
        {**wrong_pca, **not_width, "activity": not_array(activity), "trials": wrong_trials,
         "num_few": [*NOT_WHOLE, ("zero", 0)], "axes": not_axes})  # fmt: skip
    yield Call("figures.slow_points", figures.slow_points,
        {"points": points, "activity": activity, "pca": pca, "trials": trials, "modes": None,
         "centre": None, "num_trajectories": 2, "dimensions": 2, "title": "a", "ax": None,
         "width": "single"},
        {**wrong_pca, **not_width, "activity": not_array(activity), "points": NOT_RECORDS,
         "trials": without(wrong_trials, "None"), "modes": without(NOT_RECORDS, "None"),
         "centre": without([*NOT_WHOLE, ("none of them", 1000)], "None"),
         "num_trajectories": NOT_WHOLE, "dimensions": [*NOT_WHOLE, ("four", 4), ("one", 1)],
         "title": not_text, "ax": not_axes})  # fmt: skip
    yield Call("figures.averages", figures.averages,
        {"mean": mean, "pca": pca, "verdict": None, "condition": "a", "unit": "%", "title": "a",
         "ax": None, "width": "single"},
        {**with_pca, **not_width, "mean": wrong_mean, "verdict": not_verdict,
         "condition": not_text, "unit": not_text, "title": not_text, "ax": not_axes})  # fmt: skip
    yield Call("figures.psychometric", figures.psychometric,
        {"measured": psychometric, "fit": None, "label": "a", "condition": "a", "unit": "%",
         "title": "a", "ax": None, "width": "single"},
        {**not_width, "measured": NOT_RECORDS, "fit": without(NOT_RECORDS, "None"),
         "label": not_text, "condition": not_text, "unit": not_text, "title": not_text,
         "ax": not_axes})  # fmt: skip
    yield Call("figures.eigenvalues", figures.eigenvalues,
        {"modes": np.array([0.5 + 0.1j, 0.5 - 0.1j]), "title": None, "driven": None, "ax": None,
         "width": "single"},
        {**not_width,
         "modes": not_array(np.array([0.5, 0.2]), "complex", "complex of 0", "empty", "empty list",
                            "one longer"),
         "title": without(not_text, "None"), "ax": not_axes,
         "driven": without([*NOT_WHOLE, ("none of them", 1000)], "None")})  # fmt: skip
    yield Call("figures.flow_field", figures.flow_field,
        {"field": field, "mean": None, "verdict": None, "title": "a", "ax": None,
         "width": "single"},
        {**not_width, "field": NOT_RECORDS, "mean": without(wrong_mean, "None"),
         "verdict": not_verdict, "title": not_text, "ax": not_axes})  # fmt: skip
    yield Call("figures.line_attractor", figures.line_attractor,
        {"verdict": verdict, "mean": mean, "pca": pca, "condition": "a", "unit": "%",
         "width": "double"},
        {**with_pca, **not_width, "mean": wrong_mean, "verdict": NOT_RECORDS,
         "condition": not_text, "unit": not_text})  # fmt: skip
    yield Call("figures.stimulus_dependence", figures.stimulus_dependence,
        {"rows": rows, "verdict": verdict, "mean": mean, "pca": pca, "width": "double"},
        {**with_pca, **not_width, "mean": wrong_mean,
         "rows": [*NOT_RECORDS, ("objects", [object()])], "verdict": NOT_RECORDS})  # fmt: skip
    yield Call("figures.outputs", figures.outputs,
        {"values": activity, "trials": trials, "dt": None, "condition": "a", "width": "double"},
        {**not_width, "values": not_array(activity), "trials": wrong_trials,
         "dt": [("zero", 0), ("str", "a")]})  # fmt: skip
    yield Call("figures.unit_activity", figures.unit_activity,
        {"activity": activity, "trials": trials, "dt": 100.0, "width": "double"},
        {**not_width, "activity": not_array(activity), "trials": wrong_trials,
         "dt": [("zero", 0), ("str", "a")]})  # fmt: skip
    yield Call("figures.weights", figures.weights,
        {"net": np.eye(3), "modes": None, "order": None, "width": "double"},
        {**not_width, "net": not_array(np.eye(3)), "order": [("too few", [0]), ("str", "a")],
         "modes": [("str", "a"), ("number", 3)]})  # fmt: skip
    table = {"table": NOT_RECORDS, "summary": NOT_RECORDS}
    yield Call("figures.sweep", figures.sweep, _swept(pca, mean), {
        **table, "portraits": [*without(NOT_RECORDS, "list"), ("objects", [object()])],
        "varied": [("number", 3), ("unknown", ["colour"]), ("object", object()), ("str", "hidden")],
        "condition": not_text})  # fmt: skip
    figure = figures.psychometric(psychometric)
    yield Call("figures.sign", figures.sign, {"figure": figure, "text": "a"}, {
        "figure": NOT_RECORDS, "text": not_text})  # fmt: skip
    stem = str(Path(tempfile.mkdtemp()) / "figure")
    yield Call("figures.save", figures.save,
        {"figure": figure, "stem": stem, "formats": ("png",)},
        {"figure": NOT_RECORDS, "stem": without(NOT_RECORDS, "str"),
         "formats": [*without(NOT_RECORDS), ("unknown", ("gif",)), ("text", "png"),
                     ("objects", (object(),)), ("lists", ([],))]})  # fmt: skip


def _by_place(method: Callable[..., Any], name: str, **arguments: Any) -> Any:
    return method(arguments[name])


def _swept(pca: Any, mean: Any) -> dict[str, Any]:
    """Return the arguments of a figure of a sweep of two members."""
    import pandas

    from yang_rnn.figures.ensembles import Portrait

    table = pandas.DataFrame({
        "recipe": ["notebook"] * 2, "verdict": ["line attractor"] * 2,
        "mechanism": ["slow direction"] * 2,
        "eigenvalue_real": [0.9, 0.8], "eigenvalue_imag": [0.0, 0.0],
        "time_constant": [1000.0, 2000.0],
    })  # fmt: skip
    summary = pandas.DataFrame({
        "recipe": ["notebook"], "of": ["verdict"], "outcome": ["line attractor"],
        "share": [1.0], "low": [0.3],
        "high": [1.0], "members": [2], "judged": [2], "failed": [0], "count": [2],
    })  # fmt: skip
    return {"table": table, "summary": summary, "portraits": [Portrait("a", pca, mean)],
            "varied": (), "condition": "a"}  # fmt: skip


class TooLong(BaseException):
    """A call that does not come back."""


def _alarm(*_: Any) -> None:
    raise TooLong


OUTCOMES = (
    "refused by name", "refused without the name", "another exception", "accepted in silence",
    "took too long", "allowed",
)  # fmt: skip


def outcome_of(call: Call, argument: str, kind: str, value: Any) -> tuple[str, str]:
    """Make a call with one argument wrong; return what it came to, and the error."""
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call.function(**(call.good | {argument: value}))
    except (ValueError, TypeError) as error:
        text = str(error)
        names = (argument, *ALIASES.get((call.name, argument), ()), *ALIASES.get(argument, ()))
        is_ours = any(f"`{name}" in text for name in names)
        return OUTCOMES[0 if is_ours else 1], f"{type(error).__name__}: {text}"
    except TooLong:
        return OUTCOMES[4], ""
    except Exception as error:
        outcome, text = OUTCOMES[2], f"{type(error).__name__}: {error}"
    else:
        outcome, text = OUTCOMES[3], ""
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    why = ALLOWED.get((call.name, argument, kind))
    return (outcome, text) if why is None else (OUTCOMES[5], why)


def main() -> int:
    """Make the calls; print what they came to; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="calls whose names have this in them")
    options = parser.parse_args()
    os.chdir(tempfile.mkdtemp())
    signal.signal(signal.SIGALRM, _alarm)
    every = [
        (call, argument, kind, value)
        for call in calls() if options.only in call.name
        for argument, values in call.wrong.items()
        for kind, value in values
    ]  # fmt: skip
    for call in {id(call): call for call, *_ in every}.values():
        if call.name not in ("load_run",):
            call.function(**call.good)  # a good call must not be refused
    chosen = np.random.default_rng(options.seed).permutation(len(every))[: options.calls]
    if not options.only:
        tried = {call.name.split(".")[0].split("(")[0] for call, *_ in every}
        missed = {name for name in yr.__all__ if callable(getattr(yr, name))} - tried - RECORDS
        assert not missed, f"not tried: {sorted(missed)}"
    begun, counts, told = time.perf_counter(), Counter(), set()
    longest = 0
    for place in sorted(chosen):
        call, argument, kind, value = every[place]
        outcome, text = outcome_of(call, argument, kind, value)
        counts[outcome] += 1
        longest = max(longest, len(text))
        line = f"{outcome}: {call.name}({argument} = {kind}) {text[:150]}"
        if outcome not in (OUTCOMES[0], OUTCOMES[5]) and line not in told:
            told.add(line)
            print(line, flush=True)
    print(f"{len(chosen)} of {len(every)} bad calls in {time.perf_counter() - begun:.0f} s;",
          ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES),
          f"; longest message {longest} characters")  # fmt: skip
    return int(any(counts[outcome] for outcome in OUTCOMES[1:5]))


if __name__ == "__main__":
    sys.exit(main())
