"""What a report says of each population, and its headline figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from hwsim._report.break_even import spikes_per_synapse
from hwsim._report.counters import Counters
from hwsim._report.values import Bracket, Layer, LayerEnergy, PerInference
from hwsim.counts import ConnectionCounts, Counts, PopulationCounts
from hwsim.mapping import Mapping as Placed
from hwsim.program import Program


def layers(
    counts: Counts,
    counters: Mapping[str, Counters],
    energy: Mapping[str, tuple[LayerEnergy, ...]],
    mapping: Placed | None,
) -> tuple[Layer, ...]:
    """Return what each population did, per sample where a mean makes sense."""
    cores = Counter(c.population for c in mapping.cores) if mapping else None
    return tuple(
        _layer(p, counts, counters[p.name], energy[p.name], None if cores is None else cores)
        for p in counts.populations
    )


def _layer(
    p: PopulationCounts,
    counts: Counts,
    counters: Counters,
    energy: tuple[LayerEnergy, ...],
    cores: Counter[str] | None,
) -> Layer:
    n = counts.samples
    into = [c for c in counts.connections if c.target == p.name]
    return Layer(
        name=p.name,
        neurons=p.neurons,
        spikes=p.spikes / n,
        synops=sum(c.synops for c in into) / n,
        neuron_updates=p.updates / n,
        driven=p.driven / n,
        rate=p.spikes / p.updates if p.updates else 0.0,
        wraps=p.wraps,
        saturations=p.saturations,
        silent=p.silent,
        always_firing=p.always_firing,
        idle=p.idle / n,
        zero=p.zero / n,
        bias_adds=p.bias_adds / n,
        nonzero_synops=counters["nonzero_synops"] / n,
        weight_fetches=sum(c.weight_fetches for c in into) / n,
        index_fetches=sum(c.index_fetches for c in into) / n,
        synops_by_kind=_by_kind(into, n),
        cores=None if cores is None else cores[p.name],
        messages=None if cores is None else counters["messages_in"] / n,
        hops=None if cores is None else (counters["hops_x"] + counters["hops_y"]) / n,
        energy=energy,
    )


def _by_kind(into: list[ConnectionCounts], samples: int) -> dict[str, float]:
    found: Counter[str] = Counter()
    for c in into:
        found[c.kind.value] += c.synops
    return {kind: synops / samples for kind, synops in found.items()}


def per_inference(
    counts: Counts,
    program: Program | None,
    counters: Counters,
    spans: Mapping[str, Bracket],
    *,
    mapped: bool,
) -> PerInference:
    """Return the headline figures, means over the samples; ``spans``: those that are ranges."""
    n = counts.samples
    return PerInference(
        steps=counts.steps,
        spikes=counts.spikes / n,
        synops=counts.synops / n,
        neuron_updates=counts.updates / n,
        machine_steps=counts.machine_steps,
        input_messages=_input_messages(counts, program),
        spikes_per_synapse=None if program is None else spikes_per_synapse(counts, program),
        messages=counters["messages_in"] / n if mapped else None,
        hops=(counters["hops_x"] + counters["hops_y"]) / n if mapped else None,
        **spans,
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
