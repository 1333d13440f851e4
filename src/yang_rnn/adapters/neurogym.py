"""NeuroGym's environments as tasks with periods, conditions and choices."""

from __future__ import annotations

import copy
import importlib
import warnings
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from yang_rnn._checks import check_real, check_whole, is_real, reason_of, shown
from yang_rnn.adapters.evidence import Evidence, alternatives_of
from yang_rnn.adapters.optional import install_command
from yang_rnn.adapters.rebinding import rebound
from yang_rnn.adapters.stacking import SingleTrial, stack
from yang_rnn.adapters.timing import best_time, in_time
from yang_rnn.trials import Task, Trials, TwoAlternatives

_EVIDENCE = {
    "PerceptualDecisionMaking": Evidence({None: "coh"}),
    "PerceptualDecisionMakingDelayResponse": Evidence({None: "coh"}),
    "ContextDecisionMaking": Evidence(
        {0: "coh_1", 1: "coh_2"}, context="context", others=("coh_1", "coh_2")
    ),
}
"""What evidence is, by the environment's class; its trials name the conditions."""

_THE_TASK = {"IntervalDiscrimination", "ReadySetGo", "OneTwoThreeGo", "HierarchicalReasoning"}
"""Environments whose random durations are what they are about."""

_LOOKED_AT = 100
"""Trials that say which answers an environment asks for."""

_TYPICAL = 101
"""Draws whose median a random duration is set to, where all trials are to have the same."""


