import dataclasses
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from yang_rnn import recipe as recipe_module
from yang_rnn.cli.ending import UsageError
from yang_rnn.cli.options import ANALYSIS, parse
from yang_rnn.recipe import NOTEBOOK, PRIMER, Recipe


def test_nothing_said_is_the_notebook():
    options = parse([])
    assert options.numbers == NOTEBOOK
    assert type(options.numbers) is Recipe
    assert (options.recipe, options.from_) == ("notebook", None)
    assert (options.platform, options.out, options.figures) == ("cpu", None, "png")
    assert not options.quiet
    assert not options.overwrite


FOUND = ("num_inputs", "num_outputs")
"""What a run finds out of its task: fields, but no options."""
HIDDEN = ("base", *FOUND)


def test_every_number_of_the_recipe_is_an_option():
    other = Recipe(
        seed=9, dt=50.0, fixation=200.0, stimulus=300.0, delay=50.0, decision=150.0,
        coherences=(1.0, 2.5), noise=0.5, noise_in="stimulus", choices=3, trials_per_epoch=7,
        sequence_steps=8, stream_steps=17,
        hidden=5, tau=60.0, leak="outside", excitatory=0.6, readout_units="excitatory",
        initial_state="trained", unit_noise=0.1, learning_rate_schedule="cosine",
        learning_rate_end=0.5, l2_weights=1e-4, l2_rates=1e-3, clip_norm=1.5,
        target_accuracy=0.75, held_out_trials=11,
        activation="tanh", initialisation="linear", random_starts=9, random_start_high=2.5,
        epochs=2, batch_size=3, learning_rate=0.25, test_trials=4,
        analysis_trials=6, components=3, search="newton", fixed_speed=1e-15,
        search_fixation=-0.5, search_stimulus=0.25,
        search_learning_rate=0.125, search_steps=11, search_check_every=12,
        search_stop_mean_square=0.0, slow_mean_square=1e-9, unique_distance=13.0,
        outlier_distance=14.0,
    )  # fmt: skip
    arguments = []
    for name, value in dataclasses.asdict(other).items():
        if name in (*HIDDEN, "task", "task_settings", "rank"):  # what excludes others, below
            continue
        assert value != getattr(NOTEBOOK, name), f"{name} is not tested"
        arguments.append("--" + name.replace("_", "-"))
        arguments += map(str, value) if isinstance(value, tuple) else [str(value)]
    assert parse(arguments).numbers == other
    assert parse(["--rank", "3"]).numbers == Recipe(rank=3)
    words = "--task RateGoNoGo --task-settings t_delay=200 t_decision=300".split()
    settings = ("t_delay=200", "t_decision=300")
    assert parse(words).numbers == Recipe(task="RateGoNoGo", task_settings=settings)


@pytest.mark.parametrize("option", ["--num-inputs", "--num-outputs", "--base"])
def test_what_a_run_finds_out_is_no_option(option: str):
    with pytest.raises(UsageError, match=option):
        parse([option, "3", "--task", "RateGoNoGo"])


def test_channels_of_an_earlier_run_are_found_anew(tmp_path: Path):
    path = tmp_path / "recipe.json"
    Recipe(task="RateGoNoGo", num_inputs=3, num_outputs=2, hidden=9).save(path)
    recipe = parse(["--recipe", str(path), "--task", "RateAntiReach"]).numbers
    assert (recipe.task, recipe.num_inputs, recipe.hidden) == ("RateAntiReach", 0, 9)
    assert parse(["--recipe", str(path), "--task", "perceptual"]).numbers == Recipe(hidden=9)


def test_from_a_tasks_run_its_channels_stay(tmp_path: Path):
    (tmp_path / "trained").mkdir()
    recipe = Recipe(task="RateGoNoGo", num_inputs=3, num_outputs=2, hidden=9)
    recipe.save(tmp_path / "trained" / "recipe.json")
    assert parse(["--from", "trained"]).numbers == recipe
    with pytest.raises(UsageError, match="--task can't be changed with --from"):
        parse(["--from", "trained", "--task", "RateAntiReach"])


