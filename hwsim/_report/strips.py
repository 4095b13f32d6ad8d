"""The raster of one sample on a report page: a strip of spikes and of the mean rate a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hwsim._report.figures import number
from hwsim._report.values import Raster, RasterLayer


@dataclass(frozen=True)
class Strip:
    """A layer: SVG paths of its spikes, rows of one unit, and of its mean rate, 0..100 down.

    neurons: all; rows: of them that are drawn; height: of the raster in pixels; mean and peak:
    fractions of all its neurons that spike in a step, None if not known.
    """

    name: str
    neurons: int
    rows: int
    height: int
    spikes: str
    rate: str
    mean: float | None
    peak: float | None
    text: str


def strips(raster: Raster | None) -> list[Strip]:
    """Return a strip for each layer, its rate on a scale of its own, up to the highest."""
    if raster is None:
        return []
    highest = 72 if len(raster.layers) <= 12 else 36
    return [_strip(layer, raster, highest) for layer in raster.layers]


def _strip(layer: RasterLayer, raster: Raster, highest: int) -> Strip:
    rows = len(layer.neurons_shown)
    rates = raster.rates.get(layer.name, ())
    mean = sum(rates) / len(rates) if rates else None
    peak = max(rates, default=None)
    text = f"{layer.name}: spikes of {number(rows)} of {number(layer.neurons)} neurons"
    if mean is not None and peak is not None:
        text += (
            f" over {raster.steps} steps; {100 * mean:.3g} % of the neurons spike in a step on "
            f"average, {100 * peak:.3g} % at most (step {rates.index(peak) + 1})"
        )
    return Strip(
        name=layer.name,
        neurons=layer.neurons,
        rows=rows,
        height=min(max(3 * rows, 9), highest),
        spikes="".join(f"M{step - 1} {row}.5h1" for step, row in layer.events),
        rate=_outline(rates),
        mean=mean,
        peak=peak,
        text=text,
    )


def _outline(rates: Sequence[float]) -> str:
    """Return the closed outline of a rate that is constant over each step."""
    if not rates:
        return ""
    top = max(rates) or 1.0
    tops = "".join(f"V{100 - 100 * rate / top:.3g}H{step}" for step, rate in enumerate(rates, 1))
    return f"M0 100{tops}V100z"
