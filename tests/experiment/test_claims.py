import os
import subprocess
import sys
from pathlib import Path

import pytest

from yang_rnn.experiment.claims import claim, withdraw


def test_a_claim_is_one_at_a_time_and_leaves_no_file(tmp_path: Path):
    lock = claim(tmp_path / "lock")
    assert lock is not None
    assert claim(tmp_path / "lock") is None
    withdraw(lock)
    assert os.listdir(tmp_path) == []
    again = claim(tmp_path / "lock")
    assert again is not None
    withdraw(again)


def test_a_claim_ends_with_its_process_and_its_file_stays(tmp_path: Path):
    code = """if True:
        import os, signal
        from pathlib import Path
        from yang_rnn.experiment.claims import claim
        lock = claim(Path("lock"))
        os.kill(os.getpid(), signal.SIGKILL)
    """
    subprocess.run([sys.executable, "-c", code])
    assert os.listdir(tmp_path) == ["lock"]
    lock = claim(tmp_path / "lock")
    assert lock is not None
    withdraw(lock)


def test_where_no_file_can_be_a_claim_is_an_error_and_no_folder_is_made(tmp_path: Path):
    with pytest.raises(NotADirectoryError):
        claim(tmp_path / "missing" / "lock")
    assert os.listdir(tmp_path) == []
    with pytest.raises(OSError, match="No such file"):
        claim(Path("/proc/lock"))
