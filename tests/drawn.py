"""What is on axes, in the words of tests."""

from typing import Any

import numpy as np


def points_of(line: Any) -> np.ndarray:
    """Return where a line goes, (point, 2)."""
    return np.transpose(line.get_data())


def paths_of(ax: Any, length: int) -> list[Any]:
    """Return the lines of so many points that can be seen."""
    return [line for line in ax.lines if len(line.get_xdata()) == length and line.get_visible()]


def labelled(ax: Any, label: str) -> Any:
    """Return the one line with a label."""
    (line,) = [line for line in ax.lines if line.get_label() == label]
    return line


def projected(pca: Any, states: Any) -> np.ndarray:
    """Return states in the first two PCs, (..., 2)."""
    return (states - pca.mean_) @ pca.components_[:2].T
