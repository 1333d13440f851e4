import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from brainpy_datasets.cognitive import RatePerceptualDecisionMaking, TaskLoader
from hypothesis import given
from hypothesis import strategies as st
from tasks import Side

from yang_rnn.adapters.brainpy_datasets import make_brainpy_task
from yang_rnn.recipe import PRIMER, Recipe, RecipeError
from yang_rnn.task import PerceptualDecisionMaking, recipe_for, task_of
from yang_rnn.trials import Task, Trials, TwoAlternatives, check_task

PERIODS = ("fixation", "stimulus", "delay", "decision")


def assert_equal_to_loader(batch_size: int = 16, epochs: int = 2, **numbers: Any) -> None:
    loader = TaskLoader(RatePerceptualDecisionMaking(**numbers), batch_size=batch_size)
    task = PerceptualDecisionMaking(**numbers)
    for _ in range(epochs):
        theirs, ours = list(loader), list(task.batches(batch_size))
        assert len(ours) == len(theirs)
        for (inputs, targets), trials in zip(theirs, ours, strict=True):
            assert np.array_equal(trials.inputs, inputs)
            assert np.array_equal(trials.targets, targets)
            assert trials.targets.dtype == targets.dtype


@pytest.mark.parametrize("seed", [0, 1, 2, 12345])
def test_trials_are_the_loaders_bit_for_bit(seed: int):
    assert_equal_to_loader(seed=seed)


@given(
    seed=st.integers(0, 2**32 - 1),
    dt=st.sampled_from([10.0, 20, 12.5, 100.0]),
    steps=st.tuples(*[st.integers(0, 20)] * 4),
    noise_sigma=st.sampled_from([0.0, 0.3, 1, 5.0]),
    num_choice=st.integers(2, 6),
)
def test_other_numbers_give_the_loaders_trials_too(dt: float, steps: Any, **numbers: Any):
    periods = ("t_fixation", "t_stimulus", "t_delay", "t_decision")
    durations = {name: dt * count for name, count in zip(periods, steps, strict=True)}
    assert_equal_to_loader(num_trial=21, batch_size=5, dt=dt, **durations, **numbers)


@given(
    step=st.integers(1, 10**6),
    digits=st.integers(0, 7),
    counts=st.tuples(*[st.integers(1, 300)] * 4),
)
def test_decimal_durations_have_their_whole_steps(
    step: int, digits: int, counts: tuple[int, int, int, int]
):
    dt = float(Fraction(step, 10**digits))
    durations = [float(Fraction(count * step, 10**digits)) for count in counts]
    recipe = Recipe(
        dt=dt, tau=dt, fixation=durations[0], stimulus=durations[1], delay=durations[2],
        decision=durations[3],
    )  # fmt: skip
    task = PerceptualDecisionMaking.from_recipe(recipe)
    assert len(task.sample_trials(1).inputs) == len(task[0][0]) == recipe.num_steps == sum(counts)
    for period, count in zip(PERIODS, counts, strict=True):
        assert task.time_mask(period).sum() == count


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dt", 0.0),
        ("dt", -10.0),
        ("dt", np.inf),
        ("dt", "100"),
        ("t_fixation", -100.0),
        ("t_stimulus", 250.0),
        ("t_delay", np.nan),
        ("t_decision", None),
        ("t_decision", 1e300),
        ("noise_sigma", -1.0),
        ("noise_sigma", np.nan),
        ("num_choice", 1),
        ("num_choice", 2.0),
        ("num_trial", 0),
        ("coherence", []),
        ("coherence", 6.4),
        ("coherence", [0.0, np.nan]),
        ("coherence", [-1.0]),
        ("coherence", [0.0, 100.5]),
        ("coherence", [["a"]]),
        ("coherence", ["a"]),
        ("noise_in", "decision"),
        ("noise_in", None),
    ],
)
def test_impossible_task_is_refused_by_name(name: str, value: Any):
    with pytest.raises(ValueError, match=f"`{name}` must be .*; got"):
        PerceptualDecisionMaking(**{name: value})


def test_golden_first_batch(golden: dict[str, np.ndarray]):
    first = next(PerceptualDecisionMaking(seed=int(golden["seed"])).batches(16))
    assert np.array_equal(first.inputs, golden["first_inputs"])
    assert np.array_equal(first.targets, golden["first_targets"])


