"""Program -> ONNX model: a Scan over time of one time step, state explicit."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

from hwsim._onnx.ops import DOMAIN, FLOAT_EXACT, VERSION, functions
from hwsim._onnx.recorder import IR_VERSION, OPSET
from hwsim.errors import UnsupportedError
from hwsim.neurons import registers
from hwsim.program import Connection, Population, Program
from hwsim.synapses import Conv2d, Dense, SumPool2d

SCHEMA = "spikeport.program/1"


def model_of(program: Program) -> onnx.ModelProto:
    """Return ``program`` as a model: input ``<input>/spikes``, outputs as a Trace names them.

    Raises
    ------
    UnsupportedError
        If a convolution's sums could leave the range in which the file's operator is exact.
    """
    builder = _Builder(program)
    for population in program.populations:
        builder.add_population(population)
    graph = builder.graph()
    used = sorted({n.op_type for n in builder.nodes if n.domain == DOMAIN})
    model = helper.make_model(
        graph,
        functions=[functions()[name] for name in used],
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, VERSION)],
        ir_version=IR_VERSION,
        producer_name="spikeport",
    )
    own = {
        "spikeport.schema": SCHEMA,
        "spikeport.name": program.name,
        "spikeport.chip": program.chip,
        "spikeport.input.low": str(program.input.low),
        "spikeport.input.high": str(program.input.high),
        "spikeport.output": program.output,
        "spikeport.readout": program.readout.value,
    }
    helper.set_model_props(model, {**own, **program.metadata})
    return model


class _Builder:
    """Collects the nodes of a time step, its states, and the weights around it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.states: list[tuple[str, int, tuple[int, ...], str]] = []
        self.outputs: list[tuple[str, int, tuple[int, ...]]] = []
        source = program.input
        self.states.append((f"{source.name}/sent", T.INT32, source.shape, "frame"))

    def add_population(self, p: Population) -> None:
        """Append the connections into ``p``, its reset, its equation, its states."""
        incoming = [c for c in self.program.connections if c.target == p.name]
        current = self._sum([self._connection(c, p) for c in incoming], p)
        u, v = f"{p.name}/u_before", f"{p.name}/v_before"
        if self.program.period is not None:
            rest = [f"{p.name}/u_rest", f"{p.name}/v_rest"]
            attributes = {"period": self.program.period, "phase": self.program.phase(p)}
            self._own("Reset", [u, v, "step"], rest, f"{p.name}/reset", **attributes)
            u, v = rest
        values = [self._weight(f"{p.name}/{r}", _column(p, r)) for r in registers(p.neuron)]
        outs = [f"{p.name}/{kind}_now" for kind in ("spikes", "u", "v")]
        node = self._own(type(p.neuron).__name__, [current, u, v, *values], outs, p.name)
        node.metadata_props.add(key="latency", value=str(p.latency))
        for kind, state in (("u", "u_before"), ("v", "v_before")):
            self.states.append((f"{p.name}/{state}", T.INT32, p.shape, f"{p.name}/{kind}_now"))
        self.states.append((f"{p.name}/sent", T.INT8, p.shape, f"{p.name}/spikes_now"))
        kinds = zip(outs, (T.INT8, T.INT32, T.INT32), strict=True)
        self.outputs += [(name, kind, p.shape) for name, kind in kinds]

    def graph(self) -> onnx.GraphProto:
        """Return the outer graph: states at rest, the Scan, its weights."""
        first = helper.make_tensor("zero_step", T.INT64, [], [0])
        nodes = [helper.make_node("Shape", [self._input], ["batch"], start=1, end=2)]
        for name, kind, shape, _ in self.states:
            full = f"{name}/shape"
            self.weights.append(numpy_helper.from_array(np.array(shape, np.int64), f"{name}/dims"))
            nodes.append(helper.make_node("Concat", ["batch", f"{name}/dims"], [full], axis=0))
            zero = helper.make_tensor("zero", kind, [1], [0])
            nodes.append(helper.make_node("ConstantOfShape", [full], [f"{name}/0"], value=zero))
        nodes.append(
            helper.make_node(
                "Scan",
                ["zero_step", *(f"{s[0]}/0" for s in self.states), self._input],
                [
                    "last_step",
                    *(f"{s[0]}/end" for s in self.states),
                    *(_outer(o[0]) for o in self.outputs),
                ],
                name="time",
                body=self._step_graph(),
                num_scan_inputs=1,
            )
        )
        source = self.program.input
        inputs = [_info(self._input, T.INT32, ("steps", "batch", *source.shape))]
        outputs = [_info(_outer(n), k, ("steps", "batch", *shape)) for n, k, shape in self.outputs]
        return helper.make_graph(nodes, "program", inputs, outputs, [first, *self.weights])

    @property
    def _input(self) -> str:
        return f"{self.program.input.name}/spikes"

    def _step_graph(self) -> onnx.GraphProto:
        nodes = [
            helper.make_node("Constant", [], ["one_step"], value_int=1),
            helper.make_node("Add", ["step_before", "one_step"], ["step"]),
            *self.nodes,
        ]
        inputs = [_info("step_before", T.INT64, ())]
        outputs = [_info("step", T.INT64, ())]
        for name, kind, shape, after in self.states:
            nodes.append(helper.make_node("Identity", [after], [f"{name}/next"]))
            inputs.append(_info(name, kind, ("batch", *shape)))
            outputs.append(_info(f"{name}/next", kind, ("batch", *shape)))
        inputs.append(_info("frame", T.INT32, ("batch", *self.program.input.shape)))
        outputs += [_info(name, kind, ("batch", *shape)) for name, kind, shape in self.outputs]
        return helper.make_graph(nodes, "time_step", inputs, outputs)

    def _connection(self, c: Connection, p: Population) -> str:
        shape = self.program.shape_of(c.source)
        mantissa, gain, attributes = _synapse_parts(self.program, c)
        weight = self._weight(f"{c.name}/weight", mantissa)
        fan_out = self._weight(f"{c.name}/fan_out", c.synapse.fan_out(shape).reshape(1, -1))
        activation, synops = f"{c.name}/a", f"{c.name}/synops_now"
        node = self._own(
            type(c.synapse).__name__,
            [f"{c.source}/sent", weight, fan_out],
            [activation, synops],
            c.name,
            gain=gain,
            graded=int(c.graded),
            **attributes,
        )
        node.metadata_props.add(key="source", value=c.source)
        node.metadata_props.add(key="target", value=c.target)
        self.outputs.append((synops, T.INT64, ()))
        if c.synapse.output_shape(shape) == p.shape:
            return activation
        dims = self._weight(f"{c.name}/shape", np.array([-1, *p.shape], np.int64))
        reshaped = f"{activation}/reshaped"
        self.nodes.append(helper.make_node("Reshape", [activation, dims], [reshaped]))
        return reshaped

    def _sum(self, currents: list[str], p: Population) -> str:
        if not currents:
            zero = f"{p.name}/no_input"
            before = f"{p.name}/u_before"
            self.nodes.append(helper.make_node("Sub", [before, before], [zero]))
            return zero
        total, *rest = currents
        for i, current in enumerate(rest):
            name = f"{p.name}/sum{i}"
            self.nodes.append(helper.make_node("Add", [total, current], [name]))
            total = name
        return total

    def _own(
        self, op: str, inputs: list[str], outputs: list[str], name: str, **attributes: Any
    ) -> onnx.NodeProto:
        node = helper.make_node(op, inputs, outputs, name=name, domain=DOMAIN, **attributes)
        self.nodes.append(node)
        return node

    def _weight(self, name: str, array: np.ndarray) -> str:
        self.weights.append(numpy_helper.from_array(array, name))
        return name


