from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tasks import Follow, Side, answers

from yang_rnn.task import PerceptualDecisionMaking
from yang_rnn.trials import (
    Task,
    Trials,
    TwoAlternatives,
    check_alternatives,
    check_task,
    check_trials,
    last_asked,
    signed_by_choice,
)

TASK = TwoAlternatives(
    rest=(0.5, 0.0), evidence=(2.0, -1.0), outputs=(0, 1), condition="tilt", stimulus="seen",
    decision="asked",
)  # fmt: skip


def trials(num: int = 6, steps: int = 5, **changes: Any) -> Trials:
    rng = np.random.default_rng(num)
    choice = np.arange(num) % 2
    targets = np.zeros((steps, num), int)
    targets[-1] = choice + 1
    values = {
        "inputs": rng.normal(size=(steps, num, 2)),
        "targets": targets,
        "periods": {"seen": slice(1, 4), "asked": slice(4, 5), "never": slice(2, 2)},
        "conditions": {"tilt": np.arange(num) * 0.5, "side": np.array(["l", "r"])[choice]},
        "choice": choice,
    }
    return Trials(**values | changes)


def test_selected_trials_keep_what_belongs_to_them():
    every = trials()
    some = every.select(slice(2, 5))
    np.testing.assert_array_equal(some.inputs, every.inputs[:, 2:5])
    np.testing.assert_array_equal(some.targets, every.targets[:, 2:5])
    np.testing.assert_array_equal(some.choice, [0, 1, 0])
    np.testing.assert_array_equal(some.conditions["tilt"], [1.0, 1.5, 2.0])
    assert some.conditions["side"].tolist() == ["l", "r", "l"]
    assert some.periods == every.periods


@given(st.integers(-8, 8) | st.none(), st.integers(-8, 8) | st.none())
def test_a_period_is_a_slice_from_its_first_step_to_its_last(first: Any, stop: Any):
    period = slice(first, stop)
    steps = list(range(5))[period]
    some = trials(periods={"p": period})
    if steps:
        assert list(range(5))[some.during("p")] == steps
        assert some.during("p") == slice(steps[0], steps[-1] + 1)
    else:
        with pytest.raises(ValueError, match="`trials` must have steps in their period 'p'; got"):
            some.during("p")


def test_a_period_or_condition_that_is_not_there_is_named_beside_those_that_are():
    with pytest.raises(ValueError, match=r"a period 'delay'; got .*'seen', 'asked'"):
        trials().during("delay")
    with pytest.raises(ValueError, match=r"a condition 'coherence'; got .*'tilt', 'side'"):
        trials().condition("coherence")


def test_evidence_is_the_inputs_along_its_direction_summed_over_the_stimulus():
    every = trials()
    expected = [
        sum(2.0 * every.inputs[t, k, 0] - every.inputs[t, k, 1] for t in (1, 2, 3))
        for k in range(6)
    ]
    np.testing.assert_allclose(TASK.evidence_of(every), expected)


def test_signed_strength_is_negative_where_the_first_choice_is_correct_and_0_stands_once():
    every = trials(4, conditions={"tilt": np.array([0.0, 0.0, 3.0, -2.0])})
    signed = TASK.signed_strength(every)
    assert signed.tolist() == [0.0, 0.0, -3.0, 2.0]
    assert not np.signbit(signed[:2]).any()


def test_evidence_that_the_choice_does_not_follow_keeps_its_sign():
    choice = [1, 0, 1, 1, 0, 0]
    ignored = np.array([0.25, 0.12, -0.06, -0.25, 0.0, -0.25])
    assert signed_by_choice(ignored, choice).tolist() == ignored.tolist()
    followed = np.array([0.25, -0.12, 0.06, 0.25, 0.0, -0.25])
    for values in (followed, -followed, np.abs(followed)):  # whatever positive stands for
        assert signed_by_choice(values, choice).tolist() == followed.tolist()


