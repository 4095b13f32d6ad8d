"""Report: what a run did and what it costs on a chip, as a frozen value and a JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from hwsim._report.values import (
    AtSteps,
    Baseline,
    BreakEven,
    Context,
    Energy,
    Latency,
    Layer,
    MappingUse,
    PerInference,
    Raster,
    StaticPower,
)
from hwsim.errors import FileError
from hwsim.files import read_bytes, write_atomic

SCHEMA = "spikeport.report/1"


@dataclass(frozen=True)
class Report:
    """A run, counted and priced on ``chip``; numbers are means over ``samples`` samples.

    What was not asked for, or cannot be known, is None or empty.
    """

    chip: str
    samples: int
    per_inference: PerInference
    layers: tuple[Layer, ...]
    energy: Energy
    context: Context = field(default_factory=Context)
    latency: tuple[Latency, ...] = ()
    mapping: MappingUse | None = None
    static: tuple[StaticPower, ...] = ()
    baseline: Baseline | None = None
    break_even: tuple[BreakEven, ...] = ()
    over_steps: tuple[AtSteps, ...] = ()
    raster: Raster | None = None

    def with_context(self, context: Context) -> Report:
        """Return this report with ``context`` in the place of its own."""
        return replace(self, context=context)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data in the layout of ``report.json`` (docs/formats.md)."""
        c = self.context
        agreement = dict.fromkeys(("lava", "onnxruntime")) | dict(c.agreement)
        return {
            "schema": SCHEMA,
            "program": {"name": c.program, "sha256": c.sha256, "chip": self.chip},
            "data": {"name": c.data, "split": c.split, "samples": self.samples},
            "accuracy": {"float": c.accuracy_float, "program": c.accuracy_program},
            "agreement": {name: a and asdict(a) for name, a in agreement.items()},
            "per_inference": asdict(self.per_inference),
            "layers": [asdict(layer) for layer in self.layers],
            "energy": asdict(self.energy),
            **{name: _plain(getattr(self, name)) for name in _MORE},
        }

    def to_json(self) -> str:
        """Return ``to_dict`` as indented JSON."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    def table(self) -> str:
        """Return the report as text tables for a terminal."""
        from hwsim._report.table import report_text

        return report_text(self)

    def html(self) -> str:
        """Return the report as one self-contained HTML page."""
        from hwsim._report.html import report_html

        return report_html(self)

    def save(self, path: str | Path) -> None:
        """Write the page to a ``.html`` path, JSON to any other."""
        path = Path(path)
        write_atomic(path, self.html() if path.suffix == ".html" else self.to_json() + "\n")

    @staticmethod
    def load(path: str | Path) -> Report:
        """Read the JSON that ``save`` wrote; raise FileError if ``path`` is anything else."""
        content = read_bytes(Path(path), "a report, as simulate --report writes it")
        try:
            return _of_dict(json.loads(content))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise FileError(
                f"{path}: is not a report of schema {SCHEMA}: {type(error).__name__}: {error}",
                hint="give a file that spikeport simulate --report wrote",
            ) from None


_MORE = ("latency", "mapping", "static", "baseline", "break_even", "over_steps", "raster")
"""What a file of an earlier version does not have."""
_LARGEST = 1e100
"""Beyond any number of a report; so are nan and inf, which JSON as Python reads it may hold."""


def _plain(part: Any) -> Any:
    if isinstance(part, tuple):
        return [asdict(one) for one in part]
    return None if part is None else asdict(part)


def _of_dict(d: dict[str, Any]) -> Report:
    if d["schema"] != SCHEMA:
        raise ValueError(f"schema is {d['schema']!r}")
    context = {
        "program": d["program"]["name"],
        "sha256": d["program"]["sha256"],
        "data": d["data"]["name"],
        "split": d["data"]["split"],
        "accuracy_float": d["accuracy"]["float"],
        "accuracy_program": d["accuracy"]["program"],
        "agreement": {name: a for name, a in d["agreement"].items() if a},
    }
    parts = {name: d[name] for name in ("per_inference", "layers", "energy")}
    parts |= {"chip": d["program"]["chip"], "samples": d["data"]["samples"], "context": context}
    parts |= {name: d[name] for name in _MORE if name in d}
    known = {name: build(get_type_hints(Report)[name], part) for name, part in parts.items()}
    return Report(**known)


def build(kind: Any, plain: Any) -> Any:
    """Return what JSON made ``plain`` of: the inverse of ``asdict`` for the values of a report.

    Keys that a dataclass does not know are left out, for a later version may write more; those
    it has a default for may be missing. Raises KeyError, TypeError or ValueError for the rest.
    """
    make: Any = kind
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        needed = [f.name for f in fields(kind) if f.default is f.default_factory is MISSING]
        missing = [name for name in needed if name not in plain]
        if missing:
            raise KeyError(missing[0])
        return make(
            **{name: build(hint, plain[name]) for name, hint in hints.items() if name in plain}
        )
    origin, inside = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return None if plain is None else build(next(k for k in inside if k is not NoneType), plain)
    if origin is tuple and inside[-1] is Ellipsis:
        return tuple(build(inside[0], one) for one in plain)
    if origin is tuple:
        return tuple(build(k, one) for k, one in zip(inside, plain, strict=True))
    if origin is Mapping:
        return {key: build(inside[1], one) for key, one in plain.items()}
    wanted = (int, float) if kind is float else make
    if not isinstance(plain, wanted) or isinstance(plain, bool) != (kind is bool):
        raise TypeError(f"{plain!r} is no {kind.__name__}")
    if isinstance(plain, (int, float)) and not 0 <= plain < _LARGEST:
        raise ValueError("a number is below 0, not finite, or too large")
    return plain
