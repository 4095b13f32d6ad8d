"""Graph of reals -> ``float/network.onnx``: what was captured, runnable by onnxruntime."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

from hwsim._onnx.recorder import IR_VERSION, OPSET, neuron_function
from hwsim.program import expand
from hwsim.synapses import Shape
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

DOMAIN = "spikeport.float"
VERSION = 1
SCHEMA = "spikeport.network/1"


def network_bytes(graph: Graph) -> bytes:
    """Return a captured ``graph``, folded or not, as an ONNX model in float32.

    Input ``<input>/spikes`` (steps, batch, *shape); outputs ``<layer>/spikes``, the same frame,
    without latency. Neurons are operators of ``spikeport.float`` with their equation as body;
    feedback and delays keep the frames they need in states ``.../past``.
    """
    step = _Step(graph)
    kinds = {type(layer.neuron).__name__: type(layer.neuron) for layer in graph.layers}
    model = helper.make_model(
        step.outer_graph(),
        functions=[neuron_function(kinds[k], DOMAIN, integer=False) for k in sorted(kinds)],
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, VERSION)],
        ir_version=IR_VERSION,
        producer_name="spikeport",
    )
    props = {"schema": SCHEMA, "name": graph.name, "steps": str(graph.steps)}
    own = {**props, "output": graph.output, "readout": graph.readout.value}
    helper.set_model_props(model, {f"spikeport.{k}": v for k, v in own.items()})
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


class _Step:
    """The nodes of one time step, and the Scan around them."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.shapes = {graph.input: graph.input_shape} | {p.name: p.shape for p in graph.layers}
        self.nodes: list[onnx.NodeProto] = []
        self.last: list[onnx.NodeProto] = []
        """Nodes behind all others, as they may read what any population sent."""
        self.weights: dict[str, onnx.TensorProto] = {}
        self.pasts: list[tuple[str, int, Shape]] = []
        """(name, frames, shape) of the states (frames, batch, *shape) that delays keep."""
        for layer in graph.layers:
            self._layer(layer)
        self.nodes += self.last

    def outer_graph(self) -> onnx.GraphProto:
        """Return the graph over time: every state starts at zero."""
        source = f"{self.graph.input}/spikes"
        nodes = [helper.make_node("Shape", [source], ["batch"], start=1, end=2)]
        states: list[tuple[str, tuple[int | str, ...]]] = [
            (f"{p.name}/{r}", ("batch", *p.shape))
            for p in self.graph.layers
            for r in p.neuron.STATE
        ]
        states += [(name, (frames, "batch", *shape)) for name, frames, shape in self.pasts]
        for name, shape in states:
            parts = [self._sizes(name, i, size) for i, size in enumerate(shape)]
            nodes.append(helper.make_node("Concat", parts, [f"{name}/shape"], axis=0))
            nodes.append(helper.make_node("ConstantOfShape", [f"{name}/shape"], [f"{name}/0"]))
        spikes = [(f"{p.name}/spikes", p.shape) for p in self.graph.layers]
        sent = [(name, ("batch", *shape)) for name, shape in spikes]
        body = helper.make_graph(
            self.nodes,
            "time_step",
            [_info(n, s) for n, s in [*states, ("frame", ("batch", *self.graph.input_shape))]],
            [_info(f"{n}_now", s) for n, s in [*states, *sent]],
        )
        starts, ends = ([f"{name}/{end}" for name, _ in states] for end in ("0", "end"))
        outputs = [*ends, *(name for name, _ in spikes)]
        scan = helper.make_node("Scan", [*starts, source], outputs, "time")
        scan.attribute.extend(
            [helper.make_attribute("body", body), helper.make_attribute("num_scan_inputs", 1)]
        )
        return helper.make_graph(
            [*nodes, scan],
            "network",
            [_info(source, ("steps", "batch", *self.graph.input_shape))],
            [_info(name, ("steps", "batch", *shape)) for name, shape in spikes],
            list(self.weights.values()),
        )

    def _sizes(self, name: str, axis: int, size: int | str) -> str:
        if isinstance(size, str):
            return size
        return self._weight(f"{name}/size{axis}", np.array([size]), np.int64)

    def _layer(self, layer: Layer) -> None:
        """Append the nodes of a population: its currents, then its neuron."""
        prompt, late = [], []
        for i, edge in enumerate(layer.edges):
            (late if edge.late else prompt).append(self._edge(edge, layer, i))
        if np.any(layer.constant) or not prompt:
            prompt.append(self._parameter(layer, "constant", np.asarray(layer.constant)))
        values = {f.name: getattr(layer.neuron, f.name) for f in fields(layer.neuron)}
        if layer.inclusive:  # v > the float32 before it, exactly where v >= the threshold
            values["threshold"] = np.nextafter(np.float32(values["threshold"]), np.float32(-np.inf))
        total = self._sum(prompt, f"{layer.name}/sum")
        if layer.norm is not None:
            gain = self._parameter(layer, "norm.gain", layer.norm.gain)
            total = self._plain("Mul", [total, gain], f"{layer.name}/normalised")
            bias, offset = (expand(x, layer.shape) for x in (values["bias"], layer.norm.offset))
            values["bias"] = np.broadcast_to(bias + offset, layer.shape)
        total = self._sum([total, *late], f"{layer.name}/whole")
        states = list(layer.neuron.STATE)
        inputs = [total, *(f"{layer.name}/{kind}" for kind in states)]
        inputs += [self._parameter(layer, name, value) for name, value in values.items()]
        outputs = [f"{layer.name}/{kind}_now" for kind in ("spikes", *states)]
        kind = type(layer.neuron).__name__
        self.nodes.append(helper.make_node(kind, inputs, outputs, layer.name, domain=DOMAIN))

    def _sum(self, terms: list[str], name: str) -> str:
        total = terms[0]
        for i, term in enumerate(terms[1:]):
            total = self._plain("Add", [total, term], f"{name}{i}")
        return total

    def _edge(self, edge: Edge, layer: Layer, index: int) -> str:
        """Append the nodes of one path; return the name of its current."""
        name, shape = f"{edge.module}/{layer.name}/{index}", self.shapes[edge.source]
        x = "frame" if edge.source == self.graph.input else f"{edge.source}/spikes_now"
        if edge.late:
            x = self._late(x, np.full(shape[0], edge.late), shape, f"{name}/late")
        for i, stage in enumerate(edge.stages):
            x = self._stage(stage, x, shape, f"{name}/{i}")
            shape = stage.output_shape(shape)
        if len(shape) != len(layer.shape):  # a matrix gives planes flat, in C order
            sizes = self._weight(f"{name}/shape", np.array([0, *layer.shape]), np.int64)
            x = self._plain("Reshape", [x, sizes], f"{name}/shaped")
        return x

    def _stage(self, stage: Stage, x: str, shape: Shape, name: str) -> str:
        """Append the nodes of one stage behind ``x`` of ``shape``; return what it gives."""
        if isinstance(stage, Late):
            return self._late(x, stage.frames, shape, name)
        if isinstance(stage, Flatten):
            return self._plain("Flatten", [x], name, axis=1)
        if isinstance(stage, Place):
            pads = np.zeros((2, 1 + len(shape)), np.int64)
            pads[:, 1] = stage.first, stage.channels - stage.first - shape[0]
            ends = self._weight(f"{name}/pads", pads.ravel(), np.int64)
            return self._plain("Pad", [x, ends], name)
        if isinstance(stage, SumPool):
            sizes = {"kernel_shape": stage.kernel, "strides": stage.stride}
            sizes |= {"pads": [*stage.padding] * 2, "count_include_pad": 1}
            mean = self._plain("AveragePool", [x], f"{name}/mean", **sizes)
            area = stage.weight * stage.kernel[0] * stage.kernel[1]
            return self._plain("Mul", [mean, self._weight(f"{name}/area", area)], name)
        if isinstance(stage, Diagonal):
            column = stage.weight.reshape(-1, *(1,) * (len(shape) - 1))
            return self._plain("Mul", [x, self._weight(f"{name}/weight", column)], name)
        weight = self._weight(f"{name}/weight", stage.weight)
        if isinstance(stage, Convolution):
            sizes = {"strides": stage.stride, "pads": [*stage.padding] * 2}
            sizes |= {"dilations": stage.dilation, "group": stage.groups}
            return self._plain("Conv", [x, weight], name, **sizes)
        assert isinstance(stage, Linear)
        flat = self._plain("Flatten", [x], f"{name}/flat", axis=1)
        return self._plain("Gemm", [flat, weight], name, transB=1)

    def _late(self, x: str, frames: np.ndarray, shape: Shape, name: str) -> str:
        """Append a delay line behind ``x``; return what comes ``frames`` (C,) frames later."""
        longest = int(frames.max())
        if not longest:
            return x
        self.pasts.append((f"{name}/past", longest, shape))
        axis = self._weight("first axis", np.array([0]), np.int64)
        ends = [self._weight(f"{name}/{i}", np.array([i]), np.int64) for i in (0, longest)]
        column, line, past = f"{name}/column", f"{name}/line", f"{name}/past"
        self.last += [
            helper.make_node("Unsqueeze", [x, axis], [column]),
            helper.make_node("Concat", [column, past], [line], axis=0),
            helper.make_node("Slice", [line, *ends, axis], [f"{past}_now"]),
        ]
        parts = []
        for delay in np.unique(frames).tolist():
            if delay:  # what is in the state needs nothing of this frame, so feedback may use it
                at = self._weight(f"{name}/at{delay}", np.array(delay - 1), np.int64)
                x = self._plain("Gather", [f"{name}/past", at], f"{name}/frame{delay}", axis=0)
            mask = (frames == delay).astype(np.float64).reshape(-1, *(1,) * (len(shape) - 1))
            kept = [x, self._weight(f"{name}/mask{delay}", mask)]
            parts.append(self._plain("Mul", kept, f"{name}/kept{delay}"))
        return self._sum(parts, f"{name}/sum")

    def _plain(self, op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], output, **attributes))
        return output

    def _parameter(self, layer: Layer, name: str, value: object) -> str:
        return self._weight(f"{layer.name}/{name}", expand(value, layer.shape))

    def _weight(self, name: str, array: np.ndarray, kind: type = np.float32) -> str:
        self.weights[name] = numpy_helper.from_array(np.asarray(array, kind), name)
        return name


def _info(name: str, shape: tuple[int | str, ...]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, T.FLOAT, shape)
