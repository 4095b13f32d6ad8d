"""Running a Graph layer by layer in torch: the float reference, and a dense integer oracle.

It knows no latency: every layer sees its source's messages of the same frame, from rest; only
late edges and delays reach back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import networkx as nx
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hwsim.arith import Arithmetic
from hwsim.engines.base import message_type
from hwsim.program import expand
from snnexport.graph import (
    Convolution,
    Diagonal,
    Edge,
    Flatten,
    Graph,
    Late,
    Layer,
    Linear,
    Place,
    Stage,
    SumPool,
)
from snntrain.neurons import INTEGER, Real
from snntrain.surrogates import FastSigmoid


@dataclass(frozen=True, eq=False)
class Activity:
    """What layers did, by name, each (T, B, *shape).

    spikes: messages; wider ones stay reals in a network of reals. voltages: what the threshold
    saw, before the reset, or v where there is no threshold. currents: u after each step, of
    neurons that have one.
    """

    spikes: dict[str, np.ndarray]
    voltages: dict[str, np.ndarray]
    currents: dict[str, np.ndarray]


def interpret(
    graph: Graph, frames: np.ndarray, given: Mapping[str, np.ndarray] | None = None
) -> Activity:
    """Run ``graph`` on ``frames`` (T, B, *shape): float64, or int64 once it is quantized.

    given: messages by layer that readers of these layers see instead of what the layers answer,
    so that each layer is run on its own.
    """
    shaped = np.reshape(frames, (*frames.shape[:2], *graph.input_shape))
    messages = {graph.input: torch.tensor(shaped, dtype=torch.float64)}
    given = given or {}
    messages |= {name: torch.as_tensor(array).double() for name, array in given.items()}
    runs: list[_Population] = []
    for group in _groups(graph):
        members = [_Population(layer, messages) for layer in group]
        _run_together(members, messages, {layer.name for layer in group} - given.keys())
        runs += members
    return Activity(
        spikes={p.layer.name: p.answers() for p in runs},
        voltages={p.layer.name: stacked(p.compared) for p in runs if p.compared},
        currents={p.layer.name: stacked(p.currents) for p in runs if p.currents},
    )


def stacked(frames: list[Tensor]) -> np.ndarray:
    """Return frames (B, *shape) as one array (T, B, *shape)."""
    return torch.stack(frames).numpy()


def propagate(stages: Sequence[Stage], messages: Tensor) -> Tensor:
    """Take messages (T, B, *shape) through ``stages``; a ``Late`` reads zeros before frame 0."""
    for stage in stages:
        if isinstance(stage, Late):
            messages = _delayed(messages, stage.frames)
        else:
            steps = messages.shape[:2]
            messages = _apply(stage, messages.flatten(0, 1)).unflatten(0, steps)
    return messages


def _groups(graph: Graph) -> Iterator[list[Layer]]:
    """Yield the layers, those on a cycle together, so that sources come before their readers."""
    layers = {layer.name: layer for layer in graph.layers}
    ends = [(e.source, layer.name, e.late) for e, layer in graph.edges() if e.source in layers]
    everything, prompt = nx.DiGraph(), nx.DiGraph()
    for found in (everything, prompt):
        found.add_nodes_from(layers)
    everything.add_edges_from((a, b) for a, b, _ in ends)
    prompt.add_edges_from((a, b) for a, b, late in ends if not late)
    groups = nx.condensation(everything)
    for number in nx.topological_sort(groups):
        members = prompt.subgraph(groups.nodes[number]["members"])
        yield [layers[name] for name in nx.topological_sort(members)]


class _Witness:
    """An arithmetic that remembers the voltage of each step, which every neuron clips once.

    inclusive: a threshold is exceeded where it is reached.
    """

    def __init__(self, arithmetic: Arithmetic, compared: list[Tensor], inclusive: bool) -> None:
        self._arithmetic = arithmetic
        self._compared = compared
        self._inclusive = inclusive

    def __getattr__(self, name: str) -> Any:
        return getattr(self._arithmetic, name)

    def clip(self, v: Tensor) -> Tensor:
        self._compared.append(self._arithmetic.clip(v))
        return self._compared[-1]

    def fire(self, v: Tensor, threshold: Tensor) -> Tensor:
        if self._inclusive:
            return 1 - self._arithmetic.fire(threshold, v)
        return self._arithmetic.fire(v, threshold)


class _Population:
    """A layer at rest, and what it did since."""

    def __init__(self, layer: Layer, messages: Mapping[str, Tensor]) -> None:
        self.layer = layer
        self.integer = layer.scale is not None
        self.kind = torch.int64 if self.integer else torch.float64
        self.compared: list[Tensor] = []
        self.currents: list[Tensor] = []
        self.sent: list[Tensor] = []
        arithmetic = INTEGER if self.integer else Real(FastSigmoid(1.0))
        self.arithmetic: Any = _Witness(arithmetic, self.compared, layer.inclusive)
        first = next(iter(messages.values()))
        self.steps, batch = first.shape[:2]
        self.rest = torch.zeros(batch, *layer.shape, dtype=torch.float64)
        self.state = tuple(self.rest.to(self.kind) for _ in layer.neuron.STATE)
        self.gain, self.neuron = self._registers()
        self.prompt = self.rest + self._tensor(layer.constant)

    def _registers(self) -> tuple[Any, Any]:
        """Return what multiplies the current, and the neuron with its norm's offset as bias."""
        neuron = self.layer.neuron
        values = {f.name: self._tensor(getattr(neuron, f.name)) for f in fields(neuron)}
        norm = self.layer.norm
        if norm is None:
            return 1.0, replace(neuron, **values)
        values["bias"] = values["bias"] + self._tensor(norm.offset)
        return self._tensor(norm.gain), replace(neuron, **values)

    def _tensor(self, value: Any) -> Tensor:
        return torch.as_tensor(expand(value, self.layer.shape)).to(self.kind)

    def step(self, prompt: Tensor, late: Tensor) -> Tensor:
        """Take one frame's currents (B, *shape), normalised and late ones; return messages."""
        x = (prompt.to(self.kind) * self.gain if self.layer.norm else prompt + late).to(self.kind)
        if self.layer.norm:
            x = x + late
        if self.integer:
            x = x << self.neuron.INPUT_SHIFT
        s, self.state = self.neuron.step(self.arithmetic, self.state, x)
        if "u" in self.neuron.STATE:
            self.currents.append(self.state[0])
        self.sent.append(s.double())
        return self.sent[-1]

    def answers(self) -> np.ndarray:
        """Return the messages (T, B, *shape)."""
        kind = message_type(self.layer.neuron.MESSAGES)
        whole = kind is np.int8 or self.integer
        return torch.stack(self.sent).numpy().astype(kind if whole else np.float64)


