"""The perceptual decision-making task, whole batches at a time; and the task of any recipe."""

import ast
import copy
import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self, get_args

import numpy as np
from brainpy_datasets.cognitive import RatePerceptualDecisionMaking, TaskLoader
from numpy.typing import ArrayLike
from scipy.integrate import quad
from scipy.stats import norm

from yang_rnn._checks import (
    as_array,
    check_callable,
    check_is,
    check_one_of,
    check_real,
    check_whole,
    is_real,
    shown,
)
from yang_rnn.adapters.brainpy_datasets import NAMES, make_brainpy_task
from yang_rnn.adapters.neurogym import from_neurogym
from yang_rnn.recipe import (
    MAX_COUNT,
    NOTEBOOK,
    PERCEPTUAL,
    NoiseIn,
    Recipe,
    RecipeError,
    whole_steps,
)
from yang_rnn.trials import Task, Trials, TwoAlternatives

NEUROGYM = "neurogym:"
"""What a recipe's task begins with if it is one of NeuroGym."""


def task_of(recipe: Recipe, seed: int | None = None) -> Task:
    """Make the task of a recipe.

    Parameters
    ----------
    recipe : Recipe
    seed : int, optional
        Of its random stream; without it that of the training trials.

    Raises
    ------
    RecipeError
        If there is no such task, or it can't be made with the recipe's settings or `dt`.
    ImportError
        If it is one of NeuroGym, which is not installed.
    """
    check_is("recipe", recipe, Recipe)
    seed = recipe.seeds.training if seed is None else seed
    if recipe.is_perceptual:
        return PerceptualDecisionMaking.from_recipe(recipe, seed)
    settings: dict[str, Any] = {"dt": recipe.dt}
    settings |= {name: _value(text) for name, text in recipe.settings.items()}
    try:
        if recipe.task.startswith(NEUROGYM):
            settings["dt"] = int(recipe.dt) if recipe.dt.is_integer() else recipe.dt
            return from_neurogym(recipe.task.removeprefix(NEUROGYM), **settings).seeded(seed)
        if recipe.task in NAMES:
            return make_brainpy_task(recipe.task, **settings).seeded(seed)
    except ValueError as error:
        raise RecipeError("task", f"one that can be made: {error}", recipe.task) from error
    expected = (
        f"{PERCEPTUAL}, one of {list(NAMES)}, or {NEUROGYM} and a name of NeuroGym "
        "(one's own task is given to run_task)"
    )
    raise RecipeError("task", expected, recipe.task)


def recipe_for(recipe: Recipe, task: Task) -> Recipe:
    """Return a recipe with the channels of its task, which is not the perceptual one.

    Raises
    ------
    ValueError
        If the task has another time step than the recipe, by which the network's time goes.
    """
    check_is("recipe", recipe, Recipe)
    check_is("task", task, Task)
    if recipe.is_perceptual:
        return recipe
    if not math.isclose(task.dt, recipe.dt, rel_tol=1e-9):
        raise ValueError(f"`recipe.dt` must be the task's, {task.dt:g} ms; got {recipe.dt:g}")
    return dataclasses.replace(recipe, num_inputs=task.num_inputs, num_outputs=task.num_outputs)


def _value(text: str) -> Any:
    """Return the number, truth value or None that a setting is written as, else its text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


Duration = float | Callable[[], float]
"""A duration (ms), or what gives each trial's."""


