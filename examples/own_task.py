"""A task and a network of one's own, and how it remembers a direction."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

import yang_rnn as yr


class DirectionMemory(yr.Task):
    """A direction is shown for 250 ms, and reported as cosine and sine at a signal to go."""

    num_inputs, num_outputs, dt, noise = 3, 2, 50.0, 0.1  # dt in ms

    def sample_trials(self, num_trials):
        go = self.rng.integers(15, 35)  # all trials of a call wait as long
        periods = {"cue": slice(0, 5), "delay": slice(5, go), "report": slice(go, 40)}
        angle = self.rng.choice(np.arange(16) * 2 * np.pi / 16, num_trials)
        direction = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        inputs = self.noise * self.rng.normal(size=(40, num_trials, 3)) * [0, 1, 1]
        inputs[:5, :, 1:] += direction
        inputs[go:, :, 0] = 1
        targets = np.where((np.arange(40) >= go)[:, None, None], direction, 0.0)
        return yr.Trials(inputs, targets, periods, {"direction": np.rad2deg(angle)})

    def correct(self, outputs, trials):  # within 36 degrees, as in Yang et al. (2019)
        return np.abs(np.angle(outputs[-1] @ [1, 1j] / (trials.targets[-1] @ [1, 1j]))) < np.pi / 5


def cell(w, x, h):  # half a time constant a step
    return h + 0.5 * (jnp.tanh(h @ w["rec"] + x @ w["in"]) - h)


def loss(w, x, y):
    activity = jax.lax.scan(lambda h, x: (cell(w, x, h),) * 2, 0 * x[0] @ w["in"], x)[1]
    return jnp.mean((activity @ w["out"] - y) ** 2)


def main(out="direction_memory.png", epochs=1500, units=64):
    task, rng = DirectionMemory().seeded(0), np.random.default_rng(0)
    shapes = {"in": (3, units), "rec": (units, units), "out": (units, 2)}
    w = {name: jnp.array(rng.normal(size=s) / np.sqrt(s[0])) for name, s in shapes.items()}
    adam, gradient = optax.adam(2e-3), jax.jit(jax.grad(loss))
    state = adam.init(w)
    for batch in task.draw(64 * epochs, 64):
        change, state = adam.update(gradient(w, batch.inputs, batch.targets), state)
        w = optax.apply_updates(w, change)
    network = {"initial_state": np.zeros(units), "readout": lambda h: h @ w["out"]}
    system = yr.from_step(lambda x, h: cell(w, x, h), dt=task.dt, bounds=(-1, 1), **network)
    trials = task.seeded(1).sample_trials(256)
    activity, outputs = yr.simulate(system, trials.inputs)
    print(f"{yr.performance(task, outputs, trials).accuracy:.1%} of directions within 36 degrees")
    rows = yr.points_by_input(system, activity, yr.constant_inputs(task))
    print("in the delay:", *(row.points for row in rows if row.given.period == "delay"))
    yr.figures.points_by_input(rows, activity=activity).savefig(out, dpi=300)


if __name__ == "__main__":
    main()
