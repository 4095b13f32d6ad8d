"""Prints what is estimated beside what was measured, for networks that ran on real chips.

    python benchmarks/silicon.py [--only CASE,...] [--wheel FILE] [--json FILE]

PilotNet LIF is simulated: its weights are in lava-dl 0.6.0's wheel, which is downloaded unless
``--wheel`` names it. Of the others only sizes are public; their work follows from these and from
assumed rates, which are printed. What was measured, and where it is published, is in
benchmarks/silicon/*.toml. No price is tuned to a case it is compared with. Exits 1 if a target
is missed: only PilotNet has some.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from silicon import pilotnet  # the folder of this name
from silicon.cases import Range, Row, case_names, load_case, read, rows_of

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from peers.lava_dl_wheel import WHEEL_VARIABLE, lava_dl_data

NOT_ESTIMATED = "not-estimated"
COLUMNS = ("part", "quantity", "by", "estimate", "measured", "estimate / measured", "target")


def main() -> int:
    """Estimate, print, and return the exit status."""
    names = [pilotnet.CASE, *case_names(), NOT_ESTIMATED]
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default=",".join(names), help=f"Of {', '.join(names)}.")
    parser.add_argument("--wheel", type=Path, help="lava-dl 0.6.0's wheel.")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    asked = options.only.split(",")
    if unknown := sorted(set(asked) - set(names)):
        parser.error(f"no case {', '.join(unknown)}; there are: {', '.join(names)}")
    if options.wheel:
        os.environ[WHEEL_VARIABLE] = str(options.wheel)
    rows = [row for name in asked for row in _case(name)]
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if all(row["ok"] is not False and row["equal_results"] for row in rows) else 1


def _case(name: str) -> list[dict]:
    """Print one case and return its rows for JSON."""
    content = read(name)
    if name == NOT_ESTIMATED:
        print("## Not estimated\n")
        for case in content["cases"]:
            print(
                f"* {case['name']}: {case['measured']}.\n  {case['reason']}\n  ({case['source']})"
            )
        return []
    print(f"## {name}: {content['title']}\n\n* measured: {content['source']}")
    for line in content["assumed"]:
        print(f"* assumed: {line}")
    equal = True
    if name == pilotnet.CASE:
        network = lava_dl_data() / content["network"]
        ran, free = pilotnet.simulate(network), pilotnet.simulate(network, reset=False)
        rows = [*pilotnet.rows_of(ran), *pilotnet.free_rows(free)]
        equal = pilotnet.counted_again(ran) and pilotnet.counted_again(free)
        print(f"* step_loads equals a second count, and the spikes repeat: {equal}")
    else:
        rows = rows_of(load_case(name))
    _print(rows)
    return [_plain(row, equal) for row in rows]


def _print(rows: list[Row]) -> None:
    """Print a table that is also one of Markdown."""
    print()
    lines = [COLUMNS, *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, tuple("-" * width for width in widths))
    for cells in lines:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        print(f"| {' | '.join(padded)} |")
    print()


def _cells(row: Row) -> tuple[str, ...]:
    target = "" if row.ok is None else f"{row.target}: {'met' if row.ok else 'MISSED'}"
    measured = "-" if row.measured is None else f"{_text(row.measured)} {row.unit}"
    estimate = "-" if row.estimate is None else f"{_text(row.estimate)} {row.unit}"
    ratio = "-" if row.ratio is None else _text(row.ratio, "{:.3g}" if row.ok is None else "{:.3f}")
    return row.part, row.quantity, row.by, estimate, measured, ratio, target


def _text(ends: Range, form: str = "{:.4g}") -> str:
    """Return a range; whole numbers from 1,000 up."""
    low, high = ("{:,.0f}" if end >= 1000 else form for end in ends)
    texts = low.format(ends[0]), high.format(ends[1])
    return " to ".join(dict.fromkeys(texts))


def _plain(row: Row, equal: bool) -> dict:
    """Return a row for JSON; value: the middle of the estimate, None without one."""
    value = None if row.estimate is None else sum(row.estimate) / 2
    metric = f"{row.part}: {row.quantity} ({row.by})"
    return {"tool": "spikeport", "metric": metric, "value": value, "equal_results": equal,
            **asdict(row)}  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
