"""Program: a frozen integer network, ready for a chip, with its timing and its readout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from math import prod
from pathlib import Path

import numpy as np

from hwsim.arith import WORD
from hwsim.errors import SpikeportError, raise_all
from hwsim.neurons import NEURONS, Neuron, problems
from hwsim.synapses import Shape, Synapse


class Readout(Enum):
    """How the class is read: largest sum of messages, or of v, over the window."""

    COUNT = "count"
    VOLTAGE = "voltage"


@dataclass(frozen=True)
class Input:
    """Where data enters: integers ``low..high`` of ``shape`` in every step; 0 is no message."""

    name: str
    shape: Shape
    low: int = 0
    high: int = 1


@dataclass(frozen=True)
class Blank:
    """A line of one neuron that sends 1 in the first ``gap`` steps of every period.

    Input starts ``gap`` steps late, and each sample is followed by ``gap`` silent frames.
    Inhibiting synapses from the line silence recurrent and delaying populations meanwhile,
    so that nothing is in flight when a sample starts: see :func:`hwsim.blanked`.
    """

    name: str
    gap: int

    @property
    def shape(self) -> Shape:
        """Return (1,)."""
        return (1,)


@dataclass(frozen=True, eq=False)
class Population:
    """Neurons of one kind. ``latency``: steps between a frame and this population's answer."""

    name: str
    shape: Shape
    neuron: Neuron
    latency: int


@dataclass(frozen=True, eq=False)
class Connection:
    """Synapses from ``source`` to ``target``; ``graded`` messages carry their payload.

    Without ``graded`` a message counts as 1 whatever it carries, as on the chip. ``label``
    tells connections between the same two apart.
    """

    source: str
    target: str
    synapse: Synapse
    graded: bool = False
    label: str = ""

    @property
    def name(self) -> str:
        """Return ``source->target`` or ``source->target#label``, the name in all reports."""
        return connection_name(self.source, self.target, self.label)


@dataclass(frozen=True, eq=False)
class Program:
    """An integer network as the machine runs it.

    Time is counted in machine steps from 1. Frame f of the input is sent in step f + 1 (with
    a blank line in step ``f + 1 + gap``), every connection takes one step, and a population
    answers frame f in step ``f + 1 + latency``.
    With a ``period`` P, every population is set to rest at the start of each step t with
    ``t % P == (1 + latency) % P``, before its first frame of a sample.

    Parameters
    ----------
    name, chip
        For people, and the chip whose limits it was checked against.
    input, populations, connections
        The network, of any shape: cycles, skips and several connections between the same two
        included. Names are unique.
    output
        The population that is read out, by ``readout``.
    period
        Steps of one sample, its gap included, or None if nothing is ever reset.
    blank
        The line that silences populations in the gap at the end of each period, if any.
    metadata
        Provenance: texts by name, kept in the file.

    Raises
    ------
    CheckError
        Listing everything that does not fit together.
    """

    name: str
    chip: str
    input: Input
    populations: tuple[Population, ...]
    connections: tuple[Connection, ...]
    output: str
    readout: Readout = Readout.COUNT
    period: int | None = None
    blank: Blank | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        raise_all(
            f"program {self.name}",
            _structure_problems(self),
            hint="build it with snnexport.lower, or correct the parts named above",
        )

    @property
    def latency(self) -> int:
        """Steps until the last population answers the first frame."""
        return max(p.latency for p in self.populations)

    def population(self, name: str) -> Population:
        """Return the population called ``name``."""
        return next(p for p in self.populations if p.name == name)

    @property
    def gap(self) -> int:
        """Silent frames between two samples, and before the first."""
        return self.blank.gap if self.blank else 0

    def into(self, name: str) -> tuple[Connection, ...]:
        """Return the connections into the population called ``name``."""
        return tuple(c for c in self.connections if c.target == name)

    @property
    def frames(self) -> int | None:
        """Frames of one sample, without its gap; None if nothing separates samples."""
        return None if self.period is None else self.period - self.gap

    def frame_sent_in(self, step: int) -> int:
        """Return the input frame that is sent in ``step``; there may be no such frame."""
        return step - 1 - self.gap

    def blanks_in(self, step: int) -> bool:
        """Say whether the blank line sends a message in ``step``."""
        return self.period is not None and (step - 1) % self.period < self.gap

    def shape_of(self, name: str) -> Shape:
        """Return the shape of the input, the blank line or the population called ``name``."""
        lines = {line.name: line.shape for line in (self.input, self.blank) if line}
        return lines[name] if name in lines else self.population(name).shape

    def messages_of(self, name: str) -> tuple[int, int]:
        """Return the lowest and highest message that the source called ``name`` sends."""
        if name == self.input.name:
            return self.input.low, self.input.high
        if self.blank and name == self.blank.name:
            return 0, 1
        return self.population(name).neuron.MESSAGES

    def phase(self, population: Population) -> int | None:
        """Return the value of ``step % period`` at which ``population`` is set to rest."""
        return None if self.period is None else (1 + population.latency) % self.period

    def to_bytes(self) -> bytes:
        """Return the content of the file that :meth:`save` writes."""
        from hwsim._onnx import program_bytes

        return program_bytes(self)

    def save(self, path: str | Path) -> None:
        """Write a valid ONNX model that onnxruntime executes (docs/formats.md)."""
        from hwsim._onnx import save_program

        save_program(self, Path(path))

    @staticmethod
    def load(path: str | Path) -> Program:
        """Read a Program; raise FileError if ``path`` is not one."""
        from hwsim._onnx import load_program

        return load_program(Path(path))


