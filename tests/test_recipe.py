import dataclasses
import json
import math
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yang_rnn.recipe import MAX_COUNT, MAX_NAMED, NOTEBOOK, PRIMER, RECIPES, Recipe, RecipeError

COUNTS = st.integers(1, 10_000)


def test_notebook_has_the_published_numbers():
    assert NOTEBOOK.num_steps == 22
    assert NOTEBOOK.search_input == (1.0, 0.5, 0.5)
    numbers = (NOTEBOOK.hidden, NOTEBOOK.epochs, NOTEBOOK.batch_size, NOTEBOOK.learning_rate)
    assert numbers == (64, 20, 16, 1e-3)
    assert (NOTEBOOK.noise_in, NOTEBOOK.sequence_steps, NOTEBOOK.stream_steps) == (
        "everywhere", 0, 0
    )  # fmt: skip
    assert RECIPES["notebook"] is NOTEBOOK


def test_primer_has_the_published_numbers():
    steps = PRIMER.epochs * PRIMER.trials_per_epoch / PRIMER.batch_size
    assert (steps, PRIMER.batch_size, PRIMER.sequence_steps) == (1000, 16, 100)
    assert (PRIMER.learning_rate, PRIMER.random_starts) == (1e-2, 64)
    assert (PRIMER.noise_in, PRIMER.stream_steps) == ("stimulus", 1500)
    assert RECIPES["primer"] is PRIMER


@given(
    seed=st.integers(0, 2**32 - 1),
    hidden=st.integers(2, 500),
    learning_rate=st.floats(1e-12, 1e3),
    noise=st.floats(0, 1e6),
    steps=st.integers(1, 50),
    coherences=st.lists(st.floats(0, 100), min_size=1).map(tuple),
)
def test_json_gives_back_an_equal_recipe(
    seed: int,
    hidden: int,
    learning_rate: float,
    noise: float,
    steps: int,
    coherences: tuple[float, ...],
):
    recipe = Recipe(
        seed=seed,
        hidden=hidden,
        learning_rate=learning_rate,
        noise=noise,
        stimulus=100.0 * steps,
        coherences=coherences,
    )
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_saved_recipe_is_loaded_equal(tmp_path: Path):
    recipe = dataclasses.replace(NOTEBOOK, delay=300.0, activation="tanh")
    recipe.save(tmp_path / "recipe.json")
    assert Recipe.load(tmp_path / "recipe.json") == recipe


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seed", -1),
        ("seed", 2**32),
        ("seed", 1.0),
        ("dt", 0),
        ("dt", math.nan),
        ("dt", "100"),
        ("tau", 50),
        ("stimulus", 50),
        ("stimulus", 0),
        ("stimulus", 250),
        ("decision", 0),
        ("fixation", -100),
        ("hidden", 0),
        ("hidden", True),
        ("hidden", 64.0),
        ("hidden", 1),
        ("tau", 10**400),
        ("epochs", 0),
        ("batch_size", -16),
        ("learning_rate", 0),
        ("learning_rate", math.inf),
        ("noise", -1),
        ("choices", 1),
        ("coherences", ()),
        ("coherences", (0.0, 101.0)),
        ("coherences", 6.4),
        ("components", 1),
        ("components", 65),
        ("activation", "step"),
        ("initialisation", "zero"),
        ("sequence_steps", -1),
        ("stream_steps", -1),
        ("noise_in", "decision"),
        ("noise_in", None),
        ("random_starts", -1),
        ("random_start_high", 0.0),
        ("epochs", MAX_COUNT + 1),
        ("search", "guess"),
        ("fixed_speed", 1.0),
        ("base", "../up"),
        ("base", None),
    ],
)
def test_number_out_of_range_is_refused_by_name(field: str, value: Any):
    with pytest.raises(RecipeError, match=f"`{field}` must be .*; got"):
        dataclasses.replace(NOTEBOOK, **{field: value})


