"""What a report takes from the counts of a run: price counters, layers, rates."""

from __future__ import annotations

import numpy as np

from hwsim._report.report import Bracket, Layer, PerInference
from hwsim.counts import Counts
from hwsim.errors import UnsupportedError
from hwsim.program import Connection, Program

_FORMS = {"Dense": "dense", "Conv2d": "conv", "SumPool2d": "conv", "Sparse": "sparse"}


def counters_of(
    counts: Counts, program: Program | None, inputs: np.ndarray | None
) -> dict[str, int]:
    """Return a count for each of ``hwsim.chip.COUNTERS``, over all samples.

    spike, graded: synaptic operations by connection; payload: graded ones if a value k were
    sent as k unit spikes; each also by synapse format. driven, idle: the two parts of updates.
    ``inputs``: all frames (T, B, *shape), of which those count that were sent.
    """
    if program is not None and inputs is not None:
        inputs = inputs[: program.frames_sent(counts.machine_steps)]
    kinds = ("spike", "graded", "payload")
    found = {f"{k}_synops_{form}": 0 for k in kinds for form in ("dense", "sparse", "conv")}
    by_name = {c.name: c for c in program.connections} if program else {}
    for c in counts.connections:
        connection = by_name.get(c.name)
        form = _form(connection) if connection else "dense"
        found[f"{'graded' if c.graded else 'spike'}_synops_{form}"] += c.synops
        if c.graded:
            most = c.synops
            if program and connection and c.source == program.input.name:
                most = _payload(program, connection, inputs, c.synops)
            found[f"payload_synops_{form}"] += most
    for kind in kinds:
        found[f"{kind}_synops"] = sum(found[f"{kind}_synops_{f}"] for f in set(_FORMS.values()))
    driven = sum(p.driven for p in counts.populations)
    core = {"updates": counts.updates, "driven": driven, "idle": counts.updates - driven}
    return {**found, **core, "spikes": counts.spikes}


def _form(connection: Connection) -> str:
    kind = type(connection.synapse).__name__
    if kind not in _FORMS:
        raise UnsupportedError(
            f"{connection.name}: no synapse format is known for {kind}",
            hint="name its format in _FORMS of hwsim/_report/counters.py",
        )
    return _FORMS[kind]


def _payload(
    program: Program, connection: Connection, inputs: np.ndarray | None, synops: int
) -> int:
    """Return the synaptic operations if a value k were sent as k unit spikes."""
    if inputs is None:
        return synops * max(abs(program.input.low), abs(program.input.high))
    values = sum(np.abs(frame.astype(np.int64)).sum(axis=0) for frame in inputs)
    return int((values * connection.synapse.fan_out(program.input.shape)).sum())


def per_inference(
    counts: Counts, program: Program | None, energy_uj: Bracket, latency_us: Bracket
) -> PerInference:
    """Return the headline figures, means over the samples."""
    return PerInference(
        steps=counts.steps,
        spikes=counts.spikes / counts.samples,
        synops=counts.synops / counts.samples,
        neuron_updates=counts.updates / counts.samples,
        energy_uj=energy_uj,
        latency_us=latency_us,
        machine_steps=counts.machine_steps,
        input_messages=_input_messages(counts, program),
        spikes_per_synapse=_spikes_per_synapse(counts, program),
    )


def _input_messages(counts: Counts, program: Program | None) -> float:
    """Return nonzero input values per sample: a line counts once, whatever leaves it.

    Without the program a blank line cannot be told from the input, and is counted as well.
    """
    others = {p.name for p in counts.populations}
    if program is not None and program.blank is not None:
        others.add(program.blank.name)
    sent = {c.source: c.messages for c in counts.connections if c.source not in others}
    return sum(sent.values()) / counts.samples


def _spikes_per_synapse(counts: Counts, program: Program | None) -> float | None:
    """Return synaptic operations per synapse and sample; None without the program."""
    if program is None:
        return None
    synapses = sum(
        int(c.synapse.fan_out(program.shape_of(c.source)).sum()) for c in program.connections
    )
    return counts.synops / counts.samples / synapses if synapses else None


def layers(counts: Counts) -> tuple[Layer, ...]:
    """Return what each population did, per sample where a mean makes sense."""
    n = counts.samples
    return tuple(
        Layer(
            name=p.name,
            neurons=p.neurons,
            spikes=p.spikes / n,
            synops=counts.synops_into(p.name) / n,
            neuron_updates=p.updates / n,
            driven=p.driven / n,
            rate=p.spikes / p.updates if p.updates else 0.0,
            wraps=p.wraps,
            saturations=p.saturations,
            silent=p.silent,
            always_firing=p.always_firing,
        )
        for p in counts.populations
    )
