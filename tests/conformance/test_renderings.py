"""Every registered neuron through every rendering of its one equation, on random registers.

Real Lava joins in tests/snnexport/lava, where a stock Process exists.
"""

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import TensorProto as T
from onnx import helper

from hwsim._onnx.recorder import IR_VERSION, OPSET, neuron_function
from hwsim.arith import STATE_LIMIT, Integer, to_state
from hwsim.neurons import NEURONS, registers
from snntrain.neurons import INTEGER, Real, Surrogate

NEURONS_WIDE, STEPS = 200, 60
DOMAIN = "test"


def draw(kind, rng):
    """Registers over their whole range, corners included."""
    values = {}
    for name, spec in registers(kind).items():
        low, high, step = spec["low"], spec["high"], spec["step"]
        drawn = rng.integers(low // step, high // step, NEURONS_WIDE, endpoint=True) * step
        drawn[:4] = [low, high, min(max(0, low), high), high]
        if name == "bias":
            drawn[20:] = rng.integers(-(2**16), 2**16, NEURONS_WIDE - 20)
        if name == "threshold":
            drawn[20:] = 64 * rng.integers(0, 60_000, NEURONS_WIDE - 20)
        values[name] = drawn.astype(np.int64)
    return kind(**values)


def activations(rng):
    """Mostly ordinary, sometimes far outside 24 bits, sometimes outside 32."""
    ordinary = rng.integers(-3000, 4000, (STEPS, NEURONS_WIDE))
    huge = rng.integers(-(2**31), 2**31, (STEPS, NEURONS_WIDE))
    near = rng.integers(2**16, 2**18, (STEPS, NEURONS_WIDE))
    pick = rng.random((STEPS, NEURONS_WIDE))
    return np.where(pick < 0.02, huge, np.where(pick < 0.1, near, ordinary))


def run_numpy(neuron, a):
    u = v = np.zeros(NEURONS_WIDE, np.int64)
    out = []
    for x in a:
        s, (u, v) = neuron.step(Integer(), (u, v), to_state(x))
        out.append((s, u, v))
    return np.array(out)


def run_torch(neuron, a):
    fields = {n: torch.as_tensor(x) for n, x in vars(neuron).items()}
    neuron = type(neuron)(**fields)
    u = v = torch.zeros(NEURONS_WIDE, dtype=torch.int64)
    out = []
    for x in torch.as_tensor(a):
        s, (u, v) = neuron.step(INTEGER, (u, v), to_state(x))
        out.append(torch.stack([s, u, v]).numpy())
    return np.array(out)


def run_onnxruntime(neuron, a):
    kind = type(neuron)
    function = neuron_function(kind, DOMAIN, integer=True)
    names = list(function.input)
    types = [T.INT32] * len(names)
    infos = [helper.make_tensor_value_info(n, t, None) for n, t in zip(names, types, strict=True)]
    outs = [helper.make_tensor_value_info(n, t, None)
            for n, t in zip(function.output, (T.INT8, T.INT32, T.INT32), strict=True)]  # fmt: skip
    node = helper.make_node(kind.__name__, names, list(function.output), domain=DOMAIN)
    model = helper.make_model(
        helper.make_graph([node], "one", infos, outs),
        functions=[function],
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, 1)],
        ir_version=IR_VERSION,
    )
    session = onnxruntime.InferenceSession(model.SerializeToString())
    fixed = {n: x.astype(np.int32) for n, x in vars(neuron).items()}
    u = v = np.zeros(NEURONS_WIDE, np.int32)
    out = []
    for x in a.astype(np.int32):
        s, u, v = session.run(None, {"a": x, "u": u, "v": v, **fixed})
        out.append(np.stack([s.astype(np.int64), u, v]))
    return np.array(out)


@pytest.mark.parametrize("name", sorted(NEURONS))
@pytest.mark.parametrize("seed", range(5))
def test_numpy_torch_and_onnxruntime_compute_the_same_registers(name, seed):
    rng = np.random.default_rng(seed)
    neuron, a = draw(NEURONS[name], rng), activations(rng)
    expected = run_numpy(neuron, a)
    assert (run_torch(neuron, a) == expected).all()
    assert (run_onnxruntime(neuron, a) == expected).all()
    spikes, u, v = expected[:, 0], expected[:, 1], expected[:, 2]
    assert 0.005 < spikes.mean() < 0.9, "the draw exercises the threshold"
    assert (np.abs(v) == STATE_LIMIT - 1).any(), "and saturation of v"
    assert (np.abs(u) > STATE_LIMIT).any(), "and a current that one fold leaves outside 24 bits"


@pytest.mark.parametrize("name", sorted(NEURONS))
def test_real_rendering_follows_the_integers_within_their_rounding(name):
    rng = np.random.default_rng(1)
    a = rng.integers(-300, 400, (STEPS, NEURONS_WIDE))
    kind = NEURONS[name]
    integer = kind(decay_u=1024, decay_v=512, threshold=64 * 131072, bias=640)
    real = kind(decay_u=0.25, decay_v=0.125, threshold=131072.0 * 64, bias=640.0)
    u = v = torch.zeros(NEURONS_WIDE, dtype=torch.float64)
    expected = run_numpy(integer, a)
    for step, x in enumerate(a):
        current = torch.as_tensor(to_state(x)).double()
        _, (u, v) = real.step(Real(Surrogate(1.0)), (u, v), current)
        # each step truncates u and v by less than 1, and a leak of d forgets that in 1/d steps
        assert np.abs(expected[step, 1] - u.numpy()).max() < 4
        assert np.abs(expected[step, 2] - v.numpy()).max() < 4 / 0.125 + 8
