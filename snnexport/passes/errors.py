"""What quantizing changed, layer by layer: alone, and with all that the layers before changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from hwsim.arith import STATE_UNIT
from hwsim.program import expand
from snnexport.graph import Graph, Layer
from snnexport.interpret import Activity, interpret
from snnexport.passes.calibration import code_input


@dataclass(frozen=True)
class LayerError:
    """The integer layer against the real one, on the same input.

    single: it receives what the real network sends; cumulative: what the integer network does.
    sqnr_db: signal to quantization noise of what its threshold sees (v), or of its current, or
    of the messages of a sum; None where there is no noise. differing: share of messages that
    differ. rate: messages per neuron and step that are not 0.
    """

    layer: str
    single_sqnr_db: float | None
    cumulative_sqnr_db: float | None
    single_differing: float
    cumulative_differing: float
    real_rate: float
    integer_rate: float

    @property
    def drift(self) -> float:
        """Return by how much the rate changed."""
        return self.integer_rate - self.real_rate


def error_report(folded: Graph, quantized: Graph, frames: np.ndarray) -> list[LayerError]:
    """Return one row a layer that both graphs have, on integer ``frames`` (T, B, *shape).

    ``folded`` is what ``quantized`` was made from. Messages of sums are compared in the units
    of the captured network.
    """
    real = interpret(folded, frames)
    coded = code_input(frames, quantized.step)
    names = [p.name for p in quantized.layers if p.name in real.spikes]
    given = {n: _coded(quantized.layer(n), real.spikes[n]) for n in names}
    single, cumulative = interpret(quantized, coded, given), interpret(quantized, coded)
    return [_row(folded.layer(n), quantized.layer(n), (real, single, cumulative)) for n in names]


def error_table(rows: Sequence[LayerError]) -> str:
    """Return ``rows`` as a table for a terminal."""
    table = Table(title="integers against reals: each layer alone | after all before it")
    for name in ("layer", "SQNR in dB", "differing", "spikes/step real", "integer", "drift"):
        table.add_column(name, justify="left" if name == "layer" else "right")
    for r in rows:
        table.add_row(
            r.layer,
            f"{_decibels(r.single_sqnr_db)} | {_decibels(r.cumulative_sqnr_db)}",
            f"{r.single_differing:.2%} | {r.cumulative_differing:.2%}",
            f"{r.real_rate:.4f}",
            f"{r.integer_rate:.4f}",
            f"{r.drift:+.4f}",
        )
    console = Console(width=110)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def _row(before: Layer, after: Layer, runs: tuple[Activity, Activity, Activity]) -> LayerError:
    real, *others = runs
    name, signal, sent = before.name, _signal(before, real), real.spikes[before.name]
    messages = [_worth(after, run.spikes[name]) for run in others]
    noisy = messages if after.is_sum else [_signal(after, run) for run in others]
    single_sqnr, sqnr = (_sqnr_db(signal, other) for other in noisy)
    single, cumulative = (float(np.mean(~np.isclose(sent, m))) for m in messages)
    rates = (float(np.mean(m != 0)) for m in (sent, messages[1]))
    return LayerError(name, single_sqnr, sqnr, single, cumulative, *rates)


def _signal(layer: Layer, run: Activity) -> np.ndarray:
    """Return what the threshold saw, else the current, else the messages, in captured units."""
    for kind in (run.voltages, run.currents):
        if layer.name in kind:
            unit = 1.0 if layer.scale is None else expand(layer.scale, layer.shape) / STATE_UNIT
            return kind[layer.name] * unit
    return _worth(layer, run.spikes[layer.name])


def _worth(layer: Layer, messages: np.ndarray) -> np.ndarray:
    return messages * expand(layer.unit, layer.shape)


def _coded(layer: Layer, messages: np.ndarray) -> np.ndarray:
    """Return real ``messages`` as the integers that stand for them."""
    return np.rint(messages / expand(layer.unit, layer.shape)).astype(np.int64)


def _sqnr_db(signal: np.ndarray, other: np.ndarray) -> float | None:
    noise, power = float(((signal - other) ** 2).sum()), float((signal**2).sum())
    if noise == 0:
        return None
    return float(10 * np.log10(power / noise)) if power else -np.inf


def _decibels(value: float | None) -> str:
    return "exact" if value is None else f"{value:.1f}"
