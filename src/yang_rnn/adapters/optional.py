"""Packages that an adapter needs and the package itself does not."""

import importlib
import importlib.metadata
import re
import shlex
from typing import Any


def imported(module: str, extra: str, what: str) -> Any:
    """Return a module, or raise an `ImportError` that names what to install.

    Parameters
    ----------
    module : str
        The module, as in ``torch``.
    extra : str
        The extra of this package that brings it.
    what : str
        The function that needs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.split(".")[0]
        raise ImportError(
            f"`{what}` needs {package}, which can't be imported here: {install_command(extra)}"
        ) from error


def install_command(extra: str) -> str:
    """Return what installs the packages of an extra, wherever this package came from."""
    needed = importlib.metadata.requires("yang-rnn") or []
    of_extra = [line for line in needed if re.search(f"extra == ['\"]{extra}['\"]", line)]
    return shlex.join(["pip", "install", *(line.split(";")[0].strip() for line in of_extra)])
