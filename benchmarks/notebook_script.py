"""The source notebook's steps as a script, for comparison: nothing here uses yang_rnn.

Mended only where today's versions break it; one jit call a batch, the loader of brainpy-datasets,
`SlowPointFinder`, figures through pyplot. Prints the seconds of each stage as JSON.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

started = time.perf_counter()

import brainpy as bp  # noqa: E402 - the imports are timed
import brainpy.math as bm  # noqa: E402
import brainpy_datasets as bd  # noqa: E402
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import matplotlib  # noqa: E402
import numpy as np  # noqa: E402
from sklearn.decomposition import PCA  # noqa: E402

matplotlib.use("agg")

import matplotlib.pyplot as plt  # noqa: E402

BATCH = 16


class Network(bp.DynamicalSystem):
    """The notebook's network."""

    def __init__(self, num_input: int, num_hidden: int, num_output: int, seed: int):
        super().__init__()
        weight = bp.init.KaimingNormal(scale=1.0)
        bias = bp.init.Uniform(-1 / num_hidden**0.5, 1 / num_hidden**0.5, seed=seed)
        self.num_hidden, self.num_output = num_hidden, num_output
        self.w_ir = bm.TrainVar(weight((num_input, num_hidden)))
        self.w_rr = bm.TrainVar(weight((num_hidden, num_hidden)))
        self.b_rr = bm.TrainVar(bias((num_hidden,)))
        self.w_ro = bm.TrainVar(weight((num_hidden, num_output)))
        self.b_ro = bm.TrainVar(bias((num_output,)))
        self.reset_state(BATCH)

    def reset_state(self, batch_size: int) -> None:
        """Make the states new."""
        self.h = bm.Variable(bm.zeros((batch_size, self.num_hidden)), batch_axis=0)
        self.o = bm.Variable(bm.zeros((batch_size, self.num_output)), batch_axis=0)

    def update(self, x):
        """Take a step; alpha is 1 at the notebook's dt."""
        self.h.value = bm.relu(x @ self.w_ir + self.h @ self.w_rr + self.b_rr)
        self.o.value = self.h @ self.w_ro + self.b_ro
        return self.h.value, self.o.value

    def predict(self, xs):
        """Run trials from rest."""
        self.h[:] = 0.0
        return bm.for_loop(self.update, xs)

    def loss(self, xs, ys):
        """Return the loss and the accuracy at the decision."""
        _, outputs = self.predict(xs)
        asked = ys > 0
        correct = asked & (outputs.argmax(axis=-1) == ys)
        return bp.losses.cross_entropy_loss(outputs, ys), correct.sum() / asked.sum()


def build(seed: int) -> Network:
    """Return the untrained network."""
    with bm.environment(mode=bm.TrainingMode(batch_size=BATCH)):
        return Network(3, 64, 3, seed)


def train(net: Network, task, epochs: int, on_epoch=lambda *_: None) -> list[float]:
    """Train as the notebook does; return the mean loss of each epoch."""
    loader = bd.cognitive.TaskLoader(task, batch_size=BATCH)
    weights = net.train_vars().unique()
    gradient = bm.grad(net.loss, grad_vars=weights, has_aux=True, return_value=True)
    optimizer = bp.optim.Adam(lr=1e-3, train_vars=weights)

    @bm.jit
    def step(xs, ys):
        gradients, loss, accuracy = gradient(xs, ys)
        optimizer.update(gradients)
        return loss, accuracy

    history = []
    for _ in range(epochs):
        losses = [float(step(jnp.asarray(xs), jnp.asarray(ys))[0]) for xs, ys in loader]
        history.append(float(np.mean(losses)))
        on_epoch()
    return history


def search(net: Network, activity) -> np.ndarray:
    """Search for slow points as the notebook does; return those it keeps."""
    w_ir, w_rr, b_rr = (bm.as_jax(v) for v in (net.w_ir, net.w_rr, net.b_rr))
    drive = jnp.array([1.0, 0.5, 0.5]) @ w_ir + b_rr
    cell = lambda h: jax.nn.relu(drive + h @ w_rr)  # noqa: E731
    finder = bp.analysis.SlowPointFinder(f_cell=cell, f_type="discrete", verbose=False)
    finder.find_fps_with_gd_method(
        candidates=activity.reshape(-1, activity.shape[-1]),
        tolerance=1e-4,
        num_batch=200,
        num_opt=10_000,
        optimizer=bp.optim.Adam(lr=1e-3),
    )
    finder.filter_loss(1e-4)
    finder.keep_unique(0.03)
    finder.exclude_outliers(0.1)
    points = np.asarray(finder.fixed_points)
    if len(points):
        np.linalg.eig(np.asarray(finder.compute_jacobians(points[:1])))
    return points


def draw(activity, points: np.ndarray) -> None:
    """Draw and save the three figures."""
    flat = np.asarray(activity).reshape(-1, activity.shape[-1])
    pca = PCA(n_components=2).fit(flat)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("trajectories", "slow_points", "eigenvalues"):
            figure, axes = plt.subplots(1, 2, sharex=True, sharey=True)
            for trial in range(activity.shape[1]):
                axes[0].plot(*pca.transform(activity[:, trial]).T)
            if len(points):
                axes[1].plot(*pca.transform(points).T, "x")
            figure.savefig(Path(folder) / f"{name}.png")
            plt.close(figure)


def main() -> None:
    """Run the stages; print what each took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=4)
    arguments = parser.parse_args()

    marks = {"imports": time.perf_counter() - started}

    def timed(name, stage, *values):
        begin = time.perf_counter()
        result = stage(*values)
        marks[name] = time.perf_counter() - begin
        return result

    bm.set_platform("cpu")
    bm.random.seed(arguments.seed)
    task = bd.cognitive.RatePerceptualDecisionMaking(seed=arguments.seed)
    net = timed("network", build, arguments.seed)
    history = timed("training", train, net, task, 20)
    net.reset_state(100)
    inputs, _ = next(iter(bd.cognitive.TaskLoader(task, batch_size=100)))
    activity = bm.as_jax(net.predict(jnp.asarray(inputs))[0])
    points = timed("search", search, net, activity)
    timed("figures", draw, activity, points)
    marks["points"] = len(points)
    print(json.dumps(marks | {"loss": history[-1], "total": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