@pytest.mark.parametrize(
    "special",
    [
        {"input_transform": lambda x: 2 * x},
        {"target_transform": lambda y: np.eye(3)[y]},
        {"t_delay": lambda: 300.0},
    ],
    ids=["input", "target", "duration"],
)
def test_transforms_and_callable_durations_go_through_the_loader(special: dict[str, Any]):
    assert_equal_to_loader(seed=5, num_trial=21, batch_size=5, **special)


def test_coherence_and_choice_are_those_of_the_slow_path():
    plain = PerceptualDecisionMaking(seed=3).sample_trials(50)
    slow = PerceptualDecisionMaking(seed=3, input_transform=lambda x: x).sample_trials(50)
    assert np.array_equal(plain.inputs, slow.inputs)
    assert np.array_equal(plain.targets, slow.targets)
    assert np.array_equal(plain.conditions["coherence"], slow.conditions["coherence"])
    assert np.array_equal(plain.choice, slow.choice)
    assert plain.periods == slow.periods


def test_overridden_trial_is_respected():
    class Silent(PerceptualDecisionMaking):
        def sample_a_trial(self, item: int):
            inputs, targets, info = super().sample_a_trial(item)
            return 0 * inputs, targets, info

    trials = Silent(seed=0).sample_trials(10)
    assert not trials.inputs.any()
    assert np.array_equal(trials.choice, PerceptualDecisionMaking(seed=0).sample_trials(10).choice)


def test_coherence_and_choice_tell_what_the_inputs_show():
    trials = PerceptualDecisionMaking(seed=0, noise_sigma=0.0, t_delay=200.0).sample_trials(300)
    assert trials.inputs.shape == (24, 300, 3)
    towards = np.where(trials.choice == 0, 1, -1)
    evidence = trials.inputs[1:21, :, 1] - trials.inputs[1:21, :, 2]
    coherence = trials.conditions["coherence"]
    np.testing.assert_allclose(evidence, np.tile(towards * coherence / 100, (20, 1)))
    assert (trials.inputs[:23, :, 0] == 1).all()
    assert not trials.inputs[23].any()
    assert not trials.targets[:23].any()
    assert np.array_equal(trials.targets[23], trials.choice + 1)
    assert set(coherence) == {0.0, 6.4, 12.8, 25.6, 51.2}


def test_noise_has_the_stated_standard_deviation():
    trials = PerceptualDecisionMaking(seed=1, noise_sigma=2.0, dt=50).sample_trials(2000)
    noise = trials.inputs[-1]  # nothing but noise at the decision
    standard_error = 1 / np.sqrt(2 * noise.size)
    assert abs(noise.std() / (2.0 / np.sqrt(50)) - 1) < 4 * standard_error


def in_the_stimulus(inputs: np.ndarray) -> np.ndarray:
    """Return noise (22, trial, 3) in two channels of the notebook's stimulus, and 0 elsewhere."""
    kept = inputs.copy()
    kept[0], kept[21], kept[:, :, 0] = 0, 0, 0
    return kept


def test_noise_in_the_stimulus_is_the_same_noise_there_and_none_elsewhere():
    numbers: dict[str, Any] = {"seed": 4, "noise_sigma": 2.0}
    clear = PerceptualDecisionMaking(seed=4, noise_sigma=0.0).sample_trials(50)
    everywhere = PerceptualDecisionMaking(**numbers).sample_trials(50)
    trials = PerceptualDecisionMaking(**numbers, noise_in="stimulus").sample_trials(50)
    noise = everywhere.inputs - clear.inputs
    assert (noise != 0).all()
    np.testing.assert_allclose(trials.inputs - clear.inputs, in_the_stimulus(noise), atol=1e-15)
    assert np.array_equal(trials.inputs[0], clear.inputs[0])
    assert np.array_equal(trials.inputs[1:21, :, 1:], everywhere.inputs[1:21, :, 1:])
    assert np.array_equal(trials.targets, everywhere.targets)
    assert np.array_equal(trials.conditions["coherence"], everywhere.conditions["coherence"])