def test_the_choice_is_the_larger_of_the_two_outputs_at_the_last_step_of_the_decision():
    every = trials(3, periods={"asked": slice(2, 4), "seen": slice(0, 2)})
    outputs = np.zeros((5, 3, 3))
    outputs[3, :, :2] = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]  # a tie counts for the first
    outputs[2, :, 0] = outputs[4, :, 0] = 9.0
    outputs[3, :, 2] = 99.0  # does not compete
    assert TASK.chose_second(outputs, every).tolist() == [True, False, False]
    swapped = TwoAlternatives((0, 0), (1, 0), outputs=(1, 0), decision="asked")
    assert swapped.chose_second(outputs, every).tolist() == [False, True, False]


@pytest.mark.parametrize("shape", [(5, 6), (5, 6, 1), (4, 6, 2), (5, 7, 2)])
def test_outputs_of_other_trials_are_refused(shape: tuple[int, ...]):
    with pytest.raises(ValueError, match=r"`outputs` must have shape \(5, 6\) and more than 1"):
        TASK.chose_second(np.zeros(shape), trials())


def test_trials_of_other_channels_are_refused():
    with pytest.raises(ValueError, match="`trials` must have inputs of 2 channels; got 3"):
        TASK.evidence_of(trials(inputs=np.zeros((5, 6, 3))))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rest": [[1.0]]}, r"`rest` must have shape \(channel,\); got \(1, 1\)"),
        ({"rest": ()}, "`rest` must have shape"),
        ({"rest": (np.nan, 0.0)}, "`rest` must be finite"),
        ({"evidence": (np.inf, 0.0)}, "`evidence` must be finite"),
        ({"evidence": (1.0,)}, "`evidence` must have the 2 channels of `rest`; got 1"),
        ({"evidence": (0.0, 0.0)}, "`evidence` must not be 0"),
        ({"outputs": (1, 1)}, r"`outputs` must be two different ones; got \(1, 1\)"),
        ({"outputs": (-1, 0)}, "`outputs` must be two different ones"),
    ],
)
def test_impossible_alternatives_are_refused(changes: dict[str, Any], message: str):
    values: dict[str, Any] = {"rest": (0.5, 0.0), "evidence": (1.0, 0.0)} | changes
    with pytest.raises(ValueError, match=message):
        TwoAlternatives(**values)


def test_alternatives_cannot_be_changed():
    rest = np.zeros(2)
    task = TwoAlternatives(rest, (1, 0))
    rest[0] = 7.0
    assert task.rest.tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match="read-only"):
        task.rest[0] = 1.0
    with pytest.raises(AttributeError):
        task.outputs = (0, 1)  # pyright: ignore


def mixed(**changes: Any) -> Trials:
    """Return trials of different lengths: weights, steps that ask, and a period by trial."""
    inside = np.arange(5)[:, None] < np.array([5, 5, 3, 4, 5, 3])
    asked = np.zeros((5, 6), bool)
    asked[inside.sum(axis=0) - 1, np.arange(6)] = True
    periods = {"seen": slice(1, 3), "asked": asked}
    values = {"weights": inside.astype(float), "asked": asked, "periods": periods}
    return trials(**values | changes)


def test_without_more_a_choice_is_asked_for_where_the_target_is_above_0():
    every = trials()
    assert np.array_equal(every.asks, every.targets > 0)
    assert every.has_choices
    assert last_asked(every).tolist() == [4] * 6


def test_trials_say_themselves_where_a_choice_is_asked_for():
    every = mixed()
    assert every.asked is not None
    assert np.array_equal(every.asks, every.asked)
    assert last_asked(every).tolist() == [4, 4, 2, 3, 4, 2]


def test_targets_that_are_values_ask_for_no_choice():
    every = trials(targets=np.zeros((5, 6, 2)), choice=None)
    assert not every.has_choices
    assert every.asks.shape == (5, 6)
    assert not every.asks.any()


