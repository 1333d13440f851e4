"""The rate tasks of brainpy-datasets as tasks with periods, conditions and choices."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Self

import numpy as np
from brainpy_datasets import cognitive

from yang_rnn._checks import (
    check_array,
    check_is,
    check_real,
    check_whole,
    is_real,
    reason_of,
    shown,
)
from yang_rnn.adapters.evidence import Evidence, alternatives_of
from yang_rnn.adapters.rebinding import rebound
from yang_rnn.adapters.stacking import SingleTrial, stack
from yang_rnn.adapters.timing import best_time, in_time
from yang_rnn.trials import Task, Trials, TwoAlternatives, check_trials

Drawn = list[Any]
"""What chance decided in a trial besides noise, in the order in which it was drawn."""


class _Kind(NamedTuple):
    """What the dataset itself does not say of a kind of its tasks."""

    periods: Callable[[Any, Drawn], tuple[str, ...]]
    conditions: Callable[[Any, Drawn], dict[str, Any]]
    asked: tuple[str, ...] = ("decision",)
    first_choice: int | None = 1
    """The output of choice 1; None where there are no choices."""
    evidence: Callable[[Any], Evidence] | None = None


def _always(*names: str) -> Callable[[Any, Drawn], tuple[str, ...]]:
    return lambda dataset, drawn: names


def _signed(strength: Any, choice: Any) -> float:
    """Return a strength with the sign of its choice, 0 or 1: negative for the first."""
    return float(strength) if choice else -float(strength)


def _two_modalities(dataset: Any, drawn: Drawn) -> dict[str, Any]:
    """Name the draws of a task of two modalities: relevant and other choice, two coherences."""
    relevant, other, first, second, *rest = drawn
    context = int(rest[0]) if rest else dataset.context
    choices = list(dataset.choices if rest else dataset._choices)
    places = [choices.index(relevant), choices.index(other)]
    places = places[::-1] if context == 1 else places
    if len(choices) == 2:
        found = {f"coherence {k}": _signed((first, second)[k], places[k]) for k in (0, 1)}
    else:
        found = {"coherence 0": first, "coherence 1": second}
        found |= {f"direction {k}": places[k] for k in (0, 1)}
    return found | ({"context": context} if rest else {})


def _single_context(dataset: Any) -> Evidence:
    own = f"coherence {dataset.context}"
    return Evidence({None: own}, others=(f"coherence {1 - dataset.context}",))


def _pulses(dataset: Any, drawn: Drawn) -> dict[str, Any]:
    low, high = dataset.p_pulse
    if drawn[0] < 0.5:
        low, high = high, low
    first, second = int((drawn[1] < low).sum()), int((drawn[2] < high).sum())
    return {"pulses 1": first, "pulses 2": second, "pulse difference": second - first}


def _bins(dataset: Any, drawn: Drawn) -> tuple[str, ...]:
    bins = [name for k in range(dataset.n_bin) for name in (f"cue{k}", f"bin{k}")]
    return ("fixation", *bins, "decision")


def _shapes(dataset: Any, drawn: Drawn) -> tuple[str, ...]:
    stimuli = [f"stimulus{k}" for k in range(dataset.num_loc)]
    return ("fixation", *stimuli, "delay", "decision")


def _compared(dataset: Any, drawn: Drawn) -> dict[str, Any]:
    first, second = dataset.vpairs[drawn[1]]
    return (
        {"first": first, "second": second} if drawn[0] == 1 else {"first": second, "second": first}
    )


def _category(dataset: Any, drawn: Drawn) -> dict[str, Any]:
    match, sample, within_sample, within_test = drawn
    test = sample if match == 1 else 1 - sample
    angles = {
        "sample angle": 180 * (sample + within_sample),
        "test angle": 180 * (test + within_test),
    }
    return {"match": int(match == 1), "sample": sample, "test": test} | angles


def _matched(dataset: Any, drawn: Drawn) -> dict[str, Any]:
    sample = round(np.rad2deg(drawn[1]), 6)
    test = sample if drawn[0] == 1 else (sample + 180) % 360
    return {"match": int(drawn[0] == 1), "sample": sample, "test": test}


def _paired(dataset: Any, drawn: Drawn) -> dict[str, Any]:
    first, second = dataset.pairs[drawn[0]]
    return {"first": first, "second": second}


def _wager_periods(dataset: Any, drawn: Drawn) -> tuple[str, ...]:
    sure = ("pre_sure",) if drawn[0] > 0.5 else ()
    return ("fixation", "stimulus", *sure, "delay", "decision")


_DECISION = _always("fixation", "stimulus", "delay", "decision")

_KINDS: dict[str, _Kind] = {
    "RatePerceptualDecisionMaking": _Kind(
        _DECISION,
        lambda dataset, drawn: {"coherence": drawn[0]},
        evidence=lambda dataset: Evidence({None: "coherence"}),
    ),
    "RatePerceptualDecisionMakingDelayResponse": _Kind(
        _DECISION,
        lambda dataset, drawn: {"coherence": drawn[1]},
        evidence=lambda dataset: Evidence({None: "coherence"}),
    ),
    "RateSingleContextDecisionMaking": _Kind(
        _DECISION, _two_modalities, evidence=_single_context
    ),
    "RateContextDecisionMaking": _Kind(
        _DECISION,
        _two_modalities,
        evidence=lambda dataset: Evidence(
            {0: "coherence 0", 1: "coherence 1"},
            context="context",
            others=("coherence 0", "coherence 1"),
        ),
    ),
    "RatePulseDecisionMaking": _Kind(_bins, _pulses),
    "RateAntiReach": _Kind(
        _DECISION,
        lambda dataset, drawn: {"direction": 360 * drawn[0] / dataset.num_choice},
    ),
    "RateReaching1D": _Kind(
        _always("fixation", "reach"),
        lambda dataset, drawn: {"direction": float(np.rad2deg(drawn[0]))},
        asked=(),
        first_choice=None,
    ),
    "RateHierarchicalReasoning": _Kind(
        _always("fixation", "rule_target", "fixation2", "flash1", "delay", "flash2", "decision"),
        lambda dataset, drawn: {"stimulus": drawn[0]},
        first_choice=3,
    ),
    "RateProbabilisticReasoning": _Kind(
        _shapes,
        lambda dataset, drawn: {"log odds": float(dataset.shape_weight[drawn[1]].sum())},
    ),
    "RateDelayComparison": _Kind(
        _always("fixation", "stimulus1", "delay", "stimulus2", "decision"), _compared
    ),
    "RateDelayMatchCategory": _Kind(
        _always("fixation", "sample", "delay", "test"), _category, asked=("test",)
    ),
    "RateDelayMatchSample": _Kind(
        _always("fixation", "sample", "delay", "test", "decision"), _matched
    ),
    "RateDelayPairedAssociation": _Kind(
        _always("fixation", "stim1", "delay1", "stim2", "delay2", "decision"),
        _paired,
        first_choice=0,
    ),
    "RateDualDelayMatchSample": _Kind(
        _always(
            "fixation", "sample", "delay1", "cue1", "test1", "delay2", "cue2", "test2"
        ),
        lambda dataset, drawn: {
            "sample 1": drawn[2], "sample 2": drawn[3], "order": drawn[4]
        },
        asked=("test1", "test2"),
    ),
    "RateGoNoGo": _Kind(
        _DECISION, lambda dataset, drawn: {"go": drawn[0]}, first_choice=0
    ),
    "RateIntervalDiscrimination": _Kind(
        _always("fixation", "stim1", "delay1", "stim2", "delay2", "decision"),
        lambda dataset, drawn: {},
    ),
    "RatePostDecisionWager": _Kind(
        _wager_periods,
        lambda dataset, drawn: {"wager": int(drawn[0] > 0.5), "coherence": drawn[2]},
    ),
    "RateReadySetGo": _Kind(
        _always("fixation", "measure", "set", "production", "ready"),
        lambda dataset, drawn: {},
        asked=("production",),
        first_choice=None,
    ),
}  # fmt: skip

NAMES = tuple(sorted(_KINDS))
"""The tasks that `from_brainpy_dataset` takes, and that a recipe may name."""

_THE_TASK = {"RateIntervalDiscrimination", "RateReadySetGo", "RateHierarchicalReasoning"}
"""Tasks whose random durations are what they are about: never made the same for all trials."""

_TYPICAL = 101
"""Draws whose median a random duration is set to, where all trials are to have the same."""


class BrainPyTask(Task):
    """A rate task of brainpy-datasets; `from_brainpy_dataset` makes it.

    Trials are those of the dataset's own random stream, bit for bit, if none of its durations is
    random. Where one is, each trial takes it from the same stream and has a condition of that name
    (``delay duration``, in ms); shorter trials end in zeros, which neither loss nor accuracy
    counts.

    Attributes
    ----------
    name : str
        The dataset's class.
    """

    name: str
    num_inputs: int
    num_outputs: int
    dt: float

    def __init__(self, dataset: Any):
        check_is("dataset", dataset, cognitive.CognitiveTask)
        known = [kind.__name__ for kind in type(dataset).__mro__ if kind.__name__ in _KINDS]
        if not known:
            raise ValueError(
                f"`dataset` must be one of {list(NAMES)}; got {type(dataset).__name__}"
            )
        self.name = known[0]
        self._dataset = _copy_of(dataset)
        self._trial = 0
        self.dt = check_real("dt", dataset.dt, above=0)
        for field, value in vars(dataset).items():
            if field[:2] == "t_" and is_real(value) and (value < 0 or 0 < value < self.dt):
                expected = f"`{field}` must be 0, or a step of `dt` ({self.dt:g} ms) or more"
                raise ValueError(f"{expected}; got {value:g}")
        # The dataset's own targets are its angles cut down to whole numbers.
        self.num_outputs = 2 if self.name == "RateReaching1D" else int(dataset.num_outputs)
        self.num_inputs = self.seeded(0)._next().inputs.shape[1]

    def __repr__(self) -> str:
        """Say which dataset it is."""
        return f"BrainPyTask({self.name})"

    @property
    def noise(self) -> float:
        """Standard deviation of the inputs' noise at each step."""
        return getattr(self._dataset, "noise_sigma", 0.0) / np.sqrt(self.dt)

    def seeded(self, seed: int) -> Self:
        """Return the task at the beginning of another random stream; this one stays as it is."""
        task = copy.copy(self)
        seed = check_whole("seed", seed, 0, 2**32 - 1)
        task._dataset, task._trial = _copy_of(self._dataset, np.random.RandomState(seed)), 0
        task._streams = None
        return task

    def without_noise(self) -> Self:
        """Return the task with inputs without noise; this one stays as it is."""
        task = copy.copy(self)
        task._dataset, task._streams = _copy_of(self._dataset), None
        if hasattr(task._dataset, "noise_sigma"):
            task._dataset.noise_sigma = 0.0
        return task

    def with_equal_trials(self) -> Self:
        """Return the task with the median of each random duration in all trials.

        Durations that are what the task is about stay random.
        """
        task = copy.copy(self)
        task._dataset, task._streams = _copy_of(self._dataset), None
        if self.name not in _THE_TASK:
            # Drawn from a stream of their own: wherever the task is in its own, they are the same.
            aside = _copy_of(self._dataset, np.random.RandomState(0))
            for field in _random_durations(aside):
                draws = [getattr(aside, field)() for _ in range(_TYPICAL)]
                setattr(task._dataset, field, float(np.median(draws)))
        return task

    def sample_trials(self, num_trials: int) -> Trials:
        """Draw the next trials of the random stream.

        Parameters
        ----------
        num_trials : int

        Returns
        -------
        Trials
        """
        return stack([self._next() for _ in range(check_whole("num_trials", num_trials, 1))])

    def correct(self, outputs: Any, trials: Trials) -> np.ndarray:
        """Tell which trials were done right, (trial,), bool.

        By the last answer that is asked for. In ``RateReaching1D`` the direction of the outputs at
        the end must be within 36 degrees of the target's [1]_, in ``RateReadySetGo`` the first
        answer within the dataset's margin of the interval.

        References
        ----------
        .. [1] Yang, Joglekar, Song, Newsome & Wang (2019), Nature Neuroscience 22:297-306.
        """
        if self.name == "RateReaching1D":
            return within_angle(outputs, trials)
        if self.name == "RateReadySetGo":
            return in_time(outputs, trials, self._dataset.prod_margin)
        return super().correct(outputs, trials)

    def chance(self, trials: Trials) -> float | None:
        """Return the best share of correct trials without looking at the inputs.

        Always the answer, the direction or the time that is right most often.
        """
        if self.name == "RateReaching1D":
            return best_angle(trials)
        if self.name == "RateReadySetGo":
            return best_time(trials, self._dataset.prod_margin)
        return super().chance(trials)

    def alternatives(self) -> Mapping[str, TwoAlternatives]:
        """Return evidence and choice by context; empty where there are not two alternatives."""
        evidence = _KINDS[self.name].evidence
        if evidence is None or self.num_outputs != 3:
            return {}
        return alternatives_of(self.with_equal_trials(), evidence(self._dataset))

    def _next(self) -> SingleTrial:
        try:
            trial = self._drawn()
        except Exception as error:  # what the dataset, or a function that it was given, raises
            raise ValueError(f"{self.name} can't draw a trial: {reason_of(error)}") from error
        self._trial += 1
        return trial

    def _drawn(self) -> SingleTrial:
        dataset, kind = self._dataset, _KINDS[self.name]
        drawn_durations = {
            field: float(getattr(dataset, field)()) for field in _random_durations(dataset)
        }
        recorder = _Recorder(dataset.rng)
        before = dict(vars(dataset))
        try:
            vars(dataset).update(drawn_durations, rng=recorder)
            inputs, targets, periods = dataset.sample_a_trial(self._trial)[:3]
        finally:
            vars(dataset).update(before)
        conditions = kind.conditions(dataset, recorder.drawn)
        if self.name == "RateHierarchicalReasoning":
            conditions["rule"] = self._trial % 2
        for field, duration in drawn_durations.items():
            conditions[f"{field.removeprefix('t_')} duration"] = duration
        inputs = check_array("inputs", np.asarray(inputs, float), ("time", "channel"))
        targets = check_array("targets", targets, (len(inputs),), whole=True)
        steps = _slices(periods, kind.periods(dataset, recorder.drawn))
        asked = np.zeros(len(inputs), bool)
        for name in kind.asked:
            asked[steps[name]] = True
        if self.name == "RateReaching1D":
            angle = np.deg2rad(conditions["direction"])
            targets = np.zeros((len(inputs), 2))
            targets[steps["reach"]] = np.cos(angle), np.sin(angle)
        elif not asked.any():
            raise ValueError(f"{' and '.join(kind.asked)} must have a step of {self.dt:g} ms")
        elif not 0 <= targets.min() <= targets.max() < self.num_outputs:
            expected = f"targets must be 0 to {self.num_outputs - 1}"
            raise ValueError(f"{expected}; got {targets.min()} to {targets.max()}")
        choice = None
        if kind.first_choice is not None:
            choice = int(targets[np.flatnonzero(asked)[-1]]) - kind.first_choice
        return SingleTrial(inputs, targets, steps, conditions, choice, asked)


