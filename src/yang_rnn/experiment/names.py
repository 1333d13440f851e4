"""What the files of a run are called."""

import re

RECIPE, WEIGHTS, HISTORY = "recipe.json", "weights.safetensors", "history.csv"
POINTS, NEWTON_POINTS = "slow_points.npz", "fixed_points.npz"
STIMULI, SUMS = "stimulus_dependence.csv", "SHA256SUMS"
TRAINING = "training.safetensors"
"""What training goes on from: the optimiser's numbers, epochs and steps."""

PROOF = "proof.npz"
"""The certificate of all fixed points, of a run with `--prove`."""

INPUTS = "inputs.csv"
"""What was found at each constant input of a task other than the perceptual one."""

SUMMARY_FILE = "summary.json"
"""The file by which the folder of a finished run is known."""

FIGURES = "figures"
"""The folder of its figures."""

REPORT = "report.html"
"""The page that tells what a run or a sweep came to; like figures, it has no checksum."""

FILES = frozenset(
    {
        RECIPE, WEIGHTS, HISTORY, TRAINING, POINTS, NEWTON_POINTS, PROOF, STIMULI, INPUTS, SUMS,
        SUMMARY_FILE, REPORT,
    }
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
    "outputs",
    "unit_activity",
    "weights",
    "learning_curve",
)
"""The figures of a run, in the order to look at them; another number of choices has eight."""

TASK_ORDER = (
    "trajectories",
    "conditions",
    "accuracy",
    "points_by_input",
    "psychometric",
    "slow_manifold",
    "line_attractor",
    "outputs",
    "unit_activity",
    "weights",
    "learning_curve",
)
"""Those of a run of another task; three of them once a context, where there are alternatives."""

_FIGURE_FILE = re.compile(rf"({'|'.join({*ORDER, *TASK_ORDER})})(-[\w.+-]+)?\.(png|pdf)")


def is_figure_file(name: str) -> bool:
    """Tell whether a file's name is that of a figure of a run."""
    return _FIGURE_FILE.fullmatch(name) is not None
