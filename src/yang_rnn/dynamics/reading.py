"""What a function reads besides its arguments: whether a program compiled from it still holds."""

from __future__ import annotations

import builtins
import dis
import functools
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

_CONSTANT_PACKAGES = ("jax", "jaxlib", "numpy", "scipy", "math", "operator")
_CONSTANTS = (int, float, complex, str, bytes, bool, type(None), type(...))

_seen: weakref.WeakKeyDictionary[Any, tuple[Any, Any]] = weakref.WeakKeyDictionary()


def as_it_is_now(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that JAX takes for another one than it was if what it reads has changed.

    JAX compiles a function once for each shape and looks no more at what it closes over. A function
    that reads numbers, strings, modules of JAX and NumPy and other such functions only is the same
    as long as these are; any other (one that closes over an array, a bound method) is a new
    function every time.

    Parameters
    ----------
    function : callable

    Returns
    -------
    callable
        Gives what the function gives.
    """
    reads = _read_by(function, ())
    if reads is None:
        return _renewed(function)
    before, known = _seen.get(function, (reads, None))
    if before != reads:
        known = _renewed(function)
    _seen[function] = (reads, known)
    return function if known is None else known


def _renewed(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **keywords: function(*args, **keywords)


def _read_by(value: Any, within: tuple[Any, ...]) -> Any:
    """Return what a value is made of, to compare it with what it was; None if that can change."""
    if isinstance(value, _CONSTANTS):
        return type(value), value
    if isinstance(value, tuple):
        return _all_read(value, within)
    if any(value is outer for outer in within):  # a function that calls itself
        return ("itself",)
    if _is_of_constant_package(value):
        return "constant", id(value)
    if hasattr(value, "__wrapped__") and type(value).__name__ == "PjitFunction":
        return _read_by(value.__wrapped__, (*within, value))
    if not isinstance(value, types.FunctionType) or set(vars(value)) - {"__wrapped__"}:
        return None
    names, imports = _global_names(value.__code__)
    if imports:
        return None
    space = value.__globals__
    found = [space[name] for name in names if name in space]
    unknown = [name for name in names if name not in space and not hasattr(builtins, name)]
    if unknown or {"globals", "eval", "exec", "vars"} & names:
        return None
    try:
        closed = [cell.cell_contents for cell in value.__closure__ or ()]
    except ValueError:  # not set yet
        return None
    defaults = (*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values())
    parts = _all_read((*found, *closed, *defaults), (*within, value))
    return None if parts is None else (value.__code__, parts)


def _all_read(values: tuple[Any, ...], within: tuple[Any, ...]) -> tuple[Any, ...] | None:
    parts = tuple(_read_by(value, within) for value in values)
    return None if any(part is None for part in parts) else parts


def _is_of_constant_package(value: Any) -> bool:
    """Tell whether a module, function or class is JAX's or NumPy's, which stays what it is."""
    if not isinstance(value, types.ModuleType) and not callable(value):
        return False
    is_module = isinstance(value, types.ModuleType)
    name = value.__name__ if is_module else getattr(value, "__module__", None)
    if isinstance(value, types.BuiltinFunctionType) and value.__self__ is builtins:
        return True
    return isinstance(name, str) and name.split(".")[0] in _CONSTANT_PACKAGES


@functools.lru_cache(maxsize=1024)
def _global_names(code: types.CodeType) -> tuple[frozenset[str], bool]:
    """Return the names of globals that code reads, and whether it imports something itself."""
    names: set[str] = set()
    imports = False
    for part in _with_inner(code):
        for instruction in dis.get_instructions(part):
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                names.add(instruction.argval)
            imports |= instruction.opname == "IMPORT_NAME"
    return frozenset(names), imports


def _with_inner(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _with_inner(constant)
