import numpy as np
import pytest
from drawn import labelled, points_of
from small import SMALL

from yang_rnn import figures
from yang_rnn.model import CTRNN


def test_weights_are_those_of_the_equations_in_the_order_asked_for():
    net = CTRNN.from_recipe(SMALL)
    matrix = net.effective_weights()["w_rr"]
    order = np.arange(8)[::-1]
    left, right, _ = figures.weights(net, order=order).axes
    np.testing.assert_allclose(np.asarray(left.images[0].get_array()), matrix[::-1, ::-1])
    values = np.linalg.eigvals(matrix.astype(float))
    drawn = points_of(labelled(right, "eigenvalues of the weights"))
    np.testing.assert_allclose(np.sort(drawn[:, 0]), np.sort(values.real), atol=1e-6)


def test_units_of_similar_weights_stand_together():
    kinds = np.array([0, 1, 0, 1, 0, 1, 0, 1])
    matrix = np.where(kinds[:, None] == kinds, 1.0, -1.0)
    shown = np.asarray(figures.weights(matrix).axes[0].images[0].get_array())
    np.testing.assert_array_equal(shown[0], [1, 1, 1, 1, -1, -1, -1, -1])


def test_eigenvalues_of_the_jacobian_stand_beside_those_of_the_weights():
    right = figures.weights(0.5 * np.eye(3), modes=[0.9, 0.1j, -0.1j]).axes[1]
    drawn = points_of(labelled(right, "of the Jacobian at the centre"))
    np.testing.assert_allclose(drawn, [[0.9, 0], [0, 0.1], [0, -0.1]])
    labels = figures.weights(np.zeros((2, 2)), modes=()).axes[1].get_legend_handles_labels()[1]
    assert "of the Jacobian at the centre" not in labels


def test_weights_that_are_not_square_and_orders_of_other_units_are_refused():
    with pytest.raises(ValueError, match=r"as many units in as out; got \(2, 3\)"):
        figures.weights(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="`order` must have each of the 2 units once"):
        figures.weights(np.zeros((2, 2)), order=[0, 0])
