import subprocess
import sys

import pytest

from yang_rnn import dynamics

NOT_FOR_DYNAMICS = ("brainpy", "brainpy_datasets", "sklearn", "matplotlib", "tyro", "pandas")

ALONE = """
import sys
import jax.numpy as jnp, numpy as np
from yang_rnn.dynamics import System, find_fixed_points

system = System(lambda x, h: jnp.tanh(0.5 * h + x), dt=1.0, initial_state=np.zeros(2))
points = find_fixed_points(system.at([0.0, 0.0]), np.ones((3, 2)))
assert points.counts["fixed"] == 3, points
np.testing.assert_allclose(points.state, 0.0, atol=1e-9)
print(*sys.modules)
"""


def test_dynamics_stands_alone():
    loaded = subprocess.run(
        [sys.executable, "-c", ALONE], check=True, capture_output=True, text=True
    )
    assert not set(NOT_FOR_DYNAMICS) & set(loaded.stdout.split())


@pytest.mark.parametrize("name", dynamics.__all__)
def test_every_public_name_is_there_and_told(name: str):
    assert getattr(dynamics, name).__doc__
