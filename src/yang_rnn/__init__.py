"""Train recurrent networks on cognitive tasks and take them apart as dynamical systems.

The public names stand in `__init__.pyi`; each is imported when it is first used.
"""

from typing import Any

import lazy_loader

_find, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("yang-rnn")
    return _find(name)