def test_trials_that_never_ask_are_counted():
    every = mixed()
    assert every.asked is not None
    every.asked[:, :2] = False
    with pytest.raises(ValueError, match="must ask for a choice; 2 of 6 never do"):
        last_asked(every)


def test_a_batch_must_have_as_many_trials_as_were_asked_for():
    class Turned(Side):
        def sample_trials(self, num_trials: int) -> Trials:
            found = super().sample_trials(num_trials)
            return found._replace(inputs=np.swapaxes(found.inputs, 0, 1))

    with pytest.raises(ValueError, match=r"`sample_trials\(7\)` must give inputs .* of 7 trials"):
        next(Turned().seeded(0).draw(7, 7))


@pytest.mark.parametrize(
    "chosen", [slice(1, 4), [1, 2, 3], np.array([False, True, True, True, False, False])]
)
def test_selected_trials_keep_weights_and_steps_by_trial(chosen: Any):
    every, some = mixed(), mixed().select(np.array(chosen) if isinstance(chosen, list) else chosen)
    for name in ("weights", "asked"):
        assert np.array_equal(getattr(some, name), getattr(every, name)[:, 1:4])
    assert np.array_equal(some.steps("asked"), every.steps("asked")[:, 1:4])
    assert some.periods["seen"] == slice(1, 3)
    assert np.array_equal(some.steps("asked"), every.steps("asked")[:, 1:4])


def test_trials_are_found_by_the_values_of_their_conditions():
    go = np.array([True, False, True, True, False, False])
    every = trials(conditions={"tilt": np.arange(6) % 3, "go": go})
    assert every.where({}).inputs.shape == every.inputs.shape
    some = every.where({"go": True, "tilt": 0})
    assert np.array_equal(some.inputs, every.inputs[:, [0, 3]])
    assert every.condition("go").tolist() == [1, 0, 1, 1, 0, 0]
    with pytest.raises(ValueError, match=r"must have some with {'go': 0, 'tilt': 0}; got none"):
        every.where({"go": 0, "tilt": 0})
    with pytest.raises(ValueError, match="a condition 'colour'; got"):
        every.where({"colour": 0})
    with pytest.raises(TypeError, match="`conditions` must be a Mapping; got 'go'"):
        every.where("go")  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match=r"`trials.conditions\['side'\]` must be real numbers"):
        trials().where({"side": "l"})


@given(st.integers(-8, 8) | st.none(), st.integers(-8, 8) | st.none())
def test_steps_of_a_period_are_those_of_its_slice(first: Any, stop: Any):
    mask = np.zeros((5, 6), bool)
    mask[slice(first, stop)] = True
    assert np.array_equal(trials(periods={"p": slice(first, stop)}).steps("p"), mask)


def test_a_period_that_differs_by_trial_has_no_slice():
    with pytest.raises(ValueError, match=r"'asked' at the same steps; .*`with_equal_trials"):
        mixed().during("asked")