def test_named_recipe_gives_the_numbers():
    assert parse(["--recipe", "primer", "--hidden", "10"]).numbers == dataclasses.replace(
        PRIMER, hidden=10
    )


def test_recipe_of_an_earlier_run_gives_the_numbers(tmp_path: Path):
    path = tmp_path / "recipe.json"
    Recipe(hidden=10, seed=3).save(path)
    assert parse(["--recipe", str(path), "--seed", "5"]).numbers == Recipe(hidden=10, seed=5)


@pytest.mark.parametrize(
    ("word", "formats"),
    [("png", ("png",)), ("pdf", ("pdf",)), ("both", ("png", "pdf")), ("none", ())],
)
def test_figures_are_files_of_these_kinds(word: str, formats: tuple[str, ...]):
    assert parse(["--figures", word]).formats == formats


@pytest.fixture
def trained(tmp_path: Path) -> Recipe:
    """Return the recipe of a run in the folder "trained"."""
    recipe = dataclasses.replace(PRIMER, hidden=10, seed=3)
    (tmp_path / "trained").mkdir()
    recipe.save(tmp_path / "trained" / "recipe.json")
    return recipe


def test_from_a_run_numbers_are_its_own_but_for_the_analysis(trained: Recipe):
    assert parse(["--from", "trained"]).numbers == trained
    # An option with the run's own value changes nothing.
    words = "--from trained --components 3 --search newton --hidden 10".split()
    expected = dataclasses.replace(trained, components=3, search="newton")
    assert parse(words).numbers == expected
    assert parse("--from trained --epochs 30".split()).numbers == dataclasses.replace(
        trained, epochs=30
    )


def test_numbers_of_the_analysis_are_those_under_that_heading():
    source = inspect.getsource(recipe_module)
    under = re.search(r"\n    # Analysis\n(.*?)\n\n    def ", source, flags=re.DOTALL)
    assert under is not None
    assert re.findall(r"^    (\w+):", under[1], flags=re.MULTILINE) == list(ANALYSIS)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--seed 4", "--seed can't be changed with --from: the network in trained was trained"),
        ("--hidden 64", "--hidden can't be changed with --from"),
        ("--sequence-steps 0", "--sequence-steps can't be changed"),
        ("--learning-rate 1", "--learning-rate can't be changed"),
        ("--unit-noise 1", "--unit-noise can't be changed"),
        ("--epochs 19", "--epochs can only be raised with --from: .* for 20; got 19"),
        ("--recipe primer", "--recipe and --from can't be given together"),
        ("--components 0", "--components must be"),
        ("--from nowhere", r"--from must be the folder of a run, .*there is no nowhere$"),
        ("--from empty", r"--from must be the folder of a run, .*empty has no recipe"),
        ("--from damaged", r"--from must be the folder of a run, .*`hidden` must be"),
    ],
)
def test_what_was_trained_cannot_be_changed(
    words: str, message: str, trained: Recipe, tmp_path: Path
):
    (tmp_path / "empty").mkdir()
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "recipe.json").write_text('{"hidden": 0}')
    with pytest.raises(UsageError, match=message) as caught:
        parse(["--from", "trained", *words.split()])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "option", "got"),
    [
        ("--hidden -3", "--hidden", "-3"),
        ("--hidden 0", "--hidden", "0"),
        ("--hidden 99999999999999999999", "--hidden", "2 to 1000000"),
        ("--hidden 1", "--hidden", "2 to 1000000"),
        ("--fixed-speed 1", "--fixed-speed", "at most 0.0032 "),
        ("--hidden ten", "--hidden", "'ten'"),
        ("--hidden 3.5", "--hidden", "'3.5'"),
        ("--hidden", "--hidden", ""),
        ("--epochs 0", "--epochs", "0"),
        ("--seed -1", "--seed", "-1"),
        ("--learning-rate nan", "--learning-rate", "nan"),
        ("--learning-rate fast", "--learning-rate", "'fast'"),
        ("--dt 30", "--fixation", "dt (30 ms)"),
        ("--dt 5000", "--fixation", "dt (5000 ms)"),
        ("--dt 1e-300", "--fixation", "dt (1e-300 ms)"),
        ("--stimulus 50", "--stimulus", "50"),
        ("--tau 10", "--tau", "10"),
        ("--coherences", "--coherences", "()"),
        ("--coherences 1 much", "--coherences", "'1 much'"),
        ("--activation step", "--activation", "'step'"),
        ("--search far", "--search", "'far'"),
        ("--figures svg", "--figures", "'svg'"),
        ("--platform abacus", "--platform", "'abacus'"),
        ("--recipe dinner", "--recipe", "'dinner'"),
        ("--recipe missing.json", "--recipe", "missing.json"),
        ("--hiden 3", "--hiden", "3"),
        ("--base primer", "--base", "primer"),
        ("--overwrite", "--overwrite needs --out", ""),
        ("left over", "left", "over"),
    ],
)
def test_bad_value_is_one_line_that_names_the_option(arguments: str, option: str, got: str):
    with pytest.raises(UsageError) as caught:
        parse(arguments.split())
    message = str(caught.value)
    assert "\n" not in message
    assert option in message
    assert got in message


