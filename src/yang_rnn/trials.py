"""Any task and its trials, and what evidence and choice are where it has two alternatives."""

from __future__ import annotations

import abc
import copy
import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from yang_rnn._checks import (
    as_array,
    check_array,
    check_is,
    check_real,
    check_text,
    check_whole,
    is_whole,
    shown,
)
from yang_rnn._frames import apart, frame_of

if TYPE_CHECKING:
    from yang_rnn._frames import DataFrame


class _Fields(NamedTuple):
    """What trials are made of."""

    inputs: np.ndarray
    targets: np.ndarray
    periods: Mapping[str, slice | np.ndarray]
    conditions: dict[str, np.ndarray]
    choice: Any = None
    weights: np.ndarray | None = None
    asked: np.ndarray | None = None


class Trials(_Fields):
    """Trials of a task, time first.

    Attributes
    ----------
    inputs : array of shape (time, trial, channel)
        What the network receives.
    targets : int array of shape (time, trial), or float array of shape (time, trial, output)
        The output that should be the largest at each step; or what each output should be, to be
        learned by least squares.
    periods : dict of slices or bool arrays of shape (time, trial)
        Steps of each named period, as in ``{"stimulus": slice(1, 21)}``; a mask where they differ
        by trial.
    conditions : dict of arrays of shape (trial,)
        What distinguishes trials, as in ``{"coherence": ...}``.
    choice : int array of shape (trial,), optional
        The correct choice, counted from 0; None where a task has no choices.
    weights : array of shape (time, trial), optional
        How much each step counts in the loss, 0 or more; without it all count alike.
    asked : bool array of shape (time, trial), optional
        Where a choice is asked for; without it where the target is above 0.

    Raises
    ------
    TypeError
        If an array is not of real numbers.
    ValueError
        If arrays do not fit together, choices are not whole numbers, or a weight is negative.
    """

    __slots__ = ()

    def __new__(
        cls,
        inputs: Any,
        targets: Any,
        periods: Mapping[str, Any],
        conditions: dict[str, Any],
        choice: Any = None,
        weights: Any = None,
        asked: Any = None,
    ) -> Self:
        """Check that the arrays fit together."""
        trials = super().__new__(cls, inputs, targets, periods, conditions, choice, weights, asked)
        _check_fit(trials, empty=True)
        return trials

    def __repr__(self) -> str:
        """Say how many trials of how many steps, their periods and conditions."""
        shape = np.shape(self.inputs)
        if len(shape) != 3:
            return f"Trials(inputs of shape {shape})"
        targets = "outputs to choose" if self.has_choices else "values"
        periods = ", ".join(f"{name} {_where(at)}" for name, at in self.periods.items())
        return (
            f"Trials({shape[1]} trials of {shape[0]} steps, {shape[2]} channels; targets: "
            f"{targets}; periods (steps): {periods or 'none'}; conditions: "
            f"{', '.join(self.conditions) or 'none'})"
        )

    @property
    def has_choices(self) -> bool:
        """Whether targets are outputs to choose, not values to be reached."""
        return np.ndim(self.targets) == 2

    @property
    def asks(self) -> np.ndarray:
        """Where a choice is asked for, (time, trial), bool; nowhere if targets are values."""
        if self.asked is not None:
            return np.asarray(self.asked, bool)
        if not self.has_choices:
            return np.zeros(np.shape(self.targets)[:2], bool)
        return np.asarray(self.targets) > 0

    @property
    def inside(self) -> np.ndarray:
        """Where trials have not ended, (time, trial), bool: up to the last step with a weight."""
        shape = np.shape(self.inputs)[:2]
        if self.weights is None:
            return np.ones(shape, bool)
        return np.maximum.accumulate(np.asarray(self.weights)[::-1] > 0, axis=0)[::-1]

    def select(self, trials: slice | ArrayLike) -> Trials:
        """Return some of the trials.

        Parameters
        ----------
        trials : slice, bool array of shape (trial,) or int array
        """
        if not isinstance(trials, slice):
            trials = as_array("trials", trials)
            if trials.ndim != 1 or trials.dtype.kind not in "biu":
                raise TypeError(f"`trials` must be a slice or places; got {shown(trials)}")
        rows = [self.weights, self.asked]
        return Trials(
            self.inputs[:, trials],
            self.targets[:, trials],
            {
                name: steps if isinstance(steps, slice) else steps[:, trials]
                for name, steps in self.periods.items()
            },
            {name: values[trials] for name, values in self.conditions.items()},
            None if self.choice is None else self.choice[trials],
            *(None if row is None else row[:, trials] for row in rows),
        )

    def where(self, conditions: Mapping[str, Any]) -> Trials:
        """Return the trials that have these values of conditions, as in ``{"context": 0}``.

        Raises
        ------
        ValueError
            If there is no such condition, or no such trial.
        """
        return self.select(self.which(conditions))

    def which(self, conditions: Mapping[str, Any]) -> np.ndarray:
        """Tell which trials have these values of conditions, (trial,), bool.

        Raises
        ------
        ValueError
            If there is no such condition, or no such trial.
        """
        check_is("conditions", conditions, Mapping)
        chosen = np.ones(np.shape(self.inputs)[1], bool)
        for name, value in conditions.items():
            chosen &= self.condition(name) == value
        if not chosen.any():
            raise ValueError(f"`trials` must have some with {shown(dict(conditions))}; got none")
        return chosen

    def during(self, period: str) -> slice:
        """Return the steps of a period; a `ValueError` if it has none, or they differ by trial.

        Parameters
        ----------
        period : str
            One of `periods`.
        """
        found = self._period(period)
        if isinstance(found, np.ndarray):
            raise ValueError(
                f"`trials` must have their period {period!r} at the same steps; they differ by "
                "trial: take a task's `with_equal_trials()`"
            )
        check_is(f"trials.periods[{period!r}]", found, slice)
        steps = range(len(self.inputs))[found]
        if not len(steps):
            raise ValueError(f"`trials` must have steps in their period {period!r}; got none")
        return slice(steps[0], steps[-1] + 1)

    def steps(self, period: str) -> np.ndarray:
        """Return where a period is, (time, trial), bool, as it may differ by trial."""
        found, shape = self._period(period), np.shape(self.inputs)[:2]
        if isinstance(found, slice):
            mask = np.zeros(shape, bool)
            mask[found] = True
            return mask
        mask = as_array(f"trials.periods[{period!r}]", found)
        if mask.dtype != bool or mask.shape != shape:
            expected = f"`trials.periods[{period!r}]` must be a slice or bool, of shape {shape}"
            raise ValueError(f"{expected}; got {mask.dtype}, {mask.shape}")
        return mask

    def to_frame(self) -> DataFrame:
        """Give what distinguishes the trials as a pandas frame, one row per trial.

        Returns
        -------
        pandas.DataFrame
            Columns trial (counted from 0), the conditions by name, and choice where the task has
            choices. A condition that is called ``trial`` or ``choice`` is ``condition trial`` or
            ``condition choice``.
        """
        columns: dict[str, Any] = {"trial": np.arange(np.shape(self.inputs)[1])}
        names = apart(self.conditions, ("trial", "choice"))
        columns |= {names[name]: values for name, values in self.conditions.items()}
        return frame_of(columns if self.choice is None else columns | {"choice": self.choice})

    def _period(self, period: str) -> slice | np.ndarray:
        check_text("period", period)
        check_is("trials.periods", self.periods, Mapping)
        if period not in self.periods:
            raise ValueError(f"`trials` must have a period {period!r}; got {list(self.periods)}")
        return self.periods[period]

    def condition(self, name: str) -> np.ndarray:
        """Return the values of a condition, (trial,); a `ValueError` if there is none.

        Truth values are 0 and 1; a condition in words is none: a `TypeError`.
        """
        check_text("condition", name)
        check_is("trials.conditions", self.conditions, Mapping)
        if name not in self.conditions:
            raise ValueError(
                f"`trials` must have a condition {name!r}; got {list(self.conditions)}"
            )
        label, shape = f"trials.conditions[{name!r}]", (np.shape(self.inputs)[1],)
        values = as_array(label, self.conditions[name])
        return check_array(label, values.astype(int) if values.dtype == bool else values, shape)