def from_brainpy_dataset(dataset: Any) -> BrainPyTask:
    """Take a rate task of brainpy-datasets as a task.

    Parameters
    ----------
    dataset : brainpy_datasets.cognitive.CognitiveTask
        Any of `NAMES`, or of a class made from one. It is copied, and stays as it is.

    Returns
    -------
    BrainPyTask
        Its trials have named periods, the ground-truth variables as conditions, and the correct
        choice; `train` takes it.

    Raises
    ------
    TypeError
        If it is no task of brainpy-datasets.
    ValueError
        If it is none of the rate tasks.
    """
    return BrainPyTask(dataset)


def make_brainpy_task(name: str, **settings: Any) -> BrainPyTask:
    """Make one of `NAMES` with its settings.

    Raises
    ------
    ValueError
        If there is no such task, or it can't be made with these settings.
    """
    if name not in NAMES:
        raise ValueError(f"`name` must be one of {list(NAMES)}; got {shown(name)}")
    if name == "RatePerceptualDecisionMakingDelayResponse":
        # The dataset moves its default features each time that one is made.
        fresh = {"f_fixation": cognitive.Feature(1, 20, 100.0)}
        fresh |= {"f_stimulus": cognitive.Feature(2, 20, 100.0)}
        settings = fresh | settings
    try:
        dataset = getattr(cognitive, name)(**settings)
    except Exception as error:  # what the dataset raises, AssertionError too
        raise ValueError(
            f"{name} can't be made with {shown(settings)}: {reason_of(error)}"
        ) from error
    return BrainPyTask(dataset)


