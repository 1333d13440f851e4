"""Every number of an experiment, in one place."""

import dataclasses
import json
import math
import os
import re
import reprlib
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self, get_args

import numpy as np

from yang_rnn._checks import bound_in_words, is_real, is_whole, shown
from yang_rnn._files import parse_json

Activation = Literal["relu", "tanh", "sigmoid", "softplus"]
Initialisation = Literal["kaiming", "linear"]
Search = Literal["gradient", "newton"]
Base = Literal["notebook", "primer"]
Leak = Literal["inside", "outside"]
ReadoutUnits = Literal["all", "excitatory"]
InitialState = Literal["zero", "trained"]
Schedule = Literal["constant", "cosine", "exponential"]
NoiseIn = Literal["everywhere", "stimulus"]

PERCEPTUAL = "perceptual"
"""The task that a recipe's own numbers, from `fixation` to `choices`, are of."""

MAX_COUNT = 1_000_000
"""No count of a recipe may be higher: a slip of the keyboard, or more than any memory holds."""

MAX_TASK_NAME = 200
"""Letters that a task's name may have."""

PERCEPTUAL_FIELDS = (
    "fixation", "stimulus", "delay", "decision", "coherences", "noise", "noise_in", "choices"
)  # fmt: skip
"""Numbers of the perceptual task; another one has `task_settings`."""

MAX_NAMED = 3
"""Changes that a recipe's name spells out; it says how many more there are."""


MAX_IN_NAME = 60
"""Letters that a change may have in a recipe's name: it names folders, and systems end them."""


class Seeds(NamedTuple):
    """What one seed fixes, each stream of random numbers by a seed of its own.

    Attributes
    ----------
    weights : int
        Weights and biases at the start of training.
    training : int
        Training trials.
    test : int
        Fresh trials, for the analysis and the test; no seed near this one trains with them.
    starts : int
        Random states that a search starts from.
    noise : int
        Private noise in the units during training.
    held_out : int
        Trials that early stopping goes by; neither trained with nor tested on.
    """

    weights: int
    training: int
    test: int
    starts: int
    noise: int
    held_out: int