def test_noise_in_the_stimulus_is_that_of_the_loader_and_of_transformed_trials_too():
    numbers: dict[str, Any] = {"seed": 4, "num_trial": 21, "noise_in": "stimulus"}
    expected = PerceptualDecisionMaking(**numbers).sample_trials(21)
    ((inputs, targets),) = TaskLoader(PerceptualDecisionMaking(**numbers), batch_size=21)
    assert np.array_equal(inputs, expected.inputs)
    assert np.array_equal(targets, expected.targets)
    task = PerceptualDecisionMaking(**numbers, input_transform=lambda x: -x)
    trials = task.sample_trials(21)
    assert np.array_equal(trials.inputs, -expected.inputs)
    assert np.array_equal(trials.choice, expected.choice)


def test_noise_in_a_stimulus_of_random_length_is_refused():
    with pytest.raises(ValueError, match="`noise_in` must be everywhere where durations are rand"):
        PerceptualDecisionMaking(t_stimulus=lambda: 300.0, noise_in="stimulus")


def test_chosen_coherences_are_used():
    trials = PerceptualDecisionMaking(seed=1, coherence=(10.0, 20.0)).sample_trials(50)
    assert set(trials.conditions["coherence"]) == {10.0, 20.0}


def test_trials_of_different_lengths_are_refused():
    durations = iter(range(100, 10_000, 100))
    task = PerceptualDecisionMaking(seed=0, t_delay=lambda: next(durations))
    with pytest.raises(ValueError, match="23 to 25 steps"):
        task.sample_trials(3)
    assert task.sample_trials(1).inputs.shape[1] == 1


def test_no_trials_are_refused():
    with pytest.raises(ValueError, match="`num_trials` must be a whole number, 1 or more; got 0"):
        PerceptualDecisionMaking(seed=0).sample_trials(0)


@pytest.mark.parametrize("size", [0, -1, 2.5])
def test_batches_without_a_size_are_refused(size: Any):
    with pytest.raises(ValueError, match=f"`batch_size` must be a whole number.*; got {size}"):
        next(PerceptualDecisionMaking(seed=0).batches(size))


@pytest.mark.parametrize(
    "numbers",
    [
        {},
        {"dt": 50.0, "t_delay": 150.0, "num_choice": 3},
        {"t_stimulus": 5000.0},
        {"t_delay": lambda: 300.0},
        {"input_transform": lambda x: -x},
    ],
    ids=["notebook", "other", "longer than a sequence", "callable", "transform"],
)
def test_sequences_are_the_loaders_bit_for_bit(numbers: dict[str, Any]):
    numbers = {"seed": 3, "num_trial": 21} | numbers
    loader = TaskLoader(RatePerceptualDecisionMaking(**numbers), batch_size=8, max_seq_len=50)
    task = PerceptualDecisionMaking(**numbers)
    for _ in range(2):
        theirs, ours = list(loader), list(task.sequence_batches(8, 50))
        assert [inputs.shape[1] for inputs, _ in ours] == [8, 8, 5]
        for (x, y), (inputs, targets) in zip(theirs, ours, strict=True):
            assert np.array_equal(inputs, x)
            assert np.array_equal(targets, y)


@pytest.mark.parametrize("numbers", [(0, 50), (8, 0)])
def test_sequences_without_length_or_number_are_refused(numbers: tuple[int, int]):
    with pytest.raises(ValueError, match="must be a whole number, 1 or more; got 0"):
        next(PerceptualDecisionMaking(seed=0).sequence_batches(*numbers))


def test_time_mask_tells_the_steps_of_a_period():
    task = PerceptualDecisionMaking(
        dt=50, t_fixation=100.0, t_stimulus=200.0, t_delay=50.0, t_decision=150.0
    )
    steps = {"fixation": [0, 1], "stimulus": [2, 3, 4, 5], "delay": [6], "decision": [7, 8, 9]}
    for period, expected in steps.items():
        assert list(np.flatnonzero(task.time_mask(period))) == expected
    assert list(np.flatnonzero(task.time_mask("delay", "fixation"))) == [0, 1, 6]
    assert len(task.time_mask()) == len(task.sample_trials(1).inputs)
    with pytest.raises(ValueError, match=r"got .*'lunch'"):
        task.time_mask("lunch")
    with pytest.raises(ValueError, match="random duration"):
        PerceptualDecisionMaking(t_delay=lambda: 100.0).time_mask("stimulus")


