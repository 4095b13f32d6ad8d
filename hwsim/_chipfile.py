"""What a chip file says: registers, limits and prices, as frozen values read from TOML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from hwsim.errors import FileError, UnsupportedError
from hwsim.files import read_bytes, toml_table
from hwsim.neurons import NEURONS, registers

_T = TypeVar("_T")
COUNTERS = frozenset(
    {f"{kind}_synops{form}" for kind in ("spike", "graded", "payload")
     for form in ("", "_dense", "_sparse", "_conv")}
    | {"updates", "driven", "idle", "spikes"}
)  # fmt: skip
"""What a price may be multiplied with; hwsim/energy.py counts them."""


@dataclass(frozen=True)
class Price:
    """Cost of one event: ``energy_pj`` and ``time_ns`` are None where nothing is published.

    counter: what it is multiplied with, one of ``COUNTERS``; ``counter_high``: its upper
    bound where the events are only bracketed; both empty for transport, which needs a mapping.
    """

    name: str
    label: str
    kind: str
    voltage: str
    node: str
    source: str
    counter: str = ""
    counter_high: str = ""
    energy_pj: float | None = None
    time_ns: float | None = None
    note: str = ""


@dataclass(frozen=True)
class PriceTable:
    """Prices of one origin. barrier_low_ns, barrier_high_ns: one barrier, fewest and most tiles."""

    name: str
    description: str
    kind: str
    voltage: str
    node: str
    source: str
    terms: tuple[Price, ...]
    transport: tuple[Price, ...] = ()
    note: str = ""
    barrier_low_ns: float | None = None
    barrier_high_ns: float | None = None
    barrier_source: str = ""


@dataclass(frozen=True)
class Figure:
    """A published number with its unit: a limit of the chip, or a figure of a whole system."""

    name: str
    value: float | str
    unit: str
    source: str


@dataclass(frozen=True)
class Messages:
    """Width of a message. repeated_input: graded input is sent as that many unit spikes."""

    bits: int
    repeated_input: bool
    source: str


@dataclass(frozen=True)
class Weights:
    """Range of a weight, the mantissa's ``bits``, and the range of the exponent."""

    bits: int
    low: int
    high: int
    exponent_low: int
    exponent_high: int
    source: str


@dataclass(frozen=True)
class Bias:
    """Widths of the registers of ``bias = mantissa << exponent``; the mantissa is signed."""

    mantissa_bits: int
    exponent_bits: int
    source: str

    @property
    def mantissa_limit(self) -> int:
        """Return the largest mantissa; the smallest is one below its negative."""
        return 2 ** (self.mantissa_bits - 1) - 1

    @property
    def exponent_limit(self) -> int:
        """Return the largest exponent."""
        return 2**self.exponent_bits - 1


