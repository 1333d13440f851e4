"""Packages that an adapter needs and the package itself does not."""

import importlib
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
            f"`{what}` needs {package}, which can't be imported here: "
            f"pip install 'yang-rnn[{extra}]'"
        ) from error
