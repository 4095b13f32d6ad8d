"""A flat NIR graph -> Graph, in the semantics of a profile, with a list of what was assumed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from hwsim.errors import RangeError, SpikeportError, raise_all
from hwsim.neurons import Cuba, LeakyIntegrator
from hwsim.program import Readout
from hwsim.synapses import Shape
from snnexport._layer_checks import unheard
from snnexport.formats.nir.flat import Flat
from snnexport.formats.nir.neurons import FIRING, SILENT, Read, read_neuron
from snnexport.formats.nir.own import with_metadata
from snnexport.formats.nir.profiles import Current, Profile
from snnexport.formats.nir.stages import STAGES, machine_shape, per_channel
from snnexport.graph import (
    Diagonal,
    Edge,
    Flatten,
    Graph,
    Late,
    Layer,
    Linear,
    Norm,
    Stage,
    Weights,
)
from snnexport.interpret import propagate

_HINT = "profiles and what they read: docs/nir.md"
_PATHS = 4096
"""Ways into one population; side by side, linear nodes double them again and again."""


@dataclass(frozen=True, eq=False)
class Reading:
    """How a file is read.

    dt: the step in use, in the unit of the profile. steps: of a sample, or None. trusts_metadata:
    neurons are what spikeport's metadata say.
    """

    profile: Profile
    dt: float
    steps: int | None
    trusts_metadata: bool = False


@dataclass(eq=False)
class _Found:
    """What is collected on the way: problems, what was assumed, what has no part in it."""

    problems: list[str] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)


def to_graph(flat: Flat, name: str, reading: Reading) -> tuple[Graph, list[str]]:
    """Return the network in ``flat``, and what was assumed or lost, a line each.

    Populations are called as the nodes. A network that ends in currents is read by an
    integrator ``output``, as one that was captured.

    Raises
    ------
    CheckError
        Listing every node that the profile or the machine does not have.
    """
    return _Reader(flat, name, reading).graph()


class _Reader:
    def __init__(self, flat: Flat, name: str, reading: Reading) -> None:
        self.flat, self.name, self.reading = flat, name, reading
        self.found = _Found()
        self.sources: dict[str, list[str]] = {n: [] for n in flat.nodes}
        for source, reader in flat.edges:
            self.sources[reader].append(source)
        self.place = {n: i for i, n in enumerate(flat.order)}
        self.neurons = [n for n in flat.order if flat.nodes[n].kind in (*FIRING, *SILENT)]
        self.constants: dict[str, np.ndarray] = {}
        self.lines: list[Layer] = []
        """Neurons that fire in every step, for constants that come late."""

    def graph(self) -> tuple[Graph, list[str]]:
        """Return what :func:`to_graph` does."""
        wide = {n: s for n, s in self.flat.shapes.items() if len(s) not in (1, 2, 3)}
        found = [
            f"{n}: a value of shape {s}; a chip has (C,), (C, L) and (C, H, W)"
            for n, s in wide.items()
        ]
        raise_all(self.name, found, hint=_HINT)
        for node in self.flat.order:
            self.constants[node] = self._silent(node)
        read = [self._layer(n) for n in self.neurons]
        layers, output = self._with_output([*self.lines, *(p for p in read if p is not None)])
        self.found.problems += unheard(layers)
        raise_all(self.name, self.found.problems, hint=_HINT)
        graph = Graph(
            name=self.name,
            input=self.flat.input,
            input_shape=machine_shape(self.flat.shapes[self.flat.input]),
            layers=tuple(layers),
            output=output,
            steps=self.reading.steps or 0,
            readout=_readout(layers, output),
        )
        return graph, list(dict.fromkeys(self.found.assumed))

    def _layer(self, name: str) -> Layer | None:
        """Return the population ``name``, None if there is something wrong with it."""
        node, shape, profile = self.flat.nodes[name], self.flat.shapes[name], self.reading.profile
        try:
            read = read_neuron(node, shape, profile, self.reading.dt)
            if self.reading.trusts_metadata:
                read = with_metadata(node, read, machine_shape(shape))
            plane = machine_shape(shape)
            gain, offset = (per_channel(x, plane) for x in (read.gain, read.offset))
        except SpikeportError as error:
            self.found.problems.append(f"{name}: {error.message}; {error.hint}")
            return None
        self.found.assumed += [f"{name}: {line}" for line in read.lost]
        return self._joined(name, plane, read, (gain, offset))

    def _joined(self, name: str, plane: Shape, read: Read, norm: tuple[Any, Any]) -> Layer:
        """Return the population with its paths; feedback passes the gain on its own way."""
        gain, offset = norm
        plain = np.all(gain == 1) and not np.any(offset)
        factor = () if np.all(gain == 1) else (Diagonal(gain),)
        edges = [*self._edges(name, name, ()), *self._line(name, plane)]
        edges = [self._timed(e, name, factor) for e in edges]
        kept, constant = Norm(gain, offset), self._constant(name, plane, late=False)
        if edges and all(e.late for e in edges):  # nothing would pass the norm
            constant, kept = constant * _column(gain, plane), Norm(np.ones(len(gain)), offset)
            plain = not np.any(offset)
        return Layer(
            name,
            plane,
            read.neuron,
            tuple(edges),
            None if plain else kept,
            _register(constant),
            inclusive=read.inclusive,
        )

    def _hears_old(self, name: str) -> bool:
        """Say whether the voltage of ``name`` hears the current of the step before."""
        leaky = "tau_syn" in self.flat.nodes[name].fields
        return leaky and self.reading.profile.hears is Current.OLD

    def _constant(self, name: str, plane: Shape, *, late: bool) -> np.ndarray:
        """Return what enters ``name`` in every step, or if ``late`` in every step but the first."""
        total = np.zeros(self.flat.shapes[name])
        for source in self.sources[name]:
            comes_late = self._hears_old(name) or self._is_way_back(source, name)
            if comes_late == late:
                total = total + self.constants[source]
        return total.reshape(plane)

    def _is_way_back(self, node: str, reader: str) -> bool:
        """Say whether linear ``node`` only feeds back, and its bias comes as late as that."""
        if node == self.flat.input or node in self.neurons or not self.constants[node].any():
            return False
        heard = [e.source for e in self._edges(node, node, ())]
        back = all(s != self.flat.input and self.place[s] >= self.place[reader] for s in heard)
        if back and not self.reading.profile.late_bias:
            self.found.assumed.append(
                f"{node} -> {reader}: the bias on the way back enters in the first step, too"
            )
        return back and self.reading.profile.late_bias

    def _line(self, name: str, plane: Shape) -> list[Edge]:
        """Return a path from a neuron that always fires, if a constant comes late to ``name``."""
        constant = self._constant(name, plane, late=True)
        if not constant.any():
            return []
        taken, number = {*self.flat.nodes, *(p.name for p in self.lines)}, 2
        line = first = f"{name}.constant"
        while line in taken:
            line, number = f"{first}_{number}", number + 1
        always = Cuba(decay_u=1.0, decay_v=0.0, threshold=0.5, bias=1.0)
        self.lines.append(Layer(line, (1,), always, ()))
        return [Edge(line, line, (Linear(constant.reshape(-1, 1)),))]

    def _timed(self, edge: Edge, reader: str, factor: tuple[Stage, ...]) -> Edge:
        """Return ``edge`` as late as ``reader`` hears it: feedback by a frame, all by a delay."""
        source, old = edge.source, int(self._hears_old(reader))
        known = source in self.place
        back = known and source != self.flat.input and self.place[source] >= self.place[reader]
        if back:
            self.found.assumed.append(f"{source} -> {reader}: feeds back, a step later")
        lag = self.reading.profile.lag * (known and source != self.flat.input)
        frames = lag + old if known else 1  # or the line of a constant
        channels = machine_shape(self.flat.shapes[source])[0] if known else 1
        delay = (Late(np.full(channels, frames)),) if frames else ()
        stages = (*delay, *edge.stages, *(factor if back else ()))
        return Edge(source, edge.module, stages, int(back))

    def _edges(self, node: str, module: str, stages: tuple[Stage, ...]) -> Iterator[Edge]:
        """Yield the paths into ``node`` from the populations that it hears."""
        left = [(source, module, stages) for source in reversed(self.sources[node])]
        found = 0
        while left:
            source, label, behind = left.pop()
            if source == self.flat.input or source in self.neurons:
                yield Edge(source, label, behind)
                found += 1
            else:
                passed = self._stages(source)
                named = any(isinstance(s, Weights) for s in behind)
                if not named and any(isinstance(s, Weights) for s in passed):
                    label = source
                before = reversed(self.sources[source])
                left += [(s, label, (*passed, *behind)) for s in before]
            if found > _PATHS:
                self.found.problems.append(
                    f"{node}: hears its sources on more than {_PATHS:,} ways through linear nodes; "
                    "merge those that lie side by side"
                )
                return

    def _stages(self, name: str) -> tuple[Stage, ...]:
        """Return what the linear node ``name`` does to messages; () if that is not known."""
        node = self.flat.nodes[name]
        arriving = self.flat.shapes[self.sources[name][0]]
        try:
            return STAGES[node.kind](node, arriving, self.flat.shapes[name], self.reading.dt)
        except RangeError as error:
            self.found.problems.append(f"{name}: {error.message}; {error.hint}")
            return ()

    def _silent(self, name: str) -> np.ndarray:
        """Return what leaves ``name`` while no population sends anything."""
        node, shape = self.flat.nodes[name], self.flat.shapes[name]
        if name in (self.flat.input, self.flat.output, *self.neurons):
            return np.zeros(shape)
        entering = sum(
            (self.constants[s] for s in self.sources[name]),
            np.zeros(self.flat.shapes[self.sources[name][0]]),
        )
        if node.kind == "Delay" and entering.any():
            self.found.problems.append(f"{name}: delays a constant; put it in front of biases")
        passed = np.zeros(shape)
        if entering.any() and node.kind != "Delay":
            sent = torch.as_tensor(entering.reshape(1, 1, *machine_shape(entering.shape)))
            found = propagate(self._stages(name), sent).numpy()
            passed = found.reshape(shape) if found.size == passed.size else passed  # a problem
        bias = node.fields.get("bias")
        if bias is None:
            return passed
        axes = len(shape) - 1 if "groups" in node.fields else 0
        return passed + np.asarray(bias, np.float64).reshape(*bias.shape, *(1,) * axes)

    def _with_output(self, layers: list[Layer]) -> tuple[list[Layer], str]:
        """Return the layers and which is the answer: one adds up what is no population's."""
        edges = list(self._edges(self.flat.output, self.flat.output, ()))
        constant = sum(
            (self.constants[s] for s in self.sources[self.flat.output]),
            np.zeros(self.flat.shapes[self.flat.output]),
        )
        ends = {e.source for e in edges if all(isinstance(s, Flatten) for s in e.stages)}
        if len(edges) == 1 and ends - {self.flat.input}:
            return layers, edges[0].source
        shape = machine_shape(constant.shape)
        edges = [self._timed(e, self.flat.output, ()) for e in edges]
        neuron = LeakyIntegrator(decay_u=1.0, decay_v=1.0, bias=0.0)
        value = _register(constant.reshape(shape))
        integrator = Layer(self.flat.output, shape, neuron, tuple(edges), constant=value)
        return [*layers, integrator], integrator.name


def _column(values: np.ndarray, shape: Shape) -> np.ndarray:
    return values.reshape(-1, *(1,) * (len(shape) - 1))


def _readout(layers: list[Layer], output: str) -> Readout:
    """Return how the layer ``output`` answers: what never fires, by its voltage."""
    (last,) = (p for p in layers if p.name == output)
    return Readout.VOLTAGE if isinstance(last.neuron, LeakyIntegrator) else Readout.COUNT


def _register(value: np.ndarray) -> Any:
    """Return a constant as 0.0, one value per channel, or one per neuron."""
    if not value.any():
        return 0.0
    rows = value.reshape(len(value), -1)
    return rows[:, 0].copy() if np.all(rows == rows[:, :1]) else value