def within_angle(outputs: Any, trials: Trials, degrees: float = 36.0) -> np.ndarray:
    """Tell in which trials the direction of two outputs ends near the target's, (trial,), bool.

    Parameters
    ----------
    outputs : array of shape (time, trial, 2)
        Cosine and sine, as the targets.
    trials : Trials
    degrees : float
        How near.
    """
    found = check_array("outputs", outputs, np.shape(check_trials(trials).targets))
    wanted = _last(trials.targets, trials)
    return _between(_angle(_last(found, trials)), _angle(wanted)) <= np.deg2rad(degrees)


def best_angle(trials: Trials, degrees: float = 36.0) -> float:
    """Return the share of trials whose target is near one and the same direction, at best."""
    wanted = _angle(_last(check_trials(trials).targets, trials))
    # The best window begins at one of the targets.
    middles = wanted + np.deg2rad(degrees)
    near = _between(middles[:, None], wanted) <= np.deg2rad(degrees) + 1e-9
    return float(near.mean(axis=1).max())


def _last(values: Any, trials: Trials) -> np.ndarray:
    """Return values (time, trial, ...) at the last step of each trial that counts."""
    values = np.asarray(values)
    if trials.weights is None:
        return values[-1]
    counts = np.asarray(trials.weights) > 0
    last = len(counts) - 1 - counts[::-1].argmax(axis=0)
    return values[last, np.arange(len(last))]