@pytest.mark.parametrize("steps", [np.ones((5, 6)), np.ones((5, 5), bool), [1, 2], "seen", None])
def test_a_period_that_is_no_slice_and_no_mask_is_refused(steps: Any):
    with pytest.raises(ValueError, match=r"`trials.periods\['p'\]` must be a slice or bool"):
        trials(periods={"p": steps}).steps("p")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"targets": np.zeros(5)}, ValueError, r"`trials.targets` must have shape \(5, 6, output"),
        ({"targets": np.zeros((5, 6, 0))}, ValueError, "`trials.targets` must have shape"),
        ({"targets": np.zeros((5, 7, 2))}, ValueError, "`trials.targets` must have shape"),
        ({"targets": np.full((5, 6, 2), np.nan)}, ValueError, "`trials.targets` must be finite"),
        ({"targets": np.zeros((5, 6)) + 0.5}, ValueError, "must be whole numbers; got fractions"),
        ({"targets": np.zeros((5, 6)) - 1}, ValueError, "`trials.targets` must be 0 or more"),
        ({"targets": [[1], [1, 2]]}, ValueError, "`trials.targets` must be an array"),
        ({"targets": "left"}, TypeError, "`trials.targets` must be real numbers"),
        ({"targets": None}, TypeError, "`trials.targets` must be real numbers"),
        ({"inputs": np.zeros((5, 0, 2))}, ValueError, "`trials.inputs` must have shape"),
        ({"inputs": np.zeros((5, 6))}, ValueError, "`trials.inputs` must have shape"),
        ({"choice": np.zeros(4, int)}, ValueError, r"`trials.choice` must have shape \(6,\)"),
        ({"choice": np.full(6, -1)}, ValueError, "`trials.choice` must be 0 or more; got -1"),
        ({"choice": np.full(6, 0.5)}, ValueError, "`trials.choice` must be whole numbers"),
        ({"weights": -np.ones((5, 6))}, ValueError, "`trials.weights` must be 0 or more; got -1"),
        ({"weights": np.ones((5, 5))}, ValueError, r"`trials.weights` must have shape \(5, 6\)"),
        ({"weights": np.full((5, 6), np.nan)}, ValueError, "`trials.weights` must be finite"),
        ({"weights": np.ones((5, 6), bool)}, TypeError, "`trials.weights` must be real numbers"),
        ({"asked": np.ones((5, 6))}, ValueError, r"`trials.asked` must be bool, of shape \(5, 6"),
        ({"asked": np.ones((5, 5), bool)}, ValueError, "`trials.asked` must be bool"),
    ],
)
def test_trials_whose_arrays_do_not_fit_are_refused_by_the_arrays_name(
    changes: dict[str, Any], error: type[Exception], message: str
):
    with pytest.raises(error, match=message):
        check_trials(trials()._replace(**changes))
    assert check_trials(mixed()).choice is not None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"targets": np.zeros(6, int)}, r"`trials.targets` must have shape \(5, 6, output\)"),
        ({"choice": np.zeros(30, int)}, r"`trials.choice` must have shape \(6,\); got \(30,\)"),
        ({"choice": np.full(6, -1)}, "`trials.choice` must be 0 or more; got -1"),
        ({"weights": np.ones((5, 7))}, r"`trials.weights` must have shape \(5, 6\)"),
    ],
)
def test_trials_whose_arrays_do_not_fit_cannot_be_made(changes: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        trials(**changes)


@pytest.mark.parametrize(
    ("changes", "culprit"),
    [
        ({"inputs": np.zeros((6, 5, 2))}, r"got inputs \(6, 5, 2\) and targets \(5, 6\)"),
        ({"targets": np.zeros((6, 5), int)}, r"and targets \(6, 5\)"),
        ({"targets": np.zeros((6, 5, 3))}, r"and targets \(6, 5, 3\)"),
        ({"weights": np.ones((6, 5))}, r"and weights \(6, 5\)"),
        ({"choice": np.zeros(5, int)}, r"and choice \(5,\)"),
        ({"conditions": {"side": np.zeros(5)}}, r"and conditions\['side'\] \(5,\)"),
    ],
)
def test_where_time_and_trial_are_swapped_it_is_said_that_time_comes_first(
    changes: dict[str, Any], culprit: str
):
    with pytest.raises(ValueError, match=rf"time comes first: \(time, trial, channel\).*{culprit}"):
        trials(**changes)


def test_no_trial_at_all_can_be_selected_but_not_be_analysed():
    none = trials().select(slice(0))
    assert np.shape(none.inputs)[1] == 0
    with pytest.raises(ValueError, match=r"`trials.inputs` must have shape"):
        check_trials(none)


@pytest.mark.parametrize("value", [None, 3, (), tuple(trials())])
def test_what_are_no_trials_is_refused(value: Any):
    with pytest.raises(TypeError, match="`trials` must be a Trials; got"):
        check_trials(value)


@pytest.mark.parametrize("task", [Side(), Follow(noise=0.1)], ids=["choices", "values"])
def test_a_task_of_ones_own_has_streams_by_seed(task: Any):
    assert check_task(task) is task
    one, other = task.seeded(3), task.seeded(3)
    first = one.sample_trials(4)
    assert np.array_equal(first.inputs, other.sample_trials(4).inputs)
    one.seeded(1).sample_trials(2)
    one.without_noise().sample_trials(2)
    assert np.array_equal(one.sample_trials(4).inputs, other.sample_trials(4).inputs)
    assert not np.array_equal(first.inputs, task.seeded(4).sample_trials(4).inputs)
    assert one.with_equal_trials() is one
    quiet = task.without_noise()
    assert (quiet.noise, task.noise) == (0.0, 0.1)
    assert len(np.unique(quiet.seeded(0).sample_trials(50).inputs)) <= 3


def test_a_task_draws_batches_of_trials():
    sizes = [len(part.choice) for part in Side().seeded(0).draw(10, 4) if part.choice is not None]
    assert sizes == [4, 4, 2]


def test_right_is_the_targets_output_at_the_last_step_that_asks():
    task = Side()
    every = task.seeded(0).sample_trials(40)
    assert every.choice is not None
    assert task.correct(answers(every, 3), every).all()
    wrong_before = answers(every, 3)
    wrong_before[:-1] = 0
    assert task.correct(wrong_before, every).all()
    left = np.broadcast_to(np.eye(3)[1], (8, 40, 3))
    assert np.array_equal(task.correct(left, every), every.choice == 0)
    assert task.chance(every) == max((every.choice == 0).mean(), (every.choice == 1).mean())
    assert task.alternatives() == {}


def test_right_is_by_each_trials_own_last_step():
    every = mixed()
    last = last_asked(every)
    targets = np.zeros((5, 6), int)
    targets[last, np.arange(6)] = [1, 2, 1, 2, 1, 2]
    every = every._replace(targets=targets)
    outputs = np.zeros((5, 6, 3))
    outputs[last, np.arange(6), 1] = 1.0  # and nothing in the steps behind a trial's end
    assert Side().correct(outputs, every).tolist() == [True, False] * 3
    assert Side().chance(every) == 0.5


def test_values_have_neither_chance_nor_right_of_themselves():
    every = Follow().seeded(0).sample_trials(5)
    assert Follow().chance(every) is None
    with pytest.raises(NotImplementedError, match="Side must have a method `correct`"):
        Side().correct(np.zeros((6, 5, 1)), every)


@pytest.mark.parametrize("shape", [(8, 40), (8, 41, 3), (7, 40, 3), (8, 40, 0)])
def test_right_of_outputs_of_other_trials_is_refused(shape: tuple[int, ...]):
    every = Side().seeded(0).sample_trials(40)
    with pytest.raises(ValueError, match=r"`outputs` must have shape \(8, 40, output\)"):
        Side().correct(np.zeros(shape), every)
    with pytest.raises(ValueError, match="`outputs` must be finite"):
        Side().correct(np.full((8, 40, 3), np.nan), every)


class Odd(Side):
    """A task that is wrong in a way that it is told."""

    def __init__(self, **changes: Any):
        super().__init__()
        self.changes = changes

    def sample_trials(self, num_trials: int) -> Trials:
        every = super().sample_trials(num_trials)
        return every._replace(**{k: change(every) for k, change in self.changes.items()})


@pytest.mark.parametrize(
    ("task", "error", "message"),
    [
        (None, TypeError, "`task` must be a Task; got None"),
        (Side, TypeError, "`task` must be a Task; got"),
        (Odd(inputs=lambda t: t.inputs[..., :1]), ValueError, "2 channels, `num_inputs`; got"),
        (Odd(targets=lambda t: t.targets + 1), ValueError, "below 3, `num_outputs`; got 3"),
        (Odd(targets=lambda t: t.inputs), ValueError, "each of 3 outputs, `num_outputs`; got 2"),
        (Odd(targets=lambda t: 0 * t.targets), ValueError, "ask for a choice; 3 of 3 never do"),
        (
            Odd(inputs=lambda t: t.inputs + np.random.default_rng().normal()),
            ValueError,
            "the same trials with the same seed: draw all chance from `self.rng`",
        ),
        (Odd(conditions=lambda t: {"side": ["l", "r", "l"]}), TypeError, "must be real numbers"),
        (Odd(conditions=lambda t: {"side": [1, 2]}), ValueError, r"must have shape \(3,\)"),
        (Odd(periods=lambda t: {"seen": (1, 2)}), ValueError, "must be a slice or bool"),
        (Odd(weights=lambda t: -np.ones((8, 3))), ValueError, "`trials.weights` must be 0 or"),
        (Follow(dt=0.0), ValueError, "`task.dt` must be a finite number above 0; got 0.0"),
        (Follow(num_inputs=0), ValueError, "`task.num_inputs` must be a whole number, 1 or more"),
        (Follow(num_outputs=2), ValueError, "each of 2 outputs, `num_outputs`; got 1"),
        (Follow(noise=-1.0), ValueError, "`task.noise` must be a finite number, 0 or more"),
    ],
)
def test_a_task_whose_trials_are_not_as_it_says_is_refused(
    task: Any, error: type[Exception], message: str
):
    with pytest.raises(error, match=message):
        check_task(task)


def test_a_task_of_values_must_say_what_is_right():
    class Silent(Follow):
        correct = Task.correct

    with pytest.raises(NotImplementedError, match="Silent must have a method `correct`"):
        check_task(Silent())


@pytest.mark.parametrize("right", [[1, 0, 1], [True], 0.5])
def test_what_is_right_must_be_said_of_each_trial(right: Any):
    class Strange(Side):
        def correct(self, outputs: Any, trials: Any) -> Any:
            return right

    with pytest.raises(ValueError, match=r"`task.correct` must give a bool a trial; got"):
        check_task(Strange())


@pytest.mark.parametrize("seed", [-1, 1.5, "3", None, 2**64])
def test_seeds_that_are_none_are_refused(seed: Any):
    with pytest.raises(ValueError, match="`seed` must be a whole number"):
        Side().seeded(seed)


def test_a_trial_goes_as_far_as_its_last_step_with_a_weight():
    every = mixed()
    assert every.weights is not None
    assert every.inside.sum(axis=0).tolist() == [5, 5, 3, 4, 5, 3]
    every.weights[0] = 0  # does not count, but is no end
    assert every.inside.sum(axis=0).tolist() == [5, 5, 3, 4, 5, 3]
    assert trials().inside.all()


def test_alternatives_that_are_not_by_name_are_refused():
    class Bare(Side):
        def alternatives(self) -> Any:
            return TwoAlternatives(rest=[0.0, 0.0], evidence=[-1.0, 1.0])

    with pytest.raises(TypeError, match=r'by the name of a context, \{"": TwoAlternatives'):
        check_task(Bare())


def test_a_task_in_place_of_its_alternatives_is_told_what_gives_them():
    own = SimpleNamespace(alternatives=dict)
    with pytest.raises(TypeError, match=r"one of those that `task\.alternatives\(\)` gives; got"):
        check_alternatives("task", own, trials())
    with pytest.raises(TypeError, match=r"as `task\.two_alternatives\(\)` gives; got Percept"):
        check_alternatives("task", PerceptualDecisionMaking(), trials())
    with pytest.raises(TypeError, match="`task` must be a TwoAlternatives; got 3"):
        check_alternatives("task", 3, trials())
    three = TwoAlternatives((0, 0, 0), (0, 1, -1))
    with pytest.raises(ValueError, match=r"`task\.rest` must have the 2 channels .*; got 3"):
        check_alternatives("task", three, trials())
