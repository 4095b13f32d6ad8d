"""Program -> ONNX model: a Scan over time of one time step, state explicit.

Everything that is sent is a state, so populations may be in any order and form any cycle. Names
are ``<population>/...`` and ``<connection>/...`` with no further slash, so that they differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

from hwsim._onnx.ops import DOMAIN, VERSION, functions
from hwsim._onnx.recorder import IR_VERSION, OPSET, element_type
from hwsim._onnx.synapses import Packed, pack
from hwsim.errors import raise_all
from hwsim.neurons import registers
from hwsim.program import Blank, Connection, Population, Program, expand

SCHEMA = "spikeport.program/1"
OWN = "spikeport."
"""The writer's metadata begin so; a Program's own that do are kept as ``spikeport.metadata.*``."""
KEPT = f"{OWN}metadata."
PARTS, STEPS = 4096, 1 << 20
"""Most populations, and most connections; most steps of a period, and of a latency."""
NEURON, LINE = "/neuron", "/blank"
"""Ends of the names of nodes, which onnxruntime wants to differ."""


def model_of(program: Program) -> onnx.ModelProto:
    """Return ``program`` as a model: input ``<input>/spikes``, outputs as a Trace names them."""
    check_sizes(program)
    builder = _Builder(program)
    graph = builder.graph()
    used = sorted({n.op_type for n in builder.nodes if n.domain == DOMAIN})
    model = helper.make_model(
        graph,
        functions=[functions()[name] for name in used],
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, VERSION)],
        ir_version=IR_VERSION,
        producer_name="spikeport",
    )
    helper.set_model_props(model, _metadata(program))
    return model


def check_sizes(program: Program) -> None:
    """Raise CheckError listing what no file may hold, as a few bytes would keep a reader busy."""
    parts = {"populations": len(program.populations), "connections": len(program.connections)}
    steps = {"latency": program.latency, "period": program.period or 0}
    found = [f"{n} {name} are more than {PARTS}" for name, n in parts.items() if n > PARTS]
    found += [f"{name} = {n} is above {STEPS}" for name, n in steps.items() if n > STEPS]
    raise_all(f"program {program.name} and its file", found, hint="use a smaller network")


def _metadata(program: Program) -> dict[str, str]:
    own = {
        "schema": SCHEMA,
        "name": program.name,
        "chip": program.chip,
        "input.low": str(program.input.low),
        "input.high": str(program.input.high),
        "output": program.output,
        "readout": program.readout.value,
    }
    if program.period is not None:
        own["period"] = str(program.period)
    kept = {KEPT + k if k.startswith(OWN) else k: v for k, v in program.metadata.items()}
    return {**{OWN + k: v for k, v in own.items()}, **kept}


@dataclass(frozen=True)
class _Tensor:
    """A state or an output of the time step: its ONNX type and its shape after the batch axis."""

    name: str
    kind: int
    shape: tuple[int, ...]

    def info(self, *axes: str, suffix: str = "") -> onnx.ValueInfoProto:
        """Return its declaration; ``axes`` are named and come first."""
        shape = (*axes, *(int(n) for n in self.shape))
        return helper.make_tensor_value_info(self.name + suffix, self.kind, shape)


class _Builder:
    """Collects the nodes of a time step, its states, and the weights around it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, np.ndarray] = {}
        self.states: list[tuple[_Tensor, str]] = []
        self.outputs: list[_Tensor] = []
        packed = [_packed(program, c) for c in program.connections]
        slots = _slots(program, packed)
        self._send(program.input.name, T.INT32, program.input.shape, "frame")
        if program.blank is not None:
            self._blank(program.blank, program.period)
        for p in program.populations:
            kind = element_type(p.neuron.MESSAGES)
            self._send(p.name, kind, p.shape, f"{p.name}/spikes_now")
        for name, count in slots.items():
            self._remember(name, count)
        for c, synapse in zip(program.connections, packed, strict=True):
            self._connection(c, synapse)
        for p in program.populations:
            self._population(p)

    def graph(self) -> onnx.GraphProto:
        """Return the outer graph: states at rest, the Scan, its weights."""
        frames = f"{self.program.input.name}/spikes"
        self.weights["zero_step"] = np.array(0, np.int64)
        nodes = [helper.make_node("Shape", [frames], ["batch"], start=1, end=2)]
        for state, _ in self.states:
            dims, full = f"{state.name}_dims", f"{state.name}_shape"
            self.weights[dims] = np.array(state.shape, np.int64)
            nodes.append(helper.make_node("Concat", ["batch", dims], [full], axis=0))
            zero = helper.make_tensor("zero", state.kind, [1], [0])
            start = f"{state.name}_start"
            nodes.append(helper.make_node("ConstantOfShape", [full], [start], value=zero))
        starts, ends = ([f"{s.name}_{end}" for s, _ in self.states] for end in ("start", "end"))
        scan = helper.make_node(
            "Scan",
            ["zero_step", *starts, frames],
            ["last_step", *ends, *(o.name for o in self.outputs)],
            name="time",
            body=self._step_graph(),
            num_scan_inputs=1,
        )
        source = _Tensor(frames, T.INT32, self.program.input.shape)
        weights = [numpy_helper.from_array(a, name) for name, a in self.weights.items()]
        return helper.make_graph(
            [*nodes, scan],
            "program",
            [source.info("steps", "batch")],
            [o.info("steps", "batch") for o in self.outputs],
            weights,
        )

    def _step_graph(self) -> onnx.GraphProto:
        step, frame = (
            _Tensor("step", T.INT64, ()),
            _Tensor("frame", T.INT32, self.program.input.shape),
        )
        nodes = [
            helper.make_node("Constant", [], ["one_step"], value_int=1),
            helper.make_node("Add", ["step_before", "one_step"], ["step"]),
            *self.nodes,
        ]
        nodes += [
            helper.make_node("Identity", [after], [f"{state.name}_next"])
            for state, after in self.states
        ]
        inputs = [step.info(suffix="_before"), *(s.info("batch") for s, _ in self.states)]
        after = [s.info("batch", suffix="_next") for s, _ in self.states]
        outputs = [o.info("batch", suffix="_now") for o in self.outputs]
        inputs.append(frame.info("batch"))
        return helper.make_graph(nodes, "time_step", inputs, [step.info(), *after, *outputs])

    def _send(self, source: str, kind: int, shape: tuple[int, ...], after: str) -> None:
        """Keep what ``source`` sends in a step, the value ``after``, for the next step."""
        self.states.append((_Tensor(f"{source}/sent", kind, shape), after))

    def _blank(self, blank: Blank, period: int | None) -> None:
        sent, after = f"{blank.name}/sent", f"{blank.name}/sent_now"
        self._own(
            "Blank", [sent, "step"], [after], f"{blank.name}{LINE}", period=period, gap=blank.gap
        )
        self._send(blank.name, T.INT8, blank.shape, after)

    def _remember(self, source: str, slots: int) -> None:
        """Append a history (B, slots, *shape): slot d was sent d + 1 steps ago."""
        sent = next(state for state, _ in self.states if state.name == f"{source}/sent")
        names = {"newest": [0], "oldest": [-1], "slot_axis": [1]}
        start, stop, axis = (self._weight(n, np.array(v, np.int64)) for n, v in names.items())
        newest, history = f"{source}/sent_slot", f"{source}/history"
        self._plain("Unsqueeze", [sent.name, axis], newest)
        earlier = [f"{source}/earlier"] if slots > 1 else []
        self._plain("Concat", [newest, *earlier], history, axis=1)
        for name in earlier:
            self._plain("Slice", [history, start, stop, axis], f"{name}_now")
            kept = _Tensor(name, sent.kind, (slots - 1, *sent.shape))
            self.states.append((kept, f"{name}_now"))

    def _connection(self, c: Connection, synapse: Packed) -> None:
        """Append the operator of ``c`` and, where the target has another shape, a Reshape."""
        source, target = self.program.shape_of(c.source), self.program.shape_of(c.target)
        sent = f"{c.source}/history" if synapse.delayed else f"{c.source}/sent"
        fan_out = c.synapse.fan_out(source).reshape(1, -1)
        tensors = {**synapse.tensors, "fan_out": fan_out}
        names = [self._weight(f"{c.name}/{key}", tensor) for key, tensor in tensors.items()]
        same = c.synapse.output_shape(source) == target
        current = f"{c.name}/current" if same else f"{c.name}/current_flat"
        outputs = [current, f"{c.name}/synops_now"]
        attributes = {**synapse.attributes, "graded": int(c.graded)}
        node = self._own(synapse.op, [sent, *names], outputs, f"{c.name}/synapse", **attributes)
        for key in ("source", "target", "label"):
            node.metadata_props.add(key=key, value=getattr(c, key))
        self.outputs.append(_Tensor(f"{c.name}/synops", T.INT64, ()))
        if not same:
            dims = self._weight(f"{c.name}/dims", np.array([-1, *target], np.int64))
            self._plain("Reshape", [current, dims], f"{c.name}/current")

    def _population(self, p: Population) -> None:
        """Append the sum of the connections into ``p``, its reset, its equation, its states."""
        self._activation(p)
        states = [self._rested(p, kind) for kind in p.neuron.STATE]
        values = [self._register(p, name) for name in registers(p.neuron)]
        kinds = {
            "spikes": element_type(p.neuron.MESSAGES),
            **dict.fromkeys(p.neuron.STATE, T.INT32),
        }
        outs = [f"{p.name}/{kind}_now" for kind in kinds]
        inputs = [f"{p.name}/a_now", *states, *values]
        node = self._own(type(p.neuron).__name__, inputs, outs, f"{p.name}{NEURON}")
        node.metadata_props.add(key="latency", value=str(p.latency))
        for name, kind in {"a": T.INT32, **kinds}.items():
            self.outputs.append(_Tensor(f"{p.name}/{name}", kind, p.shape))

    def _activation(self, p: Population) -> None:
        """Append ``a``: int32 additions wrap like those between Lava's Processes."""
        currents = [f"{c.name}/current" for c in self.program.into(p.name)]
        result, total = f"{p.name}/a_now", currents[0] if currents else ""
        if not currents:
            self._plain("Shape", [f"{p.name}/sent"], f"{p.name}/dims")
            zero = helper.make_tensor("zero", T.INT32, [1], [0])
            self._plain("ConstantOfShape", [f"{p.name}/dims"], result, value=zero)
        elif len(currents) == 1:
            self._plain("Identity", currents, result)
        for i, current in enumerate(currents[1:], start=1):
            out = result if i == len(currents) - 1 else f"{p.name}/a_of_{i + 1}"
            self._plain("Add", [total, current], out)
            total = out

    def _rested(self, p: Population, kind: str) -> str:
        """Append a state of ``p`` with its reset; return the name that its equation reads."""
        before, rest = f"{p.name}/{kind}_before", f"{p.name}/{kind}_rest"
        self.states.append((_Tensor(before, T.INT32, p.shape), f"{p.name}/{kind}_now"))
        if self.program.period is None:
            return before
        phase = {"period": self.program.period, "phase": self.program.phase(p)}
        self._own("Reset", [before, "step"], [rest], rest, **phase)
        return rest

    def _register(self, p: Population, name: str) -> str:
        """Store a register so that it broadcasts; one a neuron has a batch axis, to tell."""
        value = expand(getattr(p.neuron, name), p.shape).astype(np.int32)
        per_neuron = np.shape(getattr(p.neuron, name)) == p.shape
        return self._weight(f"{p.name}/{name}", value[None] if per_neuron else value)

    def _own(
        self, op: str, inputs: list[str], outputs: list[str], name: str, **attributes: Any
    ) -> onnx.NodeProto:
        node = helper.make_node(op, inputs, outputs, name=name, domain=DOMAIN, **attributes)
        self.nodes.append(node)
        return node

    def _plain(self, op: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))

    def _weight(self, name: str, array: np.ndarray) -> str:
        self.weights[name] = array
        return name


def _packed(program: Program, c: Connection) -> Packed:
    return pack(c.synapse, program.shape_of(c.source), payload(program, c))


def payload(program: Program, c: Connection) -> int:
    """Return the largest magnitude that ``c`` multiplies its weights with."""
    low, high = program.messages_of(c.source)
    return max(abs(low), abs(high)) if c.graded else 1


def _slots(program: Program, packed: Sequence[Packed]) -> dict[str, int]:
    """Return how many past messages the delays need, for each source that has any."""
    found: dict[str, int] = {}
    for c, synapse in zip(program.connections, packed, strict=True):
        if synapse.delayed:
            found[c.source] = max(found.get(c.source, 1), 1 + max(c.synapse.delays))
    return found
