"""Functions that an object keeps of itself, for a copy of it."""

from __future__ import annotations

import types
from typing import Any


def rebound(function: Any, original: Any, twin: Any) -> Any:
    """Return a function that means a copy where it meant the original; anything else as it is.

    A deep copy keeps such a function, as in ``self.duration = lambda: self.rng.uniform(1, 2)``, and
    it goes on drawing from the original's random stream.

    Parameters
    ----------
    function : object
    original, twin : object
    """
    if not isinstance(function, types.FunctionType) or not function.__closure__:
        return function
    cells = tuple(
        types.CellType(twin) if cell.cell_contents is original else cell
        for cell in function.__closure__
    )
    found = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, cells
    )
    found.__kwdefaults__ = function.__kwdefaults__
    return found
