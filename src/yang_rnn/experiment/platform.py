"""The device that a command computes on, and the cache of programs compiled for it."""

import contextlib
import hashlib
import platform as machine
from collections.abc import Iterator
from pathlib import Path

CACHE_BYTES = 2**23  # fifteen runs of different shapes; a larger cache is slow to write to


class PlatformError(ValueError):
    """There is no such platform on this machine."""


def use_platform(platform: str) -> None:
    """Compute on a platform from here on, and keep what is compiled for the next process.

    BLAS computes on one core from here on: XLA uses the others.

    Parameters
    ----------
    platform : {"cpu", "gpu", "tpu"}

    Raises
    ------
    PlatformError
        If JAX finds no such device.
    """
    import jax

    from yang_rnn.dynamics.maps import one_blas_thread

    one_blas_thread()  # from here on: nothing leaves the context
    # Without a cache folder that can be locked and written, everything is compiled anew.
    with contextlib.suppress(OSError, NotImplementedError):
        jax.config.update("jax_compilation_cache_dir", str(_compilation_cache()))
        # Only a cache of limited size is locked, and processes side by side write to this one.
        jax.config.update("jax_compilation_cache_max_size", CACHE_BYTES)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)

    import brainpy.math as bm

    bm.set_platform(platform)
    try:
        jax.devices(platform)
    except RuntimeError as error:
        seen = sorted({device.platform for device in jax.devices()})
        raise PlatformError(
            f"`platform` must be one that JAX finds here ({', '.join(seen)}); got {platform!r}"
        ) from error
    if platform != "cpu":
        # Accelerators multiply float32 in fewer bits unless told otherwise.
        jax.config.update("jax_default_matmul_precision", "highest")


@contextlib.contextmanager
def memory_errors() -> Iterator[None]:
    """Raise JAX's error for lack of memory as Python's."""
    import jax

    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise MemoryError(str(error).splitlines()[0]) from error


def _compilation_cache() -> Path:
    """Return this processor's folder of compiled programs: code for another could crash here."""
    import filelock
    import jax
    import platformdirs

    processor = machine.machine() + machine.processor()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor += "".join(sorted({x for x in lines if x.startswith(("model name", "flags"))}))
    name = hashlib.sha256(processor.encode()).hexdigest()[:16]
    folder = Path(platformdirs.user_cache_dir("yang_rnn")) / f"jax-{jax.__version__}-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    # JAX writes "KEY-cache", then "KEY-atime". An entry without the second is one that a killed
    # process may have left in part; JAX would never write it again, nor any other entry.
    with filelock.FileLock(folder / ".lockfile", timeout=10):
        for entry in folder.glob("*-cache"):
            if not entry.with_name(entry.name.removesuffix("cache") + "atime").is_file():
                entry.unlink()
    return folder
