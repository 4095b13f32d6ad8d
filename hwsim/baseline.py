"""The fair baseline: the same network as a quantized conventional one, priced beside it.

Yan et al. (arXiv 2409.08290): a spiking network that counts spikes over T steps says what a
conventional one with activations of ``ceil(log2(T + 1))`` bits says in one pass. So that one has
the same layers and weight bits, runs once, and skips its own zeros: an activation is 0 where the
neuron never fired in a sample. Both are priced alike, with operations and memory of 45 nm CMOS:

* a conventional synapse whose activation is not 0: a multiplication, an addition, a weight;
* a spike at a synapse: an addition and a weight; a graded message: a multiplication as well;
* a conventional neuron: a requantization (a multiplication), a comparison, its bias if any;
* a neuron update: a multiplication for each decay, an addition for each state that it keeps and
  for its bias, a comparison, and each kept state read and written. Updates with nothing to
  compute are free, as are those of an IF with reset to zero that nothing
  reached;
* a message or activation that is not 0: its payload and the address of its neuron, written once
  and read by each connection that leaves.

Sums of a neuron's inputs stay in registers in both. That memory decides, and must be counted for
both: Lemaire et al. 2022 (ICONIP), Dampfhoffer et al. 2023 (IEEE TETCI 7(3):731).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from hwsim._report.operations import (
    ACCESS_BITS,
    MEMORY,
    Operations,
    Widths,
    conventional,
    fetch_bits,
    layers,
    macs,
    sends_numbers,
    spiking,
    waiting,
    widths_of,
)
from hwsim._report.pooling import pooled, pooling_first
from hwsim._report.values import Baseline, BaselineTerm
from hwsim.blanking import cycles
from hwsim.chip import PriceTable, load_chip
from hwsim.counts import Counts
from hwsim.errors import raise_all
from hwsim.program import Program
from hwsim.trace import Trace

CHIP, TABLE = "cmos45", "cmos45-operations"
_OTHER_MEMORIES = {"8 KB": "sram_8kb_accesses", "1 MB": "sram_1mb_accesses"}


def baseline_of(program: Program, inputs: np.ndarray, trace: Trace, counts: Counts) -> Baseline:
    """Return the conventional network's operations and energy beside the spiking one's.

    MACs are one a synapse, exact at borders. Not among them: synapses of the blank line, which a
    single pass does not need, and of populations that nothing leads into, which are biases; and
    one-to-one connections, which add (a residual sum). A relay that hears one neuron and keeps
    nothing only waits: the conventional network has no such layer. A pooling is a convolution, as
    on the chip; a note says what it costs to pool first.

    Parameters
    ----------
    program, inputs, trace, counts
        A run of all ``inputs`` (T, B, *shape), one sample a column, with its recorded spikes.

    Raises
    ------
    CheckError
        Listing why the network has no such counterpart (see :func:`baseline_problems`), or why
        the run is not one of whole samples.
    """
    raise_all(
        f"program {program.name} has no conventional baseline",
        baseline_problems(program) + _run_problems(program, inputs, trace, counts),
        hint="report without one, or record the spikes of a whole run of one sample a column",
    )
    samples, widths = counts.samples, widths_of(program, counts.steps)
    sent = sent_of(program, inputs, trace)
    active = {name: each.sum(axis=0) for name, each in sent.items()}
    done = [*conventional(program, active, samples, widths), *spiking(program, counts, widths)]
    table = load_chip(CHIP).table(TABLE)
    terms = _priced(_merged(done), table)
    totals = [macs(program, c, active) for c in layers(program)]
    total, effective = (sum(t) for t in zip(*totals, strict=True))
    ann, snn = _energy(terms, "ann"), _energy(terms, "snn")
    return Baseline(
        table=TABLE,
        weight_bits=widths.weight,
        activation_bits=_counted_bits(program, counts.steps),
        macs=total,
        effective_macs=effective / samples,
        sparsity=1 - effective / samples / total,
        samples=samples,
        terms=terms,
        ann_uj=ann,
        snn_uj=snn,
        ratio=snn / ann,
        notes=(
            *_assumptions(program, counts.steps, widths),
            *_pooled_first(program, sent, done, table, widths),
            _other_memories(done, table),
            _reused(program, active, samples, done, table, widths),
        ),
    )


def baseline_problems(program: Program) -> list[str]:
    """List why no conventional network that runs once says what ``program`` says."""
    loops = cycles(program)
    found = [
        f"{c.name}: is feedback, which a single pass does not have"
        for c in program.connections
        if (c.source, c.target) in loops
    ]
    found += [
        f"{name}: sends numbers, which no count of spikes over T steps stands for"
        for name in sends_numbers(program)
    ]
    return found + ["no layer has weights: nothing multiplies"] * (not layers(program))


def sent_of(program: Program, inputs: np.ndarray, trace: Trace) -> dict[str, np.ndarray]:
    """Return by source whether each neuron sent anything in its window of a sample, (B, *shape)."""
    sent = {program.input.name: (inputs != 0).any(axis=0)}
    for p in program.populations:
        window = trace.spikes[p.name][p.latency : p.latency + len(inputs)]
        sent[p.name] = (window != 0).any(axis=0)
    return sent


def _run_problems(program: Program, inputs: np.ndarray, trace: Trace, counts: Counts) -> list[str]:
    steps, samples = inputs.shape[:2]
    recorded, columns = trace.spikes[program.output].shape[:2]
    found = []
    if (counts.steps, counts.samples) != (steps, samples):
        found.append(
            f"the counts are of {counts.samples} samples of {counts.steps} frames, "
            f"the inputs {samples} of {steps}"
        )
    if (recorded, columns) != (counts.machine_steps, samples):
        found.append(
            f"the trace has {columns} samples of {recorded} machine steps, "
            f"the run had {samples} of {counts.machine_steps}"
        )
    if counts.machine_steps < steps + program.latency:
        whole = steps + program.latency
        found.append(f"the run was cut: {counts.machine_steps} of {whole} machine steps")
    if program.frames is not None and steps > program.frames:
        found.append(f"the inputs have {steps} frames, one sample has {program.frames}")
    return found


def _merged(operations: Iterable[Operations]) -> list[Operations]:
    """Add up what is the same but for its count, and leave out what does not occur."""
    total: dict[tuple[str, str, str], float] = defaultdict(float)
    for o in operations:
        total[o.network, o.term, o.counter] += o.amount
    return [Operations(*key, n) for key, n in total.items() if n]


def _priced(operations: Iterable[Operations], table: PriceTable) -> tuple[BaselineTerm, ...]:
    prices = {p.counter: (p.label, p.energy_pj or 0.0) for p in table.baseline}
    found = []
    for network, term, counter, count in operations:
        label, price = prices[counter]
        found.append(
            BaselineTerm(network, f"{term}: {label}", count, price, energy_uj=count * price / 1e6)
        )
    return tuple(found)


def _energy(terms: Iterable[BaselineTerm], network: str) -> float:
    return sum(t.energy_uj for t in terms if t.network == network)


def _counted_bits(program: Program, steps: int) -> int:
    """Return the bits of ``ceil(log2(steps + 1))``, and of a sign where spikes have one."""
    signed = any(p.neuron.MESSAGES == (-1, 1) for p in program.populations)
    return steps.bit_length() + signed


def _assumptions(program: Program, steps: int, widths: Widths) -> list[str]:
    absent = waiting(program)
    found = [
        f"The conventional network has the same layers, {widths.weight}-bit weights and "
        f"activations of {_counted_bits(program, steps)} bits, ceil(log2(T + 1)) for "
        f"T = {steps} (Yan et al., arXiv 2409.08290), and runs once. Nobody trained it: its "
        "accuracy is not known.",
        "Its activations are 0 where a neuron sent nothing in a sample, and cost nothing then. "
        "Activations and messages that are not 0 carry the address of their neuron.",
        "Multiplications of up to 8 bits are priced as 8-bit ones; wider ones, decays and "
        "requantizations among them, as 32-bit ones, and so are sums, which stay in registers. "
        "Instructions, control, clock and static power are in neither figure.",
    ]
    if absent:
        found.append(f"These only wait, and are no layer of it: {', '.join(absent)}.")
    if any(tuple(c.synapse.delays) != (0,) for c in program.connections):
        found.append("A single pass has no delays: what they do for the answer is lost in it.")
    return found


def _other_memories(done: Sequence[Operations], table: PriceTable) -> str:
    ratios = []
    for size, counter in _OTHER_MEMORIES.items():
        terms = _priced(
            [o._replace(counter=counter) if o.counter == MEMORY else o for o in done], table
        )
        ratios.append(f"{_energy(terms, 'snn') / _energy(terms, 'ann'):.3g} with {size}")
    return (
        "Weights, messages and states lie in memories of 32 KB, as large as the synapses of "
        f"ODIN's core; the ratio is {' and '.join(ratios)}."
    )


def _pooled_first(
    program: Program,
    sent: Mapping[str, np.ndarray],
    done: Sequence[Operations],
    table: PriceTable,
    widths: Widths,
) -> list[str]:
    """Say what the conventional network costs if it pools before it multiplies."""
    names = ", ".join(c.name for c, *_ in pooled(program))
    if not names:
        return []
    terms = _priced([*done, *pooling_first(program, sent, widths)], table)
    ann = _energy(terms, "ann")
    return [
        f"The kernels of {names} hold an average pooling, counted as the chip runs it. A "
        f"conventional network that pools first would take {ann:.3g} uJ, a ratio of "
        f"{_energy(terms, 'snn') / ann:.3g}."
    ]


def _reused(
    program: Program,
    active: dict[str, np.ndarray],
    samples: int,
    done: Sequence[Operations],
    table: PriceTable,
    widths: Widths,
) -> str:
    """Say what the conventional network costs if it fetches no weight twice."""
    again = 0.0
    for c in layers(program):
        twice = max(macs(program, c, active)[1] / samples - c.synapse.weights.size, 0)
        again += twice * fetch_bits(program, c, widths) / ACCESS_BITS
    terms = _priced([*done, Operations("ann", "weights fetched again", MEMORY, -again)], table)
    ann = _energy(terms, "ann")
    return (
        "Every operation of either fetches its weight. A conventional processor that fetched each "
        f"weight once an inference would take {ann:.3g} uJ, a ratio of "
        f"{_energy(terms, 'snn') / ann:.3g}."
    )
