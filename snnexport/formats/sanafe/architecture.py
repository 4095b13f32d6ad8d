"""The chip as SANA-FE's architecture file, its prices those of our chip file."""

from __future__ import annotations

from hwsim.chip import Chip, Price
from snnexport.formats.sanafe.groups import DENDRITE, INPUTS, NEURON, SYNAPSES
from snnexport.formats.sanafe.problems import PRICES

_NEURON = {"access": "neuron_access", "update": "neuron_update", "spike": "spike"}
_EVENTS = ("access_neuron", "update_neuron", "spike_out")
"""What our table calls the events of a neuron, and what SANA-FE does, in the same order."""


def architecture_text(chip: Chip, inputs: int) -> str:
    """Return the file; ``inputs``: input neurons on the core that has most.

    Units have the names of SANA-FE's own ``loihi.yaml``, so that a network runs on both.
    Inputs and dendrites cost nothing, as there.
    """
    mesh, table = chip.mesh, chip.table(PRICES)
    assert mesh is not None
    prices = {price.name: price for price in (*table.terms, *table.transport)}
    hops = [
        _priced(f"{way}_hop", prices[f"hop_{axis}"])
        for axis, ways in (("east_west", ("east", "west")), ("north_south", ("north", "south")))
        for way in ways
    ]
    synapses = [
        _unit(name, "current_based", _priced("process_spike", prices[f"{form.value}_synop"]))
        for form, name in SYNAPSES.items()
    ]
    lif = [
        _priced(event, prices[name]) for event, name in zip(_EVENTS, _NEURON.values(), strict=True)
    ]
    free = [_free(event) for event in _EVENTS]
    barrier = ", ".join(f"{tiles}: {_exact(ns)}e-9" for tiles, ns in table.barrier_by_tiles)
    core = {
        "axon_in": [_unit("loihi_in", "", _priced("message_in", prices["message_in"]))],
        "synapse": synapses,
        "dendrite": [_unit(DENDRITE, "accumulator", _free("update"))],
        "soma": [
            _unit(NEURON, "leaky_integrate_fire", *lif),
            _unit(f"{INPUTS}[0..{inputs - 1}]", "input", *free),
        ],
        "axon_out": [_unit("loihi_out", "", _priced("message_out", prices["message_out"]))],
    }
    sections = "".join(f"          {name}:\n{''.join(units)}" for name, units in core.items())
    return (
        f"# {chip.description}, for SANA-FE 2.2.9; prices {table.name}: {table.source}\n"
        f"architecture:\n  name: {chip.name}\n"
        f"  attributes: {{topology: mesh, width: {mesh.columns}, height: {mesh.rows}, "
        f"link_buffer_size: 16, sync_model: table, latency_sync: {{{barrier}}}}}\n"
        f"  tile:\n    - name: tile[0..{mesh.columns * mesh.rows - 1}]\n"
        f"      attributes: {{{', '.join(hops)}}}\n"
        f"      core:\n        - name: core[0..{mesh.cores - 1}]\n"
        "          attributes: {buffer_position: soma, buffer_inside_unit: false, "
        f"max_neurons_supported: {neurons_per_core(chip)}}}\n{sections}"
    )


def neurons_per_core(chip: Chip) -> int:
    """Return how many neurons a core has at most."""
    return next(int(f.value) for f in chip.limits if f.name == "neurons_per_core")


def _unit(name: str, model: str, *costs: str) -> str:
    attributes = ", ".join(([f"model: {model}"] if model else []) + list(costs))
    return f'            - name: "{name}"\n              attributes: {{{attributes}}}\n'


def _priced(event: str, price: Price) -> str:
    assert price.energy_pj is not None
    assert price.time_ns is not None
    energy, time = _exact(price.energy_pj), _exact(price.time_ns)
    return f"energy_{event}: {energy}e-12, latency_{event}: {time}e-9"


def _free(event: str) -> str:
    return f"energy_{event}: 0.0, latency_{event}: 0.0"


def _exact(value: float) -> str:
    return repr(float(value))
