import os
import subprocess
import sys

import pytest

from yang_rnn.cli.memory import EACH_CORE, LEAST, check_address_space

resource = pytest.importorskip("resource", reason="there is no such limit here")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("program", ["run", "sweep"])
@pytest.mark.parametrize("kib", [200_000, 1_000_000, 2_000_000])
def test_too_little_address_space_is_one_line_and_nothing_written(program: str, kib: int):
    words = f"ulimit -v {kib} && exec {sys.executable} -m yang_rnn.{program} --out here"
    done = subprocess.run(["sh", "-c", words], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == (
        f"yang-rnn{'' if program == 'run' else '-sweep'}: not enough memory: the limit "
        f"(ulimit -v) is {kib} KiB, and at least "
        f"{(LEAST + EACH_CORE * (os.cpu_count() or 1)) // 1024} are needed; nothing was written\n"
    )
    assert os.listdir() == []


def test_no_limit_or_one_that_suffices_is_none(monkeypatch: pytest.MonkeyPatch):
    for limit in (resource.RLIM_INFINITY, 2**43):
        monkeypatch.setattr(resource, "getrlimit", lambda _, limit=limit: (limit, limit))
        check_address_space()
