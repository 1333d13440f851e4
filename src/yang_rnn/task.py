"""The perceptual decision-making task, whole batches at a time."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from brainpy_datasets.cognitive import RatePerceptualDecisionMaking, TaskLoader

from yang_rnn.recipe import (
    MOST,
    NOTEBOOK,
    Recipe,
    check_real,
    check_whole,
    is_real,
    whole_steps,
)


class Trials(NamedTuple):
    """Trials of the task, time first.

    Attributes
    ----------
    inputs : array of shape (time, trial, 1 + choices)
        Fixation input, then one stimulus channel a choice.
    targets : array of shape (time, trial)
        0 before the decision, 1 + choice during it.
    coherence : array of shape (trial,)
        Strength of the stimulus (%).
    choice : array of shape (trial,)
        The correct choice, counted from 0.
    """

    inputs: np.ndarray
    targets: np.ndarray
    coherence: np.ndarray
    choice: np.ndarray


class PerceptualDecisionMaking(RatePerceptualDecisionMaking):
    """Perceptual decision making [1]_, with trials in batches and their coherence and choice kept.

    The parent's trials, one after another from one random stream: the same seed gives the same
    trials, bit for bit, as `brainpy_datasets.cognitive.TaskLoader` over the parent.

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
    seed : int, optional
        Seed of the random stream; without one each task draws other trials.
    **transforms
        `input_transform` and `target_transform`, as the parent takes them.

    Raises
    ------
    ValueError
        If a number is out of its range or a duration is not whole steps.

    References
    ----------
    .. [1] Britten, Shadlen, Newsome & Movshon (1992), "The analysis of visual motion: a comparison
       of neuronal and psychophysical performance", Journal of Neuroscience 12(12):4745-4765.
    """

    def __init__(
        self,
        dt: float = NOTEBOOK.dt,
        t_fixation: Any = NOTEBOOK.fixation,
        t_stimulus: Any = NOTEBOOK.stimulus,
        t_delay: Any = NOTEBOOK.delay,
        t_decision: Any = NOTEBOOK.decision,
        noise_sigma: float = NOTEBOOK.noise,
        num_choice: int = NOTEBOOK.choices,
        num_trial: int = NOTEBOOK.trials_per_epoch,
        seed: int | None = None,
        *,
        coherence: Sequence[float] = NOTEBOOK.coherences,
        **transforms: Any,
    ):
        dt = check_real("dt", dt, above=0)
        levels: Any = np.asarray(coherence)
        if levels.ndim != 1 or not len(levels) or not all(_is_percentage(c) for c in levels):
            raise ValueError(
                f"`coherence` must be one or more numbers from 0 to 100; got {coherence!r}"
            )
        super().__init__(
            dt=dt,
            t_fixation=_duration("t_fixation", t_fixation, dt),
            t_stimulus=_duration("t_stimulus", t_stimulus, dt),
            t_delay=_duration("t_delay", t_delay, dt),
            t_decision=_duration("t_decision", t_decision, dt),
            noise_sigma=check_real("noise_sigma", noise_sigma, least=0),
            num_choice=check_whole("num_choice", num_choice, 2),
            num_trial=check_whole("num_trial", num_trial, 1),
            seed=seed,
            **transforms,
        )
        self.coherence = levels

    @classmethod
    def from_recipe(cls, recipe: Recipe, seed: int | None = None) -> Self:
        """Build the task of a recipe, with the recipe's seed or another."""
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
            seed=recipe.seed if seed is None else seed,
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
        num_trials = check_whole("num_trials", num_trials, 1)
        if self._is_plain():
            return self._sample_together(num_trials)
        return self._sample_one_by_one(num_trials)

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
        trials_each = -(-sequence_steps // len(self.time_mask()))
        for start in range(0, self.num_trial, batch_size):
            size = min(batch_size, self.num_trial - start)
            trials = self.sample_trials(size * trials_each)
            yield (
                _back_to_back(trials.inputs, size)[:sequence_steps],
                _back_to_back(trials.targets, size)[:sequence_steps],
            )

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
        trials = self.sample_trials(self.num_trial)
        for start in range(0, self.num_trial, batch_size):
            part = slice(start, start + batch_size)
            yield Trials(
                trials.inputs[:, part],
                trials.targets[:, part],
                trials.coherence[part],
                trials.choice[part],
            )

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
        durations: dict[str, Any] = {
            "fixation": self.t_fixation,
            "stimulus": self.t_stimulus,
            "delay": self.t_delay,
            "decision": self.t_decision,
        }
        unknown = [period for period in periods if period not in durations]
        if unknown:
            raise ValueError(f"`periods` must be among {list(durations)}; got {unknown}")
        if any(callable(duration) for duration in durations.values()):
            raise ValueError("periods of random duration have no mask that holds for all trials")
        parts = [
            np.full(int(duration / self.dt), period in periods)
            for period, duration in durations.items()
        ]
        return np.concatenate(parts)

    def _is_plain(self) -> bool:
        """Whether each trial draws from the random stream as `_sample_together` does."""
        durations = (self.t_fixation, self.t_stimulus, self.t_delay, self.t_decision)
        return (
            self.input_transform is None
            and self.target_transform is None
            and not any(callable(duration) for duration in durations)
            and type(self.rng) is np.random.RandomState
            and type(self).sample_a_trial is RatePerceptualDecisionMaking.sample_a_trial
        )

    def _sample_together(self, num_trials: int) -> Trials:
        durations: list[Any] = [self.t_fixation, self.t_stimulus, self.t_delay, self.t_decision]
        steps = [int(duration / self.dt) for duration in durations]
        onset, offset = steps[0], steps[0] + steps[1]
        go, total = offset + steps[2], sum(steps)
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
        coherence = self.coherence[level]

        # Each sum and product in the parent's order: the result must be equal to the last bit.
        tuning = np.stack([np.cos(self._features - feature) for feature in self._features])
        inputs = np.zeros((total, num_trials, self.num_inputs))
        inputs[:go, :, 0] = 1.0
        inputs[onset:offset, :, 1:] = tuning[choice] * (coherence / 200)[:, None] + 0.5
        inputs += noise.swapaxes(0, 1) * self.noise_sigma / np.sqrt(self.dt)
        targets = np.zeros((total, num_trials), dtype=int)
        targets[go:] = choice + 1
        return Trials(inputs, targets, coherence, choice)

    def _sample_one_by_one(self, num_trials: int) -> Trials:
        stream = self.rng
        inputs, targets, levels, choices = [], [], [], []
        for trial in range(num_trials):
            recorder = _DrawRecorder(stream)
            self.rng: Any = recorder
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
        return Trials(
            np.stack(inputs, axis=1),
            np.stack(targets, axis=1),
            np.asarray(levels),
            np.asarray(choices),
        )


def _is_percentage(value: Any) -> bool:
    return is_real(value, least=0) and value <= 100


def _duration(name: str, value: Any, dt: float) -> Any:
    """Return a duration from which the parent's `int(duration / dt)` gets its whole steps."""
    if callable(value):
        return value
    value = check_real(name, value, least=0)
    steps = whole_steps(value, dt)
    if steps is None:
        expected = f"0 to {MOST} whole steps of `dt` ({dt:.12g} ms)"
        raise ValueError(f"`{name}` must be {expected}; got {value!r}")
    # 0.3 / 0.1 is below 3: the next float above three steps is not.
    return value if int(value / dt) == steps else math.nextafter(steps * dt, math.inf)


def _back_to_back(trials: np.ndarray, num_sequences: int) -> np.ndarray:
    """Join neighbouring trials (time, trial, ...) to sequences (longer time, sequence, ...)."""
    in_order = trials.swapaxes(0, 1)  # (trial, time, ...)
    joined = in_order.reshape(num_sequences, -1, *trials.shape[2:])
    return joined.swapaxes(0, 1)


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
