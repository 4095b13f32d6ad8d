"""The fuzzer's results file: a row a network, written whole, read again to go on."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from draw_features import EVERY

from fuzz.judges import Verdict
from hwsim.files import write_atomic
from hwsim.program import Program

ROOT = Path(__file__).resolve().parents[2]
_SOURCES = (
    "hwsim/*.py",
    "hwsim/_onnx/*.py",
    "hwsim/engines/**/*.py",
    "hwsim/engines/**/*.[ch]*",
    "hwsim/neurons/*.py",
    "hwsim/synapses/*.py",
    "snnexport/oracle.py",
    "snnexport/lava/**/*.py",
    "snnexport/formats/lava*",
    "snnexport/formats/lava*/**/*.*",
    "tests/draw*.py",
    "tests/fuzz/*.py",
)
"""What decides a result: rows of other versions of these files are not kept."""

Row = dict[str, Any]
"""name, metric, value, target, ok; and seed, network, version, judges, compared, features, by
which a run goes on and sums up."""


@cache
def version() -> str:
    """Return a hash of every source file that a result depends on."""
    digest = hashlib.sha256()
    for path in sorted({p for pattern in _SOURCES for p in ROOT.glob(pattern) if p.is_file()}):
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Results:
    """Rows by (seed, network) in the file ``path``."""

    path: Path
    rows: dict[tuple[int, int], Row]

    @classmethod
    def load(cls, path: Path) -> Results:
        """Read the rows that this version of the sources wrote; none if there is no file."""
        rows = json.loads(path.read_text("utf-8")) if path.exists() else []
        kept = [row for row in rows if row.get("version") == version()]
        return cls(path, {(row["seed"], row["network"]): row for row in kept})

    def missing(self, seed: int, count: int, judges: Sequence[str]) -> list[int]:
        """Return the networks of ``seed`` that not all ``judges`` have seen."""
        seen = {
            i for (s, i), row in self.rows.items() if s == seed and {*judges} <= {*row["judges"]}
        }
        return [i for i in range(count) if i not in seen]

    def save(self, rows: Iterable[Row]) -> None:
        """Add ``rows`` and write the file whole."""
        self.rows.update({(row["seed"], row["network"]): row for row in rows})
        lines = [json.dumps(self.rows[key]) for key in sorted(self.rows)]
        write_atomic(self.path, "[\n" + ",\n".join(lines) + "\n]\n")


def row(
    seed: int, index: int, program: Program, verdict: Verdict, judges: Sequence[str], seen: set[str]
) -> Row:
    """Return the row of a network."""
    return {
        "name": f"seed {seed} network {index}: {_words(program, seen)}",
        "metric": "mismatches",
        "value": verdict.mismatches,
        "target": 0,
        "ok": not verdict.failure,
        "seed": seed,
        "network": index,
        "version": version(),
        "judges": list(judges),
        "compared": verdict.compared,
        "features": sorted(seen),
    }


def _words(program: Program, seen: set[str]) -> str:
    neurons = sorted({type(p.neuron).__name__ for p in program.populations})
    synapses = sorted({type(c.synapse).__name__ for c in program.connections})
    extra = [w for w in ("delay", "cycle", "self loop", "blank") if w in seen]
    return ", ".join(["+".join(neurons), "+".join(synapses), *extra])


def summary(rows: Sequence[Row], seconds: float, new: int) -> str:
    """Return what to print at the end."""
    compared, wrong = (sum(r[key] for r in rows) for key in ("compared", "value"))
    counted = Counter(name for r in rows for name in r["features"])
    never = sorted(EVERY - set(counted))
    lines = [
        f"{len(rows)} networks ({new} run now, in {seconds:.0f} s), "
        f"{compared:,} values compared, {wrong:,} mismatches",
        "features, in networks: " + ", ".join(f"{n} {counted[n]}" for n in sorted(counted)),
        f"never drawn: {', '.join(never) or 'none'}",
    ]
    lines += [f"FAILED {r['name']}" for r in rows if not r["ok"]]
    return "\n".join(lines)