class NeuroGymTask(Task):
    """A trial-based environment of NeuroGym, by its supervised side: observations and answers.

    `from_neurogym` makes it. A shorter trial ends in zeros, which neither loss nor accuracy counts.

    Attributes
    ----------
    name : str
        The environment's class.
    """

    name: str
    num_inputs: int
    num_outputs: int
    dt: float

    def __init__(self, env: Any):
        self._env = env
        base = env.unwrapped
        self.name = type(base).__name__
        self.dt = check_real("dt", base.dt, above=0)
        self.num_inputs = int(np.prod(base.observation_space.shape))
        self._discrete = hasattr(base.action_space, "n")
        actions = base.action_space
        self.num_outputs = int(actions.n if self._discrete else np.prod(actions.shape))
        for period, duration in base.timing.items():
            if is_real(duration) and 0 < duration < base.dt:
                expected = f"{period!r} of {self.name} must be 0, or a step of {self.dt:g} ms"
                raise ValueError(f"{expected} or more; got {duration:g} ms")
        self._first_choice, self._act_in = 0, frozenset[str]()
        trials = self.seeded(0)._raw(_LOOKED_AT)
        if self._discrete:
            targets = np.concatenate([trial.targets for trial in trials])
            if not 0 <= targets.min() <= targets.max() < self.num_outputs:
                raise ValueError(
                    f"{self.name} must have an action for each answer; it has {self.num_outputs} "
                    f"actions, and answers from {targets.min()} to {targets.max()}"
                )
            answers = {int(trial.targets[trial.asked][-1]) for trial in trials}
            self._first_choice = min(answers)
            if len(answers) == 1:  # when to act is the question
                self._act_in = frozenset(
                    name
                    for trial in trials
                    for name, steps in trial.periods.items()
                    if (trial.targets[steps] > 0).any()
                )

    def __repr__(self) -> str:
        """Say which environment it is."""
        return f"NeuroGymTask({self.name})"

    @property
    def noise(self) -> float:
        """Standard deviation of the inputs' noise at each step."""
        return float(getattr(self._env.unwrapped, "sigma", 0.0))

    def seeded(self, seed: int) -> Self:
        """Return the task at the beginning of another random stream; this one stays as it is."""
        task = self._twin()
        base = task._env.unwrapped
        base.seed(check_whole("seed", seed, 0, 2**32 - 1))
        if hasattr(base, "new_block"):  # blocks began in whatever stream the environment came with
            base.rule = 0
            base.new_block()
        return task

    def without_noise(self) -> Self:
        """Return the task with inputs without noise; this one stays as it is."""
        task = self._twin()
        if hasattr(task._env.unwrapped, "sigma"):
            task._env.unwrapped.sigma = 0.0
        return task

    def with_equal_trials(self) -> Self:
        """Return the task with the median of each random duration in all trials.

        Durations that are what the task is about stay random.
        """
        task = self._twin()
        if self.name in _THE_TASK:
            return task
        base = _copy_of(task._env).unwrapped
        base.seed(0)  # wherever the task is in its stream, the durations are the same
        for period, duration in list(task._env.unwrapped.timing.items()):
            if not isinstance(duration, (int, float)):
                draws = [base.sample_time(period) for _ in range(_TYPICAL)]
                task._env.unwrapped.timing[period] = float(np.median(draws))
        return task

    def sample_trials(self, num_trials: int) -> Trials:
        """Draw the next trials of the random stream.

        Parameters
        ----------
        num_trials : int

        Returns
        -------
        Trials
            Conditions are the numbers that the environment's trials have by name. With two
            contexts each coherence has a sign: negative where it speaks for choice 1.
        """
        trials = self._raw(check_whole("num_trials", num_trials, 1))
        shared = set(trials[0].conditions).intersection(*(trial.conditions for trial in trials))
        return stack(
            [
                trial._replace(
                    conditions={k: v for k, v in trial.conditions.items() if k in shared}
                )
                for trial in trials
            ]
        )

    def correct(self, outputs: Any, trials: Trials) -> np.ndarray:
        """Tell which trials were done right, (trial,), bool.

        By the last answer that is asked for. Where there is one action only, and when to take it is
        the question: by when it is first taken, within the environment's margin.
        """
        if self._act_in:
            return in_time(outputs, trials, self._margin, self._act_in)
        return super().correct(outputs, trials)

    def chance(self, trials: Trials) -> float | None:
        """Return the best share of correct trials without looking at the inputs.

        Always the answer, or the time of acting, that is right most often.
        """
        if self._act_in:
            return best_time(trials, self._margin, self._act_in)
        return super().chance(trials)

    @property
    def _margin(self) -> float:
        return float(getattr(self._env.unwrapped, "prod_margin", 0.0))

    def alternatives(self) -> Mapping[str, TwoAlternatives]:
        """Return evidence and choice by context; empty where there are not two alternatives."""
        evidence = _EVIDENCE.get(self.name)
        if evidence is None or self.num_outputs != 3:
            return {}
        if evidence.context is not None:
            contexts = list(self._env.unwrapped.contexts)
            strength = {k: v for k, v in evidence.strength.items() if k in contexts}
            evidence = evidence._replace(strength=strength)
        return alternatives_of(self.with_equal_trials(), evidence)

    def _twin(self) -> Self:
        task = copy.copy(self)
        task._env, task._streams = _copy_of(self._env), None
        return task

    def _raw(self, num_trials: int) -> list[SingleTrial]:
        return [self._next() for _ in range(num_trials)]

    def _next(self) -> SingleTrial:
        _new_trial(self._env)
        base = self._env.unwrapped
        inputs = np.array(base.ob, float).reshape(len(base.ob), -1)
        targets = np.array(base.gt)
        periods = {name: slice(base.start_ind[name], base.end_ind[name]) for name in base.start_ind}
        conditions = {
            name: float(value) if not isinstance(value, (int, np.integer)) else int(value)
            for name, value in (base.trial or {}).items()
            if is_real(value) or isinstance(value, (bool, np.bool_))
        }
        if self.name == "ContextDecisionMaking" and self.num_outputs == 3:
            conditions |= _signed(base, base.trial)
        asked = np.zeros(len(inputs), bool)
        if not self._discrete:
            return SingleTrial(
                inputs,
                targets.reshape(len(inputs), -1).astype(float),
                periods,
                conditions,
                None,
                asked,
            )
        targets = targets.astype(int)
        if self._act_in:
            asked[:] = True
        elif "decision" in periods:
            asked[periods["decision"]] = True
        else:
            asked = targets > 0
        if not asked.any():
            asked[-1] = True  # a trial in which nothing is to be done: the answer is to do nothing
        choice = None if self._act_in else int(targets[asked][-1]) - self._first_choice
        return SingleTrial(inputs, targets, periods, conditions, choice, asked)


