"""What a netx file cannot hold and running it needs: a text of its own, which lava-dl ignores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hwsim.activations import messages
from hwsim.program import Program
from snnexport.formats.lava.synapses import message_bits
from snnexport.formats.netx.chain import Link
from snnexport.formats.netx.layout import SCHEMA


def facts(program: Program, links: Sequence[Link], sha256: str) -> dict[str, Any]:
    """Return what the attribute holds, plain data; ``populations`` are in the layers' order."""
    source = program.input
    return {
        "schema": SCHEMA,
        "name": program.name,
        "chip": program.chip,
        "program_sha256": sha256,
        "network": network_arguments(program, links),
        "input": {"name": source.name, "low": source.low, "high": source.high},
        "populations": [link.population.name for link in links],
        "readout": program.readout.value,
        "metadata": dict(program.metadata),
    }


def network_arguments(program: Program, links: Sequence[Link]) -> dict[str, Any]:
    """Return the arguments with which ``lava.lib.dl.netx.hdf5.Network`` computes the program.

    It resets layer k, counted from 0, in steps t with ``t % interval == (offset + 1 + k) %
    interval``. A source feeds the first synapse one step before layer 0 answers, hence 1; a
    layer of input neurons answers at once.
    """
    first = links[0]
    graded = first.connection.graded and not first.is_input
    return {
        "reset_interval": program.period,
        "reset_offset": 0 if first.is_input else 1,
        "input_message_bits": message_bits(messages(program, first.connection)) if graded else 0,
    }
