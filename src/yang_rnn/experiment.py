"""A whole experiment: from a recipe to a trained network, its analysis and its figures."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

from yang_rnn import figures
from yang_rnn.analysis import (
    CoherenceAverages,
    average_by_coherence,
    central_point,
    find_slow_points,
    fit_pca,
    linearise_network,
)
from yang_rnn.behaviour import (
    CoherenceAccuracy,
    Psychometric,
    accuracy,
    accuracy_by_coherence,
    psychometric_function,
)
from yang_rnn.flow import flow_field
from yang_rnn.line_attractor import Verdict, line_attractor_verdict
from yang_rnn.linearisation import Linearisation
from yang_rnn.model import CTRNN
from yang_rnn.points import FixedPoints
from yang_rnn.recipe import NOTEBOOK, Recipe
from yang_rnn.stimulus_dependence import StimulusPoints, stimulus_dependence
from yang_rnn.task import PerceptualDecisionMaking, Trials
from yang_rnn.train import DivergenceError, History, train


@dataclasses.dataclass(frozen=True)
class Decisions:
    """What only a network with two choices has.

    Attributes
    ----------
    psychometric : Psychometric
        On the test trials.
    averages : CoherenceAverages
        States averaged over the test trials.
    verdict : Verdict
        Whether there is a line attractor.
    by_stimulus : tuple of StimulusPoints
        The fixed points at other inputs; empty where they were not looked for.
    """

    psychometric: Psychometric
    averages: CoherenceAverages
    verdict: Verdict
    by_stimulus: tuple[StimulusPoints, ...]


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
    by_coherence : CoherenceAccuracy
        The same at each coherence.
    trials : Trials
        Fresh trials whose states were analysed.
    activity : array of shape (time, trial, unit)
        The states.
    pca : PCA
        Fitted to them.
    points : FixedPoints
        The points that the recipe's search kept.
    exact : FixedPoints
        The fixed and slow points that Newton's method found from the same starts; `points` itself
        where that is the recipe's search.
    centre : int or None
        Which of `exact` the analysis stands on; None where there is none.
    modes : Linearisation or None
        The map around that point, one entry.
    decisions : Decisions or None
        None unless there are two choices.
    """

    recipe: Recipe
    net: CTRNN
    history: History
    test_accuracy: float
    by_coherence: CoherenceAccuracy
    trials: Trials
    activity: np.ndarray
    pca: PCA
    points: FixedPoints
    exact: FixedPoints
    centre: int | None
    modes: Linearisation | None
    decisions: Decisions | None


