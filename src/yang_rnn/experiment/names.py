"""What the files of a run are called."""

RECIPE, WEIGHTS, HISTORY = "recipe.json", "weights.safetensors", "history.csv"
POINTS, NEWTON_POINTS = "slow_points.npz", "fixed_points.npz"
STIMULI, SUMS = "stimulus_dependence.csv", "SHA256SUMS"
SUMMARY_FILE = "summary.json"
"""The file by which the folder of a finished run is known."""

FIGURES = "figures"
"""The folder of its figures."""

FILES = frozenset(
    {RECIPE, WEIGHTS, HISTORY, POINTS, NEWTON_POINTS, STIMULI, SUMS, SUMMARY_FILE}
)  # fmt: skip
"""All files that a run may have, but for its figures."""

ORDER = (
    "trajectories",
    "eigenvalues",
    "slow_points",
    "slow_points_3d",
    "psychometric",
    "averages",
    "slow_manifold",
    "flow_field",
    "line_attractor",
    "stimulus_dependence",
)
"""The figures of a run, in the order to look at them; another number of choices has four."""

FIGURE_FILES = frozenset(f"{name}.{ending}" for name in ORDER for ending in ("png", "pdf"))