def test_recipe_sets_every_number_of_the_task():
    recipe = Recipe(seed=9, dt=50.0, stimulus=500.0, delay=100.0, noise=0.5, choices=3)
    assert PerceptualDecisionMaking.from_recipe(recipe).noise_in == "everywhere"
    assert PerceptualDecisionMaking.from_recipe(PRIMER).noise_in == "stimulus"
    theirs = RatePerceptualDecisionMaking(
        seed=9, dt=50.0, t_stimulus=500.0, t_delay=100.0, noise_sigma=0.5, num_choice=3
    )
    trials = PerceptualDecisionMaking.from_recipe(recipe).sample_trials(1)
    assert isinstance(trials, Trials)
    assert np.array_equal(trials.inputs[:, 0], theirs[0][0])
    other = PerceptualDecisionMaking.from_recipe(recipe, seed=10).sample_trials(1)
    assert not np.array_equal(other.inputs, trials.inputs)


def test_trials_bring_the_steps_of_their_periods():
    numbers: dict[str, Any] = {"dt": 50, "t_fixation": 100.0, "t_stimulus": 200.0, "t_delay": 50.0}
    trials = PerceptualDecisionMaking(seed=0, t_decision=150.0, **numbers).sample_trials(4)
    expected = {"fixation": (0, 2), "stimulus": (2, 6), "delay": (6, 7), "decision": (7, 10)}
    assert trials.periods == {name: slice(*steps) for name, steps in expected.items()}
    assert all(trials.during(name) == slice(*steps) for name, steps in expected.items())
    # The decision is when a choice is asked for, the stimulus when evidence comes.
    asked = (trials.targets > 0).all(axis=1)
    assert list(np.flatnonzero(asked)) == list(range(10)[trials.during("decision")])


def test_trials_of_random_durations_have_no_periods_but_the_rest():
    trials = PerceptualDecisionMaking(seed=0, t_delay=lambda: 300.0).sample_trials(5)
    assert trials.periods == {}
    assert trials.inputs.shape == (25, 5, 3)
    assert set(trials.conditions) == {"coherence"}


def test_evidence_and_choice_are_those_of_the_trials():
    task = PerceptualDecisionMaking(seed=0, noise_sigma=0.0)
    trials, alternatives = task.sample_trials(50), task.two_alternatives()
    assert isinstance(alternatives, TwoAlternatives)
    signed = alternatives.signed_strength(trials)
    towards = np.where(trials.choice == 1, 1, -1)
    np.testing.assert_array_equal(signed, towards * trials.conditions["coherence"])
    assert not np.signbit(signed[signed == 0]).any()
    # Evidence is the difference of the channels: the coherence, in each of twenty steps.
    np.testing.assert_allclose(alternatives.evidence_of(trials), 20 * signed / 100, atol=1e-12)
    for choice in (0, 1):
        assert set(trials.targets[-1][trials.choice == choice]) == {alternatives.outputs[choice]}


def test_rest_is_no_coherence_or_what_was_given():
    noiseless = PerceptualDecisionMaking(seed=0, noise_sigma=0.0, coherence=[0.0])
    trials = noiseless.sample_trials(1)
    stimulus = trials.inputs[trials.during("stimulus"), 0]
    assert (stimulus == noiseless.two_alternatives().rest).all()
    assert noiseless.two_alternatives((0.9, 0.4, 0.4)).rest.tolist() == [0.9, 0.4, 0.4]


def test_constant_inputs_are_the_inputs_without_noise():
    task = PerceptualDecisionMaking(seed=0, noise_sigma=0.0)
    inputs = task.constant_inputs()
    levels = ["-51.2 %", "-25.6 %", "-12.8 %", "-6.4 %", "0 %", "+6.4 %", "+12.8 %", "+25.6 %"]
    assert list(inputs) == ["fixation", *levels, "+51.2 %", "decision"]
    trials = task.sample_trials(100)
    for period in ("fixation", "decision"):
        assert (trials.inputs[trials.during(period)] == inputs[period]).all()
    signed = task.two_alternatives().signed_strength(trials)
    for strength, stimulus in zip(signed, trials.inputs[5], strict=True):
        name = f"{strength:+g} %" if strength else "0 %"
        np.testing.assert_allclose(stimulus, inputs[name], atol=1e-12)
    assert inputs["0 %"] == tuple(task.two_alternatives().rest)


def test_constant_inputs_of_whole_coherences_and_twice_the_same():
    task = PerceptualDecisionMaking(coherence=(100, 20, 20))
    assert list(task.constant_inputs()) == [
        "fixation", "-100 %", "-20 %", "+20 %", "+100 %", "decision"
    ]  # fmt: skip
    assert task.constant_inputs()["-100 %"] == (1.0, 1.0, 0.0)


