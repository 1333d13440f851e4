from .enclosure import EnclosedFixedPoints as EnclosedFixedPoints
from .enclosure import enclose_fixed_points as enclose_fixed_points
from .fixed_points import find_fixed_points as find_fixed_points
from .flow import FlowField as FlowField
from .flow import flow_field as flow_field
from .gradient import GradientDescent as GradientDescent
from .index import FixedPointIndex as FixedPointIndex
from .index import fixed_point_index as fixed_point_index
from .index_search import IndexSearch as IndexSearch
from .index_search import search_by_index as search_by_index
from .linearisation import Linearisation as Linearisation
from .linearisation import linearise as linearise
from .manifold import SlowManifold as SlowManifold
from .manifold import trace_slow_manifold as trace_slow_manifold
from .newton import Newton as Newton
from .points import FixedPoints as FixedPoints
from .simulation import Trajectories as Trajectories
from .simulation import simulate as simulate
from .starts import jittered_states as jittered_states
from .starts import trajectory_states as trajectory_states
from .starts import uniform_states as uniform_states
from .system import AutonomousMap as AutonomousMap
from .system import System as System

__all__: list[str]
