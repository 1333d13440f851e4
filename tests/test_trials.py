from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yang_rnn.trials import Trials, TwoAlternatives

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
