"""A whole experiment: from a recipe to a trained network, its slow points and its figures."""

import dataclasses
from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

from yang_rnn import figures
from yang_rnn.analysis import central_point, find_slow_points, fit_pca
from yang_rnn.behaviour import accuracy
from yang_rnn.linearisation import Linearisation, linearise
from yang_rnn.model import CTRNN
from yang_rnn.points import FixedPoints
from yang_rnn.recipe import NOTEBOOK, Recipe
from yang_rnn.task import PerceptualDecisionMaking, Trials
from yang_rnn.train import History, train


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A trained network and what the analysis found.

    Attributes
    ----------
    recipe : Recipe
    net : CTRNN
        The trained network.
    history : History
        Loss and accuracy of each epoch.
    test_accuracy : float
        Share of correct decisions on fresh trials.
    trials : Trials
        Fresh trials whose states were analysed.
    activity : array of shape (time, trial, unit)
        The states.
    pca : PCA
        Fitted to them.
    points : FixedPoints
        The points that the search kept.
    modes : Linearisation
        The map around each of them.
    centre : int or None
        Which of them the analysis stands on; None where none was kept.
    """

    recipe: Recipe
    net: CTRNN
    history: History
    test_accuracy: float
    trials: Trials
    activity: np.ndarray
    pca: PCA
    points: FixedPoints
    modes: Linearisation
    centre: int | None


def run_experiment(
    recipe: Recipe = NOTEBOOK,
    *,
    on_epoch: Callable[[int, float, float], None] | None = None,
    on_search: Callable[[int, int, float], None] | None = None,
) -> Experiment:
    """Train a recipe's network, test it and search for its slow points.

    Parameters
    ----------
    recipe : Recipe
    on_epoch : callable, optional
        Called after each epoch with its number, loss and accuracy.
    on_search : callable, optional
        Called during the search with the step, the most steps and the mean square.

    Returns
    -------
    Experiment
        The same recipe on the same machine gives the same numbers, bit for bit.

    Raises
    ------
    DivergenceError
        If training came to a loss that is not finite.
    """
    net = CTRNN.from_recipe(recipe)
    history = train(
        net,
        PerceptualDecisionMaking.from_recipe(recipe),
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        sequence_steps=recipe.sequence_steps,
        learning_rate=recipe.learning_rate,
        on_epoch=on_epoch,
    )
    fresh = PerceptualDecisionMaking.from_recipe(recipe, seed=recipe.test_seed)
    trials = fresh.sample_trials(recipe.analysis_trials)
    activity = np.asarray(net.predict(trials.inputs)[0])
    points = find_slow_points(net, activity, recipe=recipe, on_progress=on_search)
    stimulus = recipe.search_input
    modes = linearise(
        net.state_map(stimulus),
        points,
        dt=recipe.dt,
        inputs=stimulus,
        input_map=net.input_map(),
        preactivation=net.preactivation_map(stimulus) if recipe.activation == "relu" else None,
    )
    return Experiment(
        recipe=recipe,
        net=net,
        history=history,
        test_accuracy=accuracy(net, fresh.sample_trials(recipe.test_trials)),
        trials=trials,
        activity=activity,
        pca=fit_pca(activity, recipe.components),
        points=points,
        modes=modes,
        centre=central_point(points, activity),
    )


def draw(experiment: Experiment) -> dict[str, Figure]:
    """Draw an experiment's figures; return them by name."""
    activity, pca, trials = experiment.activity, experiment.pca, experiment.trials
    points, modes, centre = experiment.points, experiment.modes, experiment.centre
    values, title = (), None
    if centre is not None:
        values = modes.eigenvalues[centre]
        parts = [f"{points.status[centre]} point", str(modes.label[centre])]
        title = ", ".join([*filter(None, parts), f"q = {points.speed[centre]:.1e}"])
    in_plane = {"stability": modes.label, "centre": centre}
    drawn = {
        "trajectories": figures.trajectories(pca, activity, trials),
        "slow_points": figures.slow_points(pca, activity, points, trials, **in_plane),
        "eigenvalues": figures.eigenvalues(values, title),
    }
    if activity.shape[-1] >= 3:
        space = pca if pca.n_components_ >= 3 else fit_pca(activity, 3)
        drawn["slow_points_3d"] = figures.slow_points(
            space, activity, points, trials, dimensions=3, **in_plane
        )
    return drawn
