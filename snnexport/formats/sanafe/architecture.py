"""The chip as SANA-FE's architecture file, its prices those of our chip file."""

from __future__ import annotations

from hwsim.chip import Chip, Price
from snnexport.formats.sanafe.groups import DENDRITE, INPUTS, NEURON, SYNAPSES, plain

PRICES = "loihi1-fitted"
"""The table of prices that SANA-FE has for Loihi."""

_NEURON = {"access": "neuron_access", "update": "neuron_update", "spike": "spike"}
_EVENTS = ("access_neuron", "update_neuron", "spike_out")
"""What our table calls the events of a neuron, and what SANA-FE does, in the same order."""
_HOPS = {
    "east": "hop_east_west",
    "west": "hop_east_west",
    "north": "hop_north_south",
    "south": "hop_north_south",
}
_NEEDED = dict.fromkeys(
    (*(f"{f.value}_synop" for f in SYNAPSES), *_NEURON.values(), "message_in", "message_out",
     *_HOPS.values())
)  # fmt: skip
_LIMIT = "neurons_per_core"


def chip_problems(chip: Chip) -> list[str]:
    """List what an architecture file says and ``chip`` does not."""
    who = f"chip {chip.name}"
    if PRICES not in [table.name for table in chip.prices] or chip.mesh is None:
        return [f"{who} has no price table {PRICES} or no mesh: SANA-FE models loihi1"]
    prices = _prices(chip)
    found = [
        f"{who}: table {PRICES} has no energy or no time of {name}"
        for name in _NEEDED
        if name not in prices or None in (prices[name].energy_pj, prices[name].time_ns)
    ]
    if not chip.table(PRICES).barrier_by_tiles:
        found.append(f"{who}: table {PRICES} has no barrier_by_tiles")
    if _LIMIT not in [limit.name for limit in chip.limits]:
        found.append(f"{who} has no limit {_LIMIT}")
    return found


def architecture_text(chip: Chip, inputs: int) -> str:
    """Return the file; ``inputs``: input neurons on the core that has most.

    Units have the names of SANA-FE's own ``loihi.yaml``, so that a network runs on both.
    Inputs and dendrites cost nothing, as there.
    """
    mesh, table = chip.mesh, chip.table(PRICES)
    assert mesh is not None
    prices = _prices(chip)
    hops = [_priced(f"{way}_hop", prices[name]) for way, name in _HOPS.items()]
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
        f"# {chip.description!r} for SANA-FE 2.2.9; prices of {table.name}: {table.source!r}\n"
        f"architecture:\n  name: '{plain(chip.name)}'\n"
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
    return next(int(f.value) for f in chip.limits if f.name == _LIMIT)


def _prices(chip: Chip) -> dict[str, Price]:
    table = chip.table(PRICES)
    return {price.name: price for price in (*table.terms, *table.transport)}


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
