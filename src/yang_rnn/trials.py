"""Trials of any task, and what evidence and choice are where a task has two alternatives."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from yang_rnn._checks import check_array, check_is, check_text, is_whole, shown


class Trials(NamedTuple):
    """Trials of a task, time first.

    Attributes
    ----------
    inputs : array of shape (time, trial, channel)
        What the network receives.
    targets : array of shape (time, trial)
        The output that should be the largest at each step; 0 where no choice is asked for.
    periods : dict of slices
        Steps of each named period, as in ``{"stimulus": slice(1, 21)}``.
    conditions : dict of arrays of shape (trial,)
        What distinguishes trials, as in ``{"coherence": ...}``.
    choice : array of shape (trial,)
        The correct choice, counted from 0.
    """

    inputs: np.ndarray
    targets: np.ndarray
    periods: dict[str, slice]
    conditions: dict[str, np.ndarray]
    choice: np.ndarray

    def select(self, trials: slice) -> Trials:
        """Return some of the trials."""
        check_is("trials", trials, slice)
        return Trials(
            self.inputs[:, trials],
            self.targets[:, trials],
            self.periods,
            {name: values[trials] for name, values in self.conditions.items()},
            self.choice[trials],
        )

    def during(self, period: str) -> slice:
        """Return the steps of a period; a `ValueError` if it has none.

        Parameters
        ----------
        period : str
            One of `periods`.
        """
        check_text("period", period)
        check_is("trials.periods", self.periods, Mapping)
        if period not in self.periods:
            raise ValueError(f"`trials` must have a period {period!r}; got {list(self.periods)}")
        check_is(f"trials.periods[{period!r}]", self.periods[period], slice)
        steps = range(len(self.inputs))[self.periods[period]]
        if not len(steps):
            raise ValueError(f"`trials` must have steps in their period {period!r}; got none")
        return slice(steps[0], steps[-1] + 1)

    def condition(self, name: str) -> np.ndarray:
        """Return the values of a condition, (trial,); a `ValueError` if there is none."""
        check_text("condition", name)
        check_is("trials.conditions", self.conditions, Mapping)
        if name not in self.conditions:
            raise ValueError(
                f"`trials` must have a condition {name!r}; got {list(self.conditions)}"
            )
        label, shape = f"trials.conditions[{name!r}]", (np.shape(self.inputs)[1],)
        return check_array(label, self.conditions[name], shape)


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
        Which of `Trials.conditions` is the strength of the evidence, signed or not.
    stimulus, decision : str
        The periods in which evidence comes and in which the choice is asked for.

    Raises
    ------
    ValueError
        If `rest` and `evidence` are not finite vectors of one length, there is no evidence, or
        `outputs` are not two different ones.
    """

    rest: Any
    evidence: Any
    outputs: tuple[int, int] = (1, 2)
    condition: str = "coherence"
    stimulus: str = "stimulus"
    decision: str = "decision"

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

    def chose_second(self, outputs: Any, trials: Trials) -> np.ndarray:
        """Tell in which trials choice 2's output is the larger at the end, (trial,), bool.

        Parameters
        ----------
        outputs : array of shape (time, trial, output)
        trials : Trials
            Those of the outputs.
        """
        check_trials(trials)
        found = check_array("outputs", outputs)
        expected = np.shape(trials.targets)
        if found.ndim != 3 or found.shape[:2] != expected or found.shape[2] <= max(self.outputs):
            raise ValueError(
                f"`outputs` must have shape {expected} and more than {max(self.outputs)} "
                f"outputs; got {found.shape}"
            )
        last = found[trials.during(self.decision)][-1]
        return last[:, self.outputs[1]] > last[:, self.outputs[0]]

    def signed_strength(self, trials: Trials) -> np.ndarray:
        """Return each trial's strength of evidence, negative where choice 1 is correct."""
        check_trials(trials)
        strength = np.abs(trials.condition(self.condition))
        return np.where(np.asarray(trials.choice) == 1, strength, -strength) + 0.0


def check_trials(trials: Any) -> Trials:
    """Return an argument that is trials whose arrays fit together; else raise an error.

    Raises
    ------
    TypeError
        If it is not `Trials`, or an array is not of real numbers.
    ValueError
        If an array has another shape, or one of targets and choices is not whole numbers.
    """
    check_is("trials", trials, Trials)
    shape = ("time", "trial", "channel")
    inputs = check_array("trials.inputs", trials.inputs, shape, finite=False)
    for name, expected in (("targets", inputs.shape[:2]), ("choice", inputs.shape[1:2])):
        array = check_array(f"trials.{name}", getattr(trials, name), expected)
        if array.dtype.kind == "f" and (array != np.round(array)).any():
            raise ValueError(f"`trials.{name}` must be whole numbers; got fractions")
        if array.min() < 0:
            raise ValueError(f"`trials.{name}` must be 0 or more; got {array.min()}")
    return trials
