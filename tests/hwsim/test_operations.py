"""Tests of what is counted for the baseline: MACs by brute force, states, widths."""

from dataclasses import fields, replace

import numpy as np
import pytest
from draw import networks
from hypothesis import HealthCheck, given, settings

from hwsim import Connection, Cuba, Dense, Input, Population, Program, SigmaDelta, run
from hwsim._report.operations import kept, layers, leaks, macs, widths_of
from hwsim.baseline import sent_of
from hwsim.neurons import Gate

repeatable = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def matrix(synapse, source):
    """Return how many synapses lead from each source neuron to each target neuron."""
    ones = {"weight": np.ones_like(synapse.weight)} if np.ndim(synapse.weight) else {"weight": 1}
    plain = {"exponent": 0, "delay": None}
    known = {f.name for f in fields(synapse)}
    bare = replace(synapse, **ones, **{k: v for k, v in plain.items() if k in known})
    size = int(np.prod(source))
    return bare.deliver(np.eye(size, dtype=np.int64).reshape(size, *source)).reshape(size, -1)


def brute_force(program, frames, trace):
    """Count MACs and effective MACs synapse by synapse and sample by sample."""
    total = effective = 0
    for c in program.connections:
        led_into = {c.target for c in program.connections} | {program.input.name}
        if c.source not in led_into or (program.blank and c.source == program.blank.name):
            continue
        table = matrix(c.synapse, program.shape_of(c.source))
        if table.sum(axis=0).max() <= 1 and table.sum(axis=1).max() <= 1:
            continue
        total += int(table.sum())
        for sample in range(frames.shape[1]):
            if c.source == program.input.name:
                sent = frames[:, sample]
            else:
                phase = program.population(c.source).latency
                sent = trace.spikes[c.source][phase : phase + len(frames), sample]
            fired = sent.reshape(len(sent), -1).any(axis=0)
            effective += int(table[fired].sum())
    return total, effective


@repeatable
@given(net=networks())
def test_macs_are_those_counted_synapse_by_synapse(net):
    trace = run(net.program, net.frames, record="spikes").trace
    sent = sent_of(net.program, net.frames, trace)
    active = {name: each.sum(axis=0) for name, each in sent.items()}
    counted = [macs(net.program, c, active) for c in layers(net.program)]
    expected = brute_force(net.program, net.frames, trace)
    assert tuple(map(sum, zip(*counted, strict=True))) == (expected if counted else ())


@pytest.mark.parametrize(
    ("neuron", "decaying", "states"),
    [
        (Cuba.integrator(64), 0, ["v"]),
        (Cuba.leaky(1024, 64), 1, ["v"]),
        (Cuba(1024, np.array([0, 1]), 64), 2, ["u", "v"]),
        (Cuba(0, 4096, 64), 0, ["u"]),
        (Gate(64), 0, []),
        (SigmaDelta(64), 0, ["sigma", "act", "residue"]),
    ],
)
def test_what_a_neuron_keeps_and_what_decays(neuron, decaying, states):
    assert leaks(neuron) == decaying
    assert [*kept(neuron)] == states


@pytest.mark.parametrize(
    ("weight", "bits"),
    [
        ([-254, 254], 8),  # mixed signs keep even weights
        ([1, 255], 8),
        ([-4, -12], 2),
        ([-128, 127], 8),
        ([1, 1], 1),
        ([-(2**31), 2**31 - 1], 32),
    ],
)
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_a_weight_has_the_bits_that_its_range_needs(weight, bits, dtype):
    program = Program(
        "widths",
        "loihi2",
        Input("in", (2,)),
        (Population("a", (1,), Cuba.integrator(64), 1), Population("b", (1,), Gate(), 2)),
        (
            Connection("in", "a", Dense(np.array([weight], dtype))),
            Connection("a", "b", Dense(np.zeros((1, 1), dtype))),
        ),
        "b",
    )
    assert widths_of(program, 2).weight == bits
