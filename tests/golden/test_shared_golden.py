"""Replays traces of single Lava Processes kept beside the repository, if they are there."""

import csv
from pathlib import Path

import numpy as np
import pytest

from hwsim.arith import ACTIVATION_SHIFT, scale_sum, truncate_weights
from hwsim.engines.reference import drive
from hwsim.files import read_npz
from hwsim.neurons import Cuba, Ternary
from hwsim.program import Population
from hwsim.synapses import Conv2d, Dense, Sparse

FOLDER = Path(__file__).parents[3] / "shared" / "golden"
FILES = sorted((FOLDER / "lava").glob("*.npz"))
needs_files = pytest.mark.skipif(
    not FILES, reason="there is no shared/golden beside the repository"
)


def rows(array):
    """Put the time axis, last in the files, first, and add a batch of one."""
    return np.moveaxis(np.asarray(array), -1, 0)[:, None].astype(np.int64)


def parameter(a, name, default):
    return a.get(f"p_{name}", np.array(default))


def delivered(synapse, a):
    """Activations (steps, 1, *target): what earlier spikes cause, 0 in the first step."""
    sent = rows(a["inp"])
    if int(parameter(a, "num_message_bits", 0)) == 0:
        sent = (sent != 0).astype(np.int64)
    if isinstance(synapse, Conv2d):
        sent = sent.transpose(0, 1, 4, 3, 2)  # WHC -> CHW
    return sum(
        late(np.stack([part.deliver(frame) for frame in sent]), 1 + delay)
        for delay, part in synapse.parts()
    )


def late(array, steps):
    """Shift ``array`` by ``steps`` along its first axis, zeros first."""
    return np.concatenate([np.zeros_like(array[:steps]), array[:-steps]])[: len(array)]


def dense(a, weight="w", kind=Dense):
    kept = truncate_weights(a[weight], int(parameter(a, "num_weight_bits", 8)))
    return kind(kept, int(parameter(a, "weight_exp", 0)), a.get("delays"))


def conv(a):
    """The Conv2d of a file: the kernel (O, kW, kH, C) is flipped, pairs are (W, H)."""

    def pair(name, default):
        return tuple(map(int, np.broadcast_to(parameter(a, name, default), 2)[::-1]))

    weight = np.asarray(a["w"]).astype(np.int64).transpose(0, 3, 2, 1)[:, :, ::-1, ::-1]
    geometry = [pair(name, default) for name, default in GEOMETRY]
    return Conv2d(weight, *geometry, groups=int(parameter(a, "groups", 1)))


GEOMETRY = (("stride", 1), ("padding", 0), ("dilation", 1))
SYNAPSES = ("dense", "sparse", "delaydense", "delaysparse", "graded", "conv")


def replay(a, activations, shape):
    """Drive one population with the parameters of a file and compare spikes, u and v."""
    mantissa = parameter(a, "bias_mant", 0).astype(np.int16).astype(np.int64)  # Lava wraps here
    shared = {
        "decay_u": parameter(a, "du", 0) + 1,
        "decay_v": parameter(a, "dv", 0),
        "bias": np.vectorize(scale_one)(mantissa, parameter(a, "bias_exp", 0)),
    }
    if "p_vth_lo" in a:
        low, high = (a[f"p_vth_{end}"] << ACTIVATION_SHIFT for end in ("lo", "hi"))
        neuron = Ternary(threshold=high, threshold_low=low, **shared)
    else:
        threshold = parameter(a, "vth", 10).astype(np.int64) << ACTIVATION_SHIFT
        neuron = Cuba(threshold=threshold, **shared)
    initial = [np.broadcast_to(parameter(a, k, 0), (1, *shape)) for k in "uv"]
    reset = None
    if "p_reset_interval" in a:
        interval = int(a["p_reset_interval"])
        reset = interval, int(a["p_reset_offset"]) % interval
    trace = drive(Population("n", shape, neuron, 0), activations, initial=initial, reset=reset)
    for key, found in (("s_0", trace.spikes), ("u_0", trace.u), ("v_0", trace.v)):
        np.testing.assert_array_equal(found["n"], rows(a[key]), err_msg=key)


def scale_one(mantissa, exponent):
    return int(scale_sum(np.array(mantissa), int(exponent)))


def recurrent(a):
    """One population fed by an input and by itself, a step later."""
    inside, back, shape = dense(a, "w_in"), dense(a, "w_rec"), a["s_0"].shape[:1]
    fired = rows(a["s_0"])
    past = np.concatenate([np.zeros_like(fired[:1]), fired[:-1]])
    activations = delivered(inside, a) + np.stack([back.deliver(s) for s in past])
    np.testing.assert_array_equal(activations, rows(a["a_0"]))
    replay(a, activations, shape)


@needs_files
@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_machine_reproduces_shared_trace_of_real_lava(file):
    a = read_npz(file)
    kind = file.stem.split("_")[0]
    if kind == "recurrent":
        recurrent(a)
    elif kind in ("lif", "lifreset", "ternary"):
        replay(a, rows(a["a_0"]), a["a_0"].shape[:-1])
    else:
        assert kind in SYNAPSES, f"what is {file.name}?"
        single = Sparse.of if "sparse" in file.stem else Dense
        synapse = conv(a) if kind == "conv" else dense(a, kind=single)
        found = delivered(synapse, a)
        wanted = rows(a["a_0"])
        if kind == "conv":
            wanted = wanted.transpose(0, 1, 4, 3, 2)
        np.testing.assert_array_equal(found, wanted)
        if "s_0" in a:
            replay(a, found, a["s_0"].shape[:-1])


@needs_files
def test_all_shared_traces_are_there():
    assert len(FILES) == 74


@needs_files
def test_machine_reproduces_the_published_fixed_point_trace_of_one_neuron():
    # NIR's eleven-platform figure: weight 10, du 4095, dv 163, vth 25, one step of latency
    with (FOLDER / "nir_lif" / "lif_lava_cpu_fixed.csv").open() as file:
        table = np.array(list(csv.reader(file)), float)
    sent, voltage, spikes = table.T.astype(np.int64)
    activations = 10 * np.concatenate([[0], sent[:-1]])
    neuron = Cuba(decay_u=4096, decay_v=163, threshold=25 << ACTIVATION_SHIFT)
    trace = drive(Population("n", (1,), neuron, 0), activations.reshape(-1, 1, 1))
    np.testing.assert_array_equal(trace.spikes["n"].ravel(), spikes)
    np.testing.assert_array_equal(trace.v["n"].ravel(), voltage)
    assert spikes.sum() > 0
