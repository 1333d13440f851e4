import signal
import subprocess
import sys
from pathlib import Path

import pytest

from yang_rnn.experiment.folder import NewFolder, foreign_in
from yang_rnn.experiment.names import SUMMARY_FILE as MARK


def fill(folder: NewFolder, text: str) -> Path:
    (folder.staging / MARK).write_text(text)
    return folder.publish()


def names(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.iterdir())


def test_folder_appears_only_when_published(tmp_path: Path):
    path = tmp_path / "deep" / "er" / "run"
    with NewFolder(path) as folder:
        assert not path.exists()
        assert fill(folder, "whole") == path
    assert (path / MARK).read_text() == "whole"
    assert names(path.parent) == ["run"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, ValueError])
def test_nothing_is_left_after_a_failure(tmp_path: Path, error: type[BaseException]):
    def fail() -> None:
        with NewFolder(tmp_path / "new" / "run") as folder:
            (folder.staging / MARK).write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert names(tmp_path) == []


def test_existing_folder_is_refused_and_kept(tmp_path: Path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("precious")
    for overwrite in (False, True):  # to overwrite takes a mark
        with pytest.raises(FileExistsError, match="run exists"):
            NewFolder(tmp_path / "run", overwrite=overwrite).__enter__()
    assert names(tmp_path / "run") == ["thesis.tex"]
    assert names(tmp_path) == ["run"]


def test_marked_folder_is_replaced_whole(tmp_path: Path):
    with NewFolder(tmp_path / "run") as folder:
        (folder.staging / "history.csv").write_text("old")
        fill(folder, "old")
    with NewFolder(tmp_path / "run", overwrite=True) as folder:
        assert (tmp_path / "run" / "history.csv").exists()
        fill(folder, "new")
    assert names(tmp_path / "run") == [MARK]
    assert (tmp_path / "run" / MARK).read_text() == "new"
    assert names(tmp_path) == ["run"]


def test_numbers_go_on(tmp_path: Path):
    for expected in ("run", "run-2", "run-3"):
        with NewFolder(tmp_path / "run", number_on=True) as folder:
            assert fill(folder, "") == tmp_path / expected


def test_two_at_once_take_different_numbers(tmp_path: Path):
    with (
        NewFolder(tmp_path / "run", number_on=True) as one,
        NewFolder(tmp_path / "run", number_on=True) as other,
    ):
        assert fill(other, "b") == tmp_path / "run"
        assert fill(one, "a") == tmp_path / "run-2"


def test_name_taken_meanwhile_is_not_overwritten(tmp_path: Path):
    def race() -> None:
        with NewFolder(tmp_path / "run") as folder:
            (tmp_path / "run").mkdir()
            fill(folder, "late")

    with pytest.raises(FileExistsError, match="run exists"):
        race()
    assert names(tmp_path) == ["run"]
    assert names(tmp_path / "run") == []


def test_place_that_cannot_be_written_is_an_error_that_names_the_folder(tmp_path: Path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "run", Path("/proc/run"), tmp_path / (300 * "n")):
        with pytest.raises(OSError, match=f"'{path}'$"):
            NewFolder(path).__enter__()
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("target", ["run", "nowhere"])
def test_symbolic_link_is_refused_before_the_work(tmp_path: Path, target: str, overwrite: bool):
    with NewFolder(tmp_path / "run") as folder:
        fill(folder, "old")
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(FileExistsError, match="link is a symbolic link"):
        NewFolder(tmp_path / "link", overwrite=overwrite).__enter__()
    assert names(tmp_path) == ["link", "run"]
    assert (tmp_path / "run" / MARK).read_text() == "old"


def test_numbers_go_on_behind_a_dangling_link(tmp_path: Path):
    (tmp_path / "run").symlink_to("nowhere")
    with NewFolder(tmp_path / "run", number_on=True) as folder:
        assert fill(folder, "new") == tmp_path / "run-2"
    assert names(tmp_path) == ["run", "run-2"]


def test_parent_that_is_a_link_is_followed(tmp_path: Path):
    (tmp_path / "big").mkdir()
    (tmp_path / "runs").symlink_to("big")
    with NewFolder(tmp_path / "runs" / "run") as folder:
        fill(folder, "new")
    assert names(tmp_path / "big") == ["run"]


@pytest.mark.parametrize("path", ["", ".", "x/..", "here/..", "here/../here"])
def test_name_of_a_folder_that_is_there_is_refused(tmp_path: Path, path: str):
    (tmp_path / "here").mkdir()
    for overwrite in (False, True):
        with pytest.raises(FileExistsError, match=f"^{tmp_path}.* exists"):
            NewFolder(path, overwrite=overwrite).__enter__()
    assert names(tmp_path) == ["here"]


def test_way_back_through_a_missing_folder_is_taken(tmp_path: Path):
    with NewFolder("missing/../run") as folder:
        fill(folder, "new")
    assert names(tmp_path) == ["run"]
    with NewFolder("missing/../run", overwrite=True) as folder:
        fill(folder, "newer")
    assert (tmp_path / "run" / MARK).read_text() == "newer"
    assert names(tmp_path) == ["run"]


def test_replaced_run_comes_back_if_its_successor_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with NewFolder(tmp_path / "run") as folder:
        fill(folder, "old")
    rename = Path.rename

    def fail_on_staging(self: Path, target: Path) -> Path:
        if self.name == ".run.yang_rnn-new":
            raise KeyboardInterrupt
        return rename(self, target)

    def replace() -> None:
        with NewFolder(tmp_path / "run", overwrite=True) as folder:
            fill(folder, "new")

    monkeypatch.setattr(Path, "rename", fail_on_staging)
    with pytest.raises(KeyboardInterrupt):
        replace()
    assert names(tmp_path) == ["run"]
    assert (tmp_path / "run" / MARK).read_text() == "old"


@pytest.mark.parametrize(
    "foreign", ["thesis.tex", ".git/config", "figures/mine.png", "figures/x/y"]
)
def test_a_run_with_something_else_in_it_is_not_replaced(tmp_path: Path, foreign: str):
    place = tmp_path / "run" / foreign
    place.parent.mkdir(parents=True)
    place.write_text("precious")
    (tmp_path / "run" / MARK).write_text("old")
    named = {".git/config": ".git", "figures/x/y": "figures/x"}.get(foreign, foreign)
    with pytest.raises(FileExistsError, match=f"run exists and has {named}, which no run makes"):
        NewFolder(tmp_path / "run", overwrite=True).__enter__()
    assert place.read_text() == "precious"
    assert names(tmp_path) == ["run"]


def test_links_are_none_of_a_run(tmp_path: Path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / MARK).write_text("old")
    (tmp_path / "run" / "figures").symlink_to(tmp_path / "figures")
    assert foreign_in(tmp_path / "run") == "figures"
    (tmp_path / "run" / "figures").unlink()
    (tmp_path / "run" / "history.csv").symlink_to("elsewhere")
    assert foreign_in(tmp_path / "run") == "history.csv"


def test_what_is_put_into_a_run_while_it_is_to_be_replaced_stays(tmp_path: Path):
    with NewFolder(tmp_path / "run") as folder:
        fill(folder, "old")
    with NewFolder(tmp_path / "run", overwrite=True) as folder:
        (tmp_path / "run" / "thesis.tex").write_text("precious")
        assert fill(folder, "new") == tmp_path / "run-2"
    assert names(tmp_path / "run") == [MARK, "thesis.tex"]
    assert (tmp_path / "run-2" / MARK).read_text() == "new"


@pytest.mark.parametrize("overwrite", [False, True])
def test_two_at_once_with_one_name_the_second_is_refused(tmp_path: Path, overwrite: bool):
    with NewFolder(tmp_path / "run") as folder:
        fill(folder, "old")
        with pytest.raises(FileExistsError, match="run exists"):
            NewFolder(tmp_path / "run").__enter__()
    if not overwrite:
        (tmp_path / "run" / MARK).unlink()
        (tmp_path / "run").rmdir()
    with NewFolder(tmp_path / "run", overwrite=overwrite) as folder:
        with pytest.raises(FileExistsError, match="run is being written by another process"):
            NewFolder(tmp_path / "run", overwrite=overwrite).__enter__()
        fill(folder, "new")
    assert (tmp_path / "run" / MARK).read_text() == "new"
    assert names(tmp_path) == ["run"]


KILLED = """if True:
    import os, signal, sys
    from pathlib import Path
    from yang_rnn.experiment.folder import NewFolder
    before, name, kind = sys.argv[1:]
    with NewFolder(name, overwrite=kind == "overwrite", number_on=kind == "number") as folder:
        (folder.staging / "summary.json").write_text("new")
        if before == "rename":
            number = [0]
            rename = Path.rename
            def die(self, target):
                if self.name.endswith("-new"):
                    os.kill(os.getpid(), signal.SIGKILL)
                return rename(self, target)
            Path.rename = die
            folder.publish()
        os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(*words: str) -> None:
    assert subprocess.run([sys.executable, "-c", KILLED, *words]).returncode == -signal.SIGKILL


@pytest.mark.parametrize("kind", ["new", "number"])
def test_what_a_killed_process_left_is_removed_by_the_next_in_that_place(tmp_path: Path, kind: str):
    killed("rename", "run", kind)
    assert len(names(tmp_path)) == 2  # a lock file and the folder
    assert all(name.startswith(".run") for name in names(tmp_path))
    with NewFolder(tmp_path / "other") as folder:
        fill(folder, "other")
    assert names(tmp_path) == ["other"]


def test_a_run_that_was_about_to_be_replaced_has_its_name_again(tmp_path: Path):
    with NewFolder(tmp_path / "run") as folder:
        fill(folder, "old")
    killed("rename", "run", "overwrite")
    assert names(tmp_path) == [".run.yang_rnn", ".run.yang_rnn-new", ".run.yang_rnn-old"]
    with pytest.raises(FileExistsError, match="run exists"):
        NewFolder(tmp_path / "run").__enter__()
    assert names(tmp_path) == ["run"]
    assert (tmp_path / "run" / MARK).read_text() == "old"


def test_what_a_living_process_or_nobody_of_ours_has_there_stays(tmp_path: Path):
    for name in (".git", ".run-x7y8z9ab", ".other.yang_rnn-new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "precious").write_text("mine")
    with NewFolder(tmp_path / "run", number_on=True) as living:
        (living.staging / MARK).write_text("living")
        with NewFolder(tmp_path / "another") as folder:
            fill(folder, "")
        assert living.publish() == tmp_path / "run"
    assert (tmp_path / "run" / MARK).read_text() == "living"
    foreign = [".git", ".other.yang_rnn-new", ".run-x7y8z9ab"]
    assert names(tmp_path) == [*foreign, "another", "run"]
    assert all((tmp_path / name / "precious").is_file() for name in foreign)
