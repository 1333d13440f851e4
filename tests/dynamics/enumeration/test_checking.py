"""Certificates: what they prove, and that a changed one proves nothing."""

import ast
import dataclasses
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from every_active_set import rectified, trained

import yang_rnn as yr
from yang_rnn.dynamics.enumeration import checking
from yang_rnn.dynamics.enumeration.certificate import Certificate, CertificateError
from yang_rnn.dynamics.enumeration.checking import check_certificate
from yang_rnn.dynamics.enumeration.fixed_points import all_fixed_points

REST = [1.0, 0.5, 0.5]


def certificate_of(system, stimulus) -> Certificate:
    """Return the certificate of an enumeration."""
    certificate = all_fixed_points(system, stimulus).certificate
    assert certificate is not None
    return certificate


@pytest.fixture(scope="module")
def network():
    rng = np.random.default_rng(5)
    W = 1.3 * rng.standard_normal((10, 10)) / np.sqrt(10)
    return rectified(W.astype(np.float32), rng.standard_normal(10).astype(np.float32))


@pytest.fixture(scope="module")
def certificate(network):
    return certificate_of(network, [0.0])


def changed(certificate: Certificate, **arrays) -> Certificate:
    """Return a certificate with other arrays, and a digest that belongs to them."""
    return dataclasses.replace(certificate, digest="", **arrays)


def leaves(certificate: Certificate) -> list[tuple[int, list[int]]]:
    """Go through the tree anew: each leaf's kind, and 1 active, 2 silent, 0 undecided of units."""
    n = len(certificate.b_rr)
    nodes = iter(certificate.nodes.tolist())
    out = []

    def below(signs: list[int]) -> None:
        node = next(nodes)
        if node < 0:
            out.append((node, signs))
            return
        unit, first = node // 2, 1 + node % 2
        for what in (first, 3 - first):
            below([what if i == unit else sign for i, sign in enumerate(signs)])

    below([0] * n)
    return out


def proves_empty(certificate: Certificate, signs: list[int], y: np.ndarray) -> bool:
    """Decide in fractions whether multipliers prove that a leaf is empty."""
    n = len(signs)
    W = [[Fraction(float(value)) for value in row] for row in certificate.w_rr]
    u = [Fraction(float(bias)) for bias in certificate.b_rr]
    exact = [Fraction(float(value)) for value in y]
    g = [exact[j] - sum(W[j][i] * exact[i] for i in range(n)) for j in range(n)]
    return (
        all(exact[i] >= 0 for i in range(n) if signs[i] != 1)
        and all(g[j] <= 0 for j in range(n) if signs[j] != 2)
        and sum(a * b for a, b in zip(exact, u, strict=True)) > 0
    )


def test_every_leaf_holds_in_fractions(certificate):
    rows = iter(certificate.multipliers)
    kinds = [kind for kind, _ in leaves(certificate)]
    assert kinds.count(-1) > 5
    for kind, signs in leaves(certificate):
        if kind == -1:
            assert proves_empty(certificate, signs, next(rows))


def test_leaves_cover_every_set_of_active_units_once(certificate):
    n = len(certificate.b_rr)
    seen = np.zeros(2**n, int)
    sets = (np.arange(2**n)[:, None] >> np.arange(n)) % 2
    for _, signs in leaves(certificate):
        fits = np.all((np.array(signs) == 0) | (sets == (np.array(signs) == 1)), axis=1)
        seen += fits
    assert (seen == 1).all()


def test_says_what_it_proves(network, certificate):
    checked = check_certificate(certificate, network, [0.0])
    assert checked.proved
    assert checked.num_points == len(certificate.states)
    assert "no other in the whole state space" in repr(checked)
    none = certificate_of(rectified([[1.0]], [1.0]), [0.0])
    assert "there is no fixed point" in repr(check_certificate(none))


def test_kinks_and_continua_are_decided_in_fractions():
    for weight, leaves_there in ((0.5, 1), (2.0, 2)):
        kink = check_certificate(certificate_of(rectified([[weight]], [0.0]), [0.0]))
        assert (kink.num_points, kink.num_continua, kink.in_fractions) == (1, 0, leaves_there)
    line = check_certificate(certificate_of(rectified([[1.0]], [0.0]), [0.0]))
    assert (line.num_points, line.num_continua) == (0, 1)
    assert "1 continuum of fixed points" in repr(line)


def test_an_open_tree_proves_no_list(network):
    found = yr.all_fixed_points(trained("notebook_3"), REST, most_nodes=3000, threads=1)
    assert found.check is not None
    assert not found.check.proved
    assert "the rest is open" in repr(found.check)


def test_a_file_proves_what_the_record_did(network, certificate, tmp_path):
    path = certificate.save(tmp_path / "proof")
    assert path.suffix == ".npz"
    assert repr(check_certificate(path, network, [0.0])) == repr(check_certificate(certificate))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"proof\.npz is damaged"):
        check_certificate(path)
    with pytest.raises(FileNotFoundError):
        check_certificate(tmp_path / "other.npz")