def _new_trial(env: Any) -> None:
    """Begin a trial by the outermost wrapper that has a say in it."""
    while "new_trial" not in dir(type(env)):
        env = env.env
    env.new_trial()


def _copy_of(env: Any) -> Any:
    """Return a copy of an environment whose random durations too are drawn from its own stream."""
    twin = copy.deepcopy(env)
    old, new = env.unwrapped, twin.unwrapped
    new.timing.update(
        {
            name: rebound(value, old, new)
            for name, value in old.timing.items()
            if callable(value) and not hasattr(value, "seed")
        }
    )
    return twin


def _names_with(name: str) -> str:
    """Return a hint at the environments whose names have one in them that is none itself."""
    known = importlib.import_module("neurogym.envs.registration").all_envs()
    found = [other for other in known if name and name.lower() in other.lower()]
    return f" (is it {', '.join(found[:5])}?)" if found and name not in known else ""


def _signed(base: Any, trial: Mapping[str, Any]) -> dict[str, float]:
    """Return both coherences of a trial with two contexts, negative for choice 1."""
    relevant, other = (1 if trial[k] == 2 else -1 for k in ("ground_truth", "other_choice"))
    first, second = (other, relevant) if trial["context"] == 1 else (relevant, other)
    return {"coh_1": float(first * trial["coh_1"]), "coh_2": float(second * trial["coh_2"])}


def from_neurogym(env: Any, **settings: Any) -> NeuroGymTask:
    """Take an environment of NeuroGym as a task.

    Parameters
    ----------
    env : str, neurogym.TrialEnv or neurogym.Dataset
        An environment's name, as in ``"DelayMatchSample-v0"``; an environment, wrapped or not; or
        a supervised data set, of which the environment is taken. It is copied.
    **settings
        What an environment is made with, where `env` is a name, as in ``dt=20``.

    Returns
    -------
    NeuroGymTask
        Its trials have named periods, the numbers of NeuroGym's trial as conditions, and the
        correct choice; `train` takes it. Where its actions are continuous, the targets are values.

    Raises
    ------
    ImportError
        If NeuroGym is not installed.
    ValueError
        If there is no such environment, it can't be made with these settings, or has no trials
        with answers.
    TypeError
        If it is none of the above.
    """
    try:
        neurogym: Any = importlib.import_module("neurogym")
    except ImportError as error:
        raise ImportError(f"NeuroGym is not installed: {install_command('neurogym')}") from error
    if isinstance(env, str):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of Gymnasium, about rendering
                env = neurogym.make(env, **settings)
        except Exception as error:  # what NeuroGym and the environment raise
            reason = reason_of(error)
            raise ValueError(
                f"`env` must be an environment of NeuroGym; {shown(env)}: {reason}"
                f"{'' if 'Did you mean' in reason else _names_with(env)}"
            ) from error
    elif settings:
        raise ValueError("settings are for environments by name; got an environment that is made")
    else:
        env = env.env if "max_batch" in getattr(env, "__dict__", {}) else env
    if not hasattr(env, "unwrapped"):
        raise TypeError(f"`env` must be an environment of NeuroGym, or its name; got {shown(env)}")
    if not isinstance(env.unwrapped, importlib.import_module("neurogym.core").TrialEnv):
        raise ValueError(f"`env` must have trials; got {shown(env.unwrapped)}")
    try:
        return NeuroGymTask(_copy_of(env))
    except Exception as error:  # what the environment raises
        name = type(env.unwrapped).__name__
        raise ValueError(
            f"`env` must have observations and answers for whole trials; {name} has not: "
            f"{reason_of(error)}"
        ) from error
