"""How a report's numbers are written, the same in the terminal and on the page."""

from __future__ import annotations

from math import floor, log10

from hwsim._report.report import Bracket, Context, Report


def number(value: float | None, digits: int = 3) -> str:
    """Write ``value`` with at least ``digits`` significant digits; an en dash for None."""
    if value is None:
        return "\N{EN DASH}"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    places = max(digits - 1 - floor(log10(abs(value))), 0)
    return f"{value:,.{places}f}" if places < 9 else f"{value:.{digits - 1}e}"


def cost(value: float | None) -> str:
    """Write a price with the digits it was published with."""
    return number(None) if value is None else f"{value:g}"


def percent(fraction: float | None) -> str:
    """Write a fraction as a percentage."""
    return "unknown" if fraction is None else f"{100 * fraction:.2f} %"


def bracket(value: Bracket, unit: str) -> str:
    """Write a range with its unit, or that it is not known."""
    if value.low is None or value.high is None:
        return "not known"
    low, high = number(value.low), number(value.high)
    return f"{low} {unit}" if low == high else f"{low} to {high} {unit}"


def count_range(low: float, high: float) -> str:
    """Write a count, or its two bounds."""
    return number(low) if low == high else f"{number(low)} to {number(high)}"


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
