"""Populations as the neuron groups of a SANA-FE network, and their cores."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import prod

import numpy as np

from hwsim.arith import DECAY_UNITY, STATE_LIMIT, STATE_UNIT
from hwsim.mapping import Mapping
from hwsim.neurons import CubaSubtract
from hwsim.program import Population, Program, expand
from hwsim.synapses import Form

INPUTS, NEURON, DENDRITE = "loihi_inputs", "loihi_lif", "loihi_dendrites"
SYNAPSES = {form: f"loihi_{form.value}_synapse" for form in (Form.DENSE, Form.SPARSE, Form.CONV)}
"""Units of a core as SANA-FE's own loihi.yaml names them, synapses from the dearest on."""


def group_names(program: Program) -> dict[str, str]:
    """Return a group's name by population, the input included: numbered, without punctuation."""
    sources = [program.input.name, *(p.name for p in program.populations)]
    return {name: f"{n}_{plain(name)}" for n, name in enumerate(sources)}


def plain(name: str) -> str:
    """Return ``name`` with ``_`` for all but ASCII letters and digits."""
    return re.sub("[^A-Za-z0-9_]", "_", name)


def input_text(name: str, spikes: np.ndarray) -> Iterator[str]:
    """Yield the group of the input; spikes: (T, neurons) of 0 and 1."""
    yield f"    - name: {name}\n      attributes: [log_spikes: true]\n      neurons:\n"
    for index, train in enumerate(spikes.T):
        yield f"        - {index}: [soma: {{spikes: [{','.join(map(str, train.tolist()))}]}}]\n"


def group_text(p: Population, name: str) -> Iterator[str]:
    """Yield the group of ``p``, an entry for each run of neurons with equal registers."""
    yield f"    - name: {name}\n      attributes: [log_spikes: true]\n      neurons:\n"
    values = _registers(p)
    stacked = np.stack(list(values.values()))
    starts = np.flatnonzero(np.append(True, (np.diff(stacked, axis=1) != 0).any(axis=0)))
    mode = "soft" if isinstance(p.neuron, CubaSubtract) else "hard"
    for start, stop in zip(starts, [*starts[1:], stacked.shape[1]], strict=True):
        settings = ", ".join(f"{key}: {value[start]}" for key, value in values.items())
        yield f"        - {start}..{stop - 1}: [soma: {{{settings}, reset_mode: {mode}}}]\n"


def mapping_text(mapping: Mapping, names: dict[str, str]) -> Iterator[str]:
    """Yield which core each run of neurons is on, and its units there.

    Every input neuron has a unit of its own: SANA-FE's input model holds one train of spikes.
    A tile's number counts down the columns of the mesh.
    """
    program, mesh = mapping.program, mapping.chip.mesh
    assert mesh is not None
    for core in mapping.cores:
        at = f"core: {core.x * mesh.rows + core.y}.{core.number}, dendrite: {DENDRITE}"
        grid = mapping.cuts[core.population].grid
        neurons = np.arange(prod(grid)).reshape(grid)[core.part].ravel()
        group = names[core.population]
        if core.population == program.input.name:
            for unit, index in enumerate(neurons.tolist()):
                yield f'  - {group}.{index}: [{at}, soma: "{INPUTS}[{unit}]"]\n'
            continue
        units = f"soma: {NEURON}, synapse: {SYNAPSES[form_into(program, core.population)]}"
        breaks = np.flatnonzero(np.diff(neurons) != 1) + 1
        for run in np.split(neurons, breaks):
            yield f"  - {group}.{run[0]}..{run[-1]}: [{at}, {units}]\n"


def form_into(program: Program, population: str) -> Form:
    """Return how the synapses into a population are priced: as the dearest form among them.

    SANA-FE's files name one synapse unit a neuron, not one a connection.
    """
    forms = forms_into(program, population) or {Form.DENSE}
    return next(form for form in SYNAPSES if form in forms)


def forms_into(program: Program, population: str) -> set[Form]:
    """Return the forms of the connections into a population."""
    return {c.synapse.FORM for c in program.into(population)}


def _registers(p: Population) -> dict[str, np.ndarray]:
    """Return what SANA-FE calls the registers, (neurons,) each, in units of the weights."""
    never = STATE_LIMIT  # a voltage stays below

    def values(name: str, default: int) -> np.ndarray:
        held = expand(getattr(p.neuron, name, default), p.shape)
        return np.broadcast_to(held, p.shape).ravel()

    found = {
        "threshold": values("threshold", never) / STATE_UNIT,
        "leak_decay": (DECAY_UNITY - values("decay_v", DECAY_UNITY)) / DECAY_UNITY,
        "bias": values("bias", 0) / STATE_UNIT,
    }
    if hasattr(p.neuron, "period"):  # SANA-FE counts the step of the spike too
        found["refractory_delay"] = values("period", 0) + 1
    return found
