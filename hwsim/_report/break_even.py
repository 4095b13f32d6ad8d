"""The published tests of whether a spiking network can cost less than a conventional one."""

from __future__ import annotations

from hwsim._report.operations import leaks, sends_numbers
from hwsim._report.values import UNKNOWN, Bracket, BreakEven
from hwsim.counts import Counts
from hwsim.program import Population, Program

_SPIKES_PER_SYNAPSE = Bracket(0.15, 1.38)
_DAMPFHOFFER = (
    "Dampfhoffer et al. 2023, IEEE Trans. Emerg. Top. Comput. Intell. 7(3):731, abstract: "
    "IF networks compete with efficient conventional ones at 0.15 to 1.38 spikes per synapse and "
    "inference, depending on the conventional implementation"
)
_SPIKE_RATE = {5: Bracket(0.057, 0.064), **dict.fromkeys(range(6, 11), Bracket(0.064, 0.064))}
"""By T. Version 4 says 5.7 % for T = 5; versions 2 and 3 said 6.4 % for T in 5..10."""
_YAN = (
    "Yan et al., arXiv 2409.08290, abstracts: spike rate below 5.7 % at T = 5 (version 4), "
    "below 6.4 % for T in 5..10 (versions 2 and 3)"
)


def break_even(counts: Counts, program: Program) -> tuple[BreakEven, ...]:
    """Return both tests, of spikes per synapse and of the spike rate, with their reasons."""
    return _by_spikes_per_synapse(counts, program), _by_spike_rate(counts, program)


def spikes_per_synapse(counts: Counts, program: Program) -> float | None:
    """Return synaptic operations per synapse and sample; None if there are no synapses."""
    synapses = sum(int(fan_out.sum()) for fan_out, _ in program.fan_outs.values())
    return counts.synops / counts.samples / synapses if synapses else None


def _by_spikes_per_synapse(counts: Counts, program: Program) -> BreakEven:
    value = spikes_per_synapse(counts, program)
    limits = _SPIKES_PER_SYNAPSE
    if value is None:
        verdict, reason = "no figure", "The network has no synapses."
    elif numbers := sends_numbers(program):
        verdict = "no figure"
        reason = f"The source is about spikes, and {', '.join(numbers)} send numbers."
    else:
        verdict = _verdict(value, limits)
        reason = (
            f"Each synapse is used {value:.3g} times per inference, {_place(value, limits)} the "
            f"published {limits.low:g} to {limits.high:g}{_leaky(program)}."
        )
    return BreakEven(
        name="spikes per synapse",
        quantity="synaptic operations per synapse and inference",
        value=value or 0.0,
        limits=limits,
        verdict=verdict,
        reason=reason,
        source=_DAMPFHOFFER,
    )


def _by_spike_rate(counts: Counts, program: Program) -> BreakEven:
    limits = _SPIKE_RATE.get(counts.steps, UNKNOWN)
    able = {p.name for p in program.populations if _can_spike(program, p)}
    counted = [p for p in counts.populations if p.name in able]
    updates = sum(p.updates for p in counted)
    rate = sum(p.spikes for p in counted) / updates if updates else 0.0
    said = f"The mean spike rate is {100 * rate:.3g} % at T = {counts.steps}"
    if not updates:
        limits, verdict, reason = UNKNOWN, "no figure", "No population of the network can spike."
    elif numbers := sends_numbers(program):
        limits, verdict = UNKNOWN, "no figure"
        reason = f"{said}, but {', '.join(numbers)} send numbers, and the source is about spikes."
    elif limits is UNKNOWN:
        verdict, reason = "no figure", f"{said}; the source has limits for T in 5..10 only."
    else:
        verdict = _verdict(rate, limits)
        ends = dict.fromkeys(f"{100 * (end or 0):.3g} %" for end in (limits.low, limits.high))
        reason = f"{said}, {_place(rate, limits)} the published {' to '.join(ends)}."
    return BreakEven(
        name="mean spike rate",
        quantity="spikes per neuron and step, of the populations that can spike",
        value=rate,
        limits=limits,
        verdict=verdict,
        reason=reason,
        source=_YAN,
    )


def _can_spike(program: Program, p: Population) -> bool:
    """Say whether ``p`` can fire, and does so because of what it is sent."""
    return p.neuron.MESSAGES != (0, 0) and bool(program.into(p.name))


def _verdict(value: float, limits: Bracket) -> str:
    return {"below": "pays", "within": "depends", "above": "does not pay"}[_place(value, limits)]


def _place(value: float, limits: Bracket) -> str:
    assert limits.low is not None
    assert limits.high is not None
    return "below" if value < limits.low else "within" if value <= limits.high else "above"


def _leaky(program: Program) -> str:
    """Say how much of the network is no IF, for which the source has its figure."""
    leaky = sum(bool(leaks(p.neuron)) for p in program.populations)
    if not leaky:
        return ""
    return (
        f"; that is for IF neurons, and {leaky} of {len(program.populations)} populations leak, "
        "which costs more"
    )
