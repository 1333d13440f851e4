import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import filelock
import jax
import pytest

from yang_rnn.experiment.platform import PlatformError, memory_errors, use_platform

PROGRAMS = 20
COMPILE = f"""
import sys
from yang_rnn.experiment.platform import use_platform
use_platform("cpu")
import jax
print("ready", flush=True)
sys.stdin.readline()
for size in range(1, 1 + {PROGRAMS}):
    jax.jit(lambda x: x + 1)(jax.numpy.zeros(size))
"""


def start() -> subprocess.Popen[str]:
    """Start a process that compiles some programs once it is told to."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, "-c", COMPILE],
        env=os.environ | {"XDG_CACHE_HOME": str(Path("cache").absolute())},
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def ends_in_silence(process: subprocess.Popen[str]) -> None:
    _, said = process.communicate(timeout=120)
    assert said == ""
    assert process.returncode == 0


def compile_all() -> None:
    process = start()
    go(process)
    ends_in_silence(process)


def entries(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.glob("yang_rnn/*/*-cache")}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_a_killed_process_left_of_a_program_is_compiled_anew(tmp_path: Path):
    compile_all()
    before = entries(tmp_path / "cache")
    assert len(before) >= PROGRAMS
    compile_all()
    assert entries(tmp_path / "cache") == before
    torn = next(iter(before))
    whole = torn.stat().st_size
    torn.write_bytes(torn.read_bytes()[: whole // 2])
    torn.with_name(torn.name.removesuffix("cache") + "atime").unlink()
    compile_all()
    after = entries(tmp_path / "cache")
    assert {path for path in before if before[path] != after[path]} == {torn}
    assert torn.stat().st_size > 0.9 * whole
    compile_all()
    assert entries(tmp_path / "cache") == after


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_program_that_another_process_is_writing_is_waited_for(tmp_path: Path):
    compile_all()
    before = entries(tmp_path / "cache")
    process = start()
    with filelock.FileLock(next(iter(before)).with_name(".lockfile")):
        contents = {path: path.read_bytes() for path in before}
        for path, content in contents.items():
            path.write_bytes(content[: len(content) // 2])
        go(process)
        time.sleep(1)
        for path, content in contents.items():
            path.write_bytes(content)
    ends_in_silence(process)


def test_platform_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    settings: Any = jax.config
    before = settings.jax_platforms
    with pytest.raises(PlatformError, match=r"finds here \(cpu\); got 'tpu'"):
        use_platform("tpu")
    use_platform("cpu")
    assert jax.devices()[0].platform == "cpu"
    jax.config.update("jax_platforms", before)


def test_lack_of_memory_is_pythons_error():
    with pytest.raises(MemoryError, match="RESOURCE_EXHAUSTED"), memory_errors():
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory: 64 GB\nmore")
    with pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL"), memory_errors():
        raise jax.errors.JaxRuntimeError("INTERNAL: something else")
