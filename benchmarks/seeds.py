"""Trains the six founding methods from their recipes and compares each with its figure.

    python benchmarks/seeds.py [--root DATA] [--only METHOD,...] [--seeds N] [--json FILE]

Methods run side by side, one on each processor, with one thread each. Accuracies are of the test
split, means over the seeds 0..N-1; it is read once, after training. Rows are printed and
written as they are found; exits 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from hwsim.errors import SpikeportError

METHODS = (  # the slowest first
    "spike_train",
    "tuned_surrogate",
    "sew",
    "soft_lif",
    "neighborhood",
    "membrane",
)


def main() -> int:
    """Train, compare, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, help="Where the data sets are; see snntrain.load.")
    parser.add_argument("--only", default=",".join(METHODS), help=f"Of {', '.join(METHODS)}.")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    chosen = options.only.split(",")
    if not set(chosen) <= set(METHODS) or options.seeds < 1:
        parser.error(f"--only takes {', '.join(METHODS)}; --seeds at least 1")
    rows: list[dict[str, Any]] = []
    context = get_context("spawn")
    workers = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(workers, context, initializer=_one_thread) as pool:
        jobs = [pool.submit(_run, m, options.root, options.seeds) for m in chosen]
        for job in as_completed(jobs):
            rows += job.result()
            if options.json:
                options.json.parent.mkdir(parents=True, exist_ok=True)
                options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if all(row["ok"] for row in rows) else 1


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # vanished gradients are slow otherwise


def _run(method: str, root: Path | None, seeds: int) -> list[dict[str, Any]]:
    """Return the rows of one method, after printing them; one that is not ok if it cannot run."""
    start = time.perf_counter()
    try:
        rows = import_module(f"seeds.{method}").rows(root, range(seeds))
    except SpikeportError as error:
        print(f"{method}: {error.message}\n  hint: {error.hint}", file=sys.stderr, flush=True)
        rows = [{"name": method, "metric": "ran", "value": 0, "target": 1, "ok": False}]
    lines = [f"{method}: {time.perf_counter() - start:.0f} s", *map(_line, rows)]
    print("\n".join(lines), flush=True)
    return rows


def _line(row: dict[str, Any]) -> str:
    target = "" if row["target"] is None else f"  (target {row['target']:.6g})"
    value = "none" if row["value"] is None else f"{row['value']:.6g}"
    mark = "ok    " if row["ok"] else "MISSED"
    return f"  {mark} {row['name']}: {row['metric']} = {value}{target}"


if __name__ == "__main__":
    sys.exit(main())
