"""How many processors there are to compute with."""

import os


def num_processors() -> int:
    """Return how many processors this process may use; NPROC says it, as to jaxlib."""
    told = os.environ.get("NPROC", "")
    if told.isdecimal() and int(told) > 0:
        return int(told)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