def test_shares_no_code_with_the_search():
    tree = ast.parse(Path(checking.__file__).read_text())
    imported = {
        node.module if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    ours = {name for name in imported if name and name.startswith("yang_rnn")}
    assert ours == {"yang_rnn.dynamics.enumeration.certificate"}
    assert imported - ours <= {
        "__future__", "fractions", "itertools", "math", "os", "dataclasses", "typing", "numpy"
    }  # fmt: skip


def test_another_network_or_input_is_refused(network, certificate):
    weights = network.rectified
    w_rr = weights.w_rr.copy()
    w_rr[0, 0] = np.nextafter(w_rr[0, 0], np.float32(9))
    with pytest.raises(CertificateError, match="another network: `w_rr`"):
        check_certificate(certificate, rectified(w_rr, weights.b_rr), [0.0])
    with pytest.raises(CertificateError, match="another stimulus"):
        check_certificate(certificate, network, [1.0])
    with pytest.raises(TypeError, match="together"):
        check_certificate(certificate, network)


def test_what_was_changed_has_another_digest(certificate):
    multipliers = certificate.multipliers.copy()
    multipliers[0, 0] += 1
    with pytest.raises(CertificateError, match="was changed"):
        check_certificate(dataclasses.replace(certificate, multipliers=multipliers))


def corrupted(certificate: Certificate, rng: np.random.Generator) -> tuple[str, Certificate]:
    """Change one thing, and make a digest that belongs to it."""
    kind = rng.choice(["leaf", "row", "sign", "larger", "state", "unit", "open", "weight", "none"])
    nodes, y = certificate.nodes.copy(), certificate.multipliers.copy()
    row = rng.integers(len(y))
    at = rng.choice(np.flatnonzero(nodes == -1))
    inner = rng.choice(np.flatnonzero(nodes >= 0))
    if kind == "leaf":
        return kind, changed(certificate, nodes=np.delete(nodes, at))
    if kind == "row":
        return kind, changed(certificate, multipliers=np.delete(y, row, axis=0))
    if kind == "sign":
        y[row] *= -1
        return kind, changed(certificate, multipliers=y)
    if kind == "larger":
        y[row, rng.integers(y.shape[1])] += np.float32(rng.choice([-1, 1]) * 10)
        return kind, changed(certificate, multipliers=y)
    if kind == "state":
        return kind, changed(certificate, states=np.concatenate([certificate.states, [y[row]]]))
    if kind == "unit":
        nodes[inner] = (nodes[inner] + 2) % (2 * y.shape[1])
        return kind, changed(certificate, nodes=nodes)
    if kind == "open":
        nodes[at] = -3
        return kind, changed(certificate, nodes=nodes, multipliers=np.delete(y, row, axis=0))
    if kind == "weight":
        w_rr = certificate.w_rr.copy()
        w_rr[tuple(rng.integers(len(w_rr), size=2))] *= np.float32(-3)
        return kind, changed(certificate, w_rr=w_rr)
    return kind, changed(certificate, multipliers=np.zeros_like(y))


def test_a_thousand_corrupted_certificates_are_refused(network, certificate):
    """All of them; or what is left is true, and proves the same."""
    rng = np.random.default_rng(1)
    accepted = 0
    for _ in range(1000):
        kind, other = corrupted(certificate, rng)
        sealed = dataclasses.replace(other, digest=certificate.digest)
        with pytest.raises(CertificateError):
            check_certificate(sealed, network, [0.0])
        if kind == "weight":
            with pytest.raises(CertificateError, match="another network"):
                check_certificate(other, network, [0.0])
            continue
        try:
            checked = check_certificate(other, network, [0.0])
        except CertificateError:
            continue
        accepted += 1  # what else was made proves the same: it must do so in fractions too
        assert checked.num_points == len(certificate.states)
        rows = iter(other.multipliers)
        for leaf, signs in leaves(other):
            if leaf == -1:
                assert proves_empty(other, signs, next(rows))
    assert accepted < 100


@pytest.fixture(scope="module")
def contraction() -> Certificate:
    rng = np.random.default_rng(6)
    W = 0.5 * rng.standard_normal((8, 8)) / np.sqrt(8)
    return certificate_of(rectified(W, rng.standard_normal(8)), [0.0])


def test_a_contraction_needs_one_leaf(contraction):
    assert contraction.nodes.tolist() == [-5]
    checked = check_certificate(contraction)
    assert checked.proved
    assert (checked.num_points, checked.leaves) == (1, 1)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda c: {"w_rr": 3 * c.w_rr}, "does not prove that there is only one"),
        (lambda c: {"fine": -c.fine}, "does not prove that there is only one"),
        (lambda c: {"fine": c.fine * 1e30 ** np.arange(8)}, "does not prove that there is only"),
        (lambda c: {"fine": c.fine[:0]}, "one row of `fine`"),
        (lambda c: {"states": c.states[:0]}, "holds one fixed point"),
        (lambda c: {"states": np.concatenate([c.states, 2 * c.states])}, "holds one fixed point"),
        (lambda c: {"states": c.states * 1.001}, "that its leaves do not hold"),
        (lambda c: {"states": 0 * c.states}, "its leaves hold 0"),
        (lambda c: {"multipliers": np.ones((1, 8), np.float32)}, "0 leaves for 1 rows"),
        (lambda c: {"continua": np.ones((1, 8), bool)}, "continua are not those"),
        (lambda c: {"nodes": np.array([0, -5, -5], np.int32)}, "a node -5"),
        (lambda c: {"nodes": np.array([-6], np.int32)}, "a node -6"),
    ],
)
def test_a_leaf_that_does_not_prove_one_point_is_refused(contraction, damage, said):
    with pytest.raises(CertificateError, match=said):
        check_certificate(changed(contraction, **damage(contraction)))


