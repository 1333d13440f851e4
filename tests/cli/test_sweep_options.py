import dataclasses
import re
from pathlib import Path

import pytest

from yang_rnn.cli.ending import UsageError
from yang_rnn.cli.sweep_options import SweepOptions, parse
from yang_rnn.recipe import NOTEBOOK, PRIMER, Recipe


def test_nothing_but_the_folder_is_ten_seeds_of_the_notebook():
    options = parse(["--out", "x"])
    assert options.out == Path("x")
    assert options.numbers == NOTEBOOK
    assert options.seed_list == list(range(10))
    assert options.vary == {}
    assert (options.workers, options.scheduler, options.platform) == (0, None, "cpu")


def test_recipe_is_one_of_ours_or_that_of_a_run(tmp_path: Path):
    Recipe(hidden=10, seed=3).save(tmp_path / "recipe.json")
    assert parse("--out x --recipe primer".split()).numbers == PRIMER
    assert parse("--out x --recipe recipe.json".split()).numbers == Recipe(hidden=10, seed=3)


@pytest.mark.parametrize(
    ("words", "seeds"),
    [("7", [7]), ("0:3", [0, 1, 2]), ("0:2,100:102,1", [0, 1, 100, 101]), ("5,3", [5, 3])],
)
def test_seeds_are_numbers_and_ranges_each_once(words: str, seeds: list[int]):
    assert parse(["--out", "x", "--seeds", words]).seed_list == seeds


def test_set_may_be_given_again_for_the_same_number():
    words = "--out x --set hidden=16 --set hidden=32,16 --set tau=200 --set learning-rate=0.01"
    expected = {"hidden": [16, 32], "tau": [200.0], "learning_rate": [0.01]}
    assert parse(words.split()).vary == expected


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("--seeds x", "--seeds must be like"),
        ("--seeds 1:2:3", "--seeds must be like"),
        ("--seeds 5:5", "--seeds must have one or more"),
        ("--seeds=-1", "--seeds must be a whole number, 0 to 4294967295; got -1"),
        ("--seeds 4294967295:4294967297", "--seeds must be a whole number"),
        ("--seeds 0:100000000000", "--seeds must be at most 1000000"),
        ("--set hidden", "--set must be like hidden=64,128; got 'hidden'"),
        ("--set dinner=3", "--set dinner: there is no such number in a recipe"),
        (
            "--set hiden=64,128",
            "--set hiden: there is no such number in a recipe; did you mean hidden?",
        ),
        ("--set seed=3,4", "--set seed: --seeds is for that"),
        ("--set coherences=1,2", "--set coherences: a sweep can't set it"),
        ("--set search=newton", "--set search: a sweep can't set it"),
        ("--set base=primer", "--set base: a sweep can't set it"),
        ("--set hidden=64,many", "--set hidden must be of int values"),
        ("--set hidden=64,-3", "--set hidden must be"),
        ("--set dt=30", "--set fixation must be"),
        ("--set tau=50 --set dt=50,100", "--set tau must be at least dt (100 ms)"),
        ("--workers=-1", "--workers must be 0 or more"),
        ("--workers two", "error parsing --workers: expected a whole number; got 'two'"),
        ("--workers 2 --scheduler tcp://localhost:1", "--workers and --scheduler can't"),
        ("--recipe dinner", "--recipe must be"),
        ("--dinner 3", "unrecognized options: --dinner"),
        ("--num-inputs 3", "unrecognized options: --num-inputs"),
    ],
)
def test_bad_value_is_one_line_that_names_the_option(more: str, message: str):
    with pytest.raises(UsageError, match="^" + re.escape(message)) as caught:
        parse(["--out", "new", *more.split()])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("--noise 2", "use --set noise=2"),
        ("--hidden 32,64 --seeds 0:3", "use --set hidden=32,64"),
        ("--hidden=32,64", "use --set hidden=32,64"),
        ("--learning-rate 0.1", "use --set learning_rate=0.1"),
        ("--noise --seeds 0:3", "use --set noise=VALUE"),
        ("--set hidden 32,64", "use --set hidden=32,64"),
        ("--set tau=200 --set learning-rate 0.1", "use --set learning_rate=0.1"),
        ("--task hidden --noise 2", "use --set noise=2"),
    ],
)
def test_a_number_of_the_recipe_is_set_by_set(more: str, said: str):
    with pytest.raises(UsageError, match=f"; {re.escape(said)}$"):
        parse(["--out", "new", *more.split()])


def test_the_folder_must_be_named():
    with pytest.raises(UsageError, match=r"^missing: --out PATH "):
        parse(["--seeds", "3"])


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        parse(["--help"])
    assert not caught.value.code
    shown = capsys.readouterr().out
    for field in dataclasses.fields(SweepOptions):
        assert f" --{field.name.replace('_', '-')} " in shown


def test_words_and_numbers_of_network_and_training_can_be_set():
    options = parse([
        "--out", "x", "--set", "unit_noise=0,0.1", "--set", "leak=inside,outside",
        "--set", "excitatory=0,0.8", "--set", "l2-rates=0.01",
        "--set", "learning_rate_schedule=cosine",
    ])  # fmt: skip
    assert options.vary == {
        "unit_noise": [0.0, 0.1],
        "leak": ["inside", "outside"],
        "excitatory": [0.0, 0.8],
        "l2_rates": [0.01],
        "learning_rate_schedule": ["cosine"],
    }
    with pytest.raises(UsageError, match="--set leak must be one of"):
        parse(["--out", "x", "--set", "leak=aside"])
    with pytest.raises(UsageError, match="--set rank must be 0 with Dale's law"):
        parse(["--out", "x", "--set", "rank=2", "--set", "excitatory=0.8"])
