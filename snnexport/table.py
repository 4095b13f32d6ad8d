"""Tables of ``verify`` for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from snnexport._verify import Verdict


def verdict_table(verdicts: Sequence[Verdict]) -> str:
    """Return one row a judge: samples, spike values compared, mismatches, first difference."""
    table = Table(title="hwsim against its judges: every spike of every population")
    table.add_column("judge")
    for name in ("samples", "compared (step x sample x neuron)", "mismatches"):
        table.add_column(name, justify="right")
    table.add_column("first difference")
    for v in verdicts:
        a = v.agreement
        numbers = (f"{a.samples:,}", f"{a.compared:,}", f"{a.mismatches:,}")
        table.add_row(v.judge.value, *numbers, v.first or "none")
    console = Console(width=110)
    with console.capture() as capture:
        console.print(table)
    return capture.get()
