"""Choices: everything that quantize decides, as a TOML file to read, edit and give back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.errors import FileError, raise_all
from hwsim.files import read_bytes, toml_table
from snnexport.graph import Graph, Layer
from snnexport.passes.calibration import Method
from snnexport.passes.sums import COPIES, RELAY
from snntrain.settings import read, setting

HINT = "begin with the quantize.toml that export wrote, or choices_of(graph).to_toml()"
_HEADER = """\
# How a network became integers. Edit, and quantize with it again.
# [input] step: one unit of message stands for this much of the network's input; messages are
#   the input divided by it, rounded half to even. Left out: chosen for the least error.
# [sums]: what becomes of a layer that only adds messages up: a population of its own that sends
#   sums ("relay"), or the same weights on a connection from each addend ("copies").
# [layers."NAME"]
#   weight_bits 2..8: of a synapse, sign included
#   granularity: one scale a "channel", or one a "layer"
#   method: how far weights and observed ranges are kept: "minmax", "percentile", "mse"
#   percentile 50..100: of the magnitudes, if that is the method
#   bound: the current u cannot wrap whatever arrives ("proven"), or did not on the calibration
#     data ("observed"; the simulator counts wraps), or wraps as in training ("trained")
#   message_bits 2..24: of a sum's messages, sign included
#   decays: to the "nearest" integer, or "down" as scripts for Lava do: every step of a decay
#     rounds toward zero anyway
#   bias_step 1..64: biases are multiples of it, in units of voltage; netx holds multiples of 64
#   sparse: leave synapses of weight 0 out of matrices, where that takes less memory
#   scale: by channel, what an integer weight of 1 is worth. Left out: the finest that fits; so
#     remove it where you change what is above it.
"""


class Granularity(Enum):
    """What shares a scale: the synapses into a channel, or into the whole layer."""

    CHANNEL = "channel"
    LAYER = "layer"


class Bound(Enum):
    """What keeps u in its register: a proof over all inputs, or what calibration observed.

    Nothing, where the network was trained with the register as it is: it wraps as it learned to.
    """

    PROVEN = "proven"
    OBSERVED = "observed"
    TRAINED = "trained"


class Decays(Enum):
    """How a decay becomes an integer."""

    NEAREST = "nearest"
    DOWN = "down"


@dataclass(frozen=True)
class LayerChoice:
    """What is decided for one layer; ``scale`` is empty where the finest that fits is taken."""

    weight_bits: int = setting(2, 8, default=8)
    granularity: Granularity = Granularity.CHANNEL
    method: Method = Method.MINMAX
    percentile: float = setting(50.0, 100.0, default=99.99)
    bound: Bound = Bound.PROVEN
    message_bits: int = setting(2, 24, default=8)
    decays: Decays = Decays.NEAREST
    bias_step: int = setting(1, 64, default=1)
    sparse: bool = False
    scale: tuple[float, ...] = setting(1e-300, 1e300, default=())

    def problems(self) -> list[str]:
        """List what does not go together."""
        if self.granularity is Granularity.LAYER and len(set(self.scale)) > 1:
            return [f"scale has {len(set(self.scale))} values, granularity = 'layer' has one"]
        return []


@dataclass(frozen=True)
class _Input:
    step: float = setting(1e-300, 1e300)


@dataclass(frozen=True)
class Choices:
    """step: of the input, None to have it chosen; layers and sums: by name, others by default."""

    step: float | None = None
    layers: Mapping[str, LayerChoice] = field(default_factory=dict)
    sums: Mapping[str, str] = field(default_factory=dict)

    def of(self, layer: str) -> LayerChoice:
        """Return the choice for ``layer``."""
        return self.layers.get(layer) or LayerChoice()

    def to_toml(self) -> str:
        """Return the content of a file that :meth:`load` reads as equal choices."""
        lines = [_HEADER]
        if self.step is not None:
            lines += ["[input]", f"step = {float(self.step)!r}", ""]
        if self.sums:
            lines += ["[sums]", *(f"{_text(k)} = {_text(v)}" for k, v in self.sums.items()), ""]
        for name, choice in self.layers.items():
            lines += [f"[layers.{_text(name)}]", *_lines(choice), ""]
        return "\n".join(lines)

    @classmethod
    def load(cls, path: Path) -> Choices:
        """Read a file; FileError when missing or not TOML, else as :meth:`from_text`."""
        content = read_bytes(path, "choices, a .toml file")
        try:
            return cls.from_text(content.decode(), str(path))
        except UnicodeDecodeError as error:
            raise FileError(f"{path}: is not a text file: {error}", hint=HINT) from None

    @classmethod
    def from_text(cls, text: str, where: str) -> Choices:
        """Read TOML; ``where`` names it in errors.

        Raises FileError for invalid TOML, and one CheckError that lists every unknown key,
        wrong type and value out of range. Names of layers are checked by ``quantize``.
        """
        table = toml_table(text, where, hint=HINT)
        known = ("input", "sums", "layers")
        found = [f"[{k}] is not known (known: {', '.join(known)})" for k in table if k not in known]
        found += [
            f"{k} = {table[k]!r} is not a table"
            for k in known
            if not isinstance(table.get(k, {}), dict)
        ]
        raise_all(where, found, hint=HINT)
        step, found = read(_Input, table["input"], "input") if "input" in table else (None, [])
        sums = table.get("sums", {})
        found += [
            f"sums.{name} = {value!r} is not known (known: {RELAY}, {COPIES})"
            for name, value in sums.items()
            if value not in (RELAY, COPIES)
        ]
        layers = {}
        for name, entry in table.get("layers", {}).items():
            layers[name], wrong = read(LayerChoice, entry, f"layers.{name}")
            found += wrong
        raise_all(where, found, hint=HINT)
        return cls(step.step if step else None, layers, sums)


def choices_of(graph: Graph) -> Choices:
    """Return the choices that made ``graph`` (quantized): quantizing with them makes it again."""
    layers, sums = {}, {}
    for name, notes in graph.notes.items():
        if "sum" in notes:
            sums[name] = notes["sum"]["as"]
        if "quantized" in notes:
            choice, _ = read(LayerChoice, notes["quantized"]["choice"], name)
            assert choice is not None
            layers[name] = replace(choice, scale=_scale(graph.layer(name), notes["quantized"]))
    return Choices(graph.step, layers, sums)


def _scale(layer: Layer, note: Mapping[str, Any]) -> tuple[float, ...]:
    """Return the scale of ``layer``: none if its numbers were kept, one if channels share it."""
    if note["kept"] or layer.scale is None:
        return ()
    values = tuple(layer.scale.tolist())
    return values[:1] if len(set(values)) == 1 else values


def plain_choice(choice: LayerChoice) -> dict[str, Any]:
    """Return ``choice`` without its scale, as texts and numbers."""
    values = {f.name: getattr(choice, f.name) for f in fields(choice) if f.name != "scale"}
    return {n: v.value if isinstance(v, Enum) else v for n, v in values.items()}


def choice_problems(choices: Choices, graph: Graph) -> list[str]:
    """List the layers that ``graph`` (folded) does not have, and scales of the wrong length."""
    sums = [layer.name for layer in graph.layers if layer.is_sum]
    names = {layer.name: layer for layer in graph.layers}
    found = [
        f"{n}: there is no such layer (known: {', '.join(names)})"
        for n in choices.layers
        if n not in names
    ]
    found += [
        f"{n}: is not a sum (sums: {', '.join(sums) or 'none'})"
        for n in choices.sums
        if n not in sums
    ]
    for name, choice in choices.layers.items():
        channels = names[name].shape[0] if name in names else 0
        if choice.scale and channels and len(choice.scale) not in (1, channels):
            found.append(
                f"{name}: scale has {len(choice.scale)} values, not 1 or {channels}, one a channel"
            )
    return found


def _lines(choice: LayerChoice) -> list[str]:
    values = {f.name: getattr(choice, f.name) for f in fields(choice)}
    return [f"{name} = {_toml(value)}" for name, value in values.items() if value != ()]


def _text(value: str) -> str:
    """Return a basic string of TOML, which is one of JSON where nothing beyond ASCII is escaped."""
    return json.dumps(value, ensure_ascii=False)


def _toml(value: Any) -> str:
    if isinstance(value, Enum):
        return _text(value.value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(float(value)) if isinstance(value, float | np.floating) else str(value)