def test_three_choices_have_no_two_alternatives():
    task = PerceptualDecisionMaking(num_choice=3)
    for call in (task.two_alternatives, task.constant_inputs):
        with pytest.raises(ValueError, match="must have two choices; it has 3"):
            call()


def test_ideal_observer_of_the_notebook():
    assert PerceptualDecisionMaking().ideal_accuracy() == pytest.approx(0.8957, abs=5e-5)


@pytest.mark.parametrize(
    "numbers",
    [
        {},
        {"num_choice": 3},
        {"num_choice": 4, "dt": 50.0},
        {"noise_sigma": 3.0, "t_stimulus": 500.0},
    ],
    ids=["notebook", "three", "four", "noisy"],
)
def test_ideal_observer_is_right_as_often_as_the_best_template(numbers: dict[str, Any]):
    # Sums of inputs over the stimulus, drawn here by the definition of the task.
    task, n, rng = PerceptualDecisionMaking(**numbers), 40_000, np.random.default_rng(0)
    choices, steps = task.num_choice, numbers.get("t_stimulus", 2000.0) / task.dt
    theta = 2 * np.pi * np.arange(choices) / choices
    tuning = np.cos(theta[:, None] - theta)
    coherence, choice = rng.choice(task.coherence, n), rng.integers(choices, size=n)
    noise = rng.standard_normal((n, choices)) * np.sqrt(steps / task.dt) * task.noise_sigma
    evidence = steps * (0.5 + coherence[:, None] / 200 * tuning[choice]) + noise
    right = (evidence @ tuning).argmax(axis=1) == choice
    for level in (None, *task.coherence):
        here = right if level is None else right[coherence == level]
        p = task.ideal_accuracy(level)
        assert 0 < p <= 1
        assert abs(here.mean() - p) < 4 * np.sqrt(p * (1 - p) / len(here)) + 1e-6


def test_ideal_observer_of_trials_that_were_drawn():
    task = PerceptualDecisionMaking(seed=11)
    trials = task.sample_trials(4000)
    second = task.two_alternatives().evidence_of(trials) > 0
    p = task.ideal_accuracy()
    assert abs((second == trials.choice).mean() - p) < 4 * np.sqrt(p * (1 - p) / 4000)


@given(
    coherence=st.floats(0, 100),
    steps=st.integers(1, 50),
    dt=st.sampled_from([10.0, 20.0, 100.0]),
    noise=st.floats(0.1, 10.0),
)
def test_ideal_observer_of_two_choices_follows_the_formula(
    coherence: float, steps: int, dt: float, noise: float
):
    task = PerceptualDecisionMaking(dt=dt, t_fixation=0.0, t_stimulus=steps * dt, noise_sigma=noise)
    d_prime = coherence / 100 * np.sqrt(steps) / (noise / np.sqrt(dt) * np.sqrt(2))
    phi = 0.5 * (1 + math.erf(d_prime / np.sqrt(2)))
    assert task.ideal_accuracy(coherence) == pytest.approx(phi, abs=1e-12)


def test_ideal_observer_without_noise_errs_only_where_there_is_nothing_to_see():
    for choices in (2, 3):
        coherence = (0.0, 1e-3, 50.0, 100.0)
        task = PerceptualDecisionMaking(noise_sigma=0.0, coherence=coherence, num_choice=choices)
        assert task.ideal_accuracy() == pytest.approx((1 / choices + 3) / 4)


def test_the_task_has_the_four_things_and_streams_by_seed():
    task = PerceptualDecisionMaking(seed=0, noise_sigma=2.0, dt=50.0)
    assert check_task(task) is task
    assert isinstance(task, Task)
    assert task.noise == pytest.approx(2 / math.sqrt(50))
    one, other = task.seeded(3), PerceptualDecisionMaking(seed=3, noise_sigma=2.0, dt=50.0)
    for number in (2, 5):
        assert np.array_equal(one.sample_trials(number).inputs, other.sample_trials(number).inputs)
        one.seeded(1).sample_trials(3)
        one.without_noise().sample_trials(3)
        one.with_equal_trials()
    quiet = task.without_noise()
    assert (quiet.noise, task.noise > 0) == (0.0, True)
    still = quiet.seeded(0).sample_trials(5)
    assert np.ptp(still.inputs[still.during("stimulus")], axis=0).max() == 0
    for seed in (-1, 1.5, None, 2**32):
        with pytest.raises(ValueError, match="`seed` must be a whole number"):
            task.seeded(seed)  # pyright: ignore[reportArgumentType]


