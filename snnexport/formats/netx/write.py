"""The writer of netx files: the program as layers, one behind the other.

What netx cannot hold, or lava-dl 0.6.0 would compute differently, is refused by name, all of
it at once.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.errors import MissingExtraError, UnsupportedError, listed
from hwsim.files import write_atomic
from hwsim.program import Program
from hwsim.synapses import Dense
from snnexport.formats.netx.attribute import facts
from snnexport.formats.netx.chain import Link, chain, chain_problems, every_link
from snnexport.formats.netx.layout import ATTRIBUTE, LAYERS, NEURON
from snnexport.formats.netx.write_layers import (
    Layer,
    connection_problems,
    conv_layer,
    dense_layer,
    flatten_layer,
)
from snnexport.formats.netx.write_neurons import bias, neuron_group, neuron_problems


def write_netx(program: Program, path: Path, *, sha256: str = "") -> None:
    """Write ``program`` to ``path`` (``.net``), as lava-dl's ``netx.hdf5.Network`` reads it.

    Parameters
    ----------
    program
        A chain of populations, perhaps recurrent, that ends in the output.
    path
        The file, replaced whole.
    sha256
        Identity of the program's file, kept in the attribute ``spikeport`` (docs/formats.md).

    Raises
    ------
    UnsupportedError
        Listing everything that netx cannot hold or lava-dl would compute differently.
    MissingExtraError
        If h5py is not installed.
    """
    links = supported_chain(program)
    write_atomic(path, _file(layers(program, links), json.dumps(facts(program, links, sha256))))


def supported_chain(program: Program) -> tuple[Link, ...]:
    """Return the populations in the order of their layers; raise as :func:`write_netx` does."""
    problems = unsupported(program)
    if problems:
        raise UnsupportedError(
            listed(f"program {program.name} does not fit netx", problems),
            hint="the lava format holds every network: export with --format lava",
        )
    return chain(program)


def unsupported(program: Program) -> list[str]:
    """List what netx cannot hold, or lava-dl 0.6.0 would compute differently."""
    found = chain_problems(program)
    for link in every_link(program):
        found += neuron_problems(program, link) + connection_problems(program, link)
    return list(dict.fromkeys(found))


def layers(program: Program, links: tuple[Link, ...]) -> Iterator[Layer]:
    """Yield the layers of the file, each as its datasets by name."""
    entry: Layer = {"type": "input", "shape": np.array(program.input.shape)}
    yield {**entry, NEURON: neuron_group(links[0].population)} if links[0].is_input else entry
    for link in links[links[0].is_input :]:
        dense = isinstance(link.connection.synapse, Dense)
        if dense and len(program.shape_of(link.connection.source)) > 1:
            yield flatten_layer(program, link)
        layer = (dense_layer if dense else conv_layer)(program, link)
        mantissas = bias(link.population)
        if mantissas is not None:
            layer["bias"] = mantissas
        yield {**layer, NEURON: neuron_group(link.population)}


def _file(content: Iterator[Layer], attribute: str) -> bytes:
    """Return the HDF5 file of ``content``."""
    try:
        import h5py
    except ImportError:
        raise MissingExtraError(
            "netx files need h5py, which is not installed", hint="pip install 'spikeport[export]'"
        ) from None
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs[ATTRIBUTE] = attribute
        for index, layer in enumerate(content):
            _put(file.create_group(f"{LAYERS}/{index}"), layer)
    return buffer.getvalue()


def _put(group: Any, values: dict[str, Any]) -> None:
    """Write ``values`` into an HDF5 group: mappings as groups, texts as lava-dl decodes them."""
    for name, value in values.items():
        if isinstance(value, dict):
            _put(group.create_group(name), value)
        else:
            group[name] = np.array([value], "S10") if isinstance(value, str) else value
