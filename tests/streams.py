"""Samples streamed back to back through a program, and what each population did in its window."""

from __future__ import annotations

import numpy as np

from hwsim import run
from snnexport.interpret import interpret


def stream(program, x):
    """Samples (T, B, *shape) one after another, each followed by the program's gap."""
    padded = np.concatenate([x, np.zeros((program.gap, *x.shape[1:]), x.dtype)])
    return padded.swapaxes(0, 1).reshape(-1, 1, *x.shape[2:])


def window(program, name, recorded, samples):
    """What a population did in its own window of each sample, (T, B, *shape)."""
    p = program.population(name)
    cut = recorded[p.latency : p.latency + program.period * samples, 0]
    return cut.reshape(samples, program.period, *p.shape)[:, : program.frames].swapaxes(0, 1)


def differences(graph, program, x, engine):
    """How many spikes and currents of each layer differ from the layer-synchronous integers."""
    expected = interpret(graph, x)
    trace = run(program, stream(program, x), engine=engine, record="state").trace
    found = {}
    for layer in graph.layers:
        name, samples = layer.name, x.shape[1]
        wrong = window(program, name, trace.spikes[name], samples) != expected.spikes[name]
        found[name] = int(wrong.sum())
        if name in expected.currents:
            now = window(program, name, trace.u[name], samples)
            found[name] += int((now != expected.currents[name]).sum())
    return {name: count for name, count in found.items() if count}
