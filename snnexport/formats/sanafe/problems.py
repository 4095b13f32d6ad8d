"""What SANA-FE 2.2.9 would compute differently, listed by name."""

from __future__ import annotations

import numpy as np

from hwsim.arith import DECAY_UNITY
from hwsim.chip import Chip
from hwsim.neurons import Cuba, CubaRefractory, CubaSubtract, Gate, LeakyIntegrator
from hwsim.program import Connection, Population, Program
from snnexport.formats.sanafe.architecture import chip_problems
from snnexport.resets import way_out

NEURONS = (Cuba, CubaRefractory, CubaSubtract, Gate, LeakyIntegrator)
"""What its model ``leaky_integrate_fire`` computes exactly, with ``decay_u = 4096``."""


def program_problems(program: Program, chip: Chip) -> list[str]:
    """List what SANA-FE cannot run of ``program``, or not exactly, and why not on ``chip``.

    Whether it fits the chip's cores is not among it.

    What remains is equal spike for spike in every run in which no register wraps or saturates
    (the counts of a run say so): SANA-FE computes in 64-bit floats that do neither.
    """
    found = chip_problems(chip)
    for population in program.populations:
        found += _neuron_problems(population)
    for connection in program.connections:
        found += _synapse_problems(program, connection)
    found += [f"{name}: sums may wrap, SANA-FE's do not" for name in program.wrapping]
    if program.input.low < 0:
        found.append(f"{program.input.name}: values down to {program.input.low} are no spikes")
    return found


def _neuron_problems(p: Population) -> list[str]:
    kind = type(p.neuron).__name__
    if not isinstance(p.neuron, NEURONS):
        known = ", ".join(n.__name__ for n in NEURONS)
        return [f"{p.name}: SANA-FE has no {kind}; it has {known}{way_out(p.neuron)}"]
    decay = np.asarray(getattr(p.neuron, "decay_u", DECAY_UNITY))
    bad = decay[decay != DECAY_UNITY]
    return [
        f"{p.name}: decay_u = {x} does not fit {DECAY_UNITY}, SANA-FE's currents decay unrounded "
        f"({bad.size} of {decay.size} values)"
        for x in bad[:1].tolist()
    ]


def _synapse_problems(program: Program, c: Connection) -> list[str]:
    found, exponent = [], getattr(c.synapse, "exponent", 0)
    silencing = program.blank is not None and c.source == program.blank.name
    if silencing:
        return []  # removed with the resets
    if any(c.synapse.delays):
        found.append(
            f"{c.name}: delays of up to {max(c.synapse.delays)} steps, which SANA-FE loses"
        )
    if exponent < 0:
        found.append(
            f"{c.name}: weight exponent = {exponent} rounds sums, SANA-FE's are not rounded"
        )
    if c.source == program.input.name and program.input.high > 1 and not c.graded:
        found.append(f"{c.name}: values up to {program.input.high} that count as 1; make it graded")
    return found