def _where(period: Any) -> str:
    """Return the steps of a period as text; where they differ by trial, from first to last."""
    if isinstance(period, slice):
        return f"{period.start} to {period.stop - 1}" if period.stop > period.start else "never"
    steps = np.flatnonzero(np.asarray(period).any(axis=1))
    return f"{steps[0]} to {steps[-1]}, by trial" if len(steps) else "never"


@dataclasses.dataclass(frozen=True, eq=False)
class TwoAlternatives:
    """What evidence and choice are in a task with two alternatives.

    The alternatives are called choice 1 and choice 2 (0 and 1 in `Trials.choice`).

    Parameters
    ----------
    rest : array of shape (channel,)
        The constant input without evidence, during the stimulus.
    evidence : array of shape (channel,)
        The direction in input space of evidence for choice 2.
    outputs : two of int
        The outputs that compete, those of choice 1 and of choice 2.
    condition : str
        Which of `Trials.conditions` is the strength of the evidence: without a sign it has that
        of the correct choice; with signs that the choice does not follow, as of evidence that is to
        be ignored, these are kept, positive for choice 2.
    stimulus, decision : str
        The periods in which evidence comes and in which the choice is asked for.
    within : mapping
        The trials that this is said of, by values of their conditions, as in ``{"context": 0}``;
        empty: all. What takes trials and this (`psychometric_function`, `line_attractor_verdict`,
        `measure_integration`, `make_probes`) takes those of them.

    Raises
    ------
    ValueError
        If `rest` and `evidence` are not finite vectors of one length, there is no evidence, or
        `outputs` are not two different ones.

    Examples
    --------
    Channels are fixation, left and right; evidence for choice 2, right, takes from left:

    >>> task = yr.TwoAlternatives(rest=[1.0, 0.5, 0.5], evidence=[0.0, -0.5, 0.5])
    >>> task.outputs, task.condition, task.stimulus
    ((1, 2), 'coherence', 'stimulus')
    """

    rest: Any
    evidence: Any
    outputs: tuple[int, int] = (1, 2)
    condition: str = "coherence"
    stimulus: str = "stimulus"
    decision: str = "decision"
    within: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the vectors, and keep them as read-only arrays."""
        for name in ("rest", "evidence"):
            vector = np.array(check_array(name, getattr(self, name), ("channel",)), np.float64)
            vector.flags.writeable = False
            object.__setattr__(self, name, vector)
        if self.rest.shape != self.evidence.shape:
            raise ValueError(
                f"`evidence` must have the {len(self.rest)} channels of `rest`; "
                f"got {len(self.evidence)}"
            )
        if not self.evidence.any():
            raise ValueError("`evidence` must not be 0 in every channel")
        two = list(self.outputs) if isinstance(self.outputs, (tuple, list, np.ndarray)) else []
        if len(two) != 2 or not all(map(is_whole, two)) or two[0] == two[1] or min(two) < 0:
            raise ValueError(f"`outputs` must be two different ones; got {shown(self.outputs)}")
        for name in ("condition", "stimulus", "decision"):
            check_text(name, getattr(self, name))
        check_is("within", self.within, Mapping)

    def __repr__(self) -> str:
        """Say what the evidence is, which outputs compete, and in which trials."""
        within = "".join(f"; {name} {value}" for name, value in self.within.items())
        return (
            f"TwoAlternatives(evidence {self.evidence.tolist()} added to {self.rest.tolist()}; "
            f"outputs {self.outputs[0]} and {self.outputs[1]}; strength: {self.condition}{within})"
        )

    def said_of(self, trials: Trials) -> np.ndarray:
        """Tell which trials this is said of, (trial,), bool; a `ValueError` if of none.

        Parameters
        ----------
        trials : Trials
            With the conditions of `within`.
        """
        check_trials(trials)
        return trials.which(self.within)

    def evidence_of(self, trials: Trials) -> np.ndarray:
        """Return the summed evidence for choice 2 of each trial, (trial,)."""
        check_trials(trials)
        inputs = np.asarray(trials.inputs)[trials.during(self.stimulus)]
        if inputs.shape[-1] != len(self.evidence):
            raise ValueError(
                f"`trials` must have inputs of {len(self.evidence)} channels; "
                f"got {inputs.shape[-1]}"
            )
        return (inputs @ self.evidence).sum(axis=0)

    def chose_second(self, outputs: ArrayLike, trials: Trials) -> np.ndarray:
        """Tell in which trials choice 2's output is the larger at the end, (trial,), bool.

        Parameters
        ----------
        outputs : array of shape (time, trial, output)
        trials : Trials
            Those of the outputs.
        """
        check_trials(trials)
        found = check_outputs(outputs)
        expected = np.shape(trials.inputs)[:2]
        if found.ndim != 3 or found.shape[:2] != expected or found.shape[2] <= max(self.outputs):
            raise ValueError(
                f"`outputs` must have shape {expected} and more than {max(self.outputs)} "
                f"outputs; got {found.shape}"
            )
        last = found[trials.during(self.decision)][-1]
        return last[:, self.outputs[1]] > last[:, self.outputs[0]]

    def signed_strength(self, trials: Trials) -> np.ndarray:
        """Return each trial's strength of evidence, negative where choice 1 is correct.

        A strength that has a sign which the correct choice does not follow, as of evidence that is
        to be ignored, keeps it. A `ValueError` where there are trials that this is not said of,
        whose right choice is by other evidence.
        """
        others = int((~self.said_of(trials)).sum())
        if others:
            raise ValueError(
                f"`trials` must be those of {shown(dict(self.within))}, as "
                f"`trials.where(task.within)` gives (`activity[:, task.said_of(trials)]` is "
                f"theirs); got {others} others"
            )
        if trials.choice is None:
            raise ValueError("`trials` must have a correct `choice`; got None")
        others = np.setdiff1d(trials.choice, (0, 1))
        if len(others):
            raise ValueError(
                f"`trials.choice` must be 0 (choice 1) or 1 (choice 2); got {others[0]:g}"
            )
        return signed_by_choice(trials.condition(self.condition), trials.choice)


def signed_by_choice(strength: Any, choice: Any) -> np.ndarray:
    """Return strengths of evidence with a sign, negative for choice 1 (0 of `choice`).

    It is that of the correct choice, except where the strengths have signs of their own which the
    choice does not follow: evidence that is to be ignored keeps its sign.
    """
    strength, sign = np.asarray(strength, float), np.where(np.asarray(choice) == 1, 1.0, -1.0)
    there = strength != 0
    agreeing = np.sign(strength[there]) == sign[there]
    is_signed = bool((strength < 0).any())
    if is_signed and agreeing.any() and not agreeing.all():
        return strength + 0.0
    return np.abs(strength) * sign + 0.0


class Task(abc.ABC):
    """A task: what trials are drawn from. One's own is a class with four things.

    ``num_inputs``, ``num_outputs`` and ``dt`` (ms), and ``sample_trials(num_trials)``, which
    returns `Trials` and draws all chance from ``self.rng``. Everything else has a default.
    ``MyTask().seeded(0)`` draws the same trials each time.

    Attributes
    ----------
    num_inputs, num_outputs : int
        Channels of the inputs, and outputs of a network.
    dt : float
        Time step (ms).
    noise : float
        Standard deviation of the noise in the inputs at each step; 0 where there is none. Trials
        without it say what the constant inputs of a period are.
    """

    num_inputs: Any  # a number, or a property that returns one
    num_outputs: Any
    dt: Any
    noise: Any = 0.0
    _streams: Any = None  # what is left of those that `draw_from_streams` cuts sequences from

    def __repr__(self) -> str:
        """Say how many inputs and outputs the task has, and its time step."""
        sizes = (getattr(self, name, "?") for name in ("num_inputs", "num_outputs", "dt"))
        return "{}({} inputs, {} outputs, dt {} ms)".format(type(self).__name__, *sizes)

    @cached_property
    def rng(self) -> Any:
        """The random stream that trials are drawn from, a NumPy `Generator`."""
        return np.random.default_rng()

    @abc.abstractmethod
    def sample_trials(self, num_trials: int) -> Trials:
        """Draw the next trials of the random stream."""

    def seeded(self, seed: int) -> Self:
        """Return the task at the beginning of another random stream; this one stays as it is."""
        task = copy.deepcopy(self)
        # A task may be a frozen dataclass.
        rng = np.random.default_rng(check_whole("seed", seed, 0, 2**64 - 1))
        object.__setattr__(task, "rng", rng)
        object.__setattr__(task, "_streams", None)
        return task

    def without_noise(self) -> Self:
        """Return the task with inputs without noise; this one stays as it is."""
        task = copy.deepcopy(self)
        object.__setattr__(task, "noise", 0.0)
        object.__setattr__(task, "_streams", None)
        return task

    def with_equal_trials(self) -> Self:
        """Return the task with trials of one length, for averages over trials.

        By default the task itself: a task with random durations takes a typical one of each.
        """
        return self

    def draw(self, num_trials: int, batch_size: int) -> Iterator[Trials]:
        """Draw fresh trials, a batch at a time; the last may be smaller.

        Raises
        ------
        ValueError
            If they are not as many as were asked for.
        """
        for start in range(0, num_trials, batch_size):
            size = min(batch_size, num_trials - start)
            trials = self.sample_trials(size)
            found = np.shape(trials[0])
            if found[1:2] != (size,):
                raise ValueError(
                    f"`sample_trials({size})` must give inputs (time, trial, channel) of {size} "
                    f"trials; got {found}"
                )
            yield trials

    def draw_sequences(self, num_sequences: int, batch_size: int, steps: int) -> Iterator[Trials]:
        """Draw sequences of back-to-back trials, a batch at a time; the last may be smaller.

        Each begins with a trial and is cut off where it has so many steps.
        """
        for start in range(0, num_sequences, batch_size):
            yield self._side_by_side(min(batch_size, num_sequences - start), steps)

    def draw_from_streams(
        self, num_sequences: int, batch_size: int, steps: int, stream_steps: int
    ) -> Iterator[Trials]:
        """Draw sequences of back-to-back trials that go on, a batch at a time.

        Each place in a batch has a stream of trials of its own, from which its sequences are cut
        one after the other, from batch to batch and from call to call: most begin in the middle of
        a trial. Where fewer steps than a sequence's are left, new streams begin, each with a trial.
        A task with another seed, or without noise, begins new ones too. The last batch may be
        smaller: the rest of its streams goes unused for as long.

        Parameters
        ----------
        num_sequences : int
        batch_size : int
            Sequences in a batch; another than before begins new streams.
        steps : int
            Time steps of a sequence.
        stream_steps : int
            Those of a stream, at least as many.
        """
        for start in range(0, num_sequences, batch_size):
            streams = self._streams
            if (
                streams is None
                or len(streams.inputs) < steps
                or np.shape(streams.inputs)[1] != batch_size
            ):
                streams = self._side_by_side(batch_size, stream_steps)
            object.__setattr__(self, "_streams", _part(streams, slice(steps, None)))
            batch = _part(streams, slice(steps))
            yield batch.select(slice(min(batch_size, num_sequences - start)))

    def _side_by_side(self, number: int, steps: int) -> Trials:
        """Draw so many sequences of so many steps, each of which begins with a trial."""
        return _joined([self._sequence(steps) for _ in range(number)], axis=1)

    def _sequence(self, steps: int) -> Trials:
        parts, length = [], 0
        while length < steps:
            parts.append(self.sample_trials(1))
            length += len(parts[-1].inputs)
        return _joined(parts, axis=0, stop=steps)

    def correct(self, outputs: np.ndarray, trials: Trials) -> np.ndarray:
        """Tell which trials were done right, (trial,), bool.

        By default the largest output at the last step of a trial that asks for a choice is the
        target's. A task of values to be reached says what is right by a method of its own.

        Parameters
        ----------
        outputs : array of shape (time, trial, output)
        trials : Trials

        Raises
        ------
        NotImplementedError
            If the targets are values.
        ValueError
            If there are trials that never ask for a choice.
        """
        check_trials(trials)
        if not trials.has_choices:
            raise NotImplementedError(
                f"{type(self).__name__} must have a method `correct`: its targets are values"
            )
        last = last_asked(trials)
        answers = check_array("outputs", outputs, (*np.shape(trials.targets), "output"))
        each = np.arange(len(last))
        return answers[last, each].argmax(axis=-1) == np.asarray(trials.targets)[last, each]

    def chance(self, trials: Trials) -> float | None:
        """Return the best share of correct trials without looking at the inputs.

        Always the answer that is right most often. None where the targets are values.
        """
        check_trials(trials)
        if not trials.has_choices:
            return None
        answer = np.asarray(trials.targets)[last_asked(trials), np.arange(len(trials.targets[0]))]
        return float(np.unique(answer, return_counts=True)[1].max() / len(answer))

    def alternatives(self) -> Mapping[str, TwoAlternatives]:
        """Return evidence and choice by the context's name; empty without two alternatives.

        A task without contexts names it ``""``: ``{"": TwoAlternatives(...)}``.
        """
        return {}


def last_asked(trials: Trials) -> np.ndarray:
    """Return the last step of each trial that asks for a choice, (trial,).

    Raises
    ------
    ValueError
        If there are trials that never do.
    """
    asks = trials.asks
    silent = int((~asks.any(axis=0)).sum())
    if silent:
        raise ValueError(
            f"`trials` must ask for a choice; {silent} of {asks.shape[1]} never do; a step "
            "that asks has a target above 0, or is marked in `asked`"
        )
    return len(asks) - 1 - asks[::-1].argmax(axis=0)


def _joined(parts: Sequence[Trials], axis: int, stop: int | None = None) -> Trials:
    """Join trials one after the other (axis 0) or side by side (1); cut them off at a step."""

    def weights(part: Trials) -> np.ndarray:
        given = part.weights
        return np.ones(np.shape(part.inputs)[:2], np.float32) if given is None else given

    def joined(arrays: Iterable[Any]) -> np.ndarray:
        return np.concatenate(list(arrays), axis=axis)[:stop]

    return Trials(
        joined(part.inputs for part in parts),
        joined(part.targets for part in parts),
        {},
        {},
        weights=joined(map(weights, parts))
        if any(part.weights is not None for part in parts)
        else None,
        asked=joined(part.asks for part in parts)
        if any(part.asked is not None for part in parts)
        else None,
    )


def _part(trials: Trials, steps: slice) -> Trials:
    """Return some of the steps of trials that have neither periods nor conditions."""
    rows = [trials.weights, trials.asked]
    return Trials(
        trials.inputs[steps],
        trials.targets[steps],
        {},
        {},
        None,
        *(None if row is None else row[steps] for row in rows),
    )


def check_task(task: Any) -> Task:
    """Return an argument that is a task whose trials are as it says; else raise an error.

    Raises
    ------
    TypeError
        If it is no `Task`, its trials are not of numbers, or its alternatives not by name.
    ValueError
        If its trials do not have its channels and outputs, or as many as were asked for, arrays of
        them do not fit together, or the same seed gives other trials the second time.
    NotImplementedError
        If its targets are values, and it does not say what is right.
    """
    check_is("task", task, Task)
    inputs, outputs = (
        check_whole(f"task.{name}", getattr(task, name, None), 1)
        for name in ("num_inputs", "num_outputs")
    )
    check_real("task.dt", getattr(task, "dt", None), above=0)
    check_real("task.noise", task.noise, minimum=0)
    trials, again = (check_trials(task.seeded(0).sample_trials(_LOOKED_AT)) for _ in range(2))
    found = np.shape(trials.inputs)
    if found[1:] != (_LOOKED_AT, inputs):
        raise ValueError(
            f"`task` must give inputs (time, trial, channel) of {_LOOKED_AT} trials and {inputs} "
            f"channels, `num_inputs`; got {found}"
        )
    if trials.has_choices:
        highest = np.max(trials.targets)
        if highest >= outputs:
            raise ValueError(
                f"`task` must have targets below {outputs}, `num_outputs`; got {highest}"
            )
    elif np.shape(trials.targets)[2] != outputs:
        raise ValueError(
            f"`task` must have a target for each of {outputs} outputs, `num_outputs`; "
            f"got {np.shape(trials.targets)[2]}"
        )
    if np.shape(again.inputs) != found or not (
        np.array_equal(trials.inputs, again.inputs, equal_nan=True)
        and np.array_equal(trials.targets, again.targets)
    ):
        raise ValueError(
            "`task` must give the same trials with the same seed: draw all chance from `self.rng`"
        )
    for name in trials.conditions:
        trials.condition(name)
    for name in trials.periods:
        trials.steps(name)
    right = as_array("task.correct", task.correct(np.zeros((*found[:2], outputs)), trials))
    if right.dtype != bool or right.shape != found[1:2]:
        raise ValueError(
            f"`task.correct` must give a bool a trial; got {right.dtype}, {right.shape}"
        )
    alternatives_of(task)
    return task


_LOOKED_AT = 3


def alternatives_of(task: Task) -> Mapping[str, TwoAlternatives]:
    """Return the two alternatives that a task states, by context; else raise an error.

    Raises
    ------
    TypeError
        If `alternatives` does not give `TwoAlternatives` by name.
    """
    found: Any = task.alternatives()
    if isinstance(found, Mapping) and all(
        isinstance(name, str) and isinstance(each, TwoAlternatives) for name, each in found.items()
    ):
        return found
    raise TypeError(
        "`task.alternatives` must give TwoAlternatives by the name of a context, "
        f'{{"": TwoAlternatives(...)}} where there is one; got {shown(found)}'
    )


def check_trials(trials: Any) -> Trials:
    """Return an argument that is trials whose arrays fit together; else raise an error.

    Raises
    ------
    TypeError
        If it is not `Trials`, or an array is not of real numbers.
    ValueError
        If an array has another shape, one of choices is not whole numbers, a weight is negative, or
        there are no trials.
    """
    check_is("trials", trials, Trials)
    _check_fit(trials, empty=False)
    return trials


def _check_fit(trials: Trials, *, empty: bool) -> None:
    """Raise an error where the arrays of trials do not fit together, or, unless `empty`, are."""
    _check_time_first(trials)
    shape = ("time", "trial", "channel")
    inputs = check_array("trials.inputs", trials.inputs, shape, finite=False, empty=empty)
    whole = {}
    as_array("trials.targets", trials.targets)
    if trials.has_choices:
        whole["targets"] = inputs.shape[:2]
    else:
        expected = (*inputs.shape[:2], "output")
        check_array("trials.targets", trials.targets, expected, empty=empty)
    if trials.choice is not None:
        whole["choice"] = inputs.shape[1:2]
    for name, expected in whole.items():
        array = check_array(f"trials.{name}", getattr(trials, name), expected, empty=empty)
        if array.dtype.kind == "f" and (array != np.round(array)).any():
            raise ValueError(f"`trials.{name}` must be whole numbers; got fractions")
        if array.min(initial=0) < 0:
            raise ValueError(f"`trials.{name}` must be 0 or more; got {array.min()}")
    if trials.weights is not None:
        array = check_array("trials.weights", trials.weights, inputs.shape[:2], empty=empty)
        if array.min(initial=0) < 0:
            raise ValueError(f"`trials.weights` must be 0 or more; got {array.min()}")
    if trials.asked is not None:
        asked = as_array("trials.asked", trials.asked)
        if asked.dtype != bool or asked.shape != inputs.shape[:2]:
            expected = f"`trials.asked` must be bool, of shape {inputs.shape[:2]}"
            raise ValueError(f"{expected}; got {asked.dtype}, {asked.shape}")


def _check_time_first(trials: Trials) -> None:
    """Raise a `ValueError` where an array fits the inputs only with time and trial swapped."""
    inputs = _shape_of(trials.inputs)
    if len(inputs) != 3 or inputs[0] == inputs[1]:
        return
    steps, number = inputs[:2]
    by_step = {name: getattr(trials, name) for name in ("targets", "weights", "asked")}
    found = {name: _shape_of(value) for name, value in by_step.items()}
    swapped = [name for name, shape in found.items() if shape[:2] == (number, steps)]
    conditions = trials.conditions if isinstance(trials.conditions, Mapping) else {}
    by_trial = {"choice": trials.choice} | {f"conditions[{k!r}]": v for k, v in conditions.items()}
    found |= {name: _shape_of(value) for name, value in by_trial.items()}
    swapped += [name for name in by_trial if found[name] == (steps,)]
    if swapped:
        raise ValueError(
            "`trials` must have their arrays in one order, and time comes first: (time, trial, "
            f"channel); got inputs {inputs} and {swapped[0]} {found[swapped[0]]}: swap the first "
            "two axes of what begins with the trial, as in `inputs.swapaxes(0, 1)`"
        )


def _shape_of(value: Any) -> tuple[int, ...]:
    return tuple(value.shape) if hasattr(value, "shape") else ()


def check_outputs(outputs: Any, shape: tuple[Any, ...] | None = None) -> np.ndarray:
    """Return a network's outputs as an array; say where they come from if there are none."""
    if outputs is None:
        raise ValueError(
            "`outputs` must be those of a network; got None: its system has no readout, which "
            "`readout=` gives it, of `System`, `from_torch`, `from_step`"
        )
    return check_array("outputs", outputs, shape)


def check_alternatives(name: str, task: Any, trials: Trials) -> None:
    """Raise an error where an argument is no `TwoAlternatives` of these trials' channels."""
    if isinstance(task, TwoAlternatives):
        channels = np.shape(trials.inputs)[2]
        if len(task.rest) != channels:
            raise ValueError(
                f"`{name}.rest` must have the {channels} channels of the trials' inputs; "
                f"got {len(task.rest)}"
            )
        return
    gives = {
        "two_alternatives": f", as `{name}.two_alternatives()` gives",
        "alternatives": f", one of those that `{name}.alternatives()` gives",
    }
    hint = next((text for method, text in gives.items() if hasattr(task, method)), "")
    raise TypeError(f"`{name}` must be a TwoAlternatives{hint}; got {shown(task)}")
