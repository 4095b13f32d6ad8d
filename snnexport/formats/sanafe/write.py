"""The writer of SANA-FE's files: architecture, network, mapping and one sample's input."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path

import numpy as np

from hwsim.chip import Chip
from hwsim.errors import CheckError, raise_all
from hwsim.files import write_atomic
from hwsim.mapping import Mapping, map_program
from hwsim.program import Program
from snnexport.formats.sanafe.architecture import architecture_text, neurons_per_core
from snnexport.formats.sanafe.groups import (
    form_into,
    forms_into,
    group_names,
    group_text,
    input_text,
    mapping_text,
)
from snnexport.formats.sanafe.problems import program_problems
from snnexport.formats.sanafe.spiking import spiking, spiking_frames
from snnexport.formats.sanafe.synapses import edge_text

FOLDER, ARCHITECTURE, NETWORK = "sanafe", "architecture.yaml", "network.yaml"
COMMAND = (
    f"python -c \"import sanafe; a = sanafe.load_arch('{ARCHITECTURE}'); "
    f"c = sanafe.SpikingChip(a); c.load(sanafe.load_net('{NETWORK}', a)); "
    "print(c.sim({steps}, timing_model='simple'))\""
)
"""Runs the files: SANA-FE 2.2.9 as installed has no command of its own."""
_SYNAPSE_KB = 3
"""What SANA-FE 2.2.9 takes for one: 2.6 kB on N1, 3.2 kB on N2 (benchmarks/networks.py)."""


def unsupported(program: Program, chip: Chip) -> list[str]:
    """List why :func:`sanafe_mapping` refuses ``program``: nothing, if it does not."""
    try:
        sanafe_mapping(program, chip)
    except CheckError as error:
        return list(error.problems)
    return []


def sanafe_mapping(program: Program, chip: Chip) -> Mapping:
    """Return :func:`~snnexport.formats.sanafe.spiking.spiking` of ``program`` placed on one chip.

    The input takes cores too, since in SANA-FE only neurons send.

    Raises
    ------
    CheckError
        Listing everything that SANA-FE cannot run, or not exactly; of what it can, every
        resource of a core that does not suffice; or if it takes more chips than one.
    """
    where, way_out = f"program {program.name} does not fit SANA-FE", "leave sanafe out of --format"
    raise_all(where, program_problems(program, chip), hint=way_out)
    try:
        mapping = _mapped(spiking(program), chip)
    except CheckError as error:
        raise_all(where, list(error.problems), hint=way_out)
        raise
    more = [f"it takes {mapping.chips} chips, not 1"] * (mapping.chips > 1)
    raise_all(where, more, hint=way_out)
    return mapping


def _mapped(program: Program, chip: Chip) -> Mapping:
    """Map ``program`` with full cores of input, halved while their axons do not suffice."""
    assert chip.mesh is not None
    size, cores = prod(program.input.shape), chip.mesh.columns * chip.mesh.rows * chip.mesh.cores
    neurons = min(neurons_per_core(chip), size)
    while True:
        try:
            return map_program(program, chip, neurons_per_core={program.input.name: neurons})
        except CheckError:
            neurons //= 2
            if neurons * cores < size:
                raise


def write_sanafe(mapping: Mapping, frames: np.ndarray, folder: Path, *, sha256: str = "") -> None:
    """Write ``architecture.yaml`` and ``network.yaml`` into ``folder`` for SANA-FE 2.2.9.

    Parameters
    ----------
    mapping
        Of a program as :func:`sanafe_mapping` makes it.
    frames
        0 and 1, (T, *input shape): the input of the only sample, from the first step on.
    folder
        Created if need be.
    sha256
        Identity of the file of the program that was exported, named in the network's head.
    """
    program = mapping.program
    on_cores = [c.use.neurons or 0 for c in mapping.cores if c.population == program.input.name]
    write_atomic(folder / ARCHITECTURE, architecture_text(mapping.chip, max(on_cores)))
    spikes = frames.reshape(len(frames), -1).astype(np.int8)
    write_atomic(folder / NETWORK, "".join(_network(mapping, spikes, sha256)))


def export_sanafe(
    program: Program, chip: Chip, samples: np.ndarray, folder: Path, *, sha256: str
) -> None:
    """Map ``program`` onto ``chip``, and write it with the first of ``samples`` (T, B, *shape).

    Raises as :func:`sanafe_mapping` does.
    """
    mapping = sanafe_mapping(program, chip)
    first = spiking_frames(program, samples[:, :1])[:, 0]
    write_sanafe(mapping, first, folder, sha256=sha256)


def _network(mapping: Mapping, spikes: np.ndarray, sha256: str) -> Iterator[str]:
    program, names = mapping.program, group_names(mapping.program)
    yield from _head(program, len(spikes), sha256)
    yield "network:\n  name: network\n  groups:\n"
    yield from input_text(names[program.input.name], spikes)
    for population in program.populations:
        yield from group_text(population, names[population.name])
    yield "  edges:\n"
    for connection in program.connections:
        yield edge_text(program, connection, names)
    yield "mappings:\n"
    yield from mapping_text(mapping, names)


def _head(program: Program, frames: int, sha256: str) -> Iterator[str]:
    """Yield comments: what this is, how to run it, and what it leaves out."""
    steps = frames + program.latency
    synapses = sum(
        int(c.synapse.fan_out(program.shape_of(c.source)).sum()) for c in program.connections
    )
    yield (
        f"# Network, input and mapping of program {program.name!r} for SANA-FE 2.2.9.\n"
        f"# program sha256: {sha256}\n"
        "# To run it, in this folder and in a Python that has sanafe==2.2.9:\n"
        f"#   {COMMAND.format(steps=steps)}\n"
        f"# One sample of {frames} frames, {program.latency} steps more until the last answer; "
        "nothing is ever reset.\n"
        f"# {synapses:,} synapses, for which SANA-FE takes about "
        f"{synapses * _SYNAPSE_KB / 1e6:.1f} GB of memory.\n"
    )
    for p in program.populations:
        forms = sorted(form.value for form in forms_into(program, p.name))
        if len(forms) > 1:
            dearest = form_into(program, p.name).value
            yield f"# {p.name!r}: its synapses are {' and '.join(forms)}, all priced as {dearest}\n"