class RecipeError(ValueError):
    """A number of a recipe is out of its range.

    Parameters
    ----------
    field : str
        Name of the recipe's field.
    expected : str
        What the field accepts.
    got : object
        The value that came.
    """

    field: str
    expected: str
    got: object

    def __init__(self, field: str, expected: str, got: object):
        # A value from a file may be of any length and depth.
        super().__init__(f"`{field}` must be {expected}; got {reprlib.repr(got)}")
        self.field, self.expected, self.got = field, expected, got


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """The numbers of one experiment: task, network, training and analysis.

    The defaults are the notebook's. They are written here and nowhere else: function arguments
    and command-line options take theirs from `NOTEBOOK`.

    Raises
    ------
    RecipeError
        If a number is out of its range; it is a `ValueError` that names the field.
    """

    base: Base = "notebook"
    """The recipe that the numbers started from: a key of `RECIPES`."""
    seed: int = 0
    """Fixes weights, training trials and test trials (0 to 2**32 - 1)."""

    # Task
    task: str = PERCEPTUAL
    """perceptual; a task of brainpy-datasets, as RateContextDecisionMaking; or neurogym:NAME."""
    task_settings: tuple[str, ...] = ()
    """What another task is made with, NAME=VALUE each, as in noise_sigma=0.5."""
    num_inputs: int = 0
    """Input channels of another task, which a run finds out; 0: as the task has."""
    num_outputs: int = 0
    """Outputs of another task, which a run finds out; 0: as the task has."""
    dt: float = 100.0
    """Time step (ms)."""
    fixation: float = 100.0
    """Fixation before the stimulus (ms)."""
    stimulus: float = 2000.0
    """Stimulus (ms)."""
    delay: float = 0.0
    """Delay between stimulus and decision (ms)."""
    decision: float = 100.0
    """Decision, the only time when a choice is asked for (ms)."""
    coherences: tuple[float, ...] = (0.0, 6.4, 12.8, 25.6, 51.2)
    """Coherences that a trial is drawn from (%)."""
    noise: float = 1.0
    """Input noise; each step has a standard deviation of noise / sqrt(dt)."""
    noise_in: NoiseIn = "everywhere"
    """Whether each channel is noisy at each step, or the stimulus channels during the stimulus."""
    choices: int = 2
    """Choices, each with a stimulus channel of its own."""
    trials_per_epoch: int = 1024
    """Fresh trials, or sequences of trials, in a training epoch."""
    sequence_steps: int = 0
    """Time steps of a training sequence, cut from trials without a reset; 0: single trials."""
    stream_steps: int = 0
    """Time steps of a stream that sequences are cut from in turn; 0: each begins with a trial."""

    # Network
    hidden: int = 64
    """Hidden units."""
    tau: float = 100.0
    """Time constant of a hidden unit (ms)."""
    activation: Activation = "relu"
    """Nonlinearity around the whole leaky sum."""
    initialisation: Initialisation = "kaiming"
    """Where weights begin: truncated normal, or uniform as in PyTorch's linear layers."""
    leak: Leak = "inside"
    """Whether the nonlinearity is around the whole leaky sum, or the leak is outside of it."""
    excitatory: float = 0.0
    """Share of units that excite, the others inhibit (Dale's law), as in 0.8; 0: no such law."""
    readout_units: ReadoutUnits = "all"
    """Units that the outputs are read from; excitatory: by weights of 0 or more."""
    rank: int = 0
    """Rank of the recurrent weights, whose factors are trained; 0: any."""
    initial_state: InitialState = "zero"
    """State that trials begin in."""
    unit_noise: float = 0.0
    """Private noise in the units during training: sqrt(2 alpha) times this in each step."""

    # Training
    epochs: int = 20
    """Training epochs."""
    batch_size: int = 16
    """Trials in a training batch."""
    learning_rate: float = 1e-3
    """Learning rate of Adam in training."""
    learning_rate_schedule: Schedule = "constant"
    """How the learning rate falls from epoch to epoch."""
    learning_rate_end: float = 0.01
    """Share of the learning rate that the schedule falls to; constant: not used."""
    l2_weights: float = 0.0
    """Penalty on the sum of squares of the input, recurrent and readout weights."""
    l2_rates: float = 0.0
    """Penalty on the mean square of the hidden states."""
    clip_norm: float = 0.0
    """Longest gradient, over all weights together; longer ones are shortened to it; 0: none."""
    target_accuracy: float = 0.0
    """Training ends early once this share of held-out trials is right; 0: never."""
    held_out_trials: int = 1000
    """Trials that the target accuracy is measured on after each epoch."""

    # Analysis
    test_trials: int = 10_000
    """Fresh trials that the accuracy is measured on."""
    analysis_trials: int = 100
    """Fresh trials whose states are analysed."""
    components: int = 2
    """Principal components."""
    search: Search = "gradient"
    """How slow points are searched: the notebook's descent, or Newton's method in float64."""
    search_fixation: float = 1.0
    """Fixation input at which slow points are searched."""
    search_stimulus: float = 0.5
    """Input of each stimulus channel at which slow points are searched (0.5: no coherence)."""
    random_starts: int = 0
    """Random states that the search starts from, besides those of the trajectories."""
    random_start_high: float = 3.0
    """Random states have units uniform from 0 to this."""
    search_learning_rate: float = 1e-3
    """Learning rate of Adam in the gradient search."""
    search_steps: int = 10_000
    """Most steps of the gradient search."""
    search_check_every: int = 200
    """Steps of the gradient search between two looks at its stopping rule."""
    search_stop_mean_square: float = 1e-4
    """The gradient search stops when mean((F(h) - h)**2) over all its points is below this."""
    fixed_speed: float = 1e-20
    """A point is fixed if q = ||F(h) - h||**2 / 2, over its scale squared, is at most this."""
    slow_mean_square: float = 1e-4
    """A point is slow if its mean((F(h) - h)**2) over units is below this; q is units / 2 of it."""
    unique_distance: float = 0.03
    """Points closer than this are one."""
    outlier_distance: float = 0.1
    """A point of the gradient search is an outlier if its nearest neighbour is farther."""

    def __post_init__(self) -> None:
        self._whole("seed", 0, 2**32 - 1)
        for field in (
            "trials_per_epoch",
            "epochs",
            "batch_size",
            "held_out_trials",
            "test_trials",
            "analysis_trials",
            "search_steps",
            "search_check_every",
        ):
            self._whole(field, 1, MAX_COUNT)
        self._whole("sequence_steps", 0, MAX_COUNT)
        self._whole("stream_steps", 0, MAX_COUNT)
        if 0 < self.stream_steps < self.sequence_steps:
            expected = f"0, or at least sequence_steps ({self.sequence_steps})"
            raise RecipeError("stream_steps", expected, self.stream_steps)
        self._whole("random_starts", 0, MAX_COUNT)
        self._whole("rank", 0, MAX_COUNT)
        self._whole("choices", 2, MAX_COUNT)
        self._whole("hidden", 2, MAX_COUNT)  # figures take two components
        self._whole("components", 2, MAX_COUNT)
        for field in (
            "dt",
            "tau",
            "learning_rate",
            "search_learning_rate",
            "slow_mean_square",
            "unique_distance",
            "outlier_distance",
            "random_start_high",
        ):
            self._real(field, above=0.0)
        for field in (
            "noise",
            "excitatory",
            "unit_noise",
            "learning_rate_end",
            "l2_weights",
            "l2_rates",
            "clip_norm",
            "target_accuracy",
            "search_stop_mean_square",
            "fixed_speed",
        ):
            self._real(field, minimum=0.0)
        for field in ("learning_rate_end", "target_accuracy"):
            if getattr(self, field) > 1:
                raise RecipeError(field, "a number from 0 to 1", getattr(self, field))
        for field in ("search_fixation", "search_stimulus"):
            self._real(field)
        for field in ("fixation", "stimulus", "delay", "decision"):
            self._duration(field, minimum_steps=int(field in ("stimulus", "decision")))
        self._coherences()
        if self.tau < self.dt:
            raise RecipeError("tau", f"at least dt ({self.dt:.12g} ms)", self.tau)
        for field, known in (
            ("base", Base),
            ("noise_in", NoiseIn),
            ("activation", Activation),
            ("initialisation", Initialisation),
            ("leak", Leak),
            ("readout_units", ReadoutUnits),
            ("initial_state", InitialState),
            ("learning_rate_schedule", Schedule),
            ("search", Search),
        ):
            value = getattr(self, field)
            if not isinstance(value, str) or value not in get_args(known):
                raise RecipeError(field, f"one of {get_args(known)}", getattr(self, field))
        self._task()
        self._constraints()
        slow_speed = self.slow_mean_square * self.hidden / 2
        if self.fixed_speed > slow_speed:
            expected = f"at most {slow_speed:g} (slow_mean_square * hidden / 2)"
            raise RecipeError("fixed_speed", expected, self.fixed_speed)
        states = self.analysis_trials * (self.num_steps if self.is_perceptual else 1)
        if self.components > min(self.hidden, states):
            expected = f"at most the hidden units and the analysed states ({self.hidden}, {states})"
            raise RecipeError("components", expected, self.components)

    def __str__(self) -> str:
        """Return the recipe with one number a line."""
        fields = dataclasses.fields(self)
        lines = [f"    {field.name}={getattr(self, field.name)!r},\n" for field in fields]
        return f"Recipe(\n{''.join(lines)})"

    @property
    def is_perceptual(self) -> bool:
        """Whether the task is the perceptual one, which the recipe's own numbers are of."""
        return self.task == PERCEPTUAL

    @property
    def channels(self) -> tuple[int, int]:
        """Input channels and outputs of the network."""
        if self.is_perceptual:
            return 1 + self.choices, 1 + self.choices
        return self.num_inputs, self.num_outputs

    @property
    def settings(self) -> dict[str, str]:
        """What another task is made with, by name."""
        return dict(setting.split("=", 1) for setting in self.task_settings)

    @property
    def num_steps(self) -> int:
        """Time steps in a trial."""
        durations = (self.fixation, self.stimulus, self.delay, self.decision)
        return sum(round(duration / self.dt) for duration in durations)

    @property
    def name(self) -> str:
        """The base and what was changed from it, as in ``notebook-hidden128``; not the seed."""
        return self.name_without()

    def name_without(self, *fields: str) -> str:
        """Return the name, without some fields: those that stand elsewhere, as a sweep's do."""
        base = RECIPES[self.base]
        changed = [
            _short(
                f"{_IN_NAMES.get(field.name, field.name)}{_in_a_name(getattr(self, field.name))}"
            )
            for field in dataclasses.fields(self)
            if field.name not in ("base", "seed", "num_inputs", "num_outputs", *fields)
            and getattr(self, field.name) != getattr(base, field.name)
        ]
        more = len(changed) - MAX_NAMED
        named = changed if more <= 0 else [*changed[:MAX_NAMED], f"and-{more}-more"]
        return "-".join([self.base, *named])

    @property
    def seeds(self) -> Seeds:
        """The seeds of everything that chance decides; nothing else derives any from `seed`."""
        return seeds_of(self.seed)

    @property
    def search_input(self) -> tuple[float, ...]:
        """The constant input, one number a channel, at which slow points are searched."""
        return (self.search_fixation,) + (self.search_stimulus,) * self.choices

    def to_json(self) -> str:
        """Return the recipe as JSON; `from_json` gives back an equal recipe."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Build the recipe that `to_json` wrote.

        Parameters
        ----------
        text : str
            JSON object with a key for each field; fields that are left out have their defaults.

        Raises
        ------
        ValueError
            If the text is not a JSON object, has a key twice or one that is no field, or a value
            out of range.
        """
        values = parse_json(text)
        if not isinstance(values, dict):
            raise ValueError(f"a recipe is a JSON object; got {type(values).__name__}")
        unknown = sorted(set(values) - {field.name for field in dataclasses.fields(cls)})
        if unknown:
            raise ValueError(f"a recipe has no field {', '.join(map(shown, unknown[:MAX_NAMED]))}")
        return cls(**values)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a recipe from a JSON file; raises as `from_json` and `open` do."""
        return cls.from_json(Path(path).read_text(encoding="utf-8"))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the recipe to a JSON file."""
        Path(path).write_text(self.to_json(), encoding="utf-8")

    def _whole(self, field: str, minimum: int, maximum: int) -> None:
        value = getattr(self, field)
        if not is_whole(value) or not minimum <= value <= maximum:
            raise RecipeError(field, f"a whole number, {minimum} to {maximum}", value)
        object.__setattr__(self, field, int(value))

    def _real(self, field: str, above: float | None = None, minimum: float | None = None) -> None:
        value = getattr(self, field)
        if not is_real(value, above=above, minimum=minimum):
            raise RecipeError(field, "a finite number" + bound_in_words(above, minimum), value)
        object.__setattr__(self, field, float(value))

    def _duration(self, field: str, minimum_steps: int) -> None:
        self._real(field, minimum=0.0)
        if not self.is_perceptual:
            return  # another task has durations of its own, and may have another dt
        value = getattr(self, field)
        steps = whole_steps(value, self.dt)
        if steps is None or steps < minimum_steps:
            expected = f"{minimum_steps} to {MAX_COUNT} whole steps of dt ({self.dt:.12g} ms)"
            raise RecipeError(field, expected + ", or dt a divisor of it", value)

    def _constraints(self) -> None:
        """Check what is said of the recurrent weights against each other."""
        if self.excitatory and not 0 < num_excitatory(self.excitatory, self.hidden) < self.hidden:
            expected = f"a share that leaves units of both kinds, of {self.hidden}; or 0"
            raise RecipeError("excitatory", expected, self.excitatory)
        if self.rank > self.hidden:
            raise RecipeError("rank", f"at most the hidden units ({self.hidden})", self.rank)
        if self.rank and self.excitatory:
            raise RecipeError("rank", "0 with Dale's law: factors don't keep signs", self.rank)
        if self.readout_units == "excitatory" and not self.excitatory:
            expected = "all without excitatory units"
            raise RecipeError("readout_units", expected, self.readout_units)

    def _task(self) -> None:
        if not isinstance(self.task, str) or not self.task or len(self.task) > MAX_TASK_NAME:
            raise RecipeError("task", "the name of a task", self.task)
        value: Any = self.task_settings
        good = isinstance(value, (tuple, list)) and all(
            isinstance(item, str) and "=" in item and item.split("=")[0].isidentifier()
            for item in value
        )
        if not good or len({item.split("=")[0] for item in value}) != len(value):
            raise RecipeError("task_settings", "NAME=VALUE, each name once", value)
        for item in value:
            name = item.split("=")[0]
            if name in ("dt", "seed"):
                raise RecipeError("task_settings", f"without {name}, which a recipe has", item)
        object.__setattr__(self, "task_settings", tuple(value))
        for field in ("num_inputs", "num_outputs"):
            self._whole(field, 0, 0 if self.is_perceptual else MAX_COUNT)
        if self.is_perceptual:
            if self.task_settings:
                raise RecipeError("task_settings", "empty for the perceptual task", value)
            return
        for field in PERCEPTUAL_FIELDS:
            left = {getattr(recipe, field) for recipe in (NOTEBOOK, RECIPES[self.base])}
            if getattr(self, field) not in left:
                expected = f"left as it is: it is of the perceptual task, not of {self.task}"
                raise RecipeError(field, expected, getattr(self, field))

    def _coherences(self) -> None:
        value: Any = self.coherences
        good = isinstance(value, (tuple, list)) and len(value) > 0
        if not good or not all(is_real(c, minimum=0) and c <= 100 for c in value):
            raise RecipeError("coherences", "one or more numbers from 0 to 100", value)
        object.__setattr__(self, "coherences", tuple(float(c) for c in value))


