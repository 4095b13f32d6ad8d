"""The integer operators of a Program file, domain ``spikeport.loihi``, with their bodies."""

from __future__ import annotations

import hashlib
from functools import cache

import onnx
from onnx import AttributeProto as A
from onnx import TensorProto as T

from hwsim._onnx.recorder import Body, Symbol, function, neuron_function
from hwsim._onnx.synapse_ops import synapse_functions
from hwsim.neurons import NEURONS

DOMAIN = "spikeport.loihi"
VERSION = 2


@cache
def functions() -> dict[str, onnx.FunctionProto]:
    """Return every operator by name; neurons come from their own equations."""
    neurons = {name: neuron_function(n, DOMAIN, integer=True) for name, n in NEURONS.items()}
    return {**synapse_functions(DOMAIN), "Reset": _reset(), "Blank": _blank(), **neurons}


@cache
def fingerprints() -> dict[str, str]:
    """Return the fingerprint of every operator by name."""
    return {name: fingerprint(body) for name, body in functions().items()}


def fingerprint(body: onnx.FunctionProto) -> str:
    """Return the sha256 of an operator's body, by which a reader recognises it."""
    return hashlib.sha256(body.SerializeToString(deterministic=True)).hexdigest()


def _reset() -> onnx.FunctionProto:
    """One state: zero in the steps with ``step % period == phase``."""
    body = Body()
    state, step = Symbol(body, "state"), Symbol(body, "step")
    place = body.op("Mod", step, body.attribute("period", A.INT))
    hit = body.op("Equal", place, body.attribute("phase", A.INT))
    body.op("Where", hit, state - state, state, out="rest")
    return function(DOMAIN, "Reset", ["state", "step"], ["rest"], body, ("period", "phase"))


def _blank() -> onnx.FunctionProto:
    """The blank line: 1 in the first ``gap`` steps of every period."""
    body = Body()
    before, step = Symbol(body, "before"), Symbol(body, "step")
    place = body.op("Mod", step - 1, body.attribute("period", A.INT))
    hit = body.op("Less", place, body.attribute("gap", A.INT))
    body.op("Expand", body.cast(hit, T.INT8), body.op("Shape", before), out="s")
    return function(DOMAIN, "Blank", ["before", "step"], ["s"], body, ("period", "gap"))
