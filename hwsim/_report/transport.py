"""What a report says of the mapping, and of power that is drawn whatever happens."""

from __future__ import annotations

from collections.abc import Sequence

from hwsim._report.values import UNKNOWN, Bracket, CoreUse, MappingUse, StaticPower
from hwsim.chip import Chip
from hwsim.mapping import Mapping, Traffic


def mapping_use(mapping: Mapping, traffic: Sequence[Traffic], samples: int) -> MappingUse:
    """Return which cores are used, and how much of each; ``traffic``: of all samples."""
    mesh = mapping.chip.mesh
    assert mesh is not None
    cores = tuple(
        CoreUse(c.chip, c.x, c.y, c.number, c.population, dict(vars(c.use))) for c in mapping.cores
    )
    return MappingUse(
        chips=mapping.chips,
        columns=mesh.columns,
        rows=mesh.rows,
        cores_per_router=mesh.cores,
        limits=dict(vars(mapping.limits)),
        cores=cores,
        crossings=sum(int(t.messages @ t.crossings) for t in traffic) / samples,
        hops_row_by_row=mapping.row_by_row.hops(traffic) / samples,
    )


def static_power(chip: Chip, latency_us: Bracket, chips: int) -> tuple[StaticPower, ...]:
    """Return each published static power of ``chips`` chips, and its energy over the latency."""
    return tuple(
        StaticPower(
            Bracket(chips * s.low_mw, chips * s.high_mw),
            _energy(chips * s.low_mw, chips * s.high_mw, latency_us),
            s.source,
        )
        for s in chip.static
    )


def _energy(low_mw: float, high_mw: float, latency_us: Bracket) -> Bracket:
    if latency_us.low is None or latency_us.high is None:
        return UNKNOWN
    return Bracket(low_mw * latency_us.low / 1e3, high_mw * latency_us.high / 1e3)
