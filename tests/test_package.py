import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import yang_rnn as yr

IMPORT_CHANGES_NOTHING = """
import random, jax, matplotlib, numpy as np
settings = dict(jax.config.values), dict(matplotlib.rcParams)
streams = random.getstate(), np.random.get_state()[1].tobytes()
import brainpy.math as bm
state = lambda: np.asarray(jax.random.key_data(bm.random.DEFAULT.value)).tobytes()
key = state()
settings = dict(jax.config.values), dict(matplotlib.rcParams)  # brainpy sets some of its own
import yang_rnn
for name in yang_rnn.__all__:
    getattr(yang_rnn, name)
assert settings == (dict(jax.config.values), dict(matplotlib.rcParams))
assert streams == (random.getstate(), np.random.get_state()[1].tobytes())
assert key == state()
"""


def test_import_changes_no_setting_and_no_random_stream():
    subprocess.run([sys.executable, "-c", IMPORT_CHANGES_NOTHING], check=True)


def test_import_alone_is_light():
    code = "import sys, yang_rnn; assert not {'jax', 'brainpy', 'sklearn'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_public_name_is_there():
    assert {"CTRNN", "train", "figures", "load_run", "NOTEBOOK"} <= set(yr.__all__)
    for name in yr.__all__:
        assert getattr(yr, name) is not None
    assert callable(yr.train)  # and not the module of that name


def test_version_is_that_of_the_project():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
    assert yr.__version__ == project["project"]["version"]


def test_errors_are_public_and_can_be_caught():
    with pytest.raises(yr.RecipeError, match="`hidden`"):
        yr.Recipe(hidden=0)
    net, task = yr.CTRNN(3, 4, 3, seed=0), yr.PerceptualDecisionMaking(seed=0, num_trial=16)
    with pytest.raises(yr.DivergenceError, match="epoch 1"):
        yr.train(net, task, epochs=1, batch_size=4, learning_rate=1e30)


def test_example_of_the_readme():
    task = yr.PerceptualDecisionMaking(seed=0)
    net = yr.CTRNN(task.num_inputs, 16, task.num_outputs, dt=task.dt, seed=0)
    history = yr.train(net, task, epochs=3)
    trials = task.sample_trials(20)
    activity, outputs = net.predict(trials.inputs)
    pca = yr.fit_pca(activity)
    points = yr.find_slow_points(net, activity)
    figure = yr.figures.trajectories(pca, activity, trials)
    assert history.loss[-1] < history.loss[0]
    assert activity.shape == (22, 20, 16)
    assert outputs.shape == (22, 20, 3)
    assert np.isfinite(points.speed).all()
    assert len(figure.axes) == 2
