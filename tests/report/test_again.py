import dataclasses
import shlex
from pathlib import Path

import pytest

import yang_rnn as yr
from yang_rnn.cli.options import parse
from yang_rnn.cli.sweep_options import parse as parse_sweep
from yang_rnn.recipe import NOTEBOOK, PRIMER, Recipe
from yang_rnn.report.again import (
    SEEDS,
    analysis_command,
    member_command,
    recipe_in_python,
    run_command,
    seeds_command,
    settings_of,
    sweep_command,
)

RECIPES = [
    NOTEBOOK,
    PRIMER,
    dataclasses.replace(PRIMER, seed=7, hidden=32, learning_rate=1 / 3, search_stimulus=-0.25),
    dataclasses.replace(NOTEBOOK, coherences=(0.0, 12.8), activation="tanh", search="newton"),
    Recipe(task="RateContextDecisionMaking", task_settings=("noise_sigma=0.2", "t_delay=(1, 2)")),
]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_the_command_of_a_run_has_its_recipe(recipe: Recipe):
    python, module, name, *words = shlex.split(run_command(recipe))
    assert (python, module, name) == ("python", "-m", "yang_rnn.run")
    options = parse(words)
    assert options.numbers == recipe
    assert (options.platform, options.prove) == ("cpu", False)


def test_the_command_of_a_run_has_its_platform_and_its_proof():
    options = parse(shlex.split(run_command(NOTEBOOK, platform="gpu", prove=True))[3:])
    assert (options.platform, options.prove) == ("gpu", True)


def test_a_task_of_ones_own_is_made_again_in_python():
    recipe = Recipe(task="dinner", hidden=8)
    assert "yr.run_task(dataclasses.replace(yr.NOTEBOOK, task='dinner', hidden=8), task)" in (
        run_command(recipe)
    )


@pytest.mark.parametrize("recipe", RECIPES[:-1], ids=lambda recipe: recipe.name)
def test_the_command_of_an_analysis_takes_the_trained_network(recipe: Recipe, tmp_path: Path):
    there = dataclasses.replace(recipe, search="newton", search_stimulus=0.5)
    there.save(tmp_path / "recipe.json")
    words = shlex.split(analysis_command(str(tmp_path), dataclasses.replace(there, test_trials=9)))
    options = parse(words[3:])
    assert options.from_ == tmp_path
    assert options.numbers == dataclasses.replace(there, test_trials=9)
    longer = dataclasses.replace(there, epochs=there.epochs + 2)
    options = parse(shlex.split(analysis_command(str(tmp_path), longer, prove=False))[3:])
    assert options.numbers == longer


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_recipe_in_python_is_that_recipe(recipe: Recipe):
    assert eval(recipe_in_python(recipe), {"yr": yr, "dataclasses": dataclasses}) == recipe


def test_the_command_of_a_sweep_has_its_members():
    words = shlex.split(sweep_command(PRIMER, [5, 0, 1, 2], {"hidden": [16, 32]}))
    options = parse_sweep(words[3:])
    assert options.numbers == PRIMER
    assert sorted(options.seed_list) == [0, 1, 2, 5]
    assert options.vary == {"hidden": [16, 32]}


def test_the_command_of_a_sweep_has_its_task():
    recipe = Recipe(task="RateContextDecisionMaking", task_settings=("noise_sigma=0.2",))
    options = parse_sweep(shlex.split(sweep_command(recipe, [3], {}))[3:])
    assert (options.numbers, options.seed_list, options.vary) == (recipe, [3], {})


def test_a_sweep_that_no_command_says_is_made_in_python(monkeypatch: pytest.MonkeyPatch):
    recipe = dataclasses.replace(NOTEBOOK, coherences=(0.0, 50.0), search="newton")
    made = {}
    monkeypatch.setattr(yr, "sweep", lambda *args, **kwargs: made.update(args=args, **kwargs))
    exec(sweep_command(recipe, [0, 1, 2], {"hidden": [8]}))
    given, seeds = made["args"]
    assert (given.coherences, list(seeds), made["vary"]) == (
        (0.0, 50.0), [0, 1, 2], {"hidden": [8]}
    )  # fmt: skip


def test_the_command_of_a_member_sets_what_it_has():
    member = dataclasses.replace(PRIMER, hidden=16, noise_in="everywhere", seed=4, search="newton")
    options = parse_sweep(shlex.split(member_command(member))[3:])
    assert options.seed_list == [4]
    assert options.vary == {"hidden": [16], "noise_in": ["everywhere"]}


@pytest.mark.parametrize("recipe", [*RECIPES[:3], RECIPES[-1]], ids=lambda recipe: recipe.name)
def test_the_sweep_of_a_run_trains_its_network_from_other_seeds(recipe: Recipe):
    options = parse_sweep(shlex.split(seeds_command(recipe, platform="gpu"))[3:])
    assert len(options.seed_list) == SEEDS
    values = {name: value for name, (value,) in options.vary.items()}
    trained = dataclasses.replace(options.numbers, **values, seed=recipe.seed)
    assert trained == dataclasses.replace(recipe, search=trained.search)
    assert options.platform == "gpu"


def test_a_task_of_ones_own_has_no_sweep_that_is_a_command():
    assert seeds_command(Recipe(task="dinner", hidden=8)) == ""


def test_settings_say_what_is_different_and_of_what_it_is():
    rows = settings_of(dataclasses.replace(NOTEBOOK, hidden=8, test_trials=5))
    assert rows == [
        ("hidden", 8, 64, "task, network, training"),
        ("test_trials", 5, 10_000, "the analysis"),
    ]