def test_a_stream_shorter_than_its_sequences_is_refused():
    with pytest.raises(RecipeError, match=r"`stream_steps` .* at least sequence_steps \(100\); g"):
        dataclasses.replace(PRIMER, stream_steps=99)
    assert dataclasses.replace(PRIMER, sequence_steps=0).stream_steps == 1500  # not used


def test_a_recipe_of_before_streams_is_read_as_what_it_was():
    values = json.loads(PRIMER.to_json())
    del values["stream_steps"], values["noise_in"]
    then = Recipe.from_json(json.dumps(values))
    assert then == dataclasses.replace(PRIMER, stream_steps=0, noise_in="everywhere")
    assert then.name == "primer-noise_ineverywhere-stream_steps0"


def test_dt_that_does_not_divide_the_durations_is_refused():
    expected = r"`fixation` .* whole steps of dt \(30 ms\), or dt a divisor of it; got 100.0"
    with pytest.raises(RecipeError, match=expected):
        dataclasses.replace(NOTEBOOK, dt=30)


@given(step=st.integers(1, 10**6), digits=st.integers(0, 7), counts=st.tuples(*4 * [COUNTS]))
def test_durations_of_whole_steps_in_decimals_are_taken(
    step: int, digits: int, counts: tuple[int, ...]
):
    def decimal(count: int) -> float:
        return float(Fraction(count * step, 10**digits))

    fixation, stimulus, delay, decision = map(decimal, counts)
    recipe = Recipe(
        dt=decimal(1),
        tau=decimal(1),
        fixation=fixation,
        stimulus=stimulus,
        delay=delay,
        decision=decision,
    )
    assert recipe.num_steps == sum(counts)


def test_numbers_of_numpy_become_pythons():
    recipe = Recipe(
        seed=np.int64(3),  # pyright: ignore[reportArgumentType]
        hidden=np.uint8(7),  # pyright: ignore[reportArgumentType]
        noise=np.float32(0.5),  # pyright: ignore[reportArgumentType]
        coherences=(np.float32(2.5), np.int64(5)),  # pyright: ignore[reportArgumentType]
    )
    assert recipe == Recipe(seed=3, hidden=7, noise=0.5, coherences=(2.5, 5.0))
    kinds = [type(x) for x in (recipe.seed, recipe.hidden, recipe.noise, *recipe.coherences)]
    assert kinds == [int, int, float, float, float]
    assert Recipe.from_json(recipe.to_json()) == recipe


@pytest.mark.parametrize("value", [np.bool_(True), np.nan, np.float32("inf"), np.complex64(1)])
def test_numpy_values_that_are_no_finite_numbers_are_refused(value: Any):
    with pytest.raises(RecipeError, match="`noise` must be a finite number"):
        Recipe(noise=value)


@pytest.mark.parametrize("text", ["[]", "3", '"notebook"', '{"hiden": 3}', "{", '{"hidden": -3}'])
def test_json_that_is_no_recipe_is_refused(text: str):
    with pytest.raises(ValueError, match=r"recipe|`hidden`|Expecting"):
        Recipe.from_json(text)


@pytest.mark.parametrize("first", ["64", "128"])
def test_json_with_a_field_twice_is_refused_by_name(first: str):
    with pytest.raises(ValueError, match="`hidden` must be there once; got it 2 times"):
        Recipe.from_json(f'{{"hidden": {first}, "tau": 100.0, "hidden": 64}}')


def test_json_that_names_a_long_unknown_field_is_refused_in_short():
    with pytest.raises(ValueError, match="a recipe has no field 'aaa") as raised:
        Recipe.from_json(json.dumps({"a" * 10_000: 1}))
    assert len(str(raised.value)) < 200


def test_json_names_every_field():
    fields = {field.name for field in dataclasses.fields(Recipe)}
    assert set(json.loads(NOTEBOOK.to_json())) == fields


def test_weights_and_training_have_the_seed_itself():
    for seed in (0, 7, 2**32 - 1):
        seeds = Recipe(seed=seed).seeds
        assert (seeds.weights, seeds.training) == (seed, seed)


