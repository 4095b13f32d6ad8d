"""Every registered neuron through every rendering of its one equation, on random registers.

Real Lava joins in tests/snnexport/lava, where a stock Process exists.
"""

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import TensorProto as T
from onnx import helper
from onnx.reference import ReferenceEvaluator

from hwsim._onnx.recorder import IR_VERSION, OPSET, element_type, neuron_function
from hwsim.arith import WORD, Integer
from hwsim.engines.base import message_type
from hwsim.neurons import NEURONS, registers
from snnexport.formats.onnx import network_bytes
from snnexport.graph import Edge, Graph, Layer, Linear
from snnexport.interpret import interpret
from snntrain.neurons import INTEGER, Real
from snntrain.surrogates import FastSigmoid

WIDTH, STEPS = 300, 40
DOMAIN = "test"


def spread(rng, low, high, step=1):
    """Corners, then half of the values anywhere in the range and half of any magnitude."""
    anywhere = rng.integers(low // step, high // step, WIDTH, endpoint=True) * step
    magnitude = np.exp2(rng.uniform(0, 32, WIDTH)).astype(np.int64) * rng.choice([-1, 1], WIDTH)
    values = np.where(rng.random(WIDTH) < 0.5, anywhere, magnitude // step * step)
    values[:3] = [low, high, 0]
    return np.clip(values, low, high).astype(np.int64)


def draw(kind, rng):
    """Registers and a state over their whole range."""
    specs = {n: (s["low"], s["high"], s["step"]) for n, s in registers(kind).items()}
    neuron = kind(**{name: spread(rng, *spec) for name, spec in specs.items()})
    return neuron, tuple(spread(rng, *limits) for limits in kind.STATE.values())


def activations(rng):
    return np.stack([spread(rng, *WORD) for _ in range(STEPS)])


class Watching(Integer):
    """Remembers, for each place in the equation that bounds a value, whether it ever did."""

    def __init__(self):
        super().__init__()
        self.bounded, self.given, self.place = {}, None, 0

    def start(self, x):
        self.given, self.place = x, 0

    def _watch(self, name, x, y, lossless):
        if x is not self.given:  # a 32-bit activation fits every register that takes it whole
            key = (self.place, name)
            self.bounded[key] = self.bounded.get(key, False) | bool((lossless != y).any())
            self.place += 1
        return y

    def wrap(self, x):
        return self._watch("wrap", x, super().wrap(x), x)

    def wrap32(self, x):
        return self._watch("wrap32", x, super().wrap32(x), x)

    def clip(self, x):
        return self._watch("clip", x, super().clip(x), x)

    def shift_left(self, x, bits):
        return self._watch("shift_left", x, super().shift_left(x, bits), x << bits)


def run(neuron, arithmetic, state, inputs):
    """Messages and states of every step, (steps, 1 + states, n)."""
    out = []
    for x in inputs:
        x = x << neuron.INPUT_SHIFT
        if isinstance(arithmetic, Watching):
            arithmetic.start(x if neuron.INPUT_SHIFT == 0 else None)
        s, state = neuron.step(arithmetic, state, x)
        out.append([np.asarray(y) for y in (s, *state)])
    return np.array(out)


def on_torch(neuron, kind=torch.int64):
    return type(neuron)(**{n: torch.as_tensor(x).to(kind) for n, x in vars(neuron).items()})


def one_node(kind, *, integer):
    """A model of one step: the neuron's operator alone."""
    function = neuron_function(kind, DOMAIN, integer=integer)
    wide = T.INT32 if integer else T.FLOAT
    message = element_type(kind.MESSAGES) if integer else T.FLOAT
    types = [message, *[wide] * len(kind.STATE)]
    infos = [helper.make_tensor_value_info(n, wide, None) for n in function.input]
    outs = [
        helper.make_tensor_value_info(n, t, None)
        for n, t in zip(function.output, types, strict=True)
    ]
    names = list(function.input), list(function.output)
    node = helper.make_node(kind.__name__, *names, domain=DOMAIN)
    return helper.make_model(
        helper.make_graph([node], "one", infos, outs),
        functions=[function],
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, 1)],
        ir_version=IR_VERSION,
    )


def run_file(session, neuron, state, inputs, kind=np.int32):
    """The same as :func:`run`, by something that executes :func:`one_node`."""
    fixed = {n: np.asarray(x).astype(kind) for n, x in vars(neuron).items()}
    values, out = [x.astype(kind) for x in state], []
    for x in inputs:
        named = dict(zip(neuron.STATE, values, strict=True))
        s, *values = session.run(None, {"a": x.astype(kind), **named, **fixed})
        out.append([s, *values])
    return np.array(out)


