"""Context-dependent decisions, after Mante et al. (2013): a line attractor in each context.

Two noisy streams of evidence come at once, and a cue says which of them counts. How does one
network add up either and leave the other?
"""

import numpy as np

import yang_rnn as yr

COHERENCES = [-0.5, -0.15, -0.05, 0.05, 0.15, 0.5]


class ContextIntegration(yr.Task):
    """Report the sign of the relevant evidence, as +1 of one output and -1 of the other."""

    num_inputs, num_outputs, dt, noise = 4, 2, 50.0, 0.5  # motion, colour, two cues; dt in ms

    def sample_trials(self, num_trials):
        evidence = self.rng.choice(COHERENCES, size=(num_trials, 2))
        context, each = self.rng.integers(0, 2, num_trials), np.arange(num_trials)
        periods = {"wait": slice(0, 2), "stimulus": slice(2, 18), "decision": slice(18, 20)}
        inputs = np.zeros((20, num_trials, 4))
        inputs[:, each, 2 + context] = 1
        inputs[2:18, :, :2] = evidence + self.noise * self.rng.normal(size=(16, num_trials, 2))
        sign = np.sign(evidence[each, context])
        targets, weights = np.zeros((20, num_trials, 2)), np.zeros((20, num_trials))
        targets[18:], weights[:3], weights[18:] = np.stack([-sign, sign], axis=-1), 0.2, 1
        conditions = {"motion": evidence[:, 0], "colour": evidence[:, 1], "context": context}
        choice = (sign > 0).astype(int)
        return yr.Trials(inputs, targets, periods, conditions, choice, weights)

    def correct(self, outputs, trials):
        return (outputs[-1, :, 1] > outputs[-1, :, 0]) == (trials.choice == 1)

    def alternatives(self):
        channels, names = np.eye(4), ["motion", "colour"]
        return {
            f"{names[k]} counts": yr.TwoAlternatives(
                rest=channels[2 + k], evidence=channels[k], outputs=(0, 1), condition=names[k],
                within={"context": k},
            )
            for k in (0, 1)
        }  # fmt: skip


RECIPE = yr.Recipe(
    task="context integration", dt=50, hidden=100, activation="tanh", initialisation="linear",
    leak="outside", unit_noise=0.05, epochs=20, trials_per_epoch=2048, batch_size=64,
    learning_rate=2e-3,
)  # fmt: skip

if __name__ == "__main__":
    run = yr.run_task(RECIPE, ContextIntegration())
    print(yr.describe(yr.summarise(run)))
    figure = yr.figures.conditions(run.activity, trials=run.trials, pca=run.pca)
    yr.figures.save(figure, "context_integration")
