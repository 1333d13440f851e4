import contextlib
import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest
from small import TINY

from yang_rnn.ensemble.plan import (
    SweepError,
    check_manifest,
    discard,
    locked,
    members_of,
)
from yang_rnn.recipe import NOTEBOOK

MADE_WITH = {"platform": "cpu", "jax": "0.10.2"}


def test_members_are_all_combinations_with_all_seeds_each_once():
    members = members_of(TINY, [4, 7, 4], {"hidden": [10, 12, 10], "tau": [200, 200.0]})
    assert [(m.hidden, m.tau, m.seed) for m in members] == [
        (10, 200.0, 4), (10, 200.0, 7), (12, 200.0, 4), (12, 200.0, 7),
    ]  # fmt: skip
    assert {m.search for m in members} == {"newton"}
    assert {m.epochs for m in members} == {TINY.epochs}


@pytest.mark.parametrize("field", ["seed", "base", "search", "dinner"])
def test_fields_that_can_not_vary_are_refused(field: str):
    with pytest.raises(ValueError, match=f"may vary; got '{field}'"):
        members_of(TINY, [1], {field: [1]})


def test_arguments_are_checked():
    wrong: Any
    with pytest.raises(ValueError, match="`seeds` must have one or more"):
        members_of(TINY, [], {})
    with pytest.raises(ValueError, match="must have values for 'hidden'"):
        members_of(TINY, [1], {"hidden": []})
    for wrong in (16, "16"):
        with pytest.raises(ValueError, match=r"list of values for 'hidden'; got '?16'?"):
            members_of(TINY, [1], {"hidden": wrong})
    for wrong in ("primer", 5):
        with pytest.raises(ValueError, match="`recipe` must be a Recipe"):
            members_of(wrong, [1], {})
    for wrong in (5, "12"):
        with pytest.raises(ValueError, match="`seeds` must be a range or a list"):
            members_of(TINY, wrong, {})
    wrong = [1]
    with pytest.raises(ValueError, match="`vary` must be a dict"):
        members_of(TINY, [1], wrong)
    with pytest.raises(ValueError, match="`hidden` must be a whole number"):
        members_of(TINY, [1], {"hidden": [-3]})


@pytest.mark.parametrize("out", ["file", "file/new"])
def test_a_folder_that_can_not_be_is_an_error(out: str, tmp_path: Path):
    (tmp_path / "file").write_text("thesis")
    with pytest.raises(SweepError, match=f"{out} must be a folder that can be written; "):
        with locked(tmp_path / out):
            pass
    assert (tmp_path / "file").read_text() == "thesis"


def test_a_folder_with_something_else_is_refused(tmp_path: Path):
    (tmp_path / "chapter").write_text("one")
    with pytest.raises(SweepError, match="must be a new folder or a sweep's; it has chapter"):
        with locked(tmp_path):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["chapter"]


def test_a_folder_is_held_by_one_at_a_time(tmp_path: Path):
    with locked(tmp_path):
        with pytest.raises(SweepError, match="another sweep is running in"):
            with locked(tmp_path):
                pass
    with locked(tmp_path):
        pass


def test_a_manifest_is_written_once_and_holds_the_folder_to_it(tmp_path: Path):
    varied = {"hidden": [10, 12]}
    assert check_manifest(tmp_path, TINY, varied, MADE_WITH) is None
    before = (tmp_path / "sweep.json").read_bytes()
    manifest = json.loads(before)
    assert manifest["varied"] == ["hidden"]
    assert manifest["recipe"]["epochs"] == 1
    assert "hidden" not in manifest["recipe"]
    # Other seeds and other values of what is varied are the same sweep.
    same = dataclasses.replace(TINY, seed=5, hidden=20)
    assert check_manifest(tmp_path, same, {"hidden": [14]}, MADE_WITH) is None
    (tmp_path / "members" / "seed5").mkdir(parents=True)
    other = dataclasses.replace(TINY, epochs=3)
    was = r"a sweep of another recipe \(epochs was 1, is 3\); take a new folder"
    with pytest.raises(SweepError, match=was):
        check_manifest(tmp_path, other, varied, MADE_WITH)
    with pytest.raises(SweepError, match=r"recipe \(hidden was varied, is 8\); take a new folder"):
        check_manifest(tmp_path, TINY, {}, MADE_WITH)
    with pytest.raises(SweepError, match=r"\(epochs was 1, is varied\)"):
        check_manifest(tmp_path, TINY, varied | {"epochs": [1, 2]}, MADE_WITH)
    assert (tmp_path / "sweep.json").read_bytes() == before