@pytest.mark.parametrize("name", sorted(NEURONS))
@pytest.mark.parametrize("seed", range(3))
def test_numpy_torch_and_onnxruntime_compute_the_same_registers(name, seed):
    rng = np.random.default_rng(seed)
    kind = NEURONS[name]
    (neuron, state), inputs, watch = draw(kind, rng), activations(rng), Watching()
    expected = run(neuron, watch, state, inputs)
    tensors = tuple(torch.as_tensor(x) for x in state)
    assert (run(on_torch(neuron), INTEGER, tensors, torch.as_tensor(inputs)) == expected).all()
    model = one_node(kind, integer=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    assert (run_file(session, neuron, state, inputs) == expected).all()
    evaluator = ReferenceEvaluator(model)
    assert (run_file(evaluator, neuron, state, inputs[:4]) == expected[:4]).all()
    assert all(watch.bounded.values()), f"every wrap and saturation happens: {watch.bounded}"
    messages, (low, high) = expected[:, 0], kind.MESSAGES
    assert (low <= messages).all()
    assert (messages <= high).all()
    assert ((messages < 0).any(), (messages > 0).any()) == (low < 0, high > 0)


def plain(kind, rng):
    """Registers of ordinary size with which integers never round, as integers and as reals."""
    exact, real = {}, {}
    for name, spec in registers(kind).items():
        low, high, step = max(spec["low"], -9600), min(spec["high"], 9600), spec["step"]
        values = rng.integers(-(-low // step), high // step, WIDTH, endpoint=True) * step
        fraction = spec["unit"] == "1/4096 per step"
        if fraction:
            values = 4096 * rng.integers(0, 2, WIDTH)
        if spec["unit"] == "bits":
            values[:] = 0
        exact[name], real[name] = values, values / 4096 if fraction else values
    return kind(**exact), kind(**real)


@pytest.mark.parametrize("name", sorted(NEURONS))
def test_reals_compute_the_same_where_integers_do_not_round_wrap_or_saturate(name):
    rng = np.random.default_rng(1)
    kind = NEURONS[name]
    exact, real = plain(kind, rng)
    inputs = rng.integers(-40, 60, (STEPS, WIDTH))
    rest = (np.zeros(WIDTH, np.int64),) * len(kind.STATE)
    watch = Watching()
    expected = run(exact, watch, rest, inputs)
    assert not any(watch.bounded.values())
    state = tuple(torch.zeros(WIDTH, dtype=torch.float64) for _ in rest)
    fixed, found = on_torch(real, torch.float64), []
    for x in torch.as_tensor(inputs << kind.INPUT_SHIFT).double():
        s, state = fixed.step(Real(FastSigmoid(1.0)), state, x)
        found.append([y.numpy() for y in (s, *state)])
    assert (np.array(found) == expected).all()


@pytest.mark.parametrize("name", sorted(NEURONS))
def test_the_float_operator_computes_a_step_of_the_reals(name):
    rng = np.random.default_rng(2)
    kind = NEURONS[name]
    _, real = plain(kind, rng)
    reals = {n: x + rng.random(WIDTH) * 0.9 for n, x in vars(real).items()}
    whole = [n for n, spec in registers(kind).items() if (spec["low"], spec["high"]) == (0, 1)]
    real = kind(**{**reals, **{n: vars(real)[n] for n in whole}})
    session = onnxruntime.InferenceSession(one_node(kind, integer=False).SerializeToString())
    fixed, step = on_torch(real, torch.float32), Real(FastSigmoid())
    state = tuple(rng.normal(0, 3000, WIDTH).astype(np.float32) for _ in kind.STATE)
    for x in rng.normal(0, 3000, (STEPS, WIDTH)).astype(np.float32):
        s, after = fixed.step(step, tuple(map(torch.as_tensor, state)), torch.as_tensor(x))
        found = run_file(session, real, state, x[None], np.float32)[0]
        # both compute in float32; products and powers may round in another order
        np.testing.assert_allclose(found, np.array([s, *after]), rtol=1e-5, atol=1e-2)
        state = tuple(np.asarray(y) for y in after)


@pytest.mark.parametrize("name", sorted(NEURONS))
def test_a_layer_of_any_neuron_is_interpreted_and_written_to_the_float_file(name):
    rng = np.random.default_rng(3)
    exact, real = plain(NEURONS[name], rng)
    weight, frames = rng.integers(-9, 9, (WIDTH, 5)), rng.integers(-4, 5, (STEPS, 2, 5))
    edges = (Edge("in", "fc", (Linear(weight),)),)
    layer = Layer("cell", (WIDTH,), real, edges)
    graph = Graph("one", "in", (5,), (layer,), "cell", STEPS)
    session = onnxruntime.InferenceSession(network_bytes(graph))
    (found,) = session.run(None, {"in/spikes": frames.astype(np.float32)})
    # integers below 2**24 are exact in float32 and in float64
    assert (found == interpret(graph, frames).spikes["cell"]).all()
    quantized = replace(graph, layers=(replace(layer, neuron=exact, scale=np.ones(1)),))
    rest = (np.zeros((2, WIDTH), np.int64),) * len(exact.STATE)
    expected = run(exact, Integer(), rest, frames @ weight.T)[:, 0]
    spikes = interpret(quantized, frames).spikes["cell"]
    assert (spikes == expected).all()
    assert spikes.dtype == message_type(exact.MESSAGES)