def _run_together(
    members: list[_Population], messages: dict[str, Tensor], answering: set[str]
) -> None:
    """Run the layers of one group frame by frame; those in ``answering`` are heard by others."""
    for p in members:
        if p.layer.name in answering:
            messages[p.layer.name] = p.rest.new_zeros(p.steps, *p.rest.shape)
    prompt, late, open_edges = {}, {}, {}
    for p in members:
        known = [e for e in p.layer.edges if e.source not in answering]
        open_edges[p] = [e for e in p.layer.edges if e.source in answering]
        nothing = p.rest.new_zeros(p.steps, *p.rest.shape)
        prompt[p] = p.prompt + sum((_whole(e, messages, p) for e in known if not e.late), nothing)
        late[p] = sum((_whole(e, messages, p) for e in known if e.late), nothing)
    for frame in range(members[0].steps):
        for p in members:
            now, before = prompt[p][frame], late[p][frame]
            for edge in open_edges[p]:
                current = _now(edge, messages[edge.source], frame, p)
                now, before = (now, before + current) if edge.late else (now + current, before)
            sent = p.step(now, before)
            if p.layer.name in answering:
                messages[p.layer.name][frame] = sent


def _whole(edge: Edge, messages: Mapping[str, Tensor], target: _Population) -> Tensor:
    """Return the current of ``edge`` in all frames."""
    x = messages[edge.source]
    if edge.late:
        x = torch.cat([torch.zeros_like(x[: edge.late]), x])[: len(x)]
    return propagate(edge.stages, x).reshape(len(x), *target.rest.shape)


def _now(edge: Edge, sent: Tensor, frame: int, target: _Population) -> Tensor:
    """Return the current of ``edge`` in ``frame``, from what its source sent before."""
    last = frame - edge.late
    if last < 0:
        return torch.zeros_like(target.rest)
    seen = sent[max(last - edge.delays[1], 0) : last + 1]
    return propagate(edge.stages, seen)[-1].reshape(target.rest.shape)


def _delayed(x: Tensor, frames: np.ndarray) -> Tensor:
    """Shift every channel of ``x`` (T, B, C, ...) by its number of ``frames``."""
    out = torch.zeros_like(x)
    for delay in np.unique(frames).tolist():
        channels = torch.as_tensor(frames == delay)
        kept = max(len(x) - delay, 0)
        out[len(x) - kept :, :, channels] = x[:kept, :, channels]
    return out


def _apply(stage: Stage, x: Tensor) -> Tensor:
    """Take messages (N, *shape) through a stage that knows no time."""
    if isinstance(stage, Convolution):
        sizes = (stage.stride, stage.padding, stage.dilation, stage.groups)
        return functional.conv2d(x, _double(stage.weight), None, *sizes)
    if isinstance(stage, Linear):
        return functional.linear(x.flatten(1), _double(stage.weight))
    if isinstance(stage, Diagonal):
        return x * _double(stage.weight).reshape(-1, *(1,) * (x.dim() - 2))
    if isinstance(stage, SumPool):
        sizes = (stage.kernel, stage.stride, stage.padding)
        sums = functional.avg_pool2d(x, *sizes, divisor_override=1)
        return sums * float(stage.weight[0])
    if isinstance(stage, Place):
        out = x.new_zeros(len(x), *stage.output_shape(x.shape[1:]))
        out[:, stage.first : stage.first + x.shape[1]] = x
        return out
    assert isinstance(stage, Flatten)
    return x.flatten(1)


def _double(array: np.ndarray) -> Tensor:
    return torch.as_tensor(array).double()