def test_alternatives_of_the_task_are_there_with_two_choices():
    (two,) = PerceptualDecisionMaking().alternatives().values()
    assert two.rest.tolist() == [1.0, 0.5, 0.5]
    assert two.evidence.tolist() == [0.0, -1.0, 1.0]
    assert PerceptualDecisionMaking(num_choice=3).alternatives() == {}


def test_the_task_of_a_recipe_has_its_numbers_and_seeds():
    recipe = Recipe(seed=4, noise=0.5, stimulus=300.0)
    trials = task_of(recipe).sample_trials(3)
    expected = PerceptualDecisionMaking(seed=4, noise_sigma=0.5, t_stimulus=300.0).sample_trials(3)
    assert np.array_equal(trials.inputs, expected.inputs)
    other = Recipe(seed=4, task="RateGoNoGo", dt=50.0, task_settings=("t_delay=200",))
    task = task_of(other)
    assert (task.dt, repr(task)) == (50.0, "BrainPyTask(RateGoNoGo)")
    trials = task.sample_trials(9)
    assert trials.during("delay") == slice(10, 14)
    same = make_brainpy_task("RateGoNoGo", dt=50.0, t_delay=200).seeded(4).sample_trials(9)
    assert np.array_equal(trials.inputs, same.inputs)
    assert not np.array_equal(task_of(other, 5).sample_trials(9).choice, trials.choice)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("num_choice=3", 3),
        ("anti=False", False),
        ("t_delay=2e2", 200.0),
    ],
)
def test_settings_are_read_as_what_they_are_written_as(setting: str, value: Any):
    task: Any = task_of(Recipe(task="RateAntiReach", task_settings=(setting,)))
    assert getattr(task._dataset, setting.split("=")[0]) == value


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (Recipe(task="dinner"), "`task` must be perceptual, one of .*; got 'dinner'"),
        (Recipe(task="CognitiveTask"), "`task` must be perceptual, one of"),
        (Recipe(task="RateGoNoGo", task_settings=("colour=3",)), "can't be made with .*colour"),
        (Recipe(task="RateGoNoGo", task_settings=("t_delay=long",)), "can't be made with .*long"),
        (Recipe(task="RateGoNoGo", task_settings=("t_delay=" + 9999 * "[",)), "can't be made"),
        (Recipe(task="RatePulseDecisionMaking"), "`t_cue` must be 0, or a step of `dt` .100 ms"),
        (Recipe(task="RateGoNoGo", dt=7e4, tau=1e5), "`t_stimulus` must be 0, or a step"),
    ],
)
def test_a_task_that_can_not_be_made_is_refused_by_the_field(recipe: Recipe, message: str):
    with pytest.raises(RecipeError, match=message) as raised:
        task_of(recipe)
    assert len(str(raised.value)) < 1500


def test_environments_of_neurogym_are_tasks_of_a_recipe():
    pytest.importorskip("neurogym")
    recipe = Recipe(task="neurogym:GoNogo-v0", dt=20.0, task_settings=("timing={'delay':100}",))
    task = task_of(recipe)
    assert task.dt == 20.0
    assert task.sample_trials(2).during("delay") == slice(25, 30)
    for name in ("neurogym:", "neurogym:Dinner-v0", "neurogym:Bandit-v0"):
        with pytest.raises(RecipeError, match="`task` must be one that can be made"):
            task_of(Recipe(task=name))


def test_a_recipe_takes_the_channels_of_its_task():
    recipe = recipe_for(Recipe(task="side", dt=20.0), Side())
    assert (recipe.num_inputs, recipe.num_outputs, recipe.channels) == (2, 3, (2, 3))
    assert recipe_for(Recipe(), PerceptualDecisionMaking()) == Recipe()
    with pytest.raises(ValueError, match=r"`recipe.dt` must be the task's, 20 ms; got 100"):
        recipe_for(Recipe(task="side"), Side())
    with pytest.raises(TypeError, match="`task` must be a Task; got 3"):
        recipe_for(Recipe(task="side"), 3)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="`recipe` must be a Recipe; got None"):
        task_of(None)  # pyright: ignore[reportArgumentType]
