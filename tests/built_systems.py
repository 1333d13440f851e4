"""Systems of 64 units that are built to integrate evidence in a known way, and how they do.

Each is built in coordinates that say what it does: evidence, the second input minus the first,
comes in along some of them. The units are these coordinates in a random orthonormal basis.
"""

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from yang_rnn.dynamics.system import System
from yang_rnn.line_attractor.leaks import evidence_kept

UNITS = 64
STEPS = 20
DT = 100.0
STIMULUS = STEPS * DT
REST = 0.2
"""What is left after a step of coordinates that have nothing else to do."""

LINE, LEAKY, UNSTABLE = "line attractor", "leaky integrator", "unstable integrator"
FAST, TURNING, NOT_LEARNED = "fast leak", "turning integrator", "not learned"
SLOW, SEVERAL, CONTINUUM = "slow direction", "several fixed points", "continuum"
MIXED = "mixed modes"
SINK, ROTATION, CHAIN, NO_POINT = "fast fixed point", "rotation", "chain", "no fixed point"


class Built(NamedTuple):
    """A system, and what is right to say of it.

    Attributes
    ----------
    system : System
    labels, mechanisms : tuple of str
        What it does and why; the first is what it is best called, others are right too.
    """

    system: System
    labels: tuple[str, ...]
    mechanisms: tuple[str, ...]


@functools.cache
def basis(seed: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((UNITS, UNITS)))[0]


def in_basis(inner: Callable[..., Any]) -> Callable[..., Any]:
    """Return the step in a basis of one that takes weights, input and coordinates."""

    @functools.wraps(inner)
    def step(axes: Any, *rest: Any) -> Any:
        *weights, x, h = rest
        return inner(*weights, x, h @ axes) @ axes.T

    return step


def built(
    step: Callable[..., Any], *weights: Any, seed: int, read: Any = (1.0,), start: Any = ()
) -> System:
    """Put a step into a random basis; what is read, and the start, are its first coordinates."""
    axes = basis(seed)
    seen = axes[:, : len(read)] @ np.asarray(read, float)
    return System(
        Partial(step, axes, *(np.asarray(each, float) for each in weights)),
        dt=DT,
        initial_state=axes[:, : len(start)] @ np.asarray(start, float),
        readout=Partial(jnp.matmul, np.stack([0 * seen, -seen, seen])),
    )


def evidence(x: Any) -> Any:
    return x[2] - x[1]


# Linear systems.


@in_basis
def linear_step(matrix: Any, push: Any, x: Any, z: Any) -> Any:
    return matrix @ z + x @ push


def linear(
    block: Any, drive: Any, read: Any, seed: int, *, drift: Any = (), start: Any = ()
) -> System:
    """Build z' = A z + drift + drive * evidence, A a block beside coordinates that die out."""
    block = np.atleast_2d(np.asarray(block, float))
    matrix = REST * np.eye(UNITS)
    matrix[: len(block), : len(block)] = block
    push = np.zeros((3, UNITS))
    push[0, : len(drift)] = drift  # the first input is 1 until a decision is asked for
    push[2, : len(block)] = drive
    push[1] = -push[2]
    return built(
        linear_step, matrix, push, seed=seed, read=np.broadcast_to(read, len(block)), start=start
    )


def left(seconds: float) -> float:
    """Return what is left after a step of what decays with a time constant."""
    return float(np.exp(-DT / 1000 / seconds))


def turn(turns: float, modulus: float = 1.0) -> np.ndarray:
    """Return a rotation that turns so often within the stimulus."""
    angle = 2 * np.pi * turns / STEPS
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return modulus * rotation


def halfway(turns: float) -> list[float]:
    """Return the direction to which evidence of the middle of the stimulus has turned."""
    return [np.cos(np.pi * turns), np.sin(np.pi * turns)]


def beside(block: Any, other: Any) -> np.ndarray:
    """Return a matrix of two blocks that know nothing of each other."""
    block, other = np.atleast_2d(block), np.atleast_2d(other)
    zero = np.zeros((len(block), len(other)))
    return np.block([[block, zero], [zero.T, other]])