def connection_name(source: str, target: str, label: str) -> str:
    """Return ``source->target`` or ``source->target#label``."""
    return f"{source}->{target}" + f"#{label}" * bool(label)


def expand(value: object, shape: Shape) -> np.ndarray:
    """Broadcast a parameter (scalar, per channel, or per neuron) against ``shape``.

    Raises
    ------
    ValueError
        If it is none of the three.
    """
    array = np.asarray(value)
    if array.ndim == 0 or array.shape == shape:
        return array
    if array.ndim == 1 and array.shape[0] in (1, shape[0]):
        return array.reshape(-1, *(1,) * (len(shape) - 1))
    raise ValueError(f"shape {array.shape} is not a scalar, ({shape[0]},) or {shape}")


def _structure_problems(program: Program) -> list[str]:
    lines = [program.input.name, *([program.blank.name] if program.blank else [])]
    names = [*lines, *(p.name for p in program.populations)]
    found = [f"name {n!r} is used twice" for n in sorted({n for n in names if names.count(n) > 1})]
    found += [f"name {n!r} cannot be written to a file" for n in names if not _writable(n)]
    found += _line_problems(program)
    if not program.populations:
        return [*found, "there is no population"]
    for p in program.populations:
        found += _population_problems(p)
    pairs = [c.name for c in program.connections]
    found += [
        f"{n}: two connections join the same two; give them a label"
        for n in sorted(set(pairs))
        if pairs.count(n) > 1
    ]
    for c in program.connections:
        found += _connection_problems(program, c, names, lines)
    return [*found, *_output_problems(program)]


def _line_problems(program: Program) -> list[str]:
    source, blank, period = program.input, program.blank, program.period
    found = []
    if not source.shape or min(source.shape) < 1:
        found.append(f"{source.name}: shape {source.shape} has no values")
    if source.low > source.high:
        found.append(f"{source.name}: low {source.low} > high {source.high}")
    if source.low < WORD[0] or source.high > WORD[1]:
        found.append(f"{source.name}: {source.low}..{source.high} does not fit 32-bit messages")
    if period is not None and period < 1:
        found.append(f"period = {period} does not fit 1..")
    if blank is not None and (period is None or not 1 <= blank.gap < period):
        found.append(f"{blank.name}: gap = {blank.gap} does not fit into period = {period}")
    return found


def _output_problems(program: Program) -> list[str]:
    if program.output not in [p.name for p in program.populations]:
        return [f"output {program.output!r} is not a population"]
    neuron = program.population(program.output).neuron
    if program.readout is Readout.VOLTAGE and "v" not in neuron.STATE:
        return [f"output {program.output!r}: a {type(neuron).__name__} has no voltage to read"]
    return []


def _writable(name: str) -> bool:
    """Say whether ``name`` is text that every format can hold."""
    return "\0" not in name and not any("\ud800" <= c <= "\udfff" for c in name)


def _population_problems(p: Population) -> list[str]:
    kind = type(p.neuron)
    if NEURONS.get(kind.__name__) is not kind:
        return [f"{p.name}: {kind.__name__} is not a neuron of hwsim.neurons.NEURONS"]
    found = problems(p.neuron, p.name)
    if p.latency < 0:
        found.append(f"{p.name}: latency = {p.latency} does not fit 0..")
    if not p.shape or min(p.shape) < 1:
        found.append(f"{p.name}: shape {p.shape} has no neurons")
        return found
    for name, value in vars(p.neuron).items():
        try:
            expand(value, p.shape)
        except ValueError as error:
            found.append(f"{p.name}: {name}: {error}")
    return found


def _connection_problems(
    program: Program, c: Connection, names: list[str], lines: list[str]
) -> list[str]:
    unknown = [n for n in (c.source, c.target) if n not in names]
    if unknown or c.target in lines:
        return [f"{c.name}: no such population: {', '.join(unknown) or c.target}"]
    found = [] if _writable(c.label) else [f"label {c.label!r} cannot be written to a file"]
    weights = np.asarray(c.synapse.weights)
    if not np.issubdtype(weights.dtype, np.integer):
        return [*found, f"{c.name}: weights are {weights.dtype}, not integers"]
    outside = weights[(weights < WORD[0]) | (weights > WORD[1])]
    if outside.size:
        found.append(f"{c.name}: weight = {outside.flat[0]} does not fit 32 bits")
    found += [f"{c.name}: {problem}" for problem in c.synapse.problems()]
    if found:
        return found
    try:
        shape = c.synapse.output_shape(program.shape_of(c.source))
    except SpikeportError as error:
        return [f"{c.name}: {error.message}"]
    target = program.shape_of(c.target)
    if prod(shape) != prod(target) or (len(shape) == len(target) and shape != target):
        return [f"{c.name}: the synapse gives shape {shape}, the population has {target}"]
    return []
