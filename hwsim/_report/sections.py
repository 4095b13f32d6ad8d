"""The parts of a report's text that not every report has: from latency to accuracy over T."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hwsim._report import figures
from hwsim._report.figures import number
from hwsim._report.report import Report
from hwsim._report.text import listed, span, table
from hwsim._report.values import Baseline, CoreUse, MappingUse

_MOST = 4
"""Of populations with the slowest core, at most."""


def sections(report: Report) -> list[str]:
    """Return the blocks of everything that ``report`` has beside counts and energy."""
    return [
        *_latency(report),
        *(_mapping(report.mapping) if report.mapping else []),
        *(_baseline(report.baseline) if report.baseline else []),
        *_break_even(report),
        *_over_steps(report),
    ]


def cores(use: MappingUse) -> str:
    """Say how many of the cores of how many chips are used."""
    whole = use.chips * use.columns * use.rows * use.cores_per_router
    chips = f"{number(use.chips)} chip{'s' * (use.chips > 1)}"
    return f"{number(len(use.cores))} of {number(whole)} on {chips}"


def _latency(report: Report) -> Iterable[str]:
    if not report.latency:
        return
    heads = ["prices", ">us", ">cores", ">barriers", ">routes, to", ">longest step", ">samples"]
    rows = [
        [
            t.table,
            figures.count_range(t.low_us, t.high_us),
            span(t.cores_us),
            span(t.barrier_us),
            number(t.routes_us),
            span(t.slowest_step_us),
            number(t.samples),
        ]
        for t in report.latency
    ]
    yield table("Latency of one inference and its parts, us", heads, rows)
    slowest = [f"{t.table}: {_shares(t.slowest)}" for t in report.latency if t.slowest]
    yield from _block("Whose core was the slowest, of all steps", slowest)


def _mapping(use: MappingUse) -> Iterable[str]:
    routers = f"{use.columns} x {use.rows} routers with {use.cores_per_router} cores"
    crossings = f"per inference {number(use.crossings)} messages cross chips"
    hops = f"{number(use.hops_row_by_row)} hops if placed row by row"
    title = f"Cores: {cores(use)} ({routers} a chip); {crossings}, {hops}; which: chip:x,y:core"
    heads = ["resource", ">used", ">available", ">share", ">fullest", ">core has", "which"]
    rows = [_resource(name, limit, use.cores) for name, limit in use.limits.items() if use.cores]
    yield table(title, heads, rows)


def _resource(name: str, limit: int | None, used: tuple[CoreUse, ...]) -> list[str]:
    """Return what all used cores take of a resource and have, and the fullest core."""
    most = max(used, key=lambda core: core.use.get(name, 0))
    whole = sum(core.use.get(name, 0) for core in used)
    available = None if limit is None else limit * len(used)
    return [
        name.replace("_", " "),
        number(whole),
        number(available),
        _share(whole, available),
        number(most.use.get(name, 0)),
        number(limit),
        f"{most.population} {most.chip}:{most.x},{most.y}:{most.number}",
    ]


def _baseline(b: Baseline) -> Iterable[str]:
    macs = f"{number(b.macs)} multiply-accumulates, {number(b.effective_macs)}"
    skipped = f"the other {figures.percent(b.sparsity)} are skipped"
    yield from _block(
        "Conventional network (its operations: in the JSON and on the page)",
        [
            f"{macs} of them with an activation that is not 0; {skipped} "
            f"(over {number(b.samples)} samples)",
            *b.notes,
        ],
    )


def _break_even(report: Report) -> Iterable[str]:
    tests = [f"{t.name}: {t.reason} [{t.source}]" for t in report.break_even]
    yield from _block("Break-even tests", tests)


def _over_steps(report: Report) -> Iterable[str]:
    if not report.over_steps:
        return
    heads = [">frames", ">accuracy", ">synops", ">spikes", ">samples"]
    rows = [
        [
            number(at.steps),
            figures.percent(at.accuracy),
            number(at.synops),
            number(at.spikes),
            number(at.samples),
        ]
        for at in report.over_steps
    ]
    yield table("Stopped after fewer frames", heads, rows)


def _block(title: str, items: list[str]) -> list[str]:
    """Return a list with an empty line below it."""
    return [f"{block}\n" for block in listed(title, items)]


def _share(part: float, whole: float | None) -> str:
    return number(None) if not whole else f"{100 * part / whole:.1f} %"


def _shares(parts: Mapping[str, float]) -> str:
    found = sorted((p for p in parts.items() if p[1]), key=lambda part: -part[1])
    most = ", ".join(f"{name} {100 * part:.1f} %" for name, part in found[:_MOST])
    return f"{most} and {len(found) - _MOST} more" if len(found) > _MOST else most
