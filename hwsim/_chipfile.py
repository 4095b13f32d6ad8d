"""Chip files: TOML read into frozen values; everything wrong in a file is listed at once."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from hwsim._chip_values import (
    BASELINE_COUNTERS,
    COUNTERS,
    COUNTERS_ABOVE,
    TRANSPORT_COUNTERS,
    Bias,
    Chip,
    Figure,
    Mesh,
    Messages,
    Price,
    PriceTable,
    Static,
    SynapseMemory,
    Target,
    Weights,
)
from hwsim._tables import (
    fits,
    is_text,
    name_unknown,
    read_named,
    read_section,
    read_table,
    read_texts,
    read_value,
)
from hwsim.errors import FileError, UnsupportedError, known_hint, raise_all
from hwsim.files import read_bytes, toml_table
from hwsim.neurons import NEURONS, registers

_HINT = "docs/formats.md has the layout, hwsim/chips/loihi1.toml is an example"
_HEAD = ("name", "description", "notes", "not_priced")
_TARGET = {"messages": Messages, "weights": Weights, "bias": Bias}
_PLACES = {"mesh": Mesh, "synapse_memory": SynapseMemory}
_TABLES = ("chip", *_TARGET, *_PLACES, "registers", "limits", "prices", "static", "system")
_GROUPS = {"terms": COUNTERS, "transport": TRANSPORT_COUNTERS, "baseline": BASELINE_COUNTERS}
"""The groups of prices in a table, and what the prices of each may be multiplied with."""
_SHARED = ("kind", "voltage", "node", "source")
"""What a price takes from its table if it does not say otherwise."""


def chip_names() -> list[str]:
    """Return the names of the chips that come with the package."""
    return sorted(f.name.removesuffix(".toml") for f in _folder().iterdir() if _is_chip(f.name))


def load_chip(name_or_path: str | Path) -> Chip:
    """Read a chip by name, or from a ``.toml`` file of the same layout (docs/formats.md).

    Raises
    ------
    UnsupportedError
        If no chip has this name.
    FileError
        If the file is missing, or no TOML.
    CheckError
        If it is not a chip file: lists every table, name, value and price that is wrong.
    """
    name = str(name_or_path)
    if name in chip_names():
        where, content = f"chip {name}", _folder().joinpath(f"{name}.toml").read_bytes()
    elif name.endswith(".toml"):
        where, content = name, read_bytes(Path(name), "a chip file")
    else:
        hint = f"{known_hint(chip_names(), name)}; or give the path of a .toml file"
        raise UnsupportedError(f"there is no chip {name!r}", hint=hint)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise FileError(f"{where}: is not a text file: {error}", hint=_HINT) from None
    problems: list[str] = []
    chip = _chip(toml_table(text, where, hint=_HINT), problems)
    raise_all(where, problems, hint=_HINT)
    return chip


def _chip(content: dict[str, Any], problems: list[str]) -> Chip:
    """Return the chip; it is whole only if nothing was added to ``problems``."""
    name_unknown(content, _TABLES, "the file", problems)
    head = read_table(content, "chip", "[chip]", problems)
    priced = read_table(content, "prices", "[prices]", problems)
    values = {
        "target": _target(content, problems),
        **{n: _place(k, content, n, problems) for n, k in _PLACES.items() if n in content},
        "limits": read_named(Figure, content, "limits", "limits", problems),
        "static": _static(content, problems),
        "system": read_named(Figure, content, "system", "system", problems),
        "prices": tuple(_price_table(name, priced, problems) for name in priced),
        "notes": read_texts(head, "notes", "[chip]", problems),
        "not_priced": read_texts(head, "not_priced", "[chip]", problems),
    }
    name_unknown(head, _HEAD, "[chip]", problems)
    named = {name: head[name] for name in _HEAD if name in head}
    return read_value(Chip, {**named, **values}, "[chip]", problems)


def _target(content: dict[str, Any], problems: list[str]) -> Target | None:
    """Read what a program must fit; a chip that only prices has none of its tables."""
    if not {*_TARGET, "registers"} & content.keys():
        return None
    parts = {n: read_section(kind, content, n, problems) for n, kind in _TARGET.items()}
    found = _registers(read_table(content, "registers", "[registers]", problems), problems)
    return Target(**parts, registers=found)


def _place(kind: type, content: Mapping[str, Any], name: str, problems: list[str]) -> Any:
    """Read what a mapping needs, all of it numbers from 1 up."""
    found = read_section(kind, content, name, problems)
    numbers = {n: v for n, v in vars(found).items() if isinstance(v, int)} if found else {}
    problems += [f"[{name}]: {n} = {v} is not 1 or more" for n, v in numbers.items() if v < 1]
    return found


def _price_table(name: str, priced: dict[str, Any], problems: list[str]) -> Any:
    place = f"[prices.{name}]"
    table = read_table(priced, name, place, problems)
    # what the table lacks is said once, of the table
    shared = {k: table[k] if is_text(table.get(k)) else "missing" for k in _SHARED}
    groups = {
        group: read_named(Price, table, group, f"prices.{name}.{group}", problems, shared)
        for group in _GROUPS
    }
    for group, allowed in _GROUPS.items():
        for price in filter(None, groups[group]):
            at = f"[prices.{name}.{group}.{price.name}]"
            problems += [f"{at}: {line}" for line in _price_problems(price, allowed)]
    steps = {"barrier_by_tiles": _by_tiles(table, place, problems)}
    found = read_value(PriceTable, {**table, "name": name, **groups, **steps}, place, problems)
    if found is not None:
        problems += [f"{place}: {line}" for line in _barrier_problems(found)]
    return found


def _barrier_problems(table: PriceTable) -> list[str]:
    low, high = table.barrier_low_ns, table.barrier_high_ns
    found = _amount_problems({"barrier_low_ns": low, "barrier_high_ns": high})
    if (low is None) != (high is None) or (low is None and table.barrier_by_tiles):
        found.append("needs both barrier_low_ns and barrier_high_ns, or nothing of a barrier")
    if low is not None and high is not None and low > high:
        found.append(f"barrier_low_ns = {low} is above barrier_high_ns = {high}")
    return found


def _by_tiles(
    table: Mapping[str, Any], place: str, problems: list[str]
) -> tuple[tuple[int, float], ...]:
    """Read ``barrier_by_tiles``: pairs of a number of tiles and a time, ascending."""
    given = table.get("barrier_by_tiles", [])
    pairs = isinstance(given, list) and all(isinstance(p, list) and len(p) == 2 for p in given)
    if pairs and all(fits(n, "int") and fits(t, "float") and t >= 0 for n, t in given):
        tiles = [n for n, _ in given]
        if tiles == sorted(set(tiles)) and min(tiles, default=1) > 0:
            return tuple((n, t) for n, t in given)
    problems.append(
        f"{place}: barrier_by_tiles = {given!r} is not a list of [tiles, ns], tiles from 1 up and "
        "ascending, no time negative"
    )
    return ()


def _static(content: Mapping[str, Any], problems: list[str]) -> tuple[Any, ...]:
    """Read ``[static.NAME]``: ranges of power, none negative."""
    found = read_named(Static, content, "static", "static", problems)
    for power in filter(None, found):
        at = f"[static.{power.name}]"
        ends = {"low_mw": power.low_mw, "high_mw": power.high_mw}
        problems += [f"{at}: {line}" for line in _amount_problems(ends)]
        if power.low_mw > power.high_mw:
            problems.append(f"{at}: low_mw = {power.low_mw} is above high_mw = {power.high_mw}")
    return found


def _price_problems(price: Price, allowed: frozenset[str]) -> list[str]:
    """List unknown counters, negative and missing prices; ``allowed``: counters of its group."""
    counters = (price.counter, price.counter_high or price.counter)
    unknown = [c for c in dict.fromkeys(counters) if c not in allowed]
    unknown += [c for c in price.includes if c not in COUNTERS]
    known = ", ".join(sorted(allowed))
    found = [f"no counter {c!r} (there are: {known})" for c in unknown]
    low, high = counters
    if not unknown and high not in (low, *COUNTERS_ABOVE.get(low, ())):
        above = ", ".join(sorted(COUNTERS_ABOVE.get(low, ()))) or "none"
        found.append(f"counter_high = {high!r} may be less than {low!r} (never less: {above})")
    amounts = {"energy_pj": price.energy_pj, "time_ns": price.time_ns}
    if not any(amount is not None for amount in amounts.values()):
        found.append("needs energy_pj or time_ns; what has no published price is left out")
    return found + _amount_problems(amounts)


def _amount_problems(amounts: Mapping[str, float | None]) -> list[str]:
    return [
        f"{name} = {amount} is negative"
        for name, amount in amounts.items()
        if amount is not None and amount < 0
    ]


def _registers(content: dict[str, Any], problems: list[str]) -> dict[str, dict[str, Any]]:
    """Read ``[registers.NEURON.NAME]``; ``like`` takes what is not there from another neuron."""
    found: dict[str, dict[str, Any]] = {}
    for neuron in content:
        place = f"[registers.{neuron}]"
        table = dict(read_table(content, neuron, place, problems))
        if neuron not in NEURONS:
            problems.append(f"{place}: no such neuron (there are: {', '.join(NEURONS)})")
            continue
        like = table.pop("like", neuron)
        if like not in (neuron, *found):
            problems.append(f"{place}: like = {like!r} is no neuron above (there are: {[*found]})")
            continue
        declared = registers(NEURONS[neuron])
        name_unknown(table, declared, place, problems)
        for name, spec in table.items():
            _check_register(spec, f"[registers.{neuron}.{name}]", problems)
        inherited = {n: spec for n, spec in found.get(like, {}).items() if n in declared}
        found[neuron] = {**inherited, **table}
        missing = sorted(declared.keys() - found[neuron].keys())
        if missing:
            problems.append(f"{place}: needs {', '.join(missing)}")
    return found


def _check_register(spec: Any, place: str, problems: list[str]) -> None:
    if not isinstance(spec, dict) or not {"low", "high", "source"} <= spec.keys():
        problems.append(f"{place}: needs low, high and source")
        return
    name_unknown(spec, ("low", "high", "step", "source"), place, problems)
    problems += [
        f"{place}: {key} = {spec[key]!r} is not {kind}"
        for key, kind in {"low": "int", "high": "int", "step": "int", "source": "str"}.items()
        if key in spec and not fits(spec[key], kind)
    ]


def _is_chip(file_name: str) -> bool:
    return file_name.endswith(".toml")


def _folder() -> Any:
    return files("hwsim").joinpath("chips")
