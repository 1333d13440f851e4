import dataclasses

import jax
import numpy as np

from yang_rnn.dynamics import GradientDescent, Newton, find_fixed_points
from yang_rnn.dynamics.search import OnProgress, SearchEnd, Solver


@dataclasses.dataclass(frozen=True)
class Iteration:
    """A solver of one's own: the map, again and again."""

    steps: int = 60
    name: str = "iteration"

    def search(
        self, F, starts: np.ndarray, fixed_speed: float, on_progress: OnProgress | None = None
    ) -> SearchEnd:
        assert np.isfinite(starts).all()
        with jax.enable_x64(True):
            state = starts
            for _ in range(self.steps):
                state = np.stack([np.asarray(F(h)) for h in state])
        number = len(starts)
        reasons = np.full(number, "limit")
        return SearchEnd(state, np.full(number, self.steps), reasons, np.empty(0, np.float32))


def test_anything_that_searches_is_a_solver():
    starts = [[1.0, 2.0], [np.nan, 0.0], [3.0, -1.0]]
    points = find_fixed_points(lambda h: 0.5 * h + 1.0, starts, solver=Iteration())
    assert points.status.tolist() == ["fixed", "diverged", "fixed"]
    np.testing.assert_allclose(points.state[[0, 2]], 2.0, atol=1e-12)
    assert points.iterations.tolist() == [60, 0, 60]
    assert points.reason.tolist() == ["limit", "non-finite", "limit"]
    assert points.method == "iteration"


def test_every_solver_has_a_name():
    solvers: list[Solver] = [Newton(), GradientDescent(), Iteration()]
    assert [solver.name for solver in solvers] == ["newton", "gradient", "iteration"]
