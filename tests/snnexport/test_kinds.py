"""Every kind of network, from torch to the machine: each step against the one before it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from networks import KINDS, network_of
from random_modules import HIGHEST, random_module
from streams import differences, stream

import hwsim
from hwsim import load_chip, run
from hwsim.errors import CheckError
from hwsim.program import Program, expand
from snnexport import Calibration, capture, code_input, fold, lower, oracle, quantize
from snnexport.interpret import interpret
from snnexport.lava.many import run_many
from snntrain.layers import unroll

CLOSE = 1e-9
"""A voltage nearer to its threshold than this may fire in one order of sums and not another."""


@cache
def of_kind(kind):
    """The folded graph of a kind, its integers for loihi2, its program, and coded input."""
    module, frames = network_of(kind)
    folded = fold(capture(module, frames, name=kind))
    chip = load_chip("loihi2")
    integers = quantize(folded, chip, Calibration(0, 16))
    return integers, lower(integers, chip), coded(integers, frames)


def coded(graph, frames):
    x = code_input(frames.numpy(), graph.step)
    return x.reshape(*x.shape[:2], *graph.input_shape)


@pytest.mark.parametrize("engine", ["reference", "native"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_answers_as_the_integers_of_each_sample_alone(kind, engine):
    graph, program, x = of_kind(kind)
    assert differences(graph, program, x, engine) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_is_tested_on_silence(kind):
    graph, _, x = of_kind(kind)
    rates = [interpret(graph, x).spikes[p.name].astype(bool).mean() for p in graph.layers[:-1]]
    assert min(rates) > 0.005


@pytest.mark.parametrize("kind", KINDS)
def test_a_program_survives_its_file_byte_for_byte(kind, tmp_path):
    _, program, _ = of_kind(kind)
    program.save(tmp_path / "program.onnx")
    assert Program.load(tmp_path / "program.onnx").to_bytes() == program.to_bytes()


@pytest.mark.parametrize("kind", ["sew-gates", "recurrent", "delayed", "joined"])
def test_onnxruntime_executes_a_program_as_the_machine_does(kind):
    _, program, x = of_kind(kind)
    judged = stream(program, x[:, :2])
    expected = run(program, judged, record="spikes").trace.spikes
    assert _unequal(oracle.run(program, judged).spikes, expected) == {}


def _unequal(theirs, ours):
    """How many spikes differ, by the populations where any do."""
    assert theirs.keys() == ours.keys()
    counts = {name: int((theirs[name] != spikes).sum()) for name, spikes in ours.items()}
    return {name: count for name, count in counts.items() if count}


def test_real_lava_fires_the_spikes_of_the_machine():
    kinds = ["sew-gates", "recurrent", "delayed", "membrane shortcut"]
    cases = [(p, stream(p, x[:, :2])) for _, p, x in map(of_kind, kinds)]
    for (program, x), trace in zip(cases, run_many(cases, record="spikes"), strict=True):
        assert not isinstance(trace, Exception), trace
        expected = run(program, x, record="spikes").trace.spikes
        assert _unequal(trace.spikes, expected) == {}, program.name


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 9))
def test_random_modules_answer_alike_in_torch_captured_folded_and_on_the_machine(seed, size):
    module, frames = random_module(seed, size)
    expected = unroll(module, frames).detach().numpy()
    graph = capture(module, frames)
    captured = interpret(graph, frames.numpy())
    assume(_margin(graph, captured) > CLOSE)
    kind = captured.spikes if graph.readout is hwsim.Readout.COUNT else captured.voltages
    answer = kind[graph.output].reshape(expected.shape)
    assert np.abs(answer - expected).max() <= CLOSE * max(1, np.abs(expected).max())
    folded = fold(graph)
    after = interpret(folded, frames.numpy())
    for layer in graph.layers:
        one, other = captured.spikes[layer.name], after.spikes[layer.name]
        assert np.allclose(one, other, rtol=0, atol=CLOSE if layer.is_sum else 0), layer.name
    for name in ("loihi1", "loihi2"):
        _equals_the_machine(folded, frames, load_chip(name))


def _margin(graph, activity):
    """The smallest distance of a voltage from its threshold."""
    found = [np.inf]
    for layer in graph.layers:
        threshold = getattr(layer.neuron, "threshold", None)
        if threshold is not None and "v" in layer.neuron.STATE:
            v = activity.voltages[layer.name]
            found.append(np.abs(v - expand(threshold, layer.shape)).min())
    return min(found)


def _equals_the_machine(folded, frames, chip):
    try:
        graph = quantize(folded, chip, Calibration(0, HIGHEST))
        program = lower(graph, chip)
    except CheckError:  # such as sums on a chip without relays
        return
    x = coded(graph, frames)
    for engine in ("reference", "native"):
        assert differences(graph, program, x, engine) == {}
