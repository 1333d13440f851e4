"""What a user does who checks types strictly: `.ci/package` checks this file, and runs it."""

from pathlib import Path

import numpy as np

import yang_rnn as yr


def main() -> None:
    """Train a small network, take it apart, and write what was found."""
    task = yr.PerceptualDecisionMaking(seed=0, num_trial=64)
    net = yr.CTRNN(task.num_inputs, 16, task.num_outputs, dt=task.dt, seed=0)
    history = yr.train(net, task, epochs=2)
    loss: float = float(history.loss[-1])

    trials = task.sample_trials(60)
    system: yr.System = net.system()
    activity, outputs = yr.simulate(system, trials.inputs)
    assert outputs is not None  # `net` has a readout
    share: float = yr.accuracy(outputs, trials)
    levels: list[float] = yr.accuracy_by_condition(outputs, trials).level.tolist()

    F = system.at([1.0, 0.5, 0.5])
    starts = yr.trajectory_states(activity)
    points: yr.FixedPoints = yr.find_fixed_points(F, starts).unique()
    slow = points.with_status("fixed", "slow")[:5]
    modes = yr.linearise(F, slow)
    leading: list[str] = modes.label.tolist()

    verdict = yr.line_attractor_verdict(system, trials, task.two_alternatives())
    kept: float = verdict.measures.efficiency
    print(f"loss {loss:.3g}, right {share:.3g} at {levels}: {verdict.label}, {kept:.3g}; {leading}")

    mine = yr.from_step(lambda x, h: 0.5 * h + x, dt=20.0, initial_state=np.zeros(2))
    assert yr.simulate(mine, np.zeros((3, 4, 2))).activity.shape == (3, 4, 2)

    path: Path = yr.save_mat("trials.mat", trials, activity, outputs, dt=system.dt)
    path.unlink()
    yr.save_netcdf("trials.nc", trials, activity, dt=system.dt).unlink()
    figure = yr.figures.trajectories(activity, trials=trials)
    for drawn in yr.figures.save(figure, "trajectories"):
        drawn.unlink()

    recipe = yr.Recipe(hidden=8, epochs=1, trials_per_epoch=32, test_trials=50, analysis_trials=20)
    run: yr.Run = yr.run_experiment(recipe)
    assert run.verdict is not None
    yr.save_run(run, "stored")
    again = yr.load_run("stored")
    assert isinstance(again, yr.Run)
    np.testing.assert_array_equal(again.newton_points.state, run.newton_points.state)


if __name__ == "__main__":
    main()