def test_damaged_recipe_is_refused(tmp_path: Path):
    path = tmp_path / "recipe.json"
    path.write_text('{"hidden": 0}')
    with pytest.raises(UsageError, match="`hidden` must be a whole number, 2 to 1000000; got 0"):
        parse(["--recipe", str(path)])


@pytest.mark.parametrize("field", ["tau", "noise", "fixation", "hidden", "seed", "coherences"])
@pytest.mark.parametrize("number", ["1" + 400 * "0", "[" * 200 + "]" * 200])
def test_recipe_with_a_boundless_value_is_one_short_line(tmp_path: Path, field: str, number: str):
    path = tmp_path / "recipe.json"
    path.write_text(f'{{"{field}": {number}}}')
    with pytest.raises(UsageError, match=f"`{field}` must be .*; got .{{1,50}}$"):
        parse(["--recipe", str(path)])


@pytest.mark.parametrize("depth", [900, 100_000])
def test_recipe_nested_deeply_is_one_line(tmp_path: Path, depth: int):
    path = tmp_path / "recipe.json"
    path.write_text('{"tau": ' + "[" * depth + "]" * depth + "}")
    with pytest.raises(UsageError, match=r"recipe\.json: .*(`tau` must be|deep nest)"):
        parse(["--recipe", str(path)])


def test_help_names_and_explains_every_option(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        parse(["--help"])
    assert not caught.value.code
    shown = re.sub(r"[│\s]+", " ", capsys.readouterr().out)
    source = inspect.getsource(Recipe)
    for field in dataclasses.fields(Recipe):
        help_text = re.search(rf'\n    {field.name}: .*\n    """(.*)"""', source)
        assert help_text is not None
        assert (" --" + field.name.replace("_", "-") + " " in shown) == (field.name not in HIDDEN)
        assert (help_text[1] in shown) == (field.name not in HIDDEN)
    assert "--from RUN --figures pdf" in shown


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_an_error_is_one_line_whatever_the_terminal_can_show(encoding: str):
    command = [sys.executable, "-m", "yang_rnn.run", "--hidden", "x"]
    surroundings = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run(command, capture_output=True, text=True, env=surroundings)
    assert done.returncode == 2
    assert done.stderr == "yang-rnn: error parsing --hidden: expected a whole number; got 'x'\n"


@pytest.mark.parametrize(
    ("word", "hint"),
    [("--epoch", "; did you mean --epochs?"), ("--verbos", "; did you mean --verbose?")],
)
def test_an_option_that_is_nearly_one_is_met_with_that(word: str, hint: str):
    with pytest.raises(UsageError, match=rf"^unrecognized options: {word}.*") as caught:
        parse([word])
    assert str(caught.value).endswith(hint)


def test_an_option_unlike_all_others_gets_no_hint():
    with pytest.raises(UsageError, match=r"^unrecognized options: --zzzzqqq$"):
        parse(["--zzzzqqq"])
