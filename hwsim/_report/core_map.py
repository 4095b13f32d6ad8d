"""The map of used cores on a report page: chips as meshes of routers, cores as numbered cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt

from hwsim._report.figures import number
from hwsim._report.values import CoreUse, MappingUse

CELL = 18
"""Pixels from one core to the next: room for three digits."""
_SIDE = CELL - 2
_GAP = 6
"""Pixels between the cores of two routers."""
LEVELS = tuple(f"up to {share} %" for share in (20, 40, 60, 80, 100))
"""What the shades of a cell mean: use of the fullest resource of a core."""
UNKNOWN = len(LEVELS)
"""The shade of cores none of whose limits is published."""


@dataclass(frozen=True)
class Cell:
    """A core: its left and top in pixels, the number of its population, its shade."""

    x: int
    y: int
    population: int
    level: int


@dataclass(frozen=True)
class ChipMap:
    """A chip in pixels; slots: an SVG path of all its cores; text: what is to be seen."""

    name: str
    width: int
    height: int
    slots: str
    cells: tuple[Cell, ...]
    text: str


@dataclass(frozen=True)
class Most:
    """The most that any core of a population uses of a resource; share: of the limit."""

    amount: int | None
    share: float | None
    fullest: bool


@dataclass(frozen=True)
class PopulationUse:
    """A population on the map: its number there, its cores, and the most of each resource."""

    number: int
    name: str
    cores: int
    most: tuple[Most, ...]


@dataclass(frozen=True)
class MappingView:
    """A mapping as it is shown; shades: classes of the style sheet by what they mean."""

    chips: tuple[ChipMap, ...]
    populations: tuple[PopulationUse, ...]
    resources: list[str]
    limits: tuple[int | None, ...]
    capacity: int
    shades: Mapping[str, str]


def mapping_view(mapping: MappingUse | None) -> MappingView | None:
    """Return ``mapping`` as maps of its chips and a table by population."""
    if mapping is None:
        return None
    found: dict[str, list[CoreUse]] = {}
    for core in mapping.cores:
        found.setdefault(core.population, []).append(core)
    numbers = {name: position for position, name in enumerate(found, 1)}
    shares = [_share(core, mapping.limits) for core in mapping.cores]
    used = {text: f"core u{level}" for level, text in enumerate(LEVELS)}
    if all(share is None for share in shares):
        used = {"in use; no limit is published": f"core u{UNKNOWN}"}
    return MappingView(
        chips=tuple(_chip_map(mapping, chip, numbers) for chip in range(mapping.chips)),
        populations=tuple(
            PopulationUse(numbers[name], name, len(cores), _most(cores, mapping.limits))
            for name, cores in found.items()
        ),
        resources=[">" + name.replace("_", " ") for name in mapping.limits],
        limits=tuple(mapping.limits.values()),
        capacity=mapping.columns * mapping.rows * mapping.cores_per_router,
        shades={**used, "not in use": "slot"},
    )


def _share(core: CoreUse, limits: Mapping[str, int | None]) -> float | None:
    """Return the use of the fullest resource that has a published limit, 0..1."""
    return max((core.use.get(n, 0) / most for n, most in limits.items() if most), default=None)


def _most(cores: Sequence[CoreUse], limits: Mapping[str, int | None]) -> tuple[Most, ...]:
    amounts = {n: max((c.use[n] for c in cores if n in c.use), default=None) for n in limits}
    shares = {n: a / most for n, a in amounts.items() if a is not None and (most := limits[n])}
    fullest = max(shares, key=lambda n: shares[n], default=None)
    return tuple(Most(amounts[n], shares.get(n), n == fullest) for n in limits)


def _chip_map(mapping: MappingUse, chip: int, numbers: Mapping[str, int]) -> ChipMap:
    """Lay the cores of each router out as a square, and the routers as the mesh, y downwards."""
    across = ceil(sqrt(mapping.cores_per_router))
    down = ceil(mapping.cores_per_router / across)
    wide, high = across * CELL + _GAP, down * CELL + _GAP

    def place(x: int, y: int, core: int) -> tuple[int, int]:
        return x * wide + core % across * CELL + 1, y * high + core // across * CELL + 1

    cores = [core for core in mapping.cores if core.chip == chip]
    slots = [
        place(x, y, core)
        for y in range(mapping.rows)
        for x in range(mapping.columns)
        for core in range(mapping.cores_per_router)
    ]
    return ChipMap(
        name=f"chip {chip}",
        width=mapping.columns * wide - _GAP + 1,
        height=mapping.rows * high - _GAP + 1,
        slots="".join(f"M{x} {y}h{_SIDE}v{_SIDE}h-{_SIDE}z" for x, y in slots),
        cells=tuple(
            Cell(
                *place(core.x, core.y, core.number),
                numbers[core.population],
                _level(_share(core, mapping.limits)),
            )
            for core in cores
        ),
        text=_text(chip, len(slots), [_share(core, mapping.limits) for core in cores]),
    )


def _level(share: float | None) -> int:
    return UNKNOWN if share is None else min(int(share * len(LEVELS) * 0.9999), len(LEVELS) - 1)


def _text(chip: int, slots: int, shares: Sequence[float | None]) -> str:
    known = sorted(share for share in shares if share is not None)
    use = f"Chip {chip}: {number(len(shares))} of {number(slots)} cores used"
    if not known:
        return use
    middle = known[len(known) // 2]
    return (
        f"{use}; the fullest resource of a core is at {100 * known[0]:.0f} % to "
        f"{100 * known[-1]:.0f} %, median {100 * middle:.0f} %"
    )