def _angle(vectors: np.ndarray) -> np.ndarray:
    return np.arctan2(vectors[..., 1], vectors[..., 0])


def _between(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the angle between two directions, 0 to pi."""
    return np.abs((one - other + np.pi) % (2 * np.pi) - np.pi)


def _random_durations(dataset: Any) -> list[str]:
    return [name for name, value in vars(dataset).items() if name[:2] == "t_" and callable(value)]


def _copy_of(dataset: Any, rng: np.random.RandomState | None = None) -> Any:
    """Return a copy of a dataset whose random durations too are drawn from its own stream."""
    twin = copy.deepcopy(dataset)
    twin.rng = copy.deepcopy(dataset.rng) if rng is None else rng
    for field in _random_durations(dataset):
        duration = rebound(getattr(dataset, field), dataset, twin)
        if isinstance(getattr(duration, "_rng", None), np.random.RandomState):
            duration = copy.copy(duration)
            duration._rng = twin.rng
        setattr(twin, field, duration)
    return twin


def _slices(periods: Any, names: tuple[str, ...]) -> dict[str, slice]:
    """Return the steps of the named periods, from what a dataset says of them in its way."""
    if isinstance(periods, dict):
        periods = periods["times"]
    if isinstance(periods, tuple):
        lengths = [length for _, length in periods]
    else:
        lengths = np.bincount(np.asarray(periods, int), minlength=len(names)).tolist()
    if len(lengths) != len(names):
        raise ValueError(f"a trial must have the periods {names}; got {shown(periods)}")
    ends = np.cumsum([0, *lengths]).tolist()
    return dict(zip(names, map(slice, ends[:-1], ends[1:]), strict=True))


class _Recorder:
    """A random stream that remembers what it drew, but for noise."""

    def __init__(self, stream: np.random.RandomState):
        self._stream = stream
        self.drawn: Drawn = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._stream, name)
        if name == "randn":
            return method

        def draw(*args: Any, **kwargs: Any) -> Any:
            value = method(*args, **kwargs)
            self.drawn.append(value)
            return value

        return draw