def test_a_sweep_of_before_a_field_of_the_recipe_goes_on(tmp_path: Path):
    check_manifest(tmp_path, TINY, {}, MADE_WITH)
    (tmp_path / "members" / "seed0").mkdir(parents=True)
    manifest = json.loads((tmp_path / "sweep.json").read_text())
    for field in ("stream_steps", "noise_in"):
        del manifest["recipe"][field]
    (tmp_path / "sweep.json").write_text(json.dumps(manifest))
    assert check_manifest(tmp_path, TINY, {}, MADE_WITH) is None
    other = dataclasses.replace(TINY, noise_in="stimulus")
    with pytest.raises(SweepError, match="noise_in was everywhere, is stimulus"):
        check_manifest(tmp_path, other, {}, MADE_WITH)


def test_other_versions_are_a_problem_only_where_there_are_members(tmp_path: Path):
    check_manifest(tmp_path, TINY, {}, MADE_WITH)
    (tmp_path / "members" / ".begun").mkdir(parents=True)  # unfinished
    newer = MADE_WITH | {"jax": "0.11.0"}
    assert check_manifest(tmp_path, TINY, {}, newer) is None
    (tmp_path / "members" / "seed3").mkdir()
    assert check_manifest(tmp_path, TINY, {}, newer) is None
    problem = check_manifest(tmp_path, TINY, {}, MADE_WITH)
    assert str(problem) == "jax was 0.11.0, is 0.10.2"


def test_a_manifest_without_members_does_not_hold_the_folder_to_its_recipe(tmp_path: Path):
    check_manifest(tmp_path, TINY, {}, MADE_WITH)
    other = dataclasses.replace(TINY, epochs=3)
    assert check_manifest(tmp_path, other, {"hidden": [4]}, MADE_WITH) is None
    manifest = json.loads((tmp_path / "sweep.json").read_text())
    assert (manifest["recipe"]["epochs"], manifest["varied"]) == (3, ["hidden"])


@pytest.mark.parametrize("text", ["{", "[]", '{"recipe": 3, "varied": []}', "\xff"])
def test_a_damaged_manifest_is_an_error(text: str, tmp_path: Path):
    (tmp_path / "sweep.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(SweepError, match=r"sweep.json is damaged; take a new folder"):
        check_manifest(tmp_path, TINY, {}, MADE_WITH)


def test_what_stands_in_place_of_a_member_is_discarded(tmp_path: Path):
    (tmp_path / "seed4").mkdir()
    (tmp_path / "seed4" / "recipe.json").write_text("{")
    (tmp_path / "seed5").write_text("mine")
    for name in ("seed4", "seed5"):
        discard(tmp_path / name)
    assert os.listdir(tmp_path) == []


class End(Exception):
    """What ends a sweep."""


def ended() -> Any:
    return contextlib.suppress(End)


def test_a_sweep_that_comes_to_nothing_leaves_nothing(tmp_path: Path):
    folder = tmp_path / "deep" / "er"
    with ended(), locked(folder):
        check_manifest(folder, TINY, {}, MADE_WITH)
        (folder / "members").mkdir()
        raise End
    assert os.listdir(tmp_path) == []


def test_what_was_there_before_a_sweep_that_comes_to_nothing_stays(tmp_path: Path):
    (tmp_path / ".DS_Store").write_text("mine")
    with ended(), locked(tmp_path):
        check_manifest(tmp_path, TINY, {}, MADE_WITH)
        raise End
    assert os.listdir(tmp_path) == [".DS_Store"]


def test_a_sweep_with_a_member_stays_however_it_ends(tmp_path: Path):
    with ended(), locked(tmp_path / "new"):
        check_manifest(tmp_path / "new", TINY, {}, MADE_WITH)
        (tmp_path / "new" / "members" / "seed3").mkdir(parents=True)
        raise End
    assert sorted(os.listdir(tmp_path / "new")) == [".lock", "members", "sweep.json"]


def test_options_of_network_and_training_vary():
    vary = {"unit_noise": [0.0, 0.1], "leak": ["inside", "outside"], "clip_norm": [1.0]}
    members = members_of(NOTEBOOK, [0, 1], vary)
    assert len(members) == 8
    found = {(m.unit_noise, m.leak, m.clip_norm) for m in members}
    assert found == {(s, leak, 1.0) for s in (0.0, 0.1) for leak in ("inside", "outside")}
    assert members[-1].name == "notebook-leakoutside-unit_noise0.1-clip_norm1-and-1-more"
