"""Program: a frozen integer network, ready for a chip, with its timing and its readout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from math import prod
from pathlib import Path

import numpy as np

from hwsim.errors import SpikeportError, raise_all
from hwsim.neurons import Cuba, problems
from hwsim.synapses import Shape, Synapse


class Readout(Enum):
    """How the class is read: most spikes over the window, or largest sum of v over it."""

    COUNT = "count"
    VOLTAGE = "voltage"


@dataclass(frozen=True)
class Input:
    """Where data enters: integers ``low..high`` of ``shape`` in every step; 0 is no message."""

    name: str
    shape: Shape
    low: int = 0
    high: int = 1


@dataclass(frozen=True, eq=False)
class Population:
    """Neurons of one kind. ``latency``: steps between a frame and this population's answer."""

    name: str
    shape: Shape
    neuron: Cuba
    latency: int


@dataclass(frozen=True, eq=False)
class Connection:
    """Synapses from ``source`` to ``target``; ``graded`` messages carry their payload.

    Without ``graded`` a message counts as 1 whatever it carries, as on the chip.
    """

    source: str
    target: str
    synapse: Synapse
    graded: bool = False

    @property
    def name(self) -> str:
        """Return ``source->target``, the connection's name in counts and messages."""
        return f"{self.source}->{self.target}"


@dataclass(frozen=True, eq=False)
class Program:
    """An integer network as the machine runs it.

    Time is counted in machine steps from 1. Frame f of the input is sent in step f + 1, every
    connection takes one step, so a population answers frame f in step ``f + 1 + latency``.
    With a ``period`` P, every population is set to rest at the start of each step t with
    ``t % P == (1 + latency) % P``, before its first frame of a sample.

    Parameters
    ----------
    name, chip
        For people, and the chip whose limits it was checked against.
    input, populations, connections
        The network. Names are unique; populations are in topological order.
    output
        The population that is read out, by ``readout``.
    period
        Steps of one sample, or None if nothing is ever reset.
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

    def shape_of(self, name: str) -> Shape:
        """Return the shape of the input or population called ``name``."""
        return self.input.shape if name == self.input.name else self.population(name).shape

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
    names = [program.input.name, *(p.name for p in program.populations)]
    found = [f"name {n!r} is used twice" for n in sorted({n for n in names if names.count(n) > 1})]
    found += [f"name {n!r} cannot be written to a file" for n in names if not _writable(n)]
    if not program.populations:
        return [*found, "there is no population"]
    pairs = [c.name for c in program.connections]
    found += [
        f"{n}: two connections join the same two" for n in sorted(set(pairs)) if pairs.count(n) > 1
    ]
    if program.output not in names[1:]:
        found.append(f"output {program.output!r} is not a population")
    if program.period is not None and program.period < 1:
        found.append(f"period = {program.period} does not fit 1..")
    if program.input.low > program.input.high:
        found.append(f"{program.input.name}: low {program.input.low} > high {program.input.high}")
    for p in program.populations:
        found += _population_problems(p)
    for c in program.connections:
        found += _connection_problems(program, c, names)
    return found


def _writable(name: str) -> bool:
    """Say whether ``name`` is text that every format can hold."""
    return "\0" not in name and not any("\ud800" <= c <= "\udfff" for c in name)


def _population_problems(p: Population) -> list[str]:
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


def _connection_problems(program: Program, c: Connection, names: list[str]) -> list[str]:
    unknown = [n for n in (c.source, c.target) if n not in names]
    if unknown or c.target == program.input.name:
        return [f"{c.name}: no such population: {', '.join(unknown) or c.target}"]
    if not np.issubdtype(c.synapse.weights.dtype, np.integer):
        return [f"{c.name}: weights are {c.synapse.weights.dtype}, not integers"]
    try:
        shape = c.synapse.output_shape(program.shape_of(c.source))
    except SpikeportError as error:
        return [f"{c.name}: {error.message}"]
    target = program.shape_of(c.target)
    if prod(shape) != prod(target) or (len(shape) == len(target) and shape != target):
        return [f"{c.name}: the synapse gives shape {shape}, the population has {target}"]
    return []
