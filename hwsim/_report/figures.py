"""How a report's numbers are written, the same in the terminal and on the page."""

from __future__ import annotations

from math import ceil, floor, log10

from hwsim._report.report import Report
from hwsim._report.values import Bracket, Context


def number(value: float | None, digits: int = 3) -> str:
    """Write ``value`` with at least ``digits`` significant digits; an en dash for None."""
    if value is None:
        return "\N{EN DASH}"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    places = max(digits - 1 - floor(log10(abs(value))), 0)
    small_or_large = places >= 9 or abs(value) >= 1e15
    return f"{value:.{digits - 1}e}" if small_or_large else f"{value:,.{places}f}"


def cost(value: float | None) -> str:
    """Write a price with the digits it was published with."""
    return number(None) if value is None else f"{value:g}"


def percent(fraction: float | None) -> str:
    """Write a fraction as a percentage."""
    return "unknown" if fraction is None else f"{100 * fraction:.2f} %"


def bracket(value: Bracket, unit: str) -> str:
    """Write a range with its unit, which may be empty, or that it is not known."""
    if value.low is None or value.high is None:
        return "not known"
    return f"{count_range(value.low, value.high)} {unit}".rstrip()


def count_range(low: float, high: float) -> str:
    """Write a count, or its two bounds."""
    ends = number(low), number(high)
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def visible(text: str) -> str:
    """Write what cannot be seen, such as control characters and marks of direction, as escapes.

    Then a name neither ends a line, nor turns the text around it, nor tells a terminal anything;
    half of a surrogate pair, which UTF-8 cannot hold, becomes an escape as well.
    """
    return "".join(c if c.isprintable() or c in _JOINERS else _escape(c) for c in text)


_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
"""Invisible, yet letters of Persian and the Indic scripts and emoji need them."""


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def ticks(low: float, high: float, most: int = 5) -> tuple[float, ...]:
    """Return at most ``most`` + 2 round numbers evenly spaced, the first <= low, the last >= high.

    They are 1, 2 or 5 times a power of ten apart; ``high`` must be above ``low``.
    """
    power = 10.0 ** floor(log10((high - low) / most))
    step = next(s for n in (1, 2, 5, 10) if (s := n * power) * most >= (high - low) * 0.999)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return tuple(n * step for n in range(first, last + 1))


def tick_label(value: float) -> str:
    """Write a round number briefly: 0.05, 2,500, 40k, 1.5M."""
    if not 1e4 <= value < 1e13:
        return f"{value:,.10g}"
    unit, letter = next((u, c) for u, c in ((1e9, "G"), (1e6, "M"), (1e3, "k")) if value >= u)
    return f"{value / unit:g}{letter}"


def agreement(context: Context) -> list[str]:
    """Return one line for each oracle that was run."""
    return [
        f"{name}: {number(a.samples)} samples, {number(a.compared)} spike values compared, "
        f"{number(a.mismatches)} mismatches"
        for name, a in context.agreement.items()
    ]


def source_of(report: Report) -> str:
    """Name the program, its file's hash, the data and the chip."""
    c = report.context
    program = f"program {c.program or 'unnamed'}"
    if c.sha256:
        program += f" (sha256 {c.sha256[:12]})"
    data = f"{c.data or 'data unnamed'}{f':{c.split}' if c.split else ''}"
    return f"{program}, {data}, {number(report.samples)} samples, chip {report.chip}"
