"""Compares spikeport with other simulators of Loihi-like networks: speed, memory, equal spikes.

    python benchmarks/simulate.py [--json FILE] [--only TOOL,...] [--cases CASE,...] [--repeat N]

Every tool runs in a process and an environment of its own: in the Python that its variable names
(``PEERS`` in simulate/peers.py), else in one that uv makes; the stepping alone is timed. A step's
time is CPU time of all processes of the tool, the clock's beside it. Lava, nengo-loihi and SANA-FE
run one sample; the torch tools one, and the better of two batches; spikeport one and a batch of
different samples, on one thread. "equal" compares every spike of every population with the
reference engine: yes, only as many ("totals"), or no. Memory is the highest of the process, of a
fresh one on one sample for spikeport, and at the end of all of Lava's, what they share once.

After each case come the ratios to spikeport's batch. At the end: the share of the bound that
this processor sets (peak.cpp), what a general network costs, variants for older processors, two
threads, and a fresh process. Exits 1 if a target of ``AT_LEAST`` or ``AT_MOST`` is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from networks import ALL_NETWORKS
from simulate import bound, general, ours, peers
from simulate.case import Case, Figure
from simulate.checks import OLDER, Checks, own_checks

OURS = "spikeport"
AT_LEAST = {
    ("n1", "times lava"): 1500.0,
    ("n1", "times nengo-loihi"): 1000.0,
    ("n1", "times sana-fe"): 3000.0,
    ("n1", "Gsynop/s"): 60.0,
    ("n1", "share of the bound"): 0.8,
    ("n1", "speed of two threads"): 1.8,
    ("n2", "times lava"): 3000.0,
    ("n2", "times nengo-loihi"): 1000.0,
    ("n2", "times sana-fe"): 1500.0,
    ("n2", "Gsynop/s"): 20.0,
    ("n2", "share of the bound"): 0.6,
    ("n2", "speed of two threads"): 1.8,
    ("d4096", "Gsynop/s"): 50.0,
    ("cifar", "times lava"): 1000.0,
    ("rec", "times lava"): 1000.0,
    ("peak", "G adds/s"): 100.0,
    ("peak", "G updates/s"): 7.0,
    **{(case, f"speed of {variant}"): 0.2 for case in ("n1", "n2") for variant in OLDER},
}
AT_MOST = {
    ("n1", "memory MB"): 100.0,
    ("n2", "memory MB"): 100.0,
    ("n1", "s to first result"): 0.3,
    **{("n1", f"slowdown by {what}"): 2.5 for what in general.KINDS},
}


def main() -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", default=",".join((OURS, *peers.PEERS)))
    parser.add_argument("--cases", default=",".join(ALL_NETWORKS))
    parser.add_argument("--repeat", type=int, default=20)
    options = parser.parse_args()
    tools, figures, checks = options.only.split(","), [], {}
    rates = bound.measure() if OURS in tools else None
    if rates:
        checks |= {("peak", "G adds/s"): rates.add, ("peak", "G updates/s"): rates.update}
    rows: list[dict] = []
    for case in map(Case.of, options.cases.split(",")):
        found = list(_figures(case, tools, options.repeat))
        figures += found
        rows += [*_rows(case, found), *_left_out(case, tools)]
        if rates:
            checks |= _ratios(case, found)
            own = [f for f in found if f.tool.startswith(OURS)]
            checks |= own_checks(case, own, rates, options.repeat)
    rows += _checked(checks)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    equal = all(f.equal == "yes" for f in figures if f.tool.startswith(OURS))
    return 0 if equal and all(row.get("ok", True) for row in rows) else 1


def _figures(case: Case, tools: list[str], repeat: int) -> Iterator[Figure]:
    """Yield and print what each tool takes; say which ones do not run the case, and why."""
    size = f"{case.updates:,.0f} neurons, {case.synops:,.0f} synaptic operations a step"
    print(f"\n{case.name}: {size}, {case.steps} steps")
    print(f"{'tool':>20} batch  CPU us/step      wall us  Msynop/s memory MB equal")
    for tool in tools:
        if reason := peers.LEFT_OUT.get((case.name, tool)):
            print(f"{tool:>20} left out: {reason}")
            continue
        found = ours.measure(case, repeat) if tool == OURS else peers.measure(case, tool)
        for f in found:
            print(
                f"{f.tool:>20} {f.batch:5} {f.cpu_us:12,.2f} {f.wall_us:12,.2f} "
                f"{case.synops / f.cpu_us:9,.0f} {f.memory_mb:9,.0f} {f.equal}",
                flush=True,
            )
        yield from found


def _rows(case: Case, figures: list[Figure]) -> Iterator[dict]:
    for f in figures:
        metrics = {
            "us_per_step": ("us", f.cpu_us),
            "wall_us_per_step": ("us", f.wall_us),
            "synops_per_second": ("1/s", case.synops / f.cpu_us * 1e6),
            "peak_memory_mb": ("MB", f.memory_mb),
        }
        row = {"case": case.name, "tool": f.tool, "batch": f.batch, "equal_results": f.equal}
        for metric, (unit, value) in metrics.items():
            yield {**row, "metric": metric, "unit": unit, "value": value}


def _left_out(case: Case, tools: list[str]) -> Iterator[dict]:
    for tool in tools:
        if reason := peers.LEFT_OUT.get((case.name, tool)):
            row = {"case": case.name, "tool": tool, "metric": "left out", "unit": ""}
            yield {**row, "value": None, "equal_results": None, "reason": reason}


def _ratios(case: Case, figures: list[Figure]) -> Checks:
    """Print and return how many times as fast as each other tool spikeport's batch is.

    Of a tool that ran a batch as well as one sample, the lower ratio is returned.
    """
    ours_us = next(f for f in figures if f.tool == OURS)
    found: Checks = {}
    for f in figures:
        if f.tool in peers.PEERS:
            cpu, wall = f.cpu_us / ours_us.cpu_us, f.wall_us / ours_us.wall_us
            print(f"  {cpu:,.1f} times {f.tool}, batch {f.batch}; {wall:,.1f} by the clock")
            key = case.name, f"times {f.tool}"
            found[key] = min(cpu, found.get(key, cpu))
    return found


def _checked(checks: Checks) -> Iterator[dict]:
    """Print each value that has a target; yield all of them as rows."""
    print()
    for (case, metric), value in checks.items():
        least, most = AT_LEAST.get((case, metric)), AT_MOST.get((case, metric))
        row = {"case": case, "tool": OURS, "metric": metric, "unit": "", "value": value}
        if least is None and most is None:
            if not metric.startswith("times "):  # printed with its case
                print(f"{'':>6}  {case} {metric}: {value:,.4g}")
            yield {**row, "equal_results": None}
            continue
        ok = (least is None or value >= least) and (most is None or value <= most)
        target = f">= {least:g}" if least is not None else f"<= {most:g}"
        print(f"{'met' if ok else 'MISSED':>6}  {case} {metric}: {value:,.4g} (target {target})")
        yield {**row, "equal_results": None, "target": target, "ok": ok}


if __name__ == "__main__":
    sys.exit(main())
