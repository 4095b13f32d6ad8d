"""Graph of reals -> ``float/network.onnx``: what was captured, runnable by onnxruntime."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

from hwsim._onnx.recorder import IR_VERSION, OPSET, neuron_function
from hwsim.errors import UnsupportedError
from hwsim.program import expand
from snnexport.graph import Convolution, Edge, Graph, Layer, Linear

DOMAIN = "spikeport.float"
VERSION = 1
SCHEMA = "spikeport.network/1"


def network_bytes(graph: Graph) -> bytes:
    """Return a captured ``graph`` as an ONNX model in float32.

    Input ``<input>/spikes`` (steps, batch, *shape); outputs ``<layer>/spikes``, the same frame,
    without latency. Neurons are operators of ``spikeport.float`` with their equation as body.
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
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        for layer in graph.layers:
            self._layer(layer)

    def outer_graph(self) -> onnx.GraphProto:
        """Return the graph over time: every state starts at zero."""
        source = f"{self.graph.input}/spikes"
        nodes = [helper.make_node("Shape", [source], ["batch"], start=1, end=2)]
        states = [(f"{p.name}/{r}", p.shape) for p in self.graph.layers for r in p.neuron.STATE]
        for name, shape in states:
            dims = self._weight(f"{name}/dims", np.array(shape), np.int64)
            nodes.append(helper.make_node("Concat", ["batch", dims], [f"{name}/shape"], axis=0))
            nodes.append(helper.make_node("ConstantOfShape", [f"{name}/shape"], [f"{name}/0"]))
        spikes = [(f"{p.name}/spikes", p.shape) for p in self.graph.layers]
        body = helper.make_graph(
            self.nodes,
            "time_step",
            [_info(n, ("batch", *s)) for n, s in [*states, ("frame", self.graph.input_shape)]],
            [_info(f"{n}_now", ("batch", *s)) for n, s in [*states, *spikes]],
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
            self.weights,
        )

    def _layer(self, layer: Layer) -> None:
        currents = [self._edge(edge, layer, i) for i, edge in enumerate(layer.edges)]
        total = currents[0]
        for i, current in enumerate(currents[1:]):
            self._plain("Add", [total, current], f"{layer.name}/sum{i}")
            total = f"{layer.name}/sum{i}"
        values = {f.name: getattr(layer.neuron, f.name) for f in fields(layer.neuron)}
        if layer.norm is not None:
            gain = self._parameter(layer, "norm.gain", layer.norm.gain)
            self._plain("Mul", [total, gain], f"{layer.name}/normalised")
            total = f"{layer.name}/normalised"
            values["bias"] = np.asarray(values["bias"]) + layer.norm.offset
        states = list(layer.neuron.STATE)
        inputs = [total, *(f"{layer.name}/{kind}" for kind in states)]
        inputs += [self._parameter(layer, name, value) for name, value in values.items()]
        outputs = [f"{layer.name}/{kind}_now" for kind in ("spikes", *states)]
        kind = type(layer.neuron).__name__
        self.nodes.append(helper.make_node(kind, inputs, outputs, layer.name, domain=DOMAIN))

    def _edge(self, edge: Edge, layer: Layer, index: int) -> str:
        """Append the nodes of one path; return the name of its current."""
        graph, name = self.graph, f"{edge.module}/{layer.name}{index}"
        x = "frame" if edge.source == graph.input else f"{edge.source}/spikes_now"
        if edge.pool is not None:
            p = edge.pool
            sizes = {"kernel_shape": p.kernel, "strides": p.stride, "pads": [*p.padding] * 2}
            self._plain("AveragePool", [x], f"{name}/pooled", **sizes, count_include_pad=1)
            x = f"{name}/pooled"
        w = edge.weights
        inputs = [] if w is None else [self._weight(f"{name}/weight", w.weight)]
        if isinstance(w, Convolution):
            if w.bias is not None:
                inputs.append(self._weight(f"{name}/bias", w.bias))
            sizes = {"strides": w.stride, "pads": [*w.padding] * 2, "dilations": w.dilation}
            self._plain("Conv", [x, *inputs], f"{name}/a", group=w.groups, **sizes)
            return f"{name}/a"
        if isinstance(w, Linear):
            self._plain("Flatten", [x], f"{name}/flat", axis=1)
            bias = np.zeros(len(w.weight)) if w.bias is None else w.bias
            inputs = [f"{name}/flat", *inputs, self._weight(f"{name}/bias", bias)]
            self._plain("Gemm", inputs, f"{name}/a", transB=1)
            return f"{name}/a"
        if w is not None:
            raise UnsupportedError(
                f"{layer.name}: a folded {type(w).__name__} has no operator here",
                hint="write the captured graph",
            )
        return x

    def _plain(self, op: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(op, inputs, [output], output, **attributes))

    def _parameter(self, layer: Layer, name: str, value: object) -> str:
        return self._weight(f"{layer.name}/{name}", expand(value, layer.shape))

    def _weight(self, name: str, array: np.ndarray, kind: type = np.float32) -> str:
        self.weights.append(numpy_helper.from_array(array.astype(kind), name))
        return name


def _info(name: str, shape: tuple[int | str, ...]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, T.FLOAT, shape)
