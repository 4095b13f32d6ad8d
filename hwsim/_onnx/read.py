"""ONNX model -> Program, refusing every file that spikeport would not have written."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import numpy_helper

from hwsim._onnx.ops import DOMAIN, VERSION, fingerprint, functions
from hwsim._onnx.write import SCHEMA, model_of
from hwsim.errors import FileError, SpikeportError
from hwsim.neurons import NEURONS, registers
from hwsim.program import Connection, Input, Population, Program, Readout
from hwsim.synapses import Conv2d, Dense, SumPool2d, Synapse

_HINT = "give a program.onnx written by 'spikeport export'"
_OWN = "spikeport."


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
        program = _Reader(model).program()
        same = _canonical(model_of(program)) == _canonical(model)
    except (KeyError, ValueError, OverflowError, StopIteration, SpikeportError) as error:
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
    return model


def _check_header(model: onnx.ModelProto, where: str) -> None:
    props = metadata(model)
    schema = props.get("spikeport.schema", "none")
    if schema != SCHEMA:
        raise FileError(f"{where}: is not a program: schema {schema}, not {SCHEMA}", hint=_HINT)
    version = next((o.version for o in model.opset_import if o.domain == DOMAIN), None)
    if version != VERSION:
        raise FileError(f"{where}: {DOMAIN} version {version}, not {VERSION}", hint=_HINT)
    known = functions()
    for body in model.functions:
        wanted = known.get(body.name)
        if wanted is None or fingerprint(wanted) != fingerprint(body):
            raise FileError(
                f"{where}: operator {body.domain}.{body.name} does not have the registered body",
                hint="its results would not be the chip's; export again",
            )
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:  # the checker raises classes of several C++ modules
        reason = str(error).strip().splitlines()[0]
        raise FileError(f"{where}: is not a valid ONNX model: {reason}", hint=_HINT) from None


def metadata(model: onnx.ModelProto) -> dict[str, str]:
    """Return the texts that the model carries."""
    return {p.key: p.value for p in model.metadata_props}


class _Reader:
    """Takes a time step apart again."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.props = metadata(model)
        scan = next(n for n in model.graph.node if n.op_type == "Scan")
        self.step = next(a.g for a in scan.attribute if a.name == "body")
        self.source = model.graph.input[0]
        self.weights = {w.name: numpy_helper.to_array(w) for w in model.graph.initializer}
        self.shapes = {v.name: _dims(v)[1:] for v in self.step.input}

    def program(self) -> Program:
        own = [n for n in self.step.node if n.domain == DOMAIN]
        neurons = [n for n in own if n.op_type in NEURONS]
        resets = [_attributes(n) for n in own if n.op_type == "Reset"]
        synapses = [n for n in own if n.op_type not in NEURONS and n.op_type != "Reset"]
        return Program(
            name=self.props["spikeport.name"],
            chip=self.props["spikeport.chip"],
            input=Input(
                self.source.name.removesuffix("/spikes"),
                _dims(self.source)[2:],
                int(self.props["spikeport.input.low"]),
                int(self.props["spikeport.input.high"]),
            ),
            populations=tuple(self._population(n) for n in neurons),
            connections=tuple(self._connection(n) for n in synapses),
            output=self.props["spikeport.output"],
            readout=Readout(self.props["spikeport.readout"]),
            period=resets[0]["period"] if resets else None,
            metadata={k: v for k, v in self.props.items() if not k.startswith(_OWN)},
        )

    def _population(self, node: onnx.NodeProto) -> Population:
        kind = NEURONS[node.op_type]
        shape = self.shapes[f"{node.name}/u_before"]
        values = {r: _parameter(self.weights[f"{node.name}/{r}"], shape) for r in registers(kind)}
        latency = next(p.value for p in node.metadata_props if p.key == "latency")
        return Population(node.name, shape, kind(**values), int(latency))

    def _connection(self, node: onnx.NodeProto) -> Connection:
        ends = {p.key: p.value for p in node.metadata_props}
        attributes = _attributes(node)
        mantissa = self.weights[f"{node.name}/weight"]
        synapse = _synapse(node.op_type, mantissa, attributes)
        return Connection(ends["source"], ends["target"], synapse, bool(attributes["graded"]))


def _synapse(kind: str, mantissa: np.ndarray, attributes: dict[str, Any]) -> Synapse:
    gain = attributes["gain"]
    if kind == "Dense":
        exponent = attributes["multiplier"].bit_length() - attributes["divisor"].bit_length()
        return Dense(mantissa.astype(np.int32) * gain, exponent)
    stride, padding = tuple(attributes["strides"]), tuple(attributes["pads"][:2])
    if kind == "SumPool2d":
        return SumPool2d(mantissa.shape[2:], stride, padding, gain)
    dilation = tuple(attributes["dilations"])
    weight = mantissa.astype(np.int32) * gain
    return Conv2d(weight, stride, padding, dilation, attributes["group"])


def _parameter(array: np.ndarray, shape: tuple[int, ...]) -> Any:
    """Return a stored register as a scalar, one value a channel, or one a neuron."""
    if array.ndim == 0:
        return int(array)
    return array if array.shape == shape else array.reshape(-1)


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def _dims(value: onnx.ValueInfoProto) -> tuple[int, ...]:
    return tuple(d.dim_value for d in value.type.tensor_type.shape.dim)


def _canonical(model: onnx.ModelProto) -> bytes:
    return model.SerializeToString(deterministic=True)