@pytest.mark.parametrize("factor", [np.zeros((8, 8)), np.eye(8), np.full((8, 8), np.nan)])
def test_a_factor_that_is_none_proves_nothing(contraction, monkeypatch, factor):
    monkeypatch.setattr(np.linalg, "cholesky", lambda _: factor)
    with pytest.raises(CertificateError, match="does not prove that there is only one"):
        check_certificate(changed(contraction, w_rr=3 * contraction.w_rr))


def is_positive_definite(W: np.ndarray) -> bool:
    """Decide in fractions whether x . (I - W) x > 0 for all x, by the pivots of elimination."""
    n = len(W)
    S = [
        [2 * int(i == j) - Fraction(float(W[i, j])) - Fraction(float(W[j, i])) for j in range(n)]
        for i in range(n)
    ]
    for k in range(n):
        if S[k][k] <= 0:
            return False
        for i in range(k + 1, n):
            factor = S[i][k] / S[k][k]
            S[i] = [a - factor * b for a, b in zip(S[i], S[k], strict=True)]
    return True


def test_one_point_is_proved_only_where_fractions_do():
    """Of matrices whose least eigenvalue is near 0, above or below."""
    rng = np.random.default_rng(7)
    seen = []
    for gap in np.concatenate([[0.0], 10.0 ** -np.arange(5, 18), -(10.0 ** -np.arange(5, 18))]):
        W = rng.standard_normal((6, 6))
        W += (1 - gap - np.linalg.eigvalsh(W + W.T)[-1] / 2) * np.eye(6)
        b = np.full(6, -1.0)  # 0 is a fixed point
        other = Certificate(
            np.zeros((1, 6)), W, b, np.zeros(1), np.array([-5], np.int32),
            np.zeros((0, 6), np.float32), np.ones((1, 6)), np.zeros((1, 6)), np.zeros((0, 6), bool),
        )  # fmt: skip
        try:
            accepted = check_certificate(other).proved
        except CertificateError:
            accepted = False
        assert not accepted or is_positive_definite(W)
        seen.append((gap, accepted))
    assert all(accepted for gap, accepted in seen if gap > 1e-6)
    assert not any(accepted for gap, accepted in seen if gap <= 0)


def test_arguments_of_the_wrong_kind_are_named(network, certificate):
    with pytest.raises(TypeError, match="`certificate`"):
        check_certificate(3)  # type: ignore[arg-type] - what is tested
    with pytest.raises(TypeError, match="`stimulus`"):
        check_certificate(certificate, network, "a")


@pytest.mark.parametrize("name", ["multipliers", "states", "w_rr", "b_rr", "x", "fine"])
def test_numbers_that_are_none_are_refused(certificate, name):
    array = getattr(certificate, name)
    if not array.size:
        array = np.zeros((1, *array.shape[1:]), array.dtype)
    array = array.copy()
    array.flat[0] = np.nan
    with pytest.raises(CertificateError, match=f"`{name}` must be finite"):
        check_certificate(changed(certificate, **{name: array}))


def test_a_bias_whose_rounding_would_hide_a_point_is_not_rounded_away():
    """An input of 2^-40 by a weight of 2^-40: the fixed point is there all the same."""
    W = np.array([[0.0]], np.float32)
    system = yr.System(
        rectified(W, [0.0]).step,
        dt=100.0,
        initial_state=np.zeros(1),
        rectified=yr.Rectified(np.array([[2.0**-40]]), W, np.zeros(1, np.float32)),
    )
    found = check_certificate(
        Certificate(
            np.array([[2.0**-40]]), W, np.zeros(1, np.float32), np.array([2.0**-40]),
            np.array([0, -3, -3], np.int32), np.zeros((0, 1), np.float32), np.zeros((0, 1)),
            np.array([[2.0**-80]]), np.zeros((0, 1), bool),
        ),
        system,
        [2.0**-40],
    )  # fmt: skip
    assert found.proved
    assert found.num_points == 1
