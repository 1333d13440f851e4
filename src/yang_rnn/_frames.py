"""Columns of a record as a pandas frame."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pandas import DataFrame as DataFrame


def frame_of(columns: Mapping[str, Any]) -> DataFrame:
    """Return columns as a frame; a number stands in every row, of numbers alone there is one row.

    Parameters
    ----------
    columns : mapping from names to arrays of shape (row,) or numbers
        A complex column ``name`` becomes two, ``name_real`` and ``name_imag``: files of text have
        none.

    Raises
    ------
    ImportError
        If pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise ImportError("`to_frame` needs pandas, which is not installed") from error
    real: dict[str, Any] = {}
    for name, column in columns.items():
        if np.iscomplexobj(column):
            real |= {f"{name}_real": np.real(column), f"{name}_imag": np.imag(column)}
        else:
            real[name] = column
    alone = all(np.ndim(column) == 0 for column in real.values())
    return pandas.DataFrame(real, index=[0] if alone else None)


def by_unit(name: str, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return an array (row, unit) as columns ``name_0`` ... ``name_{N-1}``."""
    return {f"{name}_{unit}": column for unit, column in enumerate(np.asarray(rows).T)}


def apart(names: Collection[str], taken: Collection[str]) -> dict[str, str]:
    """Return what conditions are called beside names that are taken, by their own names."""
    return {name: f"condition {name}" if name in taken else name for name in names}
