"""Too little address space, said before libraries end the process in their own words."""

import os

from yang_rnn.cli.ending import Failure

LEAST, EACH_CORE = 2200 * 2**20, 64 * 2**20
"""Bytes of address space without which the libraries can't start: in all, and more for each core.

With less, OpenBLAS and JAX end the process; there is no error that Python could tell.
"""


def check_address_space() -> None:
    """Raise `Failure` if ``ulimit -v`` leaves too little to start with."""
    try:
        import resource
    except ImportError:  # there is no such limit here
        return
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    least = LEAST + EACH_CORE * (os.cpu_count() or 1)
    if limit != resource.RLIM_INFINITY and limit < least:
        raise Failure(
            f"not enough memory: the limit (ulimit -v) is {limit // 1024} KiB, and at least "
            f"{least // 1024} are needed; nothing was written"
        )
