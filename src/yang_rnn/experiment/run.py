"""A whole experiment: a trained network, and what its analysis finds, computed when asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.decomposition import PCA

from yang_rnn._checks import check_callable
from yang_rnn.analysis import (
    Averages,
    average_by,
    central_point,
    find_slow_points,
    fit_pca,
    flat_states,
)
from yang_rnn.behaviour import (
    ConditionAccuracy,
    Psychometric,
    accuracy,
    accuracy_by_condition,
    psychometric_function,
)
from yang_rnn.dynamics.bounds import finite_bounds
from yang_rnn.dynamics.flow import FlowField, flow_field
from yang_rnn.dynamics.index_search import IndexSearch, search_by_index
from yang_rnn.dynamics.linearisation import Linearisation, linearise
from yang_rnn.dynamics.points import FixedPoints
from yang_rnn.dynamics.search import OnProgress
from yang_rnn.dynamics.simulation import Trajectories, simulate
from yang_rnn.dynamics.system import AutonomousMap, System
from yang_rnn.line_attractor.stimulus_dependence import StimulusPoints, stimulus_dependence
from yang_rnn.line_attractor.verdict import Verdict, line_attractor_verdict
from yang_rnn.model import CTRNN
from yang_rnn.psychometrics import PsychometricFit, fit_psychometric
from yang_rnn.recipe import NOTEBOOK, Recipe
from yang_rnn.task import PerceptualDecisionMaking
from yang_rnn.train import DivergenceError, History, train_recipe
from yang_rnn.trials import Trials, TwoAlternatives

if TYPE_CHECKING:
    from yang_rnn.dynamics.enumeration.fixed_points import AllFixedPoints
    from yang_rnn.dynamics.enumeration.tree import OnClosed

PROOF_UNITS = 64
"""Units of a network up to which a run enumerates its fixed points, if not asked to."""

PROOF_NODES = 100_000
"""Nodes of that tree after which it stays incomplete: a tenth of the time of a run, or less."""

PROOF_TIME = 600.0
"""Seconds that an enumeration takes at most where it was asked for."""


class Found(NamedTuple):
    """What the searches of a run found.

    Attributes
    ----------
    points : FixedPoints
        The points that the recipe's search kept.
    newton_points : FixedPoints
        The fixed and slow points that Newton's method found from the same starts.
    """

    points: FixedPoints
    newton_points: FixedPoints


class Tested(NamedTuple):
    """How a network does on fresh trials.

    Attributes
    ----------
    accuracy : float
        Share of correct decisions.
    by_coherence : ConditionAccuracy
        The same at each coherence.
    psychometric : Psychometric or None
        None unless there are two choices.
    averages : Averages or None
        States averaged over trials of the same signed coherence; None unless there are two choices.
    """

    accuracy: float
    by_coherence: ConditionAccuracy
    psychometric: Psychometric | None
    averages: Averages | None


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """A trained network with its analysis: a fresh run, a loaded one, or a member of a sweep.

    What the analysis finds is computed when it is first asked for, and kept. The same recipe and
    weights on the same machine give the same numbers, bit for bit.

    Parameters
    ----------
    recipe : Recipe
    net : CTRNN
        The trained network.
    history : History
        Loss and accuracy of each epoch.
    found : Found, optional
        What the searches found, where that is known; without it they are made when asked for.
    search_trials : int, optional
        Trials whose states a search starts from; without it all that are analysed.
    on_search : callable, optional
        Called while the recipe's search runs, as `find_slow_points` calls it.
    facts : mapping
        What else is known: platform, versions and seconds of a run that was loaded.
    proof_nodes : int or None
        Nodes that the enumeration of the fixed points of a rectified network of up to
        `PROOF_UNITS` units takes at most; None: as many as it needs, of any size, in `PROOF_TIME`.
    on_proof : callable, optional
        Called while it runs, as `all_fixed_points` calls it.
    """

    recipe: Recipe
    net: CTRNN
    history: History
    found: Found | None = None
    search_trials: int | None = None
    on_search: OnProgress | None = None
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    proof_nodes: int | None = PROOF_NODES
    on_proof: OnClosed | None = None

    def __repr__(self) -> str:
        """Say what was trained."""
        return f"Run({self.recipe.name}, seed {self.recipe.seed})"

    @cached_property
    def system(self) -> System:
        """The network as the analysis sees it."""
        return self.net.system()

    @cached_property
    def at_rest(self) -> AutonomousMap:
        """The network at the recipe's constant input: in the notebook fixation, no coherence."""
        return self.system.at(self.recipe.search_input)

    @cached_property
    def task(self) -> PerceptualDecisionMaking:
        """The task, without a place in its stream of trials."""
        return PerceptualDecisionMaking.from_recipe(self.recipe)

    @cached_property
    def alternatives(self) -> TwoAlternatives | None:
        """What evidence and choice are; None unless there are two choices."""
        if self.recipe.choices != 2:
            return None
        return self.task.two_alternatives(self.recipe.search_input)

    @property
    def trials(self) -> Trials:
        """Fresh trials whose states are analysed."""
        return self._fresh[0]

    @property
    def test_trials(self) -> Trials:
        """Fresh trials that the behaviour is measured on."""
        return self._fresh[1]

    @cached_property
    def trajectories(self) -> Trajectories:
        """States and outputs in `trials`; a `DivergenceError` if they are not finite."""
        return self._trajectories_in(self.trials)

    @property
    def activity(self) -> np.ndarray:
        """States in `trials`, (time, trial, unit)."""
        return self.trajectories.activity

    @cached_property
    def pca(self) -> PCA:
        """Fitted to the states."""
        return fit_pca(self.activity, self.recipe.components)

    @cached_property
    def points(self) -> FixedPoints:
        """The fixed and slow points that the recipe's search kept."""
        if self.found is not None:
            return self.found.points
        if self.recipe.search == "newton":
            return self.newton_points
        return self._search(self.recipe)

    @cached_property
    def newton_points(self) -> FixedPoints:
        """The fixed and slow points that Newton's method finds from the same starts."""
        if self.found is not None:
            return self.found.newton_points
        return self._search(dataclasses.replace(self.recipe, search="newton"))

    @cached_property
    def every_fixed_point(self) -> AllFixedPoints | None:
        """All fixed points with their proof; None of a network that is not rectified or large."""
        small = self.proof_nodes is None or self.recipe.hidden <= PROOF_UNITS
        if self.system.rectified is None or not small:
            return None
        from yang_rnn.dynamics.enumeration.fixed_points import all_fixed_points

        return all_fixed_points(
            self.system,
            self.recipe.search_input,
            time_limit=PROOF_TIME,
            most_nodes=self.proof_nodes,
            data=self.activity.reshape(-1, self.recipe.hidden),
            on_progress=self.on_proof,
        )

    @cached_property
    def index_search(self) -> IndexSearch | None:
        """The index sum of `newton_points`, and what more there is by it; None without bounds."""
        if finite_bounds(self.at_rest) is None:
            return None
        data, seed = flat_states(self.activity), self.recipe.seeds.starts
        return search_by_index(self.at_rest, self.newton_points, data=data, seed=seed)

    @cached_property
    def centre(self) -> int | None:
        """Which of `newton_points` the analysis stands on; None where there is none."""
        return central_point(self.newton_points, self.activity)

    @cached_property
    def modes(self) -> Linearisation | None:
        """The map around the centre, one entry; None where there is none."""
        return None if self.centre is None else self.linearise(self.newton_points[[self.centre]])

    def linearise(self, points: FixedPoints | ArrayLike | None = None) -> Linearisation:
        """Linearise the network at points of the recipe's constant input.

        Parameters
        ----------
        points : FixedPoints or array of shape (n, unit), optional
            Without it the fixed ones of `newton_points`.
        """
        points = self.newton_points.with_status("fixed") if points is None else points
        return linearise(self.at_rest, points)

    @cached_property
    def tested(self) -> Tested:
        """How the network does on fresh trials."""
        trials, task = self.test_trials, self.task
        activity, outputs = self._trajectories_in(trials)
        assert outputs is not None
        psychometric = averages = None
        if self.alternatives is not None:
            psychometric = psychometric_function(
                outputs, trials, self.alternatives, ideal=task.ideal_accuracy
            )
            averages = average_by(activity, self.alternatives.signed_strength(trials))
        return Tested(
            accuracy=accuracy(outputs, trials),
            by_coherence=accuracy_by_condition(outputs, trials, ideal=task.ideal_accuracy),
            psychometric=psychometric,
            averages=averages,
        )

    @cached_property
    def psychometric_fit(self) -> PsychometricFit | None:
        """Threshold, bias and lapses; None unless there are two choices and evidence for each."""
        measured = self.tested.psychometric
        if measured is None or np.ptp(np.sign(measured.strength)) < 2:
            return None
        return fit_psychometric(measured)

    @property
    def test_accuracy(self) -> float:
        """Share of correct decisions on fresh trials."""
        return self.tested.accuracy

    @cached_property
    def verdict(self) -> Verdict | None:
        """What it does with evidence and why; None unless there are two choices."""
        if self.alternatives is None:
            return None
        return line_attractor_verdict(
            self.system,
            self.trials,
            self.alternatives,
            trajectories=self.trajectories,
            points=self.newton_points,
            pca=self.pca,
            every=self.every_fixed_point,
        )

    @cached_property
    def by_stimulus(self) -> tuple[StimulusPoints, ...]:
        """The fixed points at other inputs; none unless there are two choices."""
        if self.verdict is None:
            return ()
        newton = dataclasses.replace(self.recipe, search="newton")
        return stimulus_dependence(
            self.system, self.activity, self.task.constant_inputs(), self.verdict, recipe=newton
        )

    @cached_property
    def flow(self) -> FlowField | None:
        """The flow around the centre, along the slow manifold; None unless there are two choices.

        Without a manifold along PC 1, without a centre around the mean state.
        """
        verdict = self.verdict
        if verdict is None:
            return None
        plane: dict[str, Any] = {"axis": np.asarray(self.pca.components_)[0]}
        if verdict.centre is not None:
            plane["origin"] = verdict.points.state[verdict.centre]
        if verdict.manifold is not None:
            plane |= {"axis": verdict.manifold.axis, "name": "slow manifold\u2019s axis"}
        return flow_field(self.at_rest, self.activity, **plane)

    @cached_property
    def _fresh(self) -> tuple[Trials, Trials]:
        recipe = self.recipe
        stream = PerceptualDecisionMaking.from_recipe(recipe, seed=recipe.seeds.test)
        return (
            stream.sample_trials(recipe.analysis_trials),
            stream.sample_trials(recipe.test_trials),
        )

    def _trajectories_in(self, trials: Trials) -> Trajectories:
        found = simulate(self.system, trials.inputs)
        assert found.outputs is not None  # a CTRNN has a readout
        if not (np.isfinite(found.activity).all() and np.isfinite(found.outputs).all()):
            raise DivergenceError(
                "the trained network's states run to infinity on fresh trials: try a learning "
                f"rate below {self.recipe.learning_rate:g}, more epochs, or another seed"
            )
        return found

    def _search(self, recipe: Recipe) -> FixedPoints:
        on_progress = self.on_search if recipe.search == self.recipe.search else None
        starts = self.activity[:, : self.search_trials]
        return find_slow_points(self.at_rest, starts, recipe=recipe, on_progress=on_progress)


def run_experiment(
    recipe: Recipe = NOTEBOOK,
    *,
    on_epoch: Callable[[int, float, float], None] | None = None,
    on_search: OnProgress | None = None,
) -> Run:
    """Train a recipe's network; its analysis is there when it is asked for.

    Parameters
    ----------
    recipe : Recipe
    on_epoch : callable, optional
        Called after each epoch with its number, loss and accuracy.
    on_search : callable, optional
        Called during the recipe's search with the step, the most steps and the mean square.

    Returns
    -------
    Run
        The same recipe on the same machine gives the same numbers, bit for bit.

    Raises
    ------
    DivergenceError
        If training came to a loss that is not finite, or the trained network's states are not.
    """
    check_callable("on_search", on_search, optional=True)
    net = CTRNN.from_recipe(recipe)
    task = PerceptualDecisionMaking.from_recipe(recipe)
    history = train_recipe(net, recipe, task, on_epoch=on_epoch)
    run = Run(recipe, net, history, on_search=on_search)
    _ = run.trajectories  # a network that diverged is told here
    return run
