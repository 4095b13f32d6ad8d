"""Random networks over everything the machine has, and input that makes them fire.

One generator serves two sources of choices: a seeded one (the fuzzer) and hypothesis, which
shrinks. Populations are drawn in order, each tuned to what really arrives at it, so that few are
silent or always fire; feedback is added last and is not part of the tuning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, Protocol, TypeVar

import numpy as np
from draw_parts import WIDE, conv, fitting, flat, neuron, pool
from hypothesis import strategies as st

from hwsim import Blank, Connection, Input, Population, Program, Readout
from hwsim.engines.reference import drive
from hwsim.neurons import LeakyIntegrator, messages
from hwsim.synapses import Dense, Shape, Sparse, SumPool2d, Synapse

T = TypeVar("T")


class Choice(Protocol):
    """Where random decisions come from."""

    def integer(self, low: int, high: int) -> int:
        """Return one of ``low..high``."""
        ...

    def pick(self, options: Sequence[T]) -> T:
        """Return one of ``options``."""
        ...

    def chance(self, percent: int) -> bool:
        """Return True in ``percent`` of 100 cases."""
        ...

    def array(self, low: int, high: int, shape: Shape) -> np.ndarray:
        """Return int64 values in ``low..high``."""
        ...


@dataclass(frozen=True)
class Seeded:
    """Choices of a NumPy generator: ``Seeded.of(seed, index)`` is network ``index`` of ``seed``."""

    random: np.random.Generator

    @classmethod
    def of(cls, *seed: int) -> Seeded:
        return cls(np.random.default_rng(seed))

    def integer(self, low: int, high: int) -> int:
        return int(self.random.integers(low, high, endpoint=True))

    def pick(self, options: Sequence[T]) -> T:
        return options[self.integer(0, len(options) - 1)]

    def chance(self, percent: int) -> bool:
        return self.integer(0, 99) < percent

    def array(self, low: int, high: int, shape: Shape) -> np.ndarray:
        return self.random.integers(low, high, shape, endpoint=True)


@dataclass(frozen=True)
class Drawn:
    """Choices of hypothesis: the structure through ``draw``, arrays from seeds that it draws."""

    draw: Callable[[st.SearchStrategy[Any]], Any]

    def integer(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def pick(self, options: Sequence[T]) -> T:
        return self.draw(st.sampled_from(options))

    def chance(self, percent: int) -> bool:
        return self.draw(st.integers(0, 99)) >= 100 - percent  # shrinks toward False

    def array(self, low: int, high: int, shape: Shape) -> np.ndarray:
        random = np.random.default_rng(self.draw(st.integers(0, 999)))
        return random.integers(low, high, shape, endpoint=True)


@dataclass(frozen=True, eq=False, repr=False)
class Network:
    """A program and an input for it, (T, B, *shape)."""

    program: Program
    frames: np.ndarray

    def __repr__(self) -> str:
        parts = (*self.program.populations, *self.program.connections)
        return "\n  ".join([f"Network of {self.frames.shape} frames", *map(repr, parts)])


@st.composite
def networks(draw: Callable[..., Any], *, lava_ready: bool = False) -> Network:
    """Draw networks through hypothesis."""
    return network(Drawn(draw), lava_ready=lava_ready, attempts=1)


def network(choice: Choice, *, lava_ready: bool, name: str = "drawn", attempts: int = 4) -> Network:
    """Draw a network; ``lava_ready`` ones are small, and stock Lava computes the same.

    It is drawn anew, for so many ``attempts`` in all, if most of it is silent or always fires.
    """
    draft = _draft(choice, lava_ready)
    for _ in range(attempts - 1):
        if _alive(draft):
            break
        draft = _draft(choice, lava_ready)
    output = choice.pick(draft.populations)
    voltage = "v" in output.neuron.STATE and choice.chance(50)
    program = Program(
        name=name,
        chip="loihi2",
        input=draft.input,
        populations=tuple(draft.populations),
        connections=tuple(draft.connections),
        output=output.name,
        readout=Readout.VOLTAGE if voltage else Readout.COUNT,
        period=draft.period,
        blank=draft.blank,
    )
    return Network(program, draft.frames)


def _draft(choice: Choice, lava_ready: bool) -> _Draft:
    draft = _start(choice, lava_ready)
    for index in range(choice.pick((1, 2, 3, 4, 5, 6))):
        _grow(draft, index)
    for _ in range(choice.pick((0, 0, 1, 1, 2, 3))):
        _feed_back(draft)
    return draft


def _alive(draft: _Draft) -> bool:
    """Say whether most populations that can fire do so in between."""
    able = [p.name for p in draft.populations if not isinstance(p.neuron, LeakyIntegrator)]
    rates = [np.count_nonzero(draft.sent[n]) / draft.sent[n].size for n in able]
    return 2 * sum(0.01 < rate < 0.9 for rate in rates) > len(rates)


@dataclass
class _Draft:
    """A network in the making; ``sent`` holds what sources send, (steps, B, *shape) int64."""

    choice: Choice
    lava_ready: bool
    input: Input
    frames: np.ndarray
    period: int | None
    blank: Blank | None
    sent: dict[str, np.ndarray]
    latency: dict[str, int]
    populations: list[Population] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)

    def shape(self, name: str) -> Shape:
        return self.sent[name].shape[2:]


_TAIL = 4
"""Steps after the last frame that the tuning looks at."""
_RANGES = ((0, 1), (0, 1), (0, 1), (0, 16), (-5, 5), (0, 255), (-128, 127))


def _start(choice: Choice, lava_ready: bool) -> _Draft:
    """Draw the lines, how long a run is, and the input."""
    shape = _shape(choice, grid=choice.chance(65), large=not lava_ready and choice.chance(10))
    steps = choice.pick((1, 2, 7, 12, 12, 16, 16, 24)) if choice.chance(93) else 80
    batch = choice.pick((1, 1, 1, 2, 3) if lava_ready else (1, 2, 3, 5, 17))
    low, high = choice.pick(_RANGES)
    frames = choice.array(low, high, (steps, batch, *shape))
    frames *= choice.array(0, 99, frames.shape) < choice.pick((20, 50, 90))
    period = choice.integer(*choice.pick(((2, 8), (1, steps + 4)))) if choice.chance(60) else None
    blank = None
    if period and period > 1 and choice.chance(50):
        blank = Blank("gap", choice.integer(1, min(3, period - 1)))
    gap = 0 if blank is None else blank.gap
    silence = ((gap, _TAIL), *((0, 0),) * (frames.ndim - 1))
    sent, latency = {"in": np.pad(frames, silence)}, {"in": gap, "gap": 0}
    if blank is not None:
        early = np.arange(len(sent["in"])) % (period or 1) < gap
        sent["gap"] = np.broadcast_to(early[:, None, None], (len(early), batch, 1)).astype(np.int64)
    lines = Input("in", shape, low, high)
    return _Draft(choice, lava_ready, lines, frames, period, blank, sent, latency)


def _shape(choice: Choice, *, grid: bool, large: bool = False) -> Shape:
    """Draw the shape of a few neurons; ``large``: up to some hundreds."""
    if choice.chance(5):
        return (1, 1, 1) if grid else (1,)
    most = 10 if large else 6
    if grid:
        return (choice.integer(1, 4), choice.integer(2, most), choice.integer(2, most))
    return (choice.integer(2, 130 if large else 24),)


def _grow(draft: _Draft, index: int) -> None:
    """Add one population behind what there is, tuned to what it receives."""
    choice, name = draft.choice, draft.choice.pick((f"p{index}", f"block.{index}.spike"))
    known = [n for n in draft.sent if n != "gap"]
    source = known[-1] if choice.chance(75) else choice.pick(known)
    synapse, shape = _first_synapse(draft, source)
    _connect(draft, source, name, synapse)
    for _ in range(choice.pick((0, 0, 0, 1, 1, 2))):
        source = choice.pick(list(draft.sent))
        if source == "gap":
            kept = flat(choice, (prod(shape), 1), lava_ready=draft.lava_ready, signs=(3,))
        else:
            kept = _synapse(draft, source, shape)
        _connect(draft, source, name, kept)
    behind = [draft.latency[c.source] for c in draft.connections if c.target == name]
    late = 1 + max(behind) + choice.pick((0, 0, 0, 1, 2))
    draft.latency[name] = choice.integer(0, 6) if choice.chance(10) else late
    period = draft.period
    reset = None if period is None else (period, (1 + draft.latency[name]) % period)
    arriving = _arriving(draft, name, shape)
    last = index > 0 and choice.chance(15)
    drawn = neuron(choice, arriving, reset, lava_ready=draft.lava_ready, silent=last)
    population = Population(name, shape, drawn, draft.latency[name])
    trace = drive(population, arriving, reset=reset)
    draft.sent[name] = trace.spikes[name].astype(np.int64)
    draft.populations.append(population)


def _first_synapse(draft: _Draft, source: str) -> tuple[Synapse, Shape]:
    """Draw a synapse behind ``source`` and the shape of its target."""
    choice, shape = draft.choice, draft.shape(source)
    kind = choice.pick(("conv", "conv", "conv", "pool", "flat")) if len(shape) == 3 else "flat"
    if kind == "flat":
        target = _shape(choice, grid=choice.chance(30))
        return _synapse(draft, source, target, flat_only=True), target
    build = conv if kind == "conv" else pool
    synapse = build(choice, shape, _magnitude(draft, source), lava_ready=draft.lava_ready)
    return synapse, synapse.output_shape(shape)


def _synapse(
    draft: _Draft, source: str, target: Shape, *, flat_only: bool = False, calm: bool = False
) -> Synapse:
    """Draw a synapse between two shapes; ``calm``: with small sums, for loops."""
    choice, shape = draft.choice, draft.shape(source)
    if not flat_only and choice.chance(60):
        found = fitting(choice, shape, target, calm=calm)
        if found is not None:
            return found
    size = (prod(target), prod(shape))
    largest = _magnitude(draft, source) << (3 if calm else 0)
    return flat(choice, size, lava_ready=draft.lava_ready, largest=largest)


def _magnitude(draft: _Draft, source: str) -> int:
    return max(1, int(np.abs(draft.sent[source]).max()))


def _connect(draft: _Draft, source: str, target: str, synapse: Synapse, percent: int = 75) -> None:
    """Add a connection; messages that carry something are mostly graded."""
    choice = draft.choice
    pairs = [c for c in draft.connections if (c.source, c.target) == (source, target)]
    label = str(len(pairs)) if pairs or choice.chance(5) else ""
    graded = choice.chance(percent if _magnitude(draft, source) > 1 or source == "in" else 30)
    graded &= not draft.lava_ready or _sums_fit(draft, source, synapse)
    draft.connections.append(Connection(source, target, synapse, graded, label))


def _sums_fit(draft: _Draft, source: str, synapse: Synapse) -> bool:
    """Say whether the sums of a convolution always fit 32 bits, which Lava's must."""
    if isinstance(synapse, Dense | Sparse):
        return True
    senders = {p.name: messages(p.neuron) for p in draft.populations}
    low, high = senders.get(source, (draft.input.low, draft.input.high))
    pooled = isinstance(synapse, SumPool2d)
    weight = synapse.as_conv(1).weight if pooled else synapse.weights
    rows = np.abs(weight).sum(axis=(1, 2, 3))
    return int(rows.max()) * max(-low, high) < 2**31


def _feed_back(draft: _Draft) -> None:
    """Connect a population to itself or to an earlier one."""
    choice, names = draft.choice, [p.name for p in draft.populations]
    target = choice.integer(0, len(names) - 1)
    source = names[target if choice.chance(40) else choice.integer(target, len(names) - 1)]
    shape = draft.shape(names[target])
    wide = type(next(p for p in draft.populations if p.name == source).neuron) in WIDE
    synapse = _synapse(draft, source, shape, calm=True)
    _connect(draft, source, names[target], synapse, percent=20 if wide else 60)


def _arriving(draft: _Draft, target: str, shape: Shape) -> np.ndarray:
    """Return the activations (steps, B, *shape) of a population whose sources are all known."""
    steps, batch = draft.sent["in"].shape[:2]
    total = np.zeros((steps, batch, *shape), np.int64)
    for c in (c for c in draft.connections if c.target == target):
        sent = draft.sent[c.source]
        messages = (sent if c.graded else sent != 0).astype(np.int64)
        for delay, part in c.synapse.parts():
            given = part.deliver(messages.reshape(steps * batch, *sent.shape[2:]))
            total[1 + delay :] += given.reshape(total.shape)[: max(0, steps - 1 - delay)]
    return total