class PerceptualDecisionMaking(RatePerceptualDecisionMaking, Task):
    """Perceptual decision making, with trials in batches and their coherence and choice kept.

    The parent's trials, one after another from one random stream: the same seed gives the same
    trials, bit for bit, as `brainpy_datasets.cognitive.TaskLoader` over the parent. The task is
    that of [1]_.

    Parameters
    ----------
    dt : float
        Time step (ms).
    t_fixation, t_stimulus, t_delay, t_decision : float or callable
        Durations (ms), whole steps of `dt` in decimals: 0.3 ms are three steps of 0.1 ms, where
        the parent, which cuts off what `0.3 / 0.1` lacks, would take two. A callable is asked for
        each trial's, which the parent cuts down to whole steps.
    noise_sigma : float
        Input noise; each step has a standard deviation of ``noise_sigma / sqrt(dt)``.
    num_choice : int
        Choices, each with a stimulus channel.
    num_trial : int
        Trials in an epoch.
    coherence : sequence of float
        Coherences that a trial is drawn from (%).
    noise_in : {"everywhere", "stimulus"}
        Where the noise is: in each channel at each step, as the parent has it, or in the stimulus
        channels during the stimulus alone, as NeuroGym's task of the same name has it.
    seed : int, optional
        Seed of the random stream; without one each task draws other trials.
    **transforms
        `input_transform` and `target_transform`, as the parent takes them.

    Raises
    ------
    ValueError
        If a number is out of its range or a duration is not whole steps; or the noise is in the
        stimulus alone, and a callable says how long that is.

    References
    ----------
    .. [1] Britten, Shadlen, Newsome & Movshon (1992), "The analysis of visual motion: a comparison
       of neuronal and psychophysical performance", Journal of Neuroscience 12(12):4745-4765.
    """

    def __init__(
        self,
        dt: float = NOTEBOOK.dt,
        t_fixation: Duration = NOTEBOOK.fixation,
        t_stimulus: Duration = NOTEBOOK.stimulus,
        t_delay: Duration = NOTEBOOK.delay,
        t_decision: Duration = NOTEBOOK.decision,
        noise_sigma: float = NOTEBOOK.noise,
        num_choice: int = NOTEBOOK.choices,
        num_trial: int = NOTEBOOK.trials_per_epoch,
        seed: int | None = None,
        *,
        coherence: Sequence[float] = NOTEBOOK.coherences,
        noise_in: NoiseIn = NOTEBOOK.noise_in,
        **transforms: Callable[..., Any] | None,
    ):
        dt = check_real("dt", dt, above=0)
        levels: Any = as_array("coherence", coherence)
        if seed is not None:
            seed = check_whole("seed", seed, 0, 2**32 - 1)
        for name in ("input_transform", "target_transform"):
            check_callable(name, transforms.get(name), optional=True)
        if levels.ndim != 1 or not len(levels) or not all(_is_percentage(c) for c in levels):
            raise ValueError(
                f"`coherence` must be one or more numbers from 0 to 100; got {shown(coherence)}"
            )
        super().__init__(
            dt=dt,
            t_fixation=_duration("t_fixation", t_fixation, dt),
            t_stimulus=_duration("t_stimulus", t_stimulus, dt),
            t_delay=_duration("t_delay", t_delay, dt),
            t_decision=_duration("t_decision", t_decision, dt),
            noise_sigma=check_real("noise_sigma", noise_sigma, minimum=0),
            num_choice=check_whole("num_choice", num_choice, 2),
            num_trial=check_whole("num_trial", num_trial, 1),
            seed=seed,
            **transforms,
        )
        self.coherence = levels
        check_one_of("noise_in", noise_in, get_args(NoiseIn))
        self.noise_in = noise_in
        if noise_in == "stimulus" and any(map(callable, self._durations.values())):
            raise ValueError("`noise_in` must be everywhere where durations are random")

    def __repr__(self) -> str:
        """Say what the network gets and gives, in which steps and at which coherences."""
        levels = " ".join(f"{level:g}" for level in self.coherence)
        return (
            f"PerceptualDecisionMaking({self.num_inputs} inputs, {self.num_outputs} outputs, dt "
            f"{self.dt:g} ms; coherences {levels} %)"
        )

    @classmethod
    def from_recipe(cls, recipe: Recipe, seed: int | None = None) -> Self:
        """Build the task of a recipe, with the seed of its training trials or another."""
        check_is("recipe", recipe, Recipe)
        return cls(
            dt=recipe.dt,
            t_fixation=recipe.fixation,
            t_stimulus=recipe.stimulus,
            t_delay=recipe.delay,
            t_decision=recipe.decision,
            noise_sigma=recipe.noise,
            num_choice=recipe.choices,
            num_trial=recipe.trials_per_epoch,
            coherence=recipe.coherences,
            noise_in=recipe.noise_in,
            seed=recipe.seeds.training if seed is None else seed,
        )

    def sample_trials(self, num_trials: int) -> Trials:
        """Draw the next trials of the random stream.

        Parameters
        ----------
        num_trials : int
            How many.

        Returns
        -------
        Trials
            Inputs in float64; targets and choices as whole numbers.

        Raises
        ------
        ValueError
            If `num_trials` is below 1, or callable durations give trials of different lengths.
        """
        return self._sample(check_whole("num_trials", num_trials, 1))

    def sequence_batches(
        self, batch_size: int, sequence_steps: int
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Draw one epoch of sequences of back-to-back trials, a batch at a time.

        Each sequence begins with a trial and is cut off where it is long enough. The same seed
        gives the same batches, bit for bit, as brainpy-datasets' ``TaskLoader(...,
        max_seq_len=sequence_steps)``.

        Parameters
        ----------
        batch_size : int
            Sequences in a batch; the last may be smaller.
        sequence_steps : int
            Time steps of a sequence.

        Yields
        ------
        inputs : array of shape (time, sequence, 1 + choices)
        targets : array of shape (time, sequence)

        Raises
        ------
        ValueError
            If a number is not 1 or more.
        """
        batch_size = check_whole("batch_size", batch_size, 1)
        sequence_steps = check_whole("sequence_steps", sequence_steps, 1)
        if not self._is_plain():
            yield from TaskLoader(self, batch_size=batch_size, max_seq_len=sequence_steps)
            return
        for sequences in self.draw_sequences(self.num_trial, batch_size, sequence_steps):
            yield sequences.inputs, sequences.targets

    def batches(self, batch_size: int) -> Iterator[Trials]:
        """Draw one epoch, `num_trial` fresh trials, a batch at a time.

        Parameters
        ----------
        batch_size : int
            Trials in a batch; the last may be smaller.

        Yields
        ------
        Trials

        Raises
        ------
        ValueError
            If `batch_size` is not 1 or more.
        """
        batch_size = check_whole("batch_size", batch_size, 1)
        trials = self._sample(self.num_trial)
        for start in range(0, self.num_trial, batch_size):
            yield trials.select(slice(start, start + batch_size))

    def time_mask(self, *periods: str) -> np.ndarray:
        """Tell which steps of a trial belong to some of its periods.

        Parameters
        ----------
        *periods : {"fixation", "stimulus", "delay", "decision"}

        Returns
        -------
        bool array of shape (time,)
            For instance the mask that `trajectory_states` takes.

        Raises
        ------
        ValueError
            If there is no such period, or the durations are callables and differ by trial.
        """
        mask = np.zeros(self._ends[-1], dtype=bool)
        for period in periods:
            if not isinstance(period, str) or period not in self.periods:
                known = list(self.periods)
                raise ValueError(f"`periods` must be among {known}; got {shown(periods)}")
            mask[self.periods[period]] = True
        return mask

    @property
    def periods(self) -> dict[str, slice]:
        """Steps of fixation, stimulus, delay and decision, as `Trials` has them.

        Raises
        ------
        ValueError
            If the durations are callables and differ by trial.
        """
        begins = [0, *self._ends[:-1]]
        return dict(zip(self._durations, map(slice, begins, self._ends), strict=True))

    @property
    def noise(self) -> float:
        """Standard deviation of the inputs' noise at each step."""
        return self.noise_sigma / math.sqrt(self.dt)

    def seeded(self, seed: int) -> Self:
        """Return the task at the beginning of another random stream; this one stays as it is."""
        task = copy.copy(self)
        task.rng = np.random.RandomState(check_whole("seed", seed, 0, 2**32 - 1))
        task._streams = None
        return task

    def without_noise(self) -> Self:
        """Return the task with inputs without noise; this one stays as it is."""
        task = copy.copy(self)
        task.rng, task.noise_sigma = copy.deepcopy(self.rng), 0.0
        task._streams = None
        return task

    def sample_a_trial(self, item: int) -> Any:
        """Draw a trial as the parent does, with the noise where `noise_in` says."""
        if self.noise_in == "everywhere":
            return super().sample_a_trial(item)
        stream = self.rng
        self.rng: Any = _StimulusNoise(stream, self.periods["stimulus"])
        try:
            return super().sample_a_trial(item)
        finally:
            self.rng = stream

    def alternatives(self) -> Mapping[str, TwoAlternatives]:
        """Return evidence and choice by the name ``""``; empty unless there are two choices."""
        return {"": self.two_alternatives()} if self.num_choice == 2 else {}

    def two_alternatives(self, rest: ArrayLike | None = None) -> TwoAlternatives:
        """Return what evidence and choice are in this task.

        Parameters
        ----------
        rest : array of shape (3,), optional
            The input without evidence; without it fixation on and no coherence, (1, 0.5, 0.5).

        Raises
        ------
        ValueError
            If there are not two choices.
        """
        self._check_two()
        return TwoAlternatives((1.0, 0.5, 0.5) if rest is None else rest, (0.0, -1.0, 1.0))

    def constant_inputs(self) -> dict[str, tuple[float, ...]]:
        """Return the input without noise at fixation, at each signed coherence, at the decision.

        Returns
        -------
        dict from names to tuples of float
            ``fixation``, then the coherences in rising order from choice 1 to choice 2, as in
            ``-6.4 %``, then ``decision``.

        Raises
        ------
        ValueError
            If there are not two choices.
        """
        self._check_two()
        levels = sorted({sign * float(c) + 0.0 for c in self.coherence for sign in (-1, 1)})
        return {
            "fixation": (1.0, 0.0, 0.0),
            **{f"{c:+g} %" if c else "0 %": (1.0, 0.5 - c / 200, 0.5 + c / 200) for c in levels},
            "decision": (0.0, 0.0, 0.0),
        }

    def ideal_accuracy(self, coherence: float | None = None) -> float:
        """Return the highest accuracy that anything can reach on this task.

        The observer adds up the inputs over the stimulus and takes the choice whose tuning they
        match best: the likelihood test between choices of equal prior in Gaussian noise [1]_. With
        two choices it is right with probability Phi(d'), d' = coherence / 100 * sqrt(steps) /
        (noise per step * sqrt(2)). With more, the sum lies in a plane with the choices on a circle,
        and the observer is right where it falls within +-180 / choices degrees of the true one.

        Parameters
        ----------
        coherence : float, optional
            Of the trials (%); without it the mean over the task's coherences.

        Returns
        -------
        float
            Probability correct.

        Raises
        ------
        ValueError
            If the coherence is not a number from 0 to 100.

        References
        ----------
        .. [1] Green & Swets (1966), "Signal detection theory and psychophysics", Wiley.
        """
        if coherence is None:
            return float(np.mean([self.ideal_accuracy(float(c)) for c in self.coherence]))
        if not _is_percentage(coherence):
            raise ValueError(f"`coherence` must be a number from 0 to 100; got {shown(coherence)}")
        choices, period = self.num_choice, self.periods["stimulus"]
        tuning = np.cos(2 * np.pi * np.arange(choices) / choices)
        steps = period.stop - period.start
        signal = coherence / 200 * float(np.linalg.norm(tuning)) * math.sqrt(steps)
        if signal == 0:
            return 1 / choices
        sd = self.noise_sigma / math.sqrt(self.dt)
        if sd == 0:
            return 1.0
        d_prime = signal / sd
        if choices == 2:
            return float(norm.cdf(d_prime))
        slope = math.tan(math.pi / choices)

        def density(x: float) -> Any:
            return norm.pdf(x - d_prime) * (2 * norm.cdf(x * slope) - 1)

        value, _ = quad(density, 0.0, d_prime + 12.0, points=[d_prime], limit=200)
        return min(float(value), 1.0)  # the integral may round to more

    def _check_two(self) -> None:
        if self.num_choice != 2:
            raise ValueError(f"the task must have two choices; it has {self.num_choice}")

    @property
    def _durations(self) -> dict[str, Any]:
        return {
            "fixation": self.t_fixation,
            "stimulus": self.t_stimulus,
            "delay": self.t_delay,
            "decision": self.t_decision,
        }

    @property
    def _ends(self) -> list[int]:
        """The step behind each period."""
        durations = self._durations.values()
        if any(callable(duration) for duration in durations):
            raise ValueError("periods of random duration differ by trial: they have no steps")
        return np.cumsum([int(duration / self.dt) for duration in durations]).tolist()

    def _is_plain(self) -> bool:
        """Whether each trial draws from the random stream as `_sample_together` does."""
        durations = self._durations.values()
        return (
            self.input_transform is None
            and self.target_transform is None
            and not any(callable(duration) for duration in durations)
            and type(self.rng) is np.random.RandomState
            and type(self).sample_a_trial is PerceptualDecisionMaking.sample_a_trial
        )

    def _sample(self, num_trials: int) -> Trials:
        if self._is_plain():
            return self._sample_together(num_trials)
        return self._sample_one_by_one(num_trials)

    def _side_by_side(self, number: int, steps: int) -> Trials:
        if not self._is_plain():
            return super()._side_by_side(number, steps)
        trials = self._sample_together(number * -(-steps // len(self.time_mask())))
        inputs, targets = (
            _back_to_back(array, number)[:steps] for array in (trials.inputs, trials.targets)
        )
        return Trials(inputs, targets, {}, {})

    def _sample_together(self, num_trials: int) -> Trials:
        onset, offset, go, total = self._ends
        shape = (total, self.num_inputs)

        # A trial takes its coherence, its choice and its noise from the stream before the next
        # one begins. `randint` draws what `choice` draws, without its overhead.
        level = np.empty(num_trials, dtype=int)
        choice = np.empty(num_trials, dtype=int)
        noise = np.empty((num_trials, *shape))
        randint, randn = self.rng.randint, self.rng.randn
        for trial in range(num_trials):
            level[trial] = randint(0, len(self.coherence))
            choice[trial] = randint(0, self.num_choice)
            noise[trial] = randn(*shape)
        if self.noise_in == "stimulus":
            noise = _in_stimulus(noise, slice(onset, offset))
        coherence = self.coherence[level]

        # Each sum and product in the parent's order: the result must be equal to the last bit.
        tuning = np.stack([np.cos(self._features - feature) for feature in self._features])
        inputs = np.zeros((total, num_trials, self.num_inputs))
        inputs[:go, :, 0] = 1.0
        inputs[onset:offset, :, 1:] = tuning[choice] * (coherence / 200)[:, None] + 0.5
        inputs += noise.swapaxes(0, 1) * self.noise_sigma / np.sqrt(self.dt)
        targets = np.zeros((total, num_trials), dtype=int)
        targets[go:] = choice + 1
        return Trials(inputs, targets, self.periods, {"coherence": coherence}, choice)

    def _sample_one_by_one(self, num_trials: int) -> Trials:
        stream = self.rng
        inputs, targets, levels, choices = [], [], [], []
        for trial in range(num_trials):
            recorder = _DrawRecorder(stream)
            self.rng = recorder
            try:
                x, y = self.sample_a_trial(trial)[:2]
            finally:
                self.rng = stream
            inputs.append(np.asarray(x))
            targets.append(np.asarray(y))
            levels.append(recorder.drawn_from(self.coherence))
            choices.append(recorder.drawn_from(self._choices))
        lengths = sorted({len(x) for x in inputs})
        if len(lengths) > 1:
            raise ValueError(
                "trials of one batch must be equally long; the durations gave "
                f"{lengths[0]} to {lengths[-1]} steps: draw one at a time"
            )
        random = any(callable(duration) for duration in self._durations.values())
        return Trials(
            np.stack(inputs, axis=1),
            np.stack(targets, axis=1),
            {} if random else self.periods,
            {"coherence": np.asarray(levels)},
            np.asarray(choices),
        )


def _is_percentage(value: Any) -> bool:
    return is_real(value, minimum=0) and value <= 100


def _duration(name: str, value: Any, dt: float) -> Any:
    """Return a duration from which the parent's `int(duration / dt)` gets its whole steps."""
    if callable(value):
        return value
    value = check_real(name, value, minimum=0)
    steps = whole_steps(value, dt)
    if steps is None:
        expected = f"0 to {MAX_COUNT} whole steps of `dt` ({dt:.12g} ms)"
        raise ValueError(f"`{name}` must be {expected}; got {shown(value)}")
    # 0.3 / 0.1 is below 3: the next float above three steps is not.
    return value if int(value / dt) == steps else math.nextafter(steps * dt, math.inf)


def _back_to_back(trials: np.ndarray, num_sequences: int) -> np.ndarray:
    """Join neighbouring trials (time, trial, ...) to sequences (longer time, sequence, ...)."""
    in_order = trials.swapaxes(0, 1)  # (trial, time, ...)
    joined = in_order.reshape(num_sequences, -1, *trials.shape[2:])
    return joined.swapaxes(0, 1)


def _in_stimulus(noise: np.ndarray, stimulus: slice) -> np.ndarray:
    """Return noise (..., time, channel) in the stimulus channels during the stimulus; else 0."""
    kept = np.zeros_like(noise)
    kept[..., stimulus, 1:] = noise[..., stimulus, 1:]
    return kept


class _StimulusNoise:
    """A random stream whose noise of a trial is that of the stimulus alone."""

    def __init__(self, stream: Any, stimulus: slice):
        self._stream, self._stimulus = stream, stimulus

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def randn(self, *shape: int) -> np.ndarray:
        return _in_stimulus(self._stream.randn(*shape), self._stimulus)


class _DrawRecorder:
    """A random stream that remembers what it chose, and from which options."""

    def __init__(self, stream: np.random.RandomState):
        self._stream = stream
        self._draws: list[tuple[Any, Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def choice(self, options: Any, *args: Any, **kwargs: Any) -> Any:
        drawn = self._stream.choice(options, *args, **kwargs)
        self._draws.append((options, drawn))
        return drawn

    def drawn_from(self, options: Any) -> Any:
        return next(drawn for offered, drawn in self._draws if offered is options)
