import numpy as np
import pytest

import yang_rnn as yr
from yang_rnn.experiment.run import Run


def test_stimuli_are_the_rows_of_their_table(small_run: Run):
    frame = yr.to_frame(small_run.by_stimulus)
    table = yr.table_of(small_run.by_stimulus)
    assert frame["stimulus"].tolist() == [row["stimulus"] for row in table]
    assert frame["fixed"].tolist() == [row["fixed"] for row in table]


def test_inputs_of_a_task_have_a_row_each(small_task_run: yr.TaskRun):
    rows = small_task_run.by_input
    frame, alone = yr.to_frame(rows), yr.to_frame(small_task_run.inputs)
    assert frame["name"].tolist() == alone["name"].tolist() == [row.given.name for row in rows]
    assert frame["fixed"].tolist() == [row.points.counts["fixed"] for row in rows]
    assert alone["x_1"].tolist() == [given.x[1] for given in small_task_run.inputs]
    known = [row for row in rows if row.centre is not None]
    speeds = [row.points.speed[row.centre] for row in known]
    assert frame["centre_speed"].dropna().tolist() == speeds


@pytest.mark.parametrize("rows", [(), "rows", [1], np.zeros(3), None])
def test_other_things_are_refused(rows: object):
    with pytest.raises(TypeError, match="`rows` must be a list of StimulusPoints"):
        yr.to_frame(rows)  # pyright: ignore[reportArgumentType]


def test_a_single_row_is_refused(small_run: Run):
    with pytest.raises(TypeError, match="`rows`"):
        yr.to_frame(small_run.by_stimulus[0])  # pyright: ignore[reportArgumentType]