def seeds_of(seed: int) -> Seeds:
    """Return the seeds of everything that chance decides, from one."""
    test, starts, noise, held_out = (
        int(np.random.SeedSequence(seed, spawn_key=(key,)).generate_state(1)[0])
        for key in (1, 2, 3, 4)
    )
    return Seeds(
        weights=seed, training=seed, test=test, starts=starts, noise=noise, held_out=held_out
    )


def num_excitatory(share: float, hidden: int) -> int:
    """Return how many of the hidden units a share of excitatory ones is."""
    return round(share * hidden) if share <= 1 else hidden


def whole_steps(duration: float, dt: float) -> int | None:
    """Count the time steps of a duration; None where it is not whole steps, `MAX_COUNT` or fewer.

    Both are decimal numbers to whoever wrote them: 0.3 ms are three steps of 0.1 ms, though the
    quotient of the two floats is below 3.
    """
    if not duration / dt <= MAX_COUNT:
        return None
    steps = round(duration / dt)
    return steps if math.isclose(steps * dt, duration, rel_tol=1e-9) else None


def _in_a_name(value: Any) -> str:
    """Return a value as part of a name."""
    if isinstance(value, tuple):
        return "_".join(map(_in_a_name, value))
    return (
        f"{value:g}"
        if isinstance(value, float)
        else re.sub(r"[^\w.+-]", "_", str(value), flags=re.ASCII)
    )


def _short(text: str) -> str:
    return text if len(text) <= MAX_IN_NAME else f"{text[: MAX_IN_NAME - 2]}.."


_IN_NAMES = {"task": "", "task_settings": ""}
"""Fields that say what they are by their value."""

NOTEBOOK = Recipe()
"""The numbers of the BrainPy notebook."""

PRIMER = Recipe(
    base="primer",
    trials_per_epoch=800,  # 20 epochs of 50 batches: 1000 steps of training
    sequence_steps=100,
    stream_steps=1500,  # NeuroGym draws 1600 ahead and begins anew where the 1600th would be used
    noise_in="stimulus",
    initialisation="linear",
    learning_rate=1e-2,
    random_starts=64,
)
"""The numbers of the PyTorch notebook that goes with Yang & Wang (2020)."""

RECIPES = {recipe.base: recipe for recipe in (NOTEBOOK, PRIMER)}
"""The recipes that the command line knows by name."""