def first(size: int) -> np.ndarray:
    return np.eye(size)[0]


def of_leak(seconds: float) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the label and mechanisms of an integrator with one time constant, inf for none."""
    kept = evidence_kept(1000 * seconds, STIMULUS)
    if seconds <= 0.05:  # one step is all that it knows: two thirds of its choices are right
        return (NOT_LEARNED, FAST), (SINK,)
    label = LINE if kept >= 0.75 else LEAKY if kept >= 0.5 else FAST
    if seconds >= 2e4:  # what moves by 1e-4 within the stimulus stands still
        return (label,), (CONTINUUM,) if seconds > 2e4 else (CONTINUUM, SLOW)
    return (label,), (SLOW if kept >= 0.5 else SINK,)


def leaks() -> Iterator[tuple[str, Built]]:
    times = [0.05, 0.2, 0.3, 0.45, 0.6, 0.7, 0.8, 1.2, 2.0, 5.0, 20.0, 200.0, 2e4, np.inf]
    for k, seconds in enumerate(times):
        yield f"leak of {seconds:g} s", Built(linear(left(seconds), 1, 1, k), *of_leak(seconds))
    for growth, label, mechanism in (
        (1.02, LINE, SLOW),  # 5 s: 0.99 is kept
        (1.12, UNSTABLE, SLOW),  # 0.88 s: 0.72
        (1.2, UNSTABLE, SLOW),  # 0.55 s: 0.52
        (1.3, UNSTABLE, SINK),  # 0.38 s: 0.38
    ):
        yield (
            f"growth by {growth} a step",
            Built(linear(growth, 1, 1, 20), (label,), (mechanism,)),
        )


def undriven() -> Iterator[tuple[str, Built]]:
    """Modes that evidence does not drive and that the readout does not see change nothing."""
    others = {
        "a slow mode": np.array([[0.999]]),
        "a quick rotation": turn(3.0),
        "a slow spiral": turn(0.2, 0.99),
        "a growing mode": np.array([[1.02]]),
    }
    for k, (name, other) in enumerate(others.items()):
        for seconds in (5.0, 0.7, 0.2):
            block = beside(left(seconds), other)
            drive, start = first(len(block)), 3 * (1 - first(len(block)))
            system = linear(block, drive, drive, 30 + k, start=start)
            yield f"leak of {seconds:g} s beside {name}", Built(system, *of_leak(seconds))
    system = linear(np.diag([left(200.0), 0.9999]), [1, 0], [1, 0], 35, start=[0, 3])
    yield "leak of 200 s beside one of 1000 s", Built(system, *of_leak(200.0))


def sheared() -> Iterator[tuple[str, Built]]:
    for shear in (1.0, 3.0, 10.0):
        block = [[0.99, shear], [0.0, REST]]
        for name, drive in (("line", [1, 0]), ("shear", [0, 1]), ("both", [1, 1])):
            system = linear(block, drive, [1, 0], int(shear))
            yield f"shear {shear:g}, {name} driven", Built(system, (LINE,), (SLOW,))
    fed = np.array([[0.99, 1, 0], [0, 0.5, 1], [0, 0, 0.5]])
    yield "line fed by two stages", Built(linear(fed, [0, 0, 1], [1, 0, 0], 4), (LINE,), (SLOW,))


def chains() -> Iterator[tuple[str, Built]]:
    five = linear(np.eye(5, k=-1), first(5), 1, 5)
    # A quarter is kept, little more than by modes that forget at once: both are right.
    yield "delay line of 5", Built(five, (FAST,), (CHAIN, SINK))
    for length, label in ((8, FAST), (13, TURNING), (18, TURNING), (22, TURNING)):
        # All that is in the chain counts alike: it keeps length / STEPS of the information.
        system = linear(np.eye(length, k=-1), first(length), 1, length)
        yield f"delay line of {length}", Built(system, (label,), (CHAIN,))
    slow = beside(np.eye(22, k=-1), 0.999)
    system = linear(slow, first(23), 1 - np.eye(23)[22], 60, start=3 * np.eye(23)[22])
    yield "delay line of 22 beside a slow mode", Built(system, (TURNING,), (CHAIN,))
    for length, keeps, labels in (
        # Two stages in a row lead from one direction to another within the stimulus, but by less
        # than a right angle, and forget: both are right.
        (2, 0.7, (LEAKY, TURNING)),
        (3, 0.7, (TURNING,)),
        (6, 0.6, (TURNING,)),
    ):
        block = keeps * np.eye(length) + np.eye(length, k=-1) * (1 - keeps)
        system = linear(block, first(length), np.eye(length)[-1], length)
        yield f"filter of {length} stages", Built(system, labels, (CHAIN,))


def planes() -> Iterator[tuple[str, Built]]:
    # Evidence moves the state along one direction of the plane.
    for name, leak, mechanism in (("slow", 0.99, SLOW), ("still", 1.0, CONTINUUM)):
        block = leak * np.eye(2)
        yield (
            f"{name} plane, one direction driven",
            Built(linear(block, [1, 0], [1, 0], 5, start=[0, 3]), (LINE,), (mechanism,)),
        )
        yield (
            f"{name} plane, driven askew",
            Built(linear(block, [1, 1], [1, 0], 6), (LINE,), (mechanism,)),
        )
    block = np.diag([0.995, 0.95])
    system = linear(np.diag([left(5.0), 0.3]), [1, 1], [1, 6], 8)
    yield "a slow mode and a fast one that is seen more", Built(system, (LINE,), (SLOW,))
    yield "two leaks, both driven", Built(linear(block, [1, 1], [1, 1], 7), (LINE,), (SLOW,))


def turning() -> Iterator[tuple[str, Built]]:
    # The direction is compared 13 steps apart.
    for turns, modulus, label, mechanism in (
        (0.05, 1.0, LINE, SLOW),  # 0.2 rad
        (0.1, 0.99, LINE, SLOW),  # 0.4 rad
        (0.1, left(0.7), LEAKY, SLOW),
        (0.25, 1.0, TURNING, ROTATION),  # 1.02 rad
        (0.3, 0.99, TURNING, ROTATION),
        (0.3, left(2.0), TURNING, ROTATION),
    ):
        system = linear(turn(turns, modulus), [1, 0], halfway(turns), 8)
        yield f"{turns} turns, modulus {modulus:.3g}", Built(system, (label,), (mechanism,))
    for turns, modulus in ((1.0, 1.0), (3.0, 1.0), (2.0, 0.95)):
        # Evidence is averaged over turns to little or nothing: it may be read out wrongly as well.
        system = linear(turn(turns, modulus), [1, 0], [1, 0], 9)
        labels = (NOT_LEARNED, FAST)
        yield f"{turns:g} quick turns, modulus {modulus}", Built(system, labels, (ROTATION,))
    quick = linear(turn(3.0, 0.5), [1, 0], [1, 0], 10)
    yield "3 quick turns, soon forgotten", Built(quick, (NOT_LEARNED, FAST), (ROTATION, SINK))


def without_points() -> Iterator[tuple[str, Built]]:
    for name, drift in (("along", [0.01, 0]), ("across", [0, 0.3])):
        system = linear(np.eye(2), [1, 0], [1, 0], 11, drift=drift)
        yield f"line that drifts {name}", Built(system, (LINE,), (NO_POINT,))
    # It stands still along the driven direction, at any time.
    system = linear(np.diag([left(0.7), 1.0]), [1, 0], [1, 0], 12, drift=[0, 0.3])
    yield "leak of 0.7 s that drifts across", Built(system, (LEAKY,), (NO_POINT,))


def not_learned() -> Iterator[tuple[str, Built]]:
    for name, drive, why in (
        ("no evidence", 0.0, MIXED),  # no mode carries any
        ("evidence for the other choice", -1.0, SLOW),
    ):
        system = linear(0.99, drive, 1, 13)
        yield f"line that gets {name}", Built(system, (NOT_LEARNED,), (why,))


# Single precision: a continuum is one as far as its weights can say.


def in_float32() -> Iterator[tuple[str, Built]]:
    for seed in (40, 41):
        system = linear(1.0, 1, 1, seed)
        step: Any = system.step
        single = Partial(step.func, *(np.float32(leaf) for leaf in step.args))
        found = System(single, dt=DT, initial_state=system.initial_state, readout=system.readout)
        yield f"continuum in float32, seed {seed}", Built(found, (LINE,), (CONTINUUM,))


# Lines whose flow is not linear: the first coordinate is the position.


@in_basis
def tanh_step(slope: Any, width: Any, x: Any, z: Any) -> Any:
    """Let the position be width * tanh(slope * position / width): a switch, or a line that ends."""
    return (REST * z).at[0].set(width * jnp.tanh(slope * z[0] / width) + evidence(x))


@in_basis
def clipped_step(width: Any, x: Any, z: Any) -> Any:
    return (REST * z).at[0].set(jnp.clip(z[0] + evidence(x), -width, width))


@in_basis
def stepped_step(depth: Any, width: Any, x: Any, z: Any) -> Any:
    """Draw the position to the multiples of a width, by `depth` of the distance close to one."""
    drawn = depth * width / (2 * np.pi) * jnp.sin(2 * np.pi * z[0] / width)
    return (REST * z).at[0].set(z[0] - drawn + evidence(x))


@in_basis
def gap_step(gap: Any, speed: Any, x: Any, z: Any) -> Any:
    """Drive the position out of a gap around 0, and leave it where it is elsewhere."""
    out = speed * jnp.sin(np.pi * jnp.clip(z[0] / gap, -1, 1))
    return (REST * z).at[0].set(z[0] + out + evidence(x))


def bent_lines() -> Iterator[tuple[str, Built]]:
    for slope, width, label in (
        (1.05, 10.0, LINE),
        (1.2, 3.0, UNSTABLE),
        (1.5, 1.0, UNSTABLE),
        (1.5, 5.0, UNSTABLE),
    ):
        system = built(tanh_step, slope, width, seed=14)
        yield f"switch, slope {slope}, width {width:g}", Built(system, (label,), (SEVERAL,))
    for width in (5.0, 20.0):
        system = built(tanh_step, 1.0, width, seed=15)
        yield f"line that saturates at {width:g}", Built(system, (LINE,), (SLOW,))
    for width in (4.0, 8.0):
        system = built(clipped_step, width, seed=16)
        yield f"line that ends at {width:g}", Built(system, (LINE,), (CONTINUUM,))
    for depth, width in ((0.3, 0.2), (0.5, 0.3), (0.5, 0.6)):
        # Noise of 0.14 a step carries the position over barriers of depth * width / (2 pi) a step.
        system = built(stepped_step, depth, width, seed=17)
        yield f"steps of {width}, depth {depth}", Built(system, (LINE,), (SEVERAL,))
    for gap, speed in ((0.3, 0.02), (0.6, 0.03)):
        system = built(gap_step, gap, speed, seed=18)
        yield f"two segments, {2 * gap:g} apart", Built(system, (LINE,), (CONTINUUM,))


# Curves, contracted across.


@in_basis
def parabola_step(leak: Any, bend: Any, x: Any, z: Any) -> Any:
    position = leak * z[0] + evidence(x)
    after = REST * z
    across = bend * position**2 + REST * (z[1] - bend * z[0] ** 2)
    return after.at[0].set(position).at[1].set(across)


@in_basis
def arc_step(leak: Any, radius: Any, x: Any, z: Any) -> Any:
    """Move along a circle, around the point at a radius along the second coordinate."""
    out = jnp.hypot(z[0], radius - z[1])
    angle = leak * jnp.arctan2(z[0], radius - z[1]) + evidence(x) / radius
    out = radius + REST * (out - radius)
    after = REST * z
    return after.at[0].set(out * jnp.sin(angle)).at[1].set(radius - out * jnp.cos(angle))


def curves() -> Iterator[tuple[str, Built]]:
    for name, leak, mechanism in (("slow", 0.99, SLOW), ("still", 1.0, CONTINUUM)):
        for bend in (0.03, 0.1):
            system = built(parabola_step, leak, bend, seed=19)
            yield f"{name} parabola, bent by {bend}", Built(system, (LINE,), (mechanism,))
        system = built(arc_step, leak, 12.0, seed=20)
        yield f"{name} arc", Built(system, (LINE,), (mechanism,))
    # The trials go half round: what is read, a sine of the angle, is still flat for no evidence.
    yield "ring", Built(built(arc_step, 1.0, 6.0, seed=21), (LINE,), (CONTINUUM,))
    yield "leaky parabola", Built(built(parabola_step, left(0.7), 0.1, seed=22), (LEAKY,), (SLOW,))


# Lines beside others that move for themselves.


@in_basis
def chaos_step(leak: Any, weights: Any, x: Any, z: Any) -> Any:
    return jnp.concatenate([leak[None] * z[:1] + evidence(x), jnp.tanh(weights @ z[1:])])


@in_basis
def cycle_step(leak: Any, rotation: Any, x: Any, z: Any) -> Any:
    """Let two coordinates turn on a circle of radius 1, which draws them."""
    around = rotation @ z[1:3] * (1 + 0.3 * (1 - z[1] ** 2 - z[2] ** 2))
    return (REST * z).at[0].set(leak * z[0] + evidence(x)).at[1:3].set(around)


def beside_others() -> Iterator[tuple[str, Built]]:
    for seed, gain in ((42, 1.5), (43, 2.0)):
        rng = np.random.default_rng(seed)
        weights = gain / np.sqrt(UNITS - 1) * rng.standard_normal((UNITS - 1, UNITS - 1))
        start = np.concatenate([[0.0], rng.uniform(-1, 1, UNITS - 1)])
        for seconds in (5.0, 0.2):
            system = built(chaos_step, left(seconds), weights, seed=seed, start=start)
            name = f"leak of {seconds:g} s beside chaos of gain {gain}"
            yield name, Built(system, *of_leak(seconds))
    for seconds in (5.0, 0.2):
        system = built(cycle_step, left(seconds), turn(3.3), seed=44, start=(0, 1, 0))
        yield f"leak of {seconds:g} s beside a limit cycle", Built(system, *of_leak(seconds))


# Networks of neurons.


@in_basis
def rank_one_step(alpha: Any, out: Any, into: Any, push: Any, x: Any, z: Any) -> Any:
    return (1 - alpha) * z + alpha * out * (into @ jnp.tanh(z)) + push * evidence(x)


@in_basis
def rivals_step(alpha: Any, weights: Any, drive: Any, push: Any, x: Any, z: Any) -> Any:
    inhibited = jnp.maximum(drive - weights @ z, 0)
    return (1 - alpha) * z + alpha * inhibited + push * evidence(x)


@in_basis
def gru_step(w_in: Any, w_rec: Any, bias: Any, x: Any, z: Any) -> Any:
    """Step a GRU cell: gates of update and reset, and what is new, each (unit, ...)."""
    update, reset = (jax.nn.sigmoid(w_in[k] @ x + w_rec[k] @ z + bias[k]) for k in range(2))
    new = jnp.tanh(w_in[2] @ x + reset * (w_rec[2] @ z) + bias[2])
    return (1 - update) * new + update * z


@in_basis
def lstm_step(w_in: Any, w_rec: Any, bias: Any, x: Any, z: Any) -> Any:
    """Step an LSTM cell whose state is its cells, then its outputs."""
    cell, out = jnp.split(z, 2)
    before = [w_in[k] @ x + w_rec[k] @ out + bias[k] for k in range(4)]
    take, keep, give = (jax.nn.sigmoid(each) for each in before[:3])
    cell = keep * cell + take * jnp.tanh(before[3])
    return jnp.concatenate([cell, give * jnp.tanh(cell)])


def logit(share: float) -> float:
    return float(np.log(share / (1 - share)))


def rank_one(gain: float, seed: int) -> System:
    rng = np.random.default_rng(seed)
    out = rng.standard_normal(UNITS)
    into = gain * out / (out @ out)
    return built(rank_one_step, 0.2, out, into, 0.02 * out, seed=seed, read=out)


def rivals(inhibition: float, seed: int) -> System:
    """Build two pools of relu units that inhibit each other, at 3 without evidence."""
    side = np.repeat([1.0, -1.0], UNITS // 2)
    other = (side[:, None] != side) / (UNITS // 2)
    drive = 3 * (1 + inhibition) * np.ones(UNITS)
    return built(
        rivals_step, 0.2, inhibition * other, drive, 0.2 * side,
        seed=seed, read=side, start=3 * np.ones(UNITS),
    )  # fmt: skip


def gated(seconds: float, seed: int, *, all_driven: bool = False) -> System:
    """Build a GRU cell of which one unit integrates; the others, at random, see it and inputs.

    Evidence drives the one alone, or all.
    """
    rng = np.random.default_rng(seed)
    w_in = 0.5 * rng.standard_normal((3, UNITS, 3))
    if not all_driven:
        w_in[..., 2] = w_in[..., 1]
    w_rec = 0.5 / np.sqrt(UNITS) * rng.standard_normal((3, UNITS, UNITS))
    bias = np.zeros((3, UNITS))
    w_in[:, 0], w_rec[:, 0], bias[0, 0] = 0, 0, logit(left(seconds))
    w_in[2, 0] = [0, -1, 1]
    return built(gru_step, w_in, w_rec, bias, seed=seed)


def with_memory(seconds: float, seed: int, *, all_driven: bool = False) -> System:
    """Build an LSTM cell of which one cell integrates; the others are as those of `gated`."""
    rng, cells = np.random.default_rng(seed), UNITS // 2
    w_in = 0.5 * rng.standard_normal((4, cells, 3))
    if not all_driven:
        w_in[..., 2] = w_in[..., 1]
    w_rec = 0.5 / np.sqrt(cells) * rng.standard_normal((4, cells, cells))
    bias = np.zeros((4, cells))
    w_in[:, 0], w_rec[:, 0], bias[1, 0] = 0, 0, logit(left(seconds))
    w_in[3, 0] = [0, -0.1, 0.1]
    return built(lstm_step, w_in, w_rec, bias, seed=seed, read=np.eye(UNITS)[cells])


def networks() -> Iterator[tuple[str, Built]]:
    # Without evidence a step leaves 0.8 + 0.2 * gain of what is read.
    for gain, label, mechanism in (
        (1.0, LINE, SLOW),
        (0.95, LINE, SLOW),  # 10 s
        (0.6, LINE, SLOW),  # 1.2 s
        (0.0, FAST, SINK),  # 0.45 s
        (1.1, LINE, SEVERAL),  # 5 s of growth, to where tanh stops it
    ):
        yield f"rank one, gain {gain}", Built(rank_one(gain, 50), (label,), (mechanism,))
    for inhibition, label, mechanism in ((0.95, LINE, SLOW), (0.0, FAST, SINK)):
        name = f"two pools, inhibition {inhibition}"
        yield name, Built(rivals(inhibition, 51), (label,), (mechanism,))
    for seconds in (10.0, 0.7, 0.2):
        yield f"GRU of {seconds:g} s", Built(gated(seconds, 52), *of_leak(seconds))
        yield f"LSTM of {seconds:g} s", Built(with_memory(seconds, 53), *of_leak(seconds))


def swamped() -> Iterator[tuple[str, Built]]:
    """Cells all of whose units evidence drives, a hundred times as far as the one that integrates.

    What the others do lasts long enough to turn the state, and nothing comes of it: decisions are
    those of the integrator. Constancy of direction, which goes by the state, is misled.
    """
    for name, build in (("GRU", gated), ("LSTM", with_memory)):
        for seconds in (10.0, 0.7):
            system = build(seconds, 54, all_driven=True)
            yield f"{name} of {seconds:g} s, all units driven", Built(system, *of_leak(seconds))


KINDS: tuple[Callable[[], Iterable[tuple[str, Built]]], ...] = (
    leaks, undriven, sheared, chains, planes, turning, without_points, not_learned, in_float32,
    bent_lines, curves, beside_others, networks,
)  # fmt: skip


@functools.cache
def catalogue() -> dict[str, Built]:
    """Return all systems by name but those that are known to be judged wrongly (`swamped`)."""
    all_of = [entry for kind in KINDS for entry in kind()]
    named = dict(all_of)
    assert len(named) == len(all_of)
    return named