def test_test_trials_and_random_starts_have_seeds_of_their_own():
    seeds = [Recipe(seed=seed).seeds for seed in range(200)]
    assert len({s.test for s in seeds} | {s.starts for s in seeds} | set(range(200))) == 600


def test_seeds_depend_on_nothing_but_the_seed():
    assert dataclasses.replace(PRIMER, seed=3, hidden=7).seeds == Recipe(seed=3).seeds


@pytest.mark.parametrize("base", RECIPES)
def test_recipe_without_changes_is_named_by_its_base(base: str):
    assert RECIPES[base].base == RECIPES[base].name == base


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"seed": 5}, "notebook"),
        ({"hidden": 128}, "notebook-hidden128"),
        ({"hidden": 64}, "notebook"),
        ({"tau": 200.0, "seed": 1}, "notebook-tau200"),
        ({"learning_rate": 2.5e-4}, "notebook-learning_rate0.00025"),
        ({"coherences": (3.2, 51.2)}, "notebook-coherences3.2_51.2"),
        ({"activation": "tanh"}, "notebook-activationtanh"),
        ({"search": "newton"}, "notebook-searchnewton"),
        ({"noise": 0.0, "choices": 3, "dt": 50.0}, "notebook-dt50-noise0-choices3"),
        (
            {"noise": 0.0, "choices": 3, "dt": 50.0, "epochs": 3},
            "notebook-dt50-noise0-choices3-and-1-more",
        ),
        (
            {"base": "primer"},
            "primer-noise_ineverywhere-trials_per_epoch1024-sequence_steps0-and-4-more",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_name_says_what_was_changed_from_the_base(changes: dict[str, Any], name: str):
    assert dataclasses.replace(NOTEBOOK, **changes).name == name


def test_name_is_by_the_recipes_own_base():
    assert dataclasses.replace(PRIMER, hidden=128, seed=9).name == "primer-hidden128"
    assert dataclasses.replace(PRIMER, learning_rate=1e-3).name == "primer-learning_rate0.001"


def test_name_leaves_out_the_fields_that_it_is_told_to():
    recipe = dataclasses.replace(PRIMER, hidden=128, tau=200.0, seed=9)
    assert recipe.name_without("hidden") == "primer-tau200"
    assert recipe.name_without("tau", "hidden") == "primer"
    assert recipe.name_without("noise") == recipe.name_without() == recipe.name
    # What is left out makes room for what was not spelled out.
    four = dataclasses.replace(recipe, noise=0.0, epochs=1)
    assert four.name.endswith("-and-1-more")
    assert four.name_without("hidden") == "primer-noise0-tau200-epochs1"


@given(
    changes=st.fixed_dictionaries(
        {},
        optional={
            "hidden": st.integers(2, 500),
            "noise": st.floats(0, 1e3),
            "learning_rate": st.floats(1e-9, 1.0),
            "coherences": st.lists(st.floats(0, 100), min_size=1, max_size=5).map(tuple),
            "activation": st.sampled_from(["relu", "tanh", "sigmoid", "softplus"]),
            "stimulus": st.integers(1, 9).map(lambda steps: 100.0 * steps),
        },
    )
)
def test_name_is_a_folders_and_spells_out_few_changes(changes: dict[str, Any]):
    recipe = dataclasses.replace(NOTEBOOK, **changes)
    assert set(recipe.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789.+-_")
    changed = [name for name in changes if getattr(recipe, name) != getattr(NOTEBOOK, name)]
    assert sum(name in recipe.name for name in changed) == min(len(changed), MAX_NAMED)
    assert ("more" in recipe.name) == (len(changed) > MAX_NAMED)


def test_numbers_alone_load_no_command_line_and_no_network():
    code = (
        "import sys, yang_rnn.recipe; "
        "print({'tyro', 'jax', 'brainpy', 'sklearn', 'matplotlib', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


OTHER = Recipe(task="RateGoNoGo", task_settings=("t_delay=200", "t_decision=300"))


def test_a_recipe_of_another_task_has_its_settings_and_channels():
    assert not OTHER.is_perceptual
    assert OTHER.settings == {"t_delay": "200", "t_decision": "300"}
    assert Recipe(task="x", task_settings=("sigma=a=b",)).settings == {"sigma": "a=b"}
    assert OTHER.channels == (0, 0)
    assert dataclasses.replace(OTHER, num_inputs=3, num_outputs=2).channels == (3, 2)
    assert NOTEBOOK.is_perceptual
    assert NOTEBOOK.channels == (3, 3)
    assert Recipe(choices=5).channels == (6, 6)
    assert Recipe.from_json(OTHER.to_json()) == OTHER
    # Its time step need not divide the durations of the perceptual task.
    assert dataclasses.replace(OTHER, dt=80.0).dt == 80.0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("task", ""),
        ("task", None),
        ("task", 3),
        ("task", "x" * 201),
        ("task_settings", "t_delay=200"),
        ("task_settings", ("t_delay",)),
        ("task_settings", ("=3",)),
        ("task_settings", ("t delay=3",)),
        ("task_settings", (3,)),
        ("task_settings", None),
        ("task_settings", ("t_delay=200", "t_delay=300")),
        ("task_settings", ("dt=20",)),
        ("task_settings", ("seed=20",)),
        ("num_inputs", -1),
        ("num_outputs", 2.5),
        ("num_inputs", MAX_COUNT + 1),
        ("fixation", 200.0),
        ("stimulus", 200.0),
        ("delay", 200.0),
        ("decision", 200.0),
        ("coherences", (1.0,)),
        ("noise", 0.5),
        ("noise_in", "stimulus"),
        ("choices", 3),
    ],
)
def test_what_is_not_of_another_task_is_refused_by_name(field: str, value: Any):
    with pytest.raises(RecipeError, match=f"`{field}` must be .*; got"):
        dataclasses.replace(OTHER, **{field: value})


def test_another_task_by_the_primers_recipe_has_noise_of_its_own():
    recipe = dataclasses.replace(PRIMER, task="RateGoNoGo")
    assert recipe.name == "primer-RateGoNoGo"
    assert dataclasses.replace(recipe, noise_in="everywhere").stream_steps == 1500
    with pytest.raises(RecipeError, match="`noise` must be left as it is"):
        dataclasses.replace(recipe, noise=0.5)


@pytest.mark.parametrize(
    ("field", "value"), [("task_settings", ("noise=1",)), ("num_inputs", 3), ("num_outputs", 3)]
)
def test_what_is_of_another_task_is_refused_by_name(field: str, value: Any):
    with pytest.raises(RecipeError, match=f"`{field}` must be .*; got"):
        dataclasses.replace(NOTEBOOK, **{field: value})


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "notebook-RateGoNoGo-t_delay_200_t_decision_300"),
        ({"task_settings": (), "seed": 3}, "notebook-RateGoNoGo"),
        ({"task_settings": (), "num_inputs": 3, "num_outputs": 2}, "notebook-RateGoNoGo"),
        ({"task": "neurogym:GoNogo-v0", "task_settings": ()}, "notebook-neurogym_GoNogo-v0"),
        ({"task": "../up", "task_settings": ()}, "notebook-.._up"),
        ({"task": "ö" * 200, "task_settings": ()}, f"notebook-{'_' * 58}.."),
    ],
)
def test_a_task_is_part_of_the_name(changes: dict[str, Any], name: str):
    assert dataclasses.replace(OTHER, **changes).name == name


def test_the_longest_name_is_a_folders():
    settings = tuple(f"name{k}={'9' * 99}" for k in range(99))
    long = Recipe(task="t" * 200, task_settings=settings, dt=50.0, tau=123.456, hidden=9)
    assert len(f"{long.name}-seed{2**32 - 1}-99") < 255


def test_a_recipe_prints_one_number_a_line():
    lines = str(NOTEBOOK).splitlines()
    assert len(lines) == len(dataclasses.fields(Recipe)) + 2
    assert max(map(len, lines)) < 80
    assert eval("".join(lines), {"Recipe": Recipe}) == NOTEBOOK
