"""A task of NeuroGym from beginning to end: delayed match to sample.

Needs `pip install 'yang-rnn[neurogym]'`.
"""

import yang_rnn as yr

RECIPE = yr.Recipe(
    task="neurogym:DelayMatchSample-v0", task_settings=("sigma=0.5",), epochs=10
)  # fmt: skip

if __name__ == "__main__":
    run = yr.run_task(RECIPE)
    print(yr.describe(yr.summarise(run)))

    # What the network remembers of the sample, it must remember in the delay.
    delay = next(row for row in run.by_input if row.given.period == "delay")
    print("\nat the input of the delay:")
    print(yr.linearise(run.system.at(delay.given.x), delay.points.with_status("fixed")))

    for name, figure in yr.draw(run).items():
        yr.figures.save(figure, f"neurogym_{name}")