def run_experiment(
    recipe: Recipe = NOTEBOOK,
    *,
    on_epoch: Callable[[int, float, float], None] | None = None,
    on_search: Callable[[int, int, float], None] | None = None,
) -> Experiment:
    """Train a recipe's network, test it, search for its slow points and judge it.

    Parameters
    ----------
    recipe : Recipe
    on_epoch : callable, optional
        Called after each epoch with its number, loss and accuracy.
    on_search : callable, optional
        Called during the recipe's search with the step, the most steps and the mean square.

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
    return analyse(net, history, recipe, on_search=on_search)


def analyse(
    net: CTRNN,
    history: History,
    recipe: Recipe,
    *,
    stimuli: bool = True,
    search_trials: int | None = None,
    on_search: Callable[[int, int, float], None] | None = None,
) -> Experiment:
    """Test a trained network, search for its slow points and judge it.

    Parameters
    ----------
    net : CTRNN
        The trained network.
    history : History
        Of its training.
    recipe : Recipe
    stimuli : bool
        Whether to look for fixed points at other inputs too.
    search_trials : int, optional
        Trials whose states a search starts from; without it all that are analysed.
    on_search : callable, optional
        Called during the recipe's search with the step, the most steps and the mean square.

    Returns
    -------
    Experiment

    Raises
    ------
    DivergenceError
        If the network's states are not finite.
    """
    fresh = PerceptualDecisionMaking.from_recipe(recipe, seed=recipe.test_seed)
    trials = fresh.sample_trials(recipe.analysis_trials)
    test = fresh.sample_trials(recipe.test_trials)
    activity = np.asarray(net.predict(trials.inputs)[0])
    if not np.isfinite(activity).all():
        raise DivergenceError(
            "the trained network's states run to infinity on fresh trials: try a learning rate "
            f"below {recipe.learning_rate:g}, more epochs, or another seed"
        )
    test_activity, outputs = net.predict(test.inputs)
    pca = fit_pca(activity, recipe.components)
    begun = activity[:, :search_trials]
    points = exact = find_slow_points(net, begun, recipe=recipe, on_progress=on_search)
    if recipe.fixed_points != "newton":
        newton = dataclasses.replace(recipe, fixed_points="newton")
        exact = find_slow_points(net, begun, recipe=newton)
    centre, modes, decisions = central_point(exact, activity), None, None
    if recipe.choices == 2:
        verdict = line_attractor_verdict(net, trials, recipe=recipe, points=exact, pca=pca)
        decisions = Decisions(
            psychometric=psychometric_function(net, test, recipe, outputs=outputs),
            averages=average_by_coherence(test_activity, test),
            verdict=verdict,
            by_stimulus=stimulus_dependence(net, activity, verdict, recipe) if stimuli else (),
        )
        modes = verdict.modes
    elif centre is not None:
        modes = linearise_network(net, exact[centre], recipe=recipe)
    return Experiment(
        recipe=recipe,
        net=net,
        history=history,
        test_accuracy=accuracy(net, test, outputs=outputs),
        by_coherence=accuracy_by_coherence(net, test, recipe, outputs=outputs),
        trials=trials,
        activity=activity,
        pca=pca,
        points=points,
        exact=exact,
        centre=centre,
        modes=modes,
        decisions=decisions,
    )


def draw(experiment: Experiment) -> dict[str, Figure]:
    """Draw an experiment's figures; return them by name."""
    activity, pca, trials = experiment.activity, experiment.pca, experiment.trials
    modes, recipe = experiment.modes, experiment.recipe
    values, title = (), None
    if modes is not None and experiment.centre is not None:
        values = modes.eigenvalues[0]
        speed = experiment.exact.speed[experiment.centre]
        kind = f"{experiment.exact.status[experiment.centre]} point"
        title = ", ".join([*filter(None, [kind, str(modes.label[0])]), f"q = {speed:.1e}"])
    drawn = {
        "trajectories": figures.trajectories(pca, activity, trials),
        "eigenvalues": figures.eigenvalues(values, title),
    }
    points = experiment.points
    in_plane: dict[str, Any] = {"stability": _stability(experiment)}
    if points is experiment.exact:
        in_plane["centre"] = experiment.centre
    drawn["slow_points"] = figures.slow_points(pca, activity, points, trials, **in_plane)
    if activity.shape[-1] >= 3:
        space = pca if pca.n_components_ >= 3 else fit_pca(activity, 3)
        drawn["slow_points_3d"] = figures.slow_points(
            space, activity, points, trials, dimensions=3, **in_plane
        )
    if experiment.decisions is None:
        return drawn
    mean, verdict = experiment.decisions.averages, experiment.decisions.verdict
    F = experiment.net.state_map(recipe.search_input)
    field = flow_field(F, verdict, pca, activity, dt=recipe.dt)
    rows = experiment.decisions.by_stimulus
    return drawn | {
        "psychometric": figures.psychometric(experiment.decisions.psychometric),
        "averages": figures.averages(pca, mean),
        "slow_manifold": figures.averages(pca, mean, verdict),
        "flow_field": figures.flow_field(field, mean, verdict),
        "line_attractor": figures.line_attractor(pca, mean, verdict),
        "stimulus_dependence": figures.stimulus_dependence(pca, mean, rows, verdict),
    }


def _stability(experiment: Experiment) -> list[str]:
    """Label the fixed ones of the points; the others have no stability."""
    labels = np.full(len(experiment.points), "", dtype="<U20")
    fixed = experiment.points.status == "fixed"
    if fixed.any():
        points, recipe = experiment.points[fixed], experiment.recipe
        labels[fixed] = linearise_network(experiment.net, points, recipe=recipe).label
    return labels.tolist()
