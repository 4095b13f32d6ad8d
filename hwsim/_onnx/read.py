"""ONNX model -> Program, refusing every file that spikeport would not have written."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto as T
from onnx import numpy_helper

from hwsim._onnx.ops import DOMAIN, VERSION, fingerprint, fingerprints, functions
from hwsim._onnx.synapses import Packed, made_anew, operator, unpack
from hwsim._onnx.write import KEPT, LINE, NEURON, OWN, SCHEMA, check_sizes, model_of, payload
from hwsim.errors import FileError, SpikeportError
from hwsim.neurons import NEURONS, registers
from hwsim.program import Blank, Connection, Input, Population, Program, Readout
from hwsim.synapses import Shape

_HINT = "give a program.onnx written by 'spikeport export'"
_DAMAGED = (
    AttributeError, LookupError, ValueError, TypeError, ArithmeticError, StopIteration,
    SpikeportError,
)  # fmt: skip
"""What taking a model apart raises where another one is expected."""
_TENSORS = (T.INT8, T.UINT8, T.INT16, T.INT32, T.INT64)


def program_of(content: bytes, where: str) -> Program:
    """Return the Program in ``content``; ``where`` names the file in errors.

    Raises
    ------
    FileError
        If it is not an ONNX model, not a spikeport program, of another version, damaged, or
        if an operator's body or the graph differs from what spikeport writes.
    """
    model = parse(content, where)
    _check_header(model, where)
    try:
        reader = _Reader(model)
        program = reader.program()
        check_sizes(program)
        reader.check_stored(program)
        same = _canonical(model_of(program)) == _canonical(model)
    except _DAMAGED as error:
        raise FileError(f"{where}: the program in it is damaged: {error}", hint=_HINT) from None
    if not same:
        raise FileError(
            f"{where}: is not the file that spikeport writes for these weights",
            hint="do not edit the file; change the network and export again",
        )
    return program


def parse(content: bytes, where: str) -> onnx.ModelProto:
    """Return ``content`` as an ONNX model that carries metadata, or raise FileError."""
    try:
        model = onnx.load_model_from_string(content)
    except (DecodeError, ValueError):
        model = onnx.ModelProto()
    if not model.graph.node:
        raise FileError(f"{where}: is not an ONNX model, or is truncated", hint=_HINT)
    texts = [text for p in model.metadata_props for text in (p.key, p.value)]
    texts += [value.name for value in model.graph.output]
    if not all(isinstance(text, str) for text in texts):  # bytes where they are not UTF-8
        raise FileError(f"{where}: is damaged: a name in it is no text", hint=_HINT)
    return model


def _check_header(model: onnx.ModelProto, where: str) -> None:
    props = metadata(model)
    schema = props.get("spikeport.schema", "none")
    if schema != SCHEMA:
        raise FileError(f"{where}: is not a program: schema {schema}, not {SCHEMA}", hint=_HINT)
    version = next((o.version for o in model.opset_import if o.domain == DOMAIN), None)
    if version != VERSION:
        raise FileError(
            f"{where}: holds operators of {DOMAIN} version {version}, this is version {VERSION}",
            hint="export the network again from its checkpoint",
        )
    known = dict(fingerprints())
    for body in model.functions:
        if known.pop(body.name, None) != fingerprint(body):
            raise FileError(
                f"{where}: operator {body.domain}.{body.name} does not have the registered body",
                hint="its results would not be the chip's; export again",
            )


def metadata(model: onnx.ModelProto) -> dict[str, str]:
    """Return the texts that the model carries."""
    return {p.key: p.value for p in model.metadata_props}


class _Reader:
    """Takes a time step apart again, each tensor once, so that a file cannot grow in memory."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.props = metadata(model)
        scan = next(n for n in model.graph.node if n.op_type == "Scan")
        self.step = next(a.g for a in scan.attribute if a.name == "body")
        self.source = model.graph.input[0].name.removesuffix("/spikes")
        self.weights = {w.name: w for w in model.graph.initializer}
        self.shapes = {v.name: _dims(v)[1:] for v in self.step.input}
        self.stored: dict[Connection, tuple[str, dict[str, Shape]]] = {}

    def program(self) -> Program:
        """Return the whole."""
        own = [n for n in self.step.node if n.domain == DOMAIN]
        neurons = [n for n in own if n.op_type in NEURONS]
        synapses = [n for n in own if n.op_type not in (*NEURONS, "Reset", "Blank")]
        period = self.props.get(f"{OWN}period")
        return Program(
            name=self.props[f"{OWN}name"],
            chip=self.props[f"{OWN}chip"],
            input=Input(
                self.source,
                self._shape_of(self.source),
                int(self.props[f"{OWN}input.low"]),
                int(self.props[f"{OWN}input.high"]),
            ),
            populations=tuple(self._population(n) for n in neurons),
            connections=tuple(self._connection(n) for n in synapses),
            output=self.props[f"{OWN}output"],
            readout=Readout(self.props[f"{OWN}readout"]),
            period=None if period is None else int(period),
            blank=self._blank([n for n in own if n.op_type == "Blank"]),
            metadata=_kept(self.props),
        )

    def _shape_of(self, name: str) -> tuple[int, ...]:
        """Return the shape of what a line or population sends."""
        return self.shapes[f"{name}/sent"]

    def _blank(self, nodes: list[onnx.NodeProto]) -> Blank | None:
        if not nodes:
            return None
        return Blank(nodes[0].name.removesuffix(LINE), _attributes(nodes[0])["gap"])

    def _population(self, node: onnx.NodeProto) -> Population:
        kind, name = NEURONS[node.op_type], node.name.removesuffix(NEURON)
        shape = self._shape_of(name)
        values = {r: _parameter(self._take(f"{name}/{r}"), shape) for r in registers(kind)}
        return Population(name, shape, kind(**values), int(_texts(node)["latency"]))

    def _connection(self, node: onnx.NodeProto) -> Connection:
        ends, attributes = _texts(node), _attributes(node)
        source = self._shape_of(ends["source"])
        inputs = zip(functions()[node.op_type].input, node.input, strict=True)
        tensors = {key: self._take(name) for key, name in inputs if key != "s"}
        synapse = unpack(Packed(node.op_type, tensors, attributes), source)
        graded = bool(attributes["graded"])
        connection = Connection(ends["source"], ends["target"], synapse, graded, ends["label"])
        found = {name: tensor.shape for name, tensor in tensors.items()}
        self.stored[connection] = node.op_type, found
        return connection

    def _take(self, name: str) -> np.ndarray:
        tensor = self.weights.pop(name, T())
        if tensor.data_type not in _TENSORS or not tensor.HasField("raw_data"):
            raise ValueError(f"there is no tensor {name} that holds integers itself, used once")
        return numpy_helper.to_array(tensor)

    def check_stored(self, program: Program) -> None:
        """Raise ValueError where the file lacks what writing ``program`` would make anew.

        A few numbers can declare terabytes of it.
        """
        for c in program.connections:
            op, found = self.stored[c]
            if op != operator(c.synapse, payload(program, c)):
                raise ValueError(f"{c.name}: {op} is not the operator for these weights")
            for name, shape in made_anew(op, c.synapse, program.shape_of(c.source)).items():
                if found[name] != shape:
                    raise ValueError(f"{c.name}: {name} has shape {found[name]}, not {shape}")


def _kept(props: dict[str, str]) -> dict[str, str]:
    """Return a Program's own metadata."""
    return {
        key.removeprefix(KEPT): value
        for key, value in props.items()
        if key.startswith(KEPT) or not key.startswith(OWN)
    }


def _texts(node: onnx.NodeProto) -> dict[str, str]:
    return {p.key: p.value for p in node.metadata_props}


def _parameter(array: np.ndarray, shape: tuple[int, ...]) -> Any:
    """Return a stored register as a scalar, one value a channel, or one a neuron."""
    if array.ndim == 0:
        return int(array)
    return array[0] if array.ndim > len(shape) else array.reshape(-1)


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def _dims(value: onnx.ValueInfoProto) -> tuple[int, ...]:
    return tuple(d.dim_value for d in value.type.tensor_type.shape.dim)


def _canonical(model: onnx.ModelProto) -> bytes:
    return model.SerializeToString(deterministic=True)