def _outer(name: str) -> str:
    """Return the name outside the Scan of a value inside it (one name, one tensor)."""
    return name.removesuffix("_now")


def _column(p: Population, register: str) -> np.ndarray:
    """Return a parameter so that it broadcasts against (B, *shape)."""
    value = np.asarray(getattr(p.neuron, register), np.int32)
    if value.ndim == 1 and len(p.shape) > 1 and value.shape != p.shape:
        value = value.reshape(-1, *(1,) * (len(p.shape) - 1))
    return value


def _synapse_parts(program: Program, c: Connection) -> tuple[np.ndarray, int, dict[str, object]]:
    """Return the stored mantissa, the gain it is multiplied with, and the attributes."""
    synapse = c.synapse
    if isinstance(synapse, Dense):
        mantissa, gain = _mantissa(synapse.weight, c.name)
        up, down = max(synapse.exponent, 0), max(-synapse.exponent, 0)
        return mantissa, gain, {"multiplier": 2**up, "divisor": 2**down}
    if isinstance(synapse, Conv2d):
        mantissa, gain = _mantissa(synapse.weight, c.name)
        dilations = {"dilations": list(synapse.dilation)}
        groups = synapse.groups
    elif isinstance(synapse, SumPool2d):
        groups = program.shape_of(c.source)[0]
        mantissa, gain = np.ones((groups, 1, *synapse.kernel), np.int8), synapse.weight
        dilations = {}
    else:
        raise UnsupportedError(
            f"{c.name}: {type(synapse).__name__} has no operator in {DOMAIN}",
            hint="use Dense, Conv2d or SumPool2d",
        )
    _check_exact(program, c, mantissa)
    pads = [*synapse.padding, *synapse.padding]
    return (
        mantissa,
        gain,
        {"strides": list(synapse.stride), "pads": pads, "group": groups, **dilations},
    )


def _check_exact(program: Program, c: Connection, mantissa: np.ndarray) -> None:
    source = program.input
    payload = max(abs(source.low), source.high) if c.graded and c.source == source.name else 1
    bound = payload * int(np.abs(mantissa.astype(np.int64)).sum(axis=(1, 2, 3)).max())
    if bound >= FLOAT_EXACT:
        raise UnsupportedError(
            f"{c.name}: sums of up to {bound} do not fit the {FLOAT_EXACT} that the file's "
            "convolution computes exactly",
            hint="use smaller weights or fewer input bits",
        )


def _mantissa(weight: np.ndarray, where: str) -> tuple[np.ndarray, int]:
    """Return the narrowest storage of ``weight`` and the gain that restores it."""
    for gain in (1, 2):
        for kind in (np.int8, np.uint8):
            limits = np.iinfo(kind)
            low, high = int(weight.min()), int(weight.max())
            fits = limits.min * gain <= low and high <= limits.max * gain
            if fits and not (weight % gain).any():
                return (weight // gain).astype(kind), gain
    for kind in (np.int16, np.int32):
        if np.iinfo(kind).min <= weight.min() and weight.max() <= np.iinfo(kind).max:
            return weight.astype(kind), 1
    raise UnsupportedError(
        f"{where}: weight {np.abs(weight).max()} does not fit 32 bits", hint="use a smaller scale"
    )


def _info(name: str, kind: int, shape: tuple[int | str, ...]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)