@dataclass(frozen=True)
class Chip:
    """One chip file. registers: by neuron and register, its low, high, step and source.

    notes and not_priced are sentences that every report on this chip repeats.
    """

    name: str
    description: str
    messages: Messages
    weights: Weights
    bias: Bias
    registers: Mapping[str, Mapping[str, Mapping[str, Any]]]
    limits: tuple[Figure, ...] = ()
    prices: tuple[PriceTable, ...] = ()
    system: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = ()
    not_priced: tuple[str, ...] = ()

    def table(self, name: str) -> PriceTable:
        """Return the price table called ``name``; raise UnsupportedError if there is none."""
        for table in self.prices:
            if table.name == name:
                return table
        known = ", ".join(t.name for t in self.prices) or "none"
        raise UnsupportedError(
            f"chip {self.name} has no price table {name!r}", hint=f"its tables: {known}"
        )


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
        If the file is not a chip file; the message names the place in it.
    """
    name = str(name_or_path)
    if name in chip_names():
        where, content = f"chip {name}", _folder().joinpath(f"{name}.toml").read_bytes()
    elif name.endswith(".toml"):
        where, content = name, read_bytes(Path(name), "a chip file")
    else:
        known = ", ".join(chip_names())
        raise UnsupportedError(
            f"there is no chip {name!r}", hint=f"known: {known}; or give the path of a .toml file"
        )
    hint = "correct the file"
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise FileError(f"{where}: is not a text file: {error}", hint=hint) from None
    return _chip(toml_table(text, where, hint=hint), where)


def _chip(content: dict[str, Any], where: str) -> Chip:
    def section(name: str) -> dict[str, Any]:
        return _tables(content, name, where)

    known = {"chip", "messages", "weights", "bias", "registers", "limits", "prices", "system"}
    _refuse_unknown(content, known, where)
    head = section("chip")
    values = {
        "messages": _value(Messages, section("messages"), f"{where}: [messages]"),
        "weights": _value(Weights, section("weights"), f"{where}: [weights]"),
        "bias": _value(Bias, section("bias"), f"{where}: [bias]"),
        "registers": _registers(section("registers"), where),
        "limits": _named(Figure, section("limits"), f"{where}: [limits"),
        "system": _named(Figure, section("system"), f"{where}: [system"),
        "prices": tuple(_price_table(n, t, where) for n, t in section("prices").items()),
        "notes": _sentences(head, "notes", where),
        "not_priced": _sentences(head, "not_priced", where),
    }
    return _value(Chip, {**head, **values}, f"{where}: [chip]")


def _price_table(name: str, table: Any, where: str) -> PriceTable:
    place = f"{where}: [prices.{name}"
    if not isinstance(table, dict):
        raise _wrong(f"{place}]", "is not a table")
    same = {k: table[k] for k in ("kind", "voltage", "node", "source") if k in table}
    terms, transport = (
        _named(Price, _tables(table, part, place), f"{place}.{part}", same)
        for part in ("terms", "transport")
    )
    for price in terms:
        for counter in (price.counter, price.counter_high or price.counter):
            if counter not in COUNTERS:
                hint = "there are: " + ", ".join(sorted(COUNTERS))
                raise _wrong(f"{place}.terms.{price.name}]", f"no counter {counter!r}", hint)
    values = {**table, "name": name, "terms": terms, "transport": transport}
    return _value(PriceTable, values, f"{place}]")


def _sentences(head: dict[str, Any], name: str, where: str) -> tuple[str, ...]:
    value = head.get(name, [])
    if not isinstance(value, list) or not all(isinstance(line, str) for line in value):
        raise _wrong(f"{where}: [chip]", f"{name} = {value!r} is not a list of texts")
    return tuple(value)


def _registers(content: dict[str, Any], where: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Read ``[registers.NEURON.NAME]``; ``like`` takes what is not there from another neuron."""
    found = {}
    for neuron in content:
        place = f"{where}: [registers.{neuron}]"
        table = _tables(content, neuron, f"{where}: [registers")
        if neuron not in NEURONS:
            raise _wrong(place, "no such neuron", f"there are: {', '.join(NEURONS)}")
        like = table.pop("like", neuron)
        if like not in (neuron, *found):
            raise _wrong(place, f"like = {like!r} is no neuron above", f"there are: {list(found)}")
        declared = registers(NEURONS[neuron])
        _refuse_unknown(table, declared, place)
        for name, spec in table.items():
            _check_register(spec, f"{where}: [registers.{neuron}.{name}]")
        inherited = {n: spec for n, spec in found.get(like, {}).items() if n in declared}
        found[neuron] = {**inherited, **table}
        missing = sorted(declared.keys() - found[neuron].keys())
        if missing:
            raise _wrong(place, f"needs {', '.join(missing)}")
    return found


def _check_register(spec: Any, place: str) -> None:
    if not isinstance(spec, dict) or not {"low", "high", "source"} <= spec.keys():
        raise _wrong(place, "needs low, high and source")
    _refuse_unknown(spec, {"low", "high", "step", "source"}, place)
    for key in spec.keys() - {"source"}:
        if not _fits(spec[key], "int"):
            raise _wrong(place, f"{key} = {spec[key]!r} is not int")


def _named(
    kind: type[_T], content: dict[str, Any], place: str, same: Mapping[str, Any] | None = None
) -> tuple[_T, ...]:
    """Read ``[place.NAME]`` tables; ``same`` holds what they share with the table around them."""
    found = []
    for name in content:
        table = _tables(content, name, f"{place}")
        found.append(_value(kind, {**(same or {}), **table, "name": name}, f"{place}.{name}]"))
    return tuple(found)


def _value(kind: type[_T], table: Mapping[str, Any], place: str) -> _T:
    """Build the dataclass ``kind`` from ``table``, checking names and plain types."""
    declared = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    _refuse_unknown(table, declared.keys(), place)
    for name, f in declared.items():
        if name not in table:
            if f.default is MISSING:
                raise _wrong(place, f"needs {name} ({f.type})")
        elif not _fits(table[name], str(f.type)):
            raise _wrong(place, f"{name} = {table[name]!r} is not {f.type}")
    return kind(**table)


def _fits(value: Any, annotation: str) -> bool:
    plain = {"str": str, "int": int, "bool": bool, "float": (int, float), "None": type(None)}
    kinds = [plain.get(part) for part in annotation.split(" | ")]
    if None in kinds:
        return True  # built by this file, not read from TOML
    if isinstance(value, bool):
        return bool in kinds
    return any(isinstance(value, k) for k in kinds if k is not None)


def _tables(content: Mapping[str, Any], name: str, place: str) -> dict[str, Any]:
    value = content.get(name, {})
    if not isinstance(value, dict):
        raise _wrong(f"{place}: {name}", f"= {value!r} is not a table")
    return value


def _refuse_unknown(table: Mapping[str, Any], known: Any, place: str) -> None:
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise _wrong(place, f"unknown {unknown[0]!r}", f"there are: {', '.join(sorted(known))}")


def _wrong(place: str, what: str, hint: str = "") -> FileError:
    return FileError(f"{place}: {what}", hint=hint or "take hwsim/chips/loihi1.toml as an example")


def _is_chip(file_name: str) -> bool:
    return file_name.endswith(".toml")


def _folder() -> Any:
    return files("hwsim").joinpath("chips")
