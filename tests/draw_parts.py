"""What random networks consist of: neurons with registers, and synapses with weights."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from hwsim.arith import VOLTAGE, SignMode, round_bias, truncate_weights, wrap32
from hwsim.engines.reference import drive
from hwsim.neurons import (
    NEURONS,
    Cuba,
    Delta,
    Gate,
    GradedRelay,
    LeakyIntegrator,
    MultiSpike,
    Neuron,
    Sigma,
    SigmaDelta,
    registers,
)
from hwsim.program import Population
from hwsim.synapses import Conv2d, Dense, Shape, Sparse, SumPool2d, Synapse

if TYPE_CHECKING:
    from draw import Choice

WIDE = (Delta, GradedRelay, Sigma, SigmaDelta)
"""Neurons that send 32-bit messages: a loop of them may grow without end."""
_FIRING = [Cuba, *(kind for kind in NEURONS.values() if kind is not LeakyIntegrator)]
_BIASED = [kind for kind in _FIRING if "bias" in kind.__dataclass_fields__]
_THRESHOLD = 131072 * 64
_CALM = 1 << 14
"""Sums that drawn weights aim at, in units of weight."""


def spread(choice: Choice, low: int, high: int, shape: Shape) -> Any:
    """Draw a register as a scalar, per channel or per neuron."""
    size = choice.pick(((), shape[:1], shape))
    return choice.array(low, high, size) if size else choice.integer(low, high)


def neuron(
    choice: Choice,
    activations: np.ndarray,
    reset: tuple[int, int] | None,
    *,
    lava_ready: bool,
    silent: bool,
) -> Neuron:
    """Draw a neuron that ``activations`` (steps, B, *shape) make fire now and then."""
    driven = (wrap32(activations) > 0).mean() > 0.02
    kind = LeakyIntegrator if silent else choice.pick(_FIRING if driven else _BIASED)
    shape = activations.shape[2:]
    x = wrap32(activations) << kind.INPUT_SHIFT
    scale = int(np.quantile(np.abs(x[x != 0]), 0.7)) if x.any() else 640
    drawn: dict[str, Any] = {}
    if "v" in kind.STATE:
        drawn |= {"decay_u": _decay(choice, shape), "decay_v": _decay(choice, shape)}
        drawn["bias"] = _bias(choice, scale, shape, lava_ready, needed=not driven)
    if "period" in kind.__dataclass_fields__:
        drawn["period"] = spread(choice, 0, choice.pick((1, 3, 63)), shape)
    if "decrement" in kind.__dataclass_fields__:
        drawn["decrement"] = spread(
            choice, 0, min(choice.pick((1, 4, 16)) * scale, VOLTAGE[1]), shape
        )
    if kind is MultiSpike:
        drawn["lowest"] = spread(
            choice, choice.pick((VOLTAGE[0], -min(scale, VOLTAGE[1]))), 0, shape
        )
        drawn["most"] = spread(choice, 1, choice.pick((1, 4, 255)), shape)
    if kind in (Delta, SigmaDelta):
        drawn["state_exp"] = choice.pick((0, 0, 1, 6, 7))
    if kind is Delta:
        drawn["spike_exp"] = choice.pick((0, 0, 1, 2, 6))
    if kind is SigmaDelta:
        drawn["rectify"] = choice.integer(0, 1)
        bias = _bias(choice, scale, shape, lava_ready, needed=not driven)
        lost = drawn["state_exp"] if choice.chance(60) else 0
        drawn["bias"] = bias >> lost << lost
    if "threshold" not in kind.__dataclass_fields__:
        return kind(**drawn)
    return _tuned(choice, kind, drawn, activations, reset)


def _decay(choice: Choice, shape: Shape) -> Any:
    if choice.chance(25):
        return choice.pick((0, 4096, 4095, 1))
    return spread(choice, 0, choice.pick((300, 2000, 4096)), shape)


def _bias(choice: Choice, scale: int, shape: Shape, lava_ready: bool, *, needed: bool) -> Any:
    """Draw biases; in Lava they are a mantissa of 16 bits and an exponent."""
    if not needed and choice.chance(40):
        return 0
    reach = min(scale, 1 << 30)
    low = 0 if needed else -reach // 4
    if choice.chance(4):
        low, reach = -(2**31), 2**31 - 1
    bias = spread(choice, low, max(reach // 2, 1), shape)
    if lava_ready:
        bias = round_bias(np.asarray(bias), 2**15 - 1, 16)
    return bias if np.ndim(bias) else int(bias)


def _tuned(
    choice: Choice,
    kind: type[Neuron],
    drawn: dict[str, Any],
    activations: np.ndarray,
    reset: tuple[int, int] | None,
) -> Neuron:
    """Return the neuron with thresholds such that it fires in some of the steps."""
    shape, step = activations.shape[2:], 64 if kind.INPUT_SHIFT else 1
    limit = _THRESHOLD if step == 64 else 2**24 - 1
    if step == 1 and choice.chance(60):
        step <<= _shift(drawn)  # what Lava's own Process holds
        limit -= limit % step
    signed = {"threshold_low"} & set(kind.__dataclass_fields__)
    quiet = kind(**drawn, threshold=limit, **dict.fromkeys(signed, -limit))
    seen = _comparison(quiet, activations, reset)
    base = int(np.quantile(seen, choice.integer(30, 95) / 100)) if seen.size else 0
    factor = 16 if choice.chance(40) else spread(choice, 8, 20, shape)
    for _ in range(3):
        least = registers(kind)["threshold"]["low"] // 64
        high = np.clip(base * factor // (16 * step), least, limit // step) * step
        high = high if np.ndim(high) else int(high)
        low = dict.fromkeys(signed, -high)
        found = kind(**drawn, threshold=high, **low)
        rate = np.count_nonzero(_run(found, activations, reset).spikes["p"]) / activations.size
        if 0.01 <= rate <= 0.7:
            break
        base = base * 4 + step if rate > 0.7 else base // 4
    return found


def _comparison(quiet: Neuron, activations: np.ndarray, reset: Any) -> np.ndarray:
    """Return the positive values that ``quiet`` compares with its threshold."""
    if "v" in quiet.STATE:
        seen = _run(quiet, activations, reset).state["v"]["p"].astype(np.int64)
    elif isinstance(quiet, Gate):
        seen = activations << quiet.INPUT_SHIFT
    else:
        seen = np.abs(activations) << _shift(vars(quiet))
    return seen[seen > 0]


def _shift(drawn: dict[str, Any]) -> int:
    return drawn.get("spike_exp", 0) + drawn.get("state_exp", 0)


def _run(found: Neuron, activations: np.ndarray, reset: Any) -> Any:
    return drive(Population("p", activations.shape[2:], found, 0), activations, reset=reset)


def weights(
    choice: Choice, shape: Shape, *, lava_ready: bool, signs: tuple[int, ...] = (1, 1, 2, 3)
) -> np.ndarray:
    """Draw weights as a synaptic memory of 1..8 bits holds them, or beyond what it holds."""
    if choice.chance(3):
        return np.zeros(shape, np.int64)
    if not lava_ready and choice.chance(15):
        reach = choice.pick((300, 300, 2**31 - 1))
        return choice.array(-reach, reach, shape)
    mode = SignMode(choice.pick(signs))
    reach = choice.pick((7, 60, 256))
    low, high = {1: (-reach, reach), 2: (0, reach), 3: (-reach, 0)}[mode.value]
    kept = choice.array(low, high, shape) * (choice.array(0, 3, shape) > 0)
    bits = choice.pick((8, 8, 8, choice.integer(1, 8)))
    return _settled(truncate_weights(kept, bits, mode))


def _settled(weight: np.ndarray) -> np.ndarray:
    """Return what is left of ``weight`` when truncation changes it no more.

    Losing the last weight of one sign changes the mode, and with it the ends of the range.
    """
    kept = truncate_weights(weight)
    return weight if (kept == weight).all() else _settled(kept)


def flat(
    choice: Choice,
    shape: tuple[int, int],
    *,
    lava_ready: bool,
    largest: int = 1,
    signs: tuple[int, ...] = (1, 1, 2, 3),
) -> Dense | Sparse:
    """Draw a Dense or a Sparse; ``largest``: magnitude of the messages it gets."""
    weight = weights(choice, shape, lava_ready=lava_ready, signs=signs)
    exponent = choice.integer(-8, 7) if choice.chance(25) else 0
    if not lava_ready and choice.chance(3):
        exponent = choice.integer(-31, 31)
    elif largest > 1 and choice.chance(85):
        total = largest * max(1, int(np.abs(weight).sum(axis=1).max()))
        exponent = max(-8, min(exponent, _CALM.bit_length() - total.bit_length()))
    delay = None
    if choice.chance(30):
        delay = choice.array(0, choice.pick((1, 2, 3, 3, 5, 62)), shape)
        delay = delay * (choice.array(0, 1, shape)) if choice.chance(40) else delay
    if choice.chance(50):
        return Dense(weight, exponent, delay)
    keep = 0 if choice.chance(4) else choice.integer(1, 4)
    weight = weight * (choice.array(0, 3, shape) < keep)
    if choice.chance(70):
        return Sparse.of(_settled(weight) if lava_ready else weight, exponent, delay)
    target, source = np.nonzero(choice.array(0, 3, shape) < keep)  # zero weights among them
    late = None if delay is None else delay[target, source]
    single = weight[target, source]
    return Sparse(shape, target, source, _settled(single) if lava_ready else single, exponent, late)


def conv(choice: Choice, source: Shape, largest: int, *, lava_ready: bool) -> Conv2d:
    """Draw a convolution that can follow ``source``."""
    groups = choice.pick([g for g in (1, 2, 3, 4) if source[0] % g == 0])
    kernel, padding, stride, dilation = ([0, 0] for _ in range(4))
    for axis, size in enumerate(source[1:]):
        kernel[axis] = choice.integer(1, 3)
        padding[axis] = choice.integer(0, 2)
        stride[axis] = choice.pick((1, 1, 2, 3))
        dilation[axis] = choice.pick((1, 1, 2))
        short = dilation[axis] * (kernel[axis] - 1) + 1 - size - 2 * padding[axis]
        padding[axis] += max(0, (short + 1) // 2)
    geometry = (tuple(stride), tuple(padding), tuple(dilation), groups)
    one = Conv2d(np.zeros((groups, source[0] // groups, *kernel), np.int64), *geometry)
    room = max(1, (96 if lava_ready else 500) // prod(one.output_shape(source)))
    shape = (groups * min(room, choice.integer(1, 4 // groups + 1)), *one.weight.shape[1:])
    return Conv2d(_shared_weights(choice, shape, largest, lava_ready), *geometry)


def _shared_weights(choice: Choice, shape: Shape, largest: int, lava_ready: bool) -> np.ndarray:
    """Draw weights of a convolution, which Lava neither clips nor truncates; few are wide."""
    if choice.chance(10):
        return choice.array(-(2**22), 2**22, shape)
    if choice.chance(10):  # sums at the very ends of 24 bits: of u by 2**17, of its own by 2**23
        return choice.array(-1, 1, shape) << choice.pick((16, 17, 22, 23))
    if not lava_ready and choice.chance(3):
        return choice.array(-(2**31), 2**31 - 1, shape)
    if largest > 256 and choice.chance(90):
        return choice.array(-1, 2, shape) * max(1, _CALM // largest)
    drawn = weights(choice, shape, lava_ready=lava_ready)
    return drawn + choice.integer(0, 1)


def pool(choice: Choice, source: Shape, largest: int, *, lava_ready: bool) -> SumPool2d:
    """Draw a sum over windows that can follow ``source``."""
    kernel = [choice.integer(1, min(3, size)) for size in source[1:]]
    stride = [choice.integer(1, 3) for _ in kernel]
    padding = [choice.integer(0, size - 1) for size in kernel]
    weight = choice.pick((1, 1, 25, 90, -3)) if largest < 4096 else 1
    return SumPool2d(tuple(kernel), tuple(stride), tuple(padding), weight)


def fitting(choice: Choice, source: Shape, target: Shape, *, calm: bool) -> Synapse | None:
    """Draw a synapse that keeps the positions of its source, if ``target`` has the same."""
    if len(source) == len(target) == 3 and source[1:] == target[1:]:
        size = choice.pick((1, 3))
        shape = (target[0], source[0], size, choice.pick((1, 3)))
        weight = choice.array(-20, 20, shape) if calm else choice.array(-60, 90, shape)
        return Conv2d(weight, padding=tuple(k // 2 for k in shape[2:]))
    if prod(source) == prod(target):
        return Sparse.identity(prod(source), choice.integer(1, 90), choice.pick((0, 0, 1, 2, 40)))
    return None
