from . import figures as figures
from .analysis import central_point as central_point
from .analysis import find_slow_points as find_slow_points
from .analysis import fit_pca as fit_pca
from .behaviour import accuracy as accuracy
from .behaviour import ideal_observer_accuracy as ideal_observer_accuracy
from .behaviour import psychometric_function as psychometric_function
from .experiment import Experiment as Experiment
from .experiment import draw as draw
from .experiment import run_experiment as run_experiment
from .fixed_points import find_fixed_points as find_fixed_points
from .gradient import GradientSettings as GradientSettings
from .linearisation import Linearisation as Linearisation
from .linearisation import linearise as linearise
from .model import CTRNN as CTRNN
from .newton import NewtonSettings as NewtonSettings
from .points import FixedPoints as FixedPoints
from .recipe import NOTEBOOK as NOTEBOOK
from .recipe import PRIMER as PRIMER
from .recipe import Recipe as Recipe
from .recipe import RecipeError as RecipeError
from .report import describe as describe
from .report import summarise as summarise
from .starts import jittered_states as jittered_states
from .starts import trajectory_states as trajectory_states
from .starts import uniform_states as uniform_states
from .storage import Run as Run
from .storage import load_run as load_run
from .task import PerceptualDecisionMaking as PerceptualDecisionMaking
from .task import Trials as Trials
from .train import DivergenceError as DivergenceError
from .train import History as History
from .train import train as train

__all__: list[str]
__version__: str
