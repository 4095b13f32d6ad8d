"""Program: a frozen integer network, ready for a chip, with its timing and its readout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from pathlib import Path

import numpy as np

from hwsim._value_checks import plain
from hwsim.errors import raise_all
from hwsim.neurons import Neuron, messages
from hwsim.neurons.base import register
from hwsim.synapses import Shape, Synapse

ALONE = "samples.alone"
"""A key of the metadata of programs whose samples do not follow each other on one machine."""


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

    def __post_init__(self) -> None:
        plain(self)


@dataclass(frozen=True)
class Blank:
    """A line of one neuron that sends 1 in the first ``gap`` steps of every period.

    Input starts ``gap`` steps late, and each sample is followed by ``gap`` silent frames.
    Inhibiting synapses from the line silence recurrent and delaying populations meanwhile,
    so that nothing is in flight when a sample starts: see :func:`hwsim.blanked`.
    """

    name: str
    gap: int

    def __post_init__(self) -> None:
        plain(self)

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

    def __post_init__(self) -> None:
        plain(self)


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
        included. Names are unique. Any iterables will do; tuples are kept.
    output
        The population that is read out, by ``readout``.
    period
        Steps of one sample, its gap included, or None if nothing is ever reset.
    blank
        The line that silences populations in the gap before each sample, if any.
    metadata
        Provenance: texts by name, kept in the file.

    Raises
    ------
    CheckError
        Listing everything that is of a wrong type, or that does not fit together.
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
        from hwsim._program_checks import program_problems

        for name in ("populations", "connections"):
            parts = getattr(self, name)
            if isinstance(parts, Iterable):
                object.__setattr__(self, name, tuple(parts))
        plain(self)
        raise_all(
            f"program {self.name}",
            program_problems(self),
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
    def streamed(self) -> bool:
        """Say whether samples may follow each other on the machine; else each begins at rest."""
        return ALONE not in self.metadata

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

    def frames_sent(self, steps: int) -> int:
        """Return how many frames the input could send in the first ``steps`` machine steps."""
        return max(steps - self.gap, 0)

    def blanks_sent(self, steps: int) -> int:
        """Return in how many of the first ``steps`` machine steps the blank line sends."""
        if self.period is None:
            return 0
        periods, rest = divmod(steps, self.period)
        return periods * self.gap + min(rest, self.gap)

    @property
    def lines(self) -> tuple[Input | Blank, ...]:
        """The sources that are not populations: the input, and the blank line if there is one."""
        return (self.input, self.blank) if self.blank else (self.input,)

    def shape_of(self, name: str) -> Shape:
        """Return the shape of the input, the blank line or the population called ``name``."""
        lines = {line.name: line.shape for line in self.lines}
        return lines[name] if name in lines else self.population(name).shape

    def messages_of(self, name: str) -> tuple[int, int]:
        """Return the lowest and highest message that the source called ``name`` sends."""
        if name == self.input.name:
            return self.input.low, self.input.high
        if self.blank and name == self.blank.name:
            return 0, 1
        return messages(self.population(name).neuron)

    @cached_property
    def fan_outs(self) -> Mapping[str, tuple[np.ndarray, np.ndarray]]:
        """By connection, the synapses that each source neuron drives: all, and those not 0."""
        return {
            c.name: (_narrow(c.synapse.fan_out(shape)), _narrow(c.synapse.nonzero_fan_out(shape)))
            for c in self.connections
            for shape in [self.shape_of(c.source)]
        }

    @cached_property
    def wrapping(self) -> tuple[str, ...]:
        """The connections whose sums may wrap, see ``hwsim.activations.wrapping``."""
        from hwsim.activations import wrapping

        return tuple(wrapping(self))

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


def _narrow(counts: np.ndarray) -> np.ndarray:
    """Return ``counts`` in the smallest type that holds them: there is one a neuron."""
    return counts.astype(np.min_scalar_type(int(counts.max(initial=0))))


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
    array = register(value)
    if array.ndim == 0 or array.shape == shape:
        return array
    if array.ndim == 1 and array.shape[0] in (1, shape[0]):
        return array.reshape(-1, *(1,) * (len(shape) - 1))
    raise ValueError(f"shape {array.shape} is not a scalar, ({shape[0]},) or {shape}")
